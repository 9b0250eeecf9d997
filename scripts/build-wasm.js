// `npm run build:wasm`: the crate as WebAssembly, and the one JavaScript file that loads it, in npm/wasm32-wasip1.
//
// The compiler is rustup's for this target, which is added where rustup can fetch it. Where it cannot, it is Debian's: the package
// rustc-web has no standard library for the target, but its source, with which Cargo compiles one against Debian's wasi-libc.
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const { homedir } = require('node:os')
const path = require('node:path')
const { ROOT, StepError, checkCargo, isCI, reportFailure, run, step } = require('./setup.js')

const TARGET = 'wasm32-wasip1'
const PACKAGE = path.join(ROOT, 'npm', TARGET)
const WASM = `connect-mongo-native.${TARGET}.wasm`
/** What `napi build` makes: only the .wasm is of use, as its loaders are not. */
const OUTPUT = path.join(ROOT, 'target', 'wasm-output')

/** What is used of Debian's packages. */
const DEBIAN = {
  'rustc-web': '/usr/bin/rustc',
  'cargo-web': '/usr/bin/cargo',
  'rust-web-src': '/usr/lib/rustlib/src/rust',
  'wasi-libc': '/usr/lib/wasm32-wasi/libc.a',
}

/**
 * @typedef {object} Compiler
 * @property {NodeJS.ProcessEnv} env
 * @property {string[]} cargoArgs
 */

/** The linker that rustup's own compiler has with it. @returns {string} */
function rustLld() {
  const [sysroot, about] = [output('rustc', ['--print', 'sysroot']), output('rustc', ['-vV'])]
  const [, host = ''] = /^host: (.*)$/m.exec(about ?? '') ?? []
  const file = path.join(sysroot ?? '', 'lib', 'rustlib', host, 'bin', 'rust-lld')
  if (!fs.existsSync(file)) throw new StepError(`There is no linker for ${TARGET}: ${file}`)
  return file
}

/** @param {string} command @param {string[]} args @returns {string | undefined} its output, when it succeeds */
function output(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

function hasTarget() {
  const folder = output('rustc', ['--print', 'target-libdir', '--target', TARGET])
  return folder !== undefined && fs.existsSync(folder)
}

/** @param {(line: string) => void} say @returns {Promise<Compiler>} */
async function rustupCompiler(say) {
  if (!hasTarget()) {
    say(`rustup target add ${TARGET}`)
    await run('rustup', ['target', 'add', TARGET])
  }
  return { env: {}, cargoArgs: [] }
}

/** @param {(line: string) => void} say */
async function installDebianPackages(say) {
  const missing = Object.entries(DEBIAN).flatMap(([name, file]) => (fs.existsSync(file) ? [] : [name]))
  if (missing.length === 0) return
  const [command, ...asRoot] =
    process.getuid?.() === 0 ? ['apt-get'] : ['sudo', '--non-interactive', 'apt-get']
  say(`apt-get install ${missing.join(' ')}`)
  await run(command, [...asRoot, 'update', '--quiet=2'])
  await run(command, [...asRoot, 'install', '--yes', '--quiet=2', '--no-install-recommends', ...missing])
}

/** @param {string} target @param {string} file */
function link(target, file) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.symlinkSync(target, file)
}

/** Debian's compiler, with the C library that Rust's own distribution has beside it. @returns {string} its folder */
function debianToolchain() {
  const folder = path.join(ROOT, 'target', 'wasm-toolchain')
  const rustlib = path.join(folder, 'lib', 'rustlib')
  const theirs = path.dirname(path.dirname(DEBIAN['rust-web-src']))
  fs.rmSync(folder, { recursive: true, force: true })
  for (const name of fs.readdirSync(theirs)) {
    if (name !== TARGET) link(path.join(theirs, name), path.join(rustlib, name))
  }
  for (const name of ['crt1-command.o', 'crt1-reactor.o', 'libc.a']) {
    const file = path.join(path.dirname(DEBIAN['wasi-libc']), name)
    link(file, path.join(rustlib, TARGET, 'lib', 'self-contained', name))
  }
  const rustc = `#!/bin/sh\nexec ${DEBIAN['rustc-web']} --sysroot '${folder}' "$@"\n`
  fs.writeFileSync(path.join(folder, 'rustc'), rustc, { mode: 0o755 })
  return folder
}

