// The first three invariants of src/engine/mod.rs: what leaves together, in which order, and who gets which answer.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { setImmediate } = require('node:timers/promises')
const { NativeStore } = require('../../lib/rust.js').binding
const { ids, occupy, outcomeOf, outcomes, untilTogether } = require('../support/calls.js')
const { BACKENDS } = require('../support/backends.js')
const { profile } = require('../support/database.js')
const { storedSession } = require('../support/sessions.js')
const { startServer } = require('../support/server.js')
const { until } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

const MEGABYTE = 1 << 20

const standalone = startServer()

/** @param {import('node:test').TestContext} t @param {string} [query] */
const openStandalone = async (t, query) => openBehindWire(t, await standalone, query)

/** @typedef {Awaited<ReturnType<typeof openBehindWire>>} Database */
/** @typedef {ReturnType<Database['open']>} Store */

/** @param {Store} store @param {string} name @returns {Set<string>} filled with the ids that the event tells of */
function told(store, name) {
  const told = new Set()
  store.on(name, (sid) => told.add(sid))
  return told
}

describe('grouping', () => {
  for (const backend of BACKENDS) {
    test(`a lone get asks by _id, which the server answers by its fast path, over ${backend}`, async (t) => {
      const { db, open, wire } = await openStandalone(t)
      const store = open({ backend })
      await store.set('sid', { n: 1 })
      const { reads } = await profile(db)
      assert.equal((await store.get('sid')).n, 1)
      const asked = wire.sent('find').filter(({ body }) => body.find !== 'system.profile')
      assert.deepEqual(
        asked.map(({ body }) => body.filter),
        [{ _id: 'sid' }]
      )
      const [{ planSummary }] = await reads()
      assert.equal(planSummary, 'IDHACK')
    })
  }

  test('a lone operation leaves at once, and not only with the next', async (t) => {
    const { open, wire } = await openStandalone(t)
    const store = open()
    const release = wire.hold('find')
    const first = store.get('first')
    await wire.answered('find', 1)
    const second = store.get('second')
    await wire.answered('find', 2)
    release()
    assert.deepEqual(await Promise.all([first, second]), [null, null])
  })

  test('gets that wait leave as one find, which asks once for each id', async (t) => {
    const { open, wire } = await openStandalone(t)
    const store = open()
    await untilTogether(async (prefix) => {
      const all = ids(150, prefix)
      await Promise.all(all.map((sid) => store.set(sid, { sid })))
      const release = await occupy(wire, 'find', (sid) => store.get(sid))
      const gets = [...all, ...all].map((sid) => store.get(sid))
      await release()
      const found = await Promise.all(gets)
      assert.deepEqual(
        found.map(({ sid }) => sid),
        [...all, ...all]
      )
      if (wire.sent('find').length > 1) return false
      assert.deepEqual(wire.sent('find')[0].sids.sort(), [...all].sort())
      return true
    })
  })

  test('gets of one id leave as one find by _id', async (t) => {
    const { open, wire } = await openStandalone(t)
    const store = open()
    await store.set('sid', { n: 1 })
    await untilTogether(async () => {
      const release = await occupy(wire, 'find', (sid) => store.get(sid))
      const gets = ids(100).map(() => store.get('sid'))
      await release()
      for (const session of await Promise.all(gets)) assert.equal(session.n, 1)
      for (const { body } of wire.sent('find')) assert.deepEqual(body.filter, { _id: 'sid' })
      return wire.sent('find').length === 1
    })
  })

  test('sets and touches that wait share an update, and destroys a delete', async (t) => {
    const { open, sessions, wire } = await openStandalone(t)
    const store = open()
    const kinds = /** @type {const} */ ([
      ['update', (/** @type {string} */ sid) => store.set(sid, {})],
      ['delete', (/** @type {string} */ sid) => store.destroy(sid)],
    ])
    for (const [name, ask] of kinds) {
      await untilTogether(async (prefix) => {
        const [set, touched, destroyed] = ['set', 'touched', 'destroyed'].map((kind) =>
          ids(50, `${prefix}-${name}-${kind}`)
        )
        await sessions.insertMany([...touched, ...destroyed].map((sid) => storedSession(sid)))
        const release = await occupy(wire, name, ask)
        const calls = ids(50).flatMap((_, index) => [
          store.set(set[index], {}),
          store.touch(touched[index], {}),
          store.destroy(destroyed[index]),
        ])
        await Promise.all([release(), ...calls])
        const sent = (/** @type {'update' | 'delete'} */ kind) => wire.sent(kind).flatMap(({ sids }) => sids)
        assert.deepEqual(sent('update').sort(), [...set, ...touched].sort())
        assert.deepEqual(sent('delete').sort(), [...destroyed].sort())
        assert.equal(await sessions.countDocuments({ _id: { $in: [...set, ...touched] } }), 100)
        assert.equal(await sessions.countDocuments({ _id: { $in: destroyed } }), 0)
        return wire.sent(name).length === 1
      })
    }
  })

  test('stores of one collection share commands', async (t) => {
    const { open, wire } = await openStandalone(t)
    const [one, other] = [open(), open()]
    await untilTogether(async (prefix) => {
      const release = await occupy(wire, 'update', (sid) => one.set(sid, {}))
      const calls = ids(20, prefix).map((sid, index) => (index % 2 ? one : other).set(sid, {}))
      await Promise.all([release(), ...calls])
      const sent = wire.sent('update').flatMap(({ sids }) => sids)
      assert.deepEqual(sent.sort(), ids(20, prefix).sort())
      return wire.sent('update').length === 1
    })
  })

  test('two commands of a kind are under way at a time, and the other kinds do not wait for them', async (t) => {
    // So few connections that no more commands leave when these two are late.
    const { open, wire } = await openStandalone(t, '&maxPoolSize=3')
    const store = open()
    const release = wire.hold('update')
    const sets = ids(200).map((sid) => store.set(sid, {}))
    await wire.answered('update', 2)
    sets.push(...ids(200, 'late').map((sid) => store.set(sid, {})))
    assert.equal(await store.get('other'), null)
    await store.destroy('other')
    await store.ping()
    assert.equal(wire.sent('update').length, 2)
    release()
    await Promise.all(sets)
  })

  test('a command takes 1,000 operations', async (t) => {
    const { open, wire } = await openStandalone(t)
    // So that each is a statement of its own.
    const store = open({ stringify: false })
    await untilTogether(async (prefix) => {
      const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
      const sets = ids(2_500).map((_, index) => store.set(`${prefix}-${index % 50}`, { index }))
      await Promise.all([release(), ...sets])
      const sizes = wire.sent('update').map(({ sids }) => sids.length)
      assert.equal(
        sizes.reduce((sum, size) => sum + size),
        2_500
      )
      const most = Math.max(...sizes)
      assert.ok(most <= 1_000)
      return most === 1_000
    })
  })

  test('a command is smaller than a document may be', async (t) => {
    const { open, wire } = await openStandalone(t)
    // To make such a text would take as long as a command may before it is late.
    const text = 'é'.repeat(3 * MEGABYTE)
    const store = open({
      serialize: (/** @type {{ isLarge?: boolean }} */ { isLarge }) => (isLarge ? text : ''),
    })
    await untilTogether(async (prefix) => {
      const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
      const all = ids(3, prefix)
      const sets = all.map((sid) => store.set(sid, { isLarge: true }))
      await Promise.all([release(), ...sets])
      const sent = wire.sent('update').map(({ sids }) => sids)
      assert.deepEqual(sent.flat().sort(), all)
      return sent[0].length === 2
    })
  })

  test('large replies come in parts', async (t) => {
    const { open, sessions, wire } = await openStandalone(t)
    const store = open()
    const text = 'x'.repeat(6 * MEGABYTE)
    await untilTogether(async (prefix) => {
      const all = ids(6, prefix)
      await sessions.insertMany(
        all.map((sid) => storedSession(sid, { session: JSON.stringify({ sid, text }) }))
      )
      const release = await occupy(wire, 'find', (sid) => store.get(sid))
      const gets = all.map((sid) => store.get(sid))
      await release()
      const found = await Promise.all(gets)
      assert.deepEqual(
        found.map((session) => [session.sid, session.text.length]),
        all.map((sid) => [sid, text.length])
      )
      if (wire.sent('find').length > 1) return false
      assert.ok(wire.sent('getMore').length >= 2)
      return true
    })
  })

  for (const [megabytes, error] of /** @type {const} */ ([
    [17, 'MongoServerError'],
    [60, 'MongoInvalidArgumentError'],
  ])) {
    test(`a session of ${megabytes} MB fails alone`, async (t) => {
      const { open, sessions, wire } = await openStandalone(t)
      const store = open()
      const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
      const calls = ['before', 'large', 'after'].map((sid) =>
        store.set(sid, { text: sid === 'large' ? 'x'.repeat(megabytes * MEGABYTE) : '' })
      )
      await release()
      assert.deepEqual(await outcomes(calls), ['fulfilled', error, 'fulfilled'])
      assert.equal(await sessions.countDocuments({ _id: { $in: ['before', 'after'] } }), 2)
    })
  }

  /** Deeper than the server takes a command. */
  const nested = Array.from({ length: 190 }).reduce((inner) => ({ inner }), {})

  test('sessions that make the server refuse a command fail alone', async (t) => {
    const { open, sessions, wire } = await openStandalone(t)
    const store = open({ stringify: false })
    await untilTogether(async (prefix) => {
      const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
      const all = ids(20, prefix)
      const calls = all.map((sid, index) => store.set(sid, index % 7 === 3 ? nested : { index }))
      await release()
      assert.deepEqual(
        await outcomes(calls),
        all.map((_, index) => (index % 7 === 3 ? 'MongoServerError' : 'fulfilled'))
      )
      assert.equal(await sessions.countDocuments({ _id: { $in: all } }), 17)
      return wire.sent('update')[0].sids.length === all.length
    })
  })

  test('sessions that make the server refuse a command leave the order of the others alone', async (t) => {
    const { open, wire } = await openStandalone(t)
    const store = open({ stringify: false })
    await untilTogether(async (sid) => {
      const release = await occupy(wire, 'update', (other) => store.set(other, {}))
      const calls = ids(30).map((_, n) => store.set(sid, n % 7 === 3 ? nested : { n }))
      await release()
      assert.deepEqual(
        await outcomes(calls),
        ids(30).map((_, n) => (n % 7 === 3 ? 'MongoServerError' : 'fulfilled'))
      )
      assert.equal((await store.get(sid)).n, 29)
      return wire.sent('update')[0].sids.length === calls.length
    })
  })
})

