// What `stats` counts: one session after the other, in memory that does not grow with their number. Pure.
'use strict'

/** @typedef {[label: string, count: number][]} Bars */

const SECOND = 1000
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR

/** @type {[upTo: number, label: string][]} */
const SPANS = [
  [HOUR, 'up to 1 hour'],
  [6 * HOUR, 'up to 6 hours'],
  [DAY, 'up to 1 day'],
  [7 * DAY, 'up to 7 days'],
  [14 * DAY, 'up to 14 days'],
  [30 * DAY, 'up to 30 days'],
  [90 * DAY, 'up to 90 days'],
  [Number.POSITIVE_INFINITY, 'longer'],
]

/** @type {[upTo: number, label: string][]} */
const SIZES = [
  [300, 'up to 300 B'],
  [1_000, 'up to 1 kB'],
  [3_000, 'up to 3 kB'],
  [10_000, 'up to 10 kB'],
  [30_000, 'up to 30 kB'],
  [100_000, 'up to 100 kB'],
  [1_000_000, 'up to 1 MB'],
  [Number.POSITIVE_INFINITY, 'over 1 MB'],
]

/** How much a percentile may be off: each class of sizes ends at that much more than the one before. */
const PRECISION = 1.02

/** Counts by classes that each end somewhere. */
class Histogram {
  #classes
  /** @type {number[]} */
  #counts

  /** @param {[upTo: number, label: string][]} classes */
  constructor(classes) {
    this.#classes = classes
    this.#counts = classes.map(() => 0)
  }

  /** @param {number} value */
  add(value) {
    this.#counts[this.#classes.findIndex(([upTo]) => value <= upTo)]++
  }

  /** @returns {Bars} from the first class to the last that has any */
  bars() {
    const last = this.#counts.findLastIndex((count) => count > 0)
    return this.#classes.slice(0, last + 1).map(([, label], index) => [label, this.#counts[index]])
  }
}

/** Percentiles of positive numbers, as near as PRECISION. */
class Percentiles {
  /** @type {number[]} */
  #counts = []
  #total = 0

  /** @param {number} value */
  add(value) {
    const index = Math.round(Math.log(Math.max(value, 1)) / Math.log(PRECISION))
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#total++
  }

  /** @param {number} share */
  at(share) {
    let left = share * this.#total
    const index = this.#counts.findIndex((count = 0) => {
      left -= count
      return count > 0 && left <= 0
    })
    return index === -1 ? 0 : Math.round(PRECISION ** index)
  }
}

/** @param {Record<string, number>} counts @param {string} name */
function count(counts, name) {
  counts[name] = (counts[name] ?? 0) + 1
}

/**
 * @typedef {object} Counted what is known of a session
 * @property {string} format
 * @property {string} idKind
 * @property {number} bytes
 * @property {Date} [expires]
 * @property {Date} [createdAt]
 */

class Tally {
  #now
  #total = 0
  #live = 0
  #withoutExpires = 0
  #bytes = 0
  #largest = 0
  #dated = 0
  /** @type {Record<string, number>} */
  #formats = {}
  /** @type {Record<string, number>} */
  #ids = {}
  #sizes = new Histogram(SIZES)
  #percentiles = new Percentiles()
  #ages = new Histogram(SPANS)
  #left = new Histogram(SPANS)

  /** @param {Date} now by the server's clock */
  constructor(now) {
    this.#now = now.getTime()
  }

  get total() {
    return this.#total
  }

  /** @param {Counted} session */
  add({ format, idKind, bytes, expires, createdAt }) {
    this.#total++
    this.#bytes += bytes
    this.#largest = Math.max(this.#largest, bytes)
    this.#sizes.add(bytes)
    this.#percentiles.add(bytes)
    count(this.#formats, format)
    count(this.#ids, idKind)
    this.#addLife(expires, createdAt)
  }

  /** Of those that are live. @param {Date} [expires] @param {Date} [createdAt] */
  #addLife(expires, createdAt) {
    if (expires && expires.getTime() <= this.#now) return
    this.#live++
    if (expires) this.#left.add(expires.getTime() - this.#now)
    else this.#withoutExpires++
    if (!createdAt) return
    this.#dated++
    this.#ages.add(this.#now - createdAt.getTime())
  }

  report() {
    return {
      total: this.#total,
      live: this.#live,
      expired: this.#total - this.#live,
      withoutExpires: this.#withoutExpires,
      withoutCreatedAt: this.#live - this.#dated,
      bytes: {
        total: this.#bytes,
        mean: this.#total === 0 ? 0 : Math.round(this.#bytes / this.#total),
        p50: Math.min(this.#percentiles.at(0.5), this.#largest),
        p99: Math.min(this.#percentiles.at(0.99), this.#largest),
        largest: this.#largest,
      },
      formats: this.#formats,
      ids: this.#ids,
      sizes: this.#sizes.bars(),
      ages: this.#ages.bars(),
      endsIn: this.#left.bars(),
    }
  }
}

module.exports = { Tally }
