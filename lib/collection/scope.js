// Which documents of a collection are sessions of this store, which of them are live and which have expired: filters. Pure.
'use strict'

const { isDate } = require('../objects.js')

/**
 * @typedef {import('./port.js').Filter} Filter
 * @typedef {import('./port.js').Query} Query
 *
 * @typedef {object} ScopeOptions
 * @property {string} [prefix] what the storage ids of this store's sessions begin with
 * @property {number} [maxLifetimeMs] how long after `createdAt` a session ends
 */

/** @param {string} text */
function escaped(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

/**
 * Without bounds of its own: where there is a collation, another order than that of the code points counts for them. Where there is none
 * the server makes them of the expression.
 *
 * @param {string} prefix
 */
function startingWith(prefix) {
  return { $regex: `^${escaped(prefix)}` }
}

/** connect-mongo's filter of the sessions that are live. @param {Date} now */
function unexpired(now) {
  return [{ expires: { $exists: false } }, { expires: { $gt: now } }]
}

/** @param {Date} date @param {number} milliseconds */
function earlier(date, milliseconds) {
  return new Date(date.getTime() - milliseconds)
}

class Scope {
  #prefix
  #maxLifetimeMs

  /** @param {ScopeOptions} options */
  constructor({ prefix, maxLifetimeMs }) {
    this.#prefix = prefix
    this.#maxLifetimeMs = maxLifetimeMs
  }

  /** @returns {Filter} all sessions of the store */
  get all() {
    return this.#prefix === undefined ? {} : { _id: startingWith(this.#prefix) }
  }

  /** Beside the id of a session. @param {Date} [now] @returns {Filter} */
  live(now = new Date()) {
    const $or = unexpired(now)
    if (this.#maxLifetimeMs === undefined) return { $or }
    // True of documents without the field, too.
    return { $or, createdAt: { $not: { $lte: earlier(now, this.#maxLifetimeMs) } } }
  }

  /** Whether the filter of the live ones would find this document. @param {Record<string, any>} document @param {Date} [now] */
  isLive(document, now = new Date()) {
    const { expires, createdAt } = document
    const isLater = (/** @type {unknown} */ date) => isDate(date) && date > now
    const hasTimeLeft = !('expires' in document) || [expires].flat().some(isLater)
    if (!hasTimeLeft || this.#maxLifetimeMs === undefined) return hasTimeLeft
    return !(isDate(createdAt) && createdAt <= earlier(now, this.#maxLifetimeMs))
  }

  /** @param {Date} now @param {number} [graceMs] for how long at least @returns {Filter} */
  expired(now, graceMs = 0) {
    const expired = { expires: { $lt: earlier(now, graceMs) } }
    if (this.#maxLifetimeMs === undefined) return expired
    return { $or: [expired, { createdAt: { $lt: earlier(now, this.#maxLifetimeMs + graceMs) } }] }
  }

  /** @param {Query} query @returns {Filter} */
  filterOf({ where, state, now = new Date(), graceMs }) {
    const parts = [this.all, where ?? {}]
    if (state === 'live') parts.push(this.live(now))
    if (state === 'expired') parts.push(this.expired(now, graceMs))
    const given = parts.filter((part) => Object.keys(part).length > 0)
    const names = given.flatMap((part) => Object.keys(part))
    const isPlain = new Set(names).size === names.length
    return isPlain ? Object.assign({}, ...given) : { $and: given }
  }
}

module.exports = { Scope }
