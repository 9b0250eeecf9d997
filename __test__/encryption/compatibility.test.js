// A collection that is shared with connect-mongo, or handed back to it: with the same options each reads what the other wrote.
'use strict'

const assert = require('node:assert/strict')
const { after, describe, test } = require('node:test')
const { MongoClient } = require('mongodb')
const ours = require('../..')
const ConnectMongo5 = require('connect-mongo-5')
const { DEFAULT_BACKEND } = require('../support/backends.js')
const { SECRET } = require('../support/encryption.js')
const { freshDatabaseUrl } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { promised } = require('../support/wait.js')

/** What JSON and UTF-8 can do to a text, and the fields of an envelope. */
const SESSION = plainSession({
  user: { name: 'Zoë "Ω" 🦀 日本', roles: ['admin', 'a\\b'], theme: null },
  text: 'line\nline\u2028\u0000</script>',
  half: 'a\ud800z',
  ...{ type: 'json', value: 0.1, ct: 'x', hmac: 'y', iv: 'z', salt: '' },
})

const MODES = {
  text: { stringify: true },
  document: { stringify: false },
  'serialize to text': {
    serialize: (/** @type {any} */ session) => `text of ${JSON.stringify(session)}`,
    unserialize: (/** @type {any} */ value) => ({ value }),
  },
  'serialize to JSON': { serialize: JSON.stringify, unserialize: (/** @type {any} */ value) => ({ value }) },
  'serialize to an object': {
    serialize: (/** @type {any} */ session) => ({ wrapped: session }),
    unserialize: (/** @type {any} */ value) => ({ value }),
  },
  'serialize alone': { serialize: (/** @type {any} */ { user }) => ({ user }) },
  'unserialize alone': { unserialize: (/** @type {any} */ value) => ({ value }) },
}

/** Options of `crypto`. */
const CRYPTO_CHOICES = {
  'secret in Unicode': { secret: 'Zwölf.Äpfel_&_7_Birnen/🦀' },
  ...choices('algorithm', [
    ...['aes-128-gcm', 'aes-192-gcm', 'aes-256-ocb', 'aes-192-cbc', 'aes256', 'AES-256-CBC'],
    ...['aes-256-ctr', 'aes-256-cfb', 'aes-256-cfb1', 'aes-256-cfb8', 'aes-256-ofb'],
    ...['aria-256-gcm', 'aria-256-cbc', 'camellia-256-cbc', 'camellia-256-ctr', 'chacha20', null],
  ]),
  ...choices('hashing', ['md5', 'sha1', 'SHA256', 'sha384', 'sha3-512', 'blake2b512', 'rmd160', 'sm3', null]),
  ...choices('encodeas', ['hex', 'HEX', 'base64url', 'latin1', 'binary', null]),
  'latin1 without a tag': { algorithm: 'aes-256-cbc', encodeas: 'latin1' },
  ...choices('use_scrypt', [true]),
  ...choices('use_argon2', [true]),
  ...choices('use_asn1', [false]),
  'sizes without effect': { key_size: 24, iv_size: 24, at_size: 8 },
  'sizes with an effect': { _iv_size: 16, _at_size: 12, _key_size: 32 },
}

/** Options of `createWebCryptoAdapter`. */
const WEB_CRYPTO_CHOICES = {
  ...choices('encoding', ['hex', 'base64url', 'none there is'], { iterations: 2 }),
  'AES-CBC in hex': { algorithm: 'AES-CBC', encoding: 'hex', iterations: 1000 },
  'AES-CBC in base64url': { algorithm: 'AES-CBC', encoding: 'base64url', iterations: 1 },
  'secret of bytes': { secret: Uint8Array.from([0, 255, 128, 10]), iterations: 3 },
  'secret in an ArrayBuffer': { secret: Uint8Array.from([0, 255]).buffer, iterations: 3 },
  'secret in a part of a buffer': { secret: Buffer.from('before secret').subarray(7), iterations: 3 },
  ...choices('salt', ['pepper', Uint8Array.from([1, 2, 254]), new Uint8Array(0), ''], { iterations: 4 }),
  ...choices('ivLength', [13, 16, 64, 128], { iterations: 5 }),
}

/** @param {string} option @param {unknown[]} values @param {object} [rest] @returns {Record<string, object>} one for each value */
function choices(option, values, rest) {
  return Object.fromEntries(values.map((value) => [`${option} ${value}`, { [option]: value, ...rest }]))
}

/** @param {any} options @param {any} _module */
const krupteinOption = (options, _module) => ({ crypto: { secret: SECRET, ...options } })

/** @param {any} options @param {any} module */
const webCryptoOption = (options, { createWebCryptoAdapter }) => ({
  cryptoAdapter: createWebCryptoAdapter({ secret: SECRET, ...options }),
})

/** @typedef {{ title: string, mode: object, encryption: (module: any) => object }} Case */

