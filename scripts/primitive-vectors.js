// Writes core/src/crypto/vectors/primitives.json: what Node's `crypto` makes with each cipher and each hash that core/src/crypto knows.
//
//   node scripts/primitive-vectors.js
//
// Nothing in it is random: with the same OpenSSL, a run changes nothing.
'use strict'

const crypto = require('node:crypto')
const { execFileSync } = require('node:child_process')
const { writeFileSync } = require('node:fs')
const path = require('node:path')
const { ROOT } = require('./setup.js')

/**
 * @typedef {{ iv: Buffer, plaintextLength: number, aadLength?: number, tagLength?: number }} Message
 */

const VECTORS = path.join(ROOT, 'core', 'src', 'crypto', 'vectors', 'primitives.json')

/** Those that connect-mongo has written with, and other names of theirs. */
const CIPHERS = [
  /^aes-(128|192|256)-(cbc|cfb1?|cfb8|ctr|gcm|ocb|ofb)$/,
  /^(aria-256-(cbc|cfb1?|cfb8|ctr|gcm|ofb)|camellia-256-(cbc|cfb1?|cfb8|ctr|ofb)|chacha20)$/,
  /^(aes128|aes192|aes256|aria256|camellia256|id-aes(128|192|256)-gcm)$/i,
]
/** All names but those of the hashes with which Node makes no HMAC, and names that only `createHash` knows. */
const HASHES = [
  ...crypto.getHashes().filter((name) => !name.startsWith('shake')),
  ...['blake2b-512', 'blake2s-256', 'ripemd-160', 'sha-1', 'sha-224', 'sha2-224', 'sha-256', 'sha2-256'],
  ...['sha-384', 'sha2-384', 'sha-512', 'sha2-512', 'sha-512/224', 'sha2-512/224'],
  ...['sha-512/256', 'sha2-512/256'],
]

const KEY = bytes('key', 150)
const SALT = bytes('salt', 128)
const DATA = bytes('data', 300)
const PBKDF2_ROUNDS = 3
const PBKDF2_LENGTH = 70

/** Bytes that look random. @param {string} label @param {number} length */
function bytes(label, length) {
  return crypto.createHash('shake256', { outputLength: length }).update(label).digest()
}

/** @param {string} cipher @returns {Message[]} */
function messages(cipher) {
  if (/-(gcm|ocb)$/i.test(cipher)) {
    return [
      { iv: bytes('iv', 12), plaintextLength: 300, aadLength: 88, tagLength: 16 },
      { iv: bytes('iv', 15), plaintextLength: 32, aadLength: 32, tagLength: 12 },
      { iv: bytes('iv', 1), plaintextLength: 5, aadLength: 0, tagLength: 8 },
      { iv: bytes('iv', 8), plaintextLength: 0, aadLength: 5, tagLength: 4 },
    ]
  }
  // A counter that runs over: of 128 bits, or of 32.
  const lastCounter = cipher === 'chacha20' ? `ffffffff${'00'.repeat(12)}` : 'ff'.repeat(16)
  return [
    { iv: bytes('iv', 16), plaintextLength: 300 },
    { iv: Buffer.from(lastCounter, 'hex'), plaintextLength: 96 },
    { iv: bytes('iv', 16), plaintextLength: 0 },
  ]
}

/** @param {string} name @param {Message} message */
function encrypted(name, { iv, plaintextLength, aadLength, tagLength }) {
  const { keyLength = 0 } = crypto.getCipherInfo(name) ?? {}
  const key = KEY.subarray(0, keyLength)
  const cipher = crypto.createCipheriv(/** @type {'aes-256-gcm'} */ (name), key, iv, {
    authTagLength: tagLength,
  })
  if (tagLength) cipher.setAAD(DATA.subarray(0, aadLength))
  const ciphertext = Buffer.concat([cipher.update(DATA.subarray(0, plaintextLength)), cipher.final()])
  return {
    iv: iv.toString('hex'),
    plaintextLength,
    aadLength,
    ciphertext: ciphertext.toString('hex'),
    tag: tagLength && cipher.getAuthTag().toString('hex'),
  }
}

/** @param {string} name */
function hashed(name) {
  return {
    digest: crypto.createHash(name).update(DATA).digest('hex'),
    hmac: crypto.createHmac(name, KEY).update(DATA).digest('hex'),
    pbkdf2: crypto.pbkdf2Sync(KEY, SALT, PBKDF2_ROUNDS, PBKDF2_LENGTH, name).toString('hex'),
  }
}

/**
 * Names that have the same results share an entry.
 *
 * @param {string[]} names
 * @param {(name: string) => object} resultsOf
 */
function entries(names, resultsOf) {
  /** @type {Map<string, { names: string[] }>} */
  const byResults = new Map()
  for (const name of names) {
    const results = resultsOf(name)
    const key = JSON.stringify(results)
    const entry = byResults.get(key) ?? { names: [], ...results }
    entry.names.push(name)
    byResults.set(key, entry)
  }
  return [...byResults.values()]
}

const ciphers = crypto.getCiphers().filter((name) => CIPHERS.some((pattern) => pattern.test(name)))
const vectors = {
  node: process.version,
  openssl: process.versions.openssl,
  key: KEY.toString('hex'),
  salt: SALT.toString('hex'),
  data: DATA.toString('hex'),
  rounds: PBKDF2_ROUNDS,
  ciphers: entries(ciphers, (name) => ({
    messages: messages(name).map((message) => encrypted(name, message)),
  })),
  hashes: entries(HASHES, hashed),
}
writeFileSync(VECTORS, JSON.stringify(vectors))
execFileSync(path.join(ROOT, 'node_modules', '.bin', 'biome'), ['format', '--write', VECTORS])
