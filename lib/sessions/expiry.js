// When a session expires, in its document and in its cookie, and when it was last written.
'use strict'

const { described } = require('../names.js')
const { notes } = require('../notes.js')
const { isDate, isObject } = require('../objects.js')

/**
 * @typedef {Record<string, any>} Session
 *
 * @typedef {(session: Session | undefined, sid: string) => unknown} TtlFunction of the app's own
 */

const DEFAULT_TTL_SECONDS = 14 * 24 * 60 * 60

/** How far `expires` may be off: a request takes its time between the renewal of its cookie and its end. */
const TOLERANCE_MS = 1000

/**
 * The `lastModified` of the document that a session was read from or written to, kept off the session itself:
 * express-session compares sessions by their properties.
 *
 * @type {import('../notes.js').Notes<Date | undefined>}
 */
const lastModifiedDates = notes()

/** @param {object} session @param {Date | undefined} lastModified */
function noteLastModified(session, lastModified) {
  lastModifiedDates.set(session, lastModified)
}

/**
 * The end that a cookie gave its session when that was saved, in milliseconds.
 *
 * @type {import('../notes.js').Notes<number>}
 */
const savedEnds = notes()

/** @param {Session} session @returns {number} NaN where the cookie ends with the browser */
const endOfCookie = (session) => new Date(session.cookie?.expires ?? Number.NaN).getTime()

/** @param {Session} session @param {Date | undefined} lastModified @param {Date} expires what was stored */
function noteSave(session, lastModified, expires) {
  noteLastModified(session, lastModified)
  if (endOfCookie(session) === expires.getTime()) savedEnds.set(session, expires.getTime())
}

/**
 * Whether the cookie ends later than when the session was saved: express-session renews it at the end of a request, after the app
 * has saved it.
 *
 * @param {Session} session
 */
function isRenewedSinceSave(session) {
  const saved = savedEnds.get(session)
  return saved !== undefined && endOfCookie(session) - saved > TOLERANCE_MS
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

/** @param {number} seconds */
function inSeconds(seconds) {
  return new Date(Date.now() + seconds * 1000)
}

/** Nobody handles the rejection of a promise that was not to be. @param {object} value @returns {boolean} */
function isPromise(value) {
  if (typeof Reflect.get(value, 'then') !== 'function') return false
  Promise.resolve(value).catch(() => {})
  return true
}

/** @param {unknown} value what the option ttl returned @returns {Date | undefined} nothing when that leaves it to the cookie */
function expiresAfter(value) {
  if (value === undefined) return undefined
  const expires = typeof value === 'number' ? inSeconds(value) : undefined
  if (expires && !Number.isNaN(expires.getTime())) return expires
  if (isObject(value) && isPromise(value))
    throw new TypeError('ttl returned a promise: it must answer at once, with seconds or undefined')
  throw new TypeError(
    `ttl must return a finite number of seconds that gives a valid date, or undefined, not ${described(value)}`
  )
}

/**
 * Koa's packages give the lifetime with each save: 'session', nothing or 0 for a cookie that ends with the browser.
 *
 * @param {unknown} maxAge
 * @returns {Date | undefined}
 */
function endAfter(maxAge) {
  if (typeof maxAge !== 'number' || maxAge === 0) return undefined
  const expires = new Date(Date.now() + maxAge)
  return Number.isNaN(expires.getTime()) ? undefined : expires
}

/**
 * @param {Session | undefined} session
 * @param {string} sid
 * @param {number | TtlFunction} ttl in seconds: of a cookie that ends with the browser, or as a function of any session
 * @param {unknown} [maxAge] in milliseconds, where the framework gives one
 */
function expiresOf(session, sid, ttl, maxAge) {
  const isFunction = typeof ttl === 'function'
  const decided = (isFunction ? expiresAfter(ttl(session, sid)) : undefined) ?? endAfter(maxAge)
  if (decided) return decided
  const expires = session?.cookie?.expires
  return expires ? new Date(expires) : inSeconds(isFunction ? DEFAULT_TTL_SECONDS : ttl)
}

/**
 * When a session was used that expires then: as long before as it lives from each use on.
 *
 * @param {Session} session
 * @param {Date} expires
 * @param {number | TtlFunction} ttl
 * @returns {Date | undefined} nothing when that cannot be told, or would be in the future
 */
function usedAt(session, expires, ttl) {
  if (typeof ttl === 'function') return undefined
  const { expires: ofCookie, originalMaxAge, maxAge } = session?.cookie ?? {}
  // Sessions of Koa, whose lifetime was that of the save.
  if (!ofCookie && typeof (session?._maxAge ?? maxAge) === 'number') return undefined
  const lifetimeMs = ofCookie ? originalMaxAge : ttl * 1000
  const isKnown = typeof lifetimeMs === 'number' && !Number.isNaN(lifetimeMs)
  const usedMs = isKnown ? expires.getTime() - lifetimeMs : Number.NaN
  return usedMs <= Date.now() + TOLERANCE_MS ? new Date(usedMs) : undefined
}

/** Whether `expires` tells that the session has been used now. @param {Session} session @param {Date} expires @param {number | TtlFunction} ttl */
function tellsUse(session, expires, ttl) {
  const used = usedAt(session, expires, ttl)
  return used !== undefined && Date.now() - used.getTime() < TOLERANCE_MS
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
  // Most dates have not moved, and to make the text of one takes four times as long as to read it.
  if (typeof stored === 'string') {
    if (Date.parse(stored) !== expires.getTime()) Reflect.set(cookie, 'expires', expires.toISOString())
  } else if (typeof stored === 'number') {
    Reflect.set(cookie, 'expires', expires.getTime())
  } else if (isDate(stored)) {
    setDate(cookie, expires)
  }
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

module.exports = {
  DEFAULT_TTL_SECONDS,
  copyLastModified,
  expiresOf,
  followExpires,
  isRenewedSinceSave,
  lastModifiedOf,
  noteLastModified,
  noteSave,
  tellsUse,
  usedAt,
}
