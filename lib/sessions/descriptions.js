// What the option `describe` says of a session, as text beside it. Not every format binds what it encrypts to its place, so where
// sessions are encrypted it is no JSON: neither can be put in the place of the other. Pure.
'use strict'

const MARK = 'description:'

class Descriptions {
  #isEncrypting
  #acceptsPlaintext

  /** @param {boolean} isEncrypting @param {boolean} acceptsPlaintext */
  constructor(isEncrypting, acceptsPlaintext) {
    this.#isEncrypting = isEncrypting
    this.#acceptsPlaintext = acceptsPlaintext
  }

  /** @template {string | undefined} T @param {T} json @returns {T | string} what is to be stored, or encrypted */
  encode(json) {
    return this.#isEncrypting && json !== undefined ? MARK + json : json
  }

  /** @param {unknown} text as it was stored, or decrypted @returns {string | undefined} */
  decode(text) {
    if (typeof text !== 'string') return undefined
    if (this.#isEncrypting && text.startsWith(MARK)) return text.slice(MARK.length)
    return !this.#isEncrypting || this.#acceptsPlaintext ? text : undefined
  }
}

module.exports = { Descriptions }
