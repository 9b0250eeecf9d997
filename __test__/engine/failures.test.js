// The last two invariants of src/engine/mod.rs: what a failure does to those who share a command, and when a call is answered.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { MongoClient } = require('mongodb')
const { ids, occupy, outcomeOf, outcomes, untilTogether } = require('../support/calls.js')
const { Deployment } = require('../faults/deployment.js')
const { openDatabase } = require('../support/database.js')
const { startReplicaSet, startServer, withDatabase } = require('../support/server.js')
const { EARLIER, LATER, eventually, plainSession, storedSession } = require('../support/sessions.js')
const { until } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

const args = ['--setParameter', 'enableTestCommands=1']
const standalone = startServer({ args })
const replicaSet = startReplicaSet({ args })

/** @param {import('node:test').TestContext} t @param {string} [query] */
const openStandalone = async (t, query) => openBehindWire(t, await standalone, query)

/** @param {import('node:test').TestContext} t @param {string} [query] */
const openReplicaSet = async (t, query) => openBehindWire(t, await replicaSet, query)

/** On a busy machine hardly a write that a majority confirms is as quick as `occupy` wants one. */
const QUICK = '&w=1'

/** @typedef {Awaited<ReturnType<typeof openBehindWire>>} Database */

/**
 * Makes the server fail the next commands on the sessions of a database.
 *
 * @param {Database} database
 * @param {Record<string, unknown>} data
 * @param {number} [times]
 */
function failNext({ db }, data, times = 1) {
  return db.admin().command({
    configureFailPoint: 'failCommand',
    mode: { times },
    data: { namespace: `${db.databaseName}.sessions`, ...data },
  })
}

/**
 * @param {import('node:test').TestContext} t
 * @param {Database} database
 * @returns {Promise<string[]>} what the replica set has done, in its order, each with the id of the document
 */
async function executed(t, { db }) {
  const client = await MongoClient.connect((await replicaSet).getUri())
  t.after(() => client.close())
  const oplog = client.db('local').collection('oplog.rs')
  const entries = await oplog.find({ ns: `${db.databaseName}.sessions`, op: { $in: ['i', 'u', 'd'] } })
  return (await entries.toArray()).map(({ op, o, o2 }) => `${op} ${(o2 ?? o)._id}`)
}

