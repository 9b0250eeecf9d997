// Makes a fresh clone usable, and does only what is missing: npm packages, then the native addon and, when asked for, the
// WebAssembly. Node alone runs it.
'use strict'

const { spawn } = require('node:child_process')
const { existsSync, readFileSync, readdirSync, statSync } = require('node:fs')
const { homedir } = require('node:os')
const path = require('node:path')
const { hostTarget } = require('../lib/native-binding.js')

const ROOT = path.join(__dirname, '..')
/** The oldest Node that every development dependency takes; the package itself runs on any Node 20. */
const NODE = '20.19'
const CRATE = ['src', 'core', 'Cargo.toml', 'Cargo.lock', 'build.rs']
const WASM_SOURCES = ['wasm', 'scripts/build-wasm.js', 'package-lock.json']

const isCI = Boolean(process.env.CI)
const isTerminal = Boolean(process.stderr.isTTY) && !isCI
const isColoured = isTerminal && !process.env.NO_COLOR

/** What went wrong is in the message, and a stack would only hide it. */
class StepError extends Error {
  name = 'StepError'
}

/** @param {string} line */
function logToTerminal(line) {
  process.stderr.write(`${line}\n`)
}

/** @param {boolean} ok */
function mark(ok) {
  const sign = ok ? '✓' : '✗'
  return isColoured ? `\x1b[${ok ? 32 : 31}m${sign}\x1b[39m` : sign
}

/** @param {number} since */
function elapsed(since) {
  const seconds = Math.round((Date.now() - since) / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/**
 * Shows that something long is going on, with the seconds counting up on a terminal.
 *
 * @template T
 * @param {string} label
 * @param {(say: (line: string) => void) => Promise<T>} work given a way to say what it is at
 * @param {(line: string) => void} [log]
 * @returns {Promise<T>}
 */
async function step(label, work, log = logToTerminal) {
  const start = Date.now()
  // A line that wraps could not be drawn over.
  const fit = () => `· ${label} … ${elapsed(start)}`.slice(0, (process.stderr.columns || 80) - 1)
  const erase = () => {
    if (isTerminal) process.stderr.write('\r\x1b[K')
  }
  const draw = () => {
    erase()
    process.stderr.write(fit())
  }
  const timer = isTerminal ? setInterval(draw, 1000) : undefined
  if (isTerminal) draw()
  else log(`· ${label} …`)
  /** @param {boolean} ok */
  const finish = (ok) => {
    clearInterval(timer)
    erase()
    log(`${mark(ok)} ${label} (${elapsed(start)})`)
  }
  try {
    const result = await work((line) => {
      erase()
      log(`  ${line}`)
    })
    finish(true)
    return result
  } catch (error) {
    finish(false)
    throw error
  }
}

/**
 * Runs a command in the project's folder. Its output is kept back and shown only when it fails; in CI it is streamed.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env] besides that of this process
 * @returns {Promise<void>}
 */
function run(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const output = isCI ? 'inherit' : 'pipe'
    const stdio = /** @type {const} */ (['ignore', output, output])
    const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: [...stdio] })
    /** @type {Buffer[]} */
    const chunks = []
    child.stdout?.on('data', (chunk) => chunks.push(chunk))
    child.stderr?.on('data', (chunk) => chunks.push(chunk))
    child.on('error', (error) => reject(new StepError(`Cannot run ${command}: ${error.message}`)))
    child.on('close', (code, signal) => {
      if (code === 0) return resolve()
      const shown = Buffer.concat(chunks).toString().trimEnd()
      const outcome = signal ? `was ended by ${signal}` : `failed with exit code ${code}`
      reject(new StepError(`${shown}\n\n${[path.basename(command), ...args].join(' ')} ${outcome}`.trim()))
    })
  })
}

/** @param {string[]} args */
function npm(args) {
  // npm names its own script to what it runs; going through it needs no shell on any system.
  const script = process.env.npm_execpath
  return script?.endsWith('npm-cli.js') ? run(process.execPath, [script, ...args]) : run('npm', args)
}

