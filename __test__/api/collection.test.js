// What the store says of its connection: the collection behind it, and events when servers go and come back. The same promises on
// both backends.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const express = require('express')
const session = require('express-session')
const { Collection, MongoClient } = require('mongodb')
const { createConnection } = require('mongoose-9')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')
const { Browser, serve } = require('../support/http.js')
const { installAlone } = require('../support/install.js')
const { startReplicaSet, unsteadyServer, withDatabase } = require('../support/server.js')
const { nextEvent, succeeds, until } = require('../support/wait.js')

/** How many connections of Node's driver an application holds, by the name it gave. */
async function nodeConnections(db, appName) {
  const connections = await db.client
    .db('admin')
    .aggregate([{ $currentOp: { allUsers: true, idleConnections: true } }, { $match: { appName } }])
    .toArray()
  return connections.filter(({ clientMetadata }) => /nodejs/.test(clientMetadata?.driver?.name)).length
}

for (const backend of BACKENDS) {
  describe(`collectionP of the ${backend} backend`, () => {
    test('is there when the TTL index is', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const collection = await open({ backend }).collectionP
      assert.ok(collection instanceof Collection)
      assert.deepEqual(
        (await sessions.indexes()).map(({ name }) => name),
        ['_id_', 'expires_1']
      )
    })

    test('is there although the TTL index cannot be made', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await sessions.createIndex({ expires: 1 }, { expireAfterSeconds: 100 })
      const store = open({ backend })
      store.on('error', () => {})
      assert.equal((await store.collectionP).collectionName, 'sessions')
    })

    for (const autoRemove of ['interval', 'disabled']) {
      test(`is there with autoRemove: '${autoRemove}'`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        const store = open({ backend, autoRemove })
        assert.equal((await store.collectionP).collectionName, 'sessions')
        await store.set('sid', { cookie: {} })
        assert.equal((await sessions.indexes()).length, 1)
      })
    }

    test('has the name, the database and the documents of the store', async (t) => {
      const { open, db } = await openDatabase(t)
      const dbName = `${db.databaseName}_named`
      const store = open({ backend, dbName, collectionName: 'visits' })
      await store.set('sid', { cookie: {}, user: 'ada' })
      const collection = await store.collectionP
      assert.deepEqual(
        { dbName: collection.dbName, collectionName: collection.collectionName },
        { dbName, collectionName: 'visits' }
      )
      const { session: stored } = await collection.findOne({ _id: 'sid' })
      assert.equal(JSON.parse(stored).user, 'ada')
      await collection.updateOne({ _id: 'sid' }, { $set: { session: '{"cookie":{},"user":"grace"}' } })
      assert.equal((await store.get('sid')).user, 'grace')
      await collection.drop()
      assert.equal(await store.get('sid'), null)
      await db.client.db(dbName).dropDatabase()
    })

    test('is closed with the store', async (t) => {
      const { open, db } = await openDatabase(t)
      const appName = db.databaseName
      const store = open({ backend, mongoOptions: { appName } })
      const collection = await store.collectionP
      await collection.countDocuments()
      assert.ok((await nodeConnections(db, appName)) > 0)
      await store.close()
      await until(async () => (await nodeConnections(db, appName)) === 0)
      await assert.rejects(collection.findOne(), /MongoNotConnectedError|must be connected|closed/)
    })

    test('rejects with ERR_STORE_CLOSED after close, whether or not it was asked for before', async (t) => {
      const { open } = await openDatabase(t)
      const [asked, never] = [open({ backend }), open({ backend })]
      await asked.collectionP
      for (const store of [asked, never]) {
        const closing = store.close()
        await assert.rejects(store.collectionP, { name: 'Error', code: 'ERR_STORE_CLOSED' })
        await closing
        await assert.rejects(store.collectionP, { name: 'Error', code: 'ERR_STORE_CLOSED' })
      }
    })

    test('fails while there is no server, and is there once there is one', async (t) => {
      const { url, start } = await unsteadyServer()
      const store = new MongoStore({ mongoUrl: url, backend })
      store.on('error', () => {})
      t.after(() => store.close())
      await assert.rejects(store.collectionP, { name: 'MongoServerSelectionError' })
      await assert.rejects(store.collectionP, { name: 'MongoServerSelectionError' })
      await start()
      const collection = await until(() => store.collectionP.catch(() => undefined))
      await store.set('sid', { cookie: {} })
      assert.equal(await collection.countDocuments(), 1)
    })

    test('is of the client that clientP is', async (t) => {
      const { open, db } = await openDatabase(t)
      const store = open({ backend })
      const [client, again, collection] = await Promise.all([store.clientP, store.clientP, store.collectionP])
      assert.ok(client instanceof MongoClient)
      assert.equal(client, again)
      assert.deepEqual(await client.db(db.databaseName).collection('sessions').find().toArray(), [])
      await store.close()
      await assert.rejects(collection.findOne(), /MongoNotConnectedError|must be connected|closed/)
      await assert.rejects(
        client.db().command({ ping: 1 }),
        /MongoNotConnectedError|must be connected|closed/
      )
      await assert.rejects(store.clientP, { name: 'Error', code: 'ERR_STORE_CLOSED' })
    })

    test('and clientP are no unhandled rejections where an app only catches one of them', async () => {
      const { url } = await unsteadyServer()
      const { code, stdout, stderr } = await runInChild(
        async ({ mongoUrl, backend }) => {
          process.on('unhandledRejection', (error) => console.log('unhandled', error))
          const MongoStore = require('../..')
          const store = new MongoStore({ mongoUrl, backend, autoRemove: 'disabled' })
          store.collectionP
          await store.clientP.catch(({ name }) => console.log(name))
          store.clientP
          await store.close()
          store.clientP
          await new Promise((resolve) => setImmediate(resolve))
        },
        { mongoUrl: url, backend },
        { timeoutMs: 20_000 }
      )
      assert.deepEqual(
        { code, stdout, stderr },
        { code: 0, stdout: 'MongoServerSelectionError\n', stderr: '' }
      )
    })

    test('that nobody waits for is no unhandled rejection and does not hold close up', async () => {
      const { url } = await unsteadyServer()
      const { code, stdout, stderr } = await runInChild(
        async ({ mongoUrl, backend }) => {
          for (const event of ['unhandledRejection', 'uncaughtException', 'warning'])
            process.on(event, (error) => console.log(event, error))
          const MongoStore = require('../..')
          const stores = ['native', 'interval', 'disabled'].map(
            (autoRemove) => new MongoStore({ mongoUrl, backend, autoRemove })
          )
          for (const store of stores) {
            store.on('error', () => {})
            store.collectionP
          }
          const [closedEarly, ...others] = stores
          await closedEarly.close()
          await others[0].get('sid').catch(() => {})
          for (const store of others) {
            store.collectionP
            await store.close()
            store.collectionP
          }
          await new Promise((resolve) => setImmediate(resolve))
          console.log('done')
        },
        { mongoUrl: url, backend },
        { timeoutMs: 20_000 }
      )
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'done\n', stderr: '' })
    })
  })
}

