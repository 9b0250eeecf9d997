// What encryption costs: ours against connect-mongo's in the same format, and against no encryption at all.
'use strict'

const { compare } = require('../comparison.js')
const { report } = require('../table.js')
const { measureInTurn } = require('./operations.js')

/** kruptein takes 10 ms for each of them. */
const SESSIONS = 64

/** @type {import('../comparison.js').Pair[]} */
const PAIRS = [
  ['kruptein', 'connect-mongo-kruptein'],
  ['kruptein', 'plain'],
  ['web-crypto', 'connect-mongo-web-crypto'],
  ['web-crypto', 'plain'],
  ['sealed', 'plain'],
  ['wasm-kruptein', 'connect-mongo-kruptein'],
]

/** @param {import('./operations.js').Options} options @param {import('../servers.js').Servers} servers */
async function runCrypto(options, servers) {
  const measurements = await measureInTurn({ ...options, sessions: SESSIONS }, servers)
  return report(compare(measurements, PAIRS))
}

module.exports = { runCrypto }
