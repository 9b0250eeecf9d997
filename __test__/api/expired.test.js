// The event expired: of a get that meets a session which is still stored, and with expiredEvents of one process of all.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { ObjectId } = require('mongodb')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')
const { SECRET } = require('../support/encryption.js')
const { startServer } = require('../support/server.js')
const { EARLIER, LATER, plainSession, storedSession } = require('../support/sessions.js')
const { nextEvent, uncaughtException, until } = require('../support/wait.js')
const { collectWarnings, warningsAreOut } = require('../support/warnings.js')
const { openBehindWire } = require('../support/wire.js')

const server = startServer()

const REVERSING = {
  encrypt: async (/** @type {string} */ text) => [...text].reverse().join(''),
  decrypt: async (/** @type {string} */ text) => [...text].reverse().join(''),
}
/** How sessions are stored, and whether that tells their ids. @type {Record<string, { options: Record<string, any>, isIdHidden?: boolean }>} */
const STORES = {
  plain: { options: {} },
  'stringify: false': { options: { stringify: false } },
  crypto: { options: { crypto: { secret: SECRET } } },
  sealed: { options: { crypto: { secret: SECRET, format: 'sealed' } } },
  'an adapter of its own': { options: { cryptoAdapter: REVERSING } },
  hashId: { options: { hashId: true }, isIdHidden: true },
  'older secrets of hashId': {
    options: { hashId: { secret: ['newest', 'older'], acceptPlainIds: true } },
    isIdHidden: true,
  },
  transformId: { options: { transformId: async (/** @type {string} */ sid) => `x${sid}` }, isIdHidden: true },
  prefix: { options: { prefix: 'app:' } },
  merge: { options: { concurrency: 'merge' } },
}

/** @param {any} store @returns {unknown[][]} what `expired` tells, id and `n` of the session */
function expiredOf(store) {
  /** @type {unknown[][]} */
  const told = []
  store.on('expired', (/** @type {unknown} */ sid, /** @type {any} */ session) =>
    told.push([sid, session?.n])
  )
  return told
}

/** Lets sessions have expired long ago. @param {import('mongodb').Collection<any>} sessions @param {object} [which] */
const expire = (sessions, which = {}) => sessions.updateMany(which, { $set: { expires: EARLIER } })

/** As if a process had claimed it long ago. @param {import('mongodb').Collection<any>} sessions */
const ageClaims = (sessions) =>
  sessions.updateMany({ expiredClaimAt: { $exists: true } }, { $set: { expiredClaimAt: EARLIER } })

/** @param {number} count @param {object} [fields] */
const expiredDocuments = (count, fields) =>
  Array.from({ length: count }, (_, n) =>
    storedSession(`sid-${n}`, {
      session: JSON.stringify(plainSession({ n })),
      expires: EARLIER,
      ...fields,
    })
  )

/** @param {number} count */
const upTo = (count) => Array.from({ length: count }, (_, n) => n)

/** @param {unknown[][]} told */
const numbers = (told) => told.map(([, n]) => Number(n)).sort((a, b) => a - b)

