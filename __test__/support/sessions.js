// Sessions and dates that several test files share.
'use strict'

const assert = require('node:assert/strict')
const session = require('express-session')

const LATER = new Date('2100-01-02T03:04:05.678Z')
const EARLIER = new Date('2001-02-03T04:05:06.789Z')

/** @param {object} [data] @returns {any} */
function plainSession(data = {}) {
  return { cookie: { path: '/', httpOnly: true, expires: LATER.toJSON(), originalMaxAge: 60_000 }, ...data }
}

/** A session as express-session hands it to a store: instances of its Session and Cookie. @param {object} [data] @returns {any} */
function expressSession(data = {}) {
  const request = { sessionID: 'made-by-express', sessionStore: {} }
  // Abstract in its types only.
  const Store = /** @type {new () => import('express-session').Store} */ (
    /** @type {unknown} */ (session.Store)
  )
  const store = new Store()
  const made = store.createSession(
    /** @type {any} */ (request),
    /** @type {any} */ ({ cookie: { path: '/', expires: LATER, originalMaxAge: 60_000 } })
  )
  return Object.assign(made, data)
}

/** @template T @param {T} value @returns {T} the same value, frozen as deep as it goes */
function deepFrozen(value) {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  for (const key of Reflect.ownKeys(value)) deepFrozen(Reflect.get(value, key))
  return Object.freeze(value)
}

/** @param {number} milliseconds */
const fromNow = (milliseconds) => new Date(Date.now() + milliseconds)

/**
 * Waits until a value satisfies a condition, looking at it again and again.
 *
 * @template T
 * @param {() => T | Promise<T>} look
 * @param {(value: T) => boolean} [isGood]
 * @returns {Promise<T>}
 */
async function eventually(look, isGood = Boolean) {
  const deadline = Date.now() + 20_000
  for (;;) {
    const value = await look()
    if (isGood(value)) return value
    if (Date.now() > deadline) throw new Error(`Still not so after 20 s: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** @param {string} id @param {object} [fields] */
const storedSession = (id, fields = {}) => ({
  _id: id,
  session: JSON.stringify(plainSession({ id })),
  expires: LATER,
  ...fields,
})

/** @param {Date | undefined} date @param {number} from @param {number} to both in milliseconds */
function assertBetween(date, from, to) {
  assert.ok(date instanceof Date, `${date} is not a date`)
  assert.ok(from <= date.getTime() && date.getTime() <= to, `${date.toJSON()} is not in ${from}–${to}`)
}

module.exports = {
  assertBetween,
  storedSession,
  EARLIER,
  LATER,
  deepFrozen,
  eventually,
  expressSession,
  fromNow,
  plainSession,
}
