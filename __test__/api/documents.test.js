// What is in MongoDB after the same calls, byte for byte, and whether each implementation can go on with what the other
// wrote: the two may run side by side on one collection.
'use strict'

const assert = require('node:assert/strict')
const mongodb = require('mongodb')
const { BSON, ObjectId } = mongodb
const { acrossImplementations, forEachImplementation } = require('../support/differential.js')
const { EARLIER, LATER, expressSession, fromNow, plainSession } = require('../support/sessions.js')

/** @typedef {import('../support/differential.js').Context} Context */

const DATE = 9

/**
 * The fields of a raw document in their order.
 *
 * @param {Uint8Array} bytes
 */
function fieldsOf(bytes) {
  const buffer = Buffer.from(bytes)
  const elements = /** @type {any} */ (BSON.onDemand.parseToElements(bytes))
  return elements.map((/** @type {number[]} */ [type, nameOffset, nameLength, offset, length]) => ({
    name: buffer.toString('utf8', nameOffset, nameOffset + nameLength),
    type,
    bytes: buffer.subarray(offset, offset + length),
  }))
}

/**
 * The same with the times of the clock replaced by a word, having checked that they are times of this minute.
 *
 * @param {Uint8Array} bytes
 * @param {string[]} clocked the names of the fields whose value is the time of the call
 * @param {number} [offset] of those times from now, in milliseconds
 */
function comparable(bytes, clocked, offset = 0) {
  return fieldsOf(bytes).map(({ name, type, bytes: value }) => {
    if (!clocked.includes(name)) return { name, type, value: value.toString('hex') }
    assert.equal(type, DATE, `${name} is not a date`)
    const age = Date.now() + offset - Number(value.readBigInt64LE())
    assert.ok(Math.abs(age) < 60_000, `${name} is ${age} ms off`)
    return { name, type, value: 'now' }
  })
}

/** @param {import('mongodb').Collection} collection @returns {Promise<any[]>} */
function rawDocuments(collection) {
  return collection.find({}, { raw: true, sort: { _id: 1 } }).toArray()
}

const base64 = {
  serialize: (/** @type {unknown} */ value) => Buffer.from(JSON.stringify(value)).toString('base64'),
  unserialize: (/** @type {string} */ stored) => JSON.parse(Buffer.from(stored, 'base64').toString()),
}
const withVersion = {
  serialize: (/** @type {any} */ value) => ({ version: 2, text: JSON.stringify(value) }),
  unserialize: (/** @type {any} */ stored) => JSON.parse(stored.text),
}

/** @type {Record<string, { options: object, clocked?: string[], collectionName?: string }>} */
const OPTIONS = {
  'no options': { options: {} },
  'stringify: true': { options: { stringify: true } },
  'stringify: false': { options: { stringify: false } },
  ttl: { options: { ttl: 3600 } },
  touchAfter: { options: { touchAfter: 3600 }, clocked: ['lastModified'] },
  'a touchAfter that lets every touch through': { options: { touchAfter: 1e-9 }, clocked: ['lastModified'] },
  timestamps: { options: { timestamps: true }, clocked: ['createdAt', 'updatedAt'] },
  transformId: { options: { transformId: (/** @type {string} */ sid) => `app:${sid}` } },
  'serialize and unserialize to text': { options: base64 },
  'serialize and unserialize to an object': { options: withVersion },
  'unserialize alone': { options: { unserialize: (/** @type {unknown} */ stored) => stored } },
  collectionName: { options: { collectionName: 'other' }, collectionName: 'other' },
  'autoRemove: interval': { options: { autoRemove: 'interval' } },
  'autoRemove: native': { options: { autoRemove: 'native' } },
  'writeOperationOptions w: 1, j': { options: { writeOperationOptions: { w: 1, j: true } } },
  'writeOperationOptions w: majority': { options: { writeOperationOptions: { w: 'majority' } } },
  'stringify: false, touchAfter and timestamps': {
    options: { stringify: false, touchAfter: 3600, timestamps: true },
    clocked: ['lastModified', 'createdAt', 'updatedAt'],
  },
  'everything at once': {
    options: {
      ...base64,
      touchAfter: 3600,
      timestamps: true,
      ttl: 60,
      collectionName: 'other',
      transformId: (/** @type {string} */ sid) => sid.toUpperCase(),
      writeOperationOptions: { w: 'majority' },
    },
    clocked: ['lastModified', 'createdAt', 'updatedAt'],
    collectionName: 'other',
  },
}

