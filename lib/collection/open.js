// Which collection a store runs on: Rust's wherever it can, the JavaScript driver's for a client of the app's own and for what only
// that driver honours.
'use strict'

const { debug } = require('../debug.js')

const { parseConnection, writeConcern } = require('../mongo/connection.js')
const { noNative } = require('../rust.js')
const { warnOnce } = require('../warnings.js')
const { indexesOf } = require('./indexes.js')
const { Scope } = require('./scope.js')

/**
 * @typedef {import('./client-source.js').ClientSource} ClientSource
 * @typedef {import('./native-store.js').NativeOptions['crypter']} Crypter
 * @typedef {import('./port.js').OnNews} OnNews
 * @typedef {import('./port.js').SessionCollection} SessionCollection
 * @typedef {InstanceType<typeof import('../tracing.js').Tracer>} Tracer
 * @typedef {Record<string, any>} Options
 */

/** Loaded by those whose client is one of JavaScript. */
const clients = () => require('./client-source.js')

/** @param {Options} options @param {{ w?: unknown } | undefined} concern of the session writes */
function checkAcknowledged({ concurrency, expiredEvents, maxPerUser }, concern) {
  if (concern?.w !== 0) return
  const ofConcurrency = concurrency !== 'overwrite' && `concurrency: '${concurrency}'`
  const needs = ofConcurrency || (expiredEvents && 'expiredEvents') || (maxPerUser && 'maxPerUser')
  if (needs) throw new Error(`${needs} needs writes that are acknowledged, not w: 0`)
}

/** @param {Options} options @param {ClientSource} source @param {OnNews} onNews @param {Tracer} tracer */
function overDriver(options, source, onNews, tracer) {
  const { dbName, collectionName, writeOperationOptions, timestamps, connectionEvents } = options
  checkAcknowledged(options, writeOperationOptions)
  // Either is loaded by those who need it: few need both, and WebAssembly has no native one.
  const { DriverCollection } = require('./driver.js')
  return new DriverCollection(
    {
      source,
      database: dbName || undefined,
      collection: collectionName,
      writeOperationOptions,
      timestamps,
      ...lifeOf(options),
      ...indexesOf(options),
      connectionEvents,
    },
    onNews,
    tracer
  )
}

/** @param {Options} options */
function lifeOf({ prefix, maxLifetimeSeconds, expiryGrace = 0 }) {
  const maxLifetimeMs = maxLifetimeSeconds === undefined ? undefined : maxLifetimeSeconds * 1000
  return { maxLifetimeMs, graceMs: expiryGrace * 1000, scope: new Scope({ prefix, maxLifetimeMs }) }
}

/** @param {Options} options @param {OnNews} onNews @param {Tracer} tracer @param {string} [purpose] what the driver is needed for */
function overOwnDriver(options, onNews, tracer, purpose = "backend: 'driver'") {
  const { mongoUrl, mongoOptions } = options
  const dbName = options.dbName || mongoOptions?.dbName
  return overDriver(
    { ...options, dbName },
    clients().ownClient(purpose, mongoUrl, mongoOptions),
    onNews,
    tracer
  )
}

/** @param {Options} options @param {OnNews} onNews @param {Tracer} tracer */
function withoutNative(options, onNews, tracer) {
  if (options.backend === 'native') throw new Error(`backend: 'native' cannot be had: ${noNative}`)
  // The JavaScript driver would say so only at the first call.
  writeConcern(options.writeOperationOptions, 'writeOperationOptions')
  const purpose = `connect-mongo-native runs as WebAssembly, because ${noNative}, and`
  return overOwnDriver(options, onNews, tracer, purpose)
}

/** @param {Options} options @param {Crypter} crypter @param {OnNews} onNews @param {Tracer} tracer */
function overRust(options, crypter, onNews, tracer) {
  const { mongoUrl, mongoOptions, dbName, collectionName, timestamps, connectionEvents } = options
  const { maxPending, operationTimeoutMS } = options
  const connection = parseConnection(mongoUrl, mongoOptions, dbName)
  for (const warning of connection.warnings) warnOnce(warning, { code: 'CONNECT_MONGO_OPTION' })
  const ownConcern = writeConcern(options.writeOperationOptions, 'writeOperationOptions')
  const concern = ownConcern ?? connection.writeConcern
  checkAcknowledged(options, concern)
  const database = dbName || connection.database || 'test'
  tracer.namespace = database
  const { NativeCollection } = require('./native.js')
  const collection = new NativeCollection(
    {
      connection,
      database,
      collection: collectionName,
      writeConcern: concern,
      timestamps,
      maxPending,
      operationTimeoutMS,
      ...lifeOf(options),
      ...indexesOf(options),
      connectionEvents,
      crypter,
    },
    (purpose) => clients().ownClient(purpose, mongoUrl, mongoOptions),
    onNews,
    tracer
  )
  if (!dbName && !connection.database) onNews({ event: 'default-database' })
  return collection
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

/**
 * @param {Options} options complete
 * @param {Crypter} crypter what Rust encrypts with, within its own calls
 * @param {OnNews} onNews
 * @param {Tracer} tracer
 * @returns {SessionCollection}
 */
function openCollection(options, crypter, onNews, tracer) {
  const given = options.mongoUrl ? undefined : options.clientPromise || options.client
  if (given && options.backend === 'native') {
    throw new Error("backend: 'native' needs mongoUrl: Rust cannot use a JavaScript client")
  }
  warnOfIdle(options, Boolean(given))
  if (given) return overDriver(options, clients().givenClient(given, options.closeClient), onNews, tracer)
  if (options.backend === 'driver') return overOwnDriver(options, onNews, tracer)
  if (noNative) return withoutNative(options, onNews, tracer)
  try {
    return overRust(options, crypter, onNews, tracer)
  } catch (error) {
    const { needsDriver, option } = /** @type {{ needsDriver?: boolean, option?: string }} */ (error)
    if (options.backend === 'native' || !needsDriver || !clients().appDriver()) throw error
    debug('mongodb is used for %s, which only the JavaScript driver can honour', option)
    return overOwnDriver(options, onNews, tracer)
  }
}

module.exports = { openCollection }
