// The option hashId: what is stored in place of a session id, that nobody can come back with that, and the way there from
// ids that are stored as they are.
'use strict'

const assert = require('node:assert/strict')
const { createHash, createHmac } = require('node:crypto')
const { describe, test } = require('node:test')
const express = require('express')
const session = require('express-session')
const MongoStore = require('../..')
const { ids, outcomeOf } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')
const { recordEvents } = require('../support/differential.js')
const { BACKENDS, REFUSED, SECRET, onBothBackends } = require('../support/encryption.js')
const { Browser, serve } = require('../support/http.js')
const { checkAgainstModel, loadedSessions } = require('../support/model.js')
const { randomNumbers } = require('../support/random.js')
const { startReplicaSet, startServer, withDatabase } = require('../support/server.js')
const { EARLIER, LATER, plainSession, storedSession } = require('../support/sessions.js')
const { promised, until } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

const server = startServer()

const OPERATIONS = 1_000
/** Set RANDOM_SEED to repeat a failure. */
const seed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 32))

const PURPOSE = 'connect-mongo-native hashId\0'

/** @param {string} id */
const hashOf = (id) =>
  `sha256:${createHash('sha256')
    .update(PURPOSE + id)
    .digest('base64url')}`

/** @param {string} secret @param {string} id */
const hmacOf = (secret, id) =>
  `hmac-sha256:${createHmac('sha256', secret)
    .update(PURPOSE + id)
    .digest('base64url')}`

const MODES = {
  'hashId: true': { hashId: true },
  'a secret': { hashId: { secret: 'squirrel' } },
  'two secrets': { hashId: { secret: ['new', 'old'] } },
  'plain ids accepted': { hashId: { acceptPlainIds: true } },
  'two secrets, plain ids accepted': { hashId: { secret: ['new', 'old'], acceptPlainIds: true } },
}
const CRYPTO = {
  'not encrypted': {},
  kruptein: { crypto: { secret: SECRET } },
  sealed: { crypto: { secret: SECRET, format: 'sealed' } },
}
const MOVING = { hashId: { acceptPlainIds: true } }
const STILL_PLAIN = { hashId: { acceptPlainIds: true, writePlainIds: true } }

/** @param {import('mongodb').Collection<any>} sessions @returns {Promise<string[]>} */
const idsIn = async (sessions) => (await sessions.distinct('_id')).sort()

// ---- What is stored

// printf 'connect-mongo-native hashId\0sid' | openssl dgst -sha256 -binary | base64; and with -mac HMAC -macopt key:squirrel
const OPENSSL = [
  'hmac-sha256:y2gLJwG7XCW4e1ys3nVlry6nJS6mAmGOoMUgO535kko',
  'sha256:vsBvyyPHcDHIL3u4CRsao7iuM6SVwfZckJRsYoeir8Q',
]

describe('the stored id', () => {
  for (const backend of BACKENDS) {
    test(`is what openssl makes of the session id [${backend}]`, async (t) => {
      const { open, sessions } = await openDatabase(t)
      await open({ backend, hashId: true }).set('sid', plainSession())
      await open({ backend, hashId: { secret: 'squirrel' } }).set('sid', plainSession())
      assert.deepEqual(await idsIn(sessions), OPENSSL)
    })
  }

  onBothBackends('is made of what transformId returns', async ({ open, sessions }) => {
    for (const transformId of [(sid) => `app:${sid}`, async (sid) => `later:${sid}`]) {
      const store = open({ hashId: true, transformId })
      await store.set('sid', plainSession())
      assert.deepEqual(await store.get('sid'), plainSession())
    }
    assert.deepEqual(await idsIn(sessions), [hashOf('app:sid'), hashOf('later:sid')].sort())
  })

  onBothBackends('is made of any session id', async ({ open, sessions }) => {
    const store = open({ hashId: true })
    const ids = ['', 'a\0b', '$ne', 'ü🦀', 'x'.repeat(100_000), '__proto__', hashOf('sid')]
    for (const id of ids) await store.set(id, plainSession({ id }))
    for (const id of ids) assert.equal((await store.get(id)).id, id)
    assert.deepEqual(await idsIn(sessions), ids.map(hashOf).sort())
  })
})

