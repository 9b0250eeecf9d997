// How many packages an app gets with one: itself, what it needs, and what that needs.
'use strict'

const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')
const { name: NAME } = require('../package.json')
const { ROOT } = require('../scripts/setup.js')

/** Of its native bindings, which are optional dependencies once it is published, an app gets one. */
const NATIVE_BINDING = `${NAME}-native-binding`

/** @param {string} from a folder @param {string} name @returns {string | undefined} the folder of the package that is required there */
function folderOf(from, name) {
  if (name === NAME) return ROOT
  // A trailing part, since some packages have the name of a module of Node.
  const places = createRequire(path.join(from, 'package.json')).resolve.paths(`${name}/package.json`) ?? []
  return places
    .map((place) => path.join(place, name))
    .find((one) => fs.existsSync(path.join(one, 'package.json')))
}

/** @param {string} folder @returns {string[]} what npm installs with a package: its dependencies, and peers that are not optional */
function neededBy(folder) {
  const {
    dependencies = {},
    peerDependencies = {},
    peerDependenciesMeta = {},
  } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))
  const peers = Object.keys(peerDependencies).filter((peer) => !peerDependenciesMeta[peer]?.optional)
  return [...Object.keys(dependencies), ...peers]
}

/** @param {string} name @returns {string[]} the folders of all packages that come with it, and itself */
function installedWith(name) {
  const seen = new Set()
  const left = [{ from: ROOT, name }]
  for (let next = left.pop(); next; next = left.pop()) {
    const folder = folderOf(next.from, next.name)
    if (!folder) throw new Error(`${next.name} is not installed, which ${next.from} needs: npm ci`)
    const real = fs.realpathSync(folder)
    if (seen.has(real)) continue
    seen.add(real)
    left.push(...neededBy(real).map((needed) => ({ from: real, name: needed })))
  }
  if (name === NAME) seen.add(NATIVE_BINDING)
  return [...seen]
}

module.exports = { installedWith }
