// `npm run build:cross -- TARGET…`: the native addon of other platforms, each in its package's folder under npm/.
//
// zig is linker and C compiler for all of them, with the headers and stubs of their C libraries in it; cargo-zigbuild puts it in place.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { formatTable, parseCommandLine } = require('../command-line.js')
const { compilerFor, remapFlags, rustupTool } = require('../debian-rust.js')
const { MOST_BYTES } = require('../release/release-binaries.js')
const { ROOT, StepError, checkCargo, isCI, reportFailure, run, step } = require('../setup.js')
const { TARGETS, checkTargets, fileOf } = require('../targets.js')
const { pythonPackage } = require('../tools.js')

const USAGE = `Usage: npm run build:cross -- TARGET…
       npm run build:cross -- --all

Builds the native addon of other platforms into npm/TARGET, one after the other: some 5 minutes each on two cores. What fails does not
keep the rest from being built; it ends with a table, and with exit code 1 if anything failed.

What is released is built on machines of those platforms; this is for tests before that, and for what nobody has a machine for.

  --all    all of them
  --quick  in a third of the time, of no size that anybody should download: to see that it builds and runs
  --json   the results as JSON on the standard output, instead of the table
  --list   the targets
  --help   show this text

Linux or macOS, Python 3 with pip, and Rust are needed. zig and cargo-zigbuild are fetched from PyPI into .cache. Rust's standard library
for a target is rustup's, or on Debian compiled from its package rust-web-src.`

const ZIG = {
  version: '0.15.2',
  hashes: [
    '806316453d1ede7174ed3fefb8e5348154629089c3bb5fe812dfd0e172fac130', // Linux x86-64
    'edc0aa60ec964a4cf462d40f68d7de242ddf37fd9a80f2afaee6397059463230', // Linux arm64
    '47af4f85e3e59bd672126cc026d3a01b516cad24b9a9ea075abfe8532f4c6bc1', // macOS x86-64
    'acae2a9ce67ed249ad68d42c21bc73b5f9d51a33ba5ea42f609f78683e8d9bb7', // macOS arm64
  ],
}
const ZIGBUILD = {
  version: '0.24.1',
  hashes: [
    '238a1ab54a95053a4eadc34775c81f795a8ad75f80bfed63f3f445f518102375',
    '07c5e3dcddf208500462ec927c556bb306cca2b533b0abe29446bffb63767b85',
    '7b832d824bbf852b9a99b02a0dfa2166a00462fc237c2387d15a67c385755795',
  ],
}

const FOLDER = path.join(ROOT, 'target', 'cross')

/**
 * @typedef {{ target: string, kilobytes?: number, seconds: number, error?: string }} Result
 * @typedef {{ zig: string, zigbuild: string, isQuick: boolean }} Tools
 */

/** @param {(line: string) => void} say */
async function findZig(say) {
  const zig = await pythonPackage('ziglang', ZIG, say)
  const zigbuild = await pythonPackage('cargo-zigbuild', ZIGBUILD, say)
  return {
    zig: path.join(zig, 'ziglang', 'zig'),
    zigbuild: path.join(zigbuild, 'bin', 'cargo-zigbuild'),
  }
}

/** rustc looks for this to strip what is for macOS, and Debian's comes without. @returns {string} its folder */
function stripFolder() {
  const tool = rustupTool('rust-objcopy')
  const folder = path.join(FOLDER, 'bin')
  const libraries = path.resolve(tool, '../../../..')
  const wrapper = `#!/bin/sh\nLD_LIBRARY_PATH='${libraries}' exec '${tool}' "$@"\n`
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'rust-objcopy'), wrapper, { mode: 0o755 })
  return folder
}

/** napi-build links GNU's kind with a library of Node's, of which nothing is used, and which nobody has. @returns {string} its folder */
function emptyNode() {
  const folder = path.join(FOLDER, 'libnode')
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'libnode.dll'), '')
  fs.writeFileSync(path.join(folder, 'libnode.a'), '!<arch>\n')
  return folder
}

