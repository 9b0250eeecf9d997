// `npm run test:faults`: breaks real servers while 64 clients use a store, and checks what these were told.
'use strict'

const { parseArgs } = require('node:util')
const { StepError, reportFailure, setUp, step } = require('./setup.js')

const USAGE = `Usage: npm run test:faults [-- OPTION …]

Installs and builds what is missing. Then, for each fault, starts mongods, lets 64 clients use two stores, injects the
fault, and checks that nothing acknowledged is lost, nothing is done twice, every call is answered once, and the calls on
each session have a legal order. Ends with a table, and with exit code 1 if anything was wrong.

  --fast         only the faults that need little time
  --only NAME    only this fault; can be repeated
  --store NAME   connect-mongo-native (default), or connect-mongo for comparison
  --seed N       what the clients do (default: random, and shown)
  --json         the results as JSON on the standard output, instead of the table
  --list         the names of the faults
  --help         show this text`

/** @typedef {import('../__test__/faults/verdict.js').Verdict} Verdict */

/** @type {[string, (verdict: Verdict) => string][]} */
const COLUMNS = [
  ['operations', ({ operations }) => operations.toLocaleString('en')],
  ['errors', ({ errors }) => String(errors)],
  ['unexpected', ({ unexpected }) => String(unexpected)],
  ['lost', ({ lost }) => String(lost)],
  ['doubled', ({ doubled }) => String(doubled)],
  ['illegal', ({ illegal }) => String(illegal)],
  ['recovery s', ({ recoveryMs }) => (recoveryMs / 1_000).toFixed(3)],
  ['settled s', ({ settledMs }) => (settledMs / 1_000).toFixed(3)],
  ['longest call s', ({ longestMs }) => (longestMs / 1_000).toFixed(1)],
]

/** @typedef {{ fault: string, verdict?: Verdict, skipped?: string, failed?: string }} Result */

/** @param {string[]} args */
function readOptions(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        fast: { type: 'boolean' },
        only: { type: 'string', multiple: true },
        store: { type: 'string', default: 'connect-mongo-native' },
        seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
        json: { type: 'boolean' },
        list: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    })
    return { ...values, seed: Number(values.seed) }
  } catch (error) {
    throw new StepError(`${/** @type {Error} */ (error).message}\n\n${USAGE}`)
  }
}

/** @param {ReturnType<typeof readOptions>} options */
function chosenFaults({ fast, only }) {
  const { FAULTS } = require('../__test__/faults/faults.js')
  const unknown = only?.filter((name) => FAULTS.every((fault) => fault.name !== name)) ?? []
  if (unknown.length) throw new StepError(`No such fault: ${unknown.join(', ')}. See --list`)
  return FAULTS.filter((fault) => (only ? only.includes(fault.name) : !fast || fault.isFast))
}

/** @param {import('../__test__/faults/faults.js').Fault} fault @param {any} storeName @param {number} seed @returns {Promise<Result>} */
async function resultOf(fault, storeName, seed) {
  const { runFault } = require('../__test__/faults/run.js')
  try {
    const verdict = await step(`${fault.name}: ${fault.what}`, (say) => runFault(fault, storeName, seed, say))
    return { fault: fault.name, verdict }
  } catch (error) {
    const { message, stack, isSkipped } = /** @type {Error & { isSkipped?: boolean }} */ (error)
    return isSkipped ? { fault: fault.name, skipped: message } : { fault: fault.name, failed: stack }
  }
}

/** @param {Result} result */
function cellsOf({ fault, verdict, skipped }) {
  if (!verdict) return [fault, skipped ? 'skipped' : 'failed']
  return [fault, ...COLUMNS.map(([, cellOf]) => cellOf(verdict))]
}

/** @param {Result[]} results */
function tableOf(results) {
  const rows = [['fault', ...COLUMNS.map(([title]) => title)], ...results.map(cellsOf)]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const pad = (/** @type {string} */ cell, /** @type {number} */ column) =>
    column ? cell.padStart(widths[column]) : cell.padEnd(widths[column])
  return rows.map((row) => row.map(pad).join('  ')).join('\n')
}

/** @param {Result} result @returns {string[]} what there is to say beside the table */
function notesOf({ fault, verdict, skipped, failed }) {
  if (!verdict) return [`${fault}: ${skipped ? `skipped, ${skipped}` : failed}`]
  const errors = Object.entries(verdict.labels).map(([label, count]) => `${fault}: ${count} × ${label}`)
  return [...errors, ...verdict.violations.map((violation) => `${fault} VIOLATION: ${violation}`)]
}

/** @param {string[]} args */
async function main(args) {
  const options = readOptions(args)
  if (options.help) return console.log(USAGE)
  const faults = chosenFaults(options)
  if (options.list) return console.log(faults.map(({ name, what }) => `${name}: ${what}`).join('\n'))
  await setUp()
  const { STORES } = require('../__test__/faults/run.js')
  if (!(options.store in STORES)) throw new StepError(`No such store: ${options.store}`)
  /** @type {Result[]} */
  const results = []
  for (const fault of faults) results.push(await resultOf(fault, options.store, options.seed))

  if (options.json)
    console.log(JSON.stringify({ store: options.store, seed: options.seed, results }, null, 2))
  else {
    console.log(`\n${options.store}, 64 clients, seed ${options.seed}\n\n${tableOf(results)}`)
    const notes = results.flatMap(notesOf)
    if (notes.length) console.log(`\n${notes.join('\n')}`)
  }
  if (results.some(({ verdict, failed }) => failed || verdict?.violations.length)) process.exitCode = 1
}

main(process.argv.slice(2)).catch(reportFailure)