for (const backend of BACKENDS) {
  describe(`writes of one session that wait, on the ${backend} backend`, () => {
    const START = Date.now() + 3_600_000
    /** @param {number} n */
    const session = (n) => ({ n, cookie: { expires: new Date(START + n) } })

    /** So that it is known what the collection takes. @param {Store} store @param {Database['wire']} wire */
    async function learn(store, wire) {
      const release = wire.hold('listCollections')
      const calls = Promise.all(ids(20).map((_, n) => store.set('learn', session(n))))
      calls.catch(() => {})
      await until(() => wire.sent('listCollections').length > 0)
      release()
      await wire.answered('listCollections', 1)
      await calls
      // What has come before their answers has been read by then.
      for (let round = 0; round < 3; round++) await store.get('learn')
      wire.commands.length = 0
    }

    /** @param {Database['wire']} wire @param {() => Promise<unknown>[]} ask calls, of which the first leaves at once */
    async function together(wire, ask) {
      const release = wire.hold('update')
      const calls = ask()
      await until(() => wire.sent('update').length > 0)
      release()
      return Promise.allSettled(calls)
    }

    test('are one statement, and each caller hears its own answer', async (t) => {
      const { open, sessions, wire } = await openStandalone(t)
      const store = open({ backend })
      await learn(store, wire)
      const told = await together(wire, () => [
        outcomeOf(store, 'touch', ['sid', session(0)]),
        outcomeOf(store, 'touch', ['sid', session(1)]),
        outcomeOf(store, 'set', ['sid', session(2)]),
        ...ids(50).map((_, n) => outcomeOf(store, 'set', ['sid', session(3 + n)])),
        ...ids(50).map((_, n) => outcomeOf(store, 'touch', ['sid', session(100 + n)])),
      ])
      assert.deepEqual(
        told.map((one) => one.status === 'fulfilled' && one.value.event),
        [
          ...['touch-missed', 'touch-missed', 'create'],
          ...ids(50).map(() => 'update'),
          ...ids(50).map(() => 'touch'),
        ]
      )
      const statements = wire.sent('update').flatMap(({ sids }) => sids)
      assert.ok(statements.length <= 3, `${statements.length} statements`)
      const stored = await sessions.findOne({ _id: 'sid' })
      assert.equal(JSON.parse(stored?.session).n, 52)
      assert.equal(stored?.expires.getTime(), START + 149)
      assert.equal((await store.get('sid')).n, 52)
    })

    test('are one statement for each session among many', async (t) => {
      const { open, wire } = await openStandalone(t)
      const store = open({ backend })
      const all = ids(8)
      await Promise.all(all.map((sid) => store.set(sid, session(0))))
      await learn(store, wire)
      const requests = Array.from({ length: 64 }, (_, n) => ({ sid: all[n % all.length], n }))
      const told = await together(wire, () =>
        requests.flatMap(({ sid, n }) => [store.touch(sid, session(n)), store.set(sid, session(n))])
      )
      assert.ok(told.every(({ status }) => status === 'fulfilled'))
      for (const { sids } of wire.sent('update')) assert.equal(new Set(sids).size, sids.length)
      const statements = wire.sent('update').flatMap(({ sids }) => sids)
      assert.ok(statements.length <= 4 * all.length, `${statements.length} statements`)
      for (const [index, sid] of all.entries()) assert.equal((await store.get(sid)).n, 56 + index)
    })

    test('are sent one by one where one of them is refused', async (t) => {
      const { open, wire } = await openStandalone(t)
      const store = open({ backend })
      await learn(store, wire)
      const tooLarge = { ...session(3), text: 'x'.repeat(17 * MEGABYTE) }
      const told = await together(wire, () => [
        store.set('sid', session(0)),
        store.set('sid', session(1)),
        store.touch('sid', session(2)),
        store.set('sid', tooLarge),
        store.touch('sid', session(4)),
      ])
      assert.deepEqual(
        told.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled']
      )
      assert.equal((await store.get('sid')).n, 1)
    })

    test('are all sent once a validator has refused one', async (t) => {
      const { db, open, wire } = await openStandalone(t)
      const store = open({ backend })
      await learn(store, wire)
      await db.command({ collMod: 'sessions', validator: { session: { $not: /"n":3\b/ } } })
      await assert.rejects(store.set('sid', session(3)), { code: 121 })
      const told = await together(wire, () => ids(6).map((_, n) => store.set('sid', session(n))))
      assert.deepEqual(
        told.map(({ status }) => status),
        ids(6).map((_, n) => (n === 3 ? 'rejected' : 'fulfilled'))
      )
    })

    test('are all sent where the collection has a validator', async (t) => {
      const { db, open, wire } = await openStandalone(t)
      await db.createCollection('sessions', { validator: { session: { $not: /"n":3/ } } })
      const store = open({ backend })
      await learn(store, wire).catch((error) => assert.equal(error.code, 121))
      const told = await together(wire, () => ids(6).map((_, n) => store.set('sid', session(n))))
      assert.deepEqual(
        told.map(({ status }) => status),
        ids(6).map((_, n) => (n === 3 ? 'rejected' : 'fulfilled'))
      )
    })
  })
}

