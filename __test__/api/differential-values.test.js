// What sessions may hold and what the user's functions may return: the same on this package and on connect-mongo.
'use strict'

const assert = require('node:assert/strict')
const mongodb = require('mongodb')
const { forDifference, forEachImplementation, forOurs } = require('../support/differential.js')
const { isBefore5 } = require('../support/server.js')
const { EARLIER, LATER, eventually, expressSession, plainSession } = require('../support/sessions.js')

/** @typedef {typeof mongodb} Driver */

/** Values in the classes of one driver, which takes no other driver's. @param {Driver} driver */
const samples = ({ BSON, Binary, Decimal128, Long, ObjectId }) => ({
  id: new ObjectId('65a0c0ffee0123456789abcd'),
  price: Decimal128.fromString('12.3400'),
  huge: Long.fromString('9007199254740993'),
  uuid: new BSON.UUID('0123e456-7890-4abc-9def-0123456789ab'),
  binary: new Binary(Buffer.from('x'), 128),
})

const withMethod = {
  n: 1,
  toJSON: () => 'JSON',
  toBSON: () => ({ from: 'toBSON' }),
}

class Point {
  constructor() {
    this.x = 1
  }
}

/** What comes back with `stringify: false`, where it is not the value itself. @type {Record<string, [unknown, unknown?]>} */
const VALUES = {
  text: ['ключ 🔑'],
  'an empty text': [''],
  'text with a zero': ['a\0b'],
  'a lone surrogate': ['\ud800', '\ufffd'],
  true: [true],
  null: [null],
  undefined: [undefined, null],
  zero: [0],
  'minus zero': [-0],
  NaN: [Number.NaN],
  Infinity: [Number.NEGATIVE_INFINITY],
  'a 32-bit whole number': [-2_147_483_648],
  'a 33-bit whole number': [2_147_483_648],
  'the largest safe number': [Number.MAX_SAFE_INTEGER],
  'a fraction': [0.1],
  'a small BigInt': [7n, 7],
  'a Date': [EARLIER],
  'the last Date': [new Date(8.64e15)],
  'an invalid Date': [new Date(Number.NaN), new Date(0)],
  'a RegExp': [/a.b+/im],
  'a function': [() => 1, 'absent'],
  'a symbol': [Symbol('s'), 'absent'],
  'an empty object': [{}],
  'an empty array': [[]],
  'nested arrays': [
    [1, [2, [3, [undefined, () => 1]]]],
    [1, [2, [3, [null]]]],
  ],
  'a sparse array': [Object.assign([1], { 2: 3 }), [1, null, 3]],
  'an object without a prototype': [Object.assign(Object.create(null), { n: 1 }), { n: 1 }],
  'an instance of a class': [new Point(), { x: 1 }],
  'a Map': [new Map([['a', 1]]), { a: 1 }],
  'a Set': [new Set([1]), {}],
  'an Error': [Object.assign(new Error('message'), { code: 7 }), { code: 7 }],
  'an object with toBSON': [withMethod, { from: 'toBSON' }],
  'keys with dots and dollars': [{ 'a.b': 1, $set: { $inc: 1 }, '': 2 }],
  'keys that look like indexes': [{ 2: 'b', 10: 'c', 1: 'a' }],
}

/** The same for what a driver has classes for. @param {Driver} driver @returns {Record<string, [unknown, unknown?]>} */
function driverValues(driver) {
  const { BSONRegExp, BSONSymbol, Binary, Code, DBRef, Double, Int32, Long, MaxKey, MinKey, Timestamp } =
    driver
  const { binary, huge, id, price, uuid } = samples(driver)
  return {
    'a large BigInt': [9_007_199_254_740_993n, huge],
    'an ObjectId': [id],
    'a Decimal128': [price],
    'a small Long': [Long.fromNumber(5), 5],
    'a Long beyond the safe numbers': [huge],
    'an Int32': [new Int32(5), 5],
    'a Double': [new Double(5), 5],
    'a Timestamp': [Timestamp.fromBits(1, 2)],
    'a MinKey': [new MinKey()],
    'a MaxKey': [new MaxKey()],
    'a Buffer': [Buffer.from([0, 1, 255]), new Binary(Buffer.from([0, 1, 255]))],
    'a Uint8Array': [new Uint8Array([3, 4]), new Binary(new Uint8Array([3, 4]))],
    'an empty Buffer': [Buffer.alloc(0), new Binary(Buffer.alloc(0))],
    'a Binary': [binary],
    'a UUID': [uuid],
    'a BSONRegExp': [new BSONRegExp('a', 'i'), /a/i],
    'a BSONSymbol': [new BSONSymbol('s'), 's'],
    'a Code': [new Code('f()', { n: 1 })],
    'a DBRef': [new DBRef('things', id)],
  }
}

