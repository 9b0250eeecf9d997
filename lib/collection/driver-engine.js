// What a session collection is asked for one session, over a collection of the JavaScript driver: one by one, as
// connect-mongo asks, and grouped where calls wait for each other anyway.
'use strict'

const { Pending } = require('../pending.js')
const { bsonOf } = require('./bson.js')
const { SharedClient } = require('./driver-client.js')
const { afterDone, isOverload, loneError, statementError, unconfirmedError } = require('./driver-errors.js')
const { ALONE, Failure, Postponement, SharedCommands } = require('./driver-schedule.js')
const { LargeSessions } = require('./large-sessions.js')

/**
 * @typedef {Record<string, any>} Collection of any version of the driver, or a stand-in with the methods that a test needs
 * @typedef {Record<string, any>} StoredDocument
 * @typedef {import('./client-source.js').Client} Client
 * @typedef {import('./port.js').Call} Call
 *
 * @typedef {object} Place where sessions are written
 * @property {Client} client
 * @property {Collection} collection
 * @property {Record<string, any> | undefined} writeConcern
 * @property {(error: Error) => void} onRefused when the server is found to refuse retryable writes
 * @property {InstanceType<typeof import('./scope.js').Scope>} scope
 * @property {InstanceType<typeof import('./driver-tracing.js').DriverCommands>} commands
 *
 * @typedef {object} Read
 * @property {string} storageId
 * @property {Date} now what it was as the session was asked for
 *
 * @typedef {object} Written
 * @property {boolean} isCreated
 * @property {boolean} isMatched  `true` as well when the write is not acknowledged: nothing says that it matched nothing
 *
 * @typedef {object} Write
 * @property {string} storageId
 * @property {Record<string, any>} [update]    none: the session is removed
 * @property {boolean} [isUpsert] of an update: whether it may create the session
 *
 * @typedef {object} SessionCalls
 * @property {(storageId: string, call: Call) => Promise<StoredDocument | null>} find the live session of that id
 * @property {(write: Write, call: Call) => Promise<Written>} write of an id that has no other write under way
 * @property {{ waiting: number, underWay: number }} load how many calls wait, and how many commands are under way
 * @property {() => void} close sends nothing that waits
 */

/** A command holds no more of them, so that none waits long for the others. */
const MOST_LARGE_CALLS = 4

/** What a statement is refused with that would have to create a session with another id: ImmutableField. */
const MISSED = 66

/**
 * Among many statements an error alone tells which of them found no session. Where there is none, this one would have to create a session
 * whose id is not that which was asked for, and the server refuses.
 *
 * @param {Record<string, any>} update
 * @returns {Record<string, any>}
 */
function refusingToCreate({ $set: { _id, ...$set }, $setOnInsert, ...rest }) {
  return { $set, ...rest, $setOnInsert: { ...$setOnInsert, _id: null } }
}

/** @param {any} refusal of one statement of many @returns {symbol | InstanceType<typeof Postponement>} */
function refused(refusal) {
  // Azure has taken the others: it refuses what is too much, and not who asks.
  return isOverload(refusal) ? new Postponement(statementError(refusal)) : ALONE
}

/** @param {unknown} id @returns {string} the same for all that differ in case alone */
function caseless(id) {
  return String(id).toLowerCase()
}

/** @param {Write} write */
function nameOf({ update }) {
  return update ? 'update' : 'delete'
}

/** Calls the driver with the very arguments that connect-mongo 6 uses. */
class SingleCalls {
  #collection
  #writeConcern
  #retryableWrites
  #onRefused
  #scope

  /** @param {Place} place */
  constructor({ client, collection, writeConcern, onRefused, scope }) {
    this.#scope = scope
    this.#collection = collection
    this.#writeConcern = writeConcern
    this.#retryableWrites = SharedClient.of(client).retryableWrites
    this.#onRefused = onRefused
  }

  /** @param {string} storageId @returns {Promise<StoredDocument | null>} */
  async find(storageId) {
    // A stand-in's answer need be no promise.
    return await this.#collection.findOne({ _id: storageId, ...this.#scope.live() })
  }

  /** @param {Write} write @returns {Promise<Written>} */
  async write(write) {
    return await this.#retryableWrites.run((isMany) => this.#send(write, isMany), this.#onRefused)
  }

