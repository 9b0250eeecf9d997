// The calls, answers, events and rules of the store: the same on this package and on connect-mongo.
'use strict'

const assert = require('node:assert/strict')
const { readFileSync, readdirSync } = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')
const { ObjectId } = require('mongodb')
const { CLIENT_EXCEPTIONS } = require('../support/client-exceptions.js')
const {
  DIFFERENCES,
  callbackArguments,
  forDifference,
  forEachImplementation,
  forOurs,
} = require('../support/differential.js')
const {
  EARLIER,
  LATER,
  assertBetween,
  deepFrozen,
  eventually,
  expressSession,
  fromNow,
  plainSession,
  storedSession,
} = require('../support/sessions.js')

// ---- Answers

const ANSWERS = [
  { method: 'get', args: ['missing'], answer: [null, null] },
  { method: 'get', args: ['here'], answer: [null, plainSession({ id: 'here' })] },
  { method: 'set', args: ['new', plainSession()], answer: [null] },
  { method: 'set', args: ['here', plainSession()], answer: [null] },
  { method: 'touch', args: ['here', plainSession()], answer: [null] },
  { method: 'touch', args: ['here', 'the text of a session'], answer: [null] },
  { method: 'destroy', args: ['here'], answer: [null] },
  { method: 'destroy', args: ['missing'], answer: [null] },
  { method: 'all', args: [], answer: [null, [plainSession({ id: 'here' })]] },
  { method: 'length', args: [], answer: [null, 1] },
  { method: 'clear', args: [], answer: [null] },
]

for (const { method, args, answer } of ANSWERS) {
  const shown = [...args.map((each) => (typeof each === 'string' ? each : 'session')), 'callback'].join(', ')
  forEachImplementation(
    `${method}(${shown}) calls back with ${JSON.stringify(answer)}`,
    async (_t, context) => {
      await context.collection.insertOne(storedSession('here'))
      assert.deepEqual(await callbackArguments(context.create(), method, ...args), answer)
    }
  )
}

for (const [method, answer] of /** @type {const} */ ([
  ['all', []],
  ['length', 0],
  ['clear', undefined],
  ['destroy', undefined],
])) {
  forEachImplementation(`${method} works before there is a collection`, async (_t, { open }) => {
    const store = open()
    assert.deepEqual(await (method === 'destroy' ? store.destroy('sid') : store[method]()), answer)
  })
}

const WITHOUT_CALLBACK = {
  set: {
    args: ['sid', plainSession({ changed: true })],
    isDone: (/** @type {any} */ document) => document.session.includes('changed'),
  },
  touch: {
    args: ['sid', plainSession()],
    isDone: (/** @type {any} */ document) => document.expires.getTime() === LATER.getTime(),
  },
  destroy: { args: ['sid'], isDone: (/** @type {any} */ document) => document === null },
  clear: { args: [], isDone: (/** @type {any} */ document) => document === null },
}

for (const [method, { args, isDone }] of Object.entries(WITHOUT_CALLBACK)) {
  forEachImplementation(`${method} needs no callback`, async (_t, { create, collection }) => {
    for (const noCallback of [[], [undefined]]) {
      await collection.deleteMany({})
      await collection.insertOne(storedSession('sid', { expires: fromNow(60_000) }))
      create()[method](...args, ...noCallback)
      await eventually(() => collection.findOne({ _id: 'sid' }), isDone)
    }
  })
}

forEachImplementation(
  'a session is set, fetched, replaced, listed, counted and destroyed',
  async (_t, { open }) => {
    const { get, set, all, length, destroy, clear } = open()
    assert.equal(await set('sid', plainSession({ user: 'ada' })), undefined)
    assert.deepEqual(await get('sid'), plainSession({ user: 'ada' }))
    await set('sid', plainSession({ user: 'grace' }))
    assert.deepEqual(await get('sid'), plainSession({ user: 'grace' }))
    assert.deepEqual(await all(), [plainSession({ user: 'grace' })])
    await set('other', plainSession())
    assert.equal(await length(), 2)
    assert.equal(await destroy('sid'), undefined)
    assert.equal(await get('sid'), null)
    assert.equal(await clear(), undefined)
    assert.deepEqual(await all(), [])
  }
)

forEachImplementation('every fetch gives objects of its own', async (_t, { open }) => {
  const { get, set } = open()
  await set('sid', plainSession({ list: [1] }))
  const first = await get('sid')
  first.list.push(2)
  assert.deepEqual((await get('sid')).list, [1])
})

for (const sid of [
  '',
  ' ',
  '$where',
  'a.b',
  'ключ 🔑',
  'x'.repeat(900),
  'nul\0nul',
  '65a0c0ffee0123456789abcd',
]) {
  forEachImplementation(
    `the session id ${JSON.stringify(sid.slice(0, 24))} is taken as it is`,
    async (_t, context) => {
      const { get, set, touch, destroy } = context.open()
      await set(sid, plainSession())
      await touch(sid, plainSession())
      assert.deepEqual((await context.collection.findOne())?._id, sid)
      assert.deepEqual(await get(sid), plainSession())
      await destroy(sid)
      assert.equal(await context.collection.countDocuments(), 0)
    }
  )
}

for (const [name, value] of Object.entries({ null: null, 'a string': 'text', 'a number': 7, false: false })) {
  forEachImplementation(`a session that is ${name} is stored and comes back`, async (_t, { open }) => {
    const { get, set, all } = open()
    await set('sid', value)
    assert.deepEqual(await get('sid'), value)
    assert.deepEqual(await all(), [value])
  })
}

