// What `store.options` is: the options that a store has, for apps that read and change them later, as they do on connect-mongo.
'use strict'

const { inspect } = require('node:util')
const { hint } = require('../names.js')
const { warnOnce } = require('../warnings.js')
const { DEFAULTS, DURATIONS, MAX_INTERVAL_MINUTES } = require('./options.js')

/** @typedef {Record<string, any>} Options */

/** Those that each call, or the timer, asks for: the rest has become what the store is made of. */
const LIVE = ['ttl', 'touchAfter', 'autoRemoveInterval', 'transformId', 'strictTouch', 'resurrect']

/** What may hold a password or a secret is there for those who ask for it by its name, and for no log. */
const HIDDEN = [
  'mongoUrl',
  'mongoOptions',
  'client',
  'clientPromise',
  'crypto',
  'cryptoAdapter',
  'hashId',
  'indexSecret',
]

/** @param {string} name */
function isShown(name) {
  return name in DEFAULTS && !HIDDEN.includes(name)
}

/** @param {string} message */
function warn(message) {
  warnOnce(message, { code: 'CONNECT_MONGO_OPTION' })
}

/** @param {string} name @param {unknown} value @param {Options} options */
function isUsable(name, value, options) {
  if (name === 'autoRemoveInterval' && Number(value) > MAX_INTERVAL_MINUTES) return false
  const isUsableDuration = Reflect.get(DURATIONS, name)
  return isUsableDuration === undefined || isUsableDuration(value, options)
}

/** Whether it has become the store's. @param {Options} options @param {string} name @param {unknown} value */
function assign(options, name, value) {
  if (Object.is(options[name], value)) return false
  if (!(name in DEFAULTS)) {
    warn(`store.options has no ${name} that the store would read${hint(name, Object.keys(DEFAULTS))}`)
    options[name] = value
    return false
  }
  if (!LIVE.includes(name)) {
    warn(`store.options.${name} cannot be changed any more: give ${name} to MongoStore.create`)
    return false
  }
  if (!isUsable(name, value, options)) {
    warn(`store.options.${name} cannot be ${inspect(value)}: it stays ${inspect(options[name])}`)
    return false
  }
  options[name] = value
  return true
}

/**
 * @param {Options} options complete; what each call asks for is changed in it
 * @param {(name: string) => void} onChange
 * @returns {Options}
 */
function viewOf(options, onChange) {
  /** @type {Options} */
  const view = {}
  const define = (/** @type {string} */ name) =>
    Object.defineProperty(view, name, {
      get: () => options[name],
      enumerable: isShown(name),
      configurable: true,
    })
  for (const name of Object.keys(options)) define(name)
  Object.defineProperty(view, inspect.custom, { value: () => ({ ...view }) })
  return new Proxy(view, {
    // Nothing is refused: that would be an exception in an app's start-up.
    set(_, name, value) {
      if (assign(options, String(name), value)) onChange(String(name))
      if (!(name in view)) define(String(name))
      return true
    },
  })
}

module.exports = { viewOf }
