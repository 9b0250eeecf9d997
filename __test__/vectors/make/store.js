// connect-mongo of any version, out of a folder that it is installed in.
'use strict'

const { createRequire } = require('node:module')
const path = require('node:path')
const { promisify } = require('node:util')
const { EJSON } = require('bson')
const { custom } = require('./custom.js')

/** @typedef {import('./cases.js').Case} Case */

const COLLECTION = 'vectors'

/**
 * A store as that version is told to open one.
 *
 * @param {string} folder
 * @param {string} mongoUrl
 * @param {string} version
 * @param {Pick<Case, 'adapter' | 'options' | 'stringify' | 'custom'>} one
 */
function openStore(folder, mongoUrl, version, one) {
  const load = createRequire(path.join(folder, 'package.json'))
  const session = load('express-session')
  const module = load('connect-mongo')
  const common = { stringify: one.stringify, ...(one.custom ? custom[one.custom] : {}) }
  const store = version.startsWith('3.')
    ? openThree(module(session), mongoUrl, common, one)
    : openLater(module, mongoUrl, version, common, one)
  return { Cookie: session.Cookie, store }
}

/** @param {any} MongoStore @param {string} url @param {object} common @param {Pick<Case, 'options'>} one */
function openThree(MongoStore, url, common, { options }) {
  const mongoOptions = { useUnifiedTopology: true }
  return new MongoStore({
    url,
    mongoOptions,
    collection: COLLECTION,
    autoRemove: 'disabled',
    ...common,
    ...options,
  })
}

/**
 * @param {any} module
 * @param {string} mongoUrl
 * @param {string} version
 * @param {object} common
 * @param {Pick<Case, 'adapter' | 'options'>} one
 */
function openLater(module, mongoUrl, version, common, { adapter, options }) {
  const MongoStore = module.default ?? module
  const removal = version === '4.1.0' ? { createAutoRemoveIdx: false } : { autoRemove: 'disabled' }
  const encryption = Object.keys(options).length ? encryptionOf(module, adapter, options) : {}
  return MongoStore.create({ mongoUrl, collectionName: COLLECTION, ...removal, ...common, ...encryption })
}

/** @param {any} module @param {Case['adapter']} adapter @param {Record<string, unknown>} options */
function encryptionOf(module, adapter, options) {
  if (adapter !== 'webcrypto') return { crypto: { ...options } }
  const { secret, salt, ...rest } = /** @type {any} */ (EJSON.parse(JSON.stringify(options)))
  /** @param {any} value */
  const unwrap = (value) => (typeof value === 'object' ? new Uint8Array(value.buffer) : value)
  return {
    cryptoAdapter: module.createWebCryptoAdapter({
      ...rest,
      secret: unwrap(secret),
      ...(salt === undefined ? {} : { salt: unwrap(salt) }),
    }),
  }
}

/**
 * Calls a method of the store and gives the first answer: some versions call back twice.
 *
 * @param {any} store
 * @param {'get' | 'set' | 'touch'} method
 * @param {unknown[]} args
 */
function call(store, method, ...args) {
  return promisify(store[method]).apply(store, args)
}

module.exports = { COLLECTION, call, openStore }