/** What takes most of the time is optimisation across crates. */
const QUICK = { CARGO_PROFILE_RELEASE_LTO: 'off', CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16' }

/** @param {string} target @param {Tools} tools @param {(line: string) => void} say */
async function compile(target, { zig, zigbuild, isQuick }, say) {
  const { triple, zigTriple = triple, rustFlags = [], env = {} } = TARGETS[target]
  const [rustTriple] = zigTriple.split(/\.(?=\d)/, 1)
  const compiler = await compilerFor(rustTriple, say)
  const flags = `CARGO_TARGET_${rustTriple.toUpperCase().replaceAll('-', '_')}_RUSTFLAGS`
  const strip = target.startsWith('darwin') ? [stripFolder()] : []
  const args = ['--locked', '--release', '--lib', '--target', zigTriple, '--target-dir', FOLDER]
  say(`cargo zigbuild --release --target ${zigTriple}`)
  await run(zigbuild, ['zigbuild', ...args, ...compiler.cargoArgs], {
    ...compiler.env,
    ...env,
    ...(isQuick && QUICK),
    CARGO_ZIGBUILD_ZIG_PATH: zig,
    LIBNODE_PATH: emptyNode(),
    PATH: [...strip, process.env.PATH].join(path.delimiter),
    [flags]: [...rustFlags, ...remapFlags(), ...(isCI ? ['-Dwarnings'] : [])].join(' '),
  })
  return path.join(FOLDER, rustTriple, 'release')
}

/** What Cargo calls a library for each kind of system. @param {string} folder @returns {string} */
function libraryIn(folder) {
  const names = ['libconnect_mongo_native.so', 'libconnect_mongo_native.dylib', 'connect_mongo_native.dll']
  const found = names.map((name) => path.join(folder, name)).find((file) => fs.existsSync(file))
  if (!found) throw new StepError(`Cargo has left no library in ${folder}`)
  return found
}

/** @param {string} target @param {Tools} tools @param {(line: string) => void} say @returns {Promise<number>} its size in kB */
async function build(target, tools, say) {
  const library = libraryIn(await compile(target, tools, say))
  const { size } = fs.statSync(library)
  if (size > MOST_BYTES && !tools.isQuick)
    throw new StepError(`${library} has ${size} bytes, more than ${MOST_BYTES}`)
  fs.copyFileSync(library, path.join(ROOT, 'npm', target, fileOf(target)))
  return Math.ceil(size / 1000)
}

/** @param {string} target @param {Tools} tools @param {string} label @returns {Promise<Result>} */
async function resultOf(target, tools, label) {
  const started = Date.now()
  const seconds = () => Math.round((Date.now() - started) / 1000)
  try {
    const kilobytes = await step(label, (say) => build(target, tools, say))
    return { target, kilobytes, seconds: seconds() }
  } catch (error) {
    const { message } = /** @type {Error} */ (error)
    console.error(message)
    return { target, seconds: seconds(), error: message }
  }
}

/** @param {string[]} args */
function readOptions(args) {
  const options = /** @type {const} */ ({
    all: { type: 'boolean' },
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    list: { type: 'boolean' },
    help: { type: 'boolean' },
  })
  const { values, positionals } = parseCommandLine(args, options, USAGE, { most: args.length })
  return { ...values, targets: values.all ? Object.keys(TARGETS) : positionals }
}

function checkSystem() {
  if (process.platform !== 'win32') return
  throw new StepError('On Windows, build in WSL, or with npm run build what this machine can link.')
}

/** @param {Result} result */
function rowOf({ target, kilobytes, seconds, error }) {
  return [target, error ? 'failed' : String(kilobytes), String(seconds)]
}

/** @param {string[]} args */
async function main(args) {
  const { targets, help, json, list, quick: isQuick = false } = readOptions(args)
  if (help) return console.log(USAGE)
  if (list) return console.log(Object.keys(TARGETS).join('\n'))
  checkTargets(targets, USAGE)
  checkSystem()
  checkCargo()
  const tools = { ...(await step('Finding zig', findZig)), isQuick }
  /** @type {Result[]} */
  const results = []
  for (const [index, target] of targets.entries()) {
    results.push(await resultOf(target, tools, `Building ${target} (${index + 1} of ${targets.length})`))
  }
  if (json) console.log(JSON.stringify({ results }, null, 2))
  else console.log(`\n${formatTable([['target', 'kB', 's'], ...results.map(rowOf)], 1)}`)
  if (results.some(({ error }) => error)) process.exitCode = 1
}

main(process.argv.slice(2)).catch(reportFailure)
