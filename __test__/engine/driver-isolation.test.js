// Over a JavaScript client, as without it, one user's trouble is nobody else's: connections that a firewall has forgotten, a session
// about which the server does not answer, calls for which nobody waits any more.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { isDeepStrictEqual } = require('node:util')
const { setTimeout: sleep } = require('node:timers/promises')
const { MongoClient } = require('mongodb')
const { ids, outcomes } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')
const { Gate } = require('../support/gate.js')
const { startServer, withDatabase } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { until } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

const DRIVERS = ['mongodb', 'mongodb-6', 'mongodb-5']
const CALLS = 60
/** Longer than a connection is trusted without an answer, and than a command takes that is not late. */
const PAUSE_MS = 100

/** Idle connections are not tried more often. */
const BETWEEN_CHECKS_MS = 1_000

const CONNECTIONS = 30
/** Eight commands of each kind, where the server takes long. */
const MOST_LOST = 16

const server = startServer({ args: ['--setParameter', 'enableTestCommands=1'] })

/** How many of these calls have been answered so far. @param {Promise<unknown>[]} calls */
function watched(calls) {
  const answered = { count: 0 }
  const count = () => answered.count++
  for (const call of calls) call.then(count, () => {})
  return answered
}

/** Has the server take its time for the next commands about a collection. @param {import('mongodb').Collection<any>} collection @param {object} data @param {number} times */
function block({ db, namespace }, data, times) {
  return db.client.db('admin').command({
    configureFailPoint: 'failCommand',
    mode: { times },
    data: { blockConnection: true, namespace, ...data },
  })
}

/**
 * A store with many connections that can be forgotten.
 *
 * @param {import('node:test').TestContext} t
 * @param {string} driver
 */
async function openForgetful(t, driver) {
  const name = `forgotten-${driver}`
  const gate = new Gate(Number(new URL((await server).getUri()).port), name)
  t.after(() => gate.close())
  const { db, open } = await openDatabase(t, withDatabase((await server).getUri(), 'isolation'))
  const url = `mongodb://127.0.0.1:${await gate.open()}/isolation?serverSelectionTimeoutMS=5000`
  const client = new (require(driver).MongoClient)(url)
  const store = open({ mongoUrl: undefined, client, collectionName: name, autoRemove: 'disabled' })
  await store.set('sid', plainSession({ n: 1 }))
  await block(db.collection(name), { failCommands: ['find'], blockTimeMS: 1_000 }, CONNECTIONS)
  await Promise.all(ids(CONNECTIONS).map((_id) => client.db().collection(name).findOne({ _id })))
  const closed = { count: 0 }
  client.on('connectionClosed', () => closed.count++)
  return { store, gate, closed }
}

for (const driver of DRIVERS) {
  describe(`over ${driver}, connections that have been forgotten`, () => {
    test('cost no more than a few calls, one each, and are closed', async (t) => {
      const { store, gate, closed } = await openForgetful(t, driver)
      assert.ok(gate.forget() >= CONNECTIONS)
      await sleep(BETWEEN_CHECKS_MS)
      const calls = ids(CALLS).flatMap((sid) => [store.get(sid), store.set(sid, plainSession())])
      const answered = watched(calls)
      await until(() => answered.count >= calls.length - MOST_LOST)
      await until(() => closed.count >= CONNECTIONS - MOST_LOST)
      gate.close()
      await Promise.allSettled(calls)
    })

    test('cost a read some seconds', async (t) => {
      const { store, gate } = await openForgetful(t, driver)
      gate.forget()
      const found = watched([store.get('sid')])
      await until(() => found.count === 1)
    })
  })
}

test('over a JavaScript client a session that was late shares no command until it is answered', async (t) => {
  const { url, open, sessions } = await openDatabase(t, `${(await server).getUri()}suspects`)
  const client = new MongoClient(url, { monitorCommands: true })
  const store = open({ mongoUrl: undefined, client, autoRemove: 'disabled' })
  await store.get('sid')
  await block(sessions, { failCommands: ['find'], blockTimeMS: 1_000 }, 1)
  const stuck = store.get('stuck')
  await sleep(PAUSE_MS)
  for (let isOver = false; !isOver; ) {
    await store.get('other')
    isOver = await Promise.race([stuck.then(() => true), sleep(1, false)])
  }
  /** @type {string[][]} */
  const commands = []
  client.on('commandStarted', (/** @type {any} */ { command: { filter } }) => {
    if (filter) commands.push(filter._id.$in ?? [filter._id])
  })
  const sids = [...ids(CALLS), 'stuck', ...ids(CALLS, 'more')]
  await Promise.all(sids.map((sid) => store.get(sid)))
  assert.deepEqual(
    commands.filter((all) => all.includes('stuck')),
    [['stuck']]
  )
  assert.ok(commands.length < sids.length)
  commands.length = 0
  await Promise.all(sids.map((sid) => store.get(sid)))
  assert.ok(commands.some((all) => all.includes('stuck') && all.length > 1))
})

describe('over a JavaScript client, a call that runs out of operationTimeoutMS', () => {
  const TOO_LATE = 'MongoOperationTimeoutError'

  /** @param {import('node:test').TestContext} t */
  async function openHasty(t) {
    const database = await openBehindWire(t, await server)
    return { ...database, store: database.open({ backend: 'driver', operationTimeoutMS: 300 }) }
  }

  test('is never sent when it has waited in the line', async (t) => {
    const { store, sessions, wire } = await openHasty(t)
    await store.set('first', {})
    const release = wire.hold('update')
    const calls = ids(CALLS).map((sid) => store.set(sid, {}))
    assert.deepEqual(new Set(await outcomes(calls)), new Set([TOO_LATE]))
    release()
    // What comes last leaves last.
    await until(() =>
      store.set('last', {}).then(
        () => true,
        () => false
      )
    )
    const sent = new Set(
      wire.sent('update').flatMap(({ body }) => body.updates.map((/** @type {any} */ { q }) => q._id))
    )
    assert.ok(sent.size < CALLS)
    // Those whose caller had gone can be under way when the last is answered on another connection.
    await until(async () => isDeepStrictEqual(new Set(await sessions.distinct('_id')), sent))
  })

  test('is never sent when it has waited for an earlier call about its session, and keeps its place from nobody', async (t) => {
    const { store, wire } = await openHasty(t)
    await store.set('sid', { n: 0 })
    const release = wire.hold('update')
    const calls = [
      store.set('sid', { n: 1 }),
      store.set('sid', { n: 2 }),
      store.get('sid'),
      store.destroy('sid'),
    ]
    assert.deepEqual(
      await outcomes(calls),
      calls.map(() => TOO_LATE)
    )
    const next = store.get('sid')
    release()
    assert.equal((await next).n, 1)
    assert.equal(wire.sent('update').length, 2)
    assert.equal(wire.sent('delete').length, 0)
  })
})
