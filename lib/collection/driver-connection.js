// The collection of a JavaScript client: opened in the background, with what has to happen once it is there.
'use strict'

const { unansweredError } = require('../errors.js')
const { Pending } = require('../pending.js')
const { connected, isDefaultDatabase, watchServers } = require('./client-source.js')
const { delay } = require('./delay.js')
const { SharedClient } = require('./driver-client.js')
const { sessionCalls } = require('./driver-engine.js')
const { untilTaken } = require('./driver-overload.js')
const { Indexes } = require('./driver-indexes.js')
const { DriverCommands } = require('./driver-tracing.js')

/**
 * @typedef {import('./client-source.js').Client} Client
 * @typedef {import('./client-source.js').ClientSource} ClientSource
 * @typedef {import('./driver-engine.js').Collection} Collection
 * @typedef {import('./driver-engine.js').SessionCalls} SessionCalls
 * @typedef {InstanceType<typeof import('./driver-selection.js').Selection>} Selection
 * @typedef {import('./port.js').Call} Call
 * @typedef {import('./port.js').OnNews} OnNews
 *
 * @typedef {object} Opened
 * @property {Client} client
 * @property {Collection} collection
 * @property {SessionCalls} calls
 * @property {InstanceType<typeof DriverCommands>} commands
 * @property {<T>(ask: () => Promise<T>, call?: Call) => Promise<T>} untilTaken again, as long as the server has too much to do
 * @property {<T>(write: (isMany: boolean) => Promise<T>) => Promise<T>} writeOnce as a retryable write, where the server takes any
 * @property {Selection} reads
 * @property {Selection} writes
 *
 * @typedef {object} DriverOptions
 * @property {ClientSource} source
 * @property {string | undefined} database the client's own when absent
 * @property {string} collection
 * @property {object | undefined} writeOperationOptions
 * @property {boolean} timestamps
 * @property {number | undefined} maxLifetimeMs
 * @property {number} graceMs how long expired sessions stay
 * @property {InstanceType<typeof import('./scope.js').Scope>} scope
 * @property {import('./indexes.js').WantedIndex[]} indexes
 * @property {import('./indexes.js').WantedIndex | undefined} unwantedIndex that is reported when it is there
 * @property {boolean} connectionEvents
 */

const RETRY_DELAY_MS = 1_000
/** How long `close` lets an index that is being made go on. */
const START_UP_GRACE_MS = 2_000

class DriverConnection {
  #options
  #onNews
  #isClosed = false
  #pending = new Pending()
  /** @type {() => void} */
  #unsubscribe = () => {}
  /** @type {Promise<Opened> | undefined} */
  #opening
  /** @type {Opened | undefined} */
  #opened
  /** Whether the client of what has been opened is not the one to be used any more. */
  #isReplaced = false
  /** Whether a server took writes, as it was reported last. @type {boolean | undefined} */
  #isUp
  /** @type {InstanceType<typeof Indexes> | undefined} */
  #indexes
  /** @type {Promise<void>} */
  #startUp = Promise.resolve()
  #tracer
  #onRefused = (/** @type {Error} */ error) => this.#onNews({ event: 'retry-writes-refused', error })

  /**
   * @param {DriverOptions} options
   * @param {OnNews} onNews
   * @param {import('./driver-tracing.js').Tracer} tracer
   */
  constructor(options, onNews, tracer) {
    this.#options = options
    this.#onNews = onNews
    this.#tracer = tracer
    if (options.connectionEvents) this.#keepConnecting()
    // Each call gets the failure; nobody else needs to hear of it.
    else this.open().catch(() => {})
  }

  /** What has been opened, whether or not it is connected. */
  get opened() {
    return this.#opened
  }

