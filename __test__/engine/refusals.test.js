// A server that refuses a whole command: what is sent again, what is halved, and what is everybody's answer.
'use strict'

const assert = require('node:assert/strict')
const { randomBytes } = require('node:crypto')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { ids, occupy, untilTogether } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')
const { LATER, plainSession } = require('../support/sessions.js')
const { startReplicaSet, startServer, withDatabase } = require('../support/server.js')
const { openBehindWire } = require('../support/wire.js')

const TEST_COMMANDS = ['--setParameter', 'enableTestCommands=1']
const CALLS = 100

const servers = {
  'replica set': startReplicaSet({ args: TEST_COMMANDS }),
  standalone: startServer({ args: TEST_COMMANDS }),
}

/** Each of which says nothing of a statement, when an attempt before it may have run all of them. */
const CODES_OF_RETRIES = [1, 46, 112, 217, 225, 290, 355, 8000]

/**
 * @param {import('mongodb').Db} db
 * @param {object} data of the fail point
 * @param {unknown} [mode]
 */
async function failUpdates(db, data, mode = 'alwaysOn') {
  const { count } = await db.client.db('admin').command({
    configureFailPoint: 'failCommand',
    mode,
    data: { failCommands: ['update'], appName: 'refused', ...data },
  })
  return count ?? 0
}

/** @param {import('mongodb').Db} db @param {number} before */
async function refusalsSince(db, before) {
  const off = await db.client.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' })
  return off.count - before
}

const CASES = Object.entries(servers).flatMap(([where, server]) =>
  BACKENDS.map((backend) => ({ where, server, backend }))
)

for (const { where, server, backend } of CASES) {
  describe(`on the ${backend} backend a refusal of a ${where}`, () => {
    /** @param {import('node:test').TestContext} t @param {Record<string, any>} [mongoOptions] */
    async function openStore(t, mongoOptions) {
      const name = `refusals_${randomBytes(4).toString('hex')}`
      const { open, db, sessions } = await openDatabase(t, withDatabase((await server).getUri(), name))
      const store = open({
        backend,
        autoRemove: 'disabled',
        mongoOptions: { appName: 'refused', ...mongoOptions },
      })
      await store.set('first', plainSession(LATER))
      const saveAll = () =>
        Promise.allSettled(
          Array.from({ length: CALLS }, (_, index) => store.set(`sid-${index}`, plainSession(LATER)))
        )
      return { store, db, sessions, saveAll }
    }

    for (const errorCode of [13, 115]) {
      test(`code ${errorCode} is everybody's answer, and no command is halved`, async (t) => {
        const { db, saveAll } = await openStore(t)
        const before = await failUpdates(db, { errorCode })
        const saved = await saveAll()
        assert.ok((await refusalsSince(db, before)) < CALLS)
        for (const one of saved) assert.equal(one.status === 'rejected' && one.reason.code, errorCode)
      })
    }

    test('what is refused by halves alike is not halved further', async (t) => {
      const { db, saveAll } = await openStore(t)
      const before = await failUpdates(db, { errorCode: 9 })
      const saved = await saveAll()
      assert.ok((await refusalsSince(db, before)) < CALLS)
      for (const one of saved) assert.equal(one.status === 'rejected' && one.reason.code, 9)
    })

    for (const data of [
      { errorCode: 16500 },
      { errorCode: 462, errorLabels: ['SystemOverloadedError', 'RetryableError'] },
    ]) {
      test(`a server that is overloaded is asked again, a little later: ${data.errorCode}`, async (t) => {
        const { db, sessions, saveAll } = await openStore(t)
        await failUpdates(db, data, { times: 5 })
        const saved = await saveAll()
        await refusalsSince(db, 0)
        assert.ok(saved.every(({ status }) => status === 'fulfilled'))
        assert.equal(await sessions.countDocuments(), CALLS + 1)
      })

      test(`one that stays overloaded is asked a few times only: ${data.errorCode}`, async (t) => {
        const { db, saveAll } = await openStore(t, { serverSelectionTimeoutMS: 1_000 })
        const before = await failUpdates(db, data)
        const saved = await saveAll()
        assert.ok((await refusalsSince(db, before)) < 3 * CALLS)
        for (const one of saved) assert.equal(one.status === 'rejected' && one.reason.code, data.errorCode)
      })
    }
  })
}

for (const errorCode of BACKENDS.includes('native') ? CODES_OF_RETRIES : []) {
  test(`what may have been done is not done again after a retry was refused: ${errorCode} [native]`, async (t) => {
    const { db, open, wire } = await openBehindWire(t, await servers['replica set'], '&appName=refused')
    const store = open({ autoRemove: 'disabled' })
    await untilTogether(async (prefix) => {
      const release = await occupy(wire, 'update', (sid) => store.set(sid, plainSession()))
      const saved = ids(20, prefix).map((sid) => store.set(sid, plainSession()))
      // What leaves next is done, and the reply lost.
      await failUpdates(db, { errorCode }, { skip: 1 })
      wire.loseNext('update', 'reply')
      await release()
      const outcomes = await Promise.allSettled(saved)
      await refusalsSince(db, 0)
      const numbers = wire.sent('update').map(({ body }) => String(body.txnNumber))
      if (wire.sent('update')[0].sids.length < saved.length) return false
      assert.ok(outcomes.every(({ status }) => status === 'rejected'))
      assert.equal(new Set(numbers).size, 1)
      return true
    })
  })
}
