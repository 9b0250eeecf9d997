// The example app as a person meets it: in a browser, and through the `npm run demo` command.
'use strict'

const assert = require('node:assert/strict')
const { execFile, spawn } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { test } = require('node:test')
const { promisify } = require('node:util')
const { MongoClient } = require('mongodb')
const MongoStore = require('connect-mongo-native')
const { createApp, openStore } = require('../../example/app.js')
const { createDemo } = require('../../example/demo/server.js')
const { findChromium, launchChromium } = require('../../scripts/chromium.js')
const { freePort } = require('../../scripts/free-port.js')
const { DEFAULT_BACKEND } = require('../support/backends.js')
const { freshDatabaseUrl } = require('../support/server.js')

const DEMO = path.join(__dirname, '..', '..', 'scripts', 'demo.js')
/**
 * The example app on a port of its own, with a second client to see the database with.
 *
 * @param {import('node:test').TestContext} t
 */
async function serveExample(t) {
  const mongoUrl = await freshDatabaseUrl('demo_page')
  const client = new MongoClient(mongoUrl)
  const store = openStore({ mongoUrl })
  const server = createApp({ mongoUrl, secret: 'a secret for this test only', store, client }).listen(
    0,
    '127.0.0.1'
  )
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await store.close()
    await client.db().dropDatabase()
    await client.close()
  })
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return { address: `http://127.0.0.1:${port}/`, sessions: client.db().collection('sessions') }
}

/**
 * All that `npm run demo` serves.
 *
 * @param {import('node:test').TestContext} t
 */
async function serveDemo(t) {
  const mongoUrl = await freshDatabaseUrl('demo')
  const client = new MongoClient(mongoUrl)
  const db = client.db()
  const demo = createDemo({
    mongoUrl,
    dbName: db.databaseName,
    secret: 'a secret for this test only',
    client,
  })
  const server = demo.app.listen(0, '127.0.0.1')
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await demo.close()
    await db.dropDatabase()
    await client.close()
  })
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return { address: `http://127.0.0.1:${port}/`, db, demo }
}

/** @param {import('node:test').TestContext} t */
async function openBrowser(t) {
  const browser = await launchChromium()
  t.after(() => browser.close())
  return browser
}

/**
 * A page that is logged in as Ada, and what its console says is wrong, such as what the content security policy forbids.
 *
 * @param {import('node:test').TestContext} t
 * @param {string} address
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
async function openPage(t, address, options) {
  const page = await (await openBrowser(t)).newPage(options)
  // A race warms up first, by a number of operations, which a busy machine takes long for.
  page.setDefaultTimeout(120_000)
  /** @type {string[]} */
  const complaints = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  await page.goto(address)
  await page.getByLabel('Your name').fill('Ada')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.locator('#count').waitFor()
  /** @param {string} name */
  const click = (name) => page.getByRole('button', { name, exact: true }).click()
  /** @param {string} name @param {boolean} checked */
  const flip = async (name, checked) => {
    await page.getByRole('switch', { name }).click()
    await page.getByRole('switch', { name, checked }).waitFor()
  }
  const shown = async () => JSON.parse(String(await page.locator('#document').textContent()))
  return { page, complaints, click, flip, shown }
}

/** @param {import('playwright-core').Page} page @returns {Promise<string[]>} of this package and of connect-mongo, once there are both */
async function verdictsOn(page) {
  await page.locator('.verdict.good, .verdict.bad').nth(1).waitFor()
  return page.locator('.verdict').allTextContents()
}

const executablePath = findChromium()
// Without a browser here, CI fails when it is started, instead of leaving this out.
const skip = executablePath || process.env.CI ? false : 'no Chromium: install one, or set CHROMIUM_PATH'

