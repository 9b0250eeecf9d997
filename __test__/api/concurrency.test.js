// Requests of one user at a time, each with the session that it loaded: `concurrency` says what becomes of their writes.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { outcomeOf } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')
const { LATER, expressSession, fromNow } = require('../support/sessions.js')

/** @typedef {InstanceType<typeof MongoStore>} Store */

const CONFLICT = { code: 'SESSION_CONFLICT' }

/** An adapter of an app's own. */
const adapter = {
  encrypt: async (/** @type {string} */ text) => Buffer.from(text).toString('hex'),
  decrypt: async (/** @type {string} */ text) => Buffer.from(text, 'hex').toString(),
}

/** @type {Record<string, object>} */
const FORMS = {
  text: {},
  documents: { stringify: false },
  'a serializer of the app': {
    // It knows express-session's cookies.
    serialize: (/** @type {any} */ session) => ({ ...session, cookie: session.cookie.toJSON(), kept: 'so' }),
    unserialize: ({ kept, ...session }) => session,
  },
  kruptein: { crypto: { secret: 'squirrel' } },
  'kruptein, and documents': { crypto: { secret: 'squirrel' }, stringify: false },
  sealed: { crypto: { secret: 'squirrel', format: 'sealed' } },
  'web-crypto': {
    cryptoAdapter: MongoStore.createWebCryptoAdapter({ secret: 'squirrel', iterations: 1_000 }),
  },
  'an adapter of the app': { cryptoAdapter: adapter },
  'touchAfter and timestamps': { touchAfter: 3600, timestamps: true },
  'hashed ids': { hashId: true },
  'hashed ids, of several secrets': { hashId: { secret: ['new', 'old'], acceptPlainIds: true } },
}

/** @param {Store} store @param {string} [sid] @returns {Promise<any>} the session as a request has it */
async function load(store, sid = 'sid') {
  const stored = await store.get(sid)
  return store.createSession({ sessionID: sid, sessionStore: store }, stored)
}

/** @param {Record<string, any> | null} session */
const dataOf = (session) => {
  const { cookie, ...data } = session ?? {}
  return data
}

for (const backend of BACKENDS) {
  for (const [form, options] of Object.entries(FORMS)) {
    describe(`${form} on the ${backend} backend`, () => {
      /** @param {import('node:test').TestContext} t @param {object} own */
      async function openTwo(t, own) {
        const database = await openDatabase(t)
        const open = (/** @type {object} */ more) => database.open({ backend, ...options, ...own, ...more })
        const [store, other] = [open({}), open({})]
        await store.set('sid', expressSession({ a: 1, b: { c: 1, d: 1 } }))
        return { ...database, open, store, other }
      }

      test('merge: both requests keep what they changed', async (t) => {
        const { store, other } = await openTwo(t, { concurrency: 'merge' })
        const [one, two] = [await load(store), await load(other)]
        one.a = 2
        one.b.c = 2
        two.b.d = 2
        two.e = 'new'
        assert.equal((await outcomeOf(store, 'set', ['sid', one])).event, 'update')
        assert.equal((await outcomeOf(other, 'set', ['sid', two])).event, 'update')
        assert.deepEqual(dataOf(await store.get('sid')), { a: 2, b: { c: 2, d: 2 }, e: 'new' })
      })

      test('merge: a request that saves twice applies each change once', async (t) => {
        const { store, other } = await openTwo(t, { concurrency: 'merge' })
        const [one, two] = [await load(store), await load(other)]
        one.a = 2
        await store.set('sid', one)
        two.a = 3
        two.e = 'new'
        await other.set('sid', two)
        one.b.c = 2
        await store.set('sid', one)
        assert.deepEqual(dataOf(await store.get('sid')), { a: 3, b: { c: 2, d: 1 }, e: 'new' })
        assert.equal(one.e, undefined, 'the session in memory is the request’s own')
      })

      test('reject: a session that has been written since is refused, and is as it was written', async (t) => {
        const { store, other } = await openTwo(t, { concurrency: 'reject' })
        const [one, two] = [await load(store), await load(other)]
        one.a = 2
        two.e = 'new'
        await store.set('sid', one)
        await assert.rejects(other.set('sid', two), CONFLICT)
        assert.deepEqual(dataOf(await store.get('sid')), { a: 2, b: { c: 1, d: 1 } })
        const again = await load(other)
        again.e = 'new'
        await other.set('sid', again)
        again.e = 'newer'
        await other.set('sid', again)
        assert.deepEqual(dataOf(await store.get('sid')), { a: 2, b: { c: 1, d: 1 }, e: 'newer' })
      })

      test('reject: a touch is no conflict, nor is a session that the request has not changed', async (t) => {
        const { store, other } = await openTwo(t, { concurrency: 'reject' })
        const [one, two, three] = [await load(store), await load(other), await load(other)]
        await other.touch('sid', { cookie: { expires: fromNow(60_000) } })
        one.a = 2
        await store.set('sid', one)
        await other.set('sid', two)
        await other.set('sid', three)
        assert.equal((await store.get('sid'))?.a, 2)
      })

      test('reject: two requests that make the same change, such as to spend a coupon, do not both make it', async (t) => {
        const { store, other } = await openTwo(t, { concurrency: 'reject' })
        const [one, two] = [await load(store), await load(other)]
        for (const session of [one, two]) session.coupon = 'spent'
        await store.set('sid', one)
        await assert.rejects(other.set('sid', two), CONFLICT)
        assert.equal((await store.get('sid'))?.coupon, 'spent')
      })

      test('reject: a counter has counted what was acknowledged', async (t) => {
        const { store, other } = await openTwo(t, { concurrency: 'reject' })
        let counted = 0
        const count = async (/** @type {any} */ from) => {
          for (let round = 0; round < 20; round++) {
            const session = await load(from)
            session.a++
            try {
              await from.set('sid', session)
              counted++
            } catch (error) {
              assert.equal(/** @type {any} */ (error).code, 'SESSION_CONFLICT')
            }
          }
        }
        await Promise.all([store, other, store, other].map(count))
        assert.equal((await store.get('sid'))?.a, 1 + counted)
      })

      for (const concurrency of ['merge', 'reject']) {
        test(`${concurrency}: a session that was destroyed stays so, unless it may come back`, async (t) => {
          const { store, other, open, sessions } = await openTwo(t, { concurrency })
          const one = await load(store)
          one.a = 2
          await other.destroy('sid')
          assert.equal((await outcomeOf(store, 'set', ['sid', one])).event, 'set-refused')
          assert.equal(await sessions.countDocuments(), 0)

          const third = open({ resurrect: true })
          await other.set('sid', expressSession())
          const two = await load(third)
          await other.destroy('sid')
          assert.equal((await outcomeOf(third, 'set', ['sid', two])).event, 'create')
          assert.equal(await sessions.countDocuments(), 1)
        })
      }
    })
  }
}

