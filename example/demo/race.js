// Two stores that read and write sessions in turn, a short time each, and say after each turn how far they have come.
'use strict'

const { performance } = require('node:perf_hooks')
const { promisify } = require('node:util')
const MongoStore = require('connect-mongo-native')
const { MongoStore: ConnectMongo } = require('connect-mongo')

const AT_ONCE = 128
const TURNS = 5
const TURN_MS = 200
/** How often each loop reads and writes beforehand. */
const WARM_UP_TIMES = 6

/**
 * @typedef {object} Runner
 * @property {string} name
 * @property {(sid: string) => Promise<any>} get
 * @property {(sid: string, session: any) => Promise<unknown>} set
 * @property {() => unknown} close
 */

/** Both through callbacks, as express-session calls a store. @param {string} name @param {any} store @returns {Runner} */
function createRunner(name, store) {
  const [get, set] = [promisify(store.get).bind(store), promisify(store.set).bind(store)]
  return { name, get, set, close: () => store.close() }
}

/** @param {number} index */
const sidOf = (index) => `race-${index}`

/** @param {number} index */
function newSession(index) {
  const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }
  return { cookie, user: { name: `user ${index}`, roles: ['reader', 'writer'] }, views: 0 }
}

/** @param {number[]} indexes @param {(index: number) => Promise<unknown>} work */
function forEach(indexes, work) {
  return Promise.all(indexes.map(work))
}

const LANES = Array.from({ length: AT_ONCE }, (_, index) => index)

/**
 * Each of the loops reads its session, counts in it, and writes it back. What has been begun when the time is up is waited for, and counts.
 *
 * @param {Runner} runner
 */
async function takeTurn({ name, get, set }) {
  const start = performance.now()
  const isOver = () => performance.now() - start >= TURN_MS
  let operations = 0
  await forEach(LANES, async (index) => {
    while (!isOver()) {
      const session = await get(sidOf(index))
      operations += 1
      if (isOver()) return
      session.views += 1
      await set(sidOf(index), session)
      operations += 1
    }
  })
  return { store: name, operations, milliseconds: performance.now() - start }
}

/** @param {Runner[]} runners @param {AbortSignal} signal */
async function* takeTurns(runners, signal) {
  for (let turn = 0; turn < TURNS; turn += 1) {
    // Whoever has had the second place has the first one next.
    for (const runner of turn % 2 ? runners.toReversed() : runners) {
      if (signal.aborted) return
      yield await takeTurn(runner)
    }
  }
}

/**
 * Connections are opened and code is compiled before anything counts. As many operations of each: in the same time, the slower store
 * would begin less warm.
 *
 * @param {Runner} runner
 * @param {AbortSignal} signal
 */
async function warmUp({ get, set }, signal) {
  await forEach(LANES, async (index) => {
    await set(sidOf(index), newSession(index))
    for (let time = 0; time < WARM_UP_TIMES && !signal.aborted; time += 1) {
      await set(sidOf(index), await get(sidOf(index)))
    }
  })
}

/** @param {Runner[]} runners @param {AbortSignal} signal */
async function* race(runners, signal) {
  yield { warmingUp: true }
  for (const runner of runners) await warmUp(runner, signal)
  yield* takeTurns(runners, signal)
}

/** @param {import('./server.js').Place} place */
function createRace({ mongoUrl, dbName, client, opened }) {
  const stop = new AbortController()
  /** @type {Promise<void> | undefined} */
  let running

  /** @param {string} name @param {(where: { mongoUrl: string, dbName: string, collectionName: string }) => any} openStore */
  function runner(name, openStore) {
    const where = { mongoUrl, dbName, collectionName: `race_${name}` }
    return opened.get(`race ${name}`, () => createRunner(name, openStore(where)))
  }

  /** @param {import('express').Response} res */
  async function run(res) {
    const runners = [
      runner('native', (where) => MongoStore.create(where)),
      runner('connect-mongo', (where) => ConnectMongo.create(where)),
    ]
    const left = new AbortController()
    res.on('close', () => left.abort())
    res.type('application/x-ndjson')
    for await (const turn of race(runners, AbortSignal.any([left.signal, stop.signal]))) {
      res.write(`${JSON.stringify(turn)}\n`)
    }
    await forEach([0, 1], (index) =>
      client.db(dbName).collection(`race_${runners[index].name}`).deleteMany({})
    )
    res.end()
  }

  /** @type {import('express').RequestHandler} */
  async function serve(_req, res) {
    if (running) return res.status(409).json({ error: 'A race is on already. Wait two seconds.' })
    running = run(res)
    try {
      await running
    } finally {
      running = undefined
    }
  }

  return {
    serve,
    /** Resolves when nothing runs any more, however that ended: whoever has asked for the race is told. */
    async stop() {
      stop.abort()
      await Promise.allSettled([running])
    },
  }
}

module.exports = { createRace }
