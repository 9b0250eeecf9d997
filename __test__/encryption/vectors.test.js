// Every session of __test__/vectors, as some connect-mongo stored it, is read by a store with the same options; with one byte
// changed it is refused.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const MongoStore = require('../..')
const { BACKENDS, REFUSED, openOnBackend } = require('../support/encryption.js')
const { isUnprotected, tampered } = require('../support/encryption-tampering.js')
const {
  fromExtended,
  grouped,
  loadVectors,
  sessionOf,
  storeOptions,
} = require('../support/encryption-vectors.js')

/** @typedef {import('../support/encryption-vectors.js').Vector} Vector */

/** Stores open at a time. */
const GROUPS_AT_ONCE = 8

/** What the cookies of the vectors say, those that say anything. */
const EXPIRES = new Date('2100-01-01T00:00:00.000Z')

/** The sessions that no store reads, by their ids. */
const UNREADABLE = {
  '4.1.0-2.2.3-null-hashing': {
    error: /tampered/,
    reason: 'an empty `hashing` was sha512 to kruptein 2, and is sha384 to that of connect-mongo 6.0.0',
  },
  '4.1.0-2.2.3-null-everything-object': { error: /tampered/, reason: 'the same' },
  '5.1.0-3.4.0-upper-case-gcm': {
    error: /AES-256-GCM must be in lower case/,
    reason: 'connect-mongo 6.0.0 cannot read what it writes with it',
  },
  '3.2.0-upper-case-gcm': { error: /AES-256-GCM must be in lower case/, reason: 'the same' },
  '3.2.0-ccm-iv6': {
    error: /"aes-256-ccm" is not supported/,
    reason: 'connect-mongo 6.0.0 refuses it',
  },
  '3.2.0-chacha20-poly1305-iv6': { error: /"chacha20-poly1305" is not supported/, reason: 'the same' },
}

const KRUPTEINS = [
  ...['2.2.1', '2.2.3'],
  ...['3.0.0', '3.0.1', '3.0.2', '3.0.3', '3.0.4', '3.0.5', '3.0.6', '3.0.7', '3.0.8', '3.0.9'],
  ...['3.1.1', '3.1.3', '3.1.4', '3.1.5', '3.1.7'],
  ...['3.2.0', '3.2.1', '3.3.0', '3.4.0'],
]

const files = loadVectors()
const all = [...files.values()].flat()

/**
 * WebAssembly, which derives all keys on one thread, takes a quarter of an hour for all of them, and an emulated processor as long; the
 * code is that of the addon. So there, and with FEW_VECTORS, it is one in so many, unless ALL_VECTORS is set.
 */
const isSlow = MongoStore.binding.startsWith('wasm') || process.env.FEW_VECTORS
const ONE_IN = isSlow && !process.env.ALL_VECTORS ? 5 : 1

/** @param {Vector} vector @param {number} index */
function isInThisRun({ table }, index) {
  return Boolean(table) || index % ONE_IN === 0
}

/** What the backends share need not be tried a thousand times on each. @param {string} backend @param {Vector} vector */
function isTried(backend, { adapter, custom, table }) {
  return backend === BACKENDS[0] || adapter !== 'kruptein' || Boolean(custom) || Boolean(table)
}

/** @template T @param {T[]} items @param {number} limit @param {(item: T) => Promise<void>} work */
async function inParallel(items, limit, work) {
  const rest = items.values()
  await Promise.all(
    Array.from({ length: limit }, async () => {
      for (const item of rest) await work(item)
    })
  )
}

/** @param {Vector} vector @returns {string} the JSON of what a store makes of it */
function expectedOf({ adapter, stringify, stored, session }) {
  const isDocument = adapter === 'none' && !stringify
  return isDocument ? JSON.stringify(fromExtended(stored)) : session
}

/**
 * Each part of the envelopes of the table, one part of any other, in turn. Another salt costs a derivation or three.
 *
 * @param {Vector} vector
 * @param {number} index
 * @returns {import('../support/encryption-tampering.js').Tampered[]}
 */
function twinsOf(vector, index) {
  if (vector.adapter === 'none') return []
  const twins = tampered(vector).filter(({ part }) => !isUnprotected(vector, part))
  const quick = twins.filter(({ part }) => part !== 'salt')
  return vector.table ? twins : quick.slice(index % quick.length).slice(0, 1)
}

