// Where encryption is on purpose unlike connect-mongo's.
'use strict'

const assert = require('node:assert/strict')
const { getCiphers, getHashes } = require('node:crypto')
const { readFileSync } = require('node:fs')
const path = require('node:path')
const { inOneStyle } = require('../support/differential.js')
const { NOT_ENCRYPTED } = require('../support/encryption.js')
const { plainSession } = require('../support/sessions.js')

const { forDifference, forEachImplementation } = inOneStyle

const SECRET = 'squirrel'
const REFUSED = {
  name: 'Error',
  code: 'ERR_SESSION_DECRYPT',
  message: 'Encrypted session was tampered with!',
}

/** @param {unknown} error */
const isText = (error) => typeof error === 'string'

/** The module that has the functions which make adapters. @param {import('../support/differential.js').Implementation} implementation */
async function moduleOf({ original }) {
  return original ? import('connect-mongo') : require('../..')
}

for (const crypto of [undefined, { secret: false }]) {
  forEachImplementation(
    `crypto ${JSON.stringify(crypto)} is no encryption`,
    async (_t, { open, collection }) => {
      const { set } = open({ crypto })
      await set('sid', plainSession())
      assert.deepEqual(JSON.parse((await collection.findOne())?.session), plainSession())
    }
  )
}

// ---- Sessions that cannot be read

/** What has become of an encrypted session. @type {Record<string, (stored: string) => string>} */
const UNREADABLE = {
  'cut off': (stored) => stored.slice(0, stored.length / 2),
  altered: (stored) => stored.replace(/.(.{99})$/, (last, rest) => (last.startsWith('A') ? 'B' : 'A') + rest),
  replaced: () => 'no envelope',
}

for (const [name, change] of Object.entries(UNREADABLE)) {
  /** @param {import('../support/differential.js').Context} context */
  const openChanged = async ({ open, collection }) => {
    const store = open({ crypto: { secret: SECRET } })
    await store.set('sid', plainSession())
    const stored = (await collection.findOne())?.session
    assert.notEqual(change(stored), stored)
    await collection.updateOne({}, { $set: { session: change(stored) } })
    return store
  }
  forDifference('decrypt-error', `a session that was ${name}`, {
    ours: async (_t, context) => {
      const { get, all } = await openChanged(context)
      await assert.rejects(get('sid'), REFUSED)
      await assert.rejects(all(), REFUSED)
    },
    theirs: async (_t, context) => {
      const { get, all } = await openChanged(context)
      await assert.rejects(get('sid'), isText)
      await assert.rejects(all(), isText)
    },
  })
}

forDifference('decrypt-error', 'a session under another secret', {
  ours: async (_t, { open }) => {
    await open({ crypto: { secret: 'hedgehog' } }).set('sid', plainSession())
    await assert.rejects(open({ crypto: { secret: SECRET } }).get('sid'), REFUSED)
  },
  theirs: async (_t, { open }) => {
    await open({ crypto: { secret: 'hedgehog' } }).set('sid', plainSession())
    await assert.rejects(open({ crypto: { secret: SECRET } }).get('sid'), isText)
  },
})

forDifference('decrypt-error', 'a session of the Web Crypto adapter under another secret', {
  ours: async (_t, { open, implementation }) => {
    const { createWebCryptoAdapter } = await moduleOf(implementation)
    await open({ cryptoAdapter: createWebCryptoAdapter({ secret: 'hedgehog' }) }).set('sid', plainSession())
    const { get } = open({ cryptoAdapter: createWebCryptoAdapter({ secret: SECRET }) })
    await assert.rejects(get('sid'), REFUSED)
  },
  theirs: async (_t, { open, implementation }) => {
    const { createWebCryptoAdapter } = await moduleOf(implementation)
    await open({ cryptoAdapter: createWebCryptoAdapter({ secret: 'hedgehog' }) }).set('sid', plainSession())
    const { get } = open({ cryptoAdapter: createWebCryptoAdapter({ secret: SECRET }) })
    await assert.rejects(get('sid'), { name: 'OperationError' })
  },
})

// ---- Sessions that are not encrypted

forDifference('plaintext-refused', 'a document that is not encrypted', {
  ours: async (_t, { open }) => {
    const options = { crypto: { secret: SECRET }, stringify: false }
    await open({ stringify: false }).set('sid', plainSession())
    await assert.rejects(open(options).get('sid'), NOT_ENCRYPTED)
    assert.deepEqual(await open({ ...options, acceptPlaintext: true }).get('sid'), plainSession())
  },
  theirs: async (_t, { open }) => {
    await open({ stringify: false }).set('sid', plainSession())
    const { get } = open({ crypto: { secret: SECRET }, stringify: false })
    assert.deepEqual(await get('sid'), plainSession())
  },
})

