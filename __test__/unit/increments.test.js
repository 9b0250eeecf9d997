// What the fault suite makes of counters (faults/increments.js).
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { incrementsIn } = require('../faults/increments.js')

/** @param {Partial<import('../faults/load.js').Call>} fields @returns {import('../faults/load.js').Call} */
const save = (fields) => ({
  method: 'set',
  sid: 'a',
  isLoaded: true,
  isTouched: false,
  start: 1,
  startedAt: 1,
  answers: 1,
  ...fields,
})

const CALLS = [
  save({ isLoaded: false, end: 2, told: 'create' }),
  save({ end: 2, told: 'update' }),
  save({ end: 2, told: 'update' }),
  save({ end: 2, told: 'conflict' }),
  save({ error: new Error('nobody knows') }),
  save({ sid: 'b', end: 2, told: 'update' }),
]

for (const [count, lost, doubled] of [
  [1, 1, 0],
  [2, 0, 0],
  [3, 0, 0],
  [4, 0, 1],
]) {
  test(`two acknowledged increments and one that may have been done are told from ${count}`, () => {
    const stored = [{ sid: 'a', value: 'w1', count, expires: 0 }]
    assert.deepEqual(incrementsIn(CALLS, stored), { acknowledged: 2, refused: 1, lost, doubled })
  })
}
