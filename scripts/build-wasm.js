// `npm run build:wasm`: the crate as WebAssembly, and the one JavaScript file that loads it, in npm/wasm32-wasip1.
//
// The compiler is rustup's for this target, which is added where rustup can fetch it. Where it cannot, it is Debian's: the package
// rustc-web has no standard library for the target, but its source, with which Cargo compiles one against Debian's wasi-libc.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { DEBIAN, compilerFor, debianCompiler, remapFlags, rustupTool } = require('./debian-rust.js')
const { ROOT, checkCargo, isCI, reportFailure, run, step } = require('./setup.js')
const { installDebianPackages } = require('./tools.js')

const TARGET = 'wasm32-wasip1'
const PACKAGE = path.join(ROOT, 'npm', TARGET)
const WASM = `connect-mongo-native.${TARGET}.wasm`
/** What `napi build` makes: only the .wasm is of use, as its loaders are not. */
const OUTPUT = path.join(ROOT, 'target', 'wasm-output')

/** What is used of Debian's packages. */
const PACKAGES = { ...DEBIAN, 'wasi-libc': '/usr/lib/wasm32-wasi/libc.a' }

/** @typedef {import('./debian-rust.js').Compiler} Compiler */

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
    const file = path.join(path.dirname(PACKAGES['wasi-libc']), name)
    link(file, path.join(rustlib, TARGET, 'lib', 'self-contained', name))
  }
  const rustc = `#!/bin/sh\nexec ${DEBIAN['rustc-web']} --sysroot '${folder}' "$@"\n`
  fs.writeFileSync(path.join(folder, 'rustc'), rustc, { mode: 0o755 })
  return folder
}

/** @param {(line: string) => void} say @returns {Promise<Compiler>} */
async function debianWasmCompiler(say) {
  const linker = rustupTool('rust-lld')
  await installDebianPackages(PACKAGES, say)
  const { env } = debianCompiler()
  return {
    env: {
      ...env,
      RUSTC: path.join(debianToolchain(), 'rustc'),
      CARGO_TARGET_WASM32_WASIP1_LINKER: linker,
    },
    cargoArgs: ['-Zbuild-std=std,panic_abort'],
  }
}

/** @param {(line: string) => void} say */
function findCompiler(say) {
  return compilerFor(TARGET, say, { packages: Object.keys(PACKAGES), make: debianWasmCompiler })
}

/** @param {Compiler} compiler */
async function compile({ env, cargoArgs }) {
  const rustFlags = [
    // opt-level "z" inlines next to nothing. At this much, encryption is nearly twice as fast, and the module no larger.
    '-Cllvm-args=-inline-threshold=25',
    ...remapFlags(),
    // The linker shares what texts have in common at their ends.
    '-Clink-arg=-O2',
    ...(isCI ? ['-Dwarnings'] : []),
  ]
  const napi = path.join(ROOT, 'node_modules', '@napi-rs', 'cli', 'cli.mjs')
  const args = ['build', '--target', TARGET, '--platform', '--profile', 'wasm', '--output-dir', OUTPUT]
  await run(
    process.execPath,
    [napi, ...args, '--no-js', '--dts', 'binding.d.ts', '--', '--locked', ...cargoArgs],
    {
      ...env,
      CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS: rustFlags.join(' '),
    }
  )
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
