// `npm run test:platforms -- TARGET…`: the binaries of other platforms, read and run on this machine.
'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { certificatesIn } = require('../../__test__/support/certificates.js')
const { EXPECTED, faultsOf, readBinary } = require('./binaries.js')
const { formatTable, parseCommandLine } = require('../command-line.js')
const { startMongod } = require('../mongod.js')
const { NODES, nodeOf } = require('./platform-nodes.js')
const { binaryOf } = require('../release/release-binaries.js')
const { ROOT, StepError, installPackages, reportFailure, run, step } = require('../setup.js')
const { NATIVE, ON_ANY_SYSTEM } = require('../suites.js')
const { countIn, failuresIn } = require('../tap.js')
const { TARGETS, checkTargets, fileOf } = require('../targets.js')
const { output } = require('../tools.js')

const USAGE = `Usage: npm run test:platforms -- TARGET…
       npm run test:platforms -- --all

For each platform: builds its binary where npm/TARGET has none (this machine's own is that of npm run build), reads what it asks of a
system, runs __test__/platforms/smoke.js on a Node of that platform, and then a part of the API's tests. Goes on after failures. Ends
with a table, and with exit code 1 if anything failed.

  --all    all of them; those that cannot be run here are read only: ${Object.keys(TARGETS)
    .filter((target) => !(target in NODES))
    .join(', ')}
  --smoke  without the tests of the API
  --json   the results as JSON on the standard output, instead of the table
  --help   show this text

x86-64 Debian is needed: arm64 is run by qemu, Windows by Wine (as root), and other C libraries are taken from other Debians.`

const SMOKE_TIMEOUT_MS = 300_000
/** Under emulation a processor is ten times as slow. */
const FILE_TIMEOUT_MS = 1_800_000

/** @typedef {import('./platform-nodes.js').PlatformNode} PlatformNode */

/**
 * @typedef {object} Result
 * @property {string} target
 * @property {number} [kilobytes]
 * @property {string} [floor]
 * @property {string} [node] that it was run on
 * @property {boolean} [smoke]
 * @property {number} [passed]
 * @property {number} [failed]
 * @property {string[]} problems
 */

/** @param {string} target @param {(line: string) => void} say @returns {Promise<string>} */
async function findBinary(target, say) {
  const file = binaryOf(target)
  if (file) return file
  say(`npm run build:cross -- ${target}`)
  await run(process.execPath, [path.join(__dirname, 'build-cross.js'), target])
  return /** @type {string} */ (binaryOf(target))
}

/** This checkout with one binary in it. @param {string} target @param {string} binary @returns {string} its folder */
function assemble(target, binary) {
  const folder = path.join(ROOT, '.cache', 'platforms', target)
  fs.rmSync(folder, { recursive: true, force: true })
  const listed = output('git', ['-C', ROOT, 'ls-files', '--cached', '--others', '--exclude-standard'])
  for (const file of listed.split('\n').filter((name) => fs.existsSync(path.join(ROOT, name)))) {
    fs.cpSync(path.join(ROOT, file), path.join(folder, file))
  }
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'))
  fs.copyFileSync(binary, path.join(folder, 'native', fileOf(target)))
  return folder
}

/**
 * Runs a script on a platform's Node. Its output goes to a file, since Node cannot write into a pipe of Wine's.
 *
 * @param {PlatformNode} node
 * @param {string[]} args
 * @param {{ folder: string, env: NodeJS.ProcessEnv, timeoutMs: number }} options
 * @returns {Promise<{ code: number | null, said: string }>}
 */
async function runOn({ command: [program, ...before], env: ofNode }, args, { folder, env, timeoutMs }) {
  const file = path.join(folder, 'output.txt')
  const log = fs.openSync(file, 'w')
  try {
    const code = await new Promise((resolve, reject) => {
      const child = spawn(program, [...before, ...args], {
        cwd: folder,
        env: { ...process.env, ...ofNode, ...env },
        stdio: ['ignore', log, log],
        detached: true,
      })
      // With what it has started: under `unshare` and Wine it is not Node itself.
      const kill = () => process.kill(-(/** @type {number} */ (child.pid)), 'SIGKILL')
      const timer = setTimeout(kill, timeoutMs)
      process.once('exit', kill)
      child.on('error', reject)
      child.on('close', (exitCode) => {
        clearTimeout(timer)
        process.off('exit', kill)
        resolve(exitCode)
      })
    })
    return { code, said: fs.readFileSync(file, 'utf8') }
  } finally {
    fs.closeSync(log)
  }
}

/** @param {PlatformNode} node @param {string} target @param {string} folder @param {NodeJS.ProcessEnv} env */
async function smoke(node, target, folder, env) {
  const options = { folder, env: { ...env, EXPECTED_BINDING: target }, timeoutMs: SMOKE_TIMEOUT_MS }
  const { code, said } = await runOn(node, ['__test__/platforms/smoke.js'], options)
  if (code !== 0 || !said.includes('passed, and ended by itself') || said.includes('left out')) {
    throw new StepError(`The smoke test ended with ${code}\n${said}`)
  }
}

/** @param {PlatformNode} node @param {string} file @param {string} folder @param {NodeJS.ProcessEnv} env */
async function testFile(node, file, folder, env) {
  const report = 'report.tap'
  fs.rmSync(path.join(folder, report), { force: true })
  const reporter = ['--test-reporter=tap', `--test-reporter-destination=${report}`]
  const { code, said } = await runOn(node, [...reporter, file], { folder, env, timeoutMs: FILE_TIMEOUT_MS })
  const tap = fs.existsSync(path.join(folder, report))
    ? fs.readFileSync(path.join(folder, report), 'utf8')
    : ''
  const [passed, failed] = [countIn(tap, 'pass'), countIn(tap, 'fail') + countIn(tap, 'cancelled')]
  const problems = failuresIn(tap).map(({ name, error }) => `${file}: ${name}: ${error}`)
  if (code !== 0 && failed === 0) problems.push(`${file} ended with ${code}: ${said.slice(-500)}`)
  return { passed, failed: failed || (code === 0 ? 0 : 1), problems }
}

