// Requests from many connections, each with a session of its own, or several with one, as a page has that asks for many things.
'use strict'

// @ts-expect-error: it has no types
const autocannon = require('autocannon')
const { answerParent } = require('./parent.js')

/** @type {string} */
let address
/** Of each connection. @type {string[]} */
let cookies

/** @param {number} index @returns {Promise<string>} the cookie of a new session */
async function startSession(index) {
  const response = await fetch(`${address}/session/${index}`, { method: 'POST' })
  // express-session holds the end of the response back until the session is stored.
  const text = await response.text()
  if (response.status !== 201) throw new Error(`A session could not be made: ${text}`)
  return response.headers.getSetCookie()[0].split(';')[0]
}

/** @param {{ address: string, connections: number, cookies: number }} job */
async function open(job) {
  address = job.address
  const sessions = await Promise.all(Array.from({ length: job.cookies }, (_, index) => startSession(index)))
  cookies = Array.from({ length: job.connections }, (_, index) => sessions[index % sessions.length])
}

/** @param {{ path: string, seconds: number }} load */
async function run({ path, seconds }) {
  let next = 0
  const result = await autocannon({
    url: address + path,
    connections: cookies.length,
    duration: seconds,
    // Its end is looked for so often.
    sampleInt: 100,
    setupClient: (/** @type {any} */ client) => client.setHeaders({ cookie: cookies[next++] }),
  })
  const failed = result.errors + result.non2xx
  if (failed) throw new Error(`${failed} requests to ${path} failed`)
  const requests = result['2xx']
  return { requests, perSecond: requests / result.duration, p99Ms: result.latency.p99 }
}

answerParent({ open, run })
