// ping, a health check that goes the way of a get: it fails when gets would, whatever the command `ping` of the server says.
'use strict'

const assert = require('node:assert/strict')
const { before, describe, test } = require('node:test')
const { MongoClient } = require('mongodb')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { startServer, unsteadyServer, withDatabase } = require('../support/server.js')
const { promised, succeeds, until } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

const EVENTS = ['create', 'update', 'set', 'set-refused', 'touch', 'touch-missed', 'destroy', 'get', 'all']
const CALLS = 64
/** On a server that answers late: eight alone, and as many that share what is left. */
const MOST_COMMANDS = 16
/** Much longer than what is to be over before. */
const STUCK_MS = 3_000

/** @type {Record<string, (store: any, ...args: unknown[]) => Promise<unknown>>} */
const STYLES = {
  promise: (store, ...args) => store.ping(...args),
  callback: (store, ...args) => promised(store, 'ping', ...args),
}

/** The filter and the options of a find, without what is another for each command. */
function shapeOf({ filter, lsid: _session, $clusterTime: _time, ...options }) {
  return { ...options, filter: Object.keys(filter) }
}

for (const backend of BACKENDS) {
  describe(`ping of the ${backend} backend`, () => {
    /** @type {Awaited<ReturnType<typeof startServer>>} */
    let server

    before(async () => {
      server = await startServer({ args: ['--setParameter', 'enableTestCommands=1'] })
    })

    /** A store of its own name on the server, for fail points that concern nobody else. @param {import('node:test').TestContext} t */
    async function openNamed(t, options = {}) {
      const database = await openDatabase(t, withDatabase(server.getUri(), `ping_${backend}`))
      const appName = `${backend}: ${t.name}`
      const mongoOptions = { appName, maxPoolSize: 10 }
      const store = database.open({ backend, autoRemove: 'disabled', mongoOptions, ...options })
      const client = await MongoClient.connect(database.url, { appName })
      t.after(() => client.close())
      const failPoint = (mode, data) =>
        database.db.admin().command({
          configureFailPoint: 'failCommand',
          mode,
          data: { failCommands: ['find'], appName, ...data },
        })
      /** How many reads the server is at work on. */
      const underWay = async () => {
        const filter = { active: true, appName, 'command.find': { $exists: true } }
        const { inprog } = await database.db.admin().command({ currentOp: 1, ...filter })
        return inprog.length
      }
      const pingServer = () => client.db('admin').command({ ping: 1 })
      return { ...database, store, failPoint, pingServer, underWay }
    }

    test('succeeds while a server answers, with a promise, a callback and detached', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'interval' })
      for (const ping of Object.values(STYLES)) {
        assert.equal(await ping(store), undefined)
        assert.equal(await ping(store, {}), undefined)
        assert.equal(await ping(store, { timeoutMS: undefined }), undefined)
        assert.equal(await ping(store, { timeoutMS: 60_000.5 }), undefined)
        assert.equal(await ping(store, { timeoutMS: Number.MAX_VALUE }), undefined)
      }
      const { ping } = store
      assert.equal(await ping(), undefined)
      assert.equal(await sessions.countDocuments(), 0)
    })

    test('fails like any call while none does, and after close', async (t) => {
      const { url, start, stop } = await unsteadyServer()
      const store = new MongoStore({ mongoUrl: url, backend, autoRemove: 'interval' })
      t.after(() => store.close())
      for (const ping of Object.values(STYLES))
        await assert.rejects(ping(store), { name: 'MongoServerSelectionError' })
      await start()
      await until(() => succeeds(store.ping()))
      await stop()
      await assert.rejects(store.ping(), { name: /^Mongo(ServerSelection|Network)/ })
      await store.close()
      for (const ping of Object.values(STYLES))
        await assert.rejects(ping(store), { name: 'Error', code: 'ERR_STORE_CLOSED' })
    })

    test('is a read like that of a get, without event, transformId, hash or unserialize', async (t) => {
      const { open, wire } = await openBehindWire(t, server)
      const plain = open({ backend })
      await plain.get('sid')
      const [get] = wire.commands.splice(0)
      const fail = () => assert.fail('a function of the app was called')
      const other = open({
        backend,
        hashId: { secret: 'a secret' },
        transformId: fail,
        unserialize: fail,
        crypto: { secret: 'a secret' },
      })
      const events = []
      for (const store of [plain, other]) {
        for (const name of EVENTS) store.on(name, () => events.push(name))
        for (const ping of Object.values(STYLES)) {
          await ping(store)
          const [{ name, body }, ...others] = wire.commands.splice(0)
          assert.deepEqual(others, [])
          assert.equal(name, 'find')
          assert.deepEqual(shapeOf(body), shapeOf(get.body))
        }
      }
      assert.deepEqual(events, [])
    })

    test('asks for what can be no session id', async (t) => {
      const { open, wire } = await openBehindWire(t, server)
      const store = open({ backend })
      await store.ping()
      const [{ body }] = wire.sent('find')
      const id = body.filter._id
      assert.equal(typeof id, 'string')
      for (const one of [store, open({ backend, transformId: () => id })]) {
        await assert.rejects(one.get(id), { name: 'TypeError' })
        await assert.rejects(one.set(id, { cookie: {} }), { name: 'TypeError' })
      }
    })

    test('shares commands with gets', async (t) => {
      const { open, wire } = await openBehindWire(t, server)
      const store = open({ backend })
      await store.ping()
      wire.commands.length = 0
      await Promise.all(
        Array.from({ length: CALLS }, (_, index) => (index % 2 ? store.ping() : store.get(`sid-${index}`)))
      )
      const finds = wire.sent('find')
      assert.ok(finds.length <= MOST_COMMANDS)
      const ids = finds.flatMap(({ body: { filter } }) => filter._id.$in ?? filter._id)
      assert.equal(new Set(ids).size, CALLS)
    })

    for (const [style, ping] of Object.entries(STYLES)) {
      test(`fails when reads do, although the server answers to the command [${style}]`, async (t) => {
        const { store, failPoint, pingServer } = await openNamed(t)
        await ping(store)
        // 96 is of no error that a driver repeats a command for.
        await failPoint('alwaysOn', { errorCode: 96 })
        const failure = { name: 'MongoServerError', code: 96 }
        await assert.rejects(store.get('sid'), failure)
        await assert.rejects(ping(store), failure)
        assert.equal((await pingServer()).ok, 1)
        await failPoint('off', {})
        await ping(store)
      })

      test(`fails when reads hang for longer than timeoutMS, and names it [${style}]`, async (t) => {
        const { store, failPoint, pingServer, underWay } = await openNamed(t)
        await ping(store)
        await failPoint({ times: 1 }, { blockConnection: true, blockTimeMS: STUCK_MS })
        await assert.rejects(ping(store, { timeoutMS: 50 }), {
          name: 'MongoOperationTimeoutError',
          message: 'The operation took longer than timeoutMS allows (50 ms)',
        })
        assert.equal((await pingServer()).ok, 1)
        await ping(store, { timeoutMS: STUCK_MS })
        assert.equal(await underWay(), 1, 'a ping waits for none that hangs')
      })

      test(`fails after operationTimeoutMS, as every call, and whichever is over first [${style}]`, async (t) => {
        const { store, failPoint } = await openNamed(t, { operationTimeoutMS: 100 })
        await until(() => succeeds(ping(store)))
        await failPoint({ times: 3 }, { blockConnection: true, blockTimeMS: STUCK_MS })
        const name = 'MongoOperationTimeoutError'
        const message = 'The operation took longer than operationTimeoutMS allows (100 ms)'
        await assert.rejects(ping(store), { name, message })
        await assert.rejects(ping(store, { timeoutMS: STUCK_MS }), { name, message })
        await assert.rejects(ping(store, { timeoutMS: 5 }), { name, message: / timeoutMS allows \(5 ms\)$/ })
      })

      test(`refuses a timeoutMS that cannot work, and asks for nothing [${style}]`, async (t) => {
        const { open, wire } = await openBehindWire(t, server)
        const store = open({ backend })
        for (const timeoutMS of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', null, true, {}, 5n])
          await assert.rejects(ping(store, { timeoutMS }), {
            name: 'MongoInvalidArgumentError',
            message: /^timeoutMS of ping must be a finite number above 0, in milliseconds, not /,
          })
        assert.deepEqual(wire.commands, [])
      })
    }

    test('fails where the app may not read sessions', async (t) => {
      const auth = /** @type {any} */ ({ enable: true, customRootName: 'root', customRootPwd: 'secret' })
      const guarded = await startServer({ auth })
      const adminUrl = guarded.getUri().replace('mongodb://', 'mongodb://root:secret@')
      const { db } = await openDatabase(t, withDatabase(adminUrl, 'guarded'), { authSource: 'admin' })
      await db.command({ createUser: 'app', pwd: 'app', roles: [] })
      const mongoUrl = withDatabase(guarded.getUri().replace('mongodb://', 'mongodb://app:app@'), 'guarded')
      const store = new MongoStore({ mongoUrl, backend, autoRemove: 'disabled' })
      t.after(() => store.close())
      for (const ping of Object.values(STYLES))
        await assert.rejects(ping(store), { name: 'MongoServerError', code: 13 })
    })
  })
}
