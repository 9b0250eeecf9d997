// The option `maxPerUser`: at most so many sessions with one value of the index.
'use strict'

const { setTimeout: delay } = require('node:timers/promises')
const { isConflict } = require('./conflicts.js')

/**
 * @typedef {import('../collection/port.js').SelectedSession} SelectedSession
 * @typedef {import('../collection/port.js').SessionCollection} SessionCollection
 * @typedef {import('./session-index.js').Values} Values
 *
 * @typedef {object} Login a save with which a session becomes that of a value
 * @property {string[]} storageIds under which the session may be stored
 * @property {Values} values its values that are limited
 * @property {Values} before those that it had when it was loaded
 *
 * @typedef {object} Limited
 * @property {SessionCollection} collection
 * @property {InstanceType<typeof import('./session-index.js').SessionIndex>} index
 * @property {(filter: import('../collection/port.js').Filter) => Promise<SelectedSession[]>} select the live sessions, as the primary has them
 * @property {(evicted: SelectedSession) => void} onEvicted
 */

const MOST_TRIES = 6
const LONGEST_PAUSE_MS = 50

/** @param {string} key @param {number} most */
function tooManyError(key, most) {
  const message = `There are ${most} sessions of this ${key} already, the most that maxPerUser allows`
  return Object.assign(new Error(message), { code: 'ERR_TOO_MANY_SESSIONS' })
}

/** Since when a session has been that of its values; those of before the option came first. @param {SelectedSession} session */
function sinceMs({ beside }) {
  return (beside?.indexed ?? beside?.created)?.getTime() ?? 0
}

/** The newest first, in one order for all processes. @param {SelectedSession} one @param {SelectedSession} other */
function byAge(one, other) {
  const [ofOne, ofOther] = [one.beside?.handle ?? '', other.beside?.handle ?? '']
  return sinceMs(other) - sinceMs(one) || Number(ofOther > ofOne) - Number(ofOther < ofOne)
}

class Limits {
  #limited
  #most
  #isRejecting
  /** Looks for what is too much that are under way, by key and value. @type {Map<string, { look: Promise<void>, next?: Promise<void> }>} */
  #looks = new Map()

  /** @param {Record<string, any>} options of the store @param {Limited} limited */
  constructor({ maxPerUser = {}, onMaxPerUser }, limited) {
    this.#most = maxPerUser
    this.#isRejecting = onMaxPerUser === 'reject'
    this.#limited = limited
  }

