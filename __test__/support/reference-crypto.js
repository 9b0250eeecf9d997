// Reads every session of __test__/vectors with node:crypto and nothing else: what the Rust decoders are
// compared with. Which writer made an envelope is found out from the envelope itself, as the store has to.
// Slow and plain on purpose.
'use strict'

const crypto = require('node:crypto')
const { EJSON } = require('bson')

/**
 * @typedef {{ id: string, adapter: 'kruptein' | 'webcrypto' | 'v3' | 'none', options: Record<string, any>, stored: any }} Vector
 *   `options` and `stored` are relaxed extended JSON, see __test__/vectors/README.md
 * @typedef {{ ct: Buffer, hmac: Buffer, iv: Buffer, salt: Buffer, at?: Buffer, aad?: Buffer }} Parts
 * @typedef {{ rounds: number, signed: Buffer, parts: Parts, typed: boolean }} Reading
 *   one way to read an envelope: the HMAC tells the right one. `typed` is kruptein 3.4.0's.
 */

const DEFAULT_ALGORITHM = 'aes-256-gcm'
/** connect-mongo's own default; that of kruptein from 3.0.7 on, which applies when a user passes null. */
const DEFAULT_HASHES = ['sha512', 'sha384']
/** connect-mongo's from 4.2.2 on; its own before; kruptein 2's, which applies when a user passes null. */
const DEFAULT_ENCODINGS = /** @type {const} */ (['base64', 'hex', 'binary'])

/**
 * @param {Vector} vector
 * @returns {string} the decrypted text, with whatever layers of JSON the writer had put around the session
 * @throws {Error} when the key is wrong or the envelope is damaged
 */
function decryptReference(vector) {
  return openReference(vector).plaintext
}

/**
 * @param {Vector} vector
 * @returns {string} the text that the writer's `serialize` had made: by default the JSON of the session
 */
function readReference(vector) {
  const { plaintext, layer } = openReference(vector)
  if (layer === 'none') return plaintext
  const parsed = JSON.parse(plaintext)
  const value = layer === 'typed' ? parsed.value : parsed
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/**
 * `layer` is what kruptein puts around the text: `json` one more JSON.stringify, `typed` (from 3.4.0) `{
 * type, value }`.
 *
 * @param {Vector} vector
 * @returns {{ plaintext: string, layer: 'none' | 'json' | 'typed' }}
 */
function openReference(vector) {
  const options = EJSON.parse(JSON.stringify(vector.options))
  const stored = EJSON.parse(JSON.stringify(vector.stored))
  switch (vector.adapter) {
    case 'none':
      return { plaintext: typeof stored === 'string' ? stored : JSON.stringify(stored), layer: 'none' }
    case 'webcrypto':
      return { plaintext: openWebCrypto(stored, options), layer: 'none' }
    case 'v3':
      return { plaintext: openV3(stored, options), layer: 'none' }
    case 'kruptein':
      return openKruptein(stored, options)
  }
}

// connect-mongo 6.0.0, createWebCryptoAdapter

/** @param {string} stored @param {Record<string, any>} options */
function openWebCrypto(stored, options) {
  const { algorithm = 'AES-GCM', encoding = 'base64', iterations = 310_000 } = options
  const { ivLength = algorithm === 'AES-GCM' ? 12 : 16, salt = 'connect-mongo:webcrypto-default-salt' } =
    options
  const bytes = Buffer.from(stored, encoding)
  const key = crypto.pbkdf2Sync(toBytes(options.secret), toBytes(salt), iterations, 32, 'sha256')
  const iv = bytes.subarray(0, ivLength)
  if (algorithm === 'AES-CBC') return decipher('aes-256-cbc', key, iv, bytes.subarray(ivLength))
  return decipher('aes-256-gcm', key, iv, bytes.subarray(ivLength, -16), bytes.subarray(-16))
}

/** @param {string | { buffer: Uint8Array }} value text, or bytes as EJSON reads them */
function toBytes(value) {
  return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer)
}

// connect-mongo 3.2.0

