// Where sessions are kept, how expired ones go, what the constructor refuses and how writes are acknowledged: the same on
// this package and on connect-mongo.
'use strict'

const assert = require('node:assert/strict')
const { inspect } = require('node:util')
const { test } = require('node:test')
const { MongoClient } = require('mongodb')
const {
  forDifference,
  forEachImplementation,
  implementations,
  isSelected,
  promised,
  rawClient,
  recordEvents,
} = require('../support/differential.js')
const { startReplicaSet } = require('../support/server.js')
const { EARLIER, LATER, eventually, fromNow, plainSession, storedSession } = require('../support/sessions.js')

// ---- Where the sessions are

forEachImplementation('collectionName names the collection', async (_t, { open, database }) => {
  const { set, get, length, clear } = open({ collectionName: 'my.sessions' })
  await set('sid', plainSession())
  assert.equal(await database.collection('my.sessions').countDocuments(), 1)
  assert.deepEqual(await get('sid'), plainSession())
  assert.equal(await length(), 1)
  await clear()
  assert.equal(await database.collection('my.sessions').countDocuments(), 0)
})

forEachImplementation(
  'dbName goes before the database of the address',
  async (t, { open, collection, database }) => {
    const dbName = `${database.databaseName}_named`
    const named = (await rawClient()).db(dbName)
    t.after(() => named.dropDatabase())
    const { set, get } = open({ dbName })
    await set('sid', plainSession())
    assert.equal(await named.collection('sessions').countDocuments(), 1)
    assert.equal(await collection.countDocuments(), 0)
    assert.deepEqual(await get('sid'), plainSession())
  }
)

forEachImplementation(
  'an address without a database means the database test',
  async (t, { open, url, database }) => {
    const collectionName = database.databaseName
    const stored = (await rawClient()).db('test').collection(collectionName)
    t.after(() => stored.drop())
    const { set } = open({ mongoUrl: url.replace(`/${collectionName}`, '/'), collectionName })
    await set('sid', plainSession())
    assert.equal(await stored.countDocuments(), 1)
  }
)

for (const name of ['a/b', 'a/b/c', 'a/', '/a', '//', 'a.b', 'a%2Fb', 'a b', 'a$b/c?appName=a/b']) {
  forEachImplementation(
    `dbName goes before a database of the address that no server would take: ${name}`,
    async (_t, { open, create, url, database }) => {
      const mongoUrl = `${url.slice(0, url.lastIndexOf('/'))}/${name}`
      const dbName = database.databaseName
      const { set, get } = open({ mongoUrl, dbName })
      await set('sid', plainSession({ n: 1 }))
      assert.deepEqual(await get('sid'), plainSession({ n: 1 }))
      assert.equal(await database.collection('sessions').countDocuments(), 1)
      assert.equal((await create({ mongoUrl, dbName }).collectionP).dbName, dbName)
    }
  )
}

forEachImplementation('mongoOptions reach the connection', async (_t, { open, database }) => {
  const { set } = open({ mongoOptions: { appName: database.databaseName } })
  await set('sid', plainSession())
  const connections = await (await rawClient())
    .db('admin')
    .aggregate([{ $currentOp: { idleConnections: true } }, { $match: { appName: database.databaseName } }])
    .toArray()
  assert.notEqual(connections.length, 0)
})

// ---- autoRemove

/** @param {import('mongodb').Collection} collection */
async function indexes(collection) {
  try {
    return await collection.listIndexes().toArray()
  } catch (error) {
    if (/** @type {any} */ (error).codeName === 'NamespaceNotFound') return []
    throw error
  }
}

const TTL_INDEX = { v: 2, key: { expires: 1 }, name: 'expires_1', background: true, expireAfterSeconds: 0 }

