// connect-mongo itself, in the versions that are in use, on a collection that a store of ours shares.
'use strict'

const { promised } = require('./wait.js')

/**
 * @typedef {object} Original
 * @property {string} name
 * @property {() => Promise<any>} load gives the module
 */

/** @type {Record<'six' | 'five', Original>} */
const ORIGINALS = {
  six: { name: 'connect-mongo 6.0.0', load: () => import('connect-mongo') },
  five: { name: 'connect-mongo 5.1.0', load: async () => ({ MongoStore: require('connect-mongo-5') }) },
}

/**
 * A store of connect-mongo whose methods return promises, closed with the test.
 *
 * @param {import('node:test').TestContext} t
 * @param {any} MongoStore
 * @param {object} options
 */
function openOriginal(t, MongoStore, options) {
  const store = MongoStore.create({ autoRemove: 'disabled', ...options })
  t.after(async () => {
    await store.collectionP
    await store.close()
  })
  return {
    set: (/** @type {string} */ id, /** @type {object} */ session) => promised(store, 'set', id, session),
    get: (/** @type {string} */ id) => promised(store, 'get', id),
  }
}

module.exports = { ORIGINALS, openOriginal }
