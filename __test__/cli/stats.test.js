// `stats`: what it counts, of real sessions.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { Tally } = require('../../cli/lib/tally.js')
const { runCli, withConfig } = require('../support/cli.js')
const { openDatabase, profile } = require('../support/database.js')
const { SECRET } = require('../support/encryption.js')
const { startReplicaSet, withDatabase } = require('../support/server.js')
const { fromNow, plainSession } = require('../support/sessions.js')

const HOUR_MS = 3_600_000

/** @param {object} options @param {string[]} args */
async function statsOf(options, ...args) {
  const { code, json, stderr } = await runCli(['stats', '--json', ...args, ...withConfig(options)])
  assert.equal(code, 0, stderr)
  return json
}

test('it counts by end, age, size, format, id and user', async (t) => {
  const { url, sessions, open } = await openDatabase(t)
  const indexed = { mongoUrl: url, index: { user: 'user', tenant: 'tenant' } }
  // The server would remove what has expired.
  const kept = { ...indexed, autoRemove: 'disabled' }
  const store = open(kept)
  for (let index = 0; index < 6; index++)
    await store.set(`sid-${index}`, plainSession({ user: index < 4 ? 'ada' : 'bob' }))
  await open({
    ...indexed,
    crypto: { secret: SECRET, format: 'sealed' },
    hashId: true,
    indexSecret: 'x',
  }).set('sid', plainSession({ user: 'ada' }))
  await sessions.updateMany(
    {},
    { $set: { expires: fromNow(2 * HOUR_MS), createdAt: fromNow(-30 * HOUR_MS) } }
  )
  await sessions.insertMany([
    { _id: 'expired', session: '{}', expires: fromNow(-HOUR_MS) },
    { _id: 'endless', session: `{"x":"${'x'.repeat(20_000)}"}` },
    { _id: 7, session: { cookie: {} }, expires: fromNow(8 * 24 * HOUR_MS) },
  ])
  const report = await statsOf(indexed)
  const { total, live, expired, withoutExpires, withoutCreatedAt, formats, ids } = report
  assert.deepEqual(
    { total, live, expired, withoutExpires, withoutCreatedAt },
    { total: 10, live: 9, expired: 1, withoutExpires: 1, withoutCreatedAt: 2 }
  )
  assert.deepEqual(formats, { plain: 8, sealed: 1, document: 1 })
  assert.deepEqual(ids, { plain: 8, hash: 1, 'not-text': 1 })
  assert.deepEqual(report.endsIn, [
    ['up to 1 hour', 0],
    ['up to 6 hours', 7],
    ['up to 1 day', 0],
    ['up to 7 days', 0],
    ['up to 14 days', 1],
  ])
  assert.deepEqual(report.ages.at(-1), ['up to 7 days', 7])
  assert.deepEqual(report.sizes.at(-1), ['up to 30 kB', 1])
  const { bytes } = (
    await sessions.aggregate([{ $group: { _id: null, bytes: { $sum: { $bsonSize: '$$ROOT' } } } }]).toArray()
  )[0]
  assert.equal(report.bytes.total, bytes)
  assert.ok(report.bytes.p50 < 1000 && report.bytes.largest > 20_000)
  assert.equal(report.users[1].values, 0)
  const [{ key, values, most }] = report.users
  // The hash of a value is a value of its own here: these options have no secret.
  assert.deepEqual(
    { key, values, sessions: report.users[0].sessions },
    { key: 'user', values: 3, sessions: 7 }
  )
  assert.deepEqual(most.slice(0, 2), [
    { value: 'ada', sessions: 4 },
    { value: 'bob', sessions: 2 },
  ])
  assert.equal((await statsOf(indexed, '--top', '1')).users[0].most.length, 1)
})

test('it asks the server for no session', async (t) => {
  const { url, db, open } = await openDatabase(t)
  await open().set('sid', plainSession({ secret: 'squirrel'.repeat(10) }))
  const { reads } = await profile(db)
  await statsOf({ mongoUrl: url })
  const [{ command, responseLength }] = (await reads()).filter(({ command }) => command.aggregate)
  assert.ok(command.pipeline.some((/** @type {object} */ stage) => '$project' in stage))
  assert.ok(responseLength < 400, String(responseLength))
})

test('it counts nothing where there is nothing', async (t) => {
  const { url } = await openDatabase(t)
  const { code, stdout } = await runCli(['stats', '--url', url])
  assert.equal(code, 0)
  assert.match(stdout, /^sessions +0\n/m)
  assert.doesNotMatch(stdout, /NaN|undefined|Infinity/)
})

test('it reads the sessions of a prefix alone, from the members it is told', async (t) => {
  const replicaSet = await startReplicaSet({ count: 2 })
  const { url, open, db } = await openDatabase(t, withDatabase(replicaSet.getUri(), 'members'))
  await open({ prefix: 'app:' }).set('a', plainSession())
  await open({ prefix: 'other:' }).set('b', plainSession())
  const majority = { writeConcern: { w: 2 } }
  await db.collection('barrier').insertOne({}, majority)
  const secondary = ['--read-preference', 'secondary']
  assert.equal((await statsOf({ mongoUrl: url }, ...secondary)).total, 2)
  assert.equal((await statsOf({ mongoUrl: url, prefix: 'app:' }, ...secondary)).total, 1)
})

test('percentiles are right to 2 %, and of a million sessions nothing is kept', () => {
  const tally = new Tally(new Date())
  const expires = fromNow(HOUR_MS)
  for (let bytes = 1; bytes <= 100_000; bytes++)
    tally.add({ format: 'plain', idKind: 'plain', bytes, expires })
  const { p50, p99, mean, largest } = tally.report().bytes
  assert.ok(Math.abs(p50 / 50_000 - 1) < 0.02, String(p50))
  assert.ok(Math.abs(p99 / 99_000 - 1) < 0.02, String(p99))
  assert.deepEqual({ mean, largest }, { mean: 50_001, largest: 100_000 })
})
