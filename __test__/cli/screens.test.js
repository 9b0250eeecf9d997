// The screens of docs/operating.md are what these commands print. UPDATE_SCREENS=1 writes them anew.
'use strict'

const assert = require('node:assert/strict')
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { after, before, describe, test } = require('node:test')
const { MongoClient } = require('mongodb')
const MongoStore = require('../..')
const { runCli, temporaryFolder } = require('../support/cli.js')
const { startReplicaSet, withDatabase } = require('../support/server.js')
const { fromNow } = require('../support/sessions.js')
const { until } = require('../support/wait.js')

const PAGE = path.join(__dirname, '..', '..', 'docs', 'operating.md')
const SCREEN = /^```text\n\$ npx connect-mongo-native (.*)\n([\s\S]*?)^```$/gm
const HOUR_MS = 3_600_000

const page = readFileSync(PAGE, 'utf8')
const [, CONFIG] = /** @type {RegExpExecArray} */ (/^```js\n([\s\S]*?)^```$/m.exec(page))
const screens = [...page.matchAll(SCREEN)].map(([, command, output]) => ({ command, output }))
const isUpdate = process.env.UPDATE_SCREENS === '1'

/** In what a screen has that differs each time, or from server to server. @param {string} screen */
function normalised(screen) {
  return screen
    .replace(/(MongoDB) \d+\.\d+\.\d+/, '$1 8.0.0')
    .replace(/(with connect-mongo-native) \S+/, '$1 0.1.0')
    .replace(/^(ok +clock +).*$/m, "$12 ms ahead of the server's (± 1 ms)")
    .replace(/^(ok +latency +)p50 \S+ ms, p99 \S+ ms/m, '$1p50 0.4 ms, p99 1.2 ms')
}

const cwd = temporaryFolder()
const env = { MONGO_URL: '', SESSION_KEY: 'a secret of the screens', ID_KEY: 'another one' }

/** @param {string} command */
async function screenOf(command) {
  const { stdout, stderr } = await runCli(command.split(' '), { cwd, env })
  assert.equal(stderr, '')
  const isWhole = !command.endsWith('--help') || command === '--help' || command.startsWith('doctor')
  const shown = isWhole ? stdout : stdout.replace(/^Connection:\n[\s\S]*?\n\n/m, '')
  return normalised(shown.replaceAll(env.MONGO_URL, 'mongodb://db.example.com/my-app'))
}

/** @param {number} index */
function sessionOf(index) {
  const cookie = {
    originalMaxAge: 86_400_000,
    expires: '2100-01-01T00:00:00.000Z',
    httpOnly: true,
    path: '/',
  }
  return { cookie, user: { id: 1 + Math.floor(Math.sqrt(index)) }, cart: 'x'.repeat((index * 7) % 900) }
}

/** @param {any} sessions */
function spread(sessions) {
  return async (/** @type {any} */ { _id }, /** @type {number} */ index) => {
    const hours = [0.5, 4, 20, 100, 200, 300, 320][index % 7]
    const expires = fromNow((index < 30 ? -1 : hours) * HOUR_MS)
    const createdAt = fromNow(-(hours + (index % 5) * 24) * HOUR_MS)
    await sessions.updateOne({ _id }, { $set: { expires, createdAt } })
  }
}

before(async () => {
  const server = await startReplicaSet({ args: ['--setParameter', 'ttlMonitorEnabled=false'] })
  env.MONGO_URL = withDatabase(server.getUri(), 'my-app')
  writeFileSync(path.join(cwd, 'session-options.js'), CONFIG)
  mkdirSync(path.join(cwd, 'node_modules'))
  const client = await MongoClient.connect(env.MONGO_URL)
  const sessions = client.db().collection('sessions')
  const { mongoUrl, index } = { mongoUrl: env.MONGO_URL, index: { userId: 'user.id' } }
  const stores = [
    MongoStore.create({ mongoUrl }),
    MongoStore.create({
      ...{ mongoUrl, index, hashId: { secret: env.ID_KEY } },
      crypto: { secret: env.SESSION_KEY, format: 'sealed' },
    }),
  ]
  const numbers = Array.from({ length: 1_500 }, (_, number) => number)
  const storeOf = (/** @type {number} */ number) => stores[number < 240 ? 0 : 1]
  await Promise.all(numbers.map((number) => storeOf(number).set(`sid-${number}`, sessionOf(number))))
  await until(async () => (await sessions.indexes()).length === 4)
  const documents = await sessions
    .find({}, { projection: { _id: 1 } })
    .sort({ _id: 1 })
    .toArray()
  await Promise.all(documents.map(spread(sessions)))
  await Promise.all(stores.map((store) => store.close()))
  await client.close()
})

describe('the screen of', () => {
  /** @type {Map<string, string>} */
  const now = new Map()
  for (const { command, output } of screens) {
    test(command, async () => {
      const screen = await screenOf(command)
      now.set(command, screen)
      if (!isUpdate) assert.equal(screen, output)
    })
  }

  after(() => {
    if (!isUpdate) return
    writeFileSync(
      PAGE,
      page.replace(
        SCREEN,
        (_, command) => `\`\`\`text\n$ npx connect-mongo-native ${command}\n${now.get(command)}\`\`\``
      )
    )
  })
})

test('there is one of each command', async () => {
  const { stdout } = await runCli(['--help'])
  const [, list] = /** @type {RegExpExecArray} */ (/^Commands:\n([\s\S]*?)\n\n/m.exec(stdout))
  const commands = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name)
  const shown = screens.map(({ command }) => command.split(' ')).filter(([, option]) => option === '--help')
  assert.deepEqual(
    shown.map(([name]) => name),
    commands
  )
})
