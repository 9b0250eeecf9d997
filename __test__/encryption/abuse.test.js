// Whatever is stored, and whatever is given as an option: an error that says what is wrong, and no secret in it.
'use strict'

const assert = require('node:assert/strict')
const { inspect } = require('node:util')
const { test } = require('node:test')
const mongodb = require('mongodb')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { runInChild } = require('../support/child.js')
const { freshDatabaseUrl } = require('../support/server.js')
const { NOT_ENCRYPTED, REFUSED, SECRET, onBothBackends } = require('../support/encryption.js')
const { LATER, plainSession } = require('../support/sessions.js')
const { collectWarnings, warningsAreOut } = require('../support/warnings.js')

const MEGABYTE = 1024 * 1024
const { createKrupteinAdapter, createWebCryptoAdapter } = MongoStore

/** @type {Record<string, () => object>} what turns encryption on */
const ENCRYPTIONS = {
  kruptein: () => ({ crypto: { secret: SECRET } }),
  sealed: () => ({ crypto: { secret: SECRET, format: 'sealed' } }),
  'Web Crypto': () => ({ cryptoAdapter: createWebCryptoAdapter({ secret: SECRET, iterations: 1 }) }),
}

/** One of each BSON type that is no text. @type {Record<string, unknown>} */
const BSON_VALUES = {
  double: 0.5,
  document: { cookie: {} },
  'empty document': {},
  'document of numbers': { 0: 1, 1: 2 },
  array: [1, { a: 2 }],
  'array of characters': ['{', '}'],
  'empty array': [],
  binary: Buffer.from('bytes'),
  'empty binary': Buffer.alloc(0),
  UUID: new mongodb.UUID(),
  objectId: new mongodb.ObjectId(),
  false: false,
  true: true,
  date: new Date(0),
  regex: /a/i,
  code: new mongodb.Code('function () {}'),
  'code with scope': new mongodb.Code('function () {}', { a: 1 }),
  symbol: new mongodb.BSONSymbol('symbol'),
  int: 5,
  timestamp: new mongodb.Timestamp(5n),
  long: mongodb.Long.MAX_VALUE,
  decimal: mongodb.Decimal128.fromString('1.5'),
  minKey: new mongodb.MinKey(),
  maxKey: new mongodb.MaxKey(),
}

const base64 = (/** @type {number[]} */ ...bytes) => Buffer.from(bytes).toString('base64')
const envelope = { hmac: 'aa', ct: 'aa', iv: 'aa', salt: 'aa', at: 'aa', aad: 'aa' }

/** @type {Record<string, string>} */
const TEXTS = {
  nothing: '',
  space: ' ',
  'half an envelope': '{"ct":"aa","hmac":"aa"',
  'an envelope of nothing': JSON.stringify({ ...envelope, hmac: '', ct: '', iv: '', salt: '' }),
  'an envelope of numbers': JSON.stringify({ ...envelope, ct: 1 }),
  'an envelope of buffers': JSON.stringify({ ...envelope, iv: { type: 'Buffer', data: [256, -1] } }),
  'an envelope in JSON': JSON.stringify(JSON.stringify(envelope)),
  'quotes that never end': '"{\\"hmac\\":',
  null: 'null',
  'not UTF-16': '\ud800\udc00\udbff',
  'an empty sequence': base64(0x30, 0x00),
  'a sequence without its content': base64(0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x04),
  'a length of lengths': base64(0x30, 0xff, ...Array(127).fill(0xff)),
  'an endless sequence': base64(0x30, 0x80, 0x04, 0x80),
  'sequences in sequences': base64(...Array(5_000).fill(0x30)),
  'empty octet strings': base64(0x30, 0x08, 0x04, 0x00, 0x04, 0x00, 0x04, 0x00, 0x04, 0x00),
  'deep arrays': '['.repeat(100_000),
  'deep objects': '{"a":'.repeat(100_000),
  'deep JSON in an envelope': `{"ct":${'['.repeat(100_000)}`,
  'megabytes of base64': 'QUFB'.repeat(MEGABYTE),
  'megabytes of hex': '30'.repeat(2 * MEGABYTE),
  'megabytes of no encoding': '-'.repeat(4 * MEGABYTE),
}

/** A sealed header that asks for more work than any store does. @param {number} algorithm @param {number[]} cost */
const costly = (algorithm, cost) => Buffer.concat([Buffer.from([1, algorithm, ...cost]), Buffer.alloc(200)])

