// Runs of `migrate`: with the app's own options, ended before they are over, beside an app that goes on, and refused.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { Connection } = require('../../cli/lib/connection.js')
const { openOwn } = require('../../cli/lib/migrate/own.js')
const { requireStore } = require('../../cli/lib/packages.js')
const { BACKENDS } = require('../support/backends.js')
const { installedApp, withConfig } = require('../support/cli.js')
const { openDatabase } = require('../support/database.js')
const { startRedis, unlessInstalled } = require('../support/foreign-servers.js')
const { openMongodb, openPostgres, openRedis, postgresServer } = require('../support/foreign-stores.js')
const { jsonOf, migrate, report, startMigrate } = require('../support/migrate.js')
const { LATER, eventually, expressSession, fromNow, plainSession } = require('../support/sessions.js')

/** @param {import('node:test').TestContext} t */
async function openWithMongodb(t) {
  const foreign = await openMongodb()
  t.after(() => foreign.close())
  return { foreign, ...(await openDatabase(t)) }
}

test("the app's options are those of what is written: encryption, hashed ids, index, a prefix", async (t) => {
  const { foreign, url, sessions, open } = await openWithMongodb(t)
  const options = {
    crypto: { secret: 'of-the-sessions' },
    hashId: { secret: 'of-the-ids' },
    index: { userId: 'user' },
    maxPerUser: { userId: 1 },
    prefix: 'app:',
  }
  for (const sid of ['one', 'two']) await foreign.set(sid, expressSession({ user: 'ann' }))
  const config = withConfig({ mongoUrl: url, ...options })
  const { written } = await report([...config, '--from', foreign.url, ...foreign.flags])
  assert.equal(written, 2)
  const store = open(options)
  assert.equal((await store.get('one'))?.user, 'ann')
  // More than are allowed to log in: nobody is logged out.
  assert.equal(await store.count({ userId: 'ann' }), 2)
  for (const { _id, session } of await sessions.find().toArray()) {
    assert.match(_id, /^app:hmac-sha256:/)
    assert.doesNotMatch(JSON.stringify(session), /ann/)
  }
  assert.equal((await report([...config, '--from', foreign.url, ...foreign.flags])).written, 0)

  const out = await migrate([...config, '--to', foreign.url, ...foreign.flags])
  assert.equal(out.code, 1)
  assert.match(out.stderr, /With hashId the session ids are not in the database/)
})

test('encrypted sessions are carried out as they were', async (t) => {
  const { foreign, url, sessions, open } = await openWithMongodb(t)
  const options = { crypto: { secret: 'of-the-sessions' }, prefix: 'app:' }
  await open(options).set('one', expressSession({ user: 'ann' }))
  await open({ prefix: 'others:' }).set('not-of-this-app', expressSession())
  await sessions.insertOne({ _id: 'app:spoilt', session: 'no ciphertext', expires: LATER })
  const config = withConfig({ mongoUrl: url, ...options })
  const run = await migrate([...config, '--to', foreign.url, ...foreign.flags, '--json'])
  assert.equal(run.code, 1)
  const { read, written, unreadable } = run.json
  assert.deepEqual({ read, written, unreadable }, { read: 2, written: 1, unreadable: 1 })
  assert.equal((await foreign.get('one'))?.user, 'ann')
})

test('types that JSON lacks are named, and kept where documents are', async (t) => {
  const { foreign, url, sessions } = await openWithMongodb(t)
  const date = new Date('2020-01-02T03:04:05.678Z')
  await foreign.set('one', expressSession({ date, deep: [{ bytes: Buffer.from('abc') }] }))
  const from = ['--from', foreign.url, ...foreign.flags]
  assert.deepEqual((await report(['--url', url, ...from])).typesLost, { Date: 1, Binary: 1 })
  await sessions.deleteMany({})
  const config = withConfig({ mongoUrl: url, stringify: false })
  assert.deepEqual((await report([...config, ...from])).typesLost, {})
  assert.deepEqual((await sessions.findOne({ _id: 'one' })).session.date, date)
})

test('a dry run counts, and changes nothing', async (t) => {
  const { foreign, url, db, open } = await openWithMongodb(t)
  await foreign.set('of-the-others', expressSession())
  const options = [...withConfig({ mongoUrl: url, index: { userId: 'user' } }), ...foreign.flags, '--dry-run']
  assert.equal((await report([...options, '--from', foreign.url])).written, 1)
  assert.deepEqual(await db.listCollections().toArray(), [])
  await open().set('of-this-one', expressSession())
  assert.equal((await report([...options, '--to', foreign.url])).written, 1)
  assert.equal(await foreign.endOf('of-this-one'), undefined)
})

