#!/usr/bin/env node
// Starts the command line, which is a package of its own, so that an app's install does not grow: that of the app, that beside this
// package, or one that npm fetches, which asks before.
'use strict'

const { spawnSync } = require('node:child_process')
const { createRequire } = require('node:module')
const path = require('node:path')
const { version } = require('../package.json')

const CLI = 'connect-mongo-native-cli'

/** @returns {string | undefined} */
function installedCli() {
  for (const file of [path.join(process.cwd(), 'app.js'), __filename]) {
    try {
      return createRequire(file).resolve(`${CLI}/bin.js`)
    } catch {}
  }
  return undefined
}

/** Without a shell, which would take what is typed in for its own. @returns {[command: string, args: string[]]} */
function npmCommand() {
  const { npm_execpath: running } = process.env
  if (running && /npm-cli\.c?js$/.test(running)) return [process.execPath, [running]]
  if (process.platform !== 'win32') return ['npm', []]
  const npm = path.join(path.dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js')
  return [process.execPath, [npm]]
}

/** @param {string[]} args @returns {number} the exit code */
function runThroughNpm(args) {
  console.error(
    `${CLI} is not installed here, so npm fetches it (to keep it: npm install --save-dev ${CLI}@${version})`
  )
  const [npm, npmArgs] = npmCommand()
  const exec = ['exec', `--package=${CLI}@${version}`, '--', CLI, ...args]
  const { status, error } = spawnSync(npm, [...npmArgs, ...exec], { stdio: 'inherit' })
  if (!error && status === 0) return 0
  if (error)
    console.error(`${CLI} is a package of its own, and npm cannot be run to fetch it (${error.message})`)
  return status ?? 1
}

process.env.CONNECT_MONGO_NATIVE_PACKAGE = __filename
const args = process.argv.slice(2)
const cli = installedCli()
if (cli) require(cli)
else process.exitCode = runThroughNpm(args)
