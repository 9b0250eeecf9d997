// The packages that an app may have beside this one: express-session, mongodb, mongoose. They are looked for where this package is,
// and where that has none, because it is linked, or an installer keeps packages apart, where the app is.
'use strict'

const { createRequire } = require('node:module')
const path = require('node:path')

/** What was started, a file or a folder. Only what is typed in has the working directory, where anybody may have put packages. */
function startedFile() {
  const [, started] = process.argv
  return path.join(started && path.isAbsolute(started) ? started : process.cwd(), 'main')
}

const { filename } = /** @type {NodeJS.Module} */ (module)

/** That of this file, which bundlers cannot follow. In a bundle it has no name, or none but its own. */
const ownRequire = createRequire(filename && path.isAbsolute(filename) ? filename : startedFile())

/** @param {NodeJS.Require} require @param {string} name @returns {NodeJS.ErrnoException | undefined} why it is not found */
function lookUp(require, name) {
  try {
    require.resolve(name)
    return undefined
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error)
  }
}

/**
 * Whether this package has no such package, rather than one that is broken. Not by the words of an error: those of Node, of Yarn and of
 * test runners differ. A package whose own dependencies lack something is found, and that of one without its files has a path.
 *
 * @param {string} name
 */
function isAbsent(name) {
  const error = lookUp(ownRequire, name)
  return error?.code === 'MODULE_NOT_FOUND' && error.path === undefined
}

/** Whether this package has it. @param {string} name */
function isFound(name) {
  return lookUp(ownRequire, name) === undefined
}

/** @param {NodeJS.Module | null | undefined} loaded @returns {(string | null)[]} the files that required it, one for the other */
function requirersOf(loaded) {
  return loaded ? [loaded.filename, ...requirersOf(loaded.parent)] : []
}

/** @type {NodeJS.Require[] | undefined} */
let requiresOfApp

/** As the files of the app require that may have loaded this package, as far as they can be told. */
function appRequires() {
  const files = [
    ...requirersOf(/** @type {NodeJS.Module} */ (module).parent),
    require.main?.filename ?? startedFile(),
  ]
  /** @type {Map<string, string>} */
  const byFolder = new Map()
  for (const file of files) if (file && path.isAbsolute(file)) byFolder.set(path.dirname(file), file)
  return [...byFolder.values()].map((file) => createRequire(file))
}

/** @param {string} name @returns {NodeJS.Require | undefined} that of who has the package */
function requireWith(name) {
  if (isFound(name)) return ownRequire
  requiresOfApp ??= appRequires()
  return requiresOfApp.find((one) => !lookUp(one, name))
}

/** @returns {NodeJS.Require | undefined} that of who has the app's driver: the app, or its mongoose */
function requireWithDriver() {
  const own = requireWith('mongodb')
  if (own) return own
  const file = requireWith('mongoose')?.resolve('mongoose')
  const ofMongoose = file === undefined ? undefined : createRequire(file)
  return ofMongoose && !lookUp(ofMongoose, 'mongodb') ? ofMongoose : undefined
}

module.exports = { isAbsent, isFound, requireWith, requireWithDriver }
