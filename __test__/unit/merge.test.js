// The three-way merge by itself: what one request changed, applied to what another has stored.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { BSON } = require('mongodb')
const { isStale, mergeSessions } = require('../../lib/sessions/merge.js')
const { randomNumbers } = require('../support/random.js')

/** @type {[string, { base: object, ours: object, theirs: object, merged: object }][]} */
const MERGES = [
  [
    'changes of different keys are both there',
    { base: { a: 1, b: 1 }, ours: { a: 2, b: 1 }, theirs: { a: 1, b: 2 }, merged: { a: 2, b: 2 } },
  ],
  ['of one key, ours wins', { base: { a: 1 }, ours: { a: 2 }, theirs: { a: 3 }, merged: { a: 2 } }],
  ['keys are added by both', { base: {}, ours: { a: 1 }, theirs: { b: 2 }, merged: { a: 1, b: 2 } }],
  [
    'keys are removed by both',
    { base: { a: 1, b: 2, c: 3 }, ours: { b: 2, c: 3 }, theirs: { a: 1, c: 3 }, merged: { c: 3 } },
  ],
  [
    'what we changed and they removed stays',
    { base: { a: 1 }, ours: { a: 2 }, theirs: {}, merged: { a: 2 } },
  ],
  ['what we removed and they changed goes', { base: { a: 1 }, ours: {}, theirs: { a: 2 }, merged: {} }],
  [
    'objects are merged in depth',
    {
      base: { cart: { items: { a: 1 }, note: 'x' } },
      ours: { cart: { items: { a: 1, b: 1 }, note: 'x' } },
      theirs: { cart: { items: { a: 2 }, note: 'y' } },
      merged: { cart: { items: { a: 2, b: 1 }, note: 'y' } },
    },
  ],
  [
    'objects that both added are merged too',
    { base: {}, ours: { flash: { a: 1 } }, theirs: { flash: { b: 2 } }, merged: { flash: { a: 1, b: 2 } } },
  ],
  [
    'of an object that they removed, what we changed is there',
    {
      base: { cart: { a: 1, b: 1 } },
      ours: { cart: { a: 1, b: 2 } },
      theirs: {},
      merged: { cart: { b: 2 } },
    },
  ],
  [
    'an object that they removed, and of which we only removed something, is gone',
    { base: { cart: { a: 1, b: 1 } }, ours: { cart: { a: 1 } }, theirs: {}, merged: {} },
  ],
  [
    'an object that they made something else, and we changed, is ours',
    {
      base: { a: { b: 1, c: 1 } },
      ours: { a: { b: 2, c: 1 } },
      theirs: { a: 'text' },
      merged: { a: { b: 2, c: 1 } },
    },
  ],
  [
    'lists are values',
    {
      base: { list: [1, 2] },
      ours: { list: [1, 2, 3] },
      theirs: { list: [0, 1, 2] },
      merged: { list: [1, 2, 3] },
    },
  ],
  [
    'null is a value',
    { base: { a: { b: 1 } }, ours: { a: null }, theirs: { a: { b: 2 } }, merged: { a: null } },
  ],
]

/** @param {string} text */
const inBson = (text) => ({ id: new BSON.ObjectId(text.padStart(24, '0')) })

