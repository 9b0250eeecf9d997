// `store.hashIds()`: the sessions of a whole collection moved from plain ids to their hashes, while others go on writing.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { MongoClient } = require('mongodb')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { SECRET } = require('../support/encryption.js')
const { startReplicaSet, startServer, withDatabase } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')

const replicaSet = startReplicaSet()
const HASH = /^hmac-sha256:[\w-]{43}$/
const HASHED = { hashId: { secret: 'squirrel' }, backend: 'driver' }

const CRYPTO = {
  'plain text': {},
  documents: { stringify: false },
  kruptein: { crypto: { secret: SECRET } },
  sealed: { crypto: { secret: SECRET, format: 'sealed' } },
}

/** @param {number} count @returns {string[]} in the order of the collection */
const sids = (count) => Array.from({ length: count }, (_, index) => `sid-${String(index).padStart(3, '0')}`)

/** @param {any} store @param {string[]} ids */
const setAll = (store, ids) => Promise.all(ids.map((id) => store.set(id, plainSession({ id, user: 'ada' }))))

/** @param {object} counts that are not 0 */
function progress(counts) {
  return { total: 0, scanned: 0, moved: 0, changed: 0, unreadable: 0, last: undefined, done: true, ...counts }
}

/** @param {import('node:test').TestContext} t @param {string} label */
async function openOnReplicaSet(t, label) {
  return openDatabase(t, withDatabase((await replicaSet).getUri(), label.replace(/\W+/g, '-')))
}

/**
 * A store that does something of others before its first transaction.
 *
 * @param {import('node:test').TestContext} t
 * @param {Awaited<ReturnType<typeof openDatabase>>} database
 * @param {() => Promise<unknown>} act
 */
async function openOvertaken(t, { url, open }, act) {
  const client = await MongoClient.connect(url)
  t.after(() => client.close())
  const start = client.startSession.bind(client)
  client.startSession = (options) => {
    const session = start(options)
    const run = session.withTransaction.bind(session)
    session.withTransaction = async (work, given) => {
      await act()
      return run(work, given)
    }
    return session
  }
  return open({ ...HASHED, backend: undefined, client, mongoUrl: undefined })
}

for (const backend of BACKENDS) {
  for (const [name, crypto] of Object.entries(CRYPTO)) {
    test(`${name} of the ${backend} backend is moved with all that is kept beside it`, async (t) => {
      const { open, sessions } = await openOnReplicaSet(t, `moved-${backend}-${name}`)
      const options = {
        ...{ index: { user: 'user' }, indexSecret: 'mouse', timestamps: true, ...crypto },
        describe: (/** @type {any} */ session) => ({ id: session.id }),
      }
      const ids = sids(25)
      await setAll(open({ ...options, backend }), ids)
      await sessions.updateMany({}, { $set: { ofOthers: 1.5 } })
      const before = await sessions.find({}, { projection: { _id: 0, session: 0, description: 0 } }).toArray()
      const store = open({ ...options, ...HASHED, backend })
      const counts = { total: 25, scanned: 25, last: ids[24] }
      assert.deepEqual(await store.hashIds({ dryRun: true }), progress({ ...counts, moved: 25 }))
      assert.deepEqual((await sessions.distinct('_id')).sort(), ids)
      assert.deepEqual(await store.hashIds({ batchSize: 10 }), progress({ ...counts, moved: 25 }))
      for (const id of await sessions.distinct('_id')) assert.match(id, HASH)
      const after = await sessions.find({}, { projection: { _id: 0, session: 0, description: 0 } }).toArray()
      const byHandle = (/** @type {any[]} */ documents) => new Map(documents.map((one) => [one.handle, one]))
      assert.deepEqual(byHandle(after), byHandle(before))
      for (const id of ids) assert.equal((await store.get(id))?.id, id)
      const found = await store.find({ user: 'ada' })
      assert.deepEqual(found.map(({ description }) => description?.id).sort(), ids)
      assert.deepEqual(await store.hashIds(), progress({}))
    })
  }
}

