// Sessions that are not encrypted, or cannot be decrypted: `acceptPlaintext` and `onDecryptError`.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const express = require('express')
const session = require('express-session')
const MongoStore = require('../..')
const { openDatabase } = require('../support/database.js')
const { NOT_ENCRYPTED, REFUSED, SECRET, onBothBackends, storedOf } = require('../support/encryption.js')
const { fromExtended, loadVectors } = require('../support/encryption-vectors.js')
const { Browser, serve } = require('../support/http.js')
const { LATER, plainSession } = require('../support/sessions.js')
const { callbackArguments } = require('../support/differential.js')
const { nextEvent } = require('../support/wait.js')

/** @type {Record<string, () => object>} what turns encryption on */
const ENCRYPTIONS = {
  kruptein: () => ({ crypto: { secret: SECRET } }),
  sealed: () => ({ crypto: { secret: SECRET, format: 'sealed' } }),
  'Web Crypto': () => ({
    cryptoAdapter: MongoStore.createWebCryptoAdapter({ secret: SECRET, iterations: 1 }),
  }),
}

const UNDER_ANOTHER_SECRET = { crypto: { secret: 'another' } }

// ---- acceptPlaintext

for (const [name, encryption] of Object.entries(ENCRYPTIONS)) {
  for (const stringify of [true, false]) {
    const plain = stringify ? 'text' : 'document'

    onBothBackends(`${name}: a ${plain} that is not encrypted is refused`, async ({ sessions, open }) => {
      await open({ stringify }).set('sid', plainSession())
      const before = await storedOf(sessions, 'sid')
      for (const acceptPlaintext of [undefined, false]) {
        const store = open({ ...encryption(), stringify, acceptPlaintext })
        await assert.rejects(store.get('sid'), NOT_ENCRYPTED)
        await assert.rejects(store.all(), NOT_ENCRYPTED)
      }
      assert.deepEqual(await storedOf(sessions, 'sid'), before)
    })

    onBothBackends(
      `${name}: acceptPlaintext reads a ${plain}, and set encrypts it`,
      async ({ sessions, open }) => {
        await open({ stringify }).set('sid', plainSession({ n: 1 }))
        const store = open({ ...encryption(), stringify, acceptPlaintext: true })
        const read = await store.get('sid')
        assert.deepEqual(read, plainSession({ n: 1 }))
        assert.deepEqual(await store.all(), [read])
        await store.set('sid', read)
        assert.deepEqual(await open({ ...encryption(), stringify }).get('sid'), read)
        assert.equal(String(await storedOf(sessions, 'sid')).includes('cookie'), false)
      }
    )
  }

  onBothBackends(
    `${name}: acceptPlaintext does not read what is encrypted under another secret`,
    async ({ open }) => {
      for (const stringify of [true, false]) {
        for (const other of [UNDER_ANOTHER_SECRET, { crypto: { secret: 'another', format: 'sealed' } }]) {
          await open({ ...other, stringify }).set('sid', plainSession())
          await assert.rejects(
            open({ ...encryption(), stringify, acceptPlaintext: true }).get('sid'),
            REFUSED
          )
        }
      }
    }
  )
}

onBothBackends('acceptPlaintext reads a session with the fields of an envelope', async ({ open }) => {
  const confusing = plainSession({ ct: 'YQ==', hmac: 'YQ==', iv: 'YQ==', salt: 'YQ==', at: 'YQ==', aad: '' })
  for (const stringify of [true, false]) {
    await open({ stringify }).set('sid', confusing)
    const store = open({ ...ENCRYPTIONS.kruptein(), stringify, acceptPlaintext: true })
    assert.deepEqual(await store.get('sid'), confusing)
  }
})

/** What an app may make of a session. @type {Record<string, { to: (json: string) => string, from: (text: string) => string }>} */
const OWN_TEXTS = {
  'text of its own': { to: (json) => `my text: ${json}`, from: (text) => text.slice('my text: '.length) },
  base64: {
    to: (json) => Buffer.from(json).toString('base64'),
    from: (text) => Buffer.from(text, 'base64').toString(),
  },
  hex: {
    to: (json) => Buffer.from(json).toString('hex'),
    from: (text) => Buffer.from(text, 'hex').toString(),
  },
}

