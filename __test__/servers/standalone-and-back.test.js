// A replica set that becomes a standalone server, and back, while a store is open: its writes go on.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { ids } = require('../support/calls.js')
const { openScripted } = require('../support/scripted-server.js')
const { startServer } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { succeeds, until } = require('../support/wait.js')
const { collectWarnings, warningsAreOut } = require('../support/warnings.js')
const { REPLICA_SET, STANDALONE } = require('../support/servers/standalone-and-back.js')

const mongod = startServer()
const CALLS = 40

for (const backend of BACKENDS) {
  describe(`a replica set that becomes a standalone server, with the ${backend} backend`, () => {
    for (const direct of [true, false]) {
      test(`and back, is followed${direct ? ' with directConnection' : ''}`, async (t) => {
        const warnings = collectWarnings(t)
        const query = `heartbeatFrequencyMS=500${direct ? '&directConnection=true' : ''}`
        const { open, server, sessions } = await openScripted(t, await mongod, REPLICA_SET, query)
        const store = open({ backend })
        const all = ids(CALLS)
        const setAll = () => Promise.all(all.map((sid) => store.set(sid, plainSession({ sid }))))
        const lastHasNumber = () => 'txnNumber' in (server.sent('update').at(-1)?.body ?? {})
        /** Until what the monitors have seen is known to the writes. @param {boolean} hasNumber */
        const settled = (hasNumber) =>
          until(async () => {
            await store.set('settled', plainSession())
            return lastHasNumber() === hasNumber
          })
        await settled(true)
        for (let round = 0; round < 2; round++) {
          server.script = STANDALONE
          // The monitors have not seen it yet.
          await setAll()
          await settled(false)
          await setAll()
          server.script = REPLICA_SET
          await setAll()
          await settled(true)
          await setAll()
        }
        assert.equal(await sessions.countDocuments(), CALLS + 1)
        await warningsAreOut()
        assert.deepEqual(
          warnings.filter((warning) => /retryable writes/.test(warning.message)),
          []
        )
      })
    }

    test('is no server for a URL that names the replica set, until it is a member again', async (t) => {
      const query = 'heartbeatFrequencyMS=500&serverSelectionTimeoutMS=1000&replicaSet=rs'
      const { open, server } = await openScripted(t, await mongod, REPLICA_SET, query)
      const store = open({ backend })
      await store.set('sid', plainSession())
      server.script = STANDALONE
      const error = await until(() =>
        store.get('sid').then(
          () => undefined,
          (reason) => reason
        )
      )
      assert.equal(error.name, 'MongoServerSelectionError')
      server.script = REPLICA_SET
      await until(() => succeeds(store.set('sid', plainSession())))
    })

    test('and is closed meanwhile, is asked no more', async (t) => {
      const query = 'heartbeatFrequencyMS=500&serverSelectionTimeoutMS=1000&replicaSet=rs'
      const { open, server } = await openScripted(t, await mongod, REPLICA_SET, query)
      const store = open({ backend })
      await store.set('sid', plainSession())
      server.script = STANDALONE
      await until(async () => !(await succeeds(store.get('sid'))))
      await store.close()
      await until(() => server.connections === 0)
    })
  })
}