/** @param {string} version @param {string} least */
function isAtLeast(version, least) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number)
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
}

function checkNode() {
  if (isAtLeast(process.versions.node, NODE)) return
  throw new StepError(
    `Node ${NODE} or later is needed, and this is ${process.versions.node}: https://nodejs.org`
  )
}

/** Makes sure that `cargo` can be run by its bare name; rustup's folder is looked into even when it is not on the PATH. */
function checkCargo() {
  const name = process.platform === 'win32' ? 'cargo.exe' : 'cargo'
  const onPath = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean)
  if (onPath.some((folder) => existsSync(path.join(folder, name)))) return
  const rustup = path.join(process.env.CARGO_HOME ?? path.join(homedir(), '.cargo'), 'bin')
  if (existsSync(path.join(rustup, name))) {
    process.env.PATH = [...onPath, rustup].join(path.delimiter)
    return
  }
  const least = /^rust-version = "(.+)"$/m.exec(readFileSync(path.join(ROOT, 'Cargo.toml'), 'utf8'))?.[1]
  throw new StepError(
    `cargo was not found, on the PATH or in ${rustup}. The core of this package is written in Rust:\n` +
      `install Rust ${least} or later from https://rustup.rs, open a new terminal, and run this again.`
  )
}

/** @param {string} file @returns {number} 0 when there is no such file */
function changedAt(file) {
  return statSync(path.join(ROOT, file), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function packagesAreFresh() {
  // npm writes this file when it has installed what package-lock.json names.
  const installed = changedAt('node_modules/.package-lock.json')
  return installed > 0 && installed >= changedAt('package-lock.json')
}

/** Folders count as well: a source file that was removed leaves only its folder's date behind. @param {string[]} sources */
function newest(sources) {
  const inFolders = sources
    .filter((source) => statSync(path.join(ROOT, source)).isDirectory())
    .flatMap((folder) =>
      readdirSync(path.join(ROOT, folder), { recursive: true }).map((file) => path.join(folder, String(file)))
    )
  return Math.max(...[...sources, ...inFolders].map(changedAt))
}

function addonIsFresh() {
  // A folder shared with another machine may hold that one's addon only.
  const file = path.join('native', `connect-mongo-native.${hostTarget()}.node`)
  return changedAt(file) >= newest(CRATE)
}

function wasmIsFresh() {
  const files = ['connect-mongo-native.wasm32-wasip1.wasm', 'index.js']
  const since = newest([...CRATE, ...WASM_SOURCES])
  return files.every((file) => changedAt(path.join('npm/wasm32-wasip1', file)) >= since)
}

/** @param {(line: string) => void} [log] */
async function installPackages(log = logToTerminal) {
  checkNode()
  if (packagesAreFresh()) return
  // Without --include=dev, NODE_ENV=production would leave the build tools out.
  await step('Installing npm packages', () => npm(['ci', '--include=dev', '--no-audit', '--no-fund']), log)
}

/**
 * @param {{ log?: (line: string) => void, wasm?: boolean }} [options] `log` is given one line at a time
 */
async function setUp({ log = logToTerminal, wasm = false } = {}) {
  // Both are asked before anything slow starts.
  checkNode()
  if (!addonIsFresh()) checkCargo()
  await installPackages(log)
  if (!addonIsFresh()) {
    await step('Building the native addon (1–3 min the first time)', () => npm(['run', 'build']), log)
  }
  if (wasm && !wasmIsFresh()) {
    await step('Building the WebAssembly (1–3 min the first time)', () => npm(['run', 'build:wasm']), log)
  }
}

/** How a script ends that could not do its work. @param {unknown} error */
function reportFailure(error) {
  console.error(error instanceof StepError ? error.message : error)
  process.exitCode = 1
}

module.exports = {
  ROOT,
  StepError,
  addonIsFresh,
  checkCargo,
  installPackages,
  isCI,
  npm,
  reportFailure,
  run,
  setUp,
  step,
}

if (require.main === module) setUp().catch(reportFailure)
