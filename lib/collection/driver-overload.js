// A server that has too much to do, over a JavaScript client: what it refuses is asked again, after pauses that grow and are random, so that
// not all processes come again at once.
'use strict'

const { delay } = require('./delay.js')
const { isOverload } = require('./driver-errors.js')

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000

/** @param {number} pauses how many there were before */
function pauseMs(pauses) {
  return Math.random() * Math.min(FIRST_PAUSE_MS * 2 ** pauses, LONGEST_PAUSE_MS)
}

/**
 * What is of no harm when a part of it is done twice.
 *
 * @template T
 * @param {() => Promise<T>} ask
 * @param {number} deadlineMs by `performance.now()`
 * @returns {Promise<T>}
 */
async function untilTaken(ask, deadlineMs) {
  for (let pauses = 0; ; pauses++) {
    try {
      return await ask()
    } catch (error) {
      const waitMs = pauseMs(pauses)
      if (!isOverload(error) || performance.now() + waitMs > deadlineMs) throw error
      await delay(waitMs)
    }
  }
}

module.exports = { pauseMs, untilTaken }
