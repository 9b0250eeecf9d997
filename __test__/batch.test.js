// Updates that arrive together share a command; each caller has to get the answer for its own all the same.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { MongoClient } = require('mongodb')
const MongoStore = require('..')
const {
  freshDatabaseUrl,
  sharedServerUrl,
  startReplicaSet,
  startServer,
  withDatabase,
} = require('./support/server.js')

// Asked for here and not in a test, so that a server started for this file lives until the file's last test.
sharedServerUrl()

/** @param {import('node:test').TestContext} t @param {string} url @param {object} [options] */
function open(t, url, options) {
  const store = MongoStore.create({ mongoUrl: url, ...options })
  t.after(() => store.close())
  return store
}

/** @param {number} length */
function ids(length) {
  return Array.from({ length }, (_, index) => `sid-${index}`)
}

/** @param {MongoStore} store @param {string} name @returns {Set<string>} filled with the ids that the event tells of */
function told(store, name) {
  const told = new Set()
  store.on(name, (sid) => told.add(sid))
  return told
}

const url = (/** @type {import('node:test').TestContext} */ t) => freshDatabaseUrl(`batch ${t.name}`)

describe('updates that share a command', () => {
  test('are told created from updated', async (t) => {
    const store = open(t, await url(t))
    const all = ids(300)
    const old = all.filter((_, index) => index % 3 === 0)
    await Promise.all(old.map((sid) => store.set(sid, { round: 1 })))
    const created = told(store, 'create')
    const updated = told(store, 'update')
    await Promise.all(all.map((sid) => store.set(sid, { round: 2 })))
    assert.deepEqual([...updated].sort(), [...old].sort())
    assert.equal(created.size, all.length - old.length)
    for (const sid of all) assert.equal((await store.get(sid)).round, 2)
  })

  test('leave each touch of a session that is gone told apart', async (t) => {
    const store = open(t, await url(t))
    const all = ids(300)
    const there = all.filter((_, index) => index % 2 === 0)
    await Promise.all(there.map((sid) => store.set(sid, {})))
    const touched = told(store, 'touch')
    const missed = told(store, 'touch-missed')
    await Promise.all(all.map((sid) => store.touch(sid, {})))
    assert.deepEqual([...touched].sort(), [...there].sort())
    assert.equal(missed.size, all.length - there.length)
  })

  test('fail alone when their session is too large', async (t) => {
    const store = open(t, await url(t))
    const small = Promise.all(ids(40).map((sid) => store.set(sid, { text: 'x'.repeat(1000) })))
    const large = ['a', 'b'].map((sid) => store.set(sid, { text: 'x'.repeat(17 << 20) }))
    const more = Promise.all(ids(40).map((sid) => store.set(sid, { text: 'y'.repeat(1000) })))
    for (const one of large) await assert.rejects(one, { name: 'MongoServerError', code: 10334 })
    await Promise.all([small, more])
    assert.equal(await store.length(), 40)
  })

  test('stay below the limit of a message together', async (t) => {
    const store = open(t, await url(t))
    await Promise.all(ids(24).map((sid) => store.set(sid, { text: 'x'.repeat(4 << 20) })))
    assert.equal(await store.length(), 24)
  })

  test('are not waited for with w: 0, and no touch counts as missed', async (t) => {
    const store = open(t, await url(t), { writeOperationOptions: { w: 0 } })
    const missed = told(store, 'touch-missed')
    await Promise.all(ids(50).map((sid) => store.touch(sid, {})))
    assert.equal(missed.size, 0)
  })

  test('each get the write concern error of their command', async (t) => {
    const set = await startReplicaSet()
    const replicated = withDatabase(set.getUri(), 'concern')
    const store = open(t, replicated, { writeOperationOptions: { w: 5, wtimeout: 100 } })
    const results = await Promise.allSettled(ids(20).map((sid) => store.set(sid, {})))
    for (const { reason } of /** @type {PromiseRejectedResult[]} */ (results)) {
      assert.equal(reason.name, 'MongoWriteConcernError')
      assert.equal(typeof reason.code, 'number')
    }
    assert.equal(await open(t, replicated).length(), 20, 'the writes themselves are there')
  })

  test('are all run once when the connection is cut under a command on a replica set', async (t) => {
    const set = await startReplicaSet({ args: ['--setParameter', 'enableTestCommands=1'] })
    const client = await MongoClient.connect(set.getUri())
    t.after(() => client.close())
    const store = open(t, withDatabase(set.getUri(), 'cut'))
    const created = []
    store.on('create', (sid) => created.push(sid))
    await store.set('first', {})
    await client.db('admin').command({
      configureFailPoint: 'failCommand',
      mode: { times: 1 },
      data: { failCommands: ['update'], closeConnection: true },
    })
    await Promise.all(ids(100).map((sid) => store.set(sid, {})))
    assert.equal(created.length, 101)
    assert.equal(new Set(created).size, 101)
  })

  test('all fail when no server is there, and go on when one is', async (t) => {
    const server = await startServer()
    const store = open(
      t,
      withDatabase(`${server.getUri()}?serverSelectionTimeoutMS=300&heartbeatFrequencyMS=500`, 'down')
    )
    store.on('error', () => {})
    await store.set('sid', {})
    await server.stop({ doCleanup: false })
    const failed = await Promise.allSettled(ids(30).map((sid) => store.set(sid, {})))
    assert.deepEqual([...new Set(failed.map(({ status }) => status))], ['rejected'])
    await server.start(true)
    for (;;) {
      const wasSet = await store.set('again', {}).then(
        () => true,
        () => false
      )
      if (wasSet) break
    }
    assert.ok(await store.get('again'))
  })
})
