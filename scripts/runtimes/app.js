// An app that has the package installed as its users have it, from tarballs, and the tests beside it.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { name: NAME } = require('../../package.json')
const { pack } = require('../install/app.js')
const { ROOT, npm } = require('../setup.js')

/** The tests take the package by `../..`, and some of its parts by `../../lib`: that is the installed one here. */
const MANIFEST = { name: 'app', private: true, type: 'commonjs', main: `./node_modules/${NAME}/index.js` }
const COPIED = ['__test__', 'scripts', 'core/src/crypto/vectors']

/** What else the tests need, from the project. @param {string} modules of the app */
function linkPackages(modules) {
  const source = path.join(ROOT, 'node_modules')
  for (const name of fs.readdirSync(source)) {
    const link = path.join(modules, name)
    if (name.startsWith('.') || name.startsWith(NAME) || fs.existsSync(link)) continue
    fs.symlinkSync(path.join(source, name), link, 'junction')
  }
}

/** @param {string} folder an empty one @returns {Promise<string>} that of the app */
async function makeApp(folder) {
  const tarballs = await pack(path.join(folder, 'packed'))
  const app = path.join(folder, 'app')
  fs.mkdirSync(app)
  fs.writeFileSync(path.join(app, 'package.json'), JSON.stringify(MANIFEST))
  await npm(['install', '--prefix', app, '--no-save', '--no-audit', '--no-fund', ...tarballs])
  const modules = path.join(app, 'node_modules')
  linkPackages(modules)
  for (const name of COPIED) fs.cpSync(path.join(ROOT, name), path.join(app, name), { recursive: true })
  fs.symlinkSync(path.join(modules, NAME, 'lib'), path.join(app, 'lib'), 'junction')
  return app
}

module.exports = { makeApp }
