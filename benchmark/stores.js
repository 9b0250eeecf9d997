// How each store is made, with its own defaults. Nothing is loaded before a store is asked for: what loading takes is
// measured, too.
'use strict'

/**
 * Where the servers are, and a name that no other store uses.
 *
 * @typedef {{ mongoUrl: string, redisUrl?: string, dbName: string }} Place
 *
 * @typedef {object} Store
 * @property {string} label
 * @property {string[]} packages whose versions are printed
 * @property {(place: Place) => any} create
 * @property {string[]} [lacks] the operations that it does not have
 */

const SECRET = 'squirrel, harbour, lantern: 4711'

/** @param {object} options */
const ours = (options) => require('connect-mongo-native').create(options)

/** Each store has a process of its own, so that this concerns no other. @param {object} options */
function oursOnWasm(options) {
  process.env.NAPI_RS_FORCE_WASI = 'error'
  return ours(options)
}

/** @param {ConstructorParameters<typeof import('connect-mongo').MongoStore>[0]} options */
const connectMongo = (options) => require('connect-mongo').MongoStore.create(options)

/** @param {Place} place */
function connectMongodbSession({ mongoUrl, dbName }) {
  // @ts-expect-error: it has no types
  const createStore = require('connect-mongodb-session')
  const MongoDBStore = createStore(require('express-session'))
  return new MongoDBStore({ uri: mongoUrl, databaseName: dbName, collection: 'sessions' })
}

/**
 * `redis` 6 gives each command five seconds, with an AbortSignal of its own, which takes more than half of a get's time: without that it
 * is as fast as `redis` 5, and faster than ioredis.
 */
const WITHOUT_SIGNALS = { commandOptions: { timeout: undefined } }

/** @param {Place} place */
async function connectRedis({ redisUrl, dbName }) {
  const { RedisStore } = require('connect-redis')
  const { createClient } = require('redis')
  const client = createClient({ url: redisUrl, ...WITHOUT_SIGNALS })
  client.on('error', (error) => {
    throw error
  })
  await client.connect()
  return new RedisStore({ client, prefix: `${dbName}:` })
}

/** @type {Record<string, Store>} */
const STORES = {
  native: {
    label: 'connect-mongo-native',
    packages: ['connect-mongo-native'],
    create: ({ mongoUrl, dbName }) => ours({ mongoUrl, dbName, backend: 'native' }),
  },
  driver: {
    label: 'ours, driver backend',
    packages: ['connect-mongo-native', 'mongodb'],
    create: ({ mongoUrl, dbName }) => ours({ mongoUrl, dbName, backend: 'driver' }),
  },
  wasm: {
    label: 'ours, WebAssembly',
    packages: ['connect-mongo-native', 'mongodb'],
    create: ({ mongoUrl, dbName }) => oursOnWasm({ mongoUrl, dbName }),
  },
  'connect-mongo': {
    label: 'connect-mongo',
    packages: ['connect-mongo', 'mongodb'],
    create: ({ mongoUrl, dbName }) => connectMongo({ mongoUrl, dbName }),
  },
  'connect-mongodb-session': {
    label: 'connect-mongodb-session',
    packages: ['connect-mongodb-session'],
    create: connectMongodbSession,
    lacks: ['touch'],
  },
  'connect-redis': {
    label: 'connect-redis',
    packages: ['connect-redis', 'redis'],
    create: connectRedis,
  },
  memory: {
    label: 'MemoryStore (no server)',
    packages: ['express-session'],
    create: () => new (require('express-session').MemoryStore)(),
  },
}

