// The Rust core: the native addon of this platform where it loads, otherwise the same code as WebAssembly, without the store.
'use strict'

const manifest = require('../package.json')
const { glibcVersion, hostTarget, loadBinding } = require('./native-binding.js')
const { isNativeError } = require('./objects.js')
const { isFound } = require('./packages.js')
const { warnOnce } = require('./warnings.js')

const { version } = manifest
/** The native packages, which are named only in what is packed. @type {Record<string, string>} */
const optionalDependencies = 'optionalDependencies' in manifest ? Object(manifest.optionalDependencies) : {}

/**
 * @typedef {import('./native-binding.js').Binding} Binding
 * @typedef {{ binding: Binding, noNative?: string }} Loaded
 * @typedef {{ reason: string, remedy: string }} Explanation
 */

const REINSTALL = 'Install again on the system that it is to run on, with optional dependencies.'

/** Yarn's Plug'n'Play: there are no folders of packages to install again. */
const REINSTALL_PNP =
  'Run yarn install on the system that it is to run on, or name that system in supportedArchitectures of .yarnrc.yml, which has the packages for several systems installed.'

const NPM_LOCKFILE =
  'Where package-lock.json was made on another system, npm may leave it out until node_modules and package-lock.json are removed: https://github.com/npm/cli/issues/4828.'

const COPIED_FOLDER =
  'A node_modules folder does for no other system than the one that it was made on: where it is copied, as into a container, leave it out (.dockerignore) and run npm ci there.'

const WRONG_LIBC = {
  reason: 'its native binding was made for another C library than that of this system',
  remedy: `${REINSTALL} One that was installed with glibc does not run with musl (Alpine), nor the other way round.`,
}

/** @param {string[]} needed @returns {Explanation} */
function explainOldGlibc([needed]) {
  return {
    reason: `its native binding needs glibc ${needed} or later, and this system has ${glibcVersion() ?? 'an older one'}`,
    remedy: 'A newer release of the system has it.',
  }
}

/**
 * What the loaders of the systems say, as `dlopen(3)` of glibc, musl and macOS, LoadLibrary of Windows, and Node and Deno word it.
 *
 * @type {{ message: RegExp, explain: (groups: string[]) => Explanation }[]}
 */
