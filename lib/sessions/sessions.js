// Sessions over a collection of their documents: the order of the calls about one session, the ids under which it may be stored,
// how its value is stored, when it expires, and what becomes of changes that other requests made meanwhile.
'use strict'

const { isObject } = require('../objects.js')
const { AsLoaded } = require('./as-loaded.js')
const { Descriptions } = require('./descriptions.js')
const { Documents } = require('./documents.js')
const { Expired } = require('./expired.js')
const {
  copyLastModified,
  expiresOf,
  followExpires,
  noteLastModified,
  tellsUse,
  usedAt,
} = require('./expiry.js')
const { Coalescing } = require('./coalescing.js')
const { Origins } = require('./origins.js')
const { SessionIndex } = require('./session-index.js')
const { storageIds } = require('./storage-ids.js')
const { transformsOf } = require('./transforms.js')
const { nextLive, walk } = require('./walk.js')

/**
 * @typedef {import('../collection/port.js').Call} Call
 * @typedef {import('../collection/port.js').LoadedSession} LoadedSession
 * @typedef {import('../collection/port.js').SelectedSession} SelectedSession
 * @typedef {import('../collection/port.js').Selection} Selection
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
 * @property {unknown} [maxAge] that the framework gave
 * @property {boolean} isUpsert whether the session may be created
 * @property {boolean} isUnchanged whether it is stored like this, and needs but live on
 * @property {Origin} [origin] of a session that was loaded, where it is not just overwritten
 * @property {{ values: Record<string, string>, before: Record<string, string> }} [login] of one that becomes that of a user with a limited number of sessions
 *
 * @typedef {{ signal: AbortSignal }} Limit of a call's time: nobody waits for it once the signal is aborted
 *
 * @typedef {{ frozen: import('../collection/port.js').Frozen, session: Session, expires?: Date }} StoredNow
 *
 * @typedef {object} Framework what is asked of the framework, and of the app, about its sessions
 * @property {(sid: string, session: Session) => Session} sessionOf a session of the framework's class
 * @property {(stored: StoredSession, sid: string) => boolean} isDropped whether what cannot be decrypted counts as none
 * @property {<T>(read: () => T, sid: string) => T | undefined} unlessUnreadable what was read, and nothing of what cannot be
 * @property {(event: 'evicted' | 'expired', session: SelectedSession) => void} announceEnd
 */

/** How many ids are asked for at a time. */
const IDS_IN_A_BATCH = 1_000

/** @param {Limit} [limit] @returns {Call} */
function calledNow(limit) {
  return { calledMs: performance.now(), now: new Date(), signal: limit?.signal }
}

class Sessions {
  #collection
  #codec
  #descriptions
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
  #coalescing
  #origins = new Origins()
  #asLoaded = new AsLoaded()
  #index
  #select = (/** @type {Selection} */ selection) => this.#documents.select(selection)
  /** @type {InstanceType<typeof import('./limits.js').Limits> | undefined} */
  #madeLimits
  /** @type {InstanceType<typeof import('./users.js').Users> | undefined} */
  #madeUsers
  /** Those that have expired and are still stored. */
  expired

