// `npm run test:runtimes`: the package, as it is packed, on Bun and Deno.
'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { makeApp } = require('./app.js')
const { formatTable, parseCommandLine } = require('../command-line.js')
const { fetchTool } = require('../install/registry.js')
const { findMongod, startMongod } = require('../mongod.js')
const { readReport } = require('./report.js')
const { CORE, FAST, RUNTIMES } = require('./runtimes.js')
const { StepError, reportFailure, setUp, step } = require('../setup.js')

const USAGE = `Usage: npm run test:runtimes [-- OPTION …]

Installs and builds what is missing, packs the packages of a release, and installs them in an app. There, on Bun and on Deno, it runs
__test__/platforms/smoke.js and the core of the tests of the API. What cannot pass on a runtime, for a reason that is not the store's,
is named with that reason in scripts/runtimes/runtimes.js. Ends with a table, and with exit code 1 if anything was wrong.

MONGO_URL=mongodb://…    use this server instead of starting one
EXPECTED_BINDING=TARGET  fail where another one is loaded, such as the WebAssembly

  --fast          the first files of the tests only
  --only RUNTIME  only this one: ${RUNTIMES.map(({ name }) => name).join(', ')}
  --json          the results as JSON on the standard output, instead of the table
  --list          what is run, and what cannot pass where
  --help          show this text`

const SMOKE = '__test__/platforms/smoke.js'
const FILE_TIMEOUT_MS = 480_000
/** Of what a file has said, when it fails. */
const SHOWN_CHARACTERS = 6000

/** @typedef {import('./runtimes.js').Runtime} Runtime */
/** @typedef {{ app: string, folder: string, program: string, env: NodeJS.ProcessEnv }} Context */
/**
 * @typedef {object} Result
 * @property {string} runtime
 * @property {string} file
 * @property {number} passed
 * @property {number} skipped
 * @property {number} excepted what fails as it is known to
 * @property {number} seconds
 * @property {string[]} problems
 */

/** @param {string[]} args */
function readOptions(args) {
  const options = /** @type {const} */ ({
    fast: { type: 'boolean' },
    only: { type: 'string' },
    json: { type: 'boolean' },
    list: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  const { values } = parseCommandLine(args, options, USAGE)
  const runtimes = RUNTIMES.filter(({ name }) => values.only === undefined || name === values.only)
  if (runtimes.length === 0) {
    throw new StepError(`There is no runtime ${values.only}: ${RUNTIMES.map(({ name }) => name).join(', ')}`)
  }
  return { ...values, runtimes }
}

/** @param {Context} context @param {string[]} args @returns {Promise<{ code: number | null, said: string }>} */
function runIn({ app, program, env }, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: app,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: FILE_TIMEOUT_MS,
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (said += text))
    }
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, said }))
  })
}

/** @param {Context} context @param {Runtime} runtime @returns {Promise<Omit<Result, 'runtime' | 'file' | 'seconds'>>} */
async function trySmoke(context, { run }) {
  const { code, said } = await runIn(context, [...run, SMOKE])
  const passed = said.match(/^✓ /gm)?.length ?? 0
  const problems = code === 0 ? [] : [`It ended with ${code}\n${said.slice(-SHOWN_CHARACTERS)}`]
  return { passed, skipped: 0, excepted: 0, problems }
}

