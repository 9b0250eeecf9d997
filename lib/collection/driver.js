// The session collection over a JavaScript MongoClient: the app's own, or one of the app's `mongodb` package. The driver is called
// as connect-mongo 6 calls it, so that test doubles made for connect-mongo do here too.
'use strict'

const { moved } = require('../clock.js')
const { isDate } = require('../objects.js')
const { bsonOf } = require('./bson.js')
const { serialize } = require('./bson-types.js')
const { connected, needsConnecting, waitingFor } = require('./client-source.js')
const { DriverConnection } = require('./driver-connection.js')
const { codeOf, isOfFailover, isOfOneWrite } = require('./driver-errors.js')
const { Transactions } = require('./driver-transaction.js')
const { caseless } = require('./driver-engine.js')
const { changeOf, fieldsOf, replacementOf, writeOf } = require('./driver-updates.js')

/** @import { SessionCollection, Values } from './port.js' */

/**
 * @typedef {import('./driver-connection.js').DriverOptions} DriverOptions
 * @typedef {import('./driver-connection.js').Opened} Opened
 * @typedef {import('./port.js').Call} Call
 * @typedef {import('./port.js').Frozen} Frozen
 * @typedef {import('./port.js').LoadedSession} LoadedSession
 * @typedef {import('./port.js').Query} Query
 * @typedef {import('./port.js').SelectedSession} SelectedSession
 * @typedef {import('./port.js').Selection} Selection
 * @typedef {import('./port.js').StoredSession} StoredSession
 * @typedef {import('./port.js').Times} Times
 */

const NAMESPACE_NOT_FOUND = 26
/** As many ids as a reply has room for. */
const MOST_IN_A_REPLY = 2 ** 31 - 1

/** @param {Record<string, any>} document @returns {StoredSession} */
function storedSession({ _id, session, expires, lastModified }) {
  return {
    storageId: typeof _id === 'string' ? _id : undefined,
    session,
    expires: isDate(expires) ? expires : undefined,
    lastModified: isDate(lastModified) ? lastModified : undefined,
  }
}

/**
 * With a collation that ignores case, an id finds what is written otherwise, too. Anything else is nobody's session.
 *
 * @param {Record<string, any> | null | undefined} document
 * @param {string} storageId
 * @returns {StoredSession | null}
 */
function sessionOf(document, storageId) {
  const session = document ? storedSession(document) : null
  const found = session?.storageId ?? storageId
  if (found === storageId) return session
  return session && caseless(found) === caseless(storageId) ? { ...session, isOtherwiseSpelt: true } : null
}

/** "No such command" of MongoDB, and of some servers that are not MongoDB's. */
const COMMAND_UNKNOWN = [59, 115]

/**
 * What the primary's clock says: a process whose own is ahead would remove the sessions of all others.
 *
 * @param {Record<string, any>} admin its database
 * @returns {Promise<Date>}
 */
async function serverTime(admin) {
  const reply = await admin.command({ hello: 1 }).catch((/** @type {any} */ error) => {
    if (!COMMAND_UNKNOWN.includes(Number(error.code))) throw error
    // MongoDB before 4.4.2 knows it under this name.
    return admin.command({ isMaster: 1 })
  })
  // The gateway of the open-source DocumentDB has a number there.
  const time = new Date(Number(reply.localTime ?? Number.NaN))
  if (!Number.isNaN(time.getTime())) return time
  throw new Error('The server does not tell its time, so that no expired sessions are removed')
}

/** @template T, U @param {AsyncIterable<T>} cursor @param {(document: T) => U} read @returns {Promise<U[]>} */
async function allOf(cursor, read) {
  const all = []
  for await (const document of cursor) all.push(read(document))
  return all
}

/** Whether the driver has got documents and cannot read one of them: JavaScript refuses some regular expressions as well. @param {any} error */
function isUnreadable(error) {
  return /^BSON|^SyntaxError$/.test(error?.name)
}

/** Of a document that cannot be read as a whole. @param {import('./bson.js').Bson} bson @param {Uint8Array} bytes */
function readableId(bson, bytes) {
  try {
    const { _id } = bson.deserialize(bytes, { validation: { utf8: false }, bsonRegExp: true })
    // What is not UTF-8 has become this, and is not the id that is stored.
    return typeof _id === 'string' && !_id.includes('\ufffd') ? _id : undefined
  } catch {
    return undefined
  }
}

/** @param {import('./bson.js').Bson} bson @param {object} options @param {Uint8Array} bytes @returns {LoadedSession} */
function sessionIn(bson, options, bytes) {
  try {
    return loadedSession(bson.deserialize(bytes, options))
  } catch (failure) {
    return { storageId: readableId(bson, bytes), session: undefined, failure }
  }
}

