// Stores on a client that the app brought: a MongoClient of any version, a promise of one, or a mongoose connection.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const MongoStore = require('../..')
const { freePort } = require('../../scripts/free-port.js')
const { BACKENDS, DEFAULT_BACKEND } = require('../support/backends.js')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')
const { startReplicaSet, startServer, withDatabase } = require('../support/server.js')
const { nextEvent, promised, until, withResolvers } = require('../support/wait.js')
const { collectWarnings, warningsAreOut } = require('../support/warnings.js')

const DRIVERS = { 'mongodb 7': 'mongodb', 'mongodb 6': 'mongodb-6', 'mongodb 5': 'mongodb-5' }
const MONGOOSES = { 'mongoose 9': 'mongoose-9', 'mongoose 8': 'mongoose-8' }

/** Each method and what to call it with. */
const METHODS = {
  get: ['sid'],
  set: ['sid', { cookie: {} }],
  touch: ['sid', { cookie: {} }],
  destroy: ['sid'],
  all: [],
  length: [],
  clear: [],
  ping: [],
}

/** Puts a session in and gets it out again. */
async function assertWorks(store) {
  await store.set('sid', { cookie: {}, user: 'ada' })
  assert.equal((await store.get('sid')).user, 'ada')
  await store.touch('sid', { cookie: {} })
  assert.equal(await store.length(), 1)
  await store.destroy('sid')
  assert.equal(await store.get('sid'), null)
}

/** That every method fails in the same way, with a promise and with a callback. */
async function assertEachFails(store, expected) {
  for (const style of [
    (name, args) => store[name](...args),
    (name, args) => promised(store, name, ...args),
  ]) {
    const calls = Object.entries(METHODS).map(([name, args]) =>
      assert.rejects(style(name, args), expected, name)
    )
    await Promise.all(calls)
  }
}

async function deadUrl() {
  return `mongodb://127.0.0.1:${await freePort()}/down?serverSelectionTimeoutMS=300`
}

