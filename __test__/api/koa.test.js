// What koa-session and koa-generic-session ask of a store besides: a lifetime in milliseconds as the third argument of `set`.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')

const DAY_MS = 24 * 60 * 60 * 1000
const TTL_SECONDS = 60

/**
 * @param {import('node:test').TestContext} t
 * @param {object} options of the store
 * @param {{ session?: Record<string, any>, maxAge: unknown, further?: unknown[] }} saved
 * @returns {Promise<number>} how long the session lives, in milliseconds, as far as that can be told: 1000 for 1000 to 1000 and the time of the call
 */
async function lifetimeOf(t, options, { session = { user: 'ada' }, maxAge, further = [] }) {
  const { open, sessions } = await openDatabase(t)
  const store = open(options)
  const beforeMs = Date.now()
  await store.set('sid', session, maxAge, ...further)
  const tookMs = Date.now() - beforeMs
  const { expires } = await sessions.findOne()
  const lifetimeMs = expires.getTime() - beforeMs
  const wholeSeconds = Math.floor(lifetimeMs / 1000) * 1000
  assert.ok(lifetimeMs - wholeSeconds <= tookMs, `${lifetimeMs} ms after a call of ${tookMs} ms`)
  return wholeSeconds
}

for (const backend of BACKENDS)
  describe(`a lifetime given to set, ${backend}`, () => {
    test('counts, from now on', async (t) => {
      const context = { changed: true, rolling: false, ctx: {} }
      const saved = { maxAge: DAY_MS + 10_000, further: [context] }
      assert.equal(await lifetimeOf(t, { backend, ttl: TTL_SECONDS }, saved), DAY_MS + 10_000)
    })

    test('counts more than the end of the cookie, as the option ttl of koa-generic-session does', async (t) => {
      const session = { cookie: { expires: new Date(Date.now() + DAY_MS) } }
      assert.equal(await lifetimeOf(t, { backend }, { session, maxAge: 5_000 }), 5_000)
    })

    for (const maxAge of ['session', undefined, null, 0, Number.NaN, Number.POSITIVE_INFINITY, 1e16, '5000'])
      test(`that is ${maxAge} leaves it to ttl`, async (t) => {
        assert.equal(await lifetimeOf(t, { backend, ttl: TTL_SECONDS }, { maxAge }), TTL_SECONDS * 1000)
      })

    test('counts less than a function ttl, and where that leaves it to the cookie', async (t) => {
      assert.equal(await lifetimeOf(t, { backend, ttl: () => 7 }, { maxAge: DAY_MS }), 7_000)
      assert.equal(await lifetimeOf(t, { backend, ttl: () => undefined }, { maxAge: DAY_MS }), DAY_MS)
    })

    test('in the past leaves no live session', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend })
      await store.set('sid', { user: 'ada' }, -5_000)
      assert.equal(await store.get('sid'), null)
    })

    test('may stand before a callback', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const store = open({ backend, ttl: TTL_SECONDS })
      const fromMs = Date.now()
      await new Promise((resolve, reject) => {
        store.set('sid', { user: 'ada' }, DAY_MS, (error) => (error ? reject(error) : resolve(undefined)))
      })
      assert.ok((await sessions.findOne()).expires.getTime() >= fromMs + DAY_MS)
    })

    test('counts in a session that is merged', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const store = open({ backend, concurrency: 'merge' })
      await store.set('sid', { cookie: {}, a: 1 })
      const [one, other] = [await store.get('sid'), await store.get('sid')]
      const made = [one, other].map((each) => store.createSession({ sessionID: 'sid' }, each))
      made[0].b = 2
      await store.set('sid', made[0])
      made[1].c = 3
      const fromMs = Date.now()
      await store.set('sid', made[1], 100 * DAY_MS)
      const { cookie: _, ...merged } = await store.get('sid')
      assert.deepEqual(merged, { a: 1, b: 2, c: 3 })
      assert.ok((await sessions.findOne()).expires.getTime() >= fromMs + 100 * DAY_MS)
    })

    test('keeps who looks at the devices of a user from reckoning with ttl', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const store = open({ backend, ttl: TTL_SECONDS, index: { user: 'user' } })
      await store.set('sid', { user: 'ada', _maxAge: DAY_MS }, DAY_MS)
      // As if it had been saved a day ago.
      const lastModified = new Date(Date.now() - DAY_MS)
      await sessions.updateOne({}, { $set: { lastModified, expires: new Date(Date.now() + 10_000) } })
      const [{ lastSeen }] = await store.find({ user: 'ada' })
      assert.deepEqual(lastSeen, lastModified)
    })
  })
