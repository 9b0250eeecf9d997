// Many clients at a time that use stores as applications do, and the record of what they were told.
'use strict'

const { AsyncLocalStorage } = require('node:async_hooks')
const { setTimeout: sleep } = require('node:timers/promises')
const { randomNumbers } = require('../support/random.js')
const { HABITS } = require('./habits.js')

/**
 * @typedef {import('../support/history.js').Operation & {
 *   sid: string, isTouched: boolean, answers: number, error?: Error, startedAt: number, endedAt?: number
 * }} Call one call of a store: whether the fault touches its session, how often it was answered, with what error, and when on
 *   the clock
 *
 * @typedef {{ name: string, habit: import('./habits.js').Habit, isTouched: boolean }} GroupKind
 *
 * @typedef {GroupKind & { session: number, steps: number, failures: number }} Group the clients of one session at a time
 *
 * @typedef {Pick<Call, 'sid' | 'isTouched'>} Target of a call
 *
 * @typedef {object} Place of a load among those of several processes
 * @property {number} index
 * @property {number} processes
 * @property {any[]} beginners the stores that begin sessions, where clients do not create them at any time
 * @property {() => number} now the clock of all of them, in milliseconds
 */

/** How many clients share a session. */
const SHARING = [1, 2, 3, 4]
const CLIENTS_A_TOUCHED_SESSION = 2
/** A group goes on with another session after this many failures, each of which the search has to consider everywhere after it. */
const FAILURES_A_SESSION = 2
const FIRST_EXPIRY = Date.UTC(2100, 0)
const EVENTS = ['create', 'update', 'set-refused', 'touch', 'touch-missed']
/** How long an answer is waited for, in turns of a timer: a machine that sleeps does not use them up. */
const MOST_TURNS = 1_800
const TURN_MS = 100

/** @param {any[]} stores @returns {Place} */
const alone = (stores) => ({ index: 0, processes: 1, beginners: stores, now: () => performance.now() })