for (const [version, name] of Object.entries(DRIVERS)) {
  const { MongoClient, MongoServerError } = require(name)

  describe(`a MongoClient of ${version}`, () => {
    test('is used as client, connected or not', async (t) => {
      const { url, sessions } = await openDatabase(t)
      for (const client of [await MongoClient.connect(url), new MongoClient(url)]) {
        const store = new MongoStore({ client })
        assert.equal(store.backend, 'driver')
        await assertWorks(store)
        await store.close()
      }
      assert.deepEqual(
        (await sessions.indexes()).map((index) => index.name),
        ['_id_', 'expires_1']
      )
    })

    test('is used as a clientPromise, which may resolve late or be no promise at all', async (t) => {
      const { url } = await openDatabase(t)
      const { promise, resolve } = withResolvers()
      const late = new MongoStore({ clientPromise: promise })
      const stored = late.set('sid', { cookie: {}, user: 'ada' })
      resolve(new MongoClient(url))
      await stored
      assert.equal((await late.get('sid')).user, 'ada')
      await late.close()

      const plain = new MongoStore({ clientPromise: new MongoClient(url) })
      await assertWorks(plain)
      await plain.close()
    })

    test('gives its own errors as they are', async (t) => {
      const { url, db } = await openDatabase(t)
      await db.command({ create: 'sessions', validator: { user: { $exists: true } } })
      const store = new MongoStore({ client: new MongoClient(url) })
      t.after(() => store.close())
      await assert.rejects(store.set('sid', { cookie: {} }), (error) => {
        assert.ok(error instanceof MongoServerError)
        assert.equal(error.code, 121)
        return true
      })
    })

    test('that no server answers fails each call with the driver’s error, until one does', async (t) => {
      const url = await deadUrl()
      const store = new MongoStore({ client: new MongoClient(url), autoRemove: 'native' })
      const errors = []
      store.on('error', (error) => errors.push(error))
      t.after(() => store.close())
      await assertEachFails(store, { name: 'MongoServerSelectionError' })
      await assert.rejects(store.collectionP, { name: 'MongoServerSelectionError' })
      await until(() => errors.length > 0)
      assert.equal(errors[0].name, 'MongoServerSelectionError')
      const server = await startServer({ port: Number(new URL(url).port) })
      assert.equal(new URL(server.getUri()).port, new URL(url).port)
      await until(() =>
        store.ping().then(
          () => true,
          () => false
        )
      )
      await assertWorks(store)
      const { sessions } = await openDatabase(t, withDatabase(server.getUri(), 'down'))
      await until(async () => (await sessions.indexes().catch(() => [])).length === 2)
    })

    test('of a replica set sets, gets, touches and destroys', async (t) => {
      const url = await replicaSetUrl()
      const client = new MongoClient(withDatabase(url, `set_${name.replace('-', '_')}`))
      const store = new MongoStore({ client, writeOperationOptions: { w: 'majority' }, touchAfter: 60 })
      t.after(() => store.close())
      await assertWorks(store)
      await store.set('sid', { cookie: {} })
      await store.clear()
      assert.deepEqual(await store.all(), [])
    })
  })

  describe(`closing a store with a client of ${version}`, () => {
    test('closes the client, as connect-mongo does', async (t) => {
      const { url } = await openDatabase(t)
      for (const give of [
        (client) => ({ client }),
        (client) => ({ clientPromise: Promise.resolve(client) }),
      ]) {
        for (const closeClient of [undefined, true]) {
          const client = await MongoClient.connect(url)
          const store = new MongoStore({ ...give(client), closeClient })
          await store.length()
          await store.close()
          await assert.rejects(
            client.db().command({ ping: 1 }),
            /MongoNotConnectedError|must be connected|closed/
          )
        }
      }
    })

    test('leaves the client open with closeClient: false, and other stores on it work on', async (t) => {
      const { url } = await openDatabase(t)
      const client = await MongoClient.connect(url)
      t.after(() => client.close())
      const [first, second] = ['one', 'other'].map(
        (collectionName) => new MongoStore({ client, collectionName, closeClient: false })
      )
      await Promise.all([assertWorks(first), assertWorks(second)])
      await first.close()
      await assert.rejects(first.get('sid'), { code: 'ERR_STORE_CLOSED' })
      await assertWorks(second)
      await second.close()
      await second.close()
      assert.equal((await client.db().command({ ping: 1 })).ok, 1)
    })

    test('lets the calls finish that came before it', async (t) => {
      const { url, sessions } = await openDatabase(t)
      const store = new MongoStore({ client: new MongoClient(url) })
      const sids = Array.from({ length: 50 }, (_, i) => `sid-${i}`)
      const calls = sids.map((sid) => store.set(sid, { cookie: {} }))
      await store.close()
      await Promise.all(calls)
      assert.equal(await sessions.countDocuments(), sids.length)
    })

    test('waits for a clientPromise and closes what that gives', async (t) => {
      const { url } = await openDatabase(t)
      const { promise, resolve } = withResolvers()
      const store = new MongoStore({ clientPromise: promise })
      const early = store.length()
      const closing = store.close()
      const client = await MongoClient.connect(url)
      resolve(client)
      await closing
      assert.equal(await early, 0)
      await assert.rejects(
        client.db().command({ ping: 1 }),
        /MongoNotConnectedError|must be connected|closed/
      )
    })

    for (const autoRemove of ['native', 'interval', 'disabled']) {
      test(`right after it was made ends the process in silence with autoRemove: '${autoRemove}'`, async (t) => {
        const { url } = await openDatabase(t)
        for (const closeClient of [true, false]) {
          const { code, stdout, stderr } = await runInChild(
            async ({ urls, name, autoRemove, closeClient }) => {
              const { MongoClient } = require(name)
              const MongoStore = require('../..')
              for (const event of ['unhandledRejection', 'uncaughtException', 'warning'])
                process.on(event, (error) => console.log(event, error))
              for (const url of urls) {
                for (const isConnected of url.includes('/down') ? [false] : [false, true]) {
                  const client = new MongoClient(url)
                  if (isConnected) await client.connect()
                  const store = new MongoStore({ client, autoRemove, closeClient, connectionEvents: true })
                  store.on('error', (error) => console.log('error', error))
                  await store.close()
                  await client.close()
                }
              }
              console.log('closed')
            },
            { urls: [url, await deadUrl()], name, autoRemove, closeClient }
          )
          assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'closed\n', stderr: '' })
        }
      })
    }
  })

  test(`a client of ${version} that the app has closed is not opened again`, async (t) => {
    const { url } = await openDatabase(t)
    const client = await MongoClient.connect(url)
    const store = new MongoStore({ client, closeClient: false })
    t.after(() => store.close())
    await store.length()
    await client.close()
    for (const method of ['get', 'set', 'length'])
      await assert.rejects(
        store[method](...METHODS[method]),
        /MongoNotConnectedError|must be connected|closed/
      )
    assert.equal(Boolean(client.topology?.isConnected()), false)
  })
}

/** @type {Promise<string> | undefined} */
let replicaSet

/** The address of one replica set for all tests of this file. */
function replicaSetUrl() {
  replicaSet ??= startReplicaSet().then((set) => set.getUri())
  return replicaSet
}

const { MongoClient } = require('mongodb')