for (const options of [{ autoRemove: undefined }, { autoRemove: 'native' }]) {
  forEachImplementation(
    `${JSON.stringify(options)} makes the TTL index`,
    async (_t, { open, collection }) => {
      open(options)
      const made = await eventually(
        () => indexes(collection),
        (found) => found.length === 2
      )
      assert.deepEqual(made[1], TTL_INDEX)
    }
  )
}

forEachImplementation(
  'the TTL index is made in the collection that was named',
  async (_t, { open, database }) => {
    open({ autoRemove: 'native', collectionName: 'named' })
    await eventually(
      () => indexes(database.collection('named')),
      (found) => found.length === 2
    )
  }
)

forEachImplementation('an equal TTL index that is there is left alone', async (_t, { open, collection }) => {
  await collection.createIndex({ expires: 1 }, { expireAfterSeconds: 0, background: true })
  const { set, events } = open({ autoRemove: 'native' })
  await set('sid', plainSession())
  assert.deepEqual((await indexes(collection))[1], TTL_INDEX)
  assert.equal(events.filter(([name]) => name === 'error').length, 0)
})

forEachImplementation('clear leaves the TTL index', async (_t, { open, collection }) => {
  await collection.createIndex({ expires: 1 }, { expireAfterSeconds: 0, background: true })
  const { set, clear } = open()
  await set('sid', plainSession())
  await clear()
  assert.equal((await indexes(collection)).length, 2)
})

for (const autoRemove of ['disabled', 'interval', 'something else', null, false]) {
  forEachImplementation(`autoRemove ${autoRemove} makes no index`, async (_t, { open, collection }) => {
    const { set, get } = open({ autoRemove })
    await set('sid', plainSession())
    await get('sid')
    assert.equal((await indexes(collection)).length, 1)
  })
}

forDifference('index-in-background', 'an index of that key with other options', {
  ours: async (_t, { open, collection }) => {
    await collection.createIndex({ expires: 1 }, { expireAfterSeconds: 77 })
    const { get, set, events } = open({ autoRemove: 'native' })
    await set('sid', plainSession())
    assert.deepEqual(await get('sid'), plainSession())
    const [, error] = /** @type {any[]} */ (await eventually(() => events.find(([name]) => name === 'error')))
    assert.equal(error.code, 85)
    assert.equal(error.codeName, 'IndexOptionsConflict')
    assert.equal((await indexes(collection))[1].expireAfterSeconds, 77)
  },
  theirs: async (t, context) => {
    await context.collection.createIndex({ expires: 1 }, { expireAfterSeconds: 77 })
    const { get, set } = context.open({ autoRemove: 'native' })
    await assert.rejects(set('sid', plainSession()), { code: 85 })
    await assert.rejects(get('sid'), { code: 85 })
    t.diagnostic('every call fails with the error of the index')
  },
})

forEachImplementation(
  'interval removes what expired and leaves what is live',
  async (_t, { open, collection }) => {
    await collection.insertMany([
      storedSession('expired', { expires: EARLIER }),
      storedSession('live'),
      { _id: 'for ever', session: '{}' },
      storedSession('null', { expires: null }),
    ])
    const { length } = open({ autoRemove: 'interval', autoRemoveInterval: 0.002 })
    await eventually(
      () => collection.countDocuments(),
      (count) => count === 3
    )
    await collection.insertOne(storedSession('expired later', { expires: EARLIER }))
    await eventually(
      () => collection.countDocuments(),
      (count) => count === 3
    )
    assert.deepEqual(await collection.distinct('_id'), ['for ever', 'live', 'null'])
    assert.equal(typeof (await length()), 'number')
  }
)

/** @param {import('node:test').TestContext} t @returns {{ delay: number, timer: NodeJS.Timeout }[]} filled at each setInterval */
function watchIntervals(t) {
  /** @type {{ delay: number, timer: NodeJS.Timeout }[]} */
  const intervals = []
  const { setInterval: original } = globalThis
  t.mock.method(globalThis, 'setInterval', (/** @type {() => void} */ run, /** @type {number} */ delay) => {
    const timer = original(run, delay)
    intervals.push({ delay, timer })
    return timer
  })
  return intervals
}

