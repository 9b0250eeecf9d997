// Many requests at a time on a few sessions, through several stores, as if each were a process: each loads its session, changes
// it, saves or destroys it, whenever it likes. What they read and what is left has to be explained by some order of what was
// acknowledged, in which nothing comes before what was over when it began.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { setImmediate } = require('node:timers/promises')
const { BACKENDS } = require('../support/backends.js')
const { outcomeOf } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')
const { randomNumbers } = require('../support/random.js')
const { startReplicaSet } = require('../support/server.js')
const { expressSession } = require('../support/sessions.js')
const { openBehindWire } = require('../support/wire.js')

const STORES = 3
/** Requests at a time, on each store. */
const WORKERS = 4
const REQUESTS = 20
/** Sessions at a time. */
const SESSIONS = 3
/** Set RANDOM_SEED to repeat a failure. */
const seed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 32))

const replicaSet = startReplicaSet()

/** Of the two levels of a session, as paths. */
const KEYS = ['a', 'b', 'c', 'nested.x', 'nested.y']

/**
 * @typedef {InstanceType<typeof import('../..')>} Store
 *
 * @typedef {object} Span when something was under way, in steps of one clock
 * @property {number} start
 * @property {number} end `Infinity` where nobody knows whether and when it was done
 *
 * @typedef {Span & { value: unknown }} Change
 * @typedef {Span & { sid: string, session: any }} Reading
 */

/** @param {any} session @param {string} key */
const valueAt = (session, key) => key.split('.').reduce((value, part) => value?.[part], session)

/** @param {any} session @param {string} key @param {unknown} value `undefined` removes the key */
function assign(session, key, value) {
  const path = key.split('.')
  const last = /** @type {string} */ (path.pop())
  const parent = path.reduce((record, part) => record[part], session)
  if (value === undefined) delete parent[last]
  else parent[last] = value
}

/** What all requests together have done. */
class History {
  #clock = 0
  #count = 0
  /** By session and key. @type {Map<string, Change[]>} */
  #changes = new Map()
  /** @type {Map<string, Span>} */
  #destroyed = new Map()
  /** @type {Reading[]} */
  #readings = []
  /** By what they wrote. @type {Map<string, { sid: string, parent: string, isSure: boolean }>} */
  #versions = new Map()
  /** What became of saves, by event. @type {Map<string, number>} */
  counts = new Map()
  /** @type {string[]} */
  sids = []

  now() {
    return ++this.#clock
  }

  /** A value that is written once only. */
  unique() {
    return `v${++this.#count}`
  }

  /** @param {string} event */
  count(event) {
    this.counts.set(event, (this.counts.get(event) ?? 0) + 1)
  }

  /** @param {string} sid @param {string} key @param {Change} change */
  noteChange(sid, key, change) {
    const changes = this.#changes.get(`${sid} ${key}`) ?? []
    this.#changes.set(`${sid} ${key}`, [...changes, change])
  }

  /** @param {string} version @param {{ sid: string, parent: string, isSure: boolean }} written */
  noteVersion(version, written) {
    this.#versions.set(version, written)
  }

  /** @param {string} sid @param {Span} span */
  noteDestroy(sid, span) {
    const earlier = this.#destroyed.get(sid)
    if (!earlier || span.end < earlier.end) this.#destroyed.set(sid, span)
  }

  /** @param {Reading} reading */
  noteReading(reading) {
    this.#readings.push(reading)
  }

  /** @param {string} sid @param {number} start whether it was gone for certain by then */
  wasDestroyed(sid, start) {
    const destroyed = this.#destroyed.get(sid)
    return destroyed !== undefined && destroyed.end < start
  }