/**
 * What a query finds. To the driver a document that it cannot read is a failure of all that come with it, so then each is read here.
 *
 * @template T
 * @param {Opened} opened
 * @param {(options: object) => AsyncIterable<any>} find
 * @param {(document: Record<string, any>) => T} read
 * @param {(bson: import('./bson.js').Bson, options: object, bytes: Uint8Array) => T} readBytes
 * @returns {Promise<T[]>}
 */
async function eachFound({ client, collection, commands, untilTaken }, find, read, readBytes) {
  try {
    return await untilTaken(() => commands.sendAlone('find', () => allOf(find({}), read)))
  } catch (error) {
    if (!isUnreadable(error)) throw error
  }
  const readOne = readBytes.bind(undefined, bsonOf(client), collection.bsonOptions)
  return untilTaken(() => commands.sendAlone('find', () => allOf(find({ raw: true }), readOne)))
}

/** @param {Record<string, any>} document @returns {LoadedSession} */
function loadedSession(document) {
  return { ...storedSession(document), stored: document.session, beside: besideOf(document) }
}

/** @param {Record<string, any>} document @returns {import('./port.js').Beside} */
function besideOf({ handle, createdAt, indexedAt, description }) {
  return {
    handle: typeof handle === 'string' ? handle : undefined,
    created: isDate(createdAt) ? createdAt : undefined,
    indexed: isDate(indexedAt) ? indexedAt : undefined,
    description,
  }
}

/** The driver makes the BSON itself. @implements {Values} */
class DriverValues {
  #connection

  /** @param {InstanceType<typeof DriverConnection>} connection */
  constructor(connection) {
    this.#connection = connection
  }

  /** @param {unknown} value @param {boolean} [isCopied] */
  encode(value, isCopied = false) {
    return isCopied ? this.decode(value) : value
  }

  /** @param {unknown} payload */
  decode(payload) {
    return this.thaw(this.freeze(payload))
  }

  /** @param {unknown} value @returns {Frozen} */
  freeze(value) {
    return typeof value === 'string' ? value : serialize(this.#bson, { session: value }, this.#options)
  }

  /** @param {Frozen} frozen @returns {unknown} */
  thaw(frozen) {
    return typeof frozen === 'string' ? frozen : this.#bson.deserialize(frozen, this.#options).session
  }

  get #bson() {
    return bsonOf(this.#connection.opened?.client ?? {})
  }

  get #options() {
    return this.#connection.opened?.collection.bsonOptions
  }
}

/** What a validator of the collection refuses a session with. */
const DOCUMENT_VALIDATION_FAILURE = 121

/** @implements {SessionCollection} */
class DriverCollection {
  name = /** @type {const} */ ('driver')
  keepsOrder = false
  encrypts = false
  values
  #options
  #onNews
  #connection
  #transactions = new Transactions()
  #hasAskedWhatIsTaken = false
  #isWithoutRules = false
  #hasRefused = false
  #isSweeping = false

