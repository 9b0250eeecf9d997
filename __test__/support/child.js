// Node processes of their own, for what can only be seen from outside: exit codes, output, crashes.
'use strict'

const { spawn } = require('node:child_process')

/**
 * Runs a function in a Node process of its own. It sees `require` and its one argument and nothing of the file that
 * it is written in; its folder is as deep as those of the tests, so that `require('../..')` means the same inside and
 * outside.
 *
 * @template T
 * @param {(data: T) => unknown} body
 * @param {T} [data] whatever JSON can carry
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, nodeArgs?: string[], timeoutMs?: number }} [options]
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string }>}
 */
function runInChild(body, data, { nodeArgs = [], ...options } = {}) {
  return runNode([...nodeArgs, '-e', `(${body})(${JSON.stringify(data)})`], options)
}

/**
 * The same for a program in a file.
 *
 * @param {string} file
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, nodeArgs?: string[], timeoutMs?: number }} [options]
 */
function runFile(file, { nodeArgs = [], ...options } = {}) {
  return runNode([...nodeArgs, file], options)
}

/**
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, timeoutMs?: number }} options
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string }>}
 */
function runNode(args, { env = {}, cwd = __dirname, timeoutMs = 60_000 }) {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...withoutTestRunner(process.env), ...env },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/**
 * The same with a channel for messages; it ends when that is closed.
 *
 * @template T
 * @param {(data: T) => unknown} body
 * @param {T} data whatever JSON can carry
 */
function startChild(body, data) {
  return spawn(process.execPath, ['-e', `(${body})(${JSON.stringify(data)})`], {
    cwd: __dirname,
    env: withoutTestRunner(process.env),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

/**
 * The same for a program in a file, whose output is for whoever starts it.
 *
 * @param {string} file
 * @param {unknown} data its one argument: whatever JSON can carry
 */
function startFile(file, data) {
  return spawn(process.execPath, [file, JSON.stringify(data)], {
    cwd: __dirname,
    env: withoutTestRunner(process.env),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
}

/** @param {NodeJS.ProcessEnv} env what the runner sets for its own children would change how ours behave */
function withoutTestRunner({ NODE_TEST_CONTEXT, NODE_OPTIONS, ...env }) {
  return env
}

module.exports = { runFile, runInChild, startChild, startFile }
