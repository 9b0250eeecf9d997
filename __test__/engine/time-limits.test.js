// Calls end when they should: serverSelectionTimeoutMS counts from the call, a server that lets nobody in says so at once, and a
// call that has run out of time leaves its place to others.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { freePort } = require('../../scripts/free-port.js')
const { LATER, plainSession } = require('../support/sessions.js')
const { startServer } = require('../support/server.js')
const { until } = require('../support/wait.js')

const METHODS = /** @type {const} */ (['get', 'set', 'touch', 'destroy'])
const CALLS = 60
const TIMEOUT_MS = 1_500
/** What a busy machine adds, and less than a second wait would. */
const TOLERANCE_MS = 700

/**
 * Many calls of each kind at once.
 *
 * @param {InstanceType<typeof MongoStore>} store
 * @param {string} prefix
 */
function callAll(store, prefix) {
  return METHODS.flatMap((method) =>
    Array.from({ length: CALLS }, async (_, index) => {
      const startMs = performance.now()
      /** @type {any} */
      let error
      await Reflect.apply(store[method], store, [`${prefix}-${method}-${index}`, plainSession(LATER)]).catch(
        (/** @type {Error} */ failure) => {
          error = failure
        }
      )
      return { method, error, tookMs: performance.now() - startMs }
    })
  )
}

/** @param {import('node:test').TestContext} t @param {Record<string, any>} options */
function openStore(t, options) {
  const store = MongoStore.create({ autoRemove: 'disabled', ...options })
  t.after(() => store.close())
  return store
}

for (const backend of BACKENDS) {
  describe(`on the ${backend} backend`, () => {
    test('without a server each call fails when serverSelectionTimeoutMS is over since it was made', async (t) => {
      const mongoUrl = `mongodb://127.0.0.1:${await freePort()}/away?serverSelectionTimeoutMS=${TIMEOUT_MS}`
      const store = openStore(t, { mongoUrl, backend })
      const first = callAll(store, 'first')
      await sleep(TIMEOUT_MS / 2)
      const all = await Promise.all([...first, ...callAll(store, 'second')])
      for (const { method, error, tookMs } of all) {
        assert.equal(error?.name, 'MongoServerSelectionError', method)
        assert.ok(tookMs > TIMEOUT_MS - 100 && tookMs < TIMEOUT_MS + TOLERANCE_MS, `${method}: ${tookMs} ms`)
      }
    })

    for (const query of ['', '&serverSelectionTimeoutMS=1000']) {
      test(`a wrong password is told at once, with its code${query && ', whatever the timeout'}`, async (t) => {
        const auth = { enable: true, customRootName: 'root', customRootPwd: 'right' }
        const server = await startServer({ auth })
        const url = server.getUri().replace('mongodb://', 'mongodb://root:wrong@')
        const store = openStore(t, { mongoUrl: `${url}wrong?authSource=admin${query}`, backend })
        for (const prefix of ['first', 'second']) {
          for (const { method, error } of await Promise.all(callAll(store, prefix))) {
            assert.equal(error?.code, 18, `${method}: ${error}`)
          }
        }
      })
    }

    test('a call that has run out of time leaves its place', async (t) => {
      const server = await startServer({ args: ['--setParameter', 'enableTestCommands=1'] })
      const { open, db } = await openDatabase(t, `${server.getUri()}places`)
      const mongoOptions = { appName: 'places' }
      const store = open({
        backend,
        mongoOptions,
        operationTimeoutMS: 300,
        maxPending: 5,
        autoRemove: 'disabled',
      })
      const save = (/** @type {string} */ sid) => store.set(sid, plainSession(LATER))
      await save('stuck')
      await db.client.db('admin').command({
        configureFailPoint: 'failCommand',
        mode: { times: 1 },
        data: { failCommands: ['update'], blockConnection: true, blockTimeMS: 4_000, appName: 'places' },
      })
      const stuck = ['stuck', 'stuck', 'stuck', 'stuck'].map(save)
      for (const call of stuck) await assert.rejects(call, { name: 'MongoOperationTimeoutError' })
      // As many as there may be, but for the one that the server is at work on.
      await until(() =>
        Promise.all(['a', 'b', 'c', 'd'].map(save)).then(
          () => true,
          () => false
        )
      )
    })

    test('what a frozen server was not sent in time is not written when it thaws', async (t) => {
      const server = await startServer()
      const { open, sessions } = await openDatabase(t, `${server.getUri()}frozen`)
      const store = open({ backend, operationTimeoutMS: 300, maxPending: CALLS, autoRemove: 'disabled' })
      await store.set('first', plainSession())
      const pid = /** @type {number} */ (server.instanceInfo?.instance.mongodProcess?.pid)
      process.kill(pid, 'SIGSTOP')
      t.after(() => process.kill(pid, 'SIGCONT'))
      /** @type {Set<string>} */
      const errors = new Set()
      for (let round = 0; round < 5; round++) {
        const calls = Array.from({ length: 2 * CALLS }, (_, index) =>
          store
            .set(`${round}-${index}`, plainSession())
            .catch((error) => errors.add(error.code ?? error.name))
        )
        await Promise.all(calls)
      }
      assert.deepEqual([...errors].sort(), ['ERR_STORE_BUSY', 'MongoOperationTimeoutError'])
      process.kill(pid, 'SIGCONT')
      // Behind what has left.
      await until(() =>
        store.set('last', plainSession()).then(
          () => true,
          () => false
        )
      )
      const written = await sessions.countDocuments()
      assert.ok(written < CALLS, `${written} of ${10 * CALLS}`)
    })
  })
}
