// Calls over a JavaScript client that share a command which fails: who gets which error, and that nothing is sent twice that may not be.
'use strict'

const assert = require('node:assert/strict')
const { randomBytes } = require('node:crypto')
const { describe, test } = require('node:test')
const { ids } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')
const { startReplicaSet, startServer, withDatabase } = require('../support/server.js')
const { LATER, plainSession } = require('../support/sessions.js')
const { openBehindWire } = require('../support/wire.js')

const DRIVERS = ['mongodb', 'mongodb-6', 'mongodb-5']
const TEST_COMMANDS = ['--setParameter', 'enableTestCommands=1']

const standalone = startServer({ args: TEST_COMMANDS })
const replicaSet = startReplicaSet()

const CALLS = 200

/** @param {any} store @param {string} method @param {string} sid */
const call = (store, method, sid) => store[method](sid, plainSession())

/** The ids in a command about sessions. @param {Record<string, any>} command @returns {string[]} */
function idsIn({ filter, updates, deletes }) {
  if (filter) return filter._id.$in ?? [filter._id]
  return (updates ?? deletes).map((/** @type {any} */ { q }) => q._id)
}

/** Of commands, each with the ids in it: those with nothing that has been sent before. @param {string[][]} commands */
function firstCommands(commands) {
  const seen = new Set()
  return commands.filter((all) => {
    const isFirst = all.every((id) => !seen.has(id))
    for (const id of all) seen.add(id)
    return isFirst
  })
}

/**
 * A store on a client of its own, and the ids in its commands.
 *
 * @param {import('node:test').TestContext} t
 * @param {string} driver
 */
async function openStore(t, driver) {
  // A fail point of another test is for another namespace.
  const url = withDatabase((await standalone).getUri(), `failures_${randomBytes(4).toString('hex')}`)
  const database = await openDatabase(t, url)
  const client = new (require(driver).MongoClient)(url, { monitorCommands: true })
  /** @type {string[][]} */
  const commands = []
  client.on('commandStarted', (/** @type {any} */ { commandName, command }) => {
    if (['find', 'update', 'delete'].includes(commandName)) commands.push(idsIn(command))
  })
  const store = database.open({ mongoUrl: undefined, client, autoRemove: 'disabled', stringify: false })
  await store.ping()
  commands.length = 0
  /** @param {object} data @param {object | string} mode of a fail point on the sessions */
  const fail = (data, mode = 'alwaysOn') =>
    database.db.admin().command({
      configureFailPoint: 'failCommand',
      mode,
      data: { namespace: `${database.db.databaseName}.sessions`, ...data },
    })
  return { ...database, client, store, fail, commands }
}

/** What the server refuses a whole command for. */
function tooDeep() {
  let value = {}
  for (let depth = 0; depth < 210; depth++) value = { value }
  return { cookie: { expires: LATER }, value }
}

/** @param {Promise<unknown>[]} calls @returns {Promise<any[]>} of each its error, or nothing */
async function errorsOf(calls) {
  const settled = await Promise.allSettled(calls)
  return settled.map((one) => (one.status === 'rejected' ? one.reason : undefined))
}

/** @param {InstanceType<typeof import('../support/wire.js').Wire>} wire */
function assertNothingTwice(wire) {
  const commands = wire.sent('update').map(({ body }) => idsIn(body))
  assert.deepEqual(commands, firstCommands(commands))
}

