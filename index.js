// The public class: connect-mongo's API, https://github.com/jdesboeufs/connect-mongo/blob/v6.0.0/src/lib/MongoStore.ts.
// It checks options, runs the user's functions, emits events and calls back; a backend does all I/O.
'use strict'

const { AsyncResource } = require('node:async_hooks')
// Kept, for apps whose tests put a fake in its place.
const { nextTick } = require('node:process')
const { inspect } = require('node:util')
const debug = require('debug')('connect-mongo')

const BaseStore = require('./lib/base-store.js')
const { bindingTarget } = require('./lib/binding.js')
const { ConcurrentSessions } = require('./lib/concurrency.js')
const { errorOf } = require('./lib/errors.js')
const { openBackend } = require('./lib/open-backend.js')
const { reencrypt } = require('./lib/reencrypt.js')
const { createKrupteinAdapter, createWebCryptoAdapter } = require('./lib/session-crypto.js')
const { resolveOptions } = require('./lib/store-options.js')
const { warnOnce } = require('./lib/warnings.js')

/**
 * @typedef {import('./lib/native-backend.js').StoredSession} StoredSession
 * @typedef {import('./lib/native-backend.js').News} News
 * @typedef {import('./lib/concurrency.js').Origin} Origin
 * @typedef {Record<string, any>} Session
 * @typedef {(error: Error | null, result?: any) => void} Callback
 *
 * What a call asks the backend for, and what its caller gets of the answer.
 * @typedef {object} Request
 * @property {string} sid
 * @property {(storageId: string, done?: Callback) => Promise<any> | undefined} send either `done` gets the answer, or the promise
 * @property {(answer: any) => any} finish
 */

const DETACHABLE = /** @type {const} */ ([
  'get',
  'set',
  'touch',
  'destroy',
  'all',
  'length',
  'clear',
  'ping',
  'reencrypt',
  'close',
  // Not detached, but called on what apps put around a store: a Proxy, or an object made of it.
  'createSession',
])

/**
 * The `lastModified` of the document that a session was read from or written to, kept off the session itself:
 * express-session compares sessions by their properties.
 *
 * @type {WeakMap<object, Date | undefined>}
 */
const lastModifiedDates = new WeakMap()

/** @param {Session} session */
function copyWithPlainCookie(session) {
  const copy = { cookie: session.cookie, ...session }
  if (typeof copy.cookie?.toJSON === 'function') copy.cookie = copy.cookie.toJSON()
  return copy
}

/** @param {unknown} value */
function unchanged(value) {
  return value
}

/** @param {Record<string, any>} options */
function transformFunctions({ serialize, unserialize, stringify }) {
  if (serialize || unserialize || stringify === false) {
    return { serialize: serialize || copyWithPlainCookie, unserialize: unserialize || unchanged }
  }
  return { serialize: JSON.stringify, unserialize: JSON.parse }
}

/** @param {unknown} value @returns {value is object} */
function isObject(value) {
  return typeof value === 'object' && value !== null
}

/**
 * Anything but a string would reach the server as a query, such as `{ $ne: null }`, and in UTF-8 half a surrogate pair is
 * the same as any other half.
 *
 * @param {string} what
 * @param {unknown} id
 * @returns {asserts id is string}
 */
function requireId(what, id) {
  if (typeof id !== 'string') throw new TypeError(`${what} must be a string, not ${typeof id}`)
  if (!id.isWellFormed()) throw new TypeError(`${what} must be well-formed: it has half a surrogate pair`)
}

/**
 * What a function of the user's threw: to a callback, nothing would be a success.
 *
 * @param {unknown} thrown
 * @returns {any}
 */
function thrownError(thrown) {
  return thrown || new Error(`Instead of an error, ${inspect(thrown)} was thrown`)
}

/** @param {unknown} session @returns {Date | undefined} */
function lastModifiedOf(session) {
  if (!isObject(session)) return undefined
  if (lastModifiedDates.has(session)) return lastModifiedDates.get(session)
  // An object that never came from a store, such as a document read by hand, is taken at its word, as in connect-mongo.
  const { lastModified } = /** @type {Session} */ (session)
  return lastModified instanceof Date ? lastModified : undefined
}

