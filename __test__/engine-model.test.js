// Thousands of operations on a few sessions, hardly ever awaited: each has to come to what it would have come to, had they
// been done one after the other in the order of the calls.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { setImmediate } = require('node:timers/promises')
const { outcomeOf } = require('./support/calls.js')
const { randomNumbers } = require('./support/random.js')
const { startReplicaSet, startServer } = require('./support/server.js')
const { EARLIER, LATER } = require('./support/sessions.js')
const { openBehindWire } = require('./support/wire.js')

const OPERATIONS = 4_000
const SEEDS = 2
/** Set RANDOM_SEED to repeat a failure. */
const firstSeed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 32))

const args = ['--setParameter', 'enableTestCommands=1']
const standalone = startServer({ args })
const replicaSet = startReplicaSet({ args })

/**
 * @typedef {object} Operation
 * @property {'get' | 'set' | 'touch' | 'destroy'} method
 * @property {any[]} args
 * @property {'promise' | 'callback'} style
 *
 * @typedef {{ session: Record<string, unknown>, isLive: boolean }} Stored
 */

/** A collection in which every operation is done at once. */
class Model {
  /** @type {Map<string, Stored>} */
  stored = new Map()

  /** @param {Operation} operation what a store with the same sessions has to answer */
  apply({ method, args: [sid, session] }) {
    const stored = this.stored.get(sid)
    const isLive = session?.cookie.expires !== EARLIER
    if (method === 'get') return { event: 'get', answer: stored?.isLive ? stored.session : null }
    if (method === 'destroy') {
      this.stored.delete(sid)
      return { event: 'destroy', answer: undefined }
    }
    if (method === 'set') {
      this.stored.set(sid, { session, isLive })
      return { event: stored ? 'update' : 'create', answer: undefined }
    }
    if (stored) this.stored.set(sid, { ...stored, isLive })
    return { event: stored ? 'touch' : 'touch-missed', answer: undefined }
  }
}

/** @param {() => number} random @returns {() => Operation} */
function operations(random) {
  const below = (/** @type {number} */ limit) => Math.floor(random() * limit)
  const ids = 1 + below(6)
  let count = 0
  const session = () => ({
    cookie: { expires: below(8) === 0 ? EARLIER : LATER },
    n: count,
    text: (below(4) === 0 ? 'ü' : 'u').repeat(below(1_000)),
  })
  return () => {
    count++
    const method = /** @type {const} */ (['get', 'get', 'set', 'set', 'touch', 'touch', 'destroy'])[below(7)]
    const sid = `sid-${below(ids)}`
    return {
      method,
      args: method === 'set' || method === 'touch' ? [sid, session()] : [sid],
      style: below(2) === 0 ? 'promise' : 'callback',
    }
  }
}

/** What a store says of a session, as far as a touch leaves it alone. @param {{ event?: string, answer: any }} outcome */
function comparable({ event, answer }) {
  return { event, answer: answer && { n: answer.n, text: answer.text } }
}

/**
 * @param {InstanceType<typeof import('..')>[]} stores of one collection
 * @param {() => number} random
 */
async function checkAgainstModel(stores, random) {
  const model = new Model()
  const next = operations(random)
  /** @type {Promise<void>[]} */
  const pending = []
  for (let call = 0; call < OPERATIONS; call++) {
    const operation = next()
    const { method, args, style } = operation
    const store = stores[Math.floor(random() * stores.length)]
    const expected = comparable(model.apply(operation))
    const what = `call ${call}: ${method} of ${args[0]}`
    const check = async () => {
      const outcome = await outcomeOf(store, method, args, style).catch((cause) => {
        throw new Error(`${what}: ${cause.message}`, { cause })
      })
      assert.deepEqual(comparable(outcome), expected, what)
    }
    pending.push(check())
    const pause = random()
    if (pause < 0.02) await pending.at(-1)
    else if (pause < 0.03) await Promise.all(pending.splice(0))
    else if (pause < 0.1) await setImmediate()
  }
  await Promise.all(pending)
  return model
}

/** @param {Awaited<ReturnType<typeof openBehindWire>>} database @param {Record<string, unknown>} data */
function failOften({ db }, data) {
  const namespace = `${db.databaseName}.sessions`
  return db.admin().command({
    configureFailPoint: 'failCommand',
    mode: { activationProbability: 0.1 },
    data: { namespace, failCommands: ['find', 'getMore', 'update', 'delete'], ...data },
  })
}

/** @typedef {Awaited<ReturnType<typeof openBehindWire>>} Database */

/** @type {[string, { server: Promise<{ getUri(): string }>, options?: object, trouble?: (database: Database, random: () => number) => unknown }][]} */
const SETTINGS = [
  ['a standalone server', { server: standalone }],
  ['a replica set', { server: replicaSet }],
  ['encrypted sessions', { server: standalone, options: { crypto: { secret: 'squirrel' } } }],
  ['sessions as documents', { server: standalone, options: { stringify: false, timestamps: true } }],
  [
    'a replica set whose primary is about to change',
    {
      server: replicaSet,
      trouble: (database) => failOften(database, { errorCode: 262, errorLabels: ['RetryableWriteError'] }),
    },
  ],
  [
    'a replica set on a network that loses requests and replies',
    {
      server: replicaSet,
      // Each costs the time in which the driver finds the server again.
      trouble: ({ wire }, random) => {
        let left = 12
        wire.lose(() => {
          if (left === 0 || random() > 0.02) return undefined
          left--
          return random() < 0.3 ? 'request' : 'reply'
        })
      },
    },
  ],
]

for (const [what, { server, options, trouble }] of SETTINGS) {
  describe(`with ${what}`, () => {
    for (let seed = firstSeed; seed < firstSeed + SEEDS; seed++) {
      test(`${OPERATIONS} operations come to what the order of the calls makes of them, seed ${seed}`, async (t) => {
        const database = await openBehindWire(t, await server)
        const random = randomNumbers(seed)
        const stores = Array.from({ length: 1 + Math.floor(random() * 3) }, () => database.open(options))
        await trouble?.(database, randomNumbers(seed))
        const { stored } = await checkAgainstModel(stores, random)
        database.wire.letGo()
        if (trouble) await database.db.admin().command({ configureFailPoint: 'failCommand', mode: 'off' })
        const ids = await database.sessions.distinct('_id')
        assert.deepEqual(ids.sort(), [...stored.keys()].sort())
        for (const [sid, { session, isLive }] of stored) {
          const found = await stores[0].get(sid)
          assert.equal(found?.n, isLive ? session.n : undefined, sid)
        }
      })
    }
  })
}