test('sessions that were last used before --since are left', async (t) => {
  const { foreign, url, sessions } = await openWithMongodb(t)
  const usedAgo = (/** @type {number} */ minutes) => {
    const session = expressSession()
    session.cookie.expires = fromNow((60 - minutes) * 60_000)
    session.cookie.originalMaxAge = 3_600_000
    return session
  }
  await foreign.set('used-before', usedAgo(30))
  await foreign.set('used-since', usedAgo(10))
  const ofBrowser = expressSession()
  ofBrowser.cookie.expires = null
  await foreign.set('of-a-browser', ofBrowser)
  const endsEarly = usedAgo(-1000)
  endsEarly.cookie.originalMaxAge = 86_400_000
  await foreign.set('ends-before-its-cookie', endsEarly)
  await foreign.setEnd('ends-before-its-cookie', fromNow(60_000))
  const since = ['--since', fromNow(-20 * 60_000).toISOString()]
  const from = ['--url', url, '--from', foreign.url, ...foreign.flags, ...since]
  const { unused } = await report([...from, '--ttl', String(14 * 86_400 + 3600)])
  assert.equal(unused, 2)
  assert.deepEqual((await sessions.distinct('_id')).sort(), ['ends-before-its-cookie', 'used-since'])
  // Nobody has said when it was used.
  await report(from)
  assert.ok(await sessions.findOne({ _id: 'of-a-browser' }))
})

for (const backend of BACKENDS) {
  test(`what an app saves while an older session is written stays (${backend})`, async (t) => {
    const { url, open } = await openDatabase(t)
    const store = open({ autoRemove: 'disabled' })
    const connection = new Connection({ mongoUrl: url, backend }, requireStore())
    t.after(() => connection.close())
    const target = await openOwn(connection, true)
    const endingIn = (/** @type {number} */ hours, /** @type {object} */ data) => {
      const session = plainSession(data)
      session.cookie.expires = fromNow(hours * 3_600_000).toISOString()
      return session
    }
    for (let round = 0; round < 100; round++) {
      const sid = `session-${round}`
      await store.set(sid, endingIn(1, { of: 'the first pass' }))
      const [endThereMs] = (await target.endsOf([sid])).values()
      const session = endingIn(2, { of: 'the second pass' })
      const endMs = new Date(session.cookie.expires).getTime()
      const save = () => store.set(sid, endingIn(3, { of: 'the app' }))
      const write = () => target.write([{ sid, session, endMs, endThereMs }], false)
      const [first, second] = round % 2 === 0 ? [write, save] : [save, write]
      const started = first()
      // At another moment each time.
      for (let turn = 0; turn < round % 25; turn++) await new Promise(setImmediate)
      await Promise.all([started, second()])
      assert.equal((await store.get(sid))?.of, 'the app')
    }
  })
}

test('a session that ended here while it was to be replaced stays ended', async (t) => {
  const { url, open } = await openDatabase(t)
  const store = open({ autoRemove: 'disabled' })
  const connection = new Connection({ mongoUrl: url }, requireStore())
  t.after(() => connection.close())
  const target = await openOwn(connection, true)
  await store.set('one', plainSession())
  await store.destroy('one')
  const carried = { sid: 'one', session: plainSession(), endMs: LATER.getTime(), endThereMs: Date.now() }
  assert.equal(await target.write([carried], false), 0)
  assert.equal(await store.get('one'), null)
})

test('a session that the target refuses is named, and the others are carried', async (t) => {
  const { foreign, url, db, open } = await openWithMongodb(t)
  await db.createCollection('sessions', { validator: { _id: { $ne: 'refused-here' } } })
  for (const sid of ['good', 'refused-here']) await foreign.set(sid, expressSession())
  const run = await migrate(['--url', url, '--from', foreign.url, ...foreign.flags, '--json'])
  assert.equal(run.code, 1)
  assert.deepEqual({ written: run.json.written, refused: run.json.refused }, { written: 1, refused: 1 })
  assert.doesNotMatch(run.stdout, /refused-here/)
  assert.ok(await open().get('good'))
})

