// Writes of one session that wait for the one that is under way, and go as one when it is over: a page that asks for many things at once
// has its session touched or saved for each of them. What may go together, and what is heard of it, is as in src/engine/coalescing.rs.
'use strict'

/**
 * @typedef {import('../collection/port.js').Call} Call
 * @typedef {import('../collection/port.js').Marks} Marks
 * @typedef {import('../collection/port.js').Times} Times
 *
 * @typedef {object} Write
 * @property {boolean} isTouch
 * @property {any} [payload] of a set
 * @property {Times} times
 * @property {boolean} isUpsert
 *
 * @typedef {object} Waiting
 * @property {Write} write
 * @property {Call} call
 * @property {(answer: boolean) => void} resolve
 * @property {(error: unknown) => void} reject
 *
 * @typedef {{ waiting: Waiting[], together: Write, work: () => Promise<boolean> }} Group
 */

/** No server refuses a text of so many letters for its size, however it is encrypted. */
const SURE_LETTERS = 2 ** 20

/** Whether nothing is left of earlier times once these are written. @param {Times} later @param {Times} earlier */
function cover(later, earlier) {
  return later.lastModified !== undefined || earlier.lastModified === undefined
}

/** @param {Marks | undefined} before @param {Marks | undefined} after */
function mayFollow(before, after) {
  if (!before || !after) return before === after
  return (
    before.isNewToIndex === undefined &&
    before.handle === undefined &&
    before.created?.getTime() === after.created?.getTime() &&
    (before.index === undefined || after.index !== undefined) &&
    (before.description === undefined || after.description !== undefined)
  )
}

/** What a server might refuse must not pass for stored because of a later one. @param {Write} write */
function isSure({ payload }) {
  return typeof payload === 'string' && payload.length <= SURE_LETTERS
}

/**
 * Whether nobody can tell the two from one that does both.
 *
 * @param {Write} earlier
 * @param {Write} later
 * @param {() => boolean} mayPassOver whether nothing is refused for what it holds; asked for only if all depends on it
 */
function mayCoalesce(earlier, later, mayPassOver) {
  if (later.isTouch) return true
  if (!cover(later.times, earlier.times)) return false
  if (earlier.isTouch) return true
  return isSure(earlier) && mayFollow(earlier.times.marks, later.times.marks) && mayPassOver()
}

/** What the two come to. @param {Write} earlier @param {Write} later @returns {Write} */
function coalesced(earlier, later) {
  const { isTouch, payload, times } = later.isTouch ? earlier : later
  const lastModified = later.times.lastModified ?? earlier.times.lastModified
  return {
    isTouch,
    payload,
    times: { ...times, expires: later.times.expires, lastModified },
    isUpsert: earlier.isUpsert || later.isUpsert,
  }
}

/**
 * What each of these writes would have come to by itself: whether it has created the session, or without `isUpsert` whether there was one.
 *
 * @param {Write[]} writes
 * @param {boolean} wasThere
 * @returns {boolean[]}
 */
function heard(writes, wasThere) {
  let isThere = wasThere
  return writes.map(({ isUpsert }) => {
    const answer = isUpsert ? !isThere : isThere
    isThere ||= isUpsert
    return answer
  })
}

class Coalescing {
  #order
  #documents
  #collection
  #operationNow
  /** By the id of the session, what waits and may take more. @type {Map<string, Group>} */
  #open = new Map()

  /**
   * @param {InstanceType<typeof import('../order.js').Order>} order
   * @param {InstanceType<typeof import('./documents.js').Documents>} documents
   * @param {Pick<import('../collection/port.js').SessionCollection, 'isOfOneWrite' | 'takesAnything'>} collection
   * @param {() => Call['operation']} operationNow whose call it is, if anybody looks on
   */
  constructor(order, documents, collection, operationNow) {
    this.#order = order
    this.#documents = documents
    this.#operationNow = operationNow
    this.#collection = collection
  }

  /**
   * @param {string} id
   * @param {string[]} ids under which the session may be stored
   * @param {Write} write
   * @param {Call} call
   * @returns {Promise<boolean>} whether the session was created; without `isUpsert` whether there was one
   */
  write(id, ids, write, call) {
    const group = this.#open.get(id)
    const mayJoin =
      group &&
      this.#order.isLast(id, group.work) &&
      mayCoalesce(group.together, write, () => this.#collection.takesAnything())
    if (!mayJoin) return this.#begin(id, ids, write, call)
    group.together = coalesced(group.together, write)
    return new Promise((resolve, reject) => {
      group.waiting.push({ write, call: this.#noted(call), resolve, reject })
    })
  }

  /** @param {Call} call @returns {Call} */
  #noted(call) {
    const operation = this.#operationNow()
    return operation ? { ...call, operation } : call
  }

  /** @param {string} id @param {string[]} ids @param {Write} first @param {Call} call @returns {Promise<boolean>} */
  #begin(id, ids, first, call) {
    /** @type {Group} */
    const group = {
      waiting: [],
      together: first,
      work: () => {
        if (this.#open.get(id) === group) this.#open.delete(id)
        return group.waiting.length === 0
          ? this.#sendOne(ids, first, noted)
          : this.#sendAll(ids, first, noted, group)
      },
    }
    const noted = this.#noted(call)
    this.#open.set(id, group)
    return this.#order.write(id, group.work)
  }

  /** @param {string[]} ids @param {Write} write @param {Call} call @param {Group} group @returns {Promise<boolean>} what the first hears */
  #sendAll(ids, write, call, { waiting, together }) {
    return new Promise((resolve, reject) => {
      const all = [{ write, call, resolve, reject }, ...waiting]
      this.#send(ids, all, together)
    })
  }

  /** @param {string[]} ids @param {Waiting[]} waiting @param {Write} together */
  async #send(ids, waiting, together) {
    const areAllWanted = waiting.every(({ call }) => !call.signal?.aborted)
    if (areAllWanted && (await this.#sendTogether(ids, waiting, together))) return
    const sendOne = async (/** @type {Waiting} */ { write, call }) => this.#sendOne(ids, write, call)
    for (const one of waiting) await sendOne(one).then(one.resolve, one.reject)
  }

  /** @param {string[]} ids @param {Waiting[]} waiting @param {Write} together @returns {Promise<boolean>} whether all have been answered */
  async #sendTogether(ids, waiting, together) {
    const calledMs = Math.min(...waiting.map(({ call }) => call.calledMs))
    const operation = waiting.flatMap(({ call }) => call.operation ?? [])
    let answer
    try {
      answer = await this.#sendOne(ids, together, { calledMs, operation })
    } catch (error) {
      // What may have been done, or may yet be, must not be done again.
      if (this.#collection.isOfOneWrite(error)) return false
      for (const { reject } of waiting) reject(error)
      return true
    }
    const wasThere = together.isUpsert ? !answer : answer
    const writes = waiting.map(({ write }) => write)
    heard(writes, wasThere).forEach((each, index) => {
      waiting[index].resolve(each)
    })
    return true
  }

  /** What has run out of time before it was its turn is not written. @param {string[]} ids @param {Write} write @param {Call} call @returns {Promise<boolean>} */
  #sendOne(ids, { isTouch, payload, times, isUpsert }, call) {
    if (call.signal?.aborted) return Promise.reject(call.signal.reason)
    if (isTouch) return this.#documents.touch(ids, times, call)
    return this.#documents.write(ids, payload, times, isUpsert, call)
  }
}

module.exports = { Coalescing, heard, mayCoalesce, coalesced }
