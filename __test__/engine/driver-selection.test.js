// serverSelectionTimeoutMS over a JavaScript client: it counts from each call, whatever that has to wait for.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const MongoStore = require('../..')
const { freePort } = require('../../scripts/free-port.js')
const { ids } = require('../support/calls.js')
const { startServer, withDatabase } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { nextEvent, until } = require('../support/wait.js')

const DRIVERS = ['mongodb', 'mongodb-6', 'mongodb-5']
const METHODS = /** @type {const} */ (['get', 'set', 'touch', 'destroy'])

const SELECTION_MS = 1_500
/** Between those of two waves, and long for the driver to be late. */
const TOLERANCE_MS = 500

const withPassword = startServer({ auth: { enable: true, customRootName: 'root', customRootPwd: 'right' } })

/** @param {any} store @param {string} method @param {string} sid */
const call = (store, method, sid) => store[method](sid, plainSession())

/** @param {Promise<unknown>} one @returns {Promise<any>} its error, or nothing */
const errorOf = (one) =>
  one.then(
    () => undefined,
    (error) => error
  )

/** Many calls at once, with how many of two timers were over when each failed. @param {InstanceType<typeof MongoStore>} store */
function wave(store) {
  let timers = 0
  for (const ms of [SELECTION_MS - TOLERANCE_MS, SELECTION_MS + TOLERANCE_MS]) setTimeout(() => timers++, ms)
  const calls = METHODS.flatMap((method) => ids(60).map((sid) => call(store, method, sid)))
  calls.push(...ids(10).map(() => store.set('same', plainSession())))
  return calls.map(async (one) => {
    const error = await errorOf(one)
    return { error, timers }
  })
}

/** @param {InstanceType<typeof MongoStore>} store */
async function assertEachFails(store) {
  const calls = wave(store)
  await sleep(SELECTION_MS / 2)
  calls.push(...wave(store))
  for (const { error, timers } of await Promise.all(calls)) {
    assert.equal(error?.name, 'MongoServerSelectionError')
    assert.equal(timers, 1, timers ? 'too late' : 'too early')
  }
}

for (const driver of DRIVERS) {
  describe(`the time limit over ${driver}`, () => {
    test('is that of each call while the client connects', async (t) => {
      const url = `mongodb://127.0.0.1:${await freePort()}/away?serverSelectionTimeoutMS=${SELECTION_MS}`
      const store = new MongoStore({ client: new (require(driver).MongoClient)(url), autoRemove: 'disabled' })
      t.after(() => store.close())
      await assertEachFails(store)
    })

    test('is that of each call when the client has been connected', async (t) => {
      const server = await startServer()
      const url = `${withDatabase(server.getUri(), 'away')}?serverSelectionTimeoutMS=${SELECTION_MS}`
      const client = new (require(driver).MongoClient)(url)
      const store = new MongoStore({ client, autoRemove: 'disabled' })
      t.after(() => store.close())
      await Promise.all(ids(60).map((sid) => store.set(sid, plainSession())))
      await Promise.all([nextEvent(client, 'topologyDescriptionChanged'), server.stop({ doCleanup: false })])
      await assertEachFails(store)
      await server.start(true)
      await until(() => store.get('sid-1').catch(() => undefined))
    })

    test('is not waited for when nobody can sign in', async (t) => {
      const { host } = new URL((await withPassword).getUri())
      const client = new (require(driver).MongoClient)(`mongodb://root:wrong@${host}/?authSource=admin`)
      let attempts = 0
      client.on('topologyOpening', () => attempts++)
      const store = new MongoStore({ client, autoRemove: 'disabled' })
      t.after(() => store.close())
      const calls = METHODS.flatMap((method) => ids(20).map((sid) => call(store, method, sid)))
      calls.push(...ids(20).map(() => store.set('same', plainSession())))
      const errors = await Promise.all(calls.map(errorOf))
      assert.deepEqual(
        errors.map(({ code }) => code),
        errors.map(() => 18)
      )
      assert.ok(attempts < 4)
    })
  })
}
