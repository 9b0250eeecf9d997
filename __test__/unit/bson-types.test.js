// Types of any version of the `bson` package, to another one.
'use strict'

const assert = require('node:assert/strict')
const { createRequire } = require('node:module')
const { describe, test } = require('node:test')
const { runInNewContext } = require('node:vm')
const { serialize } = require('../../lib/collection/bson-types.js')

/** @type {[number, any][]} */
const VERSIONS = [
  [5, bsonOf('mongodb-5')],
  [6, bsonOf('mongodb-6')],
  [7, bsonOf('mongodb')],
]

/** @param {string} driver @returns {typeof import('bson')} */
function bsonOf(driver) {
  return createRequire(require.resolve(driver))('bson')
}

const ID = '0123456789abcdef01234567'

/** One of each type. @param {typeof import('bson')} bson @returns {Record<string, any>} */
function typesOf(bson) {
  const id = new bson.ObjectId(ID)
  return {
    ObjectId: id,
    Decimal128: bson.Decimal128.fromString('1.10'),
    Long: bson.Long.fromString('9007199254740993'),
    Int32: new bson.Int32(5),
    Double: new bson.Double(5),
    'Double, -0': new bson.Double(-0),
    'Double, infinite': new bson.Double(Number.POSITIVE_INFINITY),
    Binary: new bson.Binary(Buffer.from('bytes'), 0x80),
    'Binary, no UUID though it says so': new bson.Binary(Buffer.from('ab'), 4),
    UUID: new bson.UUID('2f1acb19-9f0b-4f0c-8d4c-6d4b7b6a4c11'),
    Code: new bson.Code('x'),
    'Code with a scope': new bson.Code('x', { id, at: new Date(0) }),
    DBRef: new bson.DBRef('users', id, 'app', { id }),
    'DBRef, short': new bson.DBRef('users', id),
    MinKey: new bson.MinKey(),
    MaxKey: new bson.MaxKey(),
    BSONRegExp: new bson.BSONRegExp('a', 'i'),
    Timestamp: new bson.Timestamp({ t: 1, i: 2 }),
    BSONSymbol: new bson.BSONSymbol('s'),
  }
}

class User {
  /** @param {any} id */
  constructor(id) {
    this.id = id
  }
}

/** Where a type is, and what else is there. @type {Record<string, (type: any) => any>} */
const PLACES = {
  'by itself': (type) => type,
  'in a document': (type) => ({ user: { id: type, ['__proto__']: 1 } }),
  'in an array': (type) => [1, [type], null, undefined],
  'in a Map': (type) => new Map([['user', type]]),
  'in an instance of a class': (type) => new User(type),
  'behind toBSON': (type) => ({ toBSON: () => ({ id: type }) }),
  'beside values': (type) => [
    type,
    new Date(0),
    /a/i,
    Buffer.from('b'),
    new Uint8Array(2),
    'text',
    1.5,
    5n,
    true,
  ],
  'beside objects of another realm': (type) =>
    Object.assign(
      runInNewContext(
        '({ at: new Date(0), expression: /a/i, map: new Map([["a", 1]]), bytes: new Uint8Array(2) })'
      ),
      {
        type,
      }
    ),
  'twice, in the same object': (type) => {
    const user = { id: type }
    return [user, user]
  },
}

for (const [from, theirs] of VERSIONS) {
  for (const [to, ours] of VERSIONS.filter(([version]) => version !== from)) {
    describe(`from version ${from} to version ${to},`, () => {
      const own = typesOf(ours)
      for (const [name, type] of Object.entries(typesOf(theirs))) {
        for (const [place, put] of Object.entries(PLACES)) {
          test(`${name} ${place}`, () => {
            const expected = ours.serialize({ value: put(own[name]) })
            assert.deepEqual(serialize(ours, { value: put(type) }, {}), expected)
          })
        }
      }

      test('what only says that it is a type, as JSON can, is refused', () => {
        for (const json of [
          { _bsontype: 'Code', code: 'f()' },
          { _bsontype: 'ObjectId', id: ID },
        ]) {
          assert.throws(() => serialize(ours, { json, id: new theirs.ObjectId() }, {}), { name: /^BSON/ })
        }
      })

      test('a circle is refused', () => {
        /** @type {any} */
        const circle = { id: new theirs.ObjectId() }
        circle.circle = circle
        assert.throws(() => serialize(ours, circle, {}), { name: /^BSON/ })
      })
    })
  }
}
