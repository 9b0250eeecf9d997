// Real mongod processes for the tests. `npm test` starts one for the whole run and passes its address in MONGO_URL; a
// file that is run by itself starts its own.
'use strict'

const { randomBytes } = require('node:crypto')
const { after } = require('node:test')
const { MongoMemoryReplSet, MongoMemoryServer } = require('mongodb-memory-server-core')
const { startOnFreePort } = require('../../scripts/free-port.js')
const { findMongod } = require('../../scripts/mongod.js')

// Any server from 4.4 on will do: without this, each start warns that it is not the version asked for by default.
process.env.MONGOMS_SYSTEM_BINARY_VERSION_CHECK ??= 'false'

/**
 * What is stopped when the file is over. The hook is made here, outside every test: one that is made inside a test
 * runs when that test ends, and would take the shared server away from the tests that follow.
 *
 * @type {{ stop(): Promise<boolean> }[]}
 */
const running = []
after(() => Promise.all(running.map((server) => server.stop())))

/**
 * Starts a mongod of the caller's own and stops it when the file's tests are over.
 *
 * @param {{ args?: string[], port?: number, dbPath?: string, auth?: import('mongodb-memory-server-core/lib/MongoMemoryServer').AutomaticAuth }} [options]
 */
async function startServer({ args = [], port, dbPath, auth } = {}) {
  const systemBinary = await findMongod()
  const server = await startOnFreePort(() =>
    MongoMemoryServer.create({
      binary: { systemBinary },
      instance: { args, port, dbPath, storageEngine: 'wiredTiger' },
      auth,
    })
  )
  running.push(server)
  return server
}

/**
 * @param {{ count?: number, args?: string[] }} [options]
 */
async function startReplicaSet({ count = 1, args = [] } = {}) {
  const systemBinary = await findMongod()
  const set = await startOnFreePort(() =>
    MongoMemoryReplSet.create({
      binary: { systemBinary },
      replSet: { count, args, storageEngine: 'wiredTiger' },
    })
  )
  running.push(set)
  return set
}

/** @type {Promise<string> | undefined} */
let shared

/** @returns {Promise<string>} the address of the server that all tests share, without a database name */
function sharedServerUrl() {
  shared ??= process.env.MONGO_URL
    ? Promise.resolve(process.env.MONGO_URL)
    : startServer().then((server) => server.getUri())
  return shared
}

/** @param {string} url @param {string} name @returns {string} */
function withDatabase(url, name) {
  const [, authority, query = ''] = /** @type {RegExpExecArray} */ (
    /^(mongodb:\/\/[^/?]+)\/?[^?]*(\?.*)?$/.exec(url)
  )
  return `${authority}/${name}${query}`
}

/**
 * A database of the test's own on the shared server.
 *
 * @param {string} label shown in the name, so that a left-over can be traced
 */
async function freshDatabaseUrl(label) {
  const name = `${label.replace(/\W+/g, '_').slice(0, 30)}_${randomBytes(4).toString('hex')}`
  return withDatabase(await sharedServerUrl(), name)
}

module.exports = { freshDatabaseUrl, sharedServerUrl, startReplicaSet, startServer, withDatabase }
