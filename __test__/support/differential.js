// One body of tests against several implementations of the same store, each on a database of its own on one real
// server. IMPLEMENTATION=native (or driver, driver-6, driver-5, connect-mongo) runs the bodies against that one only.
'use strict'

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const path = require('node:path')
const { after, test } = require('node:test')
const { MongoClient } = require('mongodb')
const { isClientException } = require('./client-exceptions.js')
const { storeWithClient } = require('./client-store.js')
const { DIFFERENCES } = require('./differences.js')
const { freshDatabaseUrl, sharedServerUrl } = require('./server.js')

/**
 * @typedef {object} Implementation
 * @property {string} id
 * @property {string} name
 * @property {boolean} [original] it is connect-mongo itself, with its old side of each difference
 * @property {boolean} [hasClient] it runs on a client that the app brought
 * @property {string} driver the `mongodb` package whose BSON classes go in and come out
 * @property {('callbacks' | 'promises')[]} styles the ways its methods can be called
 * @property {() => Promise<any>} load gives the class
 * @property {string} source an expression that gives the class in a program of its own
 * @property {(options: object) => Promise<any>} create
 */

const METHODS = /** @type {const} */ (['get', 'set', 'touch', 'destroy', 'all', 'length', 'clear'])
const EVENTS = [
  'create',
  'update',
  'set',
  'set-refused',
  'touch',
  'touch-missed',
  'destroy',
  'get',
  'all',
  'error',
]

/** @type {Implementation[]} */
const implementations = [
  implementation({
    id: 'native',
    name: 'connect-mongo-native',
    driver: 'mongodb',
    styles: ['callbacks', 'promises'],
    load: async () => require('../..'),
    source: "require('connect-mongo-native')",
  }),
  withClient('driver', 'mongodb', 7),
  withClient('driver-6', 'mongodb-6', 6),
  withClient('driver-5', 'mongodb-5', 5),
  implementation({
    id: 'connect-mongo',
    name: 'connect-mongo 6.0.0',
    driver: 'mongodb',
    original: true,
    styles: ['callbacks'],
    load: async () => (await import('connect-mongo')).default,
    source: "(await import('connect-mongo')).default",
  }),
]

/** @param {Omit<Implementation, 'create'>} description @returns {Implementation} */
function implementation(description) {
  return { ...description, create: async (options) => (await description.load()).create(options) }
}

/** @param {string} id @param {string} driver @param {number} version */
function withClient(id, driver, version) {
  return implementation({
    id,
    name: `connect-mongo-native with a client of mongodb ${version}`,
    hasClient: true,
    driver,
    styles: ['callbacks'],
    load: async () => storeWithClient(driver),
    source: `require('./__test__/support/client-store.js').storeWithClient('${driver}')`,
  })
}

/** @param {Implementation} implementation */
function isSelected({ id }) {
  const chosen = process.env.IMPLEMENTATION
  return !chosen || chosen.split(',').includes(id)
}

// Asked for here and not in a test, so that a server started for this file lives until the file's last test.
const serverUrl = sharedServerUrl()

/** @type {Promise<MongoClient> | undefined} */
let client

/** The client with which the tests look at what is really stored. */
function rawClient() {
  client ??= serverUrl.then((url) => MongoClient.connect(url))
  return client
}

after(async () => {
  await (await client)?.close()
})

/**
 * Calls a method with a callback.
 *
 * @param {any} store @param {string} method @param {...unknown} args
 * @returns {Promise<unknown[]>} the arguments that the callback got
 */
function callbackArguments(store, method, ...args) {
  return new Promise((resolve, reject) => {
    let calls = 0
    const returned = store[method](...args, (/** @type {unknown[]} */ ...answer) => {
      calls += 1
      if (calls > 1) reject(new Error(`The callback of ${method} was called again`))
      // A second call would come before the next turn of the event loop.
      setImmediate(() => resolve(answer))
    })
    assert.equal(returned, undefined, `${method} with a callback returned something`)
  })
}

/** @param {any} store @param {string} method @param {unknown[]} args */
async function throughCallback(store, method, args) {
  const [error, value] = await callbackArguments(store, method, ...args)
  if (error) throw error
  return value
}

/**
 * @param {any} store
 * @param {'callbacks' | 'promises'} [style]
 * @returns {Record<typeof METHODS[number], (...args: any[]) => Promise<any>>}
 */
function promised(store, style = 'callbacks') {
  return /** @type {any} */ (
    Object.fromEntries(
      METHODS.map((method) => [
        method,
        style === 'promises'
          ? async (/** @type {unknown[]} */ ...args) => store[method](...args)
          : (/** @type {unknown[]} */ ...args) => throughCallback(store, method, args),
      ])
    )
  )
}

/** @param {any} store @returns {unknown[][]} filled with the name and the arguments of each event */
function recordEvents(store) {
  /** @type {unknown[][]} */
  const events = []
  for (const name of EVENTS)
    store.on(name, (/** @type {unknown[]} */ ...args) => events.push([name, ...args]))
  return events
}

/** @param {string} url which may name several hosts, so that it is no URL to JavaScript @returns {string} */
function databaseName(url) {
  return /** @type {RegExpExecArray} */ (/^mongodb:\/\/[^/]+\/([^?]+)/.exec(url))[1]
}

/** connect-mongo rejects calls that are under way when it closes. @param {any} store */
async function closeQuietly(store) {
  await Promise.resolve(store.collectionP).catch(() => {})
  await Promise.resolve(store.close()).catch(() => {})
}

