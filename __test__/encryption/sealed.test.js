// The sealed format in a store, and beside the reference implementation of docs/sealed-format.md.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { encryptionOfCrypto } = require('../../lib/crypto/options.js')
const { RustCipher } = require('../../lib/crypto/rust-cipher.js')
const { openDatabase } = require('../support/database.js')
const { REFUSED, SECRET, onBothBackends, storedOf } = require('../support/encryption.js')
const { fromExtended, loadVectors } = require('../support/encryption-vectors.js')
const {
  canDerive,
  deriveMasterKey,
  headerReference,
  openReference,
  parseReference,
  sealReference,
} = require('../support/sealed-reference.js')
const { LATER, plainSession } = require('../support/sessions.js')
const vectors = require('../../core/src/crypto/vectors/sealed.json')

const SEALED = { crypto: { secret: SECRET, format: 'sealed' } }
const WITH_ARGON2ID = { crypto: { ...SEALED.crypto, derivation: 'argon2id' } }
const SESSION = plainSession({ user: 'Zoë 🦀', half: 'a\ud800z', text: '\u0000\u2028' })

for (const [name, options] of Object.entries({ pbkdf2: SEALED, argon2id: WITH_ARGON2ID })) {
  for (const stringify of [true, false]) {
    onBothBackends(
      `${name}, stringify ${stringify}: a session is binary data and comes back`,
      async (context) => {
        const { sessions, open } = context
        const store = open({ ...options, stringify })
        await store.set('sid', SESSION)
        const stored = await storedOf(sessions, 'sid')
        assert.equal(stored._bsontype, 'Binary')
        assert.equal(stored.sub_type, 0)
        assert.equal(stored.value()[0], 1)
        assert.deepEqual(await store.get('sid'), SESSION)
        assert.deepEqual(await open({ ...options, stringify }).all(), [SESSION])
      }
    )
  }
}

onBothBackends('a sealed session is refused in another document', async ({ sessions, open }) => {
  const store = open(SEALED)
  await store.set('mine', SESSION)
  await store.set('yours', plainSession())
  const session = await storedOf(sessions, 'mine')
  await sessions.updateOne({ _id: 'yours' }, { $set: { session } })
  await assert.rejects(store.get('yours'), REFUSED)
  await assert.rejects(store.all(), REFUSED)
  assert.deepEqual(await store.get('mine'), SESSION)
})

onBothBackends('what binds a sealed session is the storage id', async ({ sessions, open }) => {
  const transformId = (/** @type {string} */ sid) => `app:${sid}`
  const store = open({ ...SEALED, transformId })
  await store.set('sid', SESSION)
  assert.deepEqual(await store.get('sid'), SESSION)
  assert.deepEqual(await open(SEALED).get('app:sid'), SESSION)
  const document = await sessions.findOne()
  await sessions.insertOne({ ...document, _id: 'sid' })
  await assert.rejects(open(SEALED).get('sid'), REFUSED)
})

onBothBackends('a sealed session is refused with one byte changed', async ({ sessions, open }) => {
  const store = open(SEALED)
  await store.set('sid', SESSION)
  const whole = Buffer.from((await storedOf(sessions, 'sid')).value())
  // One byte of what the key is derived from, and every fifth of the rest.
  const offsets = [...whole.keys()].filter((offset) => offset === 8 || (offset >= 24 && offset % 5 === 0))
  for (const offset of [0, 1, 6, 7, ...offsets, whole.length - 1]) {
    const session = Buffer.from(whole)
    session[offset] ^= 1
    await sessions.updateOne({ _id: 'sid' }, { $set: { session } })
    await assert.rejects(store.get('sid'), REFUSED, `byte ${offset}`)
  }
  for (const session of [whole.subarray(0, -1), whole.subarray(0, 64), Buffer.concat([whole, whole]), '']) {
    await sessions.updateOne({ _id: 'sid' }, { $set: { session } })
    await assert.rejects(store.get('sid'), REFUSED)
  }
})

onBothBackends('the reference implementation opens what a store sealed', async ({ sessions, open }) => {
  for (const options of [SEALED, WITH_ARGON2ID]) {
    await open(options).set('sid', SESSION)
    const envelope = (await storedOf(sessions, 'sid')).value()
    const { derivation, salt } = parseReference(envelope)
    assert.equal(derivation.algorithm, options === SEALED ? 'pbkdf2-sha512' : 'argon2id')
    // Node has Argon2 from 24.7 on.
    if (!canDerive(derivation)) continue
    const masterKey = deriveMasterKey(SECRET, derivation, salt)
    assert.equal(openReference(envelope, masterKey, 'sid'), JSON.stringify(SESSION))
    assert.throws(() => openReference(envelope, masterKey, 'another'))
  }
})

