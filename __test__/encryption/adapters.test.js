// Adapters: an app's own in a store, the same on connect-mongo 6.0.0; and those that the packages make, used by themselves.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { inspect } = require('node:util')
const ours = require('../..')
const { openDatabase } = require('../support/database.js')
const { acrossImplementations, inOneStyle } = require('../support/differential.js')
const { REFUSED, SECRET } = require('../support/encryption.js')
const { plainSession } = require('../support/sessions.js')
const { promised } = require('../support/wait.js')

const { forDifference, forEachImplementation, forOurs } = inOneStyle

/** @param {string} text */
const mirrored = (text) => [...text].reverse().join('')

/** An adapter that counts its calls. */
function countingAdapter() {
  /** @type {string[]} */
  const calls = []
  return {
    calls,
    encrypt: async (/** @type {string} */ plaintext) => {
      calls.push(`encrypt ${plaintext}`)
      return mirrored(plaintext)
    },
    decrypt: async (/** @type {string} */ ciphertext) => {
      calls.push(`decrypt ${ciphertext}`)
      return mirrored(ciphertext)
    },
  }
}

// ---- An app's own

forEachImplementation('an adapter is called once for each session', async (_t, { open, collection }) => {
  const cryptoAdapter = countingAdapter()
  const { set, get, all, touch, destroy, length, clear } = open({ cryptoAdapter })
  const session = plainSession({ views: 1 })
  const text = JSON.stringify(session)
  await set('sid', session)
  assert.deepEqual(cryptoAdapter.calls.splice(0), [`encrypt ${text}`])
  assert.equal((await collection.findOne()).session, mirrored(text))
  assert.deepEqual(await get('sid'), session)
  assert.deepEqual(await all(), [session])
  assert.deepEqual(cryptoAdapter.calls.splice(0), Array(2).fill(`decrypt ${mirrored(text)}`))
  await touch('sid', session)
  assert.equal(await length(), 1)
  await get('another')
  await destroy('sid')
  await clear()
  assert.deepEqual(cryptoAdapter.calls, [])
})

forEachImplementation('touch leaves what is encrypted as it is', async (_t, { open, collection }) => {
  const { set, touch } = open({ crypto: { secret: SECRET } })
  await set('sid', plainSession())
  const before = await collection.findOne()
  await touch('sid', plainSession({ cookie: { expires: '2101-01-01T00:00:00.000Z' } }))
  const touched = await collection.findOne()
  assert.equal(touched.session, before.session)
  assert.equal(touched.expires.toJSON(), '2101-01-01T00:00:00.000Z')
})

for (const [name, options] of Object.entries({
  crypto: { crypto: { secret: SECRET } },
  cryptoAdapter: { cryptoAdapter: countingAdapter() },
})) {
  forEachImplementation(`${name} changes no event`, async (_t, { open }) => {
    const { set, get, touch, all, destroy, events } = open(options)
    const session = plainSession()
    await set('sid', session)
    await set('sid', session)
    await get('sid')
    await touch('sid', session)
    await all()
    await destroy('sid')
    assert.deepEqual(events, [
      ['create', 'sid'],
      ['set', 'sid'],
      ['update', 'sid'],
      ['set', 'sid'],
      ['get', 'sid'],
      ['touch', 'sid', session],
      ['all', [session]],
      ['destroy', 'sid'],
    ])
  })
}

forEachImplementation('an adapter need not be asynchronous', async (_t, { open }) => {
  const { set, get, all } = open({ cryptoAdapter: { encrypt: mirrored, decrypt: mirrored } })
  await set('sid', plainSession())
  assert.deepEqual(await get('sid'), plainSession())
  assert.deepEqual(await all(), [plainSession()])
})