  /** @param {Write} write @param {boolean} isMany @returns {Promise<Written>} */
  async #send({ storageId, update, isUpsert }, isMany) {
    const filter = { _id: storageId }
    const options = { writeConcern: this.#writeConcern }
    if (!update) {
      await this.#collection[isMany ? 'deleteMany' : 'deleteOne'](filter, options)
      return { isCreated: false, isMatched: true }
    }
    const updateOptions = isUpsert === undefined ? options : { upsert: isUpsert, ...options }
    const method = isMany ? 'updateMany' : 'updateOne'
    const written = await this.#collection[method](filter, update, updateOptions)
    // With promoteValues: false the driver counts in objects.
    const isCreated = Number(written.upsertedCount) > 0
    const isMatched = Number(written.matchedCount) !== 0 || written.acknowledged === false
    return { isCreated, isMatched }
  }
}

/** Each call by itself. @implements {SessionCalls} */
class LoneCalls {
  #single
  #commands
  #pending = new Pending()

  /** None waits for another. */
  get load() {
    return { waiting: 0, underWay: this.#pending.size }
  }

  /** @param {Place} place */
  constructor(place) {
    this.#single = new SingleCalls(place)
    this.#commands = place.commands
  }

  /** @param {string} storageId @returns {Promise<StoredDocument | null>} */
  find(storageId) {
    return this.#pending.untilEnd(this.#commands.sendAlone('find', () => this.#single.find(storageId)))
  }

  /** @param {Write} write @returns {Promise<Written>} */
  write(write) {
    return this.#pending.untilEnd(this.#commands.sendAlone(nameOf(write), () => this.#single.write(write)))
  }

  close() {
    this.#pending.end()
  }
}

/** @implements {SessionCalls} */
class DriverEngine {
  #collection
  #writeConcern
  #client
  #retryableWrites
  #onRefused
  #scope
  #commands
  #leave
  /** @type {import('./bson.js').Bson | undefined} */
  #bson
  #single
  #large = new LargeSessions()
  #finds
  #largeFinds
  #updates
  #largeUpdates
  #removals

  /** @param {Place} place with a collection of a driver, and writes that are acknowledged */
  constructor(place) {
    const { client, collection, writeConcern, scope, commands } = place
    this.#scope = scope
    this.#commands = commands
    this.#collection = collection
    this.#writeConcern = writeConcern
    this.#client = client
    const shared = SharedClient.of(client)
    this.#retryableWrites = shared.retryableWrites
    this.#onRefused = place.onRefused
    this.#leave = shared.open()
    this.#single = new SingleCalls(place)
    const ofLarge = { mostCalls: MOST_LARGE_CALLS }
    this.#finds = new SharedCommands(this.#findKind, shared)
    this.#largeFinds = new SharedCommands({ ...this.#findKind, ...ofLarge }, shared)
    this.#updates = new SharedCommands(this.#updateKind, shared)
    this.#largeUpdates = new SharedCommands({ ...this.#updateKind, ...ofLarge }, shared)
    this.#removals = new SharedCommands(this.#removalKind, shared)
  }

  /** @returns {import('./driver-schedule.js').Kind<Read, StoredDocument | null>} */
  get #findKind() {
    const commands = this.#commands
    return {
      idOf: ({ storageId }) => storageId,
      alone: (read, call) => commands.send('find', [call], () => this.#findOne(read)),
      together: (reads, calls) => commands.send('find', calls, () => this.#findAll(reads)),
      isRead: true,
      readPreference: this.#collection.readPreference,
    }
  }

  get #writeKind() {
    return {
      idOf: (/** @type {Write} */ { storageId }) => storageId,
      alone: (/** @type {Write} */ write, /** @type {Call} */ call) =>
        this.#commands.send(nameOf(write), [call], () => this.#single.write(write)),
      isRead: false,
    }
  }

  /** @returns {import('./driver-schedule.js').Kind<Write, Written>} */
  get #updateKind() {
    return {
      ...this.#writeKind,
      together: (writes, calls) => this.#commands.send('update', calls, () => this.#updateAll(writes)),
    }
  }