describe('from a store with many sessions:', { skip: unlessInstalled('postgres') }, () => {
  const COUNT = 8_000

  /** @param {import('node:test').TestContext} t */
  async function openFull(t) {
    const { Pool } = require('pg')
    const foreign = await openPostgres({ hasUsualNames: true })
    const { url: postgresUrl } = await postgresServer()
    const pool = new Pool({ connectionString: postgresUrl })
    t.after(() => Promise.all([foreign.close(), pool.end()]))
    await pool.query(
      "INSERT INTO session SELECT md5(n::text), $1, now() + interval '1 day' FROM generate_series(1, $2::int) AS n",
      [JSON.stringify(plainSession()), COUNT]
    )
    const database = await openDatabase(t)
    return { ...database, pool, args: ['--url', database.url, '--from', foreign.url, '--json'] }
  }

  test('Ctrl-C ends a run cleanly, and --resume goes on from there', async (t) => {
    const { sessions, args } = await openFull(t)
    const { child, ended } = startMigrate(args)
    await eventually(() => sessions.estimatedDocumentCount())
    child.kill('SIGINT')
    const { code, json: first } = await ended
    assert.equal(code, 1)
    assert.equal(first.done, false)
    assert.match(first.resume, /^[0-9a-f]{4}$/)
    const carried = await sessions.countDocuments()
    assert.equal(first.written, carried)
    const { read, kept } = await report([...args.slice(0, -1), '--resume', first.resume])
    assert.ok(read < COUNT)
    assert.ok(kept < carried)
    assert.equal(await sessions.countDocuments(), COUNT)
  })

  test('a run that its source ends says how to go on', async (t) => {
    const { pool, sessions, args } = await openFull(t)
    const { ended } = startMigrate(args)
    await eventually(() => sessions.estimatedDocumentCount())
    await pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%ORDER BY sid%' AND pid <> pg_backend_pid()"
    )
    const { code, json } = await ended
    assert.equal(code, 1)
    assert.match(json.error.message, /To go on, add --resume [0-9a-f]{4}$/)
  })

  test('a run after one that was killed carries the rest', async (t) => {
    const { sessions, args } = await openFull(t)
    const { child, ended } = startMigrate(args)
    await eventually(() => sessions.estimatedDocumentCount())
    child.kill('SIGKILL')
    await ended
    const carried = await sessions.countDocuments()
    assert.ok(carried < COUNT)
    const { read, written, kept } = await report(args.slice(0, -1))
    assert.equal(read, COUNT)
    assert.equal(written + kept, COUNT)
    // What was on its way to the server has arrived since.
    assert.ok(kept >= carried)
    assert.equal(await sessions.countDocuments(), COUNT)
  })
})

describe('on a Redis:', { skip: unlessInstalled('redis-server') }, () => {
  test('before version 7, which cannot say when a key ends', async (t) => {
    const { url: redisUrl } = await startRedis(['--rename-command', 'PEXPIRETIME', ''])
    const foreign = await openRedis({ url: redisUrl })
    t.after(() => foreign.close())
    const { url, sessions } = await openDatabase(t)
    const session = expressSession()
    session.cookie.expires = fromNow(3_600_000)
    await foreign.set('one', session)
    assert.equal((await report(['--url', url, '--from', foreign.url, ...foreign.flags])).written, 1)
    const { expires } = await sessions.findOne({ _id: 'one' })
    assert.ok(Math.abs(expires.getTime() - session.cookie.expires.getTime()) < 5000)
  })

  test('keys that hold no text are unreadable', async (t) => {
    const { createClient } = require('redis')
    const foreign = await openRedis({ hasUsualNames: true })
    const client = createClient({ url: foreign.url })
    await client.connect()
    t.after(() => Promise.all([foreign.close(), client.close()]))
    await client.rPush('sess:a-list', 'text')
    await client.set('not-of-the-store', 'text')
    await client.set(Buffer.from('sess:not \xff UTF-8', 'latin1'), 'text')
    const { url } = await openDatabase(t)
    const run = await migrate(['--url', url, '--from', foreign.url, '--json'])
    const problems = run.json.unreadableIds.map((/** @type {any} */ { problem }) => problem)
    assert.deepEqual(problems.sort(), ['a key that is not UTF-8', 'no string'])
  })

  test('no password is printed', async (t) => {
    const { url: redisUrl } = await startRedis(['--requirepass', 'sesame/1:x'])
    const { host } = new URL(redisUrl)
    const { url } = await openDatabase(t)
    const password = encodeURIComponent('sesame/1:x')
    for (const given of [
      `redis://:${password}@${host}`,
      `redis://:wrong-${password}@${host}`,
      `redis://:${password}@127.0.0.1:1`,
    ]) {
      for (const more of [[], ['--json']]) {
        const { stdout, stderr } = await migrate(['--url', url, '--from', given, ...more])
        assert.ok(stdout + stderr)
        assert.doesNotMatch(stdout + stderr, /sesame/)
      }
    }
  })
})

