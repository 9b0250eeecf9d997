// The time that only goes on, for durations, bound as it is loaded, for apps whose tests put fakes in its place; and by how much those
// have moved the date.
'use strict'

const { performance } = require('node:perf_hooks')
const { runInNewContext } = require('node:vm')

/** What making a realm may take, when the process is held up. */
const TOLERANCE_MS = 1000

/** Milliseconds since `timeOrigin`. */
const now = performance.now.bind(performance)
/** Milliseconds since the epoch. */
const { timeOrigin } = performance

/**
 * By how much a test has moved `Date`, in milliseconds: what the clock of a server says is to follow. What was `Date` as this was loaded
 * may have been a fake already; that of a realm of its own is none.
 */
function movedMs() {
  const mocked = Date.now()
  const system = runInNewContext('Date.now()')
  return Math.abs(mocked - system) < TOLERANCE_MS ? 0 : mocked - system
}

/** What a server's clock says, as far as a test has moved `Date`. @param {Date} date */
function moved(date) {
  return new Date(date.getTime() + movedMs())
}

module.exports = { moved, movedMs, now, timeOrigin }
