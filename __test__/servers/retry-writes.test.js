// Servers that say they are a replica set and refuse retryable writes: found out once, and nobody's call fails with it.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { ids } = require('../support/calls.js')
const { runInChild } = require('../support/child.js')
const { openScripted } = require('../support/scripted-server.js')
const { startServer } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const cosmosdb = require('../support/servers/cosmosdb-ru.js')
const documentdb = require('../support/servers/documentdb.js')
const gateway = require('../support/servers/documentdb-gateway.js')
const [noHello] = require('../support/servers/no-hello.js')

/** @typedef {import('../support/scripted-server.js').ScriptedServer} ScriptedServer */

const mongod = startServer()
const CALLS = 100
const REFUSING = [documentdb, cosmosdb, noHello]
const DRIVERS = ['mongodb', 'mongodb-6', 'mongodb-5']

/** How a store comes to its client. @type {[string, (url: string) => Record<string, any>][]} */
const WAYS = [
  ...BACKENDS.map(
    (backend) => /** @type {[string, any]} */ ([`the ${backend} backend`, () => ({ backend })])
  ),
  ...DRIVERS.map(
    (driver) =>
      /** @type {[string, any]} */ ([
        `a client of ${driver}`,
        (/** @type {string} */ url) => ({
          mongoUrl: undefined,
          client: new (require(driver).MongoClient)(url),
        }),
      ])
  ),
]

/** @param {ScriptedServer} server */
const refused = (server) => server.ofStore.filter(({ isRefused }) => isRefused)

/** @param {ScriptedServer} server how often it has run something about each session @param {string} list of statements */
function runs(server, list) {
  const statements = server.ofStore
    .filter(({ isRefused }) => !isRefused)
    .flatMap(({ body }) => body[list] ?? [])
  /** @type {Map<string, number>} */
  const counts = new Map()
  for (const { q } of statements) counts.set(q._id, (counts.get(q._id) ?? 0) + 1)
  return counts
}

for (const script of REFUSING) {
  for (const [way, optionsOf] of WAYS) {
    describe(`retryable writes that ${script.name} refuses, with ${way}`, () => {
      /** @param {import('node:test').TestContext} t @param {Record<string, any>} [options] */
      async function openStore(t, options) {
        const database = await openScripted(t, await mongod, script)
        return { ...database, store: database.open({ ...optionsOf(database.url), ...options }) }
      }

      test('are tried once, however many calls follow', async (t) => {
        const { store, server } = await openStore(t)
        await store.set('first', plainSession())
        for (let call = 0; call < 5; call++) {
          await store.set(`sid-${call}`, plainSession())
          await store.touch('first', plainSession())
          await store.destroy(`sid-${call}`)
        }
        assert.equal(refused(server).length, 1)
        assert.equal(server.ofStore.filter(({ body }) => 'txnNumber' in body).length, 1)
      })

      test('are sent again whole: nothing is lost or done twice', async (t) => {
        const { store, server, sessions } = await openStore(t)
        const all = ids(CALLS)
        await Promise.all(all.map((sid) => store.set(sid, plainSession({ sid }))))
        assert.deepEqual([...runs(server, 'updates')].sort(), all.map((sid) => [sid, 1]).sort())
        assert.equal(await sessions.countDocuments(), CALLS)
        // Those that had left before the first refusal was there.
        assert.ok(refused(server).length <= 8, `${refused(server).length} were refused`)
        await Promise.all(all.map((sid) => store.destroy(sid)))
        assert.deepEqual([...runs(server, 'deletes')].sort(), all.map((sid) => [sid, 1]).sort())
        assert.equal(await sessions.countDocuments(), 0)
      })

      test('leave a touch of no session, and a save of one that is gone, what they are', async (t) => {
        const { store, sessions } = await openStore(t, { strictTouch: true })
        const all = ids(40)
        await Promise.all(all.slice(0, 20).map((sid) => store.set(sid, plainSession())))
        const touched = await Promise.allSettled(all.map((sid) => store.touch(sid, plainSession())))
        assert.deepEqual(
          touched.map(({ status }) => status),
          all.map((_, index) => (index < 20 ? 'fulfilled' : 'rejected'))
        )
        assert.equal(await sessions.countDocuments(), 20)
      })

      test('do not keep concurrent saves from being merged', async (t) => {
        const { store } = await openStore(t, { concurrency: 'merge' })
        await store.set('sid', plainSession())
        const [one, other] = await Promise.all([store.get('sid'), store.get('sid')])
        const loaded = [one, other].map((session) => store.createSession({ sessionID: 'sid' }, session))
        await store.set('sid', Object.assign(loaded[0], { one: 1 }))
        await store.set('sid', Object.assign(loaded[1], { other: 1 }))
        const merged = await store.get('sid')
        assert.deepEqual([merged.one, merged.other], [1, 1])
      })
    })
  }
}

