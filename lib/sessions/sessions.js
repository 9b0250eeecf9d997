// Sessions over a collection of their documents: the order of the calls about one session, the ids under which it may be stored,
// how its value is stored, when it expires, and what becomes of changes that other requests made meanwhile.
'use strict'

const { isObject } = require('../objects.js')
const { competing, isSame, resolve } = require('./conflicts.js')
const { Documents } = require('./documents.js')
const { copyLastModified, expiresOf, followExpires, noteLastModified } = require('./expiry.js')
const { Origins } = require('./origins.js')
const { reencrypt } = require('./reencrypt.js')
const { storageIds } = require('./storage-ids.js')
const { transformsOf } = require('./transforms.js')

/**
 * @typedef {import('../collection/port.js').Call} Call
 * @typedef {import('../collection/port.js').LoadedSession} LoadedSession
 * @typedef {import('../collection/port.js').SessionCollection} SessionCollection
 * @typedef {import('../collection/port.js').StoredSession} StoredSession
 * @typedef {import('../collection/port.js').Times} Times
 * @typedef {import('./codec.js').Codec} Codec
 * @typedef {import('./origins.js').Origin} Origin
 * @typedef {InstanceType<typeof import('./shared-order.js').SharedOrder>} SharedOrder
 * @typedef {Record<string, any>} Session
 *
 * @typedef {object} Save what a call wants to be stored, taken from the session before anybody can change it
 * @property {string} sid
 * @property {any} payload of the codec's `encode`
 * @property {Times} times
 * @property {boolean} isUpsert whether the session may be created
 * @property {Origin} [origin] of a session that was loaded, where it is not just overwritten
 *
 * @typedef {{ signal: AbortSignal }} Limit of a call's time: nobody waits for it once the signal is aborted
 *
 * @typedef {{ frozen: import('../collection/port.js').Frozen, session: Session, expires?: Date }} StoredNow
 *
 * @typedef {object} Framework what is asked of the framework, and of the app, about its sessions
 * @property {(sid: string, session: Session) => Session} sessionOf a session of the framework's class
 * @property {(stored: StoredSession, sid: string) => boolean} isDropped whether what cannot be decrypted counts as none
 * @property {<T>(read: () => T, sid: string) => T | undefined} unlessUnreadable what was read, and nothing of what cannot be
 */

/** @param {Limit} [limit] @returns {Call} */
function calledNow(limit) {
  return { calledMs: performance.now(), signal: limit?.signal }
}

class Sessions {
  #collection
  #codec
  #documents
  #options
  #framework
  #transforms
  #storageIds
  /** Whether a call about a session is but one of the collection. */
  #isOneCall
  /** Whether the collection keeps the order of these calls, too. */
  #isKept
  #order
  #origins = new Origins()

  /**
   * @param {SessionCollection} collection
   * @param {Codec} codec
   * @param {Record<string, any>} options of the store
   * @param {Framework} framework
   * @param {SharedOrder} order
   */
  constructor(collection, codec, options, framework, order) {
    this.#collection = collection
    this.#codec = codec
    this.#documents = new Documents(collection, codec)
    this.#options = options
    this.#framework = framework
    this.#transforms = transformsOf(options, codec.isEncrypting)
    this.#storageIds = storageIds(options.hashId)
    const hasOneId = this.#storageIds('').length === 1
    this.#isOneCall = codec.isDirect && options.concurrency === 'overwrite' && hasOneId
    this.#isKept = this.#isOneCall && collection.keepsOrder
    this.#order = order
    order.join(this.#isKept)
  }

  /** Whether a call about a session waits for the collection alone, so that it fails when that is closed. */
  get endWithCollection() {
    return this.#isOneCall && !this.#order.isShared
  }

  get #isDirect() {
    return this.#isKept && !this.#order.isNeeded
  }

