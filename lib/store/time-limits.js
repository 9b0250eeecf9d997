// How long a caller waits: the options `operationTimeoutMS` of the store, and `timeoutMS` of ping and close.
'use strict'

const { inspect } = require('node:util')
// Kept, for apps whose tests put fake timers in the place of the global ones.
const { clearTimeout, setTimeout } = require('node:timers')

const { MongoInvalidArgumentError, errorOf } = require('../errors.js')
const { isObject } = require('../objects.js')

/** How long calls may be waited for: with CLOSING_MS below the 30 s in which Kubernetes has a container end. */
const CLOSE_TIMEOUT_MS = 20_000
/** How long the connections may take to close: longer than collections let a TTL index that is being made go on. */
const CLOSING_MS = 3_000

/** The longest that setTimeout can wait: it takes more for 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Other options are left alone: close is a hook that frameworks call with themselves. @param {unknown} options @returns {unknown} */
function timeoutOf(options) {
  return isObject(options) ? Reflect.get(options, 'timeoutMS') : undefined
}

/** @param {unknown} options @returns {number | undefined} */
function pingTimeoutOf(options) {
  const timeoutMS = timeoutOf(options)
  if (timeoutMS === undefined) return undefined
  if (typeof timeoutMS === 'number' && timeoutMS > 0 && Number.isFinite(timeoutMS)) return timeoutMS
  throw new MongoInvalidArgumentError(
    `timeoutMS of ping must be a finite number above 0, in milliseconds, not ${inspect(timeoutMS)}`
  )
}

/** @param {unknown} options @returns {number} */
function closeTimeoutOf(options) {
  const timeoutMS = timeoutOf(options)
  if (timeoutMS === undefined) return CLOSE_TIMEOUT_MS
  if (typeof timeoutMS === 'number' && timeoutMS >= 0) return timeoutMS
  throw new MongoInvalidArgumentError(
    `timeoutMS of close must be a number of at least 0, in milliseconds, not ${inspect(timeoutMS)}`
  )
}

/** @param {() => void} onTimeout @param {number} milliseconds */
function startTimer(onTimeout, milliseconds) {
  return milliseconds > LONGEST_TIMER_MS ? undefined : setTimeout(onTimeout, milliseconds)
}

/** @param {string} option @param {number} milliseconds @param {Error} cause */
function timeoutError(option, milliseconds, cause) {
  const message = `The operation took longer than ${option} allows (${milliseconds} ms)`
  const error = errorOf({ name: 'MongoOperationTimeoutError', message })
  return Object.defineProperty(error, 'cause', { value: cause, configurable: true, writable: true })
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {string} option
 * @param {number} milliseconds
 * @param {() => Error} waitingFor
 * @returns {Promise<T>} the same, or an error that names the option, and what has been waited for
 */
function inTime(promise, option, milliseconds, waitingFor) {
  return new Promise((resolve, reject) => {
    const fail = () => reject(timeoutError(option, milliseconds, waitingFor()))
    const timer = startTimer(fail, milliseconds)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** @param {Promise<unknown>} promise @param {number} milliseconds @returns {Promise<boolean>} whether it is over by then */
function isOverIn(promise, milliseconds) {
  return new Promise((resolve, reject) => {
    const timer = startTimer(() => resolve(false), milliseconds)
    promise.then(() => resolve(true), reject).finally(() => clearTimeout(timer))
  })
}

module.exports = { CLOSING_MS, closeTimeoutOf, inTime, isOverIn, pingTimeoutOf }
