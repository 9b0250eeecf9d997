// The sessions that are made where express-session cannot be found are those that express-session makes.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { inspect } = require('node:util')
const Store = require('express-session/session/store')
const { createPlainSession } = require('../../lib/store/plain-session.js')

const NOW = Date.UTC(2026, 0, 1)
const LATER = new Date(NOW + 60_000)

/** As they come from a store. @type {Record<string, () => Record<string, any>>} */
const STORED = {
  'a session': () => ({
    cookie: { expires: LATER.toJSON(), originalMaxAge: 60_000, httpOnly: true },
    user: 'ada',
  }),
  'with a date': () => ({ cookie: { expires: LATER, originalMaxAge: 60_000 }, views: 1 }),
  'that ends with the browser': () => ({ cookie: { originalMaxAge: null, expires: null, path: '/app' } }),
  'with an empty cookie': () => ({ cookie: {}, nested: { list: [1, 2] } }),
  'with all of a cookie': () => ({
    cookie: {
      expires: LATER.toJSON(),
      originalMaxAge: 90_000,
      httpOnly: false,
      secure: true,
      path: '/a',
      domain: 'example.org',
      sameSite: 'none',
      priority: 'high',
      partitioned: true,
      data: 'none',
      another: 1,
    },
  }),
  'with a maxAge': () => ({ cookie: { maxAge: 5_000 } }),
  'with a maxAge that is a date': () => ({ cookie: { maxAge: LATER } }),
  'with expires that is no date': () => ({ cookie: { expires: 'soon' } }),
  'with expires that is a number': () => ({ cookie: { expires: 5, originalMaxAge: 1 } }),
  'with the names of what is its own': () => ({
    cookie: {},
    id: 'forged',
    req: 'forged',
    save: 'forged',
    touch: 1,
    ['__proto__']: { polluted: true },
    hasOwnProperty: 1,
  }),
  'that is no session': () => ({ cookie: { maxAge: 'soon' } }),
}

/** @param {any} value what becomes of it in JavaScript, in JSON and over time */
function seen(value) {
  const { cookie } = value
  return {
    json: JSON.stringify(value),
    names: Object.keys(value),
    own: Object.getOwnPropertyNames(value),
    inherited: Object.getOwnPropertyNames(Object.getPrototypeOf(value)).sort(),
    id: value.id,
    cookieJson: JSON.stringify(cookie),
    cookieNames: Object.keys(cookie),
    data: inspect(cookie.data),
    maxAge: cookie.maxAge,
    expires: String(cookie.expires),
  }
}

/** @typedef {(session: any, next: (...args: any[]) => void) => void} Step what a request does with its session */

/** @type {Record<string, Step>} */
const STEPS = {
  nothing: (_, next) => next(),
  touch: (session, next) => next(session.touch() === session),
  resetMaxAge: (session, next) => next(session.resetMaxAge() === session),
  'a new maxAge': ({ cookie }, next) => next(Reflect.set(cookie, 'maxAge', 7_000)),
  'no maxAge': ({ cookie }, next) => next(Reflect.set(cookie, 'maxAge', null)),
  'a maxAge that is none': (session, next) => {
    try {
      session.cookie.maxAge = 'soon'
    } catch (error) {
      next(/** @type {Error} */ (error).message)
    }
  },
  expires: ({ cookie }, next) => next(Reflect.set(cookie, 'expires', LATER)),
  save: (session, next) => next(session.save(next) === session),
  'save without a callback': (session, next) => next(session.save() === session),
  reload: (session, next) => next(session.reload(next) === session),
  destroy: (session, next) => next(session.destroy(next) === session),
  regenerate: (session, next) => next(session.regenerate(next) === session),
}

/** @param {(req: any, stored: any) => any} createSession @param {() => any} stored @param {Step} step */
function trace(createSession, stored, step) {
  /** @type {unknown[]} */
  const events = []
  const call =
    (/** @type {string} */ name, /** @type {unknown} */ answer) =>
    (/** @type {any[]} */ ...args) => {
      const callback = args.at(-1)
      events.push([name, typeof args[0], typeof callback, args.length])
      callback?.(null, answer)
    }
  const req = {
    sessionID: 'sid',
    sessionStore: {
      createSession,
      set: call('set', undefined),
      get: call('get', { cookie: { expires: LATER.toJSON() }, reloaded: true }),
      destroy: call('destroy', undefined),
      regenerate: call('regenerate', undefined),
    },
  }
  try {
    const session = createSession(req, stored())
    events.push(seen(session))
    step(session, (...args) => events.push(args))
    const now = Reflect.get(req, 'session')
    events.push(now === session, now && seen(now), seen(session))
  } catch (error) {
    events.push(/** @type {Error} */ (error).message)
  }
  return events
}

for (const [title, stored] of Object.entries(STORED)) {
  describe(`${title}, after`, () => {
    for (const [name, step] of Object.entries(STEPS)) {
      test(name, (t) => {
        t.mock.method(Date, 'now', () => NOW)
        const theirs = trace((req, session) => Store.prototype.createSession(req, session), stored, step)
        assert.deepEqual(trace(createPlainSession, stored, step), theirs)
      })
    }
  })
}

test('a failure of the store goes to who asked to reload', () => {
  const failure = new Error('no')
  const answers = [
    [failure, null],
    [null, null],
  ]
  for (const answer of answers) {
    const [plain, theirs] = [createPlainSession, Store.prototype.createSession].map((createSession) => {
      /** @type {unknown[]} */
      const got = []
      const sessionStore = { get: (/** @type {any} */ _, /** @type {any} */ callback) => callback(...answer) }
      createSession({ sessionID: 'sid', sessionStore }, { cookie: {} }).reload(
        (/** @type {unknown} */ error) => got.push(error)
      )
      return got
    })
    assert.deepEqual(plain, theirs)
  }
})
