// The checker of histories (support/history.js), which has to refuse what cannot have happened.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { describe: lineOf, findViolation } = require('../support/history.js')
const { randomNumbers } = require('../support/random.js')

/** @typedef {import('../support/history.js').Operation} Operation */

/** @param {number} start @param {number | undefined} end @param {string} value @param {string} [told] @returns {Operation} */
const set = (start, end, value, told) => ({ method: 'set', start, end, value, expires: 0, told })

/** Of a session that a request has loaded. @param {number} start @param {number | undefined} end @param {string} value @param {string} [told] @param {string} [base] @returns {Operation} */
const save = (start, end, value, told, base) => ({ ...set(start, end, value, told), isLoaded: true, base })

/** @param {number} start @param {number | undefined} end @param {number} expires @param {string} [told] @returns {Operation} */
const touch = (start, end, expires, told) => ({ method: 'touch', start, end, expires, told })

/** @param {number} start @param {number} [end] @returns {Operation} */
const destroy = (start, end) => ({ method: 'destroy', start, end })

/** @param {number} start @param {number | undefined} end @param {string | null} value @param {number} [expires] @returns {Operation} */
const get = (start, end, value, expires) => ({
  method: 'get',
  start,
  end,
  told: value === null ? null : { value, expires },
})

/** @type {Record<string, Operation[]>} */
const POSSIBLE = {
  'nothing at all': [],
  'a session that was never stored': [get(1, 2, null)],
  'a write that is read': [set(1, 2, 'a', 'create'), get(3, 4, 'a', 0)],
  'a reader that cannot tell when it expires': [set(1, 2, 'a'), touch(3, 4, 9), get(5, 6, 'a')],
  'a read of before, beside a write': [set(1, 4, 'a'), get(2, 3, null)],
  'a read of after, beside a write': [set(1, 4, 'a'), get(2, 3, 'a')],
  'two writes at a time, the first one last': [set(1, 4, 'a'), set(2, 3, 'b'), get(5, 6, 'a')],
  'two writes at a time, both of which found nothing with a removal between': [
    set(1, 6, 'a', 'create'),
    set(2, 5, 'b', 'create'),
    destroy(3, 4),
  ],
  'a failed write that was done': [set(1, undefined, 'a'), get(2, 3, 'a')],
  'a failed write that was not done': [set(1, undefined, 'a'), get(2, 3, null)],
  'a failed write that was done late': [
    set(1, undefined, 'a'),
    get(2, 3, null),
    set(4, 5, 'b', 'create'),
    get(6, 7, 'b'),
    get(8, 9, 'a'),
  ],
  'a failed removal that was done late': [destroy(1), set(2, 3, 'a'), get(4, 5, 'a'), get(6, 7, null)],
  'a failed read, whatever it would have found': [get(1, undefined, 'z')],
  'a touch that is read': [set(1, 2, 'a'), touch(3, 4, 9, 'touch'), get(5, 6, 'a', 9)],
  'a touch that missed': [touch(1, 2, 9, 'touch-missed'), set(3, 4, 'a', 'create'), get(5, 6, 'a', 0)],
  'a save that was refused': [set(1, 2, 'a'), destroy(3, 4), save(5, 6, 'b', 'set-refused'), get(7, 8, null)],
  'a save that was refused beside a removal': [
    set(1, 2, 'a'),
    destroy(3, 6),
    save(4, 5, 'b', 'set-refused'),
    get(7, 8, null),
  ],
  'a failed save of what is gone': [set(1, 2, 'a'), destroy(3, 4), save(5, undefined, 'b'), get(6, 7, null)],
  'a failed save that was done': [set(1, 2, 'a'), save(3, undefined, 'b'), get(4, 5, 'b'), destroy(6, 7)],
  'a conflict': [
    set(1, 2, 'a'),
    save(3, 4, 'b', 'update', 'a'),
    save(5, 6, 'c', 'conflict', 'a'),
    get(7, 8, 'b'),
  ],
  'a failed save that came too late': [
    set(1, 2, 'a'),
    save(3, undefined, 'b', undefined, 'a'),
    save(4, 5, 'c', 'update', 'a'),
    get(6, 7, 'c'),
  ],
}

