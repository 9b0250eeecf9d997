// An answer is that of the write itself, whatever others do to the session before the reply has arrived.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { ids, outcomeOf } = require('../support/calls.js')
const { plainSession, storedSession } = require('../support/sessions.js')
const { startReplicaSet, startServer } = require('../support/server.js')
const { until } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

const CALLS = 60
const SERVERS = { 'a standalone server': startServer(), 'a replica set': startReplicaSet() }

/** @typedef {Awaited<ReturnType<typeof openBehindWire>>} Database */

/** @param {Database['wire']} wire the updates that the server has answered */
function updated(wire) {
  return wire.sent('update').filter(({ isAnswered }) => isAnswered)
}

for (const [name, started] of Object.entries(SERVERS)) {
  for (const backend of BACKENDS) {
    describe(`on ${name}, on the ${backend} backend`, () => {
      test('what others change before the reply is there turns no answer', async (t) => {
        const { open, sessions, wire } = await openBehindWire(t, await started)
        const store = open({ backend })
        const all = ids(CALLS)
        await Promise.all(all.map((sid) => store.set(sid, plainSession({ n: 0 }))))
        const loaded = await Promise.all(
          all.map(async (sid) => store.createSession({ sessionID: sid }, await store.get(sid)))
        )
        const [there, gone] = [0, 1].map((half) => all.filter((_, index) => index % 2 === half))
        await sessions.deleteMany({ _id: { $in: gone } })

        const release = wire.hold('update')
        wire.commands.length = 0
        const calls = all.map((sid, index) =>
          index % 4 < 2
            ? outcomeOf(store, 'touch', [sid, plainSession()])
            : outcomeOf(store, 'set', [sid, Object.assign(loaded[index], { n: 1 })])
        )
        await until(() => {
          const answered = updated(wire)
          // One that is on its way may be done before or after what others change.
          if (answered.length < wire.sent('update').length) return false
          const areTogether = answered.some(({ sids }) => sids.length > 1)
          // Others leave together when one has returned.
          if (!areTogether) wire.passOne('update')
          return areTogether
        })
        const done = new Set(updated(wire).flatMap(({ sids }) => sids))
        await sessions.deleteMany({ _id: { $in: there } })
        await sessions.insertMany(gone.map((sid) => storedSession(sid)))
        release()

        const told = await Promise.all(calls)
        const expected = all.map((sid, index) => {
          const isFound = there.includes(sid) === done.has(sid)
          return index % 4 < 2 ? (isFound ? 'touch' : 'touch-missed') : isFound ? 'update' : 'set-refused'
        })
        assert.deepEqual(
          told.map(({ event }, index) => `${all[index]} ${event}`),
          all.map((sid, index) => `${sid} ${expected[index]}`)
        )
      })
    })
  }
}

for (const backend of BACKENDS) {
  test(`what was done and is not acknowledged as asked is not done again, on the ${backend} backend`, async (t) => {
    const { open, wire } = await openBehindWire(t, await SERVERS['a replica set'])
    const [store, other] = [
      open({ backend, writeOperationOptions: { w: 2, wtimeout: 200 } }),
      open({ backend }),
    ]
    const all = ids(CALLS)
    const there = all.filter((_, index) => index % 3 !== 0)
    await Promise.all(there.map((sid) => other.set(sid, plainSession())))
    wire.commands.length = 0
    const calls = all.map((sid, index) =>
      index % 2 === 0 ? store.touch(sid, plainSession()) : store.set(sid, plainSession({ n: 1 }))
    )
    for (const call of calls) await assert.rejects(call, { name: 'MongoWriteConcernError' })
    const written = wire.sent('update').flatMap(({ sids }) => sids)
    assert.deepEqual(written.sort(), all.toSorted())
  })
}
