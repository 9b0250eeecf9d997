// Runs hostile cases in a process of their own, and says of a crash how to have it again.
'use strict'

const { fork } = require('node:child_process')
const path = require('node:path')

const CASES_IN_BATCH = 64

/**
 * @typedef {object} Run
 * @property {string} url
 * @property {string} database that nobody else uses
 * @property {number} seed
 * @property {number} cases
 * @property {number} [first] the first batch
 * @property {number} [atOnce] batches that run at the same time
 * @property {(cases: number) => void} [onProgress]
 *
 * @typedef {object} Result
 * @property {number} cases that were run
 * @property {{ batch: number, kind: string, name: string, message: string }[]} failures
 * @property {string} [crash] how the process ended, if not by itself
 */

/** @param {Run} run @returns {Promise<Result>} */
function runHostile({ url, database, seed, cases, first = 0, atOnce = 8, onProgress = () => {} }) {
  const batches = Math.ceil(cases / CASES_IN_BATCH)
  const job = JSON.stringify({ url, database, seed, first, batches, atOnce })
  const child = fork(path.join(__dirname, 'hostile-run.js'), [job], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  const underWay = new Set(Array.from({ length: batches }, (_, index) => first + index))
  /** @type {Result} */
  const result = { cases: 0, failures: [] }
  let stderr = ''
  child.stderr?.on('data', (text) => (stderr = (stderr + text).slice(-4000)))
  child.on('message', (/** @type {any} */ { cases: done, batch, failures, hung }) => {
    if (hung !== undefined) stderr += `batch ${hung} hangs\n`
    if (failures === undefined) return
    underWay.delete(batch)
    result.cases = done
    result.failures.push(...failures.map((/** @type {object} */ failure) => ({ batch, ...failure })))
    onProgress(done)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0 && underWay.size === 0) return resolve(result)
      const suspects = [...underWay].slice(0, atOnce).join(', ')
      const crash = `It ended with ${signal ?? `exit code ${code}`}, seed ${seed}, in one of the batches ${suspects}\n${stderr}`
      resolve({ ...result, crash })
    })
  })
}

module.exports = { CASES_IN_BATCH, runHostile }