test('in a browser: log in, count twice, see the stored document, log out, and it is gone', {
  skip,
}, async (t) => {
  const { address, sessions } = await serveExample(t)
  const browser = await openBrowser(t)
  const page = await browser.newPage()
  /** @type {string[]} */
  const complaints = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))

  await page.goto(address)
  await page.locator('#nothing').waitFor()
  assert.equal(await sessions.countDocuments(), 0)

  await page.getByLabel('Your name').fill('Ada <b>&</b> "Grace"')
  await page.getByRole('button', { name: 'Log in' }).click()
  assert.equal(await page.locator('#name').textContent(), 'Ada <b>&</b> "Grace"')
  assert.equal(await page.locator('#count').textContent(), '0')

  for (const expected of ['1', '2']) {
    await page.getByRole('button', { name: 'Count' }).click()
    await page.locator('#count', { hasText: expected }).waitFor()
  }
  const shown = JSON.parse(String(await page.locator('#document').textContent()))
  const stored = await sessions.findOne()
  assert.ok(stored)
  assert.equal(shown._id, stored._id)
  assert.deepEqual(shown.session, JSON.parse(stored.session))
  assert.ok(Number.isFinite(Date.parse(shown.expires.$date)))
  assert.deepEqual(JSON.parse(stored.session).user, { name: 'Ada <b>&</b> "Grace"', count: 2 })

  await page.getByRole('button', { name: 'Log out' }).click()
  await page.locator('#nothing').waitFor()
  assert.equal(await sessions.countDocuments(), 0)
  assert.deepEqual(await page.context().cookies(), [])
  assert.deepEqual(complaints, [])
})

test('in two browsers: each sees both devices, and the one that is ended is logged out at its next click', {
  skip,
}, async (t) => {
  const { address, sessions } = await serveExample(t)
  const browser = await openBrowser(t)
  /** @param {string} userAgent */
  async function logIn(userAgent) {
    const context = await browser.newContext({ userAgent })
    const page = await context.newPage()
    await page.goto(address)
    await page.getByLabel('Your name').fill('Ada')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.locator('#count').waitFor()
    return page
  }
  const [laptop, phone, tablet] = [await logIn('Firefox'), await logIn('Safari'), await logIn('Edg')]
  const items = laptop.locator('#devices li')
  await laptop.reload()
  assert.match(String(await items.nth(0).textContent()), /^Edge/)
  assert.match(String(await items.nth(1).textContent()), /^Safari/)
  assert.match(String(await items.nth(2).textContent()), /^Firefox · this one/)
  const [ids, text] = [await sessions.distinct('_id'), await laptop.content()]
  assert.equal(ids.filter((id) => text.includes(String(id))).length, 1, 'it shows no id but its own')

  await items.filter({ hasText: 'Safari' }).getByRole('button', { name: 'End' }).click()
  await laptop.locator('#devices li', { hasText: 'Safari' }).waitFor({ state: 'detached' })
  await phone.getByRole('button', { name: 'Count' }).click()
  await phone.locator('#nothing').waitFor()
  await phone.getByLabel('Your name').waitFor()

  await laptop.getByRole('button', { name: 'End all others' }).click()
  await laptop.locator('#devices li', { hasText: 'Edge' }).waitFor({ state: 'detached' })
  await tablet.getByRole('button', { name: 'Count' }).click()
  await tablet.getByLabel('Your name').waitFor()
  await laptop.getByRole('button', { name: 'Count' }).click()
  await laptop.locator('#count', { hasText: '1' }).waitFor()
  assert.equal(await sessions.countDocuments(), 1)
})

test('logging in gives a new session id, and the old document is gone', async (t) => {
  const { address, sessions } = await serveExample(t)
  /** @param {string} name @param {string} [cookie] */
  const logIn = async (name, cookie = '') => {
    const body = new URLSearchParams({ name })
    const response = await fetch(`${address}login`, {
      method: 'POST',
      body,
      headers: { cookie },
      redirect: 'manual',
    })
    assert.equal(response.status, 303)
    return response.headers.getSetCookie()[0].split(';')[0]
  }
  const first = await logIn('Ada')
  const [before] = await sessions.find().toArray()
  const second = await logIn('Grace', first)
  const [now, ...others] = await sessions.find().toArray()

  assert.notEqual(second, first)
  assert.notEqual(now._id, before._id)
  assert.equal(JSON.parse(now.session).user.name, 'Grace')
  assert.deepEqual(others, [])
})

