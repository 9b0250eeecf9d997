// The channels of node:diagnostics_channel: which operations and commands those who look on hear of, and what they never hear.
'use strict'

const assert = require('node:assert/strict')
const { AsyncLocalStorage } = require('node:async_hooks')
const { tracingChannel } = require('node:diagnostics_channel')
const { describe, test } = require('node:test')
const { inspect } = require('node:util')
const { BACKENDS } = require('../support/backends.js')
const { ids, occupy, untilTogether } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')
const { SECRET } = require('../support/encryption.js')
const { startReplicaSet, startServer } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { promised, until } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

const server = startServer()
const replicaSet = startReplicaSet()

const EVENTS = /** @type {const} */ (['start', 'end', 'asyncStart', 'asyncEnd', 'error'])
const SID = 'a-session-id-that-nobody-may-see'
const CONTENT = 'what the session holds'

/**
 * Everything that a channel publishes from now on, until the test ends.
 *
 * @param {import('node:test').TestContext} t
 * @param {'operation' | 'command'} name
 */
function listen(t, name) {
  const channel = tracingChannel(`connect-mongo-native:${name}`)
  /** @type {{ event: string, context: any }[]} */
  const published = []
  const subscribers = EVENTS.map((event) => {
    const subscriber = (/** @type {unknown} */ context) => {
      published.push({ event, context })
    }
    return /** @type {const} */ ([event, subscriber])
  })
  channel.subscribe(Object.fromEntries(subscribers))
  const stop = () => channel.unsubscribe(Object.fromEntries(subscribers))
  t.after(stop)
  return {
    published,
    stop,
    /** @param {string} operation @returns {any[]} the contexts of those that have ended */
    ended: (operation) =>
      published
        .filter(({ event, context }) => event === 'asyncEnd' && context['db.operation.name'] === operation)
        .map(({ context }) => context),
    /** @param {any} one @returns {string[]} its events, in their order */
    eventsOf: (one) => published.filter(({ context }) => context === one).map(({ event }) => event),
  }
}

const SUCCESS = ['start', 'end', 'asyncStart', 'asyncEnd']
const FAILURE = ['start', 'end', 'error', 'asyncStart', 'asyncEnd']

/** @param {unknown} published */
function assertDiscreet(published) {
  const text = inspect(published, { depth: 12, showHidden: true })
  assert.doesNotMatch(text, new RegExp(SID), 'a session id was published')
  assert.doesNotMatch(text, new RegExp(CONTENT), 'a session was published')
}

