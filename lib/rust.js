// The Rust core: the native addon of this platform where it loads, otherwise the same code as WebAssembly, without the store.
'use strict'

const manifest = require('../package.json')
const { warnOnce } = require('./warnings.js')

const { version } = manifest
/** The native packages, which are named only in what is packed. @type {Record<string, string>} */
const optionalDependencies = 'optionalDependencies' in manifest ? Object(manifest.optionalDependencies) : {}

/** @typedef {typeof import('../native/binding.js')} Binding */

const REINSTALL = 'Install again on the system that it is to run on, with optional dependencies.'

const WRONG_LIBC = {
  reason: 'its native binding was made for another C library than that of this system',
  remedy: `${REINSTALL} One that was installed with glibc does not run with musl (Alpine), nor the other way round.`,
}

/**
 * What the loaders of the systems say, as `dlopen(3)` of glibc, musl and macOS, LoadLibrary of Windows, and Node itself word it.
 *
 * @type {{ message: RegExp, reason: string, remedy: string }[]}
 */
const FAILURES = [
  { message: /GLIBC|libc\.so|libc\.musl|ld-musl|ld-linux|symbol not found/, ...WRONG_LIBC },
  {
    message:
      /permission denied|not permitted|failed to map|code signature|addons is disabled|access is denied/i,
    reason: 'the system refuses to load its native binding',
    remedy:
      'The file has to be readable, on a file system that is not mounted noexec, and Node has to allow addons (not --no-addons, and --allow-addons with its permission model).',
  },
  {
    // glibc says of an addon for another processor that it is not there.
    message: /ELF|file too short|\.node: cannot open shared object|mach-o|architecture|not a valid Win32/,
    reason: 'the file of its native binding is damaged, or for another kind of processor',
    remedy: REINSTALL,
  },
]

/** The errors of all the places that were looked at, the last one first. @param {unknown} error @returns {string[]} */
function messagesOf(error) {
  return error instanceof Error ? [error.message, ...messagesOf(error.cause)] : []
}

/** Whether the generated loader found nothing in a place, or knows of none to look at. @param {string} message */
function isMissing(message) {
  return /^(Cannot find (native binding|module '(.*[\\/])?connect-mongo-native[.-])|Unsupported (OS|architecture))/.test(
    message
  )
}

/** Whether the package for the same system with the other C library is there instead. @param {string} name */
function hasOtherLibc(name) {
  const other = name.endsWith('-musl') ? name.replace(/musl$/, 'gnu') : name.replace(/gnu$/, 'musl')
  try {
    return other !== name && Boolean(require.resolve(other))
  } catch {
    return false
  }
}

/** @param {string[]} messages all that are missing */
function explainMissing(messages) {
  const words = messages.flatMap((message) => message.split(/['/\\]/))
  const name = words.find((word) => Object.hasOwn(optionalDependencies, word))
  if (name === undefined) {
    return {
      reason: `there is no native binding for ${process.platform}-${process.arch}`,
      remedy: 'The README lists the systems that there is one for.',
    }
  }
  if (hasOtherLibc(name)) return WRONG_LIBC
  return {
    reason: `its native binding (${name}) is not installed`,
    remedy: `${REINSTALL} Where package-lock.json was made on another system, npm may leave it out until node_modules and package-lock.json are removed: https://github.com/npm/cli/issues/4828.`,
  }
}

/**
 * Why the native binding does not load, and what to do about it.
 *
 * @param {unknown} error of the generated loader
 */
function explain(error) {
  const messages = messagesOf(error)
  const found = messages.find((message) => !isMissing(message))
  if (found === undefined) return explainMissing(messages)
  const [firstLine] = found.split('\n')
  const known = FAILURES.find(({ message }) => message.test(found))
  if (!known) return { reason: `its native binding cannot be loaded (${firstLine})`, remedy: REINSTALL }
  return { reason: known.reason, remedy: `${known.remedy}\n${firstLine}` }
}

/** @returns {{ binding: Binding } | { reason: string, remedy: string }} */
function loadNative() {
  try {
    const binding = require('../native/binding.js')
    // Before there was a `version`, there was no WebAssembly either.
    const itsVersion = binding.version?.()
    if (itsVersion === version) return { binding }
    return {
      reason: `its native binding is of version ${itsVersion ?? 'unknown'}, not ${version}`,
      remedy: 'Install all packages of connect-mongo-native in one version.',
    }
  } catch (error) {
    return explain(error)
  }
}

/** @param {string} reason why it has to be this one @returns {Binding} */
function loadWasm(reason) {
  try {
    return /** @type {any} */ (require('connect-mongo-native-wasm32-wasip1'))
  } catch (cause) {
    const { message } = /** @type {Error} */ (cause)
    throw new Error(
      `connect-mongo-native cannot start: ${reason}, and its WebAssembly cannot be loaded (${message.split('\n')[0]})`,
      { cause }
    )
  }
}

/** @returns {{ binding: Binding, noNative?: string }} */
function load() {
  if (process.env.NAPI_RS_FORCE_WASI === 'error') {
    const reason = 'NAPI_RS_FORCE_WASI asks for WebAssembly'
    return { binding: loadWasm(reason), noNative: reason }
  }
  const native = loadNative()
  if ('binding' in native) return native
  const { reason, remedy } = native
  const binding = loadWasm(reason)
  warnOnce(`connect-mongo-native runs as WebAssembly, because ${reason}`, {
    code: 'CONNECT_MONGO_WASM',
    detail: `Sessions are stored through the mongodb package, which is slower. ${remedy}`,
  })
  return { binding, noNative: reason }
}

const { binding, noNative } = load()

module.exports = {
  binding,
  /** Which binary is in use: `linux-x64-gnu`, `wasm32-wasip1`, … */
  bindingTarget: binding.platform(),
  /** Why that is not the native one. @type {string | undefined} */
  noNative,
}
