// Calls that wait for their turn. An array, since what has left a Set is kept alive by those of its tables that have grown old.
'use strict'

/** What the line may be longer than the calls in it, before it is made anew. */
const MOST_GAPS = 32

/** The first to come is the first to leave, and to leave out of turn costs no more. @template {{ isInLine: boolean }} Call */
class Line {
  /** Those who have left out of turn are in it until they are the first. @type {(Call | undefined)[]} */
  #calls = []
  #head = 0
  #size = 0

  get size() {
    return this.#size
  }

  /** @returns {Call | undefined} */
  get first() {
    while (this.#head < this.#calls.length && !this.#calls[this.#head]?.isInLine) this.#skip()
    return this.#calls[this.#head]
  }

  /** @param {Call} call */
  add(call) {
    call.isInLine = true
    this.#size++
    this.#calls.push(call)
  }

  /** @returns {Call | undefined} the first one, which leaves */
  shift() {
    const call = this.first
    if (call) this.remove(call)
    return call
  }

  /** @param {Call} call whether in it or not */
  remove(call) {
    if (!call.isInLine) return
    call.isInLine = false
    this.#size--
    if (this.#calls[this.#head] === call) this.#skip()
    if (this.#calls.length > 2 * this.#size + MOST_GAPS || this.#size === 0) this.#close()
  }

  /** @param {(call: Call) => boolean} which @returns {Call[]} those, which leave */
  removeAll(which) {
    const calls = this.#calls.filter((call) => call?.isInLine && which(call))
    for (const call of calls) this.remove(/** @type {Call} */ (call))
    return /** @type {Call[]} */ (calls)
  }

  #skip() {
    this.#calls[this.#head] = undefined
    this.#head++
  }

  /** The gaps. */
  #close() {
    this.#calls = this.#size === 0 ? [] : this.#calls.filter((call) => call?.isInLine)
    this.#head = 0
  }
}

module.exports = { Line }
