// What a failure looks like from JavaScript, and whom it reaches.
'use strict'

const assert = require('node:assert/strict')
const { before, describe, test } = require('node:test')
const { inspect } = require('node:util')
const { MongoNetworkError } = require('mongodb')
const MongoStore = require('../..')
const { errorOf: errorFrom } = require('../../lib/errors.js')
const { DEFAULT_BACKEND } = require('../support/backends.js')
const { runInChild } = require('../support/child.js')
const { openDatabase, profile } = require('../support/database.js')
const { startReplicaSet, startServer, withDatabase } = require('../support/server.js')

const TEST_COMMANDS = ['--setParameter', 'enableTestCommands=1']
// The JavaScript driver and what groups its calls have more frames than Node's ten.
Error.stackTraceLimit = 20

const MEGABYTE = 1024 * 1024

/** The error that a call fails with. */
async function errorOf(call) {
  try {
    await call
  } catch (error) {
    return error
  }
  return assert.fail('the call succeeded')
}

/** A cycle that neither JSON nor BSON can hold. */
function cyclicSession() {
  const session = { cookie: {}, user: {} }
  session.user.session = session
  return session
}

describe('a failed call', () => {
  test('is a MongoServerError with code, codeName, errorLabels, cause and the stack of its caller', async (t) => {
    const { open, db, sessions } = await openDatabase(t)
    await db.command({ create: 'sessions', validator: { user: { $exists: true } } })
    const store = open({ autoRemove: 'disabled' })
    async function theFunctionThatCalled() {
      await store.set('sid', { cookie: {} })
    }
    const error = await errorOf(theFunctionThatCalled())
    assert.ok(error instanceof Error)
    assert.equal(error.name, 'MongoServerError')
    assert.equal(error.code, 121)
    assert.match(error.message, /Document failed validation/)
    assert.deepEqual(error.errorLabels, [])
    assert.match(error.stack, /^MongoServerError: Document failed validation\n/)
    assert.match(error.stack, /theFunctionThatCalled/)
    assert.equal(await sessions.countDocuments(), 0)
  })

  for (const [method, args] of Object.entries({
    get: ['sid'],
    set: ['sid', { cookie: {} }],
    touch: ['sid', { cookie: {} }],
    destroy: ['sid'],
    all: [],
    length: [],
    clear: [],
  })) {
    test(`of ${method} has the calling function in its stack and a cause`, async (t) => {
      const store = new MongoStore({ mongoUrl: 'mongodb://127.0.0.1:1/down?serverSelectionTimeoutMS=50' })
      store.on('error', () => {})
      t.after(() => store.close())
      async function theFunctionThatCalled() {
        await store[method](...args)
      }
      const error = await errorOf(theFunctionThatCalled())
      assert.equal(error.name, 'MongoServerSelectionError')
      assert.match(error.stack, /^MongoServerSelectionError: /)
      // The JavaScript driver's own stack does not lead back to the call.
      if (store.backend === 'native') assert.match(error.stack, /theFunctionThatCalled/)
      assert.ok(Array.isArray(error.errorLabels))
    })
  }
})

/** What the JavaScript driver cannot write into its buffer is not of its error classes. */
const TOO_LARGE =
  DEFAULT_BACKEND === 'native'
    ? {
        name: /^(MongoServerError|BSONError|MongoInvalidArgumentError)$/,
        message: /larger than|size: |over maximum/,
      }
    : {
        name: /^(RangeError|BSONError|MongoServerError)$/,
        message: /out of range|larger than|size: |over maximum/,
      }

describe('a session that is too large', () => {
  for (const megabytes of [17, 40, 60]) {
    for (const stringify of [true, false]) {
      test(`of ${megabytes} MB fails alone, with stringify: ${stringify}`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        const store = open({ stringify })
        await store.set('large', { cookie: {}, text: 'small so far' })
        const small = (i) => ({ cookie: {}, i })
        const calls = Array.from({ length: 20 }, (_, i) => store.set(`before-${i}`, small(i)))
        const large = errorOf(store.set('large', { cookie: {}, text: 'x'.repeat(megabytes * MEGABYTE) }))
        calls.push(...Array.from({ length: 20 }, (_, i) => store.set(`after-${i}`, small(i))))
        await Promise.all(calls)

        const error = await large
        assert.match(error.name, TOO_LARGE.name)
        assert.match(error.message, TOO_LARGE.message)
        assert.equal(await sessions.countDocuments(), 41)
        assert.equal((await store.get('large')).text, 'small so far')
        assert.equal((await store.get('after-19')).i, 19)
      })
    }
  }

  test('gets the error of the server', async (t) => {
    const { open } = await openDatabase(t)
    const error = await errorOf(open().set('sid', { cookie: {}, text: 'x'.repeat(17 * MEGABYTE) }))
    assert.equal(error.name, 'MongoServerError')
    assert.equal(typeof error.code, 'number')
  })
})