/** @param {PlatformNode} node @param {Result} result @param {string} folder @param {NodeJS.ProcessEnv} env */
async function runSuite(node, result, folder, env) {
  Object.assign(result, { passed: 0, failed: 0 })
  for (const file of ON_ANY_SYSTEM) {
    const label = `${result.target}: ${path.relative('__test__', file)}`
    const outcome = await step(label, async (say) => {
      const one = await testFile(node, file, folder, env)
      say(`${one.passed} passed, ${one.failed} failed`)
      return one
    })
    result.passed = Number(result.passed) + outcome.passed
    result.failed = Number(result.failed) + outcome.failed
    result.problems.push(...outcome.problems)
  }
}

/** @param {string} target @param {(line: string) => void} say @returns {Promise<Result>} */
async function readTarget(target, say) {
  const file = await findBinary(target, say)
  const kilobytes = Math.ceil(fs.statSync(file).size / 1000)
  const contents = await readBinary(file, say)
  const faults = faultsOf(contents, target)
  if (faults.length > 0) throw new StepError(`${file}: ${faults.join('; ')}`)
  return { target, kilobytes, floor: EXPECTED[target].floor, problems: [] }
}

/** @param {Result} result @param {{ env: NodeJS.ProcessEnv, ca: string, isSmokeOnly: boolean }} options */
async function runTarget(result, { env, ca, isSmokeOnly }) {
  const { target } = result
  const node = await step(`${target}: a Node`, (say) => nodeOf(target, say))
  result.node = node.about
  const folder = assemble(target, /** @type {string} */ (binaryOf(target)))
  // Below the folder, where Windows finds it too.
  fs.copyFileSync(ca, path.join(folder, 'ca.pem'))
  result.smoke = false
  await step(`${target}: smoke test on ${node.about}`, () =>
    smoke(node, target, folder, { ...env, MONGO_TLS_CA: 'ca.pem' })
  )
  result.smoke = true
  if (!isSmokeOnly) await runSuite(node, result, folder, env)
}

/** @param {string} target @param {{ env: NodeJS.ProcessEnv, ca: string, isSmokeOnly: boolean }} options @returns {Promise<Result>} */
async function testTarget(target, options) {
  /** @type {Result} */
  let result = { target, problems: [] }
  try {
    result = await step(`${target}: reading its binary`, (say) => readTarget(target, say))
    if (target in NODES) await runTarget(result, options)
  } catch (error) {
    result.problems.push(/** @type {Error} */ (error).message)
  }
  return result
}

/** @param {Result[]} results */
function tableOf(results) {
  const rows = [
    ['target', 'kB', 'floor', 'smoke', 'passed', 'failed', 'run on'],
    ...results.map(({ target, kilobytes, floor, smoke: isWell, passed, failed, node }) => [
      target,
      kilobytes === undefined ? 'failed' : String(kilobytes),
      floor ?? '',
      isWell === undefined ? '–' : isWell ? 'passed' : 'failed',
      String(passed ?? '–'),
      String(failed ?? '–'),
      node ?? 'read only',
    ]),
  ]
  return formatTable(rows)
}

/** @param {string[]} args */
function readOptions(args) {
  const options = /** @type {const} */ ({
    all: { type: 'boolean' },
    smoke: { type: 'boolean', default: false },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  })
  const { values, positionals } = parseCommandLine(args, options, USAGE, { most: args.length })
  return { ...values, targets: values.all ? Object.keys(TARGETS) : positionals }
}

/** @param {string[]} targets @param {boolean} isSmokeOnly @returns {Promise<Result[]>} */
async function testAll(targets, isSmokeOnly) {
  const scratch = fs.mkdtempSync(path.join(ROOT, '.cache', 'platforms-'))
  try {
    const { ca, server: certificate } = certificatesIn(scratch)
    // Beside the tests without it, so that one server does for both.
    const tls = ['--tlsMode', 'preferTLS', '--tlsCertificateKeyFile', certificate]
    const server = await step('Starting a mongod', (say) => startMongod(say, tls))
    try {
      const env = { MONGO_URL: server.getUri(), FEW_VECTORS: 'true', ...NATIVE }
      /** @type {Result[]} */
      const results = []
      for (const target of targets) results.push(await testTarget(target, { env, ca, isSmokeOnly }))
      return results
    } finally {
      await server.stop()
    }
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

/** @param {string[]} args */
async function main(args) {
  const { targets, smoke: isSmokeOnly = false, help, json } = readOptions(args)
  if (help) return console.log(USAGE)
  checkTargets(targets, USAGE)
  await installPackages()
  fs.mkdirSync(path.join(ROOT, '.cache'), { recursive: true })
  const results = await testAll(targets, isSmokeOnly)
  if (json) console.log(JSON.stringify({ results }, null, 2))
  else console.log(`\n${tableOf(results)}`)
  const problems = results.flatMap((result) => result.problems.map((text) => `${result.target}: ${text}`))
  for (const problem of problems) console.error(`\n${problem}`)
  if (problems.length > 0) process.exitCode = 1
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
main(process.argv.slice(2)).catch(reportFailure)
