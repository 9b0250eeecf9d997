// The sessions of connect-mongodb-session: https://github.com/mongodb-js/connect-mongodb-session/blob/5.0.0/index.js. A document for
// each, with the session as a document in it.
'use strict'

const { CliError, serverOf } = require('../errors.js')
const { sessionOf } = require('./json.js')

/**
 * @typedef {import('./side.js').CarriedSession} CarriedSession
 * @typedef {import('./side.js').Side} Side
 */

const DEFAULT_COLLECTION = 'sessions'
const DEFAULT_TTL_SECONDS = 14 * 24 * 60 * 60

/** The package stores the date of a cookie as a date. @param {CarriedSession['session']} session */
function withDate(session) {
  const { cookie } = session
  const { expires } = cookie
  return typeof expires === 'string'
    ? { ...session, cookie: { ...cookie, expires: new Date(expires) } }
    : session
}

/** @implements {Side} */
class MongodbSide {
  isOrdered
  resolutionMs = 1
  keepsTypes = true
  ttlSeconds = DEFAULT_TTL_SECONDS
  name
  #client
  #collection
  #idField
  #expiresKey
  #fields = new Set()

  /**
   * @param {any} client
   * @param {string} url
   * @param {{ foreignCollection?: string, idField?: string, expiresKey?: string }} flags
   */
  constructor(
    client,
    url,
    { foreignCollection = DEFAULT_COLLECTION, idField = '_id', expiresKey = 'expires' }
  ) {
    this.name = `connect-mongodb-session at ${serverOf(url)}`
    this.isOrdered = idField === '_id'
    this.#client = client
    this.#collection = client.db().collection(foreignCollection)
    this.#idField = idField
    this.#expiresKey = expiresKey
  }

  /** The package finds no session by an id that is not text. */
  get #live() {
    const ends = [{ [this.#expiresKey]: { $gt: new Date() } }, { [this.#expiresKey]: null }]
    return { [this.#idField]: { $type: 'string' }, $or: ends }
  }

  count() {
    return this.#collection.countDocuments(this.#live)
  }

  /** @param {string} from @param {number} size */
  async *batches(from, size) {
    let documents = await this.#select(from === '' ? {} : { _id: { $gte: from } }, size)
    while (documents.length > 0) {
      yield documents.map((document) => this.#read(document))
      documents = await this.#select({ _id: { $gt: documents[documents.length - 1]._id } }, size)
    }
  }

  /** @param {object} bound @param {number} limit @returns {Promise<any[]>} */
  #select(bound, limit) {
    return this.#collection.find({ $and: [bound, this.#live] }, { sort: { _id: 1 }, limit }).toArray()
  }

  /** @param {Record<string, any>} document */
  #read(document) {
    const { [this.#idField]: sid, session, [this.#expiresKey]: expires, _id, ...beside } = document
    for (const name of Object.keys(beside)) this.#fields.add(name)
    return sessionOf(sid, session, expires?.getTime())
  }

  fieldsBeside() {
    return this.#fields
  }

  /** @param {string[]} sids */
  async endsOf(sids) {
    const filter = { $and: [{ [this.#idField]: { $in: sids } }, this.#live] }
    /** @type {Record<string, any>[]} */
    const documents = await this.#collection.find(filter, { projection: { session: 0 } }).toArray()
    return new Map(
      documents.map((document) => [
        document[this.#idField],
        document[this.#expiresKey]?.getTime() ?? Number.POSITIVE_INFINITY,
      ])
    )
  }

  /** @param {CarriedSession[]} sessions @param {boolean} overwrite @returns {Promise<number>} */
  async write(sessions, overwrite) {
    const updates = sessions.map((one) => ({ updateOne: this.#updateOf(one, overwrite) }))
    const { modifiedCount, upsertedCount } = await this.#collection.bulkWrite(updates, { ordered: false })
    return modifiedCount + upsertedCount
  }

  /**
   * A condition on the end beside an upsert would make a second document, where the ids are not those of documents.
   *
   * @param {CarriedSession} carried
   * @param {boolean} overwrite
   */
  #updateOf({ sid, session, endMs, endThereMs }, overwrite) {
    const filter = { [this.#idField]: sid }
    const ends = new Date(endMs)
    const fields = { session: withDate(session), [this.#expiresKey]: ends }
    if (overwrite) return { filter, update: { $set: fields }, upsert: true }
    if (endThereMs === undefined) return { filter, update: { $setOnInsert: fields }, upsert: true }
    return { filter: { ...filter, [this.#expiresKey]: { $lt: ends } }, update: { $set: fields } }
  }

  ping() {
    return this.#client.db().command({ ping: 1 })
  }

  close() {
    return this.#client.close()
  }
}

/**
 * @param {string} url
 * @param {{ foreignCollection?: string, idField?: string, expiresKey?: string }} flags
 * @param {(name: string) => any} requireDriver
 * @returns {Promise<Side>}
 */
async function openMongodb(url, flags, requireDriver) {
  const { MongoClient } = requireDriver('mongodb')
  try {
    const client = await MongoClient.connect(url, { serverSelectionTimeoutMS: 10_000 })
    return new MongodbSide(client, url, flags)
  } catch (error) {
    throw new CliError(`MongoDB cannot be reached: ${/** @type {Error} */ (error).message}`)
  }
}

module.exports = { openMongodb }
