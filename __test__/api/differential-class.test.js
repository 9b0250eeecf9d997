// The class and its methods as JavaScript sees them, with most of what differs from connect-mongo on purpose.
'use strict'

const assert = require('node:assert/strict')
const { inspect } = require('node:util')
const { EventEmitter } = require('node:events')
const session = require('express-session')
const mongoose = require('mongoose-9')
const { freePort } = require('../../scripts/free-port.js')
const {
  callbackArguments,
  forDifference,
  forEachImplementation,
  forOurs,
  promised,
} = require('../support/differential.js')
const { DEFAULT_BACKEND } = require('../support/backends.js')
const { startServer } = require('../support/server.js')
const { LATER, plainSession, storedSession } = require('../support/sessions.js')
const { uncaughtException } = require('../support/wait.js')

// ---- The class

forEachImplementation(
  'a store is a Store of express-session and an EventEmitter',
  (_t, { create, MongoStore }) => {
    const store = create()
    assert.ok(store instanceof MongoStore)
    assert.ok(store instanceof session.Store)
    assert.ok(store instanceof EventEmitter)
    for (const method of ['regenerate', 'load', 'createSession'])
      assert.equal(typeof store[method], 'function')
  }
)

forEachImplementation('create and new make the same', async (_t, { MongoStore, url }) => {
  const stores = [
    MongoStore.create({ mongoUrl: url, autoRemove: 'disabled' }),
    new MongoStore({ mongoUrl: url, autoRemove: 'disabled' }),
  ]
  assert.equal(stores[0].constructor, stores[1].constructor)
  for (const store of stores) {
    assert.deepEqual(await callbackArguments(store, 'length'), [null, 0])
    await store.close()
  }
})

forEachImplementation(
  'load answers undefined for a missing session and a Session for another',
  async (_t, context) => {
    const { store, set } = context.open()
    await set('sid', plainSession({ n: 1 }))
    assert.deepEqual(await callbackArguments(store, 'load', 'missing'), [])
    const [error, loaded] = /** @type {any[]} */ (await callbackArguments(store, 'load', 'sid'))
    assert.equal(error, null)
    assert.equal(loaded.n, 1)
    assert.equal(loaded.id, 'sid')
    assert.deepEqual(loaded.cookie.expires, LATER)
    assert.equal(typeof loaded.save, 'function')
  }
)

forEachImplementation('close with no callback gives a promise', async (_t, { create }) => {
  const store = create()
  await callbackArguments(store, 'length')
  assert.equal(await store.close(), undefined)
})

// ---- Deliberate differences of the API

forDifference('promises', 'a method called without a callback', {
  ours: async (_t, { create }) => {
    const store = create()
    assert.equal(await store.set('sid', plainSession(), 'no callback'), undefined)
    assert.deepEqual(await store.get('sid', 7, null), plainSession())
    assert.deepEqual(await store.all({}), [plainSession()])
    assert.equal(await store.length([]), 1)
    assert.equal(await store.destroy('sid', undefined), undefined)
    assert.equal(await store.get('sid'), null)
    assert.equal(await store.clear('extra'), undefined)
  },
  theirs: async (_t, { create }) => {
    const store = create()
    assert.equal(store.set('sid', plainSession()), undefined)
    assert.equal(store.touch('sid', plainSession()), undefined)
    assert.equal(store.destroy('sid'), undefined)
    assert.equal(store.clear(), undefined)
  },
})

forOurs('a callback is found behind extra arguments', async (_t, { create }) => {
  const store = create()
  assert.deepEqual(await callbackArguments(store, 'set', 'sid', plainSession(), 'extra', 7), [null])
  assert.deepEqual(await callbackArguments(store, 'get', 'sid', { extra: true }), [null, plainSession()])
  assert.deepEqual(await callbackArguments(store, 'length', 'extra'), [null, 1])
})

forDifference('detached', 'a method taken off the store', {
  ours: async (_t, { create }) => {
    const { get, set, touch, destroy, all, length, clear, close } = create()
    await set('sid', plainSession())
    await touch('sid', plainSession())
    assert.deepEqual([await get('sid')], await all())
    await destroy('sid')
    await clear()
    assert.equal(await length(), 0)
    await close()
  },
  theirs: (_t, { create }) => {
    const { length } = create()
    assert.throws(() => length(() => {}), TypeError)
  },
})