/** @param {{ delay: number }[]} intervals @param {number} delay */
const near = (intervals, delay) =>
  intervals.filter((each) => each.delay >= 0.9 * delay && each.delay <= delay)

for (const [minutes, delay] of [
  [undefined, 600_000],
  [35_791, 35_791 * 60_000],
  [3, 180_000],
  [0.25, 15_000],
]) {
  forEachImplementation(`interval sets one unref'd timer for ${minutes} minutes`, async (t, { open }) => {
    const intervals = watchIntervals(t)
    const { set } = open({ autoRemove: 'interval', autoRemoveInterval: minutes })
    await set('sid', plainSession())
    const [timer, ...others] = near(intervals, Number(delay))
    assert.equal(others.length, 0)
    assert.equal(timer.timer.hasRef(), false)
  })
}

forDifference('interval-jitter', 'the period of the sweep', {
  ours: async (t, { open }) => {
    const intervals = watchIntervals(t)
    const stores = Array.from({ length: 8 }, () => open({ autoRemove: 'interval', autoRemoveInterval: 7 }))
    await Promise.all(stores.map(({ set }, index) => set(`${index}`, plainSession())))
    const delays = near(intervals, 420_000).map(({ delay }) => delay)
    assert.equal(delays.length, 8)
    assert.notEqual(new Set(delays).size, 1)
  },
  theirs: async (t, { open }) => {
    const intervals = watchIntervals(t)
    const { set } = open({ autoRemove: 'interval', autoRemoveInterval: 7 })
    await set('sid', plainSession())
    assert.deepEqual(
      near(intervals, 420_000).map(({ delay }) => delay),
      [420_000]
    )
  },
})

/** What setInterval took, which a longer delay than it knows is not. @param {NodeJS.Timeout} timer */
const periodOf = (timer) => Reflect.get(timer, '_repeat')

forDifference('longest-interval', 'the longest autoRemoveInterval that is allowed', {
  ours: async (t, { open }) => {
    const intervals = watchIntervals(t)
    await open({ autoRemove: 'interval', autoRemoveInterval: 71_582 }).length()
    const [{ timer }] = near(intervals, 2 ** 31 - 1)
    assert.ok(periodOf(timer) > 2 ** 30)
  },
  theirs: async (t, { open }) => {
    const intervals = watchIntervals(t)
    await open({ autoRemove: 'interval', autoRemoveInterval: 71_582 }).length()
    const [{ timer }] = near(intervals, 71_582 * 60_000)
    assert.equal(periodOf(timer), 1)
  },
})

for (const autoRemoveInterval of [0, -1, Number.NaN, null]) {
  forDifference('unusable-durations', `an autoRemoveInterval of ${autoRemoveInterval}`, {
    ours: async (t, { open }) => {
      const intervals = watchIntervals(t)
      await open({ autoRemove: 'interval', autoRemoveInterval }).length()
      assert.equal(near(intervals, 600_000).length, 1)
    },
    theirs: async (t, { open }) => {
      const intervals = watchIntervals(t)
      await open({ autoRemove: 'interval', autoRemoveInterval }).length()
      const [{ timer }] = intervals.slice(-1)
      assert.equal(periodOf(timer), 1)
    },
  })
}

for (const ttl of [Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER, 'a day']) {
  forDifference('unusable-durations', `a ttl of ${ttl}`, {
    ours: async (_t, { open, collection }) => {
      const { set, get } = open({ ttl })
      await set('sid', { cookie: {} })
      assert.ok(await get('sid'))
      const { expires } = await collection.findOne({ _id: 'sid' })
      assert.ok(Math.abs(expires.getTime() - Date.now() - 1_209_600_000) < 60_000)
    },
    theirs: async (_t, { open }) => {
      const { set, get } = open({ ttl })
      await set('sid', { cookie: {} })
      assert.equal(await get('sid'), null)
    },
  })
}