const WRONG_OPTIONS = {
  MongoParseError: ['mongodb://127.0.0.1', { mongoOptions: { noSuchOption: 1 } }],
  MongoInvalidArgumentError: ['mongodb://127.0.0.1', { mongoOptions: { raw: true } }],
  MongoAPIError: ['mongodb+srv://example.com', { mongoOptions: { directConnection: true } }],
  MongoMissingCredentialsError: ['mongodb://127.0.0.1', { mongoOptions: { authMechanism: 'PLAIN' } }],
}

describe("the classes of the app's driver", () => {
  for (const [name, [mongoUrl, options]] of Object.entries(WRONG_OPTIONS)) {
    test(`are those of the error of a wrong option: ${name}`, () => {
      const driver = require('mongodb')
      assert.throws(
        () => MongoStore.create({ mongoUrl, ...options }),
        (error) =>
          error.name === name &&
          error instanceof driver[name] &&
          error instanceof driver.MongoError &&
          error.hasErrorLabel('RetryableWriteError') === false &&
          error.stack.startsWith(`${name}: ${error.message}`)
      )
    })
  }

  test('are those of the errors of an app that loads it, sooner or later', async () => {
    const { stdout, stderr } = await runInChild(async () => {
      const MongoStore = require('connect-mongo-native')
      const mongoUrl = 'mongodb://127.0.0.1:1/down?serverSelectionTimeoutMS=50'
      const store = new MongoStore({ mongoUrl, autoRemove: 'disabled', backend: 'native' })
      const first = await store.get('sid').catch((/** @type {any} */ error) => error)
      const isLoaded = Boolean(require.cache[require.resolve('mongodb')])
      const { MongoError, MongoNetworkError, MongoServerSelectionError } = require('mongodb')
      const second = await store.get('sid').catch((/** @type {any} */ error) => error)
      const classes = [MongoServerSelectionError, MongoError, Error, MongoNetworkError]
      const isOf = [second, first].map((error) => classes.map((one) => error instanceof one))
      await store.close()
      console.log(JSON.stringify({ isLoaded, isOf, name: first.name }))
    }, {})
    const isOf = [true, true, true, false]
    assert.deepEqual(
      JSON.parse(stdout),
      { isLoaded: false, isOf: [isOf, isOf], name: 'MongoServerSelectionError' },
      stderr
    )
  })

  test('stand in for one that it does not export', () => {
    const failure = { message: 'cleared', errorLabels: ['RetryableWriteError'], causes: ['reset'] }
    const error = errorFrom({ name: 'MongoPoolClearedError', ...failure })
    assert.ok(error instanceof MongoNetworkError)
    assert.equal(error.name, 'MongoPoolClearedError')
    assert.deepEqual(error.errorLabels, failure.errorLabels)
    assert.ok(error.hasErrorLabel('RetryableWriteError'))
    assert.match(String(error.cause), /reset/)
  })
})

describe('write concern', () => {
  test('that cannot be met is a MongoWriteConcernError, and the write is there', async (t) => {
    const set = await startReplicaSet()
    const { open, sessions } = await openDatabase(t, withDatabase(set.getUri(), 'concern'))
    const store = open({ writeOperationOptions: { w: 5, wtimeout: 200 } })
    const error = await errorOf(store.set('sid', { cookie: {} }))
    assert.equal(error.name, 'MongoWriteConcernError')
    assert.equal(error.code, 100)
    assert.equal(error.codeName, 'UnsatisfiableWriteConcern')
    assert.equal(await sessions.countDocuments(), 1)
    assert.equal((await errorOf(store.touch('sid', { cookie: {} }))).name, 'MongoWriteConcernError')
    assert.equal((await errorOf(store.destroy('sid'))).name, 'MongoWriteConcernError')
    await store.get('sid')
  })

  test('of 0 is not waited for', async (t) => {
    const { open } = await openDatabase(t)
    const store = open({ writeOperationOptions: { w: 0 } })
    await store.set('sid', { cookie: {}, user: 'ada' })
    await store.touch('sid', { cookie: {} })
    await store.destroy('sid')
  })
})

