// What an error of the JavaScript driver means for the calls that shared the command which failed with it.
'use strict'

const { errorOf } = require('../errors.js')
const { isNativeError } = require('../objects.js')

/**
 * @typedef {Record<string, any>} DriverError of any version of the driver, or of what it calls
 *
 * `everybody`: each of the calls would get it alone, or nobody knows what has become of them. `later`: none has been done, and later
 * they may be. `statement`: one of them is to blame. `unclear`: none has been done, and it cannot be told from the code why.
 * @typedef {'everybody' | 'later' | 'statement' | 'unclear'} Verdict
 */

/**
 * Unauthorized, AuthenticationFailed, IllegalOperation, CommandNotFound, CommandNotSupported, NotSupported, …, and those that say nothing
 * of a statement: the driver may have sent the command before, and lost the reply.
 */
const CODES_OF_EVERYBODY = new Set([
  1, 13, 18, 20, 24, 46, 50, 59, 112, 115, 217, 225, 262, 279, 290, 301, 355, 391, 8000, 11600, 11601, 11602,
])
/** Overflow, InvalidBSON, BSONObjectTooLarge. */
const CODES_OF_STATEMENTS = new Set([15, 22, 10334])
const BAD_VALUE = 2
const AUTHENTICATION_FAILED = 18
const ILLEGAL_OPERATION = 20
const NOT_SUPPORTED = 301
/** Of Azure: too many requests. */
const TOO_MANY_REQUESTS = 16500

/** Errors that came when a part of what was asked for had been done. @type {WeakSet<object>} */
const afterwards = new WeakSet()

/** @template E @param {E} error @returns {E} the same, with which nothing is sent again */
function afterDone(error) {
  if (Object(error) === error) afterwards.add(/** @type {object} */ (error))
  return error
}

/** @param {any} error @returns {number | undefined} that of the server */
function codeOf(error) {
  const { name, code } = Object(error)
  // Its code is that of what the driver has last heard of a server.
  if (code === undefined || code === null || name === 'MongoServerSelectionError') return undefined
  // With promoteValues: false numbers are objects.
  const number = Number(code)
  return Number.isInteger(number) ? number : undefined
}

/** @param {unknown} error whether a server has answered with it */
function isAnswer(error) {
  return codeOf(error) !== undefined
}

/** @param {any} error */
function isSelectionError(error) {
  return error?.name === 'MongoServerSelectionError'
}

/** @param {any} error */
function isNetworkError(error) {
  return /^MongoNetwork(Timeout)?Error$|PoolCleared/.test(error?.name)
}

/**
 * Whether there was no connection for it. Where the driver repeats commands, an earlier attempt may have had one.
 *
 * @param {any} error
 */
function isUnsent(error) {
  if (afterwards.has(error)) return false
  if (error?.name === 'MongoPoolClearedError') return true
  // Noted by the pool where it could not make a connection.
  return isNetworkError(error) && error.connectionGeneration !== undefined
}

/** PrimarySteppedDown, ShutdownInProgress, NotWritablePrimary, InterruptedAtShutdown, InterruptedDueToReplStateChange, NotPrimaryNoSecondaryOk. */
const CODES_OF_FAILOVER = new Set([91, 189, 10107, 11600, 11602, 13435])

/** Whether another server may take what this one has not, or has done without saying so. @param {unknown} error */
function isOfFailover(error) {
  return isNetworkError(error) || CODES_OF_FAILOVER.has(codeOf(error) ?? Number.NaN)
}

/** @param {unknown} error */
function isSignInFailure(error) {
  return codeOf(error) === AUTHENTICATION_FAILED
}

/** @param {any} error */
function isOverload(error) {
  const { errorLabels } = Object(error)
  return errorLabels?.includes?.('SystemOverloadedError') || codeOf(error) === TOO_MANY_REQUESTS
}

/**
 * Whether a server refused a write for its transaction number, and has run nothing of it. For a standalone server, from which it hears
 * code 20, the driver has an error of its own.
 *
 * @param {any} error
 */
function refusesRetryableWrites(error) {
  if (afterwards.has(error)) return false
  const code = codeOf(error)
  const { message } = Object(error)
  if (code === undefined) return /deployment does not support retryable writes/.test(message)
  if (code === NOT_SUPPORTED) return true
  return (
    [BAD_VALUE, ILLEGAL_OPERATION].includes(code) && /retryable writes|transaction numbers/i.test(message)
  )
}

