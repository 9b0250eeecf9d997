// The option prefix: several apps in one collection, each of which has its own sessions and no others.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { ObjectId } = require('mongodb')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase, profile } = require('../support/database.js')
const { EARLIER, plainSession, storedSession } = require('../support/sessions.js')
const { until } = require('../support/wait.js')

const IGNORES_CASE = { locale: 'en', strength: 2 }
/** What a pattern, the order of code points or that of a language could mistake. */
const PREFIXES = [
  'app:',
  'APP2:',
  'a.p:',
  'a+(b|c)*[d]$^\\Q{2}?',
  'p-/#',
  '~',
  'é:',
  '\ud7ff',
  '😀',
  '\u{10ffff}',
]
const COLLATIONS = { none: undefined, 'one that ignores case': IGNORES_CASE }
const IDS = { plain: {}, hashId: { hashId: true }, transformId: { transformId: async (sid) => `~${sid}` } }

/**
 * @param {import('node:test').TestContext} t
 * @param {import('../support/backends.js').Backend} backend
 * @param {import('mongodb').CollationOptions} [collation]
 */
async function openWith(t, backend, collation) {
  const { db, open, sessions } = await openDatabase(t)
  await db.createCollection('sessions', collation && { collation })
  return {
    sessions,
    /** @param {string} [prefix] @param {object} [options] */
    open: (prefix, options) => open({ backend, autoRemove: 'disabled', prefix, ...options }),
  }
}

/** @param {AsyncIterable<any>} iterable @returns {Promise<number[]>} */
async function numbersIn(iterable) {
  const numbers = []
  for await (const { n } of iterable) numbers.push(n)
  return numbers.sort((a, b) => a - b)
}

/** Two sessions for each prefix, with its number. @param {(prefix: string) => any} open */
async function fill(open) {
  const stores = PREFIXES.map((prefix) => open(prefix))
  for (const [n, store] of stores.entries()) {
    await Promise.all(['one', 'two'].map((sid) => store.set(sid, plainSession({ n }))))
  }
  return stores
}

/** Among its own, as all that lists sessions has them. @param {any} store @param {number} n */
async function assertHasItsOwn(store, n) {
  assert.equal((await store.get('one')).n, n)
  assert.equal(await store.length(), 2)
  assert.deepEqual(
    (await store.all()).map((/** @type {any} */ session) => session.n),
    [n, n]
  )
  assert.deepEqual(await numbersIn(store.iterate({ batchSize: 1 })), [n, n])
}

