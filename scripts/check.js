// `npm run check`: what finds most mistakes in little time, without a server, system packages or the addon. `npm run fix`: mends what
// can be mended without thought. What fails does not keep the steps after it from being run.
'use strict'

const { readdirSync } = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { ROOT, StepError, checkCargo, installPackages, reportFailure, run, step } = require('./setup.js')

const USAGE = `Usage: npm run check [-- --quick | -- --only PART]
       npm run fix

check  formats, lints, types, import circles and unit tests: all that needs neither a server nor the addon
fix    applies the fixes of the lints that are safe, and formats the code

  --quick      only what takes seconds, as the pre-commit hook does
  --only PART  only the "lint" part, or only the "unit" part
  --help       show this text`

const BIOME = node('node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings')
const TSC = ['tsconfig.json', 'tsconfig.tools.json'].map((project) =>
  node('node_modules/typescript/bin/tsc', '-p', project)
)
const CLIPPY = cargo('clippy', '--locked', '--workspace', '--all-targets')
const STRICTLY = ['--', '-D', 'warnings']
/** Not a member of the workspace, as little as fuzz. */
const FLOOR = ['--manifest-path', 'benchmark/floor/Cargo.toml']
const RUSTFMT = [
  cargo('fmt', '--all'),
  cargo('fmt', '--manifest-path', 'fuzz/Cargo.toml'),
  cargo('fmt', ...FLOOR),
]
const FIX = 'npm run fix mends what needs no thought'
const PARTS = ['lint', 'unit']

/**
 * @typedef {[string, ...string[]]} Command
 *
 * @typedef {object} Step
 * @property {string} label
 * @property {Command[]} commands
 * @property {'lint' | 'unit'} part
 * @property {boolean} [isQuick]
 * @property {string} [mend] what mends a failure
 */

/** @param {string[]} args @returns {Command} */
function node(...args) {
  return [process.execPath, ...args]
}

/** @param {string[]} args @returns {Command} */
function cargo(...args) {
  return ['cargo', ...args]
}

/** @returns {Command} */
function unitTests() {
  const folder = '__test__/unit'
  const files = readdirSync(path.join(ROOT, folder)).filter((name) => name.endsWith('.test.js'))
  return node('--test', ...files.map((name) => `${folder}/${name}`))
}

/** @returns {Step[]} */
function checks() {
  return [
    {
      label: 'JavaScript: format, lints, import circles',
      commands: [BIOME],
      part: 'lint',
      isQuick: true,
      mend: FIX,
    },
    { label: 'JavaScript: types', commands: TSC, part: 'lint', isQuick: true },
    {
      label: 'Rust: format',
      commands: RUSTFMT.map((command) => [...command, '--check']),
      part: 'lint',
      isQuick: true,
      mend: FIX,
    },
    {
      label: 'Rust: lints',
      commands: [
        [...CLIPPY, ...STRICTLY],
        cargo('clippy', '--locked', '--all-targets', ...FLOOR, '--target-dir', 'target/floor', ...STRICTLY),
      ],
      part: 'lint',
      mend: FIX,
    },
    {
      label: 'Rust: rooms and import circles',
      commands: [node('scripts/rust-rooms.js')],
      part: 'lint',
      isQuick: true,
    },
    {
      label: 'One version everywhere',
      commands: [node('scripts/release/release.js', '--check')],
      part: 'lint',
      isQuick: true,
    },
    { label: 'JavaScript: unit tests', commands: [unitTests()], part: 'unit' },
    { label: 'Rust: unit tests', commands: [cargo('test', '--locked', '--workspace')], part: 'unit' },
  ]
}

/** @type {Step[]} */
const FIXES = [
  { label: 'JavaScript: fixes and format', commands: [[...BIOME, '--write']], part: 'lint' },
  {
    label: 'Rust: fixes',
    commands: [[...CLIPPY, '--fix', '--allow-dirty', '--allow-staged']],
    part: 'lint',
  },
  { label: 'Rust: format', commands: RUSTFMT, part: 'lint' },
]

/** @param {Step} step */
async function perform({ commands }) {
  for (const [command, ...args] of commands) {
    if (command === 'cargo') checkCargo()
    await run(command, args)
  }
}

/** @param {Step[]} steps @returns {Promise<Step[]>} those that failed */
async function failuresOf(steps) {
  /** @type {Step[]} */
  const failed = []
  for (const one of steps) {
    try {
      await step(one.label, () => perform(one))
    } catch (error) {
      reportFailure(error)
      failed.push(one)
    }
  }
  return failed
}

/** @param {string[]} args */
function readOptions(args) {
  const options = /** @type {const} */ ({
    quick: { type: 'boolean' },
    only: { type: 'string' },
    fix: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  try {
    const { values } = parseArgs({ args, options })
    if (values.only && !PARTS.includes(values.only)) throw new Error(`--only takes ${PARTS.join(' or ')}`)
    return values
  } catch (error) {
    throw new StepError(`${/** @type {Error} */ (error).message}\n\n${USAGE}`)
  }
}

/** @param {string[]} args */
async function main(args) {
  const { quick, only, fix, help } = readOptions(args)
  if (help) return console.log(USAGE)
  // A commit is no time to install anything.
  if (!quick) await installPackages()
  const chosen = checks().filter(({ isQuick, part }) => (isQuick || !quick) && (part === only || !only))
  const steps = fix ? FIXES : chosen
  const failed = await failuresOf(steps)
  if (failed.length === 0) return console.log(`${steps.length} of ${steps.length} steps passed`)
  const lines = failed.map(({ label, mend }) => `  ${label}${mend ? ` – ${mend}` : ''}`)
  console.error(`\n${failed.length} of ${steps.length} steps failed:\n${lines.join('\n')}`)
}

main(process.argv.slice(2)).catch(reportFailure)
