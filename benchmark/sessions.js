// The sessions that are measured: what an app of some size keeps, as express-session hands it to a store.
'use strict'

const MAX_AGE_MS = 14 * 24 * 60 * 60 * 1000
/** A number of constant length, so that counting up does not change a session's size. */
const FIRST_VIEW = 100_000_000
/** One in four is not ASCII, which takes other ways through V8 and through Node-API. */
const NAMES = ['Ada Lovelace', 'Grace Hopper', 'Zoë Müller', 'Alan Turing']

/** @typedef {{ sid: string, session: Record<string, any> }} Entry */

/** @param {number} index */
function cartItem(index) {
  const sku = `SKU-${String(index).padStart(6, '0')}`
  return { sku, name: 'lorem ipsum dolor sit amet', price: 1999, quantity: 1 }
}

/** @param {unknown} value */
function jsonBytes(value) {
  return Buffer.byteLength(JSON.stringify(value))
}

/** @param {number} index */
function userOf(index) {
  return { id: `user-${index}`, name: NAMES[index % NAMES.length], roles: ['reader', 'writer'] }
}

/** What an app keeps beside the cookie. @param {number} index */
function smallData(index) {
  const csrf = 'b3f1c2d4e5a697887766554433221100'
  return { user: userOf(index), views: FIRST_VIEW, csrf, cart: /** @type {object[]} */ ([]), notes: '' }
}

function newCookie() {
  const Cookie = /** @type {new (options: object) => any} */ (require('express-session').Cookie)
  return new Cookie({ maxAge: MAX_AGE_MS, sameSite: 'lax' })
}

/**
 * Fills sessions up to a size: with the items of a shopping cart, which all of them share, and the rest with text.
 *
 * @param {number} size bytes of JSON; the smallest session takes about 270
 */
function sessionMaker(size) {
  const missing = size - jsonBytes({ cookie: newCookie(), ...smallData(0) })
  const itemBytes = jsonBytes(cartItem(0)) + 1
  const cart = Array.from({ length: Math.max(0, Math.floor(missing / itemBytes)) }, (_, index) =>
    cartItem(index)
  )
  const notes = '.'.repeat(Math.max(0, missing - cart.length * itemBytes))

  return {
    /** @param {number} index */
    data: (index) => ({ ...smallData(index), cart, notes }),
    /** @param {number} index */
    session: (index) => ({ cookie: newCookie(), ...smallData(index), cart, notes }),
  }
}

/** @param {number} index */
function sidOf(index) {
  return `bench-${index}`
}

/**
 * @param {number} count @param {number} size @param {number} [first] the index of the first one
 * @returns {Entry[]}
 */
function makeSessions(count, size, first = 0) {
  const { session } = sessionMaker(size)
  return Array.from({ length: count }, (_, index) => ({
    sid: sidOf(first + index),
    session: session(first + index),
  }))
}

module.exports = { MAX_AGE_MS, makeSessions, sessionMaker, sidOf, userOf }
