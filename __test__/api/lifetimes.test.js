// How long sessions live: the options ttl as a function, disableTouch, maxLifetime and expiryGrace; and prune.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const express = require('express')
const session = require('express-session')
const { MongoClient, ObjectId } = require('mongodb')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { recordEvents } = require('../support/differential.js')
const { SECRET } = require('../support/encryption.js')
const { Browser, serve } = require('../support/http.js')
const { majorVersion, startServer } = require('../support/server.js')
const {
  EARLIER,
  LATER,
  assertBetween,
  expressSession,
  fromNow,
  plainSession,
  storedSession,
} = require('../support/sessions.js')
const { nextEvent, promised, until } = require('../support/wait.js')
const { collectWarnings, warningsAreOut } = require('../support/warnings.js')
const { openBehindWire } = require('../support/wire.js')

const server = startServer()
const protectedServer = startServer({
  auth: { enable: true, customRootName: 'root', customRootPwd: 'right' },
})

const HOUR_SECONDS = 60 * 60
const DAY_SECONDS = 24 * 60 * 60
const COOKIES = {
  'a date in its cookie': plainSession({ cookie: { expires: LATER } }),
  'text in its cookie': plainSession(),
  'a cookie without expires': { cookie: {} },
  'no cookie': { n: 1 },
}
const STORES = {
  plain: {},
  'stringify: false': { stringify: false },
  crypto: { crypto: { secret: SECRET } },
  hashId: { hashId: { secret: ['newest', 'older'], acceptPlainIds: true } },
}

/** What cannot be a lifetime, and how its error calls it. @type {[unknown, RegExp][]} */
const UNUSABLE = [
  [Number.NaN, /not NaN$/],
  [Number.POSITIVE_INFINITY, /not Infinity$/],
  [Number.MAX_SAFE_INTEGER, /not 9007199254740991$/],
  ['60', /not '60'$/],
  [60n, /not 60n$/],
  [null, /not null$/],
  [true, /not true$/],
  [{ user: 'me' }, /not an object$/],
  [() => 60, /not a function$/],
  [Promise.resolve(60), /promise: it must answer at once/],
  [Object.fromEntries([['then', () => {}]]), /promise: it must answer at once/],
]

/**
 * Calls something, and looks at the date that it has stored.
 *
 * @param {import('mongodb').Collection<any>} sessions
 * @param {number} seconds from the call on
 * @param {() => Promise<unknown>} call
 */
async function assertLives(sessions, seconds, call) {
  const from = Date.now() + seconds * 1000
  await call()
  const [{ expires }] = await sessions.find().sort({ expires: -1 }).limit(1).toArray()
  assertBetween(expires, from, Date.now() + seconds * 1000)
}

/** @param {import('mongodb').Collection<any>} sessions @returns {Promise<Record<string, number>>} seconds by field */
async function ttlIndexesOf(sessions) {
  const indexes = await sessions.indexes().catch(() => [])
  const ofTtl = indexes.filter((index) => index.expireAfterSeconds !== undefined)
  return Object.fromEntries(
    ofTtl.map(({ key, expireAfterSeconds }) => [Object.keys(key)[0], expireAfterSeconds])
  )
}

/** @param {any} store @returns {Promise<number[]>} how many of them each way to list sessions gives */
async function counts(store) {
  let iterated = 0
  for await (const _ of store.iterate()) iterated++
  const [all, ids] = [await store.all(), await store.ids()]
  return [all.length, ids.length, await store.length(), iterated]
}

