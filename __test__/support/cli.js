// The command line in a process of its own, as somebody types it in, with its output in a pipe.
'use strict'

const { spawn } = require('node:child_process')
const { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { after } = require('node:test')
const { installAlone } = require('./install.js')

const ROOT = path.join(__dirname, '..', '..')
const BIN = path.join(ROOT, 'bin', 'connect-mongo-native.js')

/**
 * @typedef {object} Ran
 * @property {number | null} code
 * @property {string} stdout
 * @property {string} stderr
 * @property {any} json of stdout; reading it fails where that is none
 */

/** What a test run has in its environment is not what a user has. */
function userEnvironment() {
  const { NODE_TEST_CONTEXT, NODE_OPTIONS, MONGO_URL, FORCE_COLOR, NO_COLOR, ...env } = process.env
  return env
}

/**
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, bin?: string }} [options]
 */
function startCli(args, { env = {}, cwd = ROOT, bin = BIN } = {}) {
  const child = spawn(process.execPath, [bin, ...args], { cwd, env: { ...userEnvironment(), ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  /** @type {Promise<Ran>} */
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({
        code,
        stdout,
        stderr,
        get json() {
          return JSON.parse(stdout)
        },
      })
    )
  })
  return { child, ended }
}

/** @param {string[]} args @param {Parameters<typeof startCli>[1]} [options] */
function runCli(args, options) {
  return startCli(args, options).ended
}

/** @returns {string} a folder that is gone after the file */
function temporaryFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-cli-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const configs = temporaryFolder()
let configCount = 0

/** @param {string} source @param {string} [extension] @returns {string} the file of a config */
function configFile(source, extension = '.js') {
  const file = path.join(configs, `config-${configCount++}${extension}`)
  writeFileSync(file, source)
  return file
}

/** @param {object} options whatever JSON can carry @returns {string[]} the arguments for it */
function withConfig(options) {
  return ['--config', configFile(`module.exports = ${JSON.stringify(options)}`)]
}

/** @param {string[]} [besides] packages that the app has @returns {{ cwd: string, bin: string }} an app with the package and the command line */
function installedApp(besides = []) {
  const cwd = installAlone(besides)
  const modules = path.join(cwd, 'node_modules')
  cpSync(path.join(ROOT, 'cli'), path.join(modules, 'connect-mongo-native-cli'), { recursive: true })
  const { dependencies } = require('../../cli/package.json')
  for (const name of Object.keys(dependencies))
    symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name), 'junction')
  return { cwd, bin: path.join(modules, 'connect-mongo-native', 'bin', 'connect-mongo-native.js') }
}

module.exports = { configFile, installedApp, runCli, startCli, temporaryFolder, withConfig }
