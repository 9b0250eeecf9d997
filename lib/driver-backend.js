// The operations of a session collection over a JavaScript MongoClient: the app's own, or one of the app's `mongodb`
// package. The driver is called as connect-mongo 6 calls it, so that test doubles made for connect-mongo do here too.
'use strict'

const { bsonOf } = require('./bson.js')
const { connected, isDefaultDatabase, needsConnecting, watchServers } = require('./client-source.js')
const { live, sessionCalls } = require('./driver-calls.js')
const { WriteOrder } = require('./write-order.js')

/**
 * @typedef {import('./native-backend.js').StoredSession} StoredSession
 * @typedef {import('./native-backend.js').LoadedSession} LoadedSession
 * @typedef {import('./native-backend.js').OnNews} OnNews
 * @typedef {import('./native-backend.js').Replacement} Replacement
 * @typedef {import('./session-crypto.js').Snapshot} Snapshot
 * @typedef {import('./client-source.js').Client} Client
 * @typedef {import('./client-source.js').ClientSource} ClientSource
 *
 * @typedef {import('./driver-calls.js').Collection} Collection
 * @typedef {import('./driver-calls.js').SessionCalls} SessionCalls
 *
 * @typedef {object} Opened
 * @property {Client} client
 * @property {Collection} collection
 * @property {SessionCalls} calls
 *
 * @typedef {object} DriverBackendOptions
 * @property {ClientSource} source
 * @property {string | undefined} database the client's own when absent
 * @property {string} collection
 * @property {object | undefined} writeOperationOptions
 * @property {boolean} timestamps
 * @property {'native' | 'interval' | 'disabled'} autoRemove
 * @property {boolean} connectionEvents
 */

const FIRST_RETRY_DELAY_MS = 1_000
const LAST_RETRY_DELAY_MS = 60_000
/** How long `close` lets an index that is being made go on. */
const START_UP_GRACE_MS = 2_000

const NAMESPACE_NOT_FOUND = 26

/** @param {number} milliseconds */
function delay(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref())
}

/** @param {Record<string, any>} document @returns {StoredSession} */
function storedSession({ _id, session, expires, lastModified }) {
  return {
    storageId: typeof _id === 'string' ? _id : undefined,
    session,
    expires: expires instanceof Date ? expires : undefined,
    lastModified: lastModified instanceof Date ? lastModified : undefined,
  }
}

/** @param {Record<string, any>} index */
function isTtlIndex({ key, expireAfterSeconds, partialFilterExpression }) {
  return JSON.stringify(key) === '{"expires":1}' && expireAfterSeconds === 0 && !partialFilterExpression
}

class DriverBackend {
  name = /** @type {const} */ ('driver')
  #options
  #onNews
  #order = new WriteOrder()
  #isClosed = false
  #isSweeping = false
  /** @type {() => void} */
  #unsubscribe = () => {}
  /** @type {Promise<Opened> | undefined} */
  #opening
  /** @type {Opened | undefined} */
  #opened
  /** @type {Promise<void>} */
  #startUp = Promise.resolve()

  /**
   * @param {DriverBackendOptions} options
   * @param {OnNews} onNews
   */
  constructor(options, onNews) {
    this.#options = options
    this.#onNews = onNews
    if (options.connectionEvents) this.#keepConnecting()
    // Each call gets the failure; nobody else needs to hear of it.
    else this.#open().catch(() => {})
  }