for (const backend of BACKENDS) {
  describe(`prefix on the ${backend} backend`, () => {
    for (const [collationTitle, collation] of Object.entries(COLLATIONS)) {
      for (const [title, options] of Object.entries(IDS)) {
        test(`keeps to its own, with collation: ${collationTitle} and ${title}`, async (t) => {
          const { open, sessions } = await openWith(t, backend, collation)
          const stores = await fill((prefix) => open(prefix, options))
          for (const [n, store] of stores.entries()) {
            await assertHasItsOwn(store, n)
            if (title === 'plain') assert.deepEqual((await store.ids()).sort(), ['one', 'two'])
            else await assert.rejects(store.ids(), new RegExp(title))
          }
          for (const [n, store] of stores.entries()) {
            await store.clear()
            assert.equal(await store.length(), 0)
            assert.equal(await sessions.countDocuments(), 2 * (PREFIXES.length - n - 1))
          }
        })
      }

      test(`removes its own that have expired, with collation: ${collationTitle}`, async (t) => {
        const { open, sessions } = await openWith(t, backend, collation)
        const stores = await fill(open)
        await sessions.updateMany({}, { $set: { expires: EARLIER } })
        for (const [n, store] of stores.entries()) {
          assert.equal(await store.prune(), 2)
          assert.equal(await store.prune(), 0)
          assert.equal(await sessions.countDocuments(), 2 * (PREFIXES.length - n - 1))
        }
      })

      for (const expiredEvents of [false, true]) {
        test(`sweeps its own, with collation: ${collationTitle} and expiredEvents: ${expiredEvents}`, async (t) => {
          const { open, sessions } = await openWith(t, backend, collation)
          await fill(open)
          await sessions.updateMany({}, { $set: { expires: EARLIER } })
          const sweeping = { autoRemove: 'interval', autoRemoveInterval: 0.001, expiredEvents }
          const store = open(PREFIXES[0], sweeping)
          /** @type {unknown[]} */
          const told = []
          store.on('expired', (sid) => told.push(sid))
          await until(async () => (await sessions.countDocuments()) < 2 * PREFIXES.length - 1)
          // A sweep or two more.
          await until(async () => (await store.prune()) === 0)
          assert.equal(await sessions.countDocuments(), 2 * PREFIXES.length - 2)
          assert.deepEqual(told.sort(), expiredEvents ? ['one', 'two'] : [])
        })
      }

      test(`finds and ends its own, with collation: ${collationTitle}`, async (t) => {
        const { open, sessions } = await openWith(t, backend, collation)
        const [first, second] = ['app:', 'App2:'].map((prefix) => open(prefix, { index: { user: 'user' } }))
        for (const store of [first, second]) {
          for (const sid of ['one', 'two']) await store.set(sid, plainSession({ user: 'me' }))
        }
        assert.equal(await first.count({ user: 'me' }), 2)
        assert.equal((await first.find({ user: 'me' })).length, 2)
        const [{ handle }] = await second.find({ user: 'me' })
        assert.equal(await first.destroyHandle(handle), false)
        assert.equal(await first.destroyAll({ user: 'me' }, { except: 'one' }), 1)
        assert.ok(await first.get('one'))
        assert.equal(await second.count({ user: 'me' }), 2)
        assert.equal(await sessions.countDocuments(), 3)
      })
    }

    test('is part of the _id, before a hash', async (t) => {
      const { open, sessions } = await openWith(t, backend)
      await open('app:').set('sid', plainSession())
      await open('app:', { hashId: true }).set('sid', plainSession())
      const ids = (await sessions.distinct('_id')).sort()
      assert.match(ids[0], /^app:sha256:[\w-]{43}$/)
      assert.equal(ids[1], 'app:sid')
    })

    test('goes through more than a batch of ids', async (t) => {
      const { open, sessions } = await openWith(t, backend)
      const own = Array.from({ length: 1_001 }, (_, n) => `sid-${String(n).padStart(4, '0')}`)
      await sessions.insertMany(
        own.flatMap((sid) => ['a.', 'ab', 'b.'].map((one) => storedSession(one + sid)))
      )
      assert.deepEqual(await open('a.').ids(), own)
      assert.equal(await open('a.').length(), own.length)
    })

    test('reads no documents of others', async (t) => {
      const { db, open, sessions } = await openDatabase(t)
      const ids = Array.from({ length: 500 }, (_, n) => `other:${n}`)
      await sessions.insertMany([...ids, 'o.(x:1', 'o.(x:2'].map((id) => storedSession(id)))
      const store = open({ backend, autoRemove: 'disabled', prefix: 'o.(x:' })
      const { reads } = await profile(db)
      assert.deepEqual(await store.ids(), ['1', '2'])
      assert.equal((await store.all()).length, 2)
      assert.equal(await store.length(), 2)
      const examined = (await reads()).map(({ docsExamined = 0 }) => docsExamined)
      assert.ok(examined.length >= 3 && examined.every((count) => count <= 2), examined.join())
    })

    test('leaves alone what is stored under no text, and without a prefix all is the own', async (t) => {
      const { open, sessions } = await openWith(t, backend)
      const store = open('app:')
      const expired = { expires: EARLIER }
      await sessions.insertMany([{ _id: new ObjectId(), ...expired }, storedSession('app:sid', expired)])
      assert.equal(await store.prune(), 1)
      await store.clear()
      assert.equal(await sessions.countDocuments(), 1)
      await store.set('sid', plainSession())
      assert.deepEqual(await open().ids(), ['app:sid'])
      await open().clear()
      assert.equal(await sessions.countDocuments(), 0)
    })

    test('that begins with another one is part of what that one has', async (t) => {
      const { open, sessions } = await openWith(t, backend)
      const [shorter, longer] = [open('app:'), open('app:admin:')]
      await shorter.set('sid', plainSession())
      await longer.set('sid', plainSession())
      assert.deepEqual(await longer.ids(), ['sid'])
      assert.deepEqual((await shorter.ids()).sort(), ['admin:sid', 'sid'])
      await longer.clear()
      assert.deepEqual(await sessions.distinct('_id'), ['app:sid'])
    })
  })
}

test('a prefix is text that is not empty', async () => {
  for (const prefix of ['', 5, {}, /app/, '\ud800', 'a\0']) {
    const make = () =>
      MongoStore.create({ mongoUrl: 'mongodb://127.0.0.1:1', prefix: /** @type {any} */ (prefix) })
    assert.throws(make, /^TypeError: prefix must be well-formed text/)
  }
})