for (const [name, { to, from }] of Object.entries(OWN_TEXTS)) {
  onBothBackends(`acceptPlaintext reads ${name} that an app's serialize made`, async ({ open }) => {
    const functions = {
      serialize: (/** @type {any} */ value) => to(JSON.stringify(value)),
      unserialize: (/** @type {any} */ text) => JSON.parse(from(text)),
    }
    await open(functions).set('sid', plainSession())
    for (const encryption of [ENCRYPTIONS.kruptein, ENCRYPTIONS.sealed]) {
      const store = open({ ...functions, ...encryption(), acceptPlaintext: true })
      assert.deepEqual(await store.get('sid'), plainSession())
      await assert.rejects(open({ ...functions, ...encryption() }).get('sid'), REFUSED)
    }
  })
}

onBothBackends("acceptPlaintext spares an app's own adapter documents, not text", async ({ open }) => {
  /** @type {string[]} */
  const decrypted = []
  const cryptoAdapter = {
    encrypt: async (/** @type {string} */ text) => text,
    decrypt: async (/** @type {string} */ text) => {
      decrypted.push(text)
      return text
    },
  }
  await open({ stringify: false }).set('document', plainSession())
  await open().set('text', plainSession())
  const store = open({ cryptoAdapter, stringify: false, acceptPlaintext: true })
  assert.deepEqual(await store.get('document'), plainSession())
  assert.deepEqual(decrypted, [])
  assert.deepEqual(await store.get('text'), plainSession())
  assert.deepEqual(decrypted, [JSON.stringify(plainSession())])
  await assert.rejects(open({ cryptoAdapter, stringify: false }).get('document'), NOT_ENCRYPTED)
})

// ---- onDecryptError

/** @param {(options?: object) => any} open */
async function storeOneBad(open) {
  await open(ENCRYPTIONS.kruptein()).set('good', plainSession({ n: 1 }))
  await open(UNDER_ANOTHER_SECRET).set('bad', plainSession({ n: 2 }))
}

/** @param {any} store @param {string} name @returns {unknown[][]} the arguments of each such event from here on */
function recorded(store, name) {
  /** @type {unknown[][]} */
  const events = []
  store.on(name, (/** @type {unknown[]} */ ...args) => events.push(args))
  return events
}

onBothBackends('a session that cannot be decrypted is an error, once', async ({ open }) => {
  await storeOneBad(open)
  const store = open(ENCRYPTIONS.kruptein())
  const [failed, got] = [recorded(store, 'decrypt-failed'), recorded(store, 'get')]
  await assert.rejects(store.get('bad'), { name: 'Error', ...REFUSED })
  const [error, ...rest] = await callbackArguments(store, 'get', 'bad')
  assert.equal(error.code, REFUSED.code)
  assert.deepEqual(rest, [])
  assert.deepEqual([failed, got], [[], []])
})

onBothBackends('one session that cannot be decrypted fails all', async ({ open }) => {
  await storeOneBad(open)
  const store = open(ENCRYPTIONS.kruptein())
  const listed = recorded(store, 'all')
  await assert.rejects(store.all(), REFUSED)
  const [error, ...rest] = await callbackArguments(store, 'all')
  assert.equal(error.code, REFUSED.code)
  assert.deepEqual(rest, [])
  assert.deepEqual(listed, [])
})

onBothBackends("onDecryptError 'drop' takes it for no session", async ({ open, sessions }) => {
  await storeOneBad(open)
  const before = await storedOf(sessions, 'bad')
  const store = open({ ...ENCRYPTIONS.kruptein(), onDecryptError: 'drop' })
  const [failed, got] = [recorded(store, 'decrypt-failed'), recorded(store, 'get')]
  assert.equal(await store.get('bad'), null)
  assert.deepEqual(await callbackArguments(store, 'get', 'bad'), [null, null])
  assert.deepEqual(
    failed.map(([sid, error]) => [sid, error.code, error.message]),
    Array(2).fill(['bad', REFUSED.code, REFUSED.message])
  )
  assert.deepEqual(got, [['bad'], ['bad']])
  assert.equal(await storedOf(sessions, 'bad'), before)
  assert.deepEqual(await store.get('good'), plainSession({ n: 1 }))
})

onBothBackends("onDecryptError 'drop' leaves it out of all", async ({ open }) => {
  await storeOneBad(open)
  const store = open({ ...ENCRYPTIONS.kruptein(), onDecryptError: 'drop' })
  const failed = recorded(store, 'decrypt-failed')
  assert.deepEqual(await store.all(), [plainSession({ n: 1 })])
  assert.deepEqual(
    failed.map(([sid, error]) => [sid, error.code]),
    [[undefined, REFUSED.code]]
  )
  assert.equal(await store.length(), 2)
})

