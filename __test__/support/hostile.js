// Session ids, sessions and documents as nobody should make them, from a stream of random numbers: the same numbers make
// the same again.
'use strict'

const { BSON, BSONSymbol, Binary, Code, DBRef, Decimal128, Int32, Long } = require('mongodb')
const { MaxKey, MinKey, ObjectId, Timestamp, UUID } = require('mongodb')
const { EARLIER, LATER } = require('./sessions.js')

const MEGABYTE = 1024 * 1024

/** @typedef {() => number} Random numbers from 0 to 1 */

/** @param {Random} random @param {number} limit */
const below = (random, limit) => Math.floor(random() * limit)

/** @template T @param {Random} random @param {readonly T[]} list @returns {T} */
const pick = (random, list) => list[below(random, list.length)]

// ---- Session ids

/** Ids that differ, but only just: whatever takes two of them for one mixes sessions up. @type {((n: string) => string)[]} */
const NEIGHBOURS = [
  (n) => n,
  (n) => `${n}\0`,
  (n) => `\0${n}`,
  (n) => `${n}\0${n}`,
  (n) => `${n} `,
  (n) => `${n}\u00e9`,
  (n) => `${n}e\u0301`,
  (n) => `${n}a`,
  (n) => `${n}A`,
  (n) => `${n}\ufffd`,
  (n) => `${n}\ufffd\ufffd`,
  (n) => `${n}\ufeff`,
  (n) => `\ufeff${n}`,
  (n) => `${n}🙂`,
  (n) => `${n}\u202e`,
  (n) => `$ne${n}`,
  (n) => `{"$ne":"${n}"}`,
  (n) => `$where: sleep(${n})`,
  (n) => `${n}.a.b`,
  (n) => `.${n}`,
  (n) => `$${n}`,
  (n) => `__proto__${n}`,
  (n) => `constructor.prototype.${n}`,
  (n) => `../${n}`,
  (n) => `"${n}"`,
  (n) => `'${n}'; drop`,
  (n) => `${n}\n`,
  (n) => n.repeat(200),
  (n) => `${n.repeat(200)}a`,
  (n) => `/${n}/i`,
]

/** What is no session id. @type {((n: string) => any)[]} */
const NO_IDS = [
  (n) => `${n}\ud800`,
  (n) => `${n}\udfff`,
  (n) => `\udc00\ud800${n}`,
  (n) => ({ $ne: n }),
  () => ({ $gt: '' }),
  (n) => [n],
  () => [],
  () => null,
  () => undefined,
  () => 0,
  () => Number.NaN,
  () => true,
  () => 10n,
  (n) => Symbol(n),
  (n) => new String(n),
  (n) => ({ toString: () => n }),
  (n) => ({ toBSON: () => n }),
  (n) => Buffer.from(n),
  () => new ObjectId(),
  () => /a/,
  () => new Date(),
  () =>
    new Proxy(
      {},
      {
        get() {
          throw new Error('from the proxy')
        },
      }
    ),
]

// ---- Values

const KEYS = ['', '$', '$ne', '$where', '$set', 'a.b', '.', '$a.b', '0', '-1', 'then', 'length', 'id', 'user']
const PROTOTYPE_KEYS = [
  'toString',
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
]
const TEXTS = [
  '',
  'text',
  'a\0b',
  '\0',
  'ключ',
  '🙂',
  '\u2028',
  '"\\/',
  '{"$ne":1}',
  '__proto__',
  '\ud800',
  'x\udfffy',
]
const NUMBERS = [0, -0, 1.5, -1, 2 ** 31, 2 ** 53, 1e308, 5e-324, Number.NaN, Number.POSITIVE_INFINITY]

/** Without its setter: `__proto__` becomes a property like any other. @param {object} object @param {string} key @param {unknown} value */
function define(object, key, value) {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}

/** @param {Random} random */
const scalar = (random) =>
  pick(random, [
    () => pick(random, TEXTS) + below(random, 100),
    () => pick(random, TEXTS).repeat(below(random, 40)),
    () => pick(random, NUMBERS),
    () => random() < 0.5,
    () => null,
    () => undefined,
  ])()

