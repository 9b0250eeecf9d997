// Several realms in one process, as under test runners: the store in one of its own, or given what another one has made. No class of one
// is a class of the other.
'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')
const { describe, test } = require('node:test')
const { types } = require('node:util')
const vm = require('node:vm')
const { MongoClient } = require('mongodb')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { createRealm, isOfPackage } = require('../support/realm.js')

const MINUTE_MS = 60_000

/** The realms that a store is loaded in. @type {Record<string, import('../support/realm.js').RealmOptions>} */
const REALMS = {
  'a realm with all packages': {},
  "a browser's realm with this package alone": { isBrowser: true, isInside: isOfPackage },
}

/** Options of stores, and what of them the realm makes. @type {Record<string, string>} */
const FORMS = {
  text: '({})',
  documents: '({ stringify: false })',
  'documents, touchAfter': '({ stringify: false, touchAfter: 3600, timestamps: true })',
  'documents, merged': "({ stringify: false, concurrency: 'merge' })",
  'text, merged': "({ concurrency: 'merge' })",
  'documents of an app that has functions': `({
    concurrency: 'merge',
    serialize: (session) => ({ kept: new Map([['session', { ...session, cookie: session.cookie.toJSON() }]]), at: new Date(0) }),
    unserialize: ({ kept: { session } }) => ({ ...session }),
  })`,
  kruptein: "({ crypto: { secret: 'squirrel' } })",
  'kruptein, documents, merged':
    "({ crypto: { secret: 'squirrel' }, stringify: false, concurrency: 'merge' })",
  sealed: "({ crypto: { secret: 'squirrel', format: 'sealed' } })",
  'sealed, with bytes as secrets':
    "({ crypto: { secret: [new Uint8Array([1, 2, 3]), new Uint8Array([4]).buffer], format: 'sealed' }, concurrency: 'merge' })",
  'an adapter': `({
    cryptoAdapter: {
      encrypt: async (text) => 'x' + text,
      decrypt: async (text) => text.slice(1),
    },
  })`,
  'hashed ids': '({ hashId: true })',
  'hashed ids of several secrets':
    "({ hashId: { secret: ['new', 'old'], acceptPlainIds: true }, stringify: false })",
  'ids that are promised': "({ transformId: async (id) => 'prefix:' + id, stringify: false })",
  'a time limit': "({ stringify: false, hashId: { secret: ['a', 'b'] }, operationTimeoutMS: 20_000 })",
  'a time limit, and merged': "({ concurrency: 'merge', operationTimeoutMS: 20_000 })",
  'an interval': "({ autoRemove: 'interval', stringify: false })",
}

/** In a realm: a session as an app has it, with a cookie as express-session has it. */
const SESSION = `(expiresMs) => ({
  cookie: {
    expires: new Date(expiresMs),
    originalMaxAge: ${MINUTE_MS},
    toJSON() { return { expires: this.expires, originalMaxAge: this.originalMaxAge, httpOnly: true, path: '/' } },
  },
  user: { name: 'ada', tags: ['a', { b: null }] },
})`

const USER = '{"name":"ada","tags":["a",{"b":null}]}'

/** @param {any} session @returns {number} */
function expiresMsOf(session) {
  return new Date(session.cookie.expires).getTime()
}

/**
 * What express-session asks of a store, for a user with two requests at a time.
 *
 * @param {any} store
 * @param {(expiresMs: number) => any} newSession
 * @param {any} options of the store
 */
async function assertWorks(store, newSession, options) {
  const soonMs = Date.now() + MINUTE_MS
  const laterMs = soonMs + MINUTE_MS
  /** @type {string[]} */
  const events = []
  for (const event of ['create', 'update', 'touch', 'set-refused']) store.on(event, () => events.push(event))

  assert.equal(await store.get('sid'), null)
  await store.set('sid', newSession(soonMs))
  const first = await store.get('sid')
  assert.equal(JSON.stringify(first.user), USER)
  assert.equal(expiresMsOf(first), soonMs)

  await store.touch('sid', newSession(laterMs))
  const touched = await store.get('sid')
  // What was set a moment ago is not touched with touchAfter, but this session has never been stored.
  assert.equal(expiresMsOf(touched), laterMs)
  const isDocument = options.serialize || (options.stringify === false && !options.crypto)
  assert.equal(types.isDate(touched.cookie.expires), Boolean(isDocument))

  const load = async () =>
    store.createSession({ sessionID: 'sid', sessionStore: store }, await store.get('sid'))
  const [one, other] = [await load(), await load()]
  assert.ok(types.isDate(one.cookie.expires))
  if (options.touchAfter) {
    const before = events.length
    await store.touch('sid', one)
    assert.equal(events.length, before)
  }
  one.touch()
  one.views = 1
  await store.set('sid', one)
  other.touch()
  other.user.name = 'grace'
  await store.set('sid', other)
  const merged = await store.get('sid')
  assert.equal(merged.user.name, 'grace')
  assert.equal(merged.views, options.concurrency === 'merge' ? 1 : undefined)
  assert.deepEqual(events, ['create', 'touch', 'update', 'update'])

  assert.equal((await store.all())[0].user.name, 'grace')
  assert.equal(await store.length(), 1)
  await store.destroy('sid')
  await store.set('sid', other)
  assert.equal(events.at(-1), 'set-refused')
  assert.equal(await store.length(), 0)
  await store.set('sid', newSession(Date.now() - 1))
  assert.equal(await store.get('sid'), null)
  await store.clear()
  await store.ping()
}