forEachImplementation(
  'lengths of time may be text, and a ttl may be none or negative',
  async (_t, context) => {
    const { set } = context.open({ ttl: '3600', touchAfter: '60' })
    await set('hour', { cookie: {} })
    await context.open({ ttl: null }).set('none', { cookie: {} })
    await context.open({ ttl: -5 }).set('gone', { cookie: {} })
    const documents = await context.collection.find().toArray()
    const seconds = Object.fromEntries(
      documents.map(({ _id, expires }) => [_id, (expires.getTime() - Date.now()) / 1000])
    )
    for (const [sid, expected] of Object.entries({ hour: 3600, none: 0, gone: -5 }))
      assert.ok(Math.abs(seconds[sid] - expected) < 60, sid)
  }
)

for (const autoRemove of ['native', 'disabled']) {
  forEachImplementation(`autoRemove ${autoRemove} sets no timer of the sweep`, async (t, { open }) => {
    const intervals = watchIntervals(t)
    const { set } = open({ autoRemove, autoRemoveInterval: 7 })
    await set('sid', plainSession())
    assert.deepEqual(near(intervals, 420_000), [])
  })
}

forEachImplementation('close stops the timer of the sweep', async (t, { open }) => {
  const intervals = watchIntervals(t)
  const { set, store } = open({ autoRemove: 'interval', autoRemoveInterval: 7 })
  await set('sid', plainSession())
  await store.close()
  const [{ timer }] = near(intervals, 420_000)
  assert.equal(/** @type {any} */ (timer)._destroyed, true)
})

// ---- What the constructor refuses

const REFUSED = {
  'createAutoRemoveIdx: true': [
    { createAutoRemoveIdx: true },
    'options.createAutoRemoveIdx has been reverted to autoRemove and autoRemoveInterval',
  ],
  'createAutoRemoveIdx: false': [
    { createAutoRemoveIdx: false },
    'options.createAutoRemoveIdx has been reverted to autoRemove and autoRemoveInterval',
  ],
  'autoRemoveInterval: 71583': [
    { autoRemoveInterval: 71_583 },
    'autoRemoveInterval is too large. options.autoRemoveInterval is in minutes but not seconds nor mills',
  ],
  'autoRemoveInterval: Infinity': [
    { autoRemoveInterval: Number.POSITIVE_INFINITY, autoRemove: 'interval' },
    'autoRemoveInterval is too large. options.autoRemoveInterval is in minutes but not seconds nor mills',
  ],
}

for (const [name, [options, message]] of Object.entries(REFUSED)) {
  forEachImplementation(`the constructor refuses ${name} in the same words`, (_t, { MongoStore, url }) => {
    const refusal = { name: 'AssertionError', code: 'ERR_ASSERTION', message }
    assert.throws(() => MongoStore.create({ mongoUrl: url, .../** @type {object} */ (options) }), refusal)
    assert.throws(() => new MongoStore({ mongoUrl: url, .../** @type {object} */ (options) }), refusal)
  })
}

const NO_SOURCE = 'You must provide either mongoUrl|clientPromise|client in options'
const IS_IT_SET = 'if it comes from an environment variable, is that set?'
const IS_IT_THERE = 'is it there before the store is made?'

/** @type {[options: Record<string, unknown>, reason: string][]} */
const NO_SOURCES = [
  [{ mongoUrl: undefined }, `mongoUrl is undefined; ${IS_IT_SET}`],
  [{ mongoUrl: '' }, `mongoUrl is empty; ${IS_IT_SET}`],
  [{ mongoUrl: null }, `mongoUrl is null; ${IS_IT_SET}`],
  [{ client: undefined }, `client is undefined; ${IS_IT_THERE}`],
  [{ client: null }, `client is null; ${IS_IT_THERE}`],
  [{ clientPromise: undefined }, `clientPromise is undefined; ${IS_IT_THERE}`],
  [
    { client: undefined, mongoUrl: undefined },
    `mongoUrl is undefined; ${IS_IT_SET} client is undefined; ${IS_IT_THERE}`,
  ],
]