/** What can be told apart from a document only by a field of its own, as a body in JSON can have it. @param {Random} random */
const forged = (random) => ({
  _bsontype: pick(random, [
    'ObjectId',
    'Long',
    'Binary',
    'Code',
    'DBRef',
    'Unheard',
    'toString',
    '__proto__',
  ]),
  id: 'x',
  low: 1,
  high: 2,
  code: 'f()',
})

/** @param {Random} random @param {number} depth @returns {any} */
function value(random, depth) {
  if (depth === 0 || random() < 0.6) return scalar(random)
  const next = () => value(random, depth - 1)
  if (random() < 0.1) return forged(random)
  if (random() < 0.3) return Array.from({ length: below(random, 5) }, next)
  const object = {}
  for (let i = below(random, 5); i > 0; i--) {
    // Of arrays under these names the JavaScript driver gives the bytes.
    if (random() < 0.2) define(object, pick(random, PROTOTYPE_KEYS), { polluted: scalar(random) })
    else define(object, pick(random, KEYS) + (random() < 0.5 ? below(random, 50) : ''), next())
  }
  return object
}

/** @param {Random} random @param {number} depth */
function nested(random, depth) {
  /** @type {any} */
  let innermost = scalar(random)
  for (let i = 0; i < depth; i++) innermost = random() < 0.5 ? [innermost] : { a: innermost }
  return innermost
}

// ---- Cookies

/** @type {unknown[]} */
const EXPIRES = [
  LATER,
  LATER.toJSON(),
  LATER.getTime(),
  EARLIER,
  EARLIER.toJSON(),
  new Date(Number.NaN),
  new Date(8.64e15),
  new Date(-8.64e15),
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  0,
  1e300,
  '',
  'never',
  '2100',
  null,
  undefined,
  true,
  false,
  10n,
  Symbol('expires'),
  [],
  [LATER.getTime()],
  {},
  { valueOf: () => LATER.getTime() },
  {
    valueOf() {
      throw new Error('from valueOf')
    },
  },
  { $date: 1 },
  () => LATER,
]

/** @param {Random} random @returns {any} */
const cookie = (random) =>
  pick(random, [
    () => ({ path: '/', originalMaxAge: null }),
    () => ({ path: '/', expires: LATER.toJSON() }),
    () => ({ expires: pick(random, EXPIRES), originalMaxAge: pick(random, NUMBERS) }),
    () => ({ expires: pick(random, EXPIRES) }),
    () => ({ expires: LATER, toJSON: () => ({ expires: pick(random, EXPIRES) }) }),
    () => ({ toJSON: () => pick(random, [undefined, null, 5, 'text']) }),
    () => ({ toJSON: 'no function' }),
    () => pick(random, [undefined, null, 0, 5, 'text', true, [], () => {}, Symbol('cookie')]),
    () => value(random, 2),
  ])()

// ---- Sessions

const thrown = [
  new Error('from the session'),
  new RangeError('from the session'),
  undefined,
  null,
  0,
  '',
  false,
]

/** @param {Random} random @returns {() => never} */
function thrower(random) {
  const error = pick(random, thrown)
  return () => {
    throw error
  }
}