onBothBackends('a store opens what the reference implementation sealed', async ({ sessions, open }) => {
  const derivation = /** @type {const} */ ({ algorithm: 'pbkdf2-sha512', rounds: 1_000 })
  const salt = Buffer.alloc(16, 7)
  const masterKey = deriveMasterKey(SECRET, derivation, salt)
  const header = headerReference({ masterKey, derivation, salt })
  const session = sealReference(header, masterKey, 'sid', JSON.stringify(SESSION))
  await sessions.insertOne({ _id: 'sid', session, expires: LATER })
  assert.deepEqual(await open(SEALED).get('sid'), SESSION)
  await assert.rejects(open({ crypto: { ...SEALED.crypto, secret: 'another' } }).get('sid'), REFUSED)
})

onBothBackends('a store that seals reads every older format', async ({ sessions, open }) => {
  const names = ['3.2.0-defaults', '4.1.0-2.2.3-defaults', '5.1.0-3.1.7-defaults', '5.1.0-3.4.0-defaults']
  const wanted = [...names, '6.0.0-3.0.8-defaults', '6.0.0-webcrypto-defaults']
  const found = [...loadVectors().values()].flat().filter(({ id }) => wanted.includes(id))
  assert.equal(found.length, wanted.length)
  const store = open(SEALED)
  for (const { id, stored, session } of found) {
    const { expires } = JSON.parse(session).cookie
    await sessions.insertOne({ _id: id, session: fromExtended(stored), expires: new Date(expires) })
    const read = await store.get(id)
    assert.equal(JSON.stringify(read), session)
    await store.set(id, read)
    assert.equal((await storedOf(sessions, id))._bsontype, 'Binary')
    assert.equal(JSON.stringify(await store.get(id)), session)
  }
})

onBothBackends('a store that does not seal reads what is sealed', async ({ open }) => {
  await open(SEALED).set('pbkdf2', SESSION)
  await open(WITH_ARGON2ID).set('argon2id', SESSION)
  const store = open({ crypto: { secret: ['another', SECRET] } })
  for (const sid of ['pbkdf2', 'argon2id']) assert.deepEqual(await store.get(sid), SESSION)
})

onBothBackends('binary data of another subtype is no sealed session', async ({ sessions, open }) => {
  const { Binary } = require('mongodb')
  const store = open(SEALED)
  await store.set('sid', SESSION)
  const bytes = (await storedOf(sessions, 'sid')).value()
  for (const subtype of [2, 4, 5, 128]) {
    await sessions.updateOne({ _id: 'sid' }, { $set: { session: new Binary(bytes, subtype) } })
    await assert.rejects(store.get('sid'), REFUSED, `subtype ${subtype}`)
  }
})

describe('the vectors', () => {
  const keys = new Map(vectors.keys.map((key) => [key.name, key]))

  /** @param {string} name @returns {InstanceType<typeof RustCipher>} with that key's secret */
  const cryptoOf = (name) =>
    new RustCipher(encryptionOfCrypto({ secret: keys.get(name).secret, format: 'sealed' }), false)

  test('that have to open do', async () => {
    for (const { name, key, storageId, text, envelope } of vectors.sealed) {
      const opened = await cryptoOf(key).decrypt(storageId, Buffer.from(envelope, 'hex'))
      assert.equal(opened.text, text, name)
    }
  })

  test('that have to be refused are', async () => {
    for (const { name, key, storageId, envelope } of vectors.refused) {
      await assert.rejects(cryptoOf(key).decrypt(storageId, Buffer.from(envelope, 'hex')), REFUSED, name)
    }
  })
})

for (const driver of ['mongodb', 'mongodb-6', 'mongodb-5']) {
  test(`the bytes that a client of ${driver} reads are opened`, async (t) => {
    const { url, open } = await openDatabase(t)
    const { MongoClient } = require(driver)
    for (const promoteBuffers of [false, true]) {
      const client = await MongoClient.connect(url, { promoteBuffers })
      const store = open({ mongoUrl: undefined, client, crypto: { secret: 'squirrel', format: 'sealed' } })
      await store.set('sid', { cookie: {}, user: 'ada' })
      assert.equal((await store.get('sid')).user, 'ada')
    }
  })
}
