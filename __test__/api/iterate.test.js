// store.iterate() and store.ids(): all live sessions one after the other, and their ids.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { ObjectId } = require('mongodb')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { callbackArguments } = require('../support/differential.js')
const { NOT_ENCRYPTED, REFUSED, SECRET } = require('../support/encryption.js')
const { spoiltBytes } = require('../support/hostile.js')
const { RawConnection } = require('../support/raw-connection.js')
const { startServer } = require('../support/server.js')
const { EARLIER, LATER, plainSession, storedSession } = require('../support/sessions.js')
const { promised, uncaughtException } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

const server = startServer()

const CLOSED = { code: 'ERR_STORE_CLOSED' }
/** The adapter of an app's own, which knows what it has encrypted. */
const REVERSING = {
  encrypt: async (/** @type {string} */ text) => `~${[...text].reverse().join('')}`,
  decrypt: async (/** @type {string} */ text) => {
    if (text.startsWith('~')) return [...text.slice(1)].reverse().join('')
    throw new Error('not reversed')
  },
}
const KINDS = {
  'stringify: true': () => ({}),
  'stringify: false': () => ({ stringify: false }),
  'functions of its own': () => ({
    serialize: (/** @type {any} */ session) => ({ kept: session }),
    unserialize: (/** @type {any} */ value) => value.kept,
  }),
  crypto: () => ({ crypto: { secret: SECRET } }),
  'crypto and stringify: false': () => ({ crypto: { secret: SECRET }, stringify: false }),
  sealed: () => ({ crypto: { secret: SECRET, format: 'sealed' } }),
  'Web Crypto': () => ({ cryptoAdapter: MongoStore.createWebCryptoAdapter({ secret: SECRET }) }),
  'an adapter of its own': () => ({ cryptoAdapter: REVERSING }),
  hashId: () => ({ hashId: true }),
  'hashId, plain ids accepted, and sealed': () => ({
    hashId: { secret: 'squirrel', acceptPlainIds: true },
    crypto: { secret: SECRET, format: 'sealed' },
  }),
  transformId: () => ({ transformId: async (/** @type {string} */ sid) => `app:${sid}` }),
}

/** In the order of the collection. @param {number} count */
const sids = (count) => Array.from({ length: count }, (_, index) => `sid-${String(index).padStart(4, '0')}`)

/** @param {any} store @param {string[]} ids */
const setAll = (store, ids) => Promise.all(ids.map((id) => store.set(id, plainSession({ id }))))

/** @param {import('mongodb').Collection<any>} sessions @param {string[]} ids */
const storeAll = (sessions, ids) => sessions.insertMany(ids.map((id) => storedSession(id)))

/** @template T @param {AsyncIterable<T>} iterable @returns {Promise<T[]>} */
async function listOf(iterable) {
  const list = []
  for await (const one of iterable) list.push(one)
  return list
}

/** @param {AsyncIterable<any>} iterable */
const idsOf = async (iterable) => (await listOf(iterable)).map((one) => one.id)

/** What a store reports of sessions that it passes by. @param {any} store */
function reportsOf(store) {
  /** @type {[event: string, sid: string | undefined, error: any][]} */
  const reports = []
  for (const name of ['decrypt-failed', 'unreadable'])
    store.on(name, (/** @type {string | undefined} */ sid, /** @type {any} */ error) =>
      reports.push([name, sid, error])
    )
  return reports
}

/** @param {[string, string | undefined, any][]} reports */
const told = (reports) => reports.map(([name, sid, { code }]) => [name, sid, code])

/** Documents that are no UTF-8 where their ids say SPOILT. @param {import('mongodb').Db} db @param {string[]} ids */
async function insertSpoilt(db, ids) {
  const raw = new RawConnection((await server).getUri(), db.databaseName)
  const documents = ids.map((_id) => ({ _id, session: JSON.stringify(plainSession()), expires: LATER }))
  await raw.insert('sessions', documents.map(spoiltBytes))
  raw.close()
}

