// `npm run licenses`: licenses/native.md and licenses/wasm.md, which go into the packages with a binary: the crates that it is made of,
// with the texts of their licences. The tests compare only the names and versions with those of Cargo.lock, which takes a second.
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { WASM } = require('./release-binaries.js')
const { ROOT, checkCargo, reportFailure, run, step } = require('../setup.js')
const { TARGETS } = require('../targets.js')

const USAGE = `Usage: npm run licenses

Writes licenses/native.md and licenses/wasm.md anew, with cargo-about, which it builds first if it is not there (some minutes).`

const ABOUT = '0.9.3'
const FOLDER = path.join(ROOT, 'licenses')
const TOOL = path.join(ROOT, '.cache', 'tools', `cargo-about-${ABOUT}`)

/** The triples of Rust that a kind of package is built for. @type {Record<'native' | 'wasm', string[]>} */
const TRIPLES = { native: Object.values(TARGETS).map(({ triple }) => triple), wasm: [WASM] }

/** @param {'native' | 'wasm'} kind @returns {string[]} the crates that are compiled for it, but for those of this workspace */
function crates(kind) {
  const targets = TRIPLES[kind].flatMap((triple) => ['--target', triple])
  const form = ['--prefix', 'none', '--format', '{p}', '--no-dedupe']
  const args = [
    'tree',
    '--locked',
    '--package',
    'connect-mongo-native',
    '--edges',
    'normal',
    ...targets,
    ...form,
  ]
  const lines = execFileSync('cargo', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 28 }).split('\n')
  const named = lines.filter((line) => line !== '' && !line.includes(ROOT))
  return [...new Set(named.map((line) => line.replace(/^(\S+) v(\S+).*$/, '$1 $2')))].sort()
}

/** @param {'native' | 'wasm'} kind @returns {string} */
function fileOfKind(kind) {
  return path.join(FOLDER, `${kind}.md`)
}

/** @param {'native' | 'wasm'} kind @returns {string[]} the crates whose licences are told, as `crates` names them */
function listed(kind) {
  const text = fs.readFileSync(fileOfKind(kind), 'utf8')
  return [...new Set([...text.matchAll(/^- (\S+ \d\S+)/gm)].map(([, name]) => name))].sort()
}

async function installTool() {
  if (fs.existsSync(TOOL)) return
  const options = ['--locked', '--features', 'cli', '--version', ABOUT, '--root', TOOL]
  await step('Building cargo-about (some minutes)', () =>
    run('cargo', ['install', 'cargo-about', ...options])
  )
}

/** @param {'native' | 'wasm'} kind */
async function generate(kind) {
  const targets = TRIPLES[kind].flatMap((triple) => ['--target', triple])
  const config = ['--config', path.join(FOLDER, 'about.toml'), '--output-file', fileOfKind(kind)]
  const tool = path.join(TOOL, 'bin', 'cargo-about')
  // Cargo has fetched the crates by then, and their own files are the same everywhere.
  const options = ['--frozen', '--fail', ...targets, ...config]
  await run(tool, ['generate', ...options, path.join(FOLDER, 'about.hbs')])
}

/** @param {string[]} args */
async function main(args) {
  if (args.length > 0) return console.log(USAGE)
  checkCargo()
  await installTool()
  await step('Fetching crates', () => run('cargo', ['fetch', '--locked']))
  for (const kind of /** @type {const} */ (['native', 'wasm'])) {
    await step(`Writing licenses/${kind}.md`, () => generate(kind))
  }
}

module.exports = { crates, listed }

if (require.main === module) main(process.argv.slice(2)).catch(reportFailure)
