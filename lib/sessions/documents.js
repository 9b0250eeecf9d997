// The document of a session, under whichever of its ids it is stored, and its value sealed and revealed. Calls take several steps
// where there are several ids: the caller keeps the order of the calls about one session.
'use strict'

/**
 * @typedef {import('../collection/port.js').LoadedSession} LoadedSession
 * @typedef {import('../collection/port.js').SelectedSession} SelectedSession
 * @typedef {import('../collection/port.js').Selection} Selection
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

/** What a description is encrypted for: it must not be taken for the session. @param {string} storageId */
function descriptionId(storageId) {
  return `${storageId}\0description`
}

/** Of a session that goes to another document: what that is to have of the one before. @param {Times} times @param {LoadedSession} [loaded] @returns {Times} */
function carried(times, loaded) {
  const { handle, created } = loaded?.beside ?? {}
  if (handle === undefined && created === undefined) return times
  const { marks } = times
  return { ...times, marks: { ...marks, handle, created: marks?.created ?? created } }
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
    return this.#whereStored([storageId, ...olderIds], call, async (id, loaded) => {
      const isMoved =
        id !== storageId && (await this.#move(id, storageId, payload, carried(times, loaded), call))
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
   * @param {Partial<Times>} [times] left alone when absent
   * @param {Call} [call]
   * @returns {Promise<boolean>} whether the session was still stored as it was
   */
  async replace({ storageId, stored }, payload, times, call) {
    const sealed = await this.#codec.seal(storageId, payload)
    const sealedTimes = times && (await this.#sealed(storageId, times))
    return this.#collection.replace(storageId, stored, sealed, sealedTimes, call)
  }

  /**
   * To another id, if it is still stored as it was.
   *
   * @param {{ storageId: string, stored?: unknown }} selected
   * @param {string} storageId
   * @param {any} payload of the codec's `encode`
   * @param {Partial<Times>} [times]
   * @returns {Promise<boolean>}
   */
  async moveUnchanged(selected, storageId, payload, times = {}) {
    const { marks } = await this.#sealed(storageId, times)
    // What is not encrypted is bound to no id.
    const sealed = this.#codec.isEncrypting ? await this.#codec.seal(storageId, payload) : undefined
    // Only one over the driver is asked.
    return /** @type {Required<SessionCollection>} */ (this.#collection).moveUnchanged(
      selected.storageId,
      selected.stored,
      storageId,
      sealed,
      marks
    )
  }

  /** @param {Selection} selection @returns {Promise<SelectedSession[]>} */
  async select(selection) {
    const selected = await this.#collection.select(selection)
    if (this.#codec.isDirect) return selected
    return Promise.all(selected.map((one) => this.#reveal(one)))
  }

  /** @param {SelectedSession} selected @returns {Promise<SelectedSession>} */
  async #reveal(selected) {
    const { storageId = '', beside } = selected
    const revealed = await this.#codec.reveal(storageId, selected)
    if (beside?.description === undefined) return revealed
    const description = await this.#codec.reveal(descriptionId(storageId), { session: beside.description })
    return { ...revealed, beside: { ...beside, description: description.session } }
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
    const sealedTimes = await this.#sealed(storageId, times)
    return promised(this.#collection.write(storageId, sealed, sealedTimes, isUpsert, undefined, call))
  }

  /** @template {Partial<Times>} T @param {string} storageId @param {T} times @returns {Promise<T>} with what is encrypted beside the session */
  async #sealed(storageId, times) {
    const { marks } = times
    if (marks?.description === undefined) return times
    const description = await this.#codec.seal(descriptionId(storageId), marks.description)
    return { ...times, marks: { ...marks, description } }
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
    const isCreated = await this.#write(storageId, payload, carried(times, older?.loaded), true, call)
    if (older === undefined) return isCreated
    await this.#removeEach(olderIds, call)
    return false
  }

  /**
   * Asked of the server before, since w: 0 does not tell whether there was one.
   *
   * @param {Ids} ids
   * @param {Call} call
   * @param {(storageId: string, loaded?: LoadedSession) => Promise<boolean>} act
   * @returns {Promise<boolean>} the last answer
   */
  async #whereStored(ids, call, act) {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const there = await this.#whereIn(ids, call)
      if (there === undefined) break
      if (await act(there.id, there.loaded)) return true
    }
    // Another process may have moved it meanwhile, from whatever id to that of today.
    return act(ids[0])
  }

  /** @param {string[]} storageIds @param {Call} call @returns {Promise<{ id: string, loaded: LoadedSession } | undefined>} the first that has a session */
  async #whereIn(storageIds, call) {
    for (const id of storageIds) {
      const loaded = await this.#collection.load(id, call)
      if (loaded) return { id, loaded }
    }
    return undefined
  }

  /** @param {string} from @param {string} storageId @param {any} payload @param {Times} times @param {Call} call @returns {Promise<boolean>} whether it has been moved */
  async #move(from, storageId, payload, times, call) {
    const sealed = await this.#codec.seal(storageId, payload)
    return this.#collection.move(from, storageId, sealed, await this.#sealed(storageId, times), call)
  }

  /** @param {string[]} storageIds @param {Call} call */
  async #removeEach(storageIds, call) {
    for (const id of storageIds) await this.#collection.remove(id, undefined, call)
  }
}

module.exports = { Documents }