for (const backend of BACKENDS) {
  describe(`iterate on the ${backend} backend`, () => {
    for (const [kind, options] of Object.entries(KINDS)) {
      test(`gives the sessions of all() by storage id, in batches of any size, with ${kind}`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        const store = open({ backend, autoRemove: 'disabled', ...options() })
        await setAll(store, sids(25))
        await sessions.updateOne({}, { $set: { expires: EARLIER } })
        const all = new Map((await store.all()).map((session) => [session.id, session]))
        assert.equal(all.size, 24)
        const documents = await sessions.find({ expires: LATER }).sort({ _id: 1 }).toArray()
        for (const batchSize of [1, 7, 24, 25, undefined, 10_000]) {
          const list = await listOf(store.iterate({ batchSize }))
          assert.equal(list.length, all.size)
          for (const session of list) assert.deepEqual(session, all.get(session.id))
          if (kind === 'stringify: true')
            assert.deepEqual(
              list.map(({ id }) => id),
              documents.map(({ _id }) => _id)
            )
          assert.equal(new Set(list.map(({ id }) => id)).size, all.size)
        }
      })
    }

    test('gives nothing of an empty collection', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled' })
      for (const options of [undefined, null, {}])
        assert.deepEqual(await listOf(store.iterate(/** @type {any} */ (options))), [])
    })

    test('reads sessions under older secrets beside those of today', async (t) => {
      const { open } = await openDatabase(t)
      const shared = { backend, autoRemove: 'disabled' }
      const [older, newer] = [sids(20).slice(0, 10), sids(20).slice(10)]
      await setAll(open({ ...shared, crypto: { secret: 'old' } }), older)
      const store = open({ ...shared, crypto: { secret: ['new', 'old'] } })
      await setAll(store, newer)
      assert.deepEqual(await idsOf(store.iterate({ batchSize: 3 })), [...older, ...newer])
    })

    test('reports what another program stored, and goes on', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await storeAll(sessions, ['a', 'c', 'e', 'g'])
      await sessions.insertMany([
        { _id: 'b', session: 'no JSON', expires: LATER },
        { _id: 'd', expires: LATER },
        { _id: 'f', session: { cookie: {} } },
      ])
      const store = open({ backend, autoRemove: 'disabled' })
      for (const batchSize of [1, 2, 100]) {
        const reports = reportsOf(store)
        assert.deepEqual(await idsOf(store.iterate({ batchSize })), ['a', 'c', 'e', 'g'])
        const unreadable = ['b', 'd', 'f'].map((id) => ['unreadable', id, 'ERR_SESSION_UNREADABLE'])
        assert.deepEqual(told(reports), unreadable)
        store.removeAllListeners()
      }
    })

    for (const onDecryptError of ['error', 'drop']) {
      for (const kind of ['crypto', 'sealed', 'crypto and stringify: false', 'an adapter of its own']) {
        test(`reports what cannot be decrypted, and goes on, with ${kind} and '${onDecryptError}'`, async (t) => {
          const { open, sessions } = await openDatabase(t)
          const options = Reflect.get(KINDS, kind)()
          const store = open({ backend, autoRemove: 'disabled', onDecryptError, ...options })
          await setAll(store, ['a', 'c', 'e'])
          const document = { cookie: { path: '/' } }
          await sessions.insertMany([
            { _id: 'b', session: 'garbage', expires: LATER },
            { _id: 'd', session: document, expires: LATER },
          ])
          for (const batchSize of [1, 100]) {
            const reports = reportsOf(store)
            assert.deepEqual(await idsOf(store.iterate({ batchSize })), ['a', 'c', 'e'])
            const ofGarbage = kind === 'an adapter of its own' ? 'not reversed' : REFUSED.message
            assert.deepEqual(
              reports.map(([name, sid]) => [name, sid]),
              [
                ['decrypt-failed', 'b'],
                ['decrypt-failed', 'd'],
              ]
            )
            assert.equal(reports[0][2].message, ofGarbage)
            assert.match(reports[1][2].message, NOT_ENCRYPTED.message)
            store.removeAllListeners()
          }
        })
      }
    }

    test('reports encrypted sessions without encryption, and what is decrypted to no session', async (t) => {
      const { open } = await openDatabase(t)
      const shared = { backend, autoRemove: 'disabled' }
      await open(shared).set('a', plainSession({ id: 'a' }))
      await open({ ...shared, crypto: { secret: SECRET } }).set('b', plainSession())
      const store = open(shared)
      const reports = reportsOf(store)
      assert.deepEqual(await idsOf(store.iterate()), ['a'])
      assert.deepEqual(told(reports), [['decrypt-failed', 'b', 'ERR_SESSION_ENCRYPTED']])

      const adapter = { ...REVERSING, decrypt: async () => 'no JSON' }
      const careless = open({ ...shared, cryptoAdapter: adapter })
      const others = reportsOf(careless)
      assert.deepEqual(await listOf(careless.iterate()), [])
      assert.deepEqual(
        others.map(([name, sid, { name: error }]) => [name, sid, error]),
        [
          ['unreadable', 'a', 'SyntaxError'],
          ['unreadable', 'b', 'SyntaxError'],
        ]
      )
    })

    test('reports what unserialize throws, be it nothing', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await storeAll(sessions, sids(3))
      const thrown = [new Error('not today'), undefined]
      const unserialize = (/** @type {string} */ text) => {
        if (thrown.length > 0) throw thrown.shift()
        return JSON.parse(text)
      }
      const store = open({ backend, autoRemove: 'disabled', unserialize })
      const reports = reportsOf(store)
      assert.deepEqual(await idsOf(store.iterate()), ['sid-0002'])
      assert.deepEqual(
        reports.map(([name, sid, { message }]) => [name, sid, message]),
        [
          ['unreadable', 'sid-0000', 'not today'],
          ['unreadable', 'sid-0001', 'Instead of an error, undefined was thrown'],
        ]
      )
    })

    for (const options of [
      { hashId: true },
      { hashId: { acceptPlainIds: true } },
      { transformId: (/** @type {string} */ sid) => sid },
    ]) {
      test(`reports no id with ${Object.keys(options)}: ${JSON.stringify(options)}`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        await sessions.insertOne({ _id: 'a', session: 'no JSON', expires: LATER })
        const store = open({ backend, autoRemove: 'disabled', ...options })
        const reports = reportsOf(store)
        assert.deepEqual(await listOf(store.iterate()), [])
        const sealing = open({ backend, autoRemove: 'disabled', crypto: { secret: SECRET }, ...options })
        const others = reportsOf(sealing)
        assert.deepEqual(await listOf(sealing.iterate()), [])
        assert.deepEqual(told([...reports, ...others]), [
          ['unreadable', undefined, 'ERR_SESSION_UNREADABLE'],
          ['decrypt-failed', undefined, 'ERR_SESSION_DECRYPT'],
        ])
      })
    }

    test('passes by ids that are no valid text, each once', async (t) => {
      const { open, db, sessions } = await openBehindWire(t, await server)
      await insertSpoilt(db, ['bSPOILT', 'cSPOILT', 'dSPOILT', 'fSPOILT'])
      await storeAll(sessions, ['a', 'e', 'g'])
      const store = open({ backend, autoRemove: 'disabled' })
      for (const batchSize of [1, 2, 3, 7, 100]) {
        const reports = reportsOf(store)
        const list = await listOf(store.iterate({ batchSize }))
        assert.deepEqual(
          list.map(({ id }) => id).filter((id) => id !== undefined),
          ['a', 'e', 'g']
        )
        // Rust does not care about their ids.
        assert.equal(list.length + reports.length, 7)
        assert.deepEqual(await store.ids(), ['a', 'e', 'g'])
        store.removeAllListeners()
      }
    })

    test('does not end when a listener throws', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await storeAll(sessions, ['a', 'c'])
      await sessions.insertOne({ _id: 'b', session: 'no JSON', expires: LATER })
      const store = open({ backend, autoRemove: 'disabled' })
      const error = new Error('by a listener')
      store.on('unreadable', () => {
        throw error
      })
      /** @type {Promise<unknown[]> | undefined} */
      let listed
      const uncaught = await uncaughtException(() => {
        listed = idsOf(store.iterate())
      })
      assert.equal(uncaught, error)
      assert.deepEqual(await listed, ['a', 'c'])
    })

    test('gives what is there for the whole time once, whatever comes and goes', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled' })
      await storeAll(sessions, sids(30))
      const gone = ['sid-0009', 'sid-0020']
      const seen = []
      for await (const { id } of store.iterate({ batchSize: 4 })) {
        seen.push(id)
        await store.set(`sid-0000-${seen.length}`, plainSession({ id: 'new' }))
        await store.set(id, plainSession({ id }))
        if (seen.length === 2) await Promise.all(gone.map((sid) => store.destroy(sid)))
      }
      assert.deepEqual(
        seen.filter((id) => id !== 'new'),
        sids(30).filter((id) => !gone.includes(id))
      )
    })

    test('goes through the collection several times at once', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await storeAll(sessions, sids(10))
      const store = open({ backend, autoRemove: 'disabled' })
      const [one, two] = await Promise.all([3, 4].map((batchSize) => idsOf(store.iterate({ batchSize }))))
      assert.deepEqual([one, two], [sids(10), sids(10)])
      const iterator = store.iterate({ batchSize: 2 })
      const ahead = await Promise.all(sids(11).map(() => iterator.next()))
      assert.deepEqual(
        ahead.map(({ value }) => value?.id),
        [...sids(10), undefined]
      )
    })

    test('sends nothing before it is asked, nor after it was left', async (t) => {
      const { open, sessions, wire } = await openBehindWire(t, await server)
      await storeAll(sessions, sids(10))
      const store = open({ backend })
      await store.ping()
      wire.commands.length = 0
      const iterator = store.iterate({ batchSize: 3 })
      await store.length()
      assert.equal(wire.sent('find').length, 0)
      const seen = []
      for await (const { id } of iterator) {
        seen.push(id)
        if (seen.length === 4) break
      }
      assert.deepEqual(seen, sids(4))
      assert.deepEqual(await iterator.next(), { value: undefined, done: true })
      await store.length()
      assert.deepEqual(
        wire.commands.map(({ name }) => name),
        ['find', 'find']
      )
    })

    test('throws once the store is closed, which waits for nobody who does not read', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await storeAll(sessions, sids(10))
      const store = open({ backend, autoRemove: 'disabled' })
      // In the middle of a batch, at the end of one, at the end of all, and where nothing has been asked for yet.
      const taken = [2, 4, 10, 0]
      const iterators = taken.map(() => store.iterate({ batchSize: 4 }))
      for (const [index, iterator] of iterators.entries()) {
        for (const id of sids(taken[index])) assert.equal((await iterator.next()).value?.id, id)
      }
      await store.close({ timeoutMS: Number.POSITIVE_INFINITY })
      for (const iterator of [...iterators, store.iterate()]) {
        await assert.rejects(iterator.next(), { ...CLOSED, message: 'The session store is closed' })
        assert.deepEqual(await iterator.next(), { value: undefined, done: true })
      }
    })

    test('throws in a loop in whose middle the store is closed', async (t) => {
      const { open, sessions } = await openDatabase(t)
      await storeAll(sessions, sids(10))
      const store = open({ backend, autoRemove: 'disabled' })
      const seen = []
      const loop = async () => {
        for await (const { id } of store.iterate({ batchSize: 4 })) {
          seen.push(id)
          if (seen.length === 6) await store.close()
        }
      }
      await assert.rejects(loop(), CLOSED)
      assert.deepEqual(seen, sids(6))
    })

    for (const kind of ['stringify: true', 'crypto']) {
      test(`is waited for by close as far as a batch is under way, with ${kind}`, async (t) => {
        const { open, wire } = await openBehindWire(t, await server)
        const store = open({ backend, ...Reflect.get(KINDS, kind)() })
        await setAll(store, sids(3))
        const letGo = wire.hold('find')
        wire.commands.length = 0
        const iterator = store.iterate()
        const first = iterator.next()
        await wire.answered('find', 1)
        const closed = store.close()
        letGo()
        assert.equal((await first).value?.id, 'sid-0000')
        await closed
        await assert.rejects(iterator.next(), CLOSED)
      })

      test(`is given up with its batch, and reports nothing later, with ${kind}`, async (t) => {
        const { open, sessions, wire } = await openBehindWire(t, await server)
        const store = open({ backend, ...Reflect.get(KINDS, kind)() })
        await setAll(store, ['a'])
        await sessions.insertOne({ _id: 'b', session: 'garbage', expires: LATER })
        const reports = reportsOf(store)
        const letGo = wire.hold('find')
        wire.commands.length = 0
        const given = assert.rejects(listOf(store.iterate()), CLOSED)
        await wire.answered('find', 1)
        await store.close({ timeoutMS: 0 })
        await given
        letGo()
        await open({ backend }).length()
        assert.deepEqual(reports, [])
      })
    }

    test('is one pending call while a batch is under way, and none beside that', async (t) => {
      const { open, wire } = await openBehindWire(t, await server)
      const store = open({ backend, maxPending: 1, crypto: { secret: SECRET } })
      for (const sid of sids(20)) await store.set(sid, plainSession({ id: sid }))
      const seen = []
      for await (const { id } of store.iterate({ batchSize: 15 })) {
        seen.push(id)
        assert.equal(await store.length(), 20)
      }
      assert.deepEqual(seen, sids(20))
      const letGo = wire.hold('find')
      wire.commands.length = 0
      const first = store.iterate().next()
      await wire.answered('find', 1)
      await assert.rejects(store.length(), { code: 'ERR_STORE_BUSY' })
      letGo()
      assert.equal((await first).value?.id, 'sid-0000')
    })

    test('gives a batch the time of a call', async (t) => {
      const { open, sessions, wire } = await openBehindWire(t, await server)
      await storeAll(sessions, sids(10))
      const store = open({ backend, operationTimeoutMS: 300 })
      const iterator = store.iterate({ batchSize: 1 })
      assert.equal((await iterator.next()).value?.id, 'sid-0000')
      const letGo = wire.hold('find')
      await assert.rejects(iterator.next(), { name: 'MongoOperationTimeoutError' })
      letGo()
      assert.equal((await iterator.next()).done, true)
    })

    test('fails with what the server says', async (t) => {
      const { open, db } = await openDatabase(t)
      await db.collection('numbers').insertOne({ _id: /** @type {any} */ ('sid'), n: 0 })
      const pipeline = [{ $match: { $expr: { $divide: [1, '$n'] } } }]
      await db.createCollection('broken', { viewOn: 'numbers', pipeline })
      const store = open({ backend, autoRemove: 'disabled', collectionName: 'broken' })
      await assert.rejects(store.iterate().next(), { name: 'MongoServerError' })
      await assert.rejects(store.ids(), { name: 'MongoServerError' })
    })

    for (const [around, wrap] of Object.entries({
      'taken off it': (/** @type {any} */ store) => ({ iterate: store.iterate, ids: store.ids }),
      'on a Proxy of it': (/** @type {any} */ store) => new Proxy(store, {}),
      'on an object made of it': (/** @type {any} */ store) => Object.create(store),
    })) {
      test(`and ids work ${around}`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        await storeAll(sessions, sids(3))
        const { iterate, ids } = wrap(open({ backend, autoRemove: 'disabled' }))
        assert.deepEqual(await idsOf(iterate({ batchSize: 2 })), sids(3))
        assert.deepEqual(await ids(), sids(3))
      })
    }

    test('refuses a batch size that is none, at once', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled' })
      const message = 'batchSize must be an integer from 1 to 10000'
      for (const batchSize of [0, -1, 10_001, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '10', null, 10n]) {
        const options = /** @type {any} */ ({ batchSize })
        assert.throws(() => store.iterate(options), { name: 'TypeError', message })
      }
    })
  })

  describe(`ids on the ${backend} backend`, () => {
    for (const kind of ['stringify: true', 'stringify: false', 'crypto', 'an adapter of its own']) {
      test(`gives the ids of all live sessions, with ${kind}`, async (t) => {
        const { open, sessions } = await openDatabase(t)
        const store = open({ backend, autoRemove: 'disabled', ...Reflect.get(KINDS, kind)() })
        assert.deepEqual(await store.ids(), [])
        await setAll(store, sids(20))
        await sessions.updateOne({ _id: 'sid-0003' }, { $set: { expires: EARLIER } })
        await sessions.insertMany([
          { _id: 'stored-otherwise', session: 5, expires: LATER },
          { _id: 'that-never-ends', session: '{}' },
          { _id: /** @type {any} */ (new ObjectId()), session: '{}', expires: LATER },
        ])
        const expected = [
          ...sids(20).filter((id) => id !== 'sid-0003'),
          'stored-otherwise',
          'that-never-ends',
        ]
        assert.deepEqual(await store.ids(), expected)
        assert.deepEqual(await callbackArguments(store, 'ids'), [null, expected])
        assert.deepEqual(await callbackArguments(store, 'ids', 'extra'), [null, expected])
      })
    }

    test('takes as many batches as there have to be', async (t) => {
      const { open, sessions } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled', maxPending: 1 })
      await storeAll(sessions, sids(2_000))
      assert.deepEqual(await store.ids(), sids(2_000))
      await sessions.insertOne(storedSession('the last'))
      assert.deepEqual(await store.ids(), [...sids(2_000), 'the last'])
    })

    for (const [option, options] of Object.entries({
      hashId: { hashId: true },
      transformId: { transformId: (/** @type {string} */ sid) => sid },
    })) {
      test(`says that with ${option} there are none to be known`, async (t) => {
        const { open } = await openDatabase(t)
        const store = open({ backend, autoRemove: 'disabled', ...options })
        await store.set('sid', plainSession())
        const message = new RegExp(`^ids cannot give session ids with the option ${option}, .*iterate\\(\\)$`)
        await assert.rejects(store.ids(), { name: 'Error', message })
        await assert.rejects(promised(store, 'ids'), { name: 'Error', message })
      })
    }

    test('follows transformId at run time', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled' })
      await store.set('sid', plainSession())
      store.options.transformId = (/** @type {string} */ sid) => sid
      await assert.rejects(store.ids(), /transformId/)
      store.options.transformId = undefined
      assert.deepEqual(await store.ids(), ['sid'])
    })

    test('fails once the store is closed', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled' })
      await store.close()
      await assert.rejects(store.ids(), CLOSED)
      await assert.rejects(promised(store, 'ids'), CLOSED)
    })

    test('asks for nothing more when its time is over, or it is given up', async (t) => {
      const { open, sessions, wire } = await openBehindWire(t, await server)
      await storeAll(sessions, sids(2_500))
      const hurried = open({ backend, operationTimeoutMS: 300 })
      const closing = open({ backend })
      await Promise.all([hurried.ping(), closing.ping()])
      const letGo = wire.hold('find')
      wire.commands.length = 0
      await assert.rejects(hurried.ids(), { name: 'MongoOperationTimeoutError' })
      const given = assert.rejects(closing.ids(), CLOSED)
      await wire.answered('find', 2)
      await closing.close({ timeoutMS: 0 })
      await given
      letGo()
      for (let round = 0; round < 3; round++) await open({ backend }).length()
      assert.equal(wire.sent('find').length, 2)
    })
  })
}

for (const backend of BACKENDS) {
  test(`ids asks for no sessions, on the ${backend} backend`, async (t) => {
    const { open, sessions, wire } = await openBehindWire(t, await server)
    await storeAll(sessions, sids(3))
    const store = open({ backend })
    wire.commands.length = 0
    assert.deepEqual(await store.ids(), sids(3))
    assert.deepEqual(
      wire.sent('find').map(({ body }) => body.projection),
      [{ _id: 1 }]
    )
  })
}