/** @type {Record<string, Operation[]>} */
const IMPOSSIBLE = {
  'a write that is lost': [set(1, 2, 'a'), get(3, 4, null)],
  'a write that is lost under a later one': [set(1, 2, 'a'), set(3, 4, 'b', 'create')],
  'a write that is answered as an update of nothing': [set(1, 2, 'a', 'update')],
  'a read of what nobody wrote': [get(1, 2, 'a')],
  'a read of what is written later': [get(1, 2, 'a'), set(3, 4, 'a')],
  'a stale read': [set(1, 2, 'a'), set(3, 4, 'b'), get(5, 6, 'a')],
  'reads that go back': [set(1, 8, 'a'), set(2, 9, 'b'), get(3, 4, 'a'), get(5, 6, 'b'), get(7, 10, 'a')],
  'a session that comes back': [set(1, 2, 'a'), destroy(3, 4), get(5, 6, 'a')],
  'a removal that is lost': [set(1, 2, 'a'), destroy(3, 4), set(5, 6, 'b', 'update')],
  'a removal that is done twice': [set(1, 2, 'a'), destroy(3, 4), set(5, 6, 'b', 'create'), get(7, 8, null)],
  'a write that is done twice': [
    set(1, undefined, 'a'),
    get(2, 3, 'a'),
    set(4, 5, 'b', 'update'),
    get(6, 7, 'b'),
    get(8, 9, 'a'),
  ],
  'a failed write that was done and undone': [set(1, undefined, 'a'), get(2, 3, 'a'), get(4, 5, null)],
  'a touch that is lost': [set(1, 2, 'a'), touch(3, 4, 9), get(5, 6, 'a', 0)],
  'a touch that is undone': [set(1, 2, 'a'), touch(3, 4, 8), touch(5, 6, 9), get(7, 8, 'a', 8)],
  'a touch that found nothing where there was a session': [set(1, 2, 'a'), touch(3, 4, 9, 'touch-missed')],
  'a touch that found a session where there was none': [touch(1, 2, 9, 'touch')],
  'a save that was refused where there was a session': [set(1, 2, 'a'), save(3, 4, 'b', 'set-refused')],
  'a save that brought a session back': [set(1, 2, 'a'), destroy(3, 4), save(5, 6, 'b'), get(7, 8, 'b')],
  'a failed save that brought a session back': [
    set(1, 2, 'a'),
    destroy(3, 4),
    save(5, undefined, 'b'),
    get(6, 7, 'b'),
  ],
  'a save that undid another': [
    set(1, 2, 'a'),
    save(3, 4, 'b', 'update', 'a'),
    save(5, 6, 'c', 'update', 'a'),
  ],
  'a conflict that was done': [set(1, 2, 'a'), save(3, 4, 'b', 'conflict', 'a'), get(5, 6, 'b')],
  'a failed save that undid another': [
    set(1, 2, 'a'),
    save(3, undefined, 'b', undefined, 'a'),
    save(4, 5, 'c', 'update', 'a'),
    get(6, 7, 'c'),
    get(8, 9, 'b'),
  ],
}

describe('a history is possible with', () => {
  for (const [what, history] of Object.entries(POSSIBLE)) {
    test(what, () => assert.equal(findViolation(history), undefined))
  }
})

describe('a history is impossible with', () => {
  for (const [what, history] of Object.entries(IMPOSSIBLE)) {
    test(what, () => assert.notEqual(findViolation(history), undefined))
  }
})

