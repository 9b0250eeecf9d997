// store.stats(): what a store has done so far, and what goes on now.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { ids, occupy } = require('../support/calls.js')
const { openDatabase } = require('../support/database.js')
const { SECRET } = require('../support/encryption.js')
const { startReplicaSet, startServer } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { promised, until } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

const server = startServer()
const replicaSet = startReplicaSet()

/** @param {{ bounds: number[], counts: number[], sum: number }} histogram */
const countOf = ({ counts }) => counts.reduce((sum, count) => sum + count, 0)

for (const backend of BACKENDS) {
  describe(`stats over ${backend}`, () => {
    test('count the operations, failures among them, and how long they took', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend })
      assert.deepEqual(store.stats().operations, {})
      await store.set('sid', plainSession())
      await store.get('sid')
      await promised(store, 'get', 'missing')
      await store.get(/** @type {any} */ (7)).catch(() => {})
      await promised(store, 'length')
      const { backend: named, operations, pending } = store.stats()
      assert.equal(named, backend)
      assert.equal(pending, 0)
      assert.deepEqual(Object.keys(operations), ['set', 'get', 'length'])
      const { count, failed, latencyMs } = operations.get
      assert.deepEqual({ count, failed }, { count: 3, failed: 1 })
      assert.equal(countOf(latencyMs), 3)
      assert.equal(latencyMs.counts.length, latencyMs.bounds.length + 1)
      assert.ok(latencyMs.sum > 0)
      assert.deepEqual(
        latencyMs.bounds,
        latencyMs.bounds.toSorted((one, other) => one - other)
      )
    })

    test('count the commands, by how many statements they have', async (t) => {
      const { open } = await openDatabase(t)
      const store = open({ backend })
      await store.ping()
      const before = store.stats().commands.update?.count ?? 0
      await Promise.all(ids(200).map((sid) => store.set(sid, plainSession())))
      const { count, statements } = store.stats().commands.update
      assert.equal(statements.sum, 200)
      assert.equal(countOf(statements), count)
      assert.ok(count - before < 100, 'most of them share a command')
      assert.equal(statements.counts.length, statements.bounds.length + 1)
    })

    test('show what waits, what is under way, and the connections that have it', async (t) => {
      const { open, wire } = await openBehindWire(t, await server)
      const store = open({ backend })
      const release = await occupy(wire, 'find', (sid) => store.get(sid))
      const gets = Promise.all(ids(5).map((sid) => store.get(sid)))
      const { pending, queue, pool } = await until(async () => {
        const stats = store.stats()
        return stats.queue.underWay > 0 && stats
      })
      assert.equal(pending, 7)
      assert.ok(queue.underWay >= 1)
      assert.ok(pool && pool.inUse >= 1 && pool.open >= pool.inUse && pool.waiting === 0)
      await Promise.all([release(), gets])
      const idle = await until(async () => {
        const stats = store.stats()
        return stats.queue.underWay === 0 && stats.pool?.inUse === 0 && stats
      })
      assert.deepEqual([idle.pending, idle.queue.waiting], [0, 0])
    })

    test('count what is sent again', async (t) => {
      const { open, wire } = await openBehindWire(t, await replicaSet)
      const store = open({ backend })
      await store.ping()
      const before = store.stats().retries
      wire.loseNext('update', 'reply')
      await store.set('sid', plainSession())
      const { retries } = store.stats()
      // The JavaScript driver does not tell.
      if (backend === 'driver') assert.equal(retries, undefined)
      else assert.equal(Number(retries) - Number(before), 1)
    })

    test('tell how many derived keys are at hand', async (t) => {
      const { open } = await openDatabase(t)
      assert.equal(open({ backend }).stats().keys, undefined)
      const store = open({ backend, crypto: { secret: SECRET } })
      assert.deepEqual(store.stats().keys, { remembered: 0 })
      await store.ping()
      await Promise.all(ids(50).map((sid) => store.set(sid, plainSession())))
      assert.deepEqual(store.stats().keys, { remembered: 1 })
    })

    test('can be had without a server, and of a store that is closed', async (t) => {
      const { open } = await openDatabase(t)
      const away = open({ backend, mongoUrl: 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100' })
      await assert.rejects(away.get('sid'))
      const { operations, queue } = away.stats()
      assert.equal(operations.get.failed, 1)
      assert.equal(queue.waiting, 0)
      await away.close()
      assert.equal(away.stats().operations.get.count, 1)
      assert.deepEqual(away.stats().queue, { waiting: 0, underWay: 0 })
    })
  })
}
