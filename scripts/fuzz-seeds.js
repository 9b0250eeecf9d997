// Makes fuzz/seeds/decrypt: a stored session of each kind, for the fuzz target `decrypt` to alter. Where an envelope is encoded, its
// bytes, which the target encodes again (not as hex): a text could hardly be altered without becoming no encoding of anything.
//
//   node scripts/fuzz-seeds.js
//
// Nothing in them is random, so that changes them only when this file or the vectors have changed.
'use strict'

const { mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { deriveMasterKey, headerReference, sealReference } = require('../__test__/support/sealed-reference.js')

const ROOT = path.join(__dirname, '..')
const SEEDS = path.join(ROOT, 'fuzz', 'seeds', 'decrypt')

/** As the target has them. */
const [SECRET, STORAGE_ID] = ['Correct-Horse-42-Battery!', 'sid']

/** Those that the options of the target's stores can read. @type {Record<string, string[]>} */
const VECTORS = {
  'kruptein-2': [
    '4.1.0-2.2.1-defaults',
    '4.1.0-2.2.1-cbc-defaults-object',
    '4.1.0-2.2.1-gcm-binary',
    '4.1.0-2.2.3-asn1',
  ],
  'kruptein-3.0': ['5.1.0-3.0.0-cbc-defaults', '5.1.0-3.0.0-gcm-binary'],
  'kruptein-3.1': ['5.1.0-3.1.1-defaults', '5.1.0-3.1.3-cbc-defaults'],
  'kruptein-3.4': [
    '5.1.0-3.4.0-cbc-defaults-object',
    '5.1.0-3.4.0-gcm-binary',
    '5.1.0-3.4.0-minimal',
    '5.1.0-3.4.0-no-asn1',
  ],
  'connect-mongo-6': ['6.0.0-3.0.8-defaults'],
  v3: ['3.2.0-defaults', '3.2.0-gcm-sha512-hex-object'],
  'web-crypto': ['6.0.0-webcrypto-minimal', '6.0.0-webcrypto-cbc-base64'],
}

/** @param {string} file @param {string} id @returns {string} */
function storedText(file, id) {
  const text = readFileSync(path.join(ROOT, '__test__', 'vectors', `${file}.json`), 'utf8')
  const vector = JSON.parse(text).vectors.find((/** @type {{ id: string }} */ one) => one.id === id)
  if (!vector) throw new Error(`There is no ${id} in ${file}.json`)
  // With stringify: false connect-mongo 3.2 stored one character a field.
  return typeof vector.stored === 'string' ? vector.stored : Object.values(vector.stored).join('')
}

/** @param {string} text @returns {Buffer} */
function seedOf(text) {
  if (/^(["{]|[0-9a-f]+$)/.test(text)) return Buffer.from(text)
  return Buffer.from(text, /^[\w+/=-]+$/.test(text) ? 'base64' : 'latin1')
}

/** @param {import('../__test__/support/sealed-reference.js').Derivation} derivation */
function sealed(derivation) {
  const salt = Buffer.alloc(16, 1)
  const masterKey = deriveMasterKey(SECRET, derivation, salt)
  const header = headerReference({
    masterKey,
    derivation,
    salt,
    seed: Buffer.alloc(12, 2),
    iv: Buffer.alloc(12, 3),
  })
  return sealReference(header, masterKey, STORAGE_ID, '{"cookie":{}}')
}

/** Which of the target's stores can read it. @param {string} id */
function storeOf(id) {
  if (id.includes('cbc')) return 'cbc'
  return id.includes('binary') ? 'latin1' : 'gcm'
}

/** By name, which begins with the store. @returns {[string, Buffer][]} */
function seeds() {
  const known = Object.entries(VECTORS).flatMap(([file, ids]) =>
    ids.map((id) => /** @type {[string, Buffer]} */ ([`${storeOf(id)}-${id}`, seedOf(storedText(file, id))]))
  )
  return [...known, ['gcm-sealed', sealed({ algorithm: 'pbkdf2-sha512', rounds: 1_000 })]]
}

rmSync(SEEDS, { recursive: true, force: true })
mkdirSync(SEEDS, { recursive: true })
for (const [name, bytes] of seeds()) writeFileSync(path.join(SEEDS, name), bytes)
