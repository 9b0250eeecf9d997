// How far a command is: on a terminal a line that changes, elsewhere nothing. Never on stdout, which is for results.
'use strict'

const { SingleBar } = require('cli-progress')

/**
 * @typedef {object} Progress
 * @property {(done: number, total?: number) => void} update
 * @property {() => void} stop
 */

/**
 * @param {string} unit of what is counted
 * @param {number} total
 * @returns {Progress}
 */
function startProgress(unit, total) {
  const bar = new SingleBar({
    format: ` {bar} {percentage}%  {value} of {total} ${unit}  {rate}/s  {left} left`,
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    noTTYOutput: false,
    stream: process.stderr,
    formatValue: (value, _, type) => (type === 'percentage' ? String(value) : value.toLocaleString('en')),
    barCompleteChar: '█',
    barIncompleteChar: '░',
  })
  const startMs = performance.now()
  bar.start(total, 0, { rate: '–', left: '–' })
  return {
    update(done, newTotal = total) {
      const seconds = (performance.now() - startMs) / 1000
      const rate = done / Math.max(seconds, 0.001)
      bar.setTotal(Math.max(newTotal, done))
      bar.update(done, {
        rate: Math.round(rate).toLocaleString('en'),
        left: duration((newTotal - done) / Math.max(rate, 0.001)),
      })
    },
    stop: () => bar.stop(),
  }
}

/** @param {number} seconds */
function duration(seconds) {
  if (!(seconds > 0)) return '0 s'
  if (seconds < 100) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}

module.exports = { startProgress }
