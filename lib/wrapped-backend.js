// What a backend around another one leaves to that: whatever is not about one session.
'use strict'

/**
 * @typedef {object} Backend
 * @property {'native' | 'driver'} name
 * @property {() => Promise<number>} length
 * @property {() => Promise<void>} clear
 * @property {() => Promise<void>} ping
 * @property {() => Promise<Record<string, any>>} collection
 * @property {() => void} sweep
 * @property {() => Promise<void>} close
 */

class WrappedBackend {
  #backend

  /** @param {Backend} backend */
  constructor(backend) {
    this.#backend = backend
  }

  get name() {
    return this.#backend.name
  }

  length() {
    return this.#backend.length()
  }

  clear() {
    return this.#backend.clear()
  }

  ping() {
    return this.#backend.ping()
  }

  collection() {
    return this.#backend.collection()
  }

  sweep() {
    this.#backend.sweep()
  }

  close() {
    return this.#backend.close()
  }
}

module.exports = { WrappedBackend }
