// Promises that somebody waits for, until nobody does any more.
'use strict'

const { unansweredError } = require('./errors.js')

class Pending {
  /** @type {Set<(error: Error) => void>} */
  #fails = new Set()

  get size() {
    return this.#fails.size
  }

  /**
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>} the same, or an error when `end` is called before
   */
  async untilEnd(promise) {
    /** @type {(error: Error) => void} */
    let fail = () => {}
    const waiting = new Promise((/** @type {(result: T) => void} */ resolve, reject) => {
      fail = reject
      // With functions of our own the caller would not be in the stack of its error.
      promise.then(resolve, reject)
    })
    this.#fails.add(fail)
    try {
      return await waiting
    } finally {
      this.#fails.delete(fail)
    }
  }

  /** Fails each of them. */
  end() {
    for (const fail of this.#fails) fail(unansweredError())
  }
}

module.exports = { Pending }
