// Medians and their spread.
'use strict'

/** @typedef {{ median: number, min: number, max: number }} Summary */

/** @param {ArrayLike<number>} sorted @param {number} share */
function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** @param {number[]} numbers @returns {Summary} */
function summary(numbers) {
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers) }
}

/** Half of the distance between the extremes, as a share of the median. @param {Summary} summary */
function spread({ median, min, max }) {
  return (max - min) / 2 / median
}

module.exports = { quantile, spread, summary }
