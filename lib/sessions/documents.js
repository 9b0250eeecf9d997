// The document of a session, under whichever of its ids it is stored, and its value sealed and revealed. Calls take several steps
// where there are several ids: the caller keeps the order of the calls about one session.
'use strict'

/**
 * @typedef {import('../collection/port.js').LoadedSession} LoadedSession
 * @typedef {import('../collection/port.js').SessionCollection} SessionCollection
 * @typedef {import('../collection/port.js').StoredSession} StoredSession
 * @typedef {import('../collection/port.js').Times} Times
 * @typedef {import('../collection/port.js').Call} Call
 * @typedef {import('./codec.js').Codec} Codec
 *
 * @typedef {string[]} Ids those of `storageIds`: first that of today
 */

/**
 * Asks for a session under one id after the other, until it is found.
 *
 * @template T
 * @param {Ids} ids
 * @param {(storageId: string) => Promise<T>} ask
 * @returns {Promise<T>} the last answer
 */
function firstFound(ids, ask) {
  return ids.length === 1 ? ask(ids[0]) : firstFoundOf(ids, ask)
}

/** @template T @param {Ids} ids @param {(storageId: string) => Promise<T>} ask @returns {Promise<T>} */
async function firstFoundOf(ids, ask) {
  for (const id of ids) {
    const found = await ask(id)
    if (found) return found
  }
  // Another process may have moved it here since.
  return ask(ids[0])
}

/** Each is lost only to another process, which moves the session in between: to its id of today, which need not be the one here. */
const MOST_TRIES = 8

/** Without a callback, a collection answers with a promise. @template T @param {Promise<T> | undefined} answer @returns {Promise<T>} */
function promised(answer) {
  return /** @type {Promise<T>} */ (answer)
}

class Documents {
  #collection
  #codec

  /**
   * @param {SessionCollection} collection
   * @param {Codec} codec
   */
  constructor(collection, codec) {
    this.#collection = collection
    this.#codec = codec
  }

