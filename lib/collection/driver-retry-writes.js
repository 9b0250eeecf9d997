// Retryable writes of a JavaScript client, which some servers refuse. The driver can be told to make none only when its client is made;
// but what may change several documents is none to it, and is sent without a transaction number. By an `_id` that is still one document.
'use strict'

const { isRefusalForGood, refusesRetryableWrites } = require('./driver-errors.js')

/** How often the driver looks at its servers unless told otherwise. */
const DEFAULT_HEARTBEAT_MS = 10_000

class RetryableWrites {
  #areWanted
  #heartbeatMs
  /** By `performance.now()`. */
  #refusedUntilMs = Number.NEGATIVE_INFINITY

  /** @param {import('./client-source.js').Client} client */
  constructor(client) {
    this.#areWanted = client.options?.retryWrites !== false
    this.#heartbeatMs = client.options?.heartbeatFrequencyMS ?? DEFAULT_HEARTBEAT_MS
  }

  get #areRefused() {
    // Most often the clock need not be asked.
    return this.#refusedUntilMs > 0 && performance.now() < this.#refusedUntilMs
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
      const isForGood = isRefusalForGood(error)
      if (isForGood && !this.#areRefused) onRefused(/** @type {Error} */ (error))
      // A standalone server that was a member of a replica set is known as such by the next heartbeat.
      this.#refusedUntilMs = isForGood ? Number.POSITIVE_INFINITY : performance.now() + this.#heartbeatMs
    }
    return await write(true)
  }

  /** A server that is no member of a replica set gets no retryable writes; what becomes of it later may take them. @param {any} description of the topology */
  see({ servers }) {
    const isStandalone = [...servers.values()].some(({ type }) => type === 'Standalone')
    if (isStandalone) this.#refusedUntilMs = Number.NEGATIVE_INFINITY
  }
}

module.exports = { RetryableWrites }