const SESSIONS = {
  plain: () => plainSession({ user: 'ada', roles: ['admin', { n: 1 }], 'ключ.$': '🔑' }),
  express: () => expressSession({ views: 3, big: 2 ** 40, fraction: 0.5, minus: -0 }),
  dates: () => ({ cookie: { expires: LATER, maxAge: null }, at: EARLIER, no: undefined, none: null }),
  bson: (/** @type {typeof import('mongodb')} */ { Decimal128, Long, ObjectId }) =>
    plainSession({
      id: new ObjectId('65a0c0ffee0123456789abcd'),
      price: Decimal128.fromString('1.10'),
      long: Long.fromString('9007199254740993'),
      pattern: /a/i,
      bytes: Buffer.from([1, 2]),
    }),
}

/**
 * As BSON, only a driver's own classes will do; as JSON, those of each version have a text of their own.
 *
 * @param {{ stringify?: boolean, serialize?: unknown, unserialize?: unknown }} options
 * @param {Context} context
 */
function classesFor({ stringify, serialize, unserialize }, { driver }) {
  return stringify === false || (unserialize && !serialize) ? driver : mongodb
}

/** Who writes and who reads: connect-mongo with each of the others, and the native store with each. @param {Context[]} contexts */
function couples(contexts) {
  const isPivot = (/** @type {Context} */ { implementation }) =>
    implementation.original || implementation.id === 'native'
  return contexts.flatMap((writer) =>
    contexts
      .filter((reader) => reader !== writer && (isPivot(writer) || isPivot(reader)))
      .map((reader) => [writer, reader])
  )
}

/** @param {Context[]} contexts @param {string} [name] */
const collectionsOf = (contexts, name = 'sessions') =>
  contexts.map(({ database }) => database.collection(name))

/** @param {import('mongodb').Collection[]} collections @param {string[]} clocked @param {number} [offset] */
async function assertSameDocuments(collections, clocked, offset) {
  const [ours, ...others] = await Promise.all(
    collections.map(async (collection) =>
      (await rawDocuments(collection)).map((document) => comparable(document, clocked, offset))
    )
  )
  assert.notEqual(ours.length, 0)
  for (const other of others) assert.deepEqual(ours, other)
}

for (const [name, { options, clocked = [], collectionName }] of Object.entries(OPTIONS)) {
  acrossImplementations(`${name}: the documents are the same, byte for byte`, async (_t, contexts) => {
    const collections = collectionsOf(contexts, collectionName)
    const stores = contexts.map(({ open }) => open(options))
    for (const [sid, make] of Object.entries(SESSIONS))
      await Promise.all(stores.map(({ set }, index) => set(sid, make(classesFor(options, contexts[index])))))
    await assertSameDocuments(collections, clocked)
    // Set again, with other fields, and touched.
    await Promise.all(stores.map(({ set }) => set('plain', plainSession({ changed: true }))))
    await Promise.all(
      stores.map(({ touch }) => touch('express', { cookie: { expires: new Date('2099-09-09') } }))
    )
    await assertSameDocuments(collections, clocked)
  })

  acrossImplementations(
    `${name}: the documents of a session without a date are the same`,
    async (_t, contexts) => {
      const { ttl = 1_209_600 } = /** @type {{ ttl?: number }} */ (options)
      const collections = collectionsOf(contexts, collectionName)
      const stores = contexts.map(({ open }) => open(options))
      await Promise.all(stores.map(({ set }) => set('sid', { cookie: { path: '/' }, n: 1 })))
      const documents = await Promise.all(collections.map(rawDocuments))
      const [ours, ...others] = documents.map(([document]) => ({
        expires: comparable(document, ['expires'], ttl * 1000).filter((field) => field.name === 'expires'),
        rest: comparable(document, clocked).filter((field) => field.name !== 'expires'),
      }))
      for (const other of others) assert.deepEqual(ours, other)
    }
  )

  acrossImplementations(`${name}: each reads and goes on with what the other wrote`, async (_t, contexts) => {
    for (const [writer, reader] of couples(contexts)) {
      const { set, get, length, destroy } = writer.open(options)
      const other = reader.open({ ...options, mongoUrl: writer.url })
      for (const [sid, make] of Object.entries(SESSIONS)) {
        await set(sid, make(writer.driver))
        const [own, others] = await Promise.all([get(sid), other.get(sid)])
        assert.deepEqual(plain(others, reader), plain(own, writer), sid)
      }
      assert.deepEqual(plain(await other.all(), reader), plain(await writer.open(options).all(), writer))
      assert.equal(await other.length(), await length())

      await other.touch('plain', { cookie: { expires: fromNow(1e9) } })
      await other.set('express', plainSession({ changed: true }))
      assert.equal((await get('express')).changed, true)
      await set('dates', plainSession({ changed: true }))
      assert.equal((await other.get('dates')).changed, true)

      await other.destroy('plain')
      assert.equal(await get('plain'), null)
      await destroy('express')
      assert.equal(await other.get('express'), null)
      await other.clear()
      assert.equal(await length(), 0)
    }
  })
}

