// close while calls hang: it ends all the same, and each call hears so once.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { MongoClient } = require('mongodb')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')
const { startServer, withDatabase } = require('../support/server.js')
const { plainSession, storedSession } = require('../support/sessions.js')
const { promised, withResolvers } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

const server = startServer()

const EVENTS = /** @type {const} */ ([
  ...['create', 'update', 'set', 'set-refused', 'touch', 'touch-missed', 'destroy', 'get', 'all'],
  ...['decrypt-failed', 'unreadable', 'error'],
])
const GIVEN_UP = {
  name: 'Error',
  code: 'ERR_STORE_CLOSED',
  message: 'The session store was closed before it had an answer: whether a write was done is not known',
}
/** All methods, each with another session, so that none waits for another. @type {[method: string, ...args: any[]][]} */
const CALLS = [
  ['get', 'a'],
  ['set', 'b', plainSession()],
  ['touch', 'c', plainSession()],
  ['destroy', 'd'],
  ['all'],
  ['length'],
  ['clear'],
  ['ping'],
  ['reencrypt'],
]
/** What they send. */
const COMMANDS = ['find', 'update', 'delete', 'aggregate']
/** How calls come to their commands: at once, and in several steps. */
const OPTIONS = {
  'one step': {},
  'several steps': {
    hashId: { secret: ['newest', 'older'], acceptPlainIds: true },
    concurrency: 'merge',
    touchAfter: 60,
  },
}
const CRYPTO = { secret: 'a secret', format: 'sealed' }

/** @param {any} store */
function eventsOf(store) {
  /** @type {string[]} */
  const events = []
  for (const name of EVENTS) store.on(name, () => events.push(name))
  return events
}

/** Every call, with a promise and with a callback, and all answers that each has had. @param {any} store @param {any[][]} calls */
function callEach(store, calls = CALLS) {
  return calls.flatMap(([method, ...args]) => {
    /** @type {{ title: string, answers: any[] }[]} */
    const [withPromise, withCallback] = ['promise', 'callback'].map((style) => ({
      title: `${method} with a ${style}`,
      answers: [],
    }))
    store[method](...args).then(
      (/** @type {any} */ result) => withPromise.answers.push({ result }),
      (/** @type {Error} */ error) => withPromise.answers.push(error)
    )
    store[method](...args, (/** @type {Error | null} */ error, /** @type {any} */ result) =>
      withCallback.answers.push(error ?? { result })
    )
    return [withPromise, withCallback]
  })
}

/** @param {ReturnType<typeof callEach>} called */
function assertGivenUpOnce(called) {
  for (const { title, answers } of called) {
    assert.equal(answers.length, 1, title)
    const [{ name, code, message }] = answers
    assert.deepEqual({ name, code, message }, GIVEN_UP, title)
  }
  assert.equal(new Set(called.map(({ answers }) => answers[0])).size, called.length, 'an error of its own')
}

/** What the server has been let answer has come as far as it will. @param {any} open of a database @param {string} backend */
async function afterLateAnswers(open, backend) {
  const other = open({ backend })
  for (let round = 0; round < 3; round++) await other.get('another')
  await sleep(50)
}

