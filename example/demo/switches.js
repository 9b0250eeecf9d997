// The options of the store that the page switches on and off: for each combination a store and an app, opened when first used.
// Which one a browser gets is in a cookie.
'use strict'

const { randomBytes } = require('node:crypto')
const { promisify } = require('node:util')
const express = require('express')
const { createApp, openStore } = require('../app.js')
const { switchesCard, tabsCard, raceCard } = require('./panels.js')

/**
 * @typedef {import('connect-mongo-native').MongoStore} MongoStore
 * @typedef {import('../app.js').StoreOptions} StoreOptions
 * @typedef {import('../app.js').Request} Request
 *
 * @typedef {object} Switch
 * @property {string} label
 * @property {string} option as an app would write it
 * @property {string} says what it changes
 * @property {string} [part] of the collection's name: a store that encrypts refuses what another one has left in plain text
 * @property {StoreOptions} options
 */

const COOKIE = 'demo_switches'

/** @returns {Record<string, Switch>} */
function makeSwitches() {
  return {
    crypto: {
      label: 'Encryption',
      option: "crypto: { secret, format: 'sealed' }",
      says: 'The session is unreadable in the database.',
      part: 'encrypted',
      options: { crypto: { secret: randomBytes(32).toString('hex'), format: 'sealed' } },
    },
    hashId: {
      label: 'Hashed ids',
      option: 'hashId: true',
      says: 'Nobody can log in with what is in _id.',
      part: 'hashed',
      options: { hashId: true },
    },
    merge: {
      label: 'Merge',
      option: "concurrency: 'merge'",
      says: 'Two saves at once keep both changes: see the cart below.',
      options: { concurrency: 'merge' },
    },
  }
}

/** @param {string} [header] @returns {string[]} the names in the cookie, of which anybody may have made anything */
function namesIn(header = '') {
  const [, names] = new RegExp(`(?:^|; )${COOKIE}=([\\w.]*)`).exec(header) ?? []
  return names?.split('.') ?? []
}

/** @param {import('./server.js').Place & { secret: string }} options */
function createVariants({ secret, client, opened, ...where }) {
  const switches = makeSwitches()

  /** @param {import('express').Request} req */
  function namesOf(req) {
    const names = namesIn(req.headers.cookie)
    return Object.keys(switches).filter((name) => names.includes(name))
  }

  /** @param {string[]} names */
  function openStoreWith(names) {
    const on = names.map((name) => switches[name])
    const collectionName = ['sessions', ...on.flatMap(({ part }) => part ?? [])].join('_')
    return openStore(Object.assign({ ...where, collectionName }, ...on.map(({ options }) => options)))
  }

  /** @param {string[]} names @returns {{ app: express.Express, store: MongoStore, close: () => unknown }} */
  function variant(names) {
    return opened.get(`page ${names}`, () => {
      const store = openStoreWith(names)
      const extras = {
        router: createRouter(names, store),
        above: switchesCard(switches, names),
        below: tabsCard({ merges: names.includes('merge') }) + raceCard(),
      }
      const app = createApp({ ...where, secret, store, client, extras })
      return { app, store, close: () => store.close() }
    })
  }

  /** @param {string[]} names @param {MongoStore} store */
  function createRouter(names, store) {
    const router = express.Router()
    router.post('/switches', async (req, res) => {
      const form = req.body ?? {}
      const next = Object.keys(switches).filter((name) =>
        name in form ? form[name] === 'on' : names.includes(name)
      )
      await moveSession(/** @type {Request} */ (req), store, variant(next).store)
      res.cookie(COOKIE, next.join('.'), { httpOnly: true, sameSite: 'lax' }).redirect(303, '/#switches')
    })
    return router
  }

  /** @type {express.RequestHandler} */
  const serve = (req, res, next) => variant(namesOf(req)).app(req, res, next)
  return { defaultStore: variant([]).store, namesOf, serve }
}

/**
 * The user stays logged in: the session goes to the other store under its id.
 *
 * @param {Request} req
 * @param {MongoStore} from
 * @param {MongoStore} to
 */
async function moveSession(req, from, to) {
  const session = await from.get(req.sessionID)
  if (!session || from.options.collectionName === to.options.collectionName) return
  await to.set(req.sessionID, session)
  await promisify(req.session.destroy).call(req.session)
}

module.exports = { createVariants }
