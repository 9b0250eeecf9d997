// From construction to close: servers that are down, shared connections, callbacks, the removal of expired sessions.
'use strict'

const assert = require('node:assert/strict')
const { tmpdir } = require('node:os')
const { before, describe, test } = require('node:test')
const { Double, Long } = require('mongodb')
const MongoStore = require('../..')
const { freePort } = require('../../scripts/free-port.js')
const { BACKENDS } = require('../support/backends.js')
const { runInChild } = require('../support/child.js')
const { openDatabase, profile } = require('../support/database.js')
const { sharedServerUrl, startServer, withDatabase } = require('../support/server.js')
const { nextEvent, promised, until } = require('../support/wait.js')
const { collectWarnings, warningsAreOut } = require('../support/warnings.js')
const { openBehindWire } = require('../support/wire.js')

const METHODS = {
  get: (store, ...rest) => store.get('sid', ...rest),
  set: (store, ...rest) => store.set('sid', { cookie: {} }, ...rest),
  touch: (store, ...rest) => store.touch('sid', { cookie: {} }, ...rest),
  destroy: (store, ...rest) => store.destroy('sid', ...rest),
  all: (store, ...rest) => store.all(...rest),
  length: (store, ...rest) => store.length(...rest),
  clear: (store, ...rest) => store.clear(...rest),
}

async function deadUrl() {
  return `mongodb://127.0.0.1:${await freePort()}/down?serverSelectionTimeoutMS=300`
}

describe('a server that is down', () => {
  test('fails the calls, not the constructor, and serves the same store once it is up', async (t) => {
    const port = await freePort()
    const store = new MongoStore({
      mongoUrl: `mongodb://127.0.0.1:${port}/late?serverSelectionTimeoutMS=500`,
    })
    t.after(() => store.close())
    await Promise.all(
      Object.values(METHODS).map((call) => assert.rejects(call(store), { name: 'MongoServerSelectionError' }))
    )

    const server = await startServer({ port })
    assert.equal(new URL(server.getUri()).port, String(port))
    await until(() =>
      store.set('sid', { cookie: {}, user: 'ada' }).then(
        () => true,
        () => false
      )
    )
    assert.deepEqual(await store.get('sid'), { cookie: {}, user: 'ada' })

    const { sessions } = await openDatabase(t, withDatabase(server.getUri(), 'late'))
    const ttlIndex = await until(async () => (await sessions.indexes()).find(({ key }) => key.expires))
    assert.equal(ttlIndex.expireAfterSeconds, 0)
  })

  test('calls back with the error, for each method', async (t) => {
    const store = new MongoStore({ mongoUrl: await deadUrl() })
    t.after(() => store.close())
    const errors = await Promise.all(
      Object.values(METHODS).map((call) => new Promise((resolve) => call(store, resolve)))
    )
    assert.deepEqual(
      errors.map((error) => error.name),
      errors.map(() => 'MongoServerSelectionError')
    )
  })

  test('leaves no rejection unhandled', async () => {
    const { code, stdout, stderr } = await runInChild(
      async ({ mongoUrl }) => {
        process.on('unhandledRejection', (error) => console.log('unhandled', error))
        const MongoStore = require('../..')
        const stores = ['native', 'interval', 'disabled'].map(
          (autoRemove) => new MongoStore({ mongoUrl, autoRemove })
        )
        for (const store of stores) {
          store.get('sid')
          store.set('sid', { cookie: {} })
          store.touch('sid', { cookie: {} })
          store.destroy('sid')
          store.all()
          store.length()
          store.clear()
        }
        await stores[0].get('sid').catch(() => {})
        await new Promise((resolve) => setImmediate(resolve))
        await Promise.all(stores.map((store) => store.close()))
        console.log('done')
      },
      { mongoUrl: await deadUrl() }
    )
    assert.equal(stdout, 'done\n', stderr)
    assert.equal(code, 0, stderr)
  })
})

