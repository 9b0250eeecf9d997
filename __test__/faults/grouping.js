// Whether calls share commands while the server is slow for everybody.
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { DATABASE } = require('./deployment.js')

/**
 * @typedef {InstanceType<typeof import('./deployment.js').Deployment>} Deployment
 * @typedef {{ calls: import('./load.js').Call[] }} Load
 *
 * @typedef {object} Grouping
 * @property {number} commandsPerSecond that the server was sent for the stores
 * @property {number} callsPerCommand answered for each of these
 * @property {number} mostUnderWay the most that the server had to do at a time for one store
 */

const COMMANDS = ['find', 'update', 'delete']
/** A store that sent more could open as many connections as there are calls, when the server can use them least. */
const MOST_UNDER_WAY = 50
const LEAST_CALLS_PER_COMMAND = 4
/** Shorter than a command takes that is slow. */
const LOOK_MS = 20

/** @param {import('mongodb').MongoClient} client @returns {Promise<number>} how many commands it has been sent since it began */
async function commandsSoFar(client) {
  const { metrics } = await client.db('admin').command({ serverStatus: 1 })
  return COMMANDS.reduce((sum, name) => sum + Number(metrics.commands[name].total), 0)
}

/** @param {import('mongodb').MongoClient} client @returns {Promise<number>} how many commands the busiest store has under way */
async function underWay(client) {
  const counts = await client
    .db('admin')
    .aggregate([
      { $currentOp: {} },
      { $match: { active: true, 'command.$db': DATABASE } },
      { $group: { _id: '$appName', count: { $sum: 1 } } },
    ])
    .toArray()
  return Math.max(0, ...counts.map(({ count }) => count))
}

/** @param {Deployment} deployment @param {Load} load @param {() => Promise<void>} during @returns {Promise<Grouping>} */
async function measureGrouping(deployment, { calls }, during) {
  const { client } = await deployment.primary()
  const startedAt = performance.now()
  const before = await commandsSoFar(client)
  let isOver = false
  const ended = during().finally(() => {
    isOver = true
  })
  let mostUnderWay = 0
  while (!isOver) {
    mostUnderWay = Math.max(mostUnderWay, await underWay(client))
    await sleep(LOOK_MS)
  }
  await ended
  const commands = (await commandsSoFar(client)) - before
  const answered = calls.filter(({ endedAt = 0 }) => endedAt >= startedAt).length
  return {
    commandsPerSecond: Math.round((commands * 1_000) / (performance.now() - startedAt)),
    callsPerCommand: Math.round((answered * 10) / commands) / 10,
    mostUnderWay,
  }
}

/** @param {Grouping | undefined} grouping @returns {string[]} */
function groupingViolations(grouping) {
  if (!grouping) return []
  const { callsPerCommand, mostUnderWay } = grouping
  const isMuch = mostUnderWay > MOST_UNDER_WAY
  // Not a number of calls for none is too few as well.
  const isFew = !(callsPerCommand >= LEAST_CALLS_PER_COMMAND)
  return [
    ...(isMuch ? [`a store had ${mostUnderWay} commands under way, more than ${MOST_UNDER_WAY}`] : []),
    ...(isFew
      ? [`${callsPerCommand} calls were answered a command, fewer than ${LEAST_CALLS_PER_COMMAND}`]
      : []),
  ]
}

module.exports = { groupingViolations, measureGrouping }
