// `npm run test:frameworks`: installs the example apps of frameworks from the packed packages, starts them, and visits them as users do;
// runs the tests of projects with other test runners.
'use strict'

const fs = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { MongoClient } = require('mongodb')
const { CHOICE, formatTable, parseCommandLine } = require('../command-line.js')
const { cleanEnvironment, output, pack } = require('../install/app.js')
const { startMongod } = require('../mongod.js')
const { ROOT, StepError, reportFailure, setUp, step } = require('../setup.js')
const { install, whileStarted } = require('./app.js')
const { APPS, COMMON, EXAMPLES, PROJECTS, RUNNERS } = require('./cases.js')

const USAGE = `Usage: npm run test:frameworks [-- OPTION …]

Installs and builds what is missing, packs the packages as "npm run pack:local" does, and starts a mongod. Then copies each example app,
installs it with npm and the packed packages, builds and starts it, visits it with several browsers, looks at what it has stored, and
ends it with SIGTERM. Projects of test runners are installed in the same way, and run. Goes on after failures. Ends with a table, and
with exit code 1 if anything failed.

  --fast       those that take little time
  --only NAME  only this one; can be repeated
  --json       the results as JSON on the standard output, instead of the table
  --list       the names
  --help       show this text`

/** What npm has fetched, for all apps and for the next run. */
const NPM_CACHE = path.join(ROOT, '.cache', 'frameworks', 'npm')

/** Of use to nobody. */
const SECRET = 'a secret that is long enough for all'

/** @type {(App | Runner)[]} */
const ALL = [...APPS, ...RUNNERS]

/**
 * @typedef {import('./cases.js').App} App
 * @typedef {import('./cases.js').Runner} Runner
 * @typedef {[title: string, work: () => Promise<void>]} Work
 * @typedef {{ name: string, case: string, seconds: number, failed?: string }} Result
 * @typedef {{ folder: string, tarballs: string[], mongoUrl: string, env: NodeJS.ProcessEnv }} Context
 */

/** @param {string[]} args */
function readOptions(args) {
  const { values } = parseCommandLine(args, CHOICE, USAGE)
  const names = ALL.map(({ name }) => name)
  const unknown = values.only?.find((one) => !names.includes(one))
  if (unknown)
    throw new StepError(`There is neither an example nor a test runner ${unknown}: ${names.join(', ')}`)
  return values
}

/**
 * @param {Result[]} results
 * @param {{ name: string, case: string }} one
 * @param {() => Promise<void>} work
 */
async function record(results, one, work) {
  const start = Date.now()
  /** @type {Result} */
  const result = { ...one, seconds: 0 }
  try {
    await step(`${one.name}: ${one.case}`, work)
  } catch (error) {
    reportFailure(error)
    result.failed = /** @type {Error} */ (error).message
  }
  result.seconds = Math.round((Date.now() - start) / 100) / 10
  results.push(result)
}

/** @param {string} name @param {string} mongoUrl @returns {string} of a database of its own */
function databaseUrl(name, mongoUrl) {
  return `${mongoUrl}${name.replaceAll('.', '-')}-${Date.now()}`
}

/** @param {App} one @param {string} app @param {string} script @param {Context} context */
async function drive({ name, drive }, app, script, { mongoUrl, env }) {
  const url = databaseUrl(name, mongoUrl)
  const environment = { ...env, MONGO_URL: url, SESSION_SECRET: SECRET, NODE_ENV: 'production' }
  const client = await MongoClient.connect(url)
  try {
    const sessions = client.db().collection('sessions')
    await whileStarted(app, script, environment, (url) => drive({ url, app, sessions }))
  } finally {
    await client.close()
  }
}

/** @param {App} one @param {string} app @param {Record<string, string>} scripts @param {Context} context @returns {Work[]} */
function visitsOf(one, app, { start }, context) {
  const visit = () => drive(one, app, start, context)
  const { builds } = one
  if (!builds) return [['visit', visit]]
  return builds.map((build) => [
    `${build} and visit`,
    async () => {
      await output(['npm', 'run', build], { cwd: app, env: context.env })
      await visit()
    },
  ])
}

/** @param {Runner} one @param {string} project @param {Context} context @returns {Work[]} */
function runsOf({ name, runs }, project, { mongoUrl, env }) {
  return runs.map((script) => [
    script,
    async () => {
      const environment = { ...env, MONGO_URL: databaseUrl(name, mongoUrl) }
      await output(['npm', 'run', script], { cwd: project, env: environment })
    },
  ])
}

/** @param {App | Runner} one @param {Context} context @returns {Promise<Result[]>} */
async function tryOne(one, context) {
  const { name } = one
  const isApp = 'drive' in one
  const copy = path.join(context.folder, name)
  /** @type {Result[]} */
  const results = []
  /** @type {Work[]} */
  let works = []
  await record(results, { name, case: 'install' }, async () => {
    const scripts = await install(path.join(isApp ? EXAMPLES : PROJECTS, name), copy, context)
    if (!isApp) fs.cpSync(path.join(PROJECTS, COMMON), path.join(copy, COMMON))
    works = isApp ? visitsOf(one, copy, scripts, context) : runsOf(one, copy, context)
  })
  for (const [title, work] of works) await record(results, { name, case: title }, work)
  fs.rmSync(copy, { recursive: true, force: true })
  return results
}

/** @param {(App | Runner)[]} chosen @param {string} folder @returns {Promise<Result[]>} */
async function tryAll(chosen, folder) {
  const tarballs = await step('Packing the packages', () => pack(path.join(folder, 'packed')))
  const server = await step('Starting a mongod', startMongod)
  try {
    const home = path.join(folder, 'home')
    fs.mkdirSync(home)
    const env = { ...cleanEnvironment(home), npm_config_cache: NPM_CACHE, NEXT_TELEMETRY_DISABLED: '1' }
    const context = { folder, tarballs, mongoUrl: server.getUri(), env }
    const results = []
    for (const one of chosen) results.push(...(await tryOne(one, context)))
    return results
  } finally {
    await server.stop()
  }
}

/** @param {Result[]} results */
function table(results) {
  const head = ['name', 'case', '', 's']
  const rows = results.map((one) => [
    one.name,
    one.case,
    one.failed === undefined ? 'works' : 'FAILED',
    one.seconds.toFixed(1),
  ])
  return formatTable([head, ...rows], 3)
}

/** @param {string[]} args */
async function main(args) {
  const { fast, only, json, list, help } = readOptions(args)
  if (help) return console.log(USAGE)
  const chosen = ALL.filter(({ name, isFast }) => (isFast || !fast) && (!only || only.includes(name)))
  if (list) return console.log(chosen.map(({ name }) => name).join('\n'))
  await setUp({ wasm: true })
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-frameworks-'))
  try {
    const results = await tryAll(chosen, folder)
    console.log(json ? JSON.stringify(results, null, 2) : table(results))
    if (results.some(({ failed }) => failed !== undefined)) process.exitCode = 1
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

main(process.argv.slice(2)).catch(reportFailure)