/** @param {import('mongodb').Db} database so that the server refuses every session */
async function refuseSessions(database) {
  await database.command({ create: 'sessions', validator: { nobody: { $exists: true } } })
}

forEachImplementation('a failure is of the classes of the driver', async (_t, { open, database, driver }) => {
  await refuseSessions(database)
  await assert.rejects(open().set('sid', plainSession()), (/** @type {any} */ error) => {
    assert.ok(error instanceof driver.MongoServerError)
    assert.ok(error instanceof driver.MongoError)
    assert.ok(!(error instanceof driver.MongoNetworkError))
    assert.equal(error.code, 121)
    assert.equal(error.hasErrorLabel('RetryableWriteError'), false)
    return true
  })
})

const HOUR_MS = 60 * 60 * 1000

forEachImplementation('what has expired is decided by a Date that a test has moved', async (t, { open }) => {
  const { set, get, all } = open({ ttl: 60 })
  const start = new Date('2020-01-01').getTime()
  t.mock.timers.enable({ apis: ['Date'], now: start })
  await set('sid', { cookie: {}, user: 'ada' })
  for (const [time, count] of [
    [start, 1],
    [start + 59_999, 1],
    [start + 60_000, 0],
    [start + HOUR_MS, 0],
    [start - HOUR_MS, 1],
  ]) {
    t.mock.timers.setTime(time)
    assert.deepEqual(await get('sid'), count ? { cookie: {}, user: 'ada' } : await get('nobody'))
    assert.equal((await all()).length, count)
  }
})

forEachImplementation('a callback is found before further arguments', async (_t, { create }) => {
  const store = create()
  assert.equal(await new Promise((done) => store.set('sid', plainSession(), done, {})), null)
  const found = await new Promise((done, fail) =>
    store.get(
      'sid',
      (/** @type {any} */ error, /** @type {any} */ session) => (error ? fail(error) : done(session)),
      undefined
    )
  )
  assert.deepEqual(found, plainSession())
})

/** What apps put around a store. */
const AROUND = {
  'an object made of it': (/** @type {any} */ store) => Object.create(store),
  'a Proxy of it': (/** @type {any} */ store) => new Proxy(store, {}),
}

for (const [name, around] of Object.entries(AROUND)) {
  forEachImplementation(`${name} loads a session`, async (_t, { create }) => {
    const store = around(create())
    await promised(store).set('sid', plainSession())
    const loaded = await new Promise((done, fail) =>
      store.load('sid', (/** @type {any} */ error, /** @type {any} */ found) =>
        error ? fail(error) : done(found)
      )
    )
    assert.equal(loaded.id, 'sid')
  })
}

for (const [name, around] of Object.entries(AROUND)) {
  forOurs(`${name} has what the store has`, async (_t, { create }) => {
    const store = create()
    const outside = around(store)
    assert.equal(outside.backend, store.backend)
    assert.equal(await outside.collectionP, await store.collectionP)
    assert.deepEqual(Object.keys(store), Object.keys(new EventEmitter()))
    const accessors = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(store)))
    for (const [accessor, { get }] of accessors) if (get) void outside[accessor]
    const { set, get, touch, all, length, destroy, clear } = promised(outside)
    await set('sid', plainSession({ n: 1 }))
    await touch('sid', plainSession())
    assert.equal((await get('sid')).n, 1)
    assert.equal((await all()).length, await length())
    await destroy('sid')
    await clear()
    await outside.ping()
    const req = { sessionID: 'sid', sessionStore: outside }
    assert.equal(outside.createSession(req, plainSession({ n: 2 })).n, 2)
    await outside.close()
  })
}

