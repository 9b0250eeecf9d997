// The limits of ping and close where a test of them would take too long.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const timers = require('node:timers')

/** @type {[Function, number][]} */
const started = []

/** The module on timers that never end, since it keeps those that there are when it is loaded. */
function onStillTimers() {
  const { setTimeout } = timers
  // @ts-expect-error: no timer of Node
  timers.setTimeout = (onTimeout, milliseconds) => started.push([onTimeout, milliseconds])
  try {
    return require('../../lib/store/time-limits.js')
  } finally {
    timers.setTimeout = setTimeout
  }
}

const { closeTimeoutOf, inTime, isOverIn, pingTimeoutOf } = onStillTimers()

/** @param {() => unknown} start @returns {number[]} of the timers that it starts */
function timersOf(start) {
  started.length = 0
  start()
  return started.map(([, milliseconds]) => milliseconds)
}

test('close waits 20 s unless it is told otherwise', () => {
  for (const options of [undefined, null, {}, { timeoutMS: undefined }, 'SIGTERM', () => {}])
    assert.equal(closeTimeoutOf(options), 20_000)
  for (const timeoutMS of [0, 0.5, 30_000, Number.POSITIVE_INFINITY])
    assert.equal(closeTimeoutOf({ timeoutMS }), timeoutMS)
})

test('ping waits as long as every call unless it is told otherwise', () => {
  assert.equal(pingTimeoutOf(undefined), undefined)
  assert.equal(pingTimeoutOf({}), undefined)
  assert.equal(pingTimeoutOf({ timeoutMS: 0.5 }), 0.5)
})

test('what is longer than a timer can wait is for ever', () => {
  const never = new Promise(() => {})
  for (const start of [
    (/** @type {number} */ milliseconds) => isOverIn(never, milliseconds),
    (/** @type {number} */ milliseconds) => inTime(never, 'timeoutMS', milliseconds),
  ]) {
    assert.deepEqual(
      timersOf(() => start(2 ** 31 - 1)),
      [2 ** 31 - 1]
    )
    assert.deepEqual(
      timersOf(() => start(2 ** 31)),
      []
    )
    assert.deepEqual(
      timersOf(() => start(Number.POSITIVE_INFINITY)),
      []
    )
  }
})
