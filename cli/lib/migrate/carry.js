// Carries sessions from one store to another, batch by batch, and counts what becomes of each.
'use strict'

const { createHash } = require('node:crypto')
const { CliError } = require('../errors.js')
const { typesLostInJson } = require('./json.js')

/**
 * @typedef {import('./side.js').CarriedSession} CarriedSession
 * @typedef {import('./side.js').Side} Side
 * @typedef {import('./side.js').StoredSession} StoredSession
 *
 * @typedef {object} CarryOptions
 * @property {boolean} isDryRun
 * @property {boolean} overwrite whether those in the target are replaced that end later, or at the same time
 * @property {string} from what the ids of the first ones may begin with
 * @property {number} sinceMs those that were last used before it are left
 * @property {number} [ttlSeconds] how long a session of that app lives whose cookie does not say; the usual time of its store otherwise
 */

const BATCH_SIZE = 100
/** Of each kind. */
const MOST_NAMED = 20
/** How far the end of a session may be off in a store that rounds it. */
const ROUNDING_MS = 1000
/** So much of a session id can be guessed by nobody who does not know the rest. */
const SHOWN_OF_ID = 4

/** By which the session can be found in its store, and by which nobody can take it over. @param {string} sid */
function hashOf(sid) {
  return createHash('sha256').update(sid).digest('hex').slice(0, 12)
}

/** @param {string} sid @returns {string} what it begins with: enough to go on from there */
function beginningOf(sid) {
  const characters = [...sid]
  return characters.slice(0, Math.min(SHOWN_OF_ID, characters.length >> 2)).join('')
}

/** @param {StoredSession['session']} session @returns {number} when its cookie ends, if that can be told */
function endOfCookie({ cookie: { expires } }) {
  return expires ? new Date(expires).getTime() : Number.NaN
}

/** Of an error: its message may have a session id in it, or a session. @param {any} error @returns {string} */
function reasonOf(error) {
  return String(error?.codeName ?? error?.code ?? error?.name)
}

class Carrying {
  #source
  #target
  #options
  #startMs = Date.now()
  #counts = { read: 0, written: 0, kept: 0, expired: 0, unused: 0, withoutEnd: 0, unreadable: 0, refused: 0 }
  /** @type {{ id: string, problem: string }[]} */
  #unreadable = []
  /** @type {{ id: string, problem: string }[]} */
  #refused = []
  /** How many sessions had values of a type that the target has not got. @type {Map<string, number>} */
  #lostTypes = new Map()
  /** @type {string | undefined} */
  #position
  #isComplete = false

  /** @param {Side} source @param {Side} target @param {CarryOptions} options */
  constructor(source, target, options) {
    this.#source = source
    this.#target = target
    this.#options = options
    this.#position = options.from || undefined
  }

