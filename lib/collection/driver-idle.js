// The idle connections of a JavaScript client: something on the way may have forgotten them, and whoever is given one of these waits
// until TCP gives up. So when a command is late they are all tried, before the next command takes one.
'use strict'

// Kept, for apps whose tests put fake timers in the place of the global ones.
const { clearTimeout, setTimeout } = require('node:timers')
const { AbortSignal } = require('../abort.js')

/** @typedef {import('./client-source.js').Client} Client */

const PING_MS = 3_000
const MOST_PINGS = 32
const LEAST_MS_BETWEEN_CHECKS = 1_000

/** @param {Client} client @param {unknown} readPreference @param {object} [limits] */
async function ping(client, readPreference, limits) {
  await client.db('admin').command({ ping: 1 }, { readPreference, ...limits })
}

/** What makes the driver give a ping up, with its connection: the signal in later versions, the other in earlier ones. */
function pingLimits() {
  return { signal: AbortSignal.timeout(PING_MS), socketTimeoutMS: PING_MS }
}

/** @param {Promise<unknown>} promise @returns {Promise<boolean>} whether it succeeds in the time that a ping is given */
function succeedsInTime(promise) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), PING_MS).unref()
    promise
      .then(
        () => resolve(true),
        () => resolve(false)
      )
      .finally(() => clearTimeout(timer))
  })
}

class IdleConnections {
  #client
  /** By address, the ids of those that nobody uses. @type {Map<string, Set<unknown>>} */
  #idle = new Map()
  #isChecking = false
  #checkedMs = Number.NEGATIVE_INFINITY
  /** Those that have been sent, by what they are sent to. @type {Map<string, Promise<boolean>>} */
  #pings = new Map()
  /** @type {Record<string, (event: any) => void>} */
  #listeners = {
    connectionReady: (event) => this.#add(event),
    connectionCheckedIn: (event) => this.#add(event),
    connectionCheckedOut: (event) => this.#remove(event),
    connectionClosed: (event) => this.#remove(event),
    connectionPoolCleared: ({ address }) => this.#idle.delete(address),
    connectionPoolClosed: ({ address }) => this.#idle.delete(address),
  }

  /** @param {Client} client */
  constructor(client) {
    this.#client = client
  }

  watch() {
    if (typeof this.#client.on !== 'function') return
    for (const [name, listener] of Object.entries(this.#listeners)) this.#client.on(name, listener)
  }

  stopWatching() {
    for (const [name, listener] of Object.entries(this.#listeners)) this.#client.off?.(name, listener)
    this.#idle.clear()
  }

  /** @param {unknown} readPreference of what is late */
  async check(readPreference) {
    const count = Math.min(this.#count(), MOST_PINGS)
    const nowMs = performance.now()
    if (count === 0 || this.#isChecking || nowMs - this.#checkedMs < LEAST_MS_BETWEEN_CHECKS) return
    this.#isChecking = true
    this.#checkedMs = nowMs
    const pings = Array.from({ length: count }, () => ping(this.#client, readPreference, pingLimits()))
    await succeedsInTime(Promise.allSettled(pings))
    this.#isChecking = false
  }

  /** @param {any} readPreference @returns {Promise<boolean>} whether a server answers what is sent now */
  isAnswering(readPreference) {
    const mode = String(readPreference?.mode)
    const underWay = this.#pings.get(mode)
    if (underWay) return underWay
    const pinged = succeedsInTime(ping(this.#client, readPreference, pingLimits()))
    const answering = pinged.finally(() => this.#pings.delete(mode))
    this.#pings.set(mode, answering)
    return answering
  }

  /** How many a burst of pings can find: they all go to one server. */
  #count() {
    return Math.max(0, ...[...this.#idle.values()].map(({ size }) => size))
  }

  /** @param {{ address: string, connectionId: unknown }} event */
  #add({ address, connectionId }) {
    const idle = this.#idle.get(address)
    if (idle) idle.add(connectionId)
    else this.#idle.set(address, new Set([connectionId]))
  }

  /** @param {{ address: string, connectionId: unknown }} event */
  #remove({ address, connectionId }) {
    this.#idle.get(address)?.delete(connectionId)
  }
}

module.exports = { IdleConnections, ping }
