// An Express 5 app behind each store, under load from another process.
'use strict'

const { withChild } = require('../children.js')
const { againstFirst, compare } = require('../comparison.js')
const { placeFor } = require('../database.js')
const { formatSize } = require('../figures.js')
const { Progress } = require('../progress.js')
const { inTurn } = require('../rounds.js')
const { labelOf } = require('../stores.js')
const { report } = require('../table.js')

const CONNECTIONS = 64
const WARM_UP_SHARE = 1 / 3

const REQUESTS = {
  reads: { path: '/read', does: 'get + touch' },
  writes: { path: '/write', does: 'get + set' },
}

/**
 * @typedef {keyof typeof REQUESTS} Kind
 * @typedef {{ stores: string[], rounds: number, seconds: number, size: number[], cookies: number[] }} Options
 * @typedef {{ size: number, cookies: number }} Users
 */

const KINDS = /** @type {Kind[]} */ (Object.keys(REQUESTS))

/** @param {Kind} kind @param {Users} users */
function titleOf(kind, { size, cookies }) {
  const sessions = cookies < CONNECTIONS ? ` over ${cookies} cookies` : ''
  return `${kind} (${REQUESTS[kind].does}), ${CONNECTIONS} connections${sessions}, ${formatSize(size)}`
}

/**
 * @param {{ store: string, place: import('../stores.js').Place, seconds: number } & Users} job
 * @returns {Promise<{ kind: Kind, figures: Record<string, number> }[]>}
 */
function measureApp({ store, place, size, cookies, seconds }) {
  return withChild('app', (app) =>
    withChild('load', async (load) => {
      const address = await app.ask('open', { store, place, size })
      await load.ask('open', { address, connections: CONNECTIONS, cookies })
      const measured = []
      for (const kind of KINDS) {
        const { path } = REQUESTS[kind]
        await load.ask('run', { path, seconds: seconds * WARM_UP_SHARE })
        await app.ask('start')
        const { requests, perSecond, p99Ms } = await load.ask('run', { path, seconds })
        if (requests === 0) throw new Error(`No answer from ${labelOf(store)} in ${seconds} s`)
        const { perSecond: _, ...cost } = await app.ask('stop', requests)
        const figures = { requestsPerSecond: perSecond, p99Ms, ...cost }
        measured.push({ kind, figures })
      }
      return measured
    })
  )
}

/** @param {Options} options @param {import('../servers.js').Servers} servers */
async function measureInTurn({ stores, rounds, seconds, size: sizes, cookies }, servers) {
  const users = sizes.flatMap((size) => cookies.map((count) => ({ size, cookies: count })))
  const turns = inTurn(stores, rounds).flatMap((turn) => users.map((one) => ({ ...turn, ...one })))
  const progress = new Progress(turns.length)
  /** @type {import('../comparison.js').Measurement[]} */
  const measurements = []
  for (const { store, round, ...scenario } of turns) {
    progress.show(`round ${round + 1} of ${rounds}  ${labelOf(store)}  ${formatSize(scenario.size)}`)
    const job = { store, place: placeFor(servers, store), seconds, ...scenario }
    for (const { kind, figures } of await measureApp(job)) {
      const title = titleOf(kind, scenario)
      measurements.push({ title, scenario: { kind, ...scenario }, store, round, figures })
    }
    progress.advance()
  }
  progress.end()
  return measurements
}

/** @param {Options} options @param {import('../servers.js').Servers} servers */
async function runExpress(options, servers) {
  const measurements = await measureInTurn(options, servers)
  return report(compare(measurements, againstFirst(options.stores)))
}

module.exports = { runExpress }