describe('what was given', () => {
  for (const [name, client] of Object.entries({
    'an object': {},
    text: 'mongodb://localhost/app',
    'a number': 7,
    'a Db': { collection() {} },
    'a function': () => {},
    true: true,
  })) {
    test(`${name} instead of a client is a TypeError of each call`, async (t) => {
      for (const given of [{ client }, { clientPromise: Promise.resolve(client) }]) {
        const store = new MongoStore(given)
        t.after(() => store.close())
        await assertEachFails(store, { name: 'TypeError', message: /MongoClient/ })
        await assert.rejects(store.collectionP, { name: 'TypeError' })
      }
    })
  }

  test('nothing in a clientPromise is a TypeError of each call', async () => {
    for (const nothing of [undefined, null]) {
      const store = new MongoStore({ clientPromise: Promise.resolve(nothing) })
      await assertEachFails(store, { name: 'TypeError', message: /MongoClient/ })
      await store.close()
    }
  })

  test('a clientPromise that rejects is the error of each call, and close succeeds', async () => {
    const failure = new RangeError('no client today')
    const { promise, reject } = withResolvers()
    const store = new MongoStore({ clientPromise: promise })
    const waiting = assert.rejects(store.get('sid'), (error) => error === failure)
    reject(failure)
    await waiting
    await assertEachFails(store, (error) => error === failure)
    await assert.rejects(store.collectionP, (error) => error === failure)
    assert.equal(await store.close(), undefined)
  })

  test('a clientPromise that never settles does not hold close up with closeClient: false', async () => {
    const store = new MongoStore({ clientPromise: withResolvers().promise, closeClient: false })
    assert.equal(await store.close(), undefined)
    await assert.rejects(store.get('sid'), { code: 'ERR_STORE_CLOSED' })
  })

  test('a clientPromise that rejects after close was called is the error of the calls before it only', async () => {
    const { promise, reject } = withResolvers()
    const store = new MongoStore({ clientPromise: promise })
    const failure = new RangeError('no client today')
    const early = assert.rejects(store.get('sid'), (error) => error === failure)
    const closing = store.close()
    reject(failure)
    await early
    assert.equal(await closing, undefined)
  })

  test('a clientPromise that rejects is no unhandled rejection', async () => {
    const { code, stdout, stderr } = await runInChild(async () => {
      for (const event of ['unhandledRejection', 'uncaughtException', 'warning'])
        process.on(event, (error) => console.log(event, error))
      const MongoStore = require('../..')
      for (const autoRemove of ['native', 'interval', 'disabled']) {
        for (const connectionEvents of [true, false]) {
          const clientPromise = Promise.reject(new Error('no client today'))
          const store = new MongoStore({ clientPromise, autoRemove, connectionEvents })
          store.on('error', (error) => console.log('error', error))
          store.get('sid')
          store.set('sid', {})
          store.collectionP
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
      console.log('done')
    })
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'done\n', stderr: '' })
  })

  test('mongoUrl goes before clientPromise, and that before client', async (t) => {
    const { url, sessions } = await openDatabase(t)
    const unused = { db: () => assert.fail('this client is not for the store') }
    const store = new MongoStore({ mongoUrl: url, clientPromise: Promise.resolve(unused), client: unused })
    assert.equal(store.backend, DEFAULT_BACKEND)
    await assertWorks(store)
    await store.close()
    const second = new MongoStore({ clientPromise: MongoClient.connect(url), client: unused })
    await second.set('sid', { cookie: {} })
    assert.equal(await sessions.countDocuments(), 1)
    await second.close()
  })

  test('an option that is undefined is absent', async (t) => {
    const { url } = await openDatabase(t)
    const absent = {
      backend: undefined,
      closeClient: undefined,
      dbName: undefined,
      connectionEvents: undefined,
    }
    const client = new MongoClient(url)
    for (const given of [
      { mongoUrl: undefined, clientPromise: undefined, client },
      { mongoUrl: undefined, clientPromise: Promise.resolve(client), client: undefined },
      { mongoUrl: url, clientPromise: undefined, client: undefined },
    ]) {
      const store = new MongoStore({ ...given, ...absent, closeClient: given.mongoUrl ? undefined : false })
      await assertWorks(store)
      await store.close()
    }
    await client.close()
    const none = { mongoUrl: undefined, clientPromise: undefined, client: undefined }
    assert.throws(() => new MongoStore(none), {
      message:
        /^You must provide either mongoUrl\|clientPromise\|client in options\. mongoUrl is undefined; /,
    })
  })

  test('of several, those that do not count are a warning', async (t) => {
    const { url } = await openDatabase(t)
    const { code, stdout, stderr } = await runInChild(
      async ({ mongoUrl }) => {
        process.on('warning', ({ code, message }) => console.log(code, message))
        const MongoStore = require('../..')
        const client = await require('mongodb').MongoClient.connect(mongoUrl)
        const clientPromise = Promise.resolve(client)
        for (const options of [
          { mongoUrl, client: undefined, clientPromise: null },
          { mongoUrl, client },
          { mongoUrl, clientPromise },
          { clientPromise, client, closeClient: false },
          { mongoUrl, client },
        ]) {
          const store = new MongoStore({ ...options, autoRemove: 'disabled' })
          await store.set('sid', { cookie: {} })
          await store.close()
        }
        await client.close()
      },
      { mongoUrl: url },
      { nodeArgs: ['--no-warnings'] }
    )
    const line = (/** @type {string} */ option, /** @type {string} */ source) =>
      `CONNECT_MONGO_OPTION The option ${option} has no effect beside ${source}: of mongoUrl, clientPromise, client the first counts`
    const warned = [
      ['client', 'mongoUrl'],
      ['clientPromise', 'mongoUrl'],
      ['client', 'clientPromise'],
    ]
    // WebAssembly has a warning of its own.
    const lines = stdout.split('\n').filter((each) => each.startsWith('CONNECT_MONGO_OPTION'))
    assert.deepEqual(
      { lines, code, stderr },
      { lines: warned.map(([one, other]) => line(one, other)), code: 0, stderr: '' }
    )
  })
})

