// The values by which sessions are found: which are taken, as what they are stored, and the filters that they make.
'use strict'

const assert = require('node:assert/strict')
const { createHmac } = require('node:crypto')
const { describe, test } = require('node:test')
const vm = require('node:vm')
const { ObjectId } = require('mongodb')
const { SessionIndex } = require('../../lib/sessions/session-index.js')

const ID = new ObjectId('65a000000000000000000001')
const DATE = new Date('2026-01-02T03:04:05.678Z')

/** @param {string} secret @param {string} key @param {string} value */
const hashOf = (secret, key, value) =>
  createHmac('sha256', secret).update(`connect-mongo-native index\0${key}\0${value}`).digest('base64url')

/** @param {Record<string, any>} index @param {string[]} [secrets] */
const indexOf = (index, secrets = []) => new SessionIndex({ index }, secrets)

const byUser = indexOf({ userId: 'passport.user' })

describe('a value', () => {
  /** @type {[unknown, string][]} */
  const taken = [
    ['ada', 'ada'],
    ['', ''],
    ['a\0b', 'a\0b'],
    ['🦀', '🦀'],
    [7, '7'],
    [-0, '0'],
    [0.1, '0.1'],
    [1e21, '1e+21'],
    [true, 'true'],
    [false, 'false'],
    [ID, ID.toHexString()],
    [{ _bsontype: 'ObjectID', toHexString: () => 'of mongodb 4' }, 'of mongodb 4'],
    [DATE, DATE.toISOString()],
    [vm.runInNewContext(`new Date(${DATE.getTime()})`), DATE.toISOString()],
  ]
  for (const [value, text] of taken) {
    test(`is stored as text, and found by it: ${JSON.stringify(value)}`, () => {
      const values = byUser.valuesOf({ passport: { user: value } })
      assert.deepEqual(values, { userId: text })
      assert.deepEqual(byUser.storedOf(values), ['userId', text])
      assert.deepEqual(byUser.whereOf({ userId: value }), { 'index.userId': text })
    })
  }

  test('is the same before the session is stored as JSON and after', () => {
    for (const value of ['ada', 7, 1e21, true, ID, DATE]) {
      const session = { passport: { user: value } }
      assert.deepEqual(byUser.valuesOf(JSON.parse(JSON.stringify(session))), byUser.valuesOf(session))
    }
  })

  /** @type {[string, unknown, RegExp][]} */
  const refused = [
    ['an operator', { $ne: null }, /not an object$/],
    ['an operator of text', { $regex: '^' }, /not an object$/],
    ['a list', ['ada'], /not an array$/],
    ['what only calls itself an ObjectId', { _bsontype: 'ObjectId', id: '65a0' }, /not an object$/],
    [
      'an ObjectId whose digits are none',
      { _bsontype: 'ObjectId', toHexString: () => ({ $ne: 1 }) },
      /not an object$/,
    ],
    ['NaN', Number.NaN, /not NaN$/],
    ['Infinity', Number.POSITIVE_INFINITY, /not Infinity$/],
    ['a bigint', 7n, /not 7n$/],
    ['a symbol', Symbol('ada'), /not Symbol\(ada\)$/],
    ['a function', () => 'ada', /not a function$/],
    ['an invalid date', new Date(Number.NaN), /not an invalid Date$/],
    ['half a surrogate pair', '\ud83e', /half a surrogate pair$/],
    ['an expression', /ada/, /not an object$/],
    ['bytes', Buffer.from('ada'), /not an object$/],
    ['boxed text', new String('ada'), /not an object$/],
  ]
  for (const [what, value, ending] of refused) {
    test(`is refused, in a session and in a search, with its index and what is taken: ${what}`, () => {
      for (const refuse of [
        () => byUser.valuesOf({ passport: { user: value } }),
        () => byUser.whereOf({ userId: value }),
      ]) {
        const error = /** @type {Error} */ (thrownBy(refuse))
        assert.ok(error instanceof TypeError)
        assert.match(error.message, /^The value of the index userId must be a string, a number, a boolean/)
        assert.match(error.message, ending)
        assert.ok(!error.message.includes('$'))
      }
    })
  }

  test('of nothing is none in a session, and refused in a search', () => {
    for (const session of [{}, { passport: {} }, { passport: null }, { passport: { user: null } }, null, 'x'])
      assert.deepEqual(byUser.valuesOf(/** @type {any} */ (session)), {})
    for (const value of [undefined, null])
      assert.throws(() => byUser.whereOf({ userId: value }), { name: 'TypeError', message: /userId/ })
  })

  test('is never what an object inherits', () => {
    const index = indexOf({ a: 'constructor', b: '__proto__.x', c: 'toString.name', d: 'name.length' })
    assert.deepEqual(index.valuesOf({ name: 'ada' }), {})
  })
})

