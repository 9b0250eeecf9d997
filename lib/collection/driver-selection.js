// serverSelectionTimeoutMS, counted from each call: the driver counts it from when it is given a command, and has its one attempt to
// connect for all that comes meanwhile. So nothing is handed to it as long as it has no server for it.
'use strict'

// Kept, for apps whose tests put fake timers in the place of the global ones.
const { clearTimeout, setTimeout } = require('node:timers')

const { errorOf } = require('../errors.js')
const { isMap } = require('../objects.js')
const { isWritable, needsConnecting, withCodeOfCause } = require('./client-source.js')
const { delay } = require('./delay.js')
const { isAnswer, isNetworkError, isSelectionError, isSignInFailure } = require('./driver-errors.js')
const { ping } = require('./driver-idle.js')

/**
 * @typedef {import('./client-source.js').Client} Client
 * @typedef {import('./driver-errors.js').DriverError} DriverError
 * @typedef {import('./port.js').Call} Call
 */

/** That of the driver. */
const DEFAULT_TIMEOUT_MS = 30_000
/** So much later a time limit ends, and so much of it, as long as there is no error of the driver's own: that is about to come. */
const GRACE_MS = 100
const GRACE_SHARE = 0.05
/** Who was called so shortly after another fails with it. */
const TOGETHER_MS = 50
const LONGEST_TIMER_MS = 2 ** 31 - 1
const RETRY_DELAY_MS = 100

/** @param {Client} client @returns {number} */
function selectionTimeoutMS({ options, s }) {
  const given = options?.serverSelectionTimeoutMS ?? s?.options?.serverSelectionTimeoutMS
  if (given === 0) return Number.POSITIVE_INFINITY
  return typeof given === 'number' ? given : DEFAULT_TIMEOUT_MS
}

/** @param {any} server its description @param {string} mode of a read preference */
function isEligible(server, mode) {
  if (isWritable(server)) return server.type !== 'RSPrimary' || mode !== 'secondary'
  return server.type === 'RSSecondary' && mode !== 'primary'
}

/** @param {any} description of a topology @param {string} mode of a read preference */
function hasServer(description, mode) {
  const servers = [...description.servers.values()]
  if (description.type === 'Single') return servers.some(({ type }) => type !== 'Unknown')
  return servers.some((server) => isEligible(server, mode))
}

/** @param {any} description of a topology */
function isStandalone({ servers }) {
  return [...servers.values()].some(({ type }) => type === 'Standalone')
}

/** Of a ping: whether what comes after it may fare better. @param {DriverError} error */
function isPassing(error) {
  return isNetworkError(error) || (isAnswer(error) && !isSignInFailure(error))
}

class Selection {
  #client
  #readPreference
  #mode
  #timeoutMs
  /** @type {any} the description of the topology that was looked at last */
  #seen
  #isServerThere = false
  #isStandalone = false
  /** @type {Promise<void> | undefined} */
  #attempt
  /** @type {{ error: DriverError, atMs: number } | undefined} the last that no server mends */
  #failure
  /** @type {DriverError | undefined} the driver's own, since it had a server */
  #selectionError

  /** @param {Client} client @param {any} readPreference */
  constructor(client, readPreference) {
    this.#client = client
    this.#readPreference = readPreference
    this.#mode = readPreference?.mode ?? 'primary'
    this.#timeoutMs = selectionTimeoutMS(client)
  }

  /** Whether the driver has a server, as far as it lets on. */
  get isOpen() {
    if (needsConnecting(this.#client)) return false
    const description = this.#client.topology?.description
    if (!isMap(description?.servers)) return true
    if (description !== this.#seen) {
      this.#seen = description
      this.#isServerThere = hasServer(description, this.#mode)
      if (this.#isServerThere) this.#isStandalone = isStandalone(description)
    }
    return this.#isServerThere
  }

  /** Whether the driver sends a write again that was interrupted, as it may with the server that it has had last. */
  get isRepeatingWrites() {
    return !this.#isStandalone && this.#client.options?.retryWrites !== false
  }

  /** @param {Call} call when it has to fail unless it is done */
  deadlineMs({ calledMs }) {
    return calledMs + this.#timeoutMs
  }

  /** @param {Call} call @returns {Promise<void> | undefined} until there is a server, if there is none now */
  pass(call) {
    return this.isOpen && !this.#failure && !call.signal?.aborted ? undefined : this.#wait(call)
  }

  /** @param {Call} call @returns {Promise<void> | undefined} until the client is connected, if it is not */
  connect(call) {
    return needsConnecting(this.#client) ? this.#wait(call, () => !needsConnecting(this.#client)) : undefined
  }

  /** Whoever has called before fails as well. @param {any} error that is not about what was asked */
  fail(error) {
    if (isSelectionError(error)) this.#selectionError = withCodeOfCause(error)
    else this.#failure = { error, atMs: performance.now() }
  }

  /** @param {Call} call @param {() => boolean} isReady */
  async #wait(call, isReady = () => this.isOpen) {
    call.signal?.throwIfAborted()
    this.#refuse(call)
    while (!isReady()) {
      if (this.#selectionError && this.#isOver(call)) throw this.#selectionError
      this.#attempt ??= this.#try()
      await this.#within(this.#attempt, call)
      this.#refuse(call)
    }
  }

  /** @param {Call} call */
  #refuse({ calledMs }) {
    if (this.#failure && this.#failure.atMs >= calledMs) throw this.#failure.error
  }

  /** Those that were called with the one whose time is over are not worth another attempt. @param {Call} call */
  #isOver(call) {
    return performance.now() >= this.deadlineMs(call) - TOGETHER_MS
  }

  /** One attempt for all that wait; it does not fail. */
  async #try() {
    const isConnecting = needsConnecting(this.#client)
    try {
      if (isConnecting) await this.#client.connect()
      // While something waits for a server the driver looks for one all the time.
      else await ping(this.#client, this.#readPreference)
      this.#failure = undefined
      this.#selectionError = undefined
    } catch (thrown) {
      const error = /** @type {DriverError} */ (thrown)
      if (!this.#isConnectedAnew(error) && (isConnecting || !isPassing(error))) this.fail(error)
      else await delay(RETRY_DELAY_MS)
    } finally {
      this.#attempt = undefined
    }
  }

  /** As when there was no server left: only what closes the client is for good. @param {DriverError} error */
  #isConnectedAnew({ name }) {
    return name === 'MongoTopologyClosedError' && !this.#client.s?.hasBeenClosed
  }

  /**
   * @param {Promise<void>} attempt
   * @param {Call} call
   * @returns {Promise<void>} the end of the attempt, or a failure when the call can wait no longer
   */
  #within(attempt, call) {
    return new Promise((resolve, reject) => {
      const graceMs = this.#selectionError ? 0 : Math.max(GRACE_MS, this.#timeoutMs * GRACE_SHARE)
      const leftMs = this.deadlineMs(call) + graceMs - performance.now()
      const timer = setTimeout(() => reject(this.#timeoutError()), Math.min(leftMs, LONGEST_TIMER_MS)).unref()
      const giveUp = () => reject(call.signal?.reason)
      call.signal?.addEventListener('abort', giveUp)
      attempt.then(() => {
        clearTimeout(timer)
        call.signal?.removeEventListener('abort', giveUp)
        resolve()
      })
    })
  }

  #timeoutError() {
    if (this.#selectionError) return this.#selectionError
    const message = `Server selection timed out after ${this.#timeoutMs} ms`
    return errorOf({ name: 'MongoServerSelectionError', message })
  }
}

module.exports = { Selection }
