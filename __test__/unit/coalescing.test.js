// Writes of one session that go as one, without a store.
'use strict'

const assert = require('node:assert/strict')
const { beforeEach, describe, test } = require('node:test')
const { setImmediate: turn } = require('node:timers/promises')
const { Order } = require('../../lib/order.js')
const { Coalescing, heard, mayCoalesce, coalesced } = require('../../lib/sessions/coalescing.js')
const { randomNumbers } = require('../support/random.js')

/** @typedef {import('../../lib/sessions/coalescing.js').Write} Write */

const HISTORIES = 20_000
const seed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 32))

/**
 * Does a write as an update command does.
 *
 * @param {Record<string, any> | undefined} stored
 * @param {Write} write
 * @returns {{ stored: Record<string, any> | undefined, wasThere: boolean }}
 */
function done(stored, { payload, times: { expires, lastModified, marks }, isUpsert }) {
  const wasThere = stored !== undefined
  if (!wasThere && !isUpsert) return { stored, wasThere }
  const given = { session: payload, lastModified, index: marks?.index, description: marks?.description }
  const set = Object.entries(given).filter(([, value]) => value !== undefined)
  const created = wasThere ? {} : { created: marks?.created?.getTime() }
  return { stored: { ...stored, ...Object.fromEntries(set), ...created, expires }, wasThere }
}

/** @param {Write} write @param {boolean} wasThere */
const alone = ({ isUpsert }, wasThere) => (isUpsert ? !wasThere : wasThere)

/** @param {() => number} random @param {number} number @returns {Write} */
function anyWrite(random, number) {
  const is = (share = 0.5) => random() < share
  const times = { expires: new Date(number), lastModified: is() ? new Date(number) : undefined }
  if (is()) return { isTouch: true, times, isUpsert: false }
  const marks = is()
    ? {
        index: is() ? [String(number)] : undefined,
        isNewToIndex: is(0.2) ? true : undefined,
        description: is() ? String(number) : undefined,
        created: is(0.2) ? new Date(number) : undefined,
      }
    : undefined
  const payload = is(0.1) ? { number } : String(number)
  return { isTouch: false, payload, times: { ...times, marks }, isUpsert: is() }
}

test(`any writes come together to what they come to one by one, seed ${seed}`, () => {
  const random = randomNumbers(seed)
  let [writesInAll, statementsInAll] = [0, 0]
  for (let history = 0; history < HISTORIES; history++) {
    const writes = Array.from({ length: 1 + Math.floor(random() * 8) }, (_, number) =>
      anyWrite(random, number)
    )
    let oneByOne = random() < 0.5 ? { expires: new Date(0) } : undefined
    let together = oneByOne
    const expected = writes.map((write) => {
      const { stored, wasThere } = done(oneByOne, write)
      oneByOne = stored
      return alone(write, wasThere)
    })

    /** @type {{ writes: Write[], write: Write }[]} */
    const groups = []
    for (const write of writes) {
      const group = groups.at(-1)
      if (group && mayCoalesce(group.write, write, () => true)) {
        group.writes.push(write)
        group.write = coalesced(group.write, write)
      } else groups.push({ writes: [write], write })
    }
    const told = groups.flatMap((group) => {
      const { stored, wasThere } = done(together, group.write)
      together = stored
      return heard(group.writes, wasThere)
    })
    assert.deepEqual(told, expected, `history ${history}`)
    assert.deepEqual(together, oneByOne, `history ${history}`)
    writesInAll += writes.length
    statementsInAll += groups.length
  }
  assert.ok(statementsInAll < writesInAll * 0.7, 'some are coalesced')
})