for (const [mode, { hashId }] of Object.entries(MODES)) {
  for (const [encryption, crypto] of Object.entries(CRYPTO)) {
    onBothBackends(
      `${mode}, ${encryption}: every call works, and no document holds the id`,
      async (context) => {
        const { open, sessions } = context
        const store = open({ ...crypto, hashId, timestamps: true, touchAfter: 60 })
        const events = recordEvents(store)
        const [sid, other] = ['a-session-id', 'another-session-id']
        await store.set(sid, plainSession({ n: 1 }))
        await store.set(sid, plainSession({ n: 2 }))
        await promised(store, 'set', other, plainSession())
        assert.deepEqual(await promised(store, 'get', sid), plainSession({ n: 2 }))
        assert.equal(await store.get('missing'), null)
        const lastModified = new Date(0)
        await store.touch(sid, plainSession({ lastModified }))
        await promised(store, 'touch', 'missing', plainSession())
        assert.equal(await store.length(), 2)
        assert.equal((await store.all()).length, 2)
        const documents = await sessions.find().toArray()
        assert.equal(documents.length, 2)
        assert.ok(!JSON.stringify(documents).includes('session-id'))
        await store.destroy(sid)
        assert.equal(await store.get(sid), null)
        await promised(store, 'destroy', other)
        await store.set(sid, plainSession())
        await store.clear()
        assert.equal(await sessions.countDocuments(), 0)
        const told = events.filter(([name]) => name !== 'all').map(([name, id]) => `${name} ${id}`)
        assert.deepEqual(told, [
          `create ${sid}`,
          `set ${sid}`,
          `update ${sid}`,
          `set ${sid}`,
          `create ${other}`,
          `set ${other}`,
          `get ${sid}`,
          'get missing',
          `touch ${sid}`,
          'touch-missed missing',
          `destroy ${sid}`,
          `get ${sid}`,
          `destroy ${other}`,
          `create ${sid}`,
          `set ${sid}`,
        ])
      }
    )
  }
}

for (const backend of BACKENDS) {
  test(`without acceptPlainIds no id ever reaches the server [${backend}]`, async (t) => {
    const { open, wire } = await openBehindWire(t, await server)
    const store = open({ backend, hashId: { secret: ['new', 'old'] } })
    await store.set('plain-id', plainSession())
    await store.get('plain-id')
    await store.touch('plain-id', plainSession())
    await store.destroy('plain-id')
    await store.get('plain-id')
    assert.ok(wire.commands.length >= 5)
    const sent = JSON.stringify(wire.commands.map(({ body }) => body))
    assert.ok(sent.includes(hmacOf('old', 'plain-id')))
    assert.ok(!sent.includes('plain-id'))
  })
}

onBothBackends('strictTouch, onDecryptError and reencrypt go with it', async ({ open, sessions }) => {
  const hashId = { secret: 'squirrel' }
  await open({ hashId, crypto: { secret: 'old' } }).set('sid', plainSession({ n: 1 }))
  const dropping = open({ hashId, crypto: { secret: 'another' }, onDecryptError: 'drop', strictTouch: true })
  const failed = []
  dropping.on('decrypt-failed', (sid) => failed.push(sid))
  assert.equal(await dropping.get('sid'), null)
  assert.deepEqual(failed, ['sid'])
  await assert.rejects(
    dropping.touch('missing', plainSession()),
    /^Error: Unable to find the session to touch$/
  )

  const store = open({ hashId, crypto: { secret: ['new', 'old'], format: 'sealed' } })
  const { rewritten, last } = await store.reencrypt()
  assert.deepEqual([rewritten, last], [1, hmacOf('squirrel', 'sid')])
  const read = await open({ hashId, crypto: { secret: 'new', format: 'sealed' } }).get('sid')
  assert.deepEqual(read, plainSession({ n: 1 }))
  await assert.rejects(open({ hashId }).reencrypt(), /^Error: reencrypt needs/)
  assert.equal(await sessions.countDocuments(), 1)
})

