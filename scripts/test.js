// `npm test`: everything that checks this project, in one run. `npm run test:wasm`: the Node tests on WebAssembly, and those of
// the packages.
'use strict'

const { spawn } = require('node:child_process')
const { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { NATIVE_FILES, NATIVE_ONLY, WASM_FILES } = require('../__test__/support/native-only.js')
const { startMongod } = require('./mongod.js')
const { ROOT, StepError, checkCargo, isCI, reportFailure, run, setUp, step } = require('./setup.js')

const TSC = 'node_modules/typescript/bin/tsc'

const USAGE = `Usage: npm test [-- [FILE OR FOLDER …] [NODE OPTION …]]

Installs and builds what is missing, starts a mongod, then checks the types and runs the Rust tests and the Node tests.
With files or folders, runs only these Node tests:

  npm test -- __test__/engine
  npm test -- __test__/api/express.test.js
  npm test -- __test__/api/express.test.js --test-name-pattern=rolling

npm run test:wasm does the same with the Node tests on WebAssembly, but for those in __test__/support/native-only.js, and tests
how the package is loaded, packed and installed.

MONGO_URL=mongodb://…  use this server instead of starting one
CI=true                stream all output, and fail when a test was skipped`

const isWasm = process.argv.includes('--wasm')

const TESTS = path.join(ROOT, '__test__')

/**
 * Of the tests on WebAssembly. A client that a test leaves open would keep its process alive, which a native store does not. The
 * limit is that of a whole file, and the sessions of encryption/vectors.test.js need thousands of keys, which one thread derives.
 */
const WASM_OPTIONS = [
  '--test-force-exit',
  '--test-timeout=900000',
  '--require=./__test__/support/without-native.js',
]

/** @param {string} file @returns {string} its path below __test__, as support/native-only.js has it */
const nameOf = (file) => path.relative(TESTS, path.resolve(ROOT, file)).replaceAll(path.sep, '/')

/** All files of Node tests in a folder, as paths from the project's. @param {string} folder @returns {string[]} */
function testsIn(folder) {
  return readdirSync(folder, { recursive: true })
    .map((file) => path.join(path.relative(ROOT, folder), String(file)).replaceAll(path.sep, '/'))
    .filter((file) => file.endsWith('.test.js'))
    .sort()
}

/** So that no test is missed because of how its file is called, and no exception outlives its file. */
function checkFiles() {
  const tests = testsIn(TESTS)
  const folders = new Set(tests.map((file) => path.dirname(path.join(ROOT, file))))
  const strays = [...folders]
    .filter((folder) => folder !== TESTS)
    .flatMap((folder) => readdirSync(folder).map((file) => path.join(folder, file)))
    .filter((file) => !statSync(file).isDirectory() && !file.endsWith('.test.js'))
    .map((file) => path.relative(ROOT, file))
  if (strays.length) throw new StepError(`Not called *.test.js, but beside tests: ${strays.join(', ')}`)
  const names = tests.map(nameOf)
  const declared = [...WASM_FILES, ...Object.keys(NATIVE_FILES), ...Object.keys(NATIVE_ONLY)]
  const missing = declared.filter((name) => !names.includes(name))
  if (missing.length)
    throw new StepError(`In __test__/support/native-only.js, but not there: ${missing.join(', ')}`)
}

/** Whether a file is run that was not asked for by its own name. @param {string} file */
function isInThisRun(file) {
  const name = nameOf(file)
  return isWasm ? !(name in NATIVE_FILES) : !WASM_FILES.includes(name)
}

/** @param {string[]} paths of files and folders @returns {string[]} the files */
function filesOf(paths) {
  const found = paths.map((one) => {
    const full = path.resolve(ROOT, one)
    return statSync(full).isDirectory() ? testsIn(full).filter(isInThisRun) : [one]
  })
  const without = paths.filter((_, index) => found[index].length === 0)
  if (without.length) throw new StepError(`No test of this run is in ${without.join(', ')}`)
  return [...new Set(found.flat())]
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
  await checkStep(problems, 'Types of tools', () => run(process.execPath, [TSC, '-p', 'tsconfig.tools.json']))
  await checkStep(problems, 'Rust tests', () => run('cargo', ['test', '--workspace', '--locked']))
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

/** @param {string[]} args */
async function main(args) {
  if (args.includes('--help')) return console.log(USAGE)
  const nodeOptions = args.filter((arg) => arg.startsWith('-') && arg !== '--wasm')
  const paths = args.filter((arg) => !arg.startsWith('-'))
  const unknown = paths.filter((one) => !existsSync(path.resolve(ROOT, one)))
  if (unknown.length) throw new StepError(`No such file: ${unknown.join(', ')}`)
  const files = filesOf(paths.length ? paths : [TESTS])
  /** @type {string[]} */
  const problems = []

  await setUp({ wasm: isWasm })
  if (paths.length === 0) checkFiles()
  if (paths.length === 0 && !isWasm) await checkRust(problems)
  if (isWasm) prepareWasm()

  const server = await serverForTests()
  const options = isWasm ? [...WASM_OPTIONS, ...nodeOptions] : nodeOptions
  const { ok, skipped, empty } = await runNodeTests(files, options).finally(() => server?.stop())
  if (!ok) problems.push('Node tests')
  if (empty.length) problems.push(`No test ran in ${empty.join(', ')}`)
  if (isCI && skipped.length)
    problems.push(`Tests were skipped, and CI is set\n    ${skipped.join('\n    ')}`)
  if (problems.length === 0) return
  console.error(`\nFailed:\n  ${problems.join('\n  ')}`)
  process.exitCode = 1
}

main(process.argv.slice(2)).catch(reportFailure)