for (const [name, given, value] of /** @type {[string, string, any][]} */ ([
  ['undefined', 'none', undefined],
  ['a function', 'a function', () => {}],
])) {
  forDifference('no-session', `set with a session that is ${name}`, {
    ours: async (_t, { open, collection }) => {
      const { set, get, events } = open()
      const refusal = { name: 'TypeError', message: `set needs the session that it stores, and got ${given}` }
      await assert.rejects(set('sid', value), refusal)
      assert.equal(await collection.countDocuments(), 0)
      await set('sid', plainSession({ n: 1 }))
      await assert.rejects(set('sid', value), refusal)
      assert.deepEqual(await get('sid'), plainSession({ n: 1 }))
      assert.deepEqual(
        events.map(([event]) => event),
        ['create', 'set', 'get']
      )
    },
    theirs: async (_t, { open, collection }) => {
      const { set, get } = open()
      await set('sid', value)
      assert.equal((await collection.findOne())?.session, null)
      assert.equal(await get('sid'), null)
    },
  })
}

forEachImplementation(
  'a session that JSON cannot hold fails that call with its own error',
  async (_t, { open }) => {
    const { set, length, events } = open()
    /** @type {any} */
    const circular = plainSession()
    circular.self = circular
    await assert.rejects(set('sid', circular), { name: 'TypeError', message: /circular/ })
    await assert.rejects(set('sid', plainSession({ big: 1n })), { name: 'TypeError', message: /BigInt/ })
    const error = new RangeError('from toJSON')
    const failing = {
      toJSON() {
        throw error
      },
    }
    await assert.rejects(set('sid', plainSession({ failing })), (thrown) => thrown === error)
    assert.equal(await length(), 0)
    assert.deepEqual(events, [])
  }
)

forEachImplementation('touch without a session fails that call', async (_t, { open, collection }) => {
  await collection.insertOne(storedSession('sid'))
  const { touch } = open()
  await assert.rejects(touch('sid', undefined), { name: 'TypeError' })
  await assert.rejects(touch('sid', null), { name: 'TypeError' })
})

/** By `stringify`, what a document may have in the place of a session. */
const UNREADABLE = {
  true: {
    'no session': {},
    'text that is not JSON': { session: '{not json' },
    'text that breaks off': { session: '{"cookie":' },
    'empty text': { session: '' },
    'a document': { session: plainSession({ n: 1 }) },
    'a document without a cookie': { session: { n: 1 } },
    'a date': { session: LATER },
    'an empty array': { session: [] },
    'an ObjectId': { session: new ObjectId('ffffffffffffffffffffffff') },
    bytes: { session: Buffer.from('no session') },
  },
  false: {
    'no session': {},
    text: { session: 'text' },
    JSON: { session: JSON.stringify(plainSession()) },
    'a number': { session: 5 },
    'a boolean': { session: true },
  },
}

for (const [shown, documents] of Object.entries(UNREADABLE)) {
  const stringify = shown === 'true'
  for (const [what, fields] of Object.entries(documents)) {
    forDifference('unreadable', `stringify: ${stringify}, a document with ${what}`, {
      ours: async (_t, { open, collection }) => {
        const good = { _id: 'good', session: stringify ? JSON.stringify(plainSession()) : plainSession() }
        await collection.insertMany(/** @type {any[]} */ ([{ _id: 'sid', expires: LATER, ...fields }, good]))
        const { store, get, all, set, events } = open({ stringify })
        /** @type {any[]} */
        const unreadable = []
        store.on('unreadable', (/** @type {any[]} */ ...args) => unreadable.push(args))
        assert.equal(await get('sid'), null)
        assert.deepEqual(await all(), [plainSession()])
        assert.deepEqual(
          unreadable.map(([sid, { code }]) => [sid, code]),
          [
            ['sid', 'ERR_SESSION_UNREADABLE'],
            [undefined, 'ERR_SESSION_UNREADABLE'],
          ]
        )
        for (const [, { message }] of unreadable)
          assert.match(message, /^The stored session cannot be read: /)
        assert.deepEqual(
          events.map(([name]) => name),
          ['get', 'all']
        )
        await set('sid', plainSession({ n: 2 }))
        assert.deepEqual(await get('sid'), plainSession({ n: 2 }))
      },
      theirs: async (_t, { open, collection }) => {
        await collection.insertOne(/** @type {any} */ ({ _id: 'sid', expires: LATER, ...fields }))
        const { store, get, all } = open({ stringify })
        if (stringify) {
          await assert.rejects(get('sid'), { name: 'SyntaxError' })
          return assert.rejects(all(), { name: 'SyntaxError' })
        }
        // What the framework fails with.
        const found = await get('sid')
        if (found) assert.throws(() => store.createSession({}, found), TypeError)
      },
    })
  }
}

forEachImplementation(
  "what the app's own unserialize throws fails get and all",
  async (_t, { open, collection }) => {
    await collection.insertOne(storedSession('sid', { session: '{not json' }))
    const { get, all, events } = open({ unserialize: JSON.parse })
    await assert.rejects(get('sid'), { name: 'SyntaxError' })
    await assert.rejects(all(), { name: 'SyntaxError' })
    assert.deepEqual(events, [])
  }
)