/** @param {string | Record<string, string>} stored @param {Record<string, any>} options */
function openV3(stored, options) {
  const { hashing = 'sha512', encodeas = 'hex', key_size: keySize = 32 } = options
  const envelope = JSON.parse(v3Text(stored))
  // The key, the iv and the additional data are the encoded text, not what it stands for.
  const salt = crypto.createHash(hashing).update(options.secret).digest(encodeas).slice(0, 16)
  const key = crypto
    .pbkdf2Sync(options.secret, salt, 10_000, 64, hashing)
    .toString(encodeas)
    .slice(0, keySize)
  const hmac = crypto.createHmac(hashing, key).update(envelope.ct).digest(encodeas)
  if (hmac !== envelope.hmac) throw new Error('The HMAC does not match')
  const algorithm = options.algorithm ?? DEFAULT_ALGORITHM
  const [iv, tag, aad] = [Buffer.from(envelope.iv), Buffer.from(envelope.at), Buffer.from(envelope.aad)]
  return decipher(algorithm, Buffer.from(key), iv, Buffer.from(envelope.ct, encodeas), tag, aad)
}

/**
 * With `stringify: true` the envelope's text was made JSON once more; with `stringify: false` its characters
 * were copied into a document, one field each.
 *
 * @param {string | Record<string, string>} stored
 */
function v3Text(stored) {
  if (typeof stored === 'string') return stored.startsWith('"') ? JSON.parse(stored) : stored
  return Array.from({ length: Object.keys(stored).length }, (_, index) => stored[index]).join('')
}

// kruptein 2.2 to 3.4

/** @param {string} stored @param {Record<string, any>} options */
function openKruptein(stored, options) {
  const encodings = options.encodeas ? [options.encodeas] : DEFAULT_ENCODINGS
  const hashes = options.hashing ? [options.hashing] : DEFAULT_HASHES
  for (const reading of encodings.flatMap((encoding) => readings(stored, encoding))) {
    for (const hash of hashes) {
      const opened = openReading(reading, options, hash)
      if (opened) return opened
    }
  }
  throw new Error('No HMAC matches')
}

/** @param {Reading} reading @param {Record<string, any>} options @param {string} hash */
function openReading({ parts, rounds, signed, typed }, options, hash) {
  const algorithm = options.algorithm || DEFAULT_ALGORITHM
  for (const key of deriveKeys(parts.salt, options, keySize(algorithm, options, typed), hash, rounds)) {
    if (!crypto.createHmac(hash, key).update(signed).digest().equals(parts.hmac)) continue
    const plaintext = decipher(algorithm, key, parts.iv, parts.ct, parts.at, parts.aad)
    return { plaintext, layer: /** @type {'json' | 'typed'} */ (typed ? 'typed' : 'json') }
  }
  return undefined
}

/**
 * @param {string} stored
 * @param {BufferEncoding} encoding
 * @returns {Reading[]} none when this is no envelope in that encoding
 */
function readings(stored, encoding) {
  if (stored.startsWith('{')) return jsonReadings(JSON.parse(stored), encoding)
  const parts = readDer(Buffer.from(stored, encoding))
  if (!parts) return []
  const [ct, hmac, iv, salt, at, aad] = parts
  const asText = textReadings({ ct: `${ct}`, hmac: `${hmac}`, iv, salt, at, aad: aad && `${aad}` }, encoding)
  return parts.length === 6 ? [byteReading({ ct, hmac, iv, salt, at, aad }), ...asText] : asText
}

/** @param {any} json @param {BufferEncoding} encoding @returns {Reading[]} */
function jsonReadings(json, encoding) {
  if (typeof json.iv !== 'string') {
    const [iv, salt] = [Buffer.from(json.iv), Buffer.from(json.salt)]
    return textReadings({ ...json, iv, salt, at: json.at && Buffer.from(json.at) }, encoding)
  }
  const fields = Object.entries(json).map(([name, text]) => [name, Buffer.from(text, encoding)])
  return [byteReading(Object.fromEntries(fields))]
}

/**
 * Up to 3.3.0: the text of the ciphertext was signed; from 3.1.1 on with the salt and the iv behind it, as
 * far as they are UTF-8.
 *
 * @param {{ ct: string, hmac: string, iv: Buffer, salt: Buffer, at?: Buffer, aad?: string }} envelope
 * @param {BufferEncoding} encoding
 * @returns {Reading[]}
 */
