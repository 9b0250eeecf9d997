// One user's trouble is nobody else's: commands that the server does not answer, documents that another program has locked,
// connections that have fallen silent.
'use strict'

const assert = require('node:assert/strict')
const { before, describe, test } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { Gate } = require('../support/gate.js')
const { LATER, plainSession } = require('../support/sessions.js')
const { startReplicaSet, startServer, withDatabase } = require('../support/server.js')

const TEST_COMMANDS = ['--setParameter', 'enableTestCommands=1']
const OTHERS = 60
/** Longer than all that a test does meanwhile. */
const STUCK_MS = 8_000

const sids = (/** @type {string} */ prefix, /** @type {number} */ count) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`)

/** Which of these calls have been answered so far. @param {Promise<unknown>[]} calls */
function watched(calls) {
  const answered = new Set()
  calls.forEach((call, index) => {
    call.then(
      () => answered.add(index),
      () => {}
    )
  })
  return answered
}

/** How often the others call: long before the stuck commands end, and before their connections are given up. */
const ROUNDS = 10

/**
 * Has the server take long for the next two commands.
 *
 * @param {import('mongodb').Db} db
 * @param {object} data of the fail point
 */
async function block(db, data) {
  await db.client.db('admin').command({
    configureFailPoint: 'failCommand',
    mode: { times: 2 },
    data: { blockConnection: true, blockTimeMS: STUCK_MS, appName: 'isolated', ...data },
  })
}

/** Until the server is at work on so many commands of the store. @param {import('mongodb').Db} db @param {number} count */
async function underWay(db, count) {
  const filter = { active: true, appName: 'isolated', 'command.$db': db.databaseName }
  for (;;) {
    const { inprog } = await db.client.db('admin').command({ currentOp: 1, ...filter })
    if (inprog.length >= count) return
    await sleep(5)
  }
}

/**
 * The process of the secondary of a set of two.
 *
 * @param {Awaited<ReturnType<typeof startReplicaSet>>} set
 * @param {import('mongodb').Db} db
 */
async function secondaryOf(set, db) {
  const { primary } = await db.command({ hello: 1 })
  const port = Number(primary.split(':')[1])
  const secondary = set.servers.find(({ instanceInfo }) => instanceInfo?.port !== port)
  return /** @type {number} */ (secondary?.instanceInfo?.instance.mongodProcess?.pid)
}

const COMMANDS = {
  get: { failCommands: ['find'] },
  set: { failCommands: ['update'] },
  touch: { failCommands: ['update'] },
  destroy: { failCommands: ['delete'] },
}

for (const backend of BACKENDS) {
  describe(`on the ${backend} backend, others do not wait for`, () => {
    /** @type {Awaited<ReturnType<typeof startReplicaSet>>} */
    let set

    before(async () => {
      set = await startReplicaSet({ args: TEST_COMMANDS })
    })

    for (const [method, data] of Object.entries(COMMANDS)) {
      test(`two commands that take long: ${method}`, async (t) => {
        const { open, db } = await openDatabase(t, withDatabase(set.getUri(), `isolation-${method}`))
        const store = open({ mongoOptions: { appName: 'isolated' }, backend })
        const call = (/** @type {string} */ sid) => store[method](sid, plainSession(LATER))
        await Promise.all(sids('other', OTHERS).map((sid) => store.set(sid, plainSession(LATER))))
        await block(db, data)
        // One after the other: what is called at once may leave in one command.
        const stuck = [call('stuck-0')]
        await underWay(db, 1)
        stuck.push(call('stuck-1'))
        await underWay(db, 2)
        const answered = watched(stuck)
        for (let round = 0; round < ROUNDS; round++) await Promise.all(sids('other', OTHERS).map(call))
        assert.deepEqual([...answered], [], 'the two are still there')
        await Promise.all(stuck)
      })
    }

    for (const when of /** @type {const} */ (['in the same turn', 'a little later'])) {
      test(`documents that a transaction of another program holds, called ${when}`, async (t) => {
        const name = `isolation-locked-${when.length}`
        const { open, sessions, db } = await openDatabase(t, withDatabase(set.getUri(), name))
        const store = open({ backend })
        // An index that is being made waits for the transaction, and whatever comes after it waits for the index.
        await store.collectionP
        const locked = sids('locked', 8)
        let saves = 0
        const save = (/** @type {string} */ sid) => store.set(sid, { ...plainSession(LATER), saves: ++saves })
        const saveOthers = () => Promise.all(sids('other', OTHERS).map(save))
        await Promise.all([...locked, ...sids('other', OTHERS)].map(save))
        const session = db.client.startSession()
        session.startTransaction()
        await sessions.updateMany({ _id: { $in: locked } }, { $set: { held: true } }, { session })
        // A command of many sessions could not leave those of others behind that are in it.
        await sleep(100)
        const waiting = locked.map(save)
        const answered = watched(waiting)
        if (when === 'a little later') await sleep(20)
        for (let round = 0; round < ROUNDS; round++) await saveOthers()
        await Promise.all(sids('other', OTHERS).map((sid) => store.get(sid)))
        assert.deepEqual([...answered], [], 'the transaction holds them')
        await session.abortTransaction()
        await session.endSession()
        await Promise.all(waiting)
      })
    }
  })

  if (backend === 'native') {
    describe('on the native backend, a command of many sessions', () => {
      /** @type {Awaited<ReturnType<typeof startReplicaSet>>} */
      let set

      before(async () => {
        set = await startReplicaSet({ count: 2 })
      })

      for (const method of /** @type {const} */ (['set', 'touch', 'destroy'])) {
        test(`does not wait for the documents in it that are locked: ${method}`, async (t) => {
          const { open, sessions, db } = await openDatabase(t, withDatabase(set.getUri(), `held-${method}`))
          const store = open({ backend })
          await store.collectionP
          const locked = sids('locked', 3)
          const others = sids('other', OTHERS)
          const all = [...others.slice(0, 20), ...locked, ...others.slice(20)]
          const session = plainSession({ saves: 1 })
          // More than once, for a connection to be trusted with all of them.
          for (let round = 0; round < 5; round++) await Promise.all(all.map((sid) => store.set(sid, session)))
          const transactions = locked.map(() => db.client.startSession())
          for (const [index, transaction] of transactions.entries()) {
            transaction.startTransaction()
            const filter = { _id: locked[index] }
            await sessions.updateOne(filter, { $set: { held: true } }, { session: transaction })
          }
          const expires = new Date(LATER.getTime() + 60_000).toJSON()
          const changed = plainSession({ saves: 2, cookie: { expires } })
          const calls = all.map((sid) => store[method](sid, changed))
          const waiting = watched(locked.map((sid) => calls[all.indexOf(sid)]))
          await Promise.all(others.map((sid) => calls[all.indexOf(sid)]))
          assert.deepEqual([...waiting], [], 'the transactions hold them')
          // The last one is not behind the others in line.
          await transactions[2].abortTransaction()
          await calls[all.indexOf(locked[2])]
          assert.deepEqual([...waiting], [2], 'the transactions hold the others')
          await transactions[0].abortTransaction()
          await transactions[1].abortTransaction()
          await Promise.all(calls)
          for (const transaction of transactions) await transaction.endSession()
          const changedCount = await sessions.countDocuments({ expires: new Date(expires) })
          assert.equal(changedCount, method === 'destroy' ? 0 : all.length)
          assert.equal(await sessions.countDocuments(), changedCount)
        })
      }

      test('waits as long as the write concern takes', async (t) => {
        const url = withDatabase(set.getUri(), 'held-concern')
        const { open, db } = await openDatabase(t, url)
        const writeOperationOptions = { w: 2 }
        const store = open({ backend, autoRemove: 'disabled', writeOperationOptions })
        const others = sids('other', OTHERS)
        let saves = 0
        const save = (/** @type {string} */ sid) => store.set(sid, plainSession({ saves: ++saves }))
        for (let round = 0; round < 5; round++) await Promise.all(others.map(save))
        const secondary = await secondaryOf(set, db)
        process.kill(secondary, 'SIGSTOP')
        t.after(() => process.kill(secondary, 'SIGCONT'))
        const calls = others.map(save)
        const answered = watched(calls)
        // Longer than the server tries to do what others may be waiting for.
        await sleep(1_000)
        assert.equal(answered.size, 0)
        process.kill(secondary, 'SIGCONT')
        await Promise.all(calls)
      })
    })
  }

  describe(`on the ${backend} backend, connections that a firewall has forgotten`, () => {
    for (const [name, start] of Object.entries({ standalone: startServer, 'replica set': startReplicaSet })) {
      for (const method of /** @type {const} */ (['get', 'set'])) {
        test(`cost no more than a call each: ${method}, ${name}`, async (t) => {
          const server = await start()
          const port = Number(new URL(server.getUri()).port)
          const gate = new Gate(port)
          t.after(() => gate.close())
          const url = `mongodb://127.0.0.1:${await gate.open()}/forgetful?directConnection=true&serverSelectionTimeoutMS=5000`
          const { open } = await openDatabase(t, url)
          const store = open({ backend, autoRemove: 'disabled', connectionEvents: false })
          const call = (/** @type {string} */ sid) =>
            method === 'get' ? store.get(sid) : store.set(sid, plainSession(LATER))
          for (let round = 0; round < 5; round++) await Promise.all(sids('warm', 6).map(call))
          // A connection is forgotten when nothing has passed on it for a while.
          await sleep(100)
          const forgotten = gate.forget()
          assert.ok(forgotten > 0)
          const calls = sids('other', OTHERS).map(call)
          const answered = watched(calls)
          const isRepeated = method === 'get' || (backend === 'native' && name === 'replica set')
          const least = isRepeated ? OTHERS : OTHERS - forgotten
          while (answered.size < least) await sleep(10)
          gate.close()
          await Promise.allSettled(calls)
        })
      }
    }
  })
}
