// How long an app waits for its first session: from `require` to the first answered `get`, in a fresh process.
'use strict'

const { withChild } = require('../children.js')
const { againstFirst, compare } = require('../comparison.js')
const { placeFor } = require('../database.js')
const { Progress } = require('../progress.js')
const { inTurn } = require('../rounds.js')
const { labelOf } = require('../stores.js')
const { report } = require('../table.js')

const TITLE = 'From require to the first answered get'

/** @param {{ stores: string[], rounds: number }} options @param {import('../servers.js').Servers} servers */
async function runStart({ stores, rounds }, servers) {
  const progress = new Progress(stores.length * rounds)
  /** @type {import('../comparison.js').Measurement[]} */
  const measurements = []
  // What each of them is to find, and a first reading of its files from the disk.
  for (const store of stores)
    await withChild('first-get', (child) => child.ask('prepare', { store, place: placeFor(servers, store) }))
  for (const { store, round } of inTurn(stores, rounds)) {
    progress.show(`round ${round + 1} of ${rounds}  ${labelOf(store)}`)
    const request = { store, place: placeFor(servers, store) }
    const figures = await withChild('first-get', (child) => child.ask('firstGet', request))
    measurements.push({ title: TITLE, scenario: {}, store, round, figures })
    progress.advance()
  }
  progress.end()
  return report(compare(measurements, againstFirst(stores)))
}

module.exports = { runStart }