test('under express-session a browser is logged in and out, and its id is nowhere', async (t) => {
  const { open, sessions } = await openDatabase(t)
  const app = express()
  const store = open({ hashId: true })
  app.use(session({ secret: 'of the cookie', resave: false, saveUninitialized: false, store }))
  app.get('/count', (request, response) => {
    request.session.views = (request.session.views ?? 0) + 1
    response.json({ views: request.session.views })
  })
  app.get('/out', (request, response) => request.session.destroy(() => response.json({})))
  const browser = new Browser(await serve(t, app))
  assert.deepEqual(await browser.json('/count'), { views: 1 })
  assert.deepEqual(await browser.json('/count'), { views: 2 })
  const [document] = await sessions.find().toArray()
  assert.equal(document._id, hashOf(browser.sid))
  assert.ok(!JSON.stringify(document).includes(browser.sid))
  await browser.json('/out')
  assert.equal(await sessions.countDocuments(), 0)
})

// ---- Coming back with what was read in the database

for (const [mode, { hashId }] of Object.entries({ ...MODES, 'plain ids written': STILL_PLAIN })) {
  for (const [encryption, crypto] of Object.entries(CRYPTO)) {
    onBothBackends(`${mode}, ${encryption}: a stored id is no session id`, async ({ open, sessions }) => {
      const victims = [
        { hashId },
        { hashId: true },
        { hashId: { secret: 'old' } },
        { hashId: { secret: 'x' } },
      ]
      for (const [n, options] of victims.entries()) {
        await open({ ...crypto, ...options }).set('victim', plainSession({ user: 'victim', n }))
      }
      const before = await sessions.find().sort({ _id: 1 }).toArray()
      const store = open({ ...crypto, hashId, strictTouch: true })
      for (const { _id } of before.filter(({ _id }) => _id !== 'victim')) {
        assert.equal(await store.get(_id), null)
        await assert.rejects(store.touch(_id, { cookie: { expires: EARLIER } }), /Unable to find/)
        await store.destroy(_id)
        await store.set(_id, plainSession({ user: 'attacker' }))
        await store.destroy(_id)
      }
      assert.deepEqual(await sessions.find().sort({ _id: 1 }).toArray(), before)
      assert.equal((await store.get('victim')).user, 'victim')
    })
  }
}

onBothBackends('what only resembles a stored id is an id as any other', async ({ open, sessions }) => {
  const store = open(MOVING)
  const hash = hashOf('sid')
  const ids = [hash.slice(0, -1), `${hash}A`, `x${hash}`, hash.toUpperCase(), `sha256:${'0'.repeat(64)}`]
  for (const id of ids) {
    await sessions.insertOne(storedSession(id))
    assert.equal((await store.get(id)).id, id)
  }
})

// ---- From plain ids to hashed ones

onBothBackends('without acceptPlainIds what is stored under a plain id counts as none', async (context) => {
  const { open, sessions } = context
  await open({}).set('sid', plainSession({ n: 1 }))
  const store = open({ hashId: true })
  assert.equal(await store.get('sid'), null)
  const events = recordEvents(store)
  await store.touch('sid', plainSession())
  await store.destroy('sid')
  await store.set('sid', plainSession({ n: 2 }))
  assert.deepEqual(
    events.map(([name]) => name),
    ['touch-missed', 'destroy', 'create', 'set']
  )
  assert.equal((await open({}).get('sid')).n, 1)
  assert.equal(await sessions.countDocuments(), 2)
})

for (const [encryption, crypto] of Object.entries(CRYPTO)) {
  onBothBackends(`${encryption}: a session moves from its plain id at its next set`, async (context) => {
    const { open, sessions } = context
    await open(crypto).set('sid', plainSession({ n: 1 }))
    const store = open({ ...crypto, ...MOVING })
    const events = recordEvents(store)
    assert.deepEqual(await store.get('sid'), plainSession({ n: 1 }))
    await store.touch('sid', { cookie: { expires: LATER } })
    const [touched] = await sessions.find().toArray()
    assert.deepEqual([touched._id, touched.expires], ['sid', LATER])
    await store.set('sid', plainSession({ n: 2 }))
    assert.deepEqual(await idsIn(sessions), [hashOf('sid')])
    assert.deepEqual(await store.get('sid'), plainSession({ n: 2 }))
    // The transition is over.
    assert.deepEqual(await open({ ...crypto, hashId: true }).get('sid'), plainSession({ n: 2 }))
    assert.deepEqual(
      events.map(([name]) => name),
      ['get', 'touch', 'update', 'set', 'get']
    )
  })

  onBothBackends(`${encryption}: a new first secret moves a session likewise`, async ({ open, sessions }) => {
    await open({ ...crypto, hashId: { secret: 'old' } }).set('sid', plainSession({ n: 1 }))
    assert.equal(await open({ ...crypto, hashId: { secret: 'new' } }).get('sid'), null)
    const store = open({ ...crypto, hashId: { secret: ['new', 'old'] } })
    assert.deepEqual(await store.get('sid'), plainSession({ n: 1 }))
    await store.set('sid', plainSession({ n: 2 }))
    assert.deepEqual(await idsIn(sessions), [hmacOf('new', 'sid')])
    assert.deepEqual(await store.get('sid'), plainSession({ n: 2 }))
  })
}