const FAILURES = [
  {
    message: /^Requires \w+ access to /,
    explain: () => ({
      reason: 'Deno is not allowed to load its native binding',
      remedy:
        'Run it with --allow-ffi and --allow-read, at least for the folder of its native binding: deno run --allow-ffi …',
    }),
  },
  { message: /version [`']GLIBC_([\d.]+)' not found/, explain: explainOldGlibc },
  { message: /GLIBC|libc\.so|libc\.musl|ld-musl|ld-linux|symbol not found/, explain: () => WRONG_LIBC },
  {
    message:
      /permission denied|not permitted|failed to map|code signature|addons is disabled|access is denied/i,
    explain: () => ({
      reason: 'the system refuses to load its native binding',
      remedy:
        'The file has to be readable, on a file system that is not mounted noexec, and Node has to allow addons (not --no-addons, and --allow-addons with its permission model).',
    }),
  },
  {
    // glibc says of an addon for another processor that it is not there.
    message: /ELF|file too short|\.node: cannot open shared object|mach-o|architecture|not a valid Win32/,
    explain: () => ({
      reason: 'the file of its native binding is damaged, or for another kind of processor',
      remedy: REINSTALL,
    }),
  },
]

/** @param {string} name of a native package @returns {string} */
function systemOf(name) {
  return name.replace(`${manifest.name}-`, '')
}

/** Whether the package for the same system with the other C library is there instead. @param {string} name */
function hasOtherLibc(name) {
  const other = name.endsWith('-musl') ? name.replace(/musl$/, 'gnu') : name.replace(/gnu$/, 'musl')
  return other !== name && isFound(other)
}

/** @param {string} name of the native package for this system @returns {Explanation} */
function explainAbsent(name) {
  if (hasOtherLibc(name)) return WRONG_LIBC
  const installAgain = (/** @type {string} */ advice) =>
    'pnp' in process.versions ? REINSTALL_PNP : `${REINSTALL} ${advice}`
  const others = Object.keys(optionalDependencies).filter(isFound)
  if (others.length === 0) {
    return { reason: `its native binding (${name}) is not installed`, remedy: installAgain(NPM_LOCKFILE) }
  }
  return {
    reason: `its packages were installed for another system (${others.map(systemOf).join(', ')}), not for this one (${systemOf(name)})`,
    remedy: installAgain(COPIED_FOLDER),
  }
}

/** @param {string} message of whoever could not load the file @returns {Explanation} */
function explainFailure(message) {
  const [firstLine] = message.split('\n')
  for (const { message: words, explain } of FAILURES) {
    const found = words.exec(message)
    if (!found) continue
    const { reason, remedy } = explain(found.slice(1))
    return { reason, remedy: `${remedy}\n${firstLine}` }
  }
  return { reason: `its native binding cannot be loaded (${firstLine})`, remedy: REINSTALL }
}

/** Whether there is no such package, or nothing in it. @param {unknown} error @returns {boolean} */
function isAbsence(error) {
  const { code } = /** @type {NodeJS.ErrnoException} */ (error)
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND'
}

/** Why the native binding does not load, and what to do about it. @param {string} target @param {unknown} error @returns {Explanation} */
function explain(target, error) {
  if (error && !isAbsence(error)) return explainFailure(isNativeError(error) ? error.message : String(error))
  const name = `${manifest.name}-${target}`
  if (Object.hasOwn(optionalDependencies, name)) return explainAbsent(name)
  return {
    reason: `there is no native binding for ${target}`,
    remedy: 'The README lists the systems that there is one for.',
  }
}

/** @returns {{ binding: Binding } | Explanation} */
function loadNative() {
  const target = hostTarget()
  const { binding, error } = loadBinding(target)
  if (!binding) return explain(target, error)
  // Before there was a `version`, there was no WebAssembly either.
  const itsVersion = binding.version?.()
  if (itsVersion === version) return { binding }
  return {
    reason: `its native binding is of version ${itsVersion ?? 'unknown'}, not ${version}`,
    remedy: 'Install all packages of connect-mongo-native in one version.',
  }
}

/** @param {{ reason: string, remedy?: string }} why it has to be this one @returns {Binding} */
function loadWasm({ reason, remedy }) {
  try {
    return /** @type {any} */ (require('connect-mongo-native-wasm32-wasip1'))
  } catch (cause) {
    const [firstLine] = /** @type {Error} */ (cause).message.split('\n')
    throw new Error(
      `connect-mongo-native cannot start: ${reason}, and its WebAssembly cannot be loaded (${firstLine})${remedy ? `. ${remedy}` : ''}`,
      { cause }
    )
  }
}

/**
 * The variables of napi-rs that ask for WebAssembly. To its own loader `1` says nothing, but to everybody who writes it.
 *
 * @returns {{ reason: string, isStrict: boolean } | undefined}
 */
function askedForWasm() {
  const { NAPI_RS_FORCE_WASI: forced = '', NAPI_RS_WASI_FLAVOR: flavor } = process.env
  if (flavor) return { reason: 'NAPI_RS_WASI_FLAVOR asks for WebAssembly', isStrict: true }
  if (!/^(1|true|error)$/i.test(forced)) return undefined
  return { reason: 'NAPI_RS_FORCE_WASI asks for WebAssembly', isStrict: /^error$/i.test(forced) }
}

/** @param {{ reason: string, isStrict: boolean }} asked @returns {Loaded} the native one where there is no other, and that is allowed */
function loadAsked({ reason, isStrict }) {
  try {
    return { binding: loadWasm({ reason }), noNative: reason }
  } catch (error) {
    const native = isStrict ? undefined : loadNative()
    if (!native || !('binding' in native)) throw error
    const { message } = /** @type {Error} */ (/** @type {Error} */ (error).cause)
    warnOnce(`connect-mongo-native runs natively, though ${reason}: that cannot be loaded`, {
      code: 'CONNECT_MONGO_WASM',
      detail: message,
    })
    return native
  }
}

/** @returns {Loaded} */
function load() {
  const asked = askedForWasm()
  if (asked) return loadAsked(asked)
  const native = loadNative()
  if ('binding' in native) return native
  const { reason, remedy } = native
  const binding = loadWasm(native)
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
