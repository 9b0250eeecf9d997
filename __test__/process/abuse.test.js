// Processes that end in the middle of things, and stores without number: the exit code is the app's, and nothing is left over.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')

const SECRET = 'a secret of this test'

// ---- The end of a process

/** How it ends, with what exit code, and what it says to that. @type {Record<string, { code: number, says?: RegExp }>} */
const ENDS = {
  'process.exit': { code: 7 },
  'process.exit in a callback': { code: 7 },
  'process.exit in a listener': { code: 7 },
  'an exception nobody catches': { code: 1, says: /thrown by the app/ },
  'an exception in a callback': { code: 1, says: /thrown by the app/ },
  'an exception in a listener': { code: 1, says: /thrown by the app/ },
  'a rejection nobody handles': { code: 1, says: /thrown by the app/ },
}

/** Calls of all kinds without end, and in the middle of them the end of the process. */
function endingBody({ mongoUrl, options, end, afterMs }) {
  const store = new (require('../..'))({ mongoUrl, ...options })
  const session = (i) => ({ cookie: {}, text: 'x'.repeat((i % 50) * 100) })
  const load = async (lane) => {
    for (let i = 0; ; i++) {
      const sid = `${lane}-${i % 40}`
      await Promise.all([store.set(sid, session(i)), store.get(sid), store.touch(sid, session(i))])
      await (i % 3 ? store.destroy(sid) : store.length())
    }
  }
  const fail = () => {
    throw new Error('thrown by the app')
  }
  const ends = {
    'process.exit': () => process.exit(7),
    'process.exit in a callback': () => store.get('sid', () => process.exit(7)),
    'process.exit in a listener': () => store.on('get', () => process.exit(7)),
    'an exception nobody catches': fail,
    'an exception in a callback': () => store.set('sid', session(1), fail),
    'an exception in a listener': () => store.once('get', fail),
    'a rejection nobody handles': () => Promise.reject(new Error('thrown by the app')),
  }
  for (let lane = 0; lane < 20; lane++) load(lane)
  setTimeout(ends[end], afterMs)
}

/** What is used, and after how many milliseconds the process ends. */
const STORES = {
  native: { moments: [0, 30], options: { backend: 'native' } },
  'native, with encryption': { moments: [20], options: { backend: 'native', crypto: { secret: SECRET } } },
  driver: { moments: [50], options: { backend: 'driver' } },
}

for (const [name, { moments, options }] of Object.entries(STORES)) {
  if (!BACKENDS.includes(/** @type {any} */ (options.backend))) continue
  describe(`a process in the middle of calls, ${name}`, () => {
    for (const [end, { code, says }] of Object.entries(ENDS)) {
      test(`ends by ${end}`, async (t) => {
        const { url } = await openDatabase(t)
        for (const afterMs of moments) {
          const data = { mongoUrl: url, options, end, afterMs }
          const result = await runInChild(endingBody, data, { timeoutMs: 30_000 })
          assert.deepEqual([result.code, result.signal], [code, null], result.stderr)
          if (says) assert.match(result.stderr, says)
          else assert.equal(result.stderr, '')
          assert.doesNotMatch(result.stderr, /panicked/)
        }
      })
    }
  })
}

// ---- Stores without number

/** Opens and closes stores, and tells what the process held when it was warm and what it holds at the end. */
async function manyStoresBody({ mongoUrl, backend, stores, warmUp, hasOwnPool }) {
  const { readdirSync } = require('node:fs')
  const MongoStore = require('../..')
  const AT_ONCE = 10
  const useOne = async (number) => {
    const address = hasOwnPool ? `${mongoUrl}?appName=store-${number}` : mongoUrl
    const autoRemove = ['native', 'interval', 'disabled'][number % 3]
    const store = new MongoStore({
      mongoUrl: address,
      backend,
      autoRemove,
      crypto: number % 2 ? { secret: 'x' } : undefined,
    })
    await store.set(`sid-${number}`, { cookie: {}, number })
    const found = await store.get(`sid-${number}`)
    if (found.number !== number) throw new Error('another session')
    await store.destroy(`sid-${number}`)
    await store.close()
  }
  const use = async (from, to) => {
    for (let next = from; next < to; next += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => useOne(next + index)))
    }
  }
  const held = async () => {
    for (let i = 0; i < 5; i++) {
      global.gc()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return {
      files: readdirSync('/proc/self/fd').length,
      threads: readdirSync('/proc/self/task').length,
      resources: process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length,
      heapMb: process.memoryUsage().heapUsed / 1e6,
      rssMb: process.memoryUsage.rss() / 1e6,
    }
  }
  await use(0, warmUp)
  const before = await held()
  await use(warmUp, warmUp + stores)
  console.log(JSON.stringify({ before, after: await held() }))
}

/** What may be more at the end than when it was warm, whatever the number of stores: an idle thread, fragments of memory. */
const SLACK = { files: 1, threads: 2, resources: 0, heapMb: 3, rssMb: 40 }
/** ABUSE_TIMES=10: ten times the stores. */
const TIMES = Number(process.env.ABUSE_TIMES ?? 1)

const MANY = [
  { backend: 'native', stores: 600, warmUp: 200, hasOwnPool: false },
  { backend: 'native', stores: 150, warmUp: 100, hasOwnPool: true },
  { backend: 'driver', stores: 80, warmUp: 50, hasOwnPool: true },
]