test('a form without a name, and a page that is not there, get a page that says so', async (t) => {
  const { address, sessions } = await serveExample(t)
  const nameless = await fetch(`${address}login`, {
    method: 'POST',
    body: new URLSearchParams({ name: ' ' }),
  })
  assert.equal(nameless.status, 400)
  assert.match(await nameless.text(), /Please type a name/)
  const nowhere = await fetch(`${address}nowhere`)
  assert.equal(nowhere.status, 404)
  assert.equal(await sessions.countDocuments(), 0)
})

test('in a browser: a switch changes the store and the document, and the user stays logged in', {
  skip,
}, async (t) => {
  const { address, db } = await serveDemo(t)
  const { complaints, click, flip, page, shown } = await openPage(t, address)
  await click('Count')
  await page.locator('#count', { hasText: '1' }).waitFor()
  const { _id: sid, session } = await shown()
  assert.deepEqual(session.user, { name: 'Ada', count: 1 })

  await flip('Encryption', true)
  assert.equal(await page.locator('#count').textContent(), '1')
  const encrypted = await db.collection('sessions_encrypted').findOne()
  assert.equal(String((await shown()).session.$binary.base64), encrypted?.session.toString('base64'))
  assert.equal((await shown())._id, sid)
  assert.equal(await db.collection('sessions').countDocuments(), 0)

  await flip('Hashed ids', true)
  const hashed = await db.collection('sessions_encrypted_hashed').findOne()
  assert.match(String(hashed?._id), /^sha256:/)
  assert.equal((await shown())._id, hashed?._id)
  assert.equal((await page.content()).includes(sid), false)
  await click('Count')
  await page.locator('#count', { hasText: '2' }).waitFor()

  await flip('Encryption', false)
  await flip('Hashed ids', false)
  assert.equal((await shown())._id, sid)
  assert.deepEqual((await shown()).session.user, { name: 'Ada', count: 2 })
  await click('Log out')
  await page.locator('#nothing').waitFor()
  for (const { name } of await db.listCollections().toArray()) {
    assert.equal(await db.collection(name).countDocuments(), 0, name)
  }
  assert.deepEqual(complaints, [])
})

test('in a browser: of two tabs, a log-out holds here and is undone by connect-mongo', {
  skip,
}, async (t) => {
  const { address, db } = await serveDemo(t)
  const { complaints, click, page } = await openPage(t, address)
  await click('Log out during a save')
  assert.deepEqual(await verdictsOn(page), ['The log-out holds', 'The log-out is undone'])
  assert.equal(await db.collection('tabs_native').countDocuments(), 0)
  const [undone, ...others] = await db.collection('tabs_connect-mongo').find().toArray()
  assert.deepEqual(JSON.parse(undone.session).cart, { pears: 1 })
  assert.deepEqual(others, [])
  const [ours, theirs] = await page.locator('.column pre').allTextContents()
  assert.match(ours, /no session/)
  assert.match(theirs, /"user": "Ada"/)
  assert.deepEqual(complaints, [])
})

test('in a browser: of two tabs that fill a cart, one loses its part, unless saves are merged', {
  skip,
}, async (t) => {
  const { address, db } = await serveDemo(t)
  const { complaints, click, flip, page } = await openPage(t, address)
  await click('Fill one cart from both')
  assert.deepEqual(await verdictsOn(page), ['Lost: apples', 'Lost: apples'])

  await flip('Merge', true)
  await click('Fill one cart from both')
  assert.deepEqual(await verdictsOn(page), ['Both are in the cart', 'Lost: apples'])
  const stored = await db.collection('tabs_native').findOne()
  assert.deepEqual(JSON.parse(stored?.session).cart, { apples: 1, pears: 1 })
  assert.deepEqual(complaints, [])
})