describe('failures', () => {
  test('to confirm a write reach every caller of the command', async (t) => {
    const { open, sessions } = await openReplicaSet(t)
    const store = open({ writeOperationOptions: { w: 5, wtimeout: 100 } })
    await sessions.insertOne(storedSession('there'))
    const calls = ids(20).map((sid) => store.set(sid, {}))
    calls.push(store.touch('there', {}), store.touch('gone', {}), store.destroy('other'))
    const settled = await Promise.allSettled(calls)
    for (const { reason } of /** @type {PromiseRejectedResult[]} */ (settled)) {
      assert.equal(reason.name, 'MongoWriteConcernError')
      assert.equal(typeof reason.code, 'number')
    }
    assert.equal(await sessions.countDocuments(), 21, 'the writes themselves are there')
  })

  for (const [what, data, code] of /** @type {const} */ ([
    ['to confirm a write', { writeConcernError: { code: 64, errmsg: 'waited too long' } }, 64],
    ['of a command', { errorCode: 13 }, 13],
  ])) {
    test(`${what} reach nobody else`, async (t) => {
      const database = await openReplicaSet(t, QUICK)
      const { open, wire } = database
      const store = open()
      await untilTogether(async (prefix) => {
        const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
        await failNext(database, { failCommands: ['update'], ...data })
        const calls = ids(20, prefix).map((sid) => store.set(sid, {}))
        await release()
        const settled = await Promise.allSettled(calls)
        if (wire.sent('update')[0].sids.length < calls.length) return false
        assert.deepEqual(
          settled.map((one) => one.status === 'rejected' && one.reason.code),
          calls.map(() => code)
        )
        assert.equal(wire.sent('update').length, 1)
        return true
      })
      await store.set('next', {})
    })
  }

  test('of a find reach every get of the command, and nobody else', async (t) => {
    const database = await openStandalone(t)
    const { open, wire } = database
    const store = open()
    await untilTogether(async (prefix) => {
      const release = await occupy(wire, 'find', (sid) => store.get(sid))
      await failNext(database, { failCommands: ['find'], errorCode: 2 })
      const calls = ids(20, prefix).flatMap((sid) => [store.get(sid), store.get(sid)])
      await release()
      const told = await outcomes(calls)
      if (wire.sent('find')[0].sids.length < 20) return false
      assert.deepEqual(
        told,
        calls.map(() => 'MongoServerError')
      )
      return true
    })
    assert.equal(await store.get('next'), null)
  })

  for (const times of [1, 2, 5]) {
    for (const [what, data] of /** @type {const} */ ([
      ['a closed connection', { closeConnection: true }],
      ['a change of primaries', { errorCode: 11602, errorLabels: ['RetryableWriteError'] }],
      ['a write concern that may be met later', { writeConcernError: { code: 91, errmsg: 'going down' } }],
    ])) {
      test(`of a replica set are sent again after ${what}, ${times} times in a row, and run once`, async (t) => {
        const database = await openReplicaSet(t)
        const { open, sessions, wire } = database
        const store = open()
        await sessions.insertMany(ids(20, 'old').map((sid) => storedSession(sid)))
        await failNext(database, { failCommands: ['update'], ...data }, times)
        const created = await Promise.all(ids(50).map((sid) => outcomeOf(store, 'set', [sid, {}])))
        assert.deepEqual(
          created.map(({ event }) => event),
          ids(50).map(() => 'create')
        )
        await failNext(database, { failCommands: ['delete'], ...data }, times)
        await Promise.all(ids(20, 'old').map((sid) => store.destroy(sid)))
        const done = await executed(t, database)
        const expected = [
          ...ids(20, 'old').map((sid) => `i ${sid}`),
          ...ids(50).map((sid) => `i ${sid}`),
          ...ids(20, 'old').map((sid) => `d ${sid}`),
        ]
        assert.deepEqual(done.sort(), expected.sort())
        assert.ok(wire.sent('update').length > times)
      })
    }
  }

  // The server remembers of a retried command only the statements that changed something, and runs the others again.
  test('that lose a reply undo no later call about the same session', async (t) => {
    const { open, sessions, wire } = await openReplicaSet(t, QUICK)
    const store = open()
    const expired = { cookie: { expires: EARLIER } }
    await untilTogether(async (prefix) => {
      const [gone, same] = [`${prefix}-gone`, `${prefix}-same`]
      await sessions.insertOne({ _id: same, session: JSON.stringify({ n: 1 }), expires: LATER })
      const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
      wire.loseNext('update', 'reply')
      const calls = [
        outcomeOf(store, 'touch', [gone, expired]),
        outcomeOf(store, 'set', [gone, plainSession({ n: 2 })]),
        outcomeOf(store, 'touch', [same, { cookie: { expires: LATER } }]),
        outcomeOf(store, 'touch', [same, expired]),
      ]
      await release()
      const events = (await Promise.all(calls)).map(({ event }) => event)
      assert.deepEqual(events, ['touch-missed', 'create', 'touch', 'touch'])
      assert.equal((await store.get(gone))?.n, 2)
      assert.equal(await store.get(same), null)
      for (const { sids } of wire.sent('update')) {
        assert.deepEqual(sids, [...new Set(sids)], 'a command holds each session once')
      }
      return wire.sent('update')[0].sids.length === 2
    })
  })

  test('after the server has done the write do not make it do that again', async (t) => {
    const database = await openReplicaSet(t, QUICK)
    const { open, sessions, wire } = database
    const store = open()
    await untilTogether(async (prefix) => {
      const [sid, old, gone] = ['sid', 'old', 'gone'].map((name) => `${prefix}-${name}`)
      await sessions.insertOne(storedSession(old))
      const release = await occupy(wire, 'update', (other) => store.set(other, {}))
      wire.loseNext('update', 'reply', 2)
      const asked = [
        outcomeOf(store, 'set', [sid, { n: 1 }]),
        outcomeOf(store, 'set', [sid, { n: 2 }]),
        outcomeOf(store, 'touch', [sid, plainSession()]),
        outcomeOf(store, 'set', [old, {}]),
        outcomeOf(store, 'touch', [gone, {}]),
      ]
      await release()
      const told = await Promise.all(asked)
      assert.deepEqual(
        told.map(({ event }) => event),
        ['create', 'update', 'touch', 'update', 'touch-missed']
      )
      const [first, second, third] = wire.sent('update')
      if (first.sids.length < 3) return false
      for (const { body } of [second, third]) {
        assert.deepEqual(
          [body.lsid, body.txnNumber, body.updates],
          [first.body.lsid, first.body.txnNumber, first.body.updates]
        )
      }
      assert.equal(wire.sent('update').length, 3)
      const done = await executed(t, database)
      const ofRound = done.filter((one) => one.includes(`${prefix}-`))
      assert.deepEqual(ofRound, [`i ${old}`, `i ${sid}`, `u ${old}`])
      return true
    })
  })

  test('never make a write undo one that came after it', async (t) => {
    const { open, sessions, wire } = await openReplicaSet(t)
    const store = open()
    let isOpen = false
    wire.lose((command) => {
      if (command.name !== 'update' || isOpen) return undefined
      return command === wire.sent('update')[0] ? 'reply' : 'request'
    })
    const set = store.set('sid', { n: 1 })
    await wire.answered('update', 1)
    await sessions.updateOne({ _id: 'sid' }, { $set: { session: '{"n":2}' } })
    isOpen = true
    await set
    assert.ok(wire.sent('update').length > 1)
    assert.equal((await store.get('sid')).n, 2)
  })

  test('never make a touch that has missed renew what was set after it', async (t) => {
    const { open, sessions, wire } = await openReplicaSet(t, QUICK)
    const store = open()
    const [first, second] = ['2100-01-01', '2100-01-02'].map((day) => new Date(day))
    const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
    wire.loseNext('update', 'reply', 2)
    const asked = [
      outcomeOf(store, 'touch', ['sid', { cookie: { expires: first } }]),
      outcomeOf(store, 'set', ['sid', { cookie: { expires: second } }]),
    ]
    await release()
    const told = await Promise.all(asked)
    assert.deepEqual(
      told.map(({ event }) => event),
      ['touch-missed', 'create']
    )
    assert.deepEqual((await sessions.findOne({ _id: 'sid' })).expires, second)
  })

  for (const [where, openIt, query] of /** @type {const} */ ([
    ['of a standalone server, which cannot tell a repeated write', openStandalone, ''],
    ['with retryWrites=false', openReplicaSet, `&retryWrites=false${QUICK}`],
  ])) {
    test(`${where}, reach the callers of a write at once`, async (t) => {
      const { open, wire } = await openIt(t, query)
      const store = open()
      await untilTogether(async (prefix) => {
        const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
        wire.loseNext('update', 'reply')
        const calls = ids(20, prefix).map((sid) => store.set(sid, {}))
        await release()
        const told = await outcomes(calls)
        const [lost, ...others] = wire.sent('update')
        if (lost.sids.length < calls.length) return false
        assert.deepEqual(
          told,
          calls.map(() => 'MongoNetworkError')
        )
        assert.equal(lost.body.txnNumber, undefined)
        assert.deepEqual(others, [])
        return true
      })
      await store.set('next', {})
    })
  }

  test('of a standalone server do not reach a write that has not been sent', async (t) => {
    const database = await openStandalone(t, '&maxPoolSize=1')
    const { open, sessions, wire } = database
    const store = open()
    await sessions.insertOne(storedSession('old'))
    await store.set('sid', {})
    await failNext(database, { failCommands: ['update'], blockConnection: true, blockTimeMS: 500 })
    wire.loseNext('update', 'reply')
    const set = outcomeOf(store, 'set', ['sid', { n: 1 }])
    await until(() => wire.sent('update').length === 2)
    // It waits for the one connection, which is lost.
    const destroyed = store.destroy('old')
    await assert.rejects(set, { name: 'MongoNetworkError' })
    await destroyed
    assert.equal(await sessions.countDocuments({ _id: 'old' }), 0)
    assert.equal(wire.sent('delete').length, 1)
  })

  test('to find out what the server is are no more than a delay', async (t) => {
    const { open, wire } = await openReplicaSet(t)
    wire.refuseNext(2)
    await open().set('sid', {})
    assert.deepEqual(
      wire.sent('update').map(({ body }) => typeof body.txnNumber),
      ['number']
    )
  })

  for (const [where, openIt] of /** @type {const} */ ([
    ['a standalone server', openStandalone],
    ['a replica set', openReplicaSet],
  ])) {
    test(`of reads of ${where} are no more than a delay`, async (t) => {
      const { open, sessions, wire } = await openIt(t)
      const store = open()
      await sessions.insertMany(ids(50).map((sid) => storedSession(sid)))
      wire.loseNext('find', 'reply', 4)
      const found = await Promise.all([...ids(50), 'gone'].map((sid) => store.get(sid)))
      assert.deepEqual(
        found.map((session) => session?.id),
        [...ids(50), undefined]
      )
      assert.ok(wire.sent('find').length > 4)
    })
  }

  test('of reads reach their callers with retryReads=false', async (t) => {
    const { open, wire } = await openReplicaSet(t, '&retryReads=false')
    const store = open()
    wire.loseNext('find', 'reply')
    await assert.rejects(store.get('sid'), { name: 'MongoNetworkError' })
    assert.equal(wire.sent('find').length, 1)
  })

  test('in the middle of a large reply leave no get without an answer', async (t) => {
    const { open, sessions, wire } = await openStandalone(t)
    const store = open()
    const text = 'x'.repeat(6 << 20)
    await untilTogether(async (prefix) => {
      const all = ids(6, prefix)
      await sessions.insertMany(
        all.map((sid) => storedSession(sid, { session: JSON.stringify({ sid, text }) }))
      )
      const release = await occupy(wire, 'find', (sid) => store.get(sid))
      wire.loseNext('getMore', 'reply', 2)
      const gets = all.map((sid) => store.get(sid))
      await release()
      const found = await Promise.all(gets)
      assert.deepEqual(
        found.map(({ sid }) => sid),
        all
      )
      if (wire.sent('find')[0].sids.length < all.length) return false
      assert.equal(wire.sent('getMore').length, 2)
      assert.ok(wire.sent('find').length > 2)
      return true
    })
  })

  test('of touches that miss are no more than a delay', async (t) => {
    const { open, sessions, wire } = await openReplicaSet(t, QUICK)
    const store = open()
    await untilTogether(async (prefix) => {
      const [there, gone] = [ids(20, `${prefix}-there`), ids(20, `${prefix}-gone`)]
      await sessions.insertMany(there.map((sid) => storedSession(sid)))
      const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
      const touches = [...there, ...gone].map((sid) => outcomeOf(store, 'touch', [sid, {}]))
      wire.loseNext('update', 'reply', 4)
      await release()
      const told = await Promise.all(touches)
      assert.deepEqual(
        told.map(({ event }) => event),
        [...there.map(() => 'touch'), ...gone.map(() => 'touch-missed')]
      )
      assert.equal(wire.sent('find').length, 0)
      return wire.sent('update')[0].sids.length === touches.length
    })
  })

  test('of an election are no more than a delay', async (t) => {
    const set = await startReplicaSet({ count: 3 })
    const { db, open } = await openDatabase(t, withDatabase(set.getUri(), 'election'))
    const store = open({ autoRemove: 'disabled' })
    const primary = async () => (await db.admin().command({ hello: 1 })).primary
    const first = await primary()
    let isOver = false
    const election = db
      .admin()
      .command({ replSetStepDown: 10, force: true })
      .then(() => eventually(async () => (await primary()) !== first))
      .finally(() => {
        isOver = true
      })
    for (let round = 0; !isOver; round++) {
      const told = ids(20).flatMap((sid) => [
        outcomeOf(store, 'set', [`${sid}-${round}`, { round }]),
        outcomeOf(store, 'touch', [`${sid}-${round}`, plainSession()]),
        outcomeOf(store, 'get', [`${sid}-${round}`]),
        outcomeOf(store, 'destroy', [`${sid}-${round}`]),
        outcomeOf(store, 'touch', [`${sid}-${round}`, {}]),
      ])
      const events = (await Promise.all(told)).map(({ event, answer }) => answer?.round ?? event)
      assert.deepEqual(
        events,
        ids(20).flatMap(() => ['create', 'touch', round, 'destroy', 'touch-missed'])
      )
    }
    await election
  })

  test('of a primary that falls silent are over when there is another', { timeout: 120_000 }, async (t) => {
    const deployment = await Deployment.start({ count: 3 })
    // With these the driver takes longer than the test may to find out by itself.
    const query = { heartbeatFrequencyMS: '120000', connectTimeoutMS: '120000' }
    const { open } = await openDatabase(t, deployment.url(query))
    t.after(() => deployment.stop())
    const store = open({ autoRemove: 'disabled' })
    await Promise.all([store.set('sid', { n: 1 }), store.set('old', {})])
    const primary = await deployment.primary()
    primary.signal('SIGSTOP')
    const calls = [store.set('sid', { n: 2 }), store.get('other'), store.destroy('old')]
    await deployment.acknowledges(primary)
    await Promise.all(calls)
    assert.equal((await store.get('sid')).n, 2)
    assert.equal(await store.get('old'), null)
    primary.signal('SIGCONT')
  })

  test('to find a server reach all that waits, and the store goes on when there is one', async (t) => {
    const server = await startServer()
    const { open } = await openDatabase(t, withDatabase(server.getUri(), 'away'))
    const query = 'serverSelectionTimeoutMS=300&heartbeatFrequencyMS=500'
    const mongoUrl = `${withDatabase(server.getUri(), 'away')}?${query}`
    const store = open({ mongoUrl, autoRemove: 'disabled' })
    await store.set('sid', {})
    await server.stop({ doCleanup: false })
    const calls = ids(30).flatMap((sid) => [store.set(sid, {}), store.set('sid', {}), store.get('sid')])
    const settled = outcomes(calls)
    await assert.rejects(store.get('other'), { name: 'MongoServerSelectionError' })
    // Who has waited as long is not to wait again for those before it.
    await server.start(true)
    assert.ok(!(await settled).includes('fulfilled'))
    await eventually(() =>
      store.set('again', {}).then(
        () => true,
        () => false
      )
    )
    assert.ok(await store.get('again'))
  })
})

