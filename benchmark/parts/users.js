// What the option `index` costs each operation, what it costs to find the sessions of a user among many, and the memory of a walk through
// all of them.
'use strict'

const { withChild } = require('../children.js')
const { againstFirst, compare } = require('../comparison.js')
const { placeFor } = require('../database.js')
const { formatNumber } = require('../figures.js')
const { Progress } = require('../progress.js')
const { inTurn } = require('../rounds.js')
const { INDEXED } = require('../stores.js')
const { comparisonTable } = require('../table.js')
const { measureInTurn } = require('./operations.js')

/** Small, so that a million of them fit into the server's memory. */
const STORED_SIZE = 300
/** So many of the stored sessions are read: more than a processor's cache holds. */
const READ = 100_000
const WARM_UP_SHARE = 1 / 3
/** Memory is shown at so many points of the walk through all sessions. */
const POINTS = 10

/**
 * @typedef {import('./operations.js').Options & { stored: number }} Options
 * @typedef {import('../servers.js').Servers} Servers
 * @typedef {import('../comparison.js').Measurement} Measurement
 */

/** @param {Options} options @param {Servers} servers */
async function compareFind({ rounds, seconds, stored }, servers) {
  const names = { find: 'find of a user with 5 sessions', get: 'a lone get' }
  const progress = new Progress(2 * rounds + 2)
  const place = placeFor(servers, `${INDEXED}-${stored}`)
  const ms = seconds * 1000
  /** @type {Measurement[]} */
  const measurements = []
  await withChild('measure', async (child) => {
    await child.ask('open', { store: INDEXED, place })
    progress.show(`writing ${formatNumber(stored, 0)} sessions`)
    await child.ask('fillMany', { count: stored, size: STORED_SIZE })
    progress.advance()
    await child.ask('pick', { count: READ, stored })
    for (const { store: operation, round } of inTurn(['find', 'get'], rounds)) {
      progress.show(`${names[/** @type {'find' | 'get'} */ (operation)]}, round ${round + 1} of ${rounds}`)
      const load = { operation, atOnce: 1, ms }
      await child.ask('warmUp', [{ ...load, ms: ms * WARM_UP_SHARE }])
      const figures = await child.ask('measure', load)
      const title = `among ${formatNumber(stored, 0)} sessions`
      const store = names[/** @type {'find' | 'get'} */ (operation)]
      measurements.push({ title, scenario: { stored, ...load }, store, round, figures })
      progress.advance()
    }
  })
  progress.show(`going through ${formatNumber(stored, 0)} sessions`)
  // In a process of its own, whose memory is that of the walk.
  const walked = await withChild('measure', async (child) => {
    await child.ask('open', { store: INDEXED, place })
    return child.ask('walk', undefined)
  })
  progress.end()
  return { finds: compare(measurements, [[names.find, names.get]]), walked }
}

/** @param {{ count: number, seconds: number, rssMb: number[] }} walked */
function walkLine({ count, seconds, rssMb }) {
  const points = Array.from(
    { length: POINTS },
    (_, point) => rssMb[Math.floor((point * rssMb.length) / POINTS)]
  )
  const text = points.map((megabytes) => formatNumber(megabytes, 0)).join(' ')
  const perSecond = formatNumber(count / seconds, 0)
  return `iterate over ${formatNumber(count, 0)} sessions: ${perSecond} a second; memory on the way, MB: ${text}`
}

/** @param {Options} options @param {Servers} servers */
async function runUsers(options, servers) {
  const costs = compare(await measureInTurn(options, servers), againstFirst(options.stores))
  const { finds, walked } = await compareFind(options, servers)
  const text = [...[...costs, ...finds].map(comparisonTable), walkLine(walked)].join('\n\n')
  return { results: [...costs, ...finds, walked], text }
}

module.exports = { runUsers }