describe('close', () => {
  for (const autoRemove of ['native', 'interval', 'disabled']) {
    test(`right after construction succeeds with autoRemove: '${autoRemove}'`, async (t) => {
      const { open } = await openDatabase(t)
      const warnings = collectWarnings(t)
      for (let round = 0; round < 20; round++) {
        const store = open({ autoRemove })
        store.on('error', (error) => assert.fail(error))
        await store.close()
      }
      await warningsAreOut()
      assert.deepEqual(warnings, [])
    })

    test(`before the server is reachable succeeds with autoRemove: '${autoRemove}'`, async () => {
      const store = new MongoStore({ mongoUrl: await deadUrl(), autoRemove })
      store.on('error', () => {})
      await store.close()
    })
  }

  test('can be called again and again', async (t) => {
    const { open } = await openDatabase(t)
    const store = open()
    await store.length()
    await Promise.all([store.close(), store.close()])
    await store.close()
    assert.equal(await promised(store, 'close'), undefined)
  })

  test('lets the calls finish that came before it', async (t) => {
    const { open, sessions } = await openDatabase(t)
    const store = open()
    const sids = Array.from({ length: 100 }, (_, i) => `sid-${i}`)
    const results = sids.map((sid) => store.set(sid, { cookie: {}, sid }))
    await store.close()
    await Promise.all(results)
    assert.equal(await sessions.countDocuments(), sids.length)
  })

  test('gives the calls that came before it their failure when there is no server', async () => {
    const store = new MongoStore({ mongoUrl: await deadUrl() })
    const call = assert.rejects(store.get('sid'), { name: 'MongoServerSelectionError' })
    await store.close()
    await call
  })

  test('ends at once where a Unix domain socket has no server, and other stores go on', async (t) => {
    const { url } = await openDatabase(t)
    const { code, stdout, stderr } = await runInChild(
      async ({ url, folder }) => {
        const MongoStore = require('../..')
        const other = new MongoStore({ mongoUrl: url })
        for (let i = 0; i < 20; i++) {
          const socket = encodeURIComponent(`${folder}/connect-mongo-native-no-server-${i}.sock`)
          await new MongoStore({ mongoUrl: `mongodb://${socket}/db` }).close()
        }
        await other.set('sid', { cookie: {}, user: 'ada' })
        console.log((await other.get('sid')).user)
        await other.close()
      },
      { url, folder: tmpdir() },
      { timeoutMs: 30_000 }
    )
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'ada\n', stderr: '' })
  })

  test('makes later calls fail with ERR_STORE_CLOSED, promises and callbacks', async (t) => {
    const { open } = await openDatabase(t)
    const store = open()
    await store.length()
    const closing = store.close()
    for (const moment of ['closing', 'closed']) {
      for (const [name, call] of Object.entries(METHODS)) {
        await assert.rejects(
          call(store),
          { name: 'Error', code: 'ERR_STORE_CLOSED' },
          `${name} while ${moment}`
        )
        const error = await new Promise((resolve) => call(store, resolve))
        assert.equal(error.code, 'ERR_STORE_CLOSED', `${name} while ${moment}`)
      }
      await closing
    }
  })

  test('stops the timer, also when it comes before the connection', async (t) => {
    const started = t.mock.method(globalThis, 'setInterval')
    const stopped = t.mock.method(globalThis, 'clearInterval')
    const { open } = await openDatabase(t)
    const early = open({ autoRemove: 'interval' })
    await early.close()
    const unreachable = new MongoStore({ mongoUrl: await deadUrl(), autoRemove: 'interval' })
    await unreachable.close()
    const late = open({ autoRemove: 'interval' })
    await late.length()
    await late.close()

    const timers = started.mock.calls.map(({ result }) => result)
    const cleared = stopped.mock.calls.map(({ arguments: [timer] }) => timer)
    assert.ok(timers.length > 0)
    for (const timer of timers) assert.ok(cleared.includes(timer))
  })

  test('Symbol.asyncDispose closes', async (t) => {
    const { open } = await openDatabase(t)
    const store = open()
    await store.set('sid', { cookie: {} })
    await store[Symbol.asyncDispose]()
    await assert.rejects(store.get('sid'), { code: 'ERR_STORE_CLOSED' })
  })
})

