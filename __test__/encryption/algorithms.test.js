// `algorithm`, `hashing` and `encodeas`: what docs/encryption-algorithms.md lists works, and nothing else.
'use strict'

const assert = require('node:assert/strict')
const crypto = require('node:crypto')
const { describe, test } = require('node:test')
const { createKrupteinAdapter, createWebCryptoAdapter } = require('../..')
const { SECRET } = require('../support/encryption.js')
const tried = require('../vectors/algorithms.json')

/** @param {object} options */
const adapterWith = (options) => createKrupteinAdapter({ secret: SECRET, ...options })

/** What the lists of algorithms.json are about. */
const LISTS = /** @type {const} */ ({
  ciphers: 'algorithm',
  cipherCapitals: 'algorithm',
  hashes: 'hashing',
  hashCapitals: 'hashing',
  encodings: 'encodeas',
  encodingCapitals: 'encodeas',
})

/** @typedef {keyof typeof LISTS} List */

/** By the name that they have in the vectors. */
const vectors = new Map(
  tried.vectors.map((vector) => [vector.id.replace('algorithms-', '').toLowerCase(), vector])
)

/** @param {string} name @returns {string} a name that is the same but for capitals */
const upper = (name) => name.toUpperCase()

/** What Node has, or what Buffer has, and connect-mongo 6.0.0 cannot use. @type {Record<string, string[]>} */
const UNUSABLE = {
  algorithm: without(crypto.getCiphers(), tried.ciphers),
  hashing: without(crypto.getHashes(), tried.hashes),
  encodeas: ['ascii', 'utf8', 'utf-8', 'ucs2', 'ucs-2', 'utf16le', 'utf-16le', 'UTF8', 'base-64', 'none'],
}
/** Only in capitals. */
const UNUSABLE_CAPITALS = without(tried.ciphers.map(upper), [...tried.ciphers, ...tried.cipherCapitals])

/** @param {string[]} names @param {string[]} usable */
function without(names, usable) {
  return names.filter((name) => !usable.includes(name))
}

describe('an algorithm of the list', () => {
  for (const [list, option] of Object.entries(LISTS)) {
    test(`${tried[list].length} of ${list} can be used`, () => {
      assert.ok(tried[list].length > 0)
      for (const name of tried[list]) assert.doesNotThrow(() => adapterWith({ [option]: name }), name)
    })
  }

  for (const list of /** @type {const} */ (['cipherCapitals', 'hashCapitals', 'encodingCapitals'])) {
    test(`in capitals is the same: ${list}`, async () => {
      const option = LISTS[list]
      let count = 0
      for (const name of tried[list]) {
        const vector = vectors.get(name.toLowerCase())
        if (!vector) continue
        count += 1
        const { decrypt } = adapterWith({ ...vector.options, [option]: name })
        assert.equal(JSON.parse(await decrypt(vector.stored)), vector.session, name)
      }
      assert.ok(count >= tried[list].length / 2, `${count} of ${list}`)
    })
  }
})

/** Other names of algorithms in the lists: OpenSSL's, which Node lists from 26 on only. @type {Record<string, string[]>} */
const OTHER_NAMES = {
  algorithm: [128, 192, 256].map((bits) => `id-aes${bits}-gcm`),
  hashing: [
    ...['1', '224', '256', '384', '512', '512/224', '512/256'].map((bits) => `sha-${bits}`),
    ...['224', '256', '384', '512', '512/224', '512/256'].map((bits) => `sha2-${bits}`),
    ...['ripemd-160', 'blake2b-512', 'blake2s-256'],
  ],
}

describe('another name of an algorithm', () => {
  for (const [option, names] of Object.entries(OTHER_NAMES)) {
    test(`is as good as in connect-mongo: ${names.length} of ${option}`, async () => {
      const six = await import('connect-mongo')
      for (const name of names) {
        const options = { secret: SECRET, [option]: name }
        const encrypted = await six.createKrupteinAdapter(options).encrypt('text')
        assert.equal(JSON.parse(await adapterWith(options).decrypt(encrypted)), 'text', name)
      }
    })
  }
})

describe('an algorithm that does not work', () => {
  for (const [option, names] of Object.entries(UNUSABLE)) {
    const [alternative] = { algorithm: ['aes-256-gcm'], hashing: ['sha512'], encodeas: ['base64'] }[option]
    const unusable = without(names, OTHER_NAMES[option] ?? [])
    test(`is an error that tells those that do: ${unusable.length} of ${option}`, () => {
      assert.ok(unusable.length > 0)
      for (const name of unusable) {
        assert.throws(
          () => adapterWith({ [option]: name }),
          ({ message }) =>
            message.startsWith(`crypto.${option} `) &&
            message.includes(name) &&
            (message.includes(alternative) || message.includes('must be in lower case')),
          name
        )
      }
    })
  }

  test('is an error where it fails only in capitals', () => {
    assert.ok(UNUSABLE_CAPITALS.includes('AES-256-GCM') && UNUSABLE_CAPITALS.includes('AES-128-CBC'))
    for (const algorithm of UNUSABLE_CAPITALS) {
      assert.throws(() => adapterWith({ algorithm }), { message: /^crypto\.algorithm / }, algorithm)
    }
  })

  test('is an error in a Web Crypto adapter', () => {
    for (const algorithm of ['AES-CTR', 'AES-KW', 'aes-gcm', 'aes-256-gcm', '']) {
      assert.throws(() => createWebCryptoAdapter({ secret: SECRET, algorithm }), { message: /algorithm/ })
    }
  })
})

/** connect-mongo 6.0.0 fails to encrypt with these: Web Crypto refuses them. */
for (const ivLength of [1, 8, 11, 129, 1000]) {
  test(`an AES-GCM adapter with an iv of ${ivLength} bytes is an error`, async () => {
    const six = await import('connect-mongo')
    const options = { secret: SECRET, iterations: 1, ivLength }
    await assert.rejects(six.createWebCryptoAdapter(options).encrypt('text'))
    assert.throws(() => createWebCryptoAdapter(options), { message: /ivLength/ })
  })
}
