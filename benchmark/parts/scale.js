// How cost grows: with the sessions that are stored, their size, the calls at once, the processes on one server, and the time that the
// network takes. One of these grows at a time.
'use strict'

const { withChild } = require('../children.js')
const { againstFirst, compare } = require('../comparison.js')
const { copySessions } = require('../copies.js')
const { placeFor } = require('../database.js')
const { formatNumber, formatSize } = require('../figures.js')
const { throughNetwork } = require('../network.js')
const { Progress } = require('../progress.js')
const { inTurn } = require('../rounds.js')
const { labelOf } = require('../stores.js')
const { report } = require('../table.js')

const WARM_UP_SHARE = 1 / 3
/** So many sessions are worked with, or as many as have these bytes. */
const MOST_SESSIONS = 1024
const MOST_BYTES = 64e6
/** Of the stored sessions so many are read: more than a processor's cache holds. */
const READ = 100_000

/**
 * @typedef {'stored' | 'size' | 'at' | 'processes' | 'delay'} Axis
 *
 * @typedef {object} Point
 * @property {number} [stored] how many sessions there are beside those that are worked with
 * @property {number} size of a session, in bytes of JSON
 * @property {number} at how many calls at once, in each process
 * @property {number} processes
 * @property {number} delay of the network, there and back, in milliseconds
 *
 * @typedef {object} Options
 * @property {string[]} stores
 * @property {string[]} operations
 * @property {number} rounds
 * @property {number} seconds of one measurement
 * @property {number[]} stored
 * @property {number[]} size
 * @property {number[]} at
 * @property {number[]} processes
 * @property {number[]} delay
 *
 * @typedef {import('../servers.js').Servers} Servers
 * @typedef {{ axis: Axis, value: number, point: Point }} Scenario
 */

/** What does not grow. @type {Record<Axis, Omit<Point, 'stored'>>} */
const BASES = {
  stored: { size: 300, at: 32, processes: 1, delay: 0 },
  size: { size: 1000, at: 32, processes: 1, delay: 0 },
  at: { size: 1000, at: 1, processes: 1, delay: 0 },
  processes: { size: 1000, at: 32, processes: 1, delay: 0 },
  delay: { size: 1000, at: 512, processes: 1, delay: 0 },
}

const AXES = /** @type {Axis[]} */ (Object.keys(BASES))

/** @type {Record<Axis, (value: number) => string>} */
const NAMES = {
  stored: (value) => `${formatNumber(value, 0)} stored sessions`,
  size: (value) => `sessions of ${formatSize(value)}`,
  at: (value) => `${formatNumber(value, 0)} at once`,
  processes: (value) => `${value} ${value === 1 ? 'process' : 'processes'}`,
  delay: (value) => `${value} ms of network`,
}

/** @param {Options} options @returns {Scenario[]} */
function scenariosOf(options) {
  return AXES.flatMap((axis) =>
    options[axis].map((value) => ({ axis, value, point: { ...BASES[axis], [axis]: value } }))
  )
}

/** @param {Point} point */
function sessionsOf({ size, at }) {
  return Math.max(2 * at, Math.min(MOST_SESSIONS, Math.floor(MOST_BYTES / size)))
}

/**
 * @template T
 * @param {number} count
 * @param {(children: any[]) => Promise<T>} work
 * @param {any[]} [children]
 * @returns {Promise<T>}
 */
function withChildren(count, work, children = []) {
  if (children.length === count) return work(children)
  return withChild('measure', (child) => withChildren(count, work, [...children, child]))
}

/** Of processes that have worked at the same time. @param {Record<string, number>[]} all */
function together(all) {
  const mean = (/** @type {string} */ name) => all.reduce((sum, one) => sum + one[name], 0) / all.length
  const worst = (/** @type {string} */ name) => Math.max(...all.map((one) => one[name]))
  const means = Object.keys(all[0]).map((name) => [name, mean(name)])
  return {
    ...Object.fromEntries(means),
    perSecond: mean('perSecond') * all.length,
    p99Ms: worst('p99Ms'),
    stallMs: worst('stallMs'),
  }
}

/**
 * @param {{ store: string, place: import('../stores.js').Place, point: Point, operations: string[], seconds: number }} job
 * @returns {Promise<{ operation: string, figures: Record<string, number> }[]>}
 */
function measurePoint({ store, place, point, operations, seconds }) {
  const { size, at, processes, delay, stored } = point
  const ms = seconds * 1000
  const work = (/** @type {import('../stores.js').Place} */ place) =>
    withChildren(processes, async (children) => {
      const askAll = (/** @type {string} */ what, /** @type {object} */ how) =>
        Promise.all(children.map((child) => child.ask(what, how)))
      await askAll('open', { store, place })
      const count = sessionsOf(point)
      await children[0].ask('fill', { count, size })
      if (stored === undefined) {
        await askAll('know', { count, size })
      } else {
        await copySessions(store, place, { written: count, stored })
        await askAll('pick', { count: READ, stored, written: count })
      }
      const measured = []
      for (const operation of stored === undefined ? operations : ['get']) {
        await askAll('warmUp', [{ operation, atOnce: at, ms: ms * WARM_UP_SHARE }])
        const all = await askAll('measureStalls', { operation, atOnce: at, ms })
        measured.push({ operation, figures: together(all) })
      }
      return measured
    })
  return delay === 0 ? work(place) : throughNetwork(place, delay, work)
}

/** @param {Options} options @param {Servers} servers */
async function runScale(options, servers) {
  const { stores, rounds, operations, seconds } = options
  const scenarios = scenariosOf(options)
  const progress = new Progress(stores.length * rounds * scenarios.length)
  /** @type {import('../comparison.js').Measurement[]} */
  const measurements = []
  for (const { axis, value, point } of scenarios) {
    for (const { store, round } of inTurn(stores, rounds)) {
      const what = NAMES[axis](value)
      progress.show(`${what}, round ${round + 1} of ${rounds}  ${labelOf(store)}`)
      const place = placeFor(servers, `${store}-${axis}-${value}`)
      for (const { operation, figures } of await measurePoint({ store, place, point, operations, seconds })) {
        const scenario = { axis, value, operation, ...point }
        measurements.push({ title: `${operation}, ${what}`, scenario, store, round, figures })
      }
      progress.advance()
    }
  }
  progress.end()
  return report(compare(measurements, againstFirst(stores)))
}

module.exports = { runScale }
