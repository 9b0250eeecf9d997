// The sealed format in JavaScript, written from docs/sealed-format.md alone: what the store's own implementation is compared with.
'use strict'

const crypto = require('node:crypto')

/**
 * @typedef {{ algorithm: 'pbkdf2-sha512', rounds: number }} Pbkdf2
 * @typedef {{ algorithm: 'argon2id', memoryKiB: number, passes: number, parallelism: number }} Argon2id
 * @typedef {Pbkdf2 | Argon2id} Derivation
 * @typedef {object} Envelope
 * @property {Derivation} derivation
 * @property {Buffer} salt
 * @property {Buffer} keyId
 * @property {Buffer} seed
 * @property {Buffer} iv
 * @property {Buffer} header
 * @property {Buffer} ciphertext
 * @property {Buffer} tag
 */

const VERSION = 1
const CONTENT_TEXT = 0
const HEADER_LENGTH = 64
const TAG_LENGTH = 16
const ALGORITHMS = /** @type {const} */ ({ 'pbkdf2-sha512': 1, argon2id: 2 })
const BOUNDS = {
  rounds: [1_000, 1_000_000],
  memoryKiB: [7_168, 65_536],
  passes: [1, 10],
  parallelism: [1, 4],
}

/** Argon2 came with Node 24.7. */
const { argon2Sync } = /** @type {any} */ (crypto)

/** @param {Derivation} derivation @returns {boolean} whether this runtime has it */
function canDerive({ algorithm }) {
  return algorithm === 'pbkdf2-sha512' || argon2Sync !== undefined
}

/** @param {string | Uint8Array} secret @param {Derivation} derivation @param {Uint8Array} salt @returns {Buffer} */
function deriveMasterKey(secret, derivation, salt) {
  const message = Buffer.from(/** @type {string} */ (secret))
  if (derivation.algorithm === 'pbkdf2-sha512') {
    return crypto.pbkdf2Sync(message, salt, derivation.rounds, 32, 'sha512')
  }
  const { memoryKiB: memory, passes, parallelism } = derivation
  return argon2Sync('argon2id', { message, nonce: salt, memory, passes, parallelism, tagLength: 32 })
}

/** @param {Uint8Array} key @param {Uint8Array} info @param {number} length */
function hkdf(key, info, length) {
  return Buffer.from(crypto.hkdfSync('sha256', key, Buffer.alloc(0), info, length))
}

/** @param {Uint8Array} masterKey */
function keyIdOf(masterKey) {
  return hkdf(masterKey, Buffer.from('connect-mongo-native sealed v1 key id'), 16)
}

/** @param {Uint8Array} masterKey @param {Uint8Array} seed */
function messageKeyOf(masterKey, seed) {
  return hkdf(masterKey, Buffer.concat([Buffer.from('connect-mongo-native sealed v1 message'), seed]), 32)
}

/** @param {Derivation} derivation @returns {Buffer} bytes 1 to 7 of the header */
function encodeDerivation(derivation) {
  const bytes = Buffer.alloc(7)
  bytes.writeUInt8(ALGORITHMS[derivation.algorithm], 0)
  if (derivation.algorithm === 'pbkdf2-sha512') {
    bytes.writeUInt32BE(derivation.rounds, 1)
  } else {
    bytes.writeUInt32BE(derivation.memoryKiB, 1)
    bytes.writeUInt8(derivation.passes, 5)
    bytes.writeUInt8(derivation.parallelism, 6)
  }
  return bytes
}

/**
 * Does not check the bounds, so that tests can make what has to be refused.
 *
 * @param {object} parts
 * @param {Uint8Array} parts.masterKey
 * @param {Derivation} parts.derivation the master key's
 * @param {Uint8Array} parts.salt the master key's
 * @param {Uint8Array} [parts.seed]
 * @param {Uint8Array} [parts.iv]
 * @returns {Buffer}
 */
function headerReference({ masterKey, derivation, salt, ...random }) {
  const { seed = crypto.randomBytes(12), iv = crypto.randomBytes(12) } = random
  const version = Buffer.from([VERSION])
  return Buffer.concat([version, encodeDerivation(derivation), salt, keyIdOf(masterKey), seed, iv])
}

