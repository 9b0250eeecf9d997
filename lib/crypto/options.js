// What connect-mongo calls `crypto`, `createKrupteinAdapter` and `createWebCryptoAdapter`, as the configuration of the Rust
// encryption: https://github.com/jdesboeufs/connect-mongo/blob/v6.0.0/src/lib/cryptoAdapters.ts.
'use strict'

const {
  TextEncoder,
  types: { isArrayBuffer },
} = require('node:util')
const { hint, missing } = require('../names.js')
const { warnOnce } = require('../warnings.js')

/**
 * @typedef {import('../../native/binding.js').CrypterConfig} CrypterConfig
 * @typedef {Omit<CrypterConfig, 'acceptPlaintext'>} EncryptionConfig
 * @typedef {Record<string, any>} Options
 */

/** connect-mongo's own defaults. kruptein has others, for an option that is given and empty. */
const KRUPTEIN_DEFAULTS = {
  secret: false,
  algorithm: 'aes-256-gcm',
  hashing: 'sha512',
  encodeas: 'base64',
  key_size: 32,
  iv_size: 16,
  at_size: 16,
}
const KRUPTEIN_OPTIONS = [
  ...Object.keys(KRUPTEIN_DEFAULTS),
  '_key_size',
  '_iv_size',
  '_at_size',
  'use_scrypt',
  'use_argon2',
  'use_asn1',
]
const SEALED_OPTIONS = ['format', 'derivation']

const WEB_CRYPTO_OPTIONS = ['secret', 'ivLength', 'encoding', 'algorithm', 'salt', 'iterations']
const WEB_CRYPTO_SALT = 'connect-mongo:webcrypto-default-salt'
const WEB_CRYPTO_ITERATIONS = 310_000

/** OWASP's advice: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html. */
const SEALED = { iterations: 210_000, memoryKib: 19_456, passes: 2, parallelism: 1 }

const encoder = new TextEncoder()

/** @param {string} owner @param {Options} options @param {string[]} known */
function warnOfUnknown(owner, options, known) {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    warnOnce(`Unknown option ${name} of ${owner}${hint(name, known)}`, {
      code: 'CONNECT_MONGO_UNKNOWN_OPTION',
    })
  }
}

/** @param {string} name @param {unknown} value @returns {Uint8Array} */
function bytesOf(name, value) {
  if (typeof value === 'string') return encoder.encode(value)
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (isArrayBuffer(value)) return new Uint8Array(value)
  throw new TypeError(`${name} must be a string or bytes, not ${typeof value}`)
}

/** Whether there is nothing where text or bytes should be. @param {unknown} secret */
function isMissing(secret) {
  return secret === undefined || secret === null || secret === ''
}

/**
 * One secret, or a ring of them, the newest first.
 *
 * @param {string} owner
 * @param {unknown} secret
 * @returns {Uint8Array[]}
 */
function secretsOf(owner, secret) {
  const ring = Array.isArray(secret) ? secret : [secret]
  const index = ring.findIndex(isMissing)
  if (index >= 0) throw new Error(noSecret(owner, missing(nameOf(secret, index), ring[index])))
  const secrets = ring.map((one) => bytesOf(`${owner}.secret`, one))
  if (secrets.length > 0 && secrets.every((one) => one.length > 0)) return secrets
  throw new Error(noSecret(owner, 'secret is empty'))
}

/** @param {unknown} secret @param {number} index */
function nameOf(secret, index) {
  return Array.isArray(secret) ? `secret[${index}]` : 'secret'
}

/** @param {string} owner what was called, or the option @param {string} reason that begins with `secret` */
function noSecret(owner, reason) {
  return owner === 'crypto' ? `crypto.${reason}` : `${owner} requires a non-empty secret: ${reason}`
}

/** More than any cipher takes, in bytes. */
const MOST_BYTES = 1024

/** @param {string} name @param {unknown} value @param {number} most @returns {number} */
function count(name, value, most) {
  if (Number.isInteger(value) && Number(value) > 0 && Number(value) <= most) return Number(value)
  throw new TypeError(`${name} must be an integer from 1 to ${most}`)
}

/** A length that releases before kruptein 3.4 take no notice of. @param {unknown} value @param {number} fallback */
function laterLength(value, fallback) {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) <= MOST_BYTES
    ? Number(value)
    : fallback
}

/** The lengths that kruptein has for a cipher, in bytes. @param {string} algorithm @param {boolean} isLater 3.4 and up */
function lengthsOf(algorithm, isLater) {
  // Up to 3.3 kruptein looks for lower case.
  const name = isLater ? algorithm.toLowerCase() : algorithm
  const isSmall = name.includes('aes') && /128|192/.exec(name)
  return { iv: /ccm|ocb|gcm/i.test(algorithm) ? 12 : 16, key: isSmall ? Number(isSmall[0]) / 8 : 32 }
}

