// A process that hostile cases may crash. It is told what to do in its argument, and sends its parent how far it is.
'use strict'

const assert = require('node:assert/strict')
const { inspect } = require('node:util')
const { MongoClient } = require('mongodb')
const MongoStore = require('../..')
const { BACKENDS } = require('./backends.js')
const hostile = require('./hostile.js')
const oracle = require('./hostile-oracle.js')
const { CASES_IN_BATCH } = require('./hostile-process.js')
const { randomNumbers } = require('./random.js')
const { RawConnection } = require('./raw-connection.js')
const { plainSession } = require('./sessions.js')

const { below, pick } = hostile

/**
 * @typedef {object} Job
 * @property {string} url
 * @property {string} database
 * @property {number} seed
 * @property {number} first the first batch
 * @property {number} batches how many
 * @property {number} atOnce batches that run at the same time
 *
 * @typedef {() => number} Random
 * @typedef {import('./hostile-oracle.js').Kind} Kind
 * @typedef {Kind & { store: any, collection: import('mongodb').Collection<any> }} Subject
 * @typedef {{ subject: Subject, random: Random, id: any, owner: string }} Case
 */

const WITNESSES = 4
const HANG_MS = 120_000
/** Of sessions: how many are larger or deeper than the server takes. */
const TOO_MUCH_SHARE = 0.01
const HUGE_SHARE = 0.00005

const SECRET = { secret: 'a secret of this test' }

/** @type {Omit<Kind, 'backend'>[]} */
const MODES = [
  { stringify: true },
  { stringify: false },
  { stringify: true, crypto: SECRET },
  { stringify: false, crypto: { ...SECRET, format: 'sealed' } },
]
/** The native backend has the more code of ours, and takes more a second. @type {Kind[]} */
const KINDS = [...BACKENDS, ...BACKENDS.slice(0, 1)].flatMap((backend) =>
  MODES.map((mode) => ({ backend, ...mode }))
)

/** What belongs to everybody, and must stay as it is. */
const SHARED = [Object, Array, Function, String, Number, Date, RegExp, Map, Promise, Buffer, Error].map(
  ({ prototype }) => ({ prototype, keys: Reflect.ownKeys(prototype).length })
)

function assertUnpolluted() {
  for (const { prototype, keys } of SHARED) assert.equal(Reflect.ownKeys(prototype).length, keys)
  assert.equal(/** @type {any} */ ({}).polluted, undefined)
}

// ---- Calls

/** @param {Case} subject @param {string} method @param {...any} args @returns {Promise<any>} */
function ask({ subject: { store }, random }, method, ...args) {
  if (random() < 0.5) return store[method](...args)
  return new Promise((resolve, reject) => {
    let calls = 0
    store[method](...args, (/** @type {any} */ error, /** @type {any} */ result) => {
      calls += 1
      if (calls > 1) throw new Error(`The callback of ${method} was called again`)
      error ? reject(error) : resolve(result)
    })
  })
}

/** @param {Promise<any>} call @returns {Promise<{ value?: any, error?: Error }>} */
async function outcome(call) {
  try {
    return { value: await call }
  } catch (error) {
    assert.ok(error instanceof Error, `not an Error: ${inspect(error)}`)
    assert.ok(error.message.length > 0, `an error without a message: ${inspect(error)}`)
    return { error }
  }
}

/** @param {Promise<any>} call @param {string} what */
async function assertFails(call, what) {
  const { error } = await outcome(call)
  assert.ok(error, `${what} succeeded`)
}

/** @param {Case} one @param {any} expected @param {boolean} [mayFail] */
async function assertGets(one, expected, mayFail) {
  const { value, error } = await outcome(ask(one, 'get', one.id))
  if (mayFail && error) return
  if (error) throw error
  const isSame = oracle.isSame(value, expected)
  assert.ok(isSame, `get gave ${brief(value)} for ${brief(expected)}`)
  if (value) await outcome(inflated(one, value))
}

/** What express-session makes of what it got. @param {Case} one @param {any} stored */
async function inflated({ subject: { store }, id }, stored) {
  return store.createSession({ sessionID: id, sessionStore: store }, stored)
}

/** @param {unknown} value */
const brief = (value) => inspect(value, { depth: 6, maxStringLength: 200, maxArrayLength: 20 }).slice(0, 1500)

// ---- Cases

