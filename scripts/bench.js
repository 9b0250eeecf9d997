// `npm run bench`: builds what is missing, starts a mongod (or uses MONGO_URL), and runs benchmark/bench.js.
'use strict'

const { HELP, bench, readOptions } = require('../benchmark/bench.js')
const { startMongod } = require('./mongod.js')
const { StepError, reportFailure, setUp, step } = require('./setup.js')

/** @param {string[]} args */
function optionsFrom(args) {
  try {
    return readOptions(args)
  } catch (error) {
    throw new StepError(`${/** @type {Error} */ (error).message}\nFor all options: npm run bench -- --help`)
  }
}

/** @param {(mongoUrl: string) => Promise<void>} work */
async function withServer(work) {
  if (process.env.MONGO_URL) return work(process.env.MONGO_URL)
  const server = await step('Starting a mongod', startMongod)
  // Ctrl-C ends the measurement's process as well; what is left for us is the server.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => server.stop().finally(() => process.exit(130)))
  }
  return work(server.getUri()).finally(() => server.stop())
}

/** @param {string[]} args */
async function main(args) {
  const options = optionsFrom(args)
  if (options.help) return console.log(HELP)
  await setUp()
  await withServer((mongoUrl) => bench(options, mongoUrl))
}

main(process.argv.slice(2)).catch(reportFailure)
