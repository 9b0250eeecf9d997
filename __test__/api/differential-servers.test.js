// What connect-mongo does on servers that are not the one we test on, where this package does otherwise on purpose.
'use strict'

const assert = require('node:assert/strict')
const { forDifference, promised } = require('../support/differential.js')
const { openScripted } = require('../support/scripted-server.js')
const { startServer } = require('../support/server.js')
const cosmosdb = require('../support/servers/cosmosdb-ru.js')
const documentdb = require('../support/servers/documentdb.js')

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