describe('stores with the same URL and options', () => {
  /** How many connections an application holds, by the name it gave. */
  async function connectionCount(db, appName) {
    const pipeline = [{ $currentOp: { allUsers: true, idleConnections: true } }, { $match: { appName } }]
    return (await db.client.db('admin').aggregate(pipeline).toArray()).length
  }

  test('share one pool, and closing one leaves the others working', async (t) => {
    const { open, db } = await openDatabase(t)
    const appName = db.databaseName
    const mongoOptions = { appName, maxPoolSize: 2 }
    const stores = Array.from({ length: 10 }, () => open({ mongoOptions }))
    await Promise.all(stores.map((store, i) => store.set(`sid-${i}`, { cookie: {}, i })))
    // Two for the calls, two for the driver to watch the server with.
    const count = await connectionCount(db, appName)
    assert.ok(count >= 1 && count <= 4, `${count} connections`)

    const [survivor, ...others] = stores
    await Promise.all(others.map((store) => store.close()))
    assert.equal((await survivor.get('sid-3')).i, 3)
    await survivor.close()
    await until(async () => (await connectionCount(db, appName)) === 0)
  })

  test('do not share with stores that have other options', async (t) => {
    const { open, db } = await openDatabase(t)
    const appNames = ['first', 'second'].map((name) => `${db.databaseName}-${name}`)
    for (const appName of appNames) await open({ mongoOptions: { appName } }).length()
    for (const appName of appNames) assert.ok((await connectionCount(db, appName)) > 0, appName)
  })

  test('a store that is opened after the last one closed works', async (t) => {
    const { open } = await openDatabase(t)
    for (let round = 0; round < 10; round++) {
      const store = open()
      await store.set('sid', { cookie: {}, round })
      assert.equal((await store.get('sid')).round, round)
      await store.close()
    }
  })
})

describe('callbacks', () => {
  for (const method of [...Object.keys(METHODS), 'close']) {
    test(`what a callback of ${method} throws is one uncaughtException, and it is called once`, async (t) => {
      const { url } = await openDatabase(t)
      const { code, stdout, stderr } = await runInChild(
        async ({ mongoUrl, method }) => {
          const MongoStore = require('../..')
          const store = new MongoStore({ mongoUrl })
          await store.set('sid', { cookie: {} })
          let calls = 0
          const uncaught = []
          process.on('uncaughtException', (error, origin) => uncaught.push(`${origin}: ${error.message}`))
          const args = {
            set: ['sid', { cookie: {} }],
            touch: ['sid', { cookie: {} }],
            get: ['sid'],
            destroy: ['sid'],
          }
          store[method](...(args[method] ?? []), () => {
            calls++
            // A JavaScript client would keep this process alive.
            setImmediate(() => store.close())
            throw new Error('thrown by the callback')
          })
          process.on('exit', () => console.log(JSON.stringify({ calls, uncaught })))
        },
        { mongoUrl: url, method }
      )
      assert.equal(code, 0, stderr)
      assert.deepEqual(JSON.parse(stdout), {
        calls: 1,
        uncaught: ['uncaughtException: thrown by the callback'],
      })
    })
  }

  test('what a listener throws is one uncaughtException, and the call succeeds', async (t) => {
    const { url } = await openDatabase(t)
    const { code, stdout, stderr } = await runInChild(
      async ({ mongoUrl }) => {
        const MongoStore = require('../..')
        const store = new MongoStore({ mongoUrl })
        const uncaught = []
        process.on('uncaughtException', (error, origin) => uncaught.push(`${origin}: ${error.message}`))
        for (const event of ['create', 'update', 'set', 'get', 'touch', 'touch-missed', 'destroy', 'all']) {
          store.on(event, () => {
            throw new Error(event)
          })
        }
        const session = { cookie: {} }
        await store.set('sid', session)
        await store.set('sid', session)
        const fetched = await store.get('sid')
        await store.touch('sid', session)
        const all = await store.all()
        await store.destroy('sid')
        await store.touch('sid', session)
        await store.close()
        process.on('exit', () => console.log(JSON.stringify({ fetched, all, uncaught })))
      },
      { mongoUrl: url }
    )
    assert.equal(code, 0, stderr)
    assert.deepEqual(JSON.parse(stdout), {
      fetched: { cookie: {} },
      all: [{ cookie: {} }],
      uncaught: ['create', 'set', 'update', 'set', 'get', 'touch', 'all', 'destroy', 'touch-missed'].map(
        (event) => `uncaughtException: ${event}`
      ),
    })
  })

  test('run on a tick of their own, after the call has returned', async (t) => {
    const { open } = await openDatabase(t)
    const store = open()
    for (const call of [
      ...Object.values(METHODS),
      (open_, callback) => open_.get({ $ne: null }, callback),
      (open_, callback) => open_.close(callback),
      (closed, callback) => closed.get('sid', callback),
    ]) {
      let returned = false
      const early = await new Promise((resolve) => {
        call(store, () => resolve(!returned))
        returned = true
      })
      assert.equal(early, false, String(call))
    }
  })

  test('extra arguments that are not functions are ignored', async (t) => {
    const { open } = await openDatabase(t)
    const store = open()
    await store.set('sid', { cookie: {}, user: 'ada' }, 3_600_000)
    assert.equal((await store.get('sid', undefined)).user, 'ada')
    await new Promise((resolve, reject) => {
      store.set('sid', { cookie: {}, user: 'bob' }, { rolling: true }, (error) =>
        error ? reject(error) : resolve()
      )
    })
    await store.touch('sid', { cookie: {} }, 3_600_000, {})
    assert.equal((await store.get('sid', 3_600_000, { rolling: true })).user, 'bob')
    await store.destroy('sid', {})
    assert.equal(await store.get('sid'), null)
  })

  test('methods work detached from their store', async (t) => {
    const { open } = await openDatabase(t)
    const { get, set, touch, destroy, all, length, clear, close } = open()
    await set('sid', { cookie: {}, user: 'ada' })
    await touch('sid', { cookie: {} })
    assert.equal((await get('sid')).user, 'ada')
    assert.equal((await all()).length, 1)
    assert.equal(await length(), 1)
    await destroy('sid')
    await clear()
    await close()
  })
})

