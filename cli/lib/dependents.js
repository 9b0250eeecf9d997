// Which packages of an app have connect-mongo, or what has been put in its place: those that say nothing get the real one, whatever name
// the app has given to this package.
'use strict'

const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')

const REPLACED = 'connect-mongo'
/** Where a package says what it needs from others, of those that reach an app. */
const FIELDS = ['dependencies', 'optionalDependencies', 'peerDependencies']

/**
 * @typedef {Record<string, any>} Manifest
 *
 * @typedef {object} Dependent
 * @property {string} name
 * @property {boolean} isApp
 * @property {string} [gets] name and version of what it gets; absent where that is not installed
 * @property {boolean} isReal whether that is connect-mongo itself
 */

/** @param {string} folder @returns {Manifest | undefined} */
function manifestIn(folder) {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))
  } catch {
    // No package, or none that could be required.
    return undefined
  }
}

/** @param {string} folder @returns {string[]} */
function entriesOf(folder) {
  try {
    return fs.readdirSync(folder).map((name) => path.join(folder, name))
  } catch {
    return []
  }
}

/** The folders of packages in `node_modules`, in the stores of pnpm as well. @param {string} modules @returns {string[]} */
function packagesIn(modules) {
  return entriesOf(modules).flatMap((entry) => {
    const name = path.basename(entry)
    if (name === '.pnpm') return entriesOf(entry).flatMap((one) => packagesIn(path.join(one, 'node_modules')))
    if (name.startsWith('@')) return entriesOf(entry)
    return name.startsWith('.') ? [] : [entry]
  })
}

/** All that are installed below a folder, each once. @param {string} root @returns {Set<string>} */
function installedIn(root) {
  /** @type {Set<string>} */
  const seen = new Set()
  const left = [root]
  for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
    const real = fs.realpathSync(folder)
    if (seen.has(real)) continue
    seen.add(real)
    left.push(...packagesIn(path.join(real, 'node_modules')).filter((one) => fs.existsSync(one)))
  }
  return seen
}

/** What a package in this folder would require. @param {string} folder @returns {Manifest | undefined} */
function replacedFor(folder) {
  const places = createRequire(path.join(folder, 'package.json')).resolve.paths(REPLACED) ?? []
  return places.map((place) => manifestIn(path.join(place, REPLACED))).find(Boolean)
}

/**
 * @param {string} root the app's folder
 * @returns {Dependent[] | undefined} nothing where packages are not in `node_modules`
 */
function dependentsIn(root) {
  if (!fs.existsSync(path.join(root, 'node_modules'))) return undefined
  const app = fs.realpathSync(root)
  return [...installedIn(root)].flatMap((folder) => {
    const manifest = manifestIn(folder)
    if (!manifest || !FIELDS.some((field) => manifest[field]?.[REPLACED] !== undefined)) return []
    const found = replacedFor(folder)
    return {
      name: manifest.version === undefined ? `${manifest.name}` : `${manifest.name} ${manifest.version}`,
      isApp: folder === app,
      gets: found && `${found.name} ${found.version}`,
      isReal: found?.name === REPLACED,
    }
  })
}

module.exports = { dependentsIn }