forDifference('plaintext-refused', 'text that is not encrypted', {
  ours: async (_t, { open }) => {
    await open().set('sid', plainSession())
    await assert.rejects(open({ crypto: { secret: SECRET } }).get('sid'), NOT_ENCRYPTED)
    const { get } = open({ crypto: { secret: SECRET }, acceptPlaintext: true })
    assert.deepEqual(await get('sid'), plainSession())
  },
  theirs: async (_t, { open }) => {
    await open().set('sid', plainSession())
    const { get } = open({ crypto: { secret: SECRET }, acceptPlaintext: true })
    await assert.rejects(get('sid'), isText)
  },
})

forDifference('encryption-missing', 'an encrypted session and a store without encryption', {
  ours: async (_t, { open }) => {
    await open({ crypto: { secret: SECRET } }).set('sid', plainSession())
    for (const stringify of [true, false]) {
      const { get, all } = open({ stringify })
      await assert.rejects(get('sid'), { name: 'Error', code: 'ERR_SESSION_ENCRYPTED' })
      await assert.rejects(all(), { code: 'ERR_SESSION_ENCRYPTED' })
    }
  },
  theirs: async (_t, { open }) => {
    await open({ crypto: { secret: SECRET } }).set('sid', plainSession())
    await assert.rejects(open().get('sid'), { name: 'SyntaxError' })
    assert.equal(typeof (await open({ stringify: false }).get('sid')), 'string')
  },
})

// ---- Options that cannot work

/** @type {[options: object, message: RegExp][]} */
const UNUSABLE = [
  [{ algorithm: 'aes-256-ecb' }, /^crypto\.algorithm "aes-256-ecb" is not supported.* aes-256-gcm, /],
  [{ algorithm: 'AES-256-GCM' }, /^crypto\.algorithm AES-256-GCM must be in lower case/],
  [{ hashing: 'shake128' }, /^crypto\.hashing "shake128" is not supported.* sha512, /],
  [{ encodeas: 'utf8' }, /^crypto\.encodeas "utf8" is not supported.* base64, /],
  [{ _iv_size: 8, algorithm: 'aes-256-cbc' }, /^crypto\.algorithm "aes-256-cbc" does not take .* an iv of 8/],
]

for (const [options, message] of UNUSABLE) {
  const crypto = { secret: SECRET, ...options }
  forDifference('crypto-checked', `crypto with ${JSON.stringify(options)}`, {
    ours: async (_t, { create, implementation }) => {
      const { createKrupteinAdapter } = await moduleOf(implementation)
      assert.throws(() => create({ crypto }), { message })
      assert.throws(() => createKrupteinAdapter(crypto), { message })
    },
    theirs: async (_t, { open }) => {
      const { set, get } = open({ crypto })
      await assert.rejects(async () => {
        await set('sid', plainSession())
        await get('sid')
      })
    },
  })
}

forDifference('crypto-checked', 'a Web Crypto adapter with a cipher that it has not got', {
  ours: async (_t, { implementation }) => {
    const { createWebCryptoAdapter } = await moduleOf(implementation)
    assert.throws(() => createWebCryptoAdapter({ secret: SECRET, algorithm: 'AES-CTR' }), /AES-CTR/)
  },
  theirs: async (_t, { open, implementation }) => {
    const { createWebCryptoAdapter } = await moduleOf(implementation)
    const cryptoAdapter = createWebCryptoAdapter({
      secret: SECRET,
      algorithm: /** @type {any} */ ('AES-CTR'),
    })
    await assert.rejects(open({ cryptoAdapter }).set('sid', plainSession()), { name: 'TypeError' })
  },
})

forDifference('crypto-checked', 'an adapter without decrypt', {
  ours: (_t, { create }) => {
    const cryptoAdapter = { encrypt: async () => '' }
    const message = 'cryptoAdapter must have the functions encrypt and decrypt'
    assert.throws(() => create({ cryptoAdapter }), { name: 'TypeError', message })
  },
  theirs: async (_t, { open }) => {
    const { set, get } = open({ cryptoAdapter: { encrypt: async () => 'lost' } })
    await set('sid', plainSession())
    await assert.rejects(get('sid'), { name: 'TypeError' })
  },
})

const ODD_CIPHERS = [
  { algorithm: 'camellia-128-cbc', _key_size: 16 },
  { algorithm: 'des3', _key_size: 24, _iv_size: 8 },
]

for (const options of ODD_CIPHERS) {
  const crypto = { secret: SECRET, ...options }
  forDifference('odd-ciphers', `crypto with ${JSON.stringify(options)}`, {
    ours: (_t, { create }) => {
      const message = new RegExp(`^crypto\\.algorithm "${options.algorithm}" is not supported`)
      assert.throws(() => create({ crypto }), { message })
    },
    theirs: async (_t, { open }) => {
      const { set, get } = open({ crypto })
      await set('sid', plainSession())
      assert.deepEqual(await get('sid'), plainSession())
    },
  })
}

