// Between what a serializer returns and what a collection stores: nothing, text that Rust encrypts within its own calls, or
// encryption here, by an adapter of the app's own or beside a JavaScript client.
'use strict'

const { ciphertextOf } = require('./envelopes.js')
const { freezeJson, serializedOf, textOf, thawJson } = require('./serialized.js')

/** @import { Cipher } from '../crypto/cipher.js' */

/**
 * @typedef {import('../collection/port.js').Call} Call
 * @typedef {import('../collection/port.js').Frozen} Frozen
 * @typedef {import('../collection/port.js').Payload} Payload
 * @typedef {import('../collection/port.js').SessionCollection} SessionCollection
 * @typedef {import('../collection/port.js').StoredSession} StoredSession
 *
 * @typedef {object} Codec
 * @property {boolean} isDirect whether `seal` and `reveal` have nothing to do
 * @property {boolean} isEncrypting
 * @property {(value: unknown, isCopied?: boolean) => any} encode before anybody can change the value, what `seal` takes
 * @property {(storageId: string, payload: any) => Payload | Promise<Payload>} seal
 * @property {<T extends StoredSession>(storageId: string, stored: T, call?: Call) => T | Promise<T>} reveal the rest stays as it is
 * @property {(stored: StoredSession) => unknown} valueOf what the serializer returned, of a session that has been revealed
 * @property {(value: unknown) => Frozen} freeze
 * @property {(frozen: Frozen) => unknown} thaw
 * @property {(payload: any) => unknown} readBack the value that will be read of what was encoded
 * @property {() => void} close wipes the keys
 */

/** Sessions that are stored as they are. @implements {Codec} */
class PlainCodec {
  isDirect = true
  isEncrypting = false
  #values

  /** @param {SessionCollection} collection */
  constructor({ values }) {
    this.#values = values
  }

  /** @param {unknown} value @param {boolean} [isCopied] */
  encode(value, isCopied) {
    return this.#values.encode(value, isCopied)
  }

  /** @param {string} _ @param {Payload} payload */
  seal(_, payload) {
    return payload
  }

  /** @template {StoredSession} T @param {string} _ @param {T} stored */
  reveal(_, stored) {
    return stored
  }

  /** @param {StoredSession} stored */
  valueOf({ session }) {
    return session
  }

  /** @param {unknown} value */
  freeze(value) {
    return this.#values.freeze(value)
  }

  /** @param {Frozen} frozen */
  thaw(frozen) {
    return this.#values.thaw(frozen)
  }

  /** @param {Payload} payload */
  readBack(payload) {
    return this.#values.decode(payload)
  }

  close() {}
}

/** Sessions that are encrypted as text, or as JSON: by the collection within its own calls, or else here. @implements {Codec} */
class EncryptedCodec {
  isDirect
  isEncrypting = true
  #cipher
  #options

  /**
   * @param {SessionCollection} collection
   * @param {Cipher} cipher
   * @param {Record<string, any>} options of the store
   */
  constructor({ encrypts }, cipher, options) {
    this.isDirect = encrypts
    this.#cipher = cipher
    this.#options = options
  }

  /** @param {unknown} value */
  encode(value) {
    return textOf(value)
  }

  /** @param {string} storageId @param {string} text @returns {string | Promise<Payload>} */
  seal(storageId, text) {
    return this.isDirect ? text : this.#cipher.encrypt(storageId, text)
  }

  /** @template {StoredSession} T @param {string} storageId @param {T} stored @param {Call} [call] @returns {T | Promise<T>} */
  reveal(storageId, stored, call) {
    return this.isDirect ? stored : this.#reveal(storageId, stored, call?.signal)
  }

  /** @param {StoredSession} stored */
  valueOf({ session, isSerialized }) {
    if (isSerialized === undefined) return session
    return serializedOf({ text: /** @type {string} */ (session), isSerialized }, this.#options)
  }

  /** @param {unknown} value */
  freeze(value) {
    return freezeJson(value)
  }

  /** @param {Frozen} frozen */
  thaw(frozen) {
    return thawJson(frozen)
  }

  /** @param {string} text */
  async readBack(text) {
    // Any storage id will do that is the same both ways.
    const session = await this.#cipher.encrypt('', text)
    return this.valueOf(await this.#decrypted('', session))
  }

  close() {
    this.#cipher.close?.()
  }

  /** @template {StoredSession} T @param {string} storageId @param {T} stored @param {AbortSignal} [signal] @returns {Promise<T>} */
  async #reveal(storageId, stored, signal) {
    try {
      return { ...stored, ...(await this.#decrypted(storageId, stored.session, signal)) }
    } catch (failure) {
      return { ...stored, session: undefined, failure }
    }
  }

  /** @param {string} storageId @param {unknown} session @param {AbortSignal} [signal] @returns {Promise<StoredSession>} */
  async #decrypted(storageId, session, signal) {
    if (session === undefined || session === null) return { session }
    const ciphertext = ciphertextOf(session)
    if (ciphertext !== undefined) {
      const { text, ...known } = await this.#cipher.decrypt(storageId, ciphertext, signal)
      const revealed = { session: text, ...known }
      // What an app's adapter gives need not be text. If no value can be made of it, that is a failure of this session alone.
      return typeof text === 'string' ? revealed : { session: this.valueOf(revealed) }
    }
    if (this.#options.acceptPlaintext) return { session }
    throw require('../crypto/adapters.js').unencryptedError(session)
  }
}

module.exports = { EncryptedCodec, PlainCodec }