/**
 * The same whatever driver's classes it is made of, and without the `lastModified` that connect-mongo adds.
 *
 * @param {any} fetched one session or several
 * @param {Context} context
 */
function plain(fetched, { driver }) {
  const sessions = Array.isArray(fetched) ? fetched : [withoutBookkeeping(fetched)]
  return driver.BSON.EJSON.stringify(sessions, { relaxed: false })
}

/** connect-mongo puts `lastModified` on what it fetched. @param {any} fetched */
function withoutBookkeeping(fetched) {
  const { lastModified, ...session } = fetched
  return session
}

acrossImplementations(
  'a session set by one, touched by the other, is read by both with one date',
  async (_t, contexts) => {
    for (const [writer, toucher] of couples(contexts)) {
      const { set, get } = writer.open()
      const other = toucher.open({ mongoUrl: writer.url })
      await set('sid', plainSession({ n: 1 }))
      const touched = { cookie: { expires: new Date('2100-02-03T00:00:00.000Z') } }
      await other.touch('sid', touched)
      assert.deepEqual((await writer.collection.findOne())?.expires, touched.cookie.expires)
      assert.equal((await get('sid')).n, 1)
      assert.equal((await other.get('sid')).n, 1)
      await other.destroy('sid')
      assert.equal(await get('sid'), null)
    }
  }
)

acrossImplementations(
  'a touch inside touchAfter is skipped whoever wrote the document',
  async (_t, contexts) => {
    for (const [writer, toucher] of couples(contexts)) {
      const { set } = writer.open({ touchAfter: 60 })
      const other = toucher.open({ touchAfter: 60, mongoUrl: writer.url })
      await set('sid', plainSession())
      const [before] = await rawDocuments(writer.collection)
      await other.touch('sid', await other.get('sid'))
      assert.deepEqual(await rawDocuments(writer.collection), [before])
      assert.deepEqual(
        other.events.map(([name]) => name),
        ['get']
      )
      await writer.collection.updateOne({}, { $set: { lastModified: fromNow(-61_000) } })
      await other.touch('sid', await other.get('sid'))
      assert.equal(other.events.at(-1)?.[0], 'touch')
    }
  }
)

acrossImplementations('options may change between two programs on one collection', async (_t, contexts) => {
  for (const [writer, other] of couples(contexts)) {
    const plain = writer.open()
    const rich = other.open({ touchAfter: 60, timestamps: true, mongoUrl: writer.url })
    await plain.set('sid', plainSession({ n: 1 }))
    await rich.set('sid', plainSession({ n: 2 }))
    assert.deepEqual(Object.keys((await writer.collection.findOne()) ?? {}), [
      '_id',
      'expires',
      'session',
      'lastModified',
      'updatedAt',
    ])
    await plain.set('sid', plainSession({ n: 3 }))
    const document = /** @type {any} */ (await writer.collection.findOne())
    assert.ok(document.lastModified instanceof Date)
    assert.ok(document.updatedAt instanceof Date)
    assert.deepEqual(await rich.get('sid').then(withoutBookkeeping), plainSession({ n: 3 }))
  }
})

