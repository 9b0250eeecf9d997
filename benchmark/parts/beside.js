// How long small sessions take beside large ones, and when the server stands still for a while: whether one that is slow holds up the
// others.
'use strict'

const { setTimeout } = require('node:timers/promises')

const { withChild } = require('../children.js')
const { againstFirst, compare } = require('../comparison.js')
const { placeFor } = require('../database.js')
const { formatSize } = require('../figures.js')
const { throughNetwork } = require('../network.js')
const { Progress } = require('../progress.js')
const { inTurn } = require('../rounds.js')
const { labelOf } = require('../stores.js')
const { report } = require('../table.js')

const SESSIONS = 1024
const LARGE_SESSIONS = 4
const SIZE = 1000
const WARM_UP_SHARE = 1 / 3
/** Of a measurement so much is over when the server stands still. */
const STALL_AT = 1 / 3
const STALL_MS = 1000

/**
 * @typedef {object} Options
 * @property {string[]} stores
 * @property {number[]} at how many small sessions are read at once
 * @property {number[]} size of the large ones, in bytes of JSON
 * @property {number} rounds
 * @property {number} seconds of one measurement
 *
 * What goes on beside, with large sessions of so many bytes, one at a time.
 * @typedef {{ operation?: string, size?: number, isStalled?: boolean }} Beside
 *
 * @typedef {{ store: string, place: import('../stores.js').Place, atOnce: number, seconds: number }} Job
 */

/** @param {Options} options @returns {Beside[]} */
function besides({ size: sizes }) {
  const large = sizes.flatMap((size) => ['get', 'set'].map((operation) => ({ operation, size })))
  return [{}, ...large, { isStalled: true }]
}

/** @param {Beside} beside */
function nameOf({ operation, size, isStalled }) {
  if (isStalled) return `with a server that stands still for ${STALL_MS / 1000} s`
  return operation ? `beside a ${operation} of ${formatSize(Number(size))} after the other` : 'alone'
}

/** @param {any} child @param {any} proxy @param {Beside} beside @param {{ operation: string, atOnce: number, ms: number }} load */
async function measureOne(child, proxy, { operation, size, isStalled }, load) {
  if (operation) {
    await child.ask('fillLarge', { count: LARGE_SESSIONS, size })
    return child.ask('measureBeside', { load, beside: { operation, atOnce: 1, ms: load.ms } })
  }
  const stalled = isStalled
    ? setTimeout(load.ms * STALL_AT).then(() => proxy.ask('stall', { ms: STALL_MS }))
    : undefined
  const figures = await child.ask('measureStalls', load)
  await stalled
  return figures
}

/** @param {Job & { beside: Beside }} job @returns {Promise<Record<string, number>>} */
function measureBeside({ store, place, atOnce, seconds, beside }) {
  const load = { operation: 'get', atOnce, ms: seconds * 1000 }
  const work = (/** @type {import('../stores.js').Place} */ place, /** @type {any} */ proxy = undefined) =>
    withChild('measure', async (child) => {
      await child.ask('open', { store, place })
      await child.ask('fill', { count: SESSIONS, size: SIZE })
      await child.ask('warmUp', [{ ...load, ms: load.ms * WARM_UP_SHARE }])
      return measureOne(child, proxy, beside, load)
    })
  return beside.isStalled ? throughNetwork(place, 0, work) : work(place)
}

/** @param {Options} options @param {import('../servers.js').Servers} servers */
async function runBeside(options, servers) {
  const { stores, at, rounds, seconds } = options
  const scenarios = at.flatMap((atOnce) => besides(options).map((beside) => ({ atOnce, beside })))
  const progress = new Progress(stores.length * rounds * scenarios.length)
  /** @type {import('../comparison.js').Measurement[]} */
  const measurements = []
  for (const { atOnce, beside } of scenarios) {
    const title = `get at ${atOnce}, ${formatSize(SIZE)}, ${nameOf(beside)}`
    for (const { store, round } of inTurn(stores, rounds)) {
      progress.show(`${title}, round ${round + 1} of ${rounds}  ${labelOf(store)}`)
      const job = { store, place: placeFor(servers, store), atOnce, seconds, beside }
      const figures = await measureBeside(job)
      measurements.push({ title, scenario: { atOnce, ...beside }, store, round, figures })
      progress.advance()
    }
  }
  progress.end()
  return report(compare(measurements, againstFirst(stores)))
}

module.exports = { runBeside }
