// A small Express 5 app with "your devices": log in, see where else you are, end one session or all others; five at the most.
// MONGO_URL=mongodb://… SESSION_SECRET=… INDEX_SECRET=… node example/users.js
'use strict'

const { promisify } = require('node:util')
const MongoStore = require('connect-mongo-native')
const express = require('express')
const session = require('express-session')
const { escapeHtml } = require('./page.js')

/**
 * @typedef {object} Login what a session holds
 * @property {string} user
 * @property {string} browser
 *
 * @typedef {import('express').Request & { session: { login?: Login } }} Request
 * @typedef {import('express').Response} Response
 * @typedef {import('connect-mongo-native').FoundSession<any>} FoundSession
 */

/** @param {string} mongoUrl @param {string} indexSecret hides in the database whose sessions these are */
function createStore(mongoUrl, indexSecret) {
  const store = MongoStore.create({
    mongoUrl,
    index: { user: 'login.user' },
    indexSecret,
    describe: (/** @type {any} */ { login }) => login && { browser: login.browser },
    maxPerUser: { user: 5 },
    expiredEvents: true,
  })
  store.on('evicted', (_sid, ended) => log('One session too many was ended', ended))
  store.on('expired', (_sid, ended) => log('A session has expired', ended))
  return store
}

/** @param {string} what @param {any} ended */
function log(what, ended) {
  console.log(`${what}: of ${ended?.login?.user ?? 'nobody'}`)
}

/** @param {{ store: MongoStore, secret: string }} options */
function createApp({ store, secret }) {
  const app = express()
  app.disable('x-powered-by')
  app.use(express.urlencoded({ extended: false, limit: '10kb' }))
  app.use(
    session({
      secret,
      resave: false,
      saveUninitialized: false,
      store,
      // Other sites cannot send the forms below in a user's name.
      cookie: { sameSite: 'lax', secure: 'auto', maxAge: 7 * 24 * 60 * 60 * 1000 },
    })
  )

  app.get('/', async (/** @type {Request} */ req, res) => {
    const { login } = req.session
    if (!login) return res.send(loginPage())
    res.send(devicesPage(login, await store.find({ user: login.user }, { current: req.sessionID })))
  })

  app.post('/login', async (/** @type {Request} */ req, res) => {
    const user = String(req.body?.user ?? '').trim()
    if (!user) return res.redirect(303, '/')
    // A new id at log-in: one that somebody planted in this browser beforehand must not become a logged-in one.
    await call(req.session, 'regenerate')
    const browser = String(req.get('user-agent') ?? 'unknown').slice(0, 100)
    req.session.login = { user: user.slice(0, 60), browser }
    await call(req.session, 'save')
    res.redirect(303, '/')
  })

  app.post('/end', requireLogin, async (/** @type {Request} */ req, res) => {
    const { user } = loginOf(req)
    const handle = String(req.body?.handle)
    const own = await store.find({ user })
    // Of this user only, whatever the form says.
    if (own.some((device) => device.handle === handle)) await store.destroyHandle(handle)
    res.redirect(303, '/')
  })

  app.post('/end-others', requireLogin, async (/** @type {Request} */ req, res) => {
    await store.destroyAll({ user: loginOf(req).user }, { except: req.sessionID })
    res.redirect(303, '/')
  })

  return app
}

/** @param {Request} req @param {Response} res @param {import('express').NextFunction} next */
function requireLogin(req, res, next) {
  if (req.session.login) next()
  else res.redirect(303, '/')
}

/** @param {Request} req */
function loginOf(req) {
  return /** @type {Login} */ (req.session.login)
}

/**
 * express-session's methods take callbacks.
 *
 * @param {import('express-session').Session} session
 * @param {'regenerate' | 'save'} method
 */
function call(session, method) {
  return promisify(session[method]).call(session)
}

function loginPage() {
  return page(
    '<form method="post" action="/login">Your name: <input name="user" required> <button>Log in</button></form>'
  )
}

/** @param {Login} login @param {FoundSession[]} devices */
function devicesPage({ user }, devices) {
  const items = devices.map(deviceItem)
  return page(`<h2>${escapeHtml(user)}’s devices</h2>
<ul>${items.join('')}</ul>
<form method="post" action="/end-others"><button>End all others</button></form>`)
}

/** @param {FoundSession} found */
function deviceItem({ handle, description, createdAt, lastSeen, isCurrent }) {
  return `<li>${escapeHtml(description?.browser)}, since ${createdAt?.toJSON()}, last seen ${lastSeen?.toJSON()}
${isCurrent ? '(this one)' : ''}
<form method="post" action="/end"><button name="handle" value="${escapeHtml(handle)}">End</button></form></li>`
}

/** @param {string} content HTML */
function page(content) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Your devices</title><main>${content}</main></html>`
}

module.exports = { createApp, createStore }

if (require.main === module) {
  const { MONGO_URL, SESSION_SECRET: secret, INDEX_SECRET, PORT = '3000' } = process.env
  if (!MONGO_URL || !secret || !INDEX_SECRET)
    throw new Error('Set MONGO_URL, SESSION_SECRET and INDEX_SECRET')
  createApp({ store: createStore(MONGO_URL, INDEX_SECRET), secret }).listen(Number(PORT), (error) => {
    if (error) throw error
    console.log(`http://localhost:${PORT}/`)
  })
}
