// The sessions of a store: its collection, and what is done to their values on the way there.
'use strict'

const { openCollection } = require('../collection/open.js')
const { encryptionOfCrypto } = require('../crypto/options.js')
const { SessionCrypto, encryptionOf } = require('../crypto/session-crypto.js')
const { warnOnce } = require('../warnings.js')
const { EncryptedCodec, PlainCodec, cipherOfAdapter } = require('./codec.js')
const { Sessions } = require('./sessions.js')

/**
 * @typedef {Record<string, any>} Options
 * @typedef {InstanceType<typeof SessionCrypto>} Crypto
 * @typedef {import('../collection/port.js').SessionCollection} SessionCollection
 */

/** @param {Options | null | undefined} crypto */
function encryptionOption(crypto) {
  if (crypto === undefined || crypto === null || crypto.secret === false) return undefined
  return encryptionOfCrypto(crypto)
}

/** @param {Options} options @returns {Crypto | undefined} the encryption that Rust does */
function rustCrypto({ crypto, cryptoAdapter, acceptPlaintext }) {
  const encryption = cryptoAdapter ? encryptionOf(cryptoAdapter) : encryptionOption(crypto)
  return encryption && new SessionCrypto(encryption, acceptPlaintext)
}

/** @param {Options} options */
function warnOfNoEncryption({ acceptPlaintext, onDecryptError }) {
  const name = acceptPlaintext ? 'acceptPlaintext' : 'onDecryptError'
  if (!acceptPlaintext && onDecryptError === 'error') return
  warnOnce(`The option ${name} has no effect without crypto or cryptoAdapter`, {
    code: 'CONNECT_MONGO_OPTION',
  })
}

/** @param {Options} adapter */
function checkAdapter({ encrypt, decrypt }) {
  if (typeof encrypt === 'function' && typeof decrypt === 'function') return
  throw new TypeError('cryptoAdapter must have the functions encrypt and decrypt')
}

/** @param {SessionCollection} collection @param {Crypto | undefined} crypto @param {Options} options */
function codecOf(collection, crypto, options) {
  if (crypto) return new EncryptedCodec(collection, crypto, options)
  if (!options.cryptoAdapter) return new PlainCodec(collection)
  return new EncryptedCodec(collection, cipherOfAdapter(options.cryptoAdapter), options)
}

/**
 * @param {Options} options complete
 * @param {import('./sessions.js').Framework} framework
 * @param {import('../collection/port.js').OnNews} onNews
 */
function openSessions(options, framework, onNews) {
  if (options.cryptoAdapter) checkAdapter(options.cryptoAdapter)
  const crypto = rustCrypto(options)
  const collection = openCollection(options, crypto?.crypter, onNews)
  if (!crypto && !options.cryptoAdapter) warnOfNoEncryption(options)
  const codec = codecOf(collection, crypto, options)
  return {
    collection,
    sessions: new Sessions(collection, codec, options, framework),
    /** Only what Rust encrypts can be told to be as it would be written today. */
    canReencrypt: crypto !== undefined,
  }
}

module.exports = { openSessions }
