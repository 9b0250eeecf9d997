// `store.reencrypt()`: a whole collection, stored as it would be written today, while others go on writing.
'use strict'

const assert = require('node:assert/strict')
const { before, describe, test } = require('node:test')
const MongoStore = require('../..')
const { openDatabase } = require('../support/database.js')
const { callbackArguments } = require('../support/differential.js')
const { BACKENDS, SECRET, onBothBackends, storedOf } = require('../support/encryption.js')
const { fromExtended, loadVectors } = require('../support/encryption-vectors.js')
const { startServer, withDatabase } = require('../support/server.js')
const { EARLIER, LATER, plainSession } = require('../support/sessions.js')

const OLD = { crypto: { secret: 'old' } }
const RING = { crypto: { secret: ['new', 'old'] } }
const NEW = { crypto: { secret: 'new' } }

/** @param {number} count @returns {string[]} in the order of the collection */
const sids = (count) => Array.from({ length: count }, (_, index) => `sid-${String(index).padStart(4, '0')}`)

/** @param {any} store @param {string[]} ids */
const setAll = (store, ids) => Promise.all(ids.map((id) => store.set(id, plainSession({ id, n: 0 }))))

/** @param {object} counts that are not 0 */
function progress(counts) {
  return { scanned: 0, rewritten: 0, changed: 0, unreadable: 0, done: true, ...counts }
}

// ---- What is stored anew, and as what

/** One of each format that `crypto: { secret }` reads, by its file. */
const OLDER_FORMATS = {
  'v3.json': ['3.2.0-defaults', '3.2.0-defaults-object'],
  'kruptein-2.json': ['4.1.0-2.2.3-defaults', '4.1.0-2.2.3-defaults-object'],
  'kruptein-3.1.json': ['5.1.0-3.1.1-defaults', '5.1.0-3.1.7-defaults-object', '5.1.0-3.1.5-no-asn1'],
  'kruptein-3.2.json': ['5.1.0-3.2.0-defaults'],
  'kruptein-3.3.json': ['5.1.0-3.3.0-defaults'],
  'kruptein-3.4.json': ['5.1.0-3.4.0-defaults', '5.1.0-3.4.0-defaults-object'],
  'web-crypto.json': ['6.0.0-webcrypto-defaults'],
}

/** What is current already with the same options. */
const CURRENT_FORMATS = {
  'kruptein-3.0.json': ['5.1.0-3.0.0-defaults', '5.1.0-3.0.8-defaults', '5.1.0-3.0.9-defaults'],
  'connect-mongo-6.json': ['6.0.0-3.0.8-defaults'],
}

const vectors = loadVectors()

/** @param {Record<string, string[]>} ids by file @returns {import('../support/encryption-vectors.js').Vector[]} */
function vectorsOf(ids) {
  return Object.entries(ids).flatMap(([file, names]) =>
    names.map((name) => {
      const vector = vectors.get(file).find(({ id }) => id === name)
      assert.ok(vector, `There is no vector ${name}`)
      return vector
    })
  )
}

onBothBackends('reencrypt rewrites each older format, and nothing that is current', async (context) => {
  const { sessions, open } = context
  const [older, current] = [vectorsOf(OLDER_FORMATS), vectorsOf(CURRENT_FORMATS)]
  const documents = [...older, ...current].map(({ id, stored }) => ({
    _id: id,
    session: fromExtended(stored),
    expires: LATER,
  }))
  await sessions.insertMany(documents)
  const store = open({ crypto: { secret: SECRET } })
  const total = documents.length
  const last = documents
    .map(({ _id }) => _id)
    .sort()
    .at(-1)
  const expected = progress({ total, scanned: total, rewritten: older.length, last })
  assert.deepEqual(await store.reencrypt({ dryRun: true }), expected)
  // Nothing has been done yet.
  assert.deepEqual(await store.reencrypt(), expected)
  for (const { id, stored } of current) assert.equal(await storedOf(sessions, id), stored)
  const { createKrupteinAdapter } = await import('connect-mongo')
  const six = createKrupteinAdapter({ secret: SECRET })
  for (const { id, session } of older) {
    const { cookie, ...rest } = JSON.parse(session)
    const text = JSON.parse(await six.decrypt(await storedOf(sessions, id)))
    assert.deepEqual(JSON.parse(text), { cookie, ...rest })
  }
  assert.deepEqual(await store.reencrypt(), progress({ total, scanned: total, last }))
})

