// store.options: what can be changed there, what says that it cannot, and that it gives no secret away.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { inspect } = require('node:util')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { collectWarnings, warningsAreOut } = require('../support/warnings.js')

/** Each assignment once more, since a warning is given once. @param {any} options @param {Record<string, unknown>} values */
function assignTwice(options, values) {
  for (const [name, value] of [...Object.entries(values), ...Object.entries(values)]) options[name] = value
}

for (const backend of BACKENDS) {
  describe(`store.options of the ${backend} backend`, () => {
    test('changes what touch and set do', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend, autoRemove: 'disabled' })
      store.options.strictTouch = true
      await assert.rejects(store.touch('gone', { cookie: {} }), /Unable to find the session to touch/)
      await store.set('sid', { cookie: {} })
      const loaded = store.createSession({ sessionID: 'sid' }, await store.get('sid'))
      await store.destroy('sid')
      store.options.resurrect = true
      await store.set('sid', loaded)
      assert.ok(await store.get('sid'))
    })

    test('takes what is the same without a warning', async (t) => {
      const { open } = await openDatabase(t)
      const warnings = collectWarnings(t)
      const store = open({ backend, autoRemove: 'disabled' })
      store.options = { ...store.options, mongoUrl: store.options.mongoUrl, dbName: undefined, ttl: 60 }
      assert.equal(store.options.ttl, 60)
      await warningsAreOut()
      assert.deepEqual(warnings, [])
    })

    test('gives the timer another period', async (t) => {
      const { open } = await openDatabase(t)
      /** @type {number[]} */
      const periods = []
      const original = setInterval
      t.mock.method(
        globalThis,
        'setInterval',
        (/** @type {() => void} */ run, /** @type {number} */ delay) => {
          periods.push(delay)
          return original(run, delay)
        }
      )
      const store = open({ backend, autoRemove: 'interval', autoRemoveInterval: 10 })
      await store.ping()
      store.options.autoRemoveInterval = 1000
      const expected = [10, 1000].map((minutes) => minutes * 60_000)
      assert.deepEqual(
        expected.map((period) => periods.filter((one) => one > period * 0.89 && one <= period).length),
        [1, 1]
      )
    })

    test('gives no secret away, and has them for those who ask', async (t) => {
      const mongoUrl = 'mongodb://user:secret1@127.0.0.1:1/app?serverSelectionTimeoutMS=1&authSource=admin'
      const store = new MongoStore({
        mongoUrl,
        backend,
        autoRemove: 'disabled',
        mongoOptions: { auth: { username: 'user', password: 'secret2' } },
        crypto: { secret: 'secret3' },
        hashId: { secret: 'secret4' },
      })
      t.after(() => store.close())
      const thorough = { showHidden: true, depth: 10, getters: true }
      const printed = [store, store.options].flatMap((value) => [
        inspect(value),
        inspect(value, thorough),
        inspect({ value }, { ...thorough, showProxy: true }),
        JSON.stringify(value),
        JSON.stringify({ ...value }),
        inspect(structuredClone({ ...store.options })),
      ])
      for (const text of printed) assert.doesNotMatch(text, /secret\d/)
      assert.equal(store.options.mongoUrl, mongoUrl)
      assert.deepEqual(store.options.crypto, { secret: 'secret3' })
    })
  })
}

test('a change that cannot be made is one warning, and leaves the option as it was', async (t) => {
  const { open } = await openDatabase(t)
  const warnings = collectWarnings(t)
  for (const backend of BACKENDS) {
    const { options } = open({ backend, autoRemove: 'disabled', crypto: { secret: 'squirrel' } })
    const before = { ...options }
    assignTwice(options, {
      dbName: 'warned',
      collectionName: 'warned',
      crypto: { secret: 'acorn' },
      mongoUrl: 'mongodb://user:password@localhost',
      stringify: false,
    })
    assert.deepEqual({ ...options }, before)
    assert.deepEqual(options.crypto, { secret: 'squirrel' })
  }
  await warningsAreOut()
  const names = ['dbName', 'collectionName', 'crypto', 'mongoUrl', 'stringify']
  assert.deepEqual(
    warnings.map(({ message }) => message),
    names.map((name) => `store.options.${name} cannot be changed any more: give ${name} to MongoStore.create`)
  )
})

test('a value that cannot work is one warning, and leaves the option as it was', async (t) => {
  const { open } = await openDatabase(t)
  const warnings = collectWarnings(t)
  for (const backend of BACKENDS) {
    const { options } = open({ backend, autoRemove: 'interval', ttl: 61 })
    assignTwice(options, {
      ttl: Number.POSITIVE_INFINITY,
      touchAfter: 'soon',
      autoRemoveInterval: 71_583,
      tll: 60,
    })
    const { ttl, touchAfter, autoRemoveInterval } = options
    assert.deepEqual(
      { ttl, touchAfter, autoRemoveInterval },
      { ttl: 61, touchAfter: 0, autoRemoveInterval: 10 }
    )
  }
  await warningsAreOut()
  assert.deepEqual(
    warnings.map(({ message }) => message),
    [
      'store.options.ttl cannot be Infinity: it stays 61',
      "store.options.touchAfter cannot be 'soon': it stays 0",
      'store.options.autoRemoveInterval cannot be 71583: it stays 10',
      'store.options has no tll that the store would read; did you mean ttl?',
    ]
  )
})
