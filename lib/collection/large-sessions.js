// Which sessions are large, as far as they have been met: they leave without the others, which would wait for them. As in
// core/src/queue.rs.
'use strict'

/** In UTF-16 code units of the text that is stored; of a value that is no text nothing is known. */
const LARGE_LENGTH = 128 * 1024
/** So many are remembered, and then none of them any more. */
const MOST_LARGE = 1_000

class LargeSessions {
  /** @type {Set<string>} */
  #ids = new Set()

  /** @param {string} storageId */
  has(storageId) {
    return this.#ids.size > 0 && this.#ids.has(storageId)
  }

  /** @param {string} storageId @param {unknown} stored what is stored of it, or will be */
  note(storageId, stored) {
    const isLarge = typeof stored === 'string' && stored.length > LARGE_LENGTH
    if (isLarge === this.has(storageId)) return
    if (!isLarge) {
      this.#ids.delete(storageId)
      return
    }
    if (this.#ids.size >= MOST_LARGE) this.#ids.clear()
    this.#ids.add(storageId)
  }
}

module.exports = { LargeSessions }
