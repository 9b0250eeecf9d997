// Test doubles as people wrote them for connect-mongo: a client that has no more than the methods that a test needs. The
// driver is called with the very arguments that connect-mongo calls it with.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const MongoStore = require('../..')
const { promised } = require('../support/wait.js')

const MINUTE_MS = 60_000
const LATER = new Date('2100-01-02T03:04:05.678Z')

/** What a driver answers, where a test double has an answer at all. */
const ANSWERS = {
  createIndex: async () => 'expires_1',
  findOne: async () => null,
  updateOne: async () => ({ acknowledged: true, matchedCount: 1, upsertedCount: 0 }),
  deleteOne: async () => ({ deletedCount: 1 }),
  deleteMany: async () => ({ deletedCount: 1 }),
  countDocuments: async () => 7,
  find: () => ({
    async *[Symbol.asyncIterator]() {
      yield { _id: 'sid', session: '{"user":"ada"}', expires: LATER }
    },
  }),
}

/** A client that writes down what is asked of it. @param {Partial<typeof ANSWERS>} answers */
function recordingClient(answers = ANSWERS) {
  const calls = []
  const recorded = (name, answer) => [
    name,
    (...args) => {
      calls.push([name, ...args])
      return answer(...args)
    },
  ]
  const collection = Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => recorded(name, answer))
  )
  const client = Object.fromEntries([
    recorded('db', () => Object.fromEntries([recorded('collection', () => collection)])),
    recorded('close', async () => {}),
  ])
  return { client, collection, calls }
}

/** The same with each date that is about now replaced by a word. */
function withoutClock(value) {
  if (value instanceof Date)
    return Math.abs(value.getTime() - Date.now()) < MINUTE_MS ? 'now' : value.toJSON()
  if (Array.isArray(value)) return value.map(withoutClock)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withoutClock(each)]))
}

const OPENING = [
  ['db', undefined],
  ['collection', 'sessions'],
]
const LIVE = [{ expires: { $exists: false } }, { expires: { $gt: 'now' } }]
const UPSERT = { upsert: true, writeConcern: undefined }
const PLAIN = { writeConcern: undefined }
const SESSION = { cookie: { expires: LATER }, user: 'ada' }
const STORED = { _id: 'sid', session: JSON.stringify(SESSION), expires: LATER.toJSON() }

/**
 * What a store does, with which options, and the calls that come of it after the collection was opened.
 *
 * @type {Record<string, { options?: object, act: (call: (method: string, ...args: any[]) => Promise<any>) => Promise<any>, calls: any[][], differs?: boolean }>}
 */
