// Where the command line finds the sessions, the store and the driver; what it ends with; and that it prints no secret.
'use strict'

const assert = require('node:assert/strict')
const { cpSync, readFileSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { configFile, installedApp, runCli, temporaryFolder, withConfig } = require('../support/cli.js')
const { openDatabase } = require('../support/database.js')
const { freePort } = require('../../scripts/free-port.js')
const { startServer } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { version } = require('../../package.json')

const COMMANDS = ['doctor', 'stats', 'get', 'rm', 'prune', 'reencrypt', 'reindex', 'hash-ids', 'bench']
const PASSWORD = 'p@ss:w0rd/x'

/** @param {string[]} given @param {import('node:test').TestContext} t */
async function totalOf(t, given, env = {}) {
  const { url, open } = await openDatabase(t)
  await open().set('sid', plainSession())
  const args = given.map((arg) => arg.replace('URL', url))
  const { code, json, stderr } = await runCli(['stats', '--json', ...args], {
    env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replace('URL', url)])),
  })
  assert.equal(code, 0, stderr)
  return json.total
}

describe('the server is that of', () => {
  test('--url', async (t) => assert.equal(await totalOf(t, ['--url', 'URL']), 1))

  test('MONGO_URL', async (t) => assert.equal(await totalOf(t, [], { MONGO_URL: 'URL' }), 1))

  test('--url rather than MONGO_URL', async (t) => {
    assert.equal(await totalOf(t, ['--url', 'URL'], { MONGO_URL: 'mongodb://127.0.0.1:1/other' }), 1)
  })

  const exported = '{ mongoUrl: process.env.APP_URL }'
  for (const [kind, source, extension] of [
    ['a CommonJS module', `module.exports = ${exported}`, '.js'],
    ['an ECMAScript module', `export default ${exported}`, '.mjs'],
    ['a function', `module.exports = () => (${exported})`, '.cjs'],
    ['a promise', `export default Promise.resolve(${exported})`, '.mjs'],
    ['a function that promises', `export default async () => (${exported})`, '.mjs'],
  ]) {
    test(`a config that is ${kind}`, async (t) => {
      const args = ['--config', configFile(source, extension)]
      assert.equal(await totalOf(t, args, { APP_URL: 'URL', MONGO_URL: 'mongodb://127.0.0.1:1' }), 1)
    })
  }

  test('a config that is JSON', async (t) => {
    const { url, open } = await openDatabase(t)
    await open().set('sid', plainSession())
    const { json } = await runCli([
      'stats',
      '--json',
      '--config',
      configFile(JSON.stringify({ mongoUrl: url }), '.json'),
    ])
    assert.equal(json.total, 1)
  })

  test("a config's client, which does not keep the process", async (t) => {
    const source = `
      const { MongoClient } = require(${JSON.stringify(require.resolve('mongodb'))})
      module.exports = { client: new MongoClient(process.env.APP_URL), closeClient: false }`
    assert.equal(await totalOf(t, ['--config', configFile(source)], { APP_URL: 'URL' }), 1)
  })
})

test('--db and --collection choose others than those of the config', async (t) => {
  const { url, db, open } = await openDatabase(t)
  await open({ dbName: `${db.databaseName}_2`, collectionName: 'others' }).set('sid', plainSession())
  const config = withConfig({ mongoUrl: url, dbName: 'none', collectionName: 'none' })
  const names = ['--db', `${db.databaseName}_2`, '--collection', 'others']
  const { json } = await runCli(['stats', '--json', ...config, ...names])
  await db.client.db(`${db.databaseName}_2`).dropDatabase()
  assert.equal(json.collection, `${db.databaseName}_2.others`)
  assert.equal(json.total, 1)
})