describe('backend', () => {
  test("'native' with a client is an error that names mongoUrl", () => {
    for (const given of [{ client: {} }, { clientPromise: Promise.resolve({}) }])
      assert.throws(() => new MongoStore({ ...given, backend: 'native' }), /backend: 'native'.*mongoUrl/)
  })

  for (const backend of BACKENDS) {
    test(`'${backend}' with mongoUrl and a client uses mongoUrl`, async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ client: {}, backend })
      assert.equal(store.backend, backend)
      await assertWorks(store)
    })
  }

  test("'driver' with mongoUrl uses the app's mongodb package", async (t) => {
    const { open, sessions } = await openDatabase(t)
    const store = open({ backend: 'driver', mongoOptions: { appName: 'driver' } })
    assert.equal(store.backend, 'driver')
    await assertWorks(store)
    assert.ok((await store.collectionP) instanceof require('mongodb').Collection)
    await store.set('sid', { cookie: {} })
    assert.equal(await sessions.countDocuments(), 1)
  })

  test("'driver' closes the client that the store opened, whatever closeClient says", async (t) => {
    const { url } = await openDatabase(t)
    const { code, stdout, stderr } = await runInChild(
      async ({ mongoUrl }) => {
        const MongoStore = require('../..')
        for (const closeClient of [undefined, true, false]) {
          const store = new MongoStore({ mongoUrl, backend: 'driver', closeClient })
          await store.length()
          await store.close()
        }
        console.log('closed')
      },
      { mongoUrl: url },
      { timeoutMs: 20_000 }
    )
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'closed\n' }, stderr)
  })

  test("'driver' with a mongoUrl that is wrong is the driver's error, thrown at once", () => {
    assert.throws(() => new MongoStore({ mongoUrl: 'http://localhost', backend: 'driver' }), {
      name: 'MongoParseError',
      message: /Invalid scheme/,
    })
    const mongoOptions = { nonsense: 1 }
    assert.throws(
      () => new MongoStore({ mongoUrl: 'mongodb://localhost', mongoOptions, backend: 'driver' }),
      /nonsense/
    )
  })

  for (const backend of ['rust', '', null, 7, {}]) {
    test(`${JSON.stringify(backend)} is a TypeError that lists what there is`, () => {
      assert.throws(() => new MongoStore({ mongoUrl: 'mongodb://localhost/app', backend }), {
        name: 'TypeError',
        message: /backend.*auto, native, driver/,
      })
    })
  }
})

