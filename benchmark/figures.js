// The figures that are measured: what they are called, how they are printed, and which direction is better.
'use strict'

/** @typedef {{ heading: string, digits: number, better: 'more' | 'less' }} Figure */

/** @type {Record<string, Figure>} */
const FIGURES = {
  perSecond: { heading: 'operations/s', digits: 0, better: 'more' },
  requestsPerSecond: { heading: 'requests/s', digits: 0, better: 'more' },
  requireMs: { heading: 'require ms', digits: 1, better: 'less' },
  firstGetMs: { heading: 'first get ms', digits: 1, better: 'less' },
  p50Ms: { heading: 'p50 ms', digits: 3, better: 'less' },
  p99Ms: { heading: 'p99 ms', digits: 2, better: 'less' },
  longestMs: { heading: 'longest ms', digits: 1, better: 'less' },
  mainThreadUs: { heading: 'main µs', digits: 1, better: 'less' },
  loopUs: { heading: 'loop µs', digits: 1, better: 'less' },
  cpuUs: { heading: 'CPU µs', digits: 1, better: 'less' },
  besidePerSecond: { heading: 'beside/s', digits: 1, better: 'more' },
  stallMs: { heading: 'stall ms', digits: 1, better: 'less' },
  rssMb: { heading: 'RSS MB', digits: 0, better: 'less' },
}

/** @param {number} number @param {number} digits */
function formatNumber(number, digits) {
  return number.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** @param {number} bytes of a session as JSON */
function formatSize(bytes) {
  return `${bytes / 1000} kB`
}

module.exports = { FIGURES, formatNumber, formatSize }