for (const backend of BACKENDS) {
  describe(`the channels over ${backend}`, () => {
    for (const style of /** @type {const} */ (['promises', 'callbacks'])) {
      test(`tell of each operation and its command, with ${style}`, async (t) => {
        const { open, db } = await openDatabase(t)
        const store = open({ backend })
        await store.ping()
        const [operations, commands] = [listen(t, 'operation'), listen(t, 'command')]
        const call = (/** @type {string} */ method, /** @type {any[]} */ ...args) =>
          style === 'promises'
            ? Reflect.apply(Reflect.get(store, method), store, args)
            : promised(store, method, ...args)
        const session = plainSession({ content: CONTENT })
        await call('set', SID, session)
        await call('get', SID)
        await call('touch', SID, session)
        await call('destroy', SID)
        await call('length')
        for (const [operation, command] of [
          ['set', 'update'],
          ['get', 'find'],
          ['touch', 'update'],
          ['destroy', 'delete'],
          ['length', 'aggregate'],
        ]) {
          const [of] = operations.ended(operation)
          assert.deepEqual(operations.eventsOf(of), SUCCESS)
          const sent = commands.ended(command).find((one) => one.operations.includes(of))
          assert.ok(sent, `${operation} has sent ${command}`)
          assert.deepEqual(commands.eventsOf(sent), SUCCESS)
          for (const each of [of, sent]) {
            assert.equal(each['db.system.name'], 'mongodb')
            assert.equal(each['db.namespace'], db.databaseName)
            assert.equal(each['db.collection.name'], 'sessions')
            assert.equal(each['server.address'], '127.0.0.1')
            assert.equal(typeof each['server.port'], 'number')
            assert.ok(Math.abs(each.startTimeMs - Date.now()) < 60_000)
            assert.ok(each.durationMs >= 0)
            assert.ok(!('error.type' in each))
          }
          assert.ok(of.durationMs >= sent.durationMs, 'an operation takes as long as its command')
          assert.deepEqual([sent.attempt, sent.isRetried], [1, false])
          assert.ok(!('db.operation.batch.size' in sent))
        }
        assertDiscreet([operations.published, commands.published])
      })
    }

    test('tell which operations share a command', async (t) => {
      const { open, wire } = await openBehindWire(t, await server)
      const store = open({ backend })
      const [operations, commands] = [listen(t, 'operation'), listen(t, 'command')]
      await untilTogether(async (prefix) => {
        const release = await occupy(wire, 'find', (sid) => store.get(sid))
        const heard = operations.published.length
        const gets = Promise.all(ids(20, prefix).map((sid) => store.get(sid)))
        const asked = new Set(operations.published.slice(heard).map(({ context }) => context))
        assert.equal(asked.size, 20)
        await Promise.all([release(), gets])
        const sent = commands.ended('find').filter((one) => one.operations.some((of) => asked.has(of)))
        assert.deepEqual(new Set(sent.flatMap((one) => one.operations)), asked)
        for (const one of sent) assert.equal(one['db.operation.batch.size'] ?? 1, one.operations.length)
        return sent.length === 1
      })
    })

    test('are published in the async context of the caller, who goes on in it', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend })
      const requests = new AsyncLocalStorage()
      /** @type {AsyncLocalStorage<string>} */
      const spans = new AsyncLocalStorage()
      const { start } = tracingChannel('connect-mongo-native:operation')
      /** @type {unknown[]} */
      const seen = []
      start.bindStore(spans, () => {
        seen.push(requests.getStore())
        return 'span of the operation'
      })
      t.after(() => start.unbindStore(spans))
      await requests.run('request', async () => {
        await store.set(SID, plainSession())
        assert.equal(spans.getStore(), undefined)
        await new Promise((resolve) => {
          store.get(SID, () => {
            assert.equal(requests.getStore(), 'request')
            assert.equal(spans.getStore(), undefined)
            resolve(undefined)
          })
        })
      })
      assert.deepEqual(seen, ['request', 'request'])
    })

    test('tell of failures, without what was to be stored', async (t) => {
      const { open, db } = await openDatabase(t)
      await db.createCollection('sessions', { validator: { $expr: { $eq: ['$session', 'nothing'] } } })
      const store = open({ backend })
      await store.ping()
      const [operations, commands] = [listen(t, 'operation'), listen(t, 'command')]
      await assert.rejects(store.set(SID, plainSession({ content: CONTENT })), { code: 121 })
      const [set] = operations.ended('set')
      assert.deepEqual(operations.eventsOf(set), FAILURE)
      assert.equal(set['error.type'], '121')
      assert.equal(set['db.response.status_code'], '121')
      assert.ok(set.error instanceof Error)
      assertDiscreet([operations.published, commands.published])
    })

    for (const [what, type, thrown] of /** @type {const} */ ([
      ['an error', 'RangeError', new RangeError(`cannot store ${CONTENT} of ${SID}`)],
      ['an error with a code', 'ERR_NO', Object.assign(new Error(CONTENT), { code: 'ERR_NO', sid: SID })],
      [
        'an error whose name and code hold a session',
        'Error',
        Object.assign(new Error(), { code: CONTENT, name: SID }),
      ],
      [
        'an error that calls itself another',
        'Error',
        Object.assign(new Error(SID), { name: 'MongoNetworkError' }),
      ],
      [
        'an error with a session',
        'Error',
        Object.assign(new Error(CONTENT), { code: { sid: SID }, [SID]: SID }),
      ],
      ['a text', 'Error', CONTENT],
      ['nothing', 'Error', undefined],
    ])) {
      test(`tell of ${what} that a function of the app throws by its name alone`, async (t) => {
        const { open } = await openDatabase(t)
        const store = open({
          backend,
          serialize: () => {
            throw thrown
          },
        })
        const operations = listen(t, 'operation')
        await assert.rejects(promised(store, 'set', SID, plainSession()))
        const [set] = operations.ended('set')
        assert.deepEqual(operations.eventsOf(set), FAILURE)
        assert.equal(set['error.type'], type)
        assertDiscreet(operations.published)
      })
    }

    for (const [what, spoil] of /** @type {[string, (context: any) => void][]} */ ([
      ['freezes what is published', Object.freeze],
      ['freezes whose command it is', ({ operations }) => operations?.forEach(Object.freeze)],
      ['takes away whose command it is', (context) => delete context.operations],
      ['makes nonsense of whose command it is', (context) => Object.assign(context, { operations: null })],
      [
        'refuses what comes later',
        (context) =>
          Object.defineProperty(context, 'durationMs', {
            set() {
              throw new Error('never')
            },
          }),
      ],
    ])) {
      test(`let calls be when somebody ${what}`, async (t) => {
        const { open } = await openDatabase(t)
        const store = open({ backend })
        await store.ping()
        for (const name of ['operation', 'command']) {
          const { start } = tracingChannel(`connect-mongo-native:${name}`)
          start.subscribe(spoil)
          t.after(() => start.unsubscribe(spoil))
        }
        await store.set(SID, plainSession({ content: CONTENT }))
        assert.ok(await store.get(SID))
        assert.ok(await promised(store, 'get', SID))
        await assert.rejects(promised(store, 'get', 7), TypeError)
        await promised(store, 'destroy', SID)
        assert.equal(store.stats().pending, 0)
      })
    }

    test('tell of each attempt at a command', async (t) => {
      const { open, wire } = await openBehindWire(t, await replicaSet)
      const store = open({ backend })
      await store.ping()
      const commands = listen(t, 'command')
      wire.loseNext('update', 'reply')
      await store.set(SID, plainSession())
      const attempts = commands.ended('update')
      // The JavaScript driver sends it again without a word.
      if (backend === 'driver') return assert.equal(attempts.length, 1)
      const [first, second] = attempts
      assert.deepEqual([first.attempt, first.isRetried, first['error.type']], [1, false, 'MongoNetworkError'])
      assert.deepEqual([second.attempt, second.isRetried, second['error.type']], [2, true, undefined])
      assert.equal(first.operations[0], second.operations[0])
    })

    test('tell of operations on many sessions', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, index: { userId: 'user' }, crypto: { secret: SECRET } })
      await store.set(SID, plainSession({ user: 'ada', content: CONTENT }))
      const [operations, commands] = [listen(t, 'operation'), listen(t, 'command')]
      await store.find({ userId: 'ada' })
      await store.count({ userId: 'ada' })
      for await (const _ of store.iterate());
      await store.all()
      await store.ids()
      await store.reindex()
      await store.prune()
      await store.destroyAll({ userId: 'ada' })
      await store.clear()
      for (const name of [
        'find',
        'count',
        'iterate',
        'all',
        'ids',
        'reindex',
        'prune',
        'destroyAll',
        'clear',
      ]) {
        const [of] = operations.ended(name)
        assert.ok(of, name)
        assert.ok(
          commands.published.some(({ context }) => context.operations.includes(of)),
          name
        )
      }
      assertDiscreet([operations.published, commands.published])
    })

    test('say nothing to those who have gone, and all to those who come later', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend })
      const first = listen(t, 'command')
      await store.set(SID, plainSession())
      first.stop()
      const { length } = first.published
      await store.get(SID)
      assert.equal(first.published.length, length)
      const second = listen(t, 'command')
      await store.get(SID)
      assert.equal(second.ended('find').length, 1)
    })

    test('tell of a command that is under way', async (t) => {
      const { open, wire } = await openBehindWire(t, await server)
      const store = open({ backend })
      await store.ping()
      const commands = listen(t, 'command')
      const pass = wire.hold('find')
      const get = store.get(SID)
      const { context: started } = await until(async () => commands.published[0])
      assert.equal(started['db.operation.name'], 'find')
      assert.ok(!('durationMs' in started))
      pass()
      await get
      assert.deepEqual(commands.eventsOf(started), SUCCESS)
    })

    test('tell of a command once, however many stores share it', async (t) => {
      const { open, wire } = await openBehindWire(t, await server)
      const [one, other] = [open({ backend }), open({ backend })]
      await other.ping()
      const [operations, commands] = [listen(t, 'operation'), listen(t, 'command')]
      const release = await occupy(wire, 'find', (sid) => one.get(sid))
      const heard = operations.published.length
      const gets = Promise.all(ids(10).flatMap((sid) => [one.get(sid), other.get(`other-${sid}`)]))
      const asked = new Set(operations.published.slice(heard).map(({ context }) => context))
      await Promise.all([release(), gets])
      const told = commands.ended('find').flatMap((each) => each.operations.filter((of) => asked.has(of)))
      assert.equal(told.length, 20)
      assert.deepEqual(new Set(told), asked)
    })
  })
}
