// The options stringify, serialize and unserialize: between sessions and the values that are stored, as connect-mongo has them.
'use strict'

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

/** @param {Record<string, any>} options @returns {Transforms} */
function transformsOf({ serialize, unserialize, stringify }) {
  if (serialize || unserialize || stringify === false) {
    return { serialize: serialize || copyWithPlainCookie, unserialize: unserialize || unchanged }
  }
  return { serialize: JSON.stringify, unserialize: JSON.parse }
}

module.exports = { transformsOf }
