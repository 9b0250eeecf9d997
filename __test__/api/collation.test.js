// A collection with a collation of its own, to which several ids are one: nobody gets less than alone, and nothing is overwritten.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { outcomeOf } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')
const { plainSession } = require('../support/sessions.js')

const IGNORES_CASE = { locale: 'en', strength: 2 }
const IGNORES_ACCENTS = { locale: 'en', strength: 1 }
/** ImmutableField: what connect-mongo gets, too. */
const REFUSED = { name: 'MongoServerError', code: 66 }
const SPELLINGS = ['sid-abc', 'SID-ABC', 'Sid-Abc']

/** @typedef {InstanceType<typeof import('../..')>} Store */

/**
 * @param {import('node:test').TestContext} t
 * @param {import('../support/backends.js').Backend} backend
 * @param {import('mongodb').CollationOptions} collation
 */
async function openWith(t, backend, collation) {
  const { db, open, sessions } = await openDatabase(t)
  await db.createCollection('sessions', { collation })
  const numberIn = async () => (await sessions.find().toArray()).map(({ session }) => JSON.parse(session).n)
  return { open: (options = {}) => open({ backend, autoRemove: 'disabled', ...options }), sessions, numberIn }
}

/** So many that they share commands. @template T @param {(sid: string) => Promise<T>} call @returns {Promise<T[]>} */
const atOnce = (call) =>
  Promise.all(Array.from({ length: 60 }, (_, n) => call(SPELLINGS[n % SPELLINGS.length])))

for (const backend of BACKENDS) {
  for (const stored of SPELLINGS) {
    test(`who asks at once for ${stored}, written in several ways, gets what each gets alone [${backend}]`, async (t) => {
      const { open } = await openWith(t, backend, IGNORES_CASE)
      const store = open()
      await store.set(stored, plainSession({ n: 1 }))
      const alone = []
      for (const sid of SPELLINGS) alone.push(await store.get(sid))
      const found = await atOnce((sid) => store.get(sid))
      assert.equal((await store.get(stored))?.n, 1)
      assert.deepEqual(
        found,
        found.map((_, n) => alone[n % SPELLINGS.length])
      )
    })
  }

  test(`the set of another spelling is refused, and overwrites nothing [${backend}]`, async (t) => {
    const { open, numberIn } = await openWith(t, backend, IGNORES_CASE)
    const store = open()
    const [stored, ...others] = SPELLINGS
    await store.set(stored, plainSession({ n: 1 }))
    for (const sid of others) await assert.rejects(store.set(sid, plainSession({ n: 2 })), REFUSED)
    assert.deepEqual(await numberIn(), [1])
    const sets = await Promise.allSettled(
      [...SPELLINGS, ...SPELLINGS].map((sid) => store.set(sid, plainSession({ n: sid === stored ? 3 : 4 })))
    )
    assert.deepEqual(
      sets.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled', 'rejected', 'rejected']
    )
    assert.deepEqual(await numberIn(), [3])
    assert.equal((await store.get(stored))?.n, 3)
  })

  test(`of new sessions that are set at once one is stored, and nobody else is told so [${backend}]`, async (t) => {
    const { open, sessions, numberIn } = await openWith(t, backend, IGNORES_CASE)
    const store = open()
    const sets = await Promise.allSettled(
      SPELLINGS.map((sid, n) => outcomeOf(store, 'set', [sid, plainSession({ n })]))
    )
    const done = sets.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []))
    assert.equal(done.length, 1)
    assert.deepEqual(await numberIn(), done)
    assert.deepEqual(await sessions.distinct('_id'), [SPELLINGS[done[0]]])
  })

  for (const concurrency of ['overwrite', 'merge', 'reject']) {
    test(`what was loaded under another spelling overwrites nothing, concurrency: '${concurrency}' [${backend}]`, async (t) => {
      const { open, numberIn } = await openWith(t, backend, IGNORES_CASE)
      const store = open({ concurrency })
      const [stored, ...others] = SPELLINGS
      await store.set(stored, plainSession({ n: 1 }))
      const loaded = []
      for (const sid of others) {
        const found = (await store.get(sid)) ?? plainSession()
        loaded.push(Object.assign(store.createSession({ sessionID: sid }, found), { n: 2 }))
      }
      const saves = [...others, ...others].map((sid, index) => store.set(sid, loaded[index % loaded.length]))
      for (const save of await Promise.allSettled(saves)) assert.equal(save.status, 'rejected')
      assert.deepEqual(await numberIn(), [1])
    })
  }

  test(`an id that finds another session than it names takes nobody's answer away [${backend}]`, async (t) => {
    const { open } = await openWith(t, backend, IGNORES_ACCENTS)
    const store = open()
    const good = Array.from({ length: 40 }, (_, n) => `good-${n}`)
    await Promise.all(good.map((sid, n) => store.set(sid, plainSession({ n }))))
    await store.set('résumé', plainSession({ n: 100 }))
    const others = good.map(() => store.get('resume').catch(() => null))
    const found = await Promise.all(good.map((sid) => store.get(sid)))
    assert.deepEqual(
      found.map((session) => session?.n),
      good.map((_, n) => n)
    )
    assert.deepEqual(new Set(await Promise.all(others)), new Set([null]))
    assert.equal((await store.get('résumé'))?.n, 100)
  })
}