for (const [name, around] of Object.entries(AROUND)) {
  forOurs(`${name} runs the accessors and methods of a subclass`, async (_t, { MongoStore, url }) => {
    class Named extends MongoStore {
      /** @type {string | undefined} */
      given
      get backend() {
        return `${this.given} ${super.backend}`
      }
      set backend(given) {
        this.given = given
      }
    }
    const store = new Named({ mongoUrl: url, autoRemove: 'disabled' })
    const outside = around(store)
    outside.backend = 'mine'
    assert.match(outside.backend, /^mine (native|driver)$/)
    await store.close()
  })
}

forEachImplementation('a class without touch has none', (_t, { MongoStore, url }) => {
  class Untouchable extends MongoStore {}
  Object.assign(Untouchable.prototype, { touch: undefined })
  const store = new Untouchable({ mongoUrl: url, autoRemove: 'disabled' })
  assert.equal(store.touch, undefined)
  return store.collectionP.then(() => store.close())
})

forEachImplementation(
  'a session that is stored as text is none to stringify: false',
  async (_t, { open }) => {
    await open().set('sid', plainSession())
    const { store } = open({ stringify: false })
    const req = { sessionID: 'sid', sessionStore: store }
    const text = await promised(store).get('sid')
    assert.throws(() => store.createSession(req, text), TypeError)
  }
)

forEachImplementation('the lifetime of a Cookie that unserialize made stays', async (_t, { open }) => {
  const { set, get } = open({
    serialize: JSON.stringify,
    unserialize: (/** @type {any} */ text) => {
      const value = JSON.parse(text)
      const cookie = new session.Cookie({ maxAge: 5000 })
      cookie.expires = new Date(value.cookie.expires)
      cookie.originalMaxAge = 5000
      return { ...value, cookie }
    },
  })
  await set('sid', { cookie: new session.Cookie({ maxAge: 5000 }) })
  assert.equal((await get('sid')).cookie.originalMaxAge, 5000)
})

forEachImplementation('a class made of it can override its methods', async (_t, { MongoStore, url }) => {
  /** @type {string[]} */
  const asked = []
  class Watched extends MongoStore {
    /** @param {string} sid @param {unknown[]} args */
    get(sid, ...args) {
      asked.push(sid)
      return super.get(sid, ...args)
    }
  }
  const store = new Watched({ mongoUrl: url, autoRemove: 'disabled' })
  await promised(store).set('sid', plainSession())
  assert.deepEqual(await promised(store).get('sid'), plainSession())
  assert.deepEqual(asked, ['sid'])
  await store.close()
})

forEachImplementation(
  'a method of the class can be replaced at any time',
  async (t, { MongoStore, open }) => {
    const { store, set, get } = open()
    await set('sid', plainSession())
    const spy = t.mock.method(MongoStore.prototype, 'get')
    assert.deepEqual(await get('sid'), plainSession())
    assert.equal(spy.mock.callCount(), 1)
    t.mock.method(store, 'get', (/** @type {any} */ _sid, /** @type {any} */ callback) =>
      callback?.(null, 'stub')
    )
    assert.deepEqual(await callbackArguments(store, 'get', 'sid'), [null, 'stub'])
  }
)

for (const method of ['get', 'all', 'length', 'set', 'touch', 'destroy', 'clear']) {
  const args =
    { get: ['sid'], destroy: ['sid'], set: ['sid', plainSession()], touch: ['sid', plainSession()] }[
      method
    ] ?? []
  forOurs(
    `a callback of ${method} that throws is an uncaught exception and runs once`,
    async (_t, { create }) => {
      const store = create()
      const thrown = new Error('from the callback')
      let calls = 0
      const caught = await uncaughtException(() => {
        store[method](...args, () => {
          calls += 1
          throw thrown
        })
      })
      await store.length()
      assert.equal(caught, thrown)
      assert.equal(calls, 1)
    }
  )
}

forDifference('callback-once', 'a callback of get that throws', {
  ours: async (_t, { create }) => {
    const store = create()
    /** @type {unknown[][]} */
    const calls = []
    const thrown = new Error('from the callback')
    await uncaughtException(() => {
      store.get('sid', (/** @type {unknown[]} */ ...answer) => {
        calls.push(answer)
        throw thrown
      })
    })
    await store.length()
    assert.deepEqual(calls, [[null, null]])
  },
  theirs: async (_t, { create }) => {
    const store = create()
    const thrown = new Error('from the callback')
    /** @type {unknown[][]} */
    const calls = []
    await new Promise((resolve) => {
      store.get('sid', (/** @type {unknown[]} */ ...answer) => {
        calls.push(answer)
        if (calls.length === 1) throw thrown
        resolve(undefined)
      })
    })
    assert.deepEqual(calls, [[null, null], [thrown]])
  },
})

