// What a figure means nothing without: versions, the machine, the date and the command.
'use strict'

const { readFileSync, statSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { ROOT } = require('../scripts/setup.js')
const { withClient } = require('./database.js')
const { FLOOR, storeOf } = require('./stores.js')

const OWN_NAME = 'connect-mongo-native'
/** No release build is nearly as large. */
const DEBUG_MEGABYTES = 30

/** Read from the file: not every package lets its package.json be required. @param {string} name */
function versionOf(name) {
  const folder = name === OWN_NAME ? ROOT : path.join(ROOT, 'node_modules', name)
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')).version
}

/** @param {string[]} stores */
function packagesOf(stores) {
  return stores.filter((store) => store !== FLOOR).flatMap((store) => storeOf(store).packages)
}

function addon() {
  const { binding } = require(OWN_NAME)
  // With this variable, a build from elsewhere can be measured.
  const elsewhere = process.env.NAPI_RS_NATIVE_LIBRARY_PATH
  const file = elsewhere ?? path.join(ROOT, 'native', `${OWN_NAME}.${binding}.node`)
  return { binding, megabytes: statSync(file).size / 1e6 }
}

function machine() {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGb: os.totalmem() / 1e9,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    loadAverage: os.loadavg()[0],
  }
}

/**
 * @typedef {Awaited<ReturnType<typeof surroundings>>} Surroundings
 *
 * @param {object} run
 * @param {string} run.command
 * @param {string[]} run.stores
 * @param {string[]} run.packages that matter beside those of the stores
 * @param {import('./servers.js').Servers} run.servers
 */
async function surroundings({ command, stores, packages, servers }) {
  const names = [...new Set([...packagesOf(stores), ...packages])]
  const { version } = await withClient(servers.mongoUrl, (client) =>
    client.db('admin').command({ buildInfo: 1 })
  )
  return {
    date: new Date().toISOString(),
    command,
    versions: {
      node: process.versions.node,
      mongod: version,
      ...(servers.redisVersion && { 'redis-server': servers.redisVersion }),
      ...Object.fromEntries(names.map((name) => [name, versionOf(name)])),
    },
    addon: addon(),
    machine: machine(),
  }
}

/** @param {Surroundings} about */
function heading({ date, command, versions, addon, machine }) {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const debugBuild = addon.megabytes > DEBUG_MEGABYTES ? ': a DEBUG BUILD, whose figures mean nothing' : ''
  return [
    `${date}  ${command}`,
    names.join(', '),
    `${machine.cores} cores, ${machine.cpu}, ${machine.memoryGb.toFixed(0)} GB, ${machine.system}, load ${machine.loadAverage.toFixed(1)} at the start`,
    `addon ${addon.binding}, ${addon.megabytes.toFixed(1)} MB${debugBuild}`,
  ].join('\n')
}

module.exports = { heading, surroundings }