  /** @returns {import('./driver-schedule.js').Kind<Write, Written>} */
  get #removalKind() {
    return {
      ...this.#writeKind,
      together: (writes, calls) => this.#commands.send('delete', calls, () => this.#removeAll(writes)),
    }
  }

  /** @param {string} storageId @param {Call} call @returns {Promise<StoredDocument | null>} */
  find(storageId, call) {
    const finds = this.#large.has(storageId) ? this.#largeFinds : this.#finds
    return finds.ask({ storageId, now: call.now ?? new Date() }, this.#commands.noted(call))
  }

  /** @param {Write} write @param {Call} call @returns {Promise<Written>} */
  write(write, call) {
    return this.#writesOf(write).ask(write, this.#commands.noted(call))
  }

  /** @param {Write} write */
  #writesOf({ storageId, update }) {
    if (!update) return this.#removals
    const session = update.$set?.session
    if (session !== undefined) this.#large.note(storageId, session)
    return this.#large.has(storageId) ? this.#largeUpdates : this.#updates
  }

  get load() {
    const loads = this.#kinds.map(({ load }) => load)
    return {
      waiting: loads.reduce((sum, { waiting }) => sum + waiting, 0),
      underWay: loads.reduce((sum, { underWay }) => sum + underWay, 0),
    }
  }

  close() {
    for (const commands of this.#kinds) commands.close()
    this.#leave()
  }

  get #kinds() {
    return [this.#finds, this.#largeFinds, this.#updates, this.#largeUpdates, this.#removals]
  }

  /** By the id alone, which the server answers by its fast path; connect-mongo's filter takes it half as long again. @param {Read} read */
  async #findOne({ storageId, now }) {
    const document = await this.#collection.findOne({ _id: storageId })
    this.#large.note(storageId, document?.session)
    return document && this.#scope.isLive(document, now) ? document : null
  }

  /** @param {Read[]} reads @returns {Promise<(StoredDocument | null | symbol)[]>} */
  async #findAll(reads) {
    const wanted = [...new Set(reads.map(({ storageId }) => storageId))]
    const documents = await this.#collection
      .find({ _id: { $in: wanted } }, { batchSize: wanted.length + 1 })
      .toArray()
    const byId = new Map(documents.map((/** @type {StoredDocument} */ document) => [document._id, document]))
    for (const { _id, session } of documents) this.#large.note(_id, session)
    const unfound = wanted.filter((id) => !byId.has(id))
    // With a collation, an id also finds a document whose id is written otherwise, be that another one that was asked for.
    const hasOthers = wanted.length - unfound.length < documents.length
    const foundCaseless = unfound.length > 0 ? new Set([...byId.keys()].map(caseless)) : byId
    const given = new Set()
    return reads.map(({ storageId: id, now }) => {
      const document = byId.get(id)
      if (document && !this.#scope.isLive(document, now)) return null
      if (!document) return hasOthers || foundCaseless.has(caseless(id)) ? ALONE : null
      // No two callers may share what they can change.
      if (given.has(id)) return this.#copyOf(document)
      given.add(id)
      return document
    })
  }

  /** @param {Write[]} writes @returns {Promise<import('./driver-schedule.js').Answer<Written>[]>} */
  async #updateAll(writes) {
    const { result, refusals, unconfirmed } = await this.#bulkWrite((isMany) =>
      writes.map(({ storageId, update, isUpsert }) => ({
        [isMany ? 'updateMany' : 'updateOne']: {
          filter: { _id: storageId },
          update: isUpsert ? update : refusingToCreate(update ?? {}),
          upsert: true,
        },
      }))
    )
    const created = new Set(Object.keys(result.upsertedIds).map(Number))
    // A server that is MongoDB in name only may have created what it should have refused.
    const hasMissed = writes.map(
      ({ isUpsert }, index) =>
        !isUpsert && (Number(refusals.get(index)?.code) === MISSED || created.has(index))
    )
    const untold = writes.filter(
      ({ isUpsert }, index) => !isUpsert && !hasMissed[index] && !refusals.has(index)
    )
    const done = writes.length - refusals.size - Number(result.upsertedCount)
    const missed = await this.#missed(untold, done - Number(result.matchedCount))
    return writes.map(({ storageId }, index) => {
      if (refusals.has(index) && !hasMissed[index]) return refused(refusals.get(index))
      if (unconfirmed) return new Failure(unconfirmed)
      const isMatched = !created.has(index) && !hasMissed[index] && !missed.has(storageId)
      return { isCreated: created.has(index) && !hasMissed[index], isMatched }
    })
  }

  /** @param {Write[]} writes @returns {Promise<import('./driver-schedule.js').Answer<Written>[]>} */
  async #removeAll(writes) {
    const { refusals, unconfirmed } = await this.#bulkWrite((isMany) =>
      writes.map(({ storageId }) => ({
        [isMany ? 'deleteMany' : 'deleteOne']: { filter: { _id: storageId } },
      }))
    )
    return writes.map((_, index) => {
      if (refusals.has(index)) return refused(refusals.get(index))
      return unconfirmed ? new Failure(unconfirmed) : { isCreated: false, isMatched: true }
    })
  }

  /**
   * `refusals`: what only these statements were refused with; their calls are to hear it as they would alone. `unconfirmed`: what was done is
   * not acknowledged as the write concern asks.
   *
   * @param {(isMany: boolean) => Record<string, any>[]} statementsOf
   * @returns {Promise<{ result: Record<string, any>, refusals: Map<number, any>, unconfirmed?: unknown }>}
   */
  #bulkWrite(statementsOf) {
    return this.#retryableWrites.run((isMany) => this.#bulkWriteOnce(statementsOf(isMany)), this.#onRefused)
  }

  /** @param {Record<string, any>[]} statements */
  async #bulkWriteOnce(statements) {
    const options = { ordered: false, writeConcern: this.#writeConcern }
    try {
      return { result: await this.#collection.bulkWrite(statements, options), refusals: new Map() }
    } catch (error) {
      const { result, writeErrors } = Object(error)
      const refusals = new Map([writeErrors ?? []].flat().map((refusal) => [Number(refusal.index), refusal]))
      // Whose error that is nobody knows.
      if (![...refusals.keys()].every((index) => index in statements)) throw afterDone(error)
      if (result && refusals.size > 0) return { result, refusals, unconfirmed: unconfirmedError(error) }
      throw loneError(error, () => {
        for (const statement of statements) this.#serialize(statement)
      })
    }
  }

  /** @param {Record<string, any>} document @returns {Uint8Array} @throws what the driver throws */
  #serialize(document) {
    this.#bson ??= bsonOf(this.#client)
    return this.#bson.serialize(document, this.#collection.bsonOptions)
  }

  /** @param {StoredDocument} document @returns {StoredDocument} */
  #copyOf(document) {
    const bytes = this.#serialize(document)
    return /** @type {import('./bson.js').Bson} */ (this.#bson).deserialize(
      bytes,
      this.#collection.bsonOptions
    )
  }

  /**
   * Which of the updates matched nothing: the result only counts those that did.
   *
   * @param {Write[]} updates
   * @param {number} count how many of them
   * @returns {Promise<Set<string>>} their storage ids
   */
  async #missed(updates, count) {
    const ids = updates.map(({ storageId }) => storageId)
    if (count === 0 || count === ids.length) return new Set(count ? ids : [])
    const options = { projection: { _id: 1 }, readPreference: 'primary', batchSize: ids.length + 1 }
    const cursor = this.#collection.find({ _id: { $in: ids } }, options)
    const there = await cursor.toArray().catch((/** @type {unknown} */ error) => {
      throw afterDone(error)
    })
    const found = new Set(there.map((/** @type {StoredDocument} */ { _id }) => _id))
    return new Set(ids.filter((id) => !found.has(id)))
  }
}

const REPLACEABLE = ['find', 'findOne', 'updateOne', 'deleteOne', 'bulkWrite']

/**
 * Grouped for a collection of a driver; one by one where a test looks on, and where nothing is acknowledged.
 *
 * @param {Place} place
 * @returns {SessionCalls}
 */
function sessionCalls(place) {
  const { collection, writeConcern } = place
  const isDriver = collection.constructor?.name === 'Collection' && 'bulkWrite' in collection
  const isReplaced = REPLACEABLE.some((method) => Object.hasOwn(collection, method))
  const isAcknowledged = (writeConcern ?? collection.writeConcern)?.w !== 0
  if (!isDriver || isReplaced || !isAcknowledged) return new LoneCalls(place)
  return new DriverEngine(place)
}

module.exports = { caseless, sessionCalls }
