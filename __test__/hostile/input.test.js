// What an attacker, a careless app or another program can do with ids, sessions and documents: an error or a faithful round
// trip, and the calls beside it as if nothing had happened. `npm run test:hostile` has more cases.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { BSON, BSONSymbol } = require('mongodb')
const { BACKENDS } = require('../support/backends.js')
const { SECRET, onBothBackends, openOnBackend } = require('../support/encryption.js')
const { MEGABYTE, spoiltBytes } = require('../support/hostile.js')
const { runHostile } = require('../support/hostile-process.js')
const { RawConnection } = require('../support/raw-connection.js')
const { sharedServerUrl } = require('../support/server.js')
const { LATER, plainSession, storedSession } = require('../support/sessions.js')
const { promised } = require('../support/wait.js')

const CASES = 4_096

/** Asked for outside every test, so that a server started for this file lives until its last one. */
const serverUrl = sharedServerUrl()

test(`${CASES} hostile cases`, async (t) => {
  const seed = Number(process.env.SEED) || Math.floor(Math.random() * 2 ** 31)
  t.diagnostic(`SEED=${seed}`)
  const { databaseName } = (await openOnBackend(t, BACKENDS[0])).db
  const run = { url: await serverUrl, database: databaseName, seed, cases: CASES }
  const { cases, failures, crash } = await runHostile(run)
  assert.equal(crash, undefined)
  assert.deepEqual(failures.slice(0, 3), [])
  assert.equal(cases, CASES)
})

/** @param {string} _id @param {unknown} session */
const spoilt = (_id, session) => spoiltBytes({ _id, session, expires: LATER })

for (const options of [{ stringify: true }, { stringify: false }, { crypto: { secret: SECRET } }]) {
  const title = `a session that is not UTF-8 fails the call that asks for it, and no other, with ${JSON.stringify(options)}`
  onBothBackends(title, async ({ open, db }) => {
    const raw = new RawConnection(await serverUrl, db.databaseName)
    await raw.insert('sessions', [spoilt('text', 'SPOILT'), spoilt('document', { a: ['SPOILT'] })])
    raw.close()
    const store = open(options)
    const ids = ['a', 'b', 'c']
    await Promise.all(ids.map((id) => store.set(id, plainSession({ id }))))
    const calls = ['a', 'text', 'b', 'document', 'c'].flatMap((id) => [
      store.get(id),
      promised(store, 'get', id),
    ])
    const answers = await Promise.allSettled(calls)
    for (const [index, answer] of answers.entries()) {
      const id = ids[index >> 2]
      if (index % 4 < 2) assert.deepEqual(/** @type {any} */ (answer).value, plainSession({ id }))
      else assert.ok(/** @type {any} */ (answer).reason.message)
    }
    await assert.rejects(store.all(), Error)
    assert.equal(await store.length(), 5)

    const dropping = open({ ...options, onDecryptError: 'drop' })
    /** @type {unknown[][]} */
    const dropped = []
    dropping.on('decrypt-failed', (...args) => dropped.push(args))
    assert.deepEqual((await dropping.all()).map(({ id }) => id).sort(), ids)
    assert.deepEqual(
      dropped.map(([sid, error]) => [sid, error instanceof Error]),
      [
        [undefined, true],
        [undefined, true],
      ]
    )
  })
}

for (const batchSize of [1, 2, 100]) {
  onBothBackends(`reencrypt passes by what is not UTF-8, ${batchSize} at a time`, async ({ open, db }) => {
    const raw = new RawConnection(await serverUrl, db.databaseName)
    await raw.insert('sessions', [spoilt('b', 'SPOILT'), spoilt('d', { a: ['SPOILT'] })])
    raw.close()
    const plain = open({ stringify: true })
    for (const id of ['a', 'c', 'e']) await plain.set(id, plainSession({ id }))
    const store = open({ crypto: { secret: SECRET }, acceptPlaintext: true })
    const { done, ...progress } = await store.reencrypt({ batchSize })
    assert.ok(done)
    assert.deepEqual(progress, { total: 5, scanned: 5, rewritten: 3, changed: 0, unreadable: 2, last: 'e' })
    const strict = open({ crypto: { secret: SECRET } })
    for (const id of ['a', 'c', 'e']) assert.deepEqual(await strict.get(id), plainSession({ id }))
  })
}

onBothBackends('reencrypt passes by an id that is not UTF-8', async ({ open, db }) => {
  const raw = new RawConnection(await serverUrl, db.databaseName)
  await raw.insert('sessions', [spoilt('bSPOILT', JSON.stringify(plainSession()))])
  raw.close()
  const plain = open({ stringify: true })
  for (const id of ['a', 'c']) await plain.set(id, plainSession({ id }))
  const store = open({ crypto: { secret: SECRET }, acceptPlaintext: true })
  await assert.rejects(store.reencrypt({ batchSize: 1 }), { message: /larger batchSize/ })
  // The first of them was done before.
  const { rewritten, done } = await store.reencrypt({ batchSize: 2 })
  assert.deepEqual({ rewritten, done }, { rewritten: 1, done: true })
  assert.equal((await store.reencrypt()).unreadable, 1)
  const strict = open({ crypto: { secret: SECRET } })
  for (const id of ['a', 'c']) assert.deepEqual(await strict.get(id), plainSession({ id }))
})

