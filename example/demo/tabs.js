// Two apps that differ in nothing but their store, for two tabs that use one session at the same time.
'use strict'

const { setTimeout: delay } = require('node:timers/promises')
const { promisify } = require('node:util')
const MongoStore = require('connect-mongo-native')
const { MongoStore: ConnectMongo } = require('connect-mongo')
const express = require('express')
const session = require('express-session')
const { readable } = require('../app.js')

/**
 * @typedef {import('express').Request & { session: { user?: string, cart?: Record<string, number> } }} Request
 * @typedef {import('../app.js').StoredSession} StoredSession
 */

/** How long a request works before it saves. */
const SLOW_MS = 1000

/**
 * @param {object} options
 * @param {session.Store} options.store
 * @param {import('mongodb').Collection<StoredSession>} options.sessions what it stores, read past it
 * @param {string} options.path where the app is, which is the name of its cookie, too
 * @param {string} options.secret
 */
function createShop({ store, sessions, path, secret }) {
  const app = express.Router()
  app.use(express.urlencoded({ extended: false, limit: '10kb' }))
  app.use(
    session({
      name: path.slice(1).replace('/', '.'),
      secret,
      store,
      resave: false,
      saveUninitialized: false,
      cookie: { path, sameSite: 'lax', secure: 'auto' },
    })
  )

  app.post('/login', async (/** @type {Request} */ req, res) => {
    await promisify(req.session.regenerate).call(req.session)
    Object.assign(req.session, { user: 'Ada', cart: {} })
    await promisify(req.session.save).call(req.session)
    res.json({ id: req.sessionID })
  })

  app.post('/add', async (/** @type {Request} */ req, res) => {
    const { cart } = req.session
    if (!cart) return res.status(401).json({ error: 'Not logged in' })
    // Whoever asks can tell from this line that the session is loaded.
    res.type('application/x-ndjson').write('{"loaded":true}\n')
    await delay(SLOW_MS)
    cart[String(req.body?.item)] = 1
    await promisify(req.session.save).call(req.session)
    res.end('{"saved":true}\n')
  })

  app.post('/logout', async (req, res) => {
    await promisify(req.session.destroy).call(req.session)
    res.json({})
  })

  app.get('/me', (/** @type {Request} */ req, res) => {
    res.json({ user: req.session.user ?? null })
  })

  app.get('/stored/:id', async (req, res) => {
    const document = await sessions.findOne({ _id: req.params.id })
    res.json({ document: document && readable(document) })
  })

  return app
}

/**
 * @param {import('./server.js').Place & { secret: string, namesOf: (req: import('express').Request) => string[] }} options
 */
function createTabs({ mongoUrl, dbName, client, opened, secret, namesOf }) {
  /**
   * @template {session.Store & { close(): unknown }} Store
   * @param {string} name
   * @param {(where: { mongoUrl: string, dbName: string, collectionName: string }) => Store} openStore
   * @param {string} [variant]
   */
  function shop(name, openStore, variant = '') {
    return opened.get(`tabs ${name} ${variant}`, () => {
      const collectionName = `tabs_${name}`
      const store = openStore({ mongoUrl, dbName, collectionName })
      /** @type {import('mongodb').Collection<StoredSession>} */
      const sessions = client.db(dbName).collection(collectionName)
      const router = createShop({ store, sessions, path: `/tabs/${name}`, secret })
      return { router, close: () => store.close() }
    }).router
  }

  const router = express.Router()
  router.use('/native', (req, res, next) => {
    const concurrency = namesOf(req).includes('merge') ? 'merge' : 'overwrite'
    const native = shop('native', (where) => MongoStore.create({ ...where, concurrency }), concurrency)
    native(req, res, next)
  })
  router.use('/connect-mongo', (req, res, next) => {
    shop('connect-mongo', (where) => ConnectMongo.create(where))(req, res, next)
  })
  return router
}

module.exports = { createTabs }
