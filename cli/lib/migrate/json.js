// Between sessions and the JSON that most stores keep, and what that cannot hold.
'use strict'

/**
 * @typedef {import('./side.js').StoredSession} StoredSession
 * @typedef {import('./side.js').Unreadable} Unreadable
 */

/** @param {unknown} value @returns {value is object} */
function isObject(value) {
  return typeof value === 'object' && value !== null
}

/** @param {unknown} value @returns {value is Record<string, any>} */
function isRecord(value) {
  return isObject(value) && !Array.isArray(value)
}

/**
 * What express-session can make a session of.
 *
 * @param {string} sid
 * @param {unknown} value
 * @param {number} [endMs]
 * @returns {StoredSession | Unreadable}
 */
function sessionOf(sid, value, endMs) {
  if (!isRecord(value)) return { sid, problem: 'no object' }
  if (!isRecord(value.cookie)) return { sid, problem: 'no cookie in it' }
  return { sid, session: /** @type {StoredSession['session']} */ (value), endMs }
}

/**
 * An error of JSON.parse has a piece of the text in it, and is left out.
 *
 * @param {string} sid
 * @param {string} text
 * @param {number} [endMs]
 * @returns {StoredSession | Unreadable}
 */
function parsedSession(sid, text, endMs) {
  let value
  try {
    value = JSON.parse(text)
  } catch {
    return { sid, problem: 'no JSON' }
  }
  return sessionOf(sid, value, endMs)
}

/** @param {object} value @returns {string | undefined} the name of a type that JSON makes something else of */
function lostType(value) {
  const type = Reflect.get(value, '_bsontype')
  if (typeof type === 'string') return type
  if (value instanceof Uint8Array) return 'Binary'
  return Object.prototype.toString.call(value) === '[object Date]' ? 'Date' : undefined
}

/**
 * Without recursion: a session may be nested deeper than a stack is.
 *
 * @param {Record<string, any>} session
 * @returns {Set<string>} the names of the types in it that JSON has not got; a cookie's date is text in every store but one
 */
function typesLostInJson({ cookie: { expires: _, ...cookie }, ...session }) {
  const lost = new Set()
  const waiting = [cookie, session]
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    const type = lostType(value)
    if (type) lost.add(type)
    else for (const child of Object.values(value)) if (isObject(child)) waiting.push(child)
  }
  return lost
}

module.exports = { parsedSession, sessionOf, typesLostInJson }