for (const [event, act] of /** @type {const} */ ([
  ['set', (/** @type {any} */ { set }) => set('sid', plainSession())],
  ['create', (/** @type {any} */ { set }) => set('sid', plainSession())],
  ['get', (/** @type {any} */ { get }) => get('sid')],
  ['all', (/** @type {any} */ { all }) => all()],
  ['destroy', (/** @type {any} */ { destroy }) => destroy('sid')],
])) {
  forDifference('listener-throws', `a listener of ${event} that throws`, {
    ours: async (_t, { open }) => {
      const opened = open()
      const thrown = new Error('from the listener')
      opened.store.on(event, () => {
        throw thrown
      })
      /** @type {Promise<unknown> | undefined} */
      let call
      const caught = await uncaughtException(() => {
        call = act(opened)
      })
      assert.equal(caught, thrown)
      await call
    },
    theirs: async (_t, { open }) => {
      const opened = open()
      const thrown = new Error('from the listener')
      opened.store.on(event, () => {
        throw thrown
      })
      await assert.rejects(act(opened), (error) => error === thrown)
    },
  })
}

for (const sid of [{ $ne: null }, 7, null, undefined, ['sid'], true]) {
  forDifference('sid-type', `a session id ${JSON.stringify(sid)}`, {
    ours: async (_t, { open, collection }) => {
      await collection.insertOne(storedSession('sid'))
      const { get, set, touch, destroy } = open()
      await assert.rejects(get(sid), TypeError)
      await assert.rejects(set(sid, plainSession()), TypeError)
      await assert.rejects(touch(sid, plainSession()), TypeError)
      await assert.rejects(destroy(sid), TypeError)
      assert.deepEqual(await collection.distinct('_id'), ['sid'])
    },
    theirs: async (_t, { open, collection }) => {
      await collection.insertOne(storedSession('sid'))
      const found = await open().get(sid)
      assert.deepEqual(found?.id, sid && typeof sid === 'object' && '$ne' in sid ? 'sid' : undefined)
    },
  })
}

for (const bad of [7, null, undefined, {}]) {
  forDifference('sid-type', `a transformId that gives ${JSON.stringify(bad)}`, {
    ours: async (_t, { open }) => {
      const { get, set } = open({ transformId: () => bad })
      await assert.rejects(get('sid'), TypeError)
      await assert.rejects(set('sid', plainSession()), TypeError)
    },
    theirs: async (_t, { open }) => {
      assert.equal(await open({ transformId: () => bad }).get('sid'), null)
    },
  })
}

for (const half of ['\ud800', 'sid\udfff', '\udc00\ud800']) {
  forDifference('sid-surrogates', `a session id with ${JSON.stringify(half)}`, {
    ours: async (_t, { open, collection }) => {
      await collection.insertOne(storedSession('\ufffd'))
      for (const { get, set, touch, destroy } of [open(), open({ transformId: () => half })]) {
        const refusal = { name: 'TypeError', message: /must be well-formed: it has half a surrogate pair$/ }
        await assert.rejects(get(half), refusal)
        await assert.rejects(set(half, plainSession()), refusal)
        await assert.rejects(touch(half, plainSession()), refusal)
        await assert.rejects(destroy(half), refusal)
      }
      assert.deepEqual(await collection.distinct('_id'), ['\ufffd'])
    },
    theirs: async (_t, { open, collection }) => {
      await open().set(half, plainSession({ half }))
      const [_id] = await collection.distinct('_id')
      assert.deepEqual(await open().get(_id), plainSession({ half }))
      assert.notEqual(_id, half)
    },
  })
}

