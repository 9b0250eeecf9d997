// The order of what is asked of one session, where the collection does not keep it or a call takes several steps.
'use strict'

/** The writes of a session go one after the other, and a read only after the writes that were asked for before it. */
class Order {
  /** The end of the last write of each session that has one under way. @type {Map<string, Promise<void>>} */
  #last = new Map()

  /**
   * @template T
   * @param {string} id
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async read(id, work) {
    const before = this.#last.get(id)
    if (before) await before
    return await work()
  }

  /**
   * @template T
   * @param {string} id
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async write(id, work) {
    const before = this.#last.get(id)
    let end = () => {}
    // Not made of the promise that is returned: a second reader of that would end the stack of its error here.
    const ended = new Promise((/** @type {(value: void) => void} */ resolve) => {
      end = resolve
    })
    this.#last.set(id, ended)
    try {
      if (before) await before
      return await work()
    } finally {
      end()
      if (this.#last.get(id) === ended) this.#last.delete(id)
    }
  }
}

module.exports = { Order }
