// A histogram with bounds of its own. Pure.
'use strict'

/**
 * @typedef {object} Counted
 * @property {number[]} bounds of the buckets: each holds what is not above its bound, nor in those before
 * @property {number[]} counts one more than there are bounds: the last is of what is above all of them
 * @property {number} sum of all values
 */

class Histogram {
  #bounds
  #counts
  #sum = 0

  /** @param {readonly number[]} bounds ascending */
  constructor(bounds) {
    this.#bounds = bounds
    this.#counts = new Array(bounds.length + 1).fill(0)
  }

  /** @param {number} value */
  add(value) {
    let bucket = 0
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]) bucket++
    this.#counts[bucket]++
    this.#sum += value
  }

  /** @returns {Counted} */
  get counted() {
    return { bounds: [...this.#bounds], counts: [...this.#counts], sum: this.#sum }
  }
}

/** @param {Counted} counted @returns {number} how many values there were */
function countOf({ counts }) {
  return counts.reduce((sum, count) => sum + count, 0)
}

module.exports = { Histogram, countOf }