/**
 * @param {Buffer} header
 * @param {Uint8Array} masterKey
 * @param {string} storageId
 * @param {Uint8Array} content the text with its content type
 * @returns {Buffer} the envelope
 */
function encrypt(header, masterKey, storageId, content) {
  const { seed, iv } = fieldsOf(header)
  const cipher = crypto.createCipheriv('aes-256-gcm', messageKeyOf(masterKey, seed), iv)
  cipher.setAAD(Buffer.concat([header, Buffer.from(storageId)]))
  return Buffer.concat([header, cipher.update(content), cipher.final(), cipher.getAuthTag()])
}

/** @param {Buffer} header @param {Uint8Array} masterKey @param {string} storageId @param {string} text @returns {Buffer} */
function sealReference(header, masterKey, storageId, text) {
  const content = Buffer.concat([Buffer.from(text), Buffer.from([CONTENT_TEXT])])
  return encrypt(header, masterKey, storageId, content)
}

/** @param {Buffer} bytes an envelope or its header */
function fieldsOf(bytes) {
  return {
    salt: bytes.subarray(8, 24),
    keyId: bytes.subarray(24, 40),
    seed: bytes.subarray(40, 52),
    iv: bytes.subarray(52, HEADER_LENGTH),
  }
}

/** @param {Buffer} bytes @returns {Derivation | null} */
function decodeDerivation(bytes) {
  const [cost, passes, parallelism] = [bytes.readUInt32BE(1), bytes[5], bytes[6]]
  switch (bytes[0]) {
    case ALGORITHMS['pbkdf2-sha512']:
      return passes || parallelism ? null : { algorithm: 'pbkdf2-sha512', rounds: cost }
    case ALGORITHMS.argon2id:
      return { algorithm: 'argon2id', memoryKiB: cost, passes, parallelism }
    default:
      return null
  }
}

/** @param {Derivation} derivation */
function isWithinBounds({ algorithm, ...parameters }) {
  return Object.entries(parameters).every(([name, value]) => {
    const [least, most] = BOUNDS[/** @type {keyof typeof BOUNDS} */ (name)]
    return value >= least && value <= most
  })
}

/** @param {Uint8Array} envelope @returns {Envelope | null} null when it is not of the format */
function parseReference(envelope) {
  const bytes = Buffer.from(envelope)
  if (bytes.length <= HEADER_LENGTH + TAG_LENGTH || bytes[0] !== VERSION) return null
  const derivation = decodeDerivation(bytes.subarray(1, 8))
  if (!derivation || !isWithinBounds(derivation)) return null
  return {
    derivation,
    ...fieldsOf(bytes),
    header: bytes.subarray(0, HEADER_LENGTH),
    ciphertext: bytes.subarray(HEADER_LENGTH, -TAG_LENGTH),
    tag: bytes.subarray(-TAG_LENGTH),
  }
}

/** @param {Envelope} envelope @param {Uint8Array} masterKey @param {string} storageId */
function decrypt({ header, seed, iv, ciphertext, tag }, masterKey, storageId) {
  const key = messageKeyOf(masterKey, seed)
  const decipher = crypto.createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_LENGTH })
  decipher.setAAD(Buffer.concat([header, Buffer.from(storageId)]))
  decipher.setAuthTag(tag)
  return Buffer.concat([decipher.update(ciphertext), decipher.final()])
}

/**
 * @param {Uint8Array} envelope
 * @param {Uint8Array} masterKey
 * @param {string} storageId
 * @returns {string} the text
 * @throws {Error} when it is refused
 */
function openReference(envelope, masterKey, storageId) {
  const parsed = parseReference(envelope)
  if (!parsed) throw new Error('Not a sealed session')
  if (!crypto.timingSafeEqual(parsed.keyId, keyIdOf(masterKey))) throw new Error('Sealed with another key')
  const content = decrypt(parsed, masterKey, storageId)
  if (content.at(-1) !== CONTENT_TEXT) throw new Error('Not a text')
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content.subarray(0, -1))
}

module.exports = {
  canDerive,
  deriveMasterKey,
  encrypt,
  headerReference,
  keyIdOf,
  messageKeyOf,
  openReference,
  parseReference,
  sealReference,
}
