// Encryption in JavaScript's eyes: the Rust crypter with promises, connect-mongo's adapters, and what a session is to them.
'use strict'

const { SessionCrypter } = require('../rust.js').binding
const { encryptionOfKruptein, encryptionOfWebCrypto } = require('./options.js')

/**
 * @typedef {import('./options.js').Encryption} Encryption
 * @typedef {import('../../native/binding.js').CrypterConfig} CrypterConfig
 *
 * connect-mongo's interface.
 * @typedef {object} CryptoAdapter
 * @property {(plaintext: string) => Promise<string> | string} encrypt
 * @property {(ciphertext: string) => Promise<string> | string} decrypt
 *
 * @typedef {object} Decrypted
 * @property {string} text what the serializer returned, or its JSON
 * @property {boolean} isSerialized whether the serializer is known to have returned this very text
 * @property {boolean} [isCurrent] whether it was stored in the format that is written today, under the newest secret
 */

/** @typedef {string | Uint8Array} Snapshot a value that was stored: text as it is, anything else as bytes */

/** Of the adapters made here, what they do, so that a store can leave it to Rust. @type {WeakMap<object, Encryption>} */
const encryptions = new WeakMap()

/** @param {unknown} error @param {string} code */
function encryptionError(error, code) {
  return Object.assign(new Error(/** @type {Error} */ (error).message), { code })
}

/** Encrypts on this thread where that is a matter of microseconds, and on another where a key must be derived. */
class SessionCrypto {
  /** The Rust object, for a store that runs in Rust itself. */
  crypter

  /** @param {Encryption} encryption @param {boolean} acceptPlaintext */
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

/**
 * An adapter as connect-mongo has it: without storage ids, text for text.
 *
 * @param {Encryption} encryption
 * @param {(decrypted: Decrypted) => string} plaintextOf
 * @returns {{ encrypt(plaintext: string): Promise<string>, decrypt(ciphertext: string): Promise<string> }}
 */
function createAdapter(encryption, plaintextOf) {
  const crypto = new SessionCrypto(encryption, false)
  const adapter = {
    /** @param {string} plaintext */
    encrypt: async (plaintext) => String(await crypto.encrypt('', plaintext)),
    /** @param {string} ciphertext */
    decrypt: async (ciphertext) => plaintextOf(await crypto.decrypt('', ciphertext)),
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

/** @param {object} adapter @returns {Encryption | undefined} what an adapter made here does */
function encryptionOf(adapter) {
  return encryptions.get(adapter)
}

/** What is encrypted of a value that `serialize` returned. @param {unknown} value @returns {string} */
function textOf(value) {
  if (typeof value === 'string') return value
  const text = JSON.stringify(value)
  if (text === undefined) throw new TypeError(`serialize returned ${typeof value}, which cannot be encrypted`)
  return text
}

/** @param {string} text @returns {unknown} */
function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/**
 * What `unserialize` is given of a decrypted session, as connect-mongo 6 decides it: by the options, not by what is stored.
 *
 * @param {Decrypted} decrypted
 * @param {{ stringify?: unknown, serialize?: unknown, unserialize?: unknown }} options
 * @returns {unknown}
 */
function serializedOf({ text, isSerialized }, { stringify, serialize, unserialize }) {
  const isUsual = stringify !== false && !serialize && !unserialize
  // What begins so is the JSON of a session, which `unserialize` reads: no need to read it twice.
  if (isUsual && (isSerialized || (typeof text === 'string' && text.startsWith('{')))) return text
  const value = isSerialized ? text : parsed(text)
  if (stringify === false) return typeof value === 'string' ? parsed(value) : value
  return isUsual && typeof value !== 'string' ? JSON.stringify(value) : value
}

/** What is encrypted is text, or has been JSON. @param {unknown} value @returns {Snapshot} */
function snapshotOfJson(value) {
  return typeof value === 'string' ? value : Buffer.from(textOf(value))
}

/** @param {Snapshot} snapshot @returns {unknown} */
function restoreJson(snapshot) {
  return typeof snapshot === 'string' ? snapshot : JSON.parse(Buffer.from(snapshot).toString())
}

module.exports = {
  SessionCrypto,
  createKrupteinAdapter,
  createWebCryptoAdapter,
  encryptionOf,
  restoreJson,
  serializedOf,
  snapshotOfJson,
  textOf,
}
