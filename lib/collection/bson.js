// Which copy of the `bson` package fits: one of another major version refuses the classes of this one.
'use strict'

const { createRequire } = require('node:module')
const path = require('node:path')

/** @typedef {typeof import('bson')} Bson */

/** @type {Bson | undefined} */
let bson

/** The app's own copy where it has a `mongodb` package, so that its ObjectId, Decimal128 … go in and come out. */
function appBson() {
  if (bson) return bson
  let resolve = require
  try {
    resolve = createRequire(require.resolve('mongodb'))
  } catch {
    // The app has no `mongodb`: our own copy does.
  }
  bson = /** @type {Bson} */ (resolve('bson'))
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