/** @type {Record<string, Buffer>} */
const BYTES = {
  'four billion rounds': costly(1, [0xff, 0xff, 0xff, 0xff, 0, 0]),
  'four tebibytes of memory': costly(2, [0xff, 0xff, 0xff, 0xff, 1, 1]),
  '255 passes': costly(2, [0, 0, 0x4c, 0, 255, 1]),
  'megabytes of zeros': Buffer.alloc(4 * MEGABYTE),
}

for (const [name, encryption] of Object.entries(ENCRYPTIONS)) {
  onBothBackends(`${name}: whatever is stored in place of a session is refused`, async (context) => {
    const { sessions, open } = context
    const values = Object.entries({ ...BSON_VALUES, ...TEXTS, ...BYTES })
    await sessions.insertMany(values.map(([_id, session]) => ({ _id, session, expires: LATER })))
    const [store, dropping] = [open(encryption()), open({ ...encryption(), onDecryptError: 'drop' })]
    for (const [id] of values) {
      await assert.rejects(store.get(id), id === 'document' ? NOT_ENCRYPTED : REFUSED, id)
    }
    await assert.rejects(store.all(), { code: REFUSED.code })
    assert.deepEqual(await dropping.all(), [])
    const { scanned, unreadable } = await store.reencrypt()
    assert.deepEqual({ scanned, unreadable }, { scanned: values.length, unreadable: values.length })
    await store.set('sid', plainSession())
    assert.deepEqual(await store.get('sid'), plainSession())
  })
}

// ---- Options

/** @type {[options: unknown, message: RegExp][]} of `crypto` */
const WRONG_CRYPTO = [
  ['text', /^crypto must be an object/],
  [5, /^crypto must be an object/],
  [true, /^crypto must be an object/],
  [() => {}, /^crypto must be an object/],
  ...[5, {}, true, Symbol('secret'), 10n, new Date(), ['a', 5], [['a']]].map(
    (secret) =>
      /** @type {[object, RegExp]} */ ([{ secret }, /^crypto\.secret must be a string or bytes, not /])
  ),
  ...[0, -1, 1.5, '12', Number.NaN, 2 ** 30].map(
    (size) =>
      /** @type {[object, RegExp]} */ ([
        { secret: SECRET, _iv_size: size || -1 },
        /^crypto\._iv_size must be an integer from 1 to \d+/,
      ])
  ),
  [{ secret: SECRET, _at_size: {} }, /^crypto\._at_size must be /],
  [{ secret: SECRET, _key_size: '32' }, /^crypto\._key_size must be /],
  [{ secret: SECRET, format: 'another' }, /^crypto\.format must be /],
  [{ secret: SECRET, format: null }, /^crypto\.format must be /],
  [{ secret: SECRET, format: 'sealed', derivation: 'scrypt' }, /^crypto\.derivation must be /],
]

test('a wrong crypto is a TypeError that names the option', () => {
  for (const [crypto, message] of WRONG_CRYPTO) {
    const create = () => MongoStore.create({ mongoUrl: 'mongodb://localhost:1/none', crypto })
    assert.throws(create, { name: 'TypeError', message }, inspect(crypto))
  }
})

test('a ring without a secret, or with an empty one, is an error', () => {
  for (const secret of [[], [''], ['a', ''], [new Uint8Array(0)], new Uint8Array(0), new ArrayBuffer(0)]) {
    for (const create of [createKrupteinAdapter, createWebCryptoAdapter]) {
      assert.throws(() => create({ secret }), { message: /requires a non-empty secret/ })
    }
  }
})

/** @type {[options: object, message: RegExp][]} of `createWebCryptoAdapter` */
const WRONG_WEB_CRYPTO = [
  [{ secret: 5 }, /secret must be a string or bytes/],
  [{ iterations: 0 }, /^iterations must be an integer from 1 to \d+/],
  [{ iterations: 1.5 }, /^iterations /],
  [{ iterations: '9' }, /^iterations /],
  [{ iterations: 2 ** 31 }, /^iterations /],
  [{ salt: 5 }, /^salt must be a string or bytes/],
  [{ salt: {} }, /^salt must be a string or bytes/],
  [{ ivLength: 'a' }, /^ivLength must be an integer from 1 to \d+/],
]

test('a wrong option of createWebCryptoAdapter is a TypeError that names it', () => {
  for (const [options, message] of WRONG_WEB_CRYPTO) {
    const create = () => createWebCryptoAdapter({ secret: SECRET, ...options })
    assert.throws(create, { name: 'TypeError', message }, inspect(options))
  }
})

