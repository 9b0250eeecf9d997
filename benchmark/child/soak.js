// One store under a load of all operations, and what this process holds. To be run with --expose-gc.
'use strict'

const { existsSync, readdirSync } = require('node:fs')
const { performance } = require('node:perf_hooks')
const { setTimeout: sleep } = require('node:timers/promises')
const { MAX_AGE_MS, makeSessions } = require('../sessions.js')
const { storeOf } = require('../stores.js')
const { answerParent } = require('./parent.js')

/** @typedef {import('../sessions.js').Entry} Entry */

const AT_ONCE = 64
/** So many operations for one `all`, and for one `length`. */
const LIST_EVERY = 5_000
/** How many sessions there are of each size, in bytes. */
const SIZES = new Map([
  [300, 80],
  [1_000, 80],
  [10_000, 30],
  [100_000, 10],
])

const { gc: collectGarbage } = /** @type {any} */ (globalThis)

/** @type {any} */
let store
/** @type {Entry[]} */
let entries

/** @param {Entry} entry @param {any} found */
function check({ sid, session }, found) {
  if (found && found.user.id !== session.user.id)
    throw new Error(`${sid} got the session of ${found.user.id}`)
}

/** @param {number} number of the operation @param {(error: any) => void} done */
function operate(number, done) {
  if (number % LIST_EVERY === 0) return store.all(done)
  if (number % LIST_EVERY === 1) return store.length(done)
  const entry = entries[Math.floor(Math.random() * entries.length)]
  const { sid, session } = entry
  const share = Math.random()
  if (share < 0.5) {
    return store.get(sid, (/** @type {any} */ error, /** @type {any} */ found) => {
      check(entry, found)
      done(error)
    })
  }
  session.cookie.maxAge = MAX_AGE_MS
  if (share < 0.75) store.set(sid, session, done)
  else if (share < 0.9) store.touch(sid, session, done)
  else store.destroy(sid, done)
}

/** @param {{ store: string, place: import('../stores.js').Place }} job */
async function open({ store: name, place }) {
  store = await storeOf(name).create(place)
  entries = []
  for (const [size, count] of SIZES) entries.push(...makeSessions(count, size, entries.length))
}

/** @param {{ count: number }} job @returns {Promise<number>} operations a second */
async function run({ count }) {
  const began = performance.now()
  let next = 0
  const loop = () =>
    new Promise((resolve, reject) => {
      const issue = (/** @type {any} */ error) => {
        if (error) reject(error)
        else if (next === count) resolve(undefined)
        else operate(next++, issue)
      }
      issue(undefined)
    })
  await Promise.all(Array.from({ length: AT_ONCE }, loop))
  return (count / (performance.now() - began)) * 1000
}

/** Linux has them as files. @param {'fd' | 'task'} what */
function count(what) {
  const folder = `/proc/self/${what}`
  return existsSync(folder) ? readdirSync(folder).length : undefined
}

/** What is held once the garbage is gone. */
async function held() {
  for (let times = 0; times < 3; times++) {
    collectGarbage()
    await sleep(100)
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return {
    rssMb: rss / 1e6,
    heapMb: (heapUsed + external) / 1e6,
    files: count('fd'),
    threads: count('task'),
    handles: process.getActiveResourcesInfo().length,
  }
}

answerParent({ open, run, held })
