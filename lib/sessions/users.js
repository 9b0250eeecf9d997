// What can be asked about the sessions of a user, or of whatever else the option `index` names: find, count, end, index anew.
'use strict'

const { isHandle, newHandle } = require('../collection/handles.js')
const { nextLive, walkOptionsOf, walkWithProgress } = require('./walk.js')

/**
 * @typedef {import('../collection/port.js').Filter} Filter
 * @typedef {import('../collection/port.js').SelectedSession} SelectedSession
 * @typedef {import('../collection/port.js').Selection} Selection
 * @typedef {import('../collection/port.js').SessionCollection} SessionCollection
 *
 * @typedef {{ limit?: number, after?: string }} FindOptions
 * @typedef {import('./walk.js').WalkOptions<Progress>} ReindexOptions
 *
 * @typedef {object} Progress
 * @property {number} total how many sessions there were at the beginning
 * @property {number} scanned
 * @property {number} indexed
 * @property {number} changed by others meanwhile, who have indexed them
 * @property {number} unreadable
 * @property {string | undefined} last the storage id where another run can go on
 * @property {boolean} done
 *
 * @typedef {object} Stored how sessions are reached
 * @property {SessionCollection} collection
 * @property {InstanceType<typeof import('./session-index.js').SessionIndex>} index
 * @property {(selection: Selection) => Promise<SelectedSession[]>} select with what is encrypted decrypted
 * @property {(selected: SelectedSession) => Promise<boolean> | undefined} indexAnew whether the session was still stored as it was; nothing when it cannot be read
 */

const MOST_FOUND = 2 ** 31 - 1
/** Of which nobody knows when they were created. */
const OLDEST = new Date(0)

/** @param {FindOptions} options @returns {{ limit: number, after: string | undefined }} */
function checkedFind({ limit = 0, after }) {
  const isCount = Number.isInteger(limit) && limit >= 0 && limit <= MOST_FOUND
  if (!isCount) throw new TypeError(`limit must be an integer from 0, for all, to ${MOST_FOUND}`)
  return { limit, after: after === undefined ? undefined : requireHandle('after', after) }
}

/** @param {string} name @param {unknown} handle @returns {string} */
function requireHandle(name, handle) {
  if (isHandle(handle)) return handle
  throw new TypeError(`${name} must be a handle as find gives it: 44 hexadecimal digits`)
}

/** @param {SelectedSession} selected */
function hasHandle({ beside }) {
  return beside?.handle !== undefined
}

class Users {
  #stored

  /** @param {Stored} stored */
  constructor(stored) {
    this.#stored = stored
  }

  /** @param {unknown} given @param {FindOptions} options @returns {Promise<SelectedSession[]>} the live sessions, the newest first */
  async find(given, options) {
    const { limit, after } = checkedFind(options)
    const found = this.#where(given)
    // True of those that have no handle yet, too: they come last.
    const where = after === undefined ? found : { ...found, handle: { $not: { $gte: after } } }
    /** @type {Selection} */
    const selection = { where, state: 'live', sort: { handle: -1 }, limit }
    const sessions = await this.#stored.select(selection)
    if (sessions.every(hasHandle)) return sessions
    await this.#giveHandles(found)
    // In the order that they have now, without those that have ended meanwhile.
    return (await this.#stored.select({ ...selection, isOfPrimary: true })).filter(hasHandle)
  }

  /** All of them at once: what comes on a page must not move to another. @param {Filter} found */
  async #giveHandles(found) {
    const where = { ...found, handle: { $exists: false } }
    const sessions = await this.#stored.select({ where, state: 'live', isOfPrimary: true })
    await Promise.all(sessions.map((one) => this.#giveHandle(one, OLDEST)))
  }

  /** @param {unknown} given @returns {Promise<number>} how many are live */
  async count(given) {
    return this.#stored.collection.count({ where: this.#where(given), state: 'live' })
  }

  /**
   * Ends all that are stored now, also those that a request has loaded and will save: nothing comes back that has been removed.
   *
   * @param {unknown} given
   * @param {string[]} exceptIds storage ids
   * @returns {Promise<{ ended: number, storageIds: string[] }>}
   */
  async end(given, exceptIds) {
    const found = this.#where(given)
    return this.#end(exceptIds.length > 0 ? { ...found, _id: { $nin: exceptIds } } : found)
  }

  /** @param {unknown} handle @returns {Promise<{ ended: number, storageIds: string[] }>} */
  async endHandle(handle) {
    this.#requireIndex()
    return this.#end({ handle: requireHandle('The handle', handle) })
  }

  /**
   * Indexes what has been stored without an index, or with another: beside what others write, which stays.
   *
   * @param {ReindexOptions} options
   * @param {() => boolean} isClosing
   * @returns {Promise<Progress>}
   */
  async reindex(options, isClosing) {
    this.#requireIndex()
    const walkOptions = walkOptionsOf(options)
    const total = await this.#stored.collection.count({ state: 'live' })
    const { after: last } = walkOptions
    /** @type {Progress} */
    const progress = { total, scanned: 0, indexed: 0, changed: 0, unreadable: 0, last, done: false }
    const index = (/** @type {SelectedSession[]} */ batch) => this.#indexBatch(batch, progress)
    return walkWithProgress(this.#next, walkOptions, progress, isClosing, index)
  }

  #next = (/** @type {string | undefined} */ after, /** @type {number} */ limit) =>
    this.#stored.select({ ...nextLive(after, limit), stored: 'of-all' })

  /** @param {SelectedSession[]} batch @param {Progress} progress */
  async #indexBatch(batch, progress) {
    const outcomes = await Promise.all(batch.map((one) => this.#indexOne(one)))
    for (const outcome of outcomes) progress[outcome]++
  }

  /** @param {SelectedSession} selected @returns {Promise<'indexed' | 'changed' | 'unreadable'>} */
  async #indexOne(selected) {
    const indexing = this.#stored.indexAnew(selected)
    if (!indexing) return 'unreadable'
    const isIndexed = await indexing
    await this.#giveHandle(selected, selected.beside?.created ?? OLDEST)
    return isIndexed ? 'indexed' : 'changed'
  }

  /** What a connect-mongo has created, or another program, has none yet. @param {SelectedSession} selected @param {Date} created */
  async #giveHandle({ storageId, beside }, created) {
    if (beside?.handle !== undefined || storageId === undefined) return
    const where = { _id: storageId, handle: { $exists: false } }
    await this.#stored.collection.change({ where, state: 'any' }, { $set: { handle: newHandle(created) } })
  }

  /** @param {Filter} where */
  async #end(where) {
    /** @type {import('../collection/port.js').Query} */
    const query = { where, state: 'any' }
    const ids = await this.#stored.collection.selectIds({ ...query, isOfPrimary: true })
    const removed = await this.#stored.collection.removeAll(query, true)
    const storageIds = ids.filter((id) => id !== undefined)
    // An attempt of whose answer nothing was heard has removed some that are not counted.
    return { ended: Math.max(removed, ids.length), storageIds }
  }

  /** @param {unknown} given */
  #where(given) {
    this.#requireIndex()
    return this.#stored.index.whereOf(given)
  }

  #requireIndex() {
    if (!this.#stored.index.isThere)
      throw new Error("This needs the option index, such as index: { userId: 'passport.user' }")
  }
}

module.exports = { Users }
