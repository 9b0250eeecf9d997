// Where the sessions are: what the command line, the environment and the app's own options say, and a store made of that.
'use strict'

const { readFileSync } = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { UsageError, withoutPassword } = require('./errors.js')
const { requireDriver, requireStore } = require('./packages.js')

/**
 * @typedef {import('commander').Command} Command
 * @typedef {InstanceType<typeof import('./errors.js').Redactor>} Redactor
 * @typedef {Record<string, any>} StoreOptions the options that an app makes its store with
 *
 * @typedef {object} Driver
 * @property {any} client
 * @property {any} db
 * @property {any} collection
 * @property {Record<string, any>} scope a filter of the sessions of this store, where it shares its collection
 */

/** Somebody is waiting at a terminal. */
const SERVER_SELECTION_TIMEOUT_MS = 10_000

/** What is about the app's requests, and what would do something in the background: a command does only what it says. */
const WITHOUT_BACKGROUND = {
  autoRemove: 'disabled',
  connectionEvents: false,
  expiredEvents: false,
}

/** What makes indexes. */
const OF_USERS = ['index', 'indexSecret', 'describe', 'maxPerUser', 'onMaxPerUser']
/** What stands between a session id and its document. */
const OF_IDS = ['hashId', 'transformId', 'prefix', 'maxLifetime']

/** @param {Command} command */
function addConnectionOptions(command) {
  return command
    .optionsGroup('Connection:')
    .option('--url <url>', 'connection string (default: that of the config, else $MONGO_URL)')
    .option('--config <file>', "a .js, .mjs or .json file that exports the app's own options of the store")
    .option('--db <name>', 'database (default: that of the config or of the URL)')
    .option('--collection <name>', 'collection (default: that of the config, else sessions)')
}

/** @param {string} file */
function jsonIn(file) {
  const text = readFileSync(file, 'utf8')
  try {
    return JSON.parse(text)
  } catch {
    // Its own message quotes the text, which holds secrets.
    throw new Error('it is not valid JSON')
  }
}

/** What it prints is none of the results. @template T @param {() => Promise<T>} work @returns {Promise<T>} */
async function withoutOutput(work) {
  const { write } = process.stdout
  process.stdout.write = process.stderr.write.bind(process.stderr)
  try {
    return await work()
  } finally {
    process.stdout.write = write
  }
}

/** @param {string} file */
async function moduleOf(file) {
  if (path.extname(file) === '.json') return jsonIn(file)
  const loaded = await import(pathToFileURL(file).href)
  return loaded.default ?? loaded
}

/** @param {string} given @returns {Promise<StoreOptions>} */
async function configIn(given) {
  const file = path.resolve(given)
  let options
  try {
    options = await withoutOutput(async () => {
      const exported = await moduleOf(file)
      return typeof exported === 'function' ? exported() : exported
    })
  } catch (error) {
    const { message = String(error) } = Object(error)
    throw new UsageError(`--config ${given} cannot be loaded: ${message}`)
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
  #storageIds
  /** @type {any[]} */
  #stores = []
  /** Those of the app, from the config. */
  options
  version

  /** @param {StoreOptions} options @param {import('./packages.js').StorePackage} storePackage */
  constructor(options, { MongoStore, version, storageIds }) {
    this.options = options
    this.version = version
    this.#MongoStore = MongoStore
    this.#storageIds = storageIds
  }

  /** A store like the app's, which does nothing in the background. @param {StoreOptions} [change] */
  store(change) {
    return this.storeOf({ ...this.options, ...change })
  }

  /** With no options but these, and such as keep it to what it is told. @param {StoreOptions} options */
  storeOf({ mongoOptions, ...options }) {
    const isPatient = /[?&]serverSelectionTimeoutMS=/i.test(options.mongoUrl ?? '?serverSelectionTimeoutMS=')
    const patience = isPatient ? {} : { serverSelectionTimeoutMS: SERVER_SELECTION_TIMEOUT_MS }
    const store = this.#MongoStore.create({
      ...options,
      ...WITHOUT_BACKGROUND,
      mongoOptions: { ...patience, ...mongoOptions },
    })
    // Whatever it is about fails a call as well.
    store.on('error', () => {})
    return this.add(store)
  }

  /** @template T @param {T} store that is to be closed with the connection @returns {T} */
  add(store) {
    this.#stores.push(store)
    return store
  }

  /** One that does what is about no index, and makes none. @param {StoreOptions} [change] */
  storeWithoutIndexes(change) {
    return this.storeOf(without(OF_USERS, { ...this.options, ...change }))
  }

  /**
   * One that takes storage ids for session ids and makes no index: whatever is stored can be asked for, and nothing else happens.
   *
   * @param {StoreOptions} [change]
   */
  rawStore(change) {
    return this.storeOf(without([...OF_USERS, ...OF_IDS], { ...this.options, ...change }))
  }

  /**
   * The sessions as the JavaScript driver has them, for what the store has no method for.
   *
   * @param {StoreOptions} [change]
   * @returns {Promise<Driver>}
   */
  async driver(change) {
    requireDriver()
    const store = this.rawStore(change)
    const collection = await store.collectionP
    const client = await store.clientP
    const { prefix } = this.options
    const scope = prefix ? { _id: { $regex: `^${escaped(prefix)}` } } : {}
    return { client, db: client.db(collection.dbName), collection, scope }
  }

  requireDriver() {
    requireDriver()
  }

  /** @param {string} command @param {string[]} names of options of which it needs one */
  requireOption(command, ...names) {
    if (names.every((name) => !this.options[name]))
      throw new UsageError(`${command} needs the app's options with ${names.join(' or ')}: --config FILE`)
  }

  /** @param {string} id of a session @returns {Promise<string[]>} under which it may be stored, first that of today */
  async storageIds(id) {
    const { transformId = (/** @type {string} */ sid) => sid } = this.options
    return this.#storageIds(this.options)(await transformId(id))
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

/** @param {string[]} names @param {StoreOptions} options @returns {StoreOptions} */
function without(names, options) {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name)))
}

/** @param {string} text @returns {string} as a regular expression has it */
function escaped(text) {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** @param {StoreOptions} options @returns {string} what a person knows the server by */
function serverName({ mongoUrl }) {
  return mongoUrl ? withoutPassword(mongoUrl) : "the config's client"
}

module.exports = { Connection, addConnectionOptions, openConnection, serverName }