for (const backend of BACKENDS) {
  describe(`ttl as a function, on the ${backend} backend`, () => {
    for (const [title, session] of Object.entries(COOKIES)) {
      test(`decides for each set and each touch of a session with ${title}`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        let seconds = DAY_SECONDS
        const store = open({ backend, autoRemove: 'disabled', ttl: () => seconds })
        await assertLives(sessions, DAY_SECONDS, () => store.set('sid', session))
        seconds = 2 * DAY_SECONDS + 0.5
        await assertLives(sessions, seconds, () => store.touch('sid', session))
        seconds = 3 * DAY_SECONDS
        await assertLives(sessions, seconds, () => promised(store, 'set', 'sid', session))
        seconds = 4 * DAY_SECONDS
        await assertLives(sessions, seconds, () => promised(store, 'touch', 'sid', session))
      })
    }

    for (const [title, options] of Object.entries(STORES)) {
      test(`is given the session and its id, with ${title}`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        /** @type {unknown[][]} */
        const asked = []
        const ttl = (/** @type {unknown[]} */ ...args) => {
          asked.push(args)
          return DAY_SECONDS
        }
        const store = open({ backend, autoRemove: 'disabled', ttl, ...options })
        const session = expressSession()
        await assertLives(sessions, DAY_SECONDS, () => store.set('sid', session))
        await store.touch('sid', session)
        assert.deepEqual(
          asked.map(([given, sid]) => [given === session, sid]),
          [
            [true, 'sid'],
            [true, 'sid'],
          ]
        )
      })
    }

    test('leaves it to the cookie with undefined, and to 14 days without one', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled', ttl: () => undefined })
      await store.set('sid', plainSession())
      assert.deepEqual((await sessions.findOne({ _id: 'sid' }))?.expires, LATER)
      await store.touch('sid', { cookie: { expires: EARLIER } })
      assert.deepEqual((await sessions.findOne({ _id: 'sid' }))?.expires, EARLIER)
      await assertLives(sessions, 14 * DAY_SECONDS, () => store.set('sid', { cookie: {} }))
      await assertLives(sessions, 14 * DAY_SECONDS, () => store.touch('sid', { cookie: {} }))
    })

    test('may end a session at once', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled', ttl: (session) => session.seconds })
      for (const seconds of [0, -5]) {
        await store.set('sid', plainSession({ seconds }))
        assert.equal(await store.get('sid'), null)
      }
    })

    test('moves the cookie of a session that is loaded', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled', ttl: () => DAY_SECONDS })
      await store.set('sid', plainSession({ n: 1 }))
      const { n, cookie } = await store.get('sid')
      const { expires } = (await sessions.findOne({ _id: 'sid' })) ?? {}
      assert.deepEqual([n, cookie.expires], [1, expires.toJSON()])
    })

    test('is not asked about a touch that touchAfter passes by', async (t) => {
      const { open } = await openDatabase(t)
      let asked = 0
      const ttl = () => {
        asked++
        return DAY_SECONDS
      }
      const store = open({ backend, autoRemove: 'disabled', ttl, touchAfter: 60 })
      const session = plainSession()
      await store.set('sid', session)
      await store.touch('sid', session)
      assert.equal(asked, 1)
    })

    test('fails the call that it gives no lifetime, and no other', async (t) => {
      const { open, sessions } = await openDatabase(t)
      /** @type {unknown} */
      let answer = DAY_SECONDS
      const store = open({ backend, autoRemove: 'disabled', ttl: () => answer })
      const session = plainSession()
      await store.set('sid', session)
      const before = await sessions.find().toArray()
      for (const [unusable, message] of UNUSABLE) {
        answer = unusable
        for (const method of /** @type {const} */ (['set', 'touch'])) {
          const expected = (/** @type {Error} */ error) =>
            error instanceof TypeError && /^ttl /.test(error.message) && message.test(error.message)
          await assert.rejects(store[method]('sid', session), expected)
          await assert.rejects(promised(store, method, 'sid', session), expected)
        }
      }
      assert.deepEqual(await sessions.find().toArray(), before)
      answer = 2 * DAY_SECONDS
      await assertLives(sessions, 2 * DAY_SECONDS, () => store.touch('sid', session))
    })

    test('handles the rejection of a promise that is not awaited', async (t) => {
      const { open } = await openDatabase(t)
      /** @type {unknown[]} */
      const unhandled = []
      const onUnhandled = (/** @type {unknown} */ reason) => unhandled.push(reason)
      process.on('unhandledRejection', onUnhandled)
      t.after(() => process.off('unhandledRejection', onUnhandled))
      const ttl = async () => {
        throw new Error('in the background')
      }
      const store = open({ backend, autoRemove: 'disabled', ttl })
      await assert.rejects(store.set('sid', plainSession()), /^TypeError: ttl returned a promise/)
      await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual(unhandled, [])
    })

    test('fails the call with what it throws', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const thrown = new Error('no lifetime today')
      const ttl = () => {
        throw thrown
      }
      const store = open({ backend, autoRemove: 'disabled', ttl })
      for (const method of /** @type {const} */ (['set', 'touch'])) {
        await assert.rejects(store[method]('sid', plainSession()), thrown)
        await assert.rejects(promised(store, method, 'sid', plainSession()), thrown)
      }
      assert.equal(await sessions.countDocuments(), 0)
    })

    test('is not asked about an id that is none', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled', ttl: assert.fail })
      for (const method of /** @type {const} */ (['set', 'touch'])) {
        await assert.rejects(store[method](/** @type {any} */ (5), plainSession()), /must be a string/)
      }
    })

    test('can be put in place, and taken away, at run time', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const warnings = collectWarnings(t)
      const store = open({ backend, autoRemove: 'disabled' })
      const ttl = () => DAY_SECONDS
      store.options.ttl = ttl
      assert.equal(store.options.ttl, ttl)
      await assertLives(sessions, DAY_SECONDS, () => store.set('sid', plainSession()))
      store.options.ttl = 60
      await assertLives(sessions, 60, () => store.touch('sid', { cookie: {} }))
      await warningsAreOut()
      assert.deepEqual(warnings, [])
    })

    test('decides about the merged session as well', async (t) => {
      const { open, sessions } = await openDatabase(t)
      /** @type {unknown[]} */
      const asked = []
      const ttl = (/** @type {any} */ { one, two }, /** @type {string} */ sid) => {
        asked.push([sid, one, two])
        return two ? 2 * DAY_SECONDS : DAY_SECONDS
      }
      const store = open({ backend, autoRemove: 'disabled', concurrency: 'merge', ttl })
      await store.set('sid', plainSession())
      const [one, two] = await Promise.all(
        ['sid', 'sid'].map(async (sid) => store.createSession({ sessionID: sid }, await store.get(sid)))
      )
      await store.set('sid', Object.assign(two, { two: true }))
      await assertLives(sessions, 2 * DAY_SECONDS, () => store.set('sid', Object.assign(one, { one: true })))
      assert.deepEqual(asked.at(-2), ['sid', true, undefined])
      assert.deepEqual(asked.at(-1), ['sid', true, true])
    })
  })

  describe(`disableTouch on the ${backend} backend`, () => {
    test('lets touch succeed, and sends and emits nothing', async (t) => {
      const { open, sessions, wire } = await openBehindWire(t, await server)
      const store = open({ backend, disableTouch: true, strictTouch: true })
      await store.set('sid', plainSession())
      const before = await sessions.find().toArray()
      const events = recordEvents(store)
      wire.commands.length = 0
      const session = { cookie: { expires: EARLIER } }
      assert.equal(await store.touch('sid', session), undefined)
      assert.equal(await promised(store, 'touch', 'sid', session), undefined)
      await store.touch('missing', session)
      assert.deepEqual(
        wire.commands.map(({ name }) => name),
        []
      )
      assert.deepEqual(events, [])
      assert.deepEqual(await sessions.find().toArray(), before)
    })

    test('lets a session end so long after its last set', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled', disableTouch: true, ttl: 60 })
      await assertLives(sessions, 60, () => store.set('sid', { cookie: {} }))
      store.options.ttl = DAY_SECONDS
      const before = await sessions.find().toArray()
      await store.touch('sid', { cookie: {} })
      assert.deepEqual(await sessions.find().toArray(), before)
      await assertLives(sessions, DAY_SECONDS, () => store.set('sid', { cookie: {} }))
    })

    test('asks neither ttl nor transformId', async (t) => {
      const { open } = await openDatabase(t)
      const asked = { ttl: assert.fail, transformId: assert.fail }
      await open({ backend, autoRemove: 'disabled', disableTouch: true, ...asked }).touch('sid', {})
    })

    test('still refuses what touch refuses', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled', disableTouch: true })
      await assert.rejects(store.touch(/** @type {any} */ (5), plainSession()), /must be a string/)
      await assert.rejects(store.touch('sid', undefined), /touch needs the session/)
      await assert.rejects(promised(store, 'touch', 'sid', null), /touch needs the session/)
      await store.close()
      await assert.rejects(store.touch('sid', plainSession()), { code: 'ERR_STORE_CLOSED' })
    })

    test('is true or false, whatever was given', async (t) => {
      const { open } = await openDatabase(t)
      const given = [undefined, false, 0, null, '', true, 1, 'yes']
      const taken = given.map(
        (disableTouch) => open({ backend, autoRemove: 'disabled', disableTouch }).options.disableTouch
      )
      assert.deepEqual(taken, [false, false, false, false, false, true, true, true])
    })
  })

  describe(`maxLifetime on the ${backend} backend`, () => {
    for (const [title, options] of Object.entries({ ...STORES, merge: { concurrency: 'merge' } })) {
      test(`ends a session that is touched and set, with ${title}`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        const store = open({ backend, autoRemove: 'disabled', maxLifetime: HOUR_SECONDS, ...options })
        const before = Date.now()
        await store.set('sid', plainSession())
        const [{ createdAt }] = await sessions.find().toArray()
        assertBetween(createdAt, before, Date.now())
        const loaded = store.createSession({ sessionID: 'sid' }, await store.get('sid'))
        const old = fromNow(-HOUR_SECONDS * 1000 + 60_000)
        await sessions.updateOne({}, { $set: { createdAt: old } })
        await store.touch('sid', plainSession())
        await store.set('sid', Object.assign(loaded, { n: 1 }))
        assert.deepEqual(
          (await sessions.find().toArray()).map((one) => one.createdAt),
          [old]
        )
        assert.equal((await store.get('sid')).n, 1)
        await sessions.updateOne({}, { $set: { createdAt: EARLIER } })
        assert.equal(await store.get('sid'), null)
        await store.touch('sid', plainSession())
        await store.set('sid', loaded)
        assert.equal(await store.get('sid'), null)
        assert.deepEqual(
          (await sessions.find().toArray()).map((one) => one.createdAt),
          [EARLIER]
        )
      })
    }

    test('leaves out whatever has reached it, and counts from when it is switched on or changed', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const ages = { new: 0, middle: 2 * HOUR_SECONDS, old: 4 * HOUR_SECONDS }
      const dated = Object.entries(ages).map(([id, seconds]) =>
        storedSession(id, { createdAt: fromNow(-seconds * 1000) })
      )
      await sessions.insertMany([
        ...dated,
        storedSession('undated'),
        storedSession('odd', { createdAt: null }),
      ])
      const openWith = (/** @type {object} */ options) =>
        open({ backend, autoRemove: 'disabled', ...options })
      assert.deepEqual(await counts(openWith({})), [5, 5, 5, 5])
      assert.deepEqual(await counts(openWith({ maxLifetime: 3 * HOUR_SECONDS })), [4, 4, 4, 4])
      const store = openWith({ maxLifetime: HOUR_SECONDS })
      assert.deepEqual(await counts(store), [3, 3, 3, 3])
      const found = await Promise.all(['new', 'middle', 'old', 'undated', 'odd'].map((sid) => store.get(sid)))
      assert.deepEqual(
        found.map((one) => one !== null),
        [true, false, false, true, true]
      )
    })

    test('begins with the next write of a session that a connect-mongo has created', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await sessions.insertMany([storedSession('touched'), storedSession('set')])
      const store = open({ backend, autoRemove: 'disabled', maxLifetime: HOUR_SECONDS })
      const before = Date.now()
      await store.touch('touched', plainSession())
      await store.set('set', plainSession())
      for (const { createdAt } of await sessions.find().toArray())
        assertBetween(createdAt, before, Date.now())
    })

    for (const [title, from] of Object.entries({
      'a path': 'auth.since',
      'a function': (/** @type {any} */ { auth }) => auth?.since,
    })) {
      test(`is carried over a regenerate() by ${title}, and only by that`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        const store = open({ backend, autoRemove: 'disabled', maxLifetime: { seconds: HOUR_SECONDS, from } })
        const app = express().use(
          session({ secret: 'a secret', resave: false, saveUninitialized: false, store })
        )
        app.get('/login', async (req, res) => {
          const kept = req.query.keeps ? { since: req.query.keeps } : undefined
          await promised(req.session, 'regenerate')
          Object.assign(req.session, { n: 1, auth: kept })
          res.json({})
        })
        app.get('/n', (req, res) => res.json(Reflect.get(req.session, 'n') ?? null))
        const browser = new Browser(await serve(t, app))
        const halfPast = fromNow(-HOUR_SECONDS * 500)
        await browser.json(`/login?keeps=${halfPast.toJSON()}`)
        assert.deepEqual(await sessions.distinct('createdAt'), [halfPast])
        assert.equal(await browser.json('/n'), 1)
        const before = Date.now()
        await browser.json('/login')
        assertBetween((await sessions.distinct('createdAt'))[0], before, Date.now())
        await browser.json(`/login?keeps=${EARLIER.toJSON()}`)
        assert.equal(await browser.json('/n'), null)
      })
    }

    test('takes dates in every form, the oldest of all, and refuses what is none', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const maxLifetime = { seconds: HOUR_SECONDS, from: 'since' }
      const store = open({ backend, autoRemove: 'disabled', maxLifetime })
      for (const since of [EARLIER, EARLIER.getTime(), EARLIER.toJSON()]) {
        await store.set('sid', plainSession({ since }))
        assert.deepEqual(await sessions.distinct('createdAt'), [EARLIER])
        await store.set('sid', plainSession({ since: new Date() }))
        assert.deepEqual(await sessions.distinct('createdAt'), [EARLIER])
        await store.destroy('sid')
      }
      for (const since of ['yesterday', Number.NaN, {}, ''])
        await assert.rejects(
          store.set('sid', plainSession({ since })),
          /^TypeError: maxLifetime.from must give/
        )
      assert.equal(await sessions.countDocuments(), 0)
    })

    test('makes a TTL index on createdAt, and changes the one that is there', async (t) => {
      const { db, open, sessions } = await openDatabase(t)
      const isThere = (/** @type {object} */ wanted) =>
        until(async () => {
          const indexes = await ttlIndexesOf(sessions)
          return Object.entries(wanted).every(([field, seconds]) => indexes[field] === seconds)
        })
      open({ backend, maxLifetime: HOUR_SECONDS })
      await isThere({ expires: 0, createdAt: HOUR_SECONDS })
      open({ backend, maxLifetime: DAY_SECONDS })
      await isThere({ expires: 0, createdAt: DAY_SECONDS })
      open({ backend, maxLifetime: DAY_SECONDS, expiryGrace: 60 })
      await isThere({ expires: 60, createdAt: DAY_SECONDS + 60 })
      // Before 6.0 a server makes no index of more seconds than have passed since 1970.
      if ((await majorVersion(db)) >= 6) {
        open({ backend, maxLifetime: 2 ** 31 - 1, expiryGrace: 2 ** 31 - 1 })
        await isThere({ expires: 2 ** 31 - 1, createdAt: 2 ** 31 - 1 })
      }
      assert.equal((await sessions.indexes()).length, 3)
    })

    test('is a whole number of seconds, and has no other options', async (t) => {
      const { open } = await openDatabase(t)
      /** @type {[unknown, RegExp][]} */
      const refused = [
        [0, /^TypeError: maxLifetime must be a whole number of seconds from 1 to 2147483647, not 0$/],
        ['60', /not '60'$/],
        [1.5, /not 1.5$/],
        [2 ** 31, /not 2147483648$/],
        [{}, /^TypeError: maxLifetime.seconds must be/],
        [{ seconds: 60, form: 'x' }, /^TypeError: maxLifetime has no option form/],
        [{ seconds: 60, from: 5 }, /^TypeError: maxLifetime.from must be a path/],
      ]
      for (const [maxLifetime, message] of refused)
        assert.throws(() => open({ backend, maxLifetime: /** @type {any} */ (maxLifetime) }), message)
    })
  })

  describe(`expiryGrace on the ${backend} backend`, () => {
    test('keeps the document of a session that has ended, for prune and sweeps as well', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await sessions.insertMany([
        storedSession('just ended', { expires: fromNow(-60_000) }),
        storedSession('ended', { expires: fromNow(-2 * HOUR_SECONDS * 1000) }),
      ])
      const sweeping = { autoRemove: 'interval', autoRemoveInterval: 0.001 }
      const store = open({ backend, ...sweeping, expiryGrace: HOUR_SECONDS })
      assert.deepEqual(await counts(store), [0, 0, 0, 0])
      assert.equal(await store.get('just ended'), null)
      await until(async () => (await sessions.countDocuments()) === 1)
      assert.equal(await store.prune(), 0)
      assert.deepEqual(await sessions.distinct('_id'), ['just ended'])
    })

    test('changes the TTL index that is there, and only with the option', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await sessions.createIndex({ expires: 1 }, { expireAfterSeconds: 5, name: 'by hand' })
      open({ backend, expiryGrace: 60 })
      await until(async () => (await ttlIndexesOf(sessions)).expires === 60)
      const [error] = await nextEvent(open({ backend }), 'error')
      assert.ok([85, 86].includes(error.code))
      assert.match(error.message, /make it by hand, or set autoRemove: 'interval'/)
      assert.deepEqual(await ttlIndexesOf(sessions), { expires: 60 })
      open({ backend, expiryGrace: 0 })
      await until(async () => (await ttlIndexesOf(sessions)).expires === 0)
    })

    for (const [title, actions] of Object.entries({
      'collMod is not allowed': ['find', 'insert', 'update', 'remove', 'createIndex', 'listIndexes'],
      'indexes cannot even be listed': ['find', 'insert', 'update', 'remove', 'createIndex'],
    })) {
      test(`says once what to run where ${title}`, async (t) => {
        const root = new URL((await protectedServer).getUri())
        Object.assign(root, { username: 'root', password: 'right' })
        const client = await MongoClient.connect(`${root.href}?authSource=admin`)
        t.after(() => client.close())
        const db = client.db(`grace_${backend}`)
        const name = `app ${title} ${backend}`
        const privileges = [{ resource: { db: db.databaseName, collection: '' }, actions }]
        await db.command({ createRole: name, privileges, roles: [] })
        await db.command({ createUser: name, pwd: 'right', roles: [name] })
        const collectionName = `"sessions" ${backend} ${title}`
        const sessions = db.collection(collectionName)
        await sessions.createIndex({ expires: 1 }, { expireAfterSeconds: 0 })
        const url = Object.assign(new URL(root.href), { username: name })
        const mongoUrl = `${url.href}${db.databaseName}`
        const warnings = collectWarnings(t)
        const store = new MongoStore({ mongoUrl, backend, collectionName, expiryGrace: 60 })
        t.after(() => store.close())
        await until(() => warnings.length > 0)
        await store.set('sid', plainSession())
        assert.equal(warnings.length, 1)
        const [, text] = /run (db\.runCommand\(.*\)), or set autoRemove/.exec(warnings[0].message) ?? []
        assert.ok(text, warnings[0].message)
        // What it says, as mongosh would run it.
        const mongosh = { runCommand: (/** @type {object} */ command) => db.command(command) }
        await new Function('db', `return ${text}`)(mongosh)
        assert.deepEqual(await ttlIndexesOf(sessions), { expires: 60 })
      })
    }

    test('is a whole number of seconds', async (t) => {
      const { open } = await openDatabase(t)
      for (const expiryGrace of [-1, 0.5, '60', Number.NaN, 2 ** 31])
        assert.throws(
          () => open({ backend, expiryGrace: /** @type {any} */ (expiryGrace) }),
          /^TypeError: expiryGrace must be a whole number of seconds from 0/
        )
    })
  })

  describe(`prune on the ${backend} backend`, () => {
    test('removes what has expired, in batches, and gives its number', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const expired = { expires: EARLIER }
      await sessions.insertMany([
        storedSession('live'),
        storedSession('without a date', { expires: undefined }),
        ...Array.from({ length: 1_001 }, (_, n) => storedSession(`sid-${n}`, expired)),
      ])
      const store = open({ backend, autoRemove: 'disabled' })
      assert.equal(await store.prune(), 1_001)
      assert.equal(await promised(store, 'prune'), 0)
      assert.equal(await promised(store, 'prune', {}), 0)
      assert.deepEqual((await sessions.distinct('_id')).sort(), ['live', 'without a date'])
    })

    test('removes documents whose _id is no text, too', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const strangers = [new ObjectId(), 5, { a: 1 }, null, new Date()]
      await sessions.insertMany(strangers.map((_id) => ({ _id, expires: EARLIER })))
      await sessions.insertMany([
        { _id: new ObjectId(), expires: LATER },
        storedSession('sid', { expires: EARLIER }),
      ])
      const store = open({ backend, autoRemove: 'disabled' })
      assert.equal(await store.prune(), strangers.length + 1)
      assert.equal(await sessions.countDocuments(), 1)
    })

    test('removes what has reached its maxLifetime', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await sessions.insertMany([
        storedSession('old', { createdAt: EARLIER }),
        storedSession('ended', { createdAt: fromNow(-61_000) }),
        storedSession('new', { createdAt: new Date() }),
      ])
      const store = open({ backend, autoRemove: 'disabled', maxLifetime: 60, expiryGrace: HOUR_SECONDS })
      assert.equal(await store.prune(), 1)
      assert.deepEqual((await sessions.distinct('_id')).sort(), ['ended', 'new'])
      assert.deepEqual(await counts(store), [1, 1, 1, 1])
    })

    test('ends between two batches when it is aborted, and at once when it was before', async (t) => {
      const { open, sessions, wire } = await openBehindWire(t, await server)
      await sessions.insertMany(
        Array.from({ length: 1_200 }, (_, n) => storedSession(`sid-${n}`, { expires: EARLIER }))
      )
      const store = open({ backend })
      assert.equal(await store.prune({ signal: AbortSignal.abort() }), 0)
      const controller = new AbortController()
      const release = wire.hold('delete')
      const pruning = store.prune({ signal: controller.signal })
      await wire.answered('delete', 1)
      controller.abort()
      release()
      assert.equal(await pruning, 500)
      assert.equal(await sessions.countDocuments(), 700)
    })

    test('fails as the server does, and on a store that is closed', async (t) => {
      const { open } = await openDatabase(t)
      const away = 'mongodb://127.0.0.1:1/away?serverSelectionTimeoutMS=300'
      const store = open({ backend, mongoUrl: away, autoRemove: 'disabled' })
      await assert.rejects(store.prune(), { name: 'MongoServerSelectionError' })
      await store.close()
      await assert.rejects(store.prune(), { code: 'ERR_STORE_CLOSED' })
    })
  })
}
