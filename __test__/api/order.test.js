// The order of the calls about one session: within a store, whenever its id is there, and among the stores of a process.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const mongodb = require('mongodb')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { SECRET } = require('../support/encryption.js')
const { plainSession } = require('../support/sessions.js')

const SESSIONS = 100
const SIDS = Array.from({ length: SESSIONS }, (_, index) => `sid-${index}`)

/** An adapter of an app's own, which takes its time. */
const cryptoAdapter = {
  encrypt: (/** @type {string} */ text) => sleep(1, Buffer.from(text).toString('base64')),
  decrypt: (/** @type {string} */ text) => sleep(1, Buffer.from(text, 'base64').toString()),
}

/** @type {Record<string, object>} */
const MODES = {
  plain: {},
  sealed: { crypto: { secret: SECRET, format: 'sealed' } },
  merge: { concurrency: 'merge' },
  reject: { concurrency: 'reject' },
  'a ring of ids': { hashId: { secret: ['new', 'old'] } },
  'an adapter of its own': { cryptoAdapter },
}
/** Stores of one collection that are not alike. */
const MIXES = {
  'plain beside merge': [{}, { concurrency: 'merge' }],
  'merge beside plain': [{ concurrency: 'merge' }, {}],
}

/** @typedef {ReturnType<Awaited<ReturnType<typeof openDatabase>>['open']>} Store */

/** @param {Store} store @param {string} sid @param {number} n @returns {Promise<any>} saves a session that was loaded */
async function loaded(store, sid, n) {
  const session = store.createSession({ sessionID: sid }, /** @type {any} */ (await store.get(sid)))
  return Object.assign(session, { n })
}

/** What one store writes the other reads, without waiting for it. @param {Store[]} stores */
async function checkOrder([one, other]) {
  await Promise.all(SIDS.map((sid) => one.set(sid, plainSession({ n: 0 }))))
  for (const [n, writer, reader] of /** @type {const} */ ([
    [1, one, other],
    [2, other, one],
  ])) {
    const sessions = await Promise.all(SIDS.map((sid) => loaded(writer, sid, n)))
    const written = SIDS.map((sid, index) => writer.set(sid, sessions[index]))
    const read = await Promise.all(SIDS.map((sid) => reader.get(sid)))
    await Promise.all(written)
    assert.deepEqual(
      read.map((session) => session?.n),
      SIDS.map(() => n)
    )
  }
  const removed = SIDS.map((sid) => one.destroy(sid))
  assert.deepEqual(
    await Promise.all(SIDS.map((sid) => other.get(sid))),
    SIDS.map(() => null)
  )
  await Promise.all(removed)
}

for (const backend of BACKENDS) {
  describe(`two stores of a process, on the ${backend} backend`, () => {
    for (const [name, options] of Object.entries(MODES)) {
      test(`keep one order: ${name}`, async (t) => {
        const { open } = await openDatabase(t)
        await checkOrder([open({ backend, ...options }), open({ backend, ...options })])
      })
    }

    for (const [name, mix] of Object.entries(MIXES)) {
      test(`keep one order: ${name}`, async (t) => {
        const { open } = await openDatabase(t)
        await checkOrder(mix.map((options) => open({ backend, ...options })))
      })
    }

    test('are answered whichever of them is closed meanwhile', async (t) => {
      const { open } = await openDatabase(t)
      const [one, other] = [open({ backend }), open({ backend })]
      await one.set('sid', plainSession({ n: 1 }))
      const calls = [one.set('sid', plainSession({ n: 2 })), other.get('sid')]
      await Promise.all([one.close(), ...calls])
      assert.equal((await other.get('sid'))?.n, 2)
    })
  })

  describe(`an id that is promised, on the ${backend} backend`, () => {
    const delay = (/** @type {string} */ sid) => sleep(Math.random() * 5, `late:${sid}`)

    test('keeps the calls in their order', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, transformId: delay })
      const sets = SIDS.map((sid) => store.set(sid, plainSession({ n: 1 })))
      const gets = await Promise.all(SIDS.map((sid) => store.get(sid)))
      await Promise.all(sets)
      assert.deepEqual(
        gets.map((session) => session?.n),
        SIDS.map(() => 1)
      )
    })

    test('keeps them when it is there at once the next time', async (t) => {
      const { open, sessions } = await openDatabase(t)
      /** @type {Set<string>} */
      const known = new Set()
      const transformId = (/** @type {string} */ sid) => {
        if (known.has(sid)) return sid
        known.add(sid)
        return delay(sid).then(() => sid)
      }
      const store = open({ backend, transformId })
      await Promise.all(SIDS.flatMap((sid) => [1, 2].map((n) => store.set(sid, plainSession({ n })))))
      const stored = await sessions.find().toArray()
      assert.deepEqual(
        stored.map(({ session }) => JSON.parse(session).n),
        SIDS.map(() => 2)
      )
    })

    test('holds up no more than its own calls, and these no longer than operationTimeoutMS', async (t) => {
      const { open, sessions } = await openDatabase(t)
      /** @type {(id: string) => void} */
      let arrive = () => {}
      const transformId = (/** @type {string} */ sid) =>
        sid === 'hung'
          ? new Promise((resolve) => {
              arrive = resolve
            })
          : sid
      const store = open({ backend, transformId, operationTimeoutMS: 200 })
      const hung = ['first', 'second'].map(() => store.set('hung', plainSession()))
      await store.set('other', plainSession())
      for (const call of hung) await assert.rejects(call, { name: 'MongoOperationTimeoutError' })
      arrive('hung')
      await store.get('other')
      assert.deepEqual(await sessions.distinct('_id'), ['other'])
    })

    test('keeps no store from being closed', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, transformId: () => new Promise(() => {}) })
      const hung = assert.rejects(store.get('sid'))
      await store.close({ timeoutMS: 100 })
      await hung
    })
  })
}

test('stores on one client have one order', async (t) => {
  const { open, url } = await openDatabase(t)
  const client = new mongodb.MongoClient(url)
  const over = { mongoUrl: undefined, client, concurrency: 'merge' }
  await checkOrder([open(over), open(over)])
})
