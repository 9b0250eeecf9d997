// `npm run test:faults`: breaks real servers while many clients use a store, and checks what these were told.
'use strict'

const { formatTable, parseCommandLine } = require('./command-line.js')
const { StepError, reportFailure, setUp, step } = require('./setup.js')

const USAGE = `Usage: npm run test:faults [-- OPTION …]

Installs and builds what is missing. Then, for each fault, starts mongods, lets 64 clients use two stores, injects the
fault, and checks that nothing acknowledged is lost, nothing is done twice, every call is answered once, and the calls on
each session have a legal order. Faults that are about a few sessions, commands or connections get 1,024 clients that call
less often, on both backends, and the p99 of calls about other sessions may be 5 times what it is without the fault. What
users run, two processes with default options 20 to 50 ms away from their servers, is there as well, on both backends. Ends
with a table, and with exit code 1 if anything was wrong.

  --fast         only the faults that need little time, some of them shortened
  --only NAME    only this fault; can be repeated
  --store NAME   connect-mongo-native (default), or connect-mongo for comparison
  --backend NAME native or driver, only (default: native, and for some faults both)
  --seed N       what the clients do (default: random, and shown)
  --json         the results as JSON on the standard output, instead of the table
  --list         the names of the faults
  --help         show this text`

/** @typedef {import('../__test__/faults/verdict.js').Verdict} Verdict */

/** A column without a value in any row is left out. @type {[string, (verdict: Verdict) => string | undefined][]} */
const COLUMNS = [
  ['sessions', ({ sessions }) => sessions.toLocaleString('en')],
  ['operations', ({ operations }) => operations.toLocaleString('en')],
  ['errors', ({ errors }) => String(errors)],
  ['unexpected', ({ unexpected }) => String(unexpected)],
  ['lost', ({ lost }) => String(lost)],
  ['doubled', ({ doubled }) => String(doubled)],
  ['illegal', ({ illegal }) => String(illegal)],
  ['stale', ({ stale }) => stale?.toString()],
  ['lost of saved', ({ loss }) => loss && `${loss.lost} of ${loss.saved.toLocaleString('en')}`],
  ['recovery s', ({ recoveryMs }) => (recoveryMs / 1_000).toFixed(3)],
  ['settled s', ({ settledMs }) => (settledMs / 1_000).toFixed(3)],
  ['longest call s', ({ longestMs }) => (longestMs / 1_000).toFixed(1)],
  ['others p50 ms', ({ isolation }) => isolation && `${isolation.before.p50Ms} → ${isolation.during.p50Ms}`],
  ['others p99 ms', ({ isolation }) => isolation && `${isolation.before.p99Ms} → ${isolation.during.p99Ms}`],
  ['ratio', ({ isolation }) => isolation?.ratio.toFixed(1)],
  ['unanswered', ({ isolation }) => isolation && String(isolation.unanswered)],
  ['commands/s', ({ grouping }) => grouping && String(grouping.commandsPerSecond)],
  ['calls/command', ({ grouping }) => grouping && String(grouping.callsPerCommand)],
  ['under way', ({ grouping }) => grouping && String(grouping.mostUnderWay)],
]

/** @typedef {import('../__test__/faults/stores.js').Subject} Subject */
/** @typedef {{ fault: string, backend?: string, verdict?: Verdict, skipped?: string, failed?: string }} Result */

/** @param {string[]} args */
function readOptions(args) {
  const options = /** @type {const} */ ({
    fast: { type: 'boolean' },
    only: { type: 'string', multiple: true },
    store: { type: 'string', default: 'connect-mongo-native' },
    backend: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    json: { type: 'boolean' },
    list: { type: 'boolean' },
    help: { type: 'boolean' },
  })
  const { values } = parseCommandLine(args, options, USAGE)
  return { ...values, seed: Number(values.seed) }
}