  /** @param {Ids} ids @param {Call} call @returns {Promise<StoredSession | null>} the live session */
  find(ids, call) {
    return firstFound(ids, (id) => this.#find(id, call))
  }

  /** @param {Ids} ids @param {Call} call @returns {Promise<(LoadedSession & { storageId: string }) | null>} live or not, with its value as it is stored */
  load(ids, call) {
    return firstFound(ids, async (storageId) => {
      const loaded = await this.#collection.load(storageId, call)
      return loaded && { ...(await this.#codec.reveal(storageId, loaded, call)), storageId }
    })
  }

  /**
   * Under the id of today, wherever the session has been until now. One that is not to be created goes there only in one step
   * with its removal from an older id: in two, somebody who ends it in between would find it alive again. Where the server has no
   * transactions it stays where it is.
   *
   * @param {Ids} ids
   * @param {any} payload of the codec's `encode`
   * @param {Times} times
   * @param {boolean} isUpsert
   * @param {Call} call
   * @returns {Promise<boolean>} whether the session was created; without `isUpsert` whether there was one
   */
  write([storageId, ...olderIds], payload, times, isUpsert, call) {
    if (olderIds.length === 0) return this.#write(storageId, payload, times, isUpsert, call)
    if (isUpsert) return this.#create(olderIds, storageId, payload, times, call)
    return this.#whereStored([storageId, ...olderIds], call, async (id) => {
      const isMoved = id !== storageId && (await this.#move(id, storageId, payload, times, call))
      return isMoved || this.#write(id, payload, times, false, call)
    })
  }

  /** @param {Ids} ids @param {Times} times @param {Call} call @returns {Promise<boolean>} whether there was one */
  touch(ids, times, call) {
    /** @param {string} id */
    const touch = (id) => promised(this.#collection.touch(id, times, undefined, call))
    return ids.length === 1 ? touch(ids[0]) : this.#whereStored(ids, call, touch)
  }

  /** @param {Ids} ids @param {Call} call @returns {Promise<unknown>} */
  remove([storageId, ...olderIds], call) {
    if (olderIds.length === 0) return promised(this.#collection.remove(storageId, undefined, call))
    // The older ones first: no other process moves what is gone.
    return this.#removeEach([...olderIds, storageId], call)
  }

  /**
   * Where it was found: what is replaced only if nobody has changed it cannot move.
   *
   * @param {{ storageId: string, stored?: unknown }} loaded
   * @param {any} payload of the codec's `encode`
   * @param {Times} [times] left alone when absent
   * @param {Call} [call]
   * @returns {Promise<boolean>} whether the session was still stored as it was
   */
  async replace({ storageId, stored }, payload, times, call) {
    const sealed = await this.#codec.seal(storageId, payload)
    return this.#collection.replace(storageId, stored, sealed, times, call)
  }

  /** @returns {Promise<StoredSession[]>} all live sessions */
  async all() {
    const sessions = await this.#collection.scan()
    return Promise.all(sessions.map((stored) => this.#codec.reveal(stored.storageId ?? '', stored)))
  }

  /**
   * @param {string | undefined} after a storage id
   * @param {number} limit
   * @returns {Promise<import('../collection/port.js').ScannedSession[]>} the next live sessions
   */
  async scan(after, limit) {
    const sessions = await this.#collection.scan(after, limit)
    return Promise.all(sessions.map((one) => this.#codec.reveal(one.storageId ?? '', one)))
  }

  /** @param {string} storageId @param {Call} call @returns {Promise<StoredSession | null>} */
  #find(storageId, call) {
    const found = promised(this.#collection.find(storageId, undefined, call))
    if (this.#codec.isDirect) return found
    return found.then((stored) => stored && this.#codec.reveal(storageId, stored, call))
  }

  /** @param {string} storageId @param {any} payload @param {Times} times @param {boolean} isUpsert @param {Call} call @returns {Promise<boolean>} */
  #write(storageId, payload, times, isUpsert, call) {
    if (!this.#codec.isDirect) return this.#sealAndWrite(storageId, payload, times, isUpsert, call)
    return promised(this.#collection.write(storageId, payload, times, isUpsert, undefined, call))
  }

  /** @param {string} storageId @param {any} payload @param {Times} times @param {boolean} isUpsert @param {Call} call @returns {Promise<boolean>} */
  async #sealAndWrite(storageId, payload, times, isUpsert, call) {
    const sealed = await this.#codec.seal(storageId, payload)
    return promised(this.#collection.write(storageId, sealed, times, isUpsert, undefined, call))
  }

  /**
   * Writes a session under its id of today, and removes it under those of before.
   *
   * @param {string[]} olderIds
   * @param {string} storageId
   * @param {any} payload
   * @param {Times} times
   * @param {Call} call
   */
  async #create(olderIds, storageId, payload, times, call) {
    // Asked of the server each time, since an earlier attempt may have left some behind, and before: w: 0 tells nothing.
    const older = await this.#whereIn(olderIds, call)
    const isCreated = await this.#write(storageId, payload, times, true, call)
    if (older === undefined) return isCreated
    await this.#removeEach(olderIds, call)
    return false
  }

  /**
   * Asked of the server before, since w: 0 does not tell whether there was one.
   *
   * @param {Ids} ids
   * @param {Call} call
   * @param {(storageId: string) => Promise<boolean>} act
   * @returns {Promise<boolean>} the last answer
   */
  async #whereStored(ids, call, act) {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const id = await this.#whereIn(ids, call)
      if (id === undefined) break
      if (await act(id)) return true
    }
    // Another process may have moved it meanwhile, from whatever id to that of today.
    return act(ids[0])
  }

  /** @param {string[]} storageIds @param {Call} call @returns {Promise<string | undefined>} the first that has a session */
  async #whereIn(storageIds, call) {
    for (const id of storageIds) if (await this.#collection.load(id, call)) return id
    return undefined
  }

  /** @param {string} from @param {string} storageId @param {any} payload @param {Times} times @param {Call} call @returns {Promise<boolean>} whether it has been moved */
  async #move(from, storageId, payload, times, call) {
    const sealed = await this.#codec.seal(storageId, payload)
    return this.#collection.move(from, storageId, sealed, times, call)
  }

  /** @param {string[]} storageIds @param {Call} call */
  async #removeEach(storageIds, call) {
    for (const id of storageIds) await this.#collection.remove(id, undefined, call)
  }
}

module.exports = { Documents }
