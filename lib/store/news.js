// What a store makes of the news of its collection: events, warnings, and the timer that removes expired sessions.
'use strict'

const { debug } = require('../debug.js')
const { changeByHand } = require('../collection/indexes.js')
const { warnOnce } = require('../warnings.js')

/**
 * @typedef {import('../collection/port.js').News} CollectionNews
 * @typedef {import('./events.js').EventName} EventName
 *
 * @typedef {object} NewsReader the store, as far as news concerns it
 * @property {(event: EventName, ...args: unknown[]) => void} announce
 * @property {() => boolean} hasErrorListener
 * @property {() => void} sweep
 */

/** The longest that setInterval can wait: it takes more for 1 ms. */
const LONGEST_INTERVAL_MS = 2 ** 31 - 1

/** IndexOptionsConflict: there is an index of these fields, with other settings. */
const OTHER_SETTINGS = 85

/** @param {string} [index] its fields */
function isOfRemoval(index) {
  return index === 'expires' || index === 'createdAt'
}

class News {
  #options
  #reader
  #isClosed = false
  /** @type {NodeJS.Timeout | undefined} */
  #timer

  /**
   * @param {Record<string, any>} options of the store
   * @param {NewsReader} reader
   */
  constructor(options, reader) {
    this.#options = options
    this.#reader = reader
  }

  /** @param {CollectionNews} news */
  receive({ event, error, index }) {
    if (event === 'collection-known') this.#startRemoval()
    if (event === 'connect') this.#reader.announce(event)
    if (event === 'disconnect') this.#reader.announce(event, error)
    if (event === 'default-database') {
      warnOnce("Sessions are stored in the database 'test', because neither the URL nor dbName names one", {
        code: 'CONNECT_MONGO_DEFAULT_DATABASE',
      })
    }
    if (error && event === 'unreachable') this.#reportUnreachable(error)
    if (error && event === 'index-failed') this.#reportIndexFailure(error, index)
    if (error && event === 'index-refused') this.#reportIndexRefusal(error, index)
    if (event === 'retry-writes-refused') {
      warnOnce(
        'This MongoDB deployment refuses retryable writes, so the store goes on without them: put retryWrites=false into the URL, ' +
          'or into the options of the client, to silence this warning',
        { code: 'CONNECT_MONGO_RETRY_WRITES', detail: `${error?.name}: ${error?.message}` }
      )
    }
    if (event === 'sweep-failed') debug('autoRemove interval cleanup failed: %s', error?.message)
    if (event === 'ttl-index-present') {
      const { collectionName } = this.#options
      warnOnce(
        `autoRemove is disabled, but a TTL index on ${collectionName} removes expired sessions all the same`,
        { code: 'CONNECT_MONGO_TTL_INDEX' }
      )
    }
  }

  /** Nothing is removed any more. */
  close() {
    this.#isClosed = true
    clearInterval(this.#timer)
  }

  /** With another period. */
  restartRemoval() {
    if (this.#timer !== undefined) this.#startRemoval()
  }

  #startRemoval() {
    const { autoRemove, autoRemoveInterval, expiredEvents } = this.#options
    if (autoRemove === 'native') debug('Creating MongoDB TTL index')
    if (!(autoRemove === 'interval' || expiredEvents) || this.#isClosed) return
    debug('create Timer to remove expired sessions')
    clearInterval(this.#timer)
    // No two instances keep the same period for long, so that they do not all sweep at once.
    const jitter = 0.9 + Math.random() / 10
    const periodMs = Math.min(autoRemoveInterval * 60_000, LONGEST_INTERVAL_MS)
    this.#timer = setInterval(() => this.#reader.sweep(), periodMs * jitter)
    // That of a test environment such as jsdom is a number.
    this.#timer.unref?.()
  }

  /** @param {Error} error of whoever was to make the TTL index */
  #reportUnreachable(error) {
    this.#report(error, {
      message: `MongoDB cannot be reached: ${error.message}`,
      code: 'CONNECT_MONGO_UNREACHABLE',
      detail: 'Calls wait for it, and fail with the same error.',
    })
  }

  /** @param {Error} error that may be over the next time @param {string} [index] */
  #reportIndexFailure(error, index) {
    this.#report(error, {
      message: this.#noIndex(index),
      code: isOfRemoval(index) ? 'CONNECT_MONGO_TTL_INDEX' : 'CONNECT_MONGO_INDEX',
      detail: `${error.name}: ${error.message}\nIt is tried again in the background.`,
    })
  }

  /** @param {Error} error with which attempts end until somebody has done something @param {string} [index] */
  #reportIndexRefusal(error, index) {
    const isTtl = isOfRemoval(index)
    const remedy = isTtl ? `${this.#byHand(error, index)}, or set autoRemove: 'interval'` : 'make it by hand'
    error.message += ` (${this.#noIndex(index)}, which does not heal by itself: ${remedy})`
    const code = isTtl ? 'CONNECT_MONGO_TTL_INDEX' : 'CONNECT_MONGO_INDEX'
    this.#report(error, { message: error.message, code, detail: error.name })
  }

  /** @param {Error & { code?: unknown }} error @param {string} [index] its fields */
  #byHand({ code, message }, index = '') {
    const isThere = Number(code) === OTHER_SETTINGS || /\bcollMod\b/.test(message)
    const command = isThere ? changeByHand(this.#options, index) : undefined
    return command ? `run ${command}` : 'make it by hand'
  }

  /** @param {string} [index] its fields */
  #noIndex(index) {
    const { collectionName } = this.#options
    if (isOfRemoval(index))
      return `The TTL index on ${collectionName} could not be made, so expired sessions stay in the database`
    return `The index on ${index} of ${collectionName} could not be made, so find, count and destroyAll read all sessions`
  }

  /**
   * To those who listen, or else once to who runs the process.
   *
   * @param {Error} error
   * @param {{ message: string, code: string, detail: string }} warning
   */
  #report(error, { message, code, detail }) {
    debug('%s: %s', code, error.message)
    if (this.#reader.hasErrorListener()) this.#reader.announce('error', error)
    else warnOnce(message, { code, detail: `${detail}\nListen for 'error' events to handle this.` })
  }
}

module.exports = { News }
