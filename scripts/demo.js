// `npm run demo`: serves the example app on a real MongoDB; with `-- --once`, walks through it and checks each step.
'use strict'

const assert = require('node:assert/strict')
const { randomBytes } = require('node:crypto')
const { once } = require('node:events')
const { parseArgs } = require('node:util')
const { startMongod } = require('./mongod.js')
const { StepError, reportFailure, setUp, step } = require('./setup.js')

const USAGE = `Usage: npm run demo [-- OPTION …]

Installs and builds what is missing, starts a mongod in a temporary folder, and serves a small Express app.

  --once     walk through the app over HTTP, show what MongoDB holds after each step, check it, and end
  --port N   listen on this port (default: 3000, or the next free one)
  --help     show this text

MONGO_URL=mongodb://…  use this server instead of starting one. Sessions go to the database that the URL names, or to
                       "connect_mongo_native_demo".`

const DATABASE = 'connect_mongo_native_demo'

/** What has to be closed at the end, newest first. @type {(() => unknown)[]} */
const openThings = []

async function closeAll() {
  for (const close of openThings.splice(0).reverse()) await close()
}

/** npm passes a Ctrl-C on to a process that the terminal has told already, so the second one must not cut the first short. */
function closeOnSignals() {
  let isClosing = false
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => {
      if (isClosing) return
      isClosing = true
      console.log('\nStopping …')
      // Nothing here takes long; whatever hangs must not keep the terminal.
      setTimeout(() => process.exit(1), 15_000).unref()
      const code = openThings.length ? 0 : 130
      closeAll().then(
        () => process.exit(code),
        (error) => {
          console.error(error)
          process.exit(1)
        }
      )
    })
  }
}

/** @param {string[]} args */
function readOptions(args) {
  try {
    const { values } = parseArgs({
      args,
      options: { once: { type: 'boolean' }, port: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    })
    const port = values.port === undefined ? undefined : Number(values.port)
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65535 && values.port !== '')) {
      throw new Error(`--port takes a number from 0 to 65535, not "${values.port}"`)
    }
    return { ...values, port }
  } catch (error) {
    throw new StepError(`${/** @type {Error} */ (error).message}\n\n${USAGE}`)
  }
}

async function mongoUrl() {
  if (process.env.MONGO_URL) return process.env.MONGO_URL
  const server = await step('Starting a mongod in a temporary folder', startMongod)
  openThings.push(() => server.stop())
  return server.getUri()
}

/** @param {string} url @returns {string} without the password, fit to be printed */
function withoutPassword(url) {
  return url.replace(/\/\/.*@/, '//…@')
}

/** Asks the server before anything is served: a page that fails half a minute later says less. */
async function connect() {
  const { MongoClient } = require('mongodb')
  const url = await mongoUrl()
  try {
    const client = new MongoClient(
      url,
      /serverSelectionTimeoutMS=/.test(url) ? {} : { serverSelectionTimeoutMS: 10_000 }
    )
    openThings.push(() => client.close())
    await client.db().admin().ping()
    return { url, client }
  } catch (error) {
    throw new StepError(`No answer from ${withoutPassword(url)}: ${/** @type {Error} */ (error).message}`)
  }
}

/** @param {string} url the database that it names, if it names one */
function databaseIn(url) {
  const name = /^mongodb(?:\+srv)?:\/\/[^/]*\/([^?]+)/.exec(url)?.[1]
  return name && decodeURIComponent(name)
}

/**
 * @param {import('express').Express} app
 * @param {number[]} ports the first free one is taken
 */