test('in a browser: the race draws its numbers while it runs, and says how it ended', {
  skip,
}, async (t) => {
  const { address, db } = await serveDemo(t)
  const { complaints, click, page } = await openPage(t, address)
  await page.evaluate(`window.seen = []
    new MutationObserver(() => seen.push(document.querySelector('#race .rate').textContent))
      .observe(document.querySelector('#race'), { childList: true, subtree: true })`)
  await click('Race for two seconds')
  await page.locator('#race-result', { hasText: /did [\d.]+ times as many/ }).waitFor()

  const rates = await page.locator('#race .rate').allTextContents()
  assert.equal(rates.length, 2)
  for (const rate of rates) assert.ok(parseInt(rate, 10) > 0, rate)
  const drawn = new Set(/** @type {string[]} */ (await page.evaluate('seen')))
  drawn.delete('–')
  assert.ok(drawn.size > 1, `only ${[...drawn]}`)
  for (const bar of await page.locator('#race .bar').all()) {
    assert.ok(Number((await bar.boundingBox())?.width) > 0)
  }
  assert.equal(await db.collection('race_native').countDocuments(), 0)
  assert.deepEqual(complaints, [])
})

test('in a browser as wide as a phone, nothing has to be scrolled sideways', { skip }, async (t) => {
  const { address } = await serveDemo(t)
  const viewport = { width: 360, height: 740 }
  const { click, flip, page } = await openPage(t, address, { viewport })
  const tooWide = () => page.evaluate('document.documentElement.scrollWidth - innerWidth')
  assert.equal(await tooWide(), 0, 'logged in')
  await flip('Encryption', true)
  await flip('Hashed ids', true)
  await click('Log out during a save')
  await verdictsOn(page)
  await click('Race for two seconds')
  await page.locator('#race-result', { hasText: 'times' }).waitFor()
  assert.equal(await tooWide(), 0, 'with all that can be shown')
  await click('Log out')
  await page.locator('#nothing').waitFor()
  assert.equal(await tooWide(), 0, 'logged out')
})

test('in a browser without JavaScript, all but the tabs and the race works', { skip }, async (t) => {
  const { address } = await serveDemo(t)
  const { click, flip, page } = await openPage(t, address, { javaScriptEnabled: false })
  await click('Count')
  await page.locator('#count', { hasText: '1' }).waitFor()
  await flip('Encryption', true)
  assert.equal(await page.locator('#count').textContent(), '1')
  for (const card of ['#tabs', '#race']) assert.ok(await page.locator(`${card} .notice`).isVisible(), card)
  assert.equal(await page.getByRole('button', { name: 'Race for two seconds' }).isVisible(), false)
  await click('Log out')
  await page.locator('#nothing').waitFor()
})

test('a switch that is clicked twice at once fails neither time, and loses no session', async (t) => {
  const { address, db } = await serveDemo(t)
  /** @param {string} path @param {string} cookie @param {Record<string, string>} form */
  const post = (path, cookie, form) =>
    fetch(address + path, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: { cookie },
      redirect: 'manual',
    })
  const login = await post('login', '', { name: 'Ada' })
  const cookie = login.headers.getSetCookie()[0].split(';')[0]
  const answers = await Promise.all([1, 2].map(() => post('switches', cookie, { crypto: 'on' })))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [303, 303]
  )
  const switched = answers[1].headers.getSetCookie()[0].split(';')[0]
  const page = await fetch(address, { headers: { cookie: `${cookie}; ${switched}` } })
  assert.match(await page.text(), /id="count">0</)
  assert.equal(await db.collection('sessions').countDocuments(), 0)
})

test('the page runs no script but its own', async (t) => {
  const { address } = await serveDemo(t)
  const policy = String((await fetch(address)).headers.get('content-security-policy'))
  assert.match(policy, /default-src 'none'/)
  assert.match(policy, /script-src 'self';/)
  assert.doesNotMatch(policy, /unsafe/)
})