/** @type {Record<string, { options: () => object, isIt: (stored: any) => boolean }>} what a collection is changed to */
const TARGETS = {
  'another secret': { options: () => RING, isIt: (stored) => stored.startsWith('MII') },
  sealed: {
    options: () => ({ crypto: { ...RING.crypto, format: 'sealed' } }),
    isIt: (stored) => stored._bsontype === 'Binary' && stored.value()[0] === 1,
  },
  'sealed with Argon2id': {
    options: () => ({ crypto: { ...RING.crypto, format: 'sealed', derivation: 'argon2id' } }),
    isIt: (stored) => stored._bsontype === 'Binary' && stored.value()[1] === 2,
  },
  'Web Crypto': {
    options: () => ({
      cryptoAdapter: MongoStore.createWebCryptoAdapter({ secret: ['new', 'old'], encoding: 'hex' }),
    }),
    isIt: (stored) => /^[\da-f]+$/.test(stored),
  },
}

for (const [name, { options, isIt }] of Object.entries(TARGETS)) {
  onBothBackends(`reencrypt changes a collection to ${name}`, async ({ sessions, open }) => {
    const ids = sids(5)
    await setAll(open(OLD), ids)
    await setAll(open({ crypto: { secret: 'old', format: 'sealed' } }), ['sealed-before'])
    await open().set('plain', plainSession({ id: 'plain', n: 0 }))
    await open({ stringify: false }).set('plain-document', plainSession({ id: 'plain-document', n: 0 }))
    const all = [...ids, 'sealed-before', 'plain', 'plain-document']
    const store = open({ ...options(), acceptPlaintext: true })
    const { rewritten, done } = await store.reencrypt({ batchSize: 3 })
    assert.deepEqual({ rewritten, done }, { rewritten: all.length, done: true })
    const strict = open(options())
    for (const id of all) {
      assert.ok(isIt(await storedOf(sessions, id)), id)
      assert.deepEqual(await strict.get(id), plainSession({ id, n: 0 }))
    }
    assert.equal((await strict.reencrypt()).rewritten, 0)
  })
}

onBothBackends('reencrypt makes the older secrets superfluous', async ({ open }) => {
  const ids = sids(20)
  await setAll(open(OLD), ids)
  await setAll(open({ crypto: { secret: 'oldest' } }), ['oldest'])
  await setAll(open(NEW), ['newest'])
  await open({ crypto: { secret: ['new', 'old', 'oldest'] } }).reencrypt()
  const store = open(NEW)
  for (const id of [...ids, 'oldest', 'newest']) assert.deepEqual((await store.get(id)).id, id)
})

onBothBackends('reencrypt touches nothing but the session', async ({ sessions, open }) => {
  const store = open({ ...RING, timestamps: true, touchAfter: 60 })
  await open({ ...OLD, timestamps: true, touchAfter: 60 }).set('sid', plainSession())
  await sessions.updateOne({}, { $set: { updatedAt: EARLIER, lastModified: EARLIER, another: { field: 1 } } })
  const { session: before, ...rest } = await sessions.findOne()
  await store.reencrypt()
  const { session: after, ...restAfter } = await sessions.findOne()
  assert.notEqual(after, before)
  assert.deepEqual(restAfter, rest)
})