/** @param {(line: string) => void} say @returns {Promise<Compiler>} */
async function debianCompiler(say) {
  const linker = rustLld()
  await installDebianPackages(say)
  const folder = debianToolchain()
  return {
    env: {
      CARGO: DEBIAN['cargo-web'],
      RUSTC: path.join(folder, 'rustc'),
      // Compiling the standard library is an unstable feature of Cargo's.
      RUSTC_BOOTSTRAP: '1',
      CARGO_TARGET_WASM32_WASIP1_LINKER: linker,
    },
    cargoArgs: ['-Zbuild-std=std,panic_abort'],
  }
}

/** @param {(line: string) => void} say @returns {Promise<Compiler>} */
async function findCompiler(say) {
  /** @type {string[]} */
  const reasons = []
  for (const attempt of [rustupCompiler, debianCompiler]) {
    try {
      return await attempt(say)
    } catch (error) {
      const { message } = /** @type {Error} */ (error)
      reasons.push(message.replace(/^/gm, '  '))
      say(message.trimEnd().split('\n').at(-1) ?? '')
    }
  }
  throw new StepError(
    `There is no compiler for ${TARGET}: rustup target add ${TARGET}, or on Debian, as root, ` +
      `apt-get install ${Object.keys(DEBIAN).join(' ')}. What was tried:\n\n${reasons.join('\n\n')}`
  )
}

/** @param {Compiler} compiler */
async function compile({ env, cargoArgs }) {
  const registry = path.join(process.env.CARGO_HOME ?? path.join(homedir(), '.cargo'), 'registry', 'src')
  const sources = fs.existsSync(registry) ? fs.readdirSync(registry) : []
  const rustFlags = [
    // opt-level "z" inlines next to nothing. At this much, encryption is nearly twice as fast, and the module no larger.
    '-Cllvm-args=-inline-threshold=25',
    // The folders of this machine are nobody's business, and take up space.
    ...sources.map((name) => `--remap-path-prefix=${path.join(registry, name)}=`),
    // The linker shares what texts have in common at their ends.
    '-Clink-arg=-O2',
    ...(isCI ? ['-Dwarnings'] : []),
  ]
  const napi = path.join(ROOT, 'node_modules', '@napi-rs', 'cli', 'cli.mjs')
  const args = ['build', '--target', TARGET, '--platform', '--profile', 'wasm', '--output-dir', OUTPUT]
  const names = ['--js', 'binding.js', '--dts', 'binding.d.ts']
  await run(process.execPath, [napi, ...args, ...names, '--', '--locked', ...cargoArgs], {
    ...env,
    CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS: rustFlags.join(' '),
  })
  fs.copyFileSync(path.join(OUTPUT, WASM), path.join(PACKAGE, WASM))
}

async function bundleLoader() {
  await require('esbuild').build({
    entryPoints: [path.join(ROOT, 'wasm', 'loader.mjs')],
    outfile: path.join(PACKAGE, 'index.js'),
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    define: { 'import.meta.dirname': '__dirname' },
  })
  fs.copyFileSync(path.join(ROOT, 'LICENSE'), path.join(PACKAGE, 'LICENSE'))
  const emnapiLicense = path.join(ROOT, 'node_modules', '@emnapi', 'core', 'LICENSE')
  fs.copyFileSync(emnapiLicense, path.join(PACKAGE, 'LICENSE-emnapi'))
}

/** @param {string} name */
function size(name) {
  return `${name} ${(fs.statSync(path.join(PACKAGE, name)).size / 1000).toFixed(1)} kB`
}

async function main() {
  checkCargo()
  const compiler = await step(`Finding a compiler for ${TARGET}`, findCompiler)
  await step('Compiling the crate to WebAssembly', () => compile(compiler))
  await step('Bundling its loader', bundleLoader)
  console.log([WASM, 'index.js'].map(size).join(', '))
}

main().catch(reportFailure)