  /**
   * Either `done` gets the answer or the promise does, as in the collection.
   *
   * @param {string} id
   * @param {import('../collection/port.js').Done<StoredSession | null>} [done]
   * @param {Limit} [limit]
   * @returns {Promise<StoredSession | null> | undefined} the live session of that id
   */
  find(id, done, limit) {
    const ids = this.#storageIds(id)
    if (this.#isDirect) return this.#collection.find(ids[0], done)
    const call = calledNow(limit)
    return this.#order.read(id, () => this.#documents.find(ids, call), call.signal)
  }

  /**
   * What an app gets of a session that was found.
   *
   * @param {StoredSession} stored
   * @param {string} [sid] of a session that may be saved again
   */
  read(stored, sid) {
    const value = this.#codec.valueOf(stored)
    // Before `unserialize`, which may give back the stored value itself, for the app to change.
    const base = sid !== undefined && value && this.#keepsBase ? this.#codec.freeze(value) : ''
    const session = this.#unserialize(value, stored.expires)
    if (!isObject(session)) return session
    if (this.#options.touchAfter > 0) noteLastModified(session, stored.lastModified)
    if (sid !== undefined && !stored.isOtherwiseSpelt) this.#origins.note(session, { sid, base: () => base })
    return session
  }

  /** Lets a session that a framework made keep what is known of the one that it was given. @param {Session} given @param {Session} made @param {string} sid */
  hand(given, made, sid) {
    copyLastModified(given, made)
    this.#origins.hand(given, made, sid)
  }

  /** @param {string} sid @param {Session} session @returns {Save} */
  prepare(sid, session) {
    const origin = this.#origins.of(session, sid)
    const change = this.#keepsBase ? origin : undefined
    return {
      sid,
      payload: this.#codec.encode(this.#transforms.serialize(session), change !== undefined),
      times: {
        expires: this.expiresOf(session),
        lastModified: this.#options.touchAfter > 0 ? new Date() : undefined,
      },
      isUpsert: this.#options.resurrect || !origin,
      origin: change,
    }
  }

  /** @param {Session | undefined} session */
  expiresOf(session) {
    return expiresOf(session, this.#options.ttl)
  }

  /**
   * @param {string} id
   * @param {Save} save
   * @param {import('../collection/port.js').Done<boolean>} [done]
   * @param {Limit} [limit]
   * @returns {Promise<boolean> | undefined} whether the session was created; without `isUpsert` whether there was one
   */
  write(id, save, done, limit) {
    const ids = this.#storageIds(id)
    const { payload, times, isUpsert, origin } = save
    if (this.#isDirect) return this.#collection.write(ids[0], payload, times, isUpsert, done)
    const call = calledNow(limit)
    const work = () =>
      origin
        ? this.#change(ids, save, origin, call)
        : this.#documents.write(ids, payload, times, isUpsert, call)
    return this.#order.write(id, work, call.signal)
  }

  /**
   * @param {string} id
   * @param {Times} times
   * @param {import('../collection/port.js').Done<boolean>} [done]
   * @param {Limit} [limit]
   * @returns {Promise<boolean> | undefined} whether there was such a session
   */
  touch(id, times, done, limit) {
    const ids = this.#storageIds(id)
    if (this.#isDirect) return this.#collection.touch(ids[0], times, done)
    const call = calledNow(limit)
    return this.#order.write(id, () => this.#documents.touch(ids, times, call), call.signal)
  }

  /**
   * @param {string} id
   * @param {import('../collection/port.js').Done<unknown>} [done]
   * @param {Limit} [limit]
   * @returns {Promise<unknown> | undefined}
   */
  remove(id, done, limit) {
    const ids = this.#storageIds(id)
    if (this.#isDirect) return this.#collection.remove(ids[0], done)
    const call = calledNow(limit)
    return this.#order.write(id, () => this.#documents.remove(ids, call), call.signal)
  }

  /** @returns {Promise<StoredSession[]>} all live sessions */
  all() {
    return this.#codec.isDirect ? this.#collection.scan() : this.#documents.all()
  }

  /**
   * @param {import('./reencrypt.js').Options} options
   * @param {{ isClosing: boolean, unlessGivenUp<T>(step: Promise<T>): Promise<T> }} calls of the store
   */
  reencrypt(options, calls) {
    const rewriter = {
      count: () => calls.unlessGivenUp(this.#collection.count()),
      scan: (/** @type {string | undefined} */ after, /** @type {number} */ limit) =>
        calls.unlessGivenUp(this.#documents.scan(after, limit)),
      rewrite: (/** @type {import('./reencrypt.js').ReadableSession} */ scanned) =>
        calls.unlessGivenUp(this.#documents.replace(scanned, this.#codec.encode(scanned.session))),
    }
    return reencrypt(rewriter, options, () => calls.isClosing)
  }

  /** Wipes the keys of a store that is closed. */
  close() {
    this.#codec.close()
    this.#order.leave(this.#isKept)
  }

  /** Whether what a request has loaded is compared with what is stored when it is saved. */
  get #keepsBase() {
    return this.#options.concurrency !== 'overwrite'
  }

  /** @param {unknown} value @param {Date} [expires] */
  #unserialize(value, expires) {
    const session = this.#transforms.unserialize(value)
    if (isObject(session) && expires) followExpires(session, expires)
    return session
  }

  /** @param {string[]} ids @param {Save} save @param {Origin} origin @param {Call} call */
  async #change(ids, save, origin, call) {
    const answer = await competing(() => this.#tryToChange(ids, save, origin, call))
    // What is merged in is not in the session that the request has: it would count as removed by its next save.
    origin.base = async () => this.#codec.freeze(await this.#codec.readBack(save.payload))
    return answer
  }

  /**
   * @param {string[]} ids
   * @param {Save} save
   * @param {Origin} origin
   * @param {Call} call
   * @returns {Promise<boolean | undefined>} nothing when another request was faster
   */
  async #tryToChange(ids, save, origin, call) {
    const { payload, times, isUpsert } = save
    const loaded = await this.#documents.load(ids, call)
    const now = loaded && this.#storedNow(loaded, save.sid)
    if (!loaded || !now) return isUpsert && this.#documents.write(ids, payload, times, true, call)
    const change = await this.#resolved(save, origin, now)
    const isReplaced = await this.#documents.replace(loaded, change.payload, change.times, call)
    return isReplaced ? !isUpsert : undefined
  }

  /** @param {LoadedSession} loaded @param {string} sid @returns {StoredNow | undefined} */
  #storedNow(loaded, sid) {
    if (this.#framework.isDropped(loaded, sid)) return undefined
    const frozen = this.#codec.freeze(this.#codec.valueOf(loaded))
    const read = () => this.#unserialize(this.#codec.thaw(frozen), loaded.expires)
    const session = this.#framework.unlessUnreadable(read, sid)
    return isObject(session) ? { frozen, session, expires: loaded.expires } : undefined
  }

  /**
   * @param {Save} save
   * @param {Origin} origin
   * @param {StoredNow} now
   * @returns {Promise<{ payload: any, times: Times }>} what is to take the place of what is stored now
   */
  async #resolved({ sid, payload, times }, origin, now) {
    const base = await origin.base()
    const wasTouched = now.expires !== undefined && now.expires > times.expires
    if (isSame(base, now.frozen) && !wasTouched) return { payload, times }
    const before = sessionOrNone(this.#unserialize(this.#codec.thaw(base)))
    const ours = sessionOrNone(this.#unserialize(await this.#codec.readBack(payload)))
    const resolved = resolve(before, ours, now.session, this.#options.concurrency)
    // What `serialize` is given, and may know, is a session of the framework.
    const session = this.#framework.sessionOf(sid, resolved)
    return {
      payload: this.#codec.encode(this.#transforms.serialize(session)),
      times: { ...times, expires: this.expiresOf(session) },
    }
  }
}

/** @param {unknown} value @returns {Session} */
function sessionOrNone(value) {
  return isObject(value) ? value : {}
}

module.exports = { Sessions }
