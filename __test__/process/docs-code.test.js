// Programs in README and docs, run as they stand there: what they are made of is type-checked by unit/docs-code.test.js.
'use strict'

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { writeFileSync } = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const vm = require('node:vm')
const { freePort } = require('../../scripts/free-port.js')
const { allBlocks, blockWith } = require('../support/code-blocks.js')
const { openDatabase } = require('../support/database.js')
const { Browser } = require('../support/http.js')
const { installAlone } = require('../support/install.js')
const { unsteadyServer } = require('../support/server.js')
const { until } = require('../support/wait.js')

const RECIPES = 'docs/recipes.md'
const folder = installAlone(['express', 'express-session', 'mongodb'])
let programs = 0

/** @param {import('node:test').TestContext} t @param {string[]} code pieces of one program @param {string} mongoUrl */
async function start(t, code, mongoUrl) {
  const file = path.join(folder, `app-${programs++}.mjs`)
  writeFileSync(file, code.join('\n'))
  const port = await freePort()
  const { NODE_TEST_CONTEXT, ...inherited } = process.env
  const env = { ...inherited, MONGO_URL: mongoUrl, PORT: String(port), SESSION_SECRET: 'keyboard cat' }
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  for (const name of /** @type {const} */ (['stdout', 'stderr']))
    child[name].setEncoding('utf8').on('data', (text) => (output[name] += text))
  const ended = once(child, 'close').then(([exitCode, signal]) => ({ exitCode, signal, ...output }))
  return { child, ended, output, url: `http://127.0.0.1:${port}` }
}

/** @param {Browser} browser @param {string} place @returns {Promise<Response>} once somebody listens */
function firstAnswer(browser, place) {
  return until(() => browser.fetch(place).catch(() => undefined))
}

test("README's app counts visits", async (t) => {
  const { url: mongoUrl, sessions } = await openDatabase(t)
  const { url } = await start(t, [blockWith('README.md', 'app.listen')], mongoUrl)
  const browser = new Browser(url)
  assert.equal(await (await firstAnswer(browser, '/')).text(), 'Visits: 1')
  assert.equal(await (await browser.fetch('/')).text(), 'Visits: 2')
  const { session } = await sessions.findOne({ _id: browser.sid })
  assert.equal(JSON.parse(session).visits, 2)
})

describe('recipes', () => {
  const app = blockWith(RECIPES, 'app.listen')
  const logIn = "app.get('/login', (req, res) => { req.session.userId = 'ada'; res.json(true) })"
  const user = "app.get('/user', (req, res) => res.json(req.session.userId ?? null))"
  const shutdown = blockWith(RECIPES, 'SIGTERM')

  test('log a user out everywhere', async (t) => {
    const { url: mongoUrl } = await openDatabase(t)
    const { url } = await start(t, [app, logIn, user, blockWith(RECIPES, 'logout-everywhere')], mongoUrl)
    const browsers = [new Browser(url), new Browser(url)]
    await firstAnswer(browsers[0], '/healthz')
    for (const browser of browsers) await browser.json('/login')
    assert.deepEqual(await Promise.all(browsers.map((browser) => browser.json('/user'))), ['ada', 'ada'])
    await browsers[0].fetch('/logout-everywhere', { method: 'POST', redirect: 'manual' })
    assert.deepEqual(await Promise.all(browsers.map((browser) => browser.json('/user'))), [null, null])
  })

  test('tell whether the database answers, and end with a request that waits for it', async (t) => {
    const server = await unsteadyServer()
    await server.start()
    const { child, ended, url } = await start(t, [app, logIn, user, shutdown], server.url.replace(/\?.*/, ''))
    const browser = new Browser(url)
    // On a busy machine the first ping may take longer than it may.
    await until(async () => (await firstAnswer(browser, '/healthz')).status === 204)
    await browser.json('/login')
    await server.stop()
    assert.equal((await browser.fetch('/healthz')).status, 503)
    const waiting = browser.fetch('/user')
    const cutOff = assert.rejects(waiting)
    // It has come once another one, which is behind it, is answered.
    assert.equal((await new Browser(url).fetch('/healthz')).status, 503)
    child.kill('SIGTERM')
    await cutOff
    const { exitCode, signal, stderr } = await ended
    assert.deepEqual({ exitCode, signal }, { exitCode: 0, signal: null }, stderr)
  })

  test('end at once when nothing waits', async (t) => {
    const { url: mongoUrl } = await openDatabase(t)
    const { child, ended, url } = await start(t, [app, shutdown], mongoUrl)
    await firstAnswer(new Browser(url), '/healthz')
    child.kill('SIGTERM')
    const { exitCode, stderr } = await ended
    assert.equal(exitCode, 0)
    assert.equal(stderr, '')
  })

  test('make a session expire by the clock of a test, and a small store', async (t) => {
    const { url: mongoUrl } = await openDatabase(t)
    const small = `${blockWith(RECIPES, 'minPoolSize')}\nawait small.ping()`
    const end = 'await small.close(); await store.close(); server.close()'
    const { ended } = await start(t, [app, blockWith(RECIPES, 'timers.setTime'), small, end], mongoUrl)
    const { exitCode, stdout, stderr } = await ended
    assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'null\n' }, stderr)
    // That mocked timers are an experiment is Node's.
    assert.doesNotMatch(stderr, /ConnectMongoWarning/)
  })
})

/** What mongosh calls otherwise than the driver. @param {import('mongodb').Db} db */
function asShell(db) {
  return new Proxy(db, {
    get(_, name) {
      if (name === 'runCommand') return (/** @type {object} */ command) => db.command(command)
      const collection = db.collection(String(name))
      const find = (/** @type {object} */ filter, /** @type {object} */ projection) =>
        collection.find(filter, { projection })
      return Object.assign(Object.create(collection), { find })
    },
  })
}

for (const { page, line, code } of allBlocks().filter(({ code }) => code.startsWith('db.')))
  test(`${page}:${line}, for mongosh, finds what the store has written`, async (t) => {
    const { db, open } = await openDatabase(t)
    const store = open({ index: { userId: 'userId' } })
    await store.set('the id of a session', /** @type {any} */ ({ cookie: {}, userId: 'ada' }))
    // Once the indexes are made.
    await store.collectionP
    const answers = []
    for (const statement of code.trim().split('\n')) {
      const answer = vm.runInNewContext(statement, { db: asShell(db) })
      answers.push(await (answer.toArray?.() ?? answer))
    }
    for (const answer of answers) assert.ok(isSomething(answer), JSON.stringify(answers))
  })

/** @param {any} answer a count, a list, or what a command has to tell */
function isSomething(answer) {
  return Array.isArray(answer)
    ? answer.length > 0
    : answer === 1 || answer.deletedCount === 1 || answer.ok === 1
}
