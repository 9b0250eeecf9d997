// What holds of sessions while a test has put a clock of its own in the place of `Date`; copied into each project here.
'use strict'

const assert = require('node:assert/strict')

const HOUR_MS = 3_600_000

/** Of the store. */
const OPTIONS = { mongoUrl: process.env.MONGO_URL, ttl: HOUR_MS / 1000, autoRemove: 'disabled' }

/** @param {any} store @param {number} live how many sessions there are */
async function finds(store, live) {
  const session = await store.get('sid')
  assert.deepEqual(session, live ? { user: 'ada' } : null)
  assert.equal((await store.all()).length, live)
  assert.equal(await store.length(), live)
}

/**
 * @param {any} store empty
 * @param {{ advance(ms: number): void, setTo(ms: number): void }} clock
 */
exports.followsTheClock = async (store, { advance, setTo }) => {
  const startMs = Date.now()
  await store.set('sid', { user: 'ada' })
  await finds(store, 1)
  advance(2 * HOUR_MS)
  await finds(store, 0)
  setTo(startMs)
  await finds(store, 1)

  const longAgoMs = Date.UTC(2001, 0, 1)
  setTo(longAgoMs)
  await store.set('sid', { user: 'ada' })
  await finds(store, 1)
  setTo(longAgoMs + 2 * HOUR_MS)
  await finds(store, 0)
  assert.equal(await store.prune(), 1)
  setTo(longAgoMs)
  await finds(store, 0)
}

/** @param {any} store empty */
exports.storesAndReads = async (store) => {
  await store.set('sid', { user: 'ada' })
  await finds(store, 1)
  await store.touch('sid', { user: 'ada' })
  await new Promise((resolve, reject) => {
    store.destroy('sid', (/** @type {Error | null} */ error) => (error ? reject(error) : resolve(undefined)))
  })
  await finds(store, 0)
}

/** @param {'native' | 'driver'} backend @param {string} collectionName */
exports.optionsOf = (backend, collectionName) => ({
  ...OPTIONS,
  collectionName: `${collectionName}-${backend}`,
  ...(backend === 'driver' && { backend }),
})