for (const [options, reason] of NO_SOURCES) {
  forDifference('missing-values', `the constructor refuses ${inspect(options)}`, {
    ours: (_t, { MongoStore }) => {
      const refusal = { name: 'AssertionError', code: 'ERR_ASSERTION', message: `${NO_SOURCE}. ${reason}` }
      assert.throws(() => MongoStore.create(options), refusal)
      assert.throws(() => new MongoStore(options), refusal)
    },
    theirs: (_t, { MongoStore }) => {
      const refusal = { name: 'AssertionError', code: 'ERR_ASSERTION', message: NO_SOURCE }
      assert.throws(() => MongoStore.create(options), refusal)
    },
  })
}

forEachImplementation('the constructor refuses no way to connect in the same words', (_t, { MongoStore }) => {
  assert.throws(() => MongoStore.create({}), {
    name: 'AssertionError',
    code: 'ERR_ASSERTION',
    message: NO_SOURCE,
  })
})

forDifference('no-options', 'the constructor called without options', {
  ours: (_t, { MongoStore }) => {
    const message = 'You must provide either mongoUrl|clientPromise|client in options'
    assert.throws(() => new MongoStore(), { name: 'AssertionError', message })
    assert.throws(() => MongoStore.create(), { name: 'AssertionError', message })
  },
  theirs: (_t, { MongoStore }) => {
    assert.throws(() => new MongoStore(), { name: 'TypeError', message: /undefined/ })
  },
})

for (const option of ['collectionName', 'dbName']) {
  forDifference('bad-url-throws', `a ${option} that is not text`, {
    ours: (_t, { MongoStore, url }) => {
      const refusal = { name: 'TypeError', message: new RegExp(`^${option} must be a string`) }
      for (const value of [7, {}, true])
        assert.throws(() => MongoStore.create({ mongoUrl: url, [option]: value }), refusal)
    },
    theirs: async (_t, { open }) => {
      await assert.rejects(open({ [option]: 7 }).get('sid'), { name: 'MongoServerError' })
    },
  })
}

for (const option of ['collectionName', 'dbName']) {
  forDifference('bad-url-throws', `a ${option} with a NUL, which no server takes`, {
    ours: (_t, { MongoStore, url }) => {
      assert.throws(() => MongoStore.create({ mongoUrl: url, [option]: 'a\0b' }), {
        name: 'TypeError',
        message: `${option} must not contain a NUL character`,
      })
    },
    theirs: async (_t, { open }) => {
      await assert.rejects(open({ [option]: 'a\0b' }).get('sid'), Error)
    },
  })
}

for (const createAutoRemoveIdx of [null, undefined]) {
  forEachImplementation(
    `createAutoRemoveIdx: ${createAutoRemoveIdx} is let through`,
    async (_t, { open }) => {
      assert.equal(await open({ createAutoRemoveIdx }).length(), 0)
    }
  )
}

// ---- The write concern

const CONCERNS = [undefined, {}, { w: 1 }, { j: true }, { w: 'majority' }, { w: 1, wtimeout: 1000, j: false }]

for (const writeOperationOptions of CONCERNS) {
  const shown = JSON.stringify(writeOperationOptions)
  forEachImplementation(`writes with ${shown} are acknowledged`, async (_t, { open, collection }) => {
    const { set, touch, destroy, clear, events } = open({ writeOperationOptions })
    await set('sid', plainSession())
    await set('sid', plainSession())
    await touch('sid', plainSession())
    await destroy('sid')
    await clear()
    assert.deepEqual(
      events.map(([name]) => name),
      ['create', 'set', 'update', 'set', 'touch', 'destroy']
    )
    assert.equal(await collection.countDocuments(), 0)
  })
}