onBothBackends('a sealed session that is moved by hand is refused', async ({ open, sessions }) => {
  await open(CRYPTO.sealed).set('sid', plainSession())
  await sessions.insertOne({ ...(await sessions.findOne()), _id: hashOf('sid') })
  await assert.rejects(open({ ...CRYPTO.sealed, ...MOVING }).get('sid'), REFUSED)
})

onBothBackends('destroy leaves a session under no id', async ({ open, sessions }) => {
  const hashId = { secret: ['new', 'old'], acceptPlainIds: true }
  for (const options of [{}, { hashId: { secret: 'old' } }, { hashId: { secret: 'new' } }]) {
    await open(options).set('sid', plainSession())
  }
  assert.equal(await sessions.countDocuments(), 3)
  const store = open({ hashId })
  await store.destroy('sid')
  assert.deepEqual(await idsIn(sessions), [])
  assert.equal(await store.get('sid'), null)
})

onBothBackends('what an earlier set left behind goes with the next', async ({ open, sessions }) => {
  await open({}).set('sid', plainSession({ n: 1 }))
  await open({ hashId: true }).set('sid', plainSession({ n: 2 }))
  const store = open(MOVING)
  assert.equal((await store.get('sid')).n, 2)
  await store.set('sid', plainSession({ n: 3 }))
  assert.deepEqual(await idsIn(sessions), [hashOf('sid')])
})

onBothBackends('secrets that are the same key remove nothing', async ({ open, sessions }) => {
  // HMAC fills a short key up with zeros.
  const store = open({ hashId: { secret: ['key', 'key', 'key\0'] } })
  await store.set('sid', plainSession({ n: 1 }))
  await store.set('sid', plainSession({ n: 2 }))
  assert.deepEqual(await idsIn(sessions), [hmacOf('key', 'sid')])
  assert.equal((await store.get('sid')).n, 2)
})

onBothBackends('a write that nobody acknowledges moves a session too', async ({ open, sessions }) => {
  await open({}).set('sid', plainSession({ n: 1 }))
  await open({ ...MOVING, writeOperationOptions: { w: 0 } }).set('sid', plainSession({ n: 2 }))
  const ids = await until(async () => {
    const found = await idsIn(sessions)
    return !found.includes('sid') && found
  })
  assert.deepEqual(ids, [hashOf('sid')])
})

/** @param {InstanceType<typeof MongoStore>} store @param {string} sid @returns {Promise<any>} a session as a request has it */
async function loadedBy(store, sid) {
  return store.createSession({ sessionID: sid }, /** @type {any} */ (await store.get(sid)))
}

/** The servers on which a session moves in one step, and those on which it stays where it is. */
const DEPLOYMENTS = { 'a standalone server': server, 'a replica set': startReplicaSet() }