/** @param {ReturnType<typeof readOptions>} options */
function chosenFaults({ fast, only }) {
  const { FAULTS } = require('../__test__/faults/faults.js')
  const unknown = only?.filter((name) => FAULTS.every((fault) => fault.name !== name)) ?? []
  if (unknown.length) throw new StepError(`No such fault: ${unknown.join(', ')}. See --list`)
  return FAULTS.filter((fault) => (only ? only.includes(fault.name) : !fast || fault.isFast))
}

/** @param {import('../__test__/faults/scene.js').Fault} fault @param {Subject} subject @param {number} seed @param {boolean} isShort @returns {Promise<Result>} */
async function resultOf(fault, subject, seed, isShort) {
  const { runFault } = require('../__test__/faults/run.js')
  const { backend } = subject
  const about = { fault: fault.name, backend }
  const label = backend ? `${fault.name}, ${backend}` : fault.name
  try {
    const verdict = await step(`${label}: ${fault.what}`, (say) =>
      runFault(fault, subject, seed, isShort, say)
    )
    return { ...about, verdict }
  } catch (error) {
    const { message, stack, isSkipped } = /** @type {Error & { isSkipped?: boolean }} */ (error)
    return isSkipped ? { ...about, skipped: message } : { ...about, failed: stack }
  }
}

/** @param {Result} result @param {typeof COLUMNS} columns @returns {string[]} */
function cellsOf({ fault, backend = '', verdict, skipped }, columns) {
  if (!verdict) return [fault, backend, skipped ? 'skipped' : 'failed']
  return [fault, backend, ...columns.map(([, cellOf]) => cellOf(verdict) ?? '')]
}

/** @param {Result[]} results */
function tableOf(results) {
  const columns = COLUMNS.filter(([, cellOf]) => results.some(({ verdict }) => verdict && cellOf(verdict)))
  const titles = ['fault', 'backend', ...columns.map(([title]) => title)]
  const rows = [titles, ...results.map((result) => cellsOf(result, columns))]
  return formatTable(rows, 2)
}

/** @param {Result} result @returns {string[]} what there is to say beside the table */
function notesOf({ fault, backend, verdict, skipped, failed }) {
  const label = backend ? `${fault}, ${backend}` : fault
  if (!verdict) return [`${label}: ${skipped ? `skipped, ${skipped}` : failed}`]
  const errors = Object.entries(verdict.labels).map(([error, count]) => `${label}: ${count} × ${error}`)
  return [...errors, ...verdict.violations.map((violation) => `${label} VIOLATION: ${violation}`)]
}

/** @param {string[]} args */
async function main(args) {
  const options = readOptions(args)
  if (options.help) return console.log(USAGE)
  const faults = chosenFaults(options)
  if (options.list) return console.log(faults.map(({ name, what }) => `${name}: ${what}`).join('\n'))
  await setUp()
  const { BACKENDS, subjectsOf } = require('../__test__/faults/run.js')
  const { STORES } = require('../__test__/faults/stores.js')
  const [store, backend] = /** @type {[any, any]} */ ([options.store, options.backend])
  if (!(store in STORES)) throw new StepError(`No such store: ${store}`)
  if (backend && !BACKENDS.includes(backend)) throw new StepError(`No such backend here: ${backend}`)
  if (backend && store === 'connect-mongo') throw new StepError('connect-mongo has no backends')
  /** @type {Result[]} */
  const results = []
  for (const fault of faults) {
    for (const subject of subjectsOf(fault, store, backend))
      results.push(await resultOf(fault, subject, options.seed, Boolean(options.fast)))
  }

  if (options.json) console.log(JSON.stringify({ store, seed: options.seed, results }, null, 2))
  else {
    console.log(`\n${store}, seed ${options.seed}\n\n${tableOf(results)}`)
    const notes = results.flatMap(notesOf)
    if (notes.length) console.log(`\n${notes.join('\n')}`)
  }
  if (results.some(({ verdict, failed }) => failed || verdict?.violations.length)) process.exitCode = 1
}

main(process.argv.slice(2)).catch(reportFailure)
