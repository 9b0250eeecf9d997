// The stores of other packages, each behind the scheme of its server's URL, and their drivers, which are the app's.
'use strict'

const { CliError, UsageError } = require('../errors.js')
const { requireFromApp } = require('../packages.js')

/**
 * @typedef {import('./side.js').Side} Side
 * @typedef {(url: string, flags: Record<string, any>, requireDriver: (name: string) => any) => Promise<Side>} Open
 */

/** The modules of the others are not loaded. @type {Record<string, { schemes: string[], options: string[], open: Open }>} */
const STORES = {
  'connect-redis': {
    schemes: ['redis', 'rediss'],
    options: ['prefix'],
    open: (...args) => require('./redis.js').openRedis(...args),
  },
  'connect-pg-simple': {
    schemes: ['postgres', 'postgresql'],
    options: ['tableName', 'schemaName'],
    open: (...args) => require('./postgres.js').openPostgres(...args),
  },
  'express-mysql-session': {
    schemes: ['mysql', 'mariadb'],
    options: ['tableName', 'columnNames'],
    open: (...args) => require('./mysql.js').openMysql(...args),
  },
  'connect-mongodb-session': {
    schemes: ['mongodb', 'mongodb+srv'],
    options: ['foreignCollection', 'idField', 'expiresKey'],
    open: (...args) => require('./mongodb.js').openMongodb(...args),
  },
}

const FOREIGN_OPTIONS = [...new Set(Object.values(STORES).flatMap(({ options }) => options))]

/** @param {string} name in camel case */
function flagOf(name) {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** Drivers take one there, too. @param {string} url @returns {string[]} as it is written and as it is meant */
function passwordsInQuery(url) {
  const query = url.slice(url.indexOf('?') + 1)
  return [query.match(/(?<=(?:^|&)password=)[^&]*/)?.[0], new URLSearchParams(query).get('password')].flatMap(
    (password) => password || []
  )
}

/** @param {string} name of a file of a package @returns {any} */
function requireDriver(name) {
  const driver = requireFromApp(name)
  if (driver) return driver
  const [packageName] = name.split('/')
  throw new CliError(
    `This needs the ${packageName} package, which is not installed in ${process.cwd()}: npm install ${packageName}`
  )
}

/** @param {string} url @returns {[name: string, store: typeof STORES[string]]} */
function storeOf(url) {
  const [, scheme] = /^([a-z+]+):\/\//i.exec(url) ?? []
  const found = Object.entries(STORES).find(([, { schemes }]) => schemes.includes(scheme?.toLowerCase()))
  if (found) return found
  const schemes = Object.entries(STORES).map(([name, store]) => `${store.schemes[0]}:// (${name})`)
  throw new UsageError(`The URL of the other store must begin with ${schemes.join(', ')}`)
}

/**
 * @param {string} url
 * @param {Record<string, any>} flags
 * @param {InstanceType<typeof import('../errors.js').Redactor>} redactor
 * @returns {Promise<Side>}
 */
function openForeign(url, flags, redactor) {
  redactor.add(url, ...passwordsInQuery(url))
  const [name, { options, open }] = storeOf(url)
  const idle = FOREIGN_OPTIONS.find((option) => flags[option] !== undefined && !options.includes(option))
  if (idle) throw new UsageError(`${name} has no ${flagOf(idle)}; there is ${options.map(flagOf).join(', ')}`)
  return open(url, flags, requireDriver)
}

module.exports = { openForeign }
