// Many clients at a time that use stores as applications do, and the record of what they were told.
'use strict'

const { AsyncLocalStorage } = require('node:async_hooks')
const { setTimeout: sleep } = require('node:timers/promises')
const { randomNumbers } = require('../support/random.js')

/**
 * @typedef {import('../support/history.js').Operation & {
 *   sid: string, isTouched: boolean, answers: number, error?: Error, startedAt: number, endedAt?: number
 * }} Call one call of a store: whether the fault touches its session, how often it was answered, with what error, and when on
 *   the clock
 *
 * @typedef {object} Crowd who uses the stores
 * @property {number} clients
 * @property {number} longestPauseMs between two calls of a client
 * @property {keyof typeof HABITS} habit of these clients
 * @property {number} [touched] how many sessions there are besides that the fault touches, each saved by two more clients
 *
 * @typedef {object} Habit
 * @property {Call['method']} [first] what a session is called with first
 * @property {Call['method'][]} methods one of which each call is
 * @property {number} callsASession after these a group goes on with another session
 *
 * @typedef {{ name: string, habit: Habit, isTouched: boolean }} GroupKind
 *
 * @typedef {GroupKind & { session: number, calls: number, failures: number }} Group the clients of one session at a time
 */

/** @type {Crowd} */
const BUSY_CLIENTS = { clients: 64, longestPauseMs: 20, habit: 'any' }
/**
 * As many calls, of clients that each call seldom. While nothing is answered, busy clients would make no call that could tell of
 * it; and one of them that waits would be too few among all calls that the others make meanwhile.
 *
 * @type {Crowd}
 */
const MANY_CLIENTS = { clients: 1_024, longestPauseMs: 1_000, habit: 'any' }

/** @satisfies {Record<string, Habit>} */
const HABITS = {
  any: {
    methods: inShares({ get: 8, set: 6, touch: 3, destroy: 3 }),
    // So that the search for an order stays small.
    callsASession: 40,
  },
  saving: {
    first: 'set',
    methods: inShares({ get: 2, set: 3 }),
    callsASession: Number.POSITIVE_INFINITY,
  },
  reading: { first: 'set', methods: ['get'], callsASession: Number.POSITIVE_INFINITY },
}

/** How many clients share a session. */
const SHARING = [1, 2, 3, 4]
const CLIENTS_A_TOUCHED_SESSION = 2
/** A group goes on with another session after this many failures, each of which the search has to consider everywhere after it. */
const FAILURES_A_SESSION = 2
const FIRST_EXPIRY = Date.UTC(2100, 0)
const EVENTS = ['create', 'update', 'touch', 'touch-missed']
/** How long an answer is waited for, in turns of a timer: a machine that sleeps does not use them up. */
const MOST_TURNS = 1_800
const TURN_MS = 100

/** @param {Partial<Record<Call['method'], number>>} shares @returns {Call['method'][]} each as often as it says */
function inShares(shares) {
  const entries = /** @type {[Call['method'], number][]} */ (Object.entries(shares))
  return entries.flatMap(([method, share]) => Array(share).fill(method))
}

class Load {
  /** @type {Call[]} */
  calls = []
  /** What ended up nowhere, such as an unhandled rejection. @type {unknown[]} */
  strays = []
  #stores
  #random
  #showsTouches
  #crowd
  #clock = 0
  #unique = 0
  #isOver = false
  /** @type {AsyncLocalStorage<string[]>} */
  #events = new AsyncLocalStorage()
  #onStray = (/** @type {unknown} */ stray) => this.strays.push(stray)

  /**
   * @param {any[]} stores of the same sessions
   * @param {number} seed
   * @param {boolean} showsTouches whether a session that is read tells when it expires
   * @param {Crowd} crowd
   */
  constructor(stores, seed, showsTouches, crowd) {
    this.#stores = stores
    this.#random = randomNumbers(seed)
    this.#showsTouches = showsTouches
    this.#crowd = crowd
  }

  /** The sessions of the calls so far. @param {(call: Call) => boolean} [isMeant] */
  sids(isMeant = () => true) {
    return [...new Set(this.calls.filter(isMeant).map(({ sid }) => sid))]
  }

  start() {
    process.on('unhandledRejection', this.#onStray)
    process.on('uncaughtException', this.#onStray)
    for (const store of this.#stores) {
      for (const event of EVENTS) store.on(event, () => this.#events.getStore()?.push(event))
    }
    const { clients, habit, touched = 0 } = this.#crowd
    for (let index = 0; index < touched; index++) {
      const kind = { name: `touched-${index}`, habit: HABITS.saving, isTouched: true }
      this.#startGroup(kind, CLIENTS_A_TOUCHED_SESSION, this.#stores)
    }
    for (let index = 0, left = clients; left > 0; index++) {
      const size = Math.min(SHARING[index % SHARING.length], left)
      // Every other group asks one store only, whose answers to a touch are exact; see `told`.
      const stores = index % 2 ? this.#stores : [this.#stores[0]]
      this.#startGroup({ name: `group-${index}`, habit: HABITS[habit], isTouched: false }, size, stores)
      left -= size
    }
  }

  /** @param {GroupKind} kind @param {number} size @param {any[]} stores */
  #startGroup(kind, size, stores) {
    const group = { ...kind, session: 0, calls: 0, failures: 0 }
    for (let client = 0; client < size; client++) this.#run(group, stores)
  }

  /** @param {Group} group @param {any[]} stores */
  async #run(group, stores) {
    for (;;) {
      await sleep(this.#random() * this.#crowd.longestPauseMs)
      if (this.#isOver) return
      if (++group.calls > group.habit.callsASession || group.failures > FAILURES_A_SESSION) {
        Object.assign(group, { session: group.session + 1, calls: 1, failures: 0 })
      }
      const store = stores[Math.floor(this.#random() * stores.length)]
      const call = await this.#call(store, group, stores.length === 1)
      if (call.error) group.failures++
    }
  }

  /** @param {Group} group */
  #method({ habit: { first, methods }, calls }) {
    if (first && calls === 1) return first
    return methods[Math.floor(this.#random() * methods.length)]
  }

  /** @param {any} store @param {Group} group @param {boolean} isAlone @returns {Promise<Call>} */
  #call(store, group, isAlone) {
    const method = this.#method(group)
    const sid = `${group.name}-${group.session}`
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
      isTouched: group.isTouched,
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
    for (const sid of this.sids()) {
      const [start, end] = [++this.#clock, ++this.#clock]
      const told = stored.get(sid) ?? null
      const times = { start, end, startedAt: now, endedAt: now }
      this.calls.push({ method: 'get', sid, isTouched: false, told, ...times, answers: 1 })
    }
  }
}

module.exports = { BUSY_CLIENTS, Load, MANY_CLIENTS }