/** @param {Error & { code?: unknown } | null} error @returns {string | undefined} what it tells, where it is an answer */
function toldBy(error) {
  // connect-mongo's way to say that there was nothing to touch.
  if (error?.message === 'Unable to find the session to touch') return 'touch-missed'
  return error?.code === 'SESSION_CONFLICT' ? 'conflict' : undefined
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
  #place
  #unique = 0
  #isOver = false
  /** @type {AsyncLocalStorage<string[]>} */
  #events = new AsyncLocalStorage()
  #onStray = (/** @type {unknown} */ stray) => this.strays.push(stray)

  /**
   * @param {any[]} stores of the same sessions
   * @param {number} seed
   * @param {boolean} showsTouches whether a session that is read tells when it expires
   * @param {import('./habits.js').Crowd} crowd
   * @param {Place} [place]
   */
  constructor(stores, seed, showsTouches, crowd, place = alone(stores)) {
    this.#stores = stores
    this.#random = randomNumbers(seed)
    this.#showsTouches = showsTouches
    this.#crowd = crowd
    this.#place = place
  }

  get #allStores() {
    return new Set([...this.#stores, ...this.#place.beginners])
  }

  /** The sessions of the calls so far. @param {(call: Call) => boolean} [isMeant] */
  sids(isMeant = () => true) {
    return [...new Set(this.calls.filter(isMeant).map(({ sid }) => sid))]
  }

  /** @param {number} time @returns {boolean | Promise<boolean>} whether a write has been done that was asked for after it */
  hasWrittenSince(time) {
    return this.calls.some(
      ({ method, startedAt, end }) => method !== 'get' && end !== undefined && startedAt >= time
    )
  }

  /** @returns {void | Promise<void>} */
  start() {
    process.on('unhandledRejection', this.#onStray)
    process.on('uncaughtException', this.#onStray)
    for (const store of this.#allStores) {
      for (const event of EVENTS) store.on(event, () => this.#events.getStore()?.push(event))
    }
    const { clients, habit, touched = 0 } = this.#crowd
    for (let index = 0; index < touched; index++) {
      const kind = { name: `touched-${index}`, habit: HABITS.saving, isTouched: true }
      this.#startGroup(kind, CLIENTS_A_TOUCHED_SESSION, this.#stores)
    }
    for (let index = 0, left = clients; left > 0; index++) {
      const size = Math.min(SHARING[index % SHARING.length], left)
      // Calls about one session are those of one store, which keeps their order, or of both.
      const stores = index % 2 ? this.#stores : [this.#stores[0]]
      this.#startGroup({ name: `group-${index}`, habit: HABITS[habit], isTouched: false }, size, stores)
      left -= size
    }
  }

  /** @param {GroupKind} kind @param {number} size @param {any[]} stores */
  #startGroup(kind, size, stores) {
    const group = { ...kind, session: 0, steps: 0, failures: 0 }
    for (let client = 0; client < size; client++) this.#run(group, stores)
  }

  /** @param {Group} group @param {any[]} stores */
  async #run(group, stores) {
    for (;;) {
      await sleep(this.#random() * this.#crowd.longestPauseMs)
      if (this.#isOver) return
      const session = this.#sessionOf(group)
      if (session !== group.session) Object.assign(group, { session, steps: 0, failures: 0 })
      if (group.failures > FAILURES_A_SESSION) continue
      group.steps++
      const call = await this.#step(group, stores)
      if (call.error) group.failures++
    }
  }

  /** @param {Group} group @returns {number} the session that it is to have now */
  #sessionOf({ session, steps, failures, habit }) {
    const { sessionMs } = this.#crowd
    if (sessionMs) return Math.floor(this.#place.now() / sessionMs)
    return session + Number(steps >= habit.stepsASession || failures > FAILURES_A_SESSION)
  }

  /** @param {Group} group @param {any[]} stores @returns {Promise<Call>} */
  #step({ name, session, isTouched, steps, habit }, stores) {
    const { beginners } = this.#place
    const target = { sid: `${name}-${session}`, isTouched }
    if (habit.first && steps === 1 && beginners.length) {
      return this.#call(this.#oneOf(beginners), target, habit.first)
    }
    const step = this.#oneOf(habit.steps)
    const store = this.#oneOf(stores)
    return step === 'save' ? this.#save(store, target) : this.#call(store, target, step)
  }

  /** @template T @param {T[]} list */
  #oneOf(list) {
    return list[Math.floor(this.#random() * list.length)]
  }

  /** What a request does that changes a session. @param {any} store @param {Target} target @returns {Promise<Call>} */
  async #save(store, target) {
    /** @type {any} */
    let found
    const load = await this.#call(store, target, 'get', {
      onFound: (session) => {
        found = session
      },
    })
    if (!found) return load
    const base = HABITS[this.#crowd.habit].isCompared ? found.value : undefined
    const loaded = store.createSession({ sessionID: target.sid }, found)
    return this.#call(store, target, 'set', { loaded, base })
  }

  /**
   * @param {any} store @param {Target} target @param {Call['method']} method
   * @param {{ loaded?: any, base?: string, onFound?: (session: any) => void }} [request] that loaded the session
   * @returns {Promise<Call>}
   */
  #call(store, { sid, isTouched }, method, { loaded, base, onFound } = {}) {
    const now = this.#place.now()
    const id = this.#newId(now)
    const expires = method === 'set' || method === 'touch' ? FIRST_EXPIRY + id : undefined
    const value = method === 'set' ? `w${id}` : undefined
    const session = expires && sessionWith({ sid, value, expires }, loaded)
    /** @type {Call} */
    const call = {
      method,
      sid,
      isTouched,
      value,
      expires,
      isLoaded: loaded !== undefined,
      base,
      start: now,
      startedAt: now,
      answers: 0,
    }
    this.calls.push(call)
    /** @type {string[]} */
    const events = []
    return new Promise((resolve) => {
      this.#events.run(events, () => {
        const args = session ? [sid, session] : [sid]
        store[method](...args, (/** @type {Error | null} */ error, /** @type {any} */ result) => {
          this.#answer(call, error, method === 'get' ? this.#seen(result) : events[0])
          onFound?.(result)
          resolve(call)
        })
      })
    })
  }

  /** @param {number} now @returns {number} that no process has given before; later ones are larger */
  #newId(now) {
    const { index, processes } = this.#place
    this.#unique = Math.max(this.#unique + 1, Math.floor(now * 1_000))
    return this.#unique * processes + index
  }

  /** @param {any} session */
  #seen(session) {
    if (!session) return null
    const expires = this.#showsTouches ? new Date(session.cookie.expires).getTime() : undefined
    return { value: session.value, expires }
  }

  /** @param {Call} call @param {Error | null} error @param {any} told */
  #answer(call, error, told) {
    call.answers++
    if (call.answers > 1) return
    call.endedAt = this.#place.now()
    const toldByError = toldBy(error)
    if (error && !toldByError) {
      call.error = error
      return
    }
    call.end = call.endedAt
    call.told = toldByError ?? told
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
    await Promise.all([...this.#allStores].map((store) => store.close()))
  }
}

/**
 * @param {{ sid: string, value?: string, expires: number }} data
 * @param {any} [loaded] the session of a request that changes it
 */
function sessionWith({ sid, value, expires }, loaded) {
  if (!loaded)
    return { cookie: { expires: new Date(expires).toJSON(), originalMaxAge: 60_000 }, sid, value, count: 0 }
  loaded.cookie.expires = new Date(expires)
  return Object.assign(loaded, { value, count: loaded.count + 1 })
}

/**
 * A read of everything, after all that the clients did.
 *
 * @param {Call[]} calls @param {import('./increments.js').Stored[]} stored @returns {Call[]}
 */
function lastReads(calls, stored) {
  const found = new Map(stored.map(({ sid, value, expires }) => [sid, { value, expires }]))
  const now = performance.now()
  const times = { start: now, end: now + 1, startedAt: now, endedAt: now + 1 }
  return [...new Set(calls.map(({ sid }) => sid))].map((sid) => ({
    method: 'get',
    sid,
    isTouched: false,
    told: found.get(sid) ?? null,
    ...times,
    answers: 1,
  }))
}

module.exports = { Load, lastReads }