forEachImplementation('writes with w: 0 are not waited for', async (_t, { open, collection }) => {
  const { set, touch, destroy, clear, events } = open({ writeOperationOptions: { w: 0 } })
  await set('sid', plainSession())
  await eventually(() => collection.findOne())
  await touch('sid', { cookie: { expires: fromNow(1e6) } })
  await eventually(
    () => collection.findOne(),
    (document) => document?.expires < LATER
  )
  await touch('gone', plainSession())
  await destroy('sid')
  await eventually(
    () => collection.countDocuments(),
    (count) => count === 0
  )
  await clear()
  assert.deepEqual(
    events.map(([name, sid]) => [name, sid]),
    [
      ['update', 'sid'],
      ['set', 'sid'],
      ['touch', 'sid'],
      ['touch', 'gone'],
      ['destroy', 'sid'],
    ]
  )
})

forEachImplementation(
  'a write concern that a lone server cannot meet fails each write',
  async (t, { open, database }) => {
    if ((await database.command({ hello: 1 })).setName) return t.skip('the server is not a lone one')
    const { set, touch, destroy, clear, get, events } = open({ writeOperationOptions: { w: 2 } })
    const refused = { name: 'MongoServerError', code: 2, codeName: 'BadValue', message: /cannot use 'w' > 1/ }
    await assert.rejects(set('sid', plainSession()), refused)
    await assert.rejects(touch('sid', plainSession()), refused)
    await assert.rejects(destroy('sid'), refused)
    await assert.rejects(clear(), refused)
    assert.deepEqual(events, [])
    assert.equal(await get('sid'), null)
  }
)

// ---- The write concern, by the account of the server

/** How many updates and deletes came with which write concern. @param {import('mongodb').MongoClient} client */
async function concernCounters(client) {
  const { opWriteConcernCounters } = await client.db('admin').command({ serverStatus: 1 })
  const { update, delete: deleted } = opWriteConcernCounters
  return { update, delete: deleted }
}

/** @param {any} after @param {any} before @returns {any} what was counted in between, without the zeros */
function growth(after, before) {
  if (typeof after === 'number') return after - (before ?? 0)
  const entries = Object.entries(after).map(([key, value]) => [key, growth(value, before?.[key])])
  const grown = entries.filter(([, value]) => (typeof value === 'number' ? value : Object.keys(value).length))
  return Object.fromEntries(grown)
}

const IMPLICIT = { none: 1, noneInfo: { implicitDefault: { wmajority: 1 } } }
/** What the server counts for a write whose concern is `j: true` alone. @param {import('mongodb').MongoClient} client */
async function countedOfJournaled(client) {
  const before = await concernCounters(client)
  const options = { upsert: true, writeConcern: { journal: true } }
  await client
    .db('counted')
    .collection('writes')
    .updateOne({ n: 1 }, { $set: { n: 2 } }, options)
  const { update } = await eventually(
    async () => growth(await concernCounters(client), before),
    (grown) => grown.update
  )
  return update
}

/** Versions of the server differ in what they count as the default there. */
const IMPLICIT_JOURNALED = {}
const COUNTED = [
  { concern: undefined, query: '', counted: IMPLICIT },
  { concern: {}, query: '', counted: IMPLICIT },
  { concern: { j: true }, query: '', counted: IMPLICIT_JOURNALED },
  { concern: { w: 0 }, query: '', counted: { wnum: { 0: 1 } } },
  { concern: { w: 1 }, query: '', counted: { wnum: { 1: 1 } } },
  { concern: { w: 'majority', wtimeout: 5000 }, query: '', counted: { wmajority: 1 } },
  { concern: undefined, query: 'w=majority', counted: { wmajority: 1 } },
  { concern: { w: 1 }, query: 'w=majority', counted: { wnum: { 1: 1 } } },
  {
    concern: undefined,
    mongoOptions: { writeConcern: { w: 1 } },
    query: 'w=majority',
    counted: { wnum: { 1: 1 } },
  },
]

