// The example app as a person meets it: in a browser, and through the `npm run demo` command.
'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { test } = require('node:test')
const { promisify } = require('node:util')
const { MongoClient } = require('mongodb')
const { chromium } = require('playwright-core')
const MongoStore = require('connect-mongo-native')
const { createApp, openStore } = require('../../example/app.js')
const { DEFAULT_BACKEND } = require('../support/backends.js')
const { freshDatabaseUrl } = require('../support/server.js')
const { isExecutable } = require('../support/programs.js')

const DEMO = path.join(__dirname, '..', '..', 'scripts', 'demo.js')
const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

function findChromium() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean)
  return ['chromium', 'chromium-browser', 'google-chrome']
    .flatMap((name) => folders.map((folder) => path.join(folder, name)))
    .find(isExecutable)
}

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

/** @param {import('node:test').TestContext} t */
async function openBrowser(t) {
  assert.ok(executablePath, 'CI must have a Chromium')
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGS })
  t.after(() => browser.close())
  return browser
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
  assert.equal(shown.session, stored.session)
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

test('`npm run demo -- --once` walks through the whole life of a session', async () => {
  const url = await freshDatabaseUrl('demo_once')
  const { stdout } = await promisify(execFile)(process.execPath, [DEMO, '--once'], {
    env: { ...process.env, MONGO_URL: url },
  })
  assert.ok(stdout.includes(`backend "${DEFAULT_BACKEND}", binding "${MongoStore.binding}"`), stdout)
  for (const word of ['Created', 'read the session back', 'Touched', 'Destroyed', 'Every step did']) {
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