forDifference('ping-ids', 'a session id as ping asks for', {
  ours: async (_t, { open, collection }) => {
    const id = 'connect-mongo-native ping 1'
    for (const { get, set, touch, destroy } of [open(), open({ transformId: () => id })]) {
      const refusal = { name: 'TypeError', message: /must not begin with 'connect-mongo-native ping '$/ }
      await assert.rejects(get(id), refusal)
      await assert.rejects(set(id, plainSession()), refusal)
      await assert.rejects(touch(id, plainSession()), refusal)
      await assert.rejects(destroy(id), refusal)
    }
    assert.equal(await collection.countDocuments(), 0)
  },
  theirs: async (_t, { open }) => {
    const { get, set } = open()
    await set('connect-mongo-native ping 1', plainSession())
    assert.deepEqual(await get('connect-mongo-native ping 1'), plainSession())
  },
})

for (const thrown of [undefined, null, '', 0, false]) {
  const fail = () => {
    throw thrown
  }
  const title = `${typeof thrown === 'string' ? 'an empty text' : thrown} that a function of the app throws`
  forDifference('nothing-thrown', title, {
    ours: async (_t, { open, collection }) => {
      const refusal = { name: 'Error', message: `Instead of an error, ${inspect(thrown)} was thrown` }
      for (const options of [
        { serialize: fail },
        { transformId: fail },
        { transformId: async () => fail() },
      ]) {
        const { set } = open(options)
        await assert.rejects(set('sid', plainSession()), refusal)
      }
      assert.equal(await collection.countDocuments(), 0)
      await open().set('sid', plainSession())
      const { get, all } = open({ unserialize: fail })
      await assert.rejects(get('sid'), refusal)
      await assert.rejects(all(), refusal)
      await assert.rejects(open().set('sid', plainSession({ toJSON: fail })), refusal)
    },
    theirs: async (_t, { open, collection }) => {
      await open({ serialize: fail }).set('sid', plainSession())
      assert.equal(await collection.countDocuments(), 0)
    },
  })
}

forDifference('transform-id-promise', 'a transformId that is async', {
  ours: async (_t, { open, collection }) => {
    const { get, set, touch, destroy } = open({
      transformId: async (/** @type {string} */ sid) => `later ${sid}`,
    })
    await set('sid', plainSession())
    await touch('sid', plainSession())
    assert.deepEqual(await collection.distinct('_id'), ['later sid'])
    assert.deepEqual(await get('sid'), plainSession())
    await destroy('sid')
    assert.equal(await collection.countDocuments(), 0)
  },
  theirs: async (_t, { open }) => {
    const { set, get } = open({ transformId: async (/** @type {string} */ sid) => `later ${sid}` })
    await set('sid', plainSession({ user: 'ada' }))
    // The driver stores a promise as {}, and so all users share one session.
    assert.deepEqual(await get('anybody else'), plainSession({ user: 'ada' }))
  },
})

forOurs('a transformId that rejects fails the call with its error', async (_t, { open }) => {
  const error = new Error('no id today')
  const { get, set, touch, destroy } = open({
    transformId: async () => {
      throw error
    },
  })
  const calls = [
    () => get('sid'),
    () => set('sid', plainSession()),
    () => touch('sid', plainSession()),
    () => destroy('sid'),
  ]
  for (const call of calls) await assert.rejects(call, (thrown) => thrown === error)
})

forDifference('close-twice', 'calls after close, and a second close', {
  ours: async (_t, { open }) => {
    const { store, get, set, touch, destroy, all, length, clear } = open()
    assert.equal(await store.close(), undefined)
    assert.equal(await store.close(), undefined)
    const calls = [
      () => get('sid'),
      () => set('sid', plainSession()),
      () => touch('sid', plainSession()),
      () => destroy('sid'),
      () => all(),
      () => length(),
      () => clear(),
    ]
    for (const call of calls) await assert.rejects(call, { name: 'Error', code: 'ERR_STORE_CLOSED' })
  },
  theirs: async (_t, { open }) => {
    const { store, length, get } = open()
    await length()
    await store.close()
    await assert.rejects(get('sid'), { name: 'MongoNotConnectedError' })
  },
})

