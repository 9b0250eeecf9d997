// An example app: installed from tarballs, built, started, and ended as an orchestrator ends it.
'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { freePort } = require('../free-port.js')
const { output } = require('../install/app.js')
const { StepError } = require('../setup.js')

/** Until it listens, and from SIGTERM until it has ended. */
const MOST_MS = 60_000

/** What is somebody's own work in the folder of an example, and no app begins with. */
const LEFT_OUT = ['node_modules', 'package-lock.json', 'dist', '.next']

/**
 * @param {string} example its folder
 * @param {string} app where it is to be
 * @param {{ tarballs: string[], env: NodeJS.ProcessEnv }} context
 * @returns {Promise<Record<string, string>>} the scripts of its package.json
 */
async function install(example, app, { tarballs, env }) {
  fs.cpSync(example, app, { recursive: true, filter: (file) => !LEFT_OUT.includes(path.basename(file)) })
  await output(['npm', 'install', '--prefer-offline', ...tarballs], { cwd: app, env })
  return JSON.parse(fs.readFileSync(path.join(app, 'package.json'), 'utf8')).scripts
}

/**
 * Without npm in between, which would take the signal.
 *
 * @param {string} script such as `node app.js`
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 */
function startScript(script, options) {
  const [, ...args] = script.split(' ')
  const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (said.stderr += text))
  return { child, said }
}

/** @param {ReturnType<typeof startScript>} started @returns {Promise<void>} */
function listens({ child, said }) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail('does not listen'), MOST_MS)
    const fail = (/** @type {string} */ what) => {
      clearTimeout(timer)
      reject(new StepError(`The app ${what}\n${said.stdout}${said.stderr}`))
    }
    child.once('close', (code) => fail(`ended with ${code}`))
    child.stdout.on('data', () => {
      if (!said.stdout.includes('http://')) return
      clearTimeout(timer)
      resolve()
    })
  })
}

/** @param {ReturnType<typeof startScript>} started @throws {StepError} unless it ends by itself, and says nothing that is wrong */
async function end({ child, said }) {
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)))
  const timer = setTimeout(() => child.kill('SIGKILL'), MOST_MS)
  child.kill('SIGTERM')
  const how = await ended
  clearTimeout(timer)
  if (how === 0 && said.stderr === '') return
  throw new StepError(`After SIGTERM the app ended with ${how}\n${said.stdout}${said.stderr}`)
}

/**
 * @param {string} app its folder
 * @param {string} script
 * @param {NodeJS.ProcessEnv} env
 * @param {(url: string) => Promise<void>} visit
 */
async function whileStarted(app, script, env, visit) {
  const port = await freePort()
  const started = startScript(script, { cwd: app, env: { ...env, PORT: String(port) } })
  try {
    await listens(started)
    await visit(`http://localhost:${port}`)
    await end(started)
  } catch (error) {
    if (error instanceof StepError) throw error
    const { stdout, stderr } = started.said
    throw new StepError(`${/** @type {Error} */ (error).stack}\nThe app said:\n${stdout}${stderr}`)
  } finally {
    started.child.kill('SIGKILL')
  }
}

module.exports = { install, whileStarted }
