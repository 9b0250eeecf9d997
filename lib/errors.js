// The failures of the Rust core as JavaScript has them: with the Node driver's names, and of that driver's classes in an app that
// has loaded it.
'use strict'

/** @typedef {import('../native/binding.js').Failure} Failure */

/** What classes extend that the driver has, and does not export. @type {Record<string, string>} */
const PARENTS = { MongoPoolClearedError: 'MongoNetworkError' }

/** @type {Map<string, new (message: string) => Error>} */
const errorClasses = new Map()

/**
 * The Node driver's name is on the class, so that it is in the first line of the stack too.
 *
 * @param {string} name
 */
function namedClass(name) {
  const named = class extends Error {
    /** @param {string} label */
    hasErrorLabel(label) {
      return /** @type {this & { errorLabels: string[] }} */ (this).errorLabels.includes(label)
    }
  }
  Object.defineProperty(named, 'name', { value: name })
  Object.defineProperty(named.prototype, 'name', { value: name, configurable: true, writable: true })
  return named
}

/** @returns {Record<string, any> | undefined} the app's own driver; an app that has not loaded it cannot ask for its classes */
function loadedDriver() {
  try {
    return require.cache[require.resolve('mongodb')]?.exports
  } catch {
    return undefined
  }
}

/**
 * Puts the driver's class behind one of ours, whose constructor would take the whole reply of a server.
 *
 * @param {new (message: string) => Error} named
 */
function adopt(named) {
  const theirs = loadedDriver()?.[PARENTS[named.name] ?? named.name]
  if (typeof theirs === 'function') Object.setPrototypeOf(named.prototype, theirs.prototype)
}

/** @param {string} name */
function errorClass(name) {
  const known = errorClasses.get(name) ?? namedClass(name)
  errorClasses.set(name, known)
  // The app may have loaded its driver since the last failure.
  if (Object.getPrototypeOf(known.prototype) === Error.prototype) adopt(known)
  return known
}

/** @param {string[]} messages @returns {Error | undefined} */
function causeOf([message, ...rest]) {
  return message === undefined ? undefined : new Error(message, { cause: causeOf(rest) })
}

/** @param {Failure} failure */
function errorOf({ name, message, code, codeName, errorLabels, causes }) {
  const error = new (errorClass(name))(message)
  // Defined, not assigned: the driver's classes have getters of these names.
  const field = (/** @type {unknown} */ value, enumerable = true) => ({
    value,
    enumerable,
    configurable: true,
    writable: true,
  })
  Object.defineProperty(error, 'errorLabels', field(errorLabels))
  if (code !== undefined) Object.defineProperty(error, 'code', field(code))
  if (codeName !== undefined) Object.defineProperty(error, 'codeName', field(codeName))
  if (causes.length > 0) Object.defineProperty(error, 'cause', field(causeOf(causes), false))
  return error
}

module.exports = { errorOf }