const UNMET = [
  { concern: { w: 3 }, error: { name: 'MongoWriteConcernError', code: 100 } },
  { concern: { w: 'nowhere' }, error: { name: 'MongoWriteConcernError', code: 79 } },
]

test('on a replica set', async (t) => {
  const args = ['--setParameter', 'reportOpWriteConcernCountersInServerStatus=true']
  const replicaSet = await startReplicaSet({ args })
  const client = await MongoClient.connect(replicaSet.getUri())
  t.after(() => client.close())
  // MongoDB counts the defaults since 5.0.
  const countsDefaults = 'noneInfo' in (await concernCounters(client)).update
  const journaled = await countedOfJournaled(client)
  const known = (/** @type {any} */ counted) => {
    if (counted === IMPLICIT_JOURNALED) return journaled
    const { noneInfo, ...rest } = counted
    return countsDefaults && noneInfo ? { ...rest, noneInfo } : rest
  }

  for (const implementation of implementations.filter(isSelected)) {
    const databaseName = `concern_${implementation.id}`
    await client.db(databaseName).createCollection('sessions')
    const address = replicaSet.getUri(databaseName)

    /** @param {import('node:test').TestContext} t @param {object} options @param {string} [query] */
    const open = async (t, options, query = '') => {
      const mongoUrl = `${address}${address.includes('?') ? '&' : '?'}${query}`
      const store = await implementation.create({ mongoUrl, autoRemove: 'disabled', ...options })
      t.after(() => store.close())
      return { store, events: recordEvents(store), ...promised(store) }
    }

    for (const { concern, mongoOptions, query, counted } of COUNTED) {
      const shown = [JSON.stringify(concern), query, mongoOptions && JSON.stringify(mongoOptions)].filter(
        Boolean
      )
      await t.test(`${shown.join(' and ')} goes with every write [${implementation.name}]`, async (t) => {
        const { set, touch, destroy, clear } = await open(
          t,
          { writeOperationOptions: concern, ...(mongoOptions && { mongoOptions }) },
          query
        )
        const value = plainSession()
        const writes = {
          update: [() => set('sid', value), () => set('sid', value), () => touch('sid', value)],
          delete: [() => destroy('sid'), () => clear()],
        }
        for (const [kind, calls] of Object.entries(writes)) {
          for (const call of calls) {
            const before = await concernCounters(client)
            await call()
            const grown = await eventually(
              async () => growth(await concernCounters(client), before),
              (found) => found[kind]
            )
            assert.deepEqual(grown, { [kind]: known(counted) }, `${call}`)
          }
        }
      })
    }

    for (const { concern, error } of UNMET) {
      const shown = JSON.stringify(concern)
      await t.test(`${shown} fails each write and emits nothing [${implementation.name}]`, async (t) => {
        const { set, touch, destroy, clear, events } = await open(t, { writeOperationOptions: concern })
        await assert.rejects(set('sid', plainSession()), error)
        await assert.rejects(touch('sid', plainSession()), error)
        await assert.rejects(destroy('sid'), error)
        await assert.rejects(clear(), error)
        assert.deepEqual(events, [])
      })
    }

    await t.test(`the sweep goes with w: 0, whatever the option says [${implementation.name}]`, async (t) => {
      const before = await concernCounters(client)
      const sweeping = { autoRemove: 'interval', autoRemoveInterval: 0.002, writeOperationOptions: { w: 1 } }
      await open(t, sweeping, 'w=majority')
      const grown = await eventually(
        async () => growth(await concernCounters(client), before),
        (found) => found.delete?.wnum?.[0] >= 2
      )
      assert.deepEqual(Object.keys(grown.delete), ['wnum'])
      assert.deepEqual(Object.keys(grown.delete.wnum), ['0'])
    })
  }
})
