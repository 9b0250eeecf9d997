// Calls over a JavaScript client that come while others are under way share commands; each gets what it would have got alone.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { outcomeOf } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')
const { randomNumbers } = require('../support/random.js')
const { LATER } = require('../support/sessions.js')

const DRIVERS = ['mongodb', 'mongodb-6', 'mongodb-5']
const CALLS = 64
/** On a server that answers late: eight of one call each, and of what is left a few each. */
const MOST_COMMANDS = 32

const ROUNDS = 60
/** Set RANDOM_SEED to repeat a failure. */
const seed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 32))

/** @param {number} index */
function session(index) {
  return { cookie: { expires: LATER }, index }
}

/** What the driver refuses, or the server. */
function tooDeep() {
  let value = {}
  for (let depth = 0; depth < 190; depth++) value = { value }
  return { cookie: { expires: LATER }, value }
}

/**
 * A store on a client of its own, and the names of the commands that it sends.
 *
 * @param {import('node:test').TestContext} t
 * @param {{ driver?: string, clientOptions?: object, options?: object }} [how]
 */
async function openStore(t, { driver = 'mongodb', clientOptions = {}, options = {} } = {}) {
  const database = await openDatabase(t)
  const { MongoClient } = require(driver)
  const client = new MongoClient(database.url, { monitorCommands: true, ...clientOptions })
  /** @type {string[]} */
  let commands = []
  client.on('commandStarted', (/** @type {{ commandName: string }} */ { commandName }) => {
    commands.push(commandName)
  })
  const store = database.open({ mongoUrl: undefined, client, autoRemove: 'disabled', ...options })
  await store.ping()
  commands = []
  return { ...database, client, store, commands: () => commands.splice(0) }
}

/** Each of many sessions asked for the same, all at once. @param {(sid: string, index: number) => Promise<any>} call */
function atOnce(call) {
  return Promise.all(Array.from({ length: CALLS }, (_, index) => call(`sid-${index}`, index)))
}

