// The order of the calls about one session, without a store.
'use strict'

const assert = require('node:assert/strict')
const { beforeEach, describe, test } = require('node:test')
const { setImmediate: turn } = require('node:timers/promises')
const { Order } = require('../../lib/order.js')
const { withResolvers } = require('../support/wait.js')

/** @type {InstanceType<typeof Order>} */
let order
/** What has begun, and not ended yet. @type {Map<string, ReturnType<typeof withResolvers>>} */
let begun

beforeEach(() => {
  order = new Order()
  begun = new Map()
})

/** @param {string} name @param {'read' | 'write'} kind @param {{ id?: string, signal?: AbortSignal }} [how] */
function ask(name, kind, { id = 'id', signal } = {}) {
  const work = () => {
    const deferred = withResolvers()
    begun.set(name, deferred)
    return deferred.promise.finally(() => begun.delete(name))
  }
  return order[kind](id, work, signal)
}

/** @param {string} name */
async function end(name) {
  begun.get(name)?.resolve(name)
  await turn()
}

const underWay = () => [...begun.keys()]

describe('the order of one session', () => {
  test('has a write begin at once when nothing else is written, and reads with each other', () => {
    ask('read', 'read')
    ask('other read', 'read')
    ask('write', 'write')
    assert.deepEqual(underWay(), ['read', 'other read', 'write'])
  })

  test('has what comes after a write wait for it, and a write after that for that one', async () => {
    const calls = [
      ask('a', 'write'),
      ask('b', 'read'),
      ask('c', 'write'),
      ask('d', 'read'),
      ask('e', 'write'),
    ]
    assert.deepEqual(underWay(), ['a'])
    await end('a')
    assert.deepEqual(underWay(), ['b', 'c'])
    await end('c')
    assert.deepEqual(underWay(), ['b', 'd', 'e'])
    for (const name of underWay()) await end(name)
    assert.deepEqual(await Promise.all(calls), ['a', 'b', 'c', 'd', 'e'])
  })

  test('goes on after a failure, which is that of its call alone', async () => {
    const failed = assert.rejects(ask('a', 'write'), /no/)
    const next = ask('b', 'write')
    begun.get('a')?.reject(new Error('no'))
    await failed
    await turn()
    await end('b')
    assert.equal(await next, 'b')
  })

  test('is nothing to another session', () => {
    ask('a', 'write')
    ask('b', 'write', { id: 'other' })
    assert.deepEqual(underWay(), ['a', 'b'])
  })

  test('has no place for a call for which nobody waits any more, unless it has begun', async () => {
    const tooLate = new Error('too late')
    const controllers = [1, 2, 3].map(() => new AbortController())
    const [first, second, third] = controllers.map(({ signal }) => ({ signal }))
    const begins = ask('a', 'write', first)
    const waits = [ask('b', 'write', second), ask('c', 'read', third)]
    const next = ask('d', 'read')
    const given = waits.map((call) => assert.rejects(call, tooLate))
    for (const controller of controllers) controller.abort(tooLate)
    await Promise.all(given)
    assert.deepEqual(underWay(), ['a'])
    await end('a')
    assert.equal(await begins, 'a')
    assert.deepEqual(underWay(), ['d'])
    await end('d')
    assert.equal(await next, 'd')
  })
})
