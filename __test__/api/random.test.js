// Thousands of sessions nobody would think of, written and read back; and very large ones.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { MongoStore: ConnectMongo } = require('connect-mongo')
const { DEFAULT_BACKEND } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { randomNumbers } = require('../support/random.js')
const { isBefore5 } = require('../support/server.js')
const { promised } = require('../support/wait.js')

/** With each setting of `stringify`, so ten thousand in all. */
const SESSIONS = 5_000
const SHARED_SESSIONS = 500
const AT_ONCE = 64
const MEGABYTE = 1024 * 1024

/** Set RANDOM_SEED to repeat a failure. */
const seed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 32))

const WORDS = ['', 'user', 'Grüße', '日本語', '🙂🏳️‍🌈', 'a\u0000b', '\u2028', '"\\/', 'e\u0301', '</script>']
// UTF-8, and with it BSON, has no lone surrogates; JSON text escapes them.
const LONE_SURROGATES = ['\ud83d', 'x\udc00y']
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.1,
  1e21,
  1e-7,
  5e-324,
  1.7976931348623157e308,
  2 ** 31,
  -(2 ** 31),
  2 ** 53,
  -(2 ** 53) - 1,
]
const KEYS = [
  '',
  'name',
  '$set',
  '$a.b',
  'a.b',
  '.',
  '$',
  '0',
  '-1',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'then',
  'length',
  'id',
  'lastModified',
  '日本',
  '🙂',
  'a b',
]

/**
 * Makes sessions: JSON's values, or the ones that BSON adds when `forBson` is set.
 *
 * @param {number} seedOfThese
 * @param {{ forBson: boolean, forBoth?: boolean, isBefore5?: boolean }} options
 */
