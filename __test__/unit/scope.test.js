// Which documents are sessions of a store, which are live and which have expired: the filters.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { Scope } = require('../../lib/collection/scope.js')

const NOW = new Date('2026-01-02T03:04:05.678Z')
const DAY_MS = 24 * 60 * 60 * 1000
const LIVE = { $or: [{ expires: { $exists: false } }, { expires: { $gt: NOW } }] }

/** @param {number} milliseconds from NOW */
const at = (milliseconds) => new Date(NOW.getTime() + milliseconds)

describe('a prefix', () => {
  test('is an expression that takes it as it is', () => {
    for (const prefix of ['app:', 'a.c', 'a|b', '^(a)[b]{1}$', 'a*?+\\', 'a-b/c', '🦀.']) {
      const { _id } = /** @type {any} */ (new Scope({ prefix }).all)
      assert.deepEqual(Object.keys(_id), ['$regex'])
      const expression = new RegExp(_id.$regex)
      assert.ok(expression.test(`${prefix}sid`))
      assert.ok(!expression.test(`x${prefix}sid`))
      assert.ok(!expression.test('axc'))
    }
  })
})

describe('the filter of a query', () => {
  test("is connect-mongo's where there is nothing else to say", () => {
    const scope = new Scope({})
    assert.deepEqual(scope.filterOf({ state: 'any' }), {})
    assert.deepEqual(scope.filterOf({ state: 'live', now: NOW }), LIVE)
    assert.deepEqual(scope.filterOf({ state: 'expired', now: NOW }), { expires: { $lt: NOW } })
    assert.deepEqual(scope.live(NOW), LIVE)
  })

  test('is one list of conditions, where no two are about the same', () => {
    const where = { 'index.userId': 'me', handle: { $lt: 'ff' } }
    assert.deepEqual(new Scope({}).filterOf({ where, state: 'live', now: NOW }), { ...where, ...LIVE })
  })

  test('loses no condition where two are about the same', () => {
    const scope = new Scope({ prefix: 'a:' })
    const where = { _id: { $nin: ['a:sid'] } }
    assert.deepEqual(scope.filterOf({ where, state: 'any' }), { $and: [scope.all, where] })
    const or = { $or: [{ n: 1 }, { n: 2 }] }
    assert.deepEqual(new Scope({}).filterOf({ where: or, state: 'live', now: NOW }), { $and: [or, LIVE] })
  })

  test('takes the process for its clock', () => {
    const from = Date.now()
    const { $or } = /** @type {any} */ (new Scope({}).filterOf({ state: 'live' }))
    const { $gt } = $or[1].expires
    assert.ok($gt.getTime() >= from && $gt.getTime() <= Date.now())
  })

  test('of the expired ones leaves those alone whose grace is not over', () => {
    assert.deepEqual(new Scope({}).filterOf({ state: 'expired', now: NOW, graceMs: 1_000 }), {
      expires: { $lt: at(-1_000) },
    })
    assert.deepEqual(
      new Scope({ maxLifetimeMs: DAY_MS }).filterOf({ state: 'expired', now: NOW, graceMs: 1_000 }),
      { $or: [{ expires: { $lt: at(-1_000) } }, { createdAt: { $lt: at(-DAY_MS - 1_000) } }] }
    )
  })
})