describe('no password or secret is printed', () => {
  const encoded = encodeURIComponent(PASSWORD)

  /** @param {{ stdout: string, stderr: string }} ran */
  function assertSilent({ stdout, stderr }) {
    const output = stdout + stderr
    for (const secret of [PASSWORD, encoded, 'k3y-of-crypto', 'k3y-of-ids'])
      assert.ok(!output.includes(secret), output)
  }

  test('of a server that is there', async () => {
    const server = await startServer({
      auth: { enable: true, customRootName: 'ada', customRootPwd: PASSWORD },
    })
    const { host } = new URL(server.getUri())
    const mongoUrl = `mongodb://ada:${encoded}@${host}/app?authSource=admin`
    const options = { mongoUrl, crypto: { secret: 'k3y-of-crypto' }, hashId: { secret: 'k3y-of-ids' } }
    for (const command of [['doctor'], ['stats'], ['bench', '--seconds', '0.01'], ['prune']]) {
      for (const json of [[], ['--json']]) {
        const ran = await runCli([...command, ...json, ...withConfig(options)])
        assert.notEqual(ran.code, 2, ran.stderr)
        assertSilent(ran)
        if (command[0] === 'doctor') assert.match(ran.stdout, /ada:\*\*\*@/)
      }
    }
    const refused = await runCli(['stats', '--url', mongoUrl.replace('ada:', 'eve:')])
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /Authentication failed/)
    assertSilent(refused)
  })

  test('of a server that is not there, and of URLs that are none', async () => {
    const port = await freePort()
    for (const url of [
      `mongodb://ada:${encoded}@127.0.0.1:${port}/?serverSelectionTimeoutMS=100`,
      `mongodb://ada:${PASSWORD}@127.0.0.1:${port}/?serverSelectionTimeoutMS=100`,
      `mongodb://ada:${encoded}@127.0.0.1:${port}/?nonsense=true`,
      `mongodb://ada:${encoded}@127.0.0.1:port/`,
      `mongo://ada:${encoded}@127.0.0.1/`,
    ]) {
      for (const json of [[], ['--json']]) {
        const ran = await runCli(['stats', ...json], { env: { MONGO_URL: url } })
        assert.ok(ran.code === 1 || ran.code === 2, ran.stdout)
        assertSilent(ran)
      }
    }
  })

  test('of a config that throws them', async () => {
    const source = `throw new Error('cannot use mongodb://ada:${encoded}@127.0.0.1/app')`
    const ran = await runCli(['stats', '--config', configFile(source)])
    assert.equal(ran.code, 2)
    assert.match(ran.stderr, /cannot be loaded: cannot use mongodb:\/\/ada:\*\*\*@127/)
    assertSilent(ran)
  })
})

