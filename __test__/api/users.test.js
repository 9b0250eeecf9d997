// The sessions of a user: found by a value of the option index, counted, limited and ended, and the handles that stand for them.
'use strict'

const assert = require('node:assert/strict')
const { createHmac, scryptSync } = require('node:crypto')
const { tracingChannel } = require('node:diagnostics_channel')
const { describe, test } = require('node:test')
const { setImmediate } = require('node:timers/promises')
const { MongoStore: ConnectMongo } = require('connect-mongo')
const { ObjectId } = require('mongodb')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase, profile } = require('../support/database.js')
const { SECRET } = require('../support/encryption.js')
const { startReplicaSet, startServer, withDatabase } = require('../support/server.js')
const { EARLIER, LATER, assertBetween, plainSession, storedSession } = require('../support/sessions.js')
const { nextEvent, promised, until } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

/** @typedef {any} Store */

const server = startServer()

const INDEX = { index: { userId: 'passport.user', plan: (/** @type {any} */ { plan }) => plan } }
const HANDLE = /^[0-9a-f]{44}$/

/** The adapter of an app's own. */
const REVERSING = {
  encrypt: async (/** @type {string} */ text) => `~${[...text].reverse().join('')}`,
  decrypt: async (/** @type {string} */ text) => {
    if (text.startsWith('~')) return [...text.slice(1)].reverse().join('')
    throw new Error('not reversed')
  },
}

/** As SECURITY.md says what is made of the secret of encryption. */
const STRETCHED = scryptSync(SECRET, 'connect-mongo-native index', 32)

/** With the secret of the hash under which values are stored, where they are not stored as they are. @type {Record<string, { options: Record<string, any>, secret?: string | Buffer }>} */
const KINDS = {
  'stringify: true': { options: {} },
  'stringify: false': { options: { stringify: false } },
  'functions of its own': {
    options: {
      serialize: (/** @type {any} */ session) => ({ kept: { ...session } }),
      unserialize: (/** @type {any} */ value) => value.kept,
    },
  },
  kruptein: { options: { crypto: { secret: SECRET } }, secret: STRETCHED },
  sealed: { options: { crypto: { secret: SECRET, format: 'sealed' } }, secret: STRETCHED },
  'an adapter of its own': {
    options: { cryptoAdapter: REVERSING, indexSecret: 'squirrel' },
    secret: 'squirrel',
  },
  'hashId: true': { options: { hashId: true } },
  'hashId with a secret': { options: { hashId: { secret: 'new' } }, secret: 'new' },
  'hashId with a ring of secrets': { options: { hashId: { secret: ['new', 'old'] } }, secret: 'new' },
  transformId: { options: { transformId: async (/** @type {string} */ sid) => `its:${sid}` } },
  prefix: { options: { prefix: 'app.' } },
  "concurrency: 'merge'": { options: { concurrency: 'merge' } },
  "concurrency: 'reject', sealed": {
    options: { concurrency: 'reject', crypto: { secret: SECRET, format: 'sealed' } },
    secret: STRETCHED,
  },
  'touchAfter and timestamps': { options: { touchAfter: 3600, timestamps: true } },
  maxPerUser: { options: { maxPerUser: { userId: 100 } } },
  'maxPerUser, rejecting': { options: { maxPerUser: { userId: 100 }, onMaxPerUser: 'reject' } },
}

/** @param {string} key @param {string} value @param {string | Buffer} [secret] */
const storedValue = (key, value, secret) =>
  secret === undefined
    ? value
    : createHmac('sha256', secret).update(`connect-mongo-native index\0${key}\0${value}`).digest('base64url')

/** @param {unknown} user @param {object} [data] */
const sessionOf = (user, data = {}) => plainSession({ ...data, passport: { user } })

/** As a request has it. @param {Store} store @param {string} sid */
async function loaded(store, sid) {
  const stored = await store.get(sid)
  return stored && store.createSession({ sessionID: sid, sessionStore: store }, stored)
}

/** One that there was as nobody's before its user logged in. @param {Store} store @param {string} sid @param {unknown} user */
async function logIn(store, sid, user) {
  await store.set(sid, plainSession())
  const session = await loaded(store, sid)
  session.passport = { user }
  await store.set(sid, session)
}

/** Handles of one millisecond are in no order. */
async function nextMillisecond() {
  for (const from = Date.now(); Date.now() === from; ) await setImmediate()
}

/** @param {{ session: any }[]} found */
const namesOf = (found) => found.map(({ session }) => session.name)

/** @param {Store} store @param {string} event @returns {(string | undefined)[]} the ids that it tells from here on */
function idsToldBy(store, event) {
  /** @type {(string | undefined)[]} */
  const told = []
  store.on(event, (/** @type {string | undefined} */ sid) => told.push(sid))
  return told
}

/** @param {import('mongodb').Collection<any>} sessions @param {string[]} fields */
const indexOf = (sessions, fields) =>
  until(async () =>
    (await sessions.indexes().catch(() => [])).find(({ key }) => Object.keys(key).join() === fields.join())
  )

