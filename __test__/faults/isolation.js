// What a fault does to calls about sessions that it does not touch.
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')

/**
 * @typedef {import('./load.js').Call} Call
 * @typedef {{ calls: import('./load.js').Call[] }} Load
 *
 * @typedef {{ p50Ms: number, p99Ms: number }} Times that calls take
 *
 * @typedef {object} Isolation of calls about sessions that the fault does not touch
 * @property {Times} before without the fault
 * @property {Times} during with it; a call without an answer counts with the time that it has waited so far
 * @property {number} ratio of the one p99 to the other
 * @property {number} unanswered calls that at the end of the fault had waited for longer than QUICK_MS
 */

/** How long the clients are watched without the fault. */
const BEFORE_MS = 3_000
/** How many times as long the slowest hundredth of the calls may take. */
const MOST_RATIO = 5
/**
 * What is as quick as this passes, whatever it is compared with: on two processors, which servers, stores and clients share, the
 * p99 of one run is several times that of the next.
 */
const QUICK_MS = 25
/** Where calls take longer without the fault, five times as long is about what the fault lasts, and any store would pass. */
const MOST_BEFORE_MS = 250

/** @param {number} ms */
const rounded = (ms) => Math.round(ms * 10) / 10

/**
 * @param {Call[]} calls
 * @param {number} from
 * @param {number} to
 * @returns {Times} of the calls that were under way between these, each with what it had taken by then
 */
function timesOf(calls, from, to) {
  const underWay = calls.filter(({ startedAt, endedAt = to }) => startedAt < to && endedAt > from)
  const times = underWay.map(({ startedAt, endedAt = to }) => Math.min(endedAt, to) - startedAt)
  times.sort((one, other) => one - other)
  const quantile = (/** @type {number} */ share) => rounded(times[Math.floor((times.length - 1) * share)])
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99) }
}

/** @param {Load} load @param {() => Promise<void>} during @returns {Promise<Isolation>} */
async function measureIsolation(load, during) {
  const startedAt = performance.now()
  await sleep(BEFORE_MS)
  const faultAt = performance.now()
  await during()
  const endedAt = performance.now()
  const calls = load.calls.filter(({ isTouched }) => !isTouched)
  const before = timesOf(calls, startedAt, faultAt)
  const affected = timesOf(calls, faultAt, endedAt)
  const isWaiting = (/** @type {Call} */ { answers, startedAt: at }) =>
    answers === 0 && endedAt - at > QUICK_MS
  return {
    before,
    during: affected,
    ratio: rounded(affected.p99Ms / before.p99Ms),
    unanswered: calls.filter(isWaiting).length,
  }
}

/** @param {Isolation | undefined} isolation @returns {string[]} */
function isolationViolations(isolation) {
  if (!isolation) return []
  const { before, during, ratio } = isolation
  if (before.p99Ms > MOST_BEFORE_MS) {
    return [`this machine is too busy to tell who waits for whom: p99 ${before.p99Ms} ms without the fault`]
  }
  if (during.p99Ms <= QUICK_MS || ratio <= MOST_RATIO) return []
  return [
    `calls about other sessions waited: p99 ${before.p99Ms} ms before, ${during.p99Ms} ms during it, ${ratio} times as long`,
  ]
}

module.exports = { isolationViolations, measureIsolation }