/**
 * A touch moves the document's `expires` and leaves the session's own behind: the document's is put in its place, in the
 * type that it had.
 *
 * @param {Session} session
 * @param {Date} expires
 */
function followExpires({ cookie }, expires) {
  // A date beyond what a Date can hold has no ISO string.
  if (!isObject(cookie) || Number.isNaN(expires.getTime())) return
  const stored = Reflect.get(cookie, 'expires')
  if (!stored) return
  if (typeof stored === 'string') Reflect.set(cookie, 'expires', expires.toISOString())
  else if (typeof stored === 'number') Reflect.set(cookie, 'expires', expires.getTime())
  else if (stored instanceof Date) setDate(cookie, expires)
}

/**
 * The setter of express-session's Cookie takes what is left until then for the whole lifetime.
 *
 * @param {object} cookie
 * @param {Date} expires
 */
function setDate(cookie, expires) {
  const hadLifetime = 'originalMaxAge' in cookie
  const lifetime = Reflect.get(cookie, 'originalMaxAge')
  Reflect.set(cookie, 'expires', expires)
  if (hadLifetime) Reflect.set(cookie, 'originalMaxAge', lifetime)
}

/** @param {unknown[]} args @returns {Callback | undefined} */
function callbackOf(args) {
  return /** @type {Callback | undefined} */ (args.findLast((each) => typeof each === 'function'))
}

/**
 * The only place where a callback runs: once, on a tick of its own, so that what it throws surfaces as Node surfaces it.
 *
 * @param {Callback} callback
 * @param {Error | null} error
 * @param {unknown} [result]
 */
function callBack(callback, error, result) {
  if (error) nextTick(callback, error)
  else if (result === undefined) nextTick(callback, null)
  else nextTick(callback, null, result)
}

/** @param {Promise<unknown>} promise @param {Callback} callback */
function callBackWith(promise, callback) {
  promise.then(
    (result) => callBack(callback, null, result),
    (error) => nextTick(callback, error)
  )
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number | undefined} milliseconds
 * @returns {Promise<T>} the same, or an error after that time
 */
function within(promise, milliseconds) {
  if (!milliseconds) return promise
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(timeoutError(milliseconds)), milliseconds)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** @param {number} milliseconds */
function timeoutError(milliseconds) {
  const message = `The operation took longer than operationTimeoutMS allows (${milliseconds} ms)`
  return errorOf({ name: 'MongoOperationTimeoutError', message, errorLabels: [], causes: [] })
}

/** @param {number} maxPending */
function busyError(maxPending) {
  const message = `The session store is busy: ${maxPending} operations are pending, the most that maxPending allows`
  return Object.assign(new Error(message), { code: 'ERR_STORE_BUSY' })
}

function closedError() {
  return Object.assign(new Error('The session store is closed'), { code: 'ERR_STORE_CLOSED' })
}

/** The longest that setInterval can wait: it takes more for 1 ms. */
const LONGEST_INTERVAL_MS = 2 ** 31 - 1

class MongoStore extends BaseStore {
  #options
  #transform
  #backend
  /** @type {NodeJS.Timeout | undefined} */
  #timer
  /** @type {Promise<void> | undefined} */
  #closing
  /** @type {Promise<Record<string, any>> | undefined} */
  #collection
  /** Of what `get` gave. @type {WeakMap<object, Origin>} */
  #found = new WeakMap()
  /** Of the sessions that were made of that. @type {WeakMap<object, Origin>} */
  #loaded = new WeakMap()
  /** What single sessions are asked of where they are not just overwritten. @type {ConcurrentSessions | undefined} */
  #concurrent
  #pendingCalls = 0
  /** @type {(() => void) | undefined} */
  #onIdle

