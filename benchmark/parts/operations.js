// The store's operations by themselves: each at several concurrencies and sizes of sessions.
'use strict'

const { withChild } = require('../children.js')
const { againstFirst, compare } = require('../comparison.js')
const { placeFor } = require('../database.js')
const { formatSize } = require('../figures.js')
const { buildFloor, runFloor } = require('../floor.js')
const { Progress } = require('../progress.js')
const { inTurn } = require('../rounds.js')
const { FLOOR, labelOf, storeOf } = require('../stores.js')
const { report } = require('../table.js')

const SESSIONS = 1024
const WARM_UP_SHARE = 1 / 3
const WARM_UP_AT = 32

/**
 * @typedef {import('../comparison.js').Measurement} Measurement
 * @typedef {import('../servers.js').Servers} Servers
 *
 * @typedef {object} Options
 * @property {string[]} stores
 * @property {string[]} operations
 * @property {number[]} at how many operations at once
 * @property {number[]} size of a session, in bytes of JSON
 * @property {number} rounds
 * @property {number} seconds of one measurement
 * @property {number} [sessions] how many there are; unless told otherwise so many that each running operation has its own
 *
 * @typedef {{ operation: string, atOnce: number, size: number }} Scenario
 */

/** @param {Scenario} scenario */
function titleOf({ operation, atOnce, size }) {
  return `${operation} at ${atOnce}, ${formatSize(size)}`
}

/** @param {Options} options @param {string} store @param {number} size @returns {Scenario[]} */
function scenariosOf({ operations, at }, store, size) {
  const lacks = store === FLOOR ? [] : (storeOf(store).lacks ?? [])
  const had = operations.filter((operation) => !lacks.includes(operation))
  const atOnces = store === FLOOR ? at.filter((atOnce) => atOnce === 1) : at
  return had.flatMap((operation) => atOnces.map((atOnce) => ({ operation, atOnce, size })))
}

/**
 * @typedef {(scenario: Scenario, figures: Record<string, number>) => void} OnMeasured
 * @typedef {{ place: import('../stores.js').Place, store: string, size: number, scenarios: Scenario[], sessions: number, seconds: number }} Job
 */

/** @param {Job} job @param {OnMeasured} onMeasured */
async function measureStore({ place, store, size, scenarios, sessions, seconds }, onMeasured) {
  const ms = seconds * 1000
  const warmUpMs = ms * WARM_UP_SHARE
  const operations = [...new Set(scenarios.map(({ operation }) => operation))]
  await withChild('measure', async (child) => {
    await child.ask('open', { store, place })
    await child.ask('fill', { count: sessions, size })
    await child.ask(
      'warmUp',
      operations.map((operation) => ({ operation, atOnce: WARM_UP_AT, ms: warmUpMs }))
    )
    for (const scenario of scenarios) {
      const { operation, atOnce } = scenario
      await child.ask('warmUp', [{ operation, atOnce, ms: warmUpMs }])
      onMeasured(scenario, await child.ask('measure', { operation, atOnce, ms }))
    }
  })
}

/** @param {Job} job @param {OnMeasured} onMeasured */
async function measureFloor({ place, size, scenarios, seconds }, onMeasured) {
  const operations = scenarios.map(({ operation }) => operation)
  const measured = await runFloor({ place, size, ms: seconds * 1000, operations })
  measured.forEach(({ figures }, index) => {
    onMeasured(scenarios[index], figures)
  })
}

/**
 * @param {Options} options @param {Servers} servers
 * @returns {Promise<Measurement[]>}
 */
async function measureInTurn(options, servers) {
  const { stores, at, size: sizes, rounds, seconds } = options
  // Of so many no two running operations are about one session.
  const sessions = options.sessions ?? Math.max(SESSIONS, 2 * Math.max(...at))
  const turns = inTurn(stores, rounds).flatMap((turn) => sizes.map((size) => ({ ...turn, size })))
  const jobs = turns.map((turn) => ({ ...turn, scenarios: scenariosOf(options, turn.store, turn.size) }))
  const progress = new Progress(jobs.flatMap(({ scenarios }) => scenarios).length)
  /** @type {Measurement[]} */
  const measurements = []
  for (const { store, round, size, scenarios } of jobs) {
    if (scenarios.length === 0) continue
    const stage = `round ${round + 1} of ${rounds}  ${labelOf(store)}  ${formatSize(size)}`
    progress.show(stage)
    const job = { place: placeFor(servers, store), store, size, scenarios, sessions, seconds }
    const measure = store === FLOOR ? measureFloor : measureStore
    await measure(job, (scenario, figures) => {
      measurements.push({ title: titleOf(scenario), scenario, store, round, figures })
      progress.advance()
      progress.show(stage, `${scenario.operation} at ${scenario.atOnce}`)
    })
  }
  progress.end()
  return measurements
}

/** @param {Options} options @param {Servers} servers */
async function withoutMissing({ stores, at, ...options }, servers) {
  if (!stores.includes(FLOOR)) return { ...options, stores, at }
  const reason = at.includes(1) ? await buildFloor(servers.mongoUrl) : 'it runs one operation at a time'
  if (reason) console.error(`Left out: ${labelOf(FLOOR)}, because ${reason}`)
  return { ...options, at, stores: reason ? stores.filter((store) => store !== FLOOR) : stores }
}

/** @param {Options} options @param {Servers} servers */
async function runOperations(options, servers) {
  const possible = await withoutMissing(options, servers)
  const measurements = await measureInTurn(possible, servers)
  return report(compare(measurements, againstFirst(possible.stores)))
}

module.exports = { measureInTurn, runOperations }
