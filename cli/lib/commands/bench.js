// `bench`: how long calls take with the user's own server, here and with connect-mongo, if the app has it.
'use strict'

const { randomBytes } = require('node:crypto')
const { performance } = require('node:perf_hooks')
const { InvalidArgumentError } = require('commander')
const { serverName } = require('../connection.js')
const { requireFromApp } = require('../packages.js')

/**
 * @typedef {import('../main.js').Context} Context
 * @typedef {import('../main.js').Connection} Connection
 * @typedef {any} Store
 *
 * @typedef {object} Measurement
 * @property {string} store
 * @property {string} operation
 * @property {number} atOnce
 * @property {number} perSecond
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} mainThreadUs of the event loop, for one operation
 */

const SESSIONS = 1_000
const WARM_UP_MS = 300
const OPERATIONS = ['get', 'set', 'touch']
const DEFAULT_SECONDS = 2
const DEFAULT_AT_ONCE = 32

const HELP = `It makes a collection of its own beside the sessions, and drops it afterwards, also after Ctrl-C. The stores run in turn, with
their defaults but for the server. It puts load on the server for as long as it runs.

Exit codes: 0 fine, 1 it failed or was interrupted, 2 wrong usage`

/** @param {number} most @returns {(text: string) => number} */
function numberUpTo(most) {
  return (text) => {
    const number = Number(text)
    if (number > 0 && number <= most) return number
    throw new InvalidArgumentError(`It must be a number up to ${most}.`)
  }
}

/** @param {number} index */
function sessionOf(index) {
  const cookie = { originalMaxAge: 86_400_000, expires: new Date(Date.now() + 86_400_000), path: '/' }
  return { cookie, user: { id: index, name: `user ${index}` }, views: index, cart: 'x'.repeat(500) }
}

/** @param {number} index */
const sidOf = (index) => `bench-${index % SESSIONS}`

/** @param {Store} store @param {string} operation @param {number} index @returns {Promise<unknown>} */
function call(store, operation, index) {
  const args = operation === 'get' ? [] : [sessionOf(index)]
  return new Promise((resolve, reject) => {
    store[operation](sidOf(index), ...args, (/** @type {unknown} */ error, /** @type {unknown} */ answer) =>
      error ? reject(error) : resolve(answer)
    )
  })
}

/**
 * @param {Store} store
 * @param {string} operation
 * @param {number} atOnce
 * @param {number} durationMs
 * @param {AbortSignal} signal
 * @returns {Promise<number[]>} how long each took, in milliseconds
 */
async function timesOf(store, operation, atOnce, durationMs, signal) {
  /** @type {number[]} */
  const times = []
  const endMs = performance.now() + durationMs
  let index = 0
  const loop = async () => {
    for (let startMs = performance.now(); startMs < endMs && !signal.aborted; ) {
      await call(store, operation, index++)
      const nowMs = performance.now()
      times.push(nowMs - startMs)
      startMs = nowMs
    }
  }
  await Promise.all(Array.from({ length: atOnce }, loop))
  return times
}

/**
 * @param {[name: string, store: Store]} of
 * @param {string} operation
 * @param {number} atOnce
 * @param {Context} context
 * @returns {Promise<Measurement>}
 */
async function measure([name, store], operation, atOnce, { flags, signal }) {
  await timesOf(store, operation, atOnce, WARM_UP_MS, signal)
  const before = performance.eventLoopUtilization()
  const startMs = performance.now()
  const times = await timesOf(store, operation, atOnce, flags.seconds * 1000, signal)
  const seconds = (performance.now() - startMs) / 1000
  const { active } = performance.eventLoopUtilization(before)
  times.sort((a, b) => a - b)
  const at = (/** @type {number} */ share) => times[Math.floor(share * (times.length - 1))] ?? 0
  return {
    store: name,
    operation,
    atOnce,
    perSecond: Math.round(times.length / seconds),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    mainThreadUs: Math.round((active * 1000) / Math.max(times.length, 1)),
  }
}

/** @returns {any} connect-mongo's class, unless that name is this package's in the app */
function connectMongo() {
  const loaded = requireFromApp('connect-mongo')
  const MongoStore = loaded?.default ?? loaded?.MongoStore ?? loaded
  return MongoStore && !('binding' in MongoStore) ? MongoStore : undefined
}

/** @param {Connection} connection @param {string} collectionName @returns {[name: string, store: Store][]} */
function storesOf(connection, collectionName) {
  const { mongoUrl, mongoOptions, dbName, client, clientPromise } = connection.options
  const given = { mongoUrl, mongoOptions, dbName, client, clientPromise }
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const own = { ...options, collectionName, autoRemove: 'disabled' }
  const ours = connection.storeOf(own)
  const Theirs = connectMongo()
  /** @type {[string, Store][]} */
  const stores = [[`connect-mongo-native (${ours.backend})`, ours]]
  if (Theirs) stores.push(['connect-mongo', connection.add(Theirs.create(own))])
  return stores
}

/** @param {Context} context @param {[string, Store][]} stores */
async function measureAll(context, stores) {
  const { flags, signal, progress } = context
  const runs = [1, flags.atOnce].flatMap((atOnce) =>
    OPERATIONS.flatMap((operation) => stores.map((store) => ({ store, operation, atOnce })))
  )
  const [[, first]] = stores
  for (let index = 0; index < SESSIONS; index++) await call(first, 'set', index)
  const shown = progress('measurements', runs.length)
  /** @type {Measurement[]} */
  const measurements = []
  try {
    for (const { store, operation, atOnce } of runs) {
      if (signal.aborted) break
      measurements.push(await measure(store, operation, atOnce, context))
      shown.update(measurements.length)
    }
  } finally {
    shown.stop()
  }
  return measurements
}

/** @type {import('../main.js').CommandModule} */
module.exports = {
  usage: 'bench',
  summary: 'measure get, set and touch with your server, beside connect-mongo if the app has it',
  help: HELP,
  define(command) {
    command
      .option('--seconds <seconds>', 'how long to measure each', numberUpTo(600), DEFAULT_SECONDS)
      .option('--at-once <calls>', 'how many calls at once, besides one', numberUpTo(1000), DEFAULT_AT_ONCE)
  },
  async run(context) {
    const connection = await context.connect()
    const collectionName = `sessions_bench_${randomBytes(4).toString('hex')}`
    const { collection } = await connection.driver({ collectionName })
    const stores = storesOf(connection, collectionName)
    try {
      const measurements = await measureAll(context, stores)
      const isInterrupted = context.signal.aborted
      const server = serverName(connection.options)
      return { report: { server, isInterrupted, measurements }, exitCode: isInterrupted ? 1 : 0 }
    } finally {
      await collection.drop()
    }
  },
  render({ server, measurements }, screen) {
    const rows = measurements.map((/** @type {Measurement} */ one) => [
      one.operation,
      one.atOnce,
      one.store,
      one.perSecond.toLocaleString('en'),
      one.p50Ms.toFixed(2),
      one.p99Ms.toFixed(2),
      one.mainThreadUs,
    ])
    const head = ['', 'at once', 'store', 'a second', 'p50 ms', 'p99 ms', 'main thread µs']
    const table = screen.table(rows, {
      head,
      align: ['left', 'right', 'left', 'right', 'right', 'right', 'right'],
    })
    return `${screen.heading(server)}\n\n${table}`
  },
}
