// Sessions that a framework saves after each request, changed or not, since it has no `touch`: what `get` gave of them, by which `set` sees
// that nothing has changed.
'use strict'

const { createHash } = require('node:crypto')
const { lastModifiedOf } = require('./expiry.js')

/** @typedef {Record<string, any>} Session */
/** @typedef {{ digest: string, lastModifiedMs: number }} Loaded */

/** Of those that are loaded and never saved, the oldest go. */
const MOST_LOADED = 10_000

/** Without the end of its cookie, which moves with each request. @param {Session} session */
function digestOf(session) {
  /** @type {Session | undefined} */
  let root
  const text = JSON.stringify(session, function withoutEnd(key, value) {
    root ??= value
    return this === root?.cookie && key === 'expires' ? undefined : value
  })
  return createHash('sha256').update(text).digest('base64')
}

class AsLoaded {
  /** By session id. @type {Map<string, Loaded>} */
  #loaded = new Map()
  #isNeeded = true

  /** express-session asks for its sessions to be made, and touches those that have not changed. */
  stop() {
    this.#isNeeded = false
    this.#loaded.clear()
  }

  /** @param {string} sid @param {Session} session that `get` gives, before anybody changes it */
  note(sid, session) {
    const lastModified = this.#isNeeded ? lastModifiedOf(session) : undefined
    if (!lastModified) return
    if (this.#loaded.size >= MOST_LOADED) this.forget(this.#loaded.keys().next().value ?? '')
    this.#loaded.set(sid, { digest: digestOf(session), lastModifiedMs: lastModified.getTime() })
  }

  /** @param {string} sid */
  forget(sid) {
    this.#loaded.delete(sid)
  }

  /**
   * Whether a session is as it was loaded, and was written so lately. It is so for one save: another one may come long after.
   *
   * @param {string} sid
   * @param {Session} session
   * @param {number} touchAfterMs
   */
  isUnchanged(sid, session, touchAfterMs) {
    const loaded = this.#loaded.get(sid)
    if (!loaded) return false
    this.forget(sid)
    return Date.now() - loaded.lastModifiedMs < touchAfterMs && digestOf(session) === loaded.digest
  }
}

module.exports = { AsLoaded }