/** @param {() => unknown} run @returns {unknown} */
function thrownBy(run) {
  try {
    run()
  } catch (error) {
    return error
  }
  return assert.fail('nothing was thrown')
}

describe('what is searched for', () => {
  const index = indexOf({ userId: 'user', tenantId: (/** @type {any} */ { tenant }) => tenant })

  test('is one value, or several that a session has all of', () => {
    assert.deepEqual(index.valuesOf({ user: 'ada', tenant: 7 }), { userId: 'ada', tenantId: '7' })
    assert.deepEqual(index.whereOf({ tenantId: 7, userId: 'ada' }), {
      'index.tenantId': '7',
      'index.userId': 'ada',
    })
  })

  for (const given of [
    undefined,
    null,
    'ada',
    7,
    [],
    ['ada'],
    {},
    new Map([['userId', 'ada']]),
    () => 'ada',
  ]) {
    test(`is an object with a key of the index, not ${String(given)}`, () => {
      assert.throws(() => index.whereOf(given), { name: 'TypeError', message: /such as \{ userId: … \}$/ })
    })
  }

  for (const key of ['userID', '$or', '_id', 'index.userId', '__proto__', 'constructor', '']) {
    test(`has no other key: ${JSON.stringify(key)}`, () => {
      const given = JSON.parse(`{ "userId": "ada", ${JSON.stringify(key)}: "ada" }`)
      const error = /** @type {Error} */ (thrownBy(() => index.whereOf(given)))
      assert.ok(error instanceof TypeError)
      assert.ok(error.message.startsWith(`The option index has no key ${key}`))
      assert.match(error.message, /it has userId, tenantId$/)
    })
  }
})

describe('with a secret', () => {
  const index = indexOf({ userId: 'user', adminId: 'user' }, ['new', 'old'])

  test('a value is stored as a hash under the newest, another one for each key', () => {
    const stored = index.storedOf(index.valuesOf({ user: 'ada' }))
    const [userId, adminId] = [hashOf('new', 'userId', 'ada'), hashOf('new', 'adminId', 'ada')]
    assert.deepEqual(stored, ['userId', userId, 'adminId', adminId])
  })

  test('it is found under any, and each hash is asked for once', () => {
    assert.deepEqual(index.whereOf({ userId: 'ada' }), {
      'index.userId': { $in: [hashOf('new', 'userId', 'ada'), hashOf('old', 'userId', 'ada')] },
    })
    assert.deepEqual(indexOf({ userId: 'user' }, ['one', 'one']).whereOf({ userId: 'ada' }), {
      'index.userId': hashOf('one', 'userId', 'ada'),
    })
  })

  test('bytes are the same secret as their text', () => {
    const bytes = new SessionIndex({ index: { userId: 'user' } }, [Buffer.from('new')])
    assert.deepEqual(bytes.storedOf({ userId: 'ada' }), ['userId', hashOf('new', 'userId', 'ada')])
  })
})

test('without the option there is nothing to find', () => {
  for (const options of [{}, { index: undefined }]) {
    const index = new SessionIndex(options, [])
    assert.equal(index.isThere, false)
    assert.deepEqual(index.valuesOf({ user: 'ada' }), {})
  }
})