forDifference('no-cookie', 'a stored session without a cookie', {
  ours: (_t, { open }) => {
    const session = open().store.createSession({ sessionID: 'sid' }, { n: 1 })
    assert.equal(session.n, 1)
    assert.equal(session.cookie.path, '/')
  },
  theirs: (_t, { open }) => {
    assert.throws(() => open().store.createSession({ sessionID: 'sid' }, { n: 1 }), TypeError)
  },
})

// ---- Events

forEachImplementation(
  'events come with their payloads, in order, before the answer',
  async (_t, { open }) => {
    const { events, get, set, touch, destroy, all, length, clear } = open()
    /** @param {string} name @param {Promise<unknown>} call */
    const done = async (name, call) => {
      await call
      events.push([name])
    }
    const kept = plainSession({ n: 1 })
    await done('set done', set('sid', kept))
    await done('set done', set('sid', kept))
    await done('touch done', touch('sid', kept))
    await done('get done', get('sid'))
    await done('all done', all())
    await done('length done', length())
    await done('destroy done', destroy('sid'))
    await done('get done', get('sid'))
    await done('destroy done', destroy('sid'))
    await done('clear done', clear())
    assert.deepEqual(events, [
      ['create', 'sid'],
      ['set', 'sid'],
      ['set done'],
      ['update', 'sid'],
      ['set', 'sid'],
      ['set done'],
      ['touch', 'sid', kept],
      ['touch done'],
      ['get', 'sid'],
      ['get done'],
      ['all', [kept]],
      ['all done'],
      ['length done'],
      ['destroy', 'sid'],
      ['destroy done'],
      ['get', 'sid'],
      ['get done'],
      ['destroy', 'sid'],
      ['destroy done'],
      ['clear done'],
    ])
  }
)

forEachImplementation(
  'the touch event hands over the very session that was touched',
  async (_t, { open }) => {
    const { events, set, touch } = open()
    const touched = expressSession()
    await set('sid', touched)
    await touch('sid', touched)
    assert.equal(events.at(-1)?.[0], 'touch')
    assert.equal(events.at(-1)?.[2], touched)
  }
)

forEachImplementation('the all event hands over the very array of the answer', async (_t, { open }) => {
  const { events, set, all } = open()
  await set('sid', plainSession())
  const answer = await all()
  assert.equal(events.at(-1)?.[1], answer)
})

forEachImplementation(
  'an event names the caller’s session id, not the transformed one',
  async (_t, { open }) => {
    const { events, set, get, touch, destroy } = open({
      transformId: (/** @type {string} */ sid) => `t:${sid}`,
    })
    await set('sid', plainSession())
    await get('sid')
    await touch('sid', plainSession())
    await destroy('sid')
    assert.deepEqual(
      events.map(([name, sid]) => [name, sid]),
      ['create', 'set', 'get', 'touch', 'destroy'].map((name) => [name, 'sid'])
    )
  }
)

// ---- Expiry

const FIXED_EXPIRY = {
  'a Date': { cookie: { expires: LATER } },
  'an ISO string': { cookie: { expires: LATER.toJSON() } },
  'a string with an offset': { cookie: { expires: '2100-01-02T05:04:05.678+02:00' } },
  milliseconds: { cookie: { expires: LATER.getTime() } },
  'the Date of an express-session cookie': expressSession(),
}

for (const [name, value] of Object.entries(FIXED_EXPIRY)) {
  forEachImplementation(
    `cookie.expires as ${name} is stored as that date`,
    async (_t, { open, collection }) => {
      const { set, touch } = open({ ttl: 5 })
      await set('sid', value)
      assert.deepEqual((await collection.findOne())?.expires, LATER)
      await collection.updateOne({}, { $set: { expires: EARLIER } })
      await touch('sid', value)
      assert.deepEqual((await collection.findOne())?.expires, LATER)
    }
  )
}

forEachImplementation('a cookie with maxAge expires after it', async (_t, { open, collection }) => {
  const { set } = open({ ttl: 5 })
  const made = expressSession()
  const before = Date.now()
  made.cookie.maxAge = 90_000
  const after = Date.now()
  await set('sid', made)
  assertBetween((await collection.findOne())?.expires, before + 90_000, after + 90_000)
})

const NO_EXPIRY = {
  'no cookie': {},
  'a null cookie': { cookie: null },
  'a cookie without expires': { cookie: { path: '/' } },
  'a cookie whose expires is null': { cookie: { expires: null } },
  'a cookie whose expires is false': { cookie: { expires: false } },
  'a cookie whose expires is an empty string': { cookie: { expires: '' } },
  'only a maxAge that is not an express-session one': { cookie: { maxAge: 1000 } },
}

for (const [name, value] of Object.entries(NO_EXPIRY)) {
  forEachImplementation(`a session with ${name} lives for ttl`, async (_t, { open, collection }) => {
    const { set, get, touch } = open({ ttl: 100 })
    const before = Date.now()
    await set('sid', value)
    assertBetween((await collection.findOne())?.expires, before + 100_000, Date.now() + 100_000)
    assert.deepEqual(await get('sid'), JSON.parse(JSON.stringify(value)))
    await collection.updateOne({}, { $set: { expires: EARLIER } })
    const beforeTouch = Date.now()
    await touch('sid', value)
    assertBetween((await collection.findOne())?.expires, beforeTouch + 100_000, Date.now() + 100_000)
  })
}

