// The command line against what is mistyped, and what others have put into a config or a database.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { configFile, runCli, withConfig } = require('../support/cli.js')
const { openDatabase } = require('../support/database.js')
const { plainSession } = require('../support/sessions.js')

/** It would set the title of a terminal's window, or write its clipboard. */
const ESCAPES = '\u001b]0;PWNED\u0007\u009b31m\u202eend'
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const UNPRINTABLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/
const PASSWORD = 'S3cretPw'

test('what a terminal would follow is shown and not sent', async (t) => {
  const { url, open } = await openDatabase(t)
  const options = { index: { userId: 'user' } }
  const store = open(options)
  await store.set(`sid${ESCAPES}`, plainSession({ user: ESCAPES }))
  await store.count({ userId: ESCAPES })
  for (const args of [['stats'], ['get', `sid${ESCAPES}`, '--reveal'], ['rm', `sid${ESCAPES}`]]) {
    for (const json of [[], ['--json']]) {
      const ran = await runCli([...args, ...json, ...withConfig({ mongoUrl: url, ...options })])
      assert.doesNotMatch(ran.stdout, UNPRINTABLE)
      assert.match(ran.stdout, /PWNED|is there|removed|isThere/)
      if (json.length > 0) assert.ok(ran.json)
    }
  }
  const ran = await runCli(['stats', '--collection', `c${ESCAPES}`, '--url', url])
  assert.doesNotMatch(ran.stdout + ran.stderr, UNPRINTABLE)
})

describe('an option that stands where a value is missing is not taken for it:', () => {
  for (const args of [
    ['reencrypt', '--after', '--dry-run'],
    ['reindex', '--after', '--dry-run'],
    ['rm', '--collection', '--dry-run', 'sid'],
    ['stats', '--db', '--json'],
    ['migrate', '--prefix', '--dry-run', '--from', 'redis://127.0.0.1:1'],
  ]) {
    test(args.join(' '), async () => {
      const ran = await runCli([...args, '--url', 'mongodb://127.0.0.1:1'])
      assert.equal(ran.code, 2)
      assert.match(ran.stderr, /the next option stands in its place/)
    })
  }
})

describe('no password is printed of', () => {
  const url = `mongodb://ada:${PASSWORD}@db/app`
  for (const args of [
    [url],
    ['doctor', `--uri=${url}`],
    ['doctor', '--sample', url],
    ['get', url, 'another', url],
  ])
    for (const json of [[], ['--json']])
      test([...args, ...json].join(' ').replaceAll(PASSWORD, '…'), async () => {
        const { code, stdout, stderr } = await runCli([...args, ...json])
        assert.equal(code, 2)
        assert.ok(!`${stdout}${stderr}`.includes(PASSWORD), stdout + stderr)
        if (json.length > 0 && args.length > 1)
          assert.doesNotMatch(JSON.parse(stdout).error.message, /^error:/)
      })
})

describe('a config', () => {
  /** @type {[string, string, string, number, RegExp][]} */
  const cases = [
    [
      'that is no JSON keeps its secrets',
      `{"crypto":{"secret":${PASSWORD}}}`,
      '.json',
      2,
      /is not valid JSON/,
    ],
    ['that throws nothing', 'throw null', '.js', 2, /cannot be loaded/],
    ['that throws a text', "throw 'no vault'", '.js', 2, /cannot be loaded: no vault/],
    ['whose promise never comes', 'module.exports = new Promise(() => {})', '.js', 1, /never comes/],
    [
      'that leaves a rejection behind',
      `module.exports = () => new Promise(() => Promise.reject(new Error('mongodb://u:${PASSWORD}@h/')))`,
      '.js',
      1,
      /mongodb:\/\/u:\*\*\*@h/,
    ],
  ]
  for (const [what, source, extension, expected, message] of cases) {
    test(what, async () => {
      const ran = await runCli(['prune', '--config', configFile(source, extension)])
      assert.equal(ran.code, expected, ran.stderr)
      assert.match(ran.stderr, message)
      assert.ok(!ran.stderr.includes(PASSWORD), ran.stderr)
    })
  }

  test('that prints leaves the results alone', async (t) => {
    const { url } = await openDatabase(t)
    const source = `console.log('dotenv: loaded'); module.exports = ${JSON.stringify({ mongoUrl: url })}`
    const ran = await runCli(['stats', '--json', '--config', configFile(source)])
    assert.ok(ran.json)
    assert.match(ran.stderr, /dotenv: loaded/)
  })
})

test('of a session that cannot be read nothing is revealed, and that is said', async (t) => {
  const { url, open } = await openDatabase(t)
  await open({ crypto: { secret: 'one' } }).set('sid', plainSession())
  const options = { mongoUrl: url, crypto: { secret: 'another' }, onDecryptError: 'drop' }
  const ran = await runCli(['get', 'sid', '--reveal', ...withConfig(options)])
  assert.equal(ran.code, 1)
  assert.match(ran.stdout, /cannot be read with these options/)
})

test('a session that is named twice is removed once', async (t) => {
  const { url, open } = await openDatabase(t)
  await open().set('sid', plainSession())
  const ran = await runCli(['rm', 'sid', 'sid', '--json', '--url', url])
  assert.equal(ran.json.removed, 1)
})

test('an id that begins with a dash goes behind two', async (t) => {
  const { url, open } = await openDatabase(t)
  await open().set('-s05', plainSession())
  const ran = await runCli(['get', '--json', '--url', url, '--', '-s05'])
  assert.equal(ran.json.isThere, true)
})
