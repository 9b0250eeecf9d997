// What the tests of encryption have in common: one body for all backends, and the one error.
'use strict'

const { test } = require('node:test')
const { BACKENDS } = require('./backends.js')
const { openDatabase } = require('./database.js')

const SECRET = 'Correct-Horse-42-Battery!'

/** Of every session that cannot be decrypted, whatever the cause. */
const NOT_ENCRYPTED = {
  message: /^The session is not encrypted: acceptPlaintext/,
  code: 'ERR_SESSION_DECRYPT',
}
const REFUSED = { message: 'Encrypted session was tampered with!', code: 'ERR_SESSION_DECRYPT' }

/**
 * A database whose stores run on a backend.
 *
 * @param {import('node:test').TestContext} t
 * @param {import('./backends.js').Backend} backend
 */
async function openOnBackend(t, backend) {
  const database = await openDatabase(t)
  return {
    ...database,
    t,
    backend,
    /** @param {Record<string, any>} options */
    open: (options) => database.open({ backend, autoRemove: 'disabled', ...options }),
  }
}

/** @typedef {Awaited<ReturnType<typeof openOnBackend>>} Context */

/**
 * Registers a test for each backend.
 *
 * @param {string} title
 * @param {(context: Context) => Promise<void>} body
 */
function onBothBackends(title, body) {
  for (const backend of BACKENDS) {
    test(`${title} [${backend}]`, async (t) => body(await openOnBackend(t, backend)))
  }
}

/**
 * @param {Context['sessions']} sessions
 * @param {string} id
 * @returns {Promise<any>} the `session` field as it is stored
 */
async function storedOf(sessions, id) {
  const document = await sessions.findOne({ _id: id })
  return document?.session
}

module.exports = {
  NOT_ENCRYPTED,
  BACKENDS,
  REFUSED,
  SECRET,
  onBothBackends,
  openOnBackend,
  storedOf,
}