describe('collectionP of the native backend', () => {
  test('opens nothing until somebody asks', async (t) => {
    const { open, db } = await openDatabase(t)
    const appName = db.databaseName
    const store = open({ mongoOptions: { appName } })
    await store.set('sid', { cookie: {} })
    await store.ping()
    assert.equal(await nodeConnections(db, appName), 0)
    const [first, second] = await Promise.all([store.collectionP, store.collectionP])
    assert.equal(first, second)
    assert.ok((await nodeConnections(db, appName)) > 0)
  })

  test('asks for the mongodb package where it is not installed', async (t) => {
    const { url } = await openDatabase(t)
    const { code, stdout, stderr } = await runInChild(
      async ({ mongoUrl }) => {
        const assert = require('node:assert/strict')
        process.on('unhandledRejection', (error) => console.log('unhandled', error))
        const MongoStore = require('connect-mongo-native')
        const store = new MongoStore({ mongoUrl })
        store.collectionP
        for (let round = 0; round < 2; round++)
          await assert.rejects(store.collectionP, /collectionP.*npm install mongodb/)
        assert.throws(() => new MongoStore({ mongoUrl, backend: 'driver' }), /npm install mongodb/)
        await store.set('sid', { cookie: {} })
        await store.close()
        console.log('done')
      },
      { mongoUrl: url },
      { cwd: installAlone() }
    )
    assert.equal(stdout, 'done\n', stderr)
    assert.equal(code, 0, stderr)
  })

  test('and clientP, which an app looks at as it starts, is no reason to stop', async (t) => {
    const { url } = await openDatabase(t)
    const { code, stdout, stderr } = await runInChild(
      async ({ mongoUrl }) => {
        process.on('unhandledRejection', (error) => console.log('unhandled', error))
        const MongoStore = require('connect-mongo-native')
        const store = new MongoStore({ mongoUrl })
        store.clientP
        const { message } = await store.clientP.catch((error) => error)
        store.options.ttl = 60
        await store.set('sid', { cookie: {} })
        await store.close()
        const { code } = await store.clientP.catch((error) => error)
        console.log(message, code)
      },
      { mongoUrl: url },
      { cwd: installAlone() }
    )
    assert.equal(stdout, 'clientP needs the mongodb package: npm install mongodb ERR_STORE_CLOSED\n', stderr)
    assert.equal(code, 0, stderr)
  })
})