/** Whether the deployment has none, rather than being none of those that have some at the moment. @param {unknown} error for which they are refused */
function isRefusalForGood(error) {
  const code = codeOf(error)
  return code === NOT_SUPPORTED || code === BAD_VALUE
}

/** Beside what a statement makes the driver throw, nobody knows whether it has sent anything. @param {any} error without a code */
function isOfDriver(error) {
  const { name, hasErrorLabel } = Object(error)
  return typeof hasErrorLabel === 'function' && name !== 'MongoInvalidArgumentError'
}

/** @param {any} error that a lone call could have got @returns {Verdict} */
function verdictOn(error) {
  if (afterwards.has(error)) return 'everybody'
  if (isOverload(error)) return 'later'
  const code = codeOf(error)
  if (code === undefined) return isOfDriver(error) ? 'everybody' : 'statement'
  if (CODES_OF_EVERYBODY.has(code) || error.name === 'MongoWriteConcernError') return 'everybody'
  if (CODES_OF_STATEMENTS.has(code)) return 'statement'
  return refusesRetryableWrites(error) ? 'everybody' : 'unclear'
}

/** Whether a write alone may be the reason, and nothing has been done. @param {unknown} error */
function isOfOneWrite(error) {
  return ['statement', 'unclear'].includes(verdictOn(error))
}

/** @param {DriverError} error @param {string} name @returns {DriverError} */
function renamed({ message, code, errorLabels, connectionGeneration }, name) {
  const error = errorOf({ name, message, code, errorLabels })
  return connectionGeneration === undefined ? error : Object.assign(error, { connectionGeneration })
}

/** @param {any} refusal of one statement of many @returns {DriverError} as a call alone gets it */
function statementError({ code, errmsg: message }) {
  return renamed({ message, code: Number(code) }, 'MongoServerError')
}

/** @param {DriverError} error of a `bulkWrite` that the server refused */
function serverError(error) {
  const { result, writeErrors, ...fields } = error
  const reply = error.errorResponse ?? { ...fields, message: error.message }
  const MongoServerError = Object.getPrototypeOf(error.constructor)
  const lone = new MongoServerError(reply)
  for (const label of error.errorLabels ?? []) lone.addErrorLabel(label)
  return lone
}

/** @param {DriverError} error that version 5 has wrapped */
function nameOf({ reason, message }) {
  if (reason) return 'MongoServerSelectionError'
  return message.includes('was cleared because') ? 'MongoPoolClearedError' : 'MongoNetworkError'
}

/** @param {DriverError} error @param {() => void} serialize @returns {any} */
function unwrapped(error, serialize) {
  if (isNativeError(error.errorResponse)) return error.errorResponse
  // `originalError`: in the place of that of a server which does not know retryable writes the driver has its own.
  if (error.errorResponse || error.originalError || Number(error.ok) === 0) return serverError(error)
  // Version 5 does not tell what it has wrapped.
  try {
    serialize()
  } catch (thrown) {
    return thrown
  }
  return renamed(error, nameOf(error))
}

/** @param {any} error of a `bulkWrite` @returns {unknown} that what was done is not acknowledged as the write concern asks, as a call alone gets it */
function unconfirmedError({ err, result, errorLabels }) {
  const { code, errmsg: message } = err?.errmsg ? err : (result?.getWriteConcernError?.() ?? {})
  return code === undefined ? undefined : renamed({ message, code, errorLabels }, 'MongoWriteConcernError')
}

/**
 * What a `bulkWrite` without errors of single statements has failed with, as a call alone gets it: the driver wraps it.
 *
 * @param {any} error
 * @param {() => void} serialize throws what the driver threw, if that could not make BSON of a statement
 * @returns {unknown}
 */
function loneError(error, serialize) {
  if (error?.name !== 'MongoBulkWriteError') return error
  const { result } = error
  const unconfirmed = unconfirmedError(error)
  if (unconfirmed) return unconfirmed
  const lone = unwrapped(error, serialize)
  // The driver had to make several commands of it.
  const done = ['matchedCount', 'upsertedCount', 'deletedCount'].some((count) => Number(result?.[count]) > 0)
  return done ? afterDone(lone) : lone
}

module.exports = {
  afterDone,
  codeOf,
  isAnswer,
  isNetworkError,
  isOfFailover,
  isOfOneWrite,
  isOverload,
  isSelectionError,
  isRefusalForGood,
  isSignInFailure,
  isUnsent,
  loneError,
  refusesRetryableWrites,
  statementError,
  unconfirmedError,
  verdictOn,
}