  /**
   * @param {SessionCollection} collection
   * @param {Codec} codec
   * @param {Record<string, any>} options of the store
   * @param {Framework} framework
   * @param {SharedOrder} order
   * @param {(Uint8Array | string)[]} secrets with which the values of the index are hashed
   * @param {() => Call['operation']} operationNow whose call it is, if anybody looks on
   */
  constructor(collection, codec, options, framework, order, secrets, operationNow) {
    this.#collection = collection
    this.#codec = codec
    this.#descriptions = new Descriptions(codec.isEncrypting, options.acceptPlaintext)
    this.#documents = new Documents(collection, codec)
    this.#options = options
    this.#framework = framework
    this.#transforms = transformsOf(options, codec.isEncrypting)
    this.#storageIds = storageIds(options)
    const hasOneId = this.#storageIds('').length === 1
    this.#isOneCall = codec.isDirect && options.concurrency === 'overwrite' && hasOneId && !options.maxPerUser
    this.#isKept = this.#isOneCall && collection.keepsOrder
    this.#order = order
    order.join(this.#isKept)
    this.#coalescing = new Coalescing(order, this.#documents, collection, operationNow)
    this.#index = new SessionIndex(options, secrets)
    this.expired = new Expired({
      collection,
      graceMs: (options.expiryGrace ?? 0) * 1000,
      isReportedOnce: Boolean(options.expiredEvents),
      select: this.#select,
      report: (expired) => framework.announceEnd('expired', expired),
    })
  }

  /** Of those who have limits: few need what that takes. */
  get #limits() {
    const { Limits } = require('./limits.js')
    this.#madeLimits ??= new Limits(this.#options, {
      collection: this.#collection,
      index: this.#index,
      select: (where) => this.#select({ where, state: 'live', isOfPrimary: true }),
      onEvicted: (evicted) => this.#framework.announceEnd('evicted', evicted),
    })
    return this.#madeLimits
  }

  /** Find, count and end by a value of the index. */
  get users() {
    const { Users } = require('./users.js')
    this.#madeUsers ??= new Users({
      collection: this.#collection,
      index: this.#index,
      select: this.#select,
      indexAnew: (selected) => this.#indexAnew(selected),
    })
    return this.#madeUsers
  }

  /** @param {string} id @returns {string[]} the storage ids under which that session may be */
  storageIds(id) {
    return this.#storageIds(id)
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
    if (sid === undefined || stored.isOtherwiseSpelt) return session
    if (this.#seesChanges) this.#asLoaded.note(sid, session)
    this.#origins.note(session, { sid, base: () => base, values: this.#limitedOf(session) })
    return session
  }

  /** Those of its values that are limited. One that cannot be indexed must not keep its user from it. @param {Session} session */
  #limitedOf(session) {
    if (!this.#options.maxPerUser) return undefined
    try {
      return this.#limits.of(this.#index.valuesOf(session))
    } catch {
      return undefined
    }
  }

  /** Lets a session that a framework made keep what is known of the one that it was given. @param {Session} given @param {Session} made @param {string} sid */
  hand(given, made, sid) {
    this.#asLoaded.stop()
    copyLastModified(given, made)
    this.#origins.hand(given, made, sid)
  }

  /** @param {string} sid @param {Session} session @param {unknown} [maxAge] as the framework gives it @returns {Save} */
  prepare(sid, session, maxAge) {
    const origin = this.#origins.of(session, sid)
    const change = this.#keepsBase ? origin : undefined
    const values = this.#valuesOf(session)
    const login = this.#loginOf(values, origin)
    const expires = this.expiresOf(session, sid, maxAge)
    const isNoted = this.#options.touchAfter > 0 || this.mustNoteUse(session, expires)
    return {
      sid,
      payload: this.#codec.encode(this.#transforms.serialize(session), change !== undefined),
      times: {
        expires,
        lastModified: isNoted ? new Date() : undefined,
        marks: this.#marksOf(session, values, login, origin),
      },
      maxAge,
      isUpsert: this.#options.resurrect || !origin,
      isUnchanged:
        this.#seesChanges && this.#asLoaded.isUnchanged(sid, session, this.#options.touchAfter * 1000),
      origin: change,
      login,
    }
  }

  /** Whether JSON has all there is of a session. */
  get #seesChanges() {
    const { touchAfter, stringify, serialize, unserialize } = this.#options
    return touchAfter > 0 && stringify !== false && !serialize && !unserialize
  }

  /** @param {Session} session */
  #valuesOf(session) {
    return this.#index.isThere ? this.#index.valuesOf(session) : {}
  }

  /**
   * Whether a write has to say when it was, for those who look at the sessions of a user: where its `expires` does not tell.
   *
   * @param {Session} session
   * @param {Date} expires
   */
  mustNoteUse(session, expires) {
    return this.#index.isThere && !tellsUse(session, expires, this.#options.ttl)
  }

  /** @param {SelectedSession} selected @param {unknown} session what it was read as @returns {Date | undefined} */
  lastSeenOf({ expires, lastModified, beside }, session) {
    const used = expires && usedAt(sessionOrNone(session), expires, this.#options.ttl)
    const noted = lastModified ?? beside?.created
    return used && !(noted && noted > used) ? used : noted
  }

  /**
   * @param {Session} session
   * @param {Record<string, string>} values
   * @param {Save['login']} login
   * @param {Origin | undefined} origin
   * @returns {import('../collection/port.js').Marks | undefined}
   */
  #marksOf(session, values, login, origin) {
    const created = this.#createdOf(session)
    if (!this.#index.isThere) return created && { created }
    const { index, description } = this.#index.marksOf(session, values)
    return {
      index,
      isNewToIndex: this.#isNewToIndex(login, origin),
      description: this.#descriptions.encode(description),
      handle: undefined,
      created,
    }
  }

  /**
   * Of one that was not loaded nobody knows: the older date counts. A save of one that has its values already says nothing of that.
   *
   * @param {Save['login']} login
   * @param {Origin | undefined} origin
   * @returns {boolean | undefined}
   */
  #isNewToIndex(login, origin) {
    return this.#options.maxPerUser && login ? origin !== undefined : undefined
  }

  /** When the app says that the lifetime of this session began. @param {Session} session @returns {Date | undefined} */
  #createdOf(session) {
    const { maxLifetimeFrom } = this.#options
    if (!maxLifetimeFrom) return undefined
    const given = maxLifetimeFrom(session)
    if (given === undefined || given === null) return undefined
    const created = new Date(given)
    // A date in the future would put the end off.
    if (!Number.isNaN(created.getTime())) return new Date(Math.min(created.getTime(), Date.now()))
    throw new TypeError('maxLifetime.from must give a date, milliseconds or text that a Date can be made of')
  }

  /**
   * Whether a session becomes that of a user whose sessions are limited. One that was not loaded may have been that before.
   *
   * @param {Record<string, string>} values
   * @param {Origin | undefined} origin
   * @returns {Save['login']}
   */
  #loginOf(values, origin) {
    if (!this.#options.maxPerUser) return undefined
    const before = origin?.values ?? {}
    const fresh = Object.entries(this.#limits.of(values)).filter(([key, value]) => before[key] !== value)
    return fresh.length > 0 ? { values: Object.fromEntries(fresh), before } : undefined
  }

  /** When a session ends, touched or not. @param {SelectedSession} selected @returns {Date | undefined} */
  endOf({ expires, beside }) {
    const { maxLifetimeSeconds } = this.#options
    const { created } = beside ?? {}
    if (maxLifetimeSeconds === undefined || !created) return expires
    const end = new Date(created.getTime() + maxLifetimeSeconds * 1000)
    return expires && expires < end ? expires : end
  }

  /** @param {Session | undefined} session @param {string} sid @param {unknown} [maxAge] */
  expiresOf(session, sid, maxAge) {
    return expiresOf(session, sid, this.#options.ttl, maxAge)
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
    const { login } = save
    if (!origin && !login)
      return this.#coalescing.write(id, ids, { isTouch: false, payload, times, isUpsert }, call)
    const write = () =>
      origin
        ? this.#change(ids, save, origin, call)
        : this.#documents.write(ids, payload, times, isUpsert, call)
    const work = login ? () => this.#limits.write({ ...login, storageIds: ids }, write) : write
    return this.#order.write(id, work, call.signal)
  }

  /**
   * Has a session live on that is stored as it is saved. One that has gone meanwhile is written.
   *
   * @param {string} id
   * @param {Save} save
   * @param {Limit} [limit]
   * @returns {Promise<boolean | undefined>} whether it was created
   */
  async renew(id, save, limit) {
    const { expires } = save.times
    const wasThere = await this.touch(id, { expires }, undefined, limit)
    return wasThere ? false : this.write(id, save, undefined, limit)
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
    return this.#coalescing.write(id, ids, { isTouch: true, times, isUpsert: false }, call)
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

  /** @returns {Promise<SelectedSession[]>} all live sessions */
  all() {
    return this.#documents.select({ state: 'live' })
  }

  /** @param {string | undefined} after a storage id @param {number} limit @returns {Promise<SelectedSession[]>} the next live sessions */
  scan(after, limit) {
    return this.#documents.select(nextLive(after, limit))
  }

  /** @param {() => boolean} isOver whether nobody waits for it any more @returns {Promise<string[]>} the storage ids of all live sessions */
  async ids(isOver) {
    /** @type {string[]} */
    const all = []
    const nextIds = (/** @type {string | undefined} */ after, /** @type {number} */ limit) =>
      this.#collection.selectIds(nextLive(after, limit))
    for await (const batch of walk(nextIds, (id) => id, IDS_IN_A_BATCH)) {
      for (const id of batch) if (id !== undefined) all.push(id)
      if (isOver()) break
    }
    return all
  }

  /**
   * @param {import('./reencrypt.js').Options} options
   * @param {{ isClosing: boolean, unlessGivenUp<T>(step: Promise<T>): Promise<T> }} calls of the store
   */
  reencrypt(options, calls) {
    const rewriter = {
      count: () => calls.unlessGivenUp(this.#collection.count({ state: 'live' })),
      scan: (/** @type {string | undefined} */ after, /** @type {number} */ limit) =>
        calls.unlessGivenUp(this.#documents.select({ ...nextLive(after, limit), stored: 'of-outdated' })),
      rewrite: (/** @type {import('./reencrypt.js').ReadableSession} */ scanned) =>
        calls.unlessGivenUp(this.#encryptAnew(scanned)),
    }
    const { reencrypt } = require('./reencrypt.js')
    return reencrypt(rewriter, options, () => calls.isClosing)
  }

  /**
   * @param {import('./hash-ids.js').Options} options
   * @param {{ isClosing: boolean, unlessGivenUp<T>(step: Promise<T>): Promise<T> }} calls of the store
   */
  async hashIds(options, calls) {
    const { hashId, prefix = '' } = this.#options
    if (!hashId) throw new Error('hashIds needs the option hashId')
    if (hashId.writePlainIds)
      throw new Error('hashIds moves sessions to their hashes, and writePlainIds would move them back')
    const mover = {
      count: (/** @type {import('./hash-ids.js').Query} */ query) =>
        calls.unlessGivenUp(this.#collection.count(query)),
      select: (/** @type {Selection} */ selection) => calls.unlessGivenUp(this.#documents.select(selection)),
      move: (/** @type {import('./hash-ids.js').PlainSession} */ plain) => {
        const [storageId] = this.#storageIds(plain.storageId.slice(prefix.length))
        return calls.unlessGivenUp(this.#moveUnchanged(plain, storageId))
      },
    }
    const { hashIds } = require('./hash-ids.js')
    return hashIds(mover, options, () => calls.isClosing)
  }

  /** Wipes the keys of a store that is closed. */
  close() {
    this.#codec.close()
    this.#order.leave(this.#isKept)
  }

  /** @param {SelectedSession} selected @returns {string | undefined} what the app said of it, as JSON */
  descriptionOf({ beside }) {
    return this.#descriptions.decode(beside?.description)
  }

  /** With what is kept beside it, so that no older secret is needed for either. @param {import('./reencrypt.js').ReadableSession} scanned */
  #encryptAnew(scanned) {
    return this.#documents.replace(
      scanned,
      this.#codec.encode(scanned.session),
      this.#descriptionBeside(scanned)
    )
  }

  /** @param {import('./hash-ids.js').PlainSession} plain @param {string} storageId */
  #moveUnchanged(plain, storageId) {
    const payload = this.#codec.encode(plain.session)
    return this.#documents.moveUnchanged(plain, storageId, payload, this.#descriptionBeside(plain))
  }

  /** @param {SelectedSession} selected @returns {{ marks: import('../collection/port.js').Marks } | undefined} what is sealed with it */
  #descriptionBeside(selected) {
    const description = this.#descriptions.encode(this.descriptionOf(selected))
    return description === undefined ? undefined : { marks: { description } }
  }

  /**
   * Indexes a session as it is stored, whose value stays the same.
   *
   * @param {SelectedSession} selected
   * @returns {Promise<boolean> | undefined} whether it was still stored so; nothing when it cannot be read
   */
  #indexAnew(selected) {
    const { storageId } = selected
    const marks = this.#marksOfStored(selected)
    if (!marks || storageId === undefined) return undefined
    const payload = this.#codec.encode(this.#codec.valueOf(selected))
    return this.#documents.replace({ ...selected, storageId }, payload, { marks })
  }

  /** Nothing of what cannot be read, or indexed. @param {SelectedSession} selected */
  #marksOfStored(selected) {
    if ('failure' in selected) return undefined
    try {
      const session = this.#unserialize(this.#codec.valueOf(selected), selected.expires)
      return isObject(session)
        ? this.#marksOf(session, this.#valuesOf(session), undefined, undefined)
        : undefined
    } catch {
      return undefined
    }
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
    const { competing } = require('./conflicts.js')
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
  async #resolved({ sid, payload, times, maxAge }, origin, now) {
    const { isSame, resolve } = require('./conflicts.js')
    const base = await origin.base()
    const wasTouched = now.expires !== undefined && now.expires > times.expires
    if (isSame(base, now.frozen) && !wasTouched) return { payload, times }
    const before = sessionOrNone(this.#unserialize(this.#codec.thaw(base)))
    const ours = sessionOrNone(this.#unserialize(await this.#codec.readBack(payload)))
    const resolved = resolve(before, ours, now.session, this.#options.concurrency)
    // What `serialize` is given, and may know, is a session of the framework.
    const session = this.#framework.sessionOf(sid, resolved)
    const merged = this.#marksOf(session, this.#valuesOf(session), undefined, undefined)
    // Whether it is new to its values is said by the request that gave it those.
    const marks = merged && { ...merged, isNewToIndex: times.marks?.isNewToIndex }
    return {
      payload: this.#codec.encode(this.#transforms.serialize(session)),
      times: { ...times, expires: this.expiresOf(session, sid, maxAge), marks },
    }
  }
}

/** @param {unknown} value @returns {Session} */
function sessionOrNone(value) {
  return isObject(value) ? value : {}
}

module.exports = { Sessions }
