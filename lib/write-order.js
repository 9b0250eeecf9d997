// The order of what is asked of one session, for backends that have no queue of their own.
'use strict'

const ignore = () => {}

/** The writes of a session go one after the other, and a read only after the writes that were asked for before it. */
class WriteOrder {
  /** The last write of each session that has one under way; settled without an error. @type {Map<string, Promise<void>>} */
  #last = new Map()

  /**
   * @template T
   * @param {string} storageId
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  read(storageId, work) {
    const before = this.#last.get(storageId)
    return before ? before.then(work) : work()
  }

  /**
   * @template T
   * @param {string} storageId
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  write(storageId, work) {
    const writing = this.read(storageId, work)
    const done = writing.then(ignore, ignore).then(() => {
      if (this.#last.get(storageId) === done) this.#last.delete(storageId)
    })
    this.#last.set(storageId, done)
    return writing
  }
}

module.exports = { WriteOrder }