  /** @param {Values} values @returns {Values} those that are limited */
  of(values) {
    return Object.fromEntries(Object.entries(values).filter(([key]) => Object.hasOwn(this.#most, key)))
  }

  /**
   * Writes a session that becomes that of a user, and sees to it that there are not too many then: each process looks after it has
   * written, so whoever comes last sees all.
   *
   * @param {Login} login
   * @param {() => Promise<boolean>} write
   * @returns {Promise<boolean>} what `write` gave
   */
  async write(login, write) {
    if (this.#isRejecting) return this.#writeIfThereIsRoom(login, write)
    const answer = await write()
    for (const [key, value] of Object.entries(login.values)) await this.#lookAgain(key, value)
    return answer
  }

  /**
   * Looks once more for what is too much. While one look is under way, all who ask share the next: it begins when they have written.
   *
   * @param {string} key
   * @param {string} value
   * @returns {Promise<void>}
   */
  #lookAgain(key, value) {
    const underWay = this.#looks.get(`${key}\0${value}`)
    if (!underWay) return this.#look(key, value)
    const look = () => this.#look(key, value)
    underWay.next ??= underWay.look.then(look, look)
    return underWay.next
  }

  /** @param {string} key @param {string} value @returns {Promise<void>} */
  #look(key, value) {
    const name = `${key}\0${value}`
    const underWay = { look: this.#evict(key, value), next: undefined }
    this.#looks.set(name, underWay)
    const end = () => {
      if (!underWay.next) this.#looks.delete(name)
    }
    underWay.look.then(end, end)
    return underWay.look
  }

  /** @param {string} key @param {string} value */
  async #evict(key, value) {
    const where = this.#limited.index.filterOf({ [key]: value })
    const sessions = await this.#limited.select(where)
    const excess = sessions.sort(byAge).slice(this.#most[key])
    for (const evicted of excess) {
      // One that is not that of this user any more stays, and one that has become it anew, which whoever saved it looks after.
      const own = {
        ...where,
        _id: evicted.storageId,
        indexedAt: evicted.beside?.indexed ?? { $exists: false },
      }
      const removed = await this.#limited.collection.removeAll({ where: own, state: 'any' }, true)
      if (removed > 0) this.#limited.onEvicted(evicted)
    }
  }

  /**
   * A place is taken before the session is written, and given back where it turns out to be one too many: what was stored of the session
   * stays as it was then. Of two that take the last place at a time, both may have to try again.
   *
   * @param {Login} login
   * @param {() => Promise<boolean>} write
   */
  async #writeIfThereIsRoom(login, write) {
    for (let tries = 1; ; tries++) {
      const full = await this.#fullKey(login)
      if (full !== undefined) throw tooManyError(full, this.#most[full])
      const isClaimed = await this.#claim(login)
      const answer = isClaimed ? undefined : await write()
      const crowded = await this.#crowdedKey(login)
      if (crowded === undefined) return answer ?? this.#writeClaimed(login, write)
      await this.#giveBack(login, isClaimed)
      if (tries === MOST_TRIES) throw tooManyError(crowded, this.#most[crowded])
      await delay(Math.random() * LONGEST_PAUSE_MS)
    }
  }

  /** A conflict leaves what others have written, who took no place for it. @param {Login} login @param {() => Promise<boolean>} write */
  async #writeClaimed(login, write) {
    try {
      return await write()
    } catch (error) {
      if (isConflict(error)) await this.#giveBack(login, true)
      throw error
    }
  }

  /** @param {Login} login @returns {Promise<string | undefined>} a key with as many other sessions as may be */
  #fullKey({ storageIds, values }) {
    return this.#keyWith(values, (sessions, most) => {
      const others = sessions.filter(({ storageId }) => !storageIds.includes(storageId ?? ''))
      return others.length >= most
    })
  }

  /** @param {Login} login @returns {Promise<string | undefined>} a key with more sessions than may be */
  #crowdedKey({ values }) {
    return this.#keyWith(values, (sessions, most) => sessions.length > most)
  }

  /** @param {Values} values @param {(sessions: SelectedSession[], most: number) => boolean} isWanted */
  async #keyWith(values, isWanted) {
    for (const [key, value] of Object.entries(values)) {
      const sessions = await this.#limited.select(this.#limited.index.filterOf({ [key]: value }))
      if (isWanted(sessions, this.#most[key])) return key
    }
    return undefined
  }

  /** @param {Login} login @returns {Promise<boolean>} whether there was a session to take a place for */
  #claim({ storageIds, values }) {
    return this.#mark(storageIds, { $set: { ...this.#fields(values), indexedAt: new Date() } })
  }

  /** @param {Login} login @param {boolean} isClaimed */
  async #giveBack({ storageIds, values, before }, isClaimed) {
    if (!isClaimed) {
      await this.#limited.collection.removeAll({ where: { _id: { $in: storageIds } }, state: 'any' }, true)
      return
    }
    const lost = Object.keys(values).filter((key) => !Object.hasOwn(before, key))
    const $unset = Object.fromEntries(lost.map((key) => [`index.${key}`, '']))
    const $set = this.#fields(before)
    await this.#mark(storageIds, {
      ...(lost.length > 0 && { $unset }),
      ...(Object.keys($set).length > 0 && { $set }),
    })
  }

  /** @param {string[]} storageIds @param {Record<string, unknown>} update */
  #mark(storageIds, update) {
    return this.#limited.collection.change({ where: { _id: { $in: storageIds } }, state: 'any' }, update)
  }

  /** @param {Values} values */
  #fields(values) {
    const pairs = this.#limited.index.storedOf(values)
    /** @type {Record<string, string>} */
    const fields = {}
    for (let at = 0; at < pairs.length; at += 2) fields[`index.${pairs[at]}`] = pairs[at + 1]
    return fields
  }
}

module.exports = { Limits }
