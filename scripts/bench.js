// `npm run bench`: builds what is missing, then runs benchmark/.
'use strict'

const { StepError, reportFailure, setUp } = require('./setup.js')

/** @param {string[]} args */
function requestFrom(args) {
  const { readOptions } = require('../benchmark/options.js')
  try {
    return readOptions(args)
  } catch (error) {
    throw new StepError(`${/** @type {Error} */ (error).message}\nFor all options: npm run bench -- --help`)
  }
}

/** @param {string[]} args */
async function main(args) {
  const { HELP } = require('../benchmark/options.js')
  const request = requestFrom(args)
  if (request.help) return console.log(HELP)
  await setUp()
  const { bench } = require('../benchmark/bench.js')
  await bench(request, ['npm run bench', ...(args.length ? ['--', ...args] : [])].join(' '))
}

main(process.argv.slice(2)).catch(reportFailure)