const SCENES = {
  'the TTL index': {
    options: { autoRemove: 'native' },
    act: async () => {},
    calls: [['createIndex', { expires: 1 }, { background: true, expireAfterSeconds: 0 }]],
  },
  get: {
    act: (call) => call('get', 'sid'),
    calls: [['findOne', { _id: 'sid', $or: LIVE }]],
  },
  set: {
    act: (call) => call('set', 'sid', SESSION),
    calls: [['updateOne', { _id: 'sid' }, { $set: STORED }, UPSERT]],
  },
  'set with touchAfter': {
    options: { touchAfter: 60 },
    act: (call) => call('set', 'sid', SESSION),
    calls: [['updateOne', { _id: 'sid' }, { $set: { ...STORED, lastModified: 'now' } }, UPSERT]],
  },
  'set with timestamps': {
    options: { timestamps: true },
    act: (call) => call('set', 'sid', SESSION),
    calls: [
      [
        'updateOne',
        { _id: 'sid' },
        { $set: STORED, $setOnInsert: { createdAt: 'now' }, $currentDate: { updatedAt: true } },
        UPSERT,
      ],
    ],
  },
  'set with stringify: false': {
    options: { stringify: false },
    act: (call) => call('set', 'sid', SESSION),
    calls: [['updateOne', { _id: 'sid' }, { $set: { ...STORED, session: withoutClock(SESSION) } }, UPSERT]],
  },
  'set with writeOperationOptions': {
    options: { writeOperationOptions: { w: 'majority', j: true } },
    act: (call) => call('set', 'sid', SESSION),
    calls: [
      [
        'updateOne',
        { _id: 'sid' },
        { $set: STORED },
        { upsert: true, writeConcern: { w: 'majority', j: true } },
      ],
    ],
  },
  'set with transformId': {
    options: { transformId: (/** @type {string} */ sid) => `app:${sid}` },
    act: (call) => call('set', 'sid', SESSION),
    calls: [['updateOne', { _id: 'app:sid' }, { $set: { ...STORED, _id: 'app:sid' } }, UPSERT]],
  },
  touch: {
    act: (call) => call('touch', 'sid', SESSION),
    calls: [['updateOne', { _id: 'sid' }, { $set: { expires: LATER.toJSON() } }, PLAIN]],
  },
  'touch with touchAfter and timestamps': {
    options: { touchAfter: 60, timestamps: true, writeOperationOptions: { w: 1 } },
    act: (call) => call('touch', 'sid', { ...SESSION, lastModified: new Date('2001-01-01') }),
    calls: [
      [
        'updateOne',
        { _id: 'sid' },
        { $set: { lastModified: 'now', expires: LATER.toJSON() }, $currentDate: { updatedAt: true } },
        { writeConcern: { w: 1 } },
      ],
    ],
  },
  'a touch that touchAfter skips': {
    options: { touchAfter: 60 },
    act: (call) => call('touch', 'sid', { ...SESSION, lastModified: new Date() }),
    calls: [],
  },
  destroy: {
    act: (call) => call('destroy', 'sid'),
    calls: [['deleteOne', { _id: 'sid' }, PLAIN]],
  },
  clear: {
    options: { writeOperationOptions: { w: 1 } },
    act: (call) => call('clear'),
    calls: [['deleteMany', {}, { writeConcern: { w: 1 } }]],
  },
  all: {
    act: (call) => call('all'),
    calls: [['find', { $or: LIVE }]],
  },
  length: {
    act: (call) => call('length'),
    calls: [['countDocuments', { $or: LIVE }]],
    differs: true,
  },
}

describe('every call of the driver', () => {
  /** @param {any} Store @param {object} [options] @param {(call: any) => Promise<any>} act */
  async function callsOf(Store, options, act) {
    const { client, calls } = recordingClient()
    const store = Store.create({ client, autoRemove: 'interval', ...options })
    await store.collectionP
    await act((method, ...args) => promised(store, method, ...args))
    await store.close()
    return withoutClock(calls)
  }

  for (const [name, { options, act, calls, differs = false }] of Object.entries(SCENES)) {
    test(`of ${name} is the one that is documented`, async () => {
      assert.deepEqual(await callsOf(MongoStore, options, act), [...OPENING, ...calls, ['close']])
    })

    test(`of ${name} is ${differs ? 'another than' : 'that of'} connect-mongo`, async () => {
      const { default: Original } = await import('connect-mongo')
      const [ours, theirs] = [await callsOf(MongoStore, options, act), await callsOf(Original, options, act)]
      if (differs) assert.notDeepEqual(ours, theirs)
      else assert.deepEqual(ours, theirs)
    })
  }

  test('names the database and the collection that were asked for', async () => {
    const { client, calls } = recordingClient()
    const store = new MongoStore({ client, dbName: 'app', collectionName: 'visits' })
    await store.collectionP
    assert.deepEqual(calls.slice(0, 2), [
      ['db', 'app'],
      ['collection', 'visits'],
    ])
    await store.close()
  })

  test('goes to the methods of the collection, with their this', async () => {
    const collection = {
      documents: new Map(),
      async createIndex() {},
      async findOne({ _id }) {
        return this.documents.get(_id) ?? null
      },
      async updateOne({ _id }, { $set }) {
        this.documents.set(_id, $set)
        return { upsertedCount: 1 }
      },
    }
    const store = new MongoStore({ client: { db: () => ({ collection: () => collection }) } })
    await store.set('sid', SESSION)
    assert.equal((await store.get('sid')).user, 'ada')
    await store.close()
  })
})

