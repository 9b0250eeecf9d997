// The option `index`: by which values sessions are found, and how those are stored. Pure.
'use strict'

const { createHmac, createSecretKey } = require('node:crypto')
const { described, hint } = require('../names.js')
const { isDate, isObject } = require('../objects.js')
const { byPath } = require('../paths.js')

/**
 * @typedef {import('../collection/port.js').Filter} Filter
 * @typedef {import('../collection/port.js').Marks} Marks
 * @typedef {Record<string, any>} Session
 * @typedef {Record<string, string>} Values by index key, as text
 * @typedef {(key: string, value: string) => string} Store makes of a value what is stored
 */

/** Hashed with every value, so that no hash made for another purpose is one of ours. */
const PURPOSE = 'connect-mongo-native index\0'
const TAKEN = 'a string, a number, a boolean, an ObjectId or a Date'

/** @param {any} value */
function isObjectId(value) {
  return /^ObjectI[dD]$/.test(value._bsontype) && typeof value.toHexString === 'function'
}

/** @param {any} id @returns {string | undefined} nothing of what only calls itself an ObjectId */
function hexOf(id) {
  const hex = id.toHexString()
  return typeof hex === 'string' ? hex : undefined
}

/** @param {unknown} value @returns {string | undefined} as JSON would have it, without quotes */
function textOf(value) {
  if (typeof value === 'string') return value.isWellFormed() ? value : undefined
  if (typeof value === 'boolean' || Number.isFinite(value)) return String(value)
  if (isDate(value)) return Number.isNaN(value.getTime()) ? undefined : value.toISOString()
  return isObject(value) && isObjectId(value) ? hexOf(value) : undefined
}

/** @param {unknown} value that is none */
function describedValue(value) {
  if (Array.isArray(value)) return 'an array'
  if (isDate(value)) return 'an invalid Date'
  return typeof value === 'string' ? 'text with half a surrogate pair' : described(value)
}

/** @param {string} key @param {unknown} value @returns {string} */
function requireText(key, value) {
  const text = textOf(value)
  if (text !== undefined) return text
  throw new TypeError(`The value of the index ${key} must be ${TAKEN}, not ${describedValue(value)}`)
}

/** @param {Uint8Array | string} secret @returns {Store} */
function keyedHash(secret) {
  const key = typeof secret === 'string' ? createSecretKey(secret, 'utf8') : createSecretKey(secret)
  return (name, value) => createHmac('sha256', key).update(`${PURPOSE}${name}\0${value}`).digest('base64url')
}

/** @type {Store} */
const asItIs = (_, value) => value

class SessionIndex {
  /** @type {[string, (session: Session) => unknown][]} */
  #keys
  #describe
  /** The first one is that of today. @type {Store[]} */
  #stores

  /**
   * @param {Record<string, any>} options of the store
   * @param {(Uint8Array | string)[]} secrets the newest first; without any, values are stored as they are
   */
  constructor({ index, describe }, secrets) {
    this.#keys = Object.entries(index ?? {}).map(([key, of]) => [
      key,
      typeof of === 'string' ? byPath(of) : of,
    ])
    this.#describe = describe
    this.#stores = secrets.length > 0 ? secrets.map(keyedHash) : [asItIs]
  }

  /** Whether there is anything to find sessions by. */
  get isThere() {
    return this.#keys.length > 0
  }

  /** @param {Session} session @returns {Values} */
  valuesOf(session) {
    /** @type {Values} */
    const values = {}
    for (const [key, of] of this.#keys) {
      const value = of(session)
      if (value !== undefined && value !== null) values[key] = requireText(key, value)
    }
    return values
  }

  /** @param {Values} values @returns {string[]} as they are stored today, each behind its key */
  storedOf(values) {
    const [store] = this.#stores
    const pairs = []
    for (const key in values) pairs.push(key, store(key, values[key]))
    return pairs
  }

  /** @param {Session} session @param {Values} values its own @returns {Marks} */
  marksOf(session, values) {
    const description = this.#describe && JSON.stringify(this.#describe(session) ?? {})
    return {
      index: this.storedOf(values),
      description,
      isNewToIndex: undefined,
      handle: undefined,
      created: undefined,
    }
  }

  /**
   * @param {unknown} given by an app: a value for one index key or several
   * @returns {Filter} of the sessions that have all of them
   */
  whereOf(given) {
    const known = this.#keys.map(([key]) => key)
    if (!isObject(given) || Array.isArray(given) || Object.keys(given).length === 0)
      throw new TypeError(`Sessions are found by a value of the option index, such as { ${known[0]}: … }`)
    for (const key of Object.keys(given)) {
      if (!known.includes(key))
        throw new TypeError(
          `The option index has no key ${key}${hint(key, known)}; it has ${known.join(', ')}`
        )
    }
    const values = Object.entries(given).map(([key, value]) => [key, requireText(key, value)])
    return this.filterOf(Object.fromEntries(values))
  }

  /** @param {Values} values @returns {Filter} */
  filterOf(values) {
    return Object.fromEntries(
      Object.entries(values).map(([key, value]) => {
        const stored = [...new Set(this.#stores.map((store) => store(key, value)))]
        return [`index.${key}`, stored.length === 1 ? stored[0] : { $in: stored }]
      })
    )
  }
}

module.exports = { SessionIndex }
