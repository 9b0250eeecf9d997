// Operations on a few sessions, hardly ever awaited: each has to come to what it would have come to, had they been done one
// after the other in the order of the calls.
'use strict'

const assert = require('node:assert/strict')
const { setImmediate } = require('node:timers/promises')
const { isDeepStrictEqual } = require('node:util')
const { outcomeOf } = require('./calls.js')
const { EARLIER, LATER } = require('./sessions.js')

const IDS = 6

/**
 * @typedef {object} Operation
 * @property {'get' | 'set' | 'touch' | 'destroy'} method
 * @property {any[]} args
 * @property {boolean} isLoaded of a `set`: whether its session was loaded from the store
 * @property {'promise' | 'callback'} style
 *
 * @typedef {{ session: Record<string, unknown>, isLive: boolean }} Stored
 */

/** A collection in which every operation is done at once. */
class Model {
  stored
  /** What each write has left. @type {{ sid: string, answer: Record<string, unknown> | null }[]} */
  #writes = []

  /** @param {Map<string, Stored>} [stored] by session id */
  constructor(stored = new Map()) {
    this.stored = stored
  }

  /** @param {Operation} operation @returns {{ event: string, answer: unknown }} what a store with the same sessions has to answer */
  apply({ method, args: [sid, session], isLoaded }) {
    if (method === 'get') return { event: 'get', answer: this.#read(sid) }
    if (isLoaded && !this.stored.has(sid)) return { event: 'set-refused', answer: undefined }
    const event = this.#write(method, sid, session)
    this.#writes.push({ sid, answer: this.#read(sid) })
    return { event, answer: undefined }
  }

  /** @returns {(sid: string) => unknown[]} what has been written to a session since */
  mark() {
    const { length } = this.#writes
    return (sid) =>
      this.#writes
        .slice(length)
        .filter((write) => write.sid === sid)
        .map((write) => write.answer)
  }

  /** @param {string} sid */
  #read(sid) {
    const stored = this.stored.get(sid)
    return stored?.isLive ? comparable(stored.session) : null
  }

  /** @param {'set' | 'touch' | 'destroy'} method @param {string} sid @param {any} session */
  #write(method, sid, session) {
    const stored = this.stored.get(sid)
    const isLive = session?.cookie.expires !== EARLIER
    if (method === 'set') this.stored.set(sid, { session, isLive })
    if (method === 'touch' && stored) this.stored.set(sid, { ...stored, isLive })
    if (method === 'destroy') this.stored.delete(sid)
    if (method === 'set') return stored ? 'update' : 'create'
    if (method === 'touch') return stored ? 'touch' : 'touch-missed'
    return 'destroy'
  }
}

/** @param {() => number} random @returns {() => Operation} on the sessions `sid-0` to `sid-5`, or fewer */
function operations(random) {
  const below = (/** @type {number} */ limit) => Math.floor(random() * limit)
  const ids = 1 + below(IDS)
  let count = 0
  const session = () => ({
    cookie: { expires: below(8) === 0 ? EARLIER : LATER },
    n: count,
    text: (below(4) === 0 ? 'ü' : 'u').repeat(below(1_000)),
  })
  return () => {
    count++
    const method = /** @type {const} */ (['get', 'get', 'set', 'set', 'touch', 'touch', 'destroy'])[below(7)]
    const sid = `sid-${below(ids)}`
    return {
      method,
      args: method === 'set' || method === 'touch' ? [sid, session()] : [sid],
      isLoaded: method === 'set' && below(2) === 0,
      style: below(2) === 0 ? 'promise' : 'callback',
    }
  }
}

/** What a store says of a session, as far as a touch leaves it alone. @param {any} session */
function comparable(session) {
  return session && { n: session.n, text: session.text }
}

/**
 * @param {InstanceType<typeof import('../..')>} store
 * @param {string} sid
 * @returns {Promise<any>} a session as a request has it that loaded it
 */
async function loadedSession(store, sid) {
  // Less of a cookie than express-session's types ask for.
  await store.set(sid, { cookie: /** @type {import('express-session').Cookie} */ ({}) })
  const stored = /** @type {import('express-session').SessionData} */ (await store.get(sid))
  return store.createSession({ sessionID: sid }, stored)
}

/** @param {InstanceType<typeof import('../..')>} store @returns {Promise<any[]>} loaded sessions, none of them stored any more */
async function loadedSessions(store) {
  const loaded = await Promise.all(Array.from({ length: IDS }, (_, id) => loadedSession(store, `sid-${id}`)))
  await store.clear()
  return loaded
}

/**
 * @param {InstanceType<typeof import('../..')>[]} stores of one collection
 * @param {any[][]} loaded of each store its sessions
 * @param {() => number} random
 * @param {object} options
 * @param {number} options.count
 * @param {Map<string, Stored>} [options.stored] the sessions before the first operation
 * @param {boolean} [options.readsMayBeLate] whether `get` may see what is asked for before it has answered
 */
async function checkAgainstModel(stores, loaded, random, { count, stored, readsMayBeLate = false }) {
  const model = new Model(stored)
  const next = operations(random)
  /** @type {Promise<void>[]} */
  const pending = []
  for (let call = 0; call < count; call++) {
    const operation = next()
    const { method, args, isLoaded, style } = operation
    const at = Math.floor(random() * stores.length)
    const store = stores[at]
    if (isLoaded) args[1] = Object.assign(loaded[at][Number(args[0].at(-1))], args[1])
    const expected = model.apply(operation)
    const writtenSince = model.mark()
    const what = `call ${call}: ${method} of ${args[0]}`
    const check = async () => {
      const { event, answer } = await outcomeOf(store, method, args, style).catch((cause) => {
        throw new Error(`${what}: ${cause.message}`, { cause })
      })
      assert.equal(event, expected.event, what)
      const later = readsMayBeLate && method === 'get' ? writtenSince(args[0]) : []
      const isPossible = later.some((one) => isDeepStrictEqual(comparable(answer), one))
      if (!isPossible) assert.deepEqual(comparable(answer), expected.answer, what)
    }
    pending.push(check())
    const pause = random()
    if (pause < 0.02) await pending.at(-1)
    else if (pause < 0.03) await Promise.all(pending.splice(0))
    else if (pause < 0.1) await setImmediate()
  }
  await Promise.all(pending)
  return model
}

module.exports = { checkAgainstModel, loadedSessions }