const TTLS = [
  [undefined, 1_209_600_000],
  [1, 1000],
  [0.5, 500],
  [0, 0],
  [-60, -60_000],
  ['60', 60_000],
  [null, 0],
]

for (const [ttl, milliseconds] of TTLS) {
  forEachImplementation(
    `ttl ${JSON.stringify(ttl)} is ${milliseconds} ms`,
    async (_t, { open, collection }) => {
      const { set } = open({ ttl })
      const before = Date.now()
      await set('sid', {})
      const limits = [before + Number(milliseconds), Date.now() + Number(milliseconds)]
      assertBetween((await collection.findOne())?.expires, limits[0], limits[1])
    }
  )
}

for (const expires of ['nonsense', '2100-13-45', Number.NaN.toString()]) {
  forEachImplementation(
    `cookie.expires ${expires} is stored as the driver stores an invalid date`,
    async (_t, context) => {
      const { set, get } = context.open()
      await set('sid', { cookie: { expires } })
      assert.deepEqual((await context.collection.findOne())?.expires, new Date(0))
      assert.equal(await get('sid'), null)
    }
  )
}

for (const expires of [new Date(8.64e15), new Date(-1), new Date(-8.64e15), new Date(0)]) {
  forEachImplementation(
    `cookie.expires ${expires.toJSON()} is stored exactly`,
    async (_t, { open, collection }) => {
      const { set } = open()
      await set('sid', { cookie: { expires } })
      const [raw] = await collection.find({}, { promoteValues: false }).toArray()
      assert.equal(raw.expires.getTime(), expires.getTime())
    }
  )
}

const HIDDEN = {
  'that expired': { expires: EARLIER },
  'that expired a moment ago': { expires: fromNow(-1) },
  'whose expires is null': { expires: null },
  'whose expires is text': { expires: LATER.toJSON() },
  'whose expires is a number': { expires: LATER.getTime() },
  'whose expires is an object': { expires: { at: LATER } },
  'whose expires is an empty array': { expires: [] },
  'whose expires is an array of dates that are over': { expires: [EARLIER, LATER.getTime(), [LATER]] },
}

for (const [name, fields] of Object.entries(HIDDEN)) {
  forEachImplementation(`get and all hide a document ${name}`, async (_t, { open, collection }) => {
    await collection.insertMany([storedSession('hidden', fields), storedSession('live')])
    const { get, all } = open()
    assert.equal(await get('hidden'), null)
    assert.deepEqual(await all(), [plainSession({ id: 'live' })])
  })
}

forEachImplementation('a document without expires is live', async (_t, { open, collection }) => {
  await collection.insertOne({ _id: 'sid', session: JSON.stringify({ n: 1 }) })
  const { get, all, length } = open()
  assert.deepEqual(await get('sid'), { n: 1 })
  assert.deepEqual(await all(), [{ n: 1 }])
  assert.equal(await length(), 1)
})

forEachImplementation(
  'a document is live when one of several dates in its expires is to come',
  async (_t, { open, collection }) => {
    await collection.insertOne(storedSession('sid', { expires: [EARLIER, LATER] }))
    const { get, all, length } = open()
    assert.deepEqual(await get('sid'), plainSession({ id: 'sid' }))
    assert.deepEqual(await all(), [plainSession({ id: 'sid' })])
    assert.equal(await length(), 1)
  }
)

forEachImplementation(
  'a document without expires gives its cookie as it is',
  async (_t, { open, collection }) => {
    await collection.insertOne({ _id: 'sid', session: JSON.stringify(plainSession()) })
    assert.deepEqual(await open().get('sid'), plainSession())
  }
)

forEachImplementation('clear removes expired and live sessions alike', async (_t, { open, collection }) => {
  await collection.insertMany([storedSession('hidden', { expires: EARLIER }), storedSession('live')])
  await open().clear()
  assert.equal(await collection.countDocuments(), 0)
})

forEachImplementation('destroy removes an expired session', async (_t, { open, collection }) => {
  await collection.insertMany([storedSession('hidden', { expires: EARLIER }), storedSession('live')])
  await open().destroy('hidden')
  assert.deepEqual(await collection.distinct('_id'), ['live'])
})

forEachImplementation('all and length see every one of many sessions', async (_t, { open, collection }) => {
  const filler = 'x'.repeat(20_000)
  const count = 1200
  await collection.insertMany(
    Array.from({ length: count }, (_, index) => ({
      _id: `${index}`,
      session: JSON.stringify({ index, filler }),
      expires: LATER,
    }))
  )
  const { all, length } = open()
  const sessions = await all()
  assert.deepEqual(
    sessions.map((/** @type {any} */ each) => each.index),
    Array.from({ length: count }, (_, index) => index)
  )
  assert.equal(await length(), count)
})

forEachImplementation('many calls at once each get their own answer', async (_t, { open }) => {
  const { set, get, touch, destroy, length } = open()
  const sids = Array.from({ length: 300 }, (_, index) => `sid ${index}`)
  await Promise.all(sids.map((sid) => set(sid, plainSession({ sid }))))
  await Promise.all(sids.map((sid) => touch(sid, plainSession())))
  const fetched = await Promise.all(sids.map((sid) => get(sid)))
  assert.deepEqual(
    fetched.map(({ sid }) => sid),
    sids
  )
  await Promise.all(sids.slice(1).map((sid) => destroy(sid)))
  assert.equal(await length(), 1)
})

