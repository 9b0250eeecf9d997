// One run: servers, the part that was asked for, and what is printed, written and drawn of it.
'use strict'

const { writeFile } = require('node:fs/promises')
const path = require('node:path')
const { ROOT, StepError } = require('../scripts/setup.js')
const { dropDatabases } = require('./database.js')
const { heading, surroundings } = require('./machine.js')
const { startServers } = require('./servers.js')
const { REDIS, labelOf } = require('./stores.js')

/**
 * @typedef {import('./servers.js').Servers} Servers
 * @typedef {ReturnType<typeof import('./options.js').readOptions>} Request
 */

/** @param {string[]} stores @param {Servers} servers */
function withoutMissing(stores, { redisUrl }) {
  if (redisUrl || !stores.includes(REDIS)) return stores
  console.error(`Left out: ${labelOf(REDIS)}, because redis-server is not installed`)
  return stores.filter((store) => store !== REDIS)
}

/** @param {number} rounds */
function legend(rounds) {
  return [
    rounds === 1
      ? 'One round: more of them give medians and their spread.'
      : `Medians of ${rounds} rounds; ± is half of the distance between the extremes.`,
    "÷ X: the first store's figure divided by X's of the same round.",
    'For one operation: main µs: CPU time of the main thread. loop µs: time in which it was busy, or waited for a processor. CPU µs: CPU time of all threads.',
  ].join('\n')
}

/** @param {Request} request @param {string} command @param {Servers} servers */
async function runPart({ part, options, json, svg }, command, servers) {
  const stores = withoutMissing(options.stores, servers)
  if (stores.length === 0) throw new StepError('There is no store left to measure')
  const about = await surroundings({ command, stores, packages: part.packages, servers })
  console.log(`${heading(about)}\n`)
  const { results, text, hasFailed } = await part.run({ ...options, stores }, servers)
  console.log(text)
  if (options.rounds) console.log(`\n${legend(options.rounds)}`)
  if (hasFailed) process.exitCode = 1
  if (json) await writeFile(json, `${JSON.stringify({ ...about, options, results }, null, 2)}\n`)
  if (svg && part.chart)
    await writeFile(path.join(ROOT, 'docs', part.chart.file), part.chart.draw(about, results, options))
}

/** @param {Request} request @param {string} command as it was typed */
async function bench(request, command) {
  const servers = await startServers({ wantsRedis: request.options.stores.includes(REDIS) })
  let isInterrupted = false
  // Ctrl-C ends the processes that measure as well, which is no failure of theirs; what is left for us are the servers.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => {
      isInterrupted = true
      servers.stop().finally(() => process.exit(130))
    })
  }
  try {
    await runPart(request, command, servers)
    await dropDatabases(servers.mongoUrl)
  } catch (error) {
    if (!isInterrupted) throw error
  } finally {
    await servers.stop()
  }
}

module.exports = { bench }