/** @param {Options} given @returns {CrypterConfig['kruptein']} */
function krupteinConfig(given) {
  /** @type {Options} */
  const options = { ...KRUPTEIN_DEFAULTS, ...given }
  const algorithm = String(options.algorithm || 'aes-256-gcm')
  if (/gcm|ocb/i.test(algorithm) && !/gcm|ocb/.test(algorithm)) {
    throw new Error(
      `crypto.algorithm ${algorithm} must be in lower case: connect-mongo cannot read what it writes with it otherwise`
    )
  }
  const lengths = lengthsOf(algorithm, false)
  const length = (/** @type {string} */ name, /** @type {unknown} */ value) =>
    count(`crypto.${name}`, value, MOST_BYTES)
  return {
    algorithm,
    hashing: String(options.hashing || 'sha384'),
    encoding: String(options.encodeas || 'base64'),
    derivation: options.use_scrypt ? 'scrypt' : options.use_argon2 ? 'argon2id' : 'pbkdf2',
    ivLength: length('_iv_size', options._iv_size || lengths.iv),
    tagLength: length('_at_size', options._at_size || 16),
    keyLength: length('_key_size', options._key_size || lengths.key),
    laterTagLength: laterLength(options.at_size ?? options._at_size, 16),
    laterKeyLength: laterLength(options.key_size ?? options._key_size, lengthsOf(algorithm, true).key),
  }
}

/** @param {Options} given @returns {CrypterConfig['webCrypto']} */
function webCryptoConfig({ ivLength, encoding, algorithm = 'AES-GCM', salt, iterations }) {
  if (algorithm === 'AES-GCM' && (ivLength < 12 || ivLength > 128)) {
    throw new RangeError('ivLength must be from 12 to 128 with AES-GCM: the Web Crypto API takes no other')
  }
  return {
    algorithm,
    // connect-mongo takes whatever is not one of the others as base64.
    encoding: encoding === 'hex' || encoding === 'base64url' ? encoding : 'base64',
    ivLength: count('ivLength', ivLength ?? (algorithm === 'AES-GCM' ? 12 : 16), MOST_BYTES),
    salt: bytesOf('salt', salt ?? WEB_CRYPTO_SALT),
    iterations: count('iterations', iterations ?? WEB_CRYPTO_ITERATIONS, 2 ** 31 - 1),
  }
}

/** @param {unknown} derivation @returns {CrypterConfig['sealed']} */
function sealedConfig(derivation = 'pbkdf2') {
  if (derivation === 'pbkdf2' || derivation === 'argon2id') return { derivation, ...SEALED }
  throw new TypeError("crypto.derivation must be 'pbkdf2' or 'argon2id'")
}

/**
 * The `crypto` option.
 *
 * @param {Options} options
 * @returns {EncryptionConfig}
 */
function encryptionOfCrypto(options) {
  if (typeof options !== 'object') throw new TypeError(`crypto must be an object, not ${typeof options}`)
  warnOfUnknown('crypto', options, [...KRUPTEIN_OPTIONS, ...SEALED_OPTIONS])
  return encryptionOfFormat(options)
}

/** @param {Options} options @param {string} [owner] what was called, or the option @returns {EncryptionConfig} */
function encryptionOfFormat(options, owner = 'crypto') {
  const { format = 'kruptein', derivation } = options
  if (format !== 'kruptein' && format !== 'sealed') {
    throw new TypeError("crypto.format must be 'kruptein' or 'sealed'")
  }
  return {
    format,
    secrets: secretsOf(owner, options.secret),
    kruptein: krupteinConfig(options),
    webCrypto: webCryptoConfig({}),
    sealed: sealedConfig(derivation),
  }
}

/**
 * The options of `createKrupteinAdapter`.
 *
 * @param {Options} options
 * @returns {EncryptionConfig}
 */
function encryptionOfKruptein(options) {
  warnOfUnknown('createKrupteinAdapter', options, KRUPTEIN_OPTIONS)
  const { format, derivation, ...own } = options
  if (!own.secret) throw new Error('createKrupteinAdapter requires a non-empty secret')
  return encryptionOfFormat(own, 'createKrupteinAdapter')
}

/**
 * The options of `createWebCryptoAdapter`.
 *
 * @param {Options} options
 * @returns {EncryptionConfig}
 */
function encryptionOfWebCrypto(options) {
  warnOfUnknown('createWebCryptoAdapter', options, WEB_CRYPTO_OPTIONS)
  if (!options.secret) throw new Error('createWebCryptoAdapter requires a secret')
  return {
    format: 'web-crypto',
    secrets: secretsOf('createWebCryptoAdapter', options.secret),
    kruptein: krupteinConfig({}),
    webCrypto: webCryptoConfig(options),
    sealed: sealedConfig(),
  }
}

module.exports = { encryptionOfCrypto, encryptionOfKruptein, encryptionOfWebCrypto }