describe('the database', () => {
  test('is dbName, else that of the client', async (t) => {
    const { url, db } = await openDatabase(t)
    const named = db.client.db(`${db.databaseName}_named`)
    for (const [dbName, expected] of [
      [undefined, db],
      ['', db],
      [named.databaseName, named],
    ]) {
      const store = new MongoStore({ client: new MongoClient(url), dbName })
      assert.equal((await store.collectionP).dbName, expected.databaseName)
      await store.set(`in ${dbName}`, { cookie: {} })
      await store.close()
      assert.equal(await expected.collection('sessions').countDocuments({ _id: `in ${dbName}` }), 1)
    }
    await named.dropDatabase()
  })

  for (const [shown, path, options, isWarned] of [
    ['an address without a database', '/', {}, true],
    ['an address without a database but with options', '/?appName=test', {}, true],
    ['an address with the database test', '/test', {}, false],
    ['an address with the database test and options', '/test?appName=app', {}, false],
    ['dbName test', '/', { dbName: 'test' }, false],
    ['an address with a database', '/app', {}, false],
    ['a database in mongoOptions', '/', { mongoOptions: { dbName: 'test' } }, false],
  ]) {
    test(`${shown} gives ${isWarned ? 'one warning' : 'no warning'}`, async (t) => {
      const { url } = await openDatabase(t)
      const address = url.replace(/\/[^/?]*(\?.*)?$/, path)
      const { stdout, stderr } = await runInChild(
        async ({ mongoUrl, options: { mongoOptions = {}, ...options } }) => {
          const MongoStore = require('../..')
          const { MongoClient } = require('mongodb')
          const mongoose = require('mongoose-9')
          const warnings = []
          process.on('warning', ({ code }) => warnings.push(code))
          const collectionName = 'connect_mongo_native_default_database'
          const given = {
            native: { mongoUrl, mongoOptions },
            driver: { mongoUrl, mongoOptions, backend: 'driver' },
            // A client does not tell that its database was named by an option.
            ...(!mongoOptions.dbName && {
              client: { client: new MongoClient(mongoUrl) },
              mongoose: { client: mongoose.createConnection(mongoUrl), closeClient: true },
            }),
          }
          for (const [name, one] of Object.entries(given)) {
            const count = warnings.length
            const store = new MongoStore({ ...one, ...options, collectionName, autoRemove: 'disabled' })
            await store.length()
            await store.close()
            await new Promise((resolve) => setImmediate(resolve))
            if (count < warnings.length) console.log(name, ...warnings.slice(count))
          }
        },
        { mongoUrl: address, options }
      )
      assert.equal(stdout, isWarned ? 'native CONNECT_MONGO_DEFAULT_DATABASE\n' : '', stderr)
    })
  }

  test('options that have no effect give one warning each', async () => {
    const { stdout, stderr } = await runInChild(async () => {
      const MongoStore = require('../..')
      const { MongoClient } = require('mongodb')
      const messages = []
      process.on('warning', ({ message }) => messages.push(message))
      const mongoUrl = 'mongodb://127.0.0.1:1/app'
      for (const options of [
        { client: new MongoClient(mongoUrl), mongoOptions: { appName: 'app' } },
        { client: new MongoClient(mongoUrl), mongoOptions: {}, closeClient: true },
        { mongoUrl, backend: 'driver', closeClient: false },
        { mongoUrl, writeOperationOptions: { w: 1, wtimeoutMs: 5 } },
        { mongoUrl, mongoOptions: { appName: 'app' } },
      ]) {
        await new MongoStore({ ...options, autoRemove: 'disabled' }).close()
      }
      await new Promise((resolve) => setImmediate(resolve))
      console.log(JSON.stringify(messages))
    }, {})
    assert.deepEqual(
      JSON.parse(stdout),
      [
        'The option mongoOptions has no effect on a client',
        'The option closeClient has no effect with mongoUrl',
        'The option writeOperationOptions.wtimeoutMs has no effect',
      ],
      stderr
    )
  })

  for (const kind of ['client', 'driver', 'mongoose']) {
    test(`warns by itself where ${kind} names none`, async (t) => {
      const { url } = await openDatabase(t)
      const { stdout, stderr } = await runInChild(
        async ({ mongoUrl, kind }) => {
          const MongoStore = require('../..')
          const { MongoClient } = require('mongodb')
          process.on('warning', ({ code }) => console.log(code))
          const given = {
            client: () => ({ client: new MongoClient(mongoUrl) }),
            driver: () => ({ mongoUrl, backend: 'driver' }),
            mongoose: () => ({ client: require('mongoose-8').createConnection(mongoUrl), closeClient: true }),
          }[kind]()
          const collectionName = 'connect_mongo_native_default_database'
          const store = new MongoStore({ ...given, collectionName, autoRemove: 'disabled' })
          await store.length()
          await store.close()
        },
        { mongoUrl: withDatabase(url, ''), kind }
      )
      assert.equal(stdout, 'CONNECT_MONGO_DEFAULT_DATABASE\n', stderr)
    })
  }
})