describe('it ends with 2, and says why, for', () => {
  const missing = path.join(temporaryFolder(), 'missing.js')
  for (const [what, args, message] of /** @type {[string, string[], RegExp][]} */ ([
    ['no server', ['stats'], /Which server\? Give --url mongodb:/],
    ['a URL of another kind', ['stats', '--url', 'http://localhost'], /must begin with mongodb:/],
    ['an unknown command', ['statz'], /unknown command 'statz'[\s\S]*Did you mean stats/],
    ['an unknown option', ['stats', '--colection', 'x'], /unknown option '--colection'[\s\S]*--collection/],
    ['an option without its value', ['stats', '--url'], /argument missing/],
    ['a value that is none', ['stats', '--top', 'many'], /must be a number from 1 to 1000/],
    ['a read preference that is none', ['stats', '--read-preference', 'x'], /Allowed choices are primary/],
    ['no id', ['get'], /missing required argument 'id'/],
    ['a config that is not there', ['stats', '--config', missing], /--config .* cannot be loaded/],
    [
      'a config of something else',
      ['stats', '--config', configFile('module.exports = 7')],
      /must export the options/,
    ],
    [
      'options that a store refuses',
      ['reencrypt', '--url', 'mongodb://127.0.0.1/x'],
      /needs the app's options with crypto or cryptoAdapter/,
    ],
    ['no hashId', ['hash-ids', '--url', 'mongodb://127.0.0.1/x'], /needs the app's options with hashId/],
    ['no index', ['reindex', '--url', 'mongodb://127.0.0.1/x'], /needs the app's options with index/],
  ])) {
    test(what, async () => {
      const { code, stdout, stderr } = await runCli(args)
      assert.equal(code, 2, stderr)
      assert.equal(stdout, '')
      assert.match(stderr, message)
      const { json, code: jsonCode } = await runCli([...args, '--json'])
      assert.equal(jsonCode, 2)
      // Without a value, --url takes the next argument for it.
      if (what !== 'an option without its value') assert.match(json.error.message, message)
    })
  }
})

test('it ends with 1 when there is no server, before long', async () => {
  const url = `mongodb://127.0.0.1:${await freePort()}/?serverSelectionTimeoutMS=100`
  const { code, stdout, stderr } = await runCli(['doctor', '--url', url])
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
  assert.match(stderr, /^Error: .*ECONNREFUSED/m)
  const { json } = await runCli(['doctor', '--url', url, '--json'])
  assert.equal(json.error.name, 'MongoServerSelectionError')
})

test('options that a store refuses are named', async () => {
  const { code, stderr } = await runCli([
    'prune',
    ...withConfig({ mongoUrl: 'mongodb://127.0.0.1/x', colectionName: 'x', concurrency: 'x' }),
  ])
  assert.equal(code, 1)
  assert.match(stderr, /concurrency/)
})

describe('what is piped is plain', () => {
  for (const env of [{}, { NO_COLOR: '1' }, { TERM: 'xterm-256color' }]) {
    test(JSON.stringify(env), async (t) => {
      const { url } = await openDatabase(t)
      const { stdout, stderr } = await runCli(['doctor', '--url', url], { env })
      assert.match(stdout, /Nothing to do|thing/)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
      assert.doesNotMatch(stdout + stderr, /\x1b/)
    })
  }
})

describe('the packages', () => {
  test("the store and the driver are the app's", async (t) => {
    const { url } = await openDatabase(t)
    const { json, stderr } = await runCli(['doctor', '--json', '--url', url], installedApp(['mongodb']))
    assert.equal(json.store, version, stderr)
  })

  for (const name of ['mongodb-5', 'mongodb-6']) {
    test(`the driver may be ${name}`, async (t) => {
      const { url, open } = await openDatabase(t)
      await open().set('sid', plainSession())
      const app = installedApp([`mongodb:${name}`])
      for (const command of ['doctor', 'stats', 'get sid --reveal', 'rm sid']) {
        const { code, stderr } = await runCli([...command.split(' '), '--url', url], app)
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
      }
    })
  }

  test('of two versions are said to be', async (t) => {
    const { url } = await openDatabase(t)
    const app = installedApp(['mongodb'])
    const file = path.join(app.cwd, 'node_modules', 'connect-mongo-native-cli', 'package.json')
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), version: '0.0.1' }))
    const { code, stderr } = await runCli(['prune', '--url', url], app)
    assert.equal(code, 0)
    assert.match(
      stderr,
      /^Warning: This is the command line of connect-mongo-native 0\.0\.1, and the app has \d/
    )
  })

  for (const command of [['doctor'], ['stats'], ['get', 'sid'], ['rm', 'sid'], ['bench']]) {
    test(`${command[0]} says that it needs the driver`, async (t) => {
      const { url } = await openDatabase(t)
      const { code, stderr } = await runCli([...command, '--url', url], installedApp())
      assert.equal(code, 1)
      assert.match(stderr, /^Error: This needs the mongodb package, .*: npm install mongodb$/m)
    })
  }

  test('prune needs none', async (t) => {
    const { url } = await openDatabase(t)
    const { code, stdout } = await runCli(['prune', '--url', url], installedApp())
    assert.deepEqual({ code, stdout }, { code: 0, stdout: '0 expired sessions removed\n' })
  })

  test('without a store it says where it has looked', async () => {
    const { cwd, bin } = installedApp()
    const alone = path.join(temporaryFolder(), 'node_modules')
    cpSync(path.join(cwd, 'node_modules'), alone, {
      recursive: true,
      filter: (file) => path.basename(file) !== 'connect-mongo-native',
    })
    const cli = path.join(alone, 'connect-mongo-native-cli', 'bin.js')
    assert.notEqual(cli, bin)
    const { code, stderr } = await runCli(['stats', '--url', 'mongodb://127.0.0.1/x'], {
      cwd: path.dirname(alone),
      bin: cli,
    })
    assert.equal(code, 1)
    assert.match(stderr, /connect-mongo-native is not installed in .*: run this in the folder of your app/)
  })
})

describe('the help', () => {
  test('has all commands', async () => {
    const { code, stdout } = await runCli(['--help'])
    assert.equal(code, 0)
    for (const command of COMMANDS) assert.match(stdout, new RegExp(`^  ${command} `, 'm'))
  })

  for (const command of COMMANDS) {
    test(`of ${command} has the connection and the exit codes`, async () => {
      const { code, stdout } = await runCli([command, '--help'])
      assert.equal(code, 0)
      for (const name of ['--url', '--config', '--db', '--collection', '--json', 'Exit codes: 0'])
        assert.ok(stdout.includes(name), name)
    })
  }

  test('is what it shows without a command, with 2', async () => {
    const { code, stderr } = await runCli([])
    assert.equal(code, 2)
    assert.match(stderr, /^Usage: connect-mongo-native/)
  })

  test('--version is that of the package', async () => {
    const { code, stdout } = await runCli(['--version'])
    assert.deepEqual({ code, stdout }, { code: 0, stdout: `${version}\n` })
  })
})