for (const [deployment, started] of Object.entries(DEPLOYMENTS)) {
  for (const [mode, { hashId }] of Object.entries(MODES).filter(([name]) => name !== 'hashId: true')) {
    for (const backend of BACKENDS) {
      test(`what is ended while it is saved stays so, ${mode}, ${deployment} [${backend}]`, async (t) => {
        const url = withDatabase((await started).getUri(), `ended-${mode}-${backend}`.replace(/\W+/g, '-'))
        const { open, sessions } = await openDatabase(t, url)
        const [older = { hashId }] = olderOptions(hashId)
        const [saver, ender] = [open({ backend, hashId }), open({ backend, hashId })]
        const sids = Array.from({ length: 300 }, (_, index) => `ended-${index}`)
        const first = open({ backend, ...older })
        await Promise.all(sids.map((sid) => first.set(sid, plainSession())))
        const loaded = await Promise.all(sids.map((sid) => loadedBy(saver, sid)))
        await Promise.all(
          sids.flatMap((sid, index) => [
            saver.set(sid, Object.assign(loaded[index], { saves: 1 })),
            ender.destroy(sid),
          ])
        )
        assert.deepEqual(await idsIn(sessions), [])
      })

      test(`what is saved under an older id is found by all, ${mode}, ${deployment} [${backend}]`, async (t) => {
        const url = withDatabase((await started).getUri(), `saved-${mode}-${backend}`.replace(/\W+/g, '-'))
        const { open, sessions } = await openDatabase(t, url)
        const [older = { hashId }] = olderOptions(hashId)
        await open({ backend, ...older }).set('sid', plainSession())
        for (const concern of [undefined, { w: 0 }]) {
          const store = open({ backend, hashId, ...(concern && { writeOperationOptions: concern }) })
          const session = await loadedBy(store, 'sid')
          const n = concern ? 2 : 1
          await store.set('sid', Object.assign(session, { n }))
          await until(async () => (await open({ backend, hashId }).get('sid'))?.n === n)
          await store.touch('sid', plainSession({ cookie: { expires: EARLIER } }))
          await until(async () => (await sessions.findOne())?.expires.getTime() === EARLIER.getTime())
          await sessions.updateOne({}, { $set: { expires: LATER } })
          assert.equal(await sessions.countDocuments(), 1)
        }
      })
    }
  }
}

for (const backend of BACKENDS) {
  test(`a session is never gone while it moves [${backend}]`, async (t) => {
    const { open, sessions, wire } = await openBehindWire(t, await server)
    await open({ backend }).set('sid', plainSession({ n: 1 }))
    const store = open({ backend, ...MOVING })
    wire.loseNext('update', 'request')
    await assert.rejects(store.set('sid', plainSession({ n: 2 })))
    assert.equal((await store.get('sid')).n, 1)
    wire.loseNext('delete', 'request')
    await assert.rejects(store.set('sid', plainSession({ n: 2 })))
    assert.deepEqual(await idsIn(sessions), [hashOf('sid'), 'sid'])
    assert.equal((await store.get('sid')).n, 2)
    await store.set('sid', plainSession({ n: 3 }))
    assert.deepEqual(await idsIn(sessions), [hashOf('sid')])
  })

  for (const [method, command] of Object.entries({ get: 'find', touch: 'update' })) {
    test(`${method} finds a session that another process moves meanwhile [${backend}]`, async (t) => {
      const { open, url, wire } = await openBehindWire(t, await server)
      const direct = { backend, mongoUrl: url }
      await open(direct).set('sid', plainSession({ n: 1 }))
      const store = open({ backend, ...MOVING })
      const release = wire.hold(command)
      const asked = outcomeOf(store, method, ['sid', plainSession()])
      // It is about to hear that there is none under the hash.
      await wire.answered(command, 1)
      await open({ ...direct, ...MOVING }).set('sid', plainSession({ n: 2 }))
      release()
      const { event, answer } = await asked
      assert.deepEqual([event, answer?.n], method === 'get' ? ['get', 2] : ['touch', undefined])
    })
  }

  for (const [mode, { hashId }] of Object.entries(MODES)) {
    for (const encryption of ['not encrypted', 'sealed']) {
      test(`${mode}, ${encryption}: ${OPERATIONS} operations come to what their order makes of them, seed ${seed} [${backend}]`, async (t) => {
        const random = randomNumbers(seed)
        const options = { backend, autoRemove: 'disabled', ...CRYPTO[encryption] }
        const { open, sessions } = await openDatabase(t)
        const store = open({ ...options, hashId })
        const loaded = [await loadedSessions(store)]
        const older = olderOptions(hashId).map((older) => open({ ...options, ...older }))
        const stored = await storeSome(older, random)
        const readsMayBeLate = backend === 'driver' || older.length > 0
        await checkAgainstModel([store], loaded, random, { count: OPERATIONS, stored, readsMayBeLate })
        assert.equal(await sessions.countDocuments(), stored.size)
        for (const [sid, { session, isLive }] of stored) {
          assert.equal((await store.get(sid))?.n, isLive ? session.n : undefined, sid)
        }
      })
    }
  }
}

