// The operations that are measured, as express-session calls them: with a callback.
'use strict'

const { MAX_AGE_MS } = require('./sessions.js')

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
      store.set(sid, session, done)
    },
  },
  // For a request that changed nothing, express-session moves the end of the cookie, then touches.
  touch: {
    call(store, { sid, session }, done) {
      session.cookie.maxAge = MAX_AGE_MS
      store.touch(sid, session, done)
    },
  },
}

module.exports = { OPERATIONS }