describe('a server that fails on purpose', () => {
  let server
  before(async () => {
    server = await startServer({ args: TEST_COMMANDS })
  })

  /** Opens a database on that server and a store whose commands alone can be made to fail. */
  async function setUp(t, mongoOptions) {
    const database = await openDatabase(
      t,
      withDatabase(server.getUri(), `failing_${t.name.replace(/\W+/g, '_').slice(0, 40)}`)
    )
    const appName = `store-${Math.random()}`
    const store = database.open({ autoRemove: 'disabled', mongoOptions: { appName, ...mongoOptions } })
    await store.length()
    const failNext = failPoint(database.db, appName)
    return { ...database, store, failNext }
  }

  test('with a code of its own makes a MongoServerError with code and codeName', async (t) => {
    const { store, failNext } = await setUp(t)
    await failNext(1, { failCommands: ['update'], errorCode: 2 })
    const error = await errorOf(store.set('sid', { cookie: {} }))
    const { name, code, codeName } = error
    assert.deepEqual({ name, code, codeName }, { name: 'MongoServerError', code: 2, codeName: 'BadValue' })
    await store.set('sid', { cookie: {} })
  })

  test('with error labels hands them on', async (t) => {
    const { store, failNext } = await setUp(t)
    await failNext(1, { failCommands: ['update'], errorCode: 2, errorLabels: ['Odd', 'Label'] })
    const error = await errorOf(store.set('sid', { cookie: {} }))
    assert.deepEqual([...error.errorLabels].sort(), ['Label', 'Odd'])
  })

  test('with a closed connection makes a MongoNetworkError, with a cause', async (t) => {
    // How long a read is sent again.
    const { store, failNext } = await setUp(t, { serverSelectionTimeoutMS: 2_000 })
    for (const [command, call] of Object.entries({
      update: () => store.set('sid', { cookie: {} }),
      delete: () => store.destroy('sid'),
      find: () => store.get('sid'),
    })) {
      await failNext('alwaysOn', { failCommands: [command], closeConnection: true })
      const error = await errorOf(call())
      assert.equal(error.name, 'MongoNetworkError', command)
      if (store.backend === 'native') assert.ok(error.cause instanceof Error, command)
    }
  })

  test('with a write concern error makes a MongoWriteConcernError', async (t) => {
    const { store, failNext } = await setUp(t)
    const writeConcernError = {
      code: 64,
      codeName: 'WriteConcernFailed',
      errmsg: 'waiting for replication timed out',
    }
    await failNext(1, { failCommands: ['update'], writeConcernError })
    const { name, code, codeName, message } = await errorOf(store.set('sid', { cookie: {} }))
    assert.deepEqual(
      { name, code, codeName, message },
      {
        name: 'MongoWriteConcernError',
        code: 64,
        codeName: 'WriteConcernFailed',
        message: writeConcernError.errmsg,
      }
    )
  })

  test('once, on a read, goes unnoticed', async (t) => {
    const { store, failNext } = await setUp(t)
    await store.set('sid', { cookie: {}, user: 'ada' })
    await failNext(1, { failCommands: ['find'], closeConnection: true })
    assert.equal((await store.get('sid')).user, 'ada')
  })

  test('fails one command, and the calls of no other', async (t) => {
    const { store, failNext } = await setUp(t)
    await failNext(1, { failCommands: ['update'], errorCode: 13 })
    const first = await Promise.allSettled([store.set('sid-0', { cookie: {} })])
    const rest = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) => store.set(`sid-${i + 1}`, { cookie: {} }))
    )
    const statuses = [...first, ...rest].map(({ status }) => status)
    assert.deepEqual(statuses, ['rejected', ...Array(50).fill('fulfilled')])
    assert.equal(await store.length(), 50)
  })
})

