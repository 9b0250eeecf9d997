// Whether a process that runs for long holds what it held before: memory, files, threads, handles.
'use strict'

const { withChild } = require('../children.js')
const { placeFor } = require('../database.js')
const { formatNumber } = require('../figures.js')
const { Progress } = require('../progress.js')
const { labelOf } = require('../stores.js')
const { alignedTable } = require('../table.js')

const TENTHS = 10
/** In the first tenth a process comes to its size; growth is counted from the end of the second. */
const FIRST = 1
const MOST_GROWTH = 0.05
/** Connections and idle threads come and go. */
const MOST_MORE = 2
/** Of one store: what is shorter says nothing of growth. */
const LEAST_JUDGED = 400_000

/** @type {Record<string, { heading: string, digits: number }>} */
const COLUMNS = {
  rssMb: { heading: 'RSS MB', digits: 1 },
  heapMb: { heading: 'heap MB', digits: 2 },
  files: { heading: 'files', digits: 0 },
  threads: { heading: 'threads', digits: 0 },
  handles: { heading: 'handles', digits: 0 },
  perSecond: { heading: 'operations/s', digits: 0 },
}
const MEMORY = ['rssMb', 'heapMb']
const HANDLES = ['files', 'threads', 'handles']

/**
 * @typedef {Record<string, number | undefined>} Tenth what is held at its end, by the names of the columns
 * @typedef {{ stores: string[], millions: number }} Options
 */

/**
 * @param {string} store
 * @param {number} operations
 * @param {import('../servers.js').Servers} servers
 * @param {(tenth: number) => void} say
 * @returns {Promise<Tenth[]>}
 */
function soak(store, operations, servers, say) {
  const soaking = async (/** @type {any} */ child) => {
    await child.ask('open', { store, place: placeFor(servers, store) })
    const tenths = []
    for (let tenth = 1; tenth <= TENTHS; tenth++) {
      say(tenth)
      const perSecond = await child.ask('run', { count: Math.ceil(operations / TENTHS) })
      tenths.push({ ...(await child.ask('held')), perSecond })
    }
    return tenths
  }
  return withChild('soak', soaking, ['--expose-gc'])
}

/** @param {Tenth[]} tenths @param {string} name @returns {number} as a share */
function growth(tenths, name) {
  return Number(tenths[TENTHS - 1][name]) / Number(tenths[FIRST][name]) - 1
}

/** @param {Tenth[]} tenths @returns {string[]} */
function problems(tenths) {
  const grown = MEMORY.filter((name) => growth(tenths, name) >= MOST_GROWTH)
  const more = HANDLES.filter(
    (name) => Number(tenths[TENTHS - 1][name]) > Number(tenths[FIRST][name]) + MOST_MORE
  )
  return [...grown, ...more].map((name) => `${COLUMNS[name].heading} grew`)
}

/** @param {Tenth[]} tenths */
function table(tenths) {
  const names = Object.keys(COLUMNS).filter((name) => tenths[0][name] !== undefined)
  const percent = (/** @type {string} */ name) => `${formatNumber(growth(tenths, name) * 100, 1)} %`
  return alignedTable([
    ['tenth', ...names.map((name) => COLUMNS[name].heading)],
    ...tenths.map((tenth, index) => [
      String(index + 1),
      ...names.map((name) => formatNumber(Number(tenth[name]), COLUMNS[name].digits)),
    ]),
    ['2 to 10', ...names.map((name) => (name === 'perSecond' ? '' : percent(name)))],
  ])
}

/** @param {Options} options @param {import('../servers.js').Servers} servers */
async function runSoak({ stores, millions }, servers) {
  const operations = (millions * 1e6) / stores.length
  const isJudged = operations >= LEAST_JUDGED
  const progress = new Progress(stores.length * TENTHS)
  const results = []
  for (const store of stores) {
    const tenths = await soak(store, operations, servers, (tenth) => {
      progress.show(`${labelOf(store)}, tenth ${tenth}`)
      progress.advance()
    })
    results.push({ store, operations, tenths, problems: isJudged ? problems(tenths) : [] })
  }
  progress.end()
  const verdict = isJudged
    ? `Less than ${MOST_GROWTH * 100} % is flat.`
    : 'Too short a run to judge growth by.'
  const text = results.flatMap(({ store, tenths, problems }) => [
    `${formatNumber(operations, 0)} operations of ${labelOf(store)}, what is held after each tenth\n${table(tenths)}`,
    ...problems.map((problem) => `${labelOf(store)}: ${problem}`),
  ])
  const hasFailed = results.some(({ problems }) => problems.length > 0)
  return { results, text: [...text, verdict].join('\n\n'), hasFailed }
}

module.exports = { runSoak }