/** @param {import('node:test').TestContext} t @param {any} MongoStore */
async function storeOfAbsentServer(t, MongoStore) {
  const port = await freePort()
  const store = MongoStore.create({
    mongoUrl: `mongodb://127.0.0.1:${port}/?serverSelectionTimeoutMS=1000`,
    autoRemove: 'disabled',
  })
  t.after(() => Promise.resolve(store.close()).catch(() => {}))
  return { get: promised(store).get, port }
}

forDifference('server-down', 'a server that comes up after the first call failed', {
  ours: async (t, { MongoStore }) => {
    const { get, port } = await storeOfAbsentServer(t, MongoStore)
    await assert.rejects(get('sid'), { name: 'MongoServerSelectionError' })
    await startServer({ port })
    assert.equal(await get('sid'), null)
  },
  theirs: async (t, { MongoStore }) => {
    const { get, port } = await storeOfAbsentServer(t, MongoStore)
    await assert.rejects(get('sid'), { name: 'MongoServerSelectionError' })
    await startServer({ port })
    await assert.rejects(get('sid'), { name: 'MongoServerSelectionError' })
  },
})

forDifference('internals', 'what a store carries besides its methods', {
  ours: async (_t, { create, MongoStore, implementation }) => {
    const store = create()
    for (const name of ['cryptoAdapter', 'timer', 'transformFunctions']) assert.equal(name in store, false)
    store.options.collectionName = 'elsewhere'
    assert.equal(store.options.collectionName, 'sessions')
    assert.equal((await store.collectionP).collectionName, 'sessions')
    assert.equal(store.backend, implementation.hasClient ? 'driver' : DEFAULT_BACKEND)
    assert.equal(typeof MongoStore.binding, 'string')
  },
  theirs: async (_t, { create }) => {
    const store = create()
    assert.equal((await store.collectionP).collectionName, 'sessions')
    store.options.collectionName = 'elsewhere'
    assert.equal(store.options.collectionName, 'elsewhere')
    for (const name of ['cryptoAdapter', 'timer', 'transformFunctions']) assert.equal(name in store, true)
  },
})

forEachImplementation('clientP is a promise of the client', async (_t, { create, database }) => {
  const store = create()
  const caught = store.clientP.catch((/** @type {Error} */ error) => error)
  const client = await store.clientP
  assert.equal(await caught, client)
  await callbackArguments(store, 'set', 'sid', plainSession({ n: 1 }))
  assert.equal(await client.db(database.databaseName).collection('sessions').countDocuments(), 1)
})

forEachImplementation('clientP is the client that was given', async (_t, { MongoStore, driver, url }) => {
  const client = new driver.MongoClient(url)
  const stores = [{ client }, { clientPromise: Promise.resolve(client) }].map((option) =>
    MongoStore.create({ ...option, autoRemove: 'disabled' })
  )
  for (const store of stores) assert.equal(await store.clientP, client)
  for (const store of stores) await store.close()
})

forEachImplementation('options has the options, with their defaults', (_t, { create, MongoStore }) => {
  const store = create({ ttl: 60 })
  const { ttl, touchAfter, autoRemove, autoRemoveInterval, collectionName, stringify } = store.options
  assert.deepEqual(
    { ttl, touchAfter, autoRemove, autoRemoveInterval, collectionName, stringify },
    {
      ttl: 60,
      touchAfter: 0,
      autoRemove: 'disabled',
      autoRemoveInterval: 10,
      collectionName: 'sessions',
      stringify: true,
    }
  )
  assert.equal(store instanceof MongoStore, true)
})

forEachImplementation('options.ttl counts from the next call on', async (_t, { open, collection }) => {
  const { store, set, touch } = open({ ttl: 60 })
  store.options.ttl = 1_000_000
  const session = { cookie: {}, n: 1 }
  for (const write of [set, touch]) {
    const before = Date.now()
    await write('sid', session)
    const { expires } = await collection.findOne({ _id: 'sid' })
    assert.ok(expires.getTime() >= before + 1_000_000_000, `${expires.toISOString()} is too early`)
    store.options.ttl = 2_000_000
  }
  const { expires } = await collection.findOne({ _id: 'sid' })
  assert.ok(expires.getTime() > Date.now() + 1_900_000_000)
})

