// The three-way merge by itself: laws that hold whatever is in the sessions.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { isDeepStrictEqual } = require('node:util')
const { isStale, mergeSessions } = require('../../lib/sessions/merge.js')
const { randomNumbers } = require('../support/random.js')

/** @typedef {Record<string, any>} Tree */

const ROUNDS = 5_000
const KEYS = ['a', 'b', 'c', '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '0', '']
const LEAVES = [null, true, 0, 1, '', 'text', [], [1, 2], [{ a: 1 }]]
const ABSENT = Symbol('absent')

/** Set RANDOM_SEED to repeat a failure. */
const seed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 32))
const random = randomNumbers(seed)
const below = (/** @type {number} */ limit) => Math.floor(random() * limit)
/** @template T @param {T[]} list */
const pick = (list) => list[below(list.length)]

const isRecord = (/** @type {unknown} */ value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Assigning to `__proto__` would make no key of it. @param {Tree} record @param {string} key @param {unknown} value */
function put(record, key, value) {
  Object.defineProperty(record, key, { value, configurable: true, enumerable: true, writable: true })
}

/** @param {number} depth */
const randomValue = (depth) => (depth > 0 && below(2) ? randomTree(depth - 1) : structuredClone(pick(LEAVES)))

/** @param {number} [depth] @returns {Tree} */
function randomTree(depth = 3) {
  const tree = {}
  for (let count = below(4); count > 0; count--) put(tree, pick(KEYS), randomValue(depth))
  return tree
}

/** The tree with some things added, changed and removed. @param {Tree} tree @returns {Tree} */
function changed(tree) {
  const copy = {}
  for (const [key, value] of Object.entries(tree)) {
    const what = below(8)
    if (what === 0) continue
    if (what === 1) put(copy, key, randomValue(2))
    else put(copy, key, isRecord(value) ? changed(value) : structuredClone(value))
  }
  if (below(3) === 0) put(copy, pick(KEYS), randomValue(2))
  return copy
}

/** @param {Tree} record @param {string} key */
const own = (record, key) => (Object.hasOwn(record, key) ? record[key] : ABSENT)

/**
 * What only one side has changed is as that side has it: wherever all of them have an object, key by key.
 *
 * @param {Tree} base @param {Tree} ours @param {Tree} theirs @param {Tree} merged @param {string} path
 */
function checkChanges(base, ours, theirs, merged, path) {
  assert.ok(isRecord(merged), `${path} is an object on both sides`)
  for (const key of new Set([base, ours, theirs, merged].flatMap(Object.keys))) {
    const [was, mine, their, is] = [base, ours, theirs, merged].map((record) => own(record, key))
    const here = `${path}/${key}`
    if (isDeepStrictEqual(mine, was)) assert.deepEqual(is, their, `${here} was changed by them alone`)
    else if (isDeepStrictEqual(their, was)) assert.deepEqual(is, mine, `${here} was changed by us alone`)
    else if ([was, mine, their].every(isRecord)) checkChanges(was, mine, their, is, here)
  }
}

/** Whatever is there is there on one of the sides. @param {any} value @param {any[]} sides @param {string} path */
function checkOrigin(value, sides, path) {
  if (!isRecord(value)) {
    assert.ok(
      sides.some((side) => isDeepStrictEqual(side, value)),
      `${path} is made up`
    )
    return
  }
  assert.equal(Object.getPrototypeOf(value), Object.prototype, `${path} has another prototype`)
  const records = sides.filter(isRecord)
  assert.ok(records.length > 0, `${path} is made up`)
  for (const key of Object.keys(value)) {
    const inside = records.map((record) => own(record, key))
    checkOrigin(value[key], inside, `${path}/${key}`)
  }
}

/** @param {(trees: [Tree, Tree, Tree]) => void} check base, ours, theirs */
function forRandomSessions(check) {
  for (let round = 0; round < ROUNDS; round++) {
    const base = randomTree()
    /** @type {[Tree, Tree, Tree]} */
    const trees = [base, changed(base), changed(base)]
    const before = JSON.stringify(trees)
    try {
      check(trees)
      assert.equal(JSON.stringify(trees), before, 'a session was changed')
    } catch (error) {
      throw new Error(`RANDOM_SEED=${seed}, round ${round}: ${before}`, { cause: error })
    }
  }
}

describe(`merges of random sessions, seed ${seed}`, () => {
  test('where one side has changed nothing, the other counts', () => {
    forRandomSessions(([base, ours, theirs]) => {
      assert.deepEqual(mergeSessions(base, structuredClone(base), theirs), theirs)
      assert.deepEqual(mergeSessions(base, ours, structuredClone(base)), ours)
      assert.equal(isStale(base, ours, structuredClone(base)), false)
      assert.equal(isStale(base, ours, theirs), ![ours, theirs].some((side) => isDeepStrictEqual(side, base)))
    })
  })

  test('what one side alone has changed is as that side has it, however deep', () => {
    forRandomSessions(([base, ours, theirs]) => {
      checkChanges(base, ours, theirs, mergeSessions(base, ours, theirs), '')
    })
  })

  test('nothing is made up, and no prototype is touched', () => {
    const before = Reflect.ownKeys(Object.prototype)
    forRandomSessions(([base, ours, theirs]) => {
      checkOrigin(mergeSessions(base, ours, theirs), [ours, theirs], '')
      assert.deepEqual(Reflect.ownKeys(Object.prototype), before)
    })
  })

  test('a cookie that is no cookie is no error', () => {
    const cookies = [
      undefined,
      null,
      1,
      'text',
      [],
      {},
      { expires: [] },
      { expires: { toString: null } },
      { expires: {}, originalMaxAge: 'x' },
    ]
    const withCookie = (/** @type {Tree} */ tree) => {
      const cookie = below(2) ? pick(cookies) : { expires: pick(LEAVES), originalMaxAge: pick(LEAVES) }
      return { ...tree, cookie }
    }
    forRandomSessions((trees) => {
      const [base, ours, theirs] = [withCookie(trees[0]), withCookie(trees[1]), withCookie(trees[2])]
      const { cookie, ...rest } = mergeSessions(base, ours, theirs)
      checkOrigin(rest, [ours, theirs], '')
      assert.equal(typeof isStale(base, ours, theirs), 'boolean')
    })
  })
})