describe('it leaves alone', () => {
  test('what is a hash already, whichever it is, with a prefix too', async (t) => {
    const { open, sessions } = await openOnReplicaSet(t, 'hashes')
    const prefix = 'a.b:'
    await open({ prefix, hashId: true }).set('sid', plainSession())
    await open({ prefix, hashId: { secret: 'older' } }).set('sid', plainSession())
    await open({ prefix }).set('sid', plainSession())
    await open({ prefix: 'aXb:' }).set('sid', plainSession())
    const store = open({ ...HASHED, prefix })
    assert.deepEqual(await store.hashIds(), progress({ total: 1, scanned: 1, moved: 1, last: 'a.b:sid' }))
    assert.equal(await sessions.countDocuments({ _id: /^aXb:sid$/ }), 1)
    assert.equal(await sessions.countDocuments({ _id: /^a\.b:(hmac-)?sha256:/ }), 3)
  })

  test('what no secret opens', async (t) => {
    const { open, sessions } = await openOnReplicaSet(t, 'unreadable')
    await open({ crypto: { secret: 'other' } }).set('sid', plainSession())
    const store = open({ ...HASHED, crypto: { secret: SECRET } })
    assert.deepEqual(await store.hashIds(), progress({ total: 1, scanned: 1, unreadable: 1, last: 'sid' }))
    assert.deepEqual(await sessions.distinct('_id'), ['sid'])
  })

  test('what others have written meanwhile', async (t) => {
    const database = await openOnReplicaSet(t, 'written')
    const plain = database.open()
    await plain.set('sid', plainSession({ n: 1 }))
    const store = await openOvertaken(t, database, () => plain.set('sid', plainSession({ n: 2 })))
    assert.deepEqual(await store.hashIds(), progress({ total: 1, scanned: 1, changed: 1, last: 'sid' }))
    assert.equal((await plain.get('sid'))?.n, 2)
    assert.equal(await store.get('sid'), null)
  })

  test('what others have ended meanwhile', async (t) => {
    const database = await openOnReplicaSet(t, 'ended')
    const plain = database.open()
    await plain.set('sid', plainSession())
    const store = await openOvertaken(t, database, () => plain.destroy('sid'))
    assert.deepEqual(await store.hashIds(), progress({ total: 1, scanned: 1, changed: 1, last: 'sid' }))
    assert.equal(await database.sessions.countDocuments(), 0)
  })

  test('a live session that is under the hash: it is the newer one', async (t) => {
    const { open, sessions } = await openOnReplicaSet(t, 'both')
    const store = open(HASHED)
    await open().set('sid', plainSession({ n: 'older' }))
    await store.set('sid', plainSession({ n: 'newer' }))
    assert.deepEqual(await store.hashIds(), progress({ total: 1, scanned: 1, moved: 1, last: 'sid' }))
    assert.equal(await sessions.countDocuments(), 1)
    assert.equal((await store.get('sid'))?.n, 'newer')
  })
})

test('it can be broken off, and goes on', async (t) => {
  const { open, sessions } = await openOnReplicaSet(t, 'resumed')
  await setAll(open(), sids(10))
  const store = open(HASHED)
  const controller = new AbortController()
  const onProgress = () => controller.abort()
  const first = await store.hashIds({ batchSize: 4, signal: controller.signal, onProgress })
  assert.deepEqual(first, progress({ total: 10, scanned: 4, moved: 4, last: 'sid-003', done: false }))
  const second = await store.hashIds({ after: first.last })
  assert.deepEqual(second, progress({ total: 6, scanned: 6, moved: 6, last: 'sid-009' }))
  assert.equal(await sessions.countDocuments({ _id: HASH }), 10)
})

describe('it says what it needs:', () => {
  /** @type {[string, object, RegExp][]} */
  const cases = [
    ['hashId', { backend: 'driver' }, /needs the option hashId/],
    [
      'to write hashes',
      { backend: 'driver', hashId: { acceptPlainIds: true, writePlainIds: true } },
      /writePlainIds would move them back/,
    ],
    ['a batch that has a size', { ...HASHED, wrong: { batchSize: 0 } }, /batchSize must be an integer/],
  ]
  for (const [what, { wrong, ...options }, message] of /** @type {[string, any, RegExp][]} */ (cases)) {
    test(what, async (t) => {
      const { open, sessions } = await openOnReplicaSet(t, `needs-${what}`)
      await open().set('sid', plainSession())
      await assert.rejects(open(options).hashIds(wrong), message)
      assert.deepEqual(await sessions.distinct('_id'), ['sid'])
    })
  }

  test('transactions', async (t) => {
    const standalone = await startServer()
    const { open, sessions } = await openDatabase(t, withDatabase(standalone.getUri(), 'standalone'))
    await open().set('sid', plainSession())
    await assert.rejects(open(HASHED).hashIds(), /needs transactions, which a standalone server has not/)
    assert.deepEqual(await sessions.distinct('_id'), ['sid'])
  })
})
