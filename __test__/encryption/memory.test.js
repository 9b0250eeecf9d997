// What is left of keys in the memory of a process once its store is closed, looked for from outside.
'use strict'

const assert = require('node:assert/strict')
const crypto = require('node:crypto')
const { closeSync, openSync, readFileSync, readSync } = require('node:fs')
const { once } = require('node:events')
const { describe, test } = require('node:test')
const MongoStore = require('../..')
const { startChild } = require('../support/child.js')
const { BACKENDS, openOnBackend, storedOf } = require('../support/encryption.js')
const { readDer } = require('../support/reference-crypto.js')
const { canDerive, deriveMasterKey, messageKeyOf, parseReference } = require('../support/sealed-reference.js')
const { vectors: V3_VECTORS } = require('../vectors/v3.json')
const { keys: SEALED_KEYS, sealed: SEALED } = require('../../core/src/crypto/vectors/sealed.json')

/**
 * @typedef {{ kept: Buffer[], passing: Buffer[] }} Keys those that a store has as long as it is open, and what it makes of them for a
 *   moment
 * @typedef {object} Variant
 * @property {Record<string, any>} [crypto] the option
 * @property {Record<string, any>} [webCrypto] what the adapter is made of
 * @property {(stored: any) => Keys} keysOf
 * @property {{ id: string, session: any }} [vector] a session that is there before
 */

const SECRET = 'Correct-Horse-42-Battery!'
const SEALED_SECRET = 'keyboard cat'
const CHUNK = 1 << 20

/** With what HMAC begins. @param {Uint8Array} key */
const padded = (key) => [0x36, 0x5c].map((pad) => Buffer.from(key.map((byte) => byte ^ pad)))

/** @param {Buffer} key @returns {Keys} */
const withMac = (key) => ({ kept: [key], passing: padded(key) })

/** Of a kruptein envelope. @param {string} stored */
const saltOf = (stored) => /** @type {Buffer[]} */ (readDer(Buffer.from(stored, 'base64')))[3]

/** @param {number} size @param {string} hash */
const pbkdf2 = (/** @type {crypto.BinaryLike} */ salt, /** @type {number} */ rounds, size, hash) =>
  crypto.pbkdf2Sync(SECRET, salt, rounds, size, hash)

/** connect-mongo 3.2's key is text. @returns {Keys} */
function v3Keys() {
  const salt = crypto.createHash('sha512').update(SECRET).digest('hex').slice(0, 16)
  const derived = pbkdf2(salt, 10_000, 64, 'sha512')
  const key = Buffer.from(derived.toString('hex').slice(0, 32))
  return { kept: [derived], passing: [key, ...padded(key)] }
}

/** @param {{ buffer: Uint8Array }} stored @returns {Keys} */
function sealedKeys(stored) {
  const envelope = parseReference(stored.buffer)
  assert.ok(envelope)
  const salt = envelope.salt.toString('hex')
  const known = SEALED_KEYS.find((one) => one.salt === salt && one.secret === SEALED_SECRET)
  // Argon2 came with Node 24.7; the vectors tell of one key that it makes.
  if (!known && !canDerive(envelope.derivation)) return { kept: [], passing: [] }
  const masterKey = known
    ? Buffer.from(known.masterKey, 'hex')
    : deriveMasterKey(SEALED_SECRET, envelope.derivation, envelope.salt)
  return { kept: [masterKey], passing: [messageKeyOf(masterKey, envelope.seed), ...padded(masterKey)] }
}

/** @param {string} name of its key */
function sealedVector(name) {
  const vector = SEALED.find(({ key }) => key === name)
  assert.ok(vector)
  return { id: vector.storageId, session: Buffer.from(vector.envelope, 'hex') }
}

const [V3] = V3_VECTORS

/** @type {Record<string, Variant>} */
const VARIANTS = {
  'kruptein with PBKDF2': {
    crypto: { secret: SECRET },
    keysOf: (stored) => withMac(pbkdf2(saltOf(stored), 15_000, 32, 'sha512')),
  },
  'kruptein with PBKDF2 and CBC': {
    crypto: { secret: SECRET, algorithm: 'aes-256-cbc', hashing: 'sha256' },
    keysOf: (stored) => withMac(pbkdf2(saltOf(stored), 15_000, 32, 'sha256')),
  },
  'kruptein with scrypt': {
    crypto: { secret: SECRET, use_scrypt: true },
    keysOf: (stored) => withMac(crypto.scryptSync(SECRET, saltOf(stored), 32)),
  },
  'connect-mongo 3.2': {
    crypto: { secret: SECRET },
    keysOf: (stored) =>
      stored.startsWith('"') ? v3Keys() : withMac(pbkdf2(saltOf(stored), 15_000, 32, 'sha512')),
    vector: { id: 'v3', session: V3.stored },
  },
  'Web Crypto': {
    webCrypto: { secret: SECRET, salt: 'salt', iterations: 1_000 },
    keysOf: () => ({ kept: [pbkdf2('salt', 1_000, 32, 'sha256')], passing: [] }),
  },
  'sealed with PBKDF2': {
    crypto: { secret: SEALED_SECRET, format: 'sealed' },
    keysOf: sealedKeys,
    vector: sealedVector('pbkdf2'),
  },
  'sealed with Argon2id': {
    crypto: { secret: SEALED_SECRET, format: 'sealed', derivation: 'argon2id' },
    keysOf: sealedKeys,
    vector: sealedVector('argon2id'),
  },
}

