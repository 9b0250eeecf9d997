// `serverApi: { version: '1', strict: true }`: the server refuses whatever is not part of its stable API.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { ids } = require('../support/calls.js')
const { openScripted } = require('../support/scripted-server.js')
const { startServer } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { until } = require('../support/wait.js')

const mongod = startServer()
const STRICT = { serverApi: { version: '1', strict: true, deprecationErrors: true } }

/** What drivers add to any command. */
const OF_DRIVERS = [
  '$db',
  '$readPreference',
  '$clusterTime',
  'lsid',
  'txnNumber',
  'apiVersion',
  'apiStrict',
  'apiDeprecationErrors',
]

/** Of the stable API, version 1: https://www.mongodb.com/docs/manual/reference/stable-api/ @type {Record<string, string[]>} */
const STABLE = {
  aggregate: ['aggregate', 'pipeline', 'cursor'],
  createIndexes: ['createIndexes', 'indexes', 'writeConcern'],
  delete: ['delete', 'deletes', 'ordered', 'writeConcern'],
  find: ['find', 'filter', 'batchSize', 'limit', 'singleBatch', 'projection', 'sort'],
  getMore: ['getMore', 'collection', 'batchSize'],
  hello: ['hello'],
  listIndexes: ['listIndexes', 'cursor'],
  ping: ['ping'],
  update: ['update', 'updates', 'ordered', 'writeConcern'],
}
const STABLE_INDEX = [
  'key',
  'name',
  'expireAfterSeconds',
  'unique',
  'hidden',
  'collation',
  'partialFilterExpression',
]
const STABLE_STATEMENT = ['q', 'u', 'upsert', 'multi', 'limit', 'collation', 'hint', 'arrayFilters', 'c']

/** @param {import('../support/scripted-server.js').ScriptedServer} server */
function unstable({ ofStore }) {
  return ofStore.flatMap(({ name, body }) => {
    const known = [...(STABLE[name] ?? []), ...OF_DRIVERS]
    const fields = Object.keys(body).filter((field) => !known.includes(field))
    const ofIndexes = (body.indexes ?? []).flatMap(Object.keys)
    const ofStatements = [...(body.updates ?? []), ...(body.deletes ?? [])].flatMap(Object.keys)
    return [
      ...fields,
      ...ofIndexes.filter((/** @type {string} */ field) => !STABLE_INDEX.includes(field)),
      ...ofStatements.filter((/** @type {string} */ field) => !STABLE_STATEMENT.includes(field)),
    ].map((field) => `${name}.${field}`)
  })
}

for (const backend of BACKENDS) {
  describe(`the strict stable API, with the ${backend} backend`, () => {
    test('has all that a store sends, and the server takes it', async (t) => {
      const { open, server, sessions } = await openScripted(t, await mongod, { name: 'strict-api' })
      const store = open({
        backend,
        mongoOptions: STRICT,
        autoRemove: 'native',
        timestamps: true,
        touchAfter: 1,
        concurrency: 'merge',
      })
      await until(async () => (await sessions.indexes().catch(() => [])).length === 2)
      const all = ids(60)
      await Promise.all(all.map((sid) => store.set(sid, plainSession({ sid }))))
      await Promise.all(all.map((sid) => store.get(sid)))
      await Promise.all(all.map((sid) => store.touch(sid, plainSession())))
      await Promise.all(all.slice(30).map((sid) => store.destroy(sid)))
      assert.equal((await store.all()).length, 30)
      assert.equal(await store.length(), 30)
      await store.ping()
      await store.clear()
      assert.deepEqual(unstable(server), [])
      assert.ok(server.ofStore.every(({ body }) => body.apiStrict === true))
    })

    test('is kept when expired sessions are removed', async (t) => {
      const { open, server, sessions } = await openScripted(t, await mongod, { name: 'strict-api' })
      open({ backend, mongoOptions: STRICT, autoRemove: 'interval', autoRemoveInterval: 0.002 })
      await sessions.insertOne({ _id: 'dead', session: '{}', expires: new Date(0) })
      await until(async () => (await sessions.countDocuments()) === 0)
      assert.deepEqual(unstable(server), [])
    })

    test('is not asked for where it is not: the index is made as connect-mongo makes it', async (t) => {
      const { open, server, sessions } = await openScripted(t, await mongod, { name: 'any' })
      open({ backend, autoRemove: 'native' })
      await until(async () => (await sessions.indexes().catch(() => [])).length === 2)
      assert.equal(server.sent('createIndexes')[0].body.indexes[0].background, true)
    })
  })
}
