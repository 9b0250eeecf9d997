// What differs from connect-mongo when calls overlap, or the server fails on purpose.
'use strict'

const assert = require('node:assert/strict')
const { after } = require('node:test')
const { MongoClient } = require('mongodb')
const { forDifference, promised } = require('../support/differential.js')
const { startReplicaSet } = require('../support/server.js')

const FAILURES = ['--setParameter', 'enableTestCommands=1']
const SLOW_MS = 1_000

// A replica set, since without one no write is repeated.
const replicaSet = startReplicaSet({ args: FAILURES })
const client = replicaSet.then((set) => MongoClient.connect(set.getUri()))
after(async () => (await client).close())

/**
 * A store on the replica set, whose commands fail as told.
 *
 * @param {import('node:test').TestContext} t
 * @param {any} MongoStore
 */
async function openFailing(t, MongoStore) {
  const appName = `store-${Math.random()}`
  const store = MongoStore.create({
    mongoUrl: (await replicaSet).getUri(),
    dbName: appName.replace('.', ''),
    autoRemove: 'disabled',
    mongoOptions: { appName },
  })
  t.after(() => store.close())
  const calls = promised(store)
  await calls.set('warm', { cookie: {} })
  /** @param {number} times @param {object} failure */
  const fail = async (times, failure) => {
    const admin = (await client).db('admin')
    await admin.command({
      configureFailPoint: 'failCommand',
      mode: { times },
      data: { appName, failCommands: ['update'], ...failure },
    })
  }
  return { ...calls, fail }
}

/** @param {import('node:test').TestContext} t @param {{ MongoStore: any }} context @returns {Promise<unknown>} what is read right after it was set */
async function readWhileItIsSet(t, { MongoStore }) {
  const { get, set, fail } = await openFailing(t, MongoStore)
  await fail(1, { blockConnection: true, blockTimeMS: SLOW_MS })
  const [, found] = await Promise.all([set('sid', { cookie: {}, user: 'ada' }), get('sid')])
  return found?.user
}

forDifference('call-order', 'a get right after a set that the server takes its time for', {
  ours: async (t, context) => assert.equal(await readWhileItIsSet(t, context), 'ada'),
  theirs: async (t, context) => assert.equal(await readWhileItIsSet(t, context), undefined),
})

/** @param {import('node:test').TestContext} t @param {{ MongoStore: any }} context */
async function setDuringElection(t, { MongoStore }) {
  const { get, set, fail } = await openFailing(t, MongoStore)
  await fail(4, { errorCode: 10107, errorLabels: ['RetryableWriteError'] })
  await set('sid', { cookie: {}, user: 'ada' })
  assert.equal((await get('sid')).user, 'ada')
}

forDifference('patience', 'a set while there is no primary for some attempts', {
  ours: setDuringElection,
  theirs: (t, context) => assert.rejects(setDuringElection(t, context), { code: 10107 }),
})

forDifference('max-pending', 'more calls at a time than maxPending', {
  ours: async (_t, { open }) => {
    const { set } = open({ maxPending: 2 })
    const sets = ['a', 'b', 'c'].map((sid) => set(sid, { cookie: {} }))
    const [first, second, third] = await Promise.allSettled(sets)
    assert.deepEqual([first.status, second.status], ['fulfilled', 'fulfilled'])
    assert.equal(third.status === 'rejected' && third.reason.code, 'ERR_STORE_BUSY')
    await set('c', { cookie: {} })
  },
  theirs: async (_t, { open }) => {
    const { set } = open({ maxPending: 2 })
    await Promise.all(['a', 'b', 'c'].map((sid) => set(sid, { cookie: {} })))
  },
})