describe('on a replica set', () => {
  let set
  before(async () => {
    set = await startReplicaSet({ args: TEST_COMMANDS })
  })

  for (const [what, failure] of Object.entries({
    'a closed connection': { closeConnection: true },
    'a primary that steps down': { errorCode: 10107, errorLabels: ['RetryableWriteError'] },
  })) {
    for (const [method, command, call] of [
      ['set', 'update', (store) => store.set('sid', { cookie: {}, user: 'ada' })],
      ['touch', 'update', (store) => store.touch('sid', { cookie: {} })],
      ['destroy', 'delete', (store) => store.destroy('sid')],
      ['get', 'find', (store) => store.get('sid')],
    ]) {
      test(`${what} during ${method} goes unnoticed`, async (t) => {
        const name = `retry_${method}_${what.length}`
        const { open, db } = await openDatabase(t, withDatabase(set.getUri(), name))
        const store = open({ autoRemove: 'disabled', mongoOptions: { appName: name } })
        await store.set('sid', { cookie: {} })
        await failPoint(db, name)(1, { failCommands: [command], ...failure })
        await call(store)
        assert.equal(await store.length(), method === 'destroy' ? 0 : 1)
      })
    }
  }

  test('a retried write runs once', async (t) => {
    const name = 'retried_once'
    const { open, db, sessions } = await openDatabase(t, withDatabase(set.getUri(), name))
    const store = open({ autoRemove: 'disabled', timestamps: true, mongoOptions: { appName: name } })
    await store.length()
    const { writes } = await profile(db)
    // The write happens, and its answer is lost with the connection.
    await failPoint(db, name)(1, { failCommands: ['update'], closeConnection: true })
    const events = []
    for (const event of ['create', 'update', 'set']) store.on(event, () => events.push(event))
    await store.set('sid', { cookie: {}, user: 'ada' })
    assert.deepEqual(events, ['create', 'set'])
    assert.equal((await writes()).length, 1)
    assert.equal(await sessions.countDocuments(), 1)
  })

  test('a failure that lasts reaches the caller', async (t) => {
    const name = 'failing_on'
    const { open, db } = await openDatabase(t, withDatabase(set.getUri(), name))
    const store = open({
      autoRemove: 'disabled',
      mongoOptions: { appName: name, serverSelectionTimeoutMS: 1000 },
    })
    await store.length()
    await failPoint(db, name)('alwaysOn', { failCommands: ['update'], closeConnection: true })
    assert.equal((await errorOf(store.set('sid', { cookie: {} }))).name, 'MongoNetworkError')
  })

  test('retryWrites: false is obeyed', async (t) => {
    const name = 'not_retried'
    const { open, db } = await openDatabase(t, withDatabase(set.getUri(), name))
    const store = open({ autoRemove: 'disabled', mongoOptions: { appName: name, retryWrites: false } })
    await store.length()
    await failPoint(db, name)(1, { failCommands: ['update'], closeConnection: true })
    assert.equal((await errorOf(store.set('sid', { cookie: {} }))).name, 'MongoNetworkError')
    await store.set('sid', { cookie: {} })
  })
})

describe('what cannot be serialized', () => {
  test('is the error of JSON with stringify: true', async (t) => {
    const { open } = await openDatabase(t)
    const store = open()
    const error = await errorOf(store.set('sid', cyclicSession()))
    assert.ok(error instanceof TypeError)
    assert.match(error.message, /circular structure to JSON/)
    await assert.rejects(store.set('sid', { cookie: {}, big: 1n }), TypeError)
    await store.set('sid', { cookie: {} })
  })

  test('is the error of BSON with stringify: false', async (t) => {
    const { open } = await openDatabase(t)
    const store = open({ stringify: false })
    const error = await errorOf(store.set('sid', cyclicSession()))
    assert.equal(error.name, 'BSONError')
    assert.match(error.message, /circular structure to BSON/)
    await store.set('sid', { cookie: {} })
  })

  test('is what the functions of the application throw', async (t) => {
    const { open } = await openDatabase(t)
    const fail = (where) => () => {
      throw new RangeError(`thrown by ${where}`)
    }
    const writing = open({ serialize: fail('serialize') })
    await assert.rejects(writing.set('sid', { cookie: {} }), new RangeError('thrown by serialize'))
    await open().set('sid', { cookie: {} })
    const reading = open({ unserialize: fail('unserialize') })
    await assert.rejects(reading.get('sid'), new RangeError('thrown by unserialize'))
    const renaming = open({ transformId: fail('transformId') })
    await assert.rejects(renaming.destroy('sid'), new RangeError('thrown by transformId'))
  })
})

describe('a session id that is not a string', () => {
  const calls = {
    get: (store, sid, ...rest) => store.get(sid, ...rest),
    set: (store, sid, ...rest) => store.set(sid, { cookie: {} }, ...rest),
    touch: (store, sid, ...rest) => store.touch(sid, { cookie: {} }, ...rest),
    destroy: (store, sid, ...rest) => store.destroy(sid, ...rest),
  }
  for (const [method, call] of Object.entries(calls)) {
    test(`is a TypeError of ${method}, and no query runs`, async (t) => {
      const { open, db, sessions } = await openDatabase(t)
      const store = open({ autoRemove: 'disabled' })
      await store.set('sid', { cookie: {} })
      const { reads, writes } = await profile(db)
      for (const sid of [{ $ne: null }, { $gt: '' }, 7, undefined, null, true, ['sid'], Symbol('sid')]) {
        await assert.rejects(call(store, sid), TypeError)
        assert.ok((await new Promise((resolve) => call(store, sid, resolve))) instanceof TypeError)
      }
      assert.deepEqual([...(await reads()), ...(await writes())], [])
      assert.equal(await sessions.countDocuments(), 1)
    })
  }

  test('is a TypeError when transformId made it', async (t) => {
    const { open } = await openDatabase(t)
    for (const transformId of [() => ({ $ne: null }), async () => 7, () => undefined]) {
      const store = open({ transformId })
      for (const call of Object.values(calls)) await assert.rejects(call(store, 'sid'), TypeError)
    }
  })
})

