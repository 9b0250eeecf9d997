// The Rust crypter with promises: on this thread where that is a matter of microseconds, on another where a key must be derived.
'use strict'

const { availableParallelism } = require('node:os')
const { Order } = require('../order.js')
const { SessionCrypter } = require('../rust.js').binding

/** @import { Cipher, Decrypted } from './cipher.js' */
/** @typedef {import('./options.js').EncryptionConfig} EncryptionConfig */

/** @param {unknown} error @param {string} code */
function encryptionError(error, code) {
  return Object.assign(new Error(/** @type {Error} */ (error).message), { code })
}

/**
 * Keys for what others have written are derived one after the other in each of these lines, of which a document has one: whoever can
 * write the collection can ask for about a second of work with each. One thread of Node's pool is left to this process's own keys.
 */
const LINES = Math.max(1, Math.min(availableParallelism() - 1, 3))
const lines = new Order()

/** @param {string} storageId @returns {string} */
function lineOf(storageId) {
  let sum = 0
  for (let index = 0; index < storageId.length; index++) sum += storageId.charCodeAt(index)
  return String(sum % LINES)
}

/** @implements {Cipher} */
class RustCipher {
  /** The Rust object, for a store that runs in Rust itself. */
  crypter

  /** @param {EncryptionConfig} encryption @param {boolean} acceptPlaintext */
  constructor(encryption, acceptPlaintext) {
    try {
      this.crypter = new SessionCrypter({ ...encryption, acceptPlaintext })
    } catch (error) {
      throw new Error(/** @type {Error} */ (error).message)
    }
  }

  /** @param {string} storageId @param {string} text @returns {Promise<string | Uint8Array>} */
  async encrypt(storageId, text) {
    try {
      return this.crypter.tryEncrypt(storageId, text) ?? (await this.crypter.encrypt(storageId, text))
    } catch (error) {
      throw encryptionError(error, 'ERR_SESSION_ENCRYPT')
    }
  }

  /** @param {string} storageId @param {string | Uint8Array} stored @param {AbortSignal} [signal] @returns {Promise<Decrypted>} */
  async decrypt(storageId, stored, signal) {
    try {
      return (
        this.crypter.tryDecrypt(storageId, stored) ??
        (await this.crypter.decrypt(storageId, stored, false)) ??
        (await this.#decryptInTurn(storageId, stored, signal))
      )
    } catch (error) {
      throw encryptionError(error, 'ERR_SESSION_DECRYPT')
    }
  }

  close() {
    this.crypter.close()
  }

  /** @param {string} storageId @param {string | Uint8Array} stored @param {AbortSignal | undefined} signal @returns {Promise<Decrypted>} */
  async #decryptInTurn(storageId, stored, signal) {
    const work = () => this.crypter.decrypt(storageId, stored, true)
    const decrypted = await lines.write(lineOf(storageId), work, signal)
    if (decrypted) return decrypted
    throw new Error('A key could not be derived')
  }
}

module.exports = { RustCipher }