describe('order of the operations on one id', () => {
  /** Calls on one id, none of them awaited, and what each came to. @param {Store} store @param {Store} [other] */
  async function unawaited(store, other = store) {
    const outcomes = await Promise.all([
      outcomeOf(store, 'touch', ['sid', {}]),
      outcomeOf(store, 'set', ['sid', { n: 1 }]),
      outcomeOf(other, 'get', ['sid']),
      outcomeOf(other, 'set', ['sid', { n: 2 }]),
      outcomeOf(store, 'touch', ['sid', {}]),
      outcomeOf(store, 'get', ['sid']),
      outcomeOf(store, 'destroy', ['sid']),
      outcomeOf(other, 'get', ['sid']),
      outcomeOf(other, 'touch', ['sid', {}]),
      outcomeOf(store, 'set', ['sid', { n: 3 }]),
      outcomeOf(other, 'set', ['sid', { n: 4 }]),
      outcomeOf(store, 'get', ['sid']),
    ])
    return outcomes.map(({ event, answer }) => (event === 'get' ? answer?.n : event))
  }

  const IN_ORDER = [
    ...['touch-missed', 'create', 1, 'update', 'touch', 2],
    ...['destroy', undefined, 'touch-missed', 'create', 'update', 4],
  ]

  test('is the order of the calls', async (t) => {
    const { open } = await openStandalone(t)
    assert.deepEqual(await unawaited(open()), IN_ORDER)
  })

  test('is the order of the calls among the stores of a collection', async (t) => {
    const { open } = await openStandalone(t)
    assert.deepEqual(await unawaited(open(), open()), IN_ORDER)
  })

  test('is the order of the calls while other operations fill the commands', async (t) => {
    const { open } = await openStandalone(t)
    const store = open()
    const others = ids(500).flatMap((sid) => [store.set(sid, {}), store.get(sid), store.destroy(sid)])
    assert.deepEqual(await unawaited(store, open()), IN_ORDER)
    await Promise.all(others)
  })

  test('is the order of the calls where ids are transformed', async (t) => {
    const { open } = await openStandalone(t)
    const store = open({ transformId: (/** @type {string} */ sid) => `transformed-${sid}` })
    assert.deepEqual(await unawaited(store), IN_ORDER)
  })

  test('is the order of the calls where an adapter takes its time to encrypt', async (t) => {
    const { open } = await openStandalone(t)
    const cryptoAdapter = {
      encrypt: async (/** @type {string} */ text) => {
        await setImmediate()
        return Buffer.from(text).toString('base64')
      },
      decrypt: async (/** @type {string} */ text) => Buffer.from(text, 'base64').toString(),
    }
    assert.deepEqual(await unawaited(open({ cryptoAdapter })), IN_ORDER)
  })

  test('makes a get wait for an earlier write of its id, and for no other', async (t) => {
    const { open, sessions, wire } = await openStandalone(t)
    const [store, other] = [open(), open()]
    const release = wire.hold('update')
    const set = store.set('sid', { n: 1 })
    await wire.answered('update', 1)
    const get = other.get('sid')
    assert.equal(await other.get('unrelated'), null)
    assert.deepEqual(
      wire.sent('find').map(({ body }) => body.filter._id),
      ['unrelated']
    )
    // Changed behind the store's back, which only a get that has waited can see.
    await sessions.updateOne({ _id: 'sid' }, { $set: { session: '{"n":2}' } })
    release()
    await set
    assert.equal((await get).n, 2)
  })

  test('makes a write wait for an earlier get of its id', async (t) => {
    const { open, wire } = await openStandalone(t)
    const store = open()
    await store.set('sid', { n: 1 })
    wire.commands.length = 0
    const release = wire.hold('find')
    const get = store.get('sid')
    await wire.answered('find', 1)
    const writes = [store.set('sid', { n: 2 }), store.destroy('sid')]
    await store.set('unrelated', {})
    assert.equal(wire.sent('update').length + wire.sent('delete').length, 1)
    release()
    assert.equal((await get).n, 1)
    await Promise.all(writes)
  })

  test('holds within a command, which is an ordered one only then', async (t) => {
    const { open, wire } = await openStandalone(t)
    // So that each is a statement of its own.
    const store = open({ stringify: false })
    /** Sets with these ids. @param {string[]} sids */
    const sets = async (sids) => {
      const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
      const calls = sids.map((sid, n) => store.set(sid, { n }))
      await Promise.all([release(), ...calls])
      assert.equal((await store.get(sids[99])).n, 99)
      return wire.sent('update')
    }
    await untilTogether(async (prefix) => {
      const [{ sids, body }] = await sets(ids(100).map(() => prefix))
      assert.equal(body.ordered, sids.length > 1 ? undefined : false)
      return sids.length === 100
    })
    await untilTogether(async (prefix) => {
      const commands = await sets(ids(100, prefix))
      for (const { body } of commands) assert.equal(body.ordered, false)
      return commands[0].sids.length === 100
    })
  })
})

