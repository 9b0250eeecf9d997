// The packages of the app: the store that it uses, so that what is read here is read as there, and its driver.
'use strict'

const { createRequire } = require('node:module')
const path = require('node:path')
const { version: ownVersion } = require('../package.json')
const { CliError } = require('./errors.js')

const STORE = 'connect-mongo-native'
/** Set by the command `connect-mongo-native`: the store that it belongs to. */
const { CONNECT_MONGO_NATIVE_PACKAGE: launcher } = process.env

/** Who may have a package: the app, the store that was started, this package. @returns {NodeJS.Require[]} */
function requires() {
  const files = [path.join(process.cwd(), 'app.js'), launcher, __filename]
  return files.filter((file) => file !== undefined).map((file) => createRequire(file))
}

/** @param {string} name @returns {{ require: NodeJS.Require, file: string } | undefined} */
function find(name) {
  for (const require of requires()) {
    try {
      return { require, file: require.resolve(name) }
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  return undefined
}

/**
 * @typedef {object} StorePackage
 * @property {any} MongoStore
 * @property {string} version
 * @property {(options: Record<string, any>) => (id: string) => string[]} storageIds
 */

/** @returns {StorePackage} */
function requireStore() {
  const found = find(STORE)
  if (!found)
    throw new CliError(`${STORE} is not installed in ${process.cwd()}: run this in the folder of your app`)
  const { require, file } = found
  const { version } = require(`${STORE}/package.json`)
  if (version !== ownVersion)
    process.emitWarning(
      `This is the command line of ${STORE} ${ownVersion}, and the app has ${version}: install both in one version`
    )
  // It is no export of the package, and need not be the same in another version.
  const { storageIds } = require(path.join(path.dirname(file), 'lib', 'sessions', 'storage-ids.js'))
  return { MongoStore: require(file), version, storageIds }
}

/** For what the store has no method for. */
function requireDriver() {
  if (!find('mongodb'))
    throw new CliError(
      `This needs the mongodb package, which is not installed in ${process.cwd()}: npm install mongodb`
    )
}

/** @param {string} name @returns {any} nothing when the app has not got it */
function requireFromApp(name) {
  const found = find(name)
  return found?.require(name)
}

module.exports = { requireDriver, requireFromApp, requireStore }