/**
 * @param {unknown} value equal when their EJSON and their classes are: copies of bson have private state of their own
 * @param {Driver} [driver] whose classes it is made of
 */
const shape = (value, { BSON } = mongodb) => ({
  text: BSON.EJSON.stringify(value, { relaxed: false }),
  class: Object.prototype.toString.call(value) + (Object(value).constructor?.name ?? ''),
  negativeZero: Object.is(value, -0),
})

/** What MongoDB 4.4 refuses, DollarPrefixedFieldName. */
const REFUSED_BEFORE_5 = 'keys with dots and dollars'

for (const name of [...Object.keys(VALUES), ...Object.keys(driverValues(mongodb))]) {
  forEachImplementation(
    `stringify false: ${name} comes back as the driver gives it`,
    async (_t, { open, database, collection, driver }) => {
      const [value, expected = value] = VALUES[name] ?? driverValues(driver)[name]
      const { set, get, all } = open({ stringify: false })
      const given = plainSession({ value, list: [{ value }], after: 'it' })
      if (name === REFUSED_BEFORE_5 && (await isBefore5(database)))
        return assert.rejects(set('sid', given), { code: 52 })
      await set('sid', given)
      const viaDriver = /** @type {any} */ (await collection.findOne()).session
      const fetched = await get('sid')
      assert.deepEqual(shape(fetched, driver), shape(viaDriver))
      assert.deepEqual(
        shape(fetched.value, driver),
        shape(expected === 'absent' ? undefined : expected, driver)
      )
      assert.equal('value' in fetched, expected !== 'absent')
      assert.equal(fetched.after, 'it')
      assert.deepEqual(shape((await all())[0], driver), shape(fetched, driver))
    }
  )
}

forEachImplementation(
  'stringify false: the classes are those of the app’s mongodb package',
  async (_t, { open, driver }) => {
    const { set, get } = open({ stringify: false })
    await set('sid', plainSession({ ...samples(driver), bytes: Buffer.from('x') }))
    const fetched = await get('sid')
    assert.ok(fetched.id instanceof driver.ObjectId)
    assert.ok(fetched.price instanceof driver.Decimal128)
    assert.ok(fetched.huge instanceof driver.Long)
    assert.ok(fetched.uuid instanceof driver.BSON.UUID)
    assert.ok(fetched.bytes instanceof driver.Binary)
  }
)

forEachImplementation(
  'stringify false: an express-session session is stored with a plain cookie',
  async (_t, context) => {
    const { set, get } = context.open({ stringify: false })
    const made = expressSession({ user: 'ada' })
    await set('sid', made)
    const { session } = /** @type {any} */ (await context.collection.findOne())
    assert.deepEqual(Object.keys(session), ['cookie', 'user'])
    assert.deepEqual(Object.keys(session.cookie), Object.keys(made.cookie.toJSON()))
    assert.deepEqual(session.cookie.expires, LATER)
    const fetched = await get('sid')
    assert.deepEqual(fetched, session)
  }
)

forEachImplementation(
  'stringify false: what BSON cannot hold fails that call',
  async (_t, { open, collection }) => {
    const { set, events } = open({ stringify: false })
    const circular = plainSession()
    circular.self = circular
    await assert.rejects(set('sid', circular), { name: 'BSONError', message: /circular/i })
    await assert.rejects(set('sid', plainSession({ 'a\0b': 1 })), {
      name: 'BSONError',
      message: /null bytes/,
    })
    const error = new RangeError('from toBSON')
    const failing = {
      toBSON() {
        throw error
      },
    }
    await assert.rejects(set('sid', plainSession({ failing })), (thrown) => thrown === error)
    await assert.rejects(set('sid', null), { name: 'TypeError' })
    assert.deepEqual(events, [])
    assert.equal(await collection.countDocuments(), 0)
  }
)