test('a violation tells how far an order can be found', () => {
  const history = [set(1, 2, 'a', 'create'), destroy(3, 4), get(5, 6, 'a', 0), get(7, 8, null)]
  const violation = findViolation(history)
  assert.deepEqual(violation, { placed: history.slice(0, 2), open: history.slice(2), session: null })
  assert.deepEqual(history.map(lineOf), [
    '[1, 2] set(a) → "create"',
    '[3, 4] destroy() → "done"',
    '[5, 6] get() → {"value":"a","expires":0}',
    '[7, 8] get() → null',
  ])
})

test('a history of many operations at a time takes no time to speak of', () => {
  const rounds = Array.from({ length: 100 }, (_, round) =>
    Array.from({ length: 4 }, (_, client) =>
      set(round * 8 + client, round * 8 + 4 + client, `${round}-${client}`)
    )
  )
  assert.equal(findViolation(rounds.flat()), undefined)
  assert.notEqual(findViolation([...rounds.flat(), get(1_000, 1_001, '98-0')]), undefined)
})

/** Every order of some of these in which none comes before one that had ended when it started. @param {Operation[]} rest @returns {Generator<Operation[]>} */
function* orders(rest) {
  if (rest.every(({ end }) => end === undefined)) yield []
  for (const first of rest) {
    if (rest.some(({ end = Infinity }) => end < first.start)) continue
    for (const order of orders(rest.filter((one) => one !== first))) yield [first, ...order]
  }
}

/** Runs a history in its order on a plain variable. @param {Operation[]} order */
function isLegal(order) {
  /** @type {any} */
  let stored = null
  return order.every(({ method, value, isLoaded, base, expires, told }) => {
    const before = stored
    if (told === 'conflict') return true
    const isStale = before && base !== undefined && base !== before.value
    if (method === 'set' && !isStale && (before || !isLoaded)) stored = { value, expires }
    if (told && isStale) return false
    if (method === 'destroy') stored = null
    if (method === 'touch' && stored) stored = { ...stored, expires }
    if (method === 'get') return JSON.stringify(before) === JSON.stringify(told)
    if (told === undefined) return true
    return (before ? ['update', 'touch'] : ['create', 'set-refused', 'touch-missed']).includes(String(told))
  })
}

/** @param {() => number} random @returns {Operation[]} */
function randomHistory(random) {
  /** @template T @param {T[]} list @returns {T} */
  const oneOf = (list) => list[Math.floor(random() * list.length)]
  const times = Array.from({ length: 10 }, (_, time) => time).sort(() => random() - 0.5)
  return Array.from({ length: 5 }, (_, index) => {
    const [start, end] = times.slice(2 * index, 2 * index + 2).sort((one, other) => one - other)
    const ended = random() < 0.8 ? end : undefined
    const make = oneOf([
      () => get(start, end, oneOf(['0', '1', '2', null]), 0),
      () => set(start, ended, String(index), ended && oneOf(['create', 'update', undefined])),
      () => save(start, ended, String(index), ended && oneOf(['update', 'set-refused', undefined])),
      () =>
        save(
          start,
          ended,
          String(index),
          ended && oneOf(['update', 'set-refused', 'conflict']),
          oneOf(['0', '1'])
        ),
      () => touch(start, ended, 0, ended && oneOf(['touch', 'touch-missed', undefined])),
      () => destroy(start, ended),
    ])
    return make()
  })
}

test('random histories are judged as by trying every order', () => {
  const verdicts = { possible: 0, impossible: 0 }
  for (let seed = 0; seed < 5_000; seed++) {
    const history = randomHistory(randomNumbers(seed))
    const isPossible = [...orders(history)].some(isLegal)
    assert.equal(findViolation(history) === undefined, isPossible, `seed ${seed}: ${JSON.stringify(history)}`)
    verdicts[isPossible ? 'possible' : 'impossible']++
  }
  assert.ok(Math.min(...Object.values(verdicts)) > 500, JSON.stringify(verdicts))
})
