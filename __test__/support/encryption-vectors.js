// The sessions of __test__/vectors, and the options with which a store is to read each.
'use strict'

const { readFileSync, readdirSync } = require('node:fs')
const path = require('node:path')
const { EJSON } = require('bson')
const { createWebCryptoAdapter } = require('../..')
const { custom } = require('../vectors/make/custom.js')
const { SECRET } = require('./encryption.js')

/** @import { WebCryptoAdapterOptions } from '../..' */

/**
 * See ../vectors/README.md.
 *
 * @typedef {object} Vector
 * @property {string} id
 * @property {string} storageId
 * @property {string} writtenBy
 * @property {'v3' | 'kruptein' | 'webcrypto' | 'none'} adapter
 * @property {Record<string, any>} options
 * @property {boolean} stringify
 * @property {string} session
 * @property {'text' | 'object' | 'halfPair'} [custom]
 * @property {string} [receivedBy6]
 * @property {any} stored
 * @property {boolean} readBy6
 * @property {boolean} [table]
 */

const FOLDER = path.join(__dirname, '..', 'vectors')

/** @param {string} file @returns {Vector[]} */
function vectorsOf(file) {
  return JSON.parse(readFileSync(path.join(FOLDER, file), 'utf8')).vectors
}

/** @returns {Map<string, Vector[]>} by file */
function loadVectors() {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'))
  return new Map(files.map((file) => [file, vectorsOf(file)]))
}

/** @param {Record<string, any>} value relaxed extended JSON @returns {any} with what the driver makes of it */
function fromExtended(value) {
  return EJSON.parse(JSON.stringify(value))
}

/** @param {Vector} vector @returns {Record<string, any>} its options, with bytes as a Uint8Array */
function optionsOf({ options }) {
  const entries = Object.entries(fromExtended(options)).map(([name, value]) => [
    name,
    value?._bsontype === 'Binary' ? new Uint8Array(value.buffer) : value,
  ])
  return Object.fromEntries(entries)
}

/** @param {Vector} vector @param {object} [changes] of the options of the encryption */
function encryptionOf(vector, changes) {
  const options = { ...optionsOf(vector), ...changes }
  if (vector.adapter === 'webcrypto') {
    return { cryptoAdapter: createWebCryptoAdapter(/** @type {WebCryptoAdapterOptions} */ (options)) }
  }
  if (vector.adapter === 'none') return { crypto: { secret: SECRET, ...options }, acceptPlaintext: true }
  return { crypto: options }
}

/** @param {Vector} vector @returns {string} the same for all that one store can read */
function groupOf({ adapter, options, stringify, custom: name }) {
  return JSON.stringify([adapter, options, stringify, name])
}

/** @param {Vector[]} vectors @returns {Vector[][]} those that one store can read, together */
function grouped(vectors) {
  /** @type {Map<string, Vector[]>} */
  const groups = new Map()
  for (const vector of vectors) {
    const key = groupOf(vector)
    groups.set(key, [...(groups.get(key) ?? []), vector])
  }
  return [...groups.values()]
}

/**
 * What a store needs to read a group of vectors. With the app's own `serialize`, `get` gives what its `unserialize` would be given.
 *
 * @param {Vector} vector any of the group
 * @param {object} [changes] of the options of the encryption
 * @returns {Record<string, any>}
 */
function storeOptions(vector, changes) {
  const functions = vector.custom ? { ...custom[vector.custom], unserialize: received } : {}
  return { stringify: vector.stringify, ...functions, ...encryptionOf(vector, changes) }
}

/** @param {unknown} value */
function received(value) {
  return { received: value }
}

/**
 * @param {Vector} vector
 * @param {any} session what `get` gave
 * @returns {string} the JSON of the session that it stands for
 */
function sessionOf({ custom: name }, session) {
  return JSON.stringify(name && session ? custom[name].unserialize(session.received) : session)
}

module.exports = { fromExtended, grouped, loadVectors, optionsOf, sessionOf, storeOptions }