onBothBackends("drops what JSON cannot hold of an app's own adapter", async ({ open }) => {
  const circle = { cookie: {} }
  Object.assign(circle, { circle })
  const cryptoAdapter = {
    encrypt: (/** @type {string} */ text) => text,
    decrypt: (/** @type {string} */ text) => (text.includes('circle') ? circle : text),
  }
  const store = open({ cryptoAdapter: /** @type {any} */ (cryptoAdapter), onDecryptError: 'drop' })
  const failed = recorded(store, 'decrypt-failed')
  await store.set('whole', plainSession())
  await store.set('circle', plainSession({ circle: true }))
  assert.equal(await store.get('circle'), null)
  assert.deepEqual(await store.all(), [plainSession()])
  assert.equal(failed.length, 2)
})

onBothBackends("onDecryptError 'drop' tells sids, whatever transformId makes of them", async ({ open }) => {
  const transformId = (/** @type {string} */ sid) => `stored-${sid}`
  await open({ ...UNDER_ANOTHER_SECRET, transformId }).set('sid', plainSession())
  const store = open({ ...ENCRYPTIONS.kruptein(), transformId, onDecryptError: 'drop' })
  const failed = nextEvent(store, 'decrypt-failed')
  assert.equal(await store.get('sid'), null)
  assert.equal((await failed)[0], 'sid')
})

onBothBackends("onDecryptError 'drop' is about decryption only", async ({ open, sessions }) => {
  const broken = new Error('not for unserialize')
  const unserialize = () => {
    throw broken
  }
  await open(ENCRYPTIONS.kruptein()).set('sid', plainSession())
  const store = open({ ...ENCRYPTIONS.kruptein(), unserialize, onDecryptError: 'drop' })
  await assert.rejects(store.get('sid'), broken)
  await sessions.insertOne({ _id: 'plain', session: '{"cookie":', expires: LATER })
  const plain = open({ onDecryptError: 'drop' })
  const dropped = recorded(plain, 'decrypt-failed')
  assert.equal(await plain.get('plain'), null)
  assert.deepEqual(dropped, [])
})

onBothBackends("onDecryptError 'drop' goes for an adapter of the app's own", async ({ open }) => {
  const outage = new Error('The key service does not know it')
  const cryptoAdapter = {
    encrypt: async (/** @type {string} */ text) => text,
    decrypt: async () => {
      throw outage
    },
  }
  const store = open({ cryptoAdapter, onDecryptError: 'drop' })
  const failed = recorded(store, 'decrypt-failed')
  await store.set('sid', plainSession())
  assert.equal(await store.get('sid'), null)
  assert.deepEqual(failed, [['sid', outage]])
})

onBothBackends('a session that cannot be decrypted can be set, touched and destroyed', async ({ open }) => {
  await storeOneBad(open)
  const store = open(ENCRYPTIONS.kruptein())
  await store.touch('bad', plainSession())
  await store.set('bad', plainSession({ n: 3 }))
  assert.deepEqual(await store.get('bad'), plainSession({ n: 3 }))
  await open(UNDER_ANOTHER_SECRET).set('bad', plainSession())
  await store.destroy('bad')
  assert.equal(await store.get('bad'), null)
})

describe('under express-session', () => {
  /** @param {import('node:test').TestContext} t @param {object} options */
  async function serveWith(t, options) {
    const { open } = await openDatabase(t)
    /** @type {Error[]} */
    const errors = []
    const app = express()
    app.use(
      session({
        secret: 'of the cookie',
        resave: false,
        saveUninitialized: false,
        store: open({ ...ENCRYPTIONS.kruptein(), ...options }),
      })
    )
    app.get('/', (request, response) => {
      request.session.views = (request.session.views ?? 0) + 1
      response.json({ views: request.session.views })
    })
    app.use((error, _request, response, _next) => {
      errors.push(error)
      response.status(500).end()
    })
    const browser = new Browser(await serve(t, app))
    assert.deepEqual(await browser.json('/'), { views: 1 })
    await open(UNDER_ANOTHER_SECRET).set(browser.sid, plainSession())
    return { browser, errors }
  }

  test('it is the error of the request', async (t) => {
    const { browser, errors } = await serveWith(t, {})
    assert.equal((await browser.fetch('/')).status, 500)
    assert.deepEqual(
      errors.map(({ code }) => code),
      [REFUSED.code]
    )
  })

  test("with onDecryptError 'drop' a new session begins", async (t) => {
    const { browser, errors } = await serveWith(t, { onDecryptError: 'drop' })
    const before = browser.sid
    assert.deepEqual(await browser.json('/'), { views: 1 })
    assert.notEqual(browser.sid, before)
    assert.deepEqual(await browser.json('/'), { views: 2 })
    assert.deepEqual(errors, [])
  })
})

