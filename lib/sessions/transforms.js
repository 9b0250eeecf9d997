// The options stringify, serialize and unserialize: between sessions and the values that are stored, as connect-mongo has them.
'use strict'

const { isObject } = require('../objects.js')
const { encryptedError, unreadableError } = require('./errors.js')
const { isEncrypted, isEnvelope } = require('./envelopes.js')

/** @typedef {Record<string, any>} Session */

/**
 * @typedef {object} Transforms
 * @property {(session: Session) => unknown} serialize
 * @property {(value: any) => any} unserialize
 */

/** @param {Session} session */
function copyWithPlainCookie(session) {
  const copy = { cookie: session.cookie, ...session }
  if (typeof copy.cookie?.toJSON === 'function') copy.cookie = copy.cookie.toJSON()
  return copy
}

/** @param {unknown} value */
function unchanged(value) {
  return value
}

/** What is stored with `stringify: true`. @param {any} value */
function sessionOfText(value) {
  let session
  try {
    session = JSON.parse(value)
  } catch {
    throw isEncrypted(value) ? encryptedError() : unreadableError(value, 'JSON, as stringify: true stores it')
  }
  if (isEnvelope(session)) throw encryptedError()
  return session
}

/** What is stored with `stringify: false`. @param {unknown} value */
function sessionOfDocument(value) {
  if (isEncrypted(value)) throw encryptedError()
  if (isObject(value) || value === null) return value
  throw unreadableError(value, 'a document, as stringify: false stores it')
}

/**
 * What encryption gives back has been serialized here, or the secret is a wrong one: that is no reason to take it for none.
 *
 * @param {Record<string, any>} options
 * @param {boolean} isEncrypting
 * @returns {Transforms}
 */
function transformsOf({ serialize, unserialize, stringify }, isEncrypting) {
  if (serialize || unserialize)
    return { serialize: serialize || copyWithPlainCookie, unserialize: unserialize || unchanged }
  if (stringify === false)
    return { serialize: copyWithPlainCookie, unserialize: isEncrypting ? unchanged : sessionOfDocument }
  return { serialize: JSON.stringify, unserialize: isEncrypting ? JSON.parse : sessionOfText }
}

module.exports = { transformsOf }
