// What `npm run demo` serves: the example app with switches, two tabs beside connect-mongo, and a race of both stores.
'use strict'

const path = require('node:path')
const express = require('express')
const { setHeaders } = require('../app.js')
const { createRace } = require('./race.js')
const { createVariants } = require('./switches.js')
const { createTabs } = require('./tabs.js')

/**
 * Where the stores keep their sessions.
 *
 * @typedef {object} Place
 * @property {string} mongoUrl
 * @property {string} dbName
 * @property {import('mongodb').MongoClient} client reads what is stored; no store uses it
 * @property {ReturnType<typeof createOpened>} opened
 */

/** Whatever is opened when it is first asked for, and closed at the end. */
function createOpened() {
  /** @type {Map<string, { close(): unknown }>} */
  const things = new Map()

  /**
   * @template {{ close(): unknown }} Thing
   * @param {string} name
   * @param {() => Thing} open
   * @returns {Thing}
   */
  function get(name, open) {
    const thing = /** @type {Thing | undefined} */ (things.get(name)) ?? open()
    things.set(name, thing)
    return thing
  }

  async function close() {
    await Promise.all([...things.values()].map((thing) => thing.close()))
  }

  return { get, close }
}

/** @param {Omit<Place, 'opened'> & { secret: string }} options */
function createDemo({ secret, ...where }) {
  const opened = createOpened()
  const place = { ...where, opened }
  const variants = createVariants({ ...place, secret })
  const race = createRace(place)
  const app = express()
  app.disable('x-powered-by')
  app.use(setHeaders)
  app.use('/demo', express.static(path.join(__dirname, 'public')))
  app.use('/tabs', createTabs({ ...place, secret, namesOf: variants.namesOf }))
  app.post('/race', race.serve)
  app.use(variants.serve)
  app.use(handleError)

  async function close() {
    await race.stop()
    await opened.close()
  }

  return { app, backend: variants.defaultStore.backend, close }
}

/**
 * For those who read no page: the script in the browser says that there was an error.
 *
 * @param {unknown} error
 * @param {import('express').Request} _req
 * @param {import('express').Response} res
 * @param {import('express').NextFunction} next
 */
function handleError(error, _req, res, next) {
  if (res.headersSent) return next(error)
  console.error(error)
  res.status(500).json({ error: 'The server could not answer. Its log says why.' })
}

module.exports = { createDemo }
