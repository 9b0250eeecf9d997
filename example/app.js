// A small Express 5 app whose sessions are kept by connect-mongo-native: log in, count, see the document and all of your devices, log out.
// `npm run demo` serves it, with what is in demo/. With a MongoDB of your own: MONGO_URL=mongodb://… SESSION_SECRET=… node example/app.js
'use strict'

const path = require('node:path')
const { promisify } = require('node:util')
const MongoStore = require('connect-mongo-native')
const express = require('express')
const session = require('express-session')
const { BSON, MongoClient } = require('mongodb')
const { errorPage, sessionPage } = require('./page.js')

/**
 * @typedef {object} User what a session holds
 * @property {string} name
 * @property {number} count
 *
 * @typedef {import('express').Request & { session: { user?: User, browser?: string } }} Request
 * @typedef {import('express').Response} Response
 * @typedef {{ _id: string, session: unknown, handle?: string, description?: unknown, expires?: Date }} StoredSession
 * @typedef {Omit<import('connect-mongo-native').ConnectMongoOptions, 'client' | 'clientPromise'>} StoreOptions
 */

/**
 * A store that finds the sessions of a user, and knows the browser of each.
 *
 * @param {StoreOptions & { mongoUrl: string }} options
 */
function openStore(options) {
  return MongoStore.create({
    ...options,
    index: { userId: 'user.name' },
    describe: (/** @type {any} */ { browser }) => ({ browser }),
  })
}

/**
 * @param {object} options
 * @param {string} options.mongoUrl
 * @param {string} options.secret signs the cookie: a long random text, the same in every process that serves the app
 * @param {string} [options.dbName] when it is not the one that `mongoUrl` names
 * @param {MongoStore} [options.store] one of your own, so that you can close it
 * @param {MongoClient} [options.client] likewise; the page reads the stored document through it, the sessions do not use it
 * @param {{ router: import('express').Router, above: string, below: string }} [options.extras] routes with a session, and HTML for the page
 */
function createApp({
  mongoUrl,
  secret,
  dbName,
  store = openStore({ mongoUrl, dbName }),
  client = new MongoClient(mongoUrl),
  extras,
}) {
  const app = express()
  /** @type {import('mongodb').Collection<StoredSession>} */
  const sessions = client.db(dbName).collection(String(store.options.collectionName))
  /** @param {Omit<Parameters<typeof sessionPage>[0], 'extras' | 'footer'>} view */
  const render = (view) => sessionPage({ ...view, extras, footer: about(store) })

  app.disable('x-powered-by')
  app.use(setHeaders)
  app.get('/style.css', (_req, res) => res.sendFile(path.join(__dirname, 'style.css')))
  app.use(express.urlencoded({ extended: false, limit: '10kb' }))
  app.use(
    session({
      secret,
      resave: false,
      saveUninitialized: false,
      store,
      cookie: { sameSite: 'lax', secure: 'auto' },
    })
  )

  app.get('/', async (/** @type {Request} */ req, res) => {
    const { user } = req.session
    const devices = user && (await devicesOf(store, user.name, req.sessionID))
    const handle = devices?.find(({ isCurrent }) => isCurrent)?.handle
    // With `hashId` the session id does not find the document.
    const stored = await sessions.findOne(handle ? { handle } : { _id: req.sessionID })
    res.send(render({ user, devices, document: stored && show(readable(stored)) }))
  })

  app.post('/login', async (/** @type {Request} */ req, res) => {
    const name = String(req.body?.name ?? '').trim()
    if (!name) return res.status(400).send(render({ notice: 'Please type a name.' }))
    // A new id at login: one that somebody planted in this browser beforehand must not become a logged-in one.
    await call(req.session, 'regenerate')
    req.session.user = { name: name.slice(0, 60), count: 0 }
    req.session.browser = browserOf(req.get('user-agent'))
    await saveAndShow(req, res)
  })

  app.post('/count', async (/** @type {Request} */ req, res) => {
    if (req.session.user) req.session.user.count += 1
    await saveAndShow(req, res)
  })

  app.post('/devices/end', async (/** @type {Request} */ req, res) => {
    const { user } = req.session
    const devices = user && (await devicesOf(store, user.name, req.sessionID))
    // Somebody else's handle cannot be guessed, and would be none of this list.
    const device = devices?.find(({ handle }) => handle === req.body?.handle)
    if (device) await store.destroyHandle(device.handle)
    res.redirect(303, '/')
  })

  app.post('/devices/end-others', async (/** @type {Request} */ req, res) => {
    const { user } = req.session
    if (user) await store.destroyAll({ userId: user.name }, { except: req.sessionID })
    res.redirect(303, '/')
  })

  app.post('/logout', async (req, res) => {
    await call(req.session, 'destroy')
    res.clearCookie('connect.sid').redirect(303, '/')
  })

  if (extras) app.use(extras.router)
  app.use((_req, res) => res.status(404).send(errorPage('There is no such page here.')))
  app.use(handleError)
  return app
}

