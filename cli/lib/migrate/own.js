// The sessions of the app's own store. They are read and written by the store itself, so that ids, encryption, index and documents are
// as the app's options have them; what it has no method for is asked of the collection.
'use strict'

const { CliError } = require('../errors.js')
const { serverName } = require('../connection.js')
const { sessionOf } = require('./json.js')

/**
 * @typedef {InstanceType<typeof import('../connection.js').Connection>} Connection
 * @typedef {import('./side.js').CarriedSession} CarriedSession
 * @typedef {import('./side.js').Side} Side
 * @typedef {Record<string, any>} Session
 */

const DEFAULT_TTL_SECONDS = 14 * 24 * 60 * 60
const CONFLICT = 'SESSION_CONFLICT'
/** What sessions of express-session keep to themselves, and take from no store. */
const RESERVED = ['id', 'req']
/** What the others know of a document. */
const CARRIED_FIELDS = ['_id', 'session', 'expires']

/** Expires when its session is to end, and is stored as it came. */
class CarriedCookie {
  /** @param {Record<string, any>} stored @param {Date} expires */
  constructor(stored, expires) {
    Object.defineProperty(this, 'toJSON', { value: () => stored })
    Object.assign(this, stored, { expires })
  }
}

/** @param {CarriedSession} carried @returns {Session} */
function endingThen({ session, endMs }) {
  return { ...session, cookie: new CarriedCookie(session.cookie, new Date(endMs)) }
}

/** @param {Session} made of what is stored @param {Session} session that takes its place */
function become(made, session) {
  for (const key of Object.keys(made)) delete made[key]
  for (const [key, value] of Object.entries(session)) {
    if (RESERVED.includes(key)) continue
    // Assigning to `__proto__` would make no key of it.
    Object.defineProperty(made, key, { value, configurable: true, enumerable: true, writable: true })
  }
}

/** @param {Record<string, any>} options */
function keepsTypes({ serialize, stringify, crypto, cryptoAdapter }) {
  return Boolean(serialize) || (stringify === false && !crypto && !cryptoAdapter)
}

/** Whatever the app's options say that would end sessions, or give them another end than they had. @param {Record<string, any>} options */
function ofMigration({ ttl, crypto, cryptoAdapter }) {
  return {
    ttl: typeof ttl === 'function' ? undefined : ttl,
    maxPerUser: undefined,
    // A session that the app saves meanwhile is not overwritten.
    concurrency: 'reject',
    resurrect: false,
    // Told by an event, and the walk goes on. Without encryption it is none of the store's options.
    onDecryptError: crypto || cryptoAdapter ? 'drop' : undefined,
  }
}

/** @implements {Side} */
class OwnSide {
  isOrdered = true
  resolutionMs = 1
  keepsTypes
  ttlSeconds
  name
  #store
  #collection
  #prefix
  #scope
  #connection
  #fields = new Set()
  /** @type {Set<unknown>} */
  #unreadable = new Set()
  /** @type {Set<unknown>} */
  #refused = new Set()

  /** @param {Connection} connection @param {any} store @param {import('../connection.js').Driver} driver */
  constructor(connection, store, { collection, scope }) {
    const { options } = connection
    this.name = `connect-mongo-native at ${serverName(options)}, ${collection.namespace}`
    this.keepsTypes = keepsTypes(options)
    this.ttlSeconds = typeof options.ttl === 'number' ? options.ttl : DEFAULT_TTL_SECONDS
    this.#store = store
    this.#collection = collection
    this.#scope = scope
    this.#prefix = options.prefix ?? ''
    this.#connection = connection
    for (const event of ['unreadable', 'decrypt-failed'])
      this.#store.on(event, (/** @type {unknown} */ sid) => this.#unreadable.add(sid))
    this.#store.on('set-refused', (/** @type {unknown} */ sid) => this.#refused.add(sid))
  }