for (const [version, name] of Object.entries(MONGOOSES)) {
  const { Mongoose } = require(name)

  describe(`a connection of ${version}`, () => {
    test('is used, open or not open yet', async (t) => {
      const { url, sessions } = await openDatabase(t)
      const mongoose = new Mongoose()
      for (const make of [
        () => mongoose.createConnection(url),
        () => mongoose.createConnection(url).asPromise(),
      ]) {
        for (const given of [
          { client: await make() },
          { clientPromise: make() },
          { clientPromise: Promise.resolve(make()) },
        ]) {
          const store = new MongoStore({ ...given, closeClient: true })
          assert.equal(store.backend, 'driver')
          await assertWorks(store)
          await store.close()
        }
      }
      assert.equal((await sessions.indexes()).length, 2)
      assert.deepEqual(
        mongoose.connections.filter(({ readyState }) => readyState !== 0),
        []
      )
    })

    test('is used through the Mongoose instance, before and after connect', async (t) => {
      const { url, sessions } = await openDatabase(t)
      const mongoose = new Mongoose()
      t.after(() => mongoose.disconnect())
      const early = new MongoStore({ client: mongoose })
      const stored = early.set('sid', { cookie: {}, user: 'ada' })
      await mongoose.connect(url)
      await stored
      const late = new MongoStore({ client: mongoose })
      const later = new MongoStore({ clientPromise: mongoose.connect(url) })
      for (const store of [early, late, later]) assert.equal((await store.get('sid')).user, 'ada')
      for (const store of [early, late, later]) await store.close()
      assert.equal(await sessions.countDocuments(), 1)
      assert.equal(mongoose.connection.readyState, 1)
    })

    test('gives the store its own database, and that of useDb', async (t) => {
      const { url, db } = await openDatabase(t)
      const connection = new Mongoose().createConnection(url, { dbName: `${db.databaseName}_own` })
      const other = connection.useDb(`${db.databaseName}_used`)
      t.after(() => connection.close())
      for (const [client, expected] of [
        [connection, `${db.databaseName}_own`],
        [other, `${db.databaseName}_used`],
      ]) {
        const store = new MongoStore({ client })
        await assertWorks(store)
        assert.equal((await store.collectionP).dbName, expected)
        await store.close()
        await db.client.db(expected).dropDatabase()
      }
      const named = new MongoStore({ client: connection, dbName: db.databaseName })
      assert.equal((await named.collectionP).dbName, db.databaseName)
      await named.close()
    })

    test('is the app’s to go on with after the store is closed', async (t) => {
      const { url, sessions } = await openDatabase(t)
      const mongoose = new Mongoose()
      await mongoose.connect(url)
      t.after(() => mongoose.disconnect())
      const User = mongoose.model('User', new mongoose.Schema({ name: String }))
      const changes = []
      for (const event of ['disconnected', 'close', 'error'])
        mongoose.connection.on(event, () => changes.push(event))
      for (const closeClient of [undefined, false]) {
        const store = new MongoStore({ client: mongoose.connection, closeClient })
        await User.create({ name: 'ada' })
        await assertWorks(store)
        await store.set('sid', { cookie: {} })
        await store.close()
        await assert.rejects(store.get('sid'), { code: 'ERR_STORE_CLOSED' })
        await User.create({ name: 'grace' })
        assert.equal(await User.countDocuments({ name: 'grace' }), 1)
        await User.deleteMany({})
      }
      assert.equal(await sessions.countDocuments(), 1)
      assert.deepEqual(changes, [])
    })

    test('is followed when it disconnects and connects again, with calls in between or without', async (t) => {
      const { url, sessions } = await openDatabase(t)
      const mongoose = new Mongoose()
      await mongoose.connect(url)
      t.after(() => mongoose.disconnect())
      const { connection } = mongoose
      for (const given of [
        { client: connection },
        { client: mongoose },
        { clientPromise: connection.asPromise() },
      ]) {
        const store = new MongoStore(given)
        await store.set('sid', { cookie: {}, user: 'ada' })
        const before = { collection: await store.collectionP, client: await store.clientP }
        for (const round of ['during', 'after']) {
          await mongoose.disconnect()
          const during =
            round === 'during' ? [store.get('sid'), store.touch('sid', { cookie: {} }), store.all()] : []
          await mongoose.connect(url)
          await Promise.all(during)
          assert.equal((await store.get('sid')).user, 'ada')
          assert.equal(await store.length(), 1)
        }
        await mongoose.disconnect()
        await mongoose.connect(url)
        assert.equal(await store.clientP, connection.getClient())
        assert.notEqual(await store.clientP, before.client)
        assert.notEqual(await store.collectionP, before.collection)
        assert.equal(await (await store.collectionP).countDocuments(), 1)
        await store.close()
        assert.equal(connection.readyState, 1)
      }
      assert.equal((await sessions.indexes()).length, 2)
    })

    test('is followed to another database, and by the sweep', async (t) => {
      const [first, second] = [await openDatabase(t), await openDatabase(t)]
      const mongoose = new Mongoose()
      await mongoose.connect(first.url)
      t.after(() => mongoose.disconnect())
      /** @type {(() => void)[]} */
      const sweeps = []
      const original = setInterval
      t.mock.method(
        globalThis,
        'setInterval',
        (/** @type {() => void} */ run, /** @type {number} */ delay) => {
          if (delay > 7.9 * 60_000 * 0.89 && delay <= 7.9 * 60_000) sweeps.push(run)
          return original(run, delay)
        }
      )
      const store = new MongoStore({
        client: mongoose.connection,
        autoRemove: 'interval',
        autoRemoveInterval: 7.9,
      })
      await store.ping()
      await mongoose.disconnect()
      await mongoose.connect(second.url)
      await second.sessions.insertOne({ _id: 'old', session: '{}', expires: new Date(0) })
      sweeps[0]()
      await until(async () => (await second.sessions.countDocuments()) === 0)
      await store.set('sid', { cookie: {} })
      assert.deepEqual(
        [await first.sessions.countDocuments(), await second.sessions.countDocuments()],
        [0, 1]
      )
      await store.close()
    })

    test('is followed with connectionEvents: connect comes after every disconnect', async (t) => {
      const { url } = await openDatabase(t)
      const mongoose = new Mongoose()
      await mongoose.connect(url)
      t.after(() => mongoose.disconnect())
      const store = new MongoStore({ client: mongoose.connection, connectionEvents: true })
      t.after(() => store.close())
      /** @type {string[]} */
      const events = []
      for (const name of ['connect', 'disconnect']) store.on(name, () => events.push(name))
      await store.ping()
      for (let round = 0; round < 2; round++) {
        await mongoose.disconnect()
        await mongoose.connect(url)
        await until(async () => events.at(-1) !== 'disconnect')
        await store.ping()
      }
      assert.equal(events.filter((name) => name === 'connect').length, events.length / 2)
    })

    test('is closed with the store with closeClient: true', async (t) => {
      const { url } = await openDatabase(t)
      const mongoose = new Mongoose()
      await mongoose.connect(url)
      for (const client of [mongoose.createConnection(url), mongoose]) {
        const store = new MongoStore({ client, closeClient: true })
        await store.length()
        await store.close()
        assert.equal((client.connection ?? client).readyState, 0)
      }
    })

    test('that fails to open is the error of each call', async (t) => {
      const connection = new Mongoose().createConnection(await deadUrl())
      connection.on('error', () => {})
      connection.asPromise().catch(() => {})
      const store = new MongoStore({ client: connection })
      t.after(() => store.close())
      await assertEachFails(store, { name: /MongooseServerSelectionError|MongoServerSelectionError/ })
    })

    test('that is never opened lets the store be closed', async () => {
      const { code, stdout, stderr } = await runInChild(
        async ({ name }) => {
          for (const event of ['unhandledRejection', 'uncaughtException', 'warning'])
            process.on(event, (error) => console.log(event, error))
          const { Mongoose } = require(name)
          const MongoStore = require('../..')
          for (const autoRemove of ['native', 'interval', 'disabled']) {
            const store = new MongoStore({ client: new Mongoose(), autoRemove })
            await store.close()
          }
          console.log('closed')
        },
        { name },
        { timeoutMs: 20_000 }
      )
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'closed\n', stderr: '' })
    })

    test('works under its old name mongooseConnection, with one deprecation warning', async (t) => {
      const { url } = await openDatabase(t)
      const { stdout, stderr } = await runInChild(
        async ({ url, name }) => {
          const MongoStore = require('../..')
          const { Mongoose } = require(name)
          process.on('warning', (warning) => console.log(warning.name, warning.message))
          const connection = new Mongoose().createConnection(url)
          for (const sid of ['one', 'two']) {
            const store = new MongoStore({ mongooseConnection: connection })
            await store.set(sid, { cookie: {}, sid })
            console.log((await store.get(sid)).sid)
            await store.close()
          }
          await connection.close()
        },
        { url, name }
      )
      const lines = stdout.trim().split('\n')
      assert.deepEqual(
        lines.filter((line) => line.length === 3),
        ['one', 'two'],
        stderr
      )
      assert.equal(lines.length, 3)
      assert.match(
        lines.find((line) => line.length > 3),
        /^DeprecationWarning .*mongooseConnection.*client/
      )
    })
  })
}

