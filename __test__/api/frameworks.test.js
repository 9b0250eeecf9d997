// Frameworks that bring their own sessions: where express-session is not installed, and the calls that they make.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { DEFAULT_BACKEND } = require('../support/backends.js')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')
const { installAlone } = require('../support/install.js')
const { promised } = require('../support/wait.js')

/** What the package can do without. */
const ABSENT = DEFAULT_BACKEND === 'native' ? ['express-session', 'mongodb'] : ['express-session']

/** How what is absent is missed. @type {Record<string, string[]>} */
const INSTALLERS = {
  npm: [],
  "Yarn's Plug'n'Play": ['--require', require.resolve('../support/pnp.js')],
}

for (const [installer, nodeArgs] of Object.entries(INSTALLERS))
  describe(`without ${ABSENT.join(' and ')}, installed by ${installer}`, () => {
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
        { cwd, nodeArgs }
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
        { cwd, nodeArgs }
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
        { cwd, nodeArgs }
      )
      assert.equal(stdout, 'done\n', stderr)
      assert.equal(code, 0, stderr)
    })

    if (ABSENT.includes('mongodb')) {
      test('what needs mongodb says so', async () => {
        const { stdout, stderr } = await runInChild(
          async () => {
            const MongoStore = require('connect-mongo-native')
            const mongoUrl = 'mongodb://127.0.0.1:1/app'
            const says = (error) => console.log(error.message)
            try {
              MongoStore.create({ mongoUrl, backend: 'driver' })
            } catch (error) {
              says(error)
            }
            const store = MongoStore.create({ mongoUrl })
            await store.collectionP.catch(says)
            await store.close()
          },
          {},
          { cwd, nodeArgs }
        )
        assert.equal(
          stdout,
          "backend: 'driver' needs the mongodb package: npm install mongodb\ncollectionP needs the mongodb package: npm install mongodb\n",
          stderr
        )
      })
    }
  })

describe('a package that is there and broken is for the app to hear of:', () => {
  /** Files of a package, which cannot be loaded. @type {Record<string, [Record<string, string>, RegExp]>} */
  const BROKEN = {
    'without its files': [{ 'package.json': '{ "main": "./main.js" }' }, /Cannot find module .*main\.js/],
    'without what it depends on': [{ 'index.js': "require('nothing')" }, /Cannot find module 'nothing'/],
    'that throws': [{ 'index.js': "throw new Error('it does not work')" }, /it does not work/],
  }
  for (const [title, [files, message]] of Object.entries(BROKEN)) {
    for (const name of ABSENT) {
      test(`${name} ${title}`, async () => {
        const cwd = installAlone(['mongodb'].filter((one) => !ABSENT.includes(one)))
        const folder = path.join(cwd, 'node_modules', name)
        fs.mkdirSync(folder)
        for (const [file, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, file), text)
        const { stdout, stderr } = await runInChild(
          () => {
            try {
              const MongoStore = require('connect-mongo-native')
              MongoStore.create({ mongoUrl: 'mongodb://127.0.0.1:1/app', backend: 'driver' })
            } catch (error) {
              console.log(error.message)
            }
          },
          {},
          { cwd }
        )
        assert.match(stdout, message, stderr)
      })
    }
  }
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