test('a wrong cryptoAdapter or onDecryptError is a TypeError that names it', () => {
  const wrong = [
    ...[5, 'text', {}, [], () => {}, { encrypt: 1, decrypt: () => {} }].map((cryptoAdapter) => ({
      cryptoAdapter,
    })),
    ...['ignore', null, true].map((onDecryptError) => ({ onDecryptError })),
  ]
  for (const options of wrong) {
    const [name] = Object.keys(options)
    const create = () => MongoStore.create({ mongoUrl: 'mongodb://localhost:1/none', ...options })
    assert.throws(create, { name: 'TypeError', message: new RegExp(`^${name} must `) }, inspect(options))
  }
})

test('an unknown option is a warning that names it, once', async (t) => {
  const warnings = collectWarnings(t)
  for (let times = 0; times < 2; times++) createKrupteinAdapter({ secret: SECRET, algoritm: 'aes-256-cbc' })
  createWebCryptoAdapter({ secret: SECRET, rounds: 5 })
  await warningsAreOut()
  const messages = warnings.map(({ message }) => message)
  assert.equal(
    messages.filter((message) => /algoritm of createKrupteinAdapter; did you mean algorithm\?/.test(message))
      .length,
    1
  )
  assert.equal(messages.filter((message) => /rounds of createWebCryptoAdapter/.test(message)).length, 1)
})

// ---- Secrets

onBothBackends('no secret is in what a store or an adapter looks like', async ({ open }) => {
  const deep = { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: false, showProxy: true }
  for (const encryption of Object.values(ENCRYPTIONS)) {
    const options = encryption()
    const store = open(options)
    await store.set('sid', plainSession())
    await store.get('sid')
    for (const seen of [store, options.cryptoAdapter]) {
      assert.ok(!inspect(seen, deep).includes(SECRET))
      assert.ok(!(JSON.stringify(seen) ?? '').includes(SECRET))
    }
  }
})

onBothBackends('no secret is in an error', async ({ open, sessions }) => {
  await open({ crypto: { secret: 'another' } }).set('bad', plainSession())
  await sessions.insertOne({ _id: 'plain', session: '{}', expires: LATER })
  for (const encryption of Object.values(ENCRYPTIONS)) {
    const store = open(encryption())
    for (const sid of ['bad', 'plain']) {
      const error = await store.get(sid).catch((/** @type {Error} */ failure) => failure)
      assert.equal(error.code, REFUSED.code)
      assert.ok(!inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }).includes(SECRET))
      assert.equal(error.cause, undefined)
    }
  }
})

/** @type {object[]} options that are refused, each in a place of its own */
const REFUSED_OPTIONS = [
  { algorithm: 'none' },
  { hashing: 'none' },
  { encodeas: 'none' },
  { _iv_size: -1 },
  { format: 'none' },
  { secret: [SECRET, 5] },
]

test('no secret is in the error of a wrong option', () => {
  for (const options of REFUSED_OPTIONS) {
    const create = () =>
      MongoStore.create({ mongoUrl: 'mongodb://localhost:1/none', crypto: { secret: SECRET, ...options } })
    assert.throws(create, (error) => !inspect(error, { depth: 9, showHidden: true }).includes(SECRET))
  }
})

test('no secret is in the debug output or in a warning', async (t) => {
  const url = await freshDatabaseUrl(t.name)
  const { code, stdout, stderr } = await runInChild(
    async ({ url, secret, backends }) => {
      const MongoStore = require('../..')
      for (const backend of backends) {
        const options = { mongoUrl: url, backend, onDecryptError: 'drop', unknown: 1 }
        const other = MongoStore.create({ ...options, crypto: { secret: 'another' } })
        const store = MongoStore.create({ ...options, crypto: { secret, misspelt: 1 } })
        await store.set('sid', { cookie: {} })
        await other.set('bad', { cookie: {} })
        await store.get('bad')
        await store.reencrypt()
        console.log(store)
        await store.clear()
        await Promise.all([store.close(), other.close()])
      }
    },
    { url, secret: SECRET, backends: BACKENDS },
    { env: { DEBUG: '*' } }
  )
  assert.equal(code, 0, stderr)
  assert.match(stderr, /MongoStore#set=[0-9a-f]{8}\b/)
  assert.match(stderr, /misspelt/)
  assert.ok(!`${stdout}${stderr}`.includes(SECRET))
})