describe("autoRemove: 'native'", () => {
  test('makes the TTL index that connect-mongo makes', async (t) => {
    const { open, sessions } = await openDatabase(t)
    await open().length()
    const indexes = await until(async () => {
      const found = await sessions.indexes().catch(() => [])
      return found.length > 1 && found
    })
    const [, { key, expireAfterSeconds, name }] = indexes
    assert.deepEqual(
      { key, expireAfterSeconds, name },
      { key: { expires: 1 }, expireAfterSeconds: 0, name: 'expires_1' }
    )
  })

  test('leaves an equivalent index alone, whatever its name', async (t) => {
    const { open, sessions } = await openDatabase(t)
    const warnings = collectWarnings(t)
    await sessions.createIndex({ expires: 1 }, { expireAfterSeconds: 0, name: 'made_by_hand' })
    const store = open()
    store.on('error', (error) => assert.fail(error))
    await store.length()
    await store.close()
    await warningsAreOut()
    assert.deepEqual(warnings, [])
    assert.deepEqual(
      (await sessions.indexes()).map(({ name }) => name),
      ['_id_', 'made_by_hand']
    )
  })

  test('an index with other options is an error event, and sessions go on', async (t) => {
    const { open, sessions } = await openDatabase(t)
    await sessions.createIndex({ expires: 1 }, { expireAfterSeconds: 100 })
    const store = open()
    const [error] = await nextEvent(store, 'error')
    assert.equal(error.name, 'MongoServerError')
    assert.equal(error.codeName, 'IndexOptionsConflict')
    await store.set('sid', { cookie: {}, user: 'ada' })
    assert.equal((await store.get('sid')).user, 'ada')
  })

  test('an index with other options is one warning when nobody listens', async (t) => {
    const { open, sessions, db } = await openDatabase(t)
    const collectionName = 'with_another_index'
    await db.collection(collectionName).createIndex({ expires: 1 }, { expireAfterSeconds: 100 })
    const warnings = collectWarnings(t)
    const warned = nextEvent(process, 'warning')
    const stores = [open({ collectionName }), open({ collectionName })]
    await warned
    for (const store of stores) {
      await store.set('sid', { cookie: {}, user: 'ada' })
      assert.equal((await store.get('sid')).user, 'ada')
      await store.close()
    }
    await warningsAreOut()
    assert.equal(warnings.length, 1)
    assert.match(warnings[0].message, /TTL index/)
    assert.equal(await sessions.countDocuments(), 0)
  })

  test('missing rights are an error event or one warning, and sessions go on', async (t) => {
    const server = await startServer({
      auth: { enable: true, customRootName: 'root', customRootPwd: 'secret' },
    })
    const adminUrl = server.getUri().replace('mongodb://', 'mongodb://root:secret@')
    const { db } = await openDatabase(t, withDatabase(adminUrl, 'limited'), { authSource: 'admin' })
    await db.command({
      createRole: 'sessionsOnly',
      privileges: [
        { resource: { db: 'limited', collection: '' }, actions: ['find', 'insert', 'update', 'remove'] },
      ],
      roles: [],
    })
    await db.command({ createUser: 'app', pwd: 'app', roles: ['sessionsOnly'] })
    const mongoUrl = withDatabase(server.getUri().replace('mongodb://', 'mongodb://app:app@'), 'limited')

    const listening = new MongoStore({ mongoUrl })
    t.after(() => listening.close())
    const [error] = await nextEvent(listening, 'error')
    assert.equal(error.name, 'MongoServerError')
    assert.equal(error.code, 13)

    const warnings = collectWarnings(t)
    const warned = nextEvent(process, 'warning')
    const silent = new MongoStore({ mongoUrl, collectionName: 'limited_rights' })
    t.after(() => silent.close())
    await warned
    for (const store of [listening, silent]) {
      await store.set('sid', { cookie: {}, user: 'ada' })
      assert.equal((await store.get('sid')).user, 'ada')
      await store.touch('sid', { cookie: {} })
      assert.equal(await store.length(), 1)
      await store.destroy('sid')
    }
    await warningsAreOut()
    assert.equal(warnings.length, 1)
  })

  test('an attempt that failed is repeated', async (t) => {
    const { open, sessions } = await openDatabase(t)
    await sessions.createIndex({ expires: 1 }, { expireAfterSeconds: 100 })
    const store = open()
    await nextEvent(store, 'error')
    store.on('error', () => {})
    await sessions.dropIndex('expires_1')
    const ttlIndex = await until(async () => (await sessions.indexes()).find(({ key }) => key.expires))
    assert.equal(ttlIndex.expireAfterSeconds, 0)
  })
})