onBothBackends('reencrypt leaves what it cannot read, byte for byte', async ({ sessions, open }) => {
  await setAll(open(OLD), ['readable'])
  await setAll(open({ crypto: { secret: 'lost' } }), ['lost'])
  await setAll(open({ crypto: { secret: 'lost', format: 'sealed' } }), ['lost-sealed'])
  await setAll(open(), ['plain'])
  await setAll(open({ stringify: false }), ['plain-document'])
  await sessions.insertMany([
    { _id: 'garbage', session: 'garbage', expires: LATER },
    { _id: 'number', session: 5, expires: LATER },
    { _id: 'null', session: null, expires: LATER },
    { _id: 'missing', expires: LATER },
  ])
  const before = await sessions.find({ _id: { $ne: 'readable' } }).toArray()
  const { rewritten, unreadable, scanned } = await open(RING).reencrypt()
  assert.deepEqual({ rewritten, unreadable, scanned }, { rewritten: 1, unreadable: 8, scanned: 9 })
  assert.deepEqual(await sessions.find({ _id: { $ne: 'readable' } }).toArray(), before)
})

onBothBackends('reencrypt leaves expired sessions', async ({ sessions, open }) => {
  await setAll(open(OLD), ['live', 'expired'])
  await sessions.updateOne({ _id: 'expired' }, { $set: { expires: EARLIER } })
  const before = await storedOf(sessions, 'expired')
  const { total, scanned, rewritten } = await open(RING).reencrypt()
  assert.deepEqual({ total, scanned, rewritten }, { total: 1, scanned: 1, rewritten: 1 })
  assert.equal(await storedOf(sessions, 'expired'), before)
})

onBothBackends('reencrypt takes plain documents as they are, whatever their fields', async (context) => {
  const { sessions, open } = context
  const plain = [{ $ne: 1 }, { $gt: '' }, { $where: 'true' }, { a: { $in: [1] } }, {}]
  await sessions.insertMany(plain.map((session, n) => ({ _id: `sid-${n}`, session, expires: LATER })))
  const options = { ...RING, stringify: false }
  const { rewritten } = await open({ ...options, acceptPlaintext: true }).reencrypt()
  const store = open(options)
  for (const [n, session] of plain.entries()) assert.deepEqual(await store.get(`sid-${n}`), session)
  assert.equal(rewritten, plain.length)
})

onBothBackends("reencrypt keeps what an app's own serialize made", async ({ open }) => {
  const functions = {
    serialize: (/** @type {any} */ session) => `text ${JSON.stringify(session)}`,
    unserialize: (/** @type {any} */ text) => JSON.parse(text.slice('text '.length)),
  }
  await open({ ...OLD, ...functions }).set('sid', plainSession({ half: 'a\ud800' }))
  await open({ ...RING, ...functions }).reencrypt()
  assert.deepEqual(await open({ ...NEW, ...functions }).get('sid'), plainSession({ half: 'a\ud800' }))
})

// ---- How it goes on

onBothBackends('reencrypt tells its progress after each batch', async ({ open }) => {
  await setAll(open(OLD), sids(10))
  await setAll(open(NEW), ['sid-0003', 'sid-0004'])
  await setAll(open({ crypto: { secret: 'lost' } }), ['sid-0007'])
  /** @type {object[]} */
  const told = []
  const result = await open(RING).reencrypt({ batchSize: 4, onProgress: (step) => told.push(step) })
  assert.deepEqual(told, [
    progress({ total: 10, scanned: 4, rewritten: 3, last: 'sid-0003', done: false }),
    progress({ total: 10, scanned: 8, rewritten: 5, unreadable: 1, last: 'sid-0007', done: false }),
    progress({ total: 10, scanned: 10, rewritten: 7, unreadable: 1, last: 'sid-0009', done: true }),
  ])
  assert.deepEqual(result, told.at(-1))
})

onBothBackends('reencrypt of nothing is done at once', async ({ open }) => {
  const expected = progress({ total: 0, last: undefined })
  assert.deepEqual(await open(RING).reencrypt(), expected)
  await setAll(open(NEW), sids(4))
  // A full batch says nothing about what follows it.
  assert.equal((await open(RING).reencrypt({ batchSize: 4 })).scanned, 4)
})