/** A session that is written, read, touched, read and removed. @param {Case} one */
async function sessionCase(one) {
  const { subject, random, owner, id } = one
  const { trick, mayFail } = chooseTrick(random)
  const seed = below(random, 2 ** 31)
  const make = () => hostile.makeSession(randomNumbers(seed), owner, trick)
  const expected = oracle.expectationOf(subject, make())
  const set = await outcome(ask(one, 'set', id, make()))
  if (set.error) {
    assert.ok(expected.isError || expected.mayFail || mayFail, `set failed: ${set.error.stack}`)
    return assertGets(one, null)
  }
  assert.ok(!expected.isError, 'set succeeded')
  await assertGets(one, oracle.isLive(expected.expires) ? expected.value : null, expected.mayFail)
  if (random() < 0.5) await touchCase(one, expected)
}

/** @param {Case} one @param {import('./hostile-oracle.js').Expectation} stored */
async function touchCase(one, stored) {
  const { random, id } = one
  const cookie = { path: '/', expires: pick(random, hostile.EXPIRES) }
  const expected = oracle.expectationOfTouch(cookie)
  const touch = ask(one, 'touch', id, { cookie })
  if (expected.isError) return assertFails(touch, 'touch')
  await touch
  await assertGets(one, oracle.isLive(expected.expires) ? stored.value : null, stored.mayFail)
}

/** @param {Random} random */
function chooseTrick(random) {
  const share = random()
  if (share < HUGE_SHARE) return { trick: pick(random, hostile.HUGE), mayFail: true }
  if (share < TOO_MUCH_SHARE) return { trick: pick(random, hostile.TOO_MUCH), mayFail: true }
  return { trick: random() < 0.5 ? pick(random, hostile.TRICKS) : undefined, mayFail: false }
}

/** An id that is as large as the server takes, and more: stored or refused. @param {Case} one */
async function hugeIdCase(one) {
  const session = plainSession({ owner: one.owner })
  const set = await outcome(ask(one, 'set', one.id, session))
  await assertGets(one, set.error ? null : session, true)
  await outcome(ask(one, 'touch', one.id, session))
  await outcome(ask(one, 'destroy', one.id))
}

/** What is no id is refused by every method. @param {Case} one */
async function badIdCase(one) {
  const { random, owner } = one
  const id = pick(random, hostile.NO_IDS)(owner)
  const calls = { get: [], set: [plainSession()], touch: [plainSession()], destroy: [] }
  for (const [method, args] of Object.entries(calls)) {
    const { error } = await outcome(ask(one, method, id, ...args))
    assert.ok(error instanceof TypeError, `${method} with the id ${inspect(id)} did not fail`)
    assert.match(error.message, /^A session id must be /)
  }
}

/** @param {Case} one @param {any} document that another program has stored */
async function documentCase(one, document) {
  const expected = oracle.expectationOfDocument(one.subject, document)
  if (expected.isError) return assertFails(ask(one, 'get', one.id), `get of ${brief(document)}`)
  try {
    await assertGets(one, expected.value)
  } catch (error) {
    if (expected.mayFail && /** @type {any} */ (error).code === 'ERR_SESSION_ENCRYPTED') return
    throw new Error(`${brief(document)}: ${/** @type {Error} */ (error).stack}`)
  }
}

/** The bson package looks at the bytes of texts only, not at those of field names. @param {Case} one */
async function spoiltCase(one) {
  const { value, error } = await outcome(ask(one, 'get', one.id))
  const isRead = !one.subject.stringify && inspect(value).includes('\ufffd')
  assert.ok(error || value === null || isRead, `get of what is not UTF-8 gave ${brief(value)}`)
}

/** Among hostile ones, others have to come back as they were. @param {Case} one */
async function witnessCase(one) {
  const session = plainSession({ owner: one.owner })
  await assertGets(one, null)
  await ask(one, 'set', one.id, session)
  await assertGets(one, session)
}

// ---- Batches

class Batch {
  /** @type {{ name: string, run: () => Promise<void> }[]} */
  #cases = []
  /** @type {string[]} */
  #ids = []
  /** @type {any[]} */
  #documents = []
  /** @type {Buffer[]} */
  #spoilt = []
  #number
  #random
  #subject

  /** @param {Subject} subject @param {number} seed @param {number} number */
  constructor(subject, seed, number) {
    this.#subject = subject
    this.#number = number
    this.#random = randomNumbers(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b))
    for (let index = 0; index < CASES_IN_BATCH; index++) this.#add(index)
  }

