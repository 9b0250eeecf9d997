// Apps as users have them: in a folder of their own, with an environment that has nothing of this run.
'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { ROOT, StepError, run } = require('../setup.js')

/** What an app of a user would be installed in: nothing of this run, nor what the caches of this machine have. @param {string} home */
function cleanEnvironment(home) {
  const ours = /^(npm_|NAPI_RS_|NODE_|YARN_|BUN_|DENO_|PNPM_|CI$|INIT_CWD$)/i
  const kept = Object.entries(process.env).filter(([name]) => !ours.test(name))
  return {
    ...Object.fromEntries(kept),
    HOME: home,
    USERPROFILE: home,
    XDG_CACHE_HOME: path.join(home, 'cache'),
    XDG_DATA_HOME: path.join(home, 'data'),
    XDG_CONFIG_HOME: path.join(home, 'config'),
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
    COREPACK_ENABLE_STRICT: '0',
    NO_COLOR: '1',
  }
}

/**
 * @param {string[]} command
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<string>} what it prints
 * @throws {StepError} with everything that it says
 */
function output([command, ...args], options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    child.once('error', (error) => reject(new StepError(`Cannot run ${command}: ${error.message}`)))
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(stdout)
      const called = [path.basename(command), ...args].join(' ')
      reject(new StepError(`${called} ended with ${signal ?? code}\n${stdout}${stderr}`.trim()))
    })
  })
}

/** @param {string} folder where they are put @returns {Promise<string[]>} the tarballs of the packages that this system needs */
async function pack(folder) {
  await run(process.execPath, [path.join(ROOT, 'scripts', 'release', 'pack.js'), folder])
  const files = fs.readdirSync(folder).filter((file) => file.endsWith('.tgz'))
  return files.map((file) => path.join(folder, file))
}

module.exports = { cleanEnvironment, output, pack }
