// A Rust compiler for targets that rustup cannot fetch here: Debian's, whose package rust-web-src is the source of the standard
// library, with which Cargo compiles one for any target.
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const { homedir } = require('node:os')
const path = require('node:path')
const { StepError, run } = require('./setup.js')
const { installDebianPackages } = require('./tools.js')

/** What is used of Debian's packages. */
const DEBIAN = {
  'rustc-web': '/usr/bin/rustc',
  'cargo-web': '/usr/bin/cargo',
  'rust-web-src': '/usr/lib/rustlib/src/rust',
}

/**
 * @typedef {object} Compiler
 * @property {NodeJS.ProcessEnv} env
 * @property {string[]} cargoArgs
 */

/** @param {string[]} args @returns {string | undefined} what `rustc` says, when there is one and it succeeds */
function rustc(args) {
  try {
    return execFileSync('rustc', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

/** A program that rustup's own compiler has with it. @param {'rust-lld' | 'rust-objcopy'} name @returns {string} */
function rustupTool(name) {
  const [, host = ''] = /^host: (.*)$/m.exec(rustc(['-vV']) ?? '') ?? []
  const file = path.join(rustc(['--print', 'sysroot']) ?? '', 'lib', 'rustlib', host, 'bin', name)
  if (!fs.existsSync(file)) throw new StepError(`rustup's compiler has no ${name}: ${file}`)
  return file
}

/** @param {string} triple */
function hasTarget(triple) {
  const folder = rustc(['--print', 'target-libdir', '--target', triple])
  return folder !== undefined && fs.existsSync(folder)
}

/** @param {string} triple @param {(line: string) => void} say @returns {Promise<Compiler>} */
async function rustupCompiler(triple, say) {
  if (!hasTarget(triple)) {
    say(`rustup target add ${triple}`)
    await run('rustup', ['target', 'add', triple])
  }
  return { env: {}, cargoArgs: [] }
}

/** @returns {Compiler} Debian's, for any target but WebAssembly's */
function debianCompiler() {
  return {
    env: {
      CARGO: DEBIAN['cargo-web'],
      RUSTC: DEBIAN['rustc-web'],
      // Compiling the standard library is an unstable feature of Cargo's.
      RUSTC_BOOTSTRAP: '1',
    },
    cargoArgs: ['-Zbuild-std=std,panic_unwind'],
  }
}

/** @type {{ packages: string[], make: (say: (line: string) => void) => Promise<Compiler> }} */
const DEBIANS = {
  packages: Object.keys(DEBIAN),
  async make(say) {
    await installDebianPackages(DEBIAN, say)
    return debianCompiler()
  },
}

/**
 * rustup's compiler where it has, or can fetch, the target's standard library; otherwise Debian's.
 *
 * @param {string} triple
 * @param {(line: string) => void} say
 * @param {typeof DEBIANS} [debian]
 * @returns {Promise<Compiler>}
 */
async function compilerFor(triple, say, debian = DEBIANS) {
  /** @type {string[]} */
  const reasons = []
  for (const attempt of [() => rustupCompiler(triple, say), () => debian.make(say)]) {
    try {
      return await attempt()
    } catch (error) {
      const { message } = /** @type {Error} */ (error)
      reasons.push(message.replace(/^/gm, '  '))
      say(message.trimEnd().split('\n').at(-1) ?? '')
    }
  }
  throw new StepError(
    `There is no compiler for ${triple}: rustup target add ${triple}, or on Debian, as root, ` +
      `apt-get install ${debian.packages.join(' ')}. What was tried:\n\n${reasons.join('\n\n')}`
  )
}

/** Flags that leave the folders of this machine out of a binary: nobody's business, and they take up space. @returns {string[]} */
function remapFlags() {
  const registry = path.join(process.env.CARGO_HOME ?? path.join(homedir(), '.cargo'), 'registry', 'src')
  const sources = fs.existsSync(registry) ? fs.readdirSync(registry) : []
  return sources.map((name) => `--remap-path-prefix=${path.join(registry, name)}=`)
}

module.exports = { DEBIAN, compilerFor, debianCompiler, remapFlags, rustupTool }
