// How many commands of one kind may be under way, how much each may hold, and when one is late: as in core/src/schedule/traffic.rs.
'use strict'

/** Commands of one kind that may be under way at a time: with more, each would only hold fewer calls. */
const FEWEST_COMMANDS = 2
const MOST_COMMANDS = 8
/** One more may be under way for each of these that the quickest took: on a slow network a turn is long to wait for. */
const MS_PER_COMMAND = 2

/** A command of fewer calls than these costs the server more than it gains by working on several. */
const LEAST_SHARE = 16

/** A command is late once it has taken this many times as long as usual, and at least so long. */
const LATE_FACTOR = 10
const LEAST_LATE_MS = 50
/** So many late commands in a row may be the trouble of so many users. Each one more doubles the time for the next. */
const LEAST_DOUBT = 6
const MOST_DOUBT = 14
/** How much of the usual time a slower command makes up, a quicker one being half, and how many times as long as usual it counts. */
const NEWEST_SHARE = 8
const MOST_SURPRISE = 8

class Pace {
  /** Commands that are not late. */
  #inTime = 0
  #late = 0
  /** How many were late since the last answer in time. */
  #doubt = 0
  /** How many answers in time there were since the last that was late. */
  #relief = Number.POSITIVE_INFINITY
  #quickestMs = 0
  #usualMs = 0

  get underWay() {
    return this.#inTime + this.#late
  }

  /** Whether nothing has come back in time since a command was late. */
  get isInDoubt() {
    return this.#doubt > 0
  }

  /** How many more commands may leave. */
  get room() {
    const most = Math.floor(this.#quickestMs / MS_PER_COMMAND)
    return Math.min(Math.max(most, FEWEST_COMMANDS), MOST_COMMANDS) - this.#inTime
  }

  /**
   * What waits is divided among the commands that may leave. Where one session holds up others, another may be near.
   *
   * @param {number} waiting
   * @returns {number} how many calls the next command may hold
   */
  mostCalls(waiting) {
    return Math.min(Math.max(Math.ceil(waiting / this.room), LEAST_SHARE), 2 ** this.#relief)
  }

  begin() {
    this.#inTime++
  }

  /** Of a command that is under way: it counts no more. */
  markLate() {
    this.#inTime--
    this.#late++
    this.#doubt++
    this.#relief = 0
  }

  /** @param {boolean} wasLate */
  end(wasLate) {
    if (wasLate) this.#late--
    else this.#inTime--
  }

  /** @param {number} tookMs what the server has answered after so long */
  note(tookMs) {
    this.#quickestMs = this.#quickestMs ? Math.min(this.#quickestMs, tookMs) : tookMs
    // It does more when calls share commands.
    if (this.isSlowForAll(tookMs)) this.#relief = Number.POSITIVE_INFINITY
    this.#usualMs = this.#learnt(tookMs)
    if (tookMs >= this.lateAfterMs()) return
    this.#doubt = 0
    this.#relief++
  }

  /** @param {number} tookMs of a command @returns {boolean} whether that shows that the server is slow for everybody: no other was quicker */
  isSlowForAll(tookMs) {
    return this.#doubt >= LEAST_DOUBT && tookMs >= this.#muchLongerThanUsualMs()
  }

  /** @param {number} tookMs */
  #learnt(tookMs) {
    // The first may have had to connect, or to make the collection.
    const usualMs = this.#usualMs || Math.min(tookMs, LEAST_LATE_MS / LATE_FACTOR)
    // Nothing was quicker since so many were late: that is what commands take now.
    if (tookMs > usualMs && this.#doubt >= LEAST_DOUBT) return tookMs
    const countedMs = Math.min(tookMs, usualMs * MOST_SURPRISE)
    const share = countedMs < usualMs ? 2 : NEWEST_SHARE
    return (usualMs * (share - 1) + countedMs) / share
  }

  /** How long a command that leaves now may take. */
  lateAfterMs() {
    const doublings = Math.min(Math.max(this.#doubt, LEAST_DOUBT), MOST_DOUBT) - LEAST_DOUBT
    return this.#muchLongerThanUsualMs() * 2 ** doublings
  }

  #muchLongerThanUsualMs() {
    return Math.max(this.#usualMs * LATE_FACTOR, LEAST_LATE_MS)
  }
}

module.exports = { Pace }
