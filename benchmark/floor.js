// Builds and runs floor/: what one operation at a time takes without any driver.
'use strict'

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { text } = require('node:stream/consumers')
const { ROOT, StepError, checkCargo, run, step } = require('../scripts/setup.js')
const { sessionMaker } = require('./sessions.js')

const TARGET = path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target'), 'floor')
const PROGRAM = path.join(TARGET, 'release', process.platform === 'win32' ? 'floor.exe' : 'floor')
/** A server that one socket can talk to: without authentication, TLS or more members. */
const PLAIN_URL = /^mongodb:\/\/([^@/,]+:\d+)(?:\/[^?]*)?$/

/** @param {string} mongoUrl @returns {Promise<string | undefined>} why it cannot be run here */
async function buildFloor(mongoUrl) {
  if (!PLAIN_URL.test(mongoUrl)) return 'it talks to mongodb://HOST:PORT only'
  try {
    checkCargo()
  } catch (error) {
    if (error instanceof StepError) return 'it is built with cargo, which was not found'
    throw error
  }
  const manifest = path.join(__dirname, 'floor', 'Cargo.toml')
  const args = ['build', '--release', '--locked', '--manifest-path', manifest, '--target-dir', TARGET]
  await step('Building the floor', () => run('cargo', args))
  return undefined
}

/**
 * @typedef {{ operation: string, figures: Record<string, number> }} Measured
 *
 * @param {{ place: import('./stores.js').Place, size: number, ms: number, operations: string[] }} job
 * @returns {Promise<Measured[]>}
 */
async function runFloor({ place, size, ms, operations }) {
  const address = /** @type {RegExpExecArray} */ (PLAIN_URL.exec(place.mongoUrl))[1]
  const args = [address, place.dbName, String(Math.round(ms)), ...operations]
  const child = spawn(PROGRAM, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  child.stdin.end(JSON.stringify(sessionMaker(size).session(0)))
  const output = await text(child.stdout)
  const [code] = await exited
  if (code !== 0) throw new StepError(`benchmark/floor ended with exit code ${code}`)
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

module.exports = { buildFloor, runFloor }
