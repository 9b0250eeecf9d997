// What keys cost: whoever can write the collection can ask for about a second of work with each document, and holds up nobody
// but who asks for that.
'use strict'

const assert = require('node:assert/strict')
const { randomBytes } = require('node:crypto')
const mongodb = require('mongodb')
const { REFUSED, SECRET, onBothBackends } = require('../support/encryption.js')
const { LATER, plainSession } = require('../support/sessions.js')

const SEALED = { crypto: { secret: SECRET, format: 'sealed' } }
const ASKED = 50

/** An envelope that no secret opens, with the dearest PBKDF2 that is read: docs/sealed-format.md. */
function dearEnvelope() {
  const derivation = Buffer.from([1, 0, 0x0f, 0x42, 0x40, 0, 0])
  return new mongodb.Binary(Buffer.concat([Buffer.from([1]), derivation, randomBytes(120)]))
}

onBothBackends('a document that is dear to open keeps nobody from saving', async ({ sessions, open }) => {
  await sessions.insertOne({ _id: /** @type {any} */ ('dear'), session: dearEnvelope(), expires: LATER })
  const [store, plain] = [open(SEALED), open({})]
  let answered = 0
  const asked = Array.from({ length: ASKED }, async () => {
    await assert.rejects(store.get('dear'), REFUSED)
    answered++
  })
  const session = plainSession({ user: 'alice' })
  await Promise.all([store.set('alice', session), plain.set('bob', session)])
  assert.deepEqual(await store.get('alice'), session)
  assert.deepEqual(await plain.get('bob'), session)
  assert.ok(answered < ASKED, 'the sessions of others were saved before the dear one was refused')
  await Promise.all(asked)
})

onBothBackends('no key is derived once nobody waits for it', async ({ sessions, open }) => {
  const dear = Array.from({ length: 20 }, (_, index) => ({
    _id: /** @type {any} */ (`dear-${index}`),
    session: dearEnvelope(),
    expires: LATER,
  }))
  await sessions.insertMany(dear)
  for (const concurrency of ['overwrite', 'merge']) {
    const store = open({ ...SEALED, concurrency, operationTimeoutMS: 300 })
    const late = dear.map(({ _id }) => assert.rejects(store.get(_id)))
    await Promise.all(late)
    const session = plainSession({ concurrency })
    await open(SEALED).set('alice', session)
    // Behind all of them its time would be over.
    assert.deepEqual(await open({ ...SEALED, operationTimeoutMS: 10_000 }).get('alice'), session)
  }
})
