// maxPending and operationTimeoutMS: how much a store takes on, and for how long a call waits.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { ids, occupy } = require('../support/calls.js')
const { startServer } = require('../support/server.js')
const { storedSession } = require('../support/sessions.js')
const { promised } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

const server = startServer()
const STYLES = /** @type {const} */ (['promise', 'callback'])
const BUSY = {
  name: 'Error',
  code: 'ERR_STORE_BUSY',
  message: /^The session store is busy: \d+ operations are/,
}
const TOO_LATE = {
  name: 'MongoOperationTimeoutError',
  message: /^The operation took longer than operationTimeoutMS allows \(\d+ ms\)$/,
}

/** @param {import('node:test').TestContext} t @param {string} [query] */
const openDatabase = async (t, query) => openBehindWire(t, await server, query)

/**
 * @callback Ask
 * @param {InstanceType<typeof MongoStore>} store
 * @param {string} method
 * @param {...unknown} args
 * @returns {Promise<any>}
 */

/** @param {string} title @param {(t: import('node:test').TestContext, backend: string, ask: Ask) => Promise<void>} body */
function onEach(title, body) {
  for (const backend of BACKENDS) {
    for (const style of STYLES) {
      /** @type {Ask} */
      const ask = (store, method, ...args) =>
        style === 'promise' ? Reflect.get(store, method)(...args) : promised(store, method, ...args)
      test(`${title} [${backend}, ${style}]`, (t) => body(t, backend, ask))
    }
  }
}

for (const name of ['maxPending', 'operationTimeoutMS']) {
  test(`${name} is a positive integer, or refused`, () => {
    const invalid = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5', true, {}, 5n]
    for (const value of name === 'maxPending' ? [...invalid, null] : invalid) {
      assert.throws(() => new MongoStore({ mongoUrl: 'mongodb://127.0.0.1:1/', [name]: value }), {
        name: 'TypeError',
        message: `${name} must be a positive integer of at most 2147483647`,
      })
    }
  })
}

test('without these options nothing is refused and nothing too late', async (t) => {
  const { open, wire } = await openDatabase(t)
  const store = open({ maxPending: undefined, operationTimeoutMS: null })
  const release = wire.hold('update')
  const sets = ids(5_000).map((sid) => store.set(sid, {}))
  await wire.answered('update', 1)
  release()
  await Promise.all(sets)
})

describe('maxPending', () => {
  onEach('refuses what is too much, and nothing else', async (t, backend, ask) => {
    const { open, sessions, wire } = await openDatabase(t)
    const store = open({ backend, maxPending: 20 })
    const other = open({ backend, maxPending: 20 })
    const release = wire.hold('update')
    const sets = ids(20).map((sid) => ask(store, 'set', sid, {}))
    await wire.answered('update', 1)
    for (const [method, ...args] of [
      ['get', 'sid'],
      ['set', 'refused', {}],
      ['touch', 'sid', {}],
      ['destroy', 'sid'],
      ['all'],
      ['length'],
      ['clear'],
      ['ping'],
    ]) {
      await assert.rejects(ask(store, method, ...args), BUSY, method)
    }
    assert.equal(await ask(other, 'get', 'sid'), null)
    release()
    await Promise.all(sets)
    assert.equal(await ask(store, 'length'), 20)
    assert.equal(await sessions.countDocuments({ _id: 'refused' }), 0)
    await Promise.all(ids(20).map((sid) => ask(store, 'destroy', sid)))
    assert.equal(await ask(store, 'length'), 0)
  })

  onEach('of one takes one call at a time', async (t, backend, ask) => {
    const { open } = await openDatabase(t)
    const store = open({ backend, maxPending: 1 })
    const set = ask(store, 'set', 'sid', { n: 1 })
    await assert.rejects(ask(store, 'get', 'sid'), BUSY)
    await set
    assert.equal((await ask(store, 'get', 'sid')).n, 1)
  })

  test('counts operations under way that nobody waits for any more [native]', async (t) => {
    const { open, wire } = await openDatabase(t)
    const store = open({ maxPending: 1, operationTimeoutMS: 1_000 })
    await store.ping()
    const release = wire.hold('update')
    const isLate = assert.rejects(promised(store, 'set', 'sid', {}), TOO_LATE)
    await wire.answered('update', 1)
    await isLate
    await assert.rejects(store.set('sid', {}), BUSY)
    release()
    // The command's own end is what makes room again.
    for (;;) {
      const found = await store.get('sid').catch((error) => error.code)
      if (found !== 'ERR_STORE_BUSY') break
    }
    await store.set('sid', { n: 1 })
  })
})