for (const driver of DRIVERS) {
  describe(`over ${driver}`, () => {
    test('calls that come together take a few commands', async (t) => {
      const { store, commands, sessions } = await openStore(t, { driver })
      await atOnce((sid, index) => store.set(sid, session(index)))
      assert.ok(commands().length <= MOST_COMMANDS, 'sets')
      const found = await atOnce((sid) => store.get(sid))
      assert.ok(commands().length <= MOST_COMMANDS, 'gets')
      assert.deepEqual(
        found.map(({ index }) => index),
        found.map((_, index) => index)
      )
      await atOnce((sid) => store.touch(sid, session(0)))
      assert.ok(commands().length <= MOST_COMMANDS, 'touches')
      await atOnce((sid) => store.destroy(sid))
      assert.ok(commands().length <= MOST_COMMANDS, 'destroys')
      assert.equal(await sessions.countDocuments(), 0)
    })

    test('each call hears of its own session', async (t) => {
      const { store } = await openStore(t, { driver })
      await atOnce(async (sid, index) => index % 3 > 0 && store.set(sid, session(index)))
      const sets = await atOnce((sid, index) => outcomeOf(store, 'set', [sid, session(index)], 'promise'))
      assert.deepEqual(
        sets.map(({ event }) => event),
        sets.map((_, index) => (index % 3 > 0 ? 'update' : 'create'))
      )
      await atOnce(async (sid, index) => index % 3 === 0 && store.destroy(sid))
      const touches = await atOnce((sid) => outcomeOf(store, 'touch', [sid, session(0)], 'promise'))
      assert.deepEqual(
        touches.map(({ event }) => event),
        touches.map((_, index) => (index % 3 > 0 ? 'touch' : 'touch-missed'))
      )
      const found = await atOnce((sid) => store.get(sid))
      assert.deepEqual(
        found.map((one) => one?.index ?? null),
        found.map((_, index) => (index % 3 > 0 ? index : null))
      )
    })

    test(`any calls of many sessions come to what each asked, seed ${seed}`, async (t) => {
      const { store } = await openStore(t, { driver })
      const random = randomNumbers(seed)
      /** @type {Map<string, number>} */
      const stored = new Map()
      const calls = {
        get: async (/** @type {string} */ sid) => {
          const { answer } = await outcomeOf(store, 'get', [sid])
          assert.equal(answer?.index, stored.get(sid))
        },
        set: async (/** @type {string} */ sid, /** @type {number} */ index) => {
          const { event } = await outcomeOf(store, 'set', [sid, session(index)])
          assert.equal(event, stored.has(sid) ? 'update' : 'create')
          stored.set(sid, index)
        },
        touch: async (/** @type {string} */ sid) => {
          const { event } = await outcomeOf(store, 'touch', [sid, session(0)])
          assert.equal(event, stored.has(sid) ? 'touch' : 'touch-missed')
        },
        destroy: async (/** @type {string} */ sid) => {
          await outcomeOf(store, 'destroy', [sid])
          stored.delete(sid)
        },
      }
      const methods = Object.values(calls)
      for (let round = 0; round < ROUNDS; round++) {
        await atOnce((sid, index) =>
          methods[Math.floor(random() * methods.length)](sid, round * CALLS + index)
        )
      }
    })

    test('nobody shares a session with another who asked for it', async (t) => {
      const { store } = await openStore(t, { driver, options: { stringify: false } })
      await store.set('sid', { ...session(1), nested: { list: [] } })
      const found = await atOnce(() => store.get('sid'))
      assert.equal(new Set(found.map(({ nested }) => nested.list)).size, CALLS)
    })

    test('a session that cannot be written spoils no other', async (t) => {
      const { store } = await openStore(t, { driver, options: { stringify: false } })
      const alone = await store.set('alone', tooDeep()).catch((/** @type {Error} */ error) => error)
      assert.ok(alone instanceof Error)
      const results = await atOnce((sid, index) =>
        store
          .set(sid, index % 8 === 7 ? tooDeep() : session(index))
          .catch((/** @type {Error} */ error) => error)
      )
      for (const [index, result] of results.entries()) {
        if (index % 8 !== 7) assert.equal(result, undefined)
        else assert.deepEqual([result.name, result.message], [alone.name, alone.message])
      }
      assert.equal(await store.length(), CALLS - CALLS / 8)
    })

    test('a document that the validator refuses spoils no other', async (t) => {
      const { store, db } = await openStore(t, { driver })
      await db.createCollection('sessions', { validator: { session: { $not: /evil/ } } })
      const evil = { cookie: { expires: LATER }, evil: true }
      const results = await atOnce((sid, index) =>
        store.set(sid, index % 8 === 7 ? evil : session(index)).catch((/** @type {any} */ error) => error)
      )
      for (const [index, result] of results.entries()) {
        if (index % 8 !== 7) assert.equal(result, undefined)
        else assert.deepEqual([result.name, result.code], ['MongoServerError', 121])
      }
      assert.equal(await store.length(), CALLS - CALLS / 8)
    })

    test('documents are those that a call alone writes, whatever the client was told of BSON', async (t) => {
      for (const clientOptions of [{ ignoreUndefined: true }, { serializeFunctions: true }, {}]) {
        const options = { stringify: false, timestamps: true, touchAfter: 60 }
        const { store, sessions } = await openStore(t, { driver, clientOptions, options })
        const odd = {
          cookie: { expires: LATER },
          gone: undefined,
          list: [undefined, 1],
          call: function f() {},
        }
        await store.set('alone', odd)
        await atOnce((sid) => store.set(sid, odd))
        const shapes = new Set(
          (await sessions.find().toArray()).map(({ session: stored, expires, ...rest }) =>
            JSON.stringify([
              Object.keys(rest),
              Object.entries(stored).map(([key, one]) => [key, String(one)]),
            ])
          )
        )
        assert.equal(shapes.size, 1, JSON.stringify(clientOptions))
      }
    })

    test('with promoteValues: false calls come to the same', async (t) => {
      const { store } = await openStore(t, { driver, clientOptions: { promoteValues: false } })
      const sets = await atOnce((sid, index) => outcomeOf(store, 'set', [sid, session(index)], 'promise'))
      assert.deepEqual(new Set(sets.map(({ event }) => event)), new Set(['create']))
      const touches = await atOnce((sid) => outcomeOf(store, 'touch', [sid, session(0)], 'promise'))
      assert.deepEqual(new Set(touches.map(({ event }) => event)), new Set(['touch']))
    })
  })
}

test('a collection with a method replaced is called for each', async (t) => {
  const { client, open } = await openStore(t)
  const collection = client.db().collection('sessions')
  const findOne = t.mock.method(collection, 'findOne', async () => null)
  const stubbed = { db: () => ({ collection: () => collection }), close: async () => {} }
  const store = open({ mongoUrl: undefined, client: stubbed, autoRemove: 'disabled' })
  await atOnce((sid) => store.get(sid))
  assert.equal(findOne.mock.callCount(), CALLS)
})

test('writes that nothing acknowledges go one by one', async (t) => {
  const { store, commands } = await openStore(t, { options: { writeOperationOptions: { w: 0 } } })
  await atOnce((sid, index) => store.set(sid, session(index)))
  assert.equal(commands().length, CALLS)
})

test('a collation that finds other ids gives nobody the session of another', async (t) => {
  const { store, db } = await openStore(t)
  await db.createCollection('sessions', { collation: { locale: 'en', strength: 2 } })
  await store.set('SID-1', session(100))
  const found = await atOnce((sid) => store.get(sid))
  // As alone: the collection says that these two ids are one.
  const alone = await store.get('sid-1')
  assert.deepEqual(
    found.map((one) => one?.index ?? null),
    found.map((_, index) => (index === 1 ? alone.index : null))
  )
})