forEachImplementation(
  'stringify false: a key __proto__ in the data becomes no prototype',
  async (_t, { open }) => {
    const { set, get } = open({ stringify: false })
    await set('sid', plainSession({ deep: JSON.parse('{"__proto__":{"polluted":true}}') }))
    const { deep } = await get('sid')
    assert.equal(deep.polluted, undefined)
    assert.deepEqual(Object.keys(deep), ['__proto__'])
  }
)

forEachImplementation('stringify: JSON’s own rules hold', async (_t, { open, driver }) => {
  const { set, get } = open()
  const value = {
    date: EARLIER,
    nothing: undefined,
    none: Number.NaN,
    list: [undefined, () => 1],
    ...samples(driver),
    buffer: Buffer.from('x'),
    method: withMethod,
    lone: '\ud800',
    map: new Map([['a', 1]]),
    deep: JSON.parse('{"__proto__":{"polluted":true}}'),
  }
  await set('sid', plainSession(value))
  const fetched = await get('sid')
  assert.deepEqual(fetched, JSON.parse(JSON.stringify(plainSession(value))))
  assert.equal(fetched.deep.polluted, undefined)
})

for (const stringify of [undefined, null, 0, '', 'false', 1]) {
  forEachImplementation(
    `stringify ${JSON.stringify(stringify)} is not false`,
    async (_t, { open, collection }) => {
      await open({ stringify }).set('sid', plainSession())
      assert.equal((await collection.findOne())?.session, JSON.stringify(plainSession()))
    }
  )
}

forEachImplementation('mongoOptions.ignoreUndefined holds for sessions', async (_t, { open, collection }) => {
  await open({ stringify: false, mongoOptions: { ignoreUndefined: true } }).set(
    'sid',
    plainSession({ no: undefined, n: 1 })
  )
  assert.deepEqual(Object.keys((await collection.findOne())?.session), ['cookie', 'n'])
})

forEachImplementation('mongoOptions.promoteLongs and bsonRegExp hold for sessions', async (_t, context) => {
  const { open, driver } = context
  const { BSONRegExp, Long } = driver
  const { set, get } = open({ stringify: false, mongoOptions: { promoteLongs: false, bsonRegExp: true } })
  await set('sid', plainSession({ long: Long.fromNumber(5), pattern: /a/i }))
  const { long, pattern } = await get('sid')
  assert.ok(long instanceof Long)
  assert.ok(pattern instanceof BSONRegExp)
})

// ---- serialize and unserialize

/** @type {Record<string, unknown>} */
const RESULTS = {
  text: 'text',
  'empty text': '',
  'JSON text': '{"n":1}',
  'an object': { nested: { n: 1 } },
  'an array': [1, { n: 2 }, [3]],
  'a number': 7,
  'a fraction': 0.5,
  true: true,
  false: false,
  null: null,
  'a Date': EARLIER,
}

/** @param {string} name @param {Driver} driver */
const resultOf = (name, driver) => (name in RESULTS ? RESULTS[name] : samples(driver).id)

for (const name of [...Object.keys(RESULTS), 'an ObjectId']) {
  forEachImplementation(`serialize alone may return ${name}`, async (_t, { open, collection, driver }) => {
    const result = resultOf(name, driver)
    const { set, get, all } = open({ serialize: () => result })
    await set('sid', plainSession())
    assert.deepEqual(shape((await collection.findOne())?.session), shape(result, driver))
    assert.deepEqual(await get('sid'), result)
    assert.deepEqual(await all(), [result])
  })

  forEachImplementation(`unserialize alone may return ${name}`, async (_t, { open, driver }) => {
    const result = resultOf(name, driver)
    const { set, get, all } = open({ unserialize: () => result })
    await set('sid', plainSession())
    assert.deepEqual(await get('sid'), result)
    assert.deepEqual(await all(), [result])
  })
}