for (const driver of DRIVERS) {
  describe(`over ${driver}, a command that is refused`, () => {
    for (const [method, name] of /** @type {const} */ ([
      ['get', 'find'],
      ['set', 'update'],
      ['destroy', 'delete'],
    ])) {
      test(`for what all would be refused for is not sent again: ${method}`, async (t) => {
        const { store, fail, commands } = await openStore(t, driver)
        await fail({ failCommands: [name], errorCode: 13 })
        const errors = await errorsOf(ids(CALLS).map((sid) => call(store, method, sid)))
        const [{ message }] = errors
        for (const error of errors) {
          assert.deepEqual([error.name, error.code, error.message], ['MongoServerError', 13, message])
          assert.ok(error instanceof require(driver).MongoServerError)
        }
        assert.ok(commands.length < CALLS)
        assert.equal(commands.length, firstCommands(commands).length)
      })

      test(`for what both halves are refused for is not sent a third time: ${method}`, async (t) => {
        const { store, fail, commands } = await openStore(t, driver)
        await fail({ failCommands: [name], errorCode: 9 })
        const errors = await errorsOf(ids(CALLS).map((sid) => call(store, method, sid)))
        assert.ok(errors.every(({ code }) => code === 9))
        const sizes = firstCommands(commands).map((all) => all.length)
        assert.ok(Math.max(...sizes) > 3)
        assert.equal(
          commands.length,
          sizes.reduce((count, size) => count + (size > 1 ? 3 : 1), 0)
        )
      })

      for (const [what, data] of /** @type {const} */ ([
        ['code 16500', { errorCode: 16500 }],
        ['a label', { errorCode: 2, errorLabels: ['SystemOverloadedError'] }],
      ])) {
        test(`because the server is overloaded, by ${what}, is sent again: ${method}`, async (t) => {
          const { store, fail, commands } = await openStore(t, driver)
          await fail({ failCommands: [name], ...data }, { times: 5 })
          await Promise.all(ids(CALLS).map((sid) => call(store, method, sid)))
          assert.equal(new Set(commands.flat()).size, CALLS)
          assert.ok(commands.length > 5)
        })
      }
    }

    test('for one of its sessions is halved', async (t) => {
      const { store, commands } = await openStore(t, driver)
      const bad = 150
      const sets = ids(CALLS).map((sid, index) => store.set(sid, index === bad ? tooDeep() : plainSession()))
      const errors = await errorsOf(sets)
      assert.equal(errors[bad].name, 'MongoServerError')
      assert.deepEqual(
        errors.flatMap((error, index) => (error ? index : [])),
        [bad]
      )
      const firsts = firstCommands(commands)
      const size = firsts.find((all) => all.includes(ids(CALLS)[bad]))?.length ?? 0
      assert.ok(size > 3)
      assert.ok(commands.length - firsts.length <= 2 * Math.ceil(Math.log2(size)))
      assert.equal(await store.length(), CALLS - 1)
    })

    test('by the driver itself, for one of its sessions, spoils no other', async (t) => {
      const { store } = await openStore(t, driver)
      const bad = 150
      const alone = await store.set('alone', { ...plainSession(), 'a\0key': 1 }).catch((error) => error)
      const errors = await errorsOf(
        ids(CALLS).map((sid, index) => store.set(sid, plainSession(index === bad ? { 'a\0key': 1 } : {})))
      )
      assert.deepEqual([errors[bad].name, errors[bad].message], [alone.name, alone.message])
      assert.equal(errors.filter(Boolean).length, 1)
    })
  })

  describe(`over ${driver}, a write that may have been done`, () => {
    test('is not sent again when the connection is lost', async (t) => {
      const { open, wire, wireUrl } = await openBehindWire(t, await standalone)
      const client = new (require(driver).MongoClient)(wireUrl)
      const store = open({ mongoUrl: undefined, client })
      /** @type {any} */
      let lost
      wire.lose((command) => {
        if (!lost && command.name === 'update' && command.body.updates.length >= 4) lost = command
        return command === lost ? 'reply' : undefined
      })
      const errors = await errorsOf(ids(CALLS).map((sid) => store.set(sid, plainSession())))
      const failed = errors.filter(Boolean)
      assert.equal(failed.length, lost.body.updates.length)
      assert.ok(failed.every(({ name }) => name === 'MongoNetworkError'))
      assertNothingTwice(wire)
    })

    test('is not sent again when it could not be confirmed', async (t) => {
      const { open, wire, wireUrl } = await openBehindWire(t, await replicaSet)
      const client = new (require(driver).MongoClient)(wireUrl)
      const writeOperationOptions = { w: 5, wtimeout: 100 }
      const store = open({ mongoUrl: undefined, client, writeOperationOptions })
      const errors = await errorsOf(ids(40).map((sid) => store.set(sid, plainSession())))
      for (const error of errors) {
        assert.equal(error.name, 'MongoWriteConcernError')
        assert.equal(typeof error.message, 'string')
      }
      assertNothingTwice(wire)
    })
  })
}