  /** @param {number} index */
  #add(index) {
    // A stream of its own, so that the order in which answers come changes nothing.
    const random = randomNumbers(below(this.#random, 2 ** 31))
    const { length } = hostile.NEIGHBOURS
    const id = hostile.NEIGHBOURS[index % length](`${this.#number}-${Math.floor(index / length)}-`)
    const one = { subject: this.#subject, random, id, owner: `${this.#number}/${index}` }
    const share = random()
    if (random() < HUGE_SHARE) return this.#addHugeId(one)
    this.#ids.push(id)
    if (index < WITNESSES) this.#push('witness', () => witnessCase(one))
    else if (share < 0.7) this.#push('session', () => sessionCase(one))
    else if (share < 0.8) this.#push('bad id', () => badIdCase(one))
    else this.#addDocument(one, share > 0.95)
  }

  /** @param {Case} one */
  #addHugeId(one) {
    const id = one.id + 'x'.repeat(pick(one.random, [10, 15, 17]) * hostile.MEGABYTE)
    this.#push('huge id', () => hugeIdCase({ ...one, id }))
  }

  /** @param {Case} one @param {boolean} isSpoilt */
  #addDocument(one, isSpoilt) {
    const { random, id } = one
    if (isSpoilt) {
      this.#spoilt.push(hostile.makeSpoiltDocument(random, id))
      return this.#push('spoilt document', () => spoiltCase(one))
    }
    const document = hostile.makeDocument(random, id)
    this.#documents.push(document)
    this.#push('document', () => documentCase(one, document))
  }

  /** @param {string} name @param {() => Promise<void>} run */
  #push(name, run) {
    this.#cases.push({ name, run })
  }

  /** @param {InstanceType<typeof RawConnection>} raw @returns {Promise<{ name: string, message: string }[]>} what went wrong */
  async run(raw) {
    const { collection } = this.#subject
    if (this.#documents.length) await collection.insertMany(this.#documents)
    if (this.#spoilt.length) await raw.insert(collection.collectionName, this.#spoilt)
    const settled = await Promise.allSettled(this.#cases.map(({ run }) => run()))
    await collection.deleteMany({ _id: { $in: this.#ids } })
    assertUnpolluted()
    return settled.flatMap((one, index) =>
      one.status === 'rejected' ? [{ name: this.#cases[index].name, message: String(one.reason?.stack) }] : []
    )
  }
}

/** @param {Job} job */
async function open({ url, database }) {
  const client = await MongoClient.connect(url)
  const subjects = KINDS.map((kind, index) => {
    const collectionName = `sessions-${index}`
    const store = new MongoStore({
      ...kind,
      mongoUrl: url,
      dbName: database,
      collectionName,
      autoRemove: 'disabled',
    })
    // Listeners see hostile ids and sessions, too.
    for (const event of ['get', 'set', 'touch', 'destroy']) store.on(event, () => {})
    return { ...kind, store, collection: client.db(database).collection(collectionName) }
  })
  const close = async () => {
    await Promise.all(subjects.map(({ store }) => store.close()))
    await client.close()
  }
  return { subjects, close }
}

/** @param {Kind} kind */
const nameOf = ({ backend, stringify, crypto }) =>
  `${backend}, stringify ${stringify}${crypto ? `, crypto ${JSON.stringify(crypto)}` : ''}`

/** @param {Job} job */
async function main(job) {
  const { subjects, close } = await open(job)
  const raws = Array.from({ length: job.atOnce }, () => new RawConnection(job.url, job.database))
  let next = job.first
  let cases = 0
  const lane = async (/** @type {InstanceType<typeof RawConnection>} */ raw) => {
    while (next < job.first + job.batches) {
      const number = next++
      const subject = subjects[number % subjects.length]
      const hung = setTimeout(() => process.send?.({ hung: number }, () => process.exit(3)), HANG_MS)
      const failures = await new Batch(subject, job.seed, number).run(raw)
      clearTimeout(hung)
      cases += CASES_IN_BATCH
      process.send?.({
        cases,
        batch: number,
        failures: failures.map((one) => ({ ...one, kind: nameOf(subject) })),
      })
    }
  }
  await Promise.all(raws.map(lane))
  for (const raw of raws) raw.close()
  await close()
  process.disconnect?.()
}

main(JSON.parse(process.argv[2]))
