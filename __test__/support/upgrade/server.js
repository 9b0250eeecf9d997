// A process of a fleet: an Express app for each configuration, on connect-mongo 6 or on this package. It serves until it is told to
// stop, and then ends by itself.
'use strict'

const { once } = require('node:events')
const express = require('express')
const session = require('express-session')
const { promised, withResolvers } = require('../wait.js')
const { CHANGES, CONFIGURATIONS, HOUR_MS, firstData, slugOf } = require('./configurations.js')

/**
 * @typedef {'connect-mongo' | import('../backends.js').Backend} Kind
 *
 * @typedef {object} Job
 * @property {Kind} kind
 * @property {string} mongoUrl
 */

/** @type {Job} */
const { kind, mongoUrl } = JSON.parse(process.argv[2])
const isOld = kind === 'connect-mongo'

/** By the ids of requests. @type {Map<string, ReturnType<typeof withResolvers>>} */
const holds = new Map()

/** @param {object} message */
const tell = (message) => process.send?.(message)

/** @param {string} what @param {unknown} error @param {object} [context] */
const report = (what, error, context) => tell({ problem: `${what}: ${error}`, ...context })

process.on('warning', (warning) => report('A warning', warning))

/** connect-mongo puts a field of the document among those of the session. @param {any} current */
function dataOf({ cookie, lastModified, ...data }) {
  return lastModified && !isOld ? { ...data, lastModified } : data
}

/** @param {any} current @returns {Record<string, any> | null} nothing of a visitor who is not logged in */
const dataOfUser = (current) => (current?.user ? dataOf(current) : null)

/** @param {any} req @param {Record<string, any>} data */
async function regenerate(req, data) {
  await promised(req.session, 'regenerate')
  Object.assign(req.session, data)
}

/** What is done, besides changes. @type {Record<string, (req: any, query: Record<string, string>) => unknown>} */
const ACTS = {
  look() {},
  logOut: (req) => promised(req.session, 'destroy'),
  renew: (req, { id }) => regenerate(req, { ...dataOf(req.session), last: id }),
}

/** @param {any} req @param {string} act @param {Record<string, string>} query */
function perform(req, act, query) {
  const { id, user } = query
  if (act === 'logIn') return Object.assign(req.session, firstData(user), { last: id })
  if (!req.session.user) return undefined
  if (act in ACTS) return ACTS[act](req, query)
  return CHANGES[act]({ session: req.session, id, user, maxAge: JSON.parse(query.maxAge) })
}

/** @param {string} id of a request, which goes on when the parent says so */
function hold(id) {
  const held = withResolvers()
  holds.set(id, held)
  tell({ held: id })
  return held.promise
}

/** @param {any} req @param {any} res @returns {Promise<void>} */
async function answer(req, res) {
  const found = structuredClone(dataOfUser(req.session))
  if (req.query.hold) await hold(req.query.id)
  await perform(req, req.params.act, req.query)
  const maxAge = req.session?.cookie.originalMaxAge
  res.json({ found, data: dataOfUser(req.session), maxAge })
}

/** @param {string} name @param {any} exported @param {any} app @returns {any} */
function mount(name, exported, app) {
  const { options, session: sessionOptions } = CONFIGURATIONS[name]
  const path = slugOf(name)
  const store = exported.MongoStore.create({
    mongoUrl,
    dbName: path,
    ...options(exported),
    ...(isOld ? {} : { backend: kind }),
  })
  for (const event of ['error', 'unreadable', 'decrypt-failed']) {
    store.on(event, (/** @type {unknown[]} */ ...args) =>
      report(`The event ${event}`, args, { configuration: name })
    )
  }
  app.use(
    `/${path}`,
    session({
      secret: 'of the cookies',
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: HOUR_MS },
      ...sessionOptions,
      store,
    })
  )
  app.get(`/${path}/:act`, answer)
  app.use(
    `/${path}`,
    (
      /** @type {any} */ error,
      /** @type {any} */ req,
      /** @type {any} */ res,
      /** @type {unknown} */ _next
    ) => {
      tell({ failure: error.message, id: req.query.id, configuration: name })
      if (!res.headersSent) res.status(500).end()
    }
  )
  return store
}

/** @param {import('node:http').Server} server @param {any[]} stores */
async function stop(server, stores) {
  // What is idle is closed at once, and what is under way as soon as it is answered.
  server.keepAliveTimeout = 1
  server.close()
  tell({ stopping: true })
  await once(server, 'close')
  await Promise.all(stores.map((store) => store.close()))
  process.disconnect()
}

async function main() {
  const exported = isOld ? await import('connect-mongo') : require('../../..')
  const app = express()
  const stores = Object.keys(CONFIGURATIONS).map((name) => mount(name, exported, app))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.on('message', (/** @type {{ release?: string }} */ { release }) => {
    if (release) holds.get(release)?.resolve()
    else stop(server, stores)
  })
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  tell({ address: `http://127.0.0.1:${port}` })
}

main()