for (const [realmName, realmOptions] of Object.entries(REALMS)) {
  for (const backend of BACKENDS) {
    describe(`the store in ${realmName} [${backend}]:`, () => {
      for (const [form, source] of Object.entries(FORMS)) {
        test(form, async (t) => {
          const { url } = await openDatabase(t)
          const realm = createRealm(realmOptions)
          const options = realm.run(source)
          const store = realm.require('./index.js').create({ mongoUrl: url, backend, ...options })
          t.after(() => store.close())
          await assertWorks(store, realm.run(SESSION), options)
        })
      }
    })
  }

  describe(`a client of the main realm, and the store in ${realmName}:`, () => {
    for (const [form, source] of Object.entries(FORMS)) {
      test(form, async (t) => {
        const { url } = await openDatabase(t)
        const realm = createRealm(realmOptions)
        const client = await MongoClient.connect(url)
        t.after(() => client.close())
        const options = realm.run(source)
        const store = realm.require('./index.js').create({ client, closeClient: false, ...options })
        t.after(() => store.close())
        await assertWorks(store, realm.run(SESSION), options)
      })
    }
  })
}

for (const backend of BACKENDS) {
  describe(`sessions, options and functions of another realm [${backend}]:`, () => {
    for (const [form, source] of Object.entries(FORMS)) {
      test(form, async (t) => {
        const { open } = await openDatabase(t)
        const options = vm.runInNewContext(source)
        const store = open({ backend, ...options })
        await assertWorks(store, vm.runInNewContext(SESSION), options)
      })
    }

    test('values of all kinds', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, stringify: false })
      const session = vm.runInNewContext(`({
        cookie: {},
        at: new Date(5),
        bytes: new Uint8Array([1, 2]),
        expression: /a/i,
        map: new Map([['a', new Date(6)]]),
        list: [new Date(7)],
        bare: Object.assign(Object.create(null), { a: 1 }),
        big: 5n,
      })`)
      await store.set('sid', session)
      const found = await store.get('sid')
      assert.deepEqual(found.at, new Date(5))
      assert.deepEqual(found.bytes.buffer.subarray(0, found.bytes.position), Buffer.from([1, 2]))
      assert.deepEqual(found.expression, /a/i)
      assert.deepEqual(found.map, { a: new Date(6) })
      assert.deepEqual(found.list, [new Date(7)])
      assert.deepEqual(found.bare, { a: 1 })
    })

    test('a lastModified of a session that never came from a store', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, touchAfter: 3600 })
      let touches = 0
      store.on('touch', () => touches++)
      await store.set('sid', { cookie: {} })
      await store.touch('sid', vm.runInNewContext('({ cookie: {}, lastModified: new Date() })'))
      assert.equal(touches, 0)
    })

    test("concurrency: 'reject' refuses what has changed, and nothing else", async (t) => {
      const { open } = await openDatabase(t)
      const functions = vm.runInNewContext(`({
        serialize: (session) => JSON.stringify(session),
        unserialize: (text) => JSON.parse(text),
      })`)
      const store = open({ backend, concurrency: 'reject', ...functions })
      await store.set('sid', vm.runInNewContext(SESSION)(Date.now() + MINUTE_MS))
      const load = async () =>
        store.createSession({ sessionID: 'sid', sessionStore: store }, await store.get('sid'))
      const [reader, writer, late] = [await load(), await load(), await load()]
      for (const session of [reader, writer, late]) session.touch()
      await store.set('sid', reader)
      writer.views = 1
      await store.set('sid', writer)
      late.views = 2
      await assert.rejects(store.set('sid', late), { code: 'SESSION_CONFLICT' })
    })

    test('errors', async (t) => {
      const { open } = await openDatabase(t)
      const failing = vm.runInNewContext("({ serialize() { throw new TypeError('not so') } })")
      await assert.rejects(open({ backend, ...failing }).set('sid', { cookie: {} }), (error) => {
        assert.equal(error instanceof Error, false)
        return error.message === 'not so'
      })
      const store = open({ backend })
      store.on('get', () => vm.runInNewContext("throw new Error('of a listener')"))
      const [thrown] = await Promise.all([uncaught(), store.get('sid')])
      assert.equal(thrown.message, 'of a listener')
    })
  })
}

/** @returns {Promise<any>} the next error that nobody catches */
async function uncaught() {
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  try {
    const [error] = await once(process, 'uncaughtException')
    return error
  } finally {
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
}