forEachImplementation(
  'options.touchAfter and options.transformId count from the next call on',
  async (_t, { open, collection }) => {
    const { store, set } = open()
    store.options.touchAfter = 3600
    store.options.transformId = (/** @type {string} */ sid) => `changed-${sid}`
    await set('sid', plainSession({ n: 1 }))
    const { _id, lastModified } = await collection.findOne()
    assert.equal(_id, 'changed-sid')
    assert.ok(lastModified instanceof Date)
  }
)

forEachImplementation('options as a whole can be put in place of those there are', async (_t, { create }) => {
  const store = create()
  store.options = { ...store.options, ttl: 60 }
  assert.equal(store.options.ttl, 60)
})

forEachImplementation('collectionP is a promise of the collection', async (_t, { create, database }) => {
  const store = create({ collectionName: 'elsewhere' })
  await callbackArguments(store, 'set', 'sid', plainSession({ n: 1 }))
  const collection = await store.collectionP
  assert.equal(collection.collectionName, 'elsewhere')
  assert.equal(collection.dbName, database.databaseName)
  const { _id, session: stored } = await collection.findOne()
  assert.deepEqual({ _id, stored }, { _id: 'sid', stored: JSON.stringify(plainSession({ n: 1 })) })
})

// ---- Clients of the app's own

forEachImplementation(
  'a client is taken, connected or not',
  async (_t, { MongoStore, driver, url, collection }) => {
    const clients = [await driver.MongoClient.connect(url), new driver.MongoClient(url)]
    for (const client of clients) {
      for (const option of [{ client }, { clientPromise: Promise.resolve(client) }]) {
        const { set, get } = promised(MongoStore.create({ ...option, autoRemove: 'disabled' }))
        await set('sid', plainSession({ n: 1 }))
        assert.deepEqual(await get('sid'), plainSession({ n: 1 }))
        assert.equal(await collection.countDocuments(), 1)
      }
      await client.close()
    }
  }
)

forEachImplementation('close closes the client that was given', async (_t, { MongoStore, driver, url }) => {
  for (const give of [
    (/** @type {any} */ client) => ({ client }),
    (/** @type {any} */ client) => ({ clientPromise: Promise.resolve(client) }),
  ]) {
    const client = await driver.MongoClient.connect(url)
    const store = MongoStore.create({ ...give(client), autoRemove: 'disabled' })
    await callbackArguments(store, 'length')
    await store.close()
    await assert.rejects(client.db().collection('sessions').findOne(), {
      name: /MongoNotConnectedError|MongoClientClosedError/,
    })
  }
})

forEachImplementation('mongoUrl goes before clientPromise and client', async (_t, { create }) => {
  const unused = {}
  for (const given of [{ clientPromise: Promise.resolve(unused), client: unused }, { client: unused }])
    assert.deepEqual(await callbackArguments(create(given), 'length'), [null, 0])
})

forEachImplementation('clientPromise goes before client', async (_t, { MongoStore, driver, url }) => {
  const clientPromise = driver.MongoClient.connect(url)
  const store = MongoStore.create({ clientPromise, client: {}, autoRemove: 'disabled' })
  assert.deepEqual(await callbackArguments(store, 'length'), [null, 0])
  await store.close()
})

forDifference('mongoose', 'a mongoose connection as client', {
  ours: async (t, { MongoStore, url, collection }) => {
    const connection = mongoose.createConnection(url)
    t.after(() => connection.close())
    const store = MongoStore.create({ client: connection, autoRemove: 'disabled' })
    await promised(store).set('sid', plainSession())
    assert.equal(await collection.countDocuments(), 1)
    await store.close()
    assert.equal(connection.readyState, 1)
    assert.equal(await connection.collection('sessions').countDocuments(), 1)
  },
  theirs: async (t, { MongoStore, url }) => {
    const connection = await mongoose.createConnection(url).asPromise()
    t.after(() => connection.close())
    const store = MongoStore.create({ client: connection, autoRemove: 'disabled' })
    await assert.rejects(promised(store).get('sid'), {
      name: 'TypeError',
      message: /con\.db is not a function/,
    })
  },
})
