// A session that was destroyed while a request had it loaded stays destroyed; what was never stored is created.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { outcomeOf } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')
const { expressSession, plainSession } = require('../support/sessions.js')

/** @typedef {InstanceType<typeof import('../..')>} Store */

/** @param {Store} store @param {string} [sid] @returns {Promise<any>} a session as a request has it that loaded it */
async function loadedSession(store, sid = 'sid') {
  await store.set(sid, plainSession())
  const stored = await store.get(sid)
  return store.createSession({ sessionID: sid, sessionStore: store }, stored)
}

/** @param {Store} store @param {any} session @param {string} [sid] */
const eventOfSet = async (store, session, sid = 'sid') =>
  (await outcomeOf(store, 'set', [sid, session])).event

const OPTIONS = {
  text: {},
  documents: { stringify: false, timestamps: true },
  'encrypted text': { crypto: { secret: 'squirrel' } },
  'text of an adapter': {
    cryptoAdapter: {
      encrypt: async (text) => text.toUpperCase(),
      decrypt: async (text) => text.toLowerCase(),
    },
  },
}

for (const backend of BACKENDS) {
  describe(`on the ${backend} backend`, () => {
    for (const [what, options] of Object.entries(OPTIONS)) {
      test(`a loaded session is updated while it is there, and refused once it is not: ${what}`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        const store = open({ backend, ...options })
        const loaded = await loadedSession(store)
        assert.equal(await eventOfSet(store, loaded), 'update')
        await open({ backend }).destroy('sid')
        assert.equal(await eventOfSet(store, loaded), 'set-refused')
        assert.equal(await sessions.countDocuments(), 0)
      })
    }

    test('a refused session is told from those that share its command', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const store = open({ backend })
      const ids = Array.from({ length: 40 }, (_, index) => `sid-${index}`)
      const loaded = await Promise.all(ids.map((sid) => loadedSession(store, sid)))
      const gone = ids.filter((_, index) => index % 3 === 0)
      await Promise.all(gone.map((sid) => store.destroy(sid)))
      const events = await Promise.all(ids.map((sid, index) => eventOfSet(store, loaded[index], sid)))
      assert.deepEqual(
        events,
        ids.map((sid) => (gone.includes(sid) ? 'set-refused' : 'update'))
      )
      assert.equal(await sessions.countDocuments(), ids.length - gone.length)
    })

    test('the event has the session, and the call succeeds with a callback too', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend })
      const loaded = await loadedSession(store)
      await store.clear()
      /** @type {unknown[]} */
      const events = []
      store.on('set-refused', (...args) => events.push(args))
      for (const name of ['create', 'update', 'set']) store.on(name, () => assert.fail(`${name} was emitted`))
      const answer = await new Promise((resolve) => store.set('sid', loaded, (...args) => resolve(args)))
      assert.deepEqual(answer, [null])
      assert.deepEqual(events, [['sid', loaded]])
    })

    test('with resurrect a loaded session comes back', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const store = open({ backend, resurrect: true })
      const loaded = await loadedSession(store)
      await store.destroy('sid')
      assert.equal(await eventOfSet(store, loaded), 'create')
      assert.equal(await sessions.countDocuments(), 1)
    })

    test('what was not loaded under that id by that store is created', async (t) => {
      const { open } = await openDatabase(t)
      const [store, other] = [open({ backend }), open({ backend })]
      const loaded = await loadedSession(store)
      const found = await store.get('sid')
      const moved = store.createSession({ sessionID: 'elsewhere' }, await store.get('sid'))
      const made = store.createSession({ sessionID: 'sid' }, plainSession())
      await store.destroy('sid')
      assert.equal(await eventOfSet(store, loaded, 'other'), 'create')
      assert.equal(await eventOfSet(store, moved, 'elsewhere'), 'create')
      for (const [writer, session] of [
        [other, loaded],
        [store, expressSession()],
        [store, found],
        [store, made],
      ]) {
        await store.destroy('sid')
        assert.equal(await eventOfSet(writer, session), 'create')
      }
    })

    test('without acknowledgement a write counts as done, and still brings nothing back', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const loading = open({ backend, writeOperationOptions: { w: 0 } })
      const sure = open({ backend })
      await sure.set('sid', plainSession())
      const loaded = loading.createSession({ sessionID: 'sid' }, await loading.get('sid'))
      await sure.destroy('sid')
      assert.equal(await eventOfSet(loading, loaded), 'update')
      // What is asked for on the same connections comes after it.
      await loading.set('last', plainSession())
      await loading.get('last')
      assert.equal(await sessions.countDocuments({ _id: 'sid' }), 0)
    })
  })
}