  /** Lets go of a client in whose place the app's mongoose connection has another, or will have. */
  follow() {
    if (this.#isClosed || this.#isReplaced || !this.#opened || this.#options.source.isCurrent()) return
    this.#isReplaced = true
    this.#opening = undefined
    this.#unsubscribe()
    this.#indexes?.close()
    this.#onNews({ event: 'client-replaced' })
    if (this.#options.connectionEvents) this.#keepConnecting()
  }

  /** What calls are made on, if it is there. */
  get current() {
    this.follow()
    return this.#isReplaced ? undefined : this.#opened
  }

  /** After a failure the next call tries again. @returns {Promise<Opened>} */
  open() {
    this.#opening ??= this.#openCollection().catch((error) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  /** @param {Call} [call] that writes @returns {Promise<Opened>} with a client that is connected, for a call also to a server */
  ready(call) {
    return this.#once(({ writes }) =>
      call ? writes.pass(call) : writes.connect({ calledMs: performance.now() })
    )
  }

  /** @param {Call} call @returns {Promise<Opened>} with a client that has a server to read from */
  readable(call) {
    return this.#once(({ reads }) => reads.pass(call))
  }

  /** @param {(opened: Opened) => Promise<void> | undefined} waitFor @returns {Promise<Opened>} */
  async #once(waitFor) {
    const opened = this.current ?? (await this.#pending.untilEnd(this.open()))
    this.#requireOpen()
    const waiting = waitFor(opened)
    if (waiting) await this.#pending.untilEnd(waiting)
    this.#requireOpen()
    return opened
  }

  /** Once the indexes have been tried. */
  async started() {
    const opened = await this.ready()
    await this.#startUp
    return opened
  }

  /** The one that the app gave as it is, another once it is connected. */
  async client() {
    const { client } = await this.#once(() => undefined)
    if (this.#options.source.isOwn) await this.ready()
    return client
  }

  async close() {
    this.#isClosed = true
    this.#pending.end()
    this.#opened?.calls.close()
    this.#indexes?.close()
    if (this.#options.source.isReached()) {
      await Promise.race([this.#startUp, delay(START_UP_GRACE_MS)])
    }
    this.#unsubscribe()
    await this.#options.source.close()
  }

  /** A call that came before the store was closed connects no client, and writes nothing, later. */
  #requireOpen() {
    if (this.#isClosed) throw unansweredError()
  }

  /** After `disconnect` express-session makes no calls that would connect again. */
  async #keepConnecting() {
    while (!this.#isClosed) {
      try {
        const { client } = await this.open()
        return await connected(client)
      } catch {
        await delay(RETRY_DELAY_MS)
      }
    }
  }

  /** @param {Client} client @returns {() => void} ends that */
  #watch(client) {
    /** @type {OnNews} */
    const onNews = (news) => {
      this.#isUp = news.event === 'connect'
      this.#onNews(news)
    }
    const ends = [watchServers(client, onNews, this.#isUp), this.#options.source.watch(() => this.follow())]
    return () => {
      for (const end of ends) end()
    }
  }

  async #openCollection() {
    const { source, database, collection: name, connectionEvents, writeOperationOptions } = this.#options
    const { client, databaseName } = await source.open()
    const db = client.db(database || databaseName)
    if (!database && isDefaultDatabase(client, db)) this.#onNews({ event: 'default-database' })
    if (connectionEvents && !this.#isClosed) this.#unsubscribe = this.#watch(client)
    const collection = db.collection(name)
    const shared = SharedClient.of(client)
    this.#tracer.namespace = db.databaseName
    const commands = new DriverCommands(this.#tracer, client, collection)
    const calls = sessionCalls({
      client,
      collection,
      writeConcern: writeOperationOptions,
      onRefused: this.#onRefused,
      scope: this.#options.scope,
      commands,
    })
    if (this.#isClosed) calls.close()
    this.#opened = {
      client,
      collection,
      calls,
      commands,
      untilTaken: (ask, call) =>
        untilTaken(ask, shared.selection().deadlineMs(call ?? { calledMs: performance.now() })),
      writeOnce: (write) => shared.retryableWrites.run(write, this.#onRefused),
      reads: shared.selection(collection.readPreference),
      writes: shared.selection(),
    }
    this.#isReplaced = false
    this.#onNews({ event: 'collection-known' })
    this.#indexes = new Indexes(client, db, collection, this.#onNews)
    if (this.#isClosed) this.#indexes.close()
    this.#startUp = this.#indexes.start(this.#options.indexes, this.#options.unwantedIndex)
    return this.#opened
  }
}

module.exports = { DriverConnection }