describe('the sessions of a client', () => {
  for (const name of ['mongodb', 'mongodb-6', 'mongodb-5']) {
    test(`of ${name} are merged with the classes of its own`, async (t) => {
      const { url } = await openDatabase(t)
      const { MongoClient, ObjectId, Decimal128 } = require(name)
      const store = MongoStore.create({
        client: new MongoClient(url),
        stringify: false,
        concurrency: 'merge',
      })
      t.after(() => store.close())
      const id = new ObjectId()
      await store.set(
        'sid',
        expressSession({ user: id, price: Decimal128.fromString('1.5'), pins: Buffer.from('ab') })
      )
      const [one, two] = [await load(store), await load(store)]
      one.price = Decimal128.fromString('2.5')
      two.other = id
      await store.set('sid', one)
      await store.set('sid', two)
      const merged = await store.get('sid')
      assert.deepEqual(merged?.price, Decimal128.fromString('2.5'))
      assert.deepEqual([merged?.user, merged?.other], [id, id])
      assert.equal(merged?.pins.buffer.toString(), 'ab')
    })
  }
})

describe('the option', () => {
  const mongoUrl = 'mongodb://localhost/app'

  test('is one of three', () => {
    const options = /** @type {any} */ ({ mongoUrl, concurrency: 'last' })
    assert.throws(() => MongoStore.create(options), {
      name: 'TypeError',
      message: 'concurrency must be one of overwrite, merge, reject',
    })
  })

  test('needs writes that are acknowledged', () => {
    const writeOperationOptions = { w: 0 }
    assert.throws(() => MongoStore.create({ mongoUrl, concurrency: 'merge', writeOperationOptions }), /w: 0/)
    const client = { db: () => {} }
    assert.throws(() => MongoStore.create({ client, concurrency: 'merge', writeOperationOptions }), /w: 0/)
  })

  test('needs them from the URL and mongoOptions as well', () => {
    for (const options of [{ mongoUrl: `${mongoUrl}?w=0` }, { mongoUrl, mongoOptions: { w: 0 } }])
      assert.throws(() => MongoStore.create({ ...options, concurrency: 'reject' }), /w: 0/)
  })
})

describe('the expiry of a session that is merged', () => {
  test('is never put back by a request that saved it with an older one', async (t) => {
    const { open, sessions } = await openDatabase(t)
    const [store, other] = [open({ concurrency: 'merge' }), open({ concurrency: 'merge' })]
    await store.set('sid', expressSession())
    const one = await load(store)
    const later = new Date(LATER.getTime() + 60_000)
    await other.touch('sid', { cookie: { expires: later } })
    one.a = 1
    await store.set('sid', one)
    assert.deepEqual((await sessions.findOne({ _id: 'sid' }))?.expires, later)
    assert.equal((await store.get('sid'))?.a, 1)
  })
})
