// The event loop has its turn while answers come: others wait for it, too.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { ids } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')

const AT_ONCE = 1_500
const CALLS = 30_000
/** Far fewer than come while one that gets its answer asks again. */
const MOST_A_TURN = 2_000

/** Counts what is called back between two turns of the event loop. */
function countTurns() {
  const counted = { most: 0, turns: 0 }
  let count = 0
  let isOver = false
  const turn = () => {
    counted.most = Math.max(counted.most, count)
    counted.turns++
    count = 0
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const end = () => {
    isOver = true
    turn()
    return counted
  }
  return { add: () => count++, end }
}

/** @param {number} atOnce @param {number} calls @param {(done: (error: any) => void, call: number) => void} ask */
function keepAsking(atOnce, calls, ask) {
  let started = 0
  let finished = 0
  return new Promise((resolve, reject) => {
    const next = () => {
      if (started === calls) return
      ask((error) => {
        if (error) return reject(error)
        if (++finished === calls) resolve(undefined)
        else next()
      }, started++)
    }
    for (let one = 0; one < atOnce; one++) next()
  })
}

for (const backend of BACKENDS) {
  describe(`the event loop goes on, on the ${backend} backend,`, () => {
    test('while whoever gets an answer asks again', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend })
      const sids = ids(500)
      await Promise.all(sids.map((sid) => store.set(sid, { n: 1 })))
      const turns = countTurns()
      await keepAsking(AT_ONCE, CALLS, (done, call) =>
        store.get(sids[call % sids.length], (error) => {
          turns.add()
          done(error)
        })
      )
      const { most } = turns.end()
      assert.ok(most <= MOST_A_TURN, `${most} answers in one turn`)
    })

    test('between large sessions', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend })
      const sids = ids(8)
      const items = Array.from({ length: 40_000 }, (_, id) => ({ id, name: 'lorem ipsum' }))
      for (const sid of sids) await store.set(sid, { items })
      await Promise.all(sids.map((sid) => store.get(sid)))
      const turns = countTurns()
      await keepAsking(sids.length, 4 * sids.length, (done, call) =>
        store.get(sids[call % sids.length], (error, session) => {
          turns.add()
          assert.equal(session.items.length, items.length)
          done(error)
        })
      )
      const { most } = turns.end()
      assert.ok(most <= 2, `${most} large sessions in one turn`)
    })
  })
}
