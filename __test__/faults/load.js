// Many clients at a time that use stores as applications do, and the record of what they were told.
'use strict'

const { AsyncLocalStorage } = require('node:async_hooks')
const { setTimeout: sleep } = require('node:timers/promises')
const { randomNumbers } = require('../support/random.js')

/**
 * @typedef {import('../support/history.js').Operation & {
 *   sid: string, answers: number, error?: Error, startedAt: number, endedAt?: number
 * }} Call one call of a store: how often it was answered, with what error, and when on the clock
 */

const CLIENTS = 64
/** How many clients share a session. */
const SHARING = [1, 2, 3, 4]
/** After so many calls a group goes on with another session, so that the search for an order stays small. */
const CALLS_A_SESSION = 40
/** So does it after this many failures, each of which the search has to consider everywhere after it. */
const FAILURES_A_SESSION = 2
const LONGEST_PAUSE_MS = 20
const FIRST_EXPIRY = Date.UTC(2100, 0)
const EVENTS = ['create', 'update', 'touch', 'touch-missed']
/** How long an answer is waited for, in turns of a timer: a machine that sleeps does not use them up. */
const MOST_TURNS = 1_800
const TURN_MS = 100

class Load {
  /** @type {Call[]} */
  calls = []
  /** What ended up nowhere, such as an unhandled rejection. @type {unknown[]} */
  strays = []
  #stores
  #random
  #showsTouches
  #clock = 0
  #unique = 0
  #isOver = false
  /** @type {Promise<void>[]} */
  #clients = []
  /** @type {AsyncLocalStorage<string[]>} */
  #events = new AsyncLocalStorage()
  #onStray = (/** @type {unknown} */ stray) => this.strays.push(stray)

  /**
   * @param {any[]} stores of the same sessions
   * @param {number} seed
   * @param {boolean} showsTouches whether a session that is read tells when it expires
   */
  constructor(stores, seed, showsTouches) {
    this.#stores = stores
    this.#random = randomNumbers(seed)
    this.#showsTouches = showsTouches
  }

  start() {
    process.on('unhandledRejection', this.#onStray)
    process.on('uncaughtException', this.#onStray)
    for (const store of this.#stores) {
      for (const event of EVENTS) store.on(event, () => this.#events.getStore()?.push(event))
    }
    let group = 0
    while (this.#clients.length < CLIENTS) this.#startGroup(group++)
  }

  /** @param {number} group */
  #startGroup(group) {
    const state = { name: `group-${group}`, session: 0, calls: 0, failures: 0 }
    // Every other group asks one store only, whose answers to a touch are exact; see `told`.
    const stores = group % 2 ? this.#stores : [this.#stores[0]]
    for (let client = 0; client < SHARING[group % SHARING.length]; client++) {
      if (this.#clients.length < CLIENTS) this.#clients.push(this.#run(state, stores))
    }
  }

  /** @param {{ name: string, session: number, calls: number, failures: number }} group @param {any[]} stores */
  async #run(group, stores) {
    while (!this.#isOver) {
      if (++group.calls > CALLS_A_SESSION || group.failures > FAILURES_A_SESSION) {
        Object.assign(group, { session: group.session + 1, calls: 1, failures: 0 })
      }
      const store = stores[Math.floor(this.#random() * stores.length)]
      const call = await this.#call(store, `${group.name}-${group.session}`, stores.length === 1)
      if (call.error) group.failures++
      await sleep(this.#random() * LONGEST_PAUSE_MS)
    }
  }

  #method() {
    const chance = this.#random()
    if (chance < 0.4) return 'get'
    if (chance < 0.7) return 'set'
    return chance < 0.85 ? 'touch' : 'destroy'
  }

  /** @param {any} store @param {string} sid @param {boolean} isAlone @returns {Promise<Call>} */
  #call(store, sid, isAlone) {
    const method = this.#method()
    const id = ++this.#unique
    const expires = method === 'set' || method === 'touch' ? FIRST_EXPIRY + id : undefined
    const value = method === 'set' ? `w${id}` : undefined
    const session = expires && {
      cookie: { expires: new Date(expires).toJSON(), originalMaxAge: 60_000 },
      value,
    }
    /** @type {Call} */
    const call = {
      method,
      sid,
      value,
      expires,
      start: ++this.#clock,
      startedAt: performance.now(),
      answers: 0,
    }
    this.calls.push(call)
    /** @type {string[]} */
    const events = []
    return new Promise((resolve) => {
      this.#events.run(events, () => {
        const args = session ? [sid, session] : [sid]
        store[method](...args, (/** @type {Error | null} */ error, /** @type {any} */ result) => {
          this.#answer(call, error, this.#told(method, result, events, isAlone))
          resolve(call)
        })
      })
    })
  }

  /**
   * A touch that shares a command with others is told from what is there afterwards, which another process may have
   * changed by then: only where nobody else writes the session is it exact.
   *
   * @param {string} method @param {any} result @param {string[]} events @param {boolean} isAlone
   */
  #told(method, result, events, isAlone) {
    if (method === 'touch' && !isAlone) return undefined
    return method === 'get' ? this.#seen(result) : events[0]
  }

  /** @param {any} session */
  #seen(session) {
    if (!session) return null
    const expires = this.#showsTouches ? Date.parse(session.cookie.expires) : undefined
    return { value: session.value, expires }
  }

  /** @param {Call} call @param {Error | null} error @param {any} told */
  #answer(call, error, told) {
    call.answers++
    if (call.answers > 1) return
    call.endedAt = performance.now()
    // connect-mongo's way to say that there was nothing to touch.
    const isMiss = error?.message === 'Unable to find the session to touch'
    if (error && !isMiss) {
      call.error = error
      return
    }
    call.end = ++this.#clock
    call.told = isMiss ? 'touch-missed' : told
  }

  /** Ends the load, once every call is answered or has been waited for. */
  async stop() {
    this.#isOver = true
    for (let turn = 0; turn < MOST_TURNS && this.calls.some(({ answers }) => answers === 0); turn++) {
      await sleep(TURN_MS)
    }
    // An answer that comes twice, comes now.
    await sleep(TURN_MS)
    process.off('unhandledRejection', this.#onStray)
    process.off('uncaughtException', this.#onStray)
  }

  /** Adds a read of everything, after all that the clients did. @param {Map<string, import('../support/history.js').Session>} stored */
  readAll(stored) {
    const now = performance.now()
    for (const sid of new Set(this.calls.map((call) => call.sid))) {
      const [start, end] = [++this.#clock, ++this.#clock]
      const told = stored.get(sid) ?? null
      this.calls.push({ method: 'get', sid, told, start, end, startedAt: now, endedAt: now, answers: 1 })
    }
  }
}

module.exports = { Load }
