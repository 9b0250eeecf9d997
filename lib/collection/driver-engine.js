// What a session collection is asked for one session, over a collection of the JavaScript driver: one by one, as
// connect-mongo asks, and grouped where calls wait for each other anyway. What the grouping promises is written in
// src/engine/mod.rs, and when a command is late in core/src/schedule.rs.
'use strict'

// Kept, for apps whose tests put fake timers in the place of the global ones.
const { clearTimeout, setTimeout } = require('node:timers')
const { closedError } = require('../errors.js')

/**
 * @typedef {Record<string, any>} Collection of any version of the driver, or a stand-in with the methods that a test needs
 * @typedef {Record<string, any>} StoredDocument
 *
 * @typedef {object} Written
 * @property {boolean} isCreated
 * @property {boolean} isMatched  `true` as well when the write is not acknowledged: nothing says that it matched nothing
 *
 * @typedef {object} Write
 * @property {string} storageId
 * @property {object} [update]    none: the session is removed
 * @property {boolean} [isUpsert] of an update: whether it may create the session
 *
 * @typedef {object} SessionCalls
 * @property {(storageId: string) => Promise<StoredDocument | null>} find the live session of that id
 * @property {(write: Write) => Promise<Written>} write of an id that has no other write under way
 * @property {() => void} close sends nothing that waits
 */

/** The filter of all sessions that are live now. */
function live() {
  return [{ expires: { $exists: false } }, { expires: { $gt: new Date() } }]
}

/** Calls the driver with the very arguments that connect-mongo 6 uses. @implements {SessionCalls} */
class SingleCalls {
  #collection
  #writeConcern

  /** @param {Collection} collection @param {object | undefined} writeConcern */
  constructor(collection, writeConcern) {
    this.#collection = collection
    this.#writeConcern = writeConcern
  }

  /** @param {string} storageId @returns {Promise<StoredDocument | null>} */
  find(storageId) {
    return this.#collection.findOne({ _id: storageId, $or: live() })
  }

  /** @param {Write} write @returns {Promise<Written>} */
  async write({ storageId, update, isUpsert }) {
    const filter = { _id: storageId }
    const options = { writeConcern: this.#writeConcern }
    if (!update) {
      await this.#collection.deleteOne(filter, options)
      return { isCreated: false, isMatched: true }
    }
    const updateOptions = isUpsert === undefined ? options : { upsert: isUpsert, ...options }
    const written = await this.#collection.updateOne(filter, update, updateOptions)
    // With promoteValues: false the driver counts in objects.
    const isCreated = Number(written.upsertedCount) > 0
    const isMatched = Number(written.matchedCount) !== 0 || written.acknowledged === false
    return { isCreated, isMatched }
  }

  close() {}
}

/** Commands of one kind that may be under way at a time: with more, each would only hold fewer calls. */
const FEWEST_COMMANDS = 2
const MOST_COMMANDS = 8
/** One more may be under way for each of these that the quickest took: on a slow network a turn is long to wait for. */
const MS_PER_COMMAND = 2
const MOST_CALLS = 1000

/** A command is late once it has taken this many times as long as usual, and at least so long. */
const LATE_FACTOR = 10
const LEAST_LATE_MS = 50
/** So many late commands in a row may be the trouble of so many users. Each one more doubles the time for the next. */
const LEAST_DOUBT = 6
const MOST_DOUBT = 11
/** How much of the usual time a slower command makes up, a quicker one being half, and how many times as long as usual it counts. */
const NEWEST_SHARE = 8
const MOST_SURPRISE = 8
/** In place of late commands others may leave until there are so many of a kind. */
const MOST_IN_ALL = 16

/** No call would fare better alone. */
const UNREACHABLE =
  /^Mongo(Network|NetworkTimeout|ServerSelection|PoolCleared|WaitQueueTimeout|TopologyClosed|NotConnected|ClientClosed|ExpiredSession|OperationTimeout)Error$/

/**
 * @template Q, A
 * @typedef {object} Waiting
 * @property {Q} asked
 * @property {(answer: A | Promise<A>) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/**
 * Calls of one kind. A call leaves at once, and alone, unless as many commands are under way as may be: then it waits for one
 * of them to return or to be late, and leaves with all others that wait; by itself while nothing has come back in time since one
 * was late.
 *
 * @template Q, A
 */
class SharedCommands {
  #alone
  #together
  /** @type {Waiting<Q, A>[]} */
  #waiting = []
  /** Commands that are not late. */
  #underWay = 0
  #late = 0
  /** How many were late since the last answer in time. */
  #doubt = 0
  #quickestMs = 0
  #usualMs = 0