describe('a test double with no more than', () => {
  /** @param {object} collection */
  const clientOf = (collection) => ({ db: () => ({ collection: () => collection }) })

  test('createIndex and findOne will do for get', async () => {
    const document = { _id: 'sid', session: '{"user":"ada"}' }
    const client = clientOf({ createIndex: async () => {}, findOne: async () => document })
    const store = MongoStore.create({ client })
    assert.deepEqual(await promised(store, 'get', 'sid'), { user: 'ada' })
    assert.equal(await store.collectionP, client.db().collection())
  })

  test('createIndex and updateOne will do for set and touch', async (t) => {
    const updateOne = t.mock.fn(async () => ({ upsertedCount: 1 }))
    const client = { ...clientOf({ createIndex: () => Promise.resolve(), updateOne }), close: async () => {} }
    const writeOperationOptions = { w: 0 }
    const store = MongoStore.create({
      clientPromise: Promise.resolve(client),
      writeOperationOptions,
      collectionName: 'visits',
      dbName: 'app',
    })
    const events = []
    for (const name of ['create', 'update', 'set', 'touch', 'touch-missed', 'error'])
      store.on(name, () => events.push(name))
    await promised(store, 'set', 'sid', SESSION)
    await promised(store, 'touch', 'sid', SESSION)
    assert.deepEqual(events, ['create', 'set', 'touch'])
    for (const { arguments: args } of updateOne.mock.calls)
      assert.equal(args[2].writeConcern, writeOperationOptions)
    await store.close()
  })

  test('findOne will do with autoRemove disabled', async () => {
    const store = MongoStore.create({
      client: clientOf({ findOne: async () => null }),
      autoRemove: 'disabled',
    })
    store.on('error', (error) => assert.fail(error))
    assert.equal(await promised(store, 'get', 'sid'), null)
    await store.collectionP
  })

  test('answers that are no promises will do', async () => {
    const store = MongoStore.create({
      client: clientOf({
        createIndex: () => 'expires_1',
        findOne: () => ({ session: '{"user":"ada"}' }),
        updateOne: () => ({ matchedCount: 0, upsertedCount: 0 }),
        deleteOne: () => undefined,
        deleteMany: () => undefined,
        countDocuments: () => 3,
        find: () => [{ session: '{"user":"ada"}' }],
      }),
    })
    assert.deepEqual(await promised(store, 'get', 'sid'), { user: 'ada' })
    assert.deepEqual(await promised(store, 'all'), [{ user: 'ada' }])
    assert.equal(await promised(store, 'length'), 3)
    for (const [method, ...args] of [['set', 'sid', {}], ['destroy', 'sid'], ['clear'], ['touch', 'sid', {}]])
      assert.equal(await promised(store, method, ...args), undefined)
    await store.close()
  })

  test('calls about different sessions are answered in the order of the calls', async () => {
    const { client } = recordingClient()
    const store = new MongoStore({ client })
    const answered = []
    const calls = /** @type {const} */ (['set', 'destroy', 'touch', 'destroy', 'set'])
    await Promise.all(
      calls.map((method, n) => store[method](`sid-${n}`, { cookie: {} }).then(() => answered.push(method)))
    )
    assert.deepEqual(answered, calls)
  })

  test('find with an async iterable will do for all', async () => {
    const store = MongoStore.create({
      client: recordingClient({ find: ANSWERS.find }).client,
      autoRemove: 'interval',
    })
    const sessions = await promised(store, 'all')
    assert.deepEqual(sessions, [{ user: 'ada' }])
    await store.close()
  })

  test('a method that fails gives its error to that call, as it is', async () => {
    const failure = new Error('from the test double')
    const fail = async () => {
      throw failure
    }
    const failing = Object.fromEntries(Object.keys(ANSWERS).map((name) => [name, fail]))
    const store = MongoStore.create({
      client: clientOf({
        ...failing,
        createIndex: async () => {},
        find: () => ({ [Symbol.asyncIterator]: () => ({ next: fail }) }),
      }),
    })
    const calls = [
      ['get', 'sid'],
      ['set', 'sid', {}],
      ['touch', 'sid', {}],
      ['destroy', 'sid'],
      ['all'],
      ['length'],
      ['clear'],
    ]
    for (const [method, ...args] of calls)
      await assert.rejects(promised(store, method, ...args), (error) => error === failure, method)
  })

  test('a deleteMany that finds no collection clears', async () => {
    const missing = Object.assign(new Error('ns not found'), { code: 26 })
    const store = MongoStore.create({
      client: clientOf({ createIndex: async () => {}, deleteMany: () => Promise.reject(missing) }),
    })
    assert.equal(await promised(store, 'clear'), undefined)
  })

  test('a createIndex that fails is an error event, and the calls go on', async () => {
    const failure = new Error('no index today')
    const store = MongoStore.create({
      client: clientOf({ createIndex: () => Promise.reject(failure), findOne: async () => null }),
    })
    const errors = []
    store.on('error', (error) => errors.push(error))
    assert.equal(await promised(store, 'get', 'sid'), null)
    await store.collectionP
    assert.deepEqual(errors, [failure])
    await store.close()
  })

  test('one without createIndex is an error event too, and the calls go on', async () => {
    const store = MongoStore.create({ client: clientOf({ findOne: async () => null }) })
    const errors = []
    store.on('error', (error) => errors.push(error))
    assert.equal(await promised(store, 'get', 'sid'), null)
    await store.collectionP
    assert.deepEqual(
      errors.map(({ name }) => name),
      ['TypeError']
    )
    await store.close()
  })
})

