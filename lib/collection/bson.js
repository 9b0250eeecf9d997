// Which copy of the `bson` package fits: one of another major version refuses the classes of this one.
'use strict'

const { createRequire } = require('node:module')
const path = require('node:path')
const { requireWithDriver } = require('../packages.js')

/** @typedef {typeof import('bson')} Bson */

/** @type {Bson | undefined} */
let bson

/** The copy of the app's driver where it has one, its own or mongoose's, so that its ObjectId, Decimal128 … go in and come out. */
function appBson() {
  if (bson) return bson
  const driver = requireWithDriver()?.resolve('mongodb')
  bson = /** @type {Bson} */ (driver === undefined ? require('bson') : createRequire(driver)('bson'))
  return bson
}

/** @param {string} file @param {object} client */
function isDriverOf(file, client) {
  if (path.basename(file) !== 'mongo_client.js') return false
  const { MongoClient } = require.cache[file]?.exports ?? {}
  return typeof MongoClient === 'function' && client instanceof MongoClient
}

/**
 * The copy that a client makes its documents with. The driver does not tell, so it is looked for beside the file that the
 * client's class is from; in a bundle there are no files, and one copy most likely.
 *
 * @param {object} client
 * @returns {Bson}
 */
function bsonOf(client) {
  const file = Object.keys(require.cache).find((name) => isDriverOf(name, client))
  return file ? createRequire(file)('bson') : appBson()
}

module.exports = { appBson, bsonOf }