for (const { stores: once, ...one } of MANY.filter(({ backend }) =>
  BACKENDS.includes(/** @type {any} */ (backend))
)) {
  const stores = once * TIMES
  const title = `${stores} stores opened and closed leave nothing behind, ${one.backend}, ${one.hasOwnPool ? 'a pool each' : 'one pool'}`
  const skip = process.platform === 'linux' ? false : 'it counts in /proc'
  test(title, { skip, timeout: 300_000 * TIMES }, async (t) => {
    const { url } = await openDatabase(t)
    const options = { nodeArgs: ['--expose-gc'], timeoutMs: 250_000 * TIMES }
    const { code, stdout, stderr } = await runInChild(
      manyStoresBody,
      { mongoUrl: url, stores, ...one },
      options
    )
    assert.equal(code, 0, stderr)
    t.diagnostic(stdout)
    const { before, after } = JSON.parse(stdout)
    for (const [name, slack] of Object.entries(SLACK)) {
      assert.ok(after[name] <= before[name] + slack, `${name}: ${before[name]}, then ${after[name]}`)
    }
  })
}

// ---- Stores that are forgotten

/** An app that lets go of its stores without closing them. */
async function forgottenStoresBody({ mongoUrl, options, hasOwnClient }) {
  const MongoStore = require('../..')
  const client = hasOwnClient ? undefined : await require('mongodb').MongoClient.connect(mongoUrl)
  const source = client ? { client } : { mongoUrl }
  const open = async () => {
    const store = new MongoStore({ ...source, ...options })
    await store.set('sid', { cookie: {} })
    await new Promise((resolve) => store.get('sid', resolve))
    return new WeakRef(store)
  }
  const stores = await Promise.all(Array.from({ length: 5 }, open))
  const isThere = () => stores.some((store) => store.deref())
  for (let i = 0; i < 50 && isThere(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    global.gc()
  }
  // The JavaScript client of a store outlives it, and keeps the process alive.
  process.stdout.write(isThere() ? 'kept' : 'collected', () => process.exit())
}

/** @type {{ title: string, options: object, hasOwnClient: boolean }[]} */
const FORGOTTEN = [
  ...BACKENDS.map((backend) => ({ title: backend, options: { backend }, hasOwnClient: true })),
  ...BACKENDS.map((backend) => ({
    title: `${backend}, merging`,
    options: { backend, concurrency: 'merge', crypto: { secret: 'x' } },
    hasOwnClient: true,
  })),
  { title: 'a client that goes on', options: { connectionEvents: true }, hasOwnClient: false },
]

for (const { title, ...one } of FORGOTTEN) {
  test(`a store that is forgotten is garbage, ${title}`, async (t) => {
    const { url } = await openDatabase(t)
    const { code, stdout, stderr } = await runInChild(
      forgottenStoresBody,
      { mongoUrl: url, ...one },
      { nodeArgs: ['--expose-gc'] }
    )
    assert.equal(code, 0, stderr)
    assert.equal(stdout, 'collected')
  })
}

// ---- Processes that are started under load

/** A process under load that starts others, which use stores of their own. */
function forkingBody({ mongoUrl, way, backend }) {
  const { fork } = require('node:child_process')
  const cluster = require('node:cluster')
  const { mkdtempSync, rmSync, writeFileSync } = require('node:fs')
  const path = require('node:path')
  const MongoStore = require('../..')
  const work = `
    const store = new (require(${JSON.stringify(require.resolve('../..'))}))(${JSON.stringify({ mongoUrl, backend })})
    const sid = 'of ' + process.pid
    ;(async () => {
      for (let i = 0; i < 50; i++) {
        await store.set(sid, { cookie: {}, i })
        if ((await store.get(sid)).i !== i) throw new Error('another session')
      }
      await store.close()
      process.disconnect()
    })()`
  const folder = mkdtempSync(path.join(require('node:os').tmpdir(), 'connect-mongo-native-'))
  const file = path.join(folder, 'work.js')
  writeFileSync(file, work)
  const start = () => {
    if (way === 'fork') return fork(file, { execArgv: [] })
    cluster.setupPrimary({ exec: file, execArgv: [] })
    return cluster.fork()
  }
  const exitCode = (child) =>
    new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)))
  const main = async () => {
    const store = new MongoStore({ mongoUrl, backend })
    let isRunning = true
    const load = Array.from({ length: 20 }, async (_, lane) => {
      for (let i = 0; isRunning; i++) {
        await store.set(`lane-${lane}`, { cookie: {}, i })
        if ((await store.get(`lane-${lane}`)).i !== i) throw new Error('another session')
      }
    })
    await store.get('sid')
    const codes = await Promise.all([start(), start(), start()].map(exitCode))
    isRunning = false
    await Promise.all(load)
    console.log(JSON.stringify({ codes, sessions: await store.length() }))
    await store.close()
    rmSync(folder, { recursive: true })
  }
  main()
}

for (const backend of BACKENDS) {
  for (const way of ['fork', 'cluster']) {
    test(`processes started by ${way} under load use stores of their own [${backend}]`, async (t) => {
      const { url } = await openDatabase(t)
      const { code, stdout, stderr } = await runInChild(forkingBody, { mongoUrl: url, way, backend })
      assert.equal(code, 0, stderr)
      assert.deepEqual(JSON.parse(stdout), { codes: [0, 0, 0], sessions: 23 })
      assert.equal(stderr, '')
    })
  }
}
