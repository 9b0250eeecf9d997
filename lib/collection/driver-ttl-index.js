// The TTL index, over a JavaScript client: made in the background, so that no call waits for it or fails with it.
'use strict'

const { connected, withCodeOfCause } = require('./client-source.js')
const { delay } = require('./delay.js')
const { isSignInFailure } = require('./driver-errors.js')

/**
 * @typedef {import('./client-source.js').Client} Client
 * @typedef {import('./driver-engine.js').Collection} Collection
 */

const FIRST_RETRY_DELAY_MS = 1_000
const LAST_RETRY_DELAY_MS = 60_000

/**
 * As src/mongo/errors.rs has it. With these the server would refuse the index for ever: BadValue (Azure Cosmos DB has such indexes on `_ts`
 * alone), FailedToParse, CommandNotFound, CannotCreateIndex, InvalidOptions, CommandNotSupported, InvalidIndexSpecificationOption,
 * NotSupported, APIStrictError.
 */
const FINAL_CODES = new Set([2, 9, 59, 67, 72, 115, 197, 301, 323])
/** With these until somebody has done something about it: Unauthorized, IndexOptionsConflict, IndexKeySpecsConflict, AtlasError. */
const LASTING_CODES = new Set([13, 85, 86, 8000])

/**
 * An index is kept with the numbers that it was made with, and to the server those are the same whichever type they have: Double and
 * Long are objects here at times.
 *
 * @param {Record<string, any>} index
 */
function isTtlIndex({ key, expireAfterSeconds, partialFilterExpression }) {
  const isByExpires = Object.keys(key).join() === 'expires' && Number(key.expires) === 1
  return isByExpires && Number(expireAfterSeconds) === 0 && !partialFilterExpression
}

class TtlIndex {
  #client
  #collection
  #onNews
  #isClosed = false
  /** @type {number | undefined} the code that was told last */
  #told

  /**
   * @param {Client} client
   * @param {Collection} collection
   * @param {import('./port.js').OnNews} onNews
   */
  constructor(client, collection, onNews) {
    this.#client = client
    this.#collection = collection
    this.#onNews = onNews
  }

  /** Until the index has been tried once. @param {'native' | 'interval' | 'disabled'} autoRemove */
  async start(autoRemove) {
    if (autoRemove === 'native' && !(await this.#try())) this.#retry()
    if (autoRemove === 'disabled' && (await this.#isThere())) this.#onNews({ event: 'ttl-index-present' })
  }

  /** No further attempt is begun, and none under way is reported. */
  close() {
    this.#isClosed = true
  }

  async #retry() {
    for (let wait = FIRST_RETRY_DELAY_MS; ; wait = Math.min(wait * 2, LAST_RETRY_DELAY_MS)) {
      await delay(wait)
      if (this.#isClosed || (await this.#try())) return
    }
  }

  /** Servers take no notice of it, but keep it, and connect-mongo gives it. It is not in the stable API. */
  get #background() {
    return this.#client.options?.serverApi?.strict ? {} : { background: true }
  }

  /** @returns {Promise<boolean>} whether there is nothing more to try */
  async #try() {
    try {
      await connected(this.#client)
      await this.#collection.createIndex({ expires: 1 }, { ...this.#background, expireAfterSeconds: 0 })
      return true
    } catch (thrown) {
      if (this.#isClosed) return true
      const error = /** @type {Error & { code?: unknown }} */ (thrown)
      const code = Number(error.code)
      const isAnswer = !Number.isNaN(code) && !isSignInFailure(error)
      // Without the right to make indexes, or under another name, the index may be there all the same.
      if (isAnswer && (await this.#isThere())) return true
      const isFinal = isAnswer && FINAL_CODES.has(code)
      this.#tell(withCodeOfCause(error), isAnswer ? code : undefined)
      return isFinal
    }
  }

  /** @param {Error} error @param {number | undefined} code of the server's answer, if it is one */
  #tell(error, code) {
    if (code === undefined) return this.#onNews({ event: 'unreachable', error })
    const isLasting = LASTING_CODES.has(code)
    // What lasts is told once, and tried on.
    const isKnown = isLasting && code === this.#told
    this.#told = code
    if (isKnown) return
    const isRefused = isLasting || FINAL_CODES.has(code)
    this.#onNews({ event: isRefused ? 'ttl-index-refused' : 'ttl-index-failed', error })
  }

  async #isThere() {
    try {
      await connected(this.#client)
      return (await this.#collection.indexes()).some(isTtlIndex)
    } catch {
      return false
    }
  }
}

module.exports = { TtlIndex }