/** @param {Context} context @param {Runtime} runtime @param {string} file @returns {Promise<Omit<Result, 'runtime' | 'file' | 'seconds'>>} */
async function tryTests(context, { test, exceptions }, file) {
  const report = path.join(context.folder, 'report.xml')
  fs.rmSync(report, { force: true })
  const { code, said } = await runIn(context, test(file, report))
  const tests = fs.existsSync(report) ? readReport(fs.readFileSync(report, 'utf8')) : []
  const known = exceptions.filter((one) => one.file === file)
  const isKnown = (/** @type {string} */ name) => known.some((one) => one.test.test(name))
  const failed = tests.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name)
  const problems = failed.filter((name) => !isKnown(name))
  const outdated = known.filter((one) => !failed.some((name) => one.test.test(name)))
  problems.push(...outdated.map((one) => `${one.test} is no exception any more: nothing of that name fails`))
  // Without a failed test it has failed outside of them.
  if (tests.length === 0 || (code !== 0 && failed.length === 0)) problems.push(`It ended with ${code}`)
  if (problems.length > 0) problems.push(said.slice(-SHOWN_CHARACTERS))
  const count = (/** @type {string} */ outcome) => tests.filter((one) => one.outcome === outcome).length
  return {
    passed: count('passed'),
    skipped: count('skipped'),
    excepted: failed.filter(isKnown).length,
    problems,
  }
}

/** @param {Context} context @param {Runtime} runtime @param {string} file @returns {Promise<Result>} */
async function tryFile(context, runtime, file) {
  const start = Date.now()
  const work = async () => {
    const found = await (file === SMOKE ? trySmoke(context, runtime) : tryTests(context, runtime, file))
    if (found.problems.length > 0) throw Object.assign(new StepError(found.problems.join('\n')), { found })
    return found
  }
  const label = `${runtime.name}: ${file}`
  const found = await step(label, work).catch((error) => {
    reportFailure(error)
    return error.found ?? { passed: 0, skipped: 0, excepted: 0, problems: [error.message] }
  })
  return { runtime: runtime.name, file, ...found, seconds: (Date.now() - start) / 1000 }
}

/** @param {Result[]} results */
function table(results) {
  const head = ['runtime', 'file', 'passed', 'excepted', 'skipped', 's', '']
  const rows = results.map(({ runtime, file, passed, excepted, skipped, seconds, problems }) => {
    const figures = [passed, excepted, skipped, Math.round(seconds)].map(String)
    return [runtime, file, ...figures, problems.length > 0 ? 'FAILED' : '']
  })
  return formatTable([head, ...rows], 2)
}

/** @param {Runtime[]} runtimes @param {string[]} files */
function list(runtimes, files) {
  const exceptions = runtimes.flatMap(({ name, exceptions }) =>
    exceptions.map(({ file, test, reason }) => `${name}: ${file}, ${test.source}: ${reason}`)
  )
  return [...files, '', ...exceptions].join('\n')
}

/** @param {Runtime[]} runtimes @param {string[]} files @param {string} folder @returns {Promise<Result[]>} */
async function tryAll(runtimes, files, folder) {
  const app = await step('Packing and installing the package', () => makeApp(folder))
  const server = process.env.MONGO_URL ? undefined : await step('Starting a mongod', startMongod)
  const env = {
    ...process.env,
    MONGO_URL: process.env.MONGO_URL ?? server?.getUri(),
    MONGOMS_SYSTEM_BINARY: await findMongod(),
    CONNECT_MONGO_NATIVE_PATH: path.join(app, 'node_modules', 'connect-mongo-native'),
    NO_COLOR: '1',
  }
  /** @type {Result[]} */
  const results = []
  try {
    for (const runtime of runtimes) {
      const program = await step(`Fetching ${runtime.name}`, () => fetchTool(runtime.tool))
      for (const file of files) results.push(await tryFile({ app, folder, program, env }, runtime, file))
    }
  } finally {
    await server?.stop()
  }
  return results
}

/** @param {string[]} args */
async function main(args) {
  const { fast, json, list: isListed, help, runtimes } = readOptions(args)
  if (help) return console.log(USAGE)
  const files = [SMOKE, ...(fast ? FAST : CORE)]
  if (isListed) return console.log(list(runtimes, files))
  await setUp({ wasm: true })
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-runtimes-'))
  try {
    const results = await tryAll(runtimes, files, folder)
    console.log(json ? JSON.stringify(results, null, 2) : table(results))
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

main(process.argv.slice(2)).catch(reportFailure)
