// Why a stored session cannot be read with the options of the store. Pure.
'use strict'

const UNREADABLE = 'ERR_SESSION_UNREADABLE'
const ENCRYPTED = 'ERR_SESSION_ENCRYPTED'

/** A mistake of configuration, with which all sessions would be gone if they counted as none. */
function encryptedError() {
  const message =
    'The session is encrypted, and the store has neither the option crypto nor cryptoAdapter: give it that with which it was written'
  return Object.assign(new Error(message), { code: ENCRYPTED })
}

/** @param {any} value @returns {string} what it is, and nothing of what it has */
function kindOf(value) {
  if (value === undefined) return 'missing'
  if (value === null || typeof value !== 'object') return `a ${typeof value}`
  if (typeof value._bsontype === 'string') return `a BSON ${value._bsontype}`
  return Array.isArray(value) ? 'an array' : 'an object'
}

/** @param {unknown} value as it is stored @param {string} expected */
function unreadableError(value, expected) {
  const message = `The stored session cannot be read: it should be ${expected}, and is ${kindOf(value)}`
  return Object.assign(new Error(message), { code: UNREADABLE })
}

/** Of one session, which another program stored, or other options. @param {any} error */
function isUnreadable(error) {
  return error?.code === UNREADABLE
}

/** Of a session that a store without encryption has come to. @param {any} error */
function isEncryptedError(error) {
  return error?.code === ENCRYPTED
}

module.exports = { encryptedError, isEncryptedError, isUnreadable, unreadableError }