forEachImplementation('serialize that returns undefined stores null', async (_t, { open, collection }) => {
  const { set, get } = open({ serialize: () => undefined })
  await set('sid', plainSession())
  assert.equal((await collection.findOne())?.session, null)
  assert.equal(await get('sid'), null)
})

forEachImplementation('unserialize that returns undefined is no session', async (_t, { open }) => {
  const { set, get, all } = open({ unserialize: () => undefined })
  await set('sid', plainSession())
  assert.equal(await get('sid'), null)
  assert.deepEqual(await all(), [undefined])
})

forEachImplementation('serialize gets the very session, and nothing else', async (_t, { open }) => {
  /** @type {unknown[][]} */
  const calls = []
  const serialize = (/** @type {unknown[]} */ ...args) => {
    calls.push(args)
    return 'stored'
  }
  const { set, touch, get } = open({ serialize })
  const given = expressSession()
  await set('sid', given)
  await touch('sid', given)
  await get('sid')
  assert.equal(calls.length, 1)
  assert.equal(calls[0].length, 1)
  assert.equal(calls[0][0], given)
})

forEachImplementation(
  'unserialize gets what is stored, and nothing else',
  async (_t, { open, collection }) => {
    /** @type {unknown[][]} */
    const calls = []
    const unserialize = (/** @type {unknown[]} */ ...args) => {
      calls.push(args)
      return { made: calls.length }
    }
    const { get, all, set } = open({ unserialize })
    await collection.insertMany([
      { _id: 'text', session: '{"n":1}', expires: LATER },
      { _id: 'object', session: { n: 1 }, expires: LATER },
      { _id: 'number', session: 7, expires: LATER },
      { _id: 'null', session: null, expires: LATER },
      { _id: 'absent', expires: LATER },
    ])
    for (const sid of ['text', 'object', 'number', 'null', 'absent']) await get(sid)
    const seen = [['{"n":1}'], [{ n: 1 }], [7], [null], [undefined]]
    assert.deepEqual(calls, seen)
    assert.deepEqual(await all(), [{ made: 6 }, { made: 7 }, { made: 8 }, { made: 9 }, { made: 10 }])
    assert.deepEqual(calls.slice(5), seen)
    await set('set', plainSession())
    assert.equal(calls.length, 10)
  }
)

forEachImplementation('serialize goes before stringify', async (_t, { open, collection }) => {
  const { set, get } = open({
    serialize: (/** @type {any} */ value) => ({ wrapped: value.n }),
    stringify: true,
  })
  await set('sid', plainSession({ n: 1 }))
  assert.deepEqual((await collection.findOne())?.session, { wrapped: 1 })
  assert.deepEqual(await get('sid'), { wrapped: 1 })
})

forEachImplementation(
  'unserialize alone leaves the session as an object in the database',
  async (_t, context) => {
    const { set } = context.open({ unserialize: (/** @type {unknown} */ stored) => stored })
    await set('sid', expressSession({ n: 1 }))
    const { session } = /** @type {any} */ (await context.collection.findOne())
    assert.equal(session.n, 1)
    assert.deepEqual(session.cookie.expires, LATER)
  }
)

forEachImplementation(
  'serialize and unserialize together make a round trip',
  async (_t, { open, collection }) => {
    const { set, get, all } = open({
      serialize: (/** @type {unknown} */ value) => Buffer.from(JSON.stringify(value)).toString('base64'),
      unserialize: (/** @type {string} */ stored) => JSON.parse(Buffer.from(stored, 'base64').toString()),
    })
    await set('sid', plainSession({ n: 1 }))
    assert.match((await collection.findOne())?.session, /^[\w+/=]+$/)
    assert.deepEqual(await get('sid'), plainSession({ n: 1 }))
    assert.deepEqual(await all(), [plainSession({ n: 1 })])
  }
)

forEachImplementation(
  'what serialize and unserialize throw is the error of the call',
  async (_t, { open }) => {
    const error = new RangeError('from the hook')
    const fail = () => {
      throw error
    }
    const writing = open({ serialize: fail })
    await assert.rejects(writing.set('sid', plainSession()), (thrown) => thrown === error)
    await open().set('sid', plainSession())
    const reading = open({ unserialize: fail })
    await assert.rejects(reading.get('sid'), (thrown) => thrown === error)
    await assert.rejects(reading.all(), (thrown) => thrown === error)
    assert.deepEqual([...writing.events, ...reading.events], [])
  }
)