/**
 * Nothing for a store of one's own that does not find sessions by user.
 *
 * @param {MongoStore} store
 * @param {string} name
 * @param {string} sid of the one who asks
 */
async function devicesOf(store, name, sid) {
  return store.options.index && store.find({ userId: name }, { current: sid, limit: 20 })
}

/** @param {string} [userAgent] */
function browserOf(userAgent = '') {
  const names = ['Edg', 'Firefox', 'Chrome', 'Safari', 'curl']
  return names.find((name) => userAgent.includes(name))?.replace('Edg', 'Edge') ?? 'another browser'
}

/**
 * express-session's methods take callbacks.
 *
 * @param {import('express-session').Session} session
 * @param {'regenerate' | 'save' | 'destroy'} method
 */
function call(session, method) {
  return promisify(session[method]).call(session)
}

/**
 * Saved before the redirect is sent: a quick browser would otherwise ask for the page before the session is stored.
 *
 * @param {Request} req
 * @param {Response} res
 */
async function saveAndShow(req, res) {
  if (req.session.user) await call(req.session, 'save')
  res.redirect(303, '/')
}

/** A stored document with what is JSON in it parsed; what is encrypted stays as it is. @param {StoredSession} document */
function readable({ session, description, ...rest }) {
  return { ...rest, description: parsed(description), session: parsed(session) }
}

/** @param {unknown} value */
function parsed(value) {
  return typeof value === 'string' && value.startsWith('{') ? JSON.parse(value) : value
}

/** The document with its BSON types kept: a date is not a string. What is short is on one line. @param {unknown} document */
function show(document) {
  return BSON.EJSON.stringify(document, null, 2).replace(/\{\n[^{}]{0,90}\n *\}/g, (object) =>
    object.replace(/\n */g, ' ')
  )
}

/** @param {MongoStore} store */
function about(store) {
  return `Backend: ${store.backend} · binding: ${MongoStore.binding}`
}

/** @param {import('express').Request} _req @param {Response} res @param {import('express').NextFunction} next */
function setHeaders(_req, res, next) {
  res.set({
    'Cache-Control': 'no-store',
    'Content-Security-Policy':
      "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
  })
  next()
}

/**
 * Express tells an error handler by its four parameters.
 *
 * @param {any} error what was thrown
 * @param {import('express').Request} _req
 * @param {Response} res
 * @param {import('express').NextFunction} next
 */
function handleError(error, _req, res, next) {
  if (res.headersSent) return next(error)
  const isCallersFault = error.status >= 400 && error.status < 500
  if (!isCallersFault) console.error(error)
  res
    .status(isCallersFault ? error.status : 500)
    .send(errorPage(isCallersFault ? error.message : 'The server could not answer. Its log says why.'))
}

module.exports = { createApp, openStore, readable, setHeaders, show }

if (require.main === module) {
  const { MONGO_URL: mongoUrl, SESSION_SECRET: secret, PORT: port = '3000' } = process.env
  if (!mongoUrl || !secret) throw new Error('Set MONGO_URL and SESSION_SECRET')
  createApp({ mongoUrl, secret }).listen(Number(port), (error) => {
    if (error) throw error
    console.log(`http://localhost:${port}/`)
  })
}
