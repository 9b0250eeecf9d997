// `doctor`: what it finds wrong with a real server and real sessions, and that it changes nothing.
'use strict'

const assert = require('node:assert/strict')
const { mkdirSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { MongoClient } = require('mongodb')
const { installedApp, runCli, withConfig } = require('../support/cli.js')
const { openDatabase } = require('../support/database.js')
const { SECRET } = require('../support/encryption.js')
const { startReplicaSet, startServer, withDatabase } = require('../support/server.js')
const { EARLIER, LATER, plainSession } = require('../support/sessions.js')
const { until } = require('../support/wait.js')

/**
 * @param {string} url
 * @param {object} [options] of the app
 * @param {string[]} [args]
 */
async function examine(url, options = {}, args = []) {
  const ran = await runCli(['doctor', '--json', ...args, ...withConfig({ mongoUrl: url, ...options })])
  const { findings, ...report } = ran.json
  /** @type {Map<string, any>} */
  const byCheck = new Map(findings.map((/** @type {any} */ one) => [one.check, one]))
  return { ...ran, report, findings, of: (/** @type {string} */ check) => byCheck.get(check) }
}

/** @param {any[]} findings */
const checksToDo = (findings) => findings.filter(({ advice }) => advice).map(({ check }) => check)

/** @param {any} sessions with the TTL index that a store makes */
async function hasIndex(sessions) {
  return until(() => sessions.indexExists('expires_1').catch(() => false))
}

test('there is nothing to do for a healthy collection, and nothing is changed', async (t) => {
  const replicaSet = await startReplicaSet()
  const { url, db, sessions, open } = await openDatabase(t, withDatabase(replicaSet.getUri(), 'healthy'))
  const options = {
    crypto: { secret: SECRET, format: 'sealed' },
    hashId: { secret: 'squirrel' },
    index: { user: 'user' },
  }
  const store = open(options)
  for (let index = 0; index < 30; index++) await store.set(`sid-${index}`, plainSession({ user: 'ada' }))
  await hasIndex(sessions)
  await until(async () => (await sessions.indexes()).length === 4)
  const look = async () => [
    await sessions.find().sort({ _id: 1 }).toArray(),
    await sessions.indexes(),
    await db.listCollections().toArray(),
  ]
  const before = await look()
  const { code, of, findings, report } = await examine(url, options)
  assert.deepEqual(await look(), before)
  assert.deepEqual(checksToDo(findings), [])
  assert.equal(code, 0)
  assert.equal(report.toDo, 0)
  assert.match(of('server').detail, /^MongoDB \d+\.\d+\.\d+, replica set of 1$/)
  assert.deepEqual(of('formats').detail, '30 encrypted, sealed (of 30)')
  assert.deepEqual(of('ids').detail, '30 hashed, under a secret (of 30)')
  assert.match(of('latency').detail, /^p50 .* of 100 reads/)
  assert.equal(report.sample.size, 30)
})

test('a collection that is not there is nothing wrong, and is not made', async (t) => {
  const { url, db } = await openDatabase(t)
  const { code, of } = await examine(url)
  assert.equal(code, 0)
  assert.match(of('sessions').detail, /^there is no .*\.sessions yet$/)
  assert.deepEqual(await db.listCollections().toArray(), [])
})

describe('the TTL index', () => {
  /** @type {[string, object | undefined, object, string, RegExp][]} */
  const cases = [
    ['none', undefined, {}, 'problem', /autoRemove: 'native'/],
    ['none, as is wanted', undefined, { autoRemove: 'interval' }, 'note', /./],
    ['one that removes nothing', {}, {}, 'problem', /dropIndex\('expires_1'\)/],
    ['another time', { expireAfterSeconds: 60 }, {}, 'advice', /collMod: "sessions".*expireAfterSeconds: 0 /],
    ['the grace', { expireAfterSeconds: 60 }, { expiryGrace: 60 }, 'ok', /./],
    [
      'one of some sessions only',
      { expireAfterSeconds: 0, partialFilterExpression: { expires: { $gt: EARLIER } } },
      {},
      'advice',
      /Drop it/,
    ],
    ['one that is not wanted', { expireAfterSeconds: 0 }, { autoRemove: 'disabled' }, 'advice', /dropIndex/],
  ]
  for (const [what, index, options, status, advice] of cases) {
    test(what, async (t) => {
      const { url, sessions } = await openDatabase(t)
      await sessions.insertOne({ _id: 'sid', session: '{"cookie":{}}', expires: LATER })
      if (index) await sessions.createIndex({ expires: 1 }, index)
      const finding = (await examine(url, options)).of('TTL index')
      assert.equal(finding.status, status)
      assert.match(finding.advice ?? '', status === 'problem' || status === 'advice' ? advice : /^$/)
    })
  }

  test('an index of users that is not there', async (t) => {
    const { url, sessions } = await openDatabase(t)
    await sessions.insertOne({ _id: 'sid', session: '{"cookie":{}}', expires: LATER })
    assert.match((await examine(url, { index: { user: 'user' } })).of('index').advice, /reindex/)
  })
})

describe('it says of sessions', () => {
  /** @type {[string, object, object, string, RegExp][]} stored with, looked at with, check, what to do */
  const cases = [
    [
      'that are not encrypted',
      {},
      { crypto: { secret: SECRET } },
      'formats',
      /reencrypt with acceptPlaintext/,
    ],
    [
      'in an older format',
      { crypto: { secret: SECRET } },
      { crypto: { secret: SECRET, format: 'sealed' } },
      'formats',
      /reencrypt: it stores all as encrypted, sealed/,
    ],
    [
      'under another secret',
      { crypto: { secret: 'other' } },
      { crypto: { secret: SECRET } },
      'secrets',
      /into the list crypto\.secret/,
    ],
    ['that need a secret', { crypto: { secret: SECRET } }, {}, 'secrets', /with crypto, by --config/],
    ['under plain ids', {}, { hashId: true }, 'ids', /Run connect-mongo-native hash-ids/],
    ['under hashed ids', { hashId: true }, {}, 'ids', /with hashId, by --config/],
    ['of another stringify', { stringify: false }, {}, 'sessions', /stringify/],
  ]
  for (const [what, writing, reading, check, advice] of cases) {
    test(what, async (t) => {
      const { url, open, sessions } = await openDatabase(t)
      await open(writing).set('sid', plainSession())
      await hasIndex(sessions)
      const { code, of } = await examine(url, reading)
      assert.match(of(check)?.advice ?? 'nothing', advice)
      assert.equal(code, 1)
    })
  }

  test('without an end, over 1 MB, and expired', async (t) => {
    const { url, sessions } = await openDatabase(t)
    const session = JSON.stringify(plainSession())
    await sessions.insertMany([
      { _id: 'endless', session },
      { _id: 'text', session, expires: LATER.toJSON() },
      { _id: 'large', session: JSON.stringify(plainSession({ x: 'x'.repeat(1_000_000) })), expires: LATER },
      ...Array.from({ length: 7 }, (_, index) => ({ _id: `expired-${index}`, session, expires: EARLIER })),
    ])
    const { of } = await examine(url)
    assert.match(of('expires').detail, /^2 of 10 have no date in expires/)
    assert.match(of('size').detail, /^1 of 10 are over 1 MB/)
    assert.match(of('expired').detail, /^7 have expired and are still stored/)
    assert.match(of('expired').advice, /connect-mongo-native prune/)
  })

  test('what it is told to look at, and of its prefix alone', async (t) => {
    const { url, open } = await openDatabase(t)
    await open({ prefix: 'other:', hashId: true }).set('sid', plainSession())
    for (const sid of ['a', 'b', 'c']) await open({ prefix: 'app:' }).set(sid, plainSession())
    const all = await examine(url, { prefix: 'app:' })
    assert.deepEqual(all.report.sample.ids, { plain: 3 })
    assert.equal((await examine(url, {}, ['--sample', '2'])).report.sample.size, 2)
  })
})

test('writes of which nobody hears, and those of one member', async (t) => {
  const replicaSet = await startReplicaSet()
  const { url, open } = await openDatabase(t, withDatabase(replicaSet.getUri(), 'concern'))
  await open().set('sid', plainSession())
  const statuses = []
  for (const w of [0, 1, 'majority'])
    statuses.push((await examine(url, { writeOperationOptions: { w } })).of('write concern').status)
  assert.deepEqual(statuses, ['problem', 'advice', 'ok'])
})

describe('the rights', async () => {
  const server = startServer({ auth: { enable: true, customRootName: 'root', customRootPwd: 'pw' } })

  /** @param {string} user @param {object[]} privileges */
  async function urlWith(user, privileges) {
    const { host } = new URL((await server).getUri())
    const client = await MongoClient.connect(`mongodb://root:pw@${host}/?authSource=admin`)
    const db = client.db('rights')
    await db.collection('sessions').updateOne({ _id: 'sid' }, { $set: { expires: LATER } }, { upsert: true })
    await db.command({ createRole: user, privileges, roles: [] })
    await db.command({ createUser: user, pwd: 'pw', roles: [user] })
    await client.close()
    return `mongodb://${user}:pw@${host}/rights`
  }

  const ALL = ['find', 'insert', 'update', 'remove', 'listIndexes', 'createIndex', 'collMod']

  for (const missing of ALL) {
    test(`without ${missing}`, async () => {
      const resource = { db: 'rights', collection: 'sessions' }
      const actions = ALL.filter((action) => action !== missing)
      const url = await urlWith(`without_${missing}`, [{ resource, actions }])
      const { of, code } = await examine(url, { expiryGrace: 60 })
      assert.equal(code, 1)
      assert.match(of('rights').detail, new RegExp(`^missing: ${missing} \\(to [^,]*\\)$`))
      assert.match(of('rights').advice, new RegExp(`on rights\\.sessions: ${missing}\\.$`))
    })
  }

  test('with all', async () => {
    const resource = { db: 'rights', collection: '' }
    const url = await urlWith('with_all', [{ resource, actions: ALL }])
    assert.equal((await examine(url)).of('rights').status, 'ok')
  })
})

describe('packages', () => {
  /**
   * @param {Record<string, object>} packages by their folder
   * @param {object} [app] of its package.json
   */
  function installed(packages, app = {}) {
    const { cwd, bin } = installedApp(['mongodb'])
    const write = (/** @type {string} */ folder, /** @type {object} */ manifest) => {
      mkdirSync(path.join(cwd, folder), { recursive: true })
      writeFileSync(path.join(cwd, folder, 'package.json'), JSON.stringify(manifest))
    }
    write('.', { name: 'app', ...app })
    for (const [folder, manifest] of Object.entries(packages))
      write(path.join('node_modules', folder), manifest)
    return { cwd, bin }
  }
  const real = { name: 'connect-mongo', version: '6.0.0' }
  const alias = { name: 'connect-mongo-native', version: '0.1.0' }
  const dependent = { name: 'cms', version: '1.2.3', dependencies: { 'connect-mongo': '^6.0.0' } }
  const peer = { name: '@scope/admin', version: '4.5.6', peerDependencies: { 'connect-mongo': '^5 || ^6' } }

  /** @type {[string, Record<string, object>, object, 'ok' | 'note' | 'advice', RegExp][]} */
  const cases = [
    ['none', {}, {}, 'ok', /^none that is installed/],
    [
      'one that gets this package',
      { 'connect-mongo': alias, cms: dependent, '@scope/admin': peer },
      {},
      'ok',
      /^none/,
    ],
    [
      'one with the real one of its own',
      { 'connect-mongo': alias, cms: dependent, 'cms/node_modules/connect-mongo': real },
      {},
      'advice',
      /^cms 1\.2\.3 has connect-mongo 6\.0\.0$/,
    ],
    [
      'one with the real one as a peer',
      { 'connect-mongo': real, '@scope/admin': peer },
      {},
      'advice',
      /^@scope\/admin 4\.5\.6 has connect-mongo 6\.0\.0$/,
    ],
    [
      "one in pnpm's store",
      { '.pnpm/cms@1.2.3/node_modules/cms': dependent, '.pnpm/cms@1.2.3/node_modules/connect-mongo': real },
      {},
      'advice',
      /^cms 1\.2\.3 has/,
    ],
    [
      'the app itself',
      { 'connect-mongo': real },
      { dependencies: { 'connect-mongo': '6' } },
      'note',
      /^the app itself has connect-mongo 6\.0\.0$/,
    ],
    ['one that is not installed', { cms: dependent }, {}, 'ok', /^none/],
    ['one whose manifest is none', { 'connect-mongo': alias, cms: 'no object' }, {}, 'ok', /^none/],
  ]
  for (const [what, packages, app, status, detail] of cases)
    test(`are named that have connect-mongo: ${what}`, async (t) => {
      const { url } = await openDatabase(t)
      const { json, code } = await runCli(['doctor', '--json'], {
        ...installed(packages, app),
        env: { MONGO_URL: url },
      })
      const finding = json.findings.find((/** @type {any} */ { check }) => check === 'packages')
      assert.equal(finding.status, status)
      assert.match(finding.detail, detail)
      assert.equal(code, status === 'advice' ? 1 : 0)
      if (status === 'advice') assert.match(finding.advice, /overrides, pnpm\.overrides or resolutions/)
    })
})
