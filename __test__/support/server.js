// Real mongod processes for the tests. `npm test` starts one for the whole run and passes its address in MONGO_URL; a
// file that is run by itself starts its own.
'use strict'

const assert = require('node:assert/strict')
const { randomBytes } = require('node:crypto')
const { after } = require('node:test')
const { MongoMemoryReplSet, MongoMemoryServer } = require('mongodb-memory-server-core')
const { freePort, startOnFreePort } = require('../../scripts/free-port.js')
const { findMongod } = require('../../scripts/mongod.js')

// Any server from 4.4 on will do: without this, each start warns that it is not the version asked for by default.
process.env.MONGOMS_SYSTEM_BINARY_VERSION_CHECK ??= 'false'

/**
 * What is stopped when the file is over, which may be before it has started. The hook is made here, outside every test: one
 * that is made inside a test runs when that test ends, and would take the shared server away from the tests that follow.
 *
 * @type {Promise<{ stop(): Promise<boolean> }>[]}
 */
const servers = []
after(() => Promise.all(servers.map(async (server) => (await server).stop())))

/**
 * @template {{ stop(): Promise<boolean> }} Server
 * @param {() => Promise<Server>} create
 * @returns {Promise<Server>}
 */
function started(create) {
  const server = startOnFreePort(create)
  servers.push(server)
  return server
}

/**
 * Starts a mongod of the caller's own and stops it when the file's tests are over.
 *
 * @param {{ args?: string[], port?: number, dbPath?: string, auth?: import('mongodb-memory-server-core/lib/MongoMemoryServer').AutomaticAuth }} [options]
 */
async function startServer({ args = [], port, dbPath, auth } = {}) {
  return started(async () =>
    MongoMemoryServer.create({
      binary: { systemBinary: await findMongod() },
      instance: { args, port, portGeneration: port === undefined, dbPath, storageEngine: 'wiredTiger' },
      auth,
    })
  )
}

/**
 * @param {{ count?: number, args?: string[] }} [options]
 */
async function startReplicaSet({ count = 1, args = [] } = {}) {
  return started(async () =>
    MongoMemoryReplSet.create({
      binary: { systemBinary: await findMongod() },
      replSet: { count, args, storageEngine: 'wiredTiger' },
    })
  )
}

/** An address at which a server comes and goes; there is none at first. */
async function unsteadyServer() {
  const port = await freePort()
  /** @type {Awaited<ReturnType<typeof startServer>> | undefined} */
  let server
  return {
    url: `mongodb://127.0.0.1:${port}/away?serverSelectionTimeoutMS=500&heartbeatFrequencyMS=500`,
    async start() {
      if (server) await server.start(true)
      else server = await startServer({ port })
      assert.equal(new URL(server.getUri()).port, String(port))
    },
    stop: () => server?.stop({ doCleanup: false }),
  }
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

/**
 * MongoDB 4.4 stores no keys that begin with a dollar, and says less of what a validator refuses.
 *
 * @param {import('mongodb').Db} db
 */
async function isBefore5(db) {
  return (await majorVersion(db)) < 5
}

/** @param {import('mongodb').Db} db @returns {Promise<number>} */
async function majorVersion(db) {
  const { versionArray } = await db.admin().command({ buildInfo: 1 })
  return versionArray[0]
}

module.exports = {
  freshDatabaseUrl,
  isBefore5,
  majorVersion,
  sharedServerUrl,
  startReplicaSet,
  startServer,
  unsteadyServer,
  withDatabase,
}