for (const value of [undefined, null, false]) {
  forEachImplementation(
    `serialize and unserialize ${value} are not given`,
    async (_t, { open, collection }) => {
      await open({ serialize: value, unserialize: value }).set('sid', plainSession())
      assert.equal((await collection.findOne())?.session, JSON.stringify(plainSession()))
    }
  )
}

forEachImplementation(
  'a session is stored as it was when set was called',
  async (_t, { open, collection }) => {
    const { store, get } = open()
    const given = plainSession({ list: [1] })
    store.set('sid', given)
    given.list.push(2)
    given.late = true
    await eventually(() => collection.findOne())
    assert.deepEqual(await get('sid'), plainSession({ list: [1] }))
  }
)

forOurs(
  'a session is stored as it was when set was called, with stringify false too',
  async (_t, { open, collection }) => {
    const { store, length } = open({ stringify: false })
    const given = plainSession({ list: [1] })
    const call = store.set('sid', given)
    given.list.push(2)
    await call
    await length()
    assert.deepEqual((await collection.findOne())?.session.list, [1])
  }
)

// ---- transformId

forEachImplementation('transformId makes the stored id of every call', async (_t, { open, collection }) => {
  /** @type {unknown[][]} */
  const calls = []
  const transformId = (/** @type {unknown[]} */ ...args) => {
    calls.push(args)
    return `prefix:${args[0]}`
  }
  const { set, get, touch, destroy } = open({ transformId })
  await set('sid', plainSession())
  assert.deepEqual(await collection.distinct('_id'), ['prefix:sid'])
  assert.deepEqual(await get('sid'), plainSession())
  await touch('sid', plainSession())
  await destroy('sid')
  assert.equal(await collection.countDocuments(), 0)
  assert.deepEqual(calls, [['sid'], ['sid'], ['sid'], ['sid']])
})

forEachImplementation('what transformId throws is the error of the call', async (_t, { open }) => {
  const error = new RangeError('from transformId')
  const { set, get, touch, destroy } = open({
    transformId: () => {
      throw error
    },
  })
  const calls = [
    () => get('sid'),
    () => set('sid', plainSession()),
    () => touch('sid', plainSession()),
    () => destroy('sid'),
  ]
  for (const call of calls) await assert.rejects(call, (thrown) => thrown === error)
})

for (const transformId of [undefined, null, 'prefix']) {
  forEachImplementation(
    `transformId ${transformId} is no function and leaves the id`,
    async (_t, { open, collection }) => {
      await open({ transformId }).set('sid', plainSession())
      assert.deepEqual(await collection.distinct('_id'), ['sid'])
    }
  )
}

// ---- What is too large

const MEGABYTE = 1024 * 1024

/** @param {number} megabytes */
const largeSession = (megabytes) => ({ cookie: {}, text: 'x'.repeat(megabytes * MEGABYTE) })

for (const stringify of [true, false]) {
  const title = `of more than MongoDB's 16 MB, with stringify ${stringify}`
  forEachImplementation(`a session ${title}, gets the server's error`, async (_t, { open }) => {
    const { set } = open({ stringify })
    await assert.rejects(set('sid', largeSession(16.5)), { name: 'MongoServerError', code: 10334 })
    await set('sid', plainSession())
  })
}

forDifference('too-large', 'a session of more than the driver has room for', {
  ours: async (_t, { open }) => {
    const asText = open()
    await assert.rejects(asText.set('sid', largeSession(17.5)), { name: 'MongoServerError', code: 10334 })
    await assert.rejects(asText.set('sid', largeSession(49)), { name: 'MongoInvalidArgumentError' })
    const asDocument = open({ stringify: false })
    await assert.rejects(asDocument.set('sid', largeSession(17.5)), { name: 'MongoInvalidArgumentError' })
  },
  theirs: async (_t, { open }) => {
    for (const stringify of [true, false])
      await assert.rejects(open({ stringify }).set('sid', largeSession(17.5)), { name: 'RangeError' })
  },
})