describe("autoRemove: 'disabled'", () => {
  test('makes no index, and says nothing when there is none', async (t) => {
    const { open, sessions } = await openDatabase(t)
    const warnings = collectWarnings(t)
    const store = open({ autoRemove: 'disabled' })
    await store.set('sid', { cookie: {} })
    await store.close()
    await warningsAreOut()
    assert.deepEqual(warnings, [])
    assert.equal((await sessions.indexes()).length, 1)
  })

  test('warns once when a TTL index is there all the same', async (t) => {
    const { open, db } = await openDatabase(t)
    const collectionName = 'still_indexed'
    await db.collection(collectionName).createIndex({ expires: 1 }, { expireAfterSeconds: 0 })
    const warnings = collectWarnings(t)
    const warned = nextEvent(process, 'warning')
    const stores = [1, 2, 3].map(() => open({ autoRemove: 'disabled', collectionName }))
    await warned
    for (const store of stores) await store.close()
    await warningsAreOut()
    assert.equal(warnings.length, 1)
    assert.match(warnings[0].message, /TTL index/)
  })
})

describe("autoRemove: 'interval'", () => {
  const MINUTES = 0.005

  test('removes expired sessions with one timer that keeps no process alive', async (t) => {
    const { open, sessions } = await openDatabase(t)
    const setIntervalSpy = t.mock.method(globalThis, 'setInterval')
    const store = open({ autoRemove: 'interval', autoRemoveInterval: MINUTES })
    await store.set('alive', { cookie: {} })
    for (let round = 0; round < 3; round++) {
      await sessions.insertOne({
        _id: `expired-${round}`,
        session: '{}',
        expires: new Date(Date.now() - 1000),
      })
      await until(async () => (await sessions.countDocuments()) === 1)
    }
    assert.equal((await sessions.findOne())._id, 'alive')
    assert.equal((await sessions.indexes()).length, 1, 'no TTL index')

    assert.equal(setIntervalSpy.mock.callCount(), 1)
    const [{ arguments: args, result: timer }] = setIntervalSpy.mock.calls
    const period = args[1] / (MINUTES * 60_000)
    assert.ok(period >= 0.9 && period <= 1, `the period is ${period} of autoRemoveInterval`)
    assert.equal(timer.hasRef(), false)
  })

  test('sweeps without asking for an acknowledgement', async (t) => {
    const { open, sessions, db } = await openDatabase(t)
    await sessions.insertOne({ _id: 'expired', session: '{}', expires: new Date(Date.now() - 1000) })
    await profile(db)
    open({ autoRemove: 'interval', autoRemoveInterval: MINUTES })
    const sweep = await until(() => db.collection('system.profile').findOne({ op: 'remove' }))
    assert.equal(sweep.ndeleted, 1)
    assert.equal(await sessions.countDocuments(), 0)
  })

  test('goes on after a server that was away', async (t) => {
    const port = await freePort()
    const store = new MongoStore({
      mongoUrl: `mongodb://127.0.0.1:${port}/swept?serverSelectionTimeoutMS=200`,
      autoRemove: 'interval',
      autoRemoveInterval: MINUTES,
    })
    t.after(() => store.close())
    await assert.rejects(store.length(), { name: 'MongoServerSelectionError' })
    const server = await startServer({ port })
    const { sessions } = await openDatabase(t, withDatabase(server.getUri(), 'swept'))
    await sessions.insertOne({ _id: 'expired', session: '{}', expires: new Date(Date.now() - 1000) })
    await until(async () => (await sessions.countDocuments()) === 0)
  })

  const DAY_MS = 86_400_000
  /** @type {string} */
  let url
  before(async () => {
    url = await sharedServerUrl()
  })

  /** Sets the clock back that a server has by its replies. @param {Buffer} reply @param {number} ms */
  function setBack(reply, ms) {
    const name = Buffer.from('\x09localTime\0')
    const at = reply.indexOf(name) + name.length
    if (at >= name.length) reply.writeBigInt64LE(reply.readBigInt64LE(at) - BigInt(ms), at)
  }

  /** As a server that has not got a command of these letters. @param {Buffer} request */
  function misspell(request) {
    const at = request.indexOf('\x10hello\0')
    // Those of the drivers' own have no session.
    if (at >= 0 && request.includes('lsid\0')) request.write('hellx', at + 1)
  }

  for (const backend of BACKENDS) {
    for (const [title, alter] of Object.entries({
      'the clock of the server, not that of this process': () => {},
      'that clock where there is only isMaster': misspell,
    })) {
      test(`goes by ${title} [${backend}]`, async (t) => {
        const { open, sessions, wire } = await openBehindWire(t, { getUri: () => url })
        const ago = (/** @type {number} */ days) => new Date(Date.now() - days * DAY_MS)
        wire.alter((message, isReply) => (isReply ? setBack(message, 15 * DAY_MS) : alter(message)))
        await sessions.insertMany([
          { _id: 'lives', session: '{}', expires: ago(14) },
          { _id: 'expired', session: '{}', expires: ago(16) },
        ])
        open({ backend, autoRemove: 'interval', autoRemoveInterval: MINUTES })
        await until(() => wire.sent('delete').length > 1)
        await until(async () => (await sessions.countDocuments({ _id: 'expired' })) === 0)
        assert.deepEqual(await sessions.distinct('_id'), ['lives'])
        for (const { body } of wire.sent('delete')) assert.deepEqual(body.writeConcern, { w: 0 })
      })
    }

    test(`removes nothing where the server does not tell its time [${backend}]`, async (t) => {
      const { open, sessions, wire } = await openBehindWire(t, { getUri: () => url })
      wire.alter((message, isReply) => {
        const at = message.indexOf('localTime\0')
        if (isReply && at >= 0) message.write('otherTime', at)
      })
      await sessions.insertOne({ _id: 'expired', session: '{}', expires: new Date(Date.now() - DAY_MS) })
      open({ backend, autoRemove: 'interval', autoRemoveInterval: MINUTES })
      await until(() => wire.sent('hello').length > 2)
      assert.equal(await sessions.countDocuments(), 1)
    })
  }
})

describe('a TTL index that somebody else has made', () => {
  for (const backend of BACKENDS) {
    for (const [title, one, seconds] of /** @type {[string, any, any][]} */ ([
      ['a double', new Double(1), new Double(0)],
      ['a long', Long.ONE, Long.ZERO],
      ['an integer', 1, 0],
    ])) {
      test(`is one under any name, with ${title} for a key [${backend}]`, async (t) => {
        const { open, db } = await openDatabase(t)
        await db.command({
          createIndexes: 'sessions',
          indexes: [{ name: 'mine', key: { expires: one }, expireAfterSeconds: seconds }],
        })
        for (const mongoOptions of [{}, { promoteLongs: false }, { promoteValues: false }]) {
          const store = open({ backend, mongoOptions })
          store.on('error', (error) => assert.fail(error))
          const collection = await store.collectionP
          assert.equal((await collection.indexes()).length, 2)
        }
      })
    }

    test(`is none with another key or another time [${backend}]`, async (t) => {
      const { open, sessions } = await openDatabase(t)
      await sessions.createIndex({ expires: 1 }, { name: 'late', expireAfterSeconds: 60 })
      const store = open({ backend })
      const [error] = await nextEvent(store, 'error')
      assert.equal(error.code, 85)
    })
  }
})
