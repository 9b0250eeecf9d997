// Sessions that have expired and are still stored: removed, and with `expiredEvents` reported by one process of all that have the
// collection.
'use strict'

const { randomUUID } = require('node:crypto')
const { moved } = require('../clock.js')

/**
 * @typedef {import('../collection/port.js').Filter} Filter
 * @typedef {import('../collection/port.js').SelectedSession} SelectedSession
 * @typedef {import('../collection/port.js').Selection} Selection
 * @typedef {import('../collection/port.js').SessionCollection} SessionCollection
 *
 * @typedef {object} Expiring
 * @property {SessionCollection} collection
 * @property {number} graceMs
 * @property {boolean} isReportedOnce by one process of all, which removes it
 * @property {(selection: Selection) => Promise<SelectedSession[]>} select with what is encrypted decrypted
 * @property {(expired: SelectedSession) => void} report
 *
 * @typedef {object} Times
 * @property {Date} server what the primary's clock says, by which claims are dated
 * @property {Date} now the same, as far as a test has moved `Date`: what has expired until then has
 */

const BATCH_SIZE = 500
/** A process that has claimed a session and says nothing for so long has ended. */
const CLAIM_MS = 60_000
/** While the server answers slowly; of what is missed beyond that nothing is told. */
const MOST_MISSED = 10_000
/** Only such a document can be claimed, one by one: what another program has stored under an ObjectId cannot. */
const WITH_TEXT_ID = { _id: { $type: 'string' } }
const WITHOUT_TEXT_ID = { _id: { $not: { $type: 'string' } } }

class Expired {
  #expiring
  /** Storage ids under which a `get` has found nothing. @type {Set<string>} */
  #missed = new Set()
  #isLooking = false

  /** @param {Expiring} expiring */
  constructor(expiring) {
    this.#expiring = expiring
  }

  /** Removes those whose grace is over. @param {() => boolean} isOver @returns {Promise<number>} how many */
  async prune(isOver) {
    const { collection, graceMs } = this.#expiring
    const { now } = await this.#times()
    /** @type {import('../collection/port.js').Query} */
    const expired = { state: 'expired', now, graceMs }
    let removed = 0
    for (;;) {
      if (isOver()) return removed
      const ids = await collection.selectIds({ ...expired, limit: BATCH_SIZE, isOfPrimary: true })
      // An id that is no text cannot be asked for.
      const isByIds = ids.every((id) => id !== undefined)
      const where = isByIds ? { _id: { $in: ids } } : undefined
      removed += await collection.removeAll({ ...expired, where }, true)
      if (ids.length < BATCH_SIZE || !isByIds) return removed
    }
  }

  /**
   * Reports and removes each. A claim comes first and the removal last: what a process has claimed that has ended in between, another one
   * reports again, after a while.
   *
   * @param {() => boolean} isOver
   * @returns {Promise<number>} how many
   */
  async sweep(isOver) {
    let removed = 0
    for (;;) {
      const times = await this.#times()
      if (isOver()) return removed
      const batch = await this.#unclaimedAt(times)
      for (const one of batch) {
        if (isOver()) return removed
        if (await this.#claimAndReport(one, times)) removed++
      }
      // What is no valid text is claimed by nobody, and would come again and again.
      const isProgress = batch.some(({ storageId }) => storageId !== undefined)
      if (batch.length < BATCH_SIZE || !isProgress) return removed + (await this.#removeUnclaimable(times))
    }
  }

  /**
   * What a `get` has not found may be stored still. One question at a time, for all that have been missed meanwhile: it must not take the
   * connections that requests wait for.
   *
   * @param {string[]} storageIds
   */
  async meet(storageIds) {
    for (const id of storageIds) if (this.#missed.size < MOST_MISSED) this.#missed.add(id)
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      while (this.#missed.size > 0) await this.#lookFor([...this.#missed].slice(0, BATCH_SIZE))
    } finally {
      this.#missed.clear()
      this.#isLooking = false
    }
  }

  /** @param {string[]} ids */
  async #lookFor(ids) {
    for (const id of ids) this.#missed.delete(id)
    const { select, isReportedOnce, report } = this.#expiring
    const found = await select({ where: { _id: { $in: ids } }, state: 'expired' })
    // A collation that ignores case finds others, too.
    const met = found.filter(({ storageId }) => storageId !== undefined && ids.includes(storageId))
    if (met.length === 0) return
    const times = isReportedOnce ? await this.#times() : undefined
    for (const one of met) await (times ? this.#claimAndReport(one, times) : report(one))
  }

  /** @returns {Promise<Times>} */
  async #times() {
    const server = await this.#expiring.collection.serverTime()
    return { server, now: moved(server) }
  }

  /** @param {Times} times @returns {Promise<SelectedSession[]>} */
  #unclaimedAt({ server, now }) {
    const where = { ...WITH_TEXT_ID, ...unclaimed(server) }
    return this.#expiring.select({ where, state: 'expired', now, limit: BATCH_SIZE, isOfPrimary: true })
  }

  /** @param {Times} times */
  #removeUnclaimable({ now }) {
    const { collection, graceMs } = this.#expiring
    return collection.removeAll({ where: WITHOUT_TEXT_ID, state: 'expired', now, graceMs }, true)
  }

  /** @param {SelectedSession} expired @param {Times} times @returns {Promise<boolean>} whether it was this process's to report */
  async #claimAndReport(expired, { server, now }) {
    const { collection, report } = this.#expiring
    const { storageId } = expired
    if (storageId === undefined) return false
    const claim = randomUUID()
    const free = { _id: storageId, ...unclaimed(server) }
    // By the server, since `server` may be a while ago: it would take a claim of long ago for one that nobody has any more.
    const update = { $set: { expiredClaim: claim }, $currentDate: { expiredClaimAt: true } }
    if (!(await collection.change({ where: free, state: 'expired', now }, update))) return false
    report(expired)
    await collection.removeAll(
      { where: { _id: storageId, expiredClaim: claim }, state: 'expired', now },
      true
    )
    return true
  }
}

/** @param {Date} server what its clock says @returns {Filter} */
function unclaimed(server) {
  // True of documents without the field, too.
  return { expiredClaimAt: { $not: { $gt: new Date(server.getTime() - CLAIM_MS) } } }
}

module.exports = { Expired }
