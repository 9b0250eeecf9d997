// The order in which stores are measured.
'use strict'

/**
 * Each store once a round, and each is first in some round: a machine that slows down during the run slows all of them.
 *
 * @param {string[]} stores @param {number} rounds
 * @returns {{ store: string, round: number }[]}
 */
function inTurn(stores, rounds) {
  return Array.from({ length: rounds }, (_, round) => {
    const first = round % stores.length
    const rotated = [...stores.slice(first), ...stores.slice(0, first)]
    return rotated.map((store) => ({ store, round }))
  }).flat()
}

module.exports = { inTurn }
