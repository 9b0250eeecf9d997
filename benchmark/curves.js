// Draws how the figures of the stores grow, as a picture for docs/: a row of panels for what grows, a panel for each figure, both axes
// logarithmic, a line for each store.
'use strict'

const { FIGURES, formatSize } = require('./figures.js')
const { labelOf } = require('./stores.js')
const {
  FOOT_SPACE,
  LINE_HEIGHT,
  MARGIN,
  WIDTH,
  file,
  footLines,
  footOf,
  roundsAsText,
  text,
} = require('./svg.js')

const TITLE = 'Session stores: how get grows'
const SUBTITLE =
  'Both axes are logarithmic. One thing grows at a time; what it is stands on the left, and what is measured above.'

/** @type {Record<string, { name: string[], labelOf: (value: number) => string }>} */
const ROWS = {
  stored: { name: ['stored sessions', '32 calls at once'], labelOf: inShort },
  size: { name: ['size of a session', '32 calls at once'], labelOf: formatSize },
  at: { name: ['calls at once', '1 kB'], labelOf: inShort },
  processes: { name: ['processes', '32 calls in each'], labelOf: inShort },
  delay: { name: ['network, ms', '512 calls at once'], labelOf: inShort },
}
const COLUMNS = ['perSecond', 'p50Ms', 'p99Ms', 'mainThreadUs', 'rssMb']
const COLORS = ['native', 'second', 'third', 'fourth', 'fifth']

const LEFT = 108
const COLUMN_WIDTH = (WIDTH - MARGIN - LEFT - MARGIN) / COLUMNS.length
const PANEL_WIDTH = COLUMN_WIDTH - 56
const ROW_HEIGHT = 118
const PANEL_HEIGHT = 78
const TOP = 112
/** In place of 0, which has no logarithm. */
const LEAST = 0.5

/** @typedef {import('./comparison.js').Comparison} Comparison */
/** @typedef {{ value: number, median: number }} Dot */

/** @param {number} value */
function inShort(value) {
  if (value >= 1e6) return `${value / 1e6} M`
  return value >= 1e4 ? `${value / 1e3} k` : String(value)
}

/** @param {number} value */
const logOf = (value) => Math.log(Math.max(value, LEAST))

/** @param {number[]} values @param {number} length @returns {(value: number) => number} */
function scaleOf(values, length) {
  const logs = values.map(logOf)
  const [least, most] = [Math.min(...logs), Math.max(...logs)]
  return (value) => (most === least ? length / 2 : ((logOf(value) - least) / (most - least)) * length)
}

/** @param {Comparison[]} row @param {string} store @param {string} figure @returns {Dot[]} */
function dotsOf(row, store, figure) {
  return row.flatMap(({ scenario, stores }) => {
    const median = stores.find((one) => one.store === store)?.figures[figure]?.median
    return median === undefined ? [] : [{ value: Number(scenario.value), median }]
  })
}

/** @param {Comparison[]} row @param {string[]} stores @param {string} figure @param {number} left @param {number} top */
function panel(row, stores, figure, left, top) {
  const lines = stores.map((store) => dotsOf(row, store, figure))
  const dots = lines.flat()
  const x = scaleOf(
    dots.map(({ value }) => value),
    PANEL_WIDTH
  )
  const y = scaleOf(
    dots.map(({ median }) => median),
    PANEL_HEIGHT
  )
  const bottom = top + PANEL_HEIGHT
  const drawn = lines.map((line, index) => {
    const points = line.map(({ value, median }) => `${left + x(value)},${bottom - y(median)}`)
    return `<polyline class="line ${COLORS[index % COLORS.length]}" points="${points.join(' ')}"/>`
  })
  const medians = dots.map(({ median }) => median)
  const limits = [Math.max(...medians), Math.min(...medians)].map((limit, index) =>
    text(
      left + PANEL_WIDTH + 4,
      index === 0 ? top + 8 : bottom,
      inShort(Number(limit.toPrecision(3))),
      'muted small'
    )
  )
  const frame = `<path class="frame" d="M${left} ${top}V${bottom}H${left + PANEL_WIDTH}"/>`
  return [frame, ...drawn, ...limits]
}

/** @param {Comparison[]} row @param {string} axis @param {number} left @param {number} top */
function valuesBelow(row, axis, left, top) {
  const values = row.map(({ scenario }) => Number(scenario.value))
  const x = scaleOf(values, PANEL_WIDTH)
  const ends = values.length > 1 ? [values[0], values[values.length - 1]] : values
  return ends.map((value) =>
    text(left + x(value) - 8, top + PANEL_HEIGHT + 14, ROWS[axis].labelOf(value), 'muted small')
  )
}

/** @param {string[]} stores */
function key(stores) {
  return stores.map((store, index) => {
    const x = MARGIN + index * 190
    return `<path class="line ${COLORS[index % COLORS.length]}" d="M${x} 80h24"/>${text(x + 30, 84, labelOf(store), 'small')}`
  })
}

/**
 * @param {import('./machine.js').Surroundings} about
 * @param {Comparison[]} results of the part scale
 * @param {{ rounds: number }} options
 * @returns {string} an SVG file
 */
function drawCurves(about, results, { rounds }) {
  const ofGet = results.filter(({ scenario }) => scenario.operation === 'get')
  const stores = [...new Set(ofGet.flatMap((one) => one.stores.map(({ store }) => store)))]
  const heads = COLUMNS.map((figure, column) =>
    text(LEFT + MARGIN + column * COLUMN_WIDTH, TOP - 8, FIGURES[figure].heading, 'head small')
  )
  const content = [
    text(MARGIN, 38, TITLE, 'title'),
    text(MARGIN, 58, SUBTITLE, 'muted small'),
    ...key(stores),
    ...heads,
  ]
  let top = TOP
  for (const axis of Object.keys(ROWS)) {
    const row = ofGet.filter(({ scenario }) => scenario.axis === axis)
    if (row.length === 0) continue
    const [name, base] = ROWS[axis].name
    content.push(text(MARGIN, top + PANEL_HEIGHT / 2, name, 'small'))
    content.push(text(MARGIN, top + PANEL_HEIGHT / 2 + LINE_HEIGHT, base, 'muted small'))
    for (const [column, figure] of COLUMNS.entries()) {
      const left = LEFT + MARGIN + column * COLUMN_WIDTH
      content.push(...panel(row, stores, figure, left, top), ...valuesBelow(row, axis, left, top))
    }
    top += ROW_HEIGHT
  }
  top += FOOT_SPACE / 2
  const foot = footLines(about, roundsAsText(rounds))
  content.push(...footOf(foot, top))
  return file(TITLE, top + foot.length * LINE_HEIGHT, content)
}

module.exports = { drawCurves }