  /**
   * @param {AbortSignal} signal ends it behind a batch
   * @param {(done: number) => void} onProgress
   */
  async run(signal, onProgress) {
    for await (const batch of this.#source.batches(this.#options.from, BATCH_SIZE)) {
      if (signal.aborted) return
      await this.#carry(batch)
      if (this.#source.isOrdered && batch.length > 0)
        this.#position = beginningOf(batch[batch.length - 1].sid)
      onProgress(this.#counts.read)
    }
    this.#isComplete = true
  }

  /** From where another run can go on. */
  get position() {
    return this.#position
  }

  get report() {
    return {
      from: this.#source.name,
      to: this.#target.name,
      dryRun: this.#options.isDryRun,
      done: this.#isComplete,
      startedAt: new Date(this.#startMs).toISOString(),
      ...(!this.#isComplete && this.#position !== undefined && { resume: this.#position }),
      ...this.#counts,
      fieldsLeft: [...this.#source.fieldsBeside()].sort(),
      typesLost: Object.fromEntries(this.#lostTypes),
      isRounded: this.#target.resolutionMs > this.#source.resolutionMs,
      unreadableIds: this.#unreadable,
      refusedIds: this.#refused,
    }
  }

  /** @param {(StoredSession | import('./side.js').Unreadable)[]} batch */
  async #carry(batch) {
    this.#counts.read += batch.length
    const candidates = batch.flatMap((one) => this.#candidateOf(one))
    if (candidates.length === 0) return
    const ends = await this.#target.endsOf(candidates.map(({ sid }) => sid))
    const chosen = candidates.flatMap((one) => this.#chosen(one, ends.get(one.sid)))
    this.#counts.kept += candidates.length - chosen.length
    if (this.#source.keepsTypes && !this.#target.keepsTypes) this.#noteLostTypes(chosen)
    if (this.#options.isDryRun) this.#counts.written += chosen.length
    else if (chosen.length > 0) await this.#write(chosen)
  }

  /** @param {StoredSession | import('./side.js').Unreadable} one @returns {(CarriedSession & { isEndKnown: boolean })[]} one or none */
  #candidateOf(one) {
    if ('problem' in one) return this.#noteUnreadable(one)
    const { sid, session } = one
    const endMs = this.#endOf(one)
    const isEndKnown = endMs !== undefined
    const carriedEndMs = this.#rounded(endMs ?? this.#usualEndMs)
    if (carriedEndMs <= Date.now()) return this.#count('expired')
    if (isEndKnown && this.#wasLastUsedBefore(session, endMs)) return this.#count('unused')
    return [{ sid, session, endMs: carriedEndMs, isEndKnown }]
  }

  get #usualEndMs() {
    const { ttlSeconds = this.#source.ttlSeconds } = this.#options
    return this.#startMs + ttlSeconds * 1000
  }

  /** No session ends before its time. @param {number} endMs */
  #rounded(endMs) {
    const { resolutionMs } = this.#target
    return Math.ceil(endMs / resolutionMs) * resolutionMs
  }

  /** @param {StoredSession} session @returns {number | undefined} */
  #endOf({ endMs, session }) {
    if (endMs !== undefined) return endMs
    this.#counts.withoutEnd++
    const ofCookieMs = endOfCookie(session)
    return Number.isNaN(ofCookieMs) ? undefined : ofCookieMs
  }

  /** A use puts off the end, so that it was as long before as the session lives. @param {StoredSession['session']} session @param {number} endMs */
  #wasLastUsedBefore(session, endMs) {
    const livesMs = this.#lifetimeOf(session, endMs)
    return livesMs !== undefined && endMs - livesMs + ROUNDING_MS < this.#options.sinceMs
  }

  /** @param {StoredSession['session']} session @param {number} endMs @returns {number | undefined} nothing where that cannot be told */
  #lifetimeOf(session, endMs) {
    const { expires, originalMaxAge } = session.cookie
    const { ttlSeconds } = this.#options
    if (!expires) return ttlSeconds && ttlSeconds * 1000
    // Otherwise the app has its store end sessions before their cookies.
    const isOfCookie = endMs + ROUNDING_MS >= endOfCookie(session)
    return isOfCookie && typeof originalMaxAge === 'number' ? originalMaxAge : undefined
  }

  /**
   * Of two sessions with one id that counts which ends later, since each use puts off the end; of an end that is only a guess nothing
   * can be told.
   *
   * @param {CarriedSession & { isEndKnown: boolean }} candidate
   * @param {number | undefined} endThereMs
   * @returns {CarriedSession[]} one or none
   */
  #chosen({ isEndKnown, ...carried }, endThereMs) {
    const isNewer = endThereMs === undefined || (isEndKnown && carried.endMs > endThereMs)
    return isNewer || this.#options.overwrite ? [{ ...carried, endThereMs }] : []
  }

  /** @param {CarriedSession[]} sessions */
  async #write(sessions) {
    try {
      this.#noteWritten(sessions.length, await this.#target.write(sessions, this.#options.overwrite))
    } catch {
      await this.#writeEach(sessions)
    }
  }

  /** Among sessions that have been refused together there may be but one that cannot be stored. @param {CarriedSession[]} sessions */
  async #writeEach(sessions) {
    const refused = []
    // A connection that one of them has cost is replaced.
    await this.#target.ping()
    for (const session of sessions) {
      try {
        this.#noteWritten(1, await this.#target.write([session], this.#options.overwrite))
      } catch (reason) {
        await this.#target.ping()
        refused.push({ id: hashOf(session.sid), problem: reasonOf(reason) })
      }
    }
    if (refused.length === BATCH_SIZE)
      throw new CliError(`The target refuses every session: ${refused[0].problem}`)
    this.#counts.refused += refused.length
    this.#refused.push(...refused.slice(0, MOST_NAMED - this.#refused.length))
  }

  /** What the target keeps has been changed there since it was asked. @param {number} given @param {number} written */
  #noteWritten(given, written) {
    this.#counts.written += written
    this.#counts.kept += given - written
  }

  /** @param {import('./side.js').Unreadable} unreadable @returns {[]} */
  #noteUnreadable({ sid, problem }) {
    if (this.#unreadable.length < MOST_NAMED) this.#unreadable.push({ id: hashOf(sid), problem })
    return this.#count('unreadable')
  }

  /** @param {CarriedSession[]} sessions */
  #noteLostTypes(sessions) {
    for (const { session } of sessions)
      for (const type of typesLostInJson(session))
        this.#lostTypes.set(type, (this.#lostTypes.get(type) ?? 0) + 1)
  }

  /** @param {'expired' | 'unused' | 'unreadable'} what @returns {[]} */
  #count(what) {
    this.#counts[what]++
    return []
  }
}

module.exports = { Carrying }