describe('a merge', () => {
  for (const [what, { base, ours, theirs, merged }] of MERGES) {
    test(what, () => {
      const before = structuredClone([base, ours, theirs])
      assert.deepEqual(mergeSessions(base, ours, theirs), merged)
      assert.deepEqual([base, ours, theirs], before)
    })
  }

  test('compares what BSON has by value', () => {
    const values = (/** @type {number} */ n) => ({
      id: new BSON.ObjectId(n.toString(16).padStart(24, '0')),
      date: new Date(n),
      long: BSON.Long.fromString(`900719925474099${n}`),
      decimal: BSON.Decimal128.fromString(`0.${n}`),
      bytes: new BSON.Binary(Buffer.from([n])),
      pattern: new RegExp(`${n}`),
    })
    const stored = (/** @type {object} */ value) =>
      BSON.deserialize(BSON.serialize(value), { promoteLongs: false })
    for (const key of Object.keys(values(1))) {
      const pick = (/** @type {number} */ n) => stored({ a: values(n)[key], n })
      const { a } = mergeSessions(pick(1), { ...pick(1), ours: true }, pick(2))
      assert.deepEqual(a, pick(2).a, `${key} was taken for changed here`)
      assert.deepEqual(
        mergeSessions(pick(1), pick(3), pick(1)).a,
        pick(3).a,
        `${key} was taken for unchanged`
      )
    }
    assert.deepEqual(mergeSessions(inBson('1'), inBson('2'), inBson('3')), inBson('2'))
  })

  test('makes a key of __proto__, and changes no prototype', () => {
    const [base, ours, theirs] = [
      '{}',
      '{"__proto__":{"admin":true}}',
      '{"a":{"__proto__":{"admin":true}}}',
    ].map((text) => JSON.parse(text))
    const merged = mergeSessions(base, ours, theirs)
    assert.equal(JSON.stringify(merged), '{"a":{"__proto__":{"admin":true}},"__proto__":{"admin":true}}')
    assert.equal(merged.admin, undefined)
    assert.equal(Reflect.get({}, 'admin'), undefined)
  })

  test('of random changes is what applying them one by one comes to', () => {
    const random = randomNumbers(Number(process.env.RANDOM_SEED ?? 1))
    const below = (/** @type {number} */ limit) => Math.floor(random() * limit)
    const KEYS = ['a', 'b', 'c']
    const leaf = () => below(3)
    /** A session of two levels. */
    const session = () => {
      /** @type {Record<string, any>} */
      const made = {}
      for (const key of KEYS) if (below(3) > 0) made[key] = { x: leaf(), y: leaf(), z: leaf() }
      return made
    }
    for (let round = 0; round < 5_000; round++) {
      const base = session()
      const [ours, theirs, expected] = [structuredClone(base), structuredClone(base), structuredClone(base)]
      const change = (/** @type {Record<string, any>[]} */ ...sides) => {
        const [key, part, value] = [KEYS[below(3)], 'xyz'[below(3)], 10 + below(100)]
        if (base[key]) for (const side of sides) side[key][part] = value
      }
      for (let step = below(4); step > 0; step--) change(theirs, expected)
      for (let step = below(4); step > 0; step--) change(ours, expected)
      assert.deepEqual(mergeSessions(base, ours, theirs), expected)
    }
  })
})

/** @param {number} expires @param {object} [rest] */
const session = (expires, rest = {}) => ({
  cookie: { path: '/', originalMaxAge: 60_000, expires: new Date(expires).toJSON() },
  ...rest,
})

describe('the expiry of a merged session', () => {
  test('is the later one, where both requests have but renewed it', () => {
    for (const [ours, theirs] of [
      [5_000, 9_000],
      [9_000, 5_000],
    ]) {
      const merged = mergeSessions(session(0), session(ours, { a: 1 }), session(theirs, { b: 1 }))
      assert.deepEqual(merged, session(9_000, { a: 1, b: 1 }))
    }
  })

  test('is that of the request which has changed how long the session lives', () => {
    const short = { cookie: { path: '/', originalMaxAge: 5_000, expires: new Date(1_000).toJSON() } }
    const unlimited = { cookie: { path: '/', originalMaxAge: null, expires: null } }
    for (const changed of [short, unlimited]) {
      assert.deepEqual(mergeSessions(session(0), changed, session(9_000)), changed)
      assert.deepEqual(mergeSessions(session(0), session(9_000), changed), changed)
    }
  })

  test('is not changed by the millisecond that a renewal may shift originalMaxAge by', () => {
    const renewed = session(9_000)
    renewed.cookie.originalMaxAge--
    assert.deepEqual(mergeSessions(session(0), session(5_000), renewed), renewed)
  })

  test('is left alone in sessions without a cookie', () => {
    assert.deepEqual(mergeSessions({}, { a: 1 }, { b: 1 }), { a: 1, b: 1 })
  })
})

describe('a session is stale', () => {
  for (const [
    what,
    expected,
    base,
    ours,
    theirs,
  ] of /** @type {[string, boolean, object, object, object][]} */ ([
    ['when others have changed it', true, session(0), session(1, { a: 1 }), session(2, { b: 1 })],
    ['not when they have but renewed it', false, session(0), session(1, { a: 1 }), session(2)],
    ['not when the request itself has changed nothing', false, session(0), session(1), session(2, { b: 1 })],
    ['when others have changed it alike', true, session(0), session(1, { a: 1 }), session(2, { a: 1 })],
    ['not without a cookie either', false, { a: 1 }, { a: 2 }, { a: 1 }],
  ])) {
    test(what, () => assert.equal(isStale(base, ours, theirs), expected))
  }
})
