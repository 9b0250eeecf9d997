// Replies that are not those to their commands, as when a proxy sends one twice: nobody gets what is another's.
'use strict'

const assert = require('node:assert/strict')
const { before, describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { startServer } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { openBehindWire } = require('../support/wire.js')

const USERS = Array.from({ length: 8 }, (_, index) => `user-${index}`)

for (const backend of BACKENDS) {
  describe(`a reply that comes twice, on the ${backend} backend`, () => {
    /** @type {Awaited<ReturnType<typeof startServer>>} */
    let server

    before(async () => {
      server = await startServer()
    })

    /** @param {any} store @param {string} sid @returns {Promise<string | undefined>} whose session it is */
    const ownerOf = async (store, sid) => {
      const session = await store.get(sid).catch((/** @type {Error} */ error) => ({ user: sid, error }))
      return session?.user
    }

    for (const concurrency of ['overwrite', 'merge']) {
      test(`gives nobody the session of another: ${concurrency}`, async (t) => {
        const { open, sessions, wire } = await openBehindWire(t, server)
        const store = open({ backend, concurrency, connectionEvents: false })
        await Promise.all(USERS.map((sid) => store.set(sid, plainSession({ user: sid }))))
        const calls = {
          find: () => store.get('user-0'),
          update: () => store.touch('user-0', plainSession()),
          delete: () => store.destroy('nobody'),
        }
        for (const [name, call] of Object.entries(calls)) {
          wire.doubleNext(name)
          await call().catch(() => {})
          for (let round = 0; round < 3; round++) {
            for (const sid of USERS) assert.equal(await ownerOf(store, sid), sid, `alone, after ${name}`)
            const owners = await Promise.all(USERS.map((sid) => ownerOf(store, sid)))
            assert.deepEqual(owners, USERS, `together, after ${name}`)
          }
        }
        // By now the connection that gave the wrong replies is gone.
        for (const sid of USERS) assert.equal((await store.get(sid)).user, sid)
        const stored = await sessions.find().toArray()
        for (const { _id, session } of stored) assert.equal(JSON.parse(session).user, _id)
      })
    }
  })
}

for (const backend of BACKENDS) {
  describe(`an index of no statement, on the ${backend} backend`, () => {
    /** @type {Awaited<ReturnType<typeof startServer>>} */
    let server

    before(async () => {
      server = await startServer()
    })

    /** @param {import('node:test').TestContext} t @param {string} list of a reply @param {number} index in the place of its first */
    async function openWithIndex(t, list, index) {
      const { open, db, wire } = await openBehindWire(t, server)
      await db.createCollection('sessions', { validator: { session: { $not: /evil/ } } })
      const store = open({ backend, strictTouch: true })
      await store.set('there', plainSession())
      wire.alter((message, isReply) => {
        const name = Buffer.from('\x10index\0')
        const at = message.indexOf(name, Math.max(message.indexOf(list), 0))
        if (isReply && at >= 0 && message.includes(list)) message.writeInt32LE(index, at + name.length)
      })
      return store
    }

    for (const index of [100, 2 ** 31 - 1, -1]) {
      test(`is success for nobody who failed: ${index}`, async (t) => {
        const store = await openWithIndex(t, 'writeErrors', index)
        const sets = USERS.map((sid) => store.set(sid, plainSession({ user: sid })))
        const outcomes = await Promise.allSettled([
          ...sets,
          store.set('evil', plainSession({ user: 'evil' })),
        ])
        assert.equal(outcomes.at(-1)?.status, 'rejected')
        await store.set('user-0', plainSession())
      })

      test(`of a new session harms no other: ${index}`, async (t) => {
        const store = await openWithIndex(t, 'upserted', index)
        const sets = USERS.map((sid) => store.set(sid, plainSession({ user: sid })))
        const touches = ['there', 'gone'].map((sid) => store.touch(sid, plainSession()))
        const outcomes = await Promise.allSettled([...sets, ...touches])
        const expected = [...USERS, 'there'].map(() => 'fulfilled')
        assert.deepEqual(
          outcomes.map(({ status }) => status),
          [...expected, 'rejected']
        )
      })
    }
  })
}
