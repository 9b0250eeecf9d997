// The sessions of a store: its collection, and what is done to their values on the way there.
'use strict'

const { scryptSync } = require('node:crypto')
const { openCollection } = require('../collection/open.js')
const { warnOnce } = require('../warnings.js')
const { EncryptedCodec, PlainCodec } = require('./codec.js')
const { Sessions } = require('./sessions.js')
const { sharedOrder } = require('./shared-order.js')

/**
 * @typedef {Record<string, any>} Options
 */

const INDEX_KEY_BYTES = 32

/** @param {Options | null | undefined} crypto */
function encryptionOption(crypto) {
  if (crypto === undefined || crypto === null || crypto.secret === false) return undefined
  return require('../crypto/options.js').encryptionOfCrypto(crypto)
}

/** @param {Options} options @returns what they ask for, as far as Rust does it */
function encryptionIn({ crypto, cryptoAdapter }) {
  return cryptoAdapter
    ? require('../crypto/adapters.js').encryptionOf(cryptoAdapter)
    : encryptionOption(crypto)
}

/** @param {Options} options @returns {InstanceType<typeof import('../crypto/rust-cipher.js').RustCipher> | undefined} the encryption that Rust does */
function rustCipher({ crypto, cryptoAdapter, acceptPlaintext }) {
  const encryption = encryptionIn({ crypto, cryptoAdapter })
  if (!encryption) return undefined
  const { RustCipher } = require('../crypto/rust-cipher.js')
  return new RustCipher(encryption, acceptPlaintext)
}

/**
 * The secret of encryption may be a passphrase, which a quick hash of a known user id would let one guess in no time, past the key
 * derivation of the encryption.
 *
 * @param {Uint8Array} secret
 */
function stretched(secret) {
  return scryptSync(secret, 'connect-mongo-native index', INDEX_KEY_BYTES)
}

/**
 * Those with which the values of the index are hashed, so that whoever reads the database learns no user: where session ids or
 * sessions are hidden from them, too.
 *
 * @param {Options} options
 * @returns {(Uint8Array | string)[]} the newest first
 */
function indexSecrets({ index, indexSecret, hashId, crypto, cryptoAdapter }) {
  if (!index) return []
  if (indexSecret !== undefined) return [indexSecret].flat()
  if (hashId?.secret !== undefined) return [hashId.secret].flat()
  const encryption = encryptionIn({ crypto, cryptoAdapter })
  if (encryption) return encryption.secrets.map(stretched)
  if (!cryptoAdapter) return []
  throw new Error(
    'index needs indexSecret beside a cryptoAdapter of your own, to hide whose sessions these are'
  )
}

/** @param {Options} options */
function warnOfNoEncryption({ acceptPlaintext, onDecryptError }) {
  const name = acceptPlaintext ? 'acceptPlaintext' : 'onDecryptError'
  if (!acceptPlaintext && onDecryptError === 'error') return
  warnOnce(`The option ${name} is for encrypted sessions, and there is neither crypto nor cryptoAdapter`, {
    code: 'CONNECT_MONGO_OPTION',
  })
}

/** @param {Options} adapter */
function checkAdapter({ encrypt, decrypt }) {
  if (typeof encrypt === 'function' && typeof decrypt === 'function') return
  throw new TypeError('cryptoAdapter must have the functions encrypt and decrypt')
}

/** @param {Options} options */
function cipherOfApp({ cryptoAdapter }) {
  return cryptoAdapter && require('../crypto/adapters.js').cipherOfAdapter(cryptoAdapter)
}

/**
 * @param {Options} options complete
 * @param {import('./sessions.js').Framework} framework
 * @param {import('../collection/port.js').OnNews} onNews
 * @param {import('../collection/open.js').Tracer} tracer
 */
function openSessions(options, framework, onNews, tracer) {
  if (options.cryptoAdapter) checkAdapter(options.cryptoAdapter)
  const ofRust = rustCipher(options)
  const cipher = ofRust ?? cipherOfApp(options)
  const collection = openCollection(options, ofRust?.crypter, onNews, tracer)
  if (!cipher) warnOfNoEncryption(options)
  const codec = cipher ? new EncryptedCodec(collection, cipher, options) : new PlainCodec(collection)
  return {
    collection,
    sessions: new Sessions(
      collection,
      codec,
      options,
      framework,
      sharedOrder(options),
      indexSecrets(options),
      () => tracer.operation
    ),
    /** How many derived keys are at hand. */
    keys: () => ofRust && { remembered: ofRust.crypter.rememberedKeys() },
    /** Only what Rust encrypts can be told to be as it would be written today. */
    canReencrypt: ofRust !== undefined,
  }
}

module.exports = { openSessions }