describe('operationTimeoutMS', () => {
  /** Long enough for a server that answers, on a machine that has other things to do. */
  const operationTimeoutMS = 2_000

  onEach('ends the wait of every call', async (t, backend, ask) => {
    const { open, sessions, wire } = await openDatabase(t)
    const store = open({ backend, operationTimeoutMS })
    await ask(store, 'set', 'sid', {})
    const releases = ['find', 'update', 'delete'].map((name) => wire.hold(name))
    const calls = [['get', 'a'], ['set', 'b', {}], ['touch', 'c', {}], ['destroy', 'd'], ['all']].map(
      ([method, ...args]) => ask(store, String(method), ...args)
    )
    await Promise.all(calls.map((call) => assert.rejects(call, TOO_LATE)))
    for (const release of releases) release()
    assert.ok(await ask(store, 'get', 'sid'))
    assert.equal(await sessions.countDocuments({ _id: 'b' }), 1, 'what was sent is done all the same')
  })

  onEach('is no limit of a call that is answered', async (t, backend, ask) => {
    const { open, wire } = await openDatabase(t)
    const store = open({ backend, operationTimeoutMS: 60_000 })
    const release = wire.hold('update')
    const set = ask(store, 'set', 'sid', { n: 1 })
    await wire.answered('update', 1)
    release()
    await set
    assert.equal((await ask(store, 'get', 'sid')).n, 1)
  })

  test('includes the place in the queue, and what has not been sent by then never is [native]', async (t) => {
    // So few connections that no more commands leave when those under way are late.
    const { open, sessions, wire } = await openDatabase(t, '&maxPoolSize=4')
    await sessions.insertOne(storedSession('kept'))
    const [patient, hasty] = [open(), open({ operationTimeoutMS: 50 })]
    const releases = [
      await occupy(wire, 'update', (sid) => patient.set(sid, {})),
      await occupy(wire, 'delete', (sid) => patient.destroy(sid)),
    ]
    const late = ids(20).map((sid) => promised(hasty, 'set', sid, {}))
    late.push(promised(hasty, 'destroy', 'kept'))
    const calls = ids(20, 'patient').map((sid) => patient.set(sid, {}))
    await Promise.all(late.map((call) => assert.rejects(call, TOO_LATE)))
    for (const release of releases) await release()
    await Promise.all(calls)
    const sent = wire.sent('update').flatMap(({ sids }) => sids)
    assert.deepEqual(sent.sort(), ids(20, 'patient').sort())
    assert.equal(wire.sent('delete').length, 0)
    assert.equal(await sessions.countDocuments({ _id: /^sid/ }), 0)
    assert.ok(await patient.get('kept'))
  })

  for (const [what, name, given, next] of /** @type {const} */ ([
    ['write', 'update', ['set', 'sid', {}], ['get', 'sid']],
    ['touch', 'update', ['touch', 'sid', {}], ['destroy', 'sid']],
    ['read', 'find', ['get', 'sid'], ['set', 'sid', {}]],
    ['removal', 'delete', ['destroy', 'sid'], ['get', 'sid']],
  ])) {
    test(`lets go on what came after a ${what} that was given up in the queue [native]`, async (t) => {
      const { open, wire } = await openDatabase(t)
      const hasty = open({ operationTimeoutMS: 50 })
      const patient = open({ operationTimeoutMS: 10_000 })
      const ask = (/** @type {any} */ store, /** @type {readonly any[]} */ [method, ...args]) =>
        promised(store, method, ...args)
      const release = wire.hold(name)
      const sent = ask(patient, given)
      await wire.answered(name, 1)
      await assert.rejects(ask(hasty, given), TOO_LATE)
      const after = ask(patient, next)
      release()
      await Promise.all([sent, after])
      assert.equal(wire.sent(name).length, 1)
    })
  }
})
