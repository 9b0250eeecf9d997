// The indexes that a store asks for, over a JavaScript client: made in the background, so that no call waits for them or fails with
// them.
'use strict'

const { connected, withCodeOfCause } = require('./client-source.js')
const { delay } = require('./delay.js')
const { isSignInFailure } = require('./driver-errors.js')

/**
 * @typedef {import('./client-source.js').Client} Client
 * @typedef {import('./driver-engine.js').Collection} Collection
 * @typedef {import('./indexes.js').WantedIndex} WantedIndex
 */

const FIRST_RETRY_DELAY_MS = 1_000
const LAST_RETRY_DELAY_MS = 60_000

/**
 * As src/mongo/errors.rs has it. With these the server would refuse the index for ever: BadValue (Azure Cosmos DB has such indexes on `_ts`
 * alone), FailedToParse, CommandNotFound, CannotCreateIndex, InvalidOptions, CommandNotSupported, InvalidIndexSpecificationOption,
 * NotSupported, APIStrictError.
 */
const FINAL_CODES = new Set([2, 9, 59, 67, 72, 115, 197, 301, 323])
/** With these until somebody has done something about it: Unauthorized, IndexOptionsConflict, IndexKeySpecsConflict, AtlasError. */
const LASTING_CODES = new Set([13, 85, 86, 8000])
/** IndexOptionsConflict: there is an index of these fields, with other settings. */
const OTHER_SETTINGS = 85

/** @param {WantedIndex} wanted @returns {Record<string, 1 | -1>} */
function keysOf({ fields }) {
  const keys = fields.map(
    (field) => /** @type {const} */ ([field.replace(/^-/, ''), field.startsWith('-') ? -1 : 1])
  )
  return Object.fromEntries(keys)
}

/** @param {WantedIndex} wanted */
const nameOf = (wanted) => Object.keys(keysOf(wanted)).join(', ')

/**
 * An index is kept with the numbers that it was made with, and to the server those are the same whichever type they have: Double and
 * Long are objects here at times.
 *
 * @param {WantedIndex} wanted
 * @param {Record<string, any>} index
 */
function hasKeysOf(wanted, { key }) {
  const keys = Object.entries(keysOf(wanted))
  const there = Object.entries(key)
  return (
    there.length === keys.length &&
    keys.every(([field, order], at) => there[at][0] === field && Number(there[at][1]) === order)
  )
}

/** @param {WantedIndex} wanted @param {Record<string, any>} index */
function isIndex(wanted, index) {
  const { expireAfterSeconds: there, partialFilterExpression } = index
  const isInTime = wanted.expireAfterSeconds === (there === undefined ? undefined : Number(there))
  const isOfAsMany = Boolean(partialFilterExpression) === (wanted.onlyWith !== undefined)
  return hasKeysOf(wanted, index) && isInTime && isOfAsMany
}

class Indexes {
  #client
  #database
  #collection
  #onNews
  #isClosed = false
  /** The code that was told last, by the name of the index. @type {Map<string, number | undefined>} */
  #told = new Map()

  /**
   * @param {Client} client
   * @param {Record<string, any>} database
   * @param {Collection} collection
   * @param {import('./port.js').OnNews} onNews
   */
  constructor(client, database, collection, onNews) {
    this.#client = client
    this.#database = database
    this.#collection = collection
    this.#onNews = onNews
  }

