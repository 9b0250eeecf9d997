// Thousands of operations on a few sessions, hardly ever awaited: each has to come to what it would have come to, had they
// been done one after the other in the order of the calls.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { checkAgainstModel, loadedSessions } = require('../support/model.js')
const { randomNumbers } = require('../support/random.js')
const { startReplicaSet, startServer } = require('../support/server.js')
const { openBehindWire } = require('../support/wire.js')

const OPERATIONS = 4_000
const SEEDS = 2
/** Set RANDOM_SEED to repeat a failure. */
const firstSeed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 32))

const args = ['--setParameter', 'enableTestCommands=1']
const standalone = startServer({ args })
const replicaSet = startReplicaSet({ args })

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
        const loaded = []
        for (const store of stores) loaded.push(await loadedSessions(store))
        await trouble?.(database, randomNumbers(seed))
        const { stored } = await checkAgainstModel(stores, loaded, random, { count: OPERATIONS })
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