/** Each way to a store. A client is closed with its store; a mongoose connection has to be told. */
const WAYS = {
  native: (mongoUrl) => ({ mongoUrl }),
  driver: (mongoUrl) => ({ mongoUrl, backend: 'driver' }),
  'a client': (mongoUrl) => ({ client: new MongoClient(mongoUrl) }),
  'a mongoose connection': (mongoUrl) => ({ client: createConnection(mongoUrl), closeClient: true }),
}

/** @param {import('node:test').TestContext} t @param {object} options */
function openWatched(t, options) {
  const store = new MongoStore({ autoRemove: 'interval', ...options })
  const events = []
  for (const name of ['connect', 'disconnect', 'error']) store.on(name, () => events.push(name))
  t.after(() => store.close())
  return { store, events }
}

for (const [way, optionsFor] of Object.entries(WAYS)) {
  describe(`connectionEvents over ${way}`, () => {
    test('are disconnect when the server goes and connect when it is back, once each', async (t) => {
      const { url, start, stop } = await unsteadyServer()
      await start()
      const { store, events } = openWatched(t, { ...optionsFor(url), connectionEvents: true })
      await store.ping()
      assert.deepEqual(events, [])
      const gone = nextEvent(store, 'disconnect')
      await stop()
      await gone
      await assert.rejects(store.ping())
      const back = nextEvent(store, 'connect')
      await start()
      assert.deepEqual(await back, [])
      await until(() => succeeds(store.ping()))
      assert.deepEqual(events, ['disconnect', 'connect'])
      await store.close()
      assert.deepEqual(events, ['disconnect', 'connect'])
    })

    test('tell why: the error of the server that went', async (t) => {
      const { url, start, stop } = await unsteadyServer()
      await start()
      const { store } = openWatched(t, { ...optionsFor(url), connectionEvents: true })
      await store.ping()
      const gone = nextEvent(store, 'disconnect')
      await stop()
      const [error, ...others] = await gone
      assert.ok(error instanceof Error, `not an error: ${error}`)
      assert.match(error.name, /^Mongo\w*Error$/)
      assert.deepEqual(others, [])
    })

    test('tell why: in an election, what each server is', async (t) => {
      const set = await startReplicaSet()
      const mongoUrl = withDatabase(set.getUri(), 'election')
      const { db } = await openDatabase(t, mongoUrl)
      const { store } = openWatched(t, { ...optionsFor(mongoUrl), connectionEvents: true })
      await store.ping()
      const gone = nextEvent(store, 'disconnect')
      await db.admin().command({ replSetStepDown: 60, force: true })
      const [error] = await gone
      assert.ok(error instanceof Error, `not an error: ${error}`)
      const [{ port }] = set.servers.map(({ instanceInfo }) => instanceInfo)
      assert.match(
        error.message,
        new RegExp(`^No server takes writes: 127.0.0.1:${port} is RS(Secondary|Other)$`, 'i')
      )
      const back = nextEvent(store, 'connect')
      await db.admin().command({ replSetFreeze: 0 }, { readPreference: 'nearest' })
      assert.deepEqual(await back, [])
    })

    if (way !== 'a mongoose connection') {
      test('tell why: there is no server at the start', async (t) => {
        const { url } = await unsteadyServer()
        const { store } = openWatched(t, { ...optionsFor(url), connectionEvents: true })
        const [error] = await nextEvent(store, 'disconnect')
        assert.ok(error instanceof Error, `not an error: ${error}`)
        assert.match(error.message, /refused/i)
      })

      test('are disconnect when there is no server at the start, and connect when there is', async (t) => {
        const { url, start } = await unsteadyServer()
        const { store, events } = openWatched(t, { ...optionsFor(url), connectionEvents: true })
        await nextEvent(store, 'disconnect')
        const back = nextEvent(store, 'connect')
        // Nothing is asked of the store meanwhile: express-session asks nothing after a disconnect.
        await start()
        await back
        await store.ping()
        assert.deepEqual(events, ['disconnect', 'connect'])
      })
    }

    test('do not come without the option', async (t) => {
      const { url, start, stop } = await unsteadyServer()
      await start()
      const { store, events } = openWatched(t, optionsFor(url))
      await store.ping()
      await stop()
      await until(async () => !(await succeeds(store.ping())))
      await start()
      await until(() => succeeds(store.ping()))
      assert.deepEqual(events, [])
    })

    test('do not come after close', async (t) => {
      const { url, start, stop } = await unsteadyServer()
      await start()
      const options = optionsFor(url)
      const witness = openWatched(t, { mongoUrl: url, connectionEvents: true })
      const { store, events } = openWatched(t, { ...options, connectionEvents: true, closeClient: false })
      await Promise.all([store.ping(), witness.store.ping()])
      await store.close()
      t.after(() => options.client?.close())
      const gone = nextEvent(witness.store, 'disconnect')
      await stop()
      await gone
      assert.deepEqual(events, [])
    })
  })
}

