// One store and the loop around its operations. The loop allocates nothing for an operation, so that what is measured
// is the store.
'use strict'

const { monitorEventLoopDelay, performance } = require('node:perf_hooks')
const { LOOKUPS, OPERATIONS } = require('../operations.js')
const { makeSessions, sidOf, userOf } = require('../sessions.js')
const { quantile } = require('../statistics.js')
const { storeOf } = require('../stores.js')
const { startMeter } = require('./meter.js')
const { answerParent } = require('./parent.js')

/**
 * @typedef {import('../sessions.js').Entry} Entry
 * @typedef {import('../operations.js').Operation} Operation
 *
 * What is kept going at once, and until when.
 * @typedef {{ operation: string, atOnce: number, ms?: number, count?: number }} Load
 */

const FILL_AT = 32
const FILL_SLICE = 10_000
/** Filled once, so that its pages do not come into memory during a measurement. */
const latencies = new Float64Array(1 << 20).fill(0)

class Run {
  /** @param {any} store @param {Entry[]} entries @param {Operation} operation @param {Load} load */
  constructor(store, entries, operation, { ms = Number.POSITIVE_INFINITY, count = latencies.length }) {
    if (count > latencies.length) throw new RangeError(`A run has at most ${latencies.length} operations`)
    this.store = store
    this.entries = entries
    this.operation = operation
    /** In milliseconds. */
    this.latencies = latencies
    this.end = performance.now() + ms
    this.most = count
    this.started = 0
    this.finished = 0
    this.next = 0
  }

  nextEntry() {
    if (this.next === this.entries.length) this.next = 0
    return this.entries[this.next++]
  }
}

/** Issues one operation after the other, each from the callback of the one before. @param {Run} run @returns {Promise<void>} */
function oneLoop(run) {
  const { store, operation } = run
  const { call, check } = operation
  return new Promise((resolve, reject) => {
    /** @type {Entry} */
    let entry
    let began = 0

    /** @param {number} now */
    function issue(now) {
      if (now >= run.end || run.started === run.most) return resolve()
      run.started++
      entry = run.nextEntry()
      began = now
      call(store, entry, done)
    }
    /** @type {import('../operations.js').Done} */
    function done(error, result) {
      const now = performance.now()
      run.latencies[run.finished++] = now - began
      if (error) reject(error)
      else if (check && !check(entry, result)) reject(new Error(`A wrong answer for ${entry.sid}`))
      else issue(now)
    }
    issue(performance.now())
  })
}

/** @type {any} */
let store
/** @type {Entry[]} */
let entries

/** @param {Entry[]} entries @param {Load} load */
function runOf(entries, load) {
  return new Run(store, entries, { ...OPERATIONS, ...LOOKUPS }[load.operation], load)
}

/** @param {Run} run @param {number} atOnce */
async function keepGoing(run, atOnce) {
  await Promise.all(Array.from({ length: atOnce }, () => oneLoop(run)))
}

/** @param {Load} load @returns {Promise<Run>} when it is over */
async function keepRunning(load) {
  const run = runOf(entries, load)
  await keepGoing(run, load.atOnce)
  return run
}

/** @param {{ store: string, place: import('../stores.js').Place }} job */
async function open({ store: name, place }) {
  store = await storeOf(name).create(place)
}

/** Stores the sessions to work with. @param {{ count: number, size: number }} job */
async function fill({ count, size }) {
  entries = makeSessions(count, size)
  await keepRunning({ operation: 'set', atOnce: FILL_AT, count })
}

/** Stores more sessions than fit into this process. @param {{ count: number, size: number }} job */
async function fillMany({ count, size }) {
  for (let first = 0; first < count; first += FILL_SLICE) {
    entries = makeSessions(Math.min(FILL_SLICE, count - first), size, first)
    await keepRunning({ operation: 'set', atOnce: FILL_AT, count: entries.length })
  }
}

/** Works with the sessions that another process has filled. @param {{ count: number, size: number }} job */
function know({ count, size }) {
  entries = makeSessions(count, size)
}

/**
 * Takes any of the sessions that are stored, to be read only. Those behind the `written` ones are copies of them.
 *
 * @param {{ count: number, stored: number, written?: number }} job
 */
function pick({ count, stored, written = stored }) {
  entries = Array.from({ length: count }, () => {
    const index = Math.floor(Math.random() * stored)
    return { sid: sidOf(index), session: { user: userOf(index % written) } }
  })
}

/** @param {Load[]} loads */
async function warmUp(loads) {
  for (const load of loads) await keepRunning(load)
}

const MS_PER_SECOND = 1000
const NANOSECONDS_PER_MS = 1e6

/** @param {Load} load */
async function measureAll(load) {
  const stop = startMeter()
  const { finished } = await keepRunning(load)
  const cost = stop(finished)
  const sorted = latencies.subarray(0, finished).sort()
  const [p50Ms, p99Ms, longestMs] = [0.5, 0.99, 1].map((share) => quantile(sorted, share))
  return { ...cost, p50Ms, p99Ms, longestMs }
}

/** @param {Load} load */
async function measure(load) {
  const { longestMs, ...figures } = await measureAll(load)
  return figures
}

/** The same, the longest of all, and for how long the event loop was busy at a time at the most. @param {Load} load */
async function measureStalls(load) {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const figures = await measureAll(load)
  delays.disable()
  return { ...figures, stallMs: delays.max / NANOSECONDS_PER_MS }
}

/** Far from those that are measured. */
const FIRST_LARGE = 1e9
const MOST_LARGE = 10_000
/** @type {Entry[]} */
let largeEntries

/** Stores what is worked with beside the rest. @param {{ count: number, size: number }} job */
async function fillLarge({ count, size }) {
  largeEntries = makeSessions(count, size, FIRST_LARGE)
  await keepGoing(runOf(largeEntries, { operation: 'set', atOnce: 1, count }), 1)
}

/** @param {{ load: Load, beside: Load }} job the measured load, and what goes on meanwhile with the large sessions */
async function measureBeside({ load, beside }) {
  const run = runOf(largeEntries, { ...beside, count: MOST_LARGE })
  run.latencies = new Float64Array(MOST_LARGE)
  const [figures] = await Promise.all([measureStalls(load), keepGoing(run, beside.atOnce)])
  return { ...figures, besidePerSecond: (run.finished * MS_PER_SECOND) / Number(load.ms) }
}

const MEGABYTE = 1024 * 1024
const LOOK_EVERY = 10_000

/** Goes through all sessions, and looks at the memory of this process meanwhile. */
async function walk() {
  const start = performance.now()
  const rssMb = []
  let count = 0
  for await (const _ of store.iterate()) {
    if (count++ % LOOK_EVERY === 0) rssMb.push(process.memoryUsage.rss() / MEGABYTE)
  }
  return { count, seconds: (performance.now() - start) / 1000, rssMb }
}

answerParent({
  open,
  fill,
  fillLarge,
  fillMany,
  know,
  measure,
  measureBeside,
  measureStalls,
  pick,
  walk,
  warmUp,
})
