// The sessions that express-session makes of what a store gives it, for a store that finds no express-session to make them:
// https://github.com/expressjs/session/tree/v1.19.0/session.
'use strict'

const { isDate } = require('../objects.js')
/**
 * @typedef {Record<string, any>} Request
 * @typedef {(error?: Error | null) => void} Callback
 */

class PlainCookie {
  path = '/'
  /** @type {any} */
  _expires = null
  /** @type {any} */
  originalMaxAge = null
  httpOnly = true

  /** @param {Record<string, any>} stored */
  constructor(stored) {
    for (const name in stored) if (name !== 'data') Reflect.set(this, name, stored[name])
    this.originalMaxAge ??= this.maxAge
  }

  get expires() {
    return this._expires
  }

  set expires(date) {
    this._expires = date
    this.originalMaxAge = this.maxAge
  }

  get maxAge() {
    return isDate(this.expires) ? this.expires.getTime() - Date.now() : this.expires
  }

  set maxAge(milliseconds) {
    if (milliseconds && typeof milliseconds !== 'number' && !isDate(milliseconds))
      throw new TypeError('maxAge must be a number or Date')
    this.expires = typeof milliseconds === 'number' ? new Date(Date.now() + milliseconds) : milliseconds
  }

  get data() {
    const { originalMaxAge, expires, httpOnly, path } = this
    const { partitioned, priority, secure, domain, sameSite } = /** @type {Record<string, any>} */ (this)
    return { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite }
  }

  toJSON() {
    return this.data
  }
}

/** Its properties are those of the stored session; what is its own is not enumerable. */
class PlainSession {
  /** @param {Request} req @param {Record<string, any>} stored */
  constructor(req, stored) {
    Object.defineProperty(this, 'req', { value: req })
    Object.defineProperty(this, 'id', { value: req.sessionID })
    for (const name in stored) if (!(name in this)) Reflect.set(this, name, stored[name])
  }

  touch() {
    return this.resetMaxAge()
  }

  resetMaxAge() {
    const { cookie } = partsOf(this)
    cookie.maxAge = cookie.originalMaxAge
    return this
  }

  /** @param {Callback} [callback] */
  save(callback = () => {}) {
    const { req, id } = partsOf(this)
    req.sessionStore.set(id, this, callback)
    return this
  }

  /** The request gets another session. @param {Callback} callback */
  reload(callback) {
    const { req, id } = partsOf(this)
    req.sessionStore.get(id, (/** @type {Error | null} */ error, /** @type {object | null} */ stored) => {
      if (error) return callback(error)
      if (!stored) return callback(new Error('failed to load session'))
      req.sessionStore.createSession(req, stored)
      callback()
    })
    return this
  }

  /** @param {Callback} [callback] */
  destroy(callback) {
    const { req, id } = partsOf(this)
    delete req.session
    req.sessionStore.destroy(id, callback)
    return this
  }

  /** @param {Callback} callback */
  regenerate(callback) {
    const { req } = partsOf(this)
    req.sessionStore.regenerate(req, callback)
    return this
  }
}

/** @param {PlainSession} session @returns {{ req: Request, id: string, cookie: PlainCookie }} */
function partsOf(session) {
  return /** @type {any} */ (session)
}

/**
 * @param {Request} req
 * @param {Record<string, any>} stored
 * @returns {Record<string, any>} the session of the request
 */
function createPlainSession(req, stored) {
  const { expires, originalMaxAge } = stored.cookie
  stored.cookie = new PlainCookie(stored.cookie)
  if (typeof expires === 'string') stored.cookie.expires = new Date(expires)
  stored.cookie.originalMaxAge = originalMaxAge
  req.session = new PlainSession(req, stored)
  return req.session
}

module.exports = { createPlainSession }
