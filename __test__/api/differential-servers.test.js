// What connect-mongo does on servers that are not the one we test on, where this package does otherwise on purpose.
'use strict'

const assert = require('node:assert/strict')
const { forDifference, promised } = require('../support/differential.js')
const { openScripted } = require('../support/scripted-server.js')
const { startServer } = require('../support/server.js')
const cosmosdb = require('../support/servers/cosmosdb-ru.js')
const documentdb = require('../support/servers/documentdb.js')
const { until } = require('../support/wait.js')

/** @typedef {import('../support/differential.js').Context} Context */

const mongod = startServer()

/** A server of the script's, and a store on it. @param {import('node:test').TestContext} t @param {Context} context @param {import('../support/scripted-server.js').Script} script @param {string} [query] */
async function openOn(t, { MongoStore }, script, query) {
  const { server, url } = await openScripted(t, await mongod, script, query)
  const store = MongoStore.create({ mongoUrl: url, autoRemove: 'disabled' })
  t.after(() => store.close())
  return { server, ...promised(store) }
}

/** @param {import('node:test').TestContext} t @param {Context} context */
async function setWithoutRetryableWrites(t, context) {
  const { set, get } = await openOn(t, context, documentdb)
  await set('sid', { cookie: {}, user: 'ada' })
  assert.equal((await get('sid')).user, 'ada')
}

forDifference('refused-retryable-writes', 'a set where the server refuses retryable writes', {
  ours: setWithoutRetryableWrites,
  theirs: (t, context) => assert.rejects(setWithoutRetryableWrites(t, context), { code: 301 }),
})

/** @param {import('node:test').TestContext} t @param {Context} context */
async function setWithTooManyRequests(t, context) {
  const { server, set, get } = await openOn(t, context, cosmosdb, 'retryWrites=false')
  server.refuseNext('update', 1, cosmosdb.TOO_MANY_REQUESTS)
  await set('sid', { cookie: {}, user: 'ada' })
  assert.equal((await get('sid')).user, 'ada')
}

forDifference('too-much-to-do', 'a set where the server has had too many requests', {
  ours: setWithTooManyRequests,
  theirs: (t, context) => assert.rejects(setWithTooManyRequests(t, context), { code: 16500 }),
})

const DAY_MS = 24 * 60 * 60 * 1000

/** A server beside which the clock of this process is a day ahead. @type {import('../support/scripted-server.js').Script} */
const dayBehind = {
  name: 'a server whose clock is a day behind',
  hello: (reply) => ({ ...reply, localTime: new Date(reply.localTime.getTime() - DAY_MS) }),
}

/** What sweeps leave: one session that has expired by the clock of this process alone, or none. @param {import('node:test').TestContext} t @param {Context} context */
async function leftBySweeps(t, { MongoStore }) {
  const { url, sessions } = await openScripted(t, await mongod, dayBehind)
  const expired = (/** @type {string} */ id, /** @type {number} */ agoMs) =>
    sessions.insertOne({ _id: id, session: '{"cookie":{}}', expires: new Date(Date.now() - agoMs) })
  await expired('by this clock', DAY_MS / 2)
  await expired('by both', 2 * DAY_MS)
  const store = MongoStore.create({ mongoUrl: url, autoRemove: 'interval', autoRemoveInterval: 0.002 })
  t.after(() => store.close())
  await until(async () => (await sessions.countDocuments({ _id: 'by both' })) === 0)
  await expired('by both, later', 2 * DAY_MS)
  await until(async () => (await sessions.countDocuments({ _id: 'by both, later' })) === 0)
  return sessions.distinct('_id')
}

forDifference('sweep-clock', 'a sweep of a process whose clock is ahead', {
  ours: async (t, context) => assert.deepEqual(await leftBySweeps(t, context), ['by this clock']),
  theirs: async (t, context) => assert.deepEqual(await leftBySweeps(t, context), []),
})