for (const backend of BACKENDS) {
  describe(`close on the ${backend} backend`, () => {
    for (const [steps, options] of Object.entries(OPTIONS)) {
      for (const timeoutMS of [100, 0]) {
        test(`gives up calls of ${steps} after ${timeoutMS} ms, each with one error`, async (t) => {
          const { open, wire } = await openBehindWire(t, await server)
          const store = open({ backend, crypto: CRYPTO, ...options })
          await store.set('a', plainSession())
          const events = eventsOf(store)
          for (const name of COMMANDS) wire.hold(name)
          const called = callEach(store)
          if (timeoutMS > 0) await wire.answered('find', 1)
          assert.equal(await store.close({ timeoutMS }), undefined)
          assertGivenUpOnce(called)
          wire.letGo()
          await afterLateAnswers(open, backend)
          assertGivenUpOnce(called)
          assert.deepEqual(events, [])
        })
      }
    }

    test('drops late answers while others of the store are still to come', async (t) => {
      const { open, sessions, wire } = await openBehindWire(t, await server)
      await sessions.insertOne(storedSession('a'))
      const store = open({ backend })
      // It shares the connections of the first, so that they stay.
      const other = open({ backend })
      await Promise.all([store.ping(), other.ping()])
      const events = eventsOf(store)
      const releases = ['find', 'update', 'delete'].map((name) => wire.hold(name))
      const called = callEach(store, [
        ['get', 'a'],
        ['set', 'b', plainSession()],
        ['destroy', 'c'],
      ])
      await Promise.all(['find', 'update', 'delete'].map((name) => wire.answered(name, 1)))
      await store.close({ timeoutMS: 0 })
      for (const release of releases) {
        release()
        await sleep(20)
      }
      for (let round = 0; round < 3; round++) await other.get('a')
      assertGivenUpOnce(called)
      assert.deepEqual(events, [])
    })

    test('lets calls finish that are answered in time', async (t) => {
      const { open, wire } = await openBehindWire(t, await server)
      const store = open({ backend })
      await store.ping()
      const release = wire.hold('update')
      const set = store.set('sid', plainSession())
      const closed = store.close({ timeoutMS: 60_000 })
      await assert.rejects(store.get('sid'), {
        code: 'ERR_STORE_CLOSED',
        message: 'The session store is closed',
      })
      await wire.answered('update', 1)
      release()
      assert.equal(await set, undefined)
      assert.equal(await closed, undefined)
      assert.ok(await open({ backend }).get('sid'))
    })

    test('gives the same promise again, whatever its options', async (t) => {
      const { open, wire } = await openBehindWire(t, await server)
      const store = open({ backend })
      await store.ping()
      wire.hold('find')
      const called = callEach(store, [['get', 'sid']])
      const closing = store.close({ timeoutMS: 50 })
      assert.equal(store.close(), closing)
      assert.equal(store.close({ timeoutMS: Number.POSITIVE_INFINITY }), closing)
      assert.equal(store.close({ timeoutMS: -1 }), closing)
      assert.equal(await promised(store, 'close', { timeoutMS: 0 }), undefined)
      await closing
      assert.equal(store.close(), closing)
      assertGivenUpOnce(called)
    })

    test('with a timeoutMS that cannot work fails, and leaves the store open', async (t) => {
      const { open } = await openBehindWire(t, await server)
      const store = open({ backend })
      for (const timeoutMS of [-1, Number.NaN, Number.NEGATIVE_INFINITY, '5', null, true, {}, 5n]) {
        const refusal = {
          name: 'MongoInvalidArgumentError',
          message: /^timeoutMS of close must be a number of at least 0, in milliseconds, not /,
        }
        await assert.rejects(store.close({ timeoutMS }), refusal)
        await assert.rejects(promised(store, 'close', { timeoutMS }), refusal)
      }
      await store.set('sid', plainSession())
      assert.ok(await store.get('sid'))
      assert.equal(await promised(store, 'close', { timeoutMS: 0 }), undefined)
      await assert.rejects(store.get('sid'), { code: 'ERR_STORE_CLOSED' })
    })

    test('takes what a framework calls its hooks with for no options', async (t) => {
      const { open } = await openBehindWire(t, await server)
      const app = { log: {}, addHook() {} }
      assert.equal(await promised(open({ backend }), 'close', app), undefined)
      assert.equal(await open({ backend }).close('SIGTERM', 15), undefined)
    })

    test('ends in time under the fake timers of a test', async (t) => {
      const { open, wire } = await openBehindWire(t, await server)
      const store = open({ backend })
      await store.ping()
      wire.hold('find')
      const called = callEach(store, [
        ['get', 'sid'],
        ['ping', { timeoutMS: 10_000 }],
      ])
      t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] })
      await store.close({ timeoutMS: 50 })
      t.mock.timers.reset()
      assertGivenUpOnce(called)
    })

    test('does not wait for a function of the app that never answers', async (t) => {
      const { open } = await openBehindWire(t, await server)
      const store = open({ backend, transformId: () => new Promise(() => {}) })
      const called = callEach(store, [
        ['get', 'a'],
        ['set', 'b', plainSession()],
      ])
      await store.close({ timeoutMS: 0 })
      await sleep(10)
      assertGivenUpOnce(called)
    })

    for (const [step, command] of Object.entries({ count: 'aggregate', scan: 'find', rewrite: 'update' })) {
      test(`gives up a re-encryption that hangs in its ${step}, which tells of no progress later`, async (t) => {
        const { open, wire } = await openBehindWire(t, await server)
        await open({ backend, crypto: CRYPTO }).set('sid', plainSession())
        const store = open({ backend, crypto: { ...CRYPTO, secret: ['a newer one', CRYPTO.secret] } })
        await store.ping()
        let told = 0
        wire.commands.length = 0
        wire.hold(command)
        const onProgress = () => {
          told++
        }
        const given = assert.rejects(store.reencrypt({ onProgress }), GIVEN_UP)
        await wire.answered(command, 1)
        await store.close({ timeoutMS: 0 })
        await given
        wire.letGo()
        await afterLateAnswers(open, backend)
        assert.equal(told, 0)
      })
    }

    test('keeps no process alive that has had its answers', async (t) => {
      const { url } = await openDatabase(t)
      for (const isPatient of [false, true]) {
        const { code, stdout, stderr } = await runInChild(
          async ({ mongoUrl, backend, isPatient }) => {
            const store = new (require('../..'))({ mongoUrl, backend })
            await store.ping({ timeoutMS: 60_000 })
            store.get('sid', (error, session) => console.log(error, session))
            const options = isPatient ? { timeoutMS: Infinity } : undefined
            store.close(options, () => console.log('closed'))
          },
          { mongoUrl: url, backend, isPatient },
          { timeoutMs: 10_000 }
        )
        assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'null null\nclosed\n', stderr: '' })
      }
    })

    test('lets the process end where the server takes long', async (t) => {
      const blocking = await startServer({ args: ['--setParameter', 'enableTestCommands=1'] })
      const url = withDatabase(blocking.getUri(), 'blocked')
      const { db } = await openDatabase(t, url)
      await db.admin().command({
        configureFailPoint: 'failCommand',
        mode: 'alwaysOn',
        data: {
          failCommands: ['find', 'update'],
          appName: 'blocked',
          blockConnection: true,
          blockTimeMS: 4_000,
        },
      })
      const { code, stdout, stderr } = await runInChild(
        async ({ mongoUrl, backend }) => {
          for (const event of ['unhandledRejection', 'uncaughtException', 'warning'])
            process.on(event, (error) => console.log(event, error))
          const MongoStore = require('../..')
          const store = new MongoStore({ mongoUrl, backend, mongoOptions: { appName: 'blocked' } })
          await store.length()
          store.get('a', (error) => console.log('get', error.code))
          store.set('b', { cookie: {} }).catch((error) => console.log('set', error.code))
          store.touch('c', { cookie: {} })
          await store.close({ timeoutMS: 100 })
          console.log('closed')
        },
        { mongoUrl: url, backend },
        { timeoutMs: 20_000 }
      )
      const lines = stdout.trim().split('\n').sort()
      assert.deepEqual(lines, ['closed', 'get ERR_STORE_CLOSED', 'set ERR_STORE_CLOSED'])
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    })
  })
}