function textReadings({ ct, hmac, iv, salt, at, aad }, encoding) {
  const [ctBytes, hmacBytes, aadBytes] = [ct, hmac, aad ?? ''].map((text) => Buffer.from(text, encoding))
  const parts = { ct: ctBytes, hmac: hmacBytes, iv, salt, at, aad: aadBytes }
  const all = Buffer.from(ct + salt + iv)
  return [
    { parts, rounds: 15_000, signed: Buffer.from(ct), typed: false },
    { parts, rounds: 20_000, signed: all, typed: false },
    { parts, rounds: 15_000, signed: all, typed: false },
  ]
}

/** From 3.4.0 on every part is bytes. @param {Parts} parts @returns {Reading} */
function byteReading(parts) {
  return { parts, rounds: 20_000, signed: Buffer.concat([parts.ct, parts.salt, parts.iv]), typed: true }
}

/**
 * The keys that may have been used: `use_argon2` fell back on PBKDF2 without a word where Node had no Argon2.
 *
 * @param {Buffer} salt
 * @param {Record<string, any>} options
 * @param {number} size
 * @param {string} hash
 * @param {number} rounds
 */
function deriveKeys(salt, options, size, hash, rounds) {
  if (options.use_scrypt) return [crypto.scryptSync(options.secret, salt, size)]
  const key = crypto.pbkdf2Sync(options.secret, salt, rounds, size, hash)
  return options.use_argon2 ? [key, ...argon2(options.secret, salt, size)] : [key]
}

/** @param {string} secret @param {Buffer} nonce @param {number} tagLength */
function argon2(secret, nonce, tagLength) {
  const { argon2Sync } = /** @type {any} */ (crypto)
  if (!argon2Sync) return []
  const cost = { parallelism: 4, memory: 65_536, passes: 3 }
  return [argon2Sync('argon2id', { ...cost, message: Buffer.from(secret), nonce, tagLength })]
}

/** @param {string} algorithm @param {Record<string, any>} options @param {boolean} typed */
function keySize(algorithm, options, typed) {
  // connect-mongo always passes a key_size; until 3.4.0 only the name with the underscore was looked at.
  if (typed && options.key_size !== null) return options.key_size ?? 32
  if (options._key_size) return options._key_size
  const isAes = typed ? /aes/i.test(algorithm) : /aes/.test(algorithm)
  if (isAes && /128/.test(algorithm)) return 16
  return isAes && /192/.test(algorithm) ? 24 : 32
}

/**
 * @param {Buffer} bytes
 * @returns {Buffer[] | undefined} the octet strings of a DER sequence, or nothing if it is none
 */
function readDer(bytes) {
  if (bytes[0] !== 0x30) return undefined
  let { start, end } = derLength(bytes, 1)
  if (end !== bytes.length) return undefined
  const parts = []
  while (start < end) {
    const part = derLength(bytes, start + 1)
    if (bytes[start] !== 0x04 || part.end > end) return undefined
    parts.push(bytes.subarray(part.start, part.end))
    start = part.end
  }
  return parts
}

/** @param {Buffer} bytes @param {number} offset that of the length */
function derLength(bytes, offset) {
  const first = bytes[offset]
  const count = first & 0x80 ? first & 0x7f : 0
  const start = offset + 1 + count
  const length = count ? Number.parseInt(bytes.toString('hex', offset + 1, start), 16) : first
  return { start, end: start + length }
}

// All of them

/**
 * @param {string} algorithm
 * @param {Buffer} key
 * @param {Buffer} iv
 * @param {Buffer} ciphertext
 * @param {Buffer} [tag] empty or absent when the cipher does not authenticate
 * @param {Buffer} [aad]
 * @returns {string}
 */
function decipher(algorithm, key, iv, ciphertext, tag, aad) {
  const decrypt = /** @type {any} */ (crypto.createDecipheriv(algorithm, key, iv, tagOption(tag)))
  if (tag?.length) decrypt.setAuthTag(tag)
  if (tag?.length && aad) decrypt.setAAD(aad, { plaintextLength: ciphertext.length })
  return Buffer.concat([decrypt.update(ciphertext), decrypt.final()]).toString()
}

/** @param {Buffer} [tag] @returns {any} */
function tagOption(tag) {
  return tag?.length ? { authTagLength: tag.length } : {}
}

module.exports = { decryptReference, openReference, readDer, readReference }