  /** Until each has been tried once. @param {WantedIndex[]} wanted @param {WantedIndex} [unwanted] */
  async start(wanted, unwanted) {
    const left = await this.#tryAll(wanted)
    if (left.length > 0) this.#retry(left)
    if (unwanted && (await this.#isThere(unwanted))) this.#onNews({ event: 'ttl-index-present' })
  }

  /** No further attempt is begun, and none under way is reported. */
  close() {
    this.#isClosed = true
  }

  /** @param {WantedIndex[]} wanted */
  async #retry(wanted) {
    let left = wanted
    for (let wait = FIRST_RETRY_DELAY_MS; left.length > 0; wait = Math.min(wait * 2, LAST_RETRY_DELAY_MS)) {
      await delay(wait)
      if (this.#isClosed) return
      left = await this.#tryAll(left)
    }
  }

  /** @param {WantedIndex[]} wanted @returns {Promise<WantedIndex[]>} those that are to be tried again */
  async #tryAll(wanted) {
    const left = []
    for (const [at, index] of wanted.entries()) {
      const outcome = await this.#try(index)
      // Nobody would answer about the others either.
      if (outcome === 'unanswered') return [...left, ...wanted.slice(at)]
      if (outcome === 'later') left.push(index)
    }
    return left
  }

  /** Servers take no notice of it, but keep it, and connect-mongo gives it. It is not in the stable API. */
  get #background() {
    return this.#client.options?.serverApi?.strict ? {} : { background: true }
  }

  /** @param {WantedIndex} wanted @returns {Promise<'over' | 'later' | 'unanswered'>} */
  async #try(wanted) {
    try {
      await connected(this.#client)
      await this.#makeOrChange(wanted)
      return 'over'
    } catch (thrown) {
      if (this.#isClosed) return 'over'
      const error = /** @type {Error & { code?: unknown }} */ (thrown)
      const code = Number(error.code)
      const isAnswer = !Number.isNaN(code) && !isSignInFailure(error)
      // Without the right to make indexes, or under another name, the index may be there all the same.
      if (isAnswer && (await this.#isThere(wanted))) return 'over'
      this.#tell(wanted, withCodeOfCause(error), isAnswer ? code : undefined)
      if (!isAnswer) return 'unanswered'
      return FINAL_CODES.has(code) ? 'over' : 'later'
    }
  }

  /** @param {WantedIndex} wanted */
  async #makeOrChange(wanted) {
    const { expireAfterSeconds, onlyWith } = wanted
    const options = {
      ...this.#background,
      ...(expireAfterSeconds !== undefined && { expireAfterSeconds }),
      ...(onlyWith !== undefined && { partialFilterExpression: { [onlyWith]: { $exists: true } } }),
    }
    try {
      await this.#collection.createIndex(keysOf(wanted), options)
    } catch (error) {
      const isOther = Number(/** @type {{ code?: unknown }} */ (error).code) === OTHER_SETTINGS
      if (!isOther || !wanted.mayChange || !(await this.#change(wanted))) throw error
    }
  }

  /** https://www.mongodb.com/docs/manual/reference/command/collMod/ @param {WantedIndex} wanted */
  async #change(wanted) {
    const other = (await this.#all()).find((index) => hasKeysOf(wanted, index))
    if (!other) return false
    const index = { name: other.name, expireAfterSeconds: wanted.expireAfterSeconds }
    await this.#database.command({ collMod: this.#collection.collectionName, index })
    return true
  }

  /** @param {WantedIndex} wanted @param {Error} error @param {number | undefined} code of the server's answer, if it is one */
  #tell(wanted, error, code) {
    if (code === undefined) return this.#onNews({ event: 'unreachable', error })
    const index = nameOf(wanted)
    const isLasting = LASTING_CODES.has(code)
    // What lasts is told once, and tried on.
    const isKnown = isLasting && code === this.#told.get(index)
    this.#told.set(index, code)
    if (isKnown) return
    const isRefused = isLasting || FINAL_CODES.has(code)
    this.#onNews({ event: isRefused ? 'index-refused' : 'index-failed', error, index })
  }

  /** @param {WantedIndex} wanted */
  async #isThere(wanted) {
    return (await this.#all()).some((index) => isIndex(wanted, index))
  }

  /** None where they cannot be listed. @returns {Promise<Record<string, any>[]>} */
  async #all() {
    try {
      await connected(this.#client)
      return await this.#collection.indexes()
    } catch {
      return []
    }
  }
}

module.exports = { Indexes }
