// `get`, `rm` and `prune`: plain and hashed ids, plain and encrypted sessions.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { configFile, runCli, withConfig } = require('../support/cli.js')
const { openDatabase } = require('../support/database.js')
const { SECRET } = require('../support/encryption.js')
const { EARLIER, LATER, plainSession } = require('../support/sessions.js')

const WAYS = {
  plain: {},
  'documents, with a prefix': { stringify: false, prefix: 'app:' },
  'sealed, under hashes': { crypto: { secret: SECRET, format: 'sealed' }, hashId: { secret: 'squirrel' } },
  'kruptein, under hashes or plain ids': {
    crypto: { secret: SECRET },
    hashId: { secret: ['new', 'old'], acceptPlainIds: true },
  },
}
const HELD = 'what-it-holds'

for (const [way, options] of Object.entries(WAYS)) {
  describe(way, () => {
    /** @param {import('node:test').TestContext} t */
    async function openWithSession(t) {
      const database = await openDatabase(t)
      const store = database.open({ ...options, timestamps: true, autoRemove: 'disabled' })
      await store.set('sid', plainSession({ held: HELD }))
      const [{ _id }] = await database.sessions.find().toArray()
      return {
        ...database,
        store,
        storageId: _id,
        config: withConfig({ mongoUrl: database.url, ...options }),
      }
    }

    test('get shows when a session ends and no more, unless it is to reveal it', async (t) => {
      const { config, storageId } = await openWithSession(t)
      for (const args of [['sid'], [storageId, '--stored']]) {
        const { code, stdout } = await runCli(['get', ...args, ...config])
        assert.equal(code, 0)
        assert.ok(stdout.includes(LATER.toJSON()))
        assert.ok(stdout.includes(storageId))
        assert.ok(!stdout.includes(HELD), stdout)
        const { json } = await runCli(['get', ...args, ...config, '--json'])
        assert.equal(json.storageId, storageId)
        assert.equal(json.expires, LATER.toJSON())
        assert.ok(!('session' in json))
        const revealed = await runCli(['get', ...args, '--reveal', ...config])
        assert.match(revealed.stdout, new RegExp(`"held": "${HELD}"`))
        const { json: all } = await runCli(['get', ...args, '--reveal', '--json', ...config])
        assert.equal(all.session.held, HELD)
      }
    })

    test('get says that there is none, with 1', async (t) => {
      const { config } = await openWithSession(t)
      const { code, stdout } = await runCli(['get', 'other', ...config])
      assert.deepEqual({ code, stdout }, { code: 1, stdout: 'There is no such session.\n' })
      const ran = await runCli(['get', 'other', '--json', ...config])
      assert.deepEqual({ code: ran.code, json: ran.json }, { code: 1, json: { isThere: false } })
    })

    test('rm removes those that it is told, unless it is a dry run', async (t) => {
      const { config, sessions, store, storageId } = await openWithSession(t)
      await store.set('second', plainSession())
      await store.set('third', plainSession())
      const dry = await runCli(['rm', 'sid', 'second', '--dry-run', ...config])
      assert.equal(dry.stdout, 'sid     would be removed\nsecond  would be removed\n')
      assert.equal(await sessions.countDocuments(), 3)
      const { code, stdout } = await runCli(['rm', 'second', 'nobody', ...config])
      assert.deepEqual({ code, stdout }, { code: 1, stdout: 'second  removed\nnobody  not there\n' })
      assert.equal(await store.get('second'), null)
      const { json } = await runCli(['rm', storageId, '--stored', '--json', ...config])
      assert.deepEqual(json, { dryRun: false, removed: 1, sessions: [{ id: storageId, isThere: true }] })
      assert.equal(await store.get('sid'), null)
      assert.ok(await store.get('third'))
    })

    test('prune removes what has expired, unless it is a dry run', async (t) => {
      const { config, sessions, store } = await openWithSession(t)
      for (const sid of ['a', 'b']) {
        const before = await sessions.distinct('_id')
        await store.set(sid, plainSession())
        const [added] = (await sessions.distinct('_id')).filter((id) => !before.includes(id))
        await sessions.updateOne({ _id: added }, { $set: { expires: EARLIER } })
      }
      const dry = await runCli(['prune', '--dry-run', ...config])
      assert.equal(dry.stdout, '2 expired sessions would be removed\n')
      const { code, json } = await runCli(['prune', '--json', ...config])
      assert.deepEqual({ code, json }, { code: 0, json: { dryRun: false, removed: 2 } })
      assert.equal(await sessions.countDocuments(), 1)
    })
  })
}

test('a session that has expired is said to have', async (t) => {
  const { url, sessions } = await openDatabase(t)
  await sessions.insertOne({ _id: 'sid', session: '{"cookie":{}}', expires: EARLIER })
  const { code, stdout } = await runCli(['get', 'sid', '--url', url])
  assert.equal(code, 0)
  assert.match(stdout, /has expired, and counts as none/)
})

test('one that cannot be decrypted cannot be revealed', async (t) => {
  const { url, open } = await openDatabase(t)
  await open({ crypto: { secret: 'other' } }).set('sid', plainSession())
  const config = withConfig({ mongoUrl: url, crypto: { secret: SECRET } })
  assert.equal((await runCli(['get', 'sid', ...config])).code, 0)
  const { code, stderr } = await runCli(['get', 'sid', '--reveal', ...config])
  assert.equal(code, 1)
  assert.match(stderr, /^Error: Encrypted session was tampered with!/m)
})

test('transformId may promise the id', async (t) => {
  const { url, open } = await openDatabase(t)
  await open({ transformId: (/** @type {string} */ sid) => `app/${sid}` }).set('sid', plainSession())
  const source = `module.exports = { mongoUrl: '${url}', transformId: async (sid) => 'app/' + sid }`
  const config = ['--config', configFile(source)]
  assert.equal((await runCli(['get', 'sid', '--json', ...config])).json.storageId, 'app/sid')
  assert.equal((await runCli(['rm', 'sid', '--json', ...config])).json.removed, 1)
})

test('prune leaves the grace, and ends what has reached its maximal lifetime', async (t) => {
  const { url, sessions } = await openDatabase(t)
  const minutesAgo = (/** @type {number} */ minutes) => new Date(Date.now() - minutes * 60_000)
  await sessions.insertMany([
    { _id: 'in-grace', session: '{}', expires: minutesAgo(5) },
    { _id: 'over', session: '{}', expires: minutesAgo(15) },
    { _id: 'too-old', session: '{}', expires: LATER, createdAt: minutesAgo(75) },
    { _id: 'old', session: '{}', expires: LATER, createdAt: minutesAgo(65) },
  ])
  const config = withConfig({ mongoUrl: url, expiryGrace: 600, maxLifetime: 3600 })
  assert.equal((await runCli(['prune', '--dry-run', '--json', ...config])).json.removed, 2)
  assert.equal((await runCli(['prune', '--json', ...config])).json.removed, 2)
  assert.deepEqual((await sessions.distinct('_id')).sort(), ['in-grace', 'old'])
})