describe('the TTL index over a client', () => {
  const open = (url, options) => new MongoStore({ client: new MongoClient(url), ...options })

  test('is the one that connect-mongo makes', async (t) => {
    const { url, sessions } = await openDatabase(t)
    const store = open(url)
    t.after(() => store.close())
    await store.collectionP
    const [, { key, expireAfterSeconds, name }] = await sessions.indexes()
    assert.deepEqual(
      { key, expireAfterSeconds, name },
      { key: { expires: 1 }, expireAfterSeconds: 0, name: 'expires_1' }
    )
  })

  test('is left alone where there is an equivalent one of another name', async (t) => {
    const { url, sessions } = await openDatabase(t)
    const warnings = collectWarnings(t)
    await sessions.createIndex({ expires: 1 }, { expireAfterSeconds: 0, name: 'made_by_hand' })
    const store = open(url)
    store.on('error', (error) => assert.fail(error))
    await store.collectionP
    await store.close()
    await warningsAreOut()
    assert.deepEqual(warnings, [])
    assert.deepEqual(
      (await sessions.indexes()).map(({ name }) => name),
      ['_id_', 'made_by_hand']
    )
  })

  test('with other options is an error event, sessions go on, and the attempt is repeated', async (t) => {
    const { url, sessions } = await openDatabase(t)
    await sessions.createIndex({ expires: 1 }, { expireAfterSeconds: 100 })
    const store = open(url)
    t.after(() => store.close())
    const [error] = await nextEvent(store, 'error')
    store.on('error', () => {})
    assert.ok(error instanceof require('mongodb').MongoServerError)
    assert.equal(error.codeName, 'IndexOptionsConflict')
    await assertWorks(store)
    assert.equal((await store.collectionP).collectionName, 'sessions')
    await sessions.dropIndex('expires_1')
    const made = await until(async () => (await sessions.indexes()).find(({ key }) => key.expires))
    assert.equal(made.expireAfterSeconds, 0)
  })

  test('with other options is one warning when nobody listens', async (t) => {
    const { url, db } = await openDatabase(t)
    const collectionName = 'with_another_index_over_a_client'
    await db.collection(collectionName).createIndex({ expires: 1 }, { expireAfterSeconds: 100 })
    const warnings = collectWarnings(t)
    const stores = [open(url, { collectionName }), open(url, { collectionName })]
    for (const store of stores) await store.collectionP
    for (const store of stores) {
      await assertWorks(store)
      await store.close()
    }
    await warningsAreOut()
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['CONNECT_MONGO_TTL_INDEX']
    )
  })

  test('is an error event where the right to make it is missing, and sessions go on', async (t) => {
    const auth = { enable: true, customRootName: 'root', customRootPwd: 'secret' }
    const server = await startServer({ auth })
    const { db } = await openDatabase(
      t,
      withDatabase(server.getUri().replace('mongodb://', 'mongodb://root:secret@'), 'limited'),
      { authSource: 'admin' }
    )
    const actions = ['find', 'insert', 'update', 'remove']
    const privileges = [{ resource: { db: 'limited', collection: '' }, actions }]
    await db.command({ createRole: 'sessionsOnly', privileges, roles: [] })
    await db.command({ createUser: 'app', pwd: 'app', roles: ['sessionsOnly'] })
    const url = withDatabase(server.getUri().replace('mongodb://', 'mongodb://app:app@'), 'limited')
    const store = open(url)
    t.after(() => store.close())
    const [error] = await nextEvent(store, 'error')
    store.on('error', () => {})
    assert.equal(error.code, 13)
    await assertWorks(store)
  })

  test('warns once where autoRemove is disabled and it is there all the same', async (t) => {
    const { url, db } = await openDatabase(t)
    const collectionName = 'still_indexed_over_a_client'
    await db.collection(collectionName).createIndex({ expires: 1 }, { expireAfterSeconds: 0 })
    const warnings = collectWarnings(t)
    const stores = [1, 2].map(() => open(url, { autoRemove: 'disabled', collectionName }))
    for (const store of stores) await store.collectionP
    for (const store of stores) await store.close()
    await warningsAreOut()
    assert.equal(warnings.length, 1)
    assert.match(warnings[0].message, /TTL index/)
  })
})