/** What a session is turned into, or what is put into it. @type {((session: any, random: Random) => any)[]} */
const TRICKS = [
  (session) => Object.assign(session, { self: session }),
  (session) => Object.assign(session, { deep: { list: [session] } }),
  (session, random) => Object.defineProperty(session, 'getter', { get: thrower(random), enumerable: true }),
  (session, random) =>
    Object.assign(session, {
      in: Object.defineProperty({}, 'getter', { get: thrower(random), enumerable: true }),
    }),
  (session, random) => Object.defineProperty(session, 'cookie', { get: thrower(random), enumerable: true }),
  (session, random) => Object.assign(session, { toJSON: thrower(random) }),
  (session, random) => Object.assign(session, { toJSON: () => scalar(random) }),
  (session, random) => Object.assign(session, { in: { toJSON: thrower(random), toBSON: thrower(random) } }),
  (session, random) => Object.assign(session, { toBSON: thrower(random) }),
  (session, random) => {
    const lie = pick(random, [undefined, null, 5, 'text', () => {}, Symbol('lie'), 10n, [], {}])
    return Object.assign(session, { in: { toJSON: () => lie, toBSON: () => lie } })
  },
  (session, random) => {
    const lie = pick(random, [undefined, null, 5, 'text', 10n, [], { $set: 1 }])
    return Object.assign(session, { toJSON: () => lie, toBSON: () => lie })
  },
  (session) => Object.assign(session, { toJSON: () => session, toBSON: () => session }),
  (session) => Object.assign(session, { toJSON: 5, toBSON: 'text' }),
  (session) => new Proxy(session, {}),
  (session, random) => new Proxy(session, { ownKeys: thrower(random) }),
  (session, random) => new Proxy(session, { get: thrower(random) }),
  (session) => new Proxy(session, { ownKeys: () => ['made', 'up'] }),
  (session) => {
    const { proxy, revoke } = Proxy.revocable(session, {})
    revoke()
    return proxy
  },
  (session) => Object.freeze(session),
  (session) => Object.assign(Object.create(null), session),
  (session) => Object.setPrototypeOf(session, { inherited: true }),
  (session) => Object.assign(session, { [Symbol('key')]: 1, map: new Map([['$set', 1]]), set: new Set([1]) }),
  (session) => Object.assign(session, { big: 2n ** 70n }),
  (session) => Object.assign(session, { when: new Date(Number.NaN), regex: /a\/b/gimsuy, fn() {} }),
  (session, random) => Object.assign(session, { [`a\0${below(random, 9)}`]: 1 }),
  (session, random) => Object.assign(session, { in: { [`\0${below(random, 9)}`]: 1 } }),
  (session, random) => Object.assign(session, { in: /** @type {any} */ (new Error(`e${below(random, 9)}`)) }),
  (session, random) => Object.assign(session, { deep: nested(random, below(random, 90)) }),
  (session) => [session],
  () => null,
  () => undefined,
  () => 'text',
  () => '{"cookie":{}}',
  () => 0,
  () => 7,
  () => true,
  () => 10n,
  () => Symbol('session'),
  () => () => {},
  () => new Date(0),
]

/** Of the tricks, those that only the server can refuse: it counts levels and bytes. @type {((session: any, random: Random) => any)[]} */
const TOO_MUCH = [
  (session, random) => Object.assign(session, { deep: nested(random, 90 + below(random, 150)) }),
  (session, random) => Object.assign(session, { deep: nested(random, 20_000) }),
]

/** The same for those that take long. @type {((session: any, random: Random) => any)[]} */
const HUGE = [
  (session, random) => Object.assign(session, { text: 'x'.repeat(16 * MEGABYTE - below(random, 1000)) }),
  (session, random) => Object.assign(session, { text: 'é'.repeat(8 * MEGABYTE + below(random, MEGABYTE)) }),
  (session, random) => Object.assign(session, { text: '日'.repeat((17 * MEGABYTE) / 3 - below(random, 40)) }),
  (session, random) => Object.assign(session, { text: '🙂'.repeat((17 * MEGABYTE) / 4 - below(random, 30)) }),
  (session) => Object.assign(session, { text: 'x'.repeat(20 * MEGABYTE), after: 'it' }),
  (session) => Object.assign(session, { text: 'x'.repeat(50 * MEGABYTE), after: 'it' }),
  (session) => Object.assign(session, { ['k'.repeat(20 * MEGABYTE)]: 1, after: 'it' }),
  (session) => {
    // As JSON a buffer would be a list of 18 million numbers.
    const bytes = Object.assign(Buffer.alloc(18 * MEGABYTE), { toJSON: () => 'bytes' })
    return Object.assign(session, { bytes, after: 'it' })
  },
  (session) => Object.assign(session, { list: new Array(400_000).fill(1) }),
  (session) => Object.assign(session, { list: new Array(2_000_000).fill(1) }),
]

/**
 * @param {Random} random
 * @param {string} owner by which a session is known wherever it turns up
 * @param {((session: any, random: Random) => any) | undefined} trick
 */
function makeSession(random, owner, trick) {
  const session = { cookie: cookie(random), owner }
  for (let i = below(random, 4); i > 0; i--) {
    const key = random() < 0.3 ? pick(random, PROTOTYPE_KEYS) : pick(random, KEYS)
    define(session, key, PROTOTYPE_KEYS.includes(key) ? { polluted: scalar(random) } : value(random, 3))
  }
  return trick ? trick(session, random) : session
}

