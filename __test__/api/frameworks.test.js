// Frameworks that bring their own sessions: where express-session is not installed, and the calls that they make.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { DEFAULT_BACKEND } = require('../support/backends.js')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')
const { installAlone } = require('../support/install.js')
const { promised } = require('../support/wait.js')

/** What the package can do without. */
const ABSENT = DEFAULT_BACKEND === 'native' ? ['express-session', 'mongodb'] : ['express-session']

describe(`without ${ABSENT.join(' and ')}`, () => {
  const cwd = installAlone(['mongodb'].filter((name) => !ABSENT.includes(name)))

  test('the package loads, stores and reads', async (t) => {
    const { url } = await openDatabase(t)
    const { code, stdout, stderr } = await runInChild(
      async ({ mongoUrl, absent }) => {
        const assert = require('node:assert/strict')
        const { EventEmitter, once } = require('node:events')
        const MongoStore = require('connect-mongo-native')
        for (const name of absent) {
          assert.throws(() => require(name), { code: 'MODULE_NOT_FOUND' })
        }
        for (const stringify of [true, false]) {
          const store = MongoStore.create({ mongoUrl, stringify })
          assert.ok(store instanceof EventEmitter)
          const created = once(store, 'create')
          const date = new Date(0)
          await store.set(`sid-${stringify}`, { cookie: {}, date })
          assert.deepEqual(await created, [`sid-${stringify}`])
          const { date: stored } = await store.get(`sid-${stringify}`)
          assert.deepEqual(stored, stringify ? date.toJSON() : date)
          await store.close()
        }
        console.log('done')
      },
      { mongoUrl: url, absent: ABSENT },
      { cwd }
    )
    assert.equal(stdout, 'done\n', stderr)
    assert.equal(code, 0, stderr)
    assert.equal(stderr, '')
  })

  test('the package loads as an ES module', async () => {
    const { stdout, stderr } = await runInChild(
      async () => {
        const { default: MongoStore, MongoStore: named } = await import('connect-mongo-native')
        console.log(MongoStore === named, typeof MongoStore.create)
      },
      {},
      { cwd }
    )
    assert.equal(stdout, 'true function\n', stderr)
  })

  test('regenerate, load and createSession do what those of express-session do', async (t) => {
    const { url } = await openDatabase(t)
    const { code, stdout, stderr } = await runInChild(
      async ({ mongoUrl }) => {
        const assert = require('node:assert/strict')
        const { promisify } = require('node:util')
        const MongoStore = require('connect-mongo-native')
        const store = new MongoStore({ mongoUrl, touchAfter: 3600 })
        const expires = new Date(Date.now() + 60_000)
        await store.set('sid', { cookie: { expires: expires.toISOString() }, user: 'ada' })

        const loaded = await promisify(store.load).call(store, 'sid')
        assert.equal(loaded.user, 'ada')
        assert.deepEqual(loaded.cookie.expires, expires)
        assert.equal(await promisify(store.load).call(store, 'nobody'), undefined)

        const req = { sessionID: 'sid' }
        const session = store.createSession(req, await store.get('sid'))
        assert.equal(req.session, session)
        assert.deepEqual(Object.keys(session).sort(), ['cookie', 'user'])

        store.generate = (request) => {
          request.sessionID = 'new'
          request.session = { cookie: {} }
        }
        await promisify(store.regenerate).call(store, req)
        assert.equal(req.sessionID, 'new')
        assert.equal(await store.get('sid'), null)
        await store.close()
        console.log('done')
      },
      { mongoUrl: url },
      { cwd }
    )
    assert.equal(stdout, 'done\n', stderr)
    assert.equal(code, 0, stderr)
  })
})

test('@fastify/session: get, set and destroy with callbacks, detached, with a session class of its own', async (t) => {
  const { open, sessions } = await openDatabase(t)
  const { get, set, destroy } = open()
  class Cookie {
    expires = new Date(Date.now() + 60_000)
    originalMaxAge = 60_000
    toJSON() {
      return { expires: this.expires, originalMaxAge: this.originalMaxAge }
    }
  }
  class Session {
    #request = { secret: 'not for the database' }
    cookie = new Cookie()
    user = 'ada'
    get request() {
      return this.#request
    }
  }
  const session = new Session()
  const callBack = (method, ...args) =>
    new Promise((resolve, reject) => {
      method(...args, (error, result) => (error ? reject(error) : resolve(result)))
    })
  await callBack(set, 'sid', session)
  assert.deepEqual(await callBack(get, 'sid'), {
    cookie: { expires: session.cookie.expires.toISOString(), originalMaxAge: 60_000 },
    user: 'ada',
  })
  assert.equal((await sessions.findOne()).expires.getTime(), session.cookie.expires.getTime())
  assert.equal(await callBack(get, 'nobody'), null)
  await callBack(destroy, 'sid')
  assert.equal(await callBack(get, 'sid'), null)
})

test('koa-generic-session: promises, and a lifetime in milliseconds as the third argument', async (t) => {
  const { open, sessions } = await openDatabase(t)
  const store = open({ ttl: 60 })
  await store.set('koa:sess:sid', { cookie: { path: '/', maxAge: 86_400_000 }, user: 'ada' }, 86_400_000)
  assert.equal((await store.get('koa:sess:sid')).user, 'ada')
  assert.equal(await store.get('koa:sess:nobody'), null)
  assert.equal(await sessions.countDocuments(), 1)
  await store.destroy('koa:sess:sid')
  assert.equal(await store.get('koa:sess:sid'), null)
})

test('koa-session: promises, with an options object as the last argument', async (t) => {
  const { open } = await openDatabase(t)
  const store = open()
  const ctx = { get: () => assert.fail('the context is not for the store') }
  await store.set('sid', { user: 'ada', _expire: 1, _maxAge: 2 }, 86_400_000, {
    changed: true,
    rolling: false,
    ctx,
  })
  assert.deepEqual(await store.get('sid', 86_400_000, { rolling: false, ctx }), {
    user: 'ada',
    _expire: 1,
    _maxAge: 2,
  })
  await store.destroy('sid', { ctx })
  assert.equal(await store.get('sid', 86_400_000, { rolling: false, ctx }), null)
})

test('next-session and util.promisify: each method by itself', async (t) => {
  const { open } = await openDatabase(t)
  const store = open()
  const { promisify } = require('node:util')
  await promisify(store.set)('sid', { cookie: {}, user: 'ada' })
  await promisify(store.touch)('sid', { cookie: {} })
  assert.equal((await promisify(store.get)('sid')).user, 'ada')
  assert.equal(await promisify(store.length)(), 1)
  assert.equal((await promisify(store.all)()).length, 1)
  await promisify(store.destroy)('sid')
  assert.equal(await promised(store, 'get', 'sid'), null)
})
