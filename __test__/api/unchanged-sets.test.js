// With touchAfter, sessions of frameworks that have no touch and set every session after each request, as @fastify/session does.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { SECRET } = require('../support/encryption.js')

const HOUR_MS = 60 * 60 * 1000
const START = Date.now()
const SID = 'sid'

/** As the framework makes it. @param {object} [content] @param {number} [hours] until its cookie ends */
function sessionOf(content = {}, hours = 1) {
  const expires = new Date(START + hours * HOUR_MS).toISOString()
  return {
    cookie: { path: '/', originalMaxAge: HOUR_MS, expires },
    cart: { cookie: 1, expires: 2 },
    ...content,
  }
}

/** What a request does that changes nothing but when the cookie ends. @param {any} store @param {number} hours @param {(session: any) => void} [change] */
async function request(store, hours, change = () => {}) {
  // A session of its own, with all that is in the one that it was given.
  const session = structuredClone(await store.get(SID))
  session.cookie.expires = new Date(START + hours * HOUR_MS).toISOString()
  change(session)
  await store.set(SID, session)
}

for (const backend of BACKENDS)
  for (const [name, options] of Object.entries({ plain: {}, encrypted: { crypto: { secret: SECRET } } }))
    describe(`an unchanged set within touchAfter, ${name} [${backend}]`, () => {
      /** @param {import('node:test').TestContext} t @param {object} [further] */
      async function prepare(t, further) {
        const { open, sessions } = await openDatabase(t)
        const store = open({ backend, touchAfter: 3600, ...options, ...further })
        await store.set(SID, sessionOf())
        const written = await sessions.findOne({ _id: SID })
        return { open, store, sessions, written, stored: () => sessions.findOne({ _id: SID }) }
      }

      test('only moves expires, and is told as a set', async (t) => {
        const { store, written, stored } = await prepare(t)
        /** @type {string[]} */
        const told = []
        for (const event of /** @type {const} */ (['create', 'update', 'set', 'touch']))
          store.on(event, () => told.push(event))
        await request(store, 2)
        assert.deepEqual(await stored(), { ...written, expires: new Date(START + 2 * HOUR_MS) })
        assert.deepEqual(told, ['update', 'set'])
        assert.equal(
          new Date((await store.get(SID)).cookie.expires).getTime(),
          START + 2 * HOUR_MS,
          'what is loaded follows the document'
        )
      })

      /** @type {Record<string, (session: any) => void>} */
      const changes = {
        'a value': (session) => (session.user = 'ada'),
        'a value that is gone': (session) => delete session.cart,
        'a value in depth that is called expires': (session) => (session.cart.expires = 3),
        'a value in depth that is called cookie': (session) => (session.cart.cookie = 2),
        'the lifetime of its cookie': (session) => (session.cookie.originalMaxAge = 2 * HOUR_MS),
      }
      for (const [what, change] of Object.entries(changes))
        test(`is none where something has changed: ${what}`, async (t) => {
          const { store, written, stored } = await prepare(t)
          await request(store, 2, change)
          assert.notDeepEqual((await stored()).session, written.session)
          const expected = sessionOf({}, 2)
          change(expected)
          const { cookie, ...rest } = await store.get(SID)
          assert.deepEqual(rest, withoutCookie(expected))
          assert.equal(cookie.originalMaxAge, expected.cookie.originalMaxAge)
        })

      test('writes all of it once touchAfter is over', async (t) => {
        const { store, sessions, stored } = await prepare(t)
        const lastModified = new Date(START - 2 * HOUR_MS)
        await sessions.updateOne({ _id: SID }, { $set: { lastModified } })
        await request(store, 2)
        assert.ok((await stored()).lastModified > lastModified)
      })

      test('writes a session that has gone meanwhile', async (t) => {
        const { store, sessions, written, stored } = await prepare(t)
        const session = await store.get(SID)
        await sessions.deleteOne({ _id: SID })
        const created = new Promise((resolve) => store.once('create', resolve))
        await store.set(SID, session)
        assert.equal(await created, SID)
        assert.ok((await stored()).lastModified >= written.lastModified)
      })

      test('is one of a session that was loaded, and once', async (t) => {
        const { open, store, written, stored } = await prepare(t)
        const other = open({ backend, touchAfter: 3600, ...options })
        await other.set(SID, sessionOf({ user: 'ada' }))
        await store.set(SID, sessionOf())
        assert.equal((await other.get(SID)).user, undefined, 'what was not loaded is written')
        await request(store, 2)
        await other.set(SID, sessionOf({ user: 'bob' }))
        await store.set(SID, sessionOf())
        assert.equal((await other.get(SID)).user, undefined, 'and so is a second one')
        assert.ok((await stored()).lastModified > written.lastModified)
      })

      test('leaves what another process has written meanwhile', async (t) => {
        const { open, store } = await prepare(t)
        const other = open({ backend, touchAfter: 3600, ...options })
        const session = await store.get(SID)
        await other.set(SID, sessionOf({ user: 'ada' }))
        await store.set(SID, session)
        assert.equal((await store.get(SID)).user, 'ada')
      })

      test('is written where the framework has its sessions made, as express-session', async (t) => {
        const { store, written, stored } = await prepare(t)
        store.createSession({ sessionID: 'other' }, sessionOf())
        await request(store, 2)
        assert.ok((await stored()).lastModified > written.lastModified)
      })

      for (const [what, further] of Object.entries({
        'without touchAfter': { touchAfter: 0 },
        'with stringify: false': { stringify: false },
        'with a serializer': { serialize: JSON.stringify, unserialize: JSON.parse },
      }))
        test(`is written ${what}`, async (t) => {
          const { store, stored } = await prepare(t, further)
          const session = await store.get(SID)
          await store.set(SID, { ...session, when: undefined })
          const before = await stored()
          await request(store, 2)
          const after = await stored()
          if (!options.crypto) assert.notDeepEqual(after.session, before.session)
          assert.deepEqual(after.expires, new Date(START + 2 * HOUR_MS))
        })
    })

/** @param {any} session */
function withoutCookie({ cookie, ...rest }) {
  return rest
}
