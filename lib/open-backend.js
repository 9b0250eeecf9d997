// Which backend a store runs on: Rust wherever it can, the JavaScript driver for a client of the app's own and for what only
// that driver honours.
'use strict'

const debug = require('debug')('connect-mongo')

const { noNative } = require('./binding.js')
const { appDriver, givenClient, ownClient } = require('./client-source.js')
const { DriverBackend } = require('./driver-backend.js')
const { parseConnection, writeConcern } = require('./mongo-options.js')
const { HashedIds } = require('./hashed-ids.js')
const { NativeBackend } = require('./native-backend.js')
const { EncryptingBackend, cryptoOfAdapter } = require('./encrypting-backend.js')
const { SessionCrypto, encryptionOf } = require('./session-crypto.js')
const { encryptionOfCrypto } = require('./crypto-options.js')
const { warnOnce } = require('./warnings.js')

/**
 * @typedef {import('./client-source.js').ClientSource} ClientSource
 * @typedef {import('./native-backend.js').OnNews} OnNews
 * @typedef {InstanceType<typeof SessionCrypto>} Crypto
 * @typedef {Record<string, any>} Options
 */

/** @param {Options} options @returns {Crypto | undefined} the encryption that Rust does */
function rustCrypto({ crypto, cryptoAdapter, acceptPlaintext }) {
  const encryption = cryptoAdapter ? encryptionOf(cryptoAdapter) : cryptoOption(crypto)
  return encryption && new SessionCrypto(encryption, acceptPlaintext)
}

/** @param {Options | null | undefined} crypto */
function cryptoOption(crypto) {
  if (crypto === undefined || crypto === null || crypto.secret === false) return undefined
  return encryptionOfCrypto(crypto)
}

/** @param {Options} options @param {{ w?: unknown } | undefined} concern of the session writes */
function checkAcknowledged({ concurrency }, concern) {
  if (concurrency === 'overwrite' || concern?.w !== 0) return
  throw new Error(`concurrency: '${concurrency}' needs writes that are acknowledged, not w: 0`)
}

/** @param {Options} options @param {ClientSource} source @param {OnNews} onNews */
function overDriver(options, source, onNews) {
  const { dbName, collectionName, writeOperationOptions, timestamps, autoRemove, connectionEvents } = options
  checkAcknowledged(options, writeOperationOptions)
  return new DriverBackend(
    {
      source,
      database: dbName || undefined,
      collection: collectionName,
      writeOperationOptions,
      timestamps,
      autoRemove,
      connectionEvents,
    },
    onNews
  )
}

/** @param {Options} options @param {OnNews} onNews @param {string} [purpose] what the driver is needed for */
function overOwnDriver(options, onNews, purpose = "backend: 'driver'") {
  const { mongoUrl, mongoOptions } = options
  const dbName = options.dbName || mongoOptions?.dbName
  return overDriver({ ...options, dbName }, ownClient(purpose, mongoUrl, mongoOptions), onNews)
}

/** @param {Options} options @param {OnNews} onNews */
function withoutNative(options, onNews) {
  if (options.backend === 'native') throw new Error(`backend: 'native' cannot be had: ${noNative}`)
  // The JavaScript driver would say so only at the first call.
  writeConcern(options.writeOperationOptions, 'writeOperationOptions')
  return overOwnDriver(options, onNews, `connect-mongo-native runs as WebAssembly, because ${noNative}, and`)
}

/** @param {Options} options @param {Crypto | undefined} crypto @param {OnNews} onNews */
function overRust(options, crypto, onNews) {
  const { mongoUrl, mongoOptions, dbName, collectionName, timestamps, autoRemove, connectionEvents } = options
  const { maxPending, operationTimeoutMS } = options
  const connection = parseConnection(mongoUrl, mongoOptions)
  for (const warning of connection.warnings) warnOnce(warning, { code: 'CONNECT_MONGO_OPTION' })
  const ownConcern = writeConcern(options.writeOperationOptions, 'writeOperationOptions')
  const concern = ownConcern ?? connection.writeConcern
  checkAcknowledged(options, concern)
  const backend = new NativeBackend(
    {
      connection,
      openClient: () => ownClient('collectionP', mongoUrl, mongoOptions),
      database: dbName || connection.database || 'test',
      collection: collectionName,
      writeConcern: concern,
      timestamps,
      maxPending,
      operationTimeoutMS,
      autoRemove,
      connectionEvents,
      crypto,
      transforms: options,
    },
    onNews
  )
  if (!dbName && !connection.database) onNews({ event: 'default-database' })
  return backend
}

/** @param {Options} options @param {boolean} hasClient */
function warnOfIdle({ mongoOptions, closeClient }, hasClient) {
  const isIdle = hasClient ? Object.keys(mongoOptions ?? {}).length > 0 : closeClient !== undefined
  if (!isIdle) return
  const what = hasClient
    ? 'mongoOptions has no effect on a client'
    : 'closeClient has no effect with mongoUrl'
  warnOnce(`The option ${what}`, { code: 'CONNECT_MONGO_OPTION' })
}

/** @param {Options} options @param {Crypto | undefined} crypto @param {OnNews} onNews */
function chooseBackend(options, crypto, onNews) {
  const given = options.mongoUrl ? undefined : options.clientPromise || options.client
  if (given && options.backend === 'native') {
    throw new Error("backend: 'native' needs mongoUrl: Rust cannot use a JavaScript client")
  }
  warnOfIdle(options, Boolean(given))
  if (given) return overDriver(options, givenClient(given, options.closeClient), onNews)
  if (options.backend === 'driver') return overOwnDriver(options, onNews)
  if (noNative) return withoutNative(options, onNews)
  try {
    return overRust(options, crypto, onNews)
  } catch (error) {
    const { needsDriver, option } = /** @type {{ needsDriver?: boolean, option?: string }} */ (error)
    if (options.backend === 'native' || !needsDriver || !appDriver()) throw error
    debug('mongodb is used for %s, which only the JavaScript driver can honour', option)
    return overOwnDriver(options, onNews)
  }
}

/** @param {Options} options */
function warnOfNoEncryption({ acceptPlaintext, onDecryptError }) {
  const name = acceptPlaintext ? 'acceptPlaintext' : 'onDecryptError'
  if (!acceptPlaintext && onDecryptError === 'error') return
  warnOnce(`The option ${name} has no effect without crypto or cryptoAdapter`, {
    code: 'CONNECT_MONGO_OPTION',
  })
}

/** @param {Record<string, any>} adapter */
function checkAdapter({ encrypt, decrypt }) {
  if (typeof encrypt === 'function' && typeof decrypt === 'function') return
  throw new TypeError('cryptoAdapter must have the functions encrypt and decrypt')
}

/** @param {Options} options @param {OnNews} onNews */
function openEncrypted(options, onNews) {
  const { cryptoAdapter } = options
  if (cryptoAdapter) checkAdapter(cryptoAdapter)
  const crypto = rustCrypto(options)
  const backend = chooseBackend(options, crypto, onNews)
  // The native backend does this by itself, within its own calls.
  if (crypto && backend.name === 'driver') return new EncryptingBackend(backend, crypto, options)
  if (!crypto && !cryptoAdapter) warnOfNoEncryption(options)
  if (crypto || !cryptoAdapter) return backend
  return new EncryptingBackend(backend, cryptoOfAdapter(cryptoAdapter), options)
}

/**
 * @param {Options} options complete
 * @param {OnNews} onNews
 */
function openBackend(options, onNews) {
  const backend = openEncrypted(options, onNews)
  return options.hashId ? new HashedIds(backend, options.hashId) : backend
}

module.exports = { openBackend }