  /**
   * @param {(asked: Q) => Promise<A>} alone
   * @param {(asked: Q[]) => Promise<(A | Promise<A>)[]>} together the answers in the same order
   */
  constructor(alone, together) {
    this.#alone = alone
    this.#together = together
  }

  /** @param {Q} asked @returns {Promise<A>} */
  async ask(asked) {
    if (this.#underWay < this.#most()) return await this.#command(() => this.#alone(asked))
    return await new Promise((resolve, reject) => this.#waiting.push({ asked, resolve, reject }))
  }

  close() {
    for (const { reject } of this.#waiting.splice(0)) reject(closedError())
  }

  /** @template T @param {() => Promise<T>} run @returns {Promise<T>} */
  async #command(run) {
    this.#underWay++
    const startedMs = performance.now()
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.#underWay--
      this.#late++
      this.#doubt++
      this.#sendWaiting()
    }, this.#lateAfterMs()).unref()
    try {
      const answer = await run()
      this.#note(performance.now() - startedMs)
      return answer
    } finally {
      clearTimeout(timer)
      if (isLate) this.#late--
      else this.#underWay--
      this.#sendWaiting()
    }
  }

  #sendWaiting() {
    while (this.#waiting.length > 0 && this.#underWay < this.#most()) {
      if (this.#underWay + this.#late >= MOST_IN_ALL) return
      const group = this.#waiting.splice(0, this.#doubt > 0 ? 1 : MOST_CALLS)
      this.#command(() => (group.length === 1 ? this.#sendAlone(group) : this.#send(group)))
    }
  }

  /** @param {number} tookMs */
  #note(tookMs) {
    this.#quickestMs = this.#quickestMs ? Math.min(this.#quickestMs, tookMs) : tookMs
    if (tookMs < this.#lateAfterMs()) this.#doubt = 0
    // The first may have had to connect, or to make the collection.
    const usualMs = this.#usualMs || Math.min(tookMs, LEAST_LATE_MS / LATE_FACTOR)
    const countedMs = Math.min(tookMs, usualMs * MOST_SURPRISE)
    const share = countedMs < usualMs ? 2 : NEWEST_SHARE
    this.#usualMs = (usualMs * (share - 1) + countedMs) / share
  }

  #lateAfterMs() {
    const doublings = Math.min(Math.max(this.#doubt, LEAST_DOUBT), MOST_DOUBT) - LEAST_DOUBT
    return Math.max(this.#usualMs * LATE_FACTOR, LEAST_LATE_MS) * 2 ** doublings
  }

  /** @param {Waiting<Q, A>[]} group */
  async #send(group) {
    try {
      const answers = await this.#together(group.map(({ asked }) => asked))
      group.forEach(({ resolve }, index) => {
        resolve(answers[index])
      })
    } catch (error) {
      if (UNREACHABLE.test(/** @type {Error} */ (error).name)) for (const { reject } of group) reject(error)
      else await this.#sendAlone(group)
    }
  }

  /**
   * One call can spoil all others, such as a session that is nested too deeply. Each gets the error that it gets alone.
   *
   * @param {Waiting<Q, A>[]} group
   */
  async #sendAlone(group) {
    const answers = group.map(({ asked, resolve }) => {
      const answer = this.#alone(asked)
      resolve(answer)
      return answer
    })
    await Promise.allSettled(answers)
  }

  #most() {
    const most = Math.floor(this.#quickestMs / MS_PER_COMMAND)
    return Math.min(Math.max(most, FEWEST_COMMANDS), MOST_COMMANDS)
  }
}

/** @implements {SessionCalls} */
class DriverEngine {
  #collection
  #writeConcern
  #single
  #finds
  #updates
  #removals

