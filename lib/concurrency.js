// `concurrency`: what becomes of a session that other requests have written since this one loaded it. Several commands make up
// one call here, so the order of the calls about one session is kept here too.
'use strict'

const { setTimeout: delay } = require('node:timers/promises')
const { isStale, mergeSessions } = require('./merge.js')
const { WriteOrder } = require('./write-order.js')

/**
 * @typedef {import('./native-backend.js').LoadedSession} LoadedSession
 * @typedef {import('./session-crypto.js').Snapshot} Snapshot
 * @typedef {Record<string, any>} Session
 *
 * @typedef {object} Written
 * @property {any} payload of the backend's `encode`
 * @property {Date} expires
 *
 * @typedef {object} Origin where a session comes from that a request has
 * @property {string} sid
 * @property {() => Promise<Snapshot> | Snapshot} base what was stored when the request loaded it, or what it has written since
 *
 * @typedef {object} Change what a request makes of a session that it has loaded
 * @property {Origin} origin
 * @property {any} payload
 * @property {Date} expires
 * @property {Date | undefined} lastModified
 * @property {boolean} isUpsert
 *
 * @typedef {object} Codec between what is stored and sessions
 * @property {(value: unknown, expires?: Date) => Session | undefined} read
 * @property {(sid: string, session: Session) => Written} write
 * @property {(stored: LoadedSession, sid: string) => boolean} isDropped
 */

/** Each try is lost only to another request's write. */
const MOST_TRIES = 32
const LONGEST_PAUSE_MS = 32

/** @param {string} message */
function conflict(message) {
  return Object.assign(new Error(message), { code: 'SESSION_CONFLICT' })
}

/** Before the next try: long enough for those who compete to get out of step. @param {number} tries */
function pause(tries) {
  return delay(Math.random() * Math.min(2 ** tries, LONGEST_PAUSE_MS))
}

/** @param {Snapshot} one @param {Snapshot} other */
function isSame(one, other) {
  if (typeof one === 'string' || typeof other === 'string') return one === other
  return Buffer.compare(one, other) === 0
}

/** The operations on single sessions, of which those that were loaded are written as `concurrency` says. */
class ConcurrentSessions {
  #backend
  #isReject
  #codec
  #order = new WriteOrder()

  /**
   * @param {ReturnType<typeof import('./open-backend.js').openBackend>} backend
   * @param {'merge' | 'reject'} mode
   * @param {Codec} codec
   */
  constructor(backend, mode, codec) {
    this.#backend = backend
    this.#isReject = mode === 'reject'
    this.#codec = codec
  }

  /** @param {string} storageId */
  get(storageId) {
    return this.#order.read(storageId, async () => this.#backend.get(storageId))
  }

  /**
   * @param {string} storageId
   * @param {any} payload
   * @param {Date} expires
   * @param {Date | undefined} lastModified
   * @param {boolean} isUpsert
   */
  set(storageId, payload, expires, lastModified, isUpsert) {
    return this.#order.write(storageId, async () =>
      this.#backend.set(storageId, payload, expires, lastModified, isUpsert)
    )
  }

  /** @param {string} storageId @param {Date} expires @param {Date | undefined} lastModified */
  touch(storageId, expires, lastModified) {
    return this.#order.write(storageId, async () => this.#backend.touch(storageId, expires, lastModified))
  }

  /** @param {string} storageId */
  destroy(storageId) {
    return this.#order.write(storageId, async () => this.#backend.destroy(storageId))
  }

  /**
   * Writes a session that was loaded.
   *
   * @param {string} storageId
   * @param {Change} change
   * @returns {Promise<boolean>} what `set` of a backend gives
   */
  change(storageId, change) {
    return this.#order.write(storageId, async () => {
      const answer = await this.#write(storageId, change)
      const { origin, payload } = change
      // What is merged in is not in the session that the request has: it would count as removed by its next save.
      origin.base = async () => this.#backend.snapshot(await this.#backend.readBack(storageId, payload))
      return answer
    })
  }

  /** @param {string} storageId @param {Change} change */
  async #write(storageId, change) {
    const { payload, expires, lastModified, isUpsert } = change
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      if (tries > 0) await pause(tries)
      const now = await this.#load(storageId, change.origin.sid)
      if (!now)
        return isUpsert && Boolean(await this.#backend.set(storageId, payload, expires, lastModified, true))
      const written = await this.#resolve(storageId, change, now)
      const replacement = { storageId: now.storageId, stored: now.stored, payload: written.payload }
      const times = { expires: written.expires, lastModified }
      if (await this.#backend.replace(replacement, times)) return !isUpsert
    }
    throw conflict('Other requests change the session faster than this one can merge its changes into it')
  }

  /** @param {string} storageId @param {string} sid */
  async #load(storageId, sid) {
    const now = await this.#backend.load(storageId)
    if (!now || this.#codec.isDropped(now, sid)) return undefined
    const snapshot = this.#backend.snapshot(now.session)
    const session = this.#codec.read(this.#backend.restore(snapshot), now.expires)
    return (
      session && {
        storageId: now.storageId ?? storageId,
        stored: now.stored,
        snapshot,
        session,
        expires: now.expires,
      }
    )
  }

  /**
   * @param {string} storageId
   * @param {Change} change
   * @param {{ snapshot: Snapshot, session: Session, expires?: Date }} now
   * @returns {Promise<Written>} what is to take the place of what is stored now
   */
  async #resolve(storageId, change, now) {
    const { origin, payload, expires } = change
    const base = await origin.base()
    const wasTouched = now.expires !== undefined && now.expires > expires
    if (isSame(base, now.snapshot) && !wasTouched) return { payload, expires }
    const before = this.#codec.read(this.#backend.restore(base)) ?? {}
    const ours = this.#codec.read(await this.#backend.readBack(storageId, payload)) ?? {}
    if (this.#isReject && isStale(before, ours, now.session)) {
      throw conflict('Another request has changed the session since this one loaded it')
    }
    return this.#codec.write(origin.sid, mergeSessions(before, ours, now.session))
  }
}

module.exports = { ConcurrentSessions }
