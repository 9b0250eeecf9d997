// What the store knows of its servers, as the driver's monitors see them: nothing of it is asked, and it is learnt anew.
'use strict'

const assert = require('node:assert/strict')
const { mkdtemp, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { describe, test } = require('node:test')
const { MongoClient } = require('mongodb')
const { freePort } = require('../../scripts/free-port.js')
const { LATER, plainSession } = require('../support/sessions.js')
const { startReplicaSet, startServer } = require('../support/server.js')
const { until } = require('../support/wait.js')
const { openBehindWire } = require('../support/wire.js')

const ATTENTIVE = '&heartbeatFrequencyMS=500'

/** @param {number} port */
async function initiate(port) {
  const client = await MongoClient.connect(`mongodb://127.0.0.1:${port}/?directConnection=true`)
  const admin = client.db('admin')
  const config = { _id: 'rs', members: [{ _id: 0, host: `127.0.0.1:${port}` }] }
  await admin.command({ replSetInitiate: config })
  await until(async () => (await admin.command({ hello: 1 })).isWritablePrimary)
  await client.close()
}

/** @param {{ set(sid: string, session: any): Promise<void> }} store */
const saved = (store) =>
  until(() =>
    store.set('sid', plainSession(LATER)).then(
      () => true,
      () => false
    )
  )

describe('a deployment', () => {
  test('that becomes a replica set, and a standalone server again, is known without a restart', async (t) => {
    const dbPath = await mkdtemp(path.join(tmpdir(), 'connect-mongo-native-'))
    t.after(() => rm(dbPath, { recursive: true, force: true }))
    const port = await freePort()
    let server = await startServer({ port, dbPath })
    const { open, wire } = await openBehindWire(t, server, ATTENTIVE)
    const store = open()
    await saved(store)
    /** @param {string[]} args */
    const restart = async (args) => {
      await server.stop({ doCleanup: false })
      server = await startServer({ port, dbPath, args })
      if (args.length > 0) await initiate(port)
      wire.commands.length = 0
      await saved(store)
      return wire.sent('update').at(-1)?.body.txnNumber !== undefined
    }
    assert.equal(wire.sent('update')[0].body.txnNumber, undefined)
    assert.equal(await restart(['--replSet', 'rs']), true)
    assert.equal(await restart([]), false)
  })

  for (const query of ['', '&retryWrites=false']) {
    test(`is asked nothing by the store itself${query && ' with retryWrites=false'}`, async (t) => {
      const { open, wire } = await openBehindWire(t, await startReplicaSet(), query)
      const store = open()
      await saved(store)
      await store.get('sid')
      const names = new Set(wire.commands.map(({ name }) => name))
      assert.deepEqual([...names].sort(), ['find', 'update'])
    })
  }

  for (const errorCode of [301]) {
    test(`that refuses transaction numbers gets the command again without one: ${errorCode}`, async (t) => {
      const server = await startReplicaSet({ args: ['--setParameter', 'enableTestCommands=1'] })
      const { open, wire, db } = await openBehindWire(t, server, `&appName=numbers${errorCode}`)
      const store = open()
      await store.get('sid')
      await db.client.db('admin').command({
        configureFailPoint: 'failCommand',
        mode: { times: 1 },
        data: { failCommands: ['update'], errorCode, appName: `numbers${errorCode}` },
      })
      await store.set('sid', plainSession(LATER))
      await store.set('sid', plainSession(LATER))
      const numbers = wire.sent('update').map(({ body }) => body.txnNumber !== undefined)
      // The fail point has no such words in its message as a server has for code 20.
      assert.deepEqual(numbers, [true, false, false])
    })
  }
})
