// Real servers that can be killed, stopped, cut off and started again: a standalone one or a replica set.
'use strict'

const { mkdtemp, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { MongoClient } = require('mongodb')
const { MongoMemoryServer } = require('mongodb-memory-server-core')
const { freePort, startOnFreePort } = require('../../scripts/free-port.js')
const { findMongod } = require('../../scripts/mongod.js')
const { Gate } = require('../support/gate.js')

process.env.MONGOMS_SYSTEM_BINARY_VERSION_CHECK ??= 'false'

const SET = 'faults'
const DATABASE = 'faults'
const LOOK_MS = 20
/** How long a server is asked before it counts as silent. */
const SILENCE_MS = 1_000
/** How many looks for something to happen are enough; looks, not time, so that a machine that sleeps does not end them. */
const MOST_LOOKS = 6_000
/** The default of 10 s is little for a machine that others slow down. */
const LAUNCH_MS = 60_000
/**
 * A server needs long to see that the one it copies from is silent, and without it there may be no majority that could
 * acknowledge a write. With these it is seconds.
 */
const SET_ARGS = ['--setParameter', 'oplogNetworkTimeoutBufferSeconds=1']
const SET_SETTINGS = { electionTimeoutMillis: 2_000, heartbeatIntervalMillis: 500 }

/**
 * @template T
 * @param {string} what is waited for
 * @param {() => Promise<T>} look
 * @returns {Promise<NonNullable<T>>} the first truthy answer
 */
async function waitFor(what, look) {
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const answer = await look()
    if (answer) return answer
    await sleep(LOOK_MS)
  }
  throw new Error(`Waited in vain for ${what}`)
}

class Member {
  #options
  /** @type {MongoMemoryServer | undefined} */
  #server
  /** @type {MongoClient | undefined} */
  #client
  port = 0
  /** The port at which others reach it. */
  publicPort = 0
  /** @type {InstanceType<typeof Gate> | undefined} */
  gate

  /** @param {{ dbPath: string, isSet: boolean, gated: boolean, args: string[], auth?: import('mongodb').Auth }} options */
  constructor(options) {
    this.#options = options
  }

  async start() {
    this.#server = await startOnFreePort(() => this.#startServer())
    if (this.#options.gated) this.gate = new Gate(this.port)
    this.publicPort = (await this.gate?.open()) ?? this.port
    this.#connect()
  }

  async #startServer() {
    const { dbPath, isSet, args, auth } = this.#options
    this.port = await freePort()
    return await MongoMemoryServer.create({
      binary: { systemBinary: await findMongod() },
      instance: {
        port: this.port,
        portGeneration: false,
        dbPath,
        storageEngine: 'wiredTiger',
        launchTimeout: LAUNCH_MS,
        replSet: isSet ? SET : undefined,
        args: ['--setParameter', 'enableTestCommands=1', ...(isSet ? SET_ARGS : []), ...args],
      },
      auth: auth && { enable: true, customRootName: auth.username, customRootPwd: auth.password },
    })
  }

