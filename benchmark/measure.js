// What is measured and how: the stores, the operations, and the loop around them. bench.js runs this file as a child
// process, one for each store and round, so that no store meets another's heap, pool or compiled code.
'use strict'

const { performance } = require('node:perf_hooks')

/**
 * @typedef {object} Store
 * @property {string} module what `require` loads, and whose version is printed
 * @property {(options: { mongoUrl: string, dbName: string }) => any} create
 *
 * @typedef {(store: any, sid: string, session: any, done: (error: any) => void) => void} Operation
 *
 * @typedef {object} Figures
 * @property {number} perSecond
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} mainThreadUs event-loop active time an operation
 * @property {number} cpuUs process CPU time of all threads an operation
 */

/** @type {Record<string, Store>} */
const STORES = {
  'connect-mongo-native': {
    module: 'connect-mongo-native',
    create: (options) => require('connect-mongo-native').create(options),
  },
  'connect-mongo': {
    module: 'connect-mongo',
    create: (options) => require('connect-mongo').MongoStore.create(options),
  },
}

const MAX_AGE_MS = 14 * 24 * 60 * 60 * 1000
const SESSIONS = 1024

/** @type {Record<string, Operation>} */
const OPERATIONS = {
  get(store, sid, session, done) {
    store.get(sid, (/** @type {any} */ error, /** @type {any} */ found) => {
      if (!error && found?.user?.id !== session.user.id)
        error = new Error(`get answered with another session than ${sid}`)
      done(error)
    })
  },
  set(store, sid, session, done) {
    session.views++
    store.set(sid, session, done)
  },
  // As express-session does for a request that changed nothing: move the cookie's end, then touch.
  touch(store, sid, session, done) {
    session.cookie.maxAge = MAX_AGE_MS
    store.touch(sid, session, done)
  },
}

/**
 * A session as express-session hands it to a store, `size` bytes of JSON.
 *
 * @param {number} index @param {number} size
 */
function makeSession(index, size) {
  const Cookie = /** @type {new (options: object) => any} */ (require('express-session').Cookie)
  const session = {
    cookie: new Cookie({ maxAge: MAX_AGE_MS, secure: true, sameSite: 'lax' }),
    user: { id: `user-${index}`, name: 'Zoë Müller', roles: ['reader', 'writer'] },
    views: 100_000_000,
    csrf: 'b3f1c2d4e5a697887766554433221100',
    notes: '',
  }
  const missing = size - Buffer.byteLength(JSON.stringify(session))
  session.notes = 'lorem ipsum '.repeat(Math.ceil(Math.max(missing, 0) / 12)).slice(0, Math.max(missing, 0))
  return session
}

/** @param {number[]} sorted @param {number} share */
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]

/**
 * Keeps `atOnce` operations running for a time. Sessions are taken in turn, so that no two running operations share one.
 *
 * @param {{ store: any, operation: Operation, sessions: [string, any][], atOnce: number, ms: number }} task
 * @returns {Promise<number[]>} the latency of each operation, in milliseconds
 */
function keepRunning({ store, operation, sessions, atOnce, ms }) {
  return new Promise((resolve, reject) => {
    /** @type {number[]} */
    const latencies = []
    const end = performance.now() + ms
    let next = 0
    let running = 0

    function start() {
      const [sid, session] = sessions[next++ % sessions.length]
      const started = performance.now()
      running++
      operation(store, sid, session, (error) => {
        running--
        if (error) return reject(error)
        const now = performance.now()
        latencies.push(now - started)
        if (now < end) start()
        else if (running === 0) resolve(latencies)
      })
    }
    for (let slot = 0; slot < atOnce; slot++) start()
  })
}

/**
 * @param {Parameters<typeof keepRunning>[0]} task
 * @returns {Promise<Figures>}
 */
async function measure(task) {
  const loopBefore = performance.eventLoopUtilization()
  const cpuBefore = process.cpuUsage()
  const started = performance.now()
  const latencies = await keepRunning(task)
  const seconds = (performance.now() - started) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  const loop = performance.eventLoopUtilization(loopBefore)

  const count = latencies.length
  latencies.sort((a, b) => a - b)
  return {
    perSecond: count / seconds,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    mainThreadUs: (loop.active * 1000) / count,
    cpuUs: (cpu.user + cpu.system) / count,
  }
}

/**
 * @typedef {object} Job
 * @property {string} store
 * @property {string} mongoUrl
 * @property {string} dbName
 * @property {{ operation: string, atOnce: number }[]} scenarios
 * @property {number} size
 * @property {number} seconds
 * @property {number} warmupSeconds
 */

/** @param {Job} job @param {(message: object) => void} report */
async function runJob({ store: name, mongoUrl, dbName, scenarios, size, seconds, warmupSeconds }, report) {
  const store = STORES[name].create({ mongoUrl, dbName })
  const sessions = Array.from({ length: SESSIONS }, (_, index) => {
    return /** @type {[string, any]} */ ([`bench-${index}`, makeSession(index, size)])
  })
  for (const [sid, session] of sessions) {
    await new Promise((resolve, reject) => {
      store.set(sid, session, (/** @type {any} */ error) => (error ? reject(error) : resolve(undefined)))
    })
  }
  for (const { operation, atOnce } of scenarios) {
    const task = { store, operation: OPERATIONS[operation], sessions, atOnce }
    await keepRunning({ ...task, ms: warmupSeconds * 1000 })
    report({ operation, atOnce, figures: await measure({ ...task, ms: seconds * 1000 }) })
  }
  await store.close()
}

module.exports = { OPERATIONS, STORES }

if (require.main === module) {
  process.once('message', (job) => {
    runJob(/** @type {Job} */ (job), (message) => process.send?.(message)).then(
      () => process.disconnect(),
      (error) => {
        console.error(error)
        process.exit(1)
      }
    )
  })
}
