// `bench`: it measures both stores in a collection of its own, which is gone afterwards.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { installedApp, runCli, startCli } = require('../support/cli.js')
const { openDatabase } = require('../support/database.js')
const { plainSession } = require('../support/sessions.js')
const { until } = require('../support/wait.js')

const SHORT = ['bench', '--seconds', '0.02', '--at-once', '4']

/** @param {import('mongodb').Db} db */
const collectionsIn = async (db) => (await db.listCollections().toArray()).map(({ name }) => name)

test('it measures this store and connect-mongo, and leaves nothing', async (t) => {
  const { url, db, open, sessions } = await openDatabase(t)
  await open().set('sid', plainSession())
  const { code, json, stderr } = await runCli([...SHORT, '--json', '--url', url])
  assert.equal(code, 0, stderr)
  const rows = json.measurements.map((/** @type {any} */ one) => [
    one.operation,
    one.atOnce,
    one.store.split(' ')[0],
  ])
  const expected = [1, 4].flatMap((atOnce) =>
    ['get', 'set', 'touch'].flatMap((operation) =>
      ['connect-mongo-native', 'connect-mongo'].map((store) => [operation, atOnce, store])
    )
  )
  assert.deepEqual(rows, expected)
  for (const { perSecond, p50Ms, p99Ms } of json.measurements)
    assert.ok(perSecond > 0 && p99Ms >= p50Ms && p50Ms > 0)
  assert.deepEqual(await collectionsIn(db), ['sessions'])
  assert.equal(await sessions.countDocuments(), 1)
})

test('it does without connect-mongo, and draws a table', async (t) => {
  const { url } = await openDatabase(t)
  const { code, stdout } = await runCli([...SHORT, '--url', url], installedApp(['mongodb']))
  assert.equal(code, 0)
  assert.match(stdout, /^get +1 +connect-mongo-native \(\w+\) +[\d,]+ +\d+\.\d\d/m)
  assert.doesNotMatch(stdout, /connect-mongo /)
})

test('it leaves nothing after Ctrl-C either', async (t) => {
  const { url, db } = await openDatabase(t)
  const { child, ended } = startCli(['bench', '--seconds', '60', '--url', url])
  await until(async () => (await collectionsIn(db)).some((name) => name.startsWith('sessions_bench_')))
  child.kill('SIGINT')
  assert.equal((await ended).code, 1)
  assert.deepEqual(await collectionsIn(db), [])
})