for (const [option, name, known] of /** @type {const} */ ([
  ['algorithm', 'aes-256-gcm-siv', getCiphers()],
  ['hashing', 'keccak-256', getHashes()],
])) {
  const crypto = { secret: SECRET, [option]: name }
  forDifference('odd-ciphers', `crypto with the ${option} ${name}, which Node 26 has`, {
    ours: (_t, { create }) => {
      assert.throws(() => create({ crypto }), { message: new RegExp(`^crypto\\.${option} "${name}"`) })
    },
    theirs: async (_t, { open }) => {
      const { set, get } = open({ crypto })
      if (!known.includes(name)) return assert.rejects(set('sid', plainSession()), () => true)
      await set('sid', plainSession())
      assert.deepEqual(await get('sid'), plainSession())
    },
  })
}

// ---- What is written

forDifference('half-surrogates', 'text with half a surrogate pair', {
  ours: async (_t, { open }) => {
    const { set, get } = open({ crypto: { secret: SECRET }, serialize: () => 'a\ud800z' })
    await set('sid', plainSession())
    assert.equal(await get('sid'), 'a\ufffdz')
  },
  theirs: async (_t, { open }) => {
    const { set, get } = open({ crypto: { secret: SECRET }, serialize: () => 'a\ud800z' })
    await set('sid', plainSession())
    assert.equal(await get('sid'), 'a\ud800z')
  },
})

forDifference('not-json', 'a session with a bigint', {
  ours: async (_t, { open, collection }) => {
    const { set } = open({ crypto: { secret: SECRET }, stringify: false })
    await assert.rejects(set('sid', plainSession({ balance: 1n })), { name: 'TypeError', message: /BigInt/ })
    assert.equal(await collection.countDocuments(), 0)
  },
  theirs: async (_t, { open }) => {
    const { set, get } = open({ crypto: { secret: SECRET }, stringify: false })
    await set('sid', plainSession({ balance: 1n }))
    assert.equal(await get('sid'), '[object Object]')
  },
})

/** The salts of all sessions: with a cipher that has no tag, the last 128 bytes of each. @param {import('../support/differential.js').Context} context */
async function saltsOf({ open, collection }) {
  const { set } = open({ crypto: { secret: SECRET, algorithm: 'aes-256-cbc' } })
  for (const sid of ['a', 'b', 'c']) await set(sid, plainSession())
  const documents = await collection.find().toArray()
  return documents.map(({ session }) => Buffer.from(session, 'base64').subarray(-128).toString('hex'))
}

forDifference('shared-salt', 'the salts of three sessions', {
  ours: async (_t, context) => {
    const salts = await saltsOf(context)
    assert.equal(salts.length, 3)
    assert.equal(new Set(salts).size, 1)
    const [other] = await saltsOf(context)
    assert.notEqual(other, salts[0], 'a store has a salt of its own')
  },
  theirs: async (_t, context) => {
    assert.equal(new Set(await saltsOf(context)).size, 3)
  },
})

// ---- What older releases wrote

/** By the file in vectors/. */
const OLDER = {
  v3: ['3.2.0-defaults', '3.2.0-defaults-object'],
  'kruptein-2': ['4.1.0-2.2.3-defaults', '4.1.0-2.2.3-defaults-object'],
  'kruptein-3.4': ['4.6.0-3.4.0-defaults', '5.1.0-3.4.0-defaults', '5.1.0-3.4.0-defaults-object'],
}

for (const [file, ids] of Object.entries(OLDER)) {
  const text = readFileSync(path.join(__dirname, '..', 'vectors', `${file}.json`), 'utf8')
  /** @type {{ vectors: Record<string, any>[] }} */
  const { vectors } = JSON.parse(text)
  for (const id of ids) {
    const vector = vectors.find((each) => each.id === id)
    assert.ok(vector, `There is no vector ${id}`)
    const session = JSON.parse(vector.session)

    /** @param {import('../support/differential.js').Context} context */
    const openWithVector = async ({ open, collection }) => {
      const expires = new Date(session.cookie.expires)
      await collection.insertOne({ _id: 'sid', session: vector.stored, expires })
      return open({ crypto: vector.options, stringify: vector.stringify })
    }
    forDifference('older-encryption', `a session of ${vector.writtenBy} (${id})`, {
      ours: async (_t, context) => {
        const { get, set } = await openWithVector(context)
        assert.deepEqual(await get('sid'), session)
        await set('sid', session)
        const { createKrupteinAdapter } = await import('connect-mongo')
        const written = (await context.collection.findOne())?.session
        const decrypted = await createKrupteinAdapter(/** @type {any} */ (vector.options)).decrypt(written)
        assert.deepEqual(JSON.parse(JSON.parse(decrypted)), session)
      },
      theirs: async (_t, context) => {
        const { get } = await openWithVector(context)
        const outcome = await get('sid').catch((error) => error)
        assert.notDeepEqual(outcome, session)
      },
    })
  }
}
