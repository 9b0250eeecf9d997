// The line in which calls over a JavaScript client wait, and what is remembered of those that were late.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { LateSessions } = require('../../lib/collection/driver-late.js')
const { Line } = require('../../lib/collection/driver-line.js')
const { randomNumbers } = require('../support/random.js')

/** Set RANDOM_SEED to repeat a failure. */
const seed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 32))

test(`a line is left by the first, by others out of turn, and never twice, seed ${seed}`, () => {
  const random = randomNumbers(seed)
  const below = (/** @type {number} */ limit) => Math.floor(random() * limit)
  const line = new Line()
  /** @type {{ isInLine: boolean, n: number }[]} */
  let expected = []
  const left = []
  for (let n = 0; n < 5_000; n++) {
    const call = { isInLine: false, n }
    // Longer and shorter by turns.
    const action = below(n % 1_000 < 500 ? 8 : 3)
    if (action === 0) assert.equal(line.shift(), expected.shift())
    else if (action === 1 && expected.length > 0) {
      const [gone] = expected.splice(below(expected.length), 1)
      line.remove(gone)
      line.remove(gone)
      left.push(gone)
    } else {
      line.add(call)
      expected.push(call)
    }
    if (n % 700 === 0) {
      const odd = expected.filter((one) => one.n % 2)
      assert.deepEqual(
        line.removeAll((one) => one.n % 2 === 1),
        odd
      )
      expected = expected.filter((one) => one.n % 2 === 0)
    }
    assert.equal(line.first, expected[0])
    assert.equal(line.size, expected.length)
  }
  assert.ok(left.length > 100)
})

test('a session is held by each of its late commands', () => {
  const late = new LateSessions()
  late.hold(['a', 'b'])
  late.hold(['a'])
  const [first, second] = ['a', 'b'].map((id) => ({ id }))
  for (const call of [first, second]) late.keep(call)
  assert.deepEqual(late.release(['a', 'b']), [second])
  assert.ok(late.isHeld('a'))
  assert.deepEqual(late.release(['a']), [first])
  assert.ok(!late.isHeld('a'))
})

test('no more than a thousand sessions are suspects', () => {
  const late = new LateSessions()
  const ids = Array.from({ length: 1_000 }, (_, index) => `id-${index}`)
  late.suspect(ids)
  assert.ok(ids.every((id) => late.mostSuspects(id) === Math.ceil(1_000 / 32)))
  late.suspect(['one more'])
  assert.ok(!ids.some((id) => late.mostSuspects(id)))
  assert.equal(late.mostSuspects('one more'), 1)
})
