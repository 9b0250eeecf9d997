// The public class: connect-mongo's API, https://github.com/jdesboeufs/connect-mongo/blob/v6.0.0/src/lib/MongoStore.ts.
// It runs the user's functions, emits events and calls back.
'use strict'

const { isRenewedSinceSave, lastModifiedOf, noteSave } = require('../sessions/expiry.js')
const { isEncryptedError, isUnreadable } = require('../sessions/errors.js')
const { batchSizeOf, walk } = require('../sessions/walk.js')
const { debug, debugSession } = require('../debug.js')
const { closedError } = require('../errors.js')
const { countOf } = require('../histogram.js')
const { isObject } = require('../objects.js')
const { nextTick } = require('../ticks.js')
const { Tracer, tellable } = require('../tracing.js')
const { warnOnce } = require('../warnings.js')
const BaseStore = require('./base-store.js')
const { Calls, callBackWith, callbackOf, thrownError } = require('./calls.js')
const { holdOn } = require('./hold-on.js')
const { pingId, requireId, storageIdOf } = require('./ids.js')
const { DESTROY_ALL_OPTIONS, FIND_OPTIONS, PRUNE_OPTIONS, optionsOf } = require('./method-options.js')
const { News } = require('./news.js')
const { resolveOptions } = require('./options.js')
const { viewOf } = require('./options-view.js')
const { CLOSING_MS, closeTimeoutOf, inTime, isOverIn, pingTimeoutOf } = require('./time-limits.js')

/**
 * @typedef {import('../collection/port.js').StoredSession} StoredSession
 * @typedef {import('../collection/port.js').SelectedSession} SelectedSession
 * @typedef {import('./calls.js').Request} Request
 * @typedef {import('./events.js').EventName} EventName
 * @typedef {Record<string, any>} Session
 */

/** What `describe` gave. @param {string | undefined} json @returns {Record<string, unknown> | undefined} */
function descriptionOf(json) {
  try {
    return json === undefined ? undefined : JSON.parse(json)
  } catch {
    return undefined
  }
}

/** What connect-mongo would store as nothing at all. @param {unknown} session */
function requireSession(session) {
  const kind = typeof session
  if (kind !== 'undefined' && kind !== 'function') return
  throw new TypeError(
    `set needs the session that it stores, and got ${kind === 'undefined' ? 'none' : 'a function'}`
  )
}

class MongoStore extends BaseStore {
  #options
  #optionsView
  #calls
  #tracer
  #news
  #collection
  #sessions
  #keys
  #canReencrypt
  /** @type {Promise<void> | undefined} */
  #closing
  #isSweeping = false
  /** What has been asked for of the JavaScript driver. @type {{ client?: Promise<any>, collection?: Promise<any> }} */
  #promised = {}