describe("autoRemove: 'interval' over a client", () => {
  const SWEEPING = { autoRemove: 'interval', autoRemoveInterval: 0.005 }
  const expired = (_id) => ({ _id, session: '{}', expires: new Date(Date.now() - 1000) })

  test('removes expired sessions and leaves the others', async (t) => {
    const { url, sessions } = await openDatabase(t)
    const store = new MongoStore({ client: new MongoClient(url), ...SWEEPING })
    t.after(() => store.close())
    await store.set('alive', { cookie: {} })
    for (const sid of ['one', 'two']) {
      await sessions.insertOne(expired(sid))
      await until(async () => (await sessions.countDocuments()) === 1)
    }
    assert.equal((await sessions.findOne())._id, 'alive')
    assert.equal((await sessions.indexes()).length, 1)
  })

  test('goes on after a server that was away', async (t) => {
    const url = await deadUrl()
    const store = new MongoStore({ client: new MongoClient(url), ...SWEEPING })
    t.after(() => store.close())
    await assert.rejects(store.ping(), { name: 'MongoServerSelectionError' })
    const server = await startServer({ port: Number(new URL(url).port) })
    const { sessions } = await openDatabase(t, withDatabase(server.getUri(), 'down'))
    await sessions.insertOne(expired('one'))
    await until(async () => (await sessions.countDocuments()) === 0)
  })
})