describe("autoRemove: 'interval' over a test double and mock timers", () => {
  for (const [name, load] of Object.entries({
    'connect-mongo-native': async () => MongoStore,
    'connect-mongo': async () => (await import('connect-mongo')).default,
  })) {
    test(`sweeps once in each full interval [${name}]`, async (t) => {
      const Store = await load()
      t.mock.timers.enable({ apis: ['setInterval'] })
      const started = t.mock.method(globalThis, 'setInterval')
      const deleteMany = t.mock.fn(async () => ({ deletedCount: 0 }))
      const client = { db: () => ({ collection: () => ({ deleteMany }) }), close: async () => {} }
      const store = Store.create({ client, autoRemove: 'interval', autoRemoveInterval: 5 })
      await store.collectionP
      assert.equal(started.mock.callCount(), 1)
      assert.equal(deleteMany.mock.callCount(), 0)
      for (const count of [1, 2, 3]) {
        t.mock.timers.tick(started.mock.calls[0].arguments[1])
        // As people wrote it: in the same tick.
        assert.equal(deleteMany.mock.callCount(), count)
        await new Promise((resolve) => setImmediate(resolve))
      }
      for (const { arguments: args } of deleteMany.mock.calls)
        assert.deepEqual(withoutClock(args), [{ expires: { $lt: 'now' } }, { writeConcern: { w: 0 } }])
      await store.close()
      t.mock.timers.tick(60 * MINUTE_MS)
      assert.equal(deleteMany.mock.callCount(), 3)
    })

    test(`has no timer before there is a client [${name}]`, async (t) => {
      const Store = await load()
      const started = t.mock.method(globalThis, 'setInterval')
      /** @type {(client: any) => void} */
      let resolve = assert.fail
      const clientPromise = new Promise((settle) => {
        resolve = settle
      })
      const store = Store.create({ clientPromise, autoRemove: 'interval' })
      await new Promise((done) => setImmediate(done))
      assert.equal(started.mock.callCount(), 0)
      resolve(recordingClient().client)
      await store.collectionP
      assert.equal(started.mock.callCount(), 1)
      await store.close()
    })

    test(`has swept after a full interval, and survives a sweep that fails [${name}]`, async (t) => {
      const Store = await load()
      t.mock.timers.enable({ apis: ['setInterval'] })
      const deleteMany = t.mock.fn(() => Promise.reject(new Error('no sweep today')))
      const client = { db: () => ({ collection: () => ({ deleteMany }) }), close: async () => {} }
      const store = Store.create({ client, autoRemove: 'interval' })
      store.on('error', (error) => assert.fail(error))
      await store.collectionP
      for (const count of [1, 2]) {
        t.mock.timers.tick(10 * MINUTE_MS)
        assert.equal(deleteMany.mock.callCount(), count)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await store.close()
    })
  }
})