describe('retryable writes that are refused', () => {
  for (const backend of BACKENDS) {
    test(`give one warning in the whole process, which says how to silence it: ${backend}`, async (t) => {
      const { url } = await openScripted(t, await mongod, documentdb)
      /** @type {(data: any) => Promise<void>} */
      const body = async ({ url: mongoUrl, backend: name }) => {
        const MongoStore = require('../..')
        /** @type {any[]} */
        const warnings = []
        process.on('warning', ({ message, code }) => warnings.push({ message, code }))
        const stores = [0, 1].map(() => new MongoStore({ mongoUrl, autoRemove: 'disabled', backend: name }))
        const session = /** @type {any} */ ({ cookie: { originalMaxAge: 60_000 } })
        await Promise.all(stores.flatMap((store, at) => [0, 1].map((n) => store.set(`${at}-${n}`, session))))
        await Promise.all(stores.map((store) => store.set('last', session)))
        await Promise.all(stores.map((store) => store.close()))
        console.log(JSON.stringify(warnings))
      }
      const { stdout, stderr } = await runInChild(body, { url, backend })
      const warnings = JSON.parse(stdout || '[]').filter(
        (/** @type {any} */ { code }) => code === 'CONNECT_MONGO_RETRY_WRITES'
      )
      assert.equal(warnings.length, 1, stderr)
      assert.match(warnings[0].message, /retryWrites=false/)
    })

    test(`are not tried with retryWrites=false, and give no warning: ${backend}`, async (t) => {
      const { server, url } = await openScripted(t, await mongod, documentdb, 'retryWrites=false')
      /** @type {(data: any) => Promise<void>} */
      const body = async ({ url: mongoUrl, backend: name }) => {
        const MongoStore = require('../..')
        const store = new MongoStore({ mongoUrl, autoRemove: 'disabled', backend: name })
        await store.set('sid', /** @type {any} */ ({ cookie: { originalMaxAge: 60_000 } }))
        await store.close()
      }
      const { stderr } = await runInChild(body, { url, backend })
      assert.doesNotMatch(stderr, /CONNECT_MONGO_RETRY_WRITES/)
      assert.equal(refused(server).length, 0)
    })

    test(`and what is refused for another reason is sent once: ${backend}`, async (t) => {
      const { open, server } = await openScripted(t, await mongod, documentdb, 'retryWrites=false')
      const store = open({ backend })
      await store.set('first', plainSession())
      server.refuseNext('update', 2, { code: 2, codeName: 'BadValue', errmsg: 'unknown operator: $set' })
      await assert.rejects(store.set('sid', plainSession()), { code: 2 })
      assert.equal(refused(server).length, 1)
    })
  }
})

for (const [way, optionsOf] of WAYS) {
  test(`a gateway that takes transaction numbers and forgets them runs a repeated write again, to the same effect, with ${way}`, async (t) => {
    const { open, server, sessions, url } = await openScripted(t, await mongod, gateway)
    const store = open(optionsOf(url))
    await store.set('first', plainSession())
    server.loseReplies('update')
    await store.set('sid', plainSession({ n: 1 }))
    assert.equal(runs(server, 'updates').get('sid'), 2)
    assert.equal(JSON.parse((await sessions.findOne({ _id: 'sid' })).session).n, 1)
  })
}
