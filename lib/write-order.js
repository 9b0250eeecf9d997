// The order of what is asked of one session, for backends that have no queue of their own.
'use strict'

/** The writes of a session go one after the other, and a read only after the writes that were asked for before it. */
class WriteOrder {
  /** The end of the last write of each session that has one under way. @type {Map<string, Promise<void>>} */
  #last = new Map()

  /**
   * @template T
   * @param {string} storageId
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async read(storageId, work) {
    const before = this.#last.get(storageId)
    if (before) await before
    return await work()
  }

  /**
   * @template T
   * @param {string} storageId
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async write(storageId, work) {
    const before = this.#last.get(storageId)
    let end = () => {}
    // Not made of the promise that is returned: a second reader of that would end the stack of its error here.
    const ended = new Promise((/** @type {(value: void) => void} */ resolve) => {
      end = resolve
    })
    this.#last.set(storageId, ended)
    try {
      if (before) await before
      return await work()
    } finally {
      end()
      if (this.#last.get(storageId) === ended) this.#last.delete(storageId)
    }
  }
}

module.exports = { WriteOrder }
