// `npm run demo`: serves the example app on a real MongoDB; with `-- --once`, walks through it and checks each step.
'use strict'

const { randomBytes } = require('node:crypto')
const { once } = require('node:events')
const { parseArgs } = require('node:util')
const { takePicture } = require('./demo-picture.js')
const { walkThrough } = require('./demo-walk.js')
const { startMongod } = require('./mongod.js')
const { StepError, reportFailure, setUp, step } = require('./setup.js')

const USAGE = `Usage: npm run demo [-- OPTION …]

Installs and builds what is missing, starts a mongod in a temporary folder, and serves a small Express app.

  --once          walk through the app over HTTP, show what MongoDB holds after each step, check it, and end
  --picture FILE  use all of the page in a Chromium, write a picture of it to FILE (docs/demo.webp is one), and end
  --port N        listen on this port (default: that of PORT, or else 3000, or the next free one)
  --help          show this text

PORT=N                 the same as --port N, which comes first
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

/** @param {string} name @param {string} [value] @returns {number | undefined} */
function readPort(name, value) {
  if (value === undefined) return undefined
  const port = Number(value)
  if (/^\d+$/.test(value) && port <= 65535) return port
  throw new Error(`${name} takes a number from 0 to 65535, not "${value}"`)
}

/** @param {string[]} args */
function readOptions(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        once: { type: 'boolean' },
        picture: { type: 'string' },
        port: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.picture !== undefined && !/\.(webp|png)$/.test(values.picture)) {
      throw new Error(`--picture takes the name of a .webp or .png file, not "${values.picture}"`)
    }
    // A variable that is empty counts as none.
    const port = readPort('--port', values.port) ?? readPort('PORT', process.env.PORT || undefined)
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
  throw new StepError(`Port ${ports.join(', ')} is in use. Name another one with --port or PORT`)
}

/** @param {import('node:http').Server} server */
async function closeServer(server) {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

/** @param {string[]} args */
async function main(args) {
  const options = readOptions(args)
  if (options.help) return console.log(USAGE)
  closeOnSignals()
  await setUp()

  const MongoStore = require('..')
  const { createDemo } = require('../example/demo/server.js')
  const { url, client } = await connect()
  const dbName = databaseIn(url) ?? DATABASE
  const demo = createDemo({ mongoUrl: url, dbName, secret: randomBytes(32).toString('hex'), client })
  openThings.push(() => demo.close())
  console.log(`connect-mongo-native: backend "${demo.backend}", binding "${MongoStore.binding}"`)

  const isBrief = options.once || options.picture
  const anyPort = isBrief ? [0] : Array.from({ length: 20 }, (_, index) => 3000 + index)
  const address = await listen(demo.app, options.port === undefined ? anyPort : [options.port])
  if (!isBrief) return console.log(`\n  ${address}/\n\nCtrl-C stops it.`)
  if (options.once) await walkThrough(address, client.db(dbName))
  if (options.picture) await step('Taking a picture', () => takePicture(address, String(options.picture)))
  await closeAll()
  if (options.once) console.log('\nEvery step did what it says.')
}

main(process.argv.slice(2)).catch(async (error) => {
  reportFailure(error)
  await closeAll()
})
