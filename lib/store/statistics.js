// How many operations a store has done, and how long they took.
'use strict'

const { now } = require('../clock.js')
const { debug, debugSession } = require('../debug.js')
const { Histogram, countOf } = require('../histogram.js')

/**
 * @typedef {object} Begun
 * @property {string} name
 * @property {number} sinceMs
 * @property {string | undefined} sid of which session, as soon as it is known
 *
 * @typedef {{ failed: number, latencyMs: InstanceType<typeof Histogram> }} Counts
 */

const LATENCY_BOUNDS_MS = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]

/** @param {number} milliseconds */
function inWords(milliseconds) {
  return `${milliseconds.toFixed(1)} ms`
}

class Statistics {
  /** By name. @type {Map<string, Counts>} */
  #operations = new Map()

  /** @param {string} name @returns {Begun} */
  begin(name) {
    return { name, sinceMs: now(), sid: undefined }
  }

  /** @param {Begun} begun @param {unknown} [error] */
  end({ name, sinceMs, sid }, error) {
    const tookMs = now() - sinceMs
    const counts = this.#operations.get(name) ?? this.#begun(name)
    if (error) counts.failed++
    counts.latencyMs.add(tookMs)
    if (!debug.enabled) return
    const outcome = error ? 'failed after' : 'took'
    if (sid === undefined) debug('MongoStore#%s() %s %s', name, outcome, inWords(tookMs))
    else debugSession(`MongoStore#${name}=%s ${outcome} %s`, sid, inWords(tookMs))
  }

  /** @param {string} name @returns {Counts} */
  #begun(name) {
    const counts = { failed: 0, latencyMs: new Histogram(LATENCY_BOUNDS_MS) }
    this.#operations.set(name, counts)
    return counts
  }

  /** @returns {Record<string, { count: number, failed: number, latencyMs: import('../histogram.js').Counted }>} */
  get operations() {
    const counted = [...this.#operations].map(([name, { failed, latencyMs: histogram }]) => {
      const latencyMs = histogram.counted
      return [name, { count: countOf(latencyMs), failed, latencyMs }]
    })
    return Object.fromEntries(counted)
  }
}

module.exports = { Statistics }