  /** After `disconnect` express-session makes no calls that would connect again. */
  async #keepConnecting() {
    while (!this.#isClosed) {
      try {
        const { client } = await this.#open()
        return await connected(client)
      } catch {
        await delay(FIRST_RETRY_DELAY_MS)
      }
    }
  }

  /** After a failure the next call tries again. */
  #open() {
    this.#opening ??= this.#openCollection().catch((error) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #openCollection() {
    const { source, database, collection: name, connectionEvents, writeOperationOptions } = this.#options
    const { client, databaseName } = await source.open()
    const db = client.db(database || databaseName)
    if (!database && isDefaultDatabase(client, db)) this.#onNews({ event: 'default-database' })
    if (connectionEvents && !this.#isClosed) this.#unsubscribe = watchServers(client, this.#onNews)
    const collection = db.collection(name)
    this.#opened = { client, collection, calls: sessionCalls(collection, writeOperationOptions) }
    this.#onNews({ event: 'collection-known' })
    this.#startUp = this.#start(client, collection)
    return this.#opened
  }

  /** @returns {Promise<Opened>} with a client that is connected */
  async #ready() {
    const opened = await this.#open()
    await connected(opened.client)
    return opened
  }

  /** What connect-mongo calls `collectionP`: the collection, once the TTL index has been tried. */
  async collection() {
    const { collection } = await this.#ready()
    await this.#startUp
    return collection
  }

  /** @param {Client} client @param {Collection} collection */
  async #start(client, collection) {
    const { autoRemove } = this.#options
    if (autoRemove === 'native' && !(await this.#tryTtlIndex(client, collection))) {
      this.#retryTtlIndex(client, collection)
    }
    if (autoRemove === 'disabled' && (await this.#hasTtlIndex(client, collection))) {
      this.#onNews({ event: 'ttl-index-present' })
    }
  }

  /** @param {Client} client @param {Collection} collection */
  async #retryTtlIndex(client, collection) {
    for (let wait = FIRST_RETRY_DELAY_MS; ; wait = Math.min(wait * 2, LAST_RETRY_DELAY_MS)) {
      await delay(wait)
      if (this.#isClosed || (await this.#tryTtlIndex(client, collection))) return
    }
  }

  /** @param {Client} client @param {Collection} collection @returns {Promise<boolean>} whether there is an index now */
  async #tryTtlIndex(client, collection) {
    try {
      await connected(client)
      await collection.createIndex({ expires: 1 }, { background: true, expireAfterSeconds: 0 })
      return true
    } catch (error) {
      if (this.#isClosed) return true
      // Without the right to make indexes, or under another name, the index may be there all the same.
      const isAnswer = typeof (/** @type {{ code?: unknown }} */ (error).code) === 'number'
      if (isAnswer && (await this.#hasTtlIndex(client, collection))) return true
      this.#onNews({ event: 'ttl-index-failed', error: /** @type {Error} */ (error) })
      return false
    }
  }

  /** @param {Client} client @param {Collection} collection */
  async #hasTtlIndex(client, collection) {
    try {
      await connected(client)
      return (await collection.indexes()).some(isTtlIndex)
    } catch {
      return false
    }
  }

  /**
   * The driver makes the BSON itself.
   *
   * @param {unknown} session
   * @param {boolean} [isCopied] as it is now, whatever becomes of it: of a session that came from here
   */
  encode(session, isCopied = false) {
    return isCopied ? this.restore(this.snapshot(session)) : session
  }

  /** @param {string} storageId @returns {Promise<StoredSession | null>} the live session of that id */
  get(storageId) {
    return this.#order.read(storageId, async () => {
      const { calls } = await this.#ready()
      const document = await calls.find(storageId)
      return document ? storedSession(document) : null
    })
  }

  /**
   * @param {string} storageId
   * @param {unknown} session
   * @param {Date} expires
   * @param {Date | undefined} lastModified left alone when absent
   * @param {boolean} isUpsert whether to create the session where there is none
   * @returns {Promise<boolean>} whether the session was created; without `isUpsert` whether there was one
   */
  set(storageId, session, expires, lastModified, isUpsert) {
    /** @type {Record<string, unknown>} */
    const fields = { _id: storageId, session, expires }
    if (lastModified) fields.lastModified = lastModified
    const update = this.#options.timestamps
      ? { $set: fields, $setOnInsert: { createdAt: new Date() }, $currentDate: { updatedAt: true } }
      : { $set: fields }
    return this.#order.write(storageId, async () => {
      const { calls } = await this.#ready()
      const { isCreated, isMatched } = await calls.write({ storageId, update, isUpsert })
      return isUpsert ? isCreated : isMatched
    })
  }

  /**
   * @param {string} storageId
   * @param {Date} expires
   * @param {Date | undefined} lastModified left alone when absent
   * @returns {Promise<boolean>} whether there was such a session
   */
  touch(storageId, expires, lastModified) {
    const update = this.#update({ expires }, lastModified)
    return this.#order.write(storageId, async () => {
      const { calls } = await this.#ready()
      const { isMatched } = await calls.write({ storageId, update })
      return isMatched
    })
  }

  /** Of a session that is there. @param {Record<string, unknown>} fields @param {Date | undefined} lastModified */
  #update(fields, lastModified) {
    const $set = lastModified ? { lastModified, ...fields } : fields
    return this.#options.timestamps ? { $set, $currentDate: { updatedAt: true } } : { $set }
  }

  /** @param {string} storageId */
  destroy(storageId) {
    return this.#order.write(storageId, async () => {
      const { calls } = await this.#ready()
      await calls.write({ storageId })
    })
  }

  /** @returns {Promise<StoredSession[]>} the live sessions */
  async all() {
    const { collection } = await this.#ready()
    const sessions = []
    for await (const document of collection.find({ $or: live() })) sessions.push(storedSession(document))
    return sessions
  }

  /**
   * @param {string | undefined} after
   * @param {number} limit
   * @returns {Promise<{ storageId: string, session: unknown }[]>} the next live sessions after a storage id
   */
  async scan(after, limit) {
    const { collection } = await this.#ready()
    const filter = { _id: after === undefined ? { $gte: '' } : { $gt: after }, $or: live() }
    const documents = await collection.find(filter).sort({ _id: 1 }).limit(limit).toArray()
    return documents.map((/** @type {any} */ { _id, session }) => ({ storageId: _id, session }))
  }

  /**
   * @param {Replacement} replacement
   * @param {{ expires: Date, lastModified: Date | undefined }} [times] left alone when absent
   * @returns {Promise<boolean>} whether the session was still stored as it was
   */
  async replace({ storageId, stored, payload }, times) {
    const { collection } = await this.#ready()
    // A stored document could begin with an operator.
    const filter = { _id: storageId, session: { $eq: stored } }
    const update = times
      ? this.#update({ session: payload, expires: times.expires }, times.lastModified)
      : { $set: { session: payload } }
    const { matchedCount, acknowledged } = await collection.updateOne(filter, update, this.#writeConcern())
    return Number(matchedCount) !== 0 || acknowledged === false
  }

  /** @param {string} storageId @returns {Promise<LoadedSession | null>} the session of that id, live or not */
  async load(storageId) {
    const { collection } = await this.#ready()
    const document = await collection.findOne({ _id: storageId }, { readPreference: 'primary' })
    return document ? { ...storedSession(document), stored: document.session } : null
  }

  /** What a stored value was, whatever becomes of it. @param {unknown} value @returns {Snapshot} */
  snapshot(value) {
    return typeof value === 'string' ? value : this.#bson.serialize({ session: value }, this.#bsonOptions)
  }

  /** @param {Snapshot} snapshot @returns {unknown} a value of its own */
  restore(snapshot) {
    if (typeof snapshot === 'string') return snapshot
    return this.#bson.deserialize(snapshot, this.#bsonOptions).session
  }

  /** @param {string} _ @param {unknown} payload @returns {Promise<unknown>} the value that `get` will give of it */
  async readBack(_, payload) {
    return this.restore(this.snapshot(payload))
  }

  get #bson() {
    return bsonOf(this.#opened?.client ?? {})
  }

  get #bsonOptions() {
    return this.#opened?.collection.bsonOptions
  }

  /** @returns {Promise<number>} how many sessions are live */
  async length() {
    const { collection } = await this.#ready()
    // With promoteValues: false the driver counts in objects.
    return Number(await collection.countDocuments({ $or: live() }))
  }

  async clear() {
    const { collection } = await this.#ready()
    try {
      await collection.deleteMany({}, this.#writeConcern())
    } catch (error) {
      if (/** @type {{ code?: unknown }} */ (error).code !== NAMESPACE_NOT_FOUND) throw error
    }
  }

  async ping() {
    const { client } = await this.#open()
    await connected(client)
    await client.db('admin').command({ ping: 1 })
  }

  /** Removes expired sessions in the background; one sweep at a time. */
  async sweep() {
    if (this.#isSweeping) return
    const { client, collection } = /** @type {Opened} */ (this.#opened)
    this.#isSweeping = true
    try {
      // No detour for a client that is connected: the timers of a test double expect the call on the very tick.
      if (needsConnecting(client)) await connected(client)
      await collection.deleteMany({ expires: { $lt: new Date() } }, { writeConcern: { w: 0 } })
    } catch (error) {
      this.#onNews({ event: 'sweep-failed', error: /** @type {Error} */ (error) })
    } finally {
      this.#isSweeping = false
    }
  }

  async close() {
    this.#isClosed = true
    if (this.#options.source.isReached()) {
      await Promise.race([this.#startUp, delay(START_UP_GRACE_MS)])
    }
    this.#unsubscribe()
    await this.#options.source.close()
  }

  #writeConcern() {
    return { writeConcern: this.#options.writeOperationOptions }
  }
}

module.exports = { DriverBackend }