  /** @param {Record<string, any>} options */
  constructor(options) {
    super()
    debug('create MongoStore instance')
    this.#options = resolveOptions(options ?? {})
    this.#news = new News(this.#options, {
      announce: (event, ...args) => this.#announce(event, ...args),
      hasErrorListener: () => this.listenerCount('error') > 0,
      sweep: () => this.#sweep(),
    })
    this.#optionsView = viewOf(this.#options, (name) => {
      if (name === 'autoRemoveInterval') this.#news.restartRemoval()
    })
    this.#tracer = new Tracer(this.#options.collectionName)
    const { collection, sessions, keys, canReencrypt } = this.#open(this.#options)
    this.#calls = new Calls(
      this.#options,
      () => sessions.endWithCollection,
      () => collection.waitingFor(),
      this.#tracer
    )
    this.#collection = collection
    this.#sessions = sessions
    this.#keys = keys
    this.#canReencrypt = canReencrypt
    holdOn(this, MongoStore)
  }

  /** @param {Record<string, any>} options */
  static create(options) {
    return new MongoStore(options)
  }

  static get binding() {
    return require('../rust.js').bindingTarget
  }

  get backend() {
    return this.#collection.name
  }

  /**
   * The same collection as a `Collection` of the JavaScript driver.
   *
   * @returns {Promise<Record<string, any>>}
   */
  get collectionP() {
    return this.#promiseOf('collection')
  }

  /**
   * A client of the JavaScript driver: the one that was given, or one of the store's own.
   *
   * @returns {Promise<Record<string, any>>}
   */
  get clientP() {
    return this.#promiseOf('client')
  }

  /** As connect-mongo has them. */
  get options() {
    return this.#optionsView
  }

  /** For those who put others in their place as a whole. */
  set options(given) {
    for (const [name, value] of Object.entries(given ?? {})) {
      if (value !== undefined) this.#optionsView[name] = value
    }
  }

  /** @param {'client' | 'collection'} what */
  #promiseOf(what) {
    this.#collection.follow()
    const promised = this.#promised
    const known = promised[what]
    if (known && !this.#closing) return known
    const promise = this.#closing ? Promise.reject(closedError()) : this.#collection[what]()
    promised[what] = promise
    // Nobody may be waiting, and who asks after a failure is to get another try.
    promise.catch(() => {
      promised[what] = undefined
    })
    return promise
  }

  /** @param {Record<string, any>} options */
  #open(options) {
    const framework = this.#framework()
    // News of the collection must not keep a forgotten store from being collected: no function beside theirs may know `this`.
    const self = new WeakRef(this)
    const onNews = (/** @type {import('../collection/port.js').News} */ news) => {
      const store = self.deref()
      if (!store) return
      if (news.event === 'client-replaced') store.#promised = {}
      store.#news.receive(news)
    }
    // Loaded with the first store: who only asks for the class, such as a test, need not wait for it.
    const { openSessions } = require('../sessions/open.js')
    return openSessions(options, framework, onNews, this.#tracer)
  }

  #framework() {
    return {
      sessionOf: (/** @type {string} */ sid, /** @type {Session} */ session) =>
        this.#sessionOf({ sessionID: sid, sessionStore: this }, session),
      isDropped: (/** @type {StoredSession} */ stored, /** @type {string} */ sid) => {
        // A step of a call that close has given up: it has no listeners any more.
        if (this.#calls.hasGivenUp) throw closedError()
        return this.#isDropped(stored, sid)
      },
      unlessUnreadable: (/** @type {() => any} */ read, /** @type {string} */ sid) =>
        this.#unlessUnreadable(read, sid),
      announceEnd: (/** @type {'evicted' | 'expired'} */ event, /** @type {SelectedSession} */ ended) =>
        this.#announceEnd(event, ended),
    }
  }

  /**
   * A listener that throws has not made the operation fail: its error surfaces as one thrown on a tick of its own.
   *
   * @param {EventName} event
   * @param {...unknown} args
   */
  #announce(event, ...args) {
    try {
      this.emit(event, ...args)
    } catch (error) {
      nextTick(() => {
        throw error
      })
    }
  }

  /**
   * Whether a session that cannot be decrypted counts as none.
   *
   * @param {StoredSession} stored
   * @param {string} [sid]
   */
  #isDropped(stored, sid) {
    if (!('failure' in stored)) return false
    if (this.#options.onDecryptError === 'error') throw stored.failure
    debug('A session cannot be decrypted: %s', tellable(stored.failure))
    this.#announce('decrypt-failed', sid, stored.failure)
    return true
  }

  /**
   * A session that another program stored, or another `stringify`, counts as none: its user could not get rid of it.
   *
   * @template T
   * @param {() => T} read
   * @param {string} [sid]
   * @returns {T | undefined}
   */
  #unlessUnreadable(read, sid) {
    try {
      return read()
    } catch (error) {
      if (!isUnreadable(error)) throw error
      debugSession('%s: %s', sid, tellable(error))
      this.#announce('unreadable', sid, error)
      return undefined
    }
  }

  /** @param {string} sid @param {...unknown} args */
  get(sid, ...args) {
    return this.#calls.ask('get', () => this.#get(sid), callbackOf(args))
  }

  /** @param {string} sid @returns {Request} */
  #get(sid) {
    debugSession('MongoStore#get=%s', sid)
    let found = ''
    return {
      sid,
      send: (id, done, limit) => {
        found = id
        return this.#sessions.find(id, done, limit)
      },
      finish: (stored) => {
        if (!stored && this.listenerCount('expired') > 0) this.#lookForExpired(found)
        const isThere = stored && !this.#isDropped(stored, sid)
        const session = isThere ? this.#unlessUnreadable(() => this.#sessions.read(stored, sid), sid) : null
        this.#announce('get', sid)
        return session ?? null
      },
    }
  }

  /** @param {string} sid @param {Session} session @param {...unknown} args */
  set(sid, session, ...args) {
    return this.#calls.ask('set', () => this.#set(sid, session, args[0]), callbackOf(args))
  }

  /** @param {string} sid @param {Session} session @param {unknown} maxAge of Koa's packages, in milliseconds @returns {Request} */
  #set(sid, session, maxAge) {
    debugSession('MongoStore#set=%s', sid)
    requireSession(session)
    requireId('A session id', sid)
    const save = this.#sessions.prepare(sid, session, maxAge)
    const { isUpsert, times } = save
    return {
      sid,
      send: (id, done, limit) =>
        save.isUnchanged
          ? this.#sessions.renew(id, save, limit)
          : this.#sessions.write(id, save, done, limit),
      finish: (answer) => {
        if (!isUpsert && !answer) return this.#announce('set-refused', sid, session)
        if (times.lastModified && isObject(session)) {
          const lastModified = save.isUnchanged ? lastModifiedOf(session) : times.lastModified
          noteSave(session, lastModified, times.expires)
        }
        this.#announce(isUpsert && answer ? 'create' : 'update', sid)
        this.#announce('set', sid)
      },
    }
  }

  /** @param {string} sid @param {Session} session @param {...unknown} args */
  touch(sid, session, ...args) {
    return this.#calls.ask('touch', () => this.#touch(sid, session), callbackOf(args))
  }

  /** @param {string} sid @param {Session} session @returns {Request | undefined} */
  #touch(sid, session) {
    debugSession('MongoStore#touch=%s', sid)
    requireId('A session id', sid)
    if (session === undefined || session === null)
      throw new TypeError('touch needs the session whose expiry it renews')
    const { touchAfter, strictTouch, disableTouch } = this.#options
    if (disableTouch) return undefined
    const lastModified = touchAfter > 0 ? lastModifiedOf(session) : undefined
    const isRecent = lastModified && Date.now() - lastModified.getTime() < touchAfter * 1000
    if (isRecent && !isRenewedSinceSave(session)) {
      debugSession('Skip touching session=%s', sid)
      return undefined
    }
    const expires = this.#sessions.expiresOf(session, sid)
    const isNoted = lastModified !== undefined || this.#sessions.mustNoteUse(session, expires)
    const times = { expires, lastModified: isNoted ? new Date() : undefined }
    return {
      sid,
      send: (id, done, limit) => this.#sessions.touch(id, times, done, limit),
      finish: (wasThere) => {
        if (!wasThere && strictTouch) throw new Error('Unable to find the session to touch')
        this.#announce(wasThere ? 'touch' : 'touch-missed', sid, session)
      },
    }
  }

  /** @param {string} sid @param {...unknown} args */
  destroy(sid, ...args) {
    return this.#calls.ask('destroy', () => this.#destroy(sid), callbackOf(args))
  }

  /** @param {string} sid @returns {Request} */
  #destroy(sid) {
    debugSession('MongoStore#destroy=%s', sid)
    return {
      sid,
      send: (id, done, limit) => this.#sessions.remove(id, done, limit),
      finish: () => this.#announce('destroy', sid),
    }
  }

  /** @param {...unknown} args */
  all(...args) {
    return this.#calls.run('all', () => this.#all(), callbackOf(args))
  }

  async #all() {
    debug('MongoStore#all()')
    const stored = await this.#calls.within(this.#sessions.all())
    const revealed = stored.filter((one) => !this.#isDropped(one))
    const read = (/** @type {StoredSession} */ one) => [this.#sessions.read(one)]
    const sessions = revealed.flatMap((one) => this.#unlessUnreadable(() => read(one)) ?? [])
    this.#announce('all', sessions)
    return sessions
  }

  /** @param {{ batchSize?: number }} [options] */
  iterate(options) {
    return this.#iterate(batchSizeOf(isObject(options) ? options : {}))
  }

  /** @param {number} batchSize */
  async *#iterate(batchSize) {
    debug('MongoStore#iterate()')
    const next = (/** @type {string | undefined} */ after, /** @type {number} */ limit) =>
      this.#nextSessions(after, limit)
    for await (const batch of walk(next, ({ storageId }) => storageId, batchSize))
      yield* this.#sessionsOf(batch)
  }

  /** @param {SelectedSession[]} batch */
  *#sessionsOf(batch) {
    for (const selected of batch) {
      for (const session of this.#readOrReport(selected)) {
        yield session
        // The rest of the batch is there, and whoever asks for it asks a store that is closed.
        if (this.#calls.isClosing) throw closedError()
      }
    }
  }

  /**
   * A call for each batch, so that one that nobody reads on is no pending call.
   *
   * @param {string | undefined} after a storage id
   * @param {number} limit
   */
  #nextSessions(after, limit) {
    const batch = this.#calls.run(
      'iterate',
      () => this.#calls.within(this.#sessions.scan(after, limit)),
      undefined
    )
    return /** @type {Promise<SelectedSession[]>} */ (batch)
  }

  /**
   * What cannot be read ends no walk through all sessions.
   *
   * @param {SelectedSession} selected
   * @returns {Session[]} one or none
   */
  #readOrReport(selected) {
    const { storageId } = selected
    try {
      if ('failure' in selected) throw selected.failure
      return [this.#sessions.read(selected)]
    } catch (error) {
      debugSession('%s: %s', storageId, tellable(error))
      const event = 'failure' in selected || isEncryptedError(error) ? 'decrypt-failed' : 'unreadable'
      this.#announce(event, this.#sidOf(storageId), thrownError(error))
      return []
    }
  }

  /** @param {string | undefined} storageId @returns {string | undefined} the session id, as far as it can be told */
  #sidOf(storageId) {
    const { prefix = '' } = this.#options
    return this.#idTransform ? undefined : storageId?.slice(prefix.length)
  }

  /** The option with which a storage id does not tell the session id. @returns {'hashId' | 'transformId' | undefined} */
  get #idTransform() {
    const { hashId, transformId } = this.#options
    if (hashId) return 'hashId'
    return typeof transformId === 'function' ? 'transformId' : undefined
  }

  /** @param {...unknown} args */
  ids(...args) {
    return this.#calls.run('ids', () => this.#ids(), callbackOf(args))
  }

  async #ids() {
    debug('MongoStore#ids()')
    const option = this.#idTransform
    if (option) {
      throw new Error(
        `ids cannot give session ids with the option ${option}, which cannot be undone: keep what you look for, such as the ` +
          'user, in the sessions themselves, and go through them with iterate()'
      )
    }
    const ids = await this.#calls.stepsWithin((isOver) => this.#sessions.ids(isOver))
    return ids.map((id) => this.#sidOf(id))
  }

  /** @param {unknown} where @param {...unknown} args */
  find(where, ...args) {
    const [options] = args
    return this.#calls.run(
      'find',
      () => this.#find(where, optionsOf(options, FIND_OPTIONS)),
      callbackOf(args)
    )
  }

  /** @param {unknown} where @param {import('../sessions/users.js').FindOptions & { current?: string }} options */
  async #find(where, { current, ...options }) {
    debug('MongoStore#find()')
    const currentIds = await this.#storageIdsOf(current)
    const found = await this.#calls.within(this.#sessions.users.find(where, options))
    return found.flatMap((selected) => this.#entriesOf(selected, currentIds))
  }

  /** @param {unknown} given an id, several or none @returns {Promise<string[]>} where those sessions may be stored */
  async #storageIdsOf(given) {
    const sids = given === undefined || given === null ? [] : [given].flat()
    const { transformId } = this.#options
    const ids = await Promise.all(sids.map((sid) => storageIdOf(sid, transformId)))
    return ids.flatMap((id) => this.#sessions.storageIds(id))
  }

  /** @param {SelectedSession} selected @param {string[]} currentIds @returns {Record<string, unknown>[]} one or none */
  #entriesOf(selected, currentIds) {
    const { beside = {}, storageId } = selected
    const description = descriptionOf(this.#sessions.descriptionOf(selected))
    return this.#readOrReport(selected).map((session) => ({
      handle: beside.handle,
      session,
      createdAt: beside.created,
      expires: this.#sessions.endOf(selected),
      lastSeen: this.#sessions.lastSeenOf(selected, session),
      ...(description && { description }),
      isCurrent: storageId !== undefined && currentIds.includes(storageId),
    }))
  }

  /** @param {unknown} where @param {...unknown} args */
  count(where, ...args) {
    return this.#calls.run(
      'count',
      () => this.#calls.within(this.#sessions.users.count(where)),
      callbackOf(args)
    )
  }

  /** @param {unknown} where @param {...unknown} args */
  destroyAll(where, ...args) {
    const [options] = args
    return this.#calls.run(
      'destroyAll',
      () => this.#destroyAll(where, optionsOf(options, DESTROY_ALL_OPTIONS)),
      callbackOf(args)
    )
  }

  /** @param {unknown} where @param {{ except?: unknown }} options */
  async #destroyAll(where, { except }) {
    debug('MongoStore#destroyAll()')
    const storageIds = await this.#storageIdsOf(except)
    return this.#announceDestroyed(await this.#calls.within(this.#sessions.users.end(where, storageIds)))
  }

  /** @param {unknown} handle @param {...unknown} args */
  destroyHandle(handle, ...args) {
    return this.#calls.run('destroyHandle', () => this.#destroyHandle(handle), callbackOf(args))
  }

  /** @param {unknown} handle */
  async #destroyHandle(handle) {
    debug('MongoStore#destroyHandle()')
    const ended = await this.#calls.within(this.#sessions.users.endHandle(handle))
    return this.#announceDestroyed(ended) > 0
  }

  /** @param {{ ended: number, storageIds: string[] }} outcome */
  #announceDestroyed({ ended, storageIds }) {
    const sids = storageIds.map((id) => this.#sidOf(id))
    for (const sid of sids) if (sid !== undefined) this.#announce('destroy', sid)
    return ended
  }

  /** @param {...unknown} args */
  reindex(...args) {
    const [options] = args
    const reindex = () =>
      this.#calls.unlessGivenUp(
        this.#sessions.users.reindex(isObject(options) ? options : {}, () => this.#calls.isClosing)
      )
    return this.#calls.run('reindex', reindex, callbackOf(args))
  }

  /** @param {...unknown} args */
  prune(...args) {
    const [options] = args
    return this.#calls.run('prune', () => this.#prune(optionsOf(options, PRUNE_OPTIONS)), callbackOf(args))
  }

  /** @param {{ signal?: AbortSignal }} options */
  async #prune({ signal }) {
    debug('MongoStore#prune()')
    const { expired } = this.#sessions
    const isOver = () => Boolean(signal?.aborted) || this.#calls.isClosing
    const removing = this.#options.expiredEvents ? expired.sweep(isOver) : expired.prune(isOver)
    return this.#calls.unlessGivenUp(removing)
  }

  #sweep() {
    if (!this.#options.expiredEvents) return this.#collection.sweep()
    if (this.#isSweeping) return
    this.#isSweeping = true
    this.#sessions.expired
      .sweep(() => this.#calls.isClosing)
      .catch((error) => this.#news.receive({ event: 'sweep-failed', error }))
      .finally(() => {
        this.#isSweeping = false
      })
  }

  /** Nobody waits for it. @param {string} id that a `get` has not found */
  #lookForExpired(id) {
    this.#sessions.expired.meet(this.#sessions.storageIds(id)).catch((error) => {
      debug('Looking for an expired session failed: %s', tellable(error))
    })
  }

  /** @param {'evicted' | 'expired'} event @param {SelectedSession} ended */
  #announceEnd(event, ended) {
    const [session] = this.#readOrReport(ended)
    this.#announce(event, this.#sidOf(ended.storageId), session)
  }

  /** @param {...unknown} args */
  length(...args) {
    const callback = callbackOf(args)
    return this.#calls.run(
      'length',
      () => this.#length(),
      callback && ((error, count = 0) => callback(error, count))
    )
  }

  async #length() {
    debug('MongoStore#length()')
    return this.#calls.within(this.#collection.count({ state: 'live' }))
  }

  /** @param {...unknown} args */
  clear(...args) {
    return this.#calls.run('clear', () => this.#clear(), callbackOf(args))
  }

  async #clear() {
    debug('MongoStore#clear()')
    await this.#calls.within(this.#collection.removeAll({ state: 'any' }))
  }

  /** Cheap enough to be asked for each second. */
  stats() {
    const { pending, statistics } = this.#calls
    const { queue, commands, retries, pool } = this.#collection.statistics()
    const counted = Object.entries(commands).map(([name, { statements }]) => [
      name,
      { count: countOf(statements), statements },
    ])
    return {
      backend: this.backend,
      pending,
      operations: statistics.operations,
      queue,
      commands: Object.fromEntries(counted),
      retries,
      pool,
      keys: this.#keys(),
    }
  }

  /** @param {...unknown} args */
  ping(...args) {
    const [options] = args
    return this.#calls.run('ping', () => this.#ping(options), callbackOf(args))
  }

  /** On the way that get takes, so that it fails when calls would. @param {unknown} options */
  async #ping(options) {
    debug('MongoStore#ping()')
    const timeoutMS = pingTimeoutOf(options)
    const call = { calledMs: performance.now() }
    const found = /** @type {Promise<unknown>} */ (this.#collection.find(pingId(), undefined, call))
    const waitingFor = () => this.#collection.waitingFor()
    await this.#calls.within(
      timeoutMS === undefined ? found : inTime(found, 'timeoutMS', timeoutMS, waitingFor)
    )
  }

  /** @param {...unknown} args */
  reencrypt(...args) {
    const [options] = args
    return this.#calls.run(
      'reencrypt',
      () => this.#reencrypt(isObject(options) ? options : {}),
      callbackOf(args)
    )
  }

  /** @param {import('../sessions/reencrypt.js').Options} options */
  async #reencrypt(options) {
    if (!this.#canReencrypt) {
      throw new Error(
        'reencrypt needs the option crypto, or an adapter of createKrupteinAdapter or createWebCryptoAdapter'
      )
    }
    return this.#sessions.reencrypt(options, this.#calls)
  }

  /** @param {...unknown} args */
  hashIds(...args) {
    const [options] = args
    return this.#calls.run('hashIds', () => this.#hashIds(isObject(options) ? options : {}), callbackOf(args))
  }

  /** @param {import('../sessions/hash-ids.js').Options} options */
  async #hashIds(options) {
    if (this.backend === 'driver') return this.#sessions.hashIds(options, this.#calls)
    // A document moves as a whole, with what others keep in it, in transactions that only the JavaScript driver's collection makes.
    const { collection, sessions } = this.#open({ ...this.#options, backend: 'driver' })
    try {
      return await sessions.hashIds(options, this.#calls)
    } finally {
      await collection.close()
      sessions.close()
    }
  }

  /** @param {...unknown} args */
  close(...args) {
    const [options] = args
    const closing = this.#closing ?? this.#closeAsAsked(options)
    closing.catch(() => {})
    const callback = callbackOf(args)
    if (!callback) return closing
    callBackWith(closing, callback)
    return undefined
  }

  /** A wrong option leaves the store open. @param {unknown} options */
  #closeAsAsked(options) {
    try {
      const timeoutMS = closeTimeoutOf(options)
      this.#closing = this.#close(timeoutMS)
      return this.#closing
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** @param {number} timeoutMS */
  async #close(timeoutMS) {
    debug('MongoStore#close()')
    this.#news.close()
    const pending = this.#calls.end()
    if (pending && !(timeoutMS > 0 && (await isOverIn(pending, timeoutMS)))) this.#calls.giveUp()
    try {
      await isOverIn(Promise.all([pending, this.#collection.close()]), CLOSING_MS)
    } finally {
      this.#sessions.close()
    }
  }

  /**
   * Called by express-session with what `get` returned: what is known of that goes with the session made of it.
   *
   * @param {Record<string, any>} req
   * @param {Session} stored
   */
  createSession(req, stored) {
    const session = this.#sessionOf(req, stored)
    this.#sessions.hand(stored, session, req.sessionID)
    return session
  }

  /** @param {Record<string, any>} req @param {Session} stored */
  #sessionOf(req, stored) {
    // A session that another program wrote may have no cookie, or none that is one, which express-session takes for granted.
    const lacksCookie = isObject(stored) && !isObject(stored.cookie)
    return super.createSession(req, lacksCookie ? { ...stored, cookie: {} } : stored)
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    await this.close()
  }
}

/** The class, which connect-mongo 3 gave to those who called what they had required with express-session. */
const CallableStore = new Proxy(MongoStore, {
  apply() {
    warnOnce("require('connect-mongo')(session) is MongoStore.create(options) since connect-mongo 4", {
      type: 'DeprecationWarning',
      code: 'CONNECT_MONGO_OLD_OPTION',
    })
    return CallableStore
  },
})
MongoStore.prototype.constructor = CallableStore

module.exports = { MongoStore: CallableStore }