test('there is one race at a time, and closing the demo ends it', async (t) => {
  const { address, demo } = await serveDemo(t)
  const race = () => fetch(`${address}race`, { method: 'POST' })
  const first = await race()
  assert.equal(first.status, 200)
  const second = await race()
  assert.equal(second.status, 409)
  await demo.close()
  const lines = await first.text()
  assert.ok(lines.startsWith('{"warmingUp":true}\n'), lines)
  assert.ok(lines.split('"operations"').length <= 10, lines)
})

test('`npm run demo -- --once` walks through the whole life of a session', async () => {
  const url = await freshDatabaseUrl('demo_once')
  const { stdout } = await promisify(execFile)(process.execPath, [DEMO, '--once'], {
    env: { ...process.env, MONGO_URL: url },
  })
  assert.ok(stdout.includes(`backend "${DEFAULT_BACKEND}", binding "${MongoStore.binding}"`), stdout)
  for (const word of [
    'Created',
    'read the session back',
    'Touched',
    '"_id": "sha256:',
    'Destroyed',
    'native: The log-out holds. connect-mongo: The log-out is undone.',
    'native: Both are in the cart. connect-mongo: Lost: apples.',
    'Every step did',
  ]) {
    assert.ok(stdout.includes(word), `${word} in\n${stdout}`)
  }
})

test('the demo fails when the server does not answer, and keeps the password to itself', async () => {
  const env = { ...process.env, MONGO_URL: 'mongodb://ada:hunter2@127.0.0.1:1/?serverSelectionTimeoutMS=200' }
  const failure = await promisify(execFile)(process.execPath, [DEMO, '--once'], { env }).then(
    () => assert.fail('the demo succeeded'),
    (error) => error
  )
  assert.equal(failure.code, 1)
  assert.match(failure.stderr, /No answer from mongodb:\/\/…@127\.0\.0\.1:1/)
  assert.ok(!`${failure.stdout}${failure.stderr}`.includes('hunter2'))
})

/**
 * The demo as it is started to be clicked through.
 *
 * @param {import('node:test').TestContext} t
 * @param {string[]} args
 * @param {Record<string, string>} env
 * @returns {Promise<string>} its address
 */
async function startDemo(t, args, env) {
  const demo = spawn(process.execPath, [DEMO, ...args], { env: { ...process.env, ...env } })
  t.after(async () => {
    if (demo.exitCode === null && demo.kill()) await once(demo, 'exit')
  })
  const ended = once(demo, 'exit').then(() => assert.fail(`The demo ended after\n${printed}`))
  ended.catch(() => {})
  let printed = ''
  demo.stdout.setEncoding('utf8').on('data', (text) => {
    printed += text
  })
  for (;;) {
    await Promise.race([once(demo.stdout, 'data'), ended])
    const address = /http:\S+/.exec(printed)?.[0]
    if (address) return address
  }
}

test('the demo listens on PORT, and --port comes first', async (t) => {
  const [port, other] = [await freePort(), await freePort()]
  const MONGO_URL = await freshDatabaseUrl('demo_port')
  const address = await startDemo(t, [], { MONGO_URL, PORT: String(port) })
  assert.equal(address, `http://127.0.0.1:${port}/`)
  assert.equal((await fetch(address)).status, 200)
  const second = await startDemo(t, ['--port', String(other)], { MONGO_URL, PORT: String(port) })
  assert.equal(second, `http://127.0.0.1:${other}/`)
})

for (const [name, args, PORT] of /** @type {[string, string[], string][]} */ ([
  ['PORT', [], '65536'],
  ['PORT', [], 'http'],
  ['--port', ['--port', '80.5'], ''],
])) {
  test(`the demo says that ${name} is wrong: ${args[1] ?? PORT}`, async () => {
    const failure = await promisify(execFile)(process.execPath, [DEMO, ...args], {
      env: { ...process.env, PORT },
    }).then(
      () => assert.fail('the demo succeeded'),
      (error) => error
    )
    assert.equal(failure.code, 1)
    assert.ok(failure.stderr.startsWith(`${name} takes a number from 0 to 65535, not "${args[1] ?? PORT}"`))
    assert.match(failure.stderr, /Usage: npm run demo/)
  })
}
