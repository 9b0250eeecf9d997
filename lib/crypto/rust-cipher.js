// The Rust crypter with promises: on this thread where that is a matter of microseconds, on another where a key must be derived.
'use strict'

const { SessionCrypter } = require('../rust.js').binding

/** @import { Cipher, Decrypted } from './cipher.js' */
/** @typedef {import('./options.js').EncryptionConfig} EncryptionConfig */

/** @param {unknown} error @param {string} code */
function encryptionError(error, code) {
  return Object.assign(new Error(/** @type {Error} */ (error).message), { code })
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

  /** @param {string} storageId @param {string | Uint8Array} stored @returns {Promise<Decrypted>} */
  async decrypt(storageId, stored) {
    try {
      return this.crypter.tryDecrypt(storageId, stored) ?? (await this.crypter.decrypt(storageId, stored))
    } catch (error) {
      throw encryptionError(error, 'ERR_SESSION_DECRYPT')
    }
  }
}

module.exports = { RustCipher }