test('a report for people says what was carried, and how to go on', async (t) => {
  const { foreign, url } = await openWithMongodb(t)
  await foreign.set('one-session-id', expressSession())
  const { stdout, code } = await migrate(['--url', url, '--from', foreign.url, ...foreign.flags])
  assert.equal(code, 0)
  assert.match(stdout, /^From connect-mongodb-session at mongodb:\/\//)
  assert.match(stdout, /^1 +carried$/m)
  assert.match(stdout, /The next pass, .*: --since 20/)
  assert.doesNotMatch(stdout, /one-session-id/)
})

const MISTAKES = {
  'no direction': [[], /Give --from URL or --to URL/],
  'both directions': [['--from', 'redis://a', '--to', 'redis://b'], /Give --from URL or --to URL/],
  'an unknown scheme': [['--from', 'ftp://a'], /must begin with redis:\/\/ \(connect-redis\), postgres:\/\//],
  'an option of another store': [
    ['--from', 'redis://a', '--table-name', 'x'],
    /connect-redis has no --table-name; there is --prefix/,
  ],
  'a column that there is not': [
    ['--from', 'mysql://a', '--column-names', 'id=x'],
    /--column-names is session_id=/,
  ],
  'a time that is none': [['--since', 'yesterday'], /--since is a time such as/],
  'a lifetime that is none': [['--ttl', 'long'], /--ttl is a number of seconds/],
}

for (const [title, [args, message]] of Object.entries(MISTAKES)) {
  test(`${title} is a mistake of usage`, async (t) => {
    const { foreign, url } = await openWithMongodb(t)
    const isOfUrl = args.length === 0 || args.includes('--from')
    const from = isOfUrl ? [] : ['--from', foreign.url, ...foreign.flags]
    const { code, stderr } = await migrate(['--url', url, ...from, .../** @type {string[]} */ (args)])
    assert.match(stderr, /** @type {RegExp} */ (message))
    assert.equal(code, 2)
  })
}

test('a driver that the app has not got is named, with the command that installs it', async (t) => {
  const app = installedApp(['mongodb'])
  const { url } = await openDatabase(t)
  for (const [scheme, name] of [
    ['redis', 'redis'],
    ['postgres', 'pg'],
    ['mysql', 'mysql2'],
  ]) {
    const { code, stderr } = await migrate(['--url', url, '--from', `${scheme}://127.0.0.1`], app)
    assert.match(stderr, new RegExp(`needs the ${name} package.*: npm install ${name}\n`))
    assert.equal(code, 1)
  }
})

test('the URL of the other store can be that of the environment', async (t) => {
  const { foreign, url } = await openWithMongodb(t)
  await foreign.set('one', expressSession())
  const args = ['--url', url, '--from', ...foreign.flags]
  const run = await migrate([...args, '--json'], { env: { FOREIGN_URL: foreign.url } })
  assert.equal(run.json.written, 1)
  const { code, stderr } = await migrate(args)
  assert.match(stderr, /FOREIGN_URL in the environment/)
  assert.equal(code, 2)
})

test('a session is the same after a way there and back', async (t) => {
  const { foreign, url, sessions, open } = await openWithMongodb(t)
  const store = open()
  const given = expressSession({ name: 'Zoë 👩‍🚀', list: [1, { a: null }] })
  await store.set('one', given)
  const before = await sessions.findOne({ _id: 'one' })
  await report(['--url', url, '--to', foreign.url, ...foreign.flags])
  await store.destroy('one')
  await report(['--url', url, '--from', foreign.url, ...foreign.flags])
  assert.deepEqual(await sessions.findOne({ _id: 'one' }), before)
  assert.deepEqual(jsonOf(await store.get('one')), jsonOf(given))
})