for (const backend of BACKENDS) {
  /** @param {import('node:test').TestContext} t @param {Record<string, any>} [common] */
  const openWith = async (t, common = {}) => {
    const database = await openDatabase(t)
    return {
      ...database,
      /** @param {Record<string, any>} [options] */
      open: (options) =>
        /** @type {Store} */ (
          database.open({ backend, autoRemove: 'disabled', ...INDEX, ...common, ...options })
        ),
    }
  }

  describe(`the sessions of a user, on the ${backend} backend`, () => {
    for (const [kind, { options, secret }] of Object.entries(KINDS)) {
      test(`are found, counted and ended, with ${kind}`, async (t) => {
        const { open, sessions } = await openWith(t, options)
        const [store, other] = [open(), open({ backend: BACKENDS.at(-1) })]
        const from = Date.now()
        for (const name of ['first', 'second', 'third']) {
          await nextMillisecond()
          await store.set(name, sessionOf('ada', { name, plan: name === 'second' ? 'free' : 7 }))
        }
        await other.set('of-bob', sessionOf('bob', { name: 'of-bob', plan: 7 }))
        await other.set('of-nobody', plainSession({ name: 'of-nobody' }))

        for (const one of [store, other]) {
          const found = await one.find({ userId: 'ada' })
          assert.deepEqual(namesOf(found), ['third', 'second', 'first'])
          for (const { handle, session, createdAt, expires, lastSeen } of found) {
            assert.match(handle, HANDLE)
            assert.deepEqual(session, await one.get(session.name))
            assert.deepEqual(expires, LATER)
            for (const date of [createdAt, lastSeen]) assertBetween(date, from - 1, Date.now())
          }
          assert.deepEqual(namesOf(await one.find({ userId: 'ada', plan: '7' })), ['third', 'first'])
          assert.deepEqual(await one.find({ userId: 'eve' }), [])
          assert.equal(await one.count({ userId: 'ada' }), 3)
          assert.equal(await one.count({ plan: 7 }), 3)
          assert.equal(await one.count({ plan: 7, userId: 'bob' }), 1)
          assert.equal(await one.count({ userId: 'eve' }), 0)
        }
        const documents = await sessions.find().toArray()
        const ofBob = documents.filter(({ index }) => index.userId === storedValue('userId', 'bob', secret))
        assert.deepEqual(
          ofBob.map(({ index }) => index.plan),
          [storedValue('plan', '7', secret)]
        )
        if (secret) assert.ok(!/"(ada|bob|free)"/.test(JSON.stringify(documents)))

        const told = idsToldBy(store, 'destroy')
        const [, second] = await other.find({ userId: 'ada' })
        assert.equal(await store.destroyHandle(second.handle), true)
        assert.equal(await store.destroyHandle(second.handle), false)
        assert.equal(await store.get('second'), null)
        assert.equal(await store.destroyAll({ userId: 'ada' }, { except: 'third' }), 1)
        assert.deepEqual(namesOf(await other.find({ userId: 'ada' })), ['third'])
        assert.equal(await store.destroyAll({ userId: 'ada' }), 1)
        assert.equal(await store.destroyAll({ userId: 'ada' }), 0)
        const isHidden = options.hashId || options.transformId
        assert.deepEqual(told, isHidden ? [] : ['second', 'first', 'third'])
        assert.deepEqual((await sessions.find().toArray()).length, 2)
        assert.equal((await store.get('of-bob')).name, 'of-bob')
      })

      test(`are those of the values of the last save, with ${kind}`, async (t) => {
        const { open, sessions } = await openWith(t, options)
        const store = open()
        await store.set('sid', plainSession({ name: 'one' }))
        assert.deepEqual((await sessions.findOne()).index, {})
        const [{ handle }] = await sessions.find().toArray()
        /** @param {(session: any) => void} change */
        const change = async (change) => {
          const session = await loaded(store, 'sid')
          change(session)
          await store.set('sid', session)
        }
        await change((session) => Object.assign(session, { passport: { user: 'ada' }, plan: 'free' }))
        assert.equal(await store.count({ userId: 'ada', plan: 'free' }), 1)
        await change((session) => Object.assign(session, { passport: { user: 'bob' } }))
        assert.equal(await store.count({ userId: 'ada' }), 0)
        assert.equal(await store.count({ userId: 'bob', plan: 'free' }), 1)
        await change((session) => delete session.plan)
        assert.equal(await store.count({ plan: 'free' }), 0)
        await store.touch('sid', await loaded(store, 'sid'))
        assert.deepEqual((await sessions.findOne()).index, { userId: storedValue('userId', 'bob', secret) })
        await change((session) => delete session.passport)
        assert.equal(await store.count({ userId: 'bob' }), 0)
        assert.deepEqual((await sessions.findOne()).index, {})
        assert.equal((await sessions.findOne()).handle, handle)
      })

      test(`that were ended stay ended, whoever saves them, with ${kind}`, async (t) => {
        const { open, sessions } = await openWith(t, options)
        const [store, other] = [open(), open({ backend: BACKENDS.at(-1) })]
        const sids = Array.from({ length: 6 }, (_, n) => `sid-${n}`)
        await Promise.all(sids.map((sid) => store.set(sid, sessionOf('ada'))))
        const requests = await Promise.all(
          [store, other].flatMap((one) =>
            sids.map(async (sid) => ({ one, sid, session: await loaded(one, sid) }))
          )
        )
        const refused = [store, other].map((one) => idsToldBy(one, 'set-refused'))
        const saves = requests.map(({ one, sid, session }) => async () => {
          session.n = 1
          await one.set(sid, session).catch((/** @type {any} */ error) => {
            if (error.code !== 'SESSION_CONFLICT') throw error
          })
        })
        // Some are on their way when the sessions end, and the others come after it.
        const early = saves.slice(0, 6).map((save) => save())
        const [ended] = await Promise.all([store.destroyAll({ userId: 'ada' }), ...early])
        assert.equal(ended, sids.length)
        await Promise.all(saves.slice(6).map((save) => save()))
        assert.equal(await sessions.countDocuments(), 0)
        assert.ok(refused.flat().length >= saves.length - 6)
      })
    }

    test('are found by whatever kind of value was indexed', async (t) => {
      const { open } = await openWith(t)
      const store = open()
      const [id, date] = [new ObjectId(), new Date()]
      for (const [n, user] of [id, date, 7, true, 'ada'].entries()) await store.set(`${n}`, sessionOf(user))
      for (const user of [id, id.toHexString(), date, date.toISOString(), 7, '7', true, 'true', 'ada'])
        assert.equal(await store.count({ userId: user }), 1)
    })

    test('are found page by page, each of them once', async (t) => {
      const { open, sessions } = await openWith(t)
      const store = open()
      for (let n = 0; n < 7; n++) {
        await nextMillisecond()
        await store.set(`${n}`, sessionOf('ada', { name: n }))
      }
      // As a connect-mongo has created them.
      await sessions.updateMany({ _id: { $in: ['0', '1', '2'] } }, { $unset: { handle: '', createdAt: '' } })
      const names = []
      for (let after; names.length < 20; ) {
        const page = await store.find({ userId: 'ada' }, { limit: 2, after })
        if (page.length === 0) break
        names.push(...namesOf(page))
        after = page.at(-1).handle
      }
      assert.deepEqual(names.slice(0, 4), [6, 5, 4, 3])
      assert.deepEqual(names.slice(4).sort(), [0, 1, 2])
      const all = await store.find({ userId: 'ada' }, { limit: 0 })
      assert.equal(new Set(all.map((/** @type {any} */ { handle }) => handle)).size, 7)
    })

    test('tell which of them is the current one', async (t) => {
      for (const options of [
        {},
        { hashId: true },
        { prefix: 'app:', transformId: async (/** @type {string} */ sid) => `x${sid}` },
      ]) {
        const store = (await openWith(t, options)).open()
        for (const sid of ['here', 'there']) await store.set(sid, sessionOf('ada', { name: sid }))
        const found = await store.find({ userId: 'ada' }, { current: 'here' })
        const current = found.filter((/** @type {any} */ { isCurrent }) => isCurrent)
        assert.deepEqual([found.length, namesOf(current)], [2, ['here']])
        const none = await store.find({ userId: 'ada' })
        assert.ok(none.every((/** @type {any} */ { isCurrent }) => isCurrent === false))
      }
    })

    test('that have expired are neither found nor counted, and are ended with the others', async (t) => {
      const { open, sessions } = await openWith(t)
      const store = open()
      for (const sid of ['live', 'expired']) await store.set(sid, sessionOf('ada', { name: sid }))
      await sessions.updateOne({ _id: 'expired' }, { $set: { expires: EARLIER } })
      assert.deepEqual(namesOf(await store.find({ userId: 'ada' })), ['live'])
      assert.equal(await store.count({ userId: 'ada' }), 1)
      assert.equal(await store.destroyAll({ userId: 'ada' }), 2)
      assert.equal(await sessions.countDocuments(), 0)
    })

    test('tell when they were last seen', async (t) => {
      const { open } = await openWith(t)
      const store = open()
      await store.set('sid', sessionOf('ada'))
      const [before] = await store.find({ userId: 'ada' })
      await nextMillisecond()
      await store.touch('sid', await store.get('sid'))
      const [after] = await store.find({ userId: 'ada' })
      assert.ok(after.lastSeen > before.lastSeen)
      assert.deepEqual(after.createdAt, before.createdAt)
      assert.equal(after.handle, before.handle)
    })

    test('need nothing written for that where they end so long after each use', async (t) => {
      const DAY_MS = 24 * 60 * 60 * 1000
      const cookies = [
        { originalMaxAge: null },
        { originalMaxAge: DAY_MS, expires: new Date(Date.now() + DAY_MS).toJSON() },
      ]
      for (const cookie of cookies) {
        const { open, sessions } = await openWith(t)
        const store = open()
        const earlierMs = Date.now()
        await store.set('sid', { cookie, passport: { user: 'ada' } })
        const stored = await sessions.findOne()
        assert.ok(!('lastModified' in stored))
        assertBetween((await store.find({ userId: 'ada' }))[0].lastSeen, earlierMs - 1000, Date.now())
        // Half a day later, as far as anybody can tell.
        const expires = new Date(stored.expires.getTime() - DAY_MS / 2)
        const createdAt = new Date(earlierMs - DAY_MS)
        await sessions.updateOne({}, { $set: { expires, createdAt } })
        const halfADayAgoMs = earlierMs - DAY_MS / 2
        const [{ lastSeen }] = await store.find({ userId: 'ada' })
        assertBetween(lastSeen, halfADayAgoMs - 1000, Date.now() - DAY_MS / 2)
      }
      // A function of the app's own tells nothing.
      const { open, sessions } = await openWith(t, { ttl: () => 60 })
      await open().set('sid', sessionOf('ada'))
      assert.ok((await sessions.findOne()).lastModified instanceof Date)
    })

    test('that cannot be read are reported and left out, and can be ended', async (t) => {
      const { open, sessions } = await openWith(t, { crypto: { secret: SECRET } })
      const store = open()
      for (const name of ['good', 'spoilt']) await store.set(name, sessionOf('ada', { name }))
      await sessions.updateOne({ _id: 'spoilt' }, { $set: { session: 'spoilt' } })
      const failed = idsToldBy(store, 'decrypt-failed')
      assert.deepEqual(namesOf(await store.find({ userId: 'ada' })), ['good'])
      assert.deepEqual(failed, ['spoilt'])
      assert.equal(await store.count({ userId: 'ada' }), 2)
      assert.equal(await store.destroyAll({ userId: 'ada' }), 2)
    })

    test('of an app are not those of another, in one collection', async (t) => {
      const { open, sessions } = await openWith(t)
      const [one, other] = [open({ prefix: 'a:' }), open({ prefix: 'b:' })]
      for (const [store, name] of [
        [one, 'a'],
        [other, 'b'],
      ])
        await store.set('sid', sessionOf('ada', { name }))
      const [{ handle }] = await other.find({ userId: 'ada' })
      assert.deepEqual(namesOf(await one.find({ userId: 'ada' })), ['a'])
      assert.equal(await one.count({ userId: 'ada' }), 1)
      assert.equal(await one.destroyHandle(handle), false)
      const told = idsToldBy(one, 'destroy')
      assert.equal(await one.destroyAll({ userId: 'ada' }), 1)
      assert.deepEqual(told, ['sid'])
      assert.deepEqual(await sessions.distinct('_id'), ['b:sid'])
    })

    test('are asked for with callbacks as well', async (t) => {
      const { open } = await openWith(t)
      const store = open()
      for (const name of ['a', 'b', 'c']) await store.set(name, sessionOf('ada', { name }))
      assert.equal((await promised(store, 'find', { userId: 'ada' })).length, 3)
      const [{ handle }] = await promised(store, 'find', { userId: 'ada' }, { limit: 1 })
      assert.equal(await promised(store, 'count', { userId: 'ada' }), 3)
      assert.equal(await promised(store, 'destroyHandle', handle), true)
      assert.equal(await promised(store, 'destroyAll', { userId: 'ada' }, { except: ['a', 'z'] }), 1)
      assert.equal(await promised(store, 'destroyAll', { userId: 'ada' }), 1)
      assert.equal((await promised(store, 'reindex')).done, true)
      await assert.rejects(promised(store, 'count', { userId: {} }), TypeError)
    })
  })

  describe(`what is stored for it, on the ${backend} backend`, () => {
    test("is nothing without the option: documents are connect-mongo's", async (t) => {
      const { open, sessions, db } = await openWith(t, { index: undefined, autoRemove: 'native' })
      const store = open()
      await store.set('sid', sessionOf('ada'))
      await store.touch('sid', await store.get('sid'))
      await store.set('sid', await loaded(store, 'sid'))
      assert.deepEqual(Object.keys(await sessions.findOne()), ['_id', 'expires', 'session'])
      await indexOf(sessions, ['expires'])
      assert.equal((await db.collection('sessions').indexes()).length, 2)
      for (const call of [
        store.find({ a: 1 }),
        store.count({ a: 1 }),
        store.destroyAll({ a: 1 }),
        store.reindex(),
      ])
        await assert.rejects(call, /^Error: This needs the option index, such as/)
      await assert.rejects(store.destroyHandle('0'.repeat(44)), /needs the option index/)
    })

    test('is one index for each key and one for handles, made in the background', async (t) => {
      const { open, sessions } = await openWith(t)
      open()
      await indexOf(sessions, ['index.userId', 'handle'])
      await indexOf(sessions, ['index.plan', 'handle'])
      await indexOf(sessions, ['handle'])
      const there = await sessions.indexes()
      assert.deepEqual(
        there.map(({ key, partialFilterExpression }) => ({
          key,
          of: Object.keys(partialFilterExpression ?? {}),
        })),
        [
          { key: { _id: 1 }, of: [] },
          { key: { 'index.userId': 1, handle: -1 }, of: ['index.userId'] },
          { key: { 'index.plan': 1, handle: -1 }, of: ['index.plan'] },
          { key: { handle: 1 }, of: ['handle'] },
        ]
      )
    })

    test('an index that cannot be made is an error event that names it, and no error of a call', async (t) => {
      const { open, sessions } = await openWith(t)
      await sessions.createIndex({ 'index.userId': 1, handle: -1 }, { unique: true })
      const store = open()
      const [error] = await nextEvent(store, 'error')
      assert.match(error.message, /index\.userId, handle/)
      await store.set('sid', sessionOf('ada'))
      assert.equal(await store.count({ userId: 'ada' }), 1)
      await indexOf(sessions, ['handle'])
    })

    test('is found by an index and never by a scan', async (t) => {
      const { open, sessions, db } = await openWith(t, {
        hashId: { secret: ['new', 'old'] },
        autoRemove: 'native',
      })
      const store = open()
      await indexOf(sessions, ['expires'])
      for (const fields of [['index.userId', 'handle'], ['index.plan', 'handle'], ['handle']])
        await indexOf(sessions, fields)
      await Promise.all(
        Array.from({ length: 400 }, (_, n) =>
          store.set(`${n}`, sessionOf(`user-${n % 40}`, { plan: 'free' }))
        )
      )
      const { writes, reads } = await profile(db)
      const [, { handle }] = await store.find({ userId: 'user-7' }, { limit: 5 })
      await store.find({ userId: 'user-7', plan: 'free' }, { after: handle })
      await store.count({ userId: 'user-7' })
      await store.destroyHandle(handle)
      await store.destroyAll({ userId: 'user-7' }, { except: '7' })
      await db.command({ profile: 0 })
      const asked = [...(await reads()), ...(await writes())]
      const finds = asked.filter(({ command }) => command.find)
      assert.equal(finds.length, 4)
      assert.deepEqual(asked.filter(({ op }) => op === 'remove').length, 2)
      assert.equal(asked.length, 7)
      for (const one of asked) {
        assert.match(one.planSummary, /^IXSCAN \{ (index\.\w+: 1, handle: -1|handle: 1) \}/)
        assert.ok(!/COLLSCAN/.test(one.planSummary))
        assert.ok(one.docsExamined <= 10, `${one.docsExamined} documents were read`)
      }
      for (const { command } of finds) {
        const { find, filter, sort = {}, limit } = command
        const query = { find, filter, sort, ...(limit && { limit }) }
        const { queryPlanner } = await db.command({ explain: query, verbosity: 'queryPlanner' })
        const plan = JSON.stringify(queryPlanner.winningPlan)
        assert.match(plan, /"IXSCAN"/)
        assert.ok(!/"COLLSCAN"|"SORT"/.test(plan), plan)
      }
    })
  })

  describe(`a handle, on the ${backend} backend`, () => {
    test('is made with the document and is no session id', async (t) => {
      for (const hashId of [false, true, { secret: ['new', 'old'], acceptPlainIds: true }]) {
        const { open, sessions } = await openWith(t, { hashId })
        const store = open()
        await store.set('sid', sessionOf('ada'))
        const { handle } = await sessions.findOne()
        assert.match(handle, HANDLE)
        assert.equal(await store.get(handle), null)
        await store.destroy(handle)
        await store.touch(handle, plainSession())
        assert.equal(await store.count({ userId: 'ada' }), 1)
        await store.destroy('sid')
        await store.set('sid', sessionOf('ada'))
        assert.notEqual((await sessions.findOne()).handle, handle)
        await sessions.deleteMany({})
      }
    })

    test('is another one for each of many, and in their order', async (t) => {
      const { open, sessions } = await openWith(t)
      const store = open()
      await Promise.all(Array.from({ length: 200 }, (_, n) => store.set(`sid-${n}`, sessionOf('ada'))))
      const handles = await sessions.distinct('handle')
      assert.equal(handles.length, 200)
      assert.equal(new Set(handles.map((handle) => handle.slice(12))).size, 200)
      await nextMillisecond()
      await store.set('last', sessionOf('ada', { name: 'last' }))
      assert.deepEqual(namesOf(await store.find({ userId: 'ada' }, { limit: 1 })), ['last'])
    })

    for (const concurrency of ['overwrite', 'merge', 'reject']) {
      for (const isLoaded of [true, false]) {
        test(`stays when a session moves to another id, with its date: ${concurrency}, loaded ${isLoaded}`, async (t) => {
          const database = await openDatabase(
            t,
            withDatabase((await replicaSet).getUri(), `moves_${new ObjectId()}`)
          )
          const open = (/** @type {any} */ hashId) =>
            /** @type {Store} */ (
              database.open({
                backend,
                autoRemove: 'disabled',
                ...INDEX,
                hashId,
                concurrency,
                indexSecret: 'i',
              })
            )
          const before = open({ secret: 'old' })
          await before.set('sid', sessionOf('ada'))
          const [found] = await before.find({ userId: 'ada' })
          const store = open({ secret: ['new', 'old'] })
          const session = isLoaded ? await loaded(store, 'sid') : await store.get('sid')
          await store.set('sid', session)
          const [moved] = await store.find({ userId: 'ada' })
          assert.deepEqual([moved.handle, moved.createdAt], [found.handle, found.createdAt])
          assert.equal(await database.sessions.countDocuments(), 1)
          assert.equal(await store.destroyAll({ userId: 'ada' }, { except: 'sid' }), 0)
          assert.equal(await store.destroyHandle(found.handle), true)
          assert.equal(await database.sessions.countDocuments(), 0)
        })
      }
    }
  })

  describe(`what connect-mongo 6 wrote beside, on the ${backend} backend`, () => {
    /** @param {any} database @param {Record<string, any>} options @param {import('node:test').TestContext} t */
    const openOld = ({ url }, options, t) => {
      const old = ConnectMongo.create({ mongoUrl: url, autoRemove: 'disabled', ...options })
      t.after(() => old.close())
      return /** @type {Store} */ (old)
    }
    /** @type {Record<string, Record<string, any>>} */
    const kinds = {
      text: {},
      documents: { stringify: false },
      encrypted: { crypto: { secret: SECRET } },
      'with timestamps': { timestamps: true },
    }
    for (const [kind, options] of Object.entries(kinds)) {
      test(`is found once it is saved, or by reindex, and has a handle: ${kind}`, async (t) => {
        const database = await openWith(t, options)
        const old = openOld(database, options, t)
        for (const name of ['saved', 'idle']) await promised(old, 'set', name, sessionOf('ada', { name }))
        const store = database.open()
        assert.deepEqual(await store.find({ userId: 'ada' }), [])
        await store.set('saved', await loaded(store, 'saved'))
        const [saved, ...others] = await store.find({ userId: 'ada' })
        assert.deepEqual([saved.session.name, others.length], ['saved', 0])
        assert.match(saved.handle, HANDLE)
        assert.equal((await store.find({ userId: 'ada' }))[0].handle, saved.handle)
        const { done, total, scanned, indexed, changed, unreadable } = await store.reindex()
        assert.deepEqual(
          { done, total, scanned, indexed, changed, unreadable },
          { done: true, total: 2, scanned: 2, indexed: 2, changed: 0, unreadable: 0 }
        )
        const found = await store.find({ userId: 'ada' })
        assert.deepEqual(namesOf(found).sort(), ['idle', 'saved'])
        for (const { handle } of found) assert.match(handle, HANDLE)
        assert.ok(found.some((/** @type {any} */ { handle }) => handle === saved.handle))
        // It leaves what we keep beside a session alone.
        await promised(old, 'set', 'idle', sessionOf('ada', { name: 'idle', n: 2 }))
        assert.equal((await promised(old, 'get', 'saved')).name, 'saved')
        assert.equal(await store.destroyAll({ userId: 'ada' }), 2)
        assert.equal(await promised(old, 'length'), 0)
      })
    }
  })

  describe(`what describe says, on the ${backend} backend`, () => {
    const describeBrowser = { describe: (/** @type {any} */ { browser }) => browser && { browser } }
    for (const [kind, { options, secret }] of Object.entries(KINDS)) {
      test(`comes with each session, as the last save has it, with ${kind}`, async (t) => {
        const { open, sessions } = await openWith(t, { ...options, ...describeBrowser })
        const store = open()
        await store.set('sid', sessionOf('ada', { browser: 'Lynx' }))
        assert.deepEqual((await store.find({ userId: 'ada' }))[0].description, { browser: 'Lynx' })
        const isEncrypted = options.crypto || options.cryptoAdapter
        if (isEncrypted)
          assert.ok(secret && !JSON.stringify(await sessions.find().toArray()).includes('Lynx'))
        const session = await loaded(store, 'sid')
        session.browser = 'Mosaic'
        await store.set('sid', session)
        assert.deepEqual((await store.find({ userId: 'ada' }))[0].description, { browser: 'Mosaic' })
        session.browser = undefined
        await store.set('sid', session)
        assert.ok(!(await store.find({ userId: 'ada' }))[0].description?.browser)
      })
    }

    for (const kind of ['kruptein', 'sealed', 'an adapter of its own']) {
      test(`cannot take the place of a session, nor a session its place, with ${kind}`, async (t) => {
        const { options } = KINDS[kind]
        const describe = (/** @type {any} */ { given }) => given
        const { open, sessions } = await openWith(t, { ...options, describe })
        const store = open()
        // What an attacker would have a session be.
        const given = sessionOf('root', { isAdmin: true })
        await store.set('sid', sessionOf('ada', { given, name: 'sid' }))
        const { session, description } = await sessions.findOne()
        await sessions.updateOne({}, { $set: { description: session } })
        assert.equal((await store.find({ userId: 'ada' }))[0].description, undefined)
        await sessions.updateOne({}, { $set: { session: description, description } })
        for (const one of [store, open({ onDecryptError: 'drop' })]) {
          const read = await one.get('sid').catch(() => null)
          assert.equal(read, null)
        }
        assert.deepEqual(await store.find({ userId: 'ada' }), [])
      })
    }

    for (const format of ['kruptein', 'sealed']) {
      test(`is encrypted anew by reencrypt and by reindex: ${format}`, async (t) => {
        const { open } = await openWith(t, { ...describeBrowser, indexSecret: 'i' })
        for (const method of ['reencrypt', 'reindex']) {
          await open({ crypto: { secret: 'old', format } }).set(
            method,
            sessionOf(method, { browser: 'Lynx' })
          )
          await open({ crypto: { secret: ['new', 'old'], format } })[method]()
          const [found] = await open({ crypto: { secret: 'new', format } }).find({ userId: method })
          assert.equal(found.session.browser, 'Lynx')
          assert.deepEqual(found.description, { browser: 'Lynx' })
          await open({ crypto: { secret: 'new', format } }).clear()
        }
      })
    }
  })

  describe(`ending many, on the ${backend} backend`, () => {
    test('is two commands whatever their number, and tells of each', async (t) => {
      const { open, wire, sessions } = await openBehindWire(t, await server)
      const store = /** @type {Store} */ (open({ backend, ...INDEX }))
      await sessions.insertMany(
        Array.from({ length: 3_000 }, (_, n) => storedSession(`sid-${n}`, { index: { userId: 'ada' } }))
      )
      await store.set('of-bob', sessionOf('bob'))
      const told = idsToldBy(store, 'destroy')
      wire.commands.length = 0
      assert.equal(await store.destroyAll({ userId: 'ada' }), 3_000)
      assert.deepEqual(
        wire.commands.map(({ name }) => name),
        ['find', 'delete']
      )
      assert.equal(new Set(told).size, 3_000)
      assert.deepEqual(await sessions.distinct('_id'), ['of-bob'])
    })

    test('is done, and its number right, when the primary steps down meanwhile', async (t) => {
      const url = withDatabase((await replicaSet).getUri(), `down_${new ObjectId()}`)
      const database = await openDatabase(t, url)
      const store = /** @type {Store} */ (database.open({ backend, autoRemove: 'disabled', ...INDEX }))
      const admin = database.db.admin()
      for (let round = 0; round < 3; round++) {
        await database.sessions.insertMany(
          Array.from({ length: 1_000 }, (_, n) => storedSession(`sid-${n}`, { index: { userId: 'ada' } }))
        )
        const ending = store.destroyAll({ userId: 'ada' })
        const stepDown = { replSetStepDown: 1, secondaryCatchUpPeriodSecs: 0, force: true }
        await admin.command(stepDown).catch(() => {})
        assert.equal(await ending, 1_000)
        await until(async () => (await admin.command({ hello: 1 })).isWritablePrimary)
        assert.equal(await database.sessions.countDocuments(), 0)
      }
    })

    test('ends under load what was there, and nothing of it comes back', async (t) => {
      const { open, sessions } = await openWith(t)
      const stores = [open(), open({ backend: BACKENDS.at(-1) })]
      const sids = Array.from({ length: 60 }, (_, n) => `sid-${n}`)
      await Promise.all(sids.map((sid) => stores[0].set(sid, sessionOf('ada'))))
      let isOver = false
      /** @param {Store} store @param {string} sid */
      const request = async (store, sid) => {
        while (!isOver) {
          const session = await loaded(store, sid)
          if (!session) return
          session.n = Math.random()
          await store.set(sid, session)
          await store.touch(sid, session)
        }
      }
      const requests = sids.flatMap((sid) => stores.map((store) => request(store, sid)))
      await stores[1].find({ userId: 'ada' })
      const ended = await stores[1].destroyAll({ userId: 'ada' }).finally(() => {
        isOver = true
      })
      assert.equal(ended, sids.length)
      await Promise.all(requests)
      assert.equal(await sessions.countDocuments(), 0)
    })
  })

  describe(`maxPerUser, on the ${backend} backend`, () => {
    for (const kind of [
      'stringify: true',
      'sealed',
      'hashId with a ring of secrets',
      "concurrency: 'merge'",
      'prefix',
    ]) {
      test(`ends the oldest beyond it, with the event evicted: ${kind}`, async (t) => {
        const { options } = KINDS[kind]
        const { open } = await openWith(t, { ...options, maxPerUser: { userId: 2 } })
        const store = open()
        /** @type {any[]} */
        const evicted = []
        store.on('evicted', (/** @type {any} */ sid, /** @type {any} */ session) =>
          evicted.push([sid, session.name])
        )
        await store.set('of-bob', sessionOf('bob'))
        for (const name of ['a', 'b', 'c', 'd']) {
          await store.set(name, plainSession({ name }))
          const session = await loaded(store, name)
          session.passport = { user: 'ada' }
          await store.set(name, session)
          // Saved again and again, it is one session.
          await store.set(name, await loaded(store, name))
        }
        assert.deepEqual(namesOf(await store.find({ userId: 'ada' })), ['d', 'c'])
        const isHidden = options.hashId
        assert.deepEqual(evicted, [
          [isHidden ? undefined : 'a', 'a'],
          [isHidden ? undefined : 'b', 'b'],
        ])
        assert.equal(await store.count({ userId: 'bob' }), 1)
      })

      test(`refuses a login beyond it, and what was stored stays: ${kind}`, async (t) => {
        const { options } = KINDS[kind]
        const { open, sessions } = await openWith(t, {
          ...options,
          maxPerUser: { userId: 2 },
          onMaxPerUser: 'reject',
        })
        const store = open()
        for (const sid of ['a', 'b']) await logIn(store, sid, 'ada')
        await store.set('c', plainSession({ name: 'c' }))
        const before = await sessions.find().sort({ _id: 1 }).toArray()
        const session = await loaded(store, 'c')
        session.passport = { user: 'ada' }
        const tooMany = { code: 'ERR_TOO_MANY_SESSIONS', message: /2 sessions of this userId/ }
        await assert.rejects(store.set('c', session), tooMany)
        await assert.rejects(store.set('d', sessionOf('ada')), tooMany)
        assert.deepEqual(await sessions.find().sort({ _id: 1 }).toArray(), before)
        // Those who are in go on.
        const own = await loaded(store, 'a')
        own.n = 1
        await store.set('a', own)
        await store.destroy('b')
        await store.set('c', session)
        assert.equal(await store.count({ userId: 'ada' }), 2)
      })
    }

    test('counts as oldest who has been in for longest, not who has been there for longest', async (t) => {
      const { open } = await openWith(t, { maxPerUser: { userId: 2 } })
      const store = open()
      for (const name of ['a', 'b', 'c']) await store.set(name, plainSession({ name }))
      for (const name of ['c', 'b', 'a']) {
        const session = await loaded(store, name)
        await store.set(name, Object.assign(session, { passport: { user: 'ada' } }))
      }
      assert.deepEqual(namesOf(await store.find({ userId: 'ada' })).sort(), ['a', 'b'])
    })

    test('counts those from before the option as the oldest, in the order in which they came', async (t) => {
      const { open } = await openWith(t)
      const before = open()
      for (const name of ['a', 'b', 'c']) {
        await nextMillisecond()
        await before.set(name, sessionOf('ada', { name }))
      }
      const store = open({ maxPerUser: { userId: 3 } })
      await store.reindex()
      // A request of the oldest, which makes it no younger.
      await store.set('a', await loaded(store, 'a'))
      await store.set('d', sessionOf('ada', { name: 'd' }))
      assert.deepEqual(namesOf(await store.find({ userId: 'ada' })), ['d', 'c', 'b'])
    })

    test('never ends the one that has just logged in', async (t) => {
      const { open } = await openWith(t, { maxPerUser: { userId: 1 } })
      const store = open()
      for (let n = 0; n < 60; n++) {
        await store.set(`sid-${n}`, sessionOf('ada', { name: n }))
        assert.deepEqual(namesOf(await store.find({ userId: 'ada' })), [n])
      }
    })

    test('is about each key of its own', async (t) => {
      const index = { userId: 'passport.user', constructor: 'plan' }
      const { open } = await openWith(t, { index, maxPerUser: { userId: 1 } })
      const store = open()
      for (const user of ['ada', 'bob', 'eve']) await store.set(user, sessionOf(user, { plan: 'free' }))
      assert.equal(await store.count({ constructor: 'free' }), 3)
    })

    test('lets a session be read whose value cannot be indexed', async (t) => {
      const { open, sessions } = await openWith(t, { maxPerUser: { userId: 1 } })
      await sessions.insertOne({
        ...storedSession('sid'),
        session: JSON.stringify(sessionOf({ id: 1 }, { name: 'sid' })),
      })
      assert.equal((await open().get('sid')).name, 'sid')
    })

    for (const [stores, users] of /** @type {[number, number][]} */ ([
      [2, 1],
      [3, 3],
    ])) {
      test(`holds when ${stores} stores log in at once: evict, ${users}`, async (t) => {
        const { open } = await openWith(t, { maxPerUser: { userId: users } })
        const all = Array.from({ length: stores }, (_, n) => open({ backend: BACKENDS.at(n % 2) }))
        for (let round = 0; round < 30; round++) {
          const user = `user-${round}`
          const sids = Array.from({ length: 2 * stores }, (_, n) => `${user}-${n}`)
          await Promise.all(
            sids.map((sid, n) =>
              round % 2 ? all[n % stores].set(sid, sessionOf(user)) : logIn(all[n % stores], sid, user)
            )
          )
          assert.equal(await all[0].count({ userId: user }), Math.min(users, sids.length))
        }
      })

      test(`holds when ${stores} stores log in at once: reject, ${users}`, async (t) => {
        const { open } = await openWith(t, { maxPerUser: { userId: users }, onMaxPerUser: 'reject' })
        const all = Array.from({ length: stores }, (_, n) => open({ backend: BACKENDS.at(n % 2) }))
        for (let round = 0; round < 10; round++) {
          const user = `user-${round}`
          const sids = Array.from({ length: 2 * stores }, (_, n) => `${user}-${n}`)
          const logins = await Promise.allSettled(
            sids.map((sid, n) =>
              round % 2 ? all[n % stores].set(sid, sessionOf(user)) : logIn(all[n % stores], sid, user)
            )
          )
          for (const one of logins)
            if (one.status === 'rejected') assert.equal(one.reason.code, 'ERR_TOO_MANY_SESSIONS')
          const inside = logins.filter(({ status }) => status === 'fulfilled').length
          assert.ok(inside <= users)
          assert.equal(await all[0].count({ userId: user }), inside)
        }
      })
    }

    for (const backend of BACKENDS)
      test(`looks a few times when many log in at once as one user, on ${backend}`, async (t) => {
        const { open } = await openWith(t, { maxPerUser: { userId: 2 } })
        const store = open({ backend })
        await Promise.all(Array.from({ length: 200 }, (_, n) => store.set(`login-${n}`, sessionOf('one'))))
        assert.equal(await store.count({ userId: 'one' }), 2)
        const heard = []
        const { asyncEnd } = tracingChannel('connect-mongo-native:command')
        const hear = (/** @type {any} */ command) => heard.push(command['db.operation.name'])
        asyncEnd.subscribe(hear)
        t.after(() => asyncEnd.unsubscribe(hear))
        await Promise.all(Array.from({ length: 200 }, (_, n) => store.set(`again-${n}`, sessionOf('one'))))
        assert.equal(await store.count({ userId: 'one' }), 2)
        // At most one while those before it are written, and removed.
        assert.ok(heard.filter((name) => name === 'find').length < 50)
      })

    test('leaves one when the same two log in again and again, from both stores', async (t) => {
      const { open } = await openWith(t, { maxPerUser: { userId: 1 } })
      const stores = [open(), open({ backend: BACKENDS.at(-1) })]
      for (let round = 0; round < 40; round++) {
        const user = `user-${round}`
        const sids = [`${user}-a`, `${user}-b`]
        for (const sid of sids) await stores[0].set(sid, plainSession())
        await Promise.all(
          [...stores, ...stores].map(async (store, n) => {
            const session = await loaded(store, sids[n % 2])
            if (session) await store.set(sids[n % 2], Object.assign(session, { passport: { user } }))
          })
        )
        assert.equal(await stores[0].count({ userId: user }), 1)
      }
    })

    test('with a save that is refused for a conflict takes no place', async (t) => {
      const { open, sessions } = await openWith(t, {
        maxPerUser: { userId: 1 },
        onMaxPerUser: 'reject',
        concurrency: 'reject',
      })
      const store = open()
      await store.set('sid', plainSession())
      const [one, other] = [await loaded(store, 'sid'), await loaded(store, 'sid')]
      await store.set('sid', Object.assign(one, { n: 1 }))
      Object.assign(other, { passport: { user: 'ada' } })
      await assert.rejects(store.set('sid', other), { code: 'SESSION_CONFLICT' })
      assert.deepEqual((await sessions.findOne()).index, {})
      await store.set('another', sessionOf('ada'))
    })
  })

  describe(`two requests of one session, on the ${backend} backend`, () => {
    for (const crypto of [undefined, { secret: SECRET, format: 'sealed' }]) {
      test(`with concurrency 'merge' the index is that of what both come to, ${crypto?.format}`, async (t) => {
        const describe = (/** @type {any} */ { n, passport }) => ({ n, user: passport?.user })
        const { open } = await openWith(t, { concurrency: 'merge', crypto, describe })
        const [store, other] = [open(), open({ backend: BACKENDS.at(-1) })]
        await store.set('sid', plainSession())
        const [one, two] = [await loaded(store, 'sid'), await loaded(other, 'sid')]
        await store.set('sid', Object.assign(one, { passport: { user: 'ada' } }))
        await other.set('sid', Object.assign(two, { n: 1, plan: 'free' }))
        assert.equal((await store.get('sid')).passport.user, 'ada')
        const [found] = await store.find({ userId: 'ada', plan: 'free' })
        assert.deepEqual(found?.description, { n: 1, user: 'ada' })
      })
    }
  })

  describe(`reindex, on the ${backend} backend`, () => {
    /** @param {any} sessions @param {number} count */
    const storeOld = (sessions, count) =>
      sessions.insertMany(
        Array.from({ length: count }, (_, n) => ({
          ...storedSession(`sid-${String(n).padStart(3, '0')}`),
          session: JSON.stringify(sessionOf('ada', { n })),
        }))
      )

    test('can be broken off and goes on where it was', async (t) => {
      const { open, sessions } = await openWith(t)
      await storeOld(sessions, 25)
      const store = open()
      const ending = new AbortController()
      /** @type {any[]} */
      const steps = []
      const first = await store.reindex({
        batchSize: 10,
        signal: ending.signal,
        onProgress: (/** @type {any} */ progress) => {
          steps.push(progress)
          ending.abort()
        },
      })
      assert.deepEqual(first, {
        total: 25,
        scanned: 10,
        indexed: 10,
        changed: 0,
        unreadable: 0,
        last: 'sid-009',
        done: false,
      })
      assert.deepEqual(steps, [first])
      assert.equal(await store.count({ userId: 'ada' }), 10)
      const rest = await store.reindex({ batchSize: 10, after: first.last })
      assert.deepEqual([rest.scanned, rest.indexed, rest.done], [15, 15, true])
      assert.equal(await store.count({ userId: 'ada' }), 25)
      const handles = new Set(await sessions.distinct('handle'))
      assert.equal(handles.size, 25)
      assert.equal((await store.reindex()).indexed, 25)
      assert.deepEqual(new Set(await sessions.distinct('handle')), handles)
    })

    test('changes nothing but what it keeps beside a session', async (t) => {
      for (const options of [{}, { stringify: false, timestamps: true }, { touchAfter: 60 }]) {
        const { open, sessions } = await openWith(t, options)
        await open({ index: undefined }).set('sid', sessionOf('ada', { bytes: 'abc' }))
        const before = await sessions.findOne()
        await open({ maxPerUser: { userId: 1 } }).reindex()
        const { index, handle, ...after } = await sessions.findOne()
        assert.deepEqual([index, after], [{ userId: 'ada' }, before])
        assert.match(handle, HANDLE)
        await sessions.deleteMany({})
      }
    })

    test('beside a running app loses nothing of what that writes', async (t) => {
      const { open, sessions } = await openWith(t)
      await storeOld(sessions, 60)
      const [store, app] = [open(), open({ backend: BACKENDS.at(-1) })]
      const sids = await sessions.distinct('_id')
      const requests = sids.map(async (sid, n) => {
        const session = await loaded(app, sid)
        session.passport.user = n % 2 ? 'bob' : 'ada'
        if (n % 3 === 0) return app.destroy(sid)
        await app.set(sid, session)
      })
      const [progress] = await Promise.all([store.reindex({ batchSize: 7 }), ...requests])
      assert.equal(progress.done, true)
      assert.deepEqual([await store.count({ userId: 'ada' }), await store.count({ userId: 'bob' })], [20, 20])
      for (const { session, index } of await sessions.find().toArray())
        assert.equal(index.userId, JSON.parse(session).passport.user)
    })

    test('counts what cannot be read, and passes it by', async (t) => {
      const { open, sessions } = await openWith(t)
      await storeOld(sessions, 3)
      await sessions.updateOne({ _id: 'sid-001' }, { $set: { session: 'no JSON' } })
      const { indexed, unreadable, done } = await open().reindex({ batchSize: 1 })
      assert.deepEqual({ indexed, unreadable, done }, { indexed: 2, unreadable: 1, done: true })
    })

    test('counts what cannot be indexed, and passes it by', async (t) => {
      const { open, sessions } = await openWith(t)
      await storeOld(sessions, 3)
      await sessions.updateOne(
        { _id: 'sid-001' },
        { $set: { session: JSON.stringify(sessionOf({ id: 1 })) } }
      )
      const { indexed, unreadable, done } = await open().reindex()
      assert.deepEqual({ indexed, unreadable, done }, { indexed: 2, unreadable: 1, done: true })
    })

    test('stores values under the newest secret, and until then they are found under the older', async (t) => {
      for (const [old, both, now] of [
        [
          { hashId: { secret: 'old' } },
          { hashId: { secret: ['new', 'old'] } },
          { hashId: { secret: 'new' } },
        ],
        [
          { crypto: { secret: 'old' } },
          { crypto: { secret: ['new', 'old'] } },
          { crypto: { secret: 'new' } },
        ],
        [{ indexSecret: 'old' }, { indexSecret: ['new', 'old'] }, { indexSecret: 'new' }],
        [{}, { indexSecret: 'new' }, { indexSecret: 'new' }],
      ]) {
        const { open, sessions } = await openWith(t)
        const store = open(old)
        await store.set('sid', sessionOf('ada'))
        const [before] = await store.find({ userId: 'ada' })
        const rotating = open(both)
        if (Array.isArray(Object.values(both)[0].secret ?? Object.values(both)[0])) {
          const [found] = await rotating.find({ userId: 'ada' })
          assert.equal(found.handle, before.handle)
          assert.equal(await rotating.count({ userId: 'ada' }), 1)
        }
        await rotating.reindex()
        const [after] = await open(now).find({ userId: 'ada' })
        assert.equal(after.handle, before.handle)
        assert.equal(await open(old).count({ userId: 'ada' }), 0)
        assert.equal(await rotating.destroyAll({ userId: 'ada' }), 1)
        await sessions.deleteMany({})
      }
    })

    for (const [options, message] of /** @type {[any, RegExp][]} */ ([
      [{ batchSize: 0 }, /^batchSize must be an integer from 1 to 10000$/],
      [{ batchSize: '10' }, /^batchSize/],
      [{ after: 7 }, /^after must be a storage id$/],
    ])) {
      test(`refuses ${JSON.stringify(options)}`, async (t) => {
        const { open } = await openWith(t)
        await assert.rejects(open().reindex(options), { name: 'TypeError', message })
      })
    }
  })

  describe(`what is mistaken, on the ${backend} backend`, () => {
    test('is a TypeError that names it, and never reaches the server', async (t) => {
      const { open, wire } = await openBehindWire(t, await server)
      const store = /** @type {Store} */ (open({ backend, ...INDEX }))
      await store.set('sid', sessionOf('ada'))
      wire.commands.length = 0
      for (const method of ['find', 'count', 'destroyAll']) {
        for (const [where, message] of /** @type {[any, RegExp][]} */ ([
          [{ userId: { $ne: null } }, /index userId must be a string, .*, not an object$/],
          [{ userId: ['ada'] }, /index userId .* not an array$/],
          [{ userId: undefined }, /index userId .* not undefined$/],
          [{ userID: 'ada' }, /no key userID.*userId/],
          [{ userId: 'ada', $where: '1' }, /no key \$where/],
          [{}, /such as \{ userId: … \}/],
          [undefined, /such as \{ userId: … \}/],
          ['ada', /such as \{ userId: … \}/],
        ]))
          await assert.rejects(store[method](where), { name: 'TypeError', message })
      }
      // With a name that is mistaken, more would end than is meant to.
      await assert.rejects(store.destroyAll({ userId: 'ada' }, { exept: 'sid' }), {
        name: 'TypeError',
        message: 'There is no option exept; did you mean except?; there is except',
      })
      await assert.rejects(store.find({ userId: 'ada' }, { first: 3 }), {
        name: 'TypeError',
        message: /no option first/,
      })
      for (const handle of [
        undefined,
        null,
        7,
        '',
        'sid',
        { $ne: null },
        '0'.repeat(43),
        'F'.repeat(44),
        `${'0'.repeat(44)}\n`,
      ]) {
        await assert.rejects(store.destroyHandle(handle), {
          name: 'TypeError',
          message: /44 hexadecimal digits/,
        })
        if (handle === undefined) continue
        await assert.rejects(store.find({ userId: 'ada' }, { after: handle }), {
          name: 'TypeError',
          message: /^after/,
        })
      }
      for (const limit of [-1, 1.5, '5', Number.NaN, 2 ** 31, null])
        await assert.rejects(store.find({ userId: 'ada' }, { limit }), {
          name: 'TypeError',
          message: /^limit must be/,
        })
      for (const except of [7, { $ne: null }, ['sid', null]])
        await assert.rejects(store.destroyAll({ userId: 'ada' }, { except }), TypeError)
      for (const user of [{ $ne: null }, ['ada'], Number.NaN, 7n])
        await assert.rejects(store.set('sid', sessionOf(user)), {
          name: 'TypeError',
          message: /index userId must be/,
        })
      assert.deepEqual(wire.commands, [])
      assert.equal(await store.count({ userId: 'ada' }), 1)
    })
  })
}

