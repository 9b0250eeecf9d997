// Whether cost grows with the work and with nothing else: ten times the operations, a hundred times the sessions, and
// memory over millions of operations.
'use strict'

const { withChild } = require('../children.js')
const { compare } = require('../comparison.js')
const { placeFor } = require('../database.js')
const { formatNumber } = require('../figures.js')
const { OPERATIONS } = require('../operations.js')
const { Progress } = require('../progress.js')
const { inTurn } = require('../rounds.js')
const { summary } = require('../statistics.js')
const { labelOf } = require('../stores.js')
const { comparisonTable } = require('../table.js')

const NAMES = Object.keys(OPERATIONS)
const SESSIONS = 1024
/** Small, so that a million of them fit into the server's memory. */
const SIZE = 300
const AT_ONCE = 32
const TIMES_OPERATIONS = 10
const TIMES_STORED = 100
/** So many of the stored sessions are read: more than a processor's cache holds. */
const READ = 100_000
/** Memory is looked at so often, in ten points of three slices each: one for each operation. */
const POINTS = 10
const WARM_UP_SHARE = 1 / 3

/**
 * @typedef {object} Options
 * @property {string[]} stores
 * @property {number} rounds
 * @property {number} seconds of one measurement of the stored sessions
 * @property {number} count of the operations that are compared with ten times as many
 * @property {number} stored sessions that are compared with a hundredth as many
 * @property {number} millions of operations over which memory is watched
 *
 * @typedef {import('../servers.js').Servers} Servers
 * @typedef {import('../comparison.js').Measurement} Measurement
 * @typedef {{ store: string, servers: Servers, say: (what: string) => void }} Subject
 */

/** @param {number} count @param {string} noun */
function amount(count, noun) {
  return `${formatNumber(count, 0)} ${noun}`
}

/**
 * What one operation costs among many and among few: the same, where cost is linear.
 *
 * @param {Subject} subject @param {Options} options
 */
async function compareCounts({ store, servers, say }, { rounds, count }) {
  const [many, few] = [count * TIMES_OPERATIONS, count].map((count) => amount(count, 'operations'))
  /** @type {Measurement[]} */
  const measurements = []
  await withChild('measure', async (child) => {
    await child.ask('open', { store, place: placeFor(servers, store) })
    await child.ask('fill', { count: SESSIONS, size: SIZE })
    for (const operation of NAMES) await child.ask('warmUp', [{ operation, atOnce: AT_ONCE, count }])
    for (const { store: name, round } of inTurn([many, few], rounds)) {
      say(`${name}, round ${round + 1} of ${rounds}`)
      for (const operation of NAMES) {
        const load = { operation, atOnce: AT_ONCE, count: name === many ? count * TIMES_OPERATIONS : count }
        const figures = await child.ask('measure', load)
        const title = `${operation} at ${AT_ONCE}, ${labelOf(store)}`
        measurements.push({ title, scenario: { store, ...load }, store: name, round, figures })
      }
    }
  })
  return compare(measurements, [[many, few]])
}

/**
 * What a `get` costs among many stored sessions and among few.
 *
 * @param {Subject} subject @param {Options} options
 */
async function compareStored({ store, servers, say }, { rounds, seconds, stored }) {
  const sizes = new Map(
    [stored, Math.ceil(stored / TIMES_STORED)].map((count) => [amount(count, 'stored sessions'), count])
  )
  const [many, few] = sizes.keys()
  /** @param {string} name */
  const place = (name) => placeFor(servers, `${store}-${sizes.get(name)}`)
  for (const [name, count] of sizes) {
    say(`writing ${name}`)
    await withChild('measure', async (child) => {
      await child.ask('open', { store, place: place(name) })
      await child.ask('fillMany', { count, size: SIZE })
    })
  }
  const ms = seconds * 1000
  /** @type {Measurement[]} */
  const measurements = []
  for (const { store: name, round } of inTurn([many, few], rounds)) {
    say(`${name}, round ${round + 1} of ${rounds}`)
    await withChild('measure', async (child) => {
      await child.ask('open', { store, place: place(name) })
      await child.ask('pick', { count: READ, stored: sizes.get(name) })
      for (const atOnce of [1, AT_ONCE]) {
        const load = { operation: 'get', atOnce, ms }
        await child.ask('warmUp', [{ ...load, ms: ms * WARM_UP_SHARE }])
        const figures = await child.ask('measure', load)
        const title = `get at ${atOnce}, ${labelOf(store)}`
        measurements.push({ title, scenario: { store, stored, ...load }, store: name, round, figures })
      }
    })
  }
  return compare(measurements, [[many, few]])
}

/**
 * @param {Subject} subject @param {Options} options
 * @returns {Promise<number[]>} resident memory in MB, at regular points of the way
 */
async function watchMemory({ store, servers, say }, { millions }) {
  const count = Math.ceil((millions * 1e6) / POINTS / NAMES.length)
  return withChild('measure', async (child) => {
    await child.ask('open', { store, place: placeFor(servers, store) })
    await child.ask('fill', { count: SESSIONS, size: SIZE })
    const points = []
    for (let point = 1; point <= POINTS; point++) {
      say(`memory, part ${point} of ${POINTS}`)
      const loads = NAMES.map((operation) => ({ operation, atOnce: 128, count }))
      const slices = []
      for (const load of loads) slices.push(await child.ask('measure', load))
      points.push(summary(slices.map(({ rssMb }) => rssMb)).median)
    }
    return points
  })
}

/** @param {string} store @param {number} millions @param {number[]} points */
function memoryLine(store, millions, points) {
  const text = points.map((megabytes) => formatNumber(megabytes, 0)).join(' ')
  return `Memory of ${labelOf(store)} over ${millions} million operations, MB: ${text}`
}

/** @param {Options} options @param {Servers} servers */
async function runScale(options, servers) {
  const { stores, rounds, millions } = options
  const progress = new Progress(stores.length * (4 * rounds + 2 + POINTS))
  const results = []
  const text = []
  for (const store of stores) {
    /** @param {string} what */
    const say = (what) => {
      progress.show(`${labelOf(store)}  ${what}`)
      progress.advance()
    }
    const subject = { store, servers, say }
    const counts = await compareCounts(subject, options)
    const stored = await compareStored(subject, options)
    const memoryMb = await watchMemory(subject, options)
    results.push({ store, counts, stored, memoryMb })
    text.push(...[...counts, ...stored].map(comparisonTable), memoryLine(store, millions, memoryMb))
  }
  progress.end()
  return { results, text: text.join('\n\n') }
}

module.exports = { runScale }