  /** @param {Record<string, any>} options */
  constructor(options) {
    super()
    debug('create MongoStore instance')
    this.#options = resolveOptions(options ?? {})
    this.#transform = transformFunctions(this.#options)
    this.#backend = this.#openBackend()
    this.#concurrent = this.#concurrentSessions()
    for (const name of DETACHABLE) {
      // A class can do without touch, as far as frameworks go.
      if (typeof this[name] !== 'function') continue
      // Looked up at each call, for those who put something else in the place of the class's method later, as tests do.
      const value = (/** @type {unknown[]} */ ...args) => Object.getPrototypeOf(this)[name].apply(this, args)
      Object.defineProperty(this, name, { value, configurable: true, writable: true })
    }
  }

  /** @param {Record<string, any>} options */
  static create(options) {
    return new MongoStore(options)
  }

  static get binding() {
    return bindingTarget
  }

  get backend() {
    return this.#backend.name
  }

  /**
   * The same collection as a `Collection` of the JavaScript driver.
   *
   * @returns {Promise<Record<string, any>>}
   */
  get collectionP() {
    if (this.#collection && !this.#closing) return this.#collection
    const collection = this.#closing ? Promise.reject(closedError()) : this.#backend.collection()
    this.#collection = collection
    // Nobody may be waiting, and who asks after a failure is to get another try.
    collection.catch(() => {
      this.#collection = undefined
    })
    return collection
  }

  #openBackend() {
    // The backend's news must not keep a forgotten store from being collected.
    const self = new WeakRef(this)
    return openBackend(this.#options, (news) => self.deref()?.#onNews(news))
  }

  #concurrentSessions() {
    const { concurrency } = this.#options
    if (concurrency === 'overwrite') return undefined
    return new ConcurrentSessions(this.#backend, concurrency, {
      read: (value, expires) => {
        const session = this.#readValue(value, expires)
        return isObject(session) ? session : undefined
      },
      write: (sid, session) => this.#writeMerged(sid, session),
      isDropped: (stored, sid) => this.#isDropped(stored, sid),
    })
  }

  get #sessions() {
    return this.#concurrent ?? this.#backend
  }

  #startRemoval() {
    const { autoRemove, autoRemoveInterval } = this.#options
    if (autoRemove === 'native') debug('Creating MongoDB TTL index')
    if (autoRemove !== 'interval' || this.#closing) return
    debug('create Timer to remove expired sessions')
    // No two instances keep the same period for long, so that they do not all sweep at once.
    const jitter = 0.9 + Math.random() / 10
    const periodMs = Math.min(autoRemoveInterval * 60_000, LONGEST_INTERVAL_MS)
    this.#timer = setInterval(() => this.#backend.sweep(), periodMs * jitter)
    this.#timer.unref()
  }

  /** @param {News} news */
  #onNews({ event, error }) {
    if (event === 'collection-known') this.#startRemoval()
    if (event === 'connect' || event === 'disconnect') this.#announce(event)
    if (event === 'default-database') {
      warnOnce("Sessions are stored in the database 'test', because neither the URL nor dbName names one", {
        code: 'CONNECT_MONGO_DEFAULT_DATABASE',
      })
    }
    if (event === 'ttl-index-failed') this.#reportIndexFailure(/** @type {Error} */ (error))
    if (event === 'sweep-failed') debug('autoRemove interval cleanup failed: %s', error?.message)
    if (event === 'ttl-index-present') {
      const { collectionName } = this.#options
      warnOnce(
        `autoRemove is disabled, but a TTL index on ${collectionName} removes expired sessions all the same`,
        {
          code: 'CONNECT_MONGO_TTL_INDEX',
        }
      )
    }
  }

  /** @param {Error} error */
  #reportIndexFailure(error) {
    debug('TTL index creation failed: %s', error.message)
    if (this.listenerCount('error') > 0) {
      this.#announce('error', error)
      return
    }
    const { collectionName } = this.#options
    warnOnce(
      `The TTL index on ${collectionName} could not be made, so expired sessions stay in the database`,
      {
        code: 'CONNECT_MONGO_TTL_INDEX',
        detail: `${error.name}: ${error.message}\nIt is tried again in the background. Listen for 'error' events to handle this.`,
      }
    )
  }

  /**
   * Gives the caller what it asked for: a callback that runs, or a promise. A rejection that nobody handles is dropped, as
   * connect-mongo drops the errors of calls without a callback; marking it so late keeps the caller's frames in its stack.
   *
   * @template T
   * @param {() => Promise<T>} operation
   * @param {Callback | undefined} callback
   * @returns {Promise<T> | undefined}
   */
  #call(operation, callback) {
    if (callback) {
      callBackWith(this.#track(operation), callback)
      return undefined
    }
    const promise = this.#track(operation, () => promise.catch(() => {}))
    return promise
  }

  /**
   * @template T
   * @param {() => Promise<T>} operation
   * @param {() => void} [onFailure]
   */
  async #track(operation, onFailure) {
    this.#pendingCalls++
    try {
      const refusal = this.#refusal()
      return await (refusal ? Promise.reject(refusal) : operation())
    } catch (error) {
      onFailure?.()
      throw thrownError(error)
    } finally {
      this.#end()
    }
  }

  /** @template T @param {Promise<T>} promise */
  #within(promise) {
    return within(promise, this.#options.operationTimeoutMS)
  }

  #refusal() {
    const { maxPending } = this.#options
    if (this.#closing) return closedError()
    return this.#pendingCalls > maxPending ? busyError(maxPending) : undefined
  }

  #end() {
    this.#pendingCalls--
    if (this.#pendingCalls === 0) this.#onIdle?.()
  }

  /**
   * The same for a call about one session. A callback costs no promise where the backend needs none.
   *
   * @param {() => Request | undefined} prepare nothing is asked for when it gives nothing
   * @param {Callback | undefined} callback
   */
  #ask(prepare, callback) {
    if (!callback) return this.#call(async () => this.#answerOf(prepare()), undefined)
    this.#pendingCalls++
    const refusal = this.#refusal()
    if (refusal) return this.#answer(callback, refusal)
    try {
      const request = prepare()
      if (request) this.#askWithCallback(request, callback)
      else this.#answer(callback, null)
    } catch (error) {
      this.#answer(callback, thrownError(error))
    }
    return undefined
  }

  /** @param {Request | undefined} request */
  async #answerOf(request) {
    if (!request) return undefined
    const storageId = this.#storageId(request.sid)
    const sent = request.send(typeof storageId === 'string' ? storageId : await storageId)
    return request.finish(await this.#within(/** @type {Promise<any>} */ (sent)))
  }

  /** @param {Request} request @param {Callback} callback */
  #askWithCallback(request, callback) {
    const storageId = this.#storageId(request.sid)
    const caller = new AsyncResource('MongoStore')
    /** @type {Callback} */
    const done = (error, answer) =>
      caller.runInAsyncScope(this.#finish, this, request, callback, error, answer)
    const sent = typeof storageId === 'string' ? request.send(storageId, done) : storageId.then(request.send)
    if (sent) {
      this.#within(sent).then(
        (answer) => done(null, answer),
        (error) => done(thrownError(error))
      )
    }
  }

  /** @param {Request} request @param {Callback} callback @param {Error | null} error @param {any} answer */
  #finish(request, callback, error, answer) {
    if (error) return this.#answer(callback, error)
    try {
      const result = request.finish(answer)
      this.#answer(callback, null, result)
    } catch (failure) {
      this.#answer(callback, thrownError(failure))
    }
  }

  /** @param {Callback} callback @param {Error | null} error @param {any} [result] */
  #answer(callback, error, result) {
    this.#end()
    callBack(callback, error, result)
  }

  /**
   * A listener that throws has not made the operation fail: its error surfaces as one thrown on a tick of its own.
   *
   * @param {string} event
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

  /** @param {unknown} sid @returns {string | Promise<string>} */
  #storageId(sid) {
    requireId('A session id', sid)
    const { transformId } = this.#options
    return typeof transformId === 'function' ? this.#transformedId(transformId(sid)) : sid
  }

  /** @param {unknown} transformed */
  async #transformedId(transformed) {
    const storageId = await transformed
    requireId('What transformId returns', storageId)
    return storageId
  }

  /** @param {Session | undefined} session */
  #expiresOf(session) {
    const expires = session?.cookie?.expires
    return expires ? new Date(expires) : new Date(Date.now() + this.#options.ttl * 1000)
  }

  /** @param {StoredSession} stored */
  #read({ session: stored, expires, lastModified }) {
    const session = this.#readValue(stored, expires)
    if (isObject(session) && this.#options.touchAfter > 0) lastModifiedDates.set(session, lastModified)
    return session
  }

  /** @param {unknown} value @param {Date} [expires] */
  #readValue(value, expires) {
    const session = this.#transform.unserialize(value)
    if (isObject(session) && expires) followExpires(session, expires)
    return session
  }

  /** @param {string} sid @param {Session} merged */
  #writeMerged(sid, merged) {
    // What `serialize` is given, and may know, is a session of the framework.
    const session = this.#sessionOf({ sessionID: sid, sessionStore: this }, merged)
    return {
      payload: this.#backend.encode(this.#transform.serialize(session)),
      expires: this.#expiresOf(session),
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
    debug('A session cannot be decrypted: %s', stored.failure)
    this.#announce('decrypt-failed', sid, stored.failure)
    return true
  }

  /** @param {string} sid @param {...unknown} args */
  get(sid, ...args) {
    return this.#ask(() => this.#get(sid), callbackOf(args))
  }

  /** @param {string} sid @returns {Request} */
  #get(sid) {
    debug('MongoStore#get=%s', sid)
    return {
      sid,
      send: (storageId, done) => this.#sessions.get(storageId, done),
      finish: (stored) => {
        const session = stored && !this.#isDropped(stored, sid) ? this.#readFound(sid, stored) : null
        this.#announce('get', sid)
        return session ?? null
      },
    }
  }

  /** @param {string} sid @param {StoredSession} stored */
  #readFound(sid, stored) {
    // Before `unserialize`, which may give back the stored value itself, for the app to change.
    const snapshot = this.#concurrent && stored.session && this.#backend.snapshot(stored.session)
    const session = this.#read(stored)
    if (isObject(session)) this.#found.set(session, { sid, base: () => snapshot })
    return session
  }

  /** @param {string} sid @param {Session} session @param {...unknown} args */
  set(sid, session, ...args) {
    return this.#ask(() => this.#set(sid, session), callbackOf(args))
  }

  /** @param {string} sid @param {Session} session @returns {Request} */
  #set(sid, session) {
    debug('MongoStore#set=%s', sid)
    const origin = this.#loaded.get(session)
    const isLoaded = origin?.sid === sid
    const isChange = isLoaded && this.#concurrent !== undefined
    const payload = this.#backend.encode(this.#transform.serialize(session), isChange)
    const expires = this.#expiresOf(session)
    const lastModified = this.#options.touchAfter > 0 ? new Date() : undefined
    const isUpsert = this.#options.resurrect || !isLoaded
    return {
      sid,
      send: (storageId, done) =>
        isChange
          ? this.#concurrent.change(storageId, { origin, payload, expires, lastModified, isUpsert })
          : this.#sessions.set(storageId, payload, expires, lastModified, isUpsert, done),
      finish: (answer) => {
        if (!isUpsert && !answer) return this.#announce('set-refused', sid, session)
        if (lastModified && isObject(session)) lastModifiedDates.set(session, lastModified)
        this.#announce(isUpsert && answer ? 'create' : 'update', sid)
        this.#announce('set', sid)
      },
    }
  }

  /** @param {string} sid @param {Session} session @param {...unknown} args */
  touch(sid, session, ...args) {
    return this.#ask(() => this.#touch(sid, session), callbackOf(args))
  }

  /** @param {string} sid @param {Session} session @returns {Request | undefined} */
  #touch(sid, session) {
    debug('MongoStore#touch=%s', sid)
    requireId('A session id', sid)
    if (session === undefined || session === null)
      throw new TypeError('touch needs the session whose expiry it renews')
    const { touchAfter, strictTouch } = this.#options
    const now = new Date()
    const lastModified = touchAfter > 0 ? lastModifiedOf(session) : undefined
    if (lastModified && now.getTime() - lastModified.getTime() < touchAfter * 1000) {
      debug('Skip touching session=%s', sid)
      return undefined
    }
    const expires = this.#expiresOf(session)
    return {
      sid,
      send: (storageId, done) => this.#sessions.touch(storageId, expires, lastModified && now, done),
      finish: (wasThere) => {
        if (!wasThere && strictTouch) throw new Error('Unable to find the session to touch')
        this.#announce(wasThere ? 'touch' : 'touch-missed', sid, session)
      },
    }
  }

  /** @param {string} sid @param {...unknown} args */
  destroy(sid, ...args) {
    return this.#ask(() => this.#destroy(sid), callbackOf(args))
  }

  /** @param {string} sid @returns {Request} */
  #destroy(sid) {
    debug('MongoStore#destroy=%s', sid)
    return {
      sid,
      send: (storageId, done) => this.#sessions.destroy(storageId, done),
      finish: () => this.#announce('destroy', sid),
    }
  }

  /** @param {...unknown} args */
  all(...args) {
    return this.#call(() => this.#all(), callbackOf(args))
  }

  async #all() {
    debug('MongoStore#all()')
    const stored = await this.#within(this.#backend.all())
    const readable = stored.filter((one) => !this.#isDropped(one))
    const sessions = readable.map((one) => this.#read(one))
    this.#announce('all', sessions)
    return sessions
  }

  /** @param {...unknown} args */
  length(...args) {
    const callback = callbackOf(args)
    return this.#call(() => this.#length(), callback && ((error, count = 0) => callback(error, count)))
  }

  async #length() {
    debug('MongoStore#length()')
    return this.#within(this.#backend.length())
  }

  /** @param {...unknown} args */
  clear(...args) {
    return this.#call(() => this.#clear(), callbackOf(args))
  }

  async #clear() {
    debug('MongoStore#clear()')
    await this.#within(this.#backend.clear())
  }

  /** @param {...unknown} args */
  ping(...args) {
    return this.#call(() => this.#within(this.#backend.ping()), callbackOf(args))
  }

  /** @param {...unknown} args */
  reencrypt(...args) {
    const [options] = args
    return this.#call(() => this.#reencrypt(isObject(options) ? options : {}), callbackOf(args))
  }

  /** @param {import('./lib/reencrypt.js').Options} options */
  async #reencrypt(options) {
    const backend = this.#backend
    if (!('outdated' in backend) || !backend.canReencrypt) {
      throw new Error(
        'reencrypt needs the option crypto, or an adapter of createKrupteinAdapter or createWebCryptoAdapter'
      )
    }
    return reencrypt(backend, options, () => this.#closing !== undefined)
  }

  /** @param {...unknown} args */
  close(...args) {
    if (!this.#closing) {
      this.#closing = this.#close()
      this.#closing.catch(() => {})
    }
    const callback = callbackOf(args)
    if (!callback) return this.#closing
    callBackWith(this.#closing, callback)
    return undefined
  }

  async #close() {
    debug('MongoStore#close()')
    clearInterval(this.#timer)
    if (this.#pendingCalls > 0) {
      await new Promise((resolve) => {
        this.#onIdle = () => resolve(undefined)
      })
    }
    await this.#backend.close()
  }

  /**
   * Called by express-session with what `get` returned: what is known of that goes with the session made of it.
   *
   * @param {Record<string, any>} req
   * @param {Session} stored
   */
  createSession(req, stored) {
    const session = this.#sessionOf(req, stored)
    lastModifiedDates.set(session, lastModifiedDates.get(stored))
    const origin = this.#found.get(stored)
    // Under another id it is a new session, such as a copy that an app makes.
    if (origin && origin.sid === req.sessionID) this.#loaded.set(session, { ...origin })
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
const Callable = new Proxy(MongoStore, {
  apply() {
    warnOnce("require('connect-mongo')(session) is MongoStore.create(options) since connect-mongo 4", {
      type: 'DeprecationWarning',
      code: 'CONNECT_MONGO_OLD_OPTION',
    })
    return Callable
  },
})
MongoStore.prototype.constructor = Callable

module.exports = Object.assign(Callable, {
  MongoStore: Callable,
  default: Callable,
  createKrupteinAdapter,
  createWebCryptoAdapter,
})
