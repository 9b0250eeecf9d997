// Processes that use one collection at a time, each with a store of its own, and the record of what all of them were told.
'use strict'

const { fork } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')

/**
 * @typedef {import('./load.js').Call} Call
 *
 * @typedef {object} Job of one process
 * @property {import('./stores.js').Subject} subject
 * @property {string} mongoUrl
 * @property {Record<string, unknown>} [options] of its store
 * @property {Record<string, unknown>} [beginnerOptions] of another store, which begins sessions
 * @property {number} seed
 * @property {import('./habits.js').Crowd} crowd
 * @property {number} index
 * @property {number} processes
 * @property {string} originNs when the clock of all processes began, on that of the system
 */

const PROCESSES = 2

class Worker {
  #child
  /** Rejects when the process ends before it was told to. @type {Promise<never>} */
  #died

  /** @param {Job} job */
  constructor(job) {
    this.#child = fork(path.join(__dirname, 'load-process.js'), [JSON.stringify(job)])
    this.#died = once(this.#child, 'exit').then(([code, signal]) => {
      throw new Error(`A process with a store ended with ${signal ?? code}`)
    })
    this.#died.catch(() => {})
    this.ready = this.#answer()
  }

  async #answer() {
    const [{ answer }] = await Promise.race([once(this.#child, 'message'), this.#died])
    return answer
  }

  /** @param {string} question @param {number} [time] */
  ask(question, time) {
    this.#child.send({ ask: question, time })
    return this.#answer()
  }

  kill() {
    this.#child.kill('SIGKILL')
  }
}

/** A load of several processes, which share clock and sessions. */
class ProcessLoad {
  /** There are none until the load has stopped. @type {Call[]} */
  calls = []
  /** @type {unknown[]} */
  strays = []
  #workers

  /** @param {Omit<Job, 'index' | 'processes' | 'originNs'>} job */
  constructor(job) {
    const originNs = String(process.hrtime.bigint() - BigInt(Math.round(performance.now() * 1e6)))
    this.#workers = Array.from({ length: PROCESSES }, (_, index) => {
      const seed = job.seed + index
      return new Worker({ ...job, seed, index, processes: PROCESSES, originNs })
    })
  }

  async start() {
    await Promise.all(this.#workers.map(({ ready }) => ready))
    await Promise.all(this.#workers.map((worker) => worker.ask('start')))
  }

  /** Faults touch none of them. @returns {string[]} */
  sids() {
    return []
  }

  /** @param {number} time */
  async hasWrittenSince(time) {
    const answers = await Promise.all(this.#workers.map((worker) => worker.ask('hasWrittenSince', time)))
    return answers.every(Boolean)
  }

  async stop() {
    try {
      const records = await Promise.all(this.#workers.map((worker) => worker.ask('stop')))
      this.calls = records.flatMap(({ calls }) => calls.map(callOf))
      this.strays = records.flatMap(({ strays }) => strays)
    } finally {
      for (const worker of this.#workers) worker.kill()
    }
  }
}

/** @param {any} record @returns {Call} */
function callOf({ error, ...call }) {
  return error ? { ...call, error: Object.assign(new Error(error.message), error) } : call
}

module.exports = { ProcessLoad }
