// Checks core/src/crypto/vectors/sealed.json and the examples in docs/sealed-format.md: that they are what the reference implementation
// makes, and that it opens what has to be opened and refuses the rest.
//
//   node scripts/sealed-vectors.js [--write]
//
// With --write they are made first; as nothing in them is random, that changes them only when this file has changed. Argon2 came with
// Node 24.7: an older Node takes the master keys that were derived with it from the file, and cannot write.
'use strict'

const assert = require('node:assert/strict')
const { createHash } = require('node:crypto')
const { readFileSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const reference = require('../__test__/support/sealed-reference.js')

/**
 * @typedef {import('../__test__/support/sealed-reference.js').Derivation} Derivation
 * @typedef {{ name: string, secret: string, derivation: Derivation, salt: string, masterKey: string, keyId: string }} Key
 * @typedef {{ name: string, key: string, storageId: string, envelope: string }} Refused
 * @typedef {Refused & { text: string, seed: string, iv: string, messageKey: string }} Sealed
 * @typedef {{ keys: Key[], sealed: Sealed[], refused: Refused[] }} Vectors bytes are in hexadecimal
 */

const VECTORS = path.join(__dirname, '..', 'core', 'src', 'crypto', 'vectors', 'sealed.json')
const DOCUMENT = path.join(__dirname, '..', 'docs', 'sealed-format.md')
const EXAMPLES = '## Examples\n'

const SECRET = 'keyboard cat'
const STORAGE_ID = 'Qv8pTyWyLWBbTHmPqzpnVwxNvRjHLYBA'
const TEXT = '{"cookie":{"path":"/","httpOnly":true,"originalMaxAge":null},"views":1}'

/** @param {number} rounds @returns {Derivation} */
const pbkdf2 = (rounds) => ({ algorithm: 'pbkdf2-sha512', rounds })

/** @param {number} memoryKiB @param {number} passes @param {number} parallelism @returns {Derivation} */
const argon2id = (memoryKiB, passes, parallelism) => ({
  algorithm: 'argon2id',
  memoryKiB,
  passes,
  parallelism,
})

/** @type {[name: string, secret: string, derivation: Derivation][]} */
const KEYS = [
  ['pbkdf2', SECRET, pbkdf2(210_000)],
  ['argon2id', SECRET, argon2id(19_456, 2, 1)],
  ['another secret', 'keyboard dog', pbkdf2(210_000)],
  ['a secret that is not normalized', 'Pa\u0308ßwort 🔑', pbkdf2(1_000)],
  ['fewest rounds', SECRET, pbkdf2(1_000)],
  ['most rounds', SECRET, pbkdf2(1_000_000)],
  ['least Argon2id', SECRET, argon2id(7_168, 1, 1)],
  ['most Argon2id', SECRET, argon2id(65_536, 10, 4)],
]

/** @type {[name: string, key: string, storageId: string, text: string][]} */
const SEALED = [
  ['a session', 'pbkdf2', STORAGE_ID, TEXT],
  ['the same once more', 'pbkdf2', STORAGE_ID, TEXT],
  ['a session with Argon2id', 'argon2id', STORAGE_ID, TEXT],
  ['a secret that is not normalized', 'a secret that is not normalized', STORAGE_ID, TEXT],
  ['fewest rounds', 'fewest rounds', STORAGE_ID, TEXT],
  ['most rounds', 'most rounds', STORAGE_ID, TEXT],
  ['least Argon2id', 'least Argon2id', STORAGE_ID, TEXT],
  ['most Argon2id', 'most Argon2id', STORAGE_ID, TEXT],
  ['an empty text', 'pbkdf2', STORAGE_ID, ''],
  ['a text of one block less its content type', 'pbkdf2', STORAGE_ID, 'x'.repeat(15)],
  ['a text of one block', 'pbkdf2', STORAGE_ID, 'x'.repeat(16)],
  ['a text that is not JSON', 'pbkdf2', STORAGE_ID, '\ufeffnul \0, two é, three ✓, four 🔑'],
  ['a text of a thousand bytes', 'pbkdf2', STORAGE_ID, 'x'.repeat(1_000)],
  ['an empty storage id', 'pbkdf2', '', TEXT],
  ['a storage id that is not ASCII', 'pbkdf2', 'sess:é✓🔑', TEXT],
]

/** Sealed under a header with this one change. @type {[name: string, key: string, offset: number, bytes: number[]][]} */
const HEADERS = [
  ['version 0', 'pbkdf2', 0, [0]],
  ['version 2', 'pbkdf2', 0, [2]],
  ['algorithm 0', 'pbkdf2', 1, [0]],
  ['algorithm 3', 'argon2id', 1, [3]],
  ['999 rounds', 'pbkdf2', 2, [0x00, 0x00, 0x03, 0xe7]],
  ['1,000,001 rounds', 'pbkdf2', 2, [0x00, 0x0f, 0x42, 0x41]],
  ['passes with PBKDF2', 'pbkdf2', 6, [1]],
  ['parallelism with PBKDF2', 'pbkdf2', 7, [1]],
  ['7,167 KiB', 'argon2id', 2, [0x00, 0x00, 0x1b, 0xff]],
  ['65,537 KiB', 'argon2id', 2, [0x00, 0x01, 0x00, 0x01]],
  ['no passes', 'argon2id', 6, [0]],
  ['11 passes', 'argon2id', 6, [11]],
  ['no parallelism', 'argon2id', 7, [0]],
  ['parallelism 5', 'argon2id', 7, [5]],
  ['a key id that is not the key’s', 'pbkdf2', 39, [0]],
]

/** Properly sealed. @type {[name: string, content: Buffer][]} */
const CONTENTS = [
  ['no content type', Buffer.alloc(0)],
  ['content type 1', Buffer.from(`${TEXT}\x01`)],
  ['content type 255', Buffer.from([0, 255])],
  ['a text that is not UTF-8', Buffer.from([0xff, 0])],
]

/** What becomes of a good envelope. @type {[name: string, alter: (envelope: Buffer) => Buffer][]} */
const ALTERED = [
  ['nothing', () => Buffer.alloc(0)],
  ['a header and nothing more', (envelope) => envelope.subarray(0, 64)],
  ['no ciphertext', (envelope) => Buffer.concat([envelope.subarray(0, 64), envelope.subarray(-16)])],
  ['the last byte is missing', (envelope) => envelope.subarray(0, -1)],
  ['a tag of 12 bytes', (envelope) => envelope.subarray(0, -4)],
  ['one byte more', (envelope) => Buffer.concat([envelope, Buffer.alloc(1)])],
  ['one bit of the salt', (envelope) => flipped(envelope, 8)],
  ['one bit of the key id', (envelope) => flipped(envelope, 24)],
  ['one bit of the seed', (envelope) => flipped(envelope, 40)],
  ['one bit of the iv', (envelope) => flipped(envelope, 52)],
  ['one bit of the ciphertext', (envelope) => flipped(envelope, 64)],
  ['one bit of the tag', (envelope) => flipped(envelope, envelope.length - 1)],
  ['210,001 rounds', (envelope) => flipped(envelope, 5)],
]

/** @param {Buffer} envelope @param {number} offset */
function flipped(envelope, offset) {
  const copy = Buffer.from(envelope)
  copy[offset] ^= 1
  return copy
}

/** Bytes that are always the same under a name: no vector needs chance. @param {string} name @param {number} length */
function bytesNamed(name, length) {
  return createHash('sha256').update(`sealed vectors: ${name}`).digest().subarray(0, length)
}

/** @param {string} hex */
const bytesOf = (hex) => Buffer.from(hex, 'hex')

/** @param {Vectors | undefined} stored @returns {Vectors} */
function makeVectors(stored) {
  const keys = KEYS.map((key) => makeKey(key, stored))
  return {
    keys,
    sealed: SEALED.map((one) => makeSealed(one, keyNamed(keys, one[1]))),
    refused: makeRefused(keys),
  }
}

/** @param {typeof KEYS[number]} key @param {Vectors | undefined} stored @returns {Key} */
function makeKey([name, secret, derivation], stored) {
  const salt = bytesNamed(`salt of ${name}`, 16)
  const masterKey = reference.canDerive(derivation)
    ? reference.deriveMasterKey(secret, derivation, salt)
    : bytesOf(keyNamed(stored?.keys ?? [], name).masterKey)
  const keyId = reference.keyIdOf(masterKey)
  return {
    ...{ name, secret, derivation, salt: salt.toString('hex') },
    ...{ masterKey: masterKey.toString('hex'), keyId: keyId.toString('hex') },
  }
}

/** @param {Key[]} keys @param {string} name */
function keyNamed(keys, name) {
  const key = keys.find((one) => one.name === name)
  if (!key) throw new Error(`There is no key ${name}`)
  return key
}

/** @param {string} name @param {Key} key */
function headerFor(name, key) {
  return reference.headerReference({
    masterKey: bytesOf(key.masterKey),
    derivation: key.derivation,
    salt: bytesOf(key.salt),
    seed: bytesNamed(`seed of ${name}`, 12),
    iv: bytesNamed(`iv of ${name}`, 12),
  })
}

/** @param {typeof SEALED[number]} sealed @param {Key} key @returns {Sealed} */
function makeSealed([name, , storageId, text], key) {
  const masterKey = bytesOf(key.masterKey)
  const header = headerFor(name, key)
  const seed = header.subarray(40, 52)
  return {
    ...{ name, key: key.name, storageId, text },
    ...{ seed: seed.toString('hex'), iv: header.subarray(52).toString('hex') },
    messageKey: reference.messageKeyOf(masterKey, seed).toString('hex'),
    envelope: reference.sealReference(header, masterKey, storageId, text).toString('hex'),
  }
}

/** @param {Key[]} keys @returns {Refused[]} */
function makeRefused(keys) {
  const key = keyNamed(keys, 'pbkdf2')
  const good = makeSealed(SEALED[0], key)
  /** @type {Refused[]} */
  const misplaced = [
    { ...refused('another storage id', key, bytesOf(good.envelope)), storageId: `${STORAGE_ID}x` },
    refused('another secret', keyNamed(keys, 'another secret'), bytesOf(good.envelope)),
  ]
  const headers = HEADERS.map((one) => makeUnderHeader(one, keyNamed(keys, one[1])))
  const contents = CONTENTS.map(([name, content]) =>
    makeWithContent(name, key, headerFor(name, key), content)
  )
  const altered = ALTERED.map(([name, alter]) => refused(name, key, alter(bytesOf(good.envelope))))
  return [...misplaced, ...headers, ...contents, ...altered]
}

/** @param {typeof HEADERS[number]} header @param {Key} key */
function makeUnderHeader([name, , offset, bytes], key) {
  const header = headerFor(name, key)
  header.set(bytes, offset)
  return makeWithContent(name, key, header, Buffer.from(`${TEXT}\0`))
}

/** @param {string} name @param {Key} key @param {Buffer} header @param {Buffer} content */
function makeWithContent(name, key, header, content) {
  return refused(name, key, reference.encrypt(header, bytesOf(key.masterKey), STORAGE_ID, content))
}

/** @param {string} name @param {Key} key @param {Buffer} envelope @returns {Refused} */
function refused(name, { name: key }, envelope) {
  return { name, key, storageId: STORAGE_ID, envelope: envelope.toString('hex') }
}

/** @param {Vectors} vectors */
function checkVectors({ keys, sealed, refused }) {
  for (const one of sealed) assert.equal(open(one, keyNamed(keys, one.key)), one.text, one.name)
  for (const one of refused) {
    const key = keyNamed(keys, one.key)
    assert.throws(() => open(one, key), one.name)
  }
}

/** @param {Refused} one @param {Key} key */
function open({ storageId, envelope }, key) {
  return reference.openReference(bytesOf(envelope), bytesOf(key.masterKey), storageId)
}

/** @param {Vectors} vectors @returns {string} the end of the document */
function examplesOf({ keys, sealed }) {
  const examples = ['a session', 'a session with Argon2id'].map((name) => {
    const one = sealed.find((candidate) => candidate.name === name)
    if (!one) throw new Error(`There is no vector ${name}`)
    return exampleOf(one, keyNamed(keys, one.key))
  })
  return `${EXAMPLES}\nBytes are in hexadecimal.\n\n${examples.join('\n')}`
}

/** @param {Sealed} one @param {Key} key */
function exampleOf(one, key) {
  const lines = {
    secret: key.secret,
    derivation: Object.values(key.derivation).join(', '),
    salt: key.salt,
    'master key': key.masterKey,
    'key id': key.keyId,
    'storage id': one.storageId,
    text: one.text,
    seed: one.seed,
    iv: one.iv,
    'message key': one.messageKey,
    envelope: wrapped(one.envelope),
  }
  const body = Object.entries(lines).map(([name, value]) => `${name.padEnd(13)}${value}\n`)
  return `\`\`\`text\n${body.join('')}\`\`\`\n`
}

/** @param {string} hex 32 bytes a line: two lines are the header */
function wrapped(hex) {
  return hex.replace(/.{64}(?=.)/g, `$&\n${' '.repeat(13)}`)
}

/** @param {string} examples */
function writeExamples(examples) {
  const document = readFileSync(DOCUMENT, 'utf8')
  writeFileSync(DOCUMENT, document.slice(0, document.indexOf(EXAMPLES)) + examples)
}

/** @param {string[]} args */
function main(args) {
  const writes = args.includes('--write')
  const stored = writes ? undefined : JSON.parse(readFileSync(VECTORS, 'utf8'))
  const vectors = makeVectors(stored)
  checkVectors(vectors)
  const examples = examplesOf(vectors)
  if (writes) {
    writeFileSync(VECTORS, `${JSON.stringify(vectors, null, 2)}\n`)
    writeExamples(examples)
  } else {
    assert.deepEqual(stored, vectors)
    assert.ok(readFileSync(DOCUMENT, 'utf8').endsWith(examples), 'the examples in the document differ')
  }
  const taken = KEYS.filter(([, , derivation]) => !reference.canDerive(derivation)).length
  const { sealed, refused } = vectors
  console.log(`${sealed.length} sealed and ${refused.length} refused vectors are right`)
  if (taken) console.log(`${taken} master keys were not derived: this Node has no Argon2`)
}

main(process.argv.slice(2))
