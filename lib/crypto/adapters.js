// connect-mongo's adapters: those that this package makes, which are Rust's, and those of an app's own.
'use strict'

const { isObject } = require('../objects.js')
const { encryptionOfKruptein, encryptionOfWebCrypto } = require('./options.js')
const { RustCipher } = require('./rust-cipher.js')

/** @import { Cipher, Decrypted } from './cipher.js' */
/** @import { CryptoAdapter } from './crypto-options.js' */
/** @typedef {import('./options.js').EncryptionConfig} EncryptionConfig */

/** What each adapter that was made here does, so that a store can leave it to Rust. @type {WeakMap<object, EncryptionConfig>} */
const encryptions = new WeakMap()

/**
 * An adapter as connect-mongo has it: without storage ids, text for text.
 *
 * @param {EncryptionConfig} encryption
 * @param {(decrypted: Decrypted) => string} plaintextOf
 * @returns {CryptoAdapter}
 */
function createAdapter(encryption, plaintextOf) {
  const cipher = new RustCipher(encryption, false)
  const adapter = {
    /** @param {string} plaintext */
    encrypt: async (plaintext) => String(await cipher.encrypt('', plaintext)),
    /** @param {string} ciphertext */
    decrypt: async (ciphertext) => plaintextOf(await cipher.decrypt('', ciphertext)),
  }
  encryptions.set(adapter, encryption)
  return adapter
}

/** @param {Record<string, any>} options */
function createKrupteinAdapter(options) {
  // kruptein makes JSON of the text that it encrypts, and connect-mongo's adapter leaves it so.
  return createAdapter(encryptionOfKruptein(options ?? {}), ({ text, isSerialized }) =>
    isSerialized ? JSON.stringify(text) : text
  )
}

/** @param {Record<string, any>} options */
function createWebCryptoAdapter(options) {
  return createAdapter(encryptionOfWebCrypto(options ?? {}), ({ text }) => text)
}

/** @param {object} adapter @returns {EncryptionConfig | undefined} what an adapter made here does */
function encryptionOf(adapter) {
  return encryptions.get(adapter)
}

/** @param {string} message */
function decryptError(message) {
  return Object.assign(new Error(message), { code: 'ERR_SESSION_DECRYPT' })
}

/** In the words of Refusal in core/src/crypto/mod.rs. @param {unknown} value as it is stored, which no format has */
function unencryptedError(value) {
  const isSession = isObject(value) && 'cookie' in value
  return decryptError(
    isSession
      ? 'The session is not encrypted: acceptPlaintext: true reads sessions from before the encryption'
      : 'Encrypted session was tampered with!'
  )
}

/** An adapter of an app's own. @param {CryptoAdapter} adapter @returns {Cipher} */
function cipherOfAdapter(adapter) {
  return {
    async encrypt(_, text) {
      const encrypted = await adapter.encrypt(text)
      if (typeof encrypted === 'string') return encrypted
      throw new TypeError(`cryptoAdapter.encrypt must return a string, not ${typeof encrypted}`)
    },
    async decrypt(_, stored) {
      if (typeof stored !== 'string') throw unencryptedError(stored)
      return { text: await adapter.decrypt(stored), isSerialized: false }
    },
  }
}

module.exports = {
  cipherOfAdapter,
  createKrupteinAdapter,
  createWebCryptoAdapter,
  encryptionOf,
  unencryptedError,
}
