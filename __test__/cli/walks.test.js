// `reencrypt`, `reindex` and `hash-ids`: dry runs, going on, and being broken off.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { runCli, startCli, withConfig } = require('../support/cli.js')
const { openDatabase } = require('../support/database.js')
const { SECRET } = require('../support/encryption.js')
const { startReplicaSet, withDatabase } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { until } = require('../support/wait.js')

const replicaSet = startReplicaSet()
const SESSIONS = 12

const WALKS = {
  reencrypt: {
    before: {},
    options: { crypto: { secret: SECRET, format: 'sealed' }, acceptPlaintext: true },
    count: 'rewritten',
    did: 'encrypted anew',
    undone: { session: { $type: 'string' } },
  },
  reindex: {
    before: {},
    options: { index: { user: 'user' } },
    count: 'indexed',
    did: 'indexed',
    undone: { 'index.user': { $exists: false } },
  },
  'hash-ids': {
    before: {},
    options: { hashId: { secret: 'squirrel' }, crypto: { secret: SECRET }, acceptPlaintext: true },
    count: 'moved',
    did: 'moved',
    undone: { _id: { $not: /^hmac-sha256:/ } },
  },
}

for (const [command, { options, count, did, undone }] of Object.entries(WALKS)) {
  describe(command, () => {
    /** @param {import('node:test').TestContext} t @param {number} [sessionCount] */
    async function openWithSessions(t, sessionCount = SESSIONS) {
      const url = withDatabase(
        (await replicaSet).getUri(),
        `walk-${command}-${t.name.replace(/\W+/g, '-')}`.slice(0, 60)
      )
      const database = await openDatabase(t, url)
      const store = database.open({ autoRemove: 'disabled' })
      const sids = Array.from({ length: sessionCount }, (_, index) => `sid-${String(index).padStart(4, '0')}`)
      await Promise.all(sids.map((sid) => store.set(sid, plainSession({ user: 'ada' }))))
      return {
        ...database,
        config: withConfig({ mongoUrl: url, ...options }),
        left: () => database.sessions.countDocuments(undone),
      }
    }

    test('changes nothing in a dry run', async (t) => {
      const { config, sessions, left } = await openWithSessions(t)
      const indexes = await sessions.indexes()
      const { code, stdout } = await runCli([command, '--dry-run', ...config])
      assert.equal(code, 0)
      assert.match(stdout, new RegExp(`^looked at +${SESSIONS}\nwould .* ${SESSIONS}$`, 'm'))
      assert.equal(await left(), SESSIONS)
      assert.deepEqual(await sessions.indexes(), indexes)
    })

    test('goes through all', async (t) => {
      const { config, left } = await openWithSessions(t)
      const { code, stdout, stderr } = await runCli([command, ...config])
      assert.equal(code, 0, stderr)
      assert.match(stdout, new RegExp(`^looked at +${SESSIONS}\n${did} +${SESSIONS}$`, 'm'))
      assert.equal(await left(), 0)
      // Piped, there is no progress to look at.
      assert.equal(stderr, '')
    })

    test('goes on behind an id', async (t) => {
      const { config, left } = await openWithSessions(t)
      const { json } = await runCli([command, '--json', '--after', 'sid-0004', '--batch', '3', ...config])
      assert.equal(json[count], SESSIONS - 5)
      assert.equal(json.done, true)
      assert.equal(await left(), 5)
    })

    test('ends after its batch on Ctrl-C, and tells how to go on', async (t) => {
      const many = 1500
      const { config, left } = await openWithSessions(t, many)
      const { child, ended } = startCli([command, '--batch', '1', ...config])
      await until(async () => (await left()) < many)
      child.kill('SIGINT')
      const { code, stdout, stderr } = await ended
      assert.equal(code, 1, stderr)
      const [, after] = /Interrupted\. Go on with --after '(sid-\d+)'\.\n$/.exec(stdout) ?? []
      assert.ok(after, stdout)
      const undoneYet = await left()
      assert.ok(undoneYet > 0, 'it was over before')
      assert.equal(undoneYet, many - Number(after.slice('sid-'.length)) - 1)
      const { json } = await runCli([command, '--json', '--after', after, ...config])
      assert.equal(json[count], undoneYet)
      assert.equal(await left(), 0)
    })
  })
}

test('what cannot be read is counted, with 1', async (t) => {
  const { url, open } = await openDatabase(t)
  await open({ crypto: { secret: 'other' } }).set('sid', plainSession())
  const config = withConfig({ mongoUrl: url, crypto: { secret: SECRET } })
  const { code, stdout } = await runCli(['reencrypt', ...config])
  assert.equal(code, 1)
  assert.match(stdout, /^cannot be read +1$/m)
})

test('hash-ids says what a standalone server lacks', async (t) => {
  const { url, open } = await openDatabase(t)
  await open().set('sid', plainSession())
  const { code, stderr } = await runCli(['hash-ids', ...withConfig({ mongoUrl: url, hashId: true })])
  assert.equal(code, 1)
  assert.match(stderr, /^Error: hashIds needs transactions, which a standalone server has not/m)
})
