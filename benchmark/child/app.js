// An Express app as apps are: a session for every request, and otherwise nothing.
'use strict'

const { once } = require('node:events')
const express = require('express')
const session = require('express-session')
const { MAX_AGE_MS, sessionMaker } = require('../sessions.js')
const { storeOf } = require('../stores.js')
const { startMeter } = require('./meter.js')
const { answerParent } = require('./parent.js')

/** @param {any} store @param {(index: number) => object} dataOf */
function createApp(store, dataOf) {
  const app = express()
  const cookie = { maxAge: MAX_AGE_MS }
  app.use(session({ secret: 'benchmark', resave: false, saveUninitialized: false, cookie, store }))

  app.post('/session/:index', (req, res) => {
    Object.assign(req.session, dataOf(Number(req.params.index)))
    res.sendStatus(201)
  })
  app.get('/read', (/** @type {any} */ req, res) => {
    res.send(req.session.user.id)
  })
  app.get('/write', (/** @type {any} */ req, res) => {
    req.session.views++
    res.send(req.session.user.id)
  })
  return app
}

/**
 * @param {{ store: string, place: import('../stores.js').Place, size: number }} job
 * @returns {Promise<string>} the app's address
 */
async function open({ store: name, place, size }) {
  const store = await storeOf(name).create(place)
  const server = createApp(store, sessionMaker(size).data).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`
}

/** @type {ReturnType<typeof startMeter>} */
let stopMeter

function start() {
  stopMeter = startMeter()
}

/** @param {number} requests */
function stop(requests) {
  return stopMeter(requests)
}

answerParent({ open, start, stop })
