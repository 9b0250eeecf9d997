// What a binary may ask of the system that loads it, read with LIEF.
'use strict'

const { execFileSync } = require('node:child_process')
const path = require('node:path')
const { StepError } = require('../setup.js')
const { pythonPackage } = require('../tools.js')

/** Of CPython 3.10, 3.11, and 3.12 or later. */
const LIEF = {
  version: '1.0.0',
  hashes: [
    '5b40bb3591c2db6aea6208b51ef7cb9a9e05c8be5c9437314857d1fda1e61f21', // Linux x86-64
    '96277e45d58de45a33249079dac43e50db1c96da162fbe1ad02fbaa82e3bd06f',
    '41ff868f5328fc8e5237a9e1f4718590e0ee9180c1422b3e4948b7116ba4517c',
    'cd7512a23b20c7c47a11bc27925e8c324c062a393e23716d7cee866c4d92db1f', // Linux arm64
    '95fb7dc84960068ab881bc681e646cab55f3d736c07bb07e91d5cbc8738885a7',
    'a9e4b9e165bde0163624e159c8c7a096e3d6f671371c70d008baac7ac1f04f0d',
    'e9037bda164285b2a59ee3910dfb70e775b2e3ba793edc565725e0bf926b09e9', // macOS arm64
    '92bf3b06c19a1ebd9e7978de47cc61040752ec452f7906bc3aac8d57abb23a8b',
  ],
}

/**
 * @typedef {object} Contents what scripts/platforms/read-binary.py says
 * @property {'ELF' | 'PE' | 'Mach-O'} format
 * @property {string} machine
 * @property {string[]} libraries
 * @property {string[]} exports
 * @property {string[]} [versions] of ELF symbols, such as `GLIBC_2.14`
 * @property {string} [name] of a Mach-O library
 * @property {string} [minimum] the oldest macOS
 * @property {{ pages: number, wrong: number[], whole: boolean } | null} [signature] of Mach-O
 */

/**
 * @typedef {object} Expected
 * @property {Contents['format']} format
 * @property {string} machine
 * @property {RegExp} libraries what it may be linked with
 * @property {string} entry what Node calls
 * @property {string} floor in words
 * @property {string} [minimum]
 */

/** The oldest glibc that a binary may ask for: RHEL 7, and older than what any Node 20 asks for. */
const MOST_GLIBC = '2.17'

const GNU = {
  format: /** @type {const} */ ('ELF'),
  libraries: /^(lib(c|m|dl|rt|pthread)\.so\.\d|libgcc_s\.so\.1|ld-linux-[a-z0-9_-]+\.so\.\d)$/,
  entry: 'napi_register_module_v1',
  floor: `glibc ${MOST_GLIBC}`,
}
const MUSL = { ...GNU, libraries: /^libc\.so$/, floor: 'musl' }
/** What every Windows 10 has: libraries of its own, and the universal C runtime behind api-ms-win-crt. */
const WINDOWS = {
  format: /** @type {const} */ ('PE'),
  libraries:
    /^(kernel32|ntdll|ws2_32|advapi32|bcryptprimitives|bcrypt|crypt32|secur32|userenv|iphlpapi|api-ms-win-(core|crt)-[a-z0-9-]+)\.dll$/i,
  entry: 'napi_register_module_v1',
  floor: 'Windows 10',
}
const MACOS = {
  format: /** @type {const} */ ('Mach-O'),
  libraries: /^\/usr\/lib\/lib(System\.B|iconv\.2|charset\.1)\.dylib$/,
  entry: '_napi_register_module_v1',
}

/** @type {Record<string, Expected>} */
const EXPECTED = {
  'linux-x64-gnu': { ...GNU, machine: 'X86_64' },
  'linux-x64-musl': { ...MUSL, machine: 'X86_64' },
  'linux-arm64-gnu': { ...GNU, machine: 'AARCH64' },
  'linux-arm64-musl': { ...MUSL, machine: 'AARCH64' },
  'win32-x64-msvc': { ...WINDOWS, machine: 'AMD64' },
  'win32-arm64-msvc': { ...WINDOWS, machine: 'ARM64' },
  'darwin-x64': { ...MACOS, machine: 'X86_64', minimum: '10.15', floor: 'macOS 10.15' },
  'darwin-arm64': { ...MACOS, machine: 'ARM64', minimum: '11.0', floor: 'macOS 11' },
}

/** @param {string} file @param {(line: string) => void} say @returns {Promise<Contents>} */
async function readBinary(file, say) {
  const folder = await pythonPackage('lief', LIEF, say)
  const script = path.join(__dirname, 'read-binary.py')
  try {
    const env = { ...process.env, PYTHONPATH: folder }
    return JSON.parse(execFileSync('python3', [script, file], { encoding: 'utf8', env, stdio: 'pipe' }))
  } catch (error) {
    const { stderr, message } = /** @type {Error & { stderr?: string }} */ (error)
    throw new StepError(`${file} cannot be read: ${stderr || message}`)
  }
}

/** @param {string} version such as `GLIBC_2.14` */
function isTooNew(version) {
  const [, major, minor] = /^GLIBC_(\d+)\.(\d+)/.exec(version) ?? []
  const [mostMajor, mostMinor] = MOST_GLIBC.split('.').map(Number)
  return Number(major) > mostMajor || (Number(major) === mostMajor && Number(minor) > mostMinor)
}

/** @param {Contents} contents @param {Expected} expected @returns {string[]} */
function faultsOfMachO({ machine, name = '', minimum, signature }, expected) {
  const faults = []
  if (!name.startsWith('@rpath/')) faults.push(`its name is ${name}`)
  if (minimum !== expected.minimum) faults.push(`it asks for macOS ${minimum}`)
  // Only Apple's own processors ask for one.
  if (!signature) return machine === 'ARM64' ? [...faults, 'it has no code signature'] : faults
  if (signature.wrong.length > 0) faults.push(`pages ${signature.wrong.join(', ')} are not as signed`)
  else if (!signature.whole) faults.push('its signature leaves a part out')
  return faults
}

/**
 * @param {Contents} contents
 * @param {string} target
 * @returns {string[]} what keeps a system from loading it
 */
function faultsOf(contents, target) {
  const expected = EXPECTED[target]
  const { format, machine, libraries, exports, versions = [] } = contents
  if (format !== expected.format || machine !== expected.machine) return [`it is ${format} for ${machine}`]
  const faults = [
    ...libraries.filter((name) => !expected.libraries.test(name)).map((name) => `it is linked with ${name}`),
    ...versions.filter(isTooNew).map((version) => `it asks for ${version}`),
  ]
  if (!exports.includes(expected.entry)) faults.push(`it does not export ${expected.entry}`)
  return format === 'Mach-O' ? [...faults, ...faultsOfMachO(contents, expected)] : faults
}

module.exports = { EXPECTED, faultsOf, isTooNew, readBinary }
