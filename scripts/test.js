// `npm test`: everything that checks this project, in one run. `npm run test:wasm`: the Node tests on WebAssembly, and those of
// the packages.
'use strict'

const { spawn } = require('node:child_process')
const { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { NATIVE_FILES, NATIVE_ONLY } = require('../__test__/support/native-only.js')
const { startMongod } = require('./mongod.js')
const { ROOT, StepError, checkCargo, isCI, reportFailure, run, setUp, step } = require('./setup.js')

const TSC = 'node_modules/typescript/bin/tsc'

const USAGE = `Usage: npm test [-- [FILE …] [NODE OPTION …]]

Installs and builds what is missing, starts a mongod, then checks the types and runs the Rust tests and the Node tests.
With files, runs only these Node test files:

  npm test -- __test__/express.test.js
  npm test -- __test__/express.test.js --test-name-pattern=rolling

npm run test:wasm does the same with the Node tests on WebAssembly, but for those in __test__/support/native-only.js, and tests
how the package is loaded, packed and installed.

MONGO_URL=mongodb://…  use this server instead of starting one
CI=true                stream all output, and fail when a test was skipped`

const isWasm = process.argv.includes('--wasm')

/** Every file of Node tests. Written out, so that a file can neither be missed by a pattern nor forgotten: see checkList. */
const FILES = [
  '__test__/abuse.test.js',
  '__test__/auth.test.js',
  '__test__/clients.test.js',
  '__test__/collection.test.js',
  '__test__/concurrency-model.test.js',
  '__test__/concurrency.test.js',
  '__test__/connection-string.test.js',
  '__test__/demo.test.js',
  '__test__/differential.test.js',
  '__test__/differential-api.test.js',
  '__test__/differential-encryption.test.js',
  '__test__/differential-failures.test.js',
  '__test__/differential-options.test.js',
  '__test__/differential-process.test.js',
  '__test__/differential-values.test.js',
  '__test__/unit/docs.test.js',
  '__test__/documents.test.js',
  '__test__/driver-calls.test.js',
  '__test__/encryption-abuse.test.js',
  '__test__/encryption-adapters.test.js',
  '__test__/encryption-algorithms.test.js',
  '__test__/encryption-compatibility.test.js',
  '__test__/encryption-event-loop.test.js',
  '__test__/encryption-reencrypt.test.js',
  '__test__/encryption-refusals.test.js',
  '__test__/encryption-sealed.test.js',
  '__test__/encryption-vectors.test.js',
  '__test__/engine.test.js',
  '__test__/engine-failures.test.js',
  '__test__/engine-limits.test.js',
  '__test__/engine-model.test.js',
  '__test__/errors.test.js',
  '__test__/exit.test.js',
  '__test__/express.test.js',
  '__test__/fakes.test.js',
  '__test__/frameworks.test.js',
  '__test__/hash-id.test.js',
  '__test__/hostile.test.js',
  '__test__/history.test.js',
  '__test__/lifecycle.test.js',
  '__test__/login-redirect.test.js',
  '__test__/merge.test.js',
  '__test__/mongo-options.test.js',
  '__test__/mutations.test.js',
  '__test__/random.test.js',
  '__test__/resurrection.test.js',
  '__test__/srv.test.js',
  '__test__/tls.test.js',
  '__test__/types.test.js',
  '__test__/workers.test.js',
]

/** What needs the WebAssembly beside the native addon. */
const WASM_FILES = ['__test__/binding.test.js', '__test__/packages.test.js']

/**
 * Of the tests on WebAssembly. A client that a test leaves open would keep its process alive, which a native store does not. The
 * limit is that of a whole file, and the sessions of encryption-vectors.test.js need thousands of keys, which one thread derives.
 */
const WASM_OPTIONS = [
  '--test-force-exit',
  '--test-timeout=900000',
  '--require=./__test__/support/without-native.js',
]

function checkList() {
  const found = readdirSync(path.join(ROOT, '__test__'), { recursive: true })
    .map((file) => path.posix.join('__test__', String(file).replaceAll(path.sep, '/')))
    .filter((file) => file.endsWith('.test.js'))
  const listed = [...FILES, ...WASM_FILES]
  const forgotten = found.filter((file) => !listed.includes(file))
  const missing = listed.filter((file) => !found.includes(file))
  if (forgotten.length) throw new StepError(`Not in the list in scripts/test.js: ${forgotten.join(', ')}`)
  if (missing.length)
    throw new StepError(`In the list in scripts/test.js, but not there: ${missing.join(', ')}`)
}

/**
 * Runs the files with node's own runner, whose report goes straight to the terminal. A second report, for this script
 * to read, goes to a file.
 *
 * @param {string[]} files
 * @param {string[]} nodeOptions
 * @returns {Promise<{ ok: boolean, skipped: string[], empty: string[] }>}
 */
async function runNodeTests(files, nodeOptions) {
  const folder = mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-test-'))
  const report = path.join(folder, 'report.tap')
  try {
    const ok = await succeeds(process.execPath, [
      '--test',
      '--test-concurrency=2',
      '--test-timeout=300000',
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=tap',
      `--test-reporter-destination=${report}`,
      ...nodeOptions,
      ...files,
    ])
    // Without a report the runner did not start: it has said why.
    const tap = existsSync(report) ? readFileSync(report, 'utf8') : ''
    return { ok, skipped: skippedTests(tap), empty: files.filter((file) => isEmpty(file, tap)) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {string} tap @returns {string[]} */
function skippedTests(tap) {
  const named = [...tap.matchAll(/^ *ok \d+ - (.*) # SKIP ?(.*)$/gm)].map(([, name, why]) =>
    why ? `${name}: ${why}` : name
  )
  // The runner's own count is the one to trust; the names only explain it.
  const count = Number(/^# skipped (\d+)$/m.exec(tap)?.[1])
  return count > 0 && named.length === 0 ? [`${count} tests`] : named
}

/** A file in which no test ran is itself reported as one that passed. @param {string} file @param {string} tap */
function isEmpty(file, tap) {
  const names = [...tap.matchAll(/^ok \d+ - (.*)$/gm)].map(([, name]) => name)
  return names.some((name) => path.resolve(ROOT, name) === path.resolve(ROOT, file))
}

/** @param {string} command @param {string[]} args @returns {Promise<boolean>} */
function succeeds(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', reject)
    child.on('close', (code) => resolve(code === 0))
  })
}

/** @param {string[]} problems @param {string} label @param {() => Promise<void>} work */
async function checkStep(problems, label, work) {
  try {
    await step(label, work)
  } catch (error) {
    reportFailure(error)
    problems.push(label)
  }
}

/** A mongod for the whole run, unless there is one already. */
async function serverForTests() {
  if (process.env.MONGO_URL) return undefined
  const server = await step('Starting a mongod', startMongod)
  process.env.MONGO_URL = server.getUri()
  // Ctrl-C reaches node's test runner as well; what is left for us is our own server.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => server.stop().finally(() => process.exit(130)))
  }
  return server
}

/** @param {string[]} problems */
async function checkRust(problems) {
  checkCargo()
  await checkStep(problems, 'Types', () => run(process.execPath, [TSC, '-p', 'tsconfig.json']))
  await checkStep(problems, 'Rust tests', () => run('cargo', ['test', '--locked', '--workspace']))
}

/** Sets this run up for WebAssembly, and says what it leaves out. */
function prepareWasm() {
  process.env.NAPI_RS_FORCE_WASI = 'error'
  for (const [file, reason] of Object.entries(NATIVE_FILES)) console.log(`Left out: ${file}: ${reason}`)
  for (const [file, entries] of Object.entries(NATIVE_ONLY)) {
    console.log(`Left out of ${file}:`)
    for (const [pattern, reason] of entries) console.log(`  ${pattern.source.trim()}: ${reason}`)
  }
}

/** @param {string} file */
const isForBoth = (file) => !(path.basename(file) in NATIVE_FILES)

/** @param {string[]} args */
async function main(args) {
  if (args.includes('--help')) return console.log(USAGE)
  const nodeOptions = args.filter((arg) => arg.startsWith('-') && arg !== '--wasm')
  const files = args.filter((arg) => !arg.startsWith('-'))
  const unknown = files.filter((file) => !existsSync(path.resolve(ROOT, file)))
  if (unknown.length) throw new StepError(`No such file: ${unknown.join(', ')}`)
  /** @type {string[]} */
  const problems = []

  await setUp({ wasm: isWasm })
  if (files.length === 0) checkList()
  if (files.length === 0 && !isWasm) await checkRust(problems)
  if (isWasm) prepareWasm()

  const server = await serverForTests()
  const all = isWasm ? [...FILES.filter(isForBoth), ...WASM_FILES] : FILES
  const options = isWasm ? [...WASM_OPTIONS, ...nodeOptions] : nodeOptions
  const { ok, skipped, empty } = await runNodeTests(files.length ? files : all, options).finally(() =>
    server?.stop()
  )
  if (!ok) problems.push('Node tests')
  if (empty.length) problems.push(`No test ran in ${empty.join(', ')}`)
  if (isCI && skipped.length)
    problems.push(`Tests were skipped, and CI is set\n    ${skipped.join('\n    ')}`)
  if (problems.length === 0) return
  console.error(`\nFailed:\n  ${problems.join('\n  ')}`)
  process.exitCode = 1
}

main(process.argv.slice(2)).catch(reportFailure)