describe('acknowledgement', () => {
  const OPERATIONS = /** @type {const} */ ([
    ['set', 'update', ['sid', { n: 1 }]],
    ['touch', 'update', ['sid', {}]],
    ['get', 'find', ['sid']],
    ['destroy', 'delete', ['sid']],
  ])

  for (const [method, name, given] of OPERATIONS) {
    test(`${method} is answered once, and only when the server's reply is there`, async (t) => {
      const { open, sessions, wire } = await openStandalone(t)
      await sessions.insertOne(storedSession('sid'))
      const store = open()
      const release = wire.hold(name)
      let answers = 0
      const done = new Promise((resolve, reject) => {
        Reflect.apply(store[method], store, [
          ...given,
          (/** @type {Error | null} */ error) => {
            answers++
            if (error) reject(error)
            else resolve(undefined)
          },
        ])
      })
      // What it has done can be seen already.
      await wire.answered(name, 1)
      await store.length()
      assert.equal(answers, 0)
      release()
      await done
      await store.length()
      assert.equal(answers, 1)
    })
  }

  test('holds for every caller of a command', async (t) => {
    const { open, sessions, wire } = await openReplicaSet(t)
    const store = open({ writeOperationOptions: { w: 'majority' } })
    await untilTogether(async (prefix) => {
      const all = ids(50, prefix)
      const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
      const seen = all.map(async (sid) => {
        await store.set(sid, {})
        return sessions.countDocuments({ _id: sid })
      })
      await release()
      assert.deepEqual(
        await Promise.all(seen),
        all.map(() => 1)
      )
      return wire.sent('update').length === 1
    })
  })

  test('of everything, once, when the server is killed', async (t) => {
    const server = await startServer()
    const { open, wire } = await openBehindWire(t, server, '&serverSelectionTimeoutMS=500')
    const store = open()
    for (const name of ['find', 'update', 'delete']) wire.hold(name)
    /** @type {number[]} */
    const answers = []
    const answered = ids(400).map(
      (sid, call) =>
        new Promise((resolve) => {
          const callback = (/** @type {Error | null} */ error) => {
            answers[call] = (answers[call] ?? 0) + 1
            resolve(error?.name)
          }
          if (call % 4 === 0) store.get(sid, callback)
          else if (call % 4 === 1) store.set(sid, {}, callback)
          else if (call % 4 === 2) store.touch(sid, {}, callback)
          else store.destroy(sid, callback)
        })
    )
    for (const name of ['find', 'update', 'delete']) await wire.answered(name, 1)
    server.instanceInfo?.instance.mongodProcess?.kill('SIGKILL')
    const names = new Set(await Promise.all(answered))
    assert.ok(!names.has(undefined), 'nothing was answered that has had no reply')
    assert.ok([...names].every((name) => /^Mongo(Network|ServerSelection|PoolCleared)Error$/.test(name)))
    await assert.rejects(store.ping())
    assert.deepEqual(
      answers,
      answers.map(() => 1)
    )
    assert.equal(answers.length, 400)
  })

  test('comes before the end of close, which takes no more calls', async (t) => {
    const { open, sessions, wire } = await openStandalone(t)
    const store = open()
    const release = wire.hold('update')
    const order = []
    const sets = ids(100).map((sid) => store.set(sid, {}).then(() => order.push('set')))
    await wire.answered('update', 1)
    const closed = store.close().then(() => order.push('closed'))
    await assert.rejects(store.set('late', {}), { code: 'ERR_STORE_CLOSED' })
    release()
    await Promise.all([...sets, closed])
    assert.deepEqual(order, [...sets.map(() => 'set'), 'closed'])
    assert.equal(await sessions.countDocuments(), 100)
  })
})