/** @param {string} storageId @param {string} part */
const twinId = (storageId, part) => `${storageId} ${part}`

/** @param {Map<Vector, import('../support/encryption-tampering.js').Tampered[]>} twins @returns {any[]} */
function documentsOf(twins) {
  return [...twins].flatMap(([{ storageId, stored }, altered]) => [
    { _id: storageId, session: fromExtended(stored), expires: EXPIRES },
    ...altered.map((twin) => ({ _id: twinId(storageId, twin.part), session: twin.stored, expires: EXPIRES })),
  ])
}

/** @param {Vector} vector @param {any} session from `get` */
function assertSame(vector, session) {
  const { custom, receivedBy6, readBy6 } = vector
  const isReceivedOnly = custom && receivedBy6 && !readBy6
  if (custom && receivedBy6) assert.equal(JSON.stringify(session.received), receivedBy6)
  if (!isReceivedOnly) assert.equal(sessionOf(vector, session), expectedOf(vector))
}

/**
 * @param {any} store
 * @param {Vector} vector
 * @param {import('../support/encryption-tampering.js').Tampered[]} twins
 * @returns {Promise<string | undefined>} what is wrong
 */
async function problemOf(store, vector, twins) {
  try {
    assertSame(vector, await store.get(vector.storageId))
    for (const { part } of twins) {
      await assert.rejects(
        store.get(twinId(vector.storageId, part)),
        REFUSED,
        `it was read with another ${part}`
      )
    }
    return undefined
  } catch (error) {
    return error.message
  }
}

/**
 * @param {(options: object) => any} open
 * @param {Vector[]} group that one store can read
 * @param {Map<Vector, import('../support/encryption-tampering.js').Tampered[]>} twins
 * @returns {Promise<[string, string | undefined][]>} what is wrong with each
 */
async function problemsOfGroup(open, group, twins) {
  let store
  try {
    store = open(storeOptions(group[0]))
  } catch (error) {
    return group.map(({ id }) => [id, error.message])
  }
  const problems = group.map(async (vector) => [vector.id, await problemOf(store, vector, twins.get(vector))])
  try {
    return await Promise.all(problems)
  } finally {
    await store.close()
  }
}

/** @param {string} file @param {[string, string | undefined][]} problems */
function assertOnlyKnown(file, problems) {
  const found = problems.filter(([, problem]) => problem)
  const unknown = found.filter(([id, problem]) => !UNREADABLE[id]?.error.test(problem))
  assert.deepEqual(unknown, [], file)
  for (const [id, problem] of problems) assert.equal(id in UNREADABLE, problem !== undefined, id)
}

for (const backend of BACKENDS) {
  describe(`on the ${backend} backend`, () => {
    for (const [file, vectors] of files) {
      const tried = vectors.filter((vector) => isTried(backend, vector)).filter(isInThisRun)
      if (tried.length === 0) continue
      test(`${tried.length} sessions of ${file} are read, and refused when altered`, async (t) => {
        const { sessions, open } = await openOnBackend(t, backend)
        const twins = new Map(tried.map((vector, index) => [vector, twinsOf(vector, index)]))
        await sessions.insertMany(documentsOf(twins))
        const problems = []
        await inParallel(grouped(tried), GROUPS_AT_ONCE, async (group) => {
          problems.push(...(await problemsOfGroup(open, group, twins)))
        })
        assertOnlyKnown(file, problems)
      })
    }
  })
}

describe('the vectors', () => {
  test('have each kruptein that npm has had', () => {
    const found = new Set(all.map(({ writtenBy }) => /kruptein ([\d.]+)/.exec(writtenBy)?.[1]))
    assert.deepEqual(
      KRUPTEINS.filter((version) => !found.has(version)),
      []
    )
  })

  test('have the 56 of the table', () => {
    assert.equal(all.filter(({ table }) => table).length, 56)
  })

  test('have those that are known to be unreadable', () => {
    const ids = new Set(all.map(({ id }) => id))
    assert.deepEqual(
      Object.keys(UNREADABLE).filter((id) => !ids.has(id)),
      []
    )
  })
})