describe('close over a client', () => {
  /** With a client that stays open: what it still had to say does come. @param {import('node:test').TestContext} t */
  async function openOverClient(t, options = {}) {
    const { wireUrl, ...database } = await openBehindWire(t, await server)
    const client = await MongoClient.connect(wireUrl)
    t.after(() => client.close())
    const store = database.open({ mongoUrl: undefined, client, closeClient: false, ...options })
    return {
      ...database,
      store,
      /** What the client has been sent before has been dealt with. */
      async roundTrip() {
        await client.db().command({ ping: 1 })
        await sleep(20)
      },
    }
  }

  test('sends no writes that waited for others', async (t) => {
    const { store, wire, roundTrip } = await openOverClient(t)
    const release = wire.hold('update')
    const called = callEach(
      store,
      Array.from({ length: 20 }, (_, index) => ['set', `sid-${index}`, plainSession()])
    )
    await wire.answered('update', 1)
    await store.close({ timeoutMS: 0 })
    await roundTrip()
    const sent = wire.sent('update').length
    release()
    await roundTrip()
    assertGivenUpOnce(called)
    assert.equal(wire.sent('update').length, sent)
  })

  test('asks nothing any more for a call that it has given up', async (t) => {
    const { promise, resolve } = withResolvers()
    const { store, wire, roundTrip } = await openOverClient(t, { transformId: () => promise })
    const called = callEach(store, [
      ['get', 'a'],
      ['set', 'b', plainSession()],
      ['destroy', 'c'],
    ])
    await store.close({ timeoutMS: 0 })
    resolve('sid')
    await roundTrip()
    assertGivenUpOnce(called)
    assert.deepEqual(wire.commands, [])
  })

  test('emits nothing for a step of a call that comes late', async (t) => {
    const { store, sessions, wire, roundTrip } = await openOverClient(t, {
      concurrency: 'merge',
      crypto: CRYPTO,
      onDecryptError: 'drop',
    })
    await store.set('sid', plainSession())
    const session = store.createSession({ sessionID: 'sid' }, await store.get('sid'))
    await sessions.updateOne({ _id: 'sid' }, { $set: { session: 'of somebody else' } })
    const events = eventsOf(store)
    const release = wire.hold('find')
    const called = callEach(store, [['set', 'sid', session]])
    const before = wire.sent('find').length
    await wire.answered('find', before + 1)
    await store.close({ timeoutMS: 0 })
    release()
    await roundTrip()
    assertGivenUpOnce(called)
    assert.deepEqual(events, [])
  })

  test('closes the client under fake timers, although the index is never made', async (t) => {
    const close = t.mock.fn(async () => {})
    const collection = { createIndex: () => new Promise(() => {}), findOne: async () => null }
    const store = new MongoStore({ client: { db: () => ({ collection: () => collection }), close } })
    await store.get('sid')
    t.mock.timers.enable({ apis: ['setTimeout'] })
    await store.close()
    assert.equal(close.mock.callCount(), 1)
  })

  test('ends although the client never comes', async () => {
    const store = new MongoStore({ clientPromise: new Promise(() => {}) })
    const called = callEach(store, [['get', 'sid'], ['length']])
    await store.close({ timeoutMS: 50 })
    assertGivenUpOnce(called)
  })

  test('ends although the client does not close, and drops what that comes to', async () => {
    const { promise, reject } = withResolvers()
    const findOne = async () => null
    const client = { db: () => ({ collection: () => ({ findOne }) }), close: () => promise }
    const store = new MongoStore({ client, autoRemove: 'disabled' })
    await store.get('sid')
    await store.close()
    reject(new Error('it could not be closed'))
    // What nobody has handled by then fails the test.
    await sleep(10)
  })

  test('fails when the client does', async () => {
    const failure = new Error('it could not be closed')
    const client = { db: () => ({ collection: () => ({}) }), close: () => Promise.reject(failure) }
    const store = new MongoStore({ client, autoRemove: 'disabled' })
    await assert.rejects(store.close(), (error) => error === failure)
  })
})