/**
 * What a body needs: `create` makes a store, `open` also gives its methods as functions that return promises, in the
 * style under test; `collection` is the same collection seen through the Node driver.
 *
 * @param {import('node:test').TestContext} t
 * @param {Implementation} implementation
 * @param {'callbacks' | 'promises'} [style]
 */
async function openContext(t, implementation, style = 'callbacks') {
  const MongoStore = await implementation.load()
  const url = await freshDatabaseUrl(`differential_${implementation.id}`)
  const database = (await rawClient()).db(databaseName(url))
  /** @type {any[]} */
  const stores = []
  t.after(async () => {
    await Promise.all(stores.map(closeQuietly))
    await database.dropDatabase()
  })

  /** @param {object} [options] */
  const create = (options) => {
    const store = MongoStore.create({ mongoUrl: url, autoRemove: 'disabled', ...options })
    stores.push(store)
    return store
  }
  /** @param {object} [options] */
  const open = (options) => {
    const store = create(options)
    return { store, events: recordEvents(store), ...promised(store, style) }
  }
  const collection = /** @type {import('mongodb').Collection<any>} */ (database.collection('sessions'))
  /** @type {typeof import('mongodb')} */
  const driver = require(implementation.driver)
  return { implementation, style, driver, MongoStore, url, database, collection, create, open }
}

/** @typedef {Awaited<ReturnType<typeof openContext>>} Context */
/** @typedef {(t: import('node:test').TestContext, context: Context) => Promise<void> | void} Body */

/**
 * Runs a program in a process of its own. In it `MongoStore` is the class, `url` the test's database, and `call` calls a
 * method of a store and gives the arguments of its callback.
 *
 * @param {Implementation} implementation
 * @param {string} url
 * @param {string} program
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ code: number | null, stdout: string, stderr: string, warnings: { name: string, code?: string, message: string }[] }>}
 */
function runProgram({ source }, url, program, env = {}) {
  const code = `
    process.on('warning', ({ name, code, message }) => process.send({ name, code, message }))
    const call = (store, method, ...args) => new Promise((resolve) => store[method](...args, (...answer) => resolve(answer)))
    const url = ${JSON.stringify(url)}
    ;(async () => { const MongoStore = ${source}; ${program} })()`
  const child = spawn(process.execPath, ['--no-warnings', '-e', code], {
    cwd: path.join(__dirname, '..', '..'),
    env: { ...process.env, DEBUG_COLORS: '0', DEBUG_HIDE_DATE: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  /** @type {any} */
  const result = { stdout: '', stderr: '', warnings: [] }
  child.stdout?.on('data', (chunk) => {
    result.stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    result.stderr += chunk
  })
  child.on('message', (warning) => result.warnings.push(warning))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exitCode) => resolve({ ...result, code: exitCode }))
  })
}

/**
 * The functions that register tests.
 *
 * @param {(implementation: Implementation) => ('callbacks' | 'promises')[]} stylesOf
 */
function registrars(stylesOf) {
  /** @param {string} title @param {Implementation} implementation @param {Body} body */
  function register(title, implementation, body) {
    if (!isSelected(implementation)) return
    if (implementation.hasClient && isClientException(title)) return
    const styles = stylesOf(implementation)
    for (const style of styles) {
      const label = styles.length > 1 ? `${implementation.name}, ${style}` : implementation.name
      test(`${title} [${label}]`, async (t) => body(t, await openContext(t, implementation, style)))
    }
  }

  /**
   * Registers a test for each implementation and each way of calling it.
   *
   * @param {string} title the promise that all keep
   * @param {Body} body
   */
  function forEachImplementation(title, body) {
    for (const each of implementations) register(title, each, body)
  }

  /**
   * Registers a test of each side of a deliberate difference.
   *
   * @param {string} id of the entry in DIFFERENCES
   * @param {string} title
   * @param {{ ours: Body, theirs: Body }} bodies
   */
  function forDifference(id, title, { ours, theirs }) {
    assert.ok(DIFFERENCES[id], `No difference is called ${id}`)
    for (const each of implementations) register(`${title} (${id})`, each, each.original ? theirs : ours)
  }

  /** @param {string} title @param {Body} body about something that connect-mongo has not got */
  function forOurs(title, body) {
    for (const each of implementations) if (!each.original) register(title, each, body)
  }

  return { forDifference, forEachImplementation, forOurs }
}

/**
 * Registers one test that sees all implementations at once, each with a database of its own.
 *
 * @param {string} title
 * @param {(t: import('node:test').TestContext, contexts: Context[]) => Promise<void>} body
 */
function acrossImplementations(title, body) {
  const selected = implementations.filter(isSelected)
  const skip = selected.length > 1 ? false : 'only one implementation was chosen'
  test(title, { skip }, async (t) => {
    const contexts = await Promise.all(selected.map((each) => openContext(t, each, each.styles.at(-1))))
    await body(t, contexts)
  })
}

module.exports = {
  ...registrars(({ styles }) => styles),
  DIFFERENCES,
  acrossImplementations,
  callbackArguments,
  implementations,
  /** For bodies that choose for themselves how to call. */
  inOneStyle: registrars(({ styles }) => styles.slice(0, 1)),
  isSelected,
  promised,
  rawClient,
  recordEvents,
  runProgram,
}
