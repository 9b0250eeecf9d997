// A login that ends with a redirect. express-session sends the headers before the session is saved, so a browser asks for the
// next page while the save is under way; with several connections nothing else keeps the two apart.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const express = require('express')
const session = require('express-session')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { Browser, serve } = require('../support/http.js')
const { startServer, withDatabase } = require('../support/server.js')
const { promised } = require('../support/wait.js')

const BROWSERS = 16
const CONNECTIONS = 4
const SLOW_MS = 500

const slowServer = startServer({ args: ['--setParameter', 'enableTestCommands=1'] })

/** From now on. @param {import('mongodb').Db} db */
function slowWrites(db) {
  const data = {
    failCommands: ['update'],
    namespace: `${db.databaseName}.sessions`,
    blockConnection: true,
    blockTimeMS: SLOW_MS,
  }
  return db.admin().command({ configureFailPoint: 'failCommand', mode: 'alwaysOn', data })
}

/** @param {import('express-session').Store} store */
function createApp(store) {
  const app = express()
  app.use(session({ secret: 'a secret', resave: false, saveUninitialized: false, store }))
  app.get('/visit', (req, res) => {
    req.session.visited = true
    res.end()
  })
  app.post('/login/:user', (req, res) => {
    req.session.user = req.params.user
    res.redirect('/')
  })
  app.post('/fresh-login/:user', async (req, res) => {
    await promised(req.session, 'regenerate')
    req.session.user = req.params.user
    res.redirect('/')
  })
  app.get('/', (req, res) => res.json({ user: req.session.user }))
  return app
}

/**
 * Logs in, and follows the redirect on several connections as soon as its headers are there.
 *
 * @param {Browser} browser @param {string} path
 * @param {Set<string>} saved the ids of the sessions that are saved
 */
async function logIn(browser, path, saved) {
  const response = await browser.fetch(path, { method: 'POST', redirect: 'manual' })
  const isAhead = !saved.has(browser.sid ?? '')
  const location = response.headers.get('location') ?? ''
  const pages = await Promise.all(Array.from({ length: CONNECTIONS }, () => browser.json(location)))
  await response.text()
  return { isAhead, users: pages.map(({ user }) => user) }
}

for (const backend of BACKENDS) {
  describe(`a redirect after a login, on the ${backend} backend`, () => {
    for (const [what, { visit, login }] of Object.entries({
      'with a session that is new': { visit: false, login: '/login' },
      'with the session of a visitor': { visit: true, login: '/login' },
      'with a session in place of the one of a visitor': { visit: true, login: '/fresh-login' },
    })) {
      test(`${what} leads to a page that knows the user`, async (t) => {
        const url = withDatabase((await slowServer).getUri(), `${backend}${login.replace('/', '_')}_${visit}`)
        const { db, open } = await openDatabase(t, url)
        const store = open({ backend, autoRemove: 'disabled' })
        const address = await serve(t, createApp(store))
        const browsers = Array.from({ length: BROWSERS }, () => new Browser(address))
        if (visit) await Promise.all(browsers.map((browser) => browser.fetch('/visit')))

        /** @type {Set<string>} */
        const saved = new Set()
        store.on('set', (sid) => saved.add(sid))
        await slowWrites(db)
        const seen = await Promise.all(
          browsers.map((browser, user) => logIn(browser, `${login}/${user}`, saved))
        )

        assert.deepEqual(
          seen.map(({ users }) => users),
          browsers.map((_, user) => Array(CONNECTIONS).fill(String(user)))
        )
        assert.ok(
          seen.some(({ isAhead }) => isAhead),
          'the redirect was there before the save was done'
        )
      })
    }
  })
}
