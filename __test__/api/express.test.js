// express-session end to end: the same promises on Express 5, Express 4 and Connect 3.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const session = require('express-session')
const { openDatabase, profile } = require('../support/database.js')
const { Browser, serve } = require('../support/http.js')
const { nextEvent, promised, until, withResolvers } = require('../support/wait.js')

const MINUTE_MS = 60_000
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS

/** The routes that most tests need; a handler's result is sent as JSON. */
const ROUTES = {
  '/count': (req) => {
    req.session.views = (req.session.views ?? 0) + 1
    return { views: req.session.views }
  },
  '/look': (req) => req.session,
  '/keys': (req) => {
    const keys = []
    for (const key in req.session) if (Object.hasOwn(req.session, key)) keys.push(key)
    return keys
  },
  '/save': async (req) => {
    req.session.saved = (req.session.saved ?? 0) + 1
    await promised(req.session, 'save')
    return { saved: req.session.saved }
  },
  '/logout': async (req) => {
    await promised(req.session, 'destroy')
    return { session: req.session ?? null }
  },
}

for (const [framework, createApp] of Object.entries({
  'Express 5': require('express'),
  'Express 4': require('express-4'),
  'Connect 3': require('connect'),
})) {
  describe(framework, () => suite(createApp))
}

function suite(createApp) {
  /** Serves ROUTES and the test's own ones from a fresh database. */
  async function setUp(t, { store: storeOptions, session: sessionOptions, routes = {} } = {}) {
    const database = await openDatabase(t)
    const store = database.open(storeOptions)
    const errors = []
    const app = createApp()
    app.use(
      session({
        secret: 'a secret',
        resave: false,
        saveUninitialized: false,
        cookie: { maxAge: WEEK_MS },
        store,
        ...sessionOptions,
      })
    )
    for (const [path, handler] of Object.entries({ ...ROUTES, ...routes })) {
      app.use(path, (req, res, next) => {
        Promise.resolve(handler(req, res, store))
          .then((answer) => res.end(JSON.stringify(answer ?? null)))
          .catch(next)
      })
    }
    app.use((error, _req, res, _next) => {
      errors.push(error)
      if (!res.headersSent) res.statusCode = 500
      res.end()
    })
    const address = await serve(t, app)
    return {
      ...database,
      store,
      errors,
      newBrowser: ({ cookiesOf } = {}) => new Browser(address, cookiesOf),
      browser: new Browser(address),
    }
  }

  test('a session is created, read back and counted', async (t) => {
    const { browser, sessions, newBrowser, errors } = await setUp(t)
    for (const views of [1, 2, 3]) assert.deepEqual(await browser.json('/count'), { views })
    assert.deepEqual(await newBrowser().json('/count'), { views: 1 })

    const document = await sessions.findOne({ _id: browser.sid })
    assert.equal(JSON.parse(document.session).views, 3)
    assert.ok(document.expires instanceof Date)
    assert.equal(await sessions.countDocuments(), 2)
    assert.deepEqual(errors, [])
  })

  test('thirty-two browsers at once each keep their own count', async (t) => {
    const { newBrowser, sessions } = await setUp(t)
    const browsers = Array.from({ length: 32 }, newBrowser)
    for (const views of [1, 2, 3]) {
      const answers = await Promise.all(browsers.map((browser) => browser.json('/count')))
      assert.deepEqual(
        answers,
        browsers.map(() => ({ views }))
      )
    }
    assert.equal(await sessions.countDocuments(), 32)
  })

  test('saveUninitialized: false stores no session that nobody wrote to', async (t) => {
    const { browser, sessions } = await setUp(t, { session: { saveUninitialized: false } })
    await browser.json('/look')
    assert.equal(browser.sid, undefined)
    assert.equal(await sessions.countDocuments(), 0)
  })

  test('saveUninitialized: true stores a session that nobody wrote to', async (t) => {
    const { browser, sessions } = await setUp(t, { session: { saveUninitialized: true } })
    await browser.json('/look')
    assert.equal(await sessions.countDocuments({ _id: browser.sid }), 1)
  })

  test('resave: true writes an unchanged session again', async (t) => {
    const { browser, db, store } = await setUp(t, { session: { resave: true } })
    await browser.json('/count')
    const { writes } = await profile(db)
    const updated = nextEvent(store, 'update')
    await browser.json('/look')
    assert.deepEqual(await updated, [browser.sid])
    assert.equal((await writes()).length, 1)
  })

  test('resave: false touches an unchanged session and leaves its text alone', async (t) => {
    const { browser, sessions, store } = await setUp(t, { session: { resave: false } })
    await browser.json('/count')
    const before = await sessions.findOne({ _id: browser.sid })
    store.on('set', () => assert.fail('an unchanged session was written'))
    const touched = nextEvent(store, 'touch')
    await browser.json('/look')
    assert.equal((await touched)[0], browser.sid)
    assert.equal((await sessions.findOne({ _id: browser.sid })).session, before.session)
  })

  test('a touch moves the expires of the document', async (t) => {
    const { browser, sessions } = await setUp(t)
    await browser.json('/count')
    const soon = new Date(Date.now() + MINUTE_MS)
    await sessions.updateOne({ _id: browser.sid }, { $set: { expires: soon } })
    await browser.json('/look')
    const { expires } = await sessions.findOne({ _id: browser.sid })
    assert.ok(expires.getTime() > Date.now() + WEEK_MS - MINUTE_MS, `expires is ${expires.toISOString()}`)
  })

  test('rolling: true sends the cookie with every answer, false only with changes', async (t) => {
    const rolling = await setUp(t, { session: { rolling: true } })
    const still = await setUp(t, { session: { rolling: false } })
    for (const { browser } of [rolling, still]) await browser.json('/count')
    assert.match((await rolling.browser.fetch('/look')).headers.get('set-cookie'), /Expires=/)
    assert.equal((await still.browser.fetch('/look')).headers.get('set-cookie'), null)
  })

  test('a cookie without maxAge lives for ttl and stays without expires', async (t) => {
    const { browser, sessions } = await setUp(t, { store: { ttl: 3600 }, session: { cookie: {} } })
    const earliest = Date.now() + 3_600_000
    await browser.json('/count')
    const latest = Date.now() + 3_600_000
    const { expires } = await sessions.findOne({ _id: browser.sid })
    assert.ok(expires.getTime() >= earliest && expires.getTime() <= latest)
    await browser.json('/look')
    const { cookie } = await browser.json('/look')
    assert.equal(cookie.expires, null)
    assert.equal(cookie.originalMaxAge, null)
  })

  test('an expired session is not found, even where the server has not removed it yet', async (t) => {
    const { browser, sessions } = await setUp(t, { store: { autoRemove: 'disabled' } })
    await browser.json('/count')
    const { sid } = browser
    await sessions.updateOne({ _id: sid }, { $set: { expires: new Date(Date.now() - 1) } })
    assert.deepEqual(await browser.json('/count'), { views: 1 })
    assert.notEqual(browser.sid, sid)
  })

  test('regenerate gives a new id and removes the old document', async (t) => {
    const { browser, sessions, newBrowser } = await setUp(t, {
      routes: {
        '/login': async (req) => {
          await promised(req.session, 'regenerate')
          req.session.user = 'ada'
          await promised(req.session, 'save')
          return req.session
        },
      },
    })
    await browser.json('/count')
    const before = browser.sid
    assert.equal((await browser.json('/login')).user, 'ada')
    assert.notEqual(browser.sid, before)
    const { views, user } = await browser.json('/look')
    assert.deepEqual({ views, user }, { views: undefined, user: 'ada' })
    assert.deepEqual(await sessions.distinct('_id'), [browser.sid])

    assert.equal((await newBrowser().json('/login')).user, 'ada', 'there is nothing to remove for a newcomer')
  })

  test('reload brings in what another request wrote', async (t) => {
    const entered = withResolvers()
    const goOn = withResolvers()
    const { browser } = await setUp(t, {
      routes: {
        '/wait': async (req) => {
          entered.resolve()
          await goOn.promise
          await promised(req.session, 'reload')
          return req.session
        },
      },
    })
    await browser.json('/count')
    const waiting = browser.json('/wait')
    await entered.promise
    await browser.json('/count')
    goOn.resolve()
    assert.equal((await waiting).views, 2)
  })

  test('reload of a session that is gone fails with the error of express-session', async (t) => {
    const { browser, sessions } = await setUp(t, {
      routes: {
        '/reload': async (req) => {
          await sessions.deleteOne({ _id: req.sessionID })
          return promised(req.session, 'reload').then(
            () => 'reloaded',
            (error) => error.message
          )
        },
      },
    })
    await browser.json('/count')
    assert.equal(await browser.json('/reload'), 'failed to load session')
  })

  for (const [way, logOut] of Object.entries({
    'with a callback': (req) => promised(req.session, 'destroy'),
    'without a callback': async (req, _res, store) => {
      const destroyed = nextEvent(store, 'destroy')
      req.session.destroy()
      await destroyed
    },
  })) {
    test(`destroy ${way} removes the document`, async (t) => {
      const { browser, sessions, errors } = await setUp(t, { routes: { '/leave': logOut } })
      await browser.json('/count')
      const { sid } = browser
      await browser.json('/leave')
      assert.equal(await sessions.countDocuments(), 0)
      assert.deepEqual(await browser.json('/count'), { views: 1 })
      assert.notEqual(browser.sid, sid)
      assert.deepEqual(errors, [])
    })
  }

  test("unset: 'destroy' removes the document of a session set to null, 'keep' leaves it", async (t) => {
    const routes = {
      '/drop': (req) => {
        req.session = null
      },
    }
    const destroying = await setUp(t, { session: { unset: 'destroy' }, routes })
    const keeping = await setUp(t, { session: { unset: 'keep' }, routes })
    for (const { browser } of [destroying, keeping]) {
      await browser.json('/count')
      await browser.json('/drop')
    }
    assert.equal(await destroying.sessions.countDocuments(), 0)
    assert.equal(await keeping.sessions.countDocuments(), 1)
  })

  test('within touchAfter an unchanged session writes nothing', async (t) => {
    const { browser, db } = await setUp(t, { store: { touchAfter: 3600 } })
    await browser.json('/count')
    const { writes } = await profile(db)
    for (let i = 0; i < 5; i++) await browser.json('/look')
    assert.deepEqual(await writes(), [])
  })

  test('within touchAfter a changed session is written once a request', async (t) => {
    const { browser, db } = await setUp(t, { store: { touchAfter: 3600 } })
    await browser.json('/count')
    const { writes } = await profile(db)
    for (let i = 0; i < 3; i++) await browser.json('/count')
    assert.equal((await writes()).length, 3)
  })

  test('after touchAfter an unchanged session is touched once', async (t) => {
    const { browser, db, sessions } = await setUp(t, { store: { touchAfter: 3600 } })
    await browser.json('/count')
    const longAgo = new Date(Date.now() - 2 * 3_600_000)
    const soon = new Date(Date.now() + MINUTE_MS)
    await sessions.updateOne({ _id: browser.sid }, { $set: { lastModified: longAgo, expires: soon } })
    const { writes } = await profile(db)
    for (let i = 0; i < 3; i++) await browser.json('/look')
    assert.equal((await writes()).length, 1)
    const { lastModified, expires } = await sessions.findOne({ _id: browser.sid })
    assert.ok(lastModified > longAgo)
    assert.ok(expires > soon)
  })

  for (const [age, lastModified] of Object.entries({
    'a moment ago': () => new Date(),
    'longer than touchAfter ago': () => new Date(Date.now() - 2 * 3_600_000),
  })) {
    test(`req.session.save() of a session modified ${age} is one write`, async (t) => {
      const { browser, db, sessions } = await setUp(t, { store: { touchAfter: 3600 } })
      await browser.json('/count')
      // However long this takes, the session ends no sooner than with a cookie that has just been renewed.
      const expires = new Date(Date.now() + WEEK_MS + MINUTE_MS)
      await sessions.updateOne({ _id: browser.sid }, { $set: { lastModified: lastModified(), expires } })
      const { writes } = await profile(db)
      assert.deepEqual(await browser.json('/save'), { saved: 1 })
      assert.equal((await writes()).length, 1)
      assert.equal((await browser.json('/look')).saved, 1)
    })
  }

  test('a request that calls req.session.save() renews the session, whatever touchAfter says', async (t) => {
    const { browser, sessions } = await setUp(t, { store: { touchAfter: 3600 } })
    await browser.json('/count')
    const soon = new Date(Date.now() + MINUTE_MS)
    await sessions.updateOne({ _id: browser.sid }, { $set: { expires: soon } })
    assert.deepEqual(await browser.json('/save'), { saved: 1 })
    const { expires } = await sessions.findOne({ _id: browser.sid })
    assert.ok(expires > soon)
  })

  test('lastModified never shows in req.session', async (t) => {
    const { browser, sessions } = await setUp(t, {
      store: { touchAfter: 3600 },
      routes: {
        '/reloaded': async (req) => {
          await promised(req.session, 'reload')
          return ROUTES['/keys'](req)
        },
        '/saved': async (req) => {
          await promised(req.session, 'save')
          return ROUTES['/keys'](req)
        },
      },
    })
    await browser.json('/count')
    for (const path of ['/keys', '/reloaded', '/saved', '/keys']) {
      assert.deepEqual((await browser.json(path)).sort(), ['cookie', 'views'], path)
    }
    await browser.json('/count')
    const document = await sessions.findOne({ _id: browser.sid })
    assert.deepEqual(Object.keys(JSON.parse(document.session)).sort(), ['cookie', 'views'])
    assert.ok(document.lastModified instanceof Date)
  })

  for (const touchAfter of [0, 3600]) {
    test(`a lastModified of the application's own survives with touchAfter: ${touchAfter}`, async (t) => {
      const { browser, errors } = await setUp(t, {
        store: { touchAfter },
        routes: {
          '/mark': (req) => {
            req.session.lastModified = 'last Tuesday'
          },
        },
      })
      await browser.json('/mark')
      await browser.json('/count')
      await browser.json('/save')
      assert.equal((await browser.json('/look')).lastModified, 'last Tuesday')
      assert.deepEqual(errors, [])
    })
  }

  test('a logout that overtakes a touch leaves the answer whole and is told by touch-missed', async (t) => {
    const entered = withResolvers()
    const goOn = withResolvers()
    const { browser, errors, sessions, store } = await setUp(t, {
      routes: {
        '/slow': async (req) => {
          entered.resolve()
          await goOn.promise
          return req.session.views
        },
      },
    })
    await browser.json('/count')
    const { sid } = browser
    const missed = nextEvent(store, 'touch-missed')
    const slow = browser.fetch('/slow')
    await entered.promise
    await browser.json('/logout')
    goOn.resolve()

    const response = await slow
    assert.equal(response.status, 200)
    assert.equal(await response.text(), '1')
    const [missedSid, missedSession] = await missed
    assert.equal(missedSid, sid)
    assert.equal(missedSession.views, 1)
    assert.deepEqual(errors, [])
    assert.equal(await sessions.countDocuments(), 0, 'the session stays logged out')
  })

  test('with strictTouch a logout that overtakes a touch reaches the error handler', async (t) => {
    const { browser, errors } = await setUp(t, {
      store: { strictTouch: true },
      routes: { '/slow': (req, _res, store) => store.destroy(req.sessionID) },
    })
    await browser.json('/count')
    await (await browser.fetch('/slow')).text().catch(() => {})
    // express-session ends the response first, and hands the error over a turn of the event loop later.
    await until(() => errors.length > 0)
    assert.deepEqual(
      errors.map((error) => error.message),
      ['Unable to find the session to touch']
    )
  })

  test('cookie.expires follows the document after a touch', async (t) => {
    const { browser, sessions, store } = await setUp(t, {
      routes: {
        '/expires': (req) => ({
          isDate: req.session.cookie.expires instanceof Date,
          expires: req.session.cookie.expires,
          originalMaxAge: req.session.cookie.originalMaxAge,
        }),
      },
    })
    await browser.json('/count')
    const { originalMaxAge } = (await store.get(browser.sid)).cookie
    const later = new Date(Date.now() + 2 * WEEK_MS)
    await sessions.updateOne({ _id: browser.sid }, { $set: { expires: later } })
    assert.equal((await store.get(browser.sid)).cookie.expires, later.toISOString())
    assert.deepEqual(await browser.json('/expires'), {
      isDate: true,
      expires: later.toISOString(),
      originalMaxAge,
    })
    const { expires } = await sessions.findOne({ _id: browser.sid })
    assert.equal((await store.get(browser.sid)).cookie.expires, expires.toISOString())
  })

  test('a maxAge that the application changes is what the document and the next request get', async (t) => {
    const { browser, sessions } = await setUp(t, {
      routes: {
        '/remember': (req) => {
          req.session.remember = true
          req.session.cookie.maxAge = 4 * WEEK_MS
        },
      },
    })
    await browser.json('/count')
    await browser.json('/remember')
    await browser.json('/look')
    const { expires } = await sessions.findOne({ _id: browser.sid })
    assert.ok(expires.getTime() > Date.now() + 3 * WEEK_MS)
    assert.ok((await browser.json('/look')).cookie.originalMaxAge > 3 * WEEK_MS)
  })

  test('partitioned, priority and sameSite of the cookie round-trip', async (t) => {
    const cookie = { partitioned: true, priority: 'high', sameSite: 'lax', path: '/' }
    const { browser } = await setUp(t, { session: { cookie: { ...cookie, maxAge: WEEK_MS } } })
    await browser.json('/count')
    const { partitioned, priority, sameSite, path } = (await browser.json('/look')).cookie
    assert.deepEqual({ partitioned, priority, sameSite, path }, cookie)
  })

  test('cookie fields that express-session has not heard of reach req.session', async (t) => {
    const { browser, store } = await setUp(t, {
      routes: { '/cookie': (req) => ({ ...req.session.cookie }) },
    })
    await browser.json('/count')
    const stored = await store.get(browser.sid)
    await store.set(browser.sid, { ...stored, cookie: { ...stored.cookie, flavour: { nuts: ['pecan'] } } })
    assert.deepEqual((await browser.json('/cookie')).flavour, { nuts: ['pecan'] })
  })

  for (const stringify of [true, false]) {
    test(`a session whose cookie is a plain object round-trips with stringify: ${stringify}`, async (t) => {
      const { store, sessions } = await setUp(t, { store: { stringify } })
      const expires = new Date(Date.now() + WEEK_MS)
      const text = expires.toISOString()
      const payloads = {
        'a date as text': {
          cookie: { path: '/', expires: text, originalMaxAge: WEEK_MS, odd: null },
          user: 'ada',
        },
        'express-openid-connect': {
          header: { iat: 1700000000, uat: 1700000000, exp: 1700086400 },
          data: { id_token: 'a.b.c', access_token: 'd' },
          cookie: { expires: expires.getTime(), maxAge: WEEK_MS },
        },
        'no expires': { cookie: { path: '/', expires: null }, user: 'ada' },
        'no cookie': { user: 'ada' },
      }
      for (const [sid, payload] of Object.entries(payloads)) {
        const before = structuredClone(payload)
        await store.set(sid, payload)
        assert.deepEqual(payload, before, 'the caller keeps the object as it was')
        // As connect-mongo stores it.
        const storesNullCookie = stringify === false && !('cookie' in before)
        assert.deepEqual(await store.get(sid), storesNullCookie ? { cookie: null, ...before } : before, sid)
      }
      for (const sid of ['a date as text', 'express-openid-connect']) {
        assert.equal((await sessions.findOne({ _id: sid })).expires.getTime(), expires.getTime(), sid)
      }
    })
  }

  test('a session that another program stored without a cookie, or with none that is one, is served', async (t) => {
    const { browser, sessions } = await setUp(t)
    await browser.json('/count')
    for (const cookie of [undefined, null, '', 'text', 5, true]) {
      const stored = JSON.stringify({ cookie, views: 1 })
      await sessions.updateOne({ _id: browser.sid }, { $set: { session: stored } })
      assert.deepEqual(await browser.json('/count'), { views: 2 }, stored)
    }
  })

  for (const stringify of [true, false]) {
    test(`who has a session that cannot be read gets a new one, with stringify: ${stringify}`, async (t) => {
      const { browser, sessions } = await setUp(t, { store: { stringify } })
      for (const update of [
        { $set: { session: '{"cookie":' } },
        { $set: { session: 'text' } },
        { $unset: { session: '' } },
      ]) {
        await browser.json('/count')
        const { sid } = browser
        await sessions.updateOne({ _id: sid }, update)
        assert.deepEqual(await browser.json('/count'), { views: 1 })
        assert.notEqual(browser.sid, sid)
        assert.deepEqual(await browser.json('/count'), { views: 2 })
      }
    })

    test(`who changes the option stringify to ${stringify} gives users a new session, and no error`, async (t) => {
      const { browser, sessions } = await setUp(t, { store: { stringify } })
      await browser.json('/count')
      const { session: stored } = await sessions.findOne({ _id: browser.sid })
      const other = stringify ? JSON.parse(stored) : JSON.stringify(stored)
      await sessions.updateOne({ _id: browser.sid }, { $set: { session: other } })
      for (const views of [1, 2]) assert.deepEqual(await browser.json('/count'), { views })
    })
  }

  test('stringify: false serves the same application', async (t) => {
    const { browser, sessions } = await setUp(t, { store: { stringify: false, touchAfter: 3600 } })
    for (const views of [1, 2, 3]) assert.deepEqual(await browser.json('/count'), { views })
    const document = await sessions.findOne({ _id: browser.sid })
    assert.equal(document.session.views, 3)
    assert.equal(document.session.cookie.httpOnly, true)
    assert.ok(document.session.cookie.expires instanceof Date)
  })

  test('store.regenerate destroys the session and generates a new one for the request', async (t) => {
    const { browser, sessions } = await setUp(t, {
      routes: {
        '/renew': async (req, _res, store) => {
          const before = req.sessionID
          await promised(store, 'regenerate', req)
          return { before, after: req.sessionID, views: req.session.views ?? null }
        },
      },
    })
    await browser.json('/count')
    const { sid } = browser
    const { before, after, views } = await browser.json('/renew')
    assert.deepEqual({ before, views }, { before: sid, views: null })
    assert.notEqual(after, before)
    assert.equal(await sessions.countDocuments({ _id: sid }), 0)
  })

  for (const [what, leave] of Object.entries({
    'logged out': (req) => promised(req.session, 'destroy'),
    'logged in anew': (req) => promised(req.session, 'regenerate'),
  })) {
    test(`a slow request of a user who has ${what} meanwhile does not bring the session back`, async (t) => {
      const [started, left] = [withResolvers(), withResolvers()]
      const { browser, newBrowser, errors, sessions, store } = await setUp(t, {
        routes: {
          '/slow': async (req) => {
            started.resolve()
            await left.promise
            req.session.views = 100
            return { views: req.session.views }
          },
          '/leave': async (req) => {
            await leave(req)
            return {}
          },
        },
      })
      await browser.json('/count')
      const { sid } = browser
      const slow = browser.json('/slow')
      await started.promise
      await newBrowser({ cookiesOf: browser }).json('/leave')
      const refused = nextEvent(store, 'set-refused')
      left.resolve()
      assert.deepEqual(await slow, { views: 100 })
      assert.equal((await refused)[0], sid)
      assert.equal(await sessions.countDocuments({ _id: sid }), 0)
      assert.deepEqual(await browser.json('/count'), { views: 1 })
      assert.notEqual(browser.sid, sid)
      assert.deepEqual(errors, [])
    })
  }

  test("with concurrency: 'merge' two requests at a time keep what each has changed", async (t) => {
    const [started, done] = [withResolvers(), withResolvers()]
    const { browser, newBrowser, errors } = await setUp(t, {
      store: { concurrency: 'merge' },
      routes: {
        '/slow': async (req) => {
          started.resolve()
          await done.promise
          req.session.slow = true
        },
        '/quick': (req) => {
          req.session.quick = true
        },
      },
    })
    await browser.json('/count')
    const slow = browser.json('/slow')
    await started.promise
    await newBrowser({ cookiesOf: browser }).json('/quick')
    done.resolve()
    await slow
    const { cookie, ...data } = await browser.json('/look')
    assert.deepEqual(data, { views: 1, quick: true, slow: true })
    assert.ok(Date.parse(cookie.expires) > Date.now())
    assert.deepEqual(errors, [])
  })

  test('a loaded session is saved twice, reloaded and saved again in one request', async (t) => {
    const { browser, errors, sessions, store } = await setUp(t, {
      routes: {
        '/twice': async (req) => {
          for (const views of [10, 20]) {
            req.session.views = views
            await promised(req.session, 'save')
          }
          await promised(req.session, 'reload')
          req.session.views++
          return { views: req.session.views }
        },
      },
    })
    store.on('set-refused', () => assert.fail('a session that is there was refused'))
    await browser.json('/count')
    assert.deepEqual(await browser.json('/twice'), { views: 21 })
    assert.equal(JSON.parse((await sessions.findOne({ _id: browser.sid })).session).views, 21)
    assert.deepEqual(errors, [])
  })

  test('store.load gives a Session that can be changed and saved', async (t) => {
    const { browser, store } = await setUp(t)
    await browser.json('/count')
    const loaded = await promised(store, 'load', browser.sid)
    assert.equal(loaded.constructor, session.Session)
    assert.equal(loaded.id, browser.sid)
    assert.ok(loaded.cookie.expires instanceof Date)
    loaded.views = 41
    await promised(loaded, 'save')
    assert.deepEqual(await browser.json('/count'), { views: 42 })
    assert.equal(await promised(store, 'load', 'nobody'), undefined)
  })

  test('the session a promise gives keeps its touchAfter bookkeeping', async (t) => {
    const { db, store } = await setUp(t, { store: { touchAfter: 3600 } })
    await store.set('sid', { cookie: {}, user: 'ada' })
    const { writes } = await profile(db)
    const fetched = await store.get('sid')
    assert.deepEqual(fetched, { cookie: {}, user: 'ada' })
    await store.touch('sid', fetched)
    await store.touch('sid', fetched)
    assert.deepEqual(await writes(), [])
  })
}