describe('passwords', () => {
  const PASSWORD = 'open:se/same@42'
  const SPELLINGS = [PASSWORD, encodeURIComponent(PASSWORD), 'se/same', 'se%2Fsame', 'same@42', 'same%4042']

  function assertNoPassword(text) {
    for (const spelling of SPELLINGS) assert.ok(!text.includes(spelling), `${spelling} is in: ${text}`)
  }

  test('are not in the output of a process that prints all it can', async () => {
    const server = await startServer({
      auth: { enable: true, customRootName: 'root', customRootPwd: 'right' },
    })
    const { port } = new URL(server.getUri())
    const host = `127.0.0.1:${port}`
    const { code, stdout, stderr } = await runInChild(
      async ({ password, host }) => {
        const { inspect } = require('node:util')
        const MongoStore = require('../..')
        const auth = { username: 'root', password }
        // After a failure the driver waits for the server's next heartbeat before it tries again.
        const heartbeatFrequencyMS = 500
        for (const options of [
          {
            mongoUrl: `mongodb://root:${encodeURIComponent(password)}@${host}/`,
            mongoOptions: { heartbeatFrequencyMS },
          },
          { mongoUrl: `mongodb://${host}/`, mongoOptions: { auth, heartbeatFrequencyMS } },
          {
            mongoUrl: `mongodb://root:${encodeURIComponent(password)}@127.0.0.1:1/?serverSelectionTimeoutMS=50`,
          },
        ]) {
          const store = new MongoStore(options)
          await store.set('sid', { cookie: {} }).catch((error) => {
            console.log(inspect(error, { depth: 10, showHidden: true }), error.stack, JSON.stringify(error))
          })
          console.log(inspect(store, { depth: 10, showHidden: true }), JSON.stringify(store), String(store))
          await store.close()
        }
        console.log('done')
      },
      { password: PASSWORD, host },
      { env: { DEBUG: '*', NODE_DEBUG: 'net', RUST_LOG: 'trace' } }
    )
    assert.equal(code, 0, stderr)
    assert.match(stdout, /MongoServerError/)
    assert.match(stdout, /done\n$/)
    assert.match(stderr, /connect-mongo/)
    assertNoPassword(stdout)
    assertNoPassword(stderr)
  })

  const encoded = encodeURIComponent(PASSWORD)
  for (const mongoUrl of [
    `mongodb://root:${encoded}@`,
    `mongodb://root:${encoded}@/`,
    `mongodb://root:${encoded}@host:port/`,
    `mongodb://root:${encoded}@host:99999/`,
    `mongodb://root:${PASSWORD}@host/`,
    `mongodb://root:${encoded}%zz@host/`,
    `mongodb://root:${encoded}@host/?nonsense=1`,
    `mongodb://root:${encoded}@host/?maxPoolSize=many`,
    `mongodb://root:${encoded}@host/?authMechanism=none`,
    `mongodb://root:${encoded}@host/?tls=true&tls=false`,
    `mongodb+srv://root:${encoded}@host.example.com:27017/`,
    `mongodb+srv://root:${encoded}@a.example.com,b.example.com/`,
    `http://root:${encoded}@host/`,
    `root:${encoded}@host`,
  ]) {
    test(`are not in the error for ${mongoUrl.replace(encoded, '…').replace(PASSWORD, '… unescaped')}`, () => {
      let store
      try {
        store = new MongoStore({ mongoUrl })
      } catch (error) {
        assertNoPassword(inspect(error, { depth: 10, showHidden: true }))
        assertNoPassword(String(error.stack))
        return
      }
      store.close()
      assert.fail('the address was accepted')
    })
  }
})

/** Makes the next commands of one application fail. */
function failPoint(db, appName) {
  return (times, data) =>
    db.admin().command({
      configureFailPoint: 'failCommand',
      mode: times === 'alwaysOn' ? times : { times },
      data: { appName, ...data },
    })
}