forEachImplementation('a document without a session counts', async (_t, { open, collection }) => {
  await collection.insertOne(/** @type {any} */ ({ of: 'something else' }))
  assert.equal(await open().length(), 1)
})

forEachImplementation('a set or a touch brings an expired session back', async (_t, { open, collection }) => {
  await collection.insertMany([
    storedSession('set', { expires: EARLIER }),
    storedSession('touch', { expires: EARLIER }),
  ])
  const { get, set, touch, events } = open()
  await set('set', plainSession())
  await touch('touch', plainSession())
  assert.deepEqual(
    events.map(([name]) => name),
    ['update', 'set', 'touch']
  )
  assert.deepEqual(await get('set'), plainSession())
  assert.deepEqual(await get('touch'), plainSession({ id: 'touch' }))
})

forDifference('length-live', 'length and all agree on what is live', {
  ours: async (_t, { open, collection }) => {
    await collection.insertMany(
      Object.values(HIDDEN).map((fields, index) => storedSession(`${index}`, fields))
    )
    await collection.insertMany([storedSession('live'), { _id: 'for ever', session: '{}' }])
    const { all, length } = open()
    assert.equal(await length(), 2)
    assert.equal((await all()).length, 2)
  },
  theirs: async (_t, { open, collection }) => {
    await collection.insertMany([storedSession('expired', { expires: EARLIER }), storedSession('live')])
    const { all, length } = open()
    assert.equal(await length(), 2)
    assert.equal((await all()).length, 1)
  },
})

for (const [name, stored, overlaid] of /** @type {const} */ ([
  ['text', EARLIER.toJSON(), LATER.toJSON()],
  ['a date', EARLIER, LATER],
])) {
  forDifference('cookie-expires', `a fetched cookie.expires that is ${name} is the document's expires`, {
    ours: async (_t, { open, collection }) => {
      const value = { cookie: { expires: stored, path: '/' }, other: { expires: 1 } }
      await collection.insertOne({ _id: 'sid', session: value, expires: LATER })
      const { get, all } = open({ stringify: false })
      const expected = { ...value, cookie: { expires: overlaid, path: '/' } }
      assert.deepEqual(await get('sid'), expected)
      assert.deepEqual(await all(), [expected])
    },
    theirs: async (_t, { open, collection }) => {
      const value = { cookie: { expires: stored, path: '/' } }
      await collection.insertOne({ _id: 'sid', session: value, expires: LATER })
      assert.deepEqual(await open({ stringify: false }).get('sid'), value)
    },
  })
}

forDifference('cookie-expires', 'a touched session comes back with its new date', {
  ours: async (_t, { open }) => {
    const { get, set, touch } = open()
    await set('sid', { cookie: { expires: fromNow(60_000) } })
    await touch('sid', { cookie: { expires: LATER } })
    assert.deepEqual(await get('sid'), { cookie: { expires: LATER.toJSON() } })
  },
  theirs: async (_t, { open }) => {
    const { get, set, touch } = open()
    const old = fromNow(60_000)
    await set('sid', { cookie: { expires: old } })
    await touch('sid', { cookie: { expires: LATER } })
    assert.deepEqual(await get('sid'), { cookie: { expires: old.toJSON() } })
  },
})

for (const cookie of [null, {}, { expires: null }, { expires: false }, 'text', 7]) {
  const shown = JSON.stringify(cookie)
  forEachImplementation(`a fetched cookie ${shown} stays without a date`, async (_t, { open }) => {
    const { get, set } = open()
    await set('sid', { cookie })
    assert.deepEqual(await get('sid'), { cookie })
  })
}

forEachImplementation('fields that nobody has heard of stay on the cookie', async (_t, { open }) => {
  const { get, set } = open()
  const cookie = {
    ...plainSession().cookie,
    priority: 'high',
    partitioned: true,
    sameSite: 'auto',
    future: [1],
  }
  await set('sid', { cookie })
  assert.deepEqual(await get('sid'), { cookie })
})

// ---- touch and touchAfter

forEachImplementation('touch changes expires and nothing else', async (_t, { open, collection }) => {
  const { set, touch } = open()
  await set('sid', plainSession({ n: 1 }))
  const before = await collection.findOne()
  await touch('sid', { ...plainSession({ n: 2 }), cookie: { expires: fromNow(1e6) } })
  const { expires, ...rest } = /** @type {any} */ (await collection.findOne())
  assert.notDeepEqual(expires, before?.expires)
  assert.deepEqual({ ...rest, expires: before?.expires }, before)
})

forDifference('touch-missed', 'touching a session that is gone', {
  ours: async (_t, { open, collection }) => {
    const { touch, events } = open()
    const touched = plainSession()
    assert.equal(await touch('gone', touched), undefined)
    assert.deepEqual(events, [['touch-missed', 'gone', touched]])
    assert.equal(events[0][2], touched)
    assert.equal(await collection.countDocuments(), 0)
  },
  theirs: async (_t, { open }) => {
    const { touch, events } = open()
    await assert.rejects(touch('gone', plainSession()), {
      name: 'Error',
      message: 'Unable to find the session to touch',
    })
    assert.deepEqual(events, [])
  },
})

forOurs(
  'strictTouch fails the touch of a session that is gone, in connect-mongo’s words',
  async (_t, { open }) => {
    const { touch, events } = open({ strictTouch: true })
    await assert.rejects(touch('gone', plainSession()), {
      name: 'Error',
      message: 'Unable to find the session to touch',
    })
    assert.deepEqual(
      events.filter(([name]) => name === 'touch'),
      []
    )
  }
)