/** The same two packages with each format of encrypted sessions. @type {Record<string, Store>} */
const CRYPTO_STORES = {
  plain: STORES.native,
  kruptein: {
    label: 'ours, crypto',
    packages: ['connect-mongo-native'],
    create: ({ mongoUrl, dbName }) => ours({ mongoUrl, dbName, crypto: { secret: SECRET } }),
  },
  'web-crypto': {
    label: 'ours, createWebCryptoAdapter',
    packages: ['connect-mongo-native'],
    create({ mongoUrl, dbName }) {
      const { createWebCryptoAdapter } = require('connect-mongo-native')
      return ours({ mongoUrl, dbName, cryptoAdapter: createWebCryptoAdapter({ secret: SECRET }) })
    },
  },
  sealed: {
    label: 'ours, sealed',
    packages: ['connect-mongo-native'],
    create: ({ mongoUrl, dbName }) =>
      ours({ mongoUrl, dbName, crypto: { secret: SECRET, format: 'sealed' } }),
  },
  'wasm-kruptein': {
    label: 'ours, crypto, WebAssembly',
    packages: ['connect-mongo-native', 'mongodb'],
    create: ({ mongoUrl, dbName }) => oursOnWasm({ mongoUrl, dbName, crypto: { secret: SECRET } }),
  },
  'connect-mongo-kruptein': {
    label: 'connect-mongo, crypto',
    packages: ['connect-mongo', 'kruptein'],
    create: ({ mongoUrl, dbName }) => connectMongo({ mongoUrl, dbName, crypto: { secret: SECRET } }),
  },
  'connect-mongo-web-crypto': {
    label: 'connect-mongo, createWebCryptoAdapter',
    packages: ['connect-mongo'],
    create({ mongoUrl, dbName }) {
      const { createWebCryptoAdapter } = require('connect-mongo')
      return connectMongo({ mongoUrl, dbName, cryptoAdapter: createWebCryptoAdapter({ secret: SECRET }) })
    },
  },
}

/** As many sessions as this belong to one user. */
const SESSIONS_OF_A_USER = 5

/** @param {{ user: { id: string } }} session of sessions.js, whose users are numbered */
function ownerOf({ user }) {
  return Math.floor(Number(user.id.slice(user.id.indexOf('-') + 1)) / SESSIONS_OF_A_USER)
}

/** The store that finds sessions by their user. */
const INDEXED = 'indexed'

/** With sessions by user, and without. @type {Record<string, Store>} */
const USER_STORES = {
  [INDEXED]: {
    label: 'ours, index',
    packages: ['connect-mongo-native'],
    create: ({ mongoUrl, dbName }) => ours({ mongoUrl, dbName, index: { owner: ownerOf } }),
  },
  plain: STORES.native,
}

/** @param {string} label @param {boolean} isToStay whether somebody hears the channels, or has only once @returns {Store} */
function heardStore(label, isToStay) {
  return {
    label,
    packages: ['connect-mongo-native'],
    create(place) {
      hear(isToStay)
      return STORES.native.create(place)
    },
  }
}

/** @param {boolean} isToStay */
function hear(isToStay) {
  const { tracingChannel } = require('node:diagnostics_channel')
  for (const name of ['connect-mongo-native:operation', 'connect-mongo-native:command']) {
    const channel = tracingChannel(name)
    const subscribers = { asyncEnd() {} }
    channel.subscribe(/** @type {any} */ (subscribers))
    if (!isToStay) channel.unsubscribe(/** @type {any} */ (subscribers))
  }
}

/** With somebody who hears the channels, without, and after. @type {Record<string, Store>} */
const CHANNEL_STORES = {
  native: STORES.native,
  left: heardStore('ours, channels that were left', false),
  heard: heardStore('ours, channels that are heard', true),
}

const ALL_STORES = { ...STORES, ...CRYPTO_STORES, ...USER_STORES, ...CHANNEL_STORES }

/** The one that needs a Redis. */
const REDIS = 'connect-redis'

/** Not a store but the limit of one: floor/ talks to the server over a bare socket. */
const FLOOR = 'floor'

/** @param {string} name */
function storeOf(name) {
  return ALL_STORES[name]
}

/** @param {string} name of a store, or whatever else is compared */
function labelOf(name) {
  return name === FLOOR ? 'bare socket (the floor)' : (ALL_STORES[name]?.label ?? name)
}

module.exports = {
  CHANNEL_STORES,
  CRYPTO_STORES,
  FLOOR,
  INDEXED,
  REDIS,
  SESSIONS_OF_A_USER,
  STORES,
  USER_STORES,
  labelOf,
  ownerOf,
  storeOf,
}