// ---- A store that lacks encryption

const ENCRYPTED = {
  code: 'ERR_SESSION_ENCRYPTED',
  message: /^The session is encrypted, and the store has neither the option crypto nor cryptoAdapter/,
}
const OWN_ADAPTERS = {
  'bytes in hexadecimal, after an iv': (/** @type {string} */ text) =>
    `00112233445566778899aabbccddeeff:${Buffer.from(text).toString('hex')}`,
  'a JWE': (/** @type {string} */ text) =>
    `eyJhbGciOiJkaXIifQ..iv.${Buffer.from(text).toString('base64url')}.tag`,
  'a version and base64': (/** @type {string} */ text) => `v1$${Buffer.from(text).toString('base64')}`,
}

for (const stringify of [true, false]) {
  onBothBackends(
    `without encryption, stringify: ${stringify}, what connect-mongo has encrypted is an error`,
    async ({ sessions, open }) => {
      const vectors = [...loadVectors().values()].flat().filter(({ adapter }) => adapter !== 'none')
      await sessions.insertMany(
        vectors.map(({ stored }, index) => ({
          _id: `sid-${index}`,
          session: fromExtended({ stored }).stored,
        }))
      )
      const store = open({ stringify, onDecryptError: 'drop' })
      const dropped = [recorded(store, 'decrypt-failed'), recorded(store, 'unreadable')]
      const gets = vectors.map((_, index) => assert.rejects(store.get(`sid-${index}`), ENCRYPTED))
      await Promise.all(gets)
      await assert.rejects(store.all(), ENCRYPTED)
      assert.deepEqual(dropped, [[], []])
    }
  )

  for (const session of [plainSession({ user: 'ada' }), {}]) {
    const size = Object.keys(session).length ? 'a session' : 'the smallest session'
    for (const [name, encryption] of Object.entries(ENCRYPTIONS)) {
      onBothBackends(
        `without encryption, stringify: ${stringify}, ${size} of ${name} is an error, and says what is missing`,
        async ({ sessions, open }) => {
          await open({ ...encryption(), stringify }).set('sid', session)
          const before = await storedOf(sessions, 'sid')
          for (const concurrency of ['overwrite', 'merge']) {
            const store = open({ stringify, concurrency })
            const error = await store.get('sid').catch((/** @type {Error} */ failure) => failure)
            assert.throws(() => {
              throw error
            }, ENCRYPTED)
            assert.equal(error.cause, undefined)
          }
          assert.deepEqual(await storedOf(sessions, 'sid'), before)
        }
      )
    }

    for (const [name, encrypt] of Object.entries(OWN_ADAPTERS)) {
      onBothBackends(
        `without encryption, stringify: ${stringify}, ${size} of an adapter that writes ${name} is an error`,
        async ({ open }) => {
          const cryptoAdapter = {
            encrypt: async (/** @type {string} */ text) => encrypt(text),
            decrypt: String,
          }
          await open({ cryptoAdapter, stringify }).set('sid', plainSession(session))
          await assert.rejects(open({ stringify }).get('sid'), ENCRYPTED)
        }
      )
    }
  }

  onBothBackends(
    `without encryption, stringify: ${stringify}, a session that resembles an envelope is read`,
    async ({ open }) => {
      const store = open({ stringify })
      const resembling = [
        { ct: 'Connecticut' },
        { iv: 'four', hmac: 'no' },
        { ct: 'Connecticut', iv: 4 },
        { 0: 'a', 1: 'b' },
      ]
      for (const session of [...resembling, plainSession({ ct: 'x', iv: 'y', hmac: 'z' })]) {
        await store.set('sid', session)
        assert.equal((await store.get('sid')).ct, session.ct)
      }
    }
  )
}