/** Writes and reads, then waits to be told to close its store. */
async function useStore({ options, webCrypto, ids }) {
  const MongoStore = require('../..')
  if (webCrypto) options.cryptoAdapter = MongoStore.createWebCryptoAdapter(webCrypto)
  const store = new MongoStore(options)
  const text = 'x'.repeat(100_000)
  for (let round = 0; round < 3; round++) {
    await store.set('ours', { cookie: {}, round })
    await store.set('large', { cookie: {}, text })
    for (const id of ids) if (!(await store.get(id))) throw new Error(`${id} is not there`)
  }
  process.send('used')
  process.on('message', async () => {
    await store.close()
    process.send('closed')
  })
}

/** The parts of a process's memory that it can write to. @param {number} pid @returns {[number, number][]} */
function writableParts(pid) {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')
  return lines.flatMap((line) => {
    const part = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line)
    return part ? [[Number.parseInt(part[1], 16), Number.parseInt(part[2], 16)]] : []
  })
}

/** How often each is in the memory of a process. @param {number} pid @param {Buffer[]} keys */
function countIn(pid, keys) {
  const counts = keys.map(() => 0)
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const chunk = Buffer.alloc(CHUNK)
  for (const [start, end] of writableParts(pid)) {
    // What ends one chunk begins the next, so that no key is cut in two.
    for (let at = start; at < end; at += CHUNK - 64) {
      const length = read(memory, chunk, Math.min(CHUNK, end - at), at)
      for (const [index, key] of keys.entries()) counts[index] += occurrences(chunk.subarray(0, length), key)
    }
  }
  closeSync(memory)
  return counts
}

/** @param {number} memory @param {Buffer} chunk @param {number} length @param {number} position */
function read(memory, chunk, length, position) {
  try {
    return readSync(memory, chunk, 0, length, position)
  } catch (error) {
    // A part that has gone meanwhile, or that no process can read.
    if (/** @type {any} */ (error).code === 'EIO') return 0
    throw error
  }
}

/** @param {Buffer} bytes @param {Buffer} key */
function occurrences(bytes, key) {
  let count = 0
  for (let at = bytes.indexOf(key); at !== -1; at = bytes.indexOf(key, at + 1)) count++
  return count
}

/** @param {import('node:child_process').ChildProcess} child @param {string} expected */
async function hear(child, expected) {
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => ['exited'])])
  assert.equal(message, expected)
}

/** A set of bytes each, whatever it is in. @param {Buffer[]} buffers */
const distinct = (buffers) =>
  [...new Set(buffers.map((one) => one.toString('hex')))].map((one) => Buffer.from(one, 'hex'))

/** @param {import('node:test').TestContext} t @param {'native' | 'driver'} backend @param {Variant} variant */
async function checkMemory(t, backend, { crypto: given, webCrypto, keysOf, vector }) {
  const { url, sessions, open } = await openOnBackend(t, backend)
  const options = { mongoUrl: url, backend, autoRemove: 'disabled', crypto: given }
  const cryptoAdapter = webCrypto && MongoStore.createWebCryptoAdapter(/** @type {any} */ (webCrypto))
  await open({ ...options, cryptoAdapter }).set('theirs', { cookie: {} })
  const ids = ['ours', 'large', 'theirs']
  if (vector) {
    ids.push(vector.id)
    await sessions.insertOne({ _id: vector.id, session: vector.session })
  }

  const child = startChild(useStore, { options, webCrypto, ids })
  t.after(() => child.kill('SIGKILL'))
  await hear(child, 'used')
  const keys = await Promise.all(ids.map(async (id) => keysOf(await storedOf(sessions, id))))
  const kept = distinct(keys.flatMap((one) => one.kept))
  const passing = distinct([
    ...keys.flatMap((one) => one.passing),
    ...padded(Buffer.from((given ?? webCrypto)?.secret)),
  ])
  const pid = /** @type {number} */ (child.pid)
  const none = (/** @type {Buffer[]} */ list) => list.map(() => 0)
  assert.ok(kept.length > 0)
  assert.deepEqual(countIn(pid, kept), none(kept).fill(1), 'an open store has one copy of each key')
  assert.deepEqual(countIn(pid, passing), none(passing), 'and nothing that it needs only for a moment')

  child.send('close')
  await hear(child, 'closed')
  const all = [...kept, ...passing]
  assert.deepEqual(countIn(pid, all), none(all), 'a closed one has nothing')
}

const skip =
  process.platform === 'linux' ? false : 'only Linux shows the memory of a process, as /proc/PID/mem'

describe('the keys of a store are in memory once, and after close() not at all:', { skip }, () => {
  for (const backend of BACKENDS) {
    for (const [what, variant] of Object.entries(VARIANTS)) {
      test(`${what} [${backend}]`, (t) => checkMemory(t, backend, variant))
    }
  }
})
