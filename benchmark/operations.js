// The operations that are measured, as express-session calls them: with a callback.
'use strict'

const { MAX_AGE_MS } = require('./sessions.js')
const { SESSIONS_OF_A_USER, ownerOf } = require('./stores.js')

/**
 * @typedef {import('./sessions.js').Entry} Entry
 * @typedef {(error: any, result?: any) => void} Done
 *
 * @typedef {object} Operation
 * @property {(store: any, entry: Entry, done: Done) => void} call
 * @property {(entry: Entry, result: any) => boolean} [check] whether that is the right answer
 */

/** @type {Record<string, Operation>} */
const OPERATIONS = {
  get: {
    call: (store, { sid }, done) => store.get(sid, done),
    check: ({ session }, found) => found?.user.id === session.user.id,
  },
  set: {
    call(store, { sid, session }, done) {
      session.views++
      // express-session moves the end of the cookie before it saves, too.
      session.cookie.maxAge = MAX_AGE_MS
      store.set(sid, session, done)
    },
  },
  // For a request that changed nothing.
  touch: {
    call(store, { sid, session }, done) {
      session.cookie.maxAge = MAX_AGE_MS
      store.touch(sid, session, done)
    },
  },
}

/** What only some stores have. @type {Record<string, Operation>} */
const LOOKUPS = {
  find: {
    call: (store, { session }, done) => store.find({ owner: ownerOf(/** @type {any} */ (session)) }, done),
    check: (_, found) => found.length === SESSIONS_OF_A_USER,
  },
}

module.exports = { LOOKUPS, OPERATIONS }
