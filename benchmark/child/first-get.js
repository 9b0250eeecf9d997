// A process that makes a store and reads one session.
'use strict'

const { performance } = require('node:perf_hooks')
const { storeOf } = require('../stores.js')
const { answerParent } = require('./parent.js')

const SID = 'first-get'

/** @typedef {{ store: string, place: import('../stores.js').Place }} Request */

/** @param {Request} request */
async function prepare({ store: name, place }) {
  const { makeSessions } = require('../sessions.js')
  const [{ session }] = makeSessions(1, 1000)
  const store = await storeOf(name).create(place)
  await new Promise((resolve, reject) => {
    store.set(SID, session, (/** @type {any} */ error) => (error ? reject(error) : resolve(undefined)))
  })
}

/** @param {Request} request */
async function firstGet({ store: name, place }) {
  const began = performance.now()
  for (const one of storeOf(name).packages) require(one)
  const requireMs = performance.now() - began
  const store = await storeOf(name).create(place)
  const found = await new Promise((resolve, reject) => {
    store.get(SID, (/** @type {any} */ error, /** @type {any} */ session) =>
      error ? reject(error) : resolve(session)
    )
  })
  const firstGetMs = performance.now() - began
  if (!found && name !== 'memory') throw new Error('The first get did not find the session')
  return { requireMs, firstGetMs, rssMb: process.memoryUsage.rss() / 1e6 }
}

answerParent({ prepare, firstGet })
