// Whether each counter is what its increments come to, where a save is refused that would undo another.
'use strict'

/**
 * @typedef {import('./load.js').Call} Call
 *
 * @typedef {{ sid: string, value: string, count: number, expires: number }} Stored
 *
 * @typedef {object} Increments of all counters together
 * @property {number} acknowledged
 * @property {number} refused
 * @property {number} lost
 * @property {number} doubled
 */

/** @param {Call[]} calls @param {Stored[]} stored @returns {Increments} */
function incrementsIn(calls, stored) {
  const sum = { acknowledged: 0, refused: 0, lost: 0, doubled: 0 }
  for (const { sid, count } of stored) {
    const increments = calls.filter((call) => call.sid === sid && call.isLoaded)
    const acknowledged = increments.filter(({ told }) => told === 'update').length
    const unknown = increments.filter(({ end }) => end === undefined).length
    sum.acknowledged += acknowledged
    sum.refused += increments.length - acknowledged - unknown
    sum.lost += Math.max(0, acknowledged - count)
    sum.doubled += Math.max(0, count - acknowledged - unknown)
  }
  return sum
}

module.exports = { incrementsIn }