for (const backend of BACKENDS) {
  describe(`a get that meets an expired session, on the ${backend} backend`, () => {
    for (const [title, { options, isIdHidden }] of Object.entries(STORES)) {
      test(`reports it each time, with ${title}`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        const store = open({ backend, autoRemove: 'disabled', ...options })
        await store.set('sid', plainSession({ n: 1 }))
        await expire(sessions)
        const told = expiredOf(store)
        for (let times = 1; times <= 2; times++) {
          const event = nextEvent(store, 'expired')
          assert.equal(await store.get('sid'), null)
          const [sid, session] = await event
          assert.deepEqual([sid, session.n], [isIdHidden ? undefined : 'sid', 1])
          assert.equal(new Date(session.cookie.expires).getTime(), EARLIER.getTime())
          assert.equal(told.length, times)
        }
        assert.equal(await sessions.countDocuments(), 1)
      })

      test(`reports and removes it once with expiredEvents, with ${title}`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        const store = open({ backend, expiredEvents: true, ...options })
        await store.set('sid', plainSession({ n: 1 }))
        await expire(sessions)
        const told = expiredOf(store)
        assert.deepEqual(await Promise.all([store.get('sid'), store.get('sid')]), [null, null])
        await until(async () => (await sessions.countDocuments()) === 0)
        await store.get('sid')
        assert.equal(await store.prune(), 0)
        assert.deepEqual(told, [[isIdHidden ? undefined : 'sid', 1]])
      })
    }

    test('reports one that has reached its maxLifetime', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled', maxLifetime: 60 })
      await store.set('sid', plainSession({ n: 1 }))
      await sessions.updateOne({}, { $set: { createdAt: EARLIER } })
      const event = nextEvent(store, 'expired')
      assert.equal(await store.get('sid'), null)
      assert.equal((await event)[0], 'sid')
    })

    test('reports none that is live, gone or another', async (t) => {
      const { open, sessions, db } = await openDatabase(t)
      await db.createCollection('sessions', { collation: { locale: 'en', strength: 2 } })
      const store = open({ backend, autoRemove: 'disabled' })
      await sessions.insertMany([storedSession('live'), storedSession('EXPIRED', { expires: EARLIER })])
      const told = expiredOf(store)
      for (const sid of ['live', 'missing', 'expired']) await store.get(sid)
      const event = nextEvent(store, 'expired')
      await store.get('EXPIRED')
      await event
      assert.deepEqual(told, [['EXPIRED', undefined]])
    })

    test('asks for nothing more where nobody listens', async (t) => {
      const { open, sessions, wire } = await openBehindWire(t, await server)
      await sessions.insertOne(storedSession('sid', { expires: EARLIER }))
      const store = open({ backend })
      await store.get('sid')
      await store.get('sid')
      assert.equal(wire.sent('find').length, 2)
    })

    test('waits for nothing but its own answer', async (t) => {
      const { open, sessions, wire } = await openBehindWire(t, await server)
      await sessions.insertMany(expiredDocuments(1))
      const store = open({ backend, expiredEvents: true, autoRemove: 'native' })
      const told = expiredOf(store)
      const release = wire.hold('update')
      for (let times = 0; times < 3; times++) assert.equal(await store.get('sid-0'), null)
      await wire.answered('update', 1)
      assert.equal(await store.get('sid-0'), null)
      assert.deepEqual(told, [])
      release()
      await until(async () => (await sessions.countDocuments()) === 0)
      assert.deepEqual(told, [['sid-0', 0]])
    })

    test('shares its question with others, so that misses take no connections from requests', async (t) => {
      const { open, sessions, wire } = await openBehindWire(t, await server)
      await sessions.insertMany(expiredDocuments(200))
      const store = open({ backend })
      const told = expiredOf(store)
      await store.get('missing')
      await Promise.all(upTo(200).map((n) => store.get(`sid-${n}`)))
      await until(() => told.length === 200)
      assert.deepEqual(numbers(told), upTo(200))
      const questions = wire.sent('find').filter(({ body }) => body.filter.expires?.$lt)
      assert.ok(questions.length < 20, `${questions.length} questions`)
    })

    test('fails neither with the question nor with a claim that fails', async (t) => {
      const { open, sessions, wire } = await openBehindWire(
        t,
        await server,
        '&retryReads=false&retryWrites=false'
      )
      await sessions.insertMany(expiredDocuments(1))
      const store = open({ backend, expiredEvents: true, autoRemove: 'native' })
      const told = expiredOf(store)
      wire.lose(({ name, body }) => {
        const isQuestion = name === 'find' && body.filter.expires?.$lt
        return isQuestion || name === 'update' ? 'request' : undefined
      })
      assert.equal(await store.get('sid-0'), null)
      assert.equal(await store.get('sid-0'), null)
      await until(() => wire.sent('find').some(({ body }) => body.filter.expires?.$lt))
      wire.letGo()
      await until(async () => {
        assert.equal(await store.get('sid-0'), null)
        return told.length > 0
      })
      assert.deepEqual(told, [['sid-0', 0]])
    })

    test('gives null although a listener throws', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await sessions.insertMany(expiredDocuments(1))
      const store = open({ backend, autoRemove: 'disabled' })
      const thrown = new Error('of the listener')
      store.on('expired', () => {
        throw thrown
      })
      /** @type {any} */
      let answer
      const exception = await uncaughtException(() => {
        answer = store.get('sid-0')
      })
      assert.equal(exception, thrown)
      assert.equal(await answer, null)
    })

    test('reports one that cannot be decrypted without its session', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await open({ backend, autoRemove: 'disabled', crypto: { secret: 'another' } }).set(
        'sid',
        plainSession()
      )
      await expire(sessions)
      const store = open({ backend, autoRemove: 'disabled', crypto: { secret: SECRET } })
      const [failed, expired] = [nextEvent(store, 'decrypt-failed'), nextEvent(store, 'expired')]
      assert.equal(await store.get('sid'), null)
      assert.equal((await failed)[1].code, 'ERR_SESSION_DECRYPT')
      assert.deepEqual(await expired, ['sid', undefined])
    })
  })

  describe(`expiredEvents on the ${backend} backend`, () => {
    for (const autoRemove of ['native', 'interval']) {
      test(`reports and removes by itself, with autoRemove: '${autoRemove}'`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        const store = open({ backend, autoRemove, autoRemoveInterval: 0.001, expiredEvents: true })
        const told = expiredOf(store)
        await sessions.insertMany([storedSession('live'), ...expiredDocuments(3)])
        await until(async () => (await sessions.countDocuments()) === 1)
        assert.deepEqual(numbers(told), [0, 1, 2])
        assert.ok(await store.get('live'))
      })
    }

    test('tells each of several batches once, and is not kept by documents whose id is no text', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const strangers = Array.from({ length: 501 }, () => ({ _id: new ObjectId(), expires: EARLIER }))
      await sessions.insertMany(strangers)
      await sessions.insertMany(expiredDocuments(501))
      const store = open({ backend, autoRemove: 'interval', expiredEvents: true, expiryGrace: 0 })
      const told = expiredOf(store)
      assert.equal(await store.prune(), 1002)
      assert.deepEqual(numbers(told), upTo(501))
      assert.equal(await sessions.countDocuments(), 0)
    })

    test('leaves a session that is renewed when it has been claimed', async (t) => {
      const { open, sessions, wire } = await openBehindWire(t, await server)
      await sessions.insertMany(expiredDocuments(1))
      const store = open({ backend, expiredEvents: true, autoRemove: 'native' })
      const told = expiredOf(store)
      const release = wire.hold('update')
      const pruning = store.prune()
      await wire.answered('update', 1)
      await sessions.updateOne({}, { $set: { expires: LATER } })
      release()
      await pruning
      assert.equal(told.length, 1)
      assert.ok(await store.get('sid-0'))
      await expire(sessions)
      await ageClaims(sessions)
      await store.prune()
      assert.equal(told.length, 2)
    })

    test('dates a claim by when it is made, so that a slow sweep keeps its own', async (t) => {
      const { open, sessions, wire } = await openBehindWire(t, await server)
      await sessions.insertMany(expiredDocuments(1))
      const store = open({ backend, expiredEvents: true, autoRemove: 'native' })
      const release = wire.hold('update')
      const pruning = store.prune()
      await wire.answered('update', 1)
      const [{ body }] = wire.sent('update')
      assert.equal(body.updates[0].u.$set.expiredClaimAt, undefined)
      const [{ expiredClaimAt }] = await sessions.find().toArray()
      assert.ok(expiredClaimAt instanceof Date)
      release()
      assert.equal(await pruning, 1)
    })

    test('is one process of several that sweep at once', async (t) => {
      const { url, sessions } = await openDatabase(t)
      await sessions.insertMany(expiredDocuments(60))
      const children = await Promise.all(
        [0, 1, 2].map(() =>
          runInChild(
            async ({ mongoUrl, backend }) => {
              const store = require('../..').create({ mongoUrl, backend, expiredEvents: true })
              store.on('expired', (_, { n }) => console.log(n))
              while ((await store.length()) === 0 && (await store.prune()) > 0);
              await store.close()
            },
            { mongoUrl: url, backend }
          )
        )
      )
      const told = children.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean).map(Number))
      assert.deepEqual(
        children.map(({ code }) => code),
        [0, 0, 0]
      )
      assert.deepEqual(
        told.sort((a, b) => a - b),
        upTo(60)
      )
      assert.equal(await sessions.countDocuments(), 0)
    })

    for (const meets of ['prune', 'get']) {
      test(`is told again by another process when one is killed that has claimed, in ${meets}`, async (t) => {
        const { open, url, sessions } = await openDatabase(t)
        await sessions.insertMany(expiredDocuments(1))
        const killed = await runInChild(
          async ({ mongoUrl, backend, meets }) => {
            const store = require('../..').create({ mongoUrl, backend, expiredEvents: true })
            store.on('expired', () => process.kill(process.pid, 'SIGKILL'))
            setInterval(() => {}, 1_000)
            await (meets === 'get' ? store.get('sid-0') : store.prune())
          },
          { mongoUrl: url, backend, meets }
        )
        assert.equal(killed.signal, 'SIGKILL')
        const [{ expiredClaim }] = await sessions.find().toArray()
        assert.equal(typeof expiredClaim, 'string')
        const store = open({ backend, expiredEvents: true })
        const told = expiredOf(store)
        assert.equal(await store.prune(), 0)
        assert.deepEqual(told, [])
        await ageClaims(sessions)
        assert.equal(await store.prune(), 1)
        assert.deepEqual(told, [['sid-0', 0]])
        assert.equal(await sessions.countDocuments(), 0)
      })
    }

    test('ends between two sessions when prune is aborted', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await sessions.insertMany(expiredDocuments(5))
      const store = open({ backend, expiredEvents: true })
      const controller = new AbortController()
      store.once('expired', () => controller.abort())
      assert.equal(await store.prune({ signal: controller.signal }), 1)
      assert.equal(await sessions.countDocuments(), 4)
    })

    test('cannot be had where the server would be first, where nothing is removed or nothing acknowledged', async (t) => {
      const { url } = await openDatabase(t)
      /** @type {[object, RegExp][]} */
      const refused = [
        [{ autoRemove: 'disabled' }, /^TypeError: expiredEvents needs autoRemove/],
        [{ expiryGrace: 600 }, /^TypeError: expiredEvents needs an expiryGrace of more than the 600 seconds/],
        [{ expiryGrace: 0 }, /expiryGrace .*, not 0: the server would remove/],
        [{ writeOperationOptions: { w: 0 } }, /^Error: expiredEvents needs writes that are acknowledged/],
      ]
      for (const [options, message] of refused) {
        const make = () => MongoStore.create({ mongoUrl: url, backend, expiredEvents: true, ...options })
        assert.throws(make, message)
      }
    })

    test('takes an interval that cannot work for its default', async (t) => {
      const { open } = await openDatabase(t)
      const warnings = collectWarnings(t)
      const store = open({ backend, expiredEvents: true, autoRemoveInterval: 0 - BACKENDS.indexOf(backend) })
      assert.equal(store.options.autoRemoveInterval, 10)
      await warningsAreOut()
      assert.match(warnings[0]?.message, /^autoRemoveInterval cannot be/)
    })
  })
}
