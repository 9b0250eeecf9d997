// The package in a folder of its own, as an app would have it.
'use strict'

const { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { after } = require('node:test')
const { files, dependencies } = require('../../package.json')

const ROOT = path.join(__dirname, '..', '..')

/** @param {string} folder @param {string[]} packages by their names in this repository; `mongoose:mongoose-8` under another one */
function addPackages(folder, packages) {
  for (const one of packages) {
    const [name, own = name] = one.split(':').reverse()
    symlinkSync(path.join(ROOT, 'node_modules', name), path.join(folder, 'node_modules', own), 'junction')
  }
}

/**
 * A folder with this package installed as it is published, its dependencies, and nothing else.
 *
 * @param {string[]} besides packages that it is to have all the same, as `addPackages` takes them
 */
function installAlone(besides = []) {
  const folder = mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-alone-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const installed = path.join(folder, 'node_modules', 'connect-mongo-native')
  mkdirSync(installed, { recursive: true })
  for (const file of [...files, 'package.json', 'native']) {
    if (existsSync(path.join(ROOT, file)))
      cpSync(path.join(ROOT, file), path.join(installed, file), { recursive: true })
  }
  addPackages(folder, [...Object.keys(dependencies), ...besides])
  return folder
}

/**
 * The folder of an app that has the package by a link, as `npm link`, `file:` and workspaces make one: what the app has beside it is
 * not beside the package.
 *
 * @param {string[]} packages that the app has
 * @param {string[]} [besides] that the linked package has
 */
function installLinked(packages, besides) {
  const linked = path.join(installAlone(besides), 'node_modules', 'connect-mongo-native')
  const folder = mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-linked-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(path.join(folder, 'node_modules'))
  symlinkSync(linked, path.join(folder, 'node_modules', 'connect-mongo-native'), 'junction')
  addPackages(folder, packages)
  return folder
}

module.exports = { installAlone, installLinked }