describe('writes that wait for another of their session', () => {
  /** @type {{ what: string, answer: (value: boolean) => void, fail: (error: Error) => void }[]} */
  let sent
  /** @type {InstanceType<typeof Coalescing>} */
  let coalescing
  /** @type {InstanceType<typeof Order>} */
  let order
  /** Whether the collection refuses nothing. @type {boolean} */
  let takesAnything

  beforeEach(() => {
    takesAnything = true
    sent = []
    order = new Order()
    /** @param {string} what @returns {Promise<boolean>} */
    const send = (what) =>
      new Promise((answer, fail) => {
        sent.push({ what, answer, fail })
      })
    const documents = /** @type {any} */ ({
      touch: (/** @type {string[]} */ [id], /** @type {any} */ { expires }) =>
        send(`touch ${id} ${expires.getTime()}`),
      write: (
        /** @type {string[]} */ [id],
        /** @type {string} */ payload,
        /** @type {any} */ { expires },
        /** @type {boolean} */ isUpsert
      ) => send(`${isUpsert ? 'set' : 'update'} ${id} ${payload} ${expires.getTime()}`),
    })
    const collection = {
      isOfOneWrite: (/** @type {any} */ { isLost }) => !isLost,
      takesAnything: () => takesAnything,
    }
    coalescing = new Coalescing(order, documents, collection, () => undefined)
  })

  /** @param {Partial<Write>} write @param {number} at @param {AbortSignal} [signal] */
  function ask(write, at, signal) {
    const times = { expires: new Date(at) }
    return coalescing.write(
      'a',
      ['a'],
      { isTouch: !('payload' in write), isUpsert: false, ...write, times },
      { calledMs: at, signal }
    )
  }

  const next = () => {
    const one = sent.shift()
    assert.ok(one)
    return one
  }

  test('go as one, and each hears its own answer', async () => {
    const answers = [
      ask({ payload: 'one', isUpsert: true }, 1),
      ask({}, 2),
      ask({ payload: 'two', isUpsert: true }, 3),
      ask({ payload: 'three' }, 4),
      ask({}, 5),
    ]
    const first = next()
    assert.equal(first.what, 'set a one 1')
    first.answer(false)
    await turn()
    const rest = next()
    assert.equal(rest.what, 'set a three 5')
    rest.answer(true)
    assert.deepEqual(await Promise.all(answers), [false, false, true, true, true])
    assert.equal(sent.length, 0)
  })

  test('are not passed over where something might be refused', async () => {
    takesAnything = false
    const asked = [ask({}, 1), ask({ payload: 'one' }, 2), ask({ payload: 'two' }, 3), ask({}, 4)]
    for (const what of ['touch a 1', 'update a one 2', 'update a two 4']) {
      const one = next()
      assert.equal(one.what, what)
      one.answer(true)
      await turn()
    }
    await Promise.all(asked)
  })

  test('stay apart from those behind a read', async () => {
    const read = async () => true
    const asked = [ask({}, 1), ask({}, 2), order.read('a', read), ask({}, 3)]
    next().answer(true)
    await turn()
    const second = next()
    assert.equal(second.what, 'touch a 2')
    second.answer(true)
    await turn()
    next().answer(true)
    assert.deepEqual(await Promise.all(asked), [true, true, true, true])
  })

  test('go one by one when they are refused together', async () => {
    const first = ask({}, 0)
    const asked = [ask({ payload: 'one' }, 1), ask({ payload: 'two' }, 2), ask({}, 3)]
    const settled = Promise.allSettled(asked)
    next().answer(true)
    await first
    await turn()
    next().fail(new Error('refused'))
    for (const what of ['update a one 1', 'update a two 2', 'touch a 3']) {
      await turn()
      const one = next()
      assert.equal(one.what, what)
      if (what.includes('two')) one.fail(new Error('two is refused'))
      else one.answer(true)
    }
    assert.deepEqual(
      (await settled).map((one) => (one.status === 'fulfilled' ? one.value : one.reason.message)),
      [true, 'two is refused', true]
    )
  })

  test('are not sent again when nobody knows what has become of them', async () => {
    const first = ask({}, 0)
    const settled = Promise.allSettled([ask({ payload: 'one' }, 1), ask({}, 2)])
    next().answer(true)
    await first
    await turn()
    const lost = Object.assign(new Error('lost'), { isLost: true })
    next().fail(lost)
    for (const one of await settled) assert.equal(one.status === 'rejected' && one.reason, lost)
    assert.equal(sent.length, 0)
  })

  test('are not written when their time is over before it is their turn', async () => {
    const controller = new AbortController()
    const first = ask({}, 0)
    const given = ask({ payload: 'late' }, 1, controller.signal)
    const other = ask({}, 2)
    controller.abort(new Error('too late'))
    next().answer(true)
    await first
    await assert.rejects(given, /too late/)
    await turn()
    const left = next()
    assert.equal(left.what, 'touch a 2')
    left.answer(false)
    assert.equal(await other, false)
  })
})