  checkReadings() {
    for (const reading of this.#readings) {
      const { sid, session, start } = reading
      if (!session) assert.ok(this.#destroyed.has(sid), `${sid} was gone, and nobody had destroyed it`)
      else assert.ok(!this.wasDestroyed(sid, start), `${sid} was there after it had been destroyed`)
      for (const key of session ? KEYS : []) this.#checkValue(reading, key)
    }
  }

  /** @param {Reading} reading @param {string} key */
  #checkValue({ sid, session, start, end }, key) {
    const value = valueAt(session, key)
    const changes = this.#changes.get(`${sid} ${key}`) ?? []
    const sources = changes.filter((change) => change.value === value && change.start < end)
    assert.ok(sources.length > 0, `${sid} ${key} was ${value}, which nobody had written`)
    const isReplaced = (/** @type {Change} */ one) =>
      changes.some((later) => one.end < later.start && later.end < start)
    assert.ok(!sources.every(isReplaced), `${sid} ${key} was ${value}, which had been replaced before`)
  }

  /**
   * Every acknowledged write was made of the one before it.
   *
   * @param {Map<string, string>} left by session the version that is left
   */
  checkVersions(left) {
    const sure = [...this.#versions].filter(([, { isSure }]) => isSure)
    const parents = sure.map(([, { parent }]) => parent)
    assert.equal(new Set(parents).size, parents.length, 'two writes were made of the same one')
    const written = new Set([...left.values()].flatMap((version) => this.#lineOf(version)))
    const lost = sure.filter(([version, { sid }]) => left.has(sid) && !written.has(version))
    assert.deepEqual(lost, [])
  }

  /** @param {string} version @returns {string[]} it, and those that it was made of */
  #lineOf(version) {
    const line = []
    for (let written = this.#versions.get(version); written; written = this.#versions.get(version)) {
      line.push(version)
      version = written.parent
    }
    return line
  }
}

/**
 * @param {Store[]} stores
 * @param {{ random: () => number, mode: 'merge' | 'reject', sids: string[], history: History }} run
 */
async function runRequests(stores, run) {
  const workers = stores.flatMap((store) => Array.from({ length: WORKERS }, () => work(store, run)))
  await Promise.all(workers)
}

/** @param {Store} store @param {Parameters<typeof runRequests>[1]} run */
async function work(store, run) {
  for (let request = 0; request < REQUESTS; request++) await serveRequest(store, run)
}

/** @param {Store} store @param {Parameters<typeof runRequests>[1]} run */
async function serveRequest(store, run) {
  const { random, sids, history } = run
  const below = (/** @type {number} */ limit) => Math.floor(random() * limit)
  const at = below(sids.length)
  const sid = sids[at]
  const session = await read(store, sid, history)
  if (!session) {
    if (sids[at] === sid) sids[at] = await create(store, run)
    return
  }
  for (let saves = 1 + below(2); saves > 0; saves--) {
    for (let turns = below(3); turns > 0; turns--) await setImmediate()
    if ((await save(store, sid, session, run)) !== 'update') return
  }
  if (random() < 0.02) await destroy(store, sid, history)
}

/** @param {Store} store @param {string} sid @param {History} history */
async function read(store, sid, history) {
  const start = history.now()
  const stored = await store.get(sid)
  const session = stored && store.createSession({ sessionID: sid, sessionStore: store }, stored)
  history.noteReading({
    sid,
    session: stored && structuredClone({ ...stored, cookie: null }),
    start,
    end: history.now(),
  })
  return session
}

/** @param {Store} store @param {Parameters<typeof runRequests>[1]} run */
async function create(store, { history }) {
  const sid = `sid-${history.unique()}`
  const session = expressSession({ nested: {}, version: sid })
  for (const key of KEYS) {
    assign(session, key, history.unique())
    history.noteChange(sid, key, { value: valueAt(session, key), start: history.now(), end: history.now() })
  }
  await store.set(sid, session)
  history.sids.push(sid)
  return sid
}

/** @param {Store} store @param {string} sid @param {any} session @param {Parameters<typeof runRequests>[1]} run */
async function save(store, sid, session, { random, mode, history }) {
  const parent = session.version
  const keys = changeSome(session, random, history)
  if (mode === 'reject') session.version = history.unique()
  const start = history.now()
  const event = await eventOfSave(store, sid, session)
  const isSure = event === 'update'
  const end = isSure ? history.now() : Infinity
  if (isSure) assert.ok(!history.wasDestroyed(sid, start), `${sid} came back`)
  if (event === 'set-refused') history.noteReading({ sid, session: null, start, end: history.now() })
  history.count(event)
  if (event !== 'update' && event !== 'failure') return event
  for (const key of keys) history.noteChange(sid, key, { value: valueAt(session, key), start, end })
  if (mode === 'reject') history.noteVersion(session.version, { sid, parent, isSure })
  return event
}

/** @param {any} session @param {() => number} random @param {History} history @returns {string[]} the keys that it changed */
function changeSome(session, random, history) {
  return KEYS.filter((key) => {
    const before = valueAt(session, key)
    if (random() < 0.7) return false
    const value = random() < 0.2 ? undefined : history.unique()
    assign(session, key, value)
    return value !== before
  })
}

/** @param {Store} store @param {string} sid @param {any} session */
async function eventOfSave(store, sid, session) {
  try {
    return String((await outcomeOf(store, 'set', [sid, session])).event)
  } catch (error) {
    const { code } = /** @type {{ code?: unknown }} */ (error)
    return code === 'SESSION_CONFLICT' ? 'conflict' : 'failure'
  }
}

/** @param {Store} store @param {string} sid @param {History} history */
async function destroy(store, sid, history) {
  const start = history.now()
  const end = await store.destroy(sid).then(
    () => history.now(),
    () => Infinity
  )
  history.noteDestroy(sid, { start, end })
}

/**
 * @param {Store[]} stores of one collection
 * @param {import('mongodb').Collection<any>} sessions
 * @param {'merge' | 'reject'} mode
 * @param {() => void} [letGo] ends what makes calls fail
 */
async function check(stores, sessions, mode, letGo = () => {}) {
  const history = new History()
  const random = randomNumbers(seed)
  const run = { random, mode, history, sids: /** @type {string[]} */ ([]) }
  for (let count = 0; count < SESSIONS; count++) run.sids.push(await create(stores[0], run))
  await runRequests(stores, run)
  letGo()
  const left = new Map()
  for (const sid of history.sids) {
    const session = await read(stores[0], sid, history)
    if (session) left.set(sid, session.version)
  }
  assert.deepEqual((await sessions.distinct('_id')).sort(), [...left.keys()].sort())
  history.checkReadings()
  if (mode === 'reject') history.checkVersions(left)
  return history.counts
}

/** @type {Record<string, object>} */
const FORMS = {
  text: {},
  documents: { stringify: false, timestamps: true },
  'encrypted text': { crypto: { secret: 'squirrel' }, touchAfter: 3600 },
}

for (const backend of BACKENDS) {
  for (const mode of /** @type {const} */ (['merge', 'reject'])) {
    describe(`${mode} on the ${backend} backend`, () => {
      for (const [form, options] of Object.entries(FORMS)) {
        test(`${form}: what was acknowledged is there, and in order, seed ${seed}`, async (t) => {
          const { open, sessions } = await openDatabase(t)
          const stores = Array.from({ length: STORES }, () =>
            open({ backend, concurrency: mode, ...options })
          )
          const counts = await check(stores, sessions, mode)
          assert.equal(counts.get('failure'), undefined)
          assert.equal(counts.has('conflict'), mode === 'reject')
          t.diagnostic(JSON.stringify(Object.fromEntries(counts)))
        })
      }

      test(`on a network that loses requests and replies, seed ${seed}`, async (t) => {
        const { open, sessions, wire } = await openBehindWire(t, await replicaSet, '&retryWrites=false')
        const stores = Array.from({ length: STORES }, () => open({ backend, concurrency: mode }))
        const random = randomNumbers(seed)
        let left = 8
        const letGo = () => wire.lose(() => undefined)
        const lose = () => {
          if (left === 0 || random() > 0.02) return undefined
          left--
          return random() < 0.3 ? 'request' : 'reply'
        }
        // Only when there are sessions: a request that makes one is not to fail.
        wire.lose(({ name, body }) => (name === 'update' && !body.updates[0].upsert ? lose() : undefined))
        const counts = await check(stores, sessions, mode, letGo)
        t.diagnostic(JSON.stringify(Object.fromEntries(counts)))
      })
    })
  }
}
