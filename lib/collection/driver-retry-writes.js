// Retryable writes of a JavaScript client, which some servers refuse. The driver can be told to make none only when its client is made;
// but what may change several documents is none to it, and is sent without a transaction number. By an `_id` that is still one document.
'use strict'

const { isRefusalForGood, refusesRetryableWrites } = require('./driver-errors.js')

class RetryableWrites {
  #areWanted
  #areRefused = false

  /** @param {import('./client-source.js').Client} client */
  constructor(client) {
    this.#areWanted = client.options?.retryWrites !== false
  }

  /** Whether the driver makes any, where the server is none that it knows not to take them. */
  get areOn() {
    return this.#areWanted && !this.#areRefused
  }

  /**
   * Sends a write of single documents, and again if it was refused for what makes it retryable: nothing of it has been run then.
   *
   * @template T
   * @param {(isMany: boolean) => Promise<T>} write `isMany`: so that it is none to the driver
   * @param {(error: Error) => void} onRefused when this is news
   * @returns {Promise<T>}
   */
  async run(write, onRefused) {
    // Awaited, for the caller to be in the stack of its error.
    if (!this.areOn) return await write(this.#areRefused)
    try {
      return await write(false)
    } catch (error) {
      if (!refusesRetryableWrites(error)) throw error
      if (!this.#areRefused && isRefusalForGood(error)) onRefused(/** @type {Error} */ (error))
      this.#areRefused = true
    }
    return await write(true)
  }

  /** A server that is no member of a replica set gets no retryable writes; what becomes of it later may take them. @param {any} description of the topology */
  see({ servers }) {
    if ([...servers.values()].some(({ type }) => type === 'Standalone')) this.#areRefused = false
  }
}

module.exports = { RetryableWrites }
