// Worker threads that load the addon, use it, and are ended at any moment.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')

/** Two workers each. WORKER_ROUNDS=200 is what a release has to survive. */
const ROUNDS = Number(process.env.WORKER_ROUNDS ?? 30)

/** What a worker does; `parentPort` hears of it as soon as calls are under way. */
function workerBody() {
  const { parentPort, workerData } = require('node:worker_threads')
  const MongoStore = require('../..')
  const { mongoUrl, mode, id } = workerData
  const store = new MongoStore({ mongoUrl })
  const burst = (round) =>
    Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const sid = `${id}-${round}-${i}`
        await store.set(sid, { cookie: {}, text: 'x'.repeat(i * 100) })
        await store.get(sid)
        await store.touch(sid, { cookie: {} })
        if (i % 2) await store.destroy(sid)
      })
    )
  const endless = async () => {
    for (let round = 0; ; round++) await burst(round)
  }
  const modes = {
    'ended by another thread': endless,
    'ended by process.exit': () => {
      endless()
      setTimeout(() => process.exit(0), 20)
    },
    'ended by an uncaught exception': () => {
      endless()
      setTimeout(() => {
        throw new Error('the worker fails')
      }, 20)
    },
    'done, without close': () => burst(0),
    'done, with close': async () => {
      await burst(0)
      await store.close()
    },
  }
  modes[mode]()
  const announce = () => parentPort.postMessage('calls are under way')
  // A JavaScript client takes longer to connect than some of these workers live.
  if (store.backend === 'native') announce()
  else store.once('create', announce)
}

/** Runs in a process of its own: starts workers, round after round, and tells how they ended. */
async function parentBody({ mongoUrl, workerSource, rounds, mode, isUsedByMain, loadsAhead }) {
  const { Worker } = require('node:worker_threads')
  const isKilled = mode === 'ended by another thread'
  let store
  if (isUsedByMain) {
    store = new (require('../..'))({ mongoUrl })
    await store.set('main', { cookie: {}, user: 'main' })
  }
  let isRunning = true
  const own = (async () => {
    for (let i = 0; store && isRunning; i++) {
      await store.set(`main-${i % 100}`, { cookie: {}, i })
      if ((await store.get(`main-${i % 100}`)).i !== i)
        throw new Error('the main thread read another session')
    }
  })()

  const ends = {}
  const runWorker = async (id) => {
    const worker = new Worker(workerSource, { eval: true, workerData: { mongoUrl, mode, id } })
    worker.on('error', () => {})
    // Not events.once: the failure of a worker would be a rejection that nobody handles.
    const heard = (event) => new Promise((resolve) => worker.once(event, resolve))
    const exit = heard('exit')
    await (loadsAhead ? heard('online') : Promise.race([heard('message'), exit]))
    if (isKilled) {
      // Some at once, some in the middle of things.
      await new Promise((resolve) => setTimeout(resolve, loadsAhead ? (id % 10) * 5 : (id % 5) * 7))
      await worker.terminate()
    }
    const code = await exit
    ends[code] = (ends[code] ?? 0) + 1
  }
  const { existsSync, readdirSync } = require('node:fs')
  const count = (of) => (existsSync('/proc/self') ? readdirSync(`/proc/self/${of}`).length : 0)
  const held = () => ({ files: count('fd'), threads: count('task') })
  let before
  for (let round = 0; round < rounds; round++) {
    // By then what the process keeps for all of its workers is there.
    if (round === 4) before = held()
    await Promise.all([runWorker(2 * round), runWorker(2 * round + 1)])
  }
  // Two workers more or less have their sockets at any time; those of one that is gone are closed a little later.
  const isFlat = ({ files, threads }) => files <= before.files + 12 && threads <= before.threads + 4
  const deadline = Date.now() + 10_000
  while (!isFlat(held())) {
    if (Date.now() > deadline) throw new Error(`${JSON.stringify(before)}, then ${JSON.stringify(held())}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  isRunning = false
  await own
  if (store) await store.close()
  console.log(JSON.stringify(ends))
}

const EXIT_CODES = {
  'ended by another thread': 1,
  'ended by process.exit': 0,
  'ended by an uncaught exception': 1,
  'done, without close': 0,
  'done, with close': 0,
}

/** @param {import('node:test').TestContext} t @param {Record<string, unknown>} options */
async function assertSurvives(t, { rounds, mode, ...options }) {
  const { url, sessions } = await openDatabase(t)
  const workerSource = `(${workerBody})()`
  const data = { mongoUrl: url, workerSource, rounds, mode, ...options }
  const { code, signal, stdout, stderr } = await runInChild(parentBody, data, {
    timeoutMs: 120_000 + rounds * 2_000,
  })
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr)
  assert.doesNotMatch(stderr, /panicked/)
  assert.equal(stdout, `${JSON.stringify({ [EXIT_CODES[mode]]: 2 * rounds })}\n`)
  return sessions
}

for (const isUsedByMain of [false, true]) {
  describe(
    isUsedByMain ? 'beside a main thread that uses the store too' : 'with the addon in workers only',
    () => {
      test(`workers terminated in the middle of calls, ${ROUNDS} times, do no harm`, async (t) => {
        const mode = 'ended by another thread'
        const sessions = await assertSurvives(t, { rounds: ROUNDS, mode, isUsedByMain })
        assert.ok((await sessions.countDocuments()) > 0, 'the workers got as far as writing')
      })

      test('workers terminated while they load the addon do no harm', (t) =>
        assertSurvives(t, { rounds: 10, mode: 'ended by another thread', isUsedByMain, loadsAhead: true }))

      for (const mode of Object.keys(EXIT_CODES).slice(1)) {
        test(`workers ${mode} do no harm`, (t) => assertSurvives(t, { rounds: 6, mode, isUsedByMain }))
      }
    }
  )
}