describe('an Express app with connectionEvents', () => {
  for (const way of ['native', 'driver', 'a client']) {
    test(`serves requests without a session while the server is away [${way}]`, async (t) => {
      const { url, start, stop } = await unsteadyServer()
      await start()
      const { store } = openWatched(t, { ...WAYS[way](url), connectionEvents: true })
      const app = express()
      app.use(session({ secret: 'a secret', resave: false, saveUninitialized: false, store }))
      app.get('/count', (req, res) => {
        if (!req.session) return res.json(null)
        req.session.views = (req.session.views ?? 0) + 1
        return res.json(req.session.views)
      })
      const browser = new Browser(await serve(t, app))
      assert.equal(await browser.json('/count'), 1)
      assert.equal(await browser.json('/count'), 2)

      const gone = nextEvent(store, 'disconnect')
      await stop()
      await gone
      assert.equal(await browser.json('/count'), null)
      assert.equal(await browser.json('/count'), null)

      const back = nextEvent(store, 'connect')
      await start()
      await back
      assert.equal(await browser.json('/count'), 3)
      assert.equal(await browser.json('/count'), 4)
    })
  }
})

describe('two stores that share a client', () => {
  test('both hear of the server, and one goes on when the other is closed', async (t) => {
    const { url, start, stop } = await unsteadyServer()
    await start()
    const client = new MongoClient(url)
    const pairs = [{ mongoUrl: url }, { client, closeClient: false }].map((options) =>
      [1, 2].map(() => openWatched(t, { ...options, connectionEvents: true }))
    )
    t.after(() => client.close())
    const all = pairs.flat()
    for (const { store } of all) await store.ping()
    const gone = all.map(({ store }) => nextEvent(store, 'disconnect'))
    await stop()
    await Promise.all(gone)
    for (const [{ store }] of pairs) await store.close()
    const back = pairs.map(([, { store }]) => nextEvent(store, 'connect'))
    await start()
    await Promise.all(back)
    for (const [closed, open] of pairs) {
      assert.deepEqual(closed.events, ['disconnect'])
      assert.deepEqual(open.events, ['disconnect', 'connect'])
    }
  })
})
