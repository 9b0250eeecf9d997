// The platforms that there is a native binding for, by the names that npm's packages have.
'use strict'

const { StepError } = require('./setup.js')

/**
 * @typedef {object} Target
 * @property {string} triple of Rust, for a build on a system of its own
 * @property {string} [zigTriple] where zig links for another: the version is that of glibc, the environment that of its own C library
 * @property {string[]} [rustFlags]
 * @property {NodeJS.ProcessEnv} [env]
 */

/** The rustflags of musl: an addon is loaded into a process that has its C library already. */
const DYNAMIC_MUSL = ['-Ctarget-feature=-crt-static']

/** @type {Record<string, Target>} */
const TARGETS = {
  'linux-x64-gnu': { triple: 'x86_64-unknown-linux-gnu', zigTriple: 'x86_64-unknown-linux-gnu.2.17' },
  'linux-x64-musl': { triple: 'x86_64-unknown-linux-musl', rustFlags: DYNAMIC_MUSL },
  'linux-arm64-gnu': { triple: 'aarch64-unknown-linux-gnu', zigTriple: 'aarch64-unknown-linux-gnu.2.17' },
  'linux-arm64-musl': { triple: 'aarch64-unknown-linux-musl', rustFlags: DYNAMIC_MUSL },
  'darwin-x64': { triple: 'x86_64-apple-darwin', env: { MACOSX_DEPLOYMENT_TARGET: '10.15' } },
  'darwin-arm64': { triple: 'aarch64-apple-darwin', env: { MACOSX_DEPLOYMENT_TARGET: '11.0' } },
  'win32-x64-msvc': { triple: 'x86_64-pc-windows-msvc', zigTriple: 'x86_64-pc-windows-gnullvm' },
  'win32-arm64-msvc': { triple: 'aarch64-pc-windows-msvc', zigTriple: 'aarch64-pc-windows-gnullvm' },
}

/** @param {string} target */
const fileOf = (target) => `connect-mongo-native.${target}.node`

/** @param {string[]} targets @param {string} usage what is shown where there is none */
function checkTargets(targets, usage) {
  if (targets.length === 0) throw new StepError(usage)
  const unknown = targets.filter((target) => !Object.hasOwn(TARGETS, target))
  if (unknown.length === 0) return
  throw new StepError(`No such target: ${unknown.join(', ')}. There are ${Object.keys(TARGETS).join(', ')}`)
}

module.exports = { TARGETS, checkTargets, fileOf }