forEachImplementation(
  'touchAfter skips the touch of a fetched session inside the period',
  async (_t, context) => {
    const { get, set, touch, events } = context.open({ touchAfter: 60 })
    await set('sid', plainSession())
    const before = await context.collection.findOne()
    const fetched = await get('sid')
    events.length = 0
    fetched.cookie.expires = fromNow(1e6)
    assert.equal(await touch('sid', fetched), undefined)
    assert.deepEqual(events, [])
    assert.deepEqual(await context.collection.findOne(), before)
  }
)

forEachImplementation(
  'touchAfter skips without looking whether the session is there',
  async (_t, context) => {
    const { get, set, touch, destroy, events } = context.open({ touchAfter: 60, strictTouch: true })
    await set('sid', plainSession())
    const fetched = await get('sid')
    await destroy('sid')
    events.length = 0
    await touch('sid', fetched)
    assert.deepEqual(events, [])
  }
)

forEachImplementation('touchAfter lets a touch after the period write both dates', async (_t, context) => {
  const { collection } = context
  const { get, touch, events } = context.open({ touchAfter: 60 })
  await collection.insertOne(storedSession('sid', { lastModified: fromNow(-61_000) }))
  const fetched = await get('sid')
  fetched.cookie.expires = '2101-01-01T00:00:00.000Z'
  const before = Date.now()
  await touch('sid', fetched)
  const after = /** @type {any} */ (await collection.findOne())
  assert.deepEqual(after.expires, new Date('2101-01-01T00:00:00.000Z'))
  assertBetween(after.lastModified, before, Date.now())
  assert.deepEqual(
    events.map(([name]) => name),
    ['get', 'touch']
  )
})

forEachImplementation(
  'touchAfter heeds the lastModified of a document passed as a session',
  async (_t, context) => {
    const { collection, open } = context
    const { touch, events } = open({ touchAfter: 60, ttl: 100 })
    await collection.insertMany([
      storedSession('young', { lastModified: fromNow(-50_000) }),
      storedSession('old', { lastModified: fromNow(-61_000) }),
    ])
    for (const _id of ['young', 'old']) await touch(_id, await collection.findOne({ _id }))
    assert.deepEqual(
      events.map(([name, sid]) => [name, sid]),
      [['touch', 'old']]
    )
    const [old, young] = await collection.find().sort({ _id: 1 }).toArray()
    assert.deepEqual(young.expires, LATER)
    assertBetween(old.expires, Date.now() + 40_000, Date.now() + 100_000)
    assertBetween(old.lastModified, Date.now() - 60_000, Date.now())
  }
)

forOurs(
  'touchAfter goes by the document, not by a key lastModified that the app put on it',
  async (_t, context) => {
    const { collection, open } = context
    const { get, touch, events } = open({ touchAfter: 60 })
    await collection.insertOne(storedSession('sid', { lastModified: fromNow(-61_000) }))
    const fetched = await get('sid')
    fetched.lastModified = new Date()
    await touch('sid', fetched)
    assert.equal(events.at(-1)?.[0], 'touch')
  }
)

/** @param {import('../support/differential.js').Context} context @param {object} [options] */
async function saveAfterLogout({ open, collection }, options) {
  const { store, events, set, get, destroy } = open(options)
  await set('sid', plainSession())
  const loaded = store.createSession({ sessionID: 'sid' }, await get('sid'))
  await destroy('sid')
  events.length = 0
  await set('sid', loaded)
  const isBack = (await collection.countDocuments({ _id: 'sid' })) > 0
  return { isBack, events: events.map(([name]) => name) }
}

const IS_BACK = { isBack: true, events: ['create', 'set'] }

forDifference('no-resurrection', 'saving a session that was destroyed while a request had it loaded', {
  ours: async (_t, context) => {
    assert.deepEqual(await saveAfterLogout(context), { isBack: false, events: ['set-refused'] })
    assert.deepEqual(await saveAfterLogout(context, { resurrect: true }), IS_BACK)
  },
  theirs: async (_t, context) => assert.deepEqual(await saveAfterLogout(context), IS_BACK),
})

forEachImplementation('createSession gives a Session whose touch heeds touchAfter', async (_t, { open }) => {
  const { store, set, get, touch, events } = open({ touchAfter: 60 })
  await set('sid', plainSession({ n: 1 }))
  /** @type {any} */
  const request = { sessionID: 'sid', sessionStore: store }
  const made = store.createSession(request, await get('sid'))
  assert.equal(request.session, made)
  assert.equal(made.n, 1)
  assert.deepEqual(made.cookie.expires, LATER)
  events.length = 0
  await touch('sid', made)
  assert.deepEqual(events, [])
})

forEachImplementation(
  'regenerate destroys the session and generates another',
  async (_t, { open, collection }) => {
    const { store, set, events } = open()
    await set('sid', plainSession())
    const request = { sessionID: 'sid' }
    /** @type {unknown[]} */
    const generated = []
    store.generate = (/** @type {unknown} */ each) => generated.push(each)
    assert.deepEqual(await callbackArguments(store, 'regenerate', request), [null])
    assert.deepEqual(generated, [request])
    assert.deepEqual(events.at(-1), ['destroy', 'sid'])
    assert.equal(await collection.countDocuments(), 0)
  }
)

