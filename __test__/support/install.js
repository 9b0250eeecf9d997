// The package in a folder of its own, as an app would have it.
'use strict'

const { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { after } = require('node:test')
const { files, dependencies } = require('../../package.json')

const ROOT = path.join(__dirname, '..', '..')

/**
 * A folder with this package installed as it is published, its dependencies, and nothing else.
 *
 * @param {string[]} besides packages that it is to have all the same
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
  for (const name of [...Object.keys(dependencies), ...besides]) {
    symlinkSync(path.join(ROOT, 'node_modules', name), path.join(folder, 'node_modules', name), 'junction')
  }
  return folder
}

module.exports = { installAlone }