onBothBackends('of a field that is there twice, the last counts', async ({ open, db }) => {
  const raw = new RawConnection(await serverUrl, db.databaseName)
  const first = { _id: 'sid', session: JSON.stringify({ user: 'first' }), expires: LATER }
  const last = {
    session: JSON.stringify(plainSession({ user: 'last' })),
    expires: new Date(LATER.getTime() + 1),
  }
  await raw.insert('sessions', [joined(first, last)])
  raw.close()
  const store = open({ touchAfter: 60 })
  const { user, cookie } = /** @type {any} */ (await store.get('sid'))
  assert.deepEqual({ user, expires: cookie.expires }, { user: 'last', expires: last.expires.toJSON() })
  assert.deepEqual(
    (await store.all()).map((one) => one.user),
    ['last']
  )
})

/** One document with the fields of several. @param {object[]} documents */
function joined(...documents) {
  const fields = documents.map((document) => BSON.serialize(document).subarray(4, -1))
  const bytes = Buffer.concat([Buffer.alloc(4), ...fields, Buffer.alloc(1)])
  bytes.writeInt32LE(bytes.length)
  return bytes
}

onBothBackends(
  'an id that is a symbol to the server is found by its text alone',
  async ({ open, sessions }) => {
    await sessions.insertOne(storedSession(/** @type {any} */ (new BSONSymbol('symbol'))))
    const store = open({})
    const [empty, found, missing] = await Promise.all(['', 'symbol', 'missing'].map((id) => store.get(id)))
    assert.deepEqual([empty, missing], [null, null])
    assert.ok(found)
    const touched = ['', 'symbol', 'missing'].map(async (id) => {
      const strict = open({ strictTouch: true })
      await strict.touch(id, plainSession())
    })
    const outcomes = await Promise.allSettled(touched)
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'fulfilled', 'rejected']
    )
  }
)

for (const options of [{}, { crypto: { secret: SECRET } }]) {
  const title = `ids of all types are in the way of nothing, with ${JSON.stringify(options)}`
  onBothBackends(title, async ({ open, sessions }) => {
    const store = open(options)
    await store.set('sid', plainSession())
    const { session } = await sessions.findOne({ _id: 'sid' })
    const ids = [
      { toString: 1 },
      { valueOf: 1 },
      7,
      null,
      true,
      new Date(0),
      { a: { b: [] } },
      Buffer.from('sid'),
    ]
    await sessions.insertMany(ids.map((_id) => ({ _id, session, expires: LATER })))
    assert.deepEqual(await store.all(), Array(ids.length + 1).fill(plainSession()))
    assert.equal(await store.length(), ids.length + 1)
    for (const id of ['7', 'null', 'true', '[object Object]']) assert.equal(await store.get(id), null)
  })
}

onBothBackends('an id of megabytes is stored or refused', async ({ open, backend }) => {
  const store = open({})
  for (const size of [7, 15, 17]) {
    const id = 'x'.repeat(size * MEGABYTE)
    const others = Array.from({ length: 5 }, (_, n) => store.set(`sid-${n}`, plainSession({ n })))
    const isTaken = size === 7 || (size === 15 && backend === 'native')
    if (isTaken) {
      await store.set(id, plainSession({ size }))
      assert.deepEqual(await store.get(id), plainSession({ size }))
      await store.destroy(id)
      assert.equal(await store.get(id), null)
    } else {
      await assert.rejects(store.set(id, plainSession({ size })), Error)
    }
    await Promise.all(others)
    assert.equal(await store.length(), 5)
  }
})

for (const backend of BACKENDS.filter((one) => one === 'native')) {
  test('a session larger than BSON may be fails with an error that says so', async (t) => {
    const { open, sessions } = await openOnBackend(t, backend)
    const store = open({ stringify: false })
    const message =
      /^The session takes 17825792 bytes or more as BSON, larger than MongoDB's limit of 16777216$/
    for (const data of [
      { text: 'x'.repeat(20 * MEGABYTE) },
      { text: 'x'.repeat(20 * MEGABYTE), after: 'it' },
      { text: '日'.repeat(6 * MEGABYTE), after: { it: [new Date()] } },
      { ['k'.repeat(20 * MEGABYTE)]: 1, after: 'it' },
      { bytes: Buffer.alloc(18 * MEGABYTE), after: 'it' },
      { list: new Array(2_000_000).fill('abc') },
    ]) {
      const calls = [store.set('large', plainSession(data)), store.set('small', plainSession({ n: 1 }))]
      await assert.rejects(calls[0], { name: 'MongoInvalidArgumentError', message })
      await calls[1]
    }
    assert.deepEqual(await sessions.distinct('_id'), ['small'])
    const error = new RangeError('of the app')
    const toBSON = () => {
      throw error
    }
    await assert.rejects(store.set('sid', plainSession({ in: { toBSON } })), (thrown) => thrown === error)
  })

  test('a toBSON that serializes something else fails its own session', async (t) => {
    const store = (await openOnBackend(t, backend)).open({ stringify: false })
    const overwriting = plainSession({
      a: 1,
      in: { toBSON: () => BSON.serialize({ other: 'session', n: 1 }).length },
    })
    await assert.rejects(store.set('sid', overwriting), { message: /overwritten while it was serialized/ })
    /** @type {Promise<unknown> | undefined} */
    let inner
    const toBSON = () => {
      inner = store.set('inner', plainSession({ inner: true }))
      return 1
    }
    await store.set('outer', plainSession({ in: { toBSON } }))
    await assert.rejects(/** @type {Promise<unknown>} */ (inner), {
      message: /another one is being serialized/,
    })
    assert.deepEqual(await store.get('outer'), plainSession({ in: 1 }))
    await store.set('inner', plainSession({ inner: true }))
    assert.deepEqual(await store.get('inner'), plainSession({ inner: true }))
    assert.equal(await store.length(), 2)
  })
}