/** Of the methods that have another name there. @type {Record<string, any>} */
const NAMES_IN_RUST = { length: 'count', ping: 'ask', all: 'select', clear: 'removeAll' }

describe('calls about no session', () => {
  for (const method of /** @type {const} */ (['clear', 'length', 'all', 'ping', 'close'])) {
    test(`reach Rust before what is called after them: ${method}`, async (t) => {
      const { open } = await openStandalone(t)
      const store = open()
      await store.set('sid', { n: 1 })
      const called = t.mock.method(NativeStore.prototype, NAMES_IN_RUST[method] ?? method)
      const answer = store[method]()
      assert.equal(called.mock.callCount(), 1)
      await answer
    })
  }
})

describe('answers', () => {
  test('tell created from updated', async (t) => {
    const { open } = await openStandalone(t)
    const store = open()
    const all = ids(300)
    const old = all.filter((_, index) => index % 3 === 0)
    await Promise.all(old.map((sid) => store.set(sid, { round: 1 })))
    const created = told(store, 'create')
    const updated = told(store, 'update')
    await Promise.all(all.map((sid) => store.set(sid, { round: 2 })))
    assert.deepEqual([...updated].sort(), [...old].sort())
    assert.equal(created.size, all.length - old.length)
    for (const sid of all) assert.equal((await store.get(sid)).round, 2)
  })

  test('tell the touches that missed from the others, in one command', async (t) => {
    const { open, sessions, wire } = await openStandalone(t)
    const store = open({ strictTouch: true })
    const touched = told(store, 'touch')
    await untilTogether(async (prefix) => {
      const all = ids(150, prefix)
      const there = all.filter((_, index) => index % 2 === 0)
      await sessions.insertMany(there.map((sid) => storedSession(sid)))
      touched.clear()
      const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
      const touches = all.map((sid) => store.touch(sid, {}))
      await release()
      const settled = await Promise.allSettled(touches)
      assert.deepEqual([...touched].sort(), [...there].sort())
      const messages = settled.map((one) => one.status === 'rejected' && one.reason.message)
      assert.deepEqual(
        messages,
        all.map((_, index) => index % 2 !== 0 && 'Unable to find the session to touch')
      )
      return wire.sent('update').length === 1
    })
  })

  test('tell a touch before the creation of its session from one after it, of one group', async (t) => {
    const { open, wire } = await openStandalone(t)
    const store = open()
    await untilTogether(async (prefix) => {
      const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
      const calls = [
        outcomeOf(store, 'touch', [prefix, {}]),
        outcomeOf(store, 'set', [prefix, {}]),
        outcomeOf(store, 'touch', [prefix, {}]),
        ...ids(10, prefix).map((sid) => outcomeOf(store, 'set', [sid, {}])),
      ]
      await release()
      const told = await Promise.all(calls)
      assert.deepEqual(
        told.map(({ event }) => event),
        ['touch-missed', 'create', 'touch', ...ids(10).map(() => 'create')]
      )
      return wire.sent('update').length === 1
    })
  })

  test('count no touch as missed where the server does not acknowledge', async (t) => {
    const { open } = await openStandalone(t)
    const store = open({ writeOperationOptions: { w: 0 } })
    const missed = told(store, 'touch-missed')
    await Promise.all(ids(50).map((sid) => store.touch(sid, {})))
    assert.equal(missed.size, 0)
  })

  /** A collection that takes no session with the word "forbidden". @param {Database} database */
  async function withValidator({ db }) {
    await db.createCollection('sessions', { validator: { session: { $not: /forbidden/ } } })
  }

  test('hold the write error of their own statement only', async (t) => {
    const database = await openStandalone(t)
    await withValidator(database)
    const { open, sessions, wire } = database
    const store = open()
    await sessions.insertOne(storedSession('there'))
    const missed = told(store, 'touch-missed')
    await untilTogether(async (prefix) => {
      const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
      const all = ids(100, prefix)
      const calls = all.map((sid, index) => store.set(sid, { text: index % 9 ? '' : 'forbidden' }))
      calls.push(store.touch('there', {}), store.touch('gone', {}))
      await release()
      assert.deepEqual(await outcomes(calls), [
        ...all.map((_, index) => (index % 9 ? 'fulfilled' : 'MongoServerError')),
        'fulfilled',
        'fulfilled',
      ])
      await assert.rejects(calls[0], { code: 121 })
      assert.deepEqual([...missed], ['gone'])
      assert.equal(await sessions.countDocuments({ _id: { $in: all } }), 88)
      return wire.sent('update').length === 1
    })
  })

  test('hold the write error of their own statement only, in an ordered command too', async (t) => {
    const database = await openStandalone(t)
    await withValidator(database)
    const { open, sessions, wire } = database
    const store = open()
    const created = told(store, 'create')
    const missed = told(store, 'touch-missed')
    const texts = ['', 'forbidden', '', 'forbidden', '']
    const expected = ['', ...texts].map((text) => (text ? 'MongoServerError' : 'fulfilled'))
    await untilTogether(async (prefix) => {
      const release = await occupy(wire, 'update', (sid) => store.set(sid, {}))
      const all = ids(20, prefix)
      created.clear()
      missed.clear()
      const calls = all.flatMap((sid) => [
        store.touch(sid, {}),
        ...texts.map((text, n) => store.set(sid, { text, n })),
      ])
      await release()
      assert.deepEqual(
        await outcomes(calls),
        all.flatMap(() => expected)
      )
      const ofTest = [...created].filter((sid) => all.includes(sid))
      assert.deepEqual(ofTest.sort(), [...all].sort())
      assert.deepEqual([...missed].sort(), [...all].sort())
      assert.equal(await sessions.countDocuments({ _id: { $in: all }, session: /"n":4/ }), 20)
      // The touch goes with the set behind it.
      return wire.sent('update')[0].sids.length === all.length * texts.length
    })
  })

  test('are those of the own codec where several stores share a command', async (t) => {
    const { open, wire } = await openStandalone(t)
    const plain = open()
    const sealed = open({ crypto: { secret: 'squirrel' }, onDecryptError: 'drop', acceptPlaintext: true })
    await plain.set('plain', { n: 1 })
    await sealed.set('sealed', { n: 2 })
    await untilTogether(async () => {
      const release = await occupy(wire, 'find', (sid) => plain.get(sid))
      const gets = [sealed.get('sealed'), plain.get('plain'), sealed.get('plain'), plain.get('sealed')]
      await release()
      const [own, other, read, unread] = await Promise.allSettled(gets)
      assert.deepEqual(
        [own, other, read].map((one) => one.status === 'fulfilled' && one.value.n),
        [2, 1, 1]
      )
      // Its ciphertext is the JSON of a string to those who have no secret.
      assert.ok(unread.status === 'rejected' || typeof unread.value === 'string')
      return wire.sent('find').length === 1
    })
  })

  test('of reads find what a collation takes for the same id', async (t) => {
    const { db, open, wire } = await openStandalone(t)
    await db.createCollection('sessions', { collation: { locale: 'en', strength: 2 } })
    const store = open()
    await store.set('sid', { n: 1 })
    await untilTogether(async () => {
      const release = await occupy(wire, 'find', (sid) => store.get(sid))
      const gets = ['SID', 'other'].map((sid) => store.get(sid))
      await release()
      const found = await Promise.all(gets)
      assert.deepEqual(
        found.map((session) => session?.n),
        [1, undefined]
      )
      return wire.sent('find')[0].sids.length === 2
    })
  })
})