// ---- Documents of another program

/** One of each type that BSON has. */
const STORED = [
  ...[
    '',
    'text',
    '{}',
    '{"cookie":{}}',
    'null',
    '[]',
    '{"__proto__":{"polluted":1}}',
    '{"cookie":{"expires":5}}',
    '{',
  ],
  ...['"text"', '5', '{"constructor":{"prototype":{"polluted":1}}}', '['.repeat(5000), 'a\0b'],
  ...[
    0.5,
    Number.NaN,
    5,
    true,
    false,
    null,
    undefined,
    new Date(0),
    new Date(Number.NaN),
    /a/i,
    [],
    [1, { a: [] }],
    {},
  ],
  ...[
    { cookie: {} },
    { cookie: 5 },
    { cookie: { expires: 5 } },
    { cookie: [] },
    { toString: 5 },
    { $set: { a: 1 } },
  ],
  ...[
    { 0: '{', 1: '}' },
    JSON.parse('{"then":1}'),
    JSON.parse('{"__proto__":{"polluted":1}}'),
    { cookie: { expires: LATER } },
  ],
  ...[{ $ref: 'sessions', $id: 1 }, { $ref: 'a', $id: new ObjectId(), $db: 'admin' }, nested(() => 0.7, 80)],
  ...[
    new Binary(Buffer.from('bytes')),
    new Binary(Buffer.alloc(0)),
    new UUID(),
    new Binary(Buffer.from('x'), 128),
  ],
  ...[
    new ObjectId(),
    new Code('f()'),
    new Code('f()', { a: 1 }),
    new BSONSymbol('{}'),
    new Int32(5),
    Long.MAX_VALUE,
  ],
  ...[
    new Timestamp(5n),
    Decimal128.fromString('1.5'),
    new MinKey(),
    new MaxKey(),
    new DBRef('a', new ObjectId()),
  ],
]

const STORED_EXPIRES = [
  ...[
    LATER,
    LATER,
    LATER,
    EARLIER,
    new Date(0),
    new Date(8.64e15),
    undefined,
    null,
    'text',
    LATER.toJSON(),
    5,
    {},
    true,
  ],
  ...[
    [],
    [LATER],
    [EARLIER],
    [EARLIER, LATER],
    [[LATER]],
    Long.MAX_VALUE,
    new Timestamp(5n),
    new MaxKey(),
    new MinKey(),
  ],
]

/** @param {Random} random @param {string} id @returns {any} */
function makeDocument(random, id) {
  const document = { _id: id }
  if (random() < 0.9) Object.assign(document, { session: pick(random, STORED) })
  if (random() < 0.9) Object.assign(document, { expires: pick(random, STORED_EXPIRES) })
  if (random() < 0.2)
    Object.assign(document, { lastModified: pick(random, STORED_EXPIRES), more: pick(random, STORED) })
  return document
}

/** What is no UTF-8 where this was. */
const SPOILT = 'SPOILT'

/** @param {object} document @returns {Buffer} its BSON, in which SPOILT is no UTF-8 wherever it was */
function spoiltBytes(document) {
  const bytes = Buffer.from(BSON.serialize(document))
  for (let at = bytes.indexOf(SPOILT); at >= 0; at = bytes.indexOf(SPOILT)) {
    Buffer.from([0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80]).copy(bytes, at)
  }
  return bytes
}

/** @param {Random} random @param {string} id */
function makeSpoiltDocument(random, id) {
  const session = pick(random, [
    SPOILT,
    `{"a":"${SPOILT}"}`,
    { a: SPOILT },
    { [SPOILT]: 1 },
    { deep: [{ [SPOILT]: SPOILT }] },
  ])
  return spoiltBytes({ _id: id, session, expires: LATER })
}

module.exports = {
  EXPIRES,
  HUGE,
  MEGABYTE,
  NEIGHBOURS,
  NO_IDS,
  TOO_MUCH,
  TRICKS,
  below,
  makeDocument,
  makeSession,
  makeSpoiltDocument,
  pick,
  spoiltBytes,
}
