// What the work of this process costs between two moments.
'use strict'

const { performance } = require('node:perf_hooks')

/**
 * @typedef {object} Cost
 * @property {number} perSecond
 * @property {number} mainThreadUs time in which the event loop was not idle, for one operation
 * @property {number} cpuUs CPU time of all threads of this process, for one operation
 * @property {number} rssMb resident memory of this process at the end
 */

/** @returns {(count: number) => Cost} to be called with the number of operations once they are done */
function startMeter() {
  const loopBefore = performance.eventLoopUtilization()
  const cpuBefore = process.cpuUsage()
  const started = performance.now()

  return (count) => {
    const seconds = (performance.now() - started) / 1000
    const cpu = process.cpuUsage(cpuBefore)
    const loop = performance.eventLoopUtilization(loopBefore)
    return {
      perSecond: count / seconds,
      mainThreadUs: (loop.active * 1000) / count,
      cpuUs: (cpu.user + cpu.system) / count,
      rssMb: process.memoryUsage.rss() / 1e6,
    }
  }
}

module.exports = { startMeter }