forEachImplementation('the functions of an adapter may be methods', async (_t, { open }) => {
  class Adapter {
    #calls = 0

    /** @param {string} text */
    async encrypt(text) {
      this.#calls += 1
      return `${this.#calls} ${text}`
    }

    /** @param {string} text */
    async decrypt(text) {
      assert.equal(this.#calls, 1)
      return text.slice(2)
    }
  }
  const { set, get } = open({ cryptoAdapter: new Adapter() })
  await set('sid', plainSession())
  assert.deepEqual(await get('sid'), plainSession())
})

const OUTAGE = new Error('The key service is down')

for (const [how, fail] of Object.entries({
  throws: () => {
    throw OUTAGE
  },
  rejects: async () => {
    throw OUTAGE
  },
})) {
  forEachImplementation(`set fails with what encrypt ${how}`, async (_t, { open, collection }) => {
    const { set, events } = open({ cryptoAdapter: { encrypt: fail, decrypt: mirrored } })
    await assert.rejects(set('sid', plainSession()), OUTAGE)
    assert.equal(await collection.countDocuments(), 0)
    assert.deepEqual(events, [])
  })

  forEachImplementation(`get and all fail with what decrypt ${how}`, async (_t, { open }) => {
    const { set, get, all, events } = open({ cryptoAdapter: { encrypt: mirrored, decrypt: fail } })
    await set('sid', plainSession())
    events.splice(0)
    await assert.rejects(get('sid'), OUTAGE)
    await assert.rejects(all(), OUTAGE)
    assert.deepEqual(events, [])
  })
}

forEachImplementation('decrypt may return what it has parsed itself', async (_t, { open }) => {
  for (const stringify of [true, false]) {
    const cryptoAdapter = { encrypt: mirrored, decrypt: (text) => JSON.parse(mirrored(text)) }
    const { set, get } = open({ cryptoAdapter, stringify })
    await set('sid', plainSession())
    assert.deepEqual(await get('sid'), plainSession())
  }
})

forOurs('encrypt that returns no text fails set', async (_t, { open, collection }) => {
  for (const returned of [5, null, undefined, {}, [], new Date(0), Buffer.from('bytes')]) {
    const { set } = open({ cryptoAdapter: { encrypt: () => returned, decrypt: mirrored } })
    const error = { name: 'TypeError', message: /cryptoAdapter\.encrypt/ }
    await assert.rejects(set('sid', plainSession()), error, String(returned))
  }
  assert.equal(await collection.countDocuments(), 0)
})

forEachImplementation('crypto and cryptoAdapter exclude one another', (_t, { create }) => {
  const message = 'Provide either the legacy crypto option or cryptoAdapter, not both'
  for (const crypto of [{ secret: SECRET }, { secret: false }, {}]) {
    for (const cryptoAdapter of [countingAdapter(), null]) {
      assert.throws(() => create({ crypto, cryptoAdapter }), { message })
    }
  }
})

forEachImplementation(
  'cryptoAdapter null or undefined is no encryption',
  async (_t, { open, collection }) => {
    for (const cryptoAdapter of [null, undefined]) {
      const { set } = open({ cryptoAdapter })
      await set('sid', plainSession())
      assert.deepEqual(JSON.parse((await collection.findOne()).session), plainSession())
    }
  }
)

/** @type {[crypto: object, message: string][]} */
const WITHOUT_SECRET = [
  [{}, 'crypto.secret is undefined; if it comes from an environment variable, is that set?'],
  [
    { secret: undefined },
    'crypto.secret is undefined; if it comes from an environment variable, is that set?',
  ],
  [{ secret: null }, 'crypto.secret is null; if it comes from an environment variable, is that set?'],
  [{ secret: '' }, 'crypto.secret is empty; if it comes from an environment variable, is that set?'],
  [{ secret: 0 }, 'crypto.secret must be a string or bytes, not number'],
]

for (const [crypto, message] of WITHOUT_SECRET) {
  forDifference('missing-values', `crypto ${inspect(crypto)} has no secret`, {
    ours: (_t, { create }) => {
      assert.throws(() => create({ crypto }), { message })
      assert.throws(() => create({ crypto: { ...crypto, format: 'sealed' } }), { message })
    },
    theirs: (_t, { create }) => {
      assert.throws(() => create({ crypto }), {
        message: 'createKrupteinAdapter requires a non-empty secret',
      })
    },
  })
}

forOurs('crypto with a ring that has no secret, or none in a place, says so', (_t, { create }) => {
  for (const [secret, reason] of /** @type {const} */ ([
    [[], 'secret is empty'],
    [[undefined], 'secret[0] is undefined; if it comes from an environment variable, is that set?'],
    [['acorn', ''], 'secret[1] is empty; if it comes from an environment variable, is that set?'],
  ])) {
    assert.throws(() => create({ crypto: { secret } }), { name: 'Error', message: `crypto.${reason}` })
    for (const factory of Object.keys(ADAPTERS)) {
      const message = `${factory} requires a non-empty secret: ${reason}`
      assert.throws(() => ours[factory]({ secret }), { name: 'Error', message })
    }
  }
})

test('an adapter names itself where its secret is no secret', () => {
  for (const factory of Object.keys(ADAPTERS)) {
    const message = `${factory}.secret must be a string or bytes, not number`
    assert.throws(() => ours[factory]({ secret: 7 }), { name: 'TypeError', message })
  }
})

// ---- What `unserialize` is given

/** What a `serialize` can return. */
const SERIALIZED = [
  ...['', 'plain text', '{"json":1}', '[1]', '12', '"quoted"', 'null', ' {"spaced":1}', '{broken'],
  ...[{ a: { b: [1, 'x', null] } }, [], [1], 5, true, null, new Date(0), { toJSON: () => 'as it likes' }],
]

/** @type {Record<string, (module: any) => object>} */
const ENCRYPTIONS = {
  kruptein: () => ({ crypto: { secret: SECRET } }),
  'Web Crypto': ({ createWebCryptoAdapter }) => ({
    cryptoAdapter: createWebCryptoAdapter({ secret: SECRET, iterations: 1 }),
  }),
  'an adapter': () => ({ cryptoAdapter: { encrypt: mirrored, decrypt: mirrored } }),
}

/** @type {Record<string, (serialize: () => unknown, unserialize: (value: unknown) => object) => object>} */
const FUNCTIONS = {
  both: (serialize, unserialize) => ({ serialize, unserialize }),
  'both and stringify: false': (serialize, unserialize) => ({ serialize, unserialize, stringify: false }),
  'serialize alone': (serialize) => ({ serialize }),
  'serialize and stringify: false': (serialize) => ({ serialize, stringify: false }),
}

/** Each has adapters of its own. @param {import('../support/differential.js').Implementation} implementation */
async function moduleOf({ original }) {
  return original ? import('connect-mongo') : ours
}

/**
 * @param {import('../support/differential.js').Context} context
 * @param {(module: any) => object} encryption
 * @param {typeof FUNCTIONS[string]} functions
 * @returns {Promise<unknown[]>} what comes back of each value
 */
async function cameBack({ open, implementation }, encryption, functions) {
  let value
  const options = functions(
    () => value,
    (received) => ({ received })
  )
  const { set, get } = open({ ...encryption(await moduleOf(implementation)), ...options })
  const results = []
  for (value of SERIALIZED) {
    await set('sid', {})
    results.push(await get('sid'))
  }
  return results
}

for (const [name, encryption] of Object.entries(ENCRYPTIONS)) {
  for (const [which, functions] of Object.entries(FUNCTIONS)) {
    acrossImplementations(
      `${name}, ${which}: each value comes back as it does in connect-mongo`,
      async (_t, contexts) => {
        const results = await Promise.all(contexts.map((context) => cameBack(context, encryption, functions)))
        const theirs = results[contexts.findIndex(({ implementation }) => implementation.original)]
        assert.equal(theirs.length, SERIALIZED.length)
        for (const [index, { implementation }] of contexts.entries()) {
          assert.deepEqual(results[index], theirs, implementation.name)
        }
      }
    )
  }
}

// ---- The adapters of the packages, by themselves and across

const TEXTS = [
  ...[
    '',
    ' ',
    'text',
    '{"json":1}',
    '"quoted"',
    '12',
    'null',
    'Zoë 🦀 \u2028',
    'a\u0000b',
    '{"half":"\\ud800"}',
  ],
  'Ünïcödé '.repeat(20_000),
]

/** @type {Record<string, object[]>} by the function that makes an adapter */
const ADAPTERS = {
  createKrupteinAdapter: [
    { secret: SECRET },
    { secret: SECRET, algorithm: 'aes-256-cbc', encodeas: 'hex' },
    { secret: SECRET, algorithm: 'aes-256-ocb', encodeas: 'latin1' },
  ],
  createWebCryptoAdapter: [
    { secret: SECRET },
    { secret: SECRET, iterations: 1, encoding: 'hex', salt: Uint8Array.from([1, 255]) },
    { secret: Uint8Array.from([0, 200]), iterations: 1, algorithm: 'AES-CBC', encoding: 'base64url' },
  ],
}

for (const [factory, choices] of Object.entries(ADAPTERS)) {
  for (const options of choices) {
    describe(`${factory} with ${JSON.stringify(options)}`, () => {
      test('decrypts what either wrote to the same text', async () => {
        const six = await import('connect-mongo')
        const adapters = { ours: ours[factory](options), theirs: six[factory](options) }
        for (const text of TEXTS) {
          const expected = await adapters.theirs.decrypt(await adapters.theirs.encrypt(text))
          for (const [writer, { encrypt }] of Object.entries(adapters)) {
            const ciphertext = await encrypt(text)
            assert.equal(typeof ciphertext, 'string')
            for (const [reader, { decrypt }] of Object.entries(adapters)) {
              assert.equal(await decrypt(ciphertext), expected, `${reader} reads what ${writer} wrote`)
            }
          }
        }
      })

      test('encrypts the same text to something else each time', async () => {
        const { encrypt } = ours[factory](options)
        const written = await Promise.all(Array.from({ length: 20 }, () => encrypt('text')))
        assert.equal(new Set(written).size, 20)
      })

      test('refuses what another secret wrote', async () => {
        const other = ours[factory]({ ...options, secret: 'another' })
        const { decrypt } = ours[factory](options)
        // A session: by its padding alone, AES-CBC lets one in 256 texts pass.
        const written = await Promise.all(
          Array.from({ length: 20 }, () => other.encrypt(JSON.stringify(plainSession())))
        )
        const outcomes = await Promise.allSettled(written.map((ciphertext) => decrypt(ciphertext)))
        const refused = outcomes.filter(
          ({ status, reason }) => status === 'rejected' && reason.code === REFUSED.code
        )
        assert.ok(refused.length >= (options.algorithm === 'AES-CBC' ? 10 : 20))
      })

      test('goes into the store of either package', async (t) => {
        const six = await import('connect-mongo')
        const [fromOurs, fromTheirs] = [ours[factory](options), six[factory](options)]
        const { sessions, url } = await openDatabase(t)
        const stores = [
          [ours, fromOurs],
          [ours, fromTheirs],
          [six.MongoStore, fromOurs],
        ].map(([MongoStore, cryptoAdapter]) => {
          const store = MongoStore.create({ mongoUrl: url, autoRemove: 'disabled', cryptoAdapter })
          t.after(() => Promise.resolve(store.collectionP).then(() => store.close()))
          return store
        })
        for (const writer of stores) {
          await promised(writer, 'set', 'sid', plainSession())
          assert.doesNotMatch((await sessions.findOne()).session, /cookie/)
          for (const reader of stores) assert.deepEqual(await promised(reader, 'get', 'sid'), plainSession())
        }
      })
    })
  }
}

test('an adapter does what the option crypto does', async (t) => {
  const { open } = await openDatabase(t)
  const option = open({ crypto: { secret: SECRET } })
  const adapter = open({ cryptoAdapter: ours.createKrupteinAdapter({ secret: SECRET }) })
  await option.set('a', plainSession())
  await adapter.set('b', plainSession())
  assert.deepEqual(await adapter.get('a'), plainSession())
  assert.deepEqual(await option.get('b'), plainSession())
})

for (const secret of [undefined, null, '', false, 0]) {
  test(`an adapter with the secret ${JSON.stringify(secret)} is the error of connect-mongo`, async () => {
    const six = await import('connect-mongo')
    for (const factory of Object.keys(ADAPTERS)) {
      const theirs = await Promise.resolve({ secret })
        .then(six[factory])
        .catch((error) => error)
      assert.ok(theirs instanceof Error)
      assert.throws(() => ours[factory]({ secret }), { name: theirs.name, message: theirs.message })
    }
  })
}

test('nobody can make a session up from one of AES-GCM by having it read as AES-CBC', async () => {
  const known = JSON.stringify(plainSession())
  const wish = Buffer.from('{"admin":true}\u0002\u0002')
  const { encrypt, decrypt } = ours.createWebCryptoAdapter({ secret: SECRET, iterations: 1 })
  const stored = Buffer.from(await encrypt(known), 'base64')
  const counter = Buffer.concat([stored.subarray(0, 12), Buffer.from([0, 0, 0, 2])])
  // The first block of the key stream, which AES-CBC would decrypt to the counter.
  const block = Buffer.from(stored.subarray(12, 28).map((byte, index) => byte ^ known.charCodeAt(index)))
  const iv = Buffer.from(counter.map((byte, index) => byte ^ wish[index]))
  const forged = Buffer.concat([iv, block]).toString('base64')
  await assert.rejects(decrypt(forged), REFUSED)
  const cbc = ours.createWebCryptoAdapter({ secret: SECRET, iterations: 1, algorithm: 'AES-CBC' })
  assert.equal(await cbc.decrypt(forged), '{"admin":true}', 'the forgery is one')
})
