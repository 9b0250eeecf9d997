// What a serializer returned, as the text that is encrypted of it, and back. Pure.
'use strict'

/** @import { Frozen } from '../collection/port.js' */
/** @import { Decrypted } from '../crypto/cipher.js' */

/** What is encrypted of a value that `serialize` returned. @param {unknown} value @returns {string} */
function textOf(value) {
  if (typeof value === 'string') return value
  const text = JSON.stringify(value)
  if (text === undefined) throw new TypeError(`serialize returned ${typeof value}, which cannot be encrypted`)
  return text
}

/** @param {string} text @returns {unknown} */
function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/**
 * What `unserialize` is given of a decrypted session, as connect-mongo 6 decides it: by the options, not by what is stored.
 *
 * @param {Decrypted} decrypted
 * @param {{ stringify?: unknown, serialize?: unknown, unserialize?: unknown }} options
 * @returns {unknown}
 */
function serializedOf({ text, isSerialized }, { stringify, serialize, unserialize }) {
  const isUsual = stringify !== false && !serialize && !unserialize
  // What begins so is the JSON of a session, which `unserialize` reads: no need to read it twice.
  if (isUsual && (isSerialized || (typeof text === 'string' && text.startsWith('{')))) return text
  const value = isSerialized ? text : parsed(text)
  if (stringify === false) return typeof value === 'string' ? parsed(value) : value
  return isUsual && typeof value !== 'string' ? JSON.stringify(value) : value
}

/** What is encrypted is text, or has been JSON. @param {unknown} value @returns {Frozen} */
function freezeJson(value) {
  return typeof value === 'string' ? value : Buffer.from(textOf(value))
}

/** @param {Frozen} frozen @returns {unknown} */
function thawJson(frozen) {
  return typeof frozen === 'string' ? frozen : JSON.parse(Buffer.from(frozen).toString())
}

module.exports = { freezeJson, serializedOf, textOf, thawJson }
