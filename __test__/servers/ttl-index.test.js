// Servers that make no TTL index on `expires`: asked once, with one message that says what to do instead.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { BACKENDS } = require('../support/backends.js')
const { openScripted } = require('../support/scripted-server.js')
const { startServer } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { nextEvent, until } = require('../support/wait.js')
const { collectWarnings, warningsAreOut } = require('../support/warnings.js')
const cosmosdb = require('../support/servers/cosmosdb-ru.js')

const mongod = startServer()

/** Longer than the store waits before it tries an index again. */
const AGAIN_MS = 1_500

/** Cosmos DB of an older version. @type {import('../support/scripted-server.js').Script} */
const OLDER = {
  ...cosmosdb,
  name: 'cosmosdb-ru of version 3.6',
  refuse: (command) =>
    command.name === 'createIndexes'
      ? {
          code: 2,
          codeName: 'BadValue',
          errmsg: "The 'expireAfterSeconds' option is currently not supported.",
        }
      : cosmosdb.refuse?.(command),
}

for (const backend of BACKENDS) {
  describe(`a TTL index that is refused for good, with the ${backend} backend`, () => {
    for (const script of [cosmosdb, OLDER]) {
      test(`is an error event that names the way out, and comes once: ${script.name}`, async (t) => {
        const { open, server } = await openScripted(t, await mongod, script, 'retryWrites=false')
        const store = open({ backend, autoRemove: 'native' })
        /** @type {any[]} */
        const errors = []
        store.on('error', (error) => errors.push(error))
        await nextEvent(store, 'error')
        await store.set('sid', plainSession())
        await sleep(AGAIN_MS)
        assert.equal(server.sent('createIndexes').length, 1)
        assert.equal(errors.length, 1)
        assert.match(errors[0].message, /autoRemove: 'interval'/)
        assert.match(errors[0].message, /expireAfterSeconds/)
        assert.equal(errors[0].code, 2)
      })
    }

    test('is one warning where nobody listens', async (t) => {
      const warnings = collectWarnings(t)
      const { open, server } = await openScripted(t, await mongod, cosmosdb, 'retryWrites=false')
      const collectionName = `warned_${backend}`
      const stores = [0, 1].map(() => open({ backend, autoRemove: 'native', collectionName }))
      await until(() => server.sent('createIndexes').length === 2)
      await Promise.all(stores.map((store) => store.get('sid')))
      await until(() => warnings.length > 0)
      await warningsAreOut()
      const about = warnings.filter(({ message }) => message.includes(collectionName))
      assert.equal(about.length, 1)
      assert.match(about[0].message, /autoRemove: 'interval'/)
      assert.equal(/** @type {any} */ (about[0]).code, 'CONNECT_MONGO_TTL_INDEX')
    })

    test('that was refused for another reason is tried again', async (t) => {
      const { open, server, sessions } = await openScripted(t, await mongod, { name: 'any' })
      server.refuseNext('createIndexes', 1, { code: 1, codeName: 'InternalError', errmsg: 'for a moment' })
      const store = open({ backend, autoRemove: 'native' })
      store.on('error', () => {})
      await until(async () => (await sessions.indexes().catch(() => [])).length === 2)
    })
  })
}