const replicaSet = startReplicaSet()

describe('the options of it', () => {
  const mongoUrl = 'mongodb://localhost:1/app'
  const { index } = INDEX
  /** @type {[Record<string, any>, RegExp][]} */
  const mistaken = [
    [{ index: {} }, /index must be an object such as/],
    [{ index: 'passport.user' }, /index must be an object such as/],
    [{ index: ['userId'] }, /index must be an object such as/],
    [{ index: { 'a.b': 'a' } }, /key 'a\.b'/],
    [{ index: { $ne: 'a' } }, /key '\$ne'/],
    [{ index: { '': 'a' } }, /key ''/],
    [{ index: { userId: '' } }, /index\.userId must be a path/],
    [{ index: { userId: 'a..b' } }, /index\.userId must be a path/],
    [{ index: { userId: 7 } }, /index\.userId must be a path/],
    [{ index: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'a'])) }, /16 keys/],
    [{ indexSecret: 'i' }, /indexSecret needs the option index/],
    [{ describe: () => ({}) }, /describe needs the option index/],
    [{ maxPerUser: { userId: 1 } }, /maxPerUser needs the option index/],
    [{ index, indexSecret: '' }, /indexSecret/],
    [{ index, indexSecret: undefined }, /indexSecret/],
    [{ index, indexSecret: [] }, /indexSecret/],
    [{ index, indexSecret: ['a', undefined] }, /indexSecret/],
    [{ index, indexSecret: 7 }, /indexSecret .* number/],
    [{ index, describe: 'browser' }, /describe must be a function/],
    [{ index, maxPerUser: 5 }, /maxPerUser must be an object/],
    [{ index, maxPerUser: {} }, /maxPerUser must be an object/],
    [{ index, maxPerUser: { userID: 5 } }, /maxPerUser\.userID needs the same key/],
    [{ index, maxPerUser: { userId: 0 } }, /maxPerUser\.userId must be a positive integer, not 0/],
    [{ index, maxPerUser: { userId: '5' } }, /maxPerUser\.userId must be a positive integer/],
    [{ index, maxPerUser: { userId: 5 }, writeOperationOptions: { w: 0 } }, /acknowledged/],
    [
      { index, maxPerUser: { userId: 5 }, onMaxPerUser: 'ignore' },
      /onMaxPerUser must be one of evict, reject/,
    ],
    [{ index, cryptoAdapter: REVERSING }, /index needs indexSecret beside a cryptoAdapter/],
  ]
  for (const [options, message] of mistaken) {
    test(`are refused where they are mistaken: ${message}, ${JSON.stringify(options)}`, () => {
      assert.throws(() => new MongoStore(/** @type {any} */ ({ mongoUrl, ...options })), { message })
    })
  }

  test('count as left out where they are null', async (t) => {
    const { open } = await openDatabase(t)
    const none = { index: null, indexSecret: null, describe: null, maxPerUser: null }
    for (const options of [
      none,
      { ...none, index, cryptoAdapter: REVERSING, indexSecret: 'i' },
      { ...none, index },
    ]) {
      const store = open({ autoRemove: 'disabled', ...options })
      await store.set('sid', sessionOf('ada'))
      assert.equal((await store.get('sid')).passport.user, 'ada')
    }
  })

  test('show no secret to whoever prints them', async (t) => {
    const { open } = await openDatabase(t)
    const { options } = open({ autoRemove: 'disabled', index, indexSecret: 'of the index' })
    assert.ok(!JSON.stringify({ ...options }).includes('of the index'))
  })
})
