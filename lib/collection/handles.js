// What stands for a session where its id must not be given away, as core/src/document.rs makes it: hexadecimal digits, of the time
// in microseconds and of 15 random bytes, so that those of newer sessions are greater.
'use strict'

const { randomBytes } = require('node:crypto')

const TIME_BYTES = 7
const RANDOM_BYTES = 15
const LATEST_MS = 2 ** 43 - 1
const HANDLE = /^[0-9a-f]{44}$/

let lastMs = 0
/** How many were made in that millisecond: they stand for its microseconds, which the clock does not tell. */
let ofLastMs = 0

function nowUs() {
  const now = Date.now()
  ofLastMs = now === lastMs ? Math.min(ofLastMs + 1, 999) : 0
  lastMs = now
  return now * 1000 + ofLastMs
}

/** @param {Date} [created] when the session was created, if not now */
function newHandle(created) {
  const createdUs = created ? Math.min(Math.max(created.getTime() || 0, 0), LATEST_MS) * 1000 : nowUs()
  return createdUs.toString(16).padStart(2 * TIME_BYTES, '0') + randomBytes(RANDOM_BYTES).toString('hex')
}

/** @param {unknown} handle @returns {handle is string} */
function isHandle(handle) {
  return typeof handle === 'string' && HANDLE.test(handle)
}

module.exports = { isHandle, newHandle }
