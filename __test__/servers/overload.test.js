// Servers that have too much to do: they are asked again, later and not at once, in the same commands and for a while only.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { ids } = require('../support/calls.js')
const { openScripted } = require('../support/scripted-server.js')
const { startServer } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const cosmosdb = require('../support/servers/cosmosdb-ru.js')
const overloaded = require('../support/servers/overloaded.js')

const mongod = startServer()
const CALLS = 60
/** How many commands there may be for that many calls, which arrive at once. */
const FEW = 30

const SERVERS = /** @type {const} */ ([
  [cosmosdb, cosmosdb.TOO_MANY_REQUESTS],
  [overloaded, overloaded.OVERLOADED],
])

/** @type {[string, string, (store: any, sid: string) => Promise<unknown>][]} */
const CALLED = [
  ['get', 'find', (store, sid) => store.get(sid)],
  ['set', 'update', (store, sid) => store.set(sid, plainSession({ sid }))],
  ['touch', 'update', (store, sid) => store.touch(sid, plainSession())],
  ['destroy', 'delete', (store, sid) => store.destroy(sid)],
]

const MOST_TRIES = 5

/**
 * On a busy machine commands are late, and what is late goes on with one session a command: another try may be quicker.
 *
 * @param {{ commands: unknown[] }} server
 * @param {() => Promise<unknown[]>} attempt gives the commands that there were
 */
async function assertFewCommands(server, attempt) {
  for (let tries = 1; ; tries++) {
    server.commands.length = 0
    const { length } = await attempt()
    if (length < FEW) return
    assert.ok(tries < MOST_TRIES, `${length} commands`)
  }
}

for (const [script, refusal] of SERVERS) {
  for (const backend of BACKENDS) {
    describe(`${script.name} with too much to do, on the ${backend} backend`, () => {
      /** @param {import('node:test').TestContext} t @param {string} [query] */
      async function openStore(t, query = '') {
        const database = await openScripted(t, await mongod, script, `retryWrites=false${query}`)
        const store = database.open({ backend })
        const all = ids(CALLS)
        await Promise.all(all.map((sid) => store.set(sid, plainSession({ sid }))))
        database.server.commands.length = 0
        return { ...database, store, all }
      }

      for (const [method, name, call] of CALLED) {
        test(`gets the same ${method}s again, and not in halves`, async (t) => {
          const { store, all, server } = await openStore(t)
          await assertFewCommands(server, async () => {
            server.refuseNext(name, 4, refusal)
            await Promise.all(all.map((sid) => call(store, sid)))
            const sent = server.sent(name)
            assert.equal(sent.filter(({ isRefused }) => isRefused).length, 4)
            return sent
          })
        })

        test(`and stays so, is asked for ${method}s a few times, and that is everybody's answer`, async (t) => {
          const { store, all, server } = await openStore(t, '&serverSelectionTimeoutMS=1000')
          server.refuseNext(name, 10_000, refusal)
          const outcomes = await Promise.allSettled(all.map((sid) => call(store, sid)))
          for (const one of outcomes) {
            assert.equal(one.status === 'rejected' && one.reason.code, refusal.code)
          }
          assert.ok(server.sent(name).length < 3 * CALLS, `${server.sent(name).length} commands`)
        })
      }

      for (const [method, name, call] of /** @type {[string, string, (store: any) => Promise<any>][]} */ ([
        ['all', 'find', (store) => store.all()],
        ['length', 'aggregate', (store) => store.length()],
        ['clear', 'delete', (store) => store.clear()],
      ])) {
        test(`is asked again for ${method}`, async (t) => {
          const { store, server } = await openStore(t)
          server.refuseNext(name, 2, refusal)
          await call(store)
          assert.equal(server.sent(name).length, 3)
        })
      }
    })
  }
}

for (const backend of BACKENDS) {
  describe(`cosmosdb-ru that takes some statements of a command, on the ${backend} backend`, () => {
    for (const [which, isRefused] of /** @type {[string, (index: number) => boolean][]} */ ([
      ['every other', (index) => index % 2 === 1],
      ['all but the first', (index) => index > 0],
      ['none', () => true],
    ])) {
      test(`gets the others again, together, and once: refused is ${which}`, async (t) => {
        const { open, server, sessions } = await openScripted(t, await mongod, cosmosdb, 'retryWrites=false')
        const store = open({ backend, strictTouch: true })
        const all = ids(CALLS)
        await assertFewCommands(server, async () => {
          server.refuseStatements('update', 4, cosmosdb.TOO_MANY_REQUESTS, isRefused)
          await Promise.all(all.map((sid) => store.set(sid, plainSession({ sid }))))
          assert.equal(await sessions.countDocuments(), CALLS)
          const sent = server.sent('update')
          const run = sent.flatMap(({ body, refusedStatements }) =>
            body.updates.filter((/** @type {any} */ statement) => !refusedStatements.includes(statement))
          )
          assert.deepEqual(run.map(({ q }) => q._id).sort(), [...all].sort())
          return sent
        })

        server.refuseStatements('update', 4, cosmosdb.TOO_MANY_REQUESTS, isRefused)
        const touched = await Promise.allSettled(
          [...all, 'nobody'].map((sid) => store.touch(sid, plainSession()))
        )
        assert.deepEqual(
          touched.flatMap(({ status }, index) => (status === 'rejected' ? index : [])),
          [CALLS]
        )

        await assertFewCommands(server, async () => {
          await Promise.all(all.map((sid) => store.set(sid, plainSession({ sid }))))
          server.refuseStatements('delete', 4, cosmosdb.TOO_MANY_REQUESTS, isRefused)
          await Promise.all(all.map((sid) => store.destroy(sid)))
          assert.equal(await sessions.countDocuments(), 0)
          return server.sent('delete')
        })
      })
    }

    test('and refuses one for ever, fails no other', async (t) => {
      const query = 'retryWrites=false&serverSelectionTimeoutMS=1000'
      const { open, server, sessions } = await openScripted(t, await mongod, cosmosdb, query)
      const store = open({ backend })
      server.refuseStatements('update', 10_000, cosmosdb.TOO_MANY_REQUESTS, (index) => index === 0)
      const outcomes = await Promise.allSettled(ids(CALLS).map((sid) => store.set(sid, plainSession())))
      const failed = outcomes.flatMap((one) => (one.status === 'rejected' ? one.reason.code : []))
      assert.equal(await sessions.countDocuments(), CALLS - failed.length)
      assert.deepEqual([...new Set(failed)], [16500])
    })
  })
}