  /**
   * @param {DriverOptions} options
   * @param {import('./port.js').OnNews} onNews
   * @param {import('./driver-tracing.js').Tracer} tracer
   */
  constructor(options, onNews, tracer) {
    this.#options = options
    this.#onNews = onNews
    this.#connection = new DriverConnection(options, onNews, tracer)
    this.values = new DriverValues(this.#connection)
  }

  /** @param {string} storageId @param {undefined} _done @param {Call} call @returns {Promise<StoredSession | null>} */
  async find(storageId, _done, call) {
    const { calls } = await this.#connection.readable(call)
    return sessionOf(await calls.find(storageId, call), storageId)
  }

  /**
   * @param {string} storageId
   * @param {unknown} session
   * @param {Times} times
   * @param {boolean} isUpsert
   * @param {undefined} _done
   * @param {Call} call
   */
  async write(storageId, session, times, isUpsert, _done, call) {
    const update = writeOf(storageId, session, times, this.#options)
    const { calls } = await this.#connection.ready(call)
    try {
      const { isCreated, isMatched } = await calls.write({ storageId, update, isUpsert }, call)
      return isUpsert ? isCreated : isMatched
    } catch (error) {
      this.#noteRefusal(error)
      throw error
    }
  }

  isOfOneWrite = isOfOneWrite

  /** Asked for in the background, the first time that it matters: until it is known the answer is no. */
  takesAnything() {
    if (!this.#hasAskedWhatIsTaken) this.#askWhatIsTaken().catch(() => {})
    return this.#isWithoutRules && !this.#hasRefused
  }

  async #askWhatIsTaken() {
    this.#hasAskedWhatIsTaken = true
    const { client, collection } = await this.#connection.ready()
    // A stand-in is asked for nothing that connect-mongo does not ask for.
    if (collection.constructor?.name !== 'Collection') return
    const listed = client.db(collection.dbName).listCollections({ name: collection.collectionName })
    const all = /** @type {{ options?: Record<string, unknown> }[]} */ (await listed.toArray())
    this.#isWithoutRules = all.every(({ options }) => !options?.validator && !options?.capped)
  }

  /** It may not have had a validator from the beginning. @param {unknown} error */
  #noteRefusal(error) {
    this.#hasRefused ||= codeOf(error) === DOCUMENT_VALIDATION_FAILURE
  }

  /** @param {string} storageId @param {Times} times @param {undefined} _done @param {Call} call */
  async touch(storageId, times, _done, call) {
    const update = changeOf({ expires: times.expires }, times, this.#options)
    const { calls } = await this.#connection.ready(call)
    const { isMatched } = await calls.write({ storageId, update }, call)
    return isMatched
  }

  /** @param {string} storageId @param {undefined} _done @param {Call} call */
  async remove(storageId, _done, call) {
    const { calls } = await this.#connection.ready(call)
    await calls.write({ storageId }, call)
  }

  /** @param {string} storageId @param {Call} [call] @returns {Promise<LoadedSession | null>} */
  async load(storageId, call) {
    const { collection, commands, untilTaken } = await this.#connection.ready(call)
    const find = () => collection.findOne({ _id: storageId }, { readPreference: 'primary' })
    const document = await untilTaken(() => commands.sendAlone('find', find), call)
    const session = sessionOf(document, storageId)
    return session && { ...session, stored: document.session, beside: besideOf(document) }
  }

  /**
   * @param {string} storageId
   * @param {unknown} stored
   * @param {unknown} payload
   * @param {Partial<Times>} [times]
   * @param {Call} [call]
   */
  async replace(storageId, stored, payload, times, call) {
    const { collection, commands, untilTaken, writeOnce } = await this.#connection.ready(call)
    // A stored document could begin with an operator.
    const filter = { _id: storageId, session: { $eq: stored } }
    const update = replacementOf(payload, times ?? {}, this.#options)
    const write = (/** @type {boolean} */ isMany) =>
      collection[isMany ? 'updateMany' : 'updateOne'](filter, update, this.#writeConcern())
    const send = () => commands.sendAlone('update', () => writeOnce(write))
    const { matchedCount, acknowledged } = await untilTaken(send, call)
    return Number(matchedCount) !== 0 || acknowledged === false
  }

  /** @param {string} from @param {string} storageId @param {unknown} payload @param {Times} times @param {Call} [call] */
  async move(from, storageId, payload, times, call) {
    const { client, collection, commands } = await this.#connection.ready(call)
    const { writeConcern } = this.#writeConcern()
    if ((writeConcern ?? collection.writeConcern)?.w === 0) return false
    const update = writeOf(storageId, payload, times, this.#options)
    return this.#transactions.run(client, writeConcern, async (session) => {
      const remove = () => collection.deleteOne({ _id: from }, { session })
      const { deletedCount } = await commands.sendAlone('delete', remove)
      if (Number(deletedCount) === 0) return false
      const create = () => collection.updateOne({ _id: storageId }, update, { upsert: true, session })
      await commands.sendAlone('update', create)
      return true
    })
  }

  /**
   * @param {string} from
   * @param {unknown} stored
   * @param {string} storageId
   * @param {unknown} payload
   * @param {import('./port.js').Marks} [marks]
   */
  async moveUnchanged(from, stored, storageId, payload, marks) {
    const { client, collection } = await this.#connection.ready()
    const { writeConcern } = this.#writeConcern()
    const isMoved = await this.#transactions.run(client, writeConcern, async (session) => {
      const asStored = { session, promoteValues: false, bsonRegExp: true }
      const document = await collection.findOne({ _id: from, session: { $eq: stored } }, asStored)
      if (!document) return false
      const live = { _id: storageId, expires: { $not: { $lte: new Date() } } }
      const isTaken = await collection.findOne(live, { session, projection: { _id: 1 } })
      await collection.deleteOne({ _id: from }, { session })
      const moved = { ...document, ...(payload !== undefined && { session: payload }), ...fieldsOf(marks) }
      if (!isTaken)
        await collection.replaceOne(
          { _id: storageId },
          { ...moved, _id: storageId },
          { upsert: true, session }
        )
      return true
    })
    if (isMoved || !this.#transactions.areRefused) return isMoved
    throw new Error(
      'hashIds needs transactions, which a standalone server has not: make it a replica set, if of one member'
    )
  }

  /** @param {Selection} selection @returns {Promise<SelectedSession[]>} */
  async select(selection) {
    const opened = await this.#connection.ready()
    const find = (/** @type {object} */ options) => this.#found(opened, selection, options)
    return eachFound(opened, find, loadedSession, sessionIn)
  }

  /** @param {Selection} selection @returns {Promise<(string | undefined)[]>} */
  async selectIds(selection) {
    const opened = await this.#connection.ready()
    const find = (/** @type {object} */ options) =>
      this.#found(opened, selection, { ...options, projection: { _id: 1 }, batchSize: MOST_IN_A_REPLY })
    const readBytes = (
      /** @type {import('./bson.js').Bson} */ bson,
      /** @type {object} */ _,
      /** @type {Uint8Array} */ bytes
    ) => readableId(bson, bytes)
    return eachFound(opened, find, (document) => storedSession(document).storageId, readBytes)
  }

  /** @param {Opened} opened @param {Selection} selection @param {object} options */
  #found({ collection }, selection, options) {
    const { sort, limit, isOfPrimary } = selection
    const filter = this.#options.scope.filterOf(selection)
    const given = { ...options, ...(isOfPrimary && { readPreference: 'primary' }) }
    // A test double may look at what it is given.
    const cursor = Object.keys(given).length > 0 ? collection.find(filter, given) : collection.find(filter)
    const sorted = sort ? cursor.sort(sort) : cursor
    return limit ? sorted.limit(limit) : sorted
  }

  /** @param {Query} query */
  async count(query) {
    const { collection, commands, untilTaken } = await this.#connection.ready()
    const filter = this.#options.scope.filterOf(query)
    const count = () => collection.countDocuments(filter)
    // With promoteValues: false the driver counts in objects.
    return Number(await untilTaken(() => commands.sendAlone('aggregate', count)))
  }

  /** @param {Query} query @param {boolean} [isRepeatable] */
  async removeAll(query, isRepeatable = false) {
    const { collection, commands, untilTaken } = await this.#connection.ready()
    const filter = this.#options.scope.filterOf(query)
    const removeOnce = async () => collection.deleteMany(filter, this.#writeConcern())
    const remove = () => untilTaken(() => commands.sendAlone('delete', removeOnce))
    try {
      const result = await (isRepeatable ? this.#repeated(remove) : remove())
      // That of a test double need be nothing.
      return Number(result?.deletedCount ?? 0)
    } catch (error) {
      // With promoteValues: false it is an object.
      if (Number(/** @type {{ code?: unknown }} */ (error).code) === NAMESPACE_NOT_FOUND) return 0
      throw error
    }
  }

  /** @param {Query} query @param {Record<string, unknown>} update */
  async change(query, update) {
    const { collection, commands, untilTaken, writeOnce } = await this.#connection.ready()
    const filter = this.#options.scope.filterOf(query)
    const write = (/** @type {boolean} */ isMany) =>
      collection[isMany ? 'updateMany' : 'updateOne'](filter, update, this.#writeConcern())
    const send = () => commands.sendAlone('update', () => writeOnce(write))
    const { matchedCount, acknowledged } = await untilTaken(send)
    return Number(matchedCount) !== 0 || acknowledged === false
  }

  async serverTime() {
    const { client } = await this.#connection.ready()
    return serverTime(client.db('admin'))
  }

  statistics() {
    const opened = this.#connection.opened
    const queue = opened?.calls.load ?? { waiting: 0, underWay: 0 }
    return { queue, ...(opened?.commands.statistics ?? { commands: {} }) }
  }

  waitingFor() {
    return waitingFor(this.#connection.opened?.client)
  }

  async sweep() {
    if (this.#isSweeping) return
    this.#isSweeping = true
    try {
      const { client, collection } = this.#connection.current ?? (await this.#connection.open())
      // No detour for a client that is connected: the timers of a test double expect the call on the very tick.
      if (needsConnecting(client)) await connected(client)
      // Nor for the time of a server that a test double has not got.
      const now = client.s ? moved(await serverTime(client.db('admin'))) : new Date()
      await collection.deleteMany(this.#expired(now), { writeConcern: { w: 0 } })
    } catch (error) {
      this.#onNews({ event: 'sweep-failed', error: /** @type {Error} */ (error) })
    } finally {
      this.#isSweeping = false
    }
  }

  async collection() {
    const { collection } = await this.#connection.started()
    return collection
  }

  client() {
    return this.#connection.client()
  }

  follow() {
    this.#connection.follow()
  }

  close() {
    return this.#connection.close()
  }

  /** @param {Date} now */
  #expired(now) {
    const { scope, graceMs } = this.#options
    return scope.filterOf({ state: 'expired', now, graceMs })
  }

  /**
   * As the driver repeats a write of one document.
   *
   * @template T
   * @param {() => Promise<T>} write
   * @returns {Promise<T>}
   */
  async #repeated(write) {
    try {
      return await write()
    } catch (error) {
      if (!isOfFailover(error)) throw error
      return write()
    }
  }

  /** @returns {{ writeConcern: Record<string, any> | undefined }} */
  #writeConcern() {
    return { writeConcern: this.#options.writeOperationOptions }
  }
}

module.exports = { DriverCollection }
