// The output for DEBUG=connect-mongo. Logs are kept and passed on, so no session id gets there, nor anything of a session
// (https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html#data-to-exclude).
'use strict'

/** @typedef {import('debug').Debugger} Debugger */

const TAG_LENGTH = 8
const KEY_BYTES = 32

/** @type {Debugger | undefined} */
let loaded
/** Of this thread alone, so that nobody can tell afterwards which session a line is about. @type {Buffer | undefined} */
let key

/** @returns {string | undefined} where the package is; nothing in a bundle, which has it in itself */
function pathOfPackage() {
  try {
    return require.resolve('debug')
  } catch {
    return undefined
  }
}

const path = pathOfPackage()
/** The package too reads the environment once. */
const isLoadedAnyway = Boolean(process.env.DEBUG) || path === undefined

/** Whether somebody could have enabled it: in the environment, or in the package, which was loaded for that. */
function canBeEnabled() {
  return isLoadedAnyway || require.cache?.[/** @type {string} */ (path)] !== undefined
}

/** The package takes a tenth of the start, and most apps never see what it prints. @returns {Debugger | undefined} */
function output() {
  if (!loaded && canBeEnabled()) loaded = require('debug')('connect-mongo')
  return loaded
}

/** @param {string} message @param {...unknown} args */
function print(message, ...args) {
  output()?.(message, ...args)
}

const debug = /** @type {typeof print & { readonly enabled: boolean }} */ (
  Object.defineProperty(print, 'enabled', { get: () => output()?.enabled ?? false })
)

/** What stands for a session in all lines of this thread. @param {unknown} sid */
function tagOf(sid) {
  const { createHmac, randomBytes } = require('node:crypto')
  key ??= randomBytes(KEY_BYTES)
  return createHmac('sha256', key).update(String(sid)).digest('hex').slice(0, TAG_LENGTH)
}

/** @param {string} message with %s for the session @param {unknown} sid @param {...unknown} rest */
function debugSession(message, sid, ...rest) {
  if (debug.enabled) debug(message, tagOf(sid), ...rest)
}

module.exports = { debug, debugSession, tagOf }
