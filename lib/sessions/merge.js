// Three-way merges of sessions: what one request changed since it loaded its session, applied to what is stored now. Pure.
'use strict'

const { isDeepStrictEqual } = require('node:util')
const { isDate } = require('../objects.js')

/** @typedef {Record<string, any>} Session */

/** What stands for a key that is not there, or for the value of one that is to go. */
const ABSENT = Symbol('absent')

/** By how much renewing a cookie may shift its `originalMaxAge`: express-session reads the clock twice. */
const DRIFT_MS = 1_000

const LIFETIME_KEYS = ['expires', 'originalMaxAge']

/** An object whose keys are merged one by one. Instances of classes, those of BSON among them, are values, and so are arrays. */
const isRecord = (/** @type {unknown} */ value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** @param {Session} record @param {string} key */
const own = (record, key) => (Object.hasOwn(record, key) ? record[key] : ABSENT)

/** Assigning to `__proto__` would make no key of it. @param {Session} record @param {string} key @param {unknown} value */
function define(record, key, value) {
  Object.defineProperty(record, key, { value, configurable: true, enumerable: true, writable: true })
}

/** @param {any} base @param {any} ours @param {any} theirs @returns {any} */
function mergeValues(base, ours, theirs) {
  if (isDeepStrictEqual(ours, base)) return theirs
  if (isDeepStrictEqual(theirs, base)) return ours
  if (!isRecord(ours)) return ours
  if (isRecord(theirs)) return mergeRecords(isRecord(base) ? base : {}, ours, theirs)
  if (theirs !== ABSENT || !isRecord(base)) return ours
  // They have removed what was changed here in part: of it there is only that part.
  const merged = mergeRecords(base, ours, {})
  return Object.keys(merged).length > 0 ? merged : ABSENT
}

/** @param {Session} base @param {Session} ours @param {Session} theirs @returns {Session} */
function mergeRecords(base, ours, theirs) {
  const merged = {}
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    const value = mergeValues(own(base, key), own(ours, key), own(theirs, key))
    if (value !== ABSENT) define(merged, key, value)
  }
  return merged
}

/**
 * Whether a session lives as long as another one, counted from when either was last used.
 *
 * @param {Session} session
 * @param {Session} base
 */
function isRenewal({ cookie }, { cookie: old }) {
  if (!isRecord(cookie) || !isRecord(old)) return false
  const [age, oldAge] = [cookie.originalMaxAge, old.originalMaxAge]
  const areNumbers = typeof age === 'number' && typeof oldAge === 'number'
  const isAsLong = areNumbers ? Math.abs(age - oldAge) <= DRIFT_MS : age === oldAge
  return isAsLong && Boolean(cookie.expires) === Boolean(old.expires)
}

/** @param {Session} session @param {Session} other @returns {Session} the session with the other's expiry */
function withLifetimeOf(session, other) {
  const cookie = { ...session.cookie }
  for (const key of LIFETIME_KEYS) {
    const value = own(other.cookie, key)
    if (value === ABSENT) delete cookie[key]
    else cookie[key] = value
  }
  return { ...session, cookie }
}

/** Every request renews the cookie of what it loads: that alone is no change. @param {Session} session @param {Session} base */
function unrenewed(session, base) {
  return isRenewal(session, base) ? withLifetimeOf(session, base) : { ...session }
}

/**
 * What one request changed, key by key and in depth, applied to what is stored now. Where both have but renewed the cookie, the
 * session expires with the later one.
 *
 * @param {Session} base what the request loaded
 * @param {Session} ours what the request made of it
 * @param {Session} theirs what is stored now
 * @returns {Session}
 */
function mergeSessions(base, ours, theirs) {
  const merged = mergeRecords(base, unrenewed(ours, base), unrenewed(theirs, base))
  if (!isRenewal(ours, base) || !isRenewal(theirs, base) || !isRecord(merged.cookie)) return merged
  const isTheirsLater = timeOf(theirs.cookie.expires) > timeOf(ours.cookie.expires)
  return withLifetimeOf(merged, isTheirsLater ? theirs : ours)
}

/** Of what JSON, BSON and frameworks make of a date: anything else is no time. @param {unknown} expires @returns {number} */
function timeOf(expires) {
  return typeof expires === 'string' || isDate(expires) ? new Date(expires).getTime() : Number.NaN
}

/**
 * Whether others have changed a session that the request has changed as well. Alike does not count as unchanged: of two requests that
 * spend the same coupon, one has to hear that it is spent.
 *
 * @param {Session} base
 * @param {Session} ours
 * @param {Session} theirs
 */
function isStale(base, ours, theirs) {
  // All three copied alike: objects of two realms are not equal.
  const [before, mine, now] = [base, ours, theirs].map((session) => unrenewed(session, base))
  return !isDeepStrictEqual(now, before) && !isDeepStrictEqual(mine, before)
}

module.exports = { isStale, mergeSessions }
