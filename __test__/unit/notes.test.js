// What is known of objects without anybody seeing it.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { inspect } = require('node:util')
const { notes } = require('../../lib/notes.js')

class Session {}

/** @type {Record<string, () => object>} */
const OBJECTS = {
  'an object': () => ({ n: 1 }),
  'one of a class': () => new Session(),
  'one without a prototype': () => Object.create(null),
  'an array': () => [1],
  'a frozen one': () => Object.freeze({ n: 1 }),
  'a proxy': () => new Proxy({ n: 1 }, {}),
  'a proxy of a frozen one': () => new Proxy(Object.freeze({ n: 1 }), {}),
}

describe('notes on', () => {
  for (const [what, make] of Object.entries(OBJECTS)) {
    test(`${what} are kept, replaced and not seen`, () => {
      const [one, other] = [notes(), notes()]
      const [object, plain] = [make(), make()]
      assert.equal(one.has(object), false)
      assert.equal(one.get(object), undefined)
      for (const note of ['first', 'second', undefined]) {
        one.set(object, note)
        assert.equal(one.get(object), note)
        assert.equal(one.has(object), true)
      }
      assert.equal(other.has(object), false)
      assert.equal(one.has(plain), false)
      assert.deepEqual(Reflect.ownKeys(object), Reflect.ownKeys(plain))
      assert.deepStrictEqual(object, plain)
      assert.equal(inspect(object, { showHidden: true }), inspect(plain, { showHidden: true }))
    })
  }

  test('what is no object are none', () => {
    const ofNothing = notes()
    for (const value of [undefined, null, 0, 'text', Symbol('symbol')]) {
      assert.equal(ofNothing.has(value), false)
      assert.equal(ofNothing.get(value), undefined)
    }
  })
})