onBothBackends('reencrypt stops when it is told to, and goes on from there', async ({ open, sessions }) => {
  const ids = sids(10)
  await setAll(open(OLD), ids)
  const store = open(RING)
  const controller = new AbortController()
  const stopped = await store.reencrypt({
    batchSize: 3,
    signal: controller.signal,
    onProgress: ({ scanned }) => scanned === 6 && controller.abort(),
  })
  assert.deepEqual(stopped, progress({ total: 10, scanned: 6, rewritten: 6, last: 'sid-0005', done: false }))
  const rest = await Promise.all(ids.slice(6).map((id) => storedOf(sessions, id)))
  assert.deepEqual(await store.reencrypt({ signal: controller.signal, after: stopped.last }), {
    ...progress({ total: 10, done: false }),
    last: stopped.last,
  })
  assert.deepEqual(await Promise.all(ids.slice(6).map((id) => storedOf(sessions, id))), rest)
  assert.deepEqual(
    await store.reencrypt({ after: stopped.last }),
    progress({ total: 10, scanned: 4, rewritten: 4, last: 'sid-0009' })
  )
  for (const id of ids) assert.deepEqual(await open(NEW).get(id), plainSession({ id, n: 0 }))
})

onBothBackends('reencrypt stops when the store is closed', async ({ open, sessions }) => {
  const ids = sids(30)
  await setAll(open(OLD), ids)
  const store = open(RING)
  /** @type {Promise<void> | undefined} */
  let closing
  const result = await store.reencrypt({
    batchSize: 10,
    onProgress: () => {
      closing = store.close()
    },
  })
  await closing
  assert.deepEqual(result, progress({ total: 30, scanned: 10, rewritten: 10, last: 'sid-0009', done: false }))
  assert.equal(await sessions.countDocuments(), 30)
  await assert.rejects(store.reencrypt(), { code: 'ERR_STORE_CLOSED' })
})

onBothBackends('reencrypt fails with what onProgress throws', async ({ open }) => {
  const mine = new Error('mine')
  await setAll(open(OLD), sids(2))
  const onProgress = () => {
    throw mine
  }
  await assert.rejects(open(RING).reencrypt({ onProgress }), mine)
})

onBothBackends('reencrypt takes a callback', async ({ open }) => {
  await setAll(open(OLD), sids(2))
  const store = open(RING)
  const expected = progress({ total: 2, scanned: 2, last: 'sid-0001' })
  assert.deepEqual(await callbackArguments(store, 'reencrypt'), [null, { ...expected, rewritten: 2 }])
  assert.deepEqual(await callbackArguments(store, 'reencrypt', { batchSize: 1 }), [null, expected])
  const [error] = await callbackArguments(store, 'reencrypt', { batchSize: 0 })
  assert.equal(error.name, 'TypeError')
})

onBothBackends('reencrypt without an encryption of this package fails', async ({ open }) => {
  const text = (/** @type {string} */ plain) => plain
  for (const options of [
    {},
    { crypto: { secret: false } },
    { cryptoAdapter: { encrypt: text, decrypt: text } },
  ]) {
    await assert.rejects(open(options).reencrypt(), { message: /^reencrypt needs the option crypto/ })
  }
})

onBothBackends('reencrypt refuses options that make no sense', async ({ open }) => {
  const store = open(RING)
  for (const batchSize of [0, -1, 1.5, 10_001, '10', null, Number.NaN]) {
    await assert.rejects(store.reencrypt({ batchSize }), { name: 'TypeError', message: /^batchSize / })
  }
  for (const after of [5, {}, null]) {
    await assert.rejects(store.reencrypt({ after }), { name: 'TypeError', message: /^after / })
  }
})

onBothBackends('reencrypt fails with what the server refuses', async ({ open, db, sessions }) => {
  await setAll(open(OLD), ['sid'])
  const before = await storedOf(sessions, 'sid')
  const validator = { session: before }
  await db.command({ collMod: 'sessions', validator })
  await assert.rejects(open(RING).reencrypt(), { name: 'MongoServerError', code: 121 })
  assert.equal(await storedOf(sessions, 'sid'), before)
})

// ---- Others write meanwhile