/** How sessions that a store has to find may have been stored. @param {any} hashId */
function olderOptions(hashId) {
  const secrets = [hashId.secret ?? []].flat().slice(1)
  return [...(hashId.acceptPlainIds ? [{}] : []), ...secrets.map((secret) => ({ hashId: { secret } }))]
}

/** @param {InstanceType<typeof MongoStore>[]} stores @param {() => number} random */
async function storeSome(stores, random) {
  const stored = new Map()
  if (stores.length === 0) return stored
  for (const [index, sid] of ids(6).entries()) {
    if (random() < 0.5) continue
    const isLive = random() < 0.8
    const session = { cookie: { expires: isLive ? LATER : EARLIER }, n: -1 - index, text: 'older' }
    await stores[Math.floor(random() * stores.length)].set(sid, session)
    stored.set(sid, { session, isLive })
  }
  return stored
}

// ---- Step by step, while other processes are a step behind

const STEPS = {
  plain: {},
  first: { hashId: { secret: 'squirrel', acceptPlainIds: true, writePlainIds: true } },
  second: { hashId: { secret: 'squirrel', acceptPlainIds: true } },
}
/** Which steps are deployed at a time: there, and back. */
const ROLL_OUT = /** @type {(keyof typeof STEPS)[][]} */ ([
  ['plain'],
  ['plain', 'first'],
  ['first'],
  ['first', 'second'],
  ['second'],
  ['second', 'first'],
  ['first'],
  ['first', 'plain'],
  ['plain'],
])
const USES = {
  'without a framework': { isLoaded: false },
  'of requests': { isLoaded: true },
  "of requests, concurrency: 'merge'": { isLoaded: true, concurrency: 'merge' },
  "of requests, concurrency: 'reject'": { isLoaded: true, concurrency: 'reject' },
}

/**
 * Saves a session with one more save in it, as each process of a fleet may.
 *
 * @param {InstanceType<typeof MongoStore>} store
 * @param {string} sid
 * @param {boolean} isLoaded
 */
async function saveAgain(store, sid, isLoaded) {
  const found = /** @type {any} */ (await store.get(sid))
  assert.ok(found, `${sid} is logged out`)
  await store.touch(sid, found)
  const session = isLoaded ? store.createSession({ sessionID: sid }, found) : found
  const { event } = await outcomeOf(store, 'set', [sid, Object.assign(session, { saves: found.saves + 1 })])
  assert.equal(event, 'update', sid)
}

for (const [deployment, started] of Object.entries(DEPLOYMENTS)) {
  for (const [use, { isLoaded, ...concurrency }] of Object.entries(USES)) {
    for (const backend of BACKENDS) {
      for (const encryption of ['not encrypted', 'sealed']) {
        const title = `nobody is logged out by a roll-out or its reverse, sessions ${use}, ${encryption}, ${deployment}`
        test(`${title} [${backend}]`, async (t) => {
          const name = `steps-${use}-${backend}-${encryption}`.replace(/\W+/g, '-')
          const { open } = await openDatabase(t, withDatabase((await started).getUri(), name))
          const options = { backend, autoRemove: 'disabled', ...concurrency, ...CRYPTO[encryption] }
          const fleet = Object.fromEntries(
            Object.entries(STEPS).map(([step, own]) => [step, open({ ...options, ...own })])
          )
          const random = randomNumbers(seed)
          const sids = ids(2, 'kept')
          const saves = new Map()
          for (const [turn, steps] of ROLL_OUT.entries()) {
            const stores = steps.map((step) => fleet[step])
            const born = `born-${turn}`
            await stores[turn % stores.length].set(born, plainSession({ saves: 0 }))
            saves.set(born, 0)
            if (turn === 0) {
              for (const sid of sids) await stores[0].set(sid, plainSession({ saves: 0 }))
              for (const sid of sids) saves.set(sid, 0)
            }
            for (const sid of saves.keys()) {
              // What a process of the second step has stored, and none has moved back since, plain ones do not find.
              if (isStuck(deployment, { isLoaded, ...concurrency }) && turn > 6) continue
              for (const store of stores.toSorted(() => random() - 0.5)) {
                await saveAgain(store, sid, isLoaded)
                saves.set(sid, saves.get(sid) + 1)
                for (const other of stores) assert.equal((await other.get(sid))?.saves, saves.get(sid))
              }
            }
            const ended = `born-${turn - 1}`
            if (saves.delete(ended)) await stores[0].destroy(ended)
            for (const store of stores) assert.equal(await store.get(ended), null)
          }
        })
      }
    }
  }
}