test('what is asked for while answers are handed out leaves, with every one of the rest', async (t) => {
  const { open, wire } = await openStandalone(t)
  const store = open()
  await untilTogether(async (prefix) => {
    const release = await occupy(wire, 'find', (sid) => store.get(sid))
    let done = 0
    const steps = ids(100, prefix).map(
      (sid) =>
        new Promise((resolve) => {
          store.get(sid, () =>
            store.set(sid, {}, () => {
              done++
              resolve(undefined)
            })
          )
        })
    )
    await release()
    await Promise.all(steps)
    assert.equal(done, 100)
    return wire.sent('find').length === 1
  })
})

for (const backend of BACKENDS) {
  describe(`large sessions, on the ${backend} backend,`, () => {
    const large = { text: 'x'.repeat(MEGABYTE) }

    test('leave without the others, be they read, touched or saved', async (t) => {
      const { open, wire } = await openStandalone(t)
      const store = open({ backend })
      await store.set('large', large)
      await Promise.all(['a', 'b'].map((sid) => store.set(sid, { n: 1 })))
      const release = await occupy(wire, 'find', (sid) => store.get(sid))
      const found = Promise.all(['a', 'large', 'b'].map((sid) => store.get(sid)))
      await release()
      assert.deepEqual(
        (await found).map((session) => Object.keys(session)[0]),
        ['n', 'text', 'n']
      )
      const asked = wire.sent('find').map(({ body }) => body.filter._id)
      assert.ok(asked.some((id) => id === 'large'))
      assert.ok(asked.some((id) => id?.$in?.join() === 'a,b' || id?.$in?.join() === 'b,a'))

      const freed = await occupy(wire, 'update', (sid) => store.set(sid, { n: 1 }))
      const written = [
        ...['a', 'b'].map((sid) => store.touch(sid, { n: 1 })),
        store.touch('large', large),
        ...['c', 'd'].map((sid) => store.set(sid, { n: 2 })),
        store.set('larger', large),
      ]
      await freed()
      await Promise.all(written)
      for (const { body } of wire.sent('update')) {
        const sids = body.updates.map((/** @type {any} */ { q }) => q._id)
        const count = sids.filter((/** @type {string} */ sid) => sid.startsWith('large')).length
        assert.ok(count === 0 || count === sids.length, sids.join())
      }
      assert.deepEqual(await store.get('d'), { n: 2 })
    })
  })
}