async function listen(app, ports) {
  const { createServer } = require('node:http')
  for (const port of ports) {
    const server = createServer(app)
    try {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      openThings.push(() => closeServer(server))
      return `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EADDRINUSE') throw error
    }
  }
  throw new StepError(`Port ${ports.join(', ')} is in use. Name another one with --port`)
}

/** @param {import('node:http').Server} server */
async function closeServer(server) {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

/** A browser as small as it gets: it keeps cookies and follows the redirect after a form. @param {string} address */
function createBrowser(address) {
  /** @type {Map<string, string>} */
  const cookies = new Map()

  /** @param {string} path @param {Record<string, string>} [form] @returns {Promise<string>} */
  async function visit(path, form) {
    const response = await fetch(address + path, {
      method: form ? 'POST' : 'GET',
      body: form && new URLSearchParams(form),
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      redirect: 'manual',
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /** @type {RegExpExecArray} */ (/^([^=]+)=([^;]*)/.exec(line))
      if (value) cookies.set(name, value)
      else cookies.delete(name)
    }
    if (response.status === 303) return visit(/** @type {string} */ (response.headers.get('location')))
    assert.equal(response.status, 200, `${form ? 'POST' : 'GET'} ${path}`)
    return response.text()
  }

  /** express-session's cookie is `s:ID.SIGNATURE` @returns {string | undefined} */
  function sessionId() {
    return /^s:([^.]+)\./.exec(decodeURIComponent(cookies.get('connect.sid') ?? ''))?.[1]
  }

  return { visit, sessionId }
}

/** @param {string} page @returns {number} */
function countOn(page) {
  return Number(/id="count">(\d+)</.exec(page)?.[1])
}

/**
 * The whole life of one session. Each step is checked in the page and, through another client, in MongoDB.
 *
 * @param {string} address
 * @param {import('mongodb').Collection<any>} sessions
 */
async function walkThrough(address, sessions) {
  const { show } = require('../example/app.js')
  const browser = createBrowser(address)
  const stored = async () => {
    const document = await sessions.findOne({ _id: browser.sessionId() })
    assert.ok(document, `${sessions.namespace} does not hold the session ${browser.sessionId()}`)
    return document
  }
  /** @param {string} title */
  const heading = (title) => console.log(`\n${title}`)
  /** @param {unknown} document */
  const print = (document) => console.log(show(document).replace(/^/gm, '    '))

  heading('1. Visit the page')
  await browser.visit('/')
  assert.equal(browser.sessionId(), undefined)
  console.log('   No cookie, and nothing stored: there is nothing to remember yet.')

  heading('2. Log in as Ada')
  await browser.visit('/login', { name: 'Ada' })
  const created = await stored()
  assert.deepEqual(JSON.parse(created.session).user, { name: 'Ada', count: 0 })
  console.log(`   Created. The document in ${sessions.namespace}, as MongoDB holds it:`)
  print(created)

  heading('3. Count three times')
  for (const expected of [1, 2, 3]) {
    assert.equal(countOn(await browser.visit('/count', {})), expected)
    assert.equal(JSON.parse((await stored()).session).user.count, expected)
    console.log(`   The page, which read the session back, says ${expected}, and so does the document.`)
  }
  const counted = await stored()
  print(counted)

  heading('4. Visit the page again, changing nothing')
  assert.equal(countOn(await browser.visit('/')), 3)
  const touched = await stored()
  assert.equal(touched.session, counted.session)
  assert.ok(touched.expires > counted.expires, 'expires did not move')
  console.log('   Touched: the session is the same, and `expires` moved on.')
  console.log(`    from ${counted.expires.toISOString()}\n    to   ${touched.expires.toISOString()}`)

  heading('5. Log out')
  await browser.visit('/logout', {})
  assert.equal(browser.sessionId(), undefined)
  assert.equal(await sessions.findOne({ _id: created._id }), null)
  console.log('   Destroyed: the document is gone, and so is the cookie.')
}

/** @param {string[]} args */
async function main(args) {
  const options = readOptions(args)
  if (options.help) return console.log(USAGE)
  closeOnSignals()
  await setUp()

  const MongoStore = require('..')
  const { createApp, openStore } = require('../example/app.js')
  const { url, client } = await connect()
  const dbName = databaseIn(url) ?? DATABASE
  const store = openStore({ mongoUrl: url, dbName })
  openThings.push(() => store.close())
  const app = createApp({ mongoUrl: url, secret: randomBytes(32).toString('hex'), dbName, store, client })
  console.log(`connect-mongo-native: backend "${store.backend}", binding "${MongoStore.binding}"`)

  const anyPort = options.once ? [0] : Array.from({ length: 20 }, (_, index) => 3000 + index)
  const address = await listen(app, options.port === undefined ? anyPort : [options.port])
  if (!options.once) return console.log(`\n  ${address}/\n\nCtrl-C stops it.`)
  await walkThrough(address, client.db(dbName).collection('sessions'))
  await closeAll()
  console.log('\nEvery step did what it says.')
}

main(process.argv.slice(2)).catch(async (error) => {
  reportFailure(error)
  await closeAll()
})
