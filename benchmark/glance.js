// Draws what an Express app gains, in three figures: the picture at the head of the README.
'use strict'

const { formatNumber, formatSize } = require('./figures.js')
const { installedWith } = require('./packages.js')
const { labelOf } = require('./stores.js')
const { LINE_HEIGHT, MARGIN, WIDTH, file, footLines, footOf, rect, roundsAsText, text } = require('./svg.js')

/** Each with its package. @type {Record<string, string>} */
const DRAWN = { native: 'connect-mongo-native', 'connect-mongo': 'connect-mongo' }
const DRAWN_STORES = Object.keys(DRAWN)
const TITLE = 'An Express app with its sessions in MongoDB'

const GAP = 24
const COLUMN_WIDTH = (WIDTH - 2 * MARGIN - 2 * GAP) / 3
const LABEL_WIDTH = 158
/** Beside the longest bar there is room for its number. */
const BAR_WIDTH = COLUMN_WIDTH - LABEL_WIDTH - 55
const TOP = 74
const ROW_HEIGHT = 22
const FOOT_TOP = 148

/** @typedef {{ caption: string, digits: number, values: Record<string, number> }} Column */

/** @param {import('./comparison.js').Comparison[]} results of the Express apps @returns {Column[]} */
function columnsOf(results) {
  const reads = results.find(({ scenario }) => scenario.kind === 'reads')
  /** @param {string} name @returns {Record<string, number>} */
  const medians = (name) =>
    Object.fromEntries((reads?.stores ?? []).map(({ store, figures }) => [store, figures[name].median]))
  const packages = Object.entries(DRAWN).map(([store, name]) => [store, installedWith(name).length])
  return [
    { caption: 'requests a second: more is better', digits: 0, values: medians('requestsPerSecond') },
    { caption: 'main thread, µs a request: less is better', digits: 0, values: medians('mainThreadUs') },
    { caption: 'packages installed: less is better', digits: 0, values: Object.fromEntries(packages) },
  ]
}

/** @param {Column} column @param {number} index */
function drawColumn({ caption, digits, values }, index) {
  const left = MARGIN + index * (COLUMN_WIDTH + GAP)
  const scale = BAR_WIDTH / Math.max(...Object.values(values))
  const rows = DRAWN_STORES.map((store, row) => {
    const [x, y] = [left + LABEL_WIDTH, TOP + (row + 1) * ROW_HEIGHT]
    const classes = store === 'native' ? 'ours' : ''
    const width = values[store] * scale
    const number = text(x + width + 5, y, formatNumber(values[store], digits), classes)
    return text(left, y, labelOf(store), classes) + rect(x, y - 10, width, `bar ${store}`) + number
  })
  return [text(left, TOP, caption, 'muted'), ...rows].join('\n')
}

/**
 * @param {import('./machine.js').Surroundings} about
 * @param {import('./comparison.js').Comparison[]} results of the Express apps
 * @param {{ size: number[], rounds: number }} options
 * @returns {string} an SVG file
 */
function drawGlance(about, results, { size: [size], rounds }) {
  const run = `64 connections, sessions of ${formatSize(size)}, each request a get and a touch, ${roundsAsText(rounds)}`
  const foot = footLines(about, run)
  const content = [text(MARGIN, 38, TITLE, 'title'), ...columnsOf(results).map(drawColumn)]
  content.push(...footOf(foot, FOOT_TOP))
  return file(TITLE, FOOT_TOP + foot.length * LINE_HEIGHT, content)
}

module.exports = { DRAWN_STORES, drawGlance }