  get #live() {
    return { $or: [{ expires: { $gt: new Date() } }, { expires: null }] }
  }

  /** @param {string} bound @param {string} id */
  #after(bound, id) {
    return { $and: [{ _id: { [bound]: id } }, this.#scope, this.#live] }
  }

  count() {
    return this.#collection.countDocuments(this.#after('$gte', this.#prefix))
  }

  /** @param {string} from @param {number} size */
  async *batches(from, size) {
    let documents = await this.#select('$gte', this.#prefix + from, size)
    while (documents.length > 0) {
      const read = await Promise.all(documents.map((document) => this.#read(document)))
      yield read.flat()
      documents = await this.#select('$gt', documents[documents.length - 1]._id, size)
    }
  }

  /** @param {string} bound @param {string} id @param {number} limit @returns {Promise<any[]>} */
  #select(bound, id, limit) {
    const options = { projection: { session: 0 }, sort: { _id: 1 }, limit }
    return this.#collection.find(this.#after(bound, id), options).toArray()
  }

  /** @param {Record<string, any>} document @returns {Promise<(import('./side.js').StoredSession | import('./side.js').Unreadable)[]>} none of one that has just ended */
  async #read({ _id, expires, ...beside }) {
    for (const name of Object.keys(beside)) this.#fields.add(name)
    const sid = _id.slice(this.#prefix.length)
    const session = await this.#store.get(sid)
    if (session) return [sessionOf(sid, session, expires?.getTime())]
    return this.#unreadable.delete(sid) ? [{ sid, problem: 'the store cannot read it' }] : []
  }

  fieldsBeside() {
    return [...this.#fields].filter((name) => !CARRIED_FIELDS.includes(name))
  }

  /** @param {string[]} sids @returns {Promise<Map<string, number>>} */
  async endsOf(sids) {
    const byStorageId = new Map()
    for (const sid of sids) for (const id of await this.#connection.storageIds(sid)) byStorageId.set(id, sid)
    const filter = { $and: [{ _id: { $in: [...byStorageId.keys()] } }, this.#live] }
    const documents = await this.#collection.find(filter, { projection: { expires: 1 } }).toArray()
    const ends = new Map()
    for (const { _id, expires } of documents) {
      const sid = byStorageId.get(_id)
      ends.set(sid, Math.max(ends.get(sid) ?? 0, expires?.getTime() ?? Number.POSITIVE_INFINITY))
    }
    return ends
  }

  /** @param {CarriedSession[]} sessions @param {boolean} overwrite */
  async write(sessions, overwrite) {
    const written = await Promise.all(sessions.map((one) => this.#write(one, overwrite)))
    return written.filter(Boolean).length
  }

  /** @param {CarriedSession} carried @param {boolean} overwrite @returns {Promise<boolean>} */
  async #write(carried, overwrite) {
    if (!overwrite && carried.endThereMs !== undefined) return this.#replace(carried)
    await this.#store.set(carried.sid, endingThen(carried))
    return true
  }

  /**
   * The store refuses what others have changed since it was loaded, so that is done first.
   *
   * @param {CarriedSession} carried
   */
  async #replace(carried) {
    const { sid, endMs } = carried
    const loaded = await this.#store.get(sid)
    const ends = await this.endsOf([sid])
    const endThereMs = ends.get(sid)
    if (!loaded || endThereMs === undefined || endThereMs >= endMs) return false
    const made = this.#store.createSession({ sessionID: sid, sessionStore: this.#store }, loaded)
    become(made, endingThen(carried))
    try {
      await this.#store.set(sid, made)
    } catch (error) {
      if (/** @type {{ code?: unknown }} */ (error).code === CONFLICT) return false
      throw error
    }
    return !this.#refused.delete(sid)
  }

  ping() {
    return this.#store.ping()
  }

  async close() {}
}

/**
 * @param {Connection} connection which closes it
 * @param {boolean} isWritten whether it makes the indexes that its options ask for
 * @returns {Promise<Side>}
 */
async function openOwn(connection, isWritten) {
  const change = ofMigration(connection.options)
  const store = isWritten ? connection.store(change) : connection.storeWithoutIndexes(change)
  return new OwnSide(connection, store, await connection.driver())
}

/** What a hash of an id is stored for cannot be found without the id. @param {Connection} connection */
function requireIds({ options: { hashId, transformId } }) {
  const option = hashId ? 'hashId' : transformId && 'transformId'
  if (!option) return
  throw new CliError(
    `With ${option} the session ids are not in the database, and another store finds sessions by them: there is no way out but to ` +
      'let the sessions end'
  )
}

module.exports = { openOwn, requireIds }
