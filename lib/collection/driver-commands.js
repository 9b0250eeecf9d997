// The commands of one kind that are under way over a JavaScript client: whether there may be one more, when one is late, and what is
// done then.
'use strict'

// Kept, for apps whose tests put fake timers in the place of the global ones.
const { clearTimeout, setTimeout } = require('node:timers')

const { isAnswer } = require('./driver-errors.js')
const { LateSessions } = require('./driver-late.js')
const { Pace } = require('./driver-pace.js')

/**
 * @typedef {InstanceType<typeof import('./driver-client.js').SharedClient>} SharedClient
 *
 * @typedef {object} Command
 * @property {string[]} ids
 * @property {number} trust how many calls its connection is trusted with
 * @property {number} startedMs
 * @property {boolean} isLate
 * @property {boolean} isOver
 * @property {NodeJS.Timeout | undefined} timer
 * @property {() => Promise<any>} ask
 * @property {(answer: any) => void} [resolve] of a read
 * @property {(error: unknown) => void} [reject]
 */

/**
 * @template Call
 * @typedef {object} Listeners
 * @property {(error: unknown) => void} onFailure a command has failed, and its place is not free yet
 * @property {(released: Call[]) => void} onRoom there may be room for one more, and there is for those that waited for a late one
 */

/** When a read without an answer is asked again. */
const REPEATED_AFTER_MS = [3_000, 6_000, 12_000]

/** @template T @param {T[]} list @param {T} item */
function remove(list, item) {
  const at = list.indexOf(item)
  if (at >= 0) list.splice(at, 1)
}

/** @param {Command} command of which the first answer counts */
function askOnce({ ask, resolve, reject }) {
  ask().then(resolve, reject)
}

/** @param {Command} command @returns {Promise<any>} */
function firstAnswer(command) {
  return new Promise((resolve, reject) => {
    command.resolve = resolve
    command.reject = reject
    askOnce(command)
  })
}

/** @template {{ id: string }} Call */
class Commands {
  /** @type {InstanceType<typeof LateSessions<Call>>} */
  late = new LateSessions()
  #client
  #readPreference
  #isRepeatable
  #listeners
  #pace = new Pace()
  /** Those that are not late: a few. @type {Command[]} */
  #inTime = []

  /**
   * @param {{ isRead: boolean, readPreference?: any }} kind
   * @param {SharedClient} client
   * @param {Listeners<Call>} listeners
   */
  constructor({ isRead, readPreference }, client, listeners) {
    this.#client = client
    this.#readPreference = readPreference
    this.#isRepeatable = isRead && client.retriesReads
    this.#listeners = listeners
  }

  get underWay() {
    return this.#pace.underWay
  }

  /** Whether one more may leave. */
  get hasRoom() {
    return this.#pace.room > 0 && this.#client.traffic.hasRoom(this.#pace.underWay)
  }

  /** Of a command that is run then. @returns {number} how many calls its connection is trusted with */
  begin() {
    return this.#client.traffic.begin()
  }

  /** @param {number} trust what `begin` gave @param {number} waiting @returns {number} how many calls the command may hold */
  mostCalls(trust, waiting) {
    return Math.min(trust, this.#pace.mostCalls(waiting))
  }

  /**
   * @template T
   * @param {string[]} ids
   * @param {number} trust what `begin` gave
   * @param {() => Promise<T>} ask
   * @returns {Promise<T>}
   */
  async run(ids, trust, ask) {
    /** @type {Command} */
    const command = {
      ids,
      trust,
      startedMs: performance.now(),
      isLate: false,
      isOver: false,
      timer: undefined,
      ask,
      resolve: undefined,
      reject: undefined,
    }
    this.#pace.begin()
    this.#inTime.push(command)
    this.#expect(command)
    let isAnswered = true
    try {
      return await (this.#isRepeatable ? firstAnswer(command) : ask())
    } catch (error) {
      isAnswered = isAnswer(error)
      this.#listeners.onFailure(error)
      throw error
    } finally {
      this.#end(command, isAnswered)
    }
  }

  /** @param {Command} command */
  #expect(command) {
    const leftMs = command.startedMs + this.#pace.lateAfterMs() - performance.now()
    command.timer = setTimeout(() => this.#markLate(command), leftMs).unref()
  }

  /** @param {Command} command */
  #markLate(command) {
    // Meanwhile it may have turned out that all take longer.
    if (performance.now() - command.startedMs < this.#pace.lateAfterMs()) return this.#expect(command)
    command.isLate = true
    remove(this.#inTime, command)
    this.#pace.markLate()
    this.late.hold(command.ids)
    this.#client.idle.check(this.#readPreference)
    if (this.#isRepeatable) this.#repeatLater(command, REPEATED_AFTER_MS)
    this.#listeners.onRoom([])
  }

  /** @param {Command} command @param {number[]} times */
  #repeatLater(command, [afterMs, ...later]) {
    if (afterMs === undefined || command.isOver) return
    const leftMs = command.startedMs + afterMs - performance.now()
    command.timer = setTimeout(async () => {
      const { idle } = this.#client
      // First, for the one ping not to get an idle connection that has been forgotten.
      idle.check(this.#readPreference)
      const isAnswering = await idle.isAnswering(this.#readPreference)
      if (isAnswering && !command.isOver) askOnce(command)
      this.#repeatLater(command, later)
    }, leftMs).unref()
  }

  /** @param {Command} command @param {boolean} isAnswered */
  #end(command, isAnswered) {
    const { ids, isLate, startedMs, trust } = command
    const tookMs = performance.now() - startedMs
    command.isOver = true
    clearTimeout(command.timer)
    remove(this.#inTime, command)
    this.#pace.end(isLate)
    if (isAnswered) this.#note(tookMs)
    if (isLate) this.#suspect(ids, tookMs)
    else if (isAnswered) this.late.acquit(ids)
    this.#client.traffic.end(trust, ids.length, isAnswered)
    this.#listeners.onRoom(isLate ? this.late.release(ids) : [])
  }

  /** What all take is the fault of none. @param {string[]} ids @param {number} tookMs */
  #suspect(ids, tookMs) {
    if (!this.#pace.isInDoubt && tookMs >= this.#pace.lateAfterMs()) this.late.suspect(ids)
  }

  /** @param {number} tookMs */
  #note(tookMs) {
    const wasInDoubt = this.#pace.isInDoubt
    if (this.#pace.isSlowForAll(tookMs)) this.late.acquitAll()
    this.#pace.note(tookMs)
    if (wasInDoubt && !this.#pace.isInDoubt) this.#expectAgain()
  }

  /** The longer times of when there was doubt hold up nobody any more. */
  #expectAgain() {
    for (const command of this.#inTime) {
      clearTimeout(command.timer)
      this.#expect(command)
    }
  }
}

module.exports = { Commands }
