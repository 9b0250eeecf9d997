// Sessions of a user that are ended while they are used, in stores that know nothing of each other, as two processes: none that was
// there before survives, and none comes back. What the callers were told must be possible in some order.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { outcomeOf } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')
const { describe: described, findViolation } = require('../support/history.js')
const { randomNumbers } = require('../support/random.js')
const { startReplicaSet, startServer } = require('../support/server.js')
const { LATER, plainSession } = require('../support/sessions.js')

/** @typedef {import('../support/history.js').Operation} Operation */
/** @typedef {InstanceType<typeof import('../..')>} Store */

/** Set RANDOM_SEED to repeat a failure. */
const seed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 32))
const ROUNDS = 40
const USERS = 2
const SESSIONS_OF_A_USER = 4
const CLIENTS = 8
const STEPS_OF_A_CLIENT = 12

class Histories {
  #clock = 0
  #values = 0
  /** @type {Map<string, Operation[]>} */
  bySid = new Map()

  nextValue() {
    return `value ${++this.#values}`
  }

  /**
   * @template T
   * @param {string[]} sids that it is about
   * @param {Omit<Operation, 'start'>} about
   * @param {() => Promise<T>} act
   * @param {(answer: T) => Operation['told']} told
   */
  async note(sids, about, act, told) {
    const operation = /** @type {Operation} */ ({ ...about, start: ++this.#clock })
    for (const sid of sids) this.bySid.set(sid, [...(this.bySid.get(sid) ?? []), operation])
    const answer = await act()
    operation.told = told(answer)
    operation.end = ++this.#clock
    return answer
  }
}

/** @param {Histories} histories @param {Store[]} stores @param {() => number} random @param {number} round */
function clientOf(histories, stores, random, round) {
  const pick = (/** @type {number} */ count) => Math.floor(random() * count)
  const sidsOf = (/** @type {number} */ user) =>
    Array.from({ length: SESSIONS_OF_A_USER }, (_, index) => `${round}-${user}-${index}`)
  const expires = LATER.getTime()

  /** @param {Store} store @param {string} sid @param {any} session @param {string} value @param {boolean} isLoaded */
  const save = (store, sid, session, value, isLoaded) =>
    histories.note(
      [sid],
      { method: 'set', value, isLoaded, expires },
      () => outcomeOf(store, 'set', [sid, session]),
      ({ event }) => event
    )

  /** @param {Store} store @param {string} sid */
  async function loadAndSave(store, sid) {
    const { answer: found } = await histories.note(
      [sid],
      { method: 'get' },
      () => outcomeOf(store, 'get', [sid]),
      ({ answer }) => answer && { value: answer.value }
    )
    if (!found) return
    const session = store.createSession({ sessionID: sid }, found)
    // Long enough for somebody to end it.
    await new Promise((resolve) => setTimeout(resolve, random() * 4))
    const value = histories.nextValue()
    await save(store, sid, Object.assign(session, { value }), value, true)
  }

  return async () => {
    for (let step = 0; step < STEPS_OF_A_CLIENT; step++) {
      const store = stores[pick(stores.length)]
      const user = pick(USERS)
      const sids = sidsOf(user)
      const sid = sids[pick(sids.length)]
      const what = random()
      if (what < 0.15) {
        const endAll = async () => store.destroyAll({ userId: user })
        await histories.note(sids, { method: 'destroy' }, endAll, () => undefined)
      } else if (what < 0.35) {
        const value = histories.nextValue()
        await save(store, sid, plainSession({ user, value }), value, false)
      } else {
        await loadAndSave(store, sid)
      }
    }
  }
}

/** @type {[string, Promise<{ getUri(): string }>][]} */
const SERVERS = [
  ['a standalone server', startServer()],
  ['a replica set', startReplicaSet()],
]

for (const [name, server] of SERVERS) {
  test(`sessions of users that are ended under load, on ${name}, have a legal history`, async (t) => {
    const { open } = await openDatabase(
      t,
      `${(await server).getUri().replace(/\/(\?|$)/, '/users_under_load$1')}`
    )
    const options = { index: { userId: 'user' }, autoRemove: 'disabled' }
    const stores = [...BACKENDS, ...BACKENDS].map((backend) => open({ backend, ...options }))
    const random = randomNumbers(seed)
    for (let round = 0; round < ROUNDS; round++) {
      const histories = new Histories()
      const clients = Array.from({ length: CLIENTS }, () => clientOf(histories, stores, random, round))
      await Promise.all(clients.map((client) => client()))
      for (const [sid, history] of histories.bySid) {
        const violation = findViolation(history)
        const report = violation?.open.map(described).join('\n')
        assert.ok(
          !violation,
          `RANDOM_SEED=${seed}, session ${sid}: impossible\n${report}\nof\n${history.map(described).join('\n')}`
        )
      }
      // Nothing of a user survives what ends it when all is quiet.
      await Promise.all([0, 1].map((user) => stores[user].destroyAll({ userId: user })))
      assert.deepEqual(await Promise.all([0, 1].map((user) => stores[0].count({ userId: user }))), [0, 0])
    }
  })
}
