// The native addon of this system: that of this checkout, or else that of its package.
/// <reference path="./native-packages.d.ts" />
'use strict'

const { existsSync, readFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')

/** @typedef {typeof import('../native/binding.js')} Binding */

/** For files that no bundler is to look for. @param {string} file @returns {Binding} */
function requireFile(file) {
  return createRequire(file)(file)
}

/** That of this checkout. In a bundle, this file has no name, or none but its own. @param {string} target @returns {string | undefined} */
function builtFile(target) {
  const { filename } = /** @type {NodeJS.Module} */ (module)
  if (!filename || !path.isAbsolute(filename)) return undefined
  const file = path.resolve(filename, '../../native', `connect-mongo-native.${target}.node`)
  return existsSync(file) ? file : undefined
}

/** musl's file is called after its link, /lib/ld-musl-x86_64.so.1, or by its own name, /usr/lib/libc.so. */
const MUSL = /\/(ld-musl-[^/]+|libc\.so)$/m

/** What Node says of this process, which takes it some milliseconds. @returns {Record<string, unknown> | undefined} */
function reportHeader() {
  /** @type {any} */
  const { report } = process
  const excludeNetwork = report?.excludeNetwork
  try {
    // Looking up the names of addresses may take seconds.
    report.excludeNetwork = true
    return report.getReport().header
  } catch {
    return undefined
  } finally {
    if (report) report.excludeNetwork = excludeNetwork
  }
}

/** That of this process, where it is known. @returns {unknown} */
function glibcVersion() {
  return reportHeader()?.glibcVersionRuntime
}

/** Whether that is the C library of this process, which need not be the one of the system's programs. */
function isMusl() {
  const { Deno } = /** @type {any} */ (globalThis)
  // It would ask its user before it reads anything of /proc.
  if (Deno) return Deno.build.env === 'musl'
  try {
    return MUSL.test(readFileSync('/proc/self/maps', 'utf8'))
  } catch {
    const header = reportHeader()
    return header !== undefined && header.glibcVersionRuntime === undefined
  }
}

/** @returns {string} this system, in the words of the packages */
function hostTarget() {
  const { platform, arch } = process
  if (platform === 'linux') return `linux-${arch}-${isMusl() ? 'musl' : 'gnu'}`
  return platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`
}

/**
 * @param {string} target
 * @returns {{ binding?: Binding, error?: unknown }} neither for a system that there is none for
 */
function loadBinding(target) {
  const { NAPI_RS_NATIVE_LIBRARY_PATH: given } = process.env
  const file = given ? path.resolve(given) : builtFile(target)
  // Bundlers find the packages by their names in full, and let those be absent that are required in a `try`.
  try {
    if (file) return { binding: requireFile(file) }
    switch (target) {
      case 'linux-x64-gnu':
        return { binding: require('connect-mongo-native-linux-x64-gnu') }
      case 'linux-x64-musl':
        return { binding: require('connect-mongo-native-linux-x64-musl') }
      case 'linux-arm64-gnu':
        return { binding: require('connect-mongo-native-linux-arm64-gnu') }
      case 'linux-arm64-musl':
        return { binding: require('connect-mongo-native-linux-arm64-musl') }
      case 'darwin-x64':
        return { binding: require('connect-mongo-native-darwin-x64') }
      case 'darwin-arm64':
        return { binding: require('connect-mongo-native-darwin-arm64') }
      case 'win32-x64-msvc':
        return { binding: require('connect-mongo-native-win32-x64-msvc') }
      case 'win32-arm64-msvc':
        return { binding: require('connect-mongo-native-win32-arm64-msvc') }
      default:
        return {}
    }
  } catch (error) {
    return { error }
  }
}

module.exports = { glibcVersion, hostTarget, loadBinding }