function generator(seedOfThese, { forBson, forBoth = false, isBefore5: isWithoutDollars = false }) {
  const random = randomNumbers(seedOfThese)
  const below = (limit) => Math.floor(random() * limit)
  const pick = (list) => list[below(list.length)]

  const words = forBson ? WORDS : [...WORDS, ...LONE_SURROGATES]
  const keys = (forBson ? KEYS : [...KEYS, 'nul\u0000key', '\udfff']).filter(
    // connect-mongo loses a top-level __proto__ in BSON, and reads arrays under such names as raw bytes.
    (key) =>
      !(forBson && forBoth && key in Object.prototype) &&
      !(forBson && isWithoutDollars && key.startsWith('$'))
  )
  const text = () => (below(8) === 0 ? pick(words).repeat(below(300)) : pick(words) + below(1000))
  const number = () =>
    pick([() => pick(NUMBERS), () => below(2 ** 31), () => (random() - 0.5) * 10 ** below(30)])()
  const scalars = [text, number, () => random() < 0.5, () => null]
  if (forBson)
    scalars.push(
      () => new Date(below(2 ** 31) * 1000),
      () => NaN,
      () => -Infinity
    )
  const scalar = () => pick(scalars)()

  const entries = (count, value) => {
    const object = {}
    for (let i = 0; i < count; i++) {
      const key = below(2) === 0 ? pick(keys) : `${pick(keys)}${below(50)}`
      // Assigning to __proto__ would set the prototype; JSON.parse makes it a property like any other.
      Object.defineProperty(object, key, {
        value: value(),
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
    return object
  }
  const value = (depth) => {
    if (depth === 0 || below(3) > 0) return scalar()
    if (below(2) === 0) return Array.from({ length: below(6) }, () => value(depth - 1))
    return entries(below(6), () => value(depth - 1))
  }
  const nested = (depth) => {
    let innermost = scalar()
    for (let i = 0; i < depth; i++)
      innermost =
        below(2) === 0
          ? [innermost]
          : { [pick(isWithoutDollars ? ['a', 'b.c'] : ['a', 'b.c', '$d'])]: innermost }
    return innermost
  }
  const cookie = () => ({
    path: '/',
    originalMaxAge: pick([null, 3_600_000]),
    ...pick([{}, { sameSite: 'lax', secure: true }, { unheard: value(2) }]),
  })

  return () => {
    const session = entries(below(8), () => value(4))
    session.cookie = cookie()
    if (below(20) === 0) session.deep = nested(below(forBson ? 80 : 800))
    if (below(50) === 0) session.wide = entries(below(2000), scalar)
    return session
  }
}

/** What comes back of a session is what its serialization holds. */
function expected(session, stringify) {
  return stringify ? JSON.parse(JSON.stringify(session)) : session
}

/** Calls `work` for each number below `count`, AT_ONCE at a time. */
async function forEachOf(count, work) {
  let next = 0
  const lane = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

for (const stringify of [true, false]) {
  describe(`with stringify: ${stringify}`, () => {
    test(`${SESSIONS} random sessions come back as they were, seed ${seed}`, async (t) => {
      const { db, open, sessions } = await openDatabase(t)
      const store = open({ stringify })
      // The JavaScript driver reads as connect-mongo does.
      const nextSession = generator(seed, {
        forBson: !stringify,
        forBoth: DEFAULT_BACKEND === 'driver',
        isBefore5: await isBefore5(db),
      })
      const written = Array.from({ length: SESSIONS }, nextSession)
      const before = written.slice(0, 100).map((session) => structuredClone(session))

      await forEachOf(SESSIONS, (i) => store.set(`sid-${i}`, written[i]))
      assert.deepEqual(written.slice(0, 100), before, 'the store changes nothing that it is given')
      assert.equal(await sessions.countDocuments(), SESSIONS)
      await forEachOf(SESSIONS, async (i) => {
        assert.deepStrictEqual(await store.get(`sid-${i}`), expected(written[i], stringify), `session ${i}`)
      })

      await forEachOf(SESSIONS, (i) => store.touch(`sid-${i}`, written[i]))
      assert.deepStrictEqual(await store.get('sid-7'), expected(written[7], stringify))
      assert.equal((await store.all()).length, SESSIONS)
      await forEachOf(SESSIONS, (i) => store.destroy(`sid-${i}`))
      assert.equal(await store.length(), 0)
    })

    test(`${SHARED_SESSIONS} random sessions are the same to connect-mongo, seed ${seed}`, async (t) => {
      const { db, open, url, sessions } = await openDatabase(t)
      const ours = open({ stringify })
      const theirs = ConnectMongo.create({ mongoUrl: url, stringify })
      t.after(() => theirs.close())
      const nextSession = generator(seed + 1, {
        forBson: !stringify,
        forBoth: true,
        isBefore5: await isBefore5(db),
      })
      await forEachOf(SHARED_SESSIONS, async (i) => {
        const session = nextSession()
        await ours.set(`ours-${i}`, session)
        await promised(theirs, 'set', `theirs-${i}`, session)
        const [a, b, c, d] = [
          await promised(theirs, 'get', `ours-${i}`),
          await promised(theirs, 'get', `theirs-${i}`),
          await ours.get(`ours-${i}`),
          await ours.get(`theirs-${i}`),
        ]
        assert.deepStrictEqual(a, b, `session ${i}, read by connect-mongo`)
        assert.deepStrictEqual(c, b, `session ${i}, read by us`)
        assert.deepStrictEqual(d, b, `session ${i}, written by connect-mongo and read by us`)
        const [mine, their] = [
          await sessions.findOne({ _id: `ours-${i}` }),
          await sessions.findOne({ _id: `theirs-${i}` }),
        ]
        assert.deepStrictEqual(mine.session, their.session, `session ${i}, as stored`)
      })
    })

    test('a session of 15 MB comes back as it was', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ stringify })
      const large = {
        'one long text': { cookie: {}, text: 'é'.repeat((15 * MEGABYTE) / 2) },
        'many short ones': { cookie: {}, list: Array.from({ length: 500_000 }, (_, i) => `entry ${i}`) },
      }
      for (const [sid, session] of Object.entries(large)) {
        await store.set(sid, session)
        assert.deepStrictEqual(await store.get(sid), session, sid)
      }
      assert.equal((await store.all()).length, 2)
    })
  })
}