  #connect() {
    this.#client = new MongoClient(`mongodb://127.0.0.1:${this.port}/?directConnection=true`, {
      auth: this.#options.auth,
      serverSelectionTimeoutMS: SILENCE_MS,
      socketTimeoutMS: 60_000,
    })
  }

  get dbPath() {
    return this.#options.dbPath
  }

  /** A client that goes straight to this member. */
  get client() {
    return /** @type {MongoClient} */ (this.#client)
  }

  /** The process, which is gone once `stop` has been there. */
  get #process() {
    const server = /** @type {MongoMemoryServer} */ (this.#server)
    return server.instanceInfo?.instance.mongodProcess
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    this.#process?.kill(signal)
  }

  /** Until the process has ended. */
  async ended() {
    const child = this.#process
    await waitFor(
      'a server to end',
      async () => !child || child.exitCode !== null || child.signalCode !== null
    )
  }

  /** Ends it as an operator would. */
  async shutDown() {
    this.signal('SIGTERM')
    await this.ended()
  }

  /** Starts a process that has ended again, on its data and its port. */
  async restart() {
    await this.#client?.close()
    await this.#server?.stop({ doCleanup: false })
    await this.#server?.start(true)
    this.#connect()
  }

  async stop() {
    this.gate?.close()
    await this.#client?.close()
    if (!this.#server) return
    this.signal('SIGCONT')
    await this.#server.stop({ doCleanup: false })
  }
}

class Deployment {
  /** @type {Member[]} */
  members = []
  #folder
  #isSet
  #auth

  /** @param {string} folder @param {boolean} isSet @param {import('mongodb').Auth} [auth] */
  constructor(folder, isSet, auth) {
    this.#folder = folder
    this.#isSet = isSet
    this.#auth = auth
  }

  /**
   * @param {object} [options]
   * @param {number} [options.count] the members of a replica set; 0 for a standalone server
   * @param {boolean} [options.gated] whether all but the inspecting clients go through a gate
   * @param {string} [options.dbPath] of the only member
   * @param {string[]} [options.args]
   * @param {import('mongodb').Auth} [options.auth]
   */
  static async start({ count = 1, gated = false, dbPath, args = [], auth } = {}) {
    const folder = await mkdtemp(path.join(tmpdir(), 'connect-mongo-native-faults-'))
    const deployment = new Deployment(folder, count > 0, auth)
    try {
      for (let index = 0; index < Math.max(count, 1); index++) {
        const memberPath = dbPath ?? (await mkdtemp(path.join(folder, 'member-')))
        const member = new Member({ dbPath: memberPath, isSet: count > 0, gated, args, auth })
        deployment.members.push(member)
        await member.start()
      }
      if (count > 0) await deployment.#initiate()
      return deployment
    } catch (error) {
      await deployment.stop()
      throw error
    }
  }

  async #initiate() {
    const members = this.members.map(({ publicPort }, _id) => ({ _id, host: `127.0.0.1:${publicPort}` }))
    const replSetInitiate = { _id: SET, members, settings: SET_SETTINGS }
    await this.members[0].client.db('admin').command({ replSetInitiate })
    await this.primary()
    await waitFor('the secondaries', async () => {
      const { members: states } = await this.members[0].client.db('admin').command({ replSetGetStatus: 1 })
      return states.every((/** @type {{ state: number }} */ { state }) => state === 1 || state === 2)
    })
  }

  get canTellRepeatedWrites() {
    return this.#isSet
  }

  /** @param {Record<string, string>} [options] of the connection string */
  url(options = {}) {
    const hosts = this.members.map(({ publicPort }) => `127.0.0.1:${publicPort}`).join()
    const user = this.#auth ? `${this.#auth.username}:${this.#auth.password}@` : ''
    const query = new URLSearchParams({
      ...(this.#isSet ? { replicaSet: SET } : { directConnection: 'true' }),
      ...(this.#auth ? { authSource: 'admin' } : {}),
      ...options,
    })
    return `mongodb://${user}${hosts}/${DATABASE}?${query}`
  }

  /** @param {Member} [except] who is not to be it @returns {Promise<Member>} who is primary, once there is one */
  async primary(except) {
    const others = this.members.filter((member) => member !== except)
    const ask = async (/** @type {Member} */ member) => {
      const { isWritablePrimary } = await member.client.db('admin').command({ hello: 1 })
      if (!isWritablePrimary) throw new Error('not primary')
      return member
    }
    return waitFor('a primary', () => Promise.any(others.map(ask)).catch(() => undefined))
  }

  /**
   * Until the servers themselves acknowledge a write. A primary that is just elected may not: it waits for a majority, which
   * has to find it first.
   *
   * @param {Member} [except] who is not to be primary
   */
  async acknowledges(except) {
    const { client } = await this.primary(except)
    await client
      .db('probe')
      .collection('writes')
      .insertOne({}, { writeConcern: { w: 'majority' } })
  }

  /** What is stored, as the primary has it. */
  async sessions() {
    const { client } = await this.primary()
    return client.db(DATABASE).collection('sessions')
  }

  /** @returns {Promise<Record<string, any>[]>} what the primary has done to the sessions */
  async oplog() {
    const { client } = await this.primary()
    const oplog = client.db('local').collection('oplog.rs')
    const ns = `${DATABASE}.sessions`
    const entries = await oplog
      .find({ $or: [{ ns, op: { $in: ['i', 'u', 'd'] } }, { 'o.applyOps.ns': ns }] })
      .toArray()
    // What a transaction did is in one entry.
    return entries.flatMap(({ o, ...entry }) => o.applyOps ?? [{ ...entry, o }])
  }

  async stop() {
    await Promise.all(this.members.map((member) => member.stop()))
    await rm(this.#folder, { recursive: true, force: true })
  }
}

module.exports = { DATABASE, Deployment, waitFor }
