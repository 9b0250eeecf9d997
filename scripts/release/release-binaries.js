// The binaries of a release: where they are, and what is wrong with one that is not what its name says.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { ROOT } = require('../setup.js')
const { fileOf } = require('../targets.js')

const WASM = 'wasm32-wasip1'
/** Everyone downloads one of them. */
const MOST_BYTES = 6_500_000
/** Less is a place-holder. */
const LEAST_BYTES = 100_000

/** What src/lib.rs has in every binary. */
const MARK = /\[connect-mongo-native (\d+\.\d+\.\d+[^\]]*)\]/

/** ELF's `e_machine`, Mach-O's `cputype`, `Machine` of Windows and its twin. @type {Record<string, Record<number, string>>} */
const PROCESSORS = {
  linux: { 62: 'x64', 183: 'arm64' },
  darwin: { 16777223: 'x64', 16777228: 'arm64' },
  win32: { 34404: 'x64', 43620: 'arm64' },
}

/** @param {string} target */
function nameOf(target) {
  return target === WASM ? `connect-mongo-native.${WASM}.wasm` : fileOf(target)
}

/**
 * What was built for this machine is in native/, what was for another one in npm/.
 *
 * @param {string} target
 * @returns {string | undefined}
 */
function binaryOf(target) {
  const folders = ['native', path.join('npm', target)].map((folder) => path.join(ROOT, folder))
  return folders.map((folder) => path.join(folder, nameOf(target))).find((file) => fs.existsSync(file))
}

/** @param {Buffer} bytes @returns {string} */
function elfTarget(bytes) {
  const libc = bytes.includes('GLIBC_2.') ? 'gnu' : 'musl'
  return `linux-${PROCESSORS.linux[bytes.readUInt16LE(18)]}-${libc}`
}

/** @param {Buffer} bytes @returns {string} */
function machTarget(bytes) {
  return `darwin-${PROCESSORS.darwin[bytes.readUInt32LE(4)]}`
}

/** @param {Buffer} bytes @returns {string} */
function windowsTarget(bytes) {
  const header = bytes.readUInt32LE(0x3c)
  return `win32-${PROCESSORS.win32[bytes.readUInt16LE(header + 4)]}-msvc`
}

/** @type {[Buffer, (bytes: Buffer) => string][]} */
const FORMATS = [
  [Buffer.from('\x7fELF', 'latin1'), elfTarget],
  [Buffer.from('cffaedfe', 'hex'), machTarget],
  [Buffer.from('MZ'), windowsTarget],
  [Buffer.from('\0asm'), () => WASM],
]

/** @param {Buffer} bytes @returns {string} as its header has it, whatever its name says */
function targetOf(bytes) {
  const [, read] = FORMATS.find(([magic]) => bytes.subarray(0, magic.length).equals(magic)) ?? []
  return read?.(bytes) ?? 'no known platform'
}

/** @param {Buffer} bytes @returns {string | undefined} the version that it was built as */
function versionOf(bytes) {
  return MARK.exec(bytes.toString('latin1'))?.[1]
}

/** @param {Buffer} bytes of the file @param {string} target @param {string} version @returns {string[]} what is wrong with it */
function faultsIn(bytes, target, version) {
  if (bytes.length < LEAST_BYTES) return [`has ${bytes.length} bytes`]
  const faults = []
  if (bytes.length > MOST_BYTES) faults.push(`has ${bytes.length} bytes, of ${MOST_BYTES} at the most`)
  const its = { target: targetOf(bytes), version: versionOf(bytes) ?? 'unknown' }
  if (its.target !== target) faults.push(`is for ${its.target}`)
  if (its.version !== version) faults.push(`is of version ${its.version}, not ${version}`)
  return faults
}

/** @param {string} target @param {string} version @returns {string[]} */
function faultsOf(target, version) {
  const file = binaryOf(target)
  if (!file) return [`${nameOf(target)} is missing: neither in native/ nor in npm/${target}/`]
  return faultsIn(fs.readFileSync(file), target, version).map(
    (fault) => `${path.relative(ROOT, file)} ${fault}`
  )
}

module.exports = { LEAST_BYTES, MOST_BYTES, WASM, binaryOf, faultsIn, faultsOf }