acrossImplementations('the TTL index of one is the other’s', async (_t, contexts) => {
  for (const [first, second] of couples(contexts)) {
    await first.open({ autoRemove: 'native' }).set('sid', plainSession())
    const other = second.open({ autoRemove: 'native', mongoUrl: first.url })
    assert.deepEqual(await other.get('sid'), plainSession())
    await other.store.close()
    assert.equal((await first.collection.listIndexes().toArray()).length, 2)
    assert.deepEqual(other.events, [['get', 'sid']])
  }
})

// ---- Many calls, one after the other

/** A small generator of numbers that are the same in every run. @param {number} seed @returns {(below: number) => number} */
function numbers(seed) {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** @param {number} seed @returns {{ method: string, args: any[] }[]} */
function randomCalls(seed) {
  const next = numbers(seed)
  return Array.from({ length: 150 }, (_, step) => {
    const sid = `sid ${next(5)}`
    const expires = [LATER, LATER.toJSON(), EARLIER, new Date('2101-01-01')][next(4)]
    const value = { cookie: { expires, path: '/' }, step, data: 'x'.repeat(next(50)), list: [next(9)] }
    const method = ['get', 'get', 'get', 'set', 'set', 'set', 'touch', 'touch', 'destroy', 'all', 'clear'][
      next(11)
    ]
    const args = { get: [sid], set: [sid, value], touch: [sid, value], destroy: [sid] }[method] ?? []
    return { method, args }
  })
}

/** A missing session’s touch and the date of a fetched cookie differ on purpose. @param {any} answer */
function withoutDifferences(answer) {
  if (answer instanceof Error) return answer.message === 'Unable to find the session to touch' ? null : answer
  return JSON.parse(
    JSON.stringify(answer ?? null, (key, value) => (key === 'expires' && value ? 'some date' : value))
  )
}

for (const [name, options] of Object.entries({
  'no options': {},
  'stringify: false': { stringify: false },
  timestamps: { timestamps: true },
})) {
  acrossImplementations(
    `${name}: 150 random calls give the same answers, events and documents`,
    async (t, contexts) => {
      const seed = Number(process.env.SEED ?? 20_000 + Math.floor(Math.random() * 1e6))
      t.diagnostic(`SEED=${seed}`)
      const opened = contexts.map(({ open }) => open(options))
      for (const { method, args } of randomCalls(seed)) {
        const answers = await Promise.all(
          opened.map((store) =>
            /** @type {any} */ (store)[method](...args).catch((/** @type {Error} */ error) => error)
          )
        )
        const [ours, ...others] = answers.map(withoutDifferences)
        for (const other of others) assert.deepEqual(ours, other, `${method} ${JSON.stringify(args)}`)
      }
      const [ours, ...others] = opened.map(({ events }) =>
        events.filter(([event]) => event !== 'touch-missed').map((event) => withoutDifferences(event))
      )
      for (const other of others) assert.deepEqual(ours, other)
      const documents = await Promise.all(
        contexts.map(async ({ collection }) =>
          (await rawDocuments(collection)).map((document) => comparable(document, ['createdAt', 'updatedAt']))
        )
      )
      for (const other of documents.slice(1)) assert.deepEqual(documents[0], other)
    }
  )
}

// ---- Documents of older versions and of other hands

forEachImplementation(
  'a document with fields that nobody knows keeps them',
  async (_t, { open, collection }) => {
    await collection.insertOne(
      /** @type {any} */ ({ _id: 'sid', mine: 1, session: '{"n":1}', expires: LATER, userId: new ObjectId() })
    )
    const { get, set, touch } = open({ timestamps: true, touchAfter: 1 })
    await touch('sid', await get('sid'))
    await set('sid', plainSession())
    const document = /** @type {any} */ (await collection.findOne())
    assert.equal(document.mine, 1)
    assert.ok(document.userId instanceof ObjectId)
  }
)

forEachImplementation(
  'an object that was stored is read with stringify false',
  async (_t, { open, collection }) => {
    await collection.insertOne(
      /** @type {any} */ ({ _id: 'sid', session: { n: 1, at: EARLIER }, expires: LATER })
    )
    assert.deepEqual(await open({ stringify: false }).get('sid'), { n: 1, at: EARLIER })
  }
)
