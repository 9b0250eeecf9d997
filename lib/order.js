// The order of what is asked of one session, where the collection does not keep it or a call takes several steps.
'use strict'

/**
 * @typedef {object} Turn
 * @property {boolean} isWrite
 * @property {() => void} begin
 */

/** @typedef {{ turns: Turn[], last: unknown }} Line what waits for a write that is under way, and what was asked for last */

/** @param {Turn[]} line @param {boolean} isWrite @param {AbortSignal | undefined} signal @returns {Promise<void>} */
function turnIn(line, isWrite, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const turn = { isWrite, begin: resolve }
    line.push(turn)
    signal?.addEventListener('abort', () => {
      const at = line.indexOf(turn)
      if (at < 0) return
      line.splice(at, 1)
      reject(signal.reason)
    })
  })
}

/**
 * The writes of a session go one after the other, and a read only after the writes that were asked for before it. Who waits no longer
 * has no turn; what has begun keeps the others waiting to its end, whoever waits for that.
 */
class Order {
  /** Of the sessions that have a write under way. @type {Map<string, Line>} */
  #lines = new Map()

  /** Whether nothing has been asked about this session since this work was. @param {string} id @param {unknown} work */
  isLast(id, work) {
    return this.#lines.get(id)?.last === work
  }

  /**
   * @template T
   * @param {string} id
   * @param {() => Promise<T>} work
   * @param {AbortSignal} [signal]
   * @returns {Promise<T>}
   */
  async read(id, work, signal) {
    const line = this.#lines.get(id)
    if (line) {
      line.last = work
      await turnIn(line.turns, false, signal)
    }
    return await work()
  }

  /**
   * @template T
   * @param {string} id
   * @param {() => Promise<T>} work
   * @param {AbortSignal} [signal]
   * @returns {Promise<T>}
   */
  async write(id, work, signal) {
    const line = this.#lines.get(id)
    if (line) {
      line.last = work
      await turnIn(line.turns, true, signal)
    } else this.#lines.set(id, { turns: [], last: work })
    try {
      return await work()
    } finally {
      this.#goOn(id)
    }
  }

  /** After a write: with the reads that waited for it, and the next write. @param {string} id */
  #goOn(id) {
    const { turns = [] } = this.#lines.get(id) ?? {}
    for (let turn = turns.shift(); turn; turn = turns.shift()) {
      turn.begin()
      if (turn.isWrite) return
    }
    this.#lines.delete(id)
  }
}

module.exports = { Order }
