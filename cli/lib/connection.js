// Where the sessions are: what the command line, the environment and the app's own options say, and a store made of that.
'use strict'

const { readFileSync } = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { UsageError, redactUrls } = require('./errors.js')
const { requireDriver, requireStore } = require('./packages.js')

/**
 * @typedef {import('commander').Command} Command
 * @typedef {InstanceType<typeof import('./errors.js').Redactor>} Redactor
 * @typedef {Record<string, any>} StoreOptions the options that an app makes its store with
 */

/** Somebody is waiting at a terminal. */
const SERVER_SELECTION_TIMEOUT_MS = 10_000

/** What is about the app's requests, and what would do something in the background: a command does only what it says. */
const WITHOUT_BACKGROUND = {
  autoRemove: 'disabled',
  connectionEvents: false,
  expiredEvents: false,
}

/** What stands between a session id and its document, and what makes indexes. */
const OF_IDS_AND_USERS = [
  ...['hashId', 'transformId', 'prefix', 'maxLifetime'],
  ...['index', 'indexSecret', 'describe', 'maxPerUser', 'onMaxPerUser'],
]

/** @param {Command} command */
function addConnectionOptions(command) {
  return command
    .option('--url <url>', 'connection string (default: that of the config, else $MONGO_URL)')
    .option('--config <file>', "a .js, .mjs or .json file that exports the app's own options of the store")
    .option('--db <name>', 'database (default: that of the config or of the URL)')
    .option('--collection <name>', 'collection (default: that of the config, else sessions)')
}

/** @param {string} file */
async function moduleOf(file) {
  if (path.extname(file) === '.json') return JSON.parse(readFileSync(file, 'utf8'))
  const loaded = await import(pathToFileURL(file).href)
  return loaded.default ?? loaded
}

/** @param {string} given @returns {Promise<StoreOptions>} */
async function configIn(given) {
  const file = path.resolve(given)
  let options
  try {
    const exported = await moduleOf(file)
    options = await (typeof exported === 'function' ? exported() : exported)
  } catch (error) {
    throw new UsageError(`--config ${given} cannot be loaded: ${/** @type {Error} */ (error).message}`)
  }
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return { ...options }
  throw new UsageError(
    `--config ${given} must export the options of the store, or a function that gives them`
  )
}

/** @param {StoreOptions} options */
function secretsOf({ mongoUrl, mongoOptions, crypto, hashId, indexSecret }) {
  return [mongoUrl, mongoOptions?.auth?.password, crypto?.secret, hashId?.secret, indexSecret].flat()
}

/** @param {StoreOptions} config */
function hasServer({ mongoUrl, client, clientPromise, url, mongooseConnection }) {
  return Boolean(mongoUrl || client || clientPromise || url || mongooseConnection)
}

/** @param {StoreOptions} config @param {string} mongoUrl @returns {StoreOptions} */
function withUrl({ client, clientPromise, url, mongooseConnection, ...config }, mongoUrl) {
  if (/^mongodb(\+srv)?:\/\//.test(mongoUrl)) return { ...config, mongoUrl }
  throw new UsageError('The URL must begin with mongodb:// or mongodb+srv://')
}

/**
 * @param {{ url?: string, config?: string, db?: string, collection?: string }} flags
 * @param {Redactor} redactor
 * @returns {Promise<StoreOptions>}
 */
async function storeOptions(flags, redactor) {
  const { MONGO_URL } = process.env
  redactor.add(flags.url, MONGO_URL)
  const config = flags.config === undefined ? {} : await configIn(flags.config)
  redactor.add(...secretsOf(config))
  const url = flags.url ?? (hasServer(config) ? undefined : MONGO_URL)
  const options = url === undefined ? config : withUrl(config, url)
  if (!hasServer(options))
    throw new UsageError('Which server? Give --url mongodb://…, or MONGO_URL, or --config FILE')
  if (flags.db !== undefined) options.dbName = flags.db
  if (flags.collection !== undefined) options.collectionName = flags.collection
  return options
}

class Connection {
  #MongoStore
  /** @type {any[]} */
  #stores = []
  /** Those of the app, from the config. */
  options
  version

  /** @param {StoreOptions} options @param {import('./packages.js').StorePackage} storePackage */
  constructor(options, { MongoStore, version }) {
    this.options = options
    this.version = version
    this.#MongoStore = MongoStore
  }

  /** A store like the app's, which does nothing in the background. @param {StoreOptions} [change] */
  store(change) {
    return this.#open({ ...this.options, ...change })
  }

  /** @param {StoreOptions} options */
  #open({ mongoOptions, ...options }) {
    const isPatient = /[?&]serverSelectionTimeoutMS=/i.test(options.mongoUrl ?? '?serverSelectionTimeoutMS=')
    const patience = isPatient ? {} : { serverSelectionTimeoutMS: SERVER_SELECTION_TIMEOUT_MS }
    const store = this.#MongoStore.create({
      ...options,
      ...WITHOUT_BACKGROUND,
      mongoOptions: { ...patience, ...mongoOptions },
    })
    // Whatever it is about fails a call as well.
    store.on('error', () => {})
    this.#stores.push(store)
    return store
  }

  /**
   * One that takes storage ids for session ids and makes no index: whatever is stored can be asked for, and nothing else happens.
   *
   * @param {StoreOptions} [change]
   */
  rawStore(change) {
    const options = { ...this.options, ...change }
    for (const name of OF_IDS_AND_USERS) delete options[name]
    return this.#open(options)
  }

  /** As the JavaScript driver has it, for what the store has no method for. @returns {Promise<any>} */
  async collection() {
    requireDriver()
    return this.rawStore().collectionP
  }

  async close() {
    await Promise.all(this.#stores.map((store) => store.close()))
  }
}

/**
 * @param {Record<string, any>} flags
 * @param {Redactor} redactor
 */
async function openConnection(flags, redactor) {
  const options = await storeOptions(flags, redactor)
  return new Connection(options, requireStore())
}

/** @param {StoreOptions} options @returns {string} what a person knows the server by */
function serverName({ mongoUrl }) {
  return mongoUrl ? redactUrls(mongoUrl) : "the config's client"
}

module.exports = { Connection, addConnectionOptions, openConnection, serverName }