forEachImplementation('touchAfter may be a fraction of a second', async (_t, { open, collection }) => {
  const { get, touch, events } = open({ touchAfter: 0.5 })
  await collection.insertMany([
    storedSession('old', { lastModified: fromNow(-600) }),
    storedSession('new', { lastModified: fromNow(60_000) }),
  ])
  await touch('old', await get('old'))
  await touch('new', await get('new'))
  assert.deepEqual(
    events.filter(([name]) => name === 'touch').map(([, sid]) => sid),
    ['old']
  )
})

forEachImplementation(
  'touchAfter writes at every touch of a document without lastModified',
  async (_t, context) => {
    const { get, touch, events } = context.open({ touchAfter: 60 })
    await context.collection.insertOne(storedSession('sid', { expires: fromNow(60_000) }))
    for (const _ of [1, 2]) {
      const fetched = await get('sid')
      fetched.cookie.expires = LATER.toJSON()
      events.length = 0
      await touch('sid', fetched)
      assert.equal(events[0]?.[0], 'touch')
      const { expires, lastModified } = /** @type {any} */ (await context.collection.findOne())
      assert.deepEqual(expires, LATER)
      assert.equal(lastModified, undefined)
    }
  }
)

forEachImplementation(
  'touchAfter writes for a session that was never fetched',
  async (_t, { open, collection }) => {
    const { touch, events } = open({ touchAfter: 60 })
    const lastModified = fromNow(-1000)
    await collection.insertOne(storedSession('sid', { lastModified, expires: fromNow(60_000) }))
    await touch('sid', plainSession())
    assert.deepEqual(
      events.map(([name]) => name),
      ['touch']
    )
    const document = /** @type {any} */ (await collection.findOne())
    assert.deepEqual(document.expires, LATER)
    assert.deepEqual(document.lastModified, lastModified)
  }
)

for (const touchAfter of [0, undefined, -5]) {
  forEachImplementation(
    `touchAfter ${touchAfter} touches always and writes no lastModified`,
    async (_t, context) => {
      const { get, set, touch, events } = context.open({ touchAfter })
      await set('sid', plainSession())
      assert.deepEqual(Object.keys((await context.collection.findOne()) ?? {}), ['_id', 'expires', 'session'])
      await touch('sid', await get('sid'))
      assert.equal(events.at(-1)?.[0], 'touch')
      assert.deepEqual(Object.keys((await context.collection.findOne()) ?? {}), ['_id', 'expires', 'session'])
    }
  )
}

forEachImplementation('touchAfter stamps lastModified at every set', async (_t, { open, collection }) => {
  const { set } = open({ touchAfter: 60 })
  const before = Date.now()
  await set('sid', plainSession())
  assertBetween((await collection.findOne())?.lastModified, before, Date.now())
  await collection.updateOne({}, { $set: { lastModified: EARLIER } })
  await set('sid', plainSession())
  assertBetween((await collection.findOne())?.lastModified, before, Date.now())
})

forDifference('last-modified', 'lastModified and the fetched session', {
  ours: async (_t, { open }) => {
    const { get, set } = open({ touchAfter: 60 })
    await set('sid', plainSession())
    const fetched = await get('sid')
    assert.deepEqual(Reflect.ownKeys(fetched), ['cookie'])
    assert.equal(fetched.lastModified, undefined)
  },
  theirs: async (_t, { open }) => {
    const { get, set } = open({ touchAfter: 60 })
    await set('sid', plainSession())
    assert.ok((await get('sid')).lastModified instanceof Date)
  },
})

forDifference('last-modified', 'a key lastModified of the app’s own', {
  ours: async (_t, { open }) => {
    const { get, set, touch, events } = open({ touchAfter: 60 })
    const mine = plainSession({ lastModified: 'yesterday' })
    await set('sid', mine)
    assert.equal(mine.lastModified, 'yesterday')
    assert.deepEqual(await get('sid'), mine)
    await touch('sid', plainSession({ lastModified: 'yesterday' }))
    assert.equal(events.at(-1)?.[0], 'touch')
  },
  theirs: async (_t, { open }) => {
    const { get, set, touch } = open({ touchAfter: 60 })
    const mine = plainSession({ lastModified: 'yesterday' })
    await set('sid', mine)
    assert.equal('lastModified' in mine, false)
    assert.ok((await get('sid')).lastModified instanceof Date)
    await assert.rejects(touch('sid', plainSession({ lastModified: 'yesterday' })), TypeError)
  },
})

forDifference('one-write', 'a touch right after the session was saved', {
  ours: async (_t, { open }) => {
    const { set, touch, events } = open({ touchAfter: 60 })
    const saved = plainSession()
    await set('sid', saved)
    await touch('sid', saved)
    assert.deepEqual(
      events.map(([name]) => name),
      ['create', 'set']
    )
  },
  theirs: async (_t, { open }) => {
    const { set, touch, events } = open({ touchAfter: 60 })
    const saved = plainSession()
    await set('sid', saved)
    await touch('sid', saved)
    assert.deepEqual(
      events.map(([name]) => name),
      ['create', 'set', 'touch']
    )
  },
})

forEachImplementation(
  'a touch after a save that has left the end of the session behind renews it, whatever touchAfter says',
  async (_t, { collection, open }) => {
    const { set, get, touch } = open({ touchAfter: 3600 })
    await set('sid', plainSession())
    const saved = await get('sid')
    await set('sid', saved)
    const renewed = new Date(LATER.getTime() + 60_000)
    saved.cookie.expires = renewed.toJSON()
    await touch('sid', saved)
    assert.deepEqual((await collection.findOne({ _id: 'sid' })).expires, renewed)
  }
)

