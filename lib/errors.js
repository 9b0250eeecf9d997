// The errors of more than one room. Those with the Node driver's names are of that driver's classes in an app that has loaded it.
'use strict'

const { requireWithDriver } = require('./packages.js')

/**
 * @typedef {Omit<import('../native/binding.js').Failure, 'isFailure'>} Failure
 * @typedef {new (message?: string, options?: ErrorOptions) => Error & { errorLabels: string[] }} ErrorClass
 */

/** What classes extend that the driver has, and does not export. @type {Record<string, string>} */
const PARENTS = { MongoPoolClearedError: 'MongoNetworkError' }

/** @type {Map<string, ErrorClass>} */
const errorClasses = new Map()

/** Defines what the driver's classes have a getter for. @param {unknown} value @param {boolean} enumerable */
function ownField(value, enumerable) {
  return { value, enumerable, configurable: true, writable: true }
}

/**
 * The Node driver's name is on the class, so that it is in the first line of the stack too.
 *
 * @param {string} name
 * @returns {ErrorClass}
 */
function namedClass(name) {
  const named = class extends Error {
    /** @param {string} [message] @param {ErrorOptions} [options] */
    constructor(message, options) {
      super(message, options)
      // The app may have loaded its driver since the last failure.
      if (Object.getPrototypeOf(named.prototype) === Error.prototype) adopt(named)
      Object.defineProperty(this, 'errorLabels', ownField([], false))
    }

    /** @param {string} label */
    hasErrorLabel(label) {
      return /** @type {this & { errorLabels: string[] }} */ (this).errorLabels.includes(label)
    }
  }
  Object.defineProperty(named, 'name', { value: name })
  Object.defineProperty(named.prototype, 'name', { value: name, configurable: true, writable: true })
  return /** @type {ErrorClass} */ (/** @type {unknown} */ (named))
}

/** @returns {Record<string, any> | undefined} the app's own driver; an app that has not loaded it cannot ask for its classes */
function loadedDriver() {
  const file = requireWithDriver()?.resolve('mongodb')
  return file === undefined ? undefined : require.cache[file]?.exports
}

/**
 * Puts the driver's class behind one of ours: its own constructors differ between versions, and take a server's whole reply.
 *
 * @param {Function} named
 */
function adopt(named) {
  const theirs = loadedDriver()?.[PARENTS[named.name] ?? named.name]
  if (typeof theirs === 'function') Object.setPrototypeOf(named.prototype, theirs.prototype)
}

/** @param {string} name @returns {ErrorClass} the class of the errors of that name */
function errorClass(name) {
  const known = errorClasses.get(name) ?? namedClass(name)
  errorClasses.set(name, known)
  return known
}

/** @param {string[]} messages @param {string} [code] of the first @returns {Error | undefined} */
function causeOf([message, ...rest], code) {
  if (message === undefined) return undefined
  const cause = rest.length > 0 ? new Error(message, { cause: causeOf(rest) }) : new Error(message)
  return code === undefined ? cause : Object.assign(cause, { code })
}

/** What an error has anyway, or keeps elsewhere. */
const OWN_FIELDS = ['name', 'message', 'stack', 'cause', 'errorLabels', 'errmsg', '__proto__']

/** What cannot be read is nobody's trouble but its reader's: a failure has to reach its caller. @param {Buffer} bytes @returns {Record<string, any>} */
function documentOf(bytes) {
  try {
    return require('bson').deserialize(bytes)
  } catch {
    return {}
  }
}

/**
 * As the driver's constructors do it:
 * https://github.com/mongodb/node-mongodb-native/blob/v6.20.0/src/error.ts (MongoServerError, MongoWriteConcernError).
 *
 * @param {Error} error
 * @param {Buffer} response a BSON document
 */
function keepResponse(error, response) {
  const reply = documentOf(response)
  const { writeConcernError } = reply
  const errorResponse = { ...writeConcernError, ...reply }
  for (const [name, value] of Object.entries(errorResponse)) {
    if (!OWN_FIELDS.includes(name)) Object.defineProperty(error, name, ownField(value, true))
  }
  Object.defineProperty(error, 'errorResponse', ownField(errorResponse, true))
  if (!writeConcernError) return
  Object.assign(error, { result: reply, errInfo: writeConcernError.errInfo, code: writeConcernError.code })
}

/**
 * What the Rust core reported, made on this thread, so that it has a JavaScript stack.
 *
 * @param {Pick<Failure, 'name' | 'message'> & Partial<Failure>} failure
 */
function errorOf({ name, message, code, codeName, errorLabels = [], causes = [], causeCode, response }) {
  const error = new (errorClass(name))(message)
  if (response) keepResponse(error, response)
  Object.defineProperty(error, 'errorLabels', ownField(errorLabels, true))
  if (code !== undefined) Object.defineProperty(error, 'code', ownField(code, true))
  if (codeName !== undefined) Object.defineProperty(error, 'codeName', ownField(codeName, true))
  if (causes.length > 0) Object.defineProperty(error, 'cause', ownField(causeOf(causes, causeCode), false))
  return error
}

function closedError() {
  return Object.assign(new Error('The session store is closed'), { code: 'ERR_STORE_CLOSED' })
}

/** Of a call that came before the store was closed. */
function unansweredError() {
  const message =
    'The session store was closed before it had an answer: whether a write was done is not known'
  return Object.assign(new Error(message), { code: 'ERR_STORE_CLOSED' })
}

module.exports = {
  closedError,
  errorOf,
  unansweredError,
  MongoAPIError: errorClass('MongoAPIError'),
  MongoInvalidArgumentError: errorClass('MongoInvalidArgumentError'),
  MongoMissingCredentialsError: errorClass('MongoMissingCredentialsError'),
  MongoParseError: errorClass('MongoParseError'),
  MongoServerSelectionError: errorClass('MongoServerSelectionError'),
}