  /** @param {Collection} collection of a driver @param {object | undefined} writeConcern one that acknowledges */
  constructor(collection, writeConcern) {
    this.#collection = collection
    this.#writeConcern = writeConcern
    const single = new SingleCalls(collection, writeConcern)
    this.#single = single
    this.#finds = new SharedCommands(
      (/** @type {string} */ storageId) => single.find(storageId),
      (storageIds) => this.#findAll(storageIds)
    )
    this.#updates = new SharedCommands(
      (/** @type {Write} */ write) => single.write(write),
      (writes) => this.#updateAll(writes)
    )
    this.#removals = new SharedCommands(
      (/** @type {Write} */ write) => single.write(write),
      (writes) => this.#removeAll(writes)
    )
  }

  /** @param {string} storageId @returns {Promise<StoredDocument | null>} */
  find(storageId) {
    return this.#finds.ask(storageId)
  }

  /** @param {Write} write @returns {Promise<Written>} */
  write(write) {
    return (write.update ? this.#updates : this.#removals).ask(write)
  }

  close() {
    for (const commands of [this.#finds, this.#updates, this.#removals]) commands.close()
  }

  /** @param {string[]} storageIds */
  async #findAll(storageIds) {
    const wanted = [...new Set(storageIds)]
    const documents = await this.#collection
      .find({ _id: { $in: wanted }, $or: live() }, { batchSize: wanted.length + 1 })
      .toArray()
    const byId = new Map(documents.map((/** @type {StoredDocument} */ document) => [document._id, document]))
    // With a collation, an id also finds a document whose id is written otherwise.
    const hasOthers = wanted.filter((id) => byId.has(id)).length < documents.length
    const given = new Set()
    return storageIds.map((id) => {
      const document = byId.get(id)
      if (document ? given.has(id) : hasOthers) return this.#single.find(id)
      // No two callers may share what they can change.
      given.add(id)
      return document ?? null
    })
  }

  /** @param {Write[]} writes @returns {Promise<(Written | Promise<Written>)[]>} */
  async #updateAll(writes) {
    const { result, failed } = await this.#bulkWrite(
      writes.map(({ storageId, update, isUpsert }) => ({
        updateOne: { filter: { _id: storageId }, update, ...(isUpsert && { upsert: true }) },
      }))
    )
    const created = new Set(Object.keys(result.upsertedIds).map(Number))
    const done = writes.length - failed.size
    const missed = await this.#missed(
      writes.filter(({ isUpsert }, index) => !isUpsert && !failed.has(index)),
      done - created.size - Number(result.matchedCount)
    )
    return writes.map((write, index) =>
      failed.has(index)
        ? this.#single.write(write)
        : { isCreated: created.has(index), isMatched: !created.has(index) && !missed.has(write.storageId) }
    )
  }

  /** @param {Write[]} writes @returns {Promise<(Written | Promise<Written>)[]>} */
  async #removeAll(writes) {
    const { failed } = await this.#bulkWrite(
      writes.map(({ storageId }) => ({ deleteOne: { filter: { _id: storageId } } }))
    )
    return writes.map((write, index) =>
      failed.has(index) ? this.#single.write(write) : { isCreated: false, isMatched: true }
    )
  }

  /** @param {object[]} statements @returns {Promise<{ result: Record<string, any>, failed: Set<number> }>} */
  async #bulkWrite(statements) {
    const options = { ordered: false, writeConcern: this.#writeConcern }
    try {
      return { result: await this.#collection.bulkWrite(statements, options), failed: new Set() }
    } catch (error) {
      const { result, writeErrors } = /** @type {Record<string, any>} */ (error)
      const failed = new Set([writeErrors ?? []].flat().map(({ index }) => Number(index)))
      if (!result || failed.size === 0) throw error
      return { result, failed }
    }
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
    const there = await this.#collection.find({ _id: { $in: ids } }, options).toArray()
    const found = new Set(there.map((/** @type {StoredDocument} */ { _id }) => _id))
    return new Set(ids.filter((id) => !found.has(id)))
  }
}

const REPLACEABLE = ['find', 'findOne', 'updateOne', 'deleteOne', 'bulkWrite']

/**
 * Grouped for a collection of a driver; one by one where a test looks on, and where nothing is acknowledged.
 *
 * @param {Collection} collection
 * @param {Record<string, any> | undefined} writeConcern
 * @returns {SessionCalls}
 */
function sessionCalls(collection, writeConcern) {
  const isDriver = collection.constructor?.name === 'Collection' && 'bulkWrite' in collection
  const isReplaced = REPLACEABLE.some((method) => Object.hasOwn(collection, method))
  const isAcknowledged = (writeConcern ?? collection.writeConcern)?.w !== 0
  const Calls = isDriver && !isReplaced && isAcknowledged ? DriverEngine : SingleCalls
  return new Calls(collection, writeConcern)
}

module.exports = { live, sessionCalls }
