// A `Date` that a test of an app has moved, to the end of a session and beyond: what counts as now for whatever can have expired.
'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')
const { until } = require('../support/wait.js')

const HOUR_MS = 60 * 60 * 1000
const START = new Date('2040-01-01')
const session = () => ({ cookie: {}, user: 'ada' })

/** @param {import('node:test').TestContext} t @returns {(hours: number) => void} moves the date to so many hours after the start */
function moveDate(t) {
  t.mock.timers.enable({ apis: ['Date'], now: START })
  return (hours) => t.mock.timers.setTime(START.getTime() + hours * HOUR_MS)
}

for (const backend of BACKENDS) {
  describe(`a Date that a test has moved [${backend}]`, () => {
    test('decides of each of several gets that share a command', async (t) => {
      const { open } = await openDatabase(t)
      const moveTo = moveDate(t)
      const store = open({ backend, ttl: 3600 })
      await store.set('sid', session())
      const answers = [0, 2, 0.5, 1].map((hours) => {
        moveTo(hours)
        return store.get('sid')
      })
      const isThere = (await Promise.all(answers)).map((answer) => answer !== null)
      assert.deepEqual(isThere, [true, false, true, false])
    })

    test('is when a lifetime begins, and when it is over', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const moveTo = moveDate(t)
      const store = open({ backend, maxLifetime: 2 * 3600, ttl: 24 * 3600, autoRemove: 'disabled' })
      await store.set('set', session())
      await sessions.insertOne({ _id: 'touched', session: '{"cookie":{}}' })
      await store.touch('touched', session())
      const created = await sessions.distinct('createdAt')
      assert.deepEqual(created, [START])
      for (const [hours, count] of [
        [1.9, 2],
        [2, 0],
        [0, 2],
      ]) {
        moveTo(hours)
        const found = await Promise.all([store.get('set'), store.get('touched')])
        assert.equal(found.filter(Boolean).length, count)
        assert.equal((await store.all()).length, count)
        assert.equal(await store.length(), count)
      }
    })

    test('dates what is kept beside a session', async (t) => {
      const { open, sessions } = await openDatabase(t)
      moveDate(t)
      const store = open({
        backend,
        timestamps: true,
        touchAfter: 60,
        index: { userId: 'user' },
        maxPerUser: { userId: 3 },
      })
      await store.set('sid', session())
      const { createdAt, indexedAt, lastModified } = await sessions.findOne({ _id: 'sid' })
      assert.deepEqual([createdAt, indexedAt, lastModified], [START, START, START])
      const [found] = await store.find({ userId: 'ada' })
      assert.deepEqual(found.createdAt, START)
    })

    for (const expiredEvents of [false, true])
      test(`decides what sweeps remove, with expiredEvents: ${expiredEvents}`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        const moveTo = moveDate(t)
        const sweeping = { autoRemove: /** @type {const} */ ('interval'), autoRemoveInterval: 0.001 }
        const store = open({
          backend,
          ...sweeping,
          expiredEvents,
          ttl: 3600,
          ...(expiredEvents && { expiryGrace: 1 }),
        })
        const isHeard = expiredEvents && once(store, 'expired')
        await store.set('short', session())
        moveTo(0.5)
        await store.set('long', session())
        moveTo(1.1)
        await until(async () => (await sessions.countDocuments()) < 2)
        assert.deepEqual(await sessions.distinct('_id'), ['long'])
        if (isHeard) assert.equal((await isHeard)[0], 'short')
      })

    test('decides what prune removes', async (t) => {
      const { open } = await openDatabase(t)
      const moveTo = moveDate(t)
      const store = open({ backend, autoRemove: 'disabled', ttl: 3600 })
      await store.set('sid', session())
      assert.equal(await store.prune(), 0)
      moveTo(2)
      assert.equal(await store.prune(), 1)
    })

    test('also when it was moved before the store was loaded', async (t) => {
      const { url } = await openDatabase(t)
      const { stdout, stderr } = await runInChild(
        async ({ mongoUrl, backend }) => {
          const { mock } = require('node:test')
          mock.timers.enable({ apis: ['Date'], now: new Date('2040-01-01') })
          const MongoStore = require('connect-mongo-native')
          const store = MongoStore.create({ mongoUrl, backend, autoRemove: 'disabled', ttl: 3600 })
          await store.set('sid', { cookie: {} })
          const before = await store.prune()
          mock.timers.setTime(new Date('2040-01-02').getTime())
          console.log(before, await store.prune())
          await store.close()
        },
        { mongoUrl: url, backend }
      )
      assert.equal(stdout, '0 1\n', stderr)
    })
  })
}