/** Each choice in one of the usual modes, in turn. @param {Record<string, any>} all @param {typeof krupteinOption} option @returns {Case[]} */
function inTurn(all, option) {
  const modes = /** @type {const} */ (['text', 'document'])
  return Object.entries(all).map(([name, options], index) => ({
    title: `${name}, ${modes[index % 2]}`,
    mode: MODES[modes[index % 2]],
    encryption: (module) => option(options, module),
  }))
}

/** @param {string} name @param {object} options @param {typeof krupteinOption} option @returns {Case[]} */
function inEachMode(name, options, option) {
  return Object.entries(MODES).map(([mode, functions]) => ({
    title: `${name}, ${mode}`,
    mode: functions,
    encryption: (module) => option(options, module),
  }))
}

/** All that 5.1.0 has of its own: its kruptein is the very one of 6.0.0. */
const CASES_OF_FIVE = [
  ...inEachMode('defaults', {}, krupteinOption),
  ...inEachMode('aes-256-cbc', { algorithm: 'aes-256-cbc' }, krupteinOption),
]
const CASES_OF_SIX = [
  ...CASES_OF_FIVE,
  ...inTurn(CRYPTO_CHOICES, krupteinOption),
  ...inEachMode('AES-GCM', {}, webCryptoOption),
  ...inEachMode('AES-CBC', { algorithm: 'AES-CBC', iterations: 1 }, webCryptoOption),
  ...inTurn(WEB_CRYPTO_CHOICES, webCryptoOption),
]

const databaseUrl = freshDatabaseUrl('encryption_compatibility')
const connected = databaseUrl.then((url) => MongoClient.connect(url))

after(async () => (await connected).close())

/** A client that is given is shared: closing a store of connect-mongo would close it. @param {any} MongoStore @param {object} options */
function openTheirs(MongoStore, options) {
  const store = MongoStore.create({ autoRemove: 'disabled', ...options })
  return {
    set: (/** @type {string} */ id, /** @type {any} */ session) => promised(store, 'set', id, session),
    get: (/** @type {string} */ id) => promised(store, 'get', id),
  }
}

/**
 * Has each store write a session, and each read all of them.
 *
 * @param {Record<string, { set: Function, get: Function }>} stores
 * @returns {Promise<Record<string, Record<string, any>>>} by reader, then by writer
 */
async function exchange(stores) {
  for (const [writer, store] of Object.entries(stores)) await store.set(writer, SESSION)
  /** @type {Record<string, Record<string, any>>} */
  const read = {}
  for (const [reader, store] of Object.entries(stores)) {
    read[reader] = {}
    for (const writer of Object.keys(stores)) read[reader][writer] = await store.get(writer)
  }
  return read
}

/** @param {import('node:test').TestContext} t @param {string} collectionName @param {Case} one */
async function openOurs(t, collectionName, { mode, encryption }) {
  const client = await connected
  const mongoUrl = await databaseUrl
  const common = { collectionName, autoRemove: 'disabled', ...mode, ...encryption(ours) }
  const byUrl = ours.create({ ...common, mongoUrl })
  const byClient = ours.create({ ...common, client, closeClient: false })
  t.after(() => Promise.all([byUrl.close(), byClient.close()]))
  assert.equal(byUrl.backend, DEFAULT_BACKEND)
  return { byUrl, byClient }
}

describe('on one collection', () => {
  // The server may be gone by the time of a hook that is not of this suite.
  after(async () => (await connected).db().dropDatabase())

  for (const one of CASES_OF_SIX) {
    test(`connect-mongo 6.0.0 and ours read one another: ${one.title}`, async (t) => {
      const client = await connected
      const collectionName = one.title
      const six = await import('connect-mongo')
      const theirs = openTheirs(six.MongoStore, {
        client,
        collectionName,
        ...one.mode,
        ...one.encryption(six),
      })
      const read = await exchange({ theirs, ...(await openOurs(t, collectionName, one)) })
      const expected = read.theirs.theirs
      assert.notEqual(expected, null)
      for (const [reader, sessions] of Object.entries(read)) {
        for (const [writer, session] of Object.entries(sessions)) {
          assert.deepEqual(session, expected, `${reader} reads what ${writer} wrote`)
        }
      }
    })
  }

  for (const one of CASES_OF_FIVE) {
    test(`connect-mongo 5.1.0 reads ours as it reads those of 6.0.0: ${one.title}`, async (t) => {
      const client = await connected
      const collectionName = `five ${one.title}`
      const { MongoStore } = await import('connect-mongo')
      const options = { client, collectionName, ...one.mode, ...one.encryption(ours) }
      const five = openTheirs(ConnectMongo5, options)
      const six = openTheirs(MongoStore, options)
      const read = await exchange({ five, six, ...(await openOurs(t, collectionName, one)) })
      for (const one of ['byUrl', 'byClient']) {
        assert.deepEqual(read.five[one], read.five.six)
        assert.deepEqual(read[one].five, read.five.five)
      }
    })
  }
})