onBothBackends('no update is lost to reencrypt', async ({ open }) => {
  const ids = sids(150)
  const [old, store] = [open(OLD), open(RING)]
  await setAll(old, ids)
  /** @type {Map<string, object | null>} what was done to each last, and acknowledged */
  const latest = new Map(ids.map((id) => [id, plainSession({ id, n: 0 })]))
  let isOver = false

  /** Each session has one writer, so that its last update is known. @param {number} writer @param {any} through */
  async function write(writer, through) {
    const own = ids.filter((_, index) => index % 4 === writer)
    for (let n = 1; !isOver; n++) {
      const id = own[(n * 7) % own.length]
      const session = n % 11 === 0 ? null : plainSession({ id, n })
      await (session ? through.set(id, session) : through.destroy(id))
      latest.set(id, session)
    }
  }

  const writers = [write(0, old), write(1, store), write(2, old), write(3, store)]
  const runs = [await store.reencrypt({ batchSize: 10 }), await store.reencrypt({ batchSize: 7 })]
  isOver = true
  await Promise.all(writers)
  for (const { done, unreadable } of runs)
    assert.deepEqual({ done, unreadable }, { done: true, unreadable: 0 })
  for (const [id, session] of latest) assert.deepEqual(await store.get(id), session)
})

describe('between the reading and the writing of a batch', () => {
  /** @type {Awaited<ReturnType<typeof startServer>>} */
  let server
  before(async () => {
    server = await startServer({ args: ['--setParameter', 'enableTestCommands=1'] })
  })

  /**
   * Runs reencrypt on one session, and something else before the update of it reaches the collection.
   *
   * @param {import('node:test').TestContext} t
   * @param {typeof BACKENDS[number]} backend
   * @param {(context: any) => Promise<unknown>} meanwhile
   */
  async function interrupted(t, backend, meanwhile) {
    const name = `reencrypt_${Math.random().toString(36).slice(2)}`
    const { sessions, db, open } = await openDatabase(t, withDatabase(server.getUri(), name))
    const mongoOptions = { appName: name }
    const store = open({ ...RING, backend, mongoOptions, autoRemove: 'disabled' })
    const other = open({ ...OLD, autoRemove: 'disabled' })
    await other.set('sid', plainSession({ n: 1 }))
    const admin = db.admin()
    const data = { failCommands: ['update'], appName: name, blockConnection: true, blockTimeMS: 1000 }
    const { count } = await admin.command({
      configureFailPoint: 'failCommand',
      mode: { times: 1 },
      data,
    })
    const running = store.reencrypt()
    await admin.command({ waitForFailPoint: 'failCommand', timesEntered: count + 1, maxTimeMS: 10_000 })
    await meanwhile({ sessions, other })
    return { result: await running, store, sessions }
  }

  for (const backend of BACKENDS) {
    test(`a session that was set stays as it was set [${backend}]`, async (t) => {
      const { result, store } = await interrupted(t, backend, ({ other }) =>
        other.set('sid', plainSession({ n: 2 }))
      )
      assert.deepEqual(result, progress({ total: 1, scanned: 1, changed: 1, last: 'sid' }))
      assert.deepEqual(await store.get('sid'), plainSession({ n: 2 }))
    })

    test(`a session that was destroyed stays so [${backend}]`, async (t) => {
      const { result, sessions } = await interrupted(t, backend, ({ other }) => other.destroy('sid'))
      assert.deepEqual(result, progress({ total: 1, scanned: 1, changed: 1, last: 'sid' }))
      assert.equal(await sessions.countDocuments(), 0)
    })

    test(`a session that was touched keeps its date [${backend}]`, async (t) => {
      const expires = '2105-01-01T00:00:00.000Z'
      const { result, sessions, store } = await interrupted(t, backend, ({ other }) =>
        other.touch('sid', plainSession({ cookie: { expires } }))
      )
      assert.deepEqual(result, progress({ total: 1, scanned: 1, rewritten: 1, last: 'sid' }))
      assert.equal((await sessions.findOne()).expires.toJSON(), expires)
      assert.equal((await store.get('sid')).n, 1)
    })
  }
})
