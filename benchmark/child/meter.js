// What the work of this process costs between two moments.
'use strict'

const { readFileSync } = require('node:fs')
const { performance } = require('node:perf_hooks')

/** Linux tells of each thread how many nanoseconds it has run: https://docs.kernel.org/scheduler/sched-stats.html */
const MAIN_THREAD = `/proc/self/task/${process.pid}/schedstat`

/** @returns {number} the time for which the main thread has had a processor; NaN where the system does not tell */
function mainThreadUs() {
  try {
    return Number(readFileSync(MAIN_THREAD, 'utf8').split(' ', 1)[0]) / 1000
  } catch {
    return Number.NaN
  }
}

/**
 * @typedef {object} Cost
 * @property {number} perSecond
 * @property {number} mainThreadUs CPU time of the main thread, for one operation
 * @property {number} loopUs time in which the event loop was not idle, for one operation, be it that its thread waited for a processor
 * @property {number} cpuUs CPU time of all threads of this process, for one operation
 * @property {number} rssMb resident memory of this process at the end
 */

/** @returns {(count: number) => Cost} to be called with the number of operations once they are done */
function startMeter() {
  const loopBefore = performance.eventLoopUtilization()
  const cpuBefore = process.cpuUsage()
  const mainBefore = mainThreadUs()
  const started = performance.now()

  return (count) => {
    const seconds = (performance.now() - started) / 1000
    const cpu = process.cpuUsage(cpuBefore)
    const main = mainThreadUs() - mainBefore
    const loopUs = performance.eventLoopUtilization(loopBefore).active * 1000
    return {
      perSecond: count / seconds,
      mainThreadUs: (Number.isNaN(main) ? loopUs : main) / count,
      loopUs: loopUs / count,
      cpuUs: (cpu.user + cpu.system) / count,
      rssMb: process.memoryUsage.rss() / 1e6,
    }
  }
}

module.exports = { startMeter }
