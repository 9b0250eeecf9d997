// Every method of the store on servers that are not the one we test on: what they refuse, or say otherwise, reaches no caller.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { MongoClient } = require('mongodb')
const { BACKENDS } = require('../support/backends.js')
const { ids } = require('../support/calls.js')
const { openScripted } = require('../support/scripted-server.js')
const { startServer } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { until } = require('../support/wait.js')

const SCRIPTS = [
  ...require('../support/servers/no-hello.js'),
  require('../support/servers/documentdb.js'),
  require('../support/servers/cosmosdb-ru.js'),
  require('../support/servers/documentdb-gateway.js'),
  require('../support/servers/ferretdb-2.js'),
]

const mongod = startServer()
const CALLS = 60

for (const script of SCRIPTS) {
  for (const backend of BACKENDS) {
    describe(`on ${script.name}, with the ${backend} backend`, () => {
      for (const query of ['', 'retryWrites=false']) {
        const withQuery = query && ` with ${query}`

        test(`every method works${withQuery}`, async (t) => {
          const { open, sessions } = await openScripted(t, await mongod, script, query)
          const store = open({ backend })
          await store.set('a', plainSession({ a: 1 }))
          await store.set('b', plainSession({ b: 1 }))
          await store.set('a', plainSession({ a: 2 }))
          assert.equal((await store.get('a')).a, 2)
          await store.touch('a', plainSession())
          await store.touch('nobody', plainSession())
          assert.equal(await store.get('nobody'), null)
          assert.equal(await store.length(), 2)
          assert.equal((await store.all()).length, 2)
          await store.destroy('b')
          await store.destroy('nobody')
          assert.equal(await store.length(), 1)
          await store.ping()
          await store.clear()
          assert.equal(await sessions.countDocuments(), 0)
        })

        test(`calls that share commands get each its own answer${withQuery}`, async (t) => {
          const { open, server, sessions } = await openScripted(t, await mongod, script, query)
          const store = open({ backend, strictTouch: true })
          const all = ids(CALLS)
          await Promise.all(all.map((id) => store.set(id, plainSession({ id }))))
          const got = await Promise.all([...all, 'nobody'].map((id) => store.get(id)))
          assert.deepEqual(
            got.map((session) => session?.id ?? null),
            [...all, null]
          )
          const touched = await Promise.allSettled(
            [...all, 'nobody'].map((id) => store.touch(id, plainSession()))
          )
          assert.deepEqual(
            touched.flatMap(({ status }, index) => (status === 'rejected' ? index : [])),
            [CALLS]
          )
          await Promise.all(all.slice(1).map((id) => store.destroy(id)))
          assert.deepEqual(
            (await sessions.find().toArray()).map(({ _id }) => _id),
            all.slice(0, 1)
          )
          // They did share commands.
          assert.ok(server.ofStore.length < 4 * CALLS)
        })

        test(`a session that has to move to its hashed id is kept, there or here${withQuery}`, async (t) => {
          const { open, sessions } = await openScripted(t, await mongod, script, query)
          await open({ backend }).set('sid', plainSession({ n: 1 }))
          const store = open({ backend, hashId: { acceptPlainIds: true } })
          for (let n = 2; n < 4; n++) {
            const loaded = store.createSession({ sessionID: 'sid' }, await store.get('sid'))
            await store.set('sid', Object.assign(loaded, { n }))
            assert.equal((await store.get('sid')).n, n)
          }
          assert.equal(await sessions.countDocuments(), 1)
        })

        test(`expired sessions are removed${withQuery}`, async (t) => {
          const { open, sessions } = await openScripted(t, await mongod, script, query)
          const store = open({ backend, autoRemove: 'interval', autoRemoveInterval: 0.002 })
          await store.set('live', plainSession())
          await sessions.insertOne({ _id: 'dead', session: '{}', expires: new Date(0) })
          await until(async () => (await sessions.countDocuments()) === 1)
        })
      }
    })
  }
}

test('a client sees what the script says', async (t) => {
  for (const script of SCRIPTS) {
    const { url } = await openScripted(t, await mongod, script)
    const client = await MongoClient.connect(url)
    await client.db().command({ ping: 1 })
    await client.close()
  }
})