forDifference('session-untouched', 'a session that is frozen all the way down', {
  ours: async (_t, { open }) => {
    const { get, set, touch } = open({ touchAfter: 60 })
    const frozen = deepFrozen(plainSession({ deep: { list: [1, { n: 2 }] }, lastModified: EARLIER }))
    await set('sid', frozen)
    await touch('sid', frozen)
    assert.deepEqual((await get('sid')).deep, { list: [1, { n: 2 }] })
  },
  theirs: async (_t, { open }) => {
    const { set } = open({ touchAfter: 60 })
    await assert.rejects(set('sid', deepFrozen(plainSession({ lastModified: EARLIER }))), TypeError)
  },
})

for (const stringify of [true, false]) {
  forEachImplementation(
    `frozen options and sessions will do with stringify ${stringify}`,
    async (_t, context) => {
      const options = deepFrozen({
        mongoUrl: context.url,
        mongoOptions: { appName: 'frozen', maxPoolSize: 2 },
        autoRemove: 'disabled',
        stringify,
        timestamps: true,
        writeOperationOptions: { w: 1 },
      })
      const { get, set, touch, all } = context.open(options)
      const frozen = deepFrozen(plainSession({ deep: { list: [1, { n: 2 }] } }))
      await set('sid', frozen)
      await touch('sid', frozen)
      assert.deepEqual(await get('sid'), frozen)
      assert.deepEqual(await all(), [frozen])
    }
  )
}

// ---- timestamps

for (const timestamps of [1, 'yes', {}, 0, '', null, undefined]) {
  forEachImplementation(
    `timestamps ${JSON.stringify(timestamps)} means ${Boolean(timestamps)}`,
    async (_t, context) => {
      await context.open({ timestamps }).set('sid', plainSession())
      const document = /** @type {any} */ (await context.collection.findOne())
      assert.equal('createdAt' in document, Boolean(timestamps))
      assert.equal('updatedAt' in document, Boolean(timestamps))
    }
  )
}

forEachImplementation(
  'timestamps marks creation once and every set and touch',
  async (_t, { open, collection }) => {
    const { set, touch } = open({ timestamps: true })
    const read = async () => /** @type {any} */ (await collection.findOne())
    const before = Date.now()
    await set('sid', plainSession())
    const created = await read()
    assertBetween(created.createdAt, before, Date.now())
    assert.ok(created.updatedAt instanceof Date)
    for (const change of [set, touch]) {
      await collection.updateOne({}, { $set: { updatedAt: EARLIER } })
      await change('sid', plainSession())
      const changed = await read()
      assert.deepEqual(changed.createdAt, created.createdAt)
      assert.ok(changed.updatedAt >= created.updatedAt)
    }
  }
)

forEachImplementation(
  'without timestamps the fields of an older document stay',
  async (_t, { open, collection }) => {
    await collection.insertOne(storedSession('sid', { createdAt: EARLIER, updatedAt: EARLIER, mine: 1 }))
    const { set, touch } = open()
    await set('sid', plainSession())
    await touch('sid', plainSession())
    const { createdAt, updatedAt, mine } = /** @type {any} */ (await collection.findOne())
    assert.deepEqual({ createdAt, updatedAt, mine }, { createdAt: EARLIER, updatedAt: EARLIER, mine: 1 })
  }
)

// ---- The list itself

const FILES = readdirSync(__dirname).filter((name) => /^(differential|documents).*\.test\.js$/.test(name))

/** @param {any} context @returns {Promise<boolean>} whether all of it was written */
async function isWrittenUnchanged({ open, collection }) {
  const { get, set } = open({ touchAfter: 3600 })
  await set('sid', plainSession())
  const lastModified = new Date(Date.now() - 1000)
  await collection.updateOne({ _id: 'sid' }, { $set: { lastModified } })
  await set('sid', await get('sid'))
  return (await collection.findOne({ _id: 'sid' })).lastModified > lastModified
}

forDifference('unchanged-set', 'a set of a session as it was loaded, within touchAfter', {
  ours: async (_t, context) => assert.equal(await isWrittenUnchanged(context), false),
  theirs: async (_t, context) => assert.equal(await isWrittenUnchanged(context), true),
})

test('every difference of the list is proved', () => {
  const sources = FILES.map((name) => readFileSync(path.join(__dirname, name), 'utf8')).join('\n')
  const unproved = Object.keys(DIFFERENCES).filter((id) => !sources.includes(`forDifference('${id}'`))
  assert.deepEqual(unproved, [])
})

test('docs/differences.md lists the differences, and nothing else', () => {
  const page = readFileSync(path.join(__dirname, '..', '..', 'docs', 'differences.md'), 'utf8')
  const links = /\[([^\]]+)\]\([^)]+\)/g
  const lines = [...page.matchAll(/^- (.*)$/gm)].map(([, line]) => line.replace(links, '$1'))
  assert.deepEqual(lines.toSorted(), Object.values(DIFFERENCES).toSorted())
})

test('every exception of a store with a client is a test', () => {
  const sources = FILES.map((name) => readFileSync(path.join(__dirname, name), 'utf8')).join('\n')
  const unknown = Object.keys(CLIENT_EXCEPTIONS).filter((title) => !sources.includes(title))
  assert.deepEqual(unknown, [])
})