/** @param {string} deployment @param {{ isLoaded: boolean, concurrency?: string }} use @returns {boolean} whether a session stays where it is until it ends */
function isStuck(deployment, { isLoaded, concurrency }) {
  return concurrency !== undefined || (isLoaded && deployment === 'a standalone server')
}

onBothBackends('in the first step what is hashed is found and written plain again', async (context) => {
  const { open, sessions } = context
  await open({ hashId: true }).set('hashed', plainSession({ n: 1 }))
  const store = open(STILL_PLAIN)
  assert.equal((await store.get('hashed'))?.n, 1)
  await store.touch('hashed', { cookie: { expires: LATER } })
  assert.deepEqual(await idsIn(sessions), [hashOf('hashed')])
  await store.set('hashed', plainSession({ n: 2 }))
  await store.set('new', plainSession())
  assert.deepEqual(await idsIn(sessions), ['hashed', 'new'])
  await open({ hashId: true }).set('new', plainSession())
  await store.destroy('new')
  assert.deepEqual(await idsIn(sessions), ['hashed'])
})

for (const backend of BACKENDS) {
  for (const [method, event] of Object.entries({ set: 'update', touch: 'touch' })) {
    test(`${method} finds a session that a process of another step moves back meanwhile [${backend}]`, async (t) => {
      const { open, url, wire } = await openBehindWire(t, await server)
      const store = open({ backend, ...MOVING })
      await store.set('sid', plainSession({ n: 1 }))
      const session = await loadedBy(store, 'sid')
      wire.commands.length = 0
      const release = wire.hold('find')
      const saved = outcomeOf(store, method, ['sid', session])
      // It is about to hear that it is under the hash.
      await wire.answered('find', 1)
      await open({ backend, mongoUrl: url, ...STILL_PLAIN }).set('sid', plainSession({ n: 2 }))
      release()
      assert.equal((await saved).event, event)
    })
  }
}

// ---- The option itself

const REFUSALS = {
  'hashId must be true, false or an object': [null, 'sha256', 1, ['squirrel'], () => 'x'],
  'hashId.secret must be a string that is not empty, or a list of them': [
    { secret: '' },
    { secret: undefined },
    { secret: null },
    { secret: [] },
    { secret: ['new', ''] },
    { secret: [['nested']] },
    { secret: Buffer.from('bytes') },
  ],
  'hashId has no option plainIds; it has secret, acceptPlainIds, writePlainIds': [{ plainIds: true }],
  'hashId.acceptPlainIds must be true or false': [{ acceptPlainIds: 'false' }, { acceptPlainIds: null }],
  'hashId.writePlainIds must be true or false': [{ acceptPlainIds: true, writePlainIds: 'yes' }],
  'hashId.writePlainIds needs acceptPlainIds: true, or what it writes would not be found': [
    { writePlainIds: true },
    { acceptPlainIds: false, writePlainIds: true },
  ],
}

for (const [message, values] of Object.entries(REFUSALS)) {
  test(`the constructor says: ${message}`, () => {
    for (const hashId of values) {
      const make = () => new MongoStore({ mongoUrl: 'mongodb://127.0.0.1:1/', hashId })
      assert.throws(make, { name: 'TypeError', message })
    }
  })
}

onBothBackends('hashId: false and undefined leave ids as they are', async ({ open, sessions }) => {
  for (const hashId of [false, undefined]) await open({ hashId }).set(`sid ${hashId}`, plainSession())
  assert.deepEqual(await idsIn(sessions), ['sid false', 'sid undefined'])
})
