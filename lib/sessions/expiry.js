// When a session expires, in its document and in its cookie, and when it was last written.
'use strict'

const { isDate, isObject } = require('../objects.js')

/** @typedef {Record<string, any>} Session */

/**
 * The `lastModified` of the document that a session was read from or written to, kept off the session itself:
 * express-session compares sessions by their properties.
 *
 * @type {WeakMap<object, Date | undefined>}
 */
const lastModifiedDates = new WeakMap()

/** @param {object} session @param {Date | undefined} lastModified */
function noteLastModified(session, lastModified) {
  lastModifiedDates.set(session, lastModified)
}

/** @param {unknown} session @returns {Date | undefined} */
function lastModifiedOf(session) {
  if (!isObject(session)) return undefined
  if (lastModifiedDates.has(session)) return lastModifiedDates.get(session)
  // An object that never came from a store, such as a document read by hand, is taken at its word, as in connect-mongo.
  const { lastModified } = /** @type {Session} */ (session)
  return isDate(lastModified) ? lastModified : undefined
}

/** What is known of one session goes with the one made of it. @param {object} session @param {Session} made */
function copyLastModified(session, made) {
  lastModifiedDates.set(made, lastModifiedDates.get(session))
}

/** @param {Session | undefined} session @param {number} ttlSeconds of a cookie that ends with the browser */
function expiresOf(session, ttlSeconds) {
  const expires = session?.cookie?.expires
  return expires ? new Date(expires) : new Date(Date.now() + ttlSeconds * 1000)
}

/**
 * A touch moves the document's `expires` and leaves the session's own behind: the document's is put in its place, in the
 * type that it had.
 *
 * @param {Session} session
 * @param {Date} expires
 */
function followExpires({ cookie }, expires) {
  // A date beyond what a Date can hold has no ISO string.
  if (!isObject(cookie) || Number.isNaN(expires.getTime())) return
  const stored = Reflect.get(cookie, 'expires')
  if (!stored) return
  if (typeof stored === 'string') Reflect.set(cookie, 'expires', expires.toISOString())
  else if (typeof stored === 'number') Reflect.set(cookie, 'expires', expires.getTime())
  else if (isDate(stored)) setDate(cookie, expires)
}

/**
 * The setter of express-session's Cookie takes what is left until then for the whole lifetime.
 *
 * @param {object} cookie
 * @param {Date} expires
 */
function setDate(cookie, expires) {
  const hadLifetime = 'originalMaxAge' in cookie
  const lifetime = Reflect.get(cookie, 'originalMaxAge')
  Reflect.set(cookie, 'expires', expires)
  if (hadLifetime) Reflect.set(cookie, 'originalMaxAge', lifetime)
}

module.exports = { copyLastModified, expiresOf, followExpires, lastModifiedOf, noteLastModified }
