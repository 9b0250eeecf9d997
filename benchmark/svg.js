// Draws the figures of the operations as a picture for the README, on a ground of its own that follows the reader's
// colour scheme.
'use strict'

const { formatNumber, formatSize } = require('./figures.js')
const { labelOf } = require('./stores.js')

/** What is drawn of a run: so many at once, side by side. */
const AT_ONCE = [32, 128]

const TITLE = 'Session stores: operations a second, and time of the main thread'
const HOW_TO_READ = [
  'Each operation has its own scale; a bar with a gap is longer than it is drawn. MemoryStore keeps sessions in the process.',
  'main µs: time of the main thread for each operation',
]

const WIDTH = 960
const MARGIN = 24
const LABEL_WIDTH = 170
const HALF_WIDTH = (WIDTH - 2 * MARGIN - LABEL_WIDTH) / AT_ONCE.length
const ROW_HEIGHT = 18
const BAR_HEIGHT = 11
const GROUP_HEAD = 30
const HEADS_TOP = 68
const GROUPS_TOP = 94
const FOOT_SPACE = 34
const LINE_HEIGHT = 16
const LINE_LETTERS = 150

/** Each figure's bars start at `left` of their half; beside the longest one there is room for its number. */
const COLUMNS = /** @type {const} */ ([
  { name: 'perSecond', left: 0, width: 130, digits: 0, caption: 'operations a second: more is better' },
  { name: 'mainThreadUs', left: 215, width: 90, digits: 1, caption: 'main µs: less is better' },
])

const STYLE = `
  svg { font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif }
  .ground, .gap { fill: #ffffff } .ground { stroke: #d1d9e0 }
  text { fill: #1f2328 } .muted { fill: #59636e } .title { font-size: 17px; font-weight: 600 }
  .head { font-weight: 600 } .small { font-size: 11px }
  .bar { fill: #a3adb8 } .native { fill: #0a8a4f } .driver { fill: #58b088 } .wasm { fill: #9ed3ba }
  .ours { font-weight: 600 }
  .line { fill: none; stroke-width: 2 } .frame { fill: none; stroke: #a3adb8 }
  .line.native { stroke: #0a8a4f } .line.second { stroke: #b4531f } .line.third { stroke: #3b6fb6 }
  .line.fourth { stroke: #8a5aa8 } .line.fifth { stroke: #59636e }
  @media (prefers-color-scheme: dark) {
    .ground, .gap { fill: #0d1117 } .ground { stroke: #3d444d }
    text { fill: #e6edf3 } .muted { fill: #9198a1 }
    .bar { fill: #59636e } .native { fill: #2fb573 } .driver { fill: #258257 } .wasm { fill: #1d5c40 }
    .line { fill: none } .line.native { stroke: #2fb573 } .line.second { stroke: #e08a52 } .line.third { stroke: #79a7e3 }
    .line.fourth { stroke: #c198dc } .line.fifth { stroke: #9198a1 }
  }`

/**
 * @typedef {import('./comparison.js').Comparison} Comparison
 * @typedef {(typeof COLUMNS)[number]} Column
 * @typedef {{ x: number, y: number, scale: number, store: string }} Place
 */

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`)
}

/** @param {number} x @param {number} y @param {string} content @param {string} [classes] */
function text(x, y, content, classes = '') {
  return `<text x="${x}" y="${y}" class="${classes}">${escaped(content)}</text>`
}

/** @param {number} x @param {number} y @param {number} width @param {string} classes */
function rect(x, y, width, classes) {
  const rounded = Math.max(1, Math.round(width * 10) / 10)
  return `<rect x="${x}" y="${y}" width="${rounded}" height="${BAR_HEIGHT}" rx="1.5" class="${classes}"/>`
}

/** @param {Comparison} comparison @param {string} store @param {Column} column @returns {number | undefined} */
function medianOf({ stores }, store, { name }) {
  return stores.find((one) => one.store === store)?.figures[name].median
}

/** The longest bar but MemoryStore's, which asks no server: that one is cut. @param {Comparison[]} group @param {Column} column */
function scaleOf(group, column) {
  const stores = group.flatMap(({ stores }) => stores.map(({ store }) => store))
  const drawn = stores.filter((store) => store !== 'memory' || stores.every((one) => one === 'memory'))
  const values = group.flatMap((comparison) => drawn.map((store) => medianOf(comparison, store, column) ?? 0))
  return column.width / Math.max(...values)
}

/** @param {Column} column @param {number | undefined} value @param {Place} place */
function bar(column, value, { x, y, scale, store }) {
  const top = y - BAR_HEIGHT + 1
  if (value === undefined) return text(x, y, '–', 'muted')
  const width = Math.min(value * scale, column.width)
  const isCut = value * scale > column.width * 1.001
  const gap = isCut
    ? `<path class="gap" d="M${x + width - 14} ${top + BAR_HEIGHT}l5 -${BAR_HEIGHT}h4l-5 ${BAR_HEIGHT}z"/>`
    : ''
  const number = text(
    x + width + 5,
    y,
    formatNumber(value, column.digits),
    store === 'native' ? 'small ours' : 'small'
  )
  return rect(x, top, width, `bar ${store}`) + gap + number
}

/** One operation: a row for each store, with the bars of each concurrency side by side. */
class Group {
  /** @param {string} operation @param {Comparison[]} comparisons of it, in the order of AT_ONCE @param {string[]} stores */
  constructor(operation, comparisons, stores) {
    this.operation = operation
    this.comparisons = comparisons
    this.stores = stores
    this.height = GROUP_HEAD + stores.length * ROW_HEIGHT
  }

  /** @param {number} top */
  draw(top) {
    const head = text(MARGIN, top + 20, this.operation, 'head')
    const rows = this.stores.map((store, index) =>
      this.#row(store, top + GROUP_HEAD + (index + 0.75) * ROW_HEIGHT)
    )
    return [head, ...rows].join('\n')
  }

  /** @param {string} store @param {number} y */
  #row(store, y) {
    const label = text(MARGIN, y, labelOf(store), store === 'native' ? 'ours' : '')
    const bars = this.comparisons.flatMap((comparison, half) =>
      COLUMNS.map((column) => {
        const x = MARGIN + LABEL_WIDTH + half * HALF_WIDTH + column.left
        const place = { x, y, scale: scaleOf(this.comparisons, column), store }
        return bar(column, medianOf(comparison, store, column), place)
      })
    )
    return label + bars.join('')
  }
}

/** @param {number[]} atOnces */
function columnHeads(atOnces) {
  return atOnces
    .flatMap((atOnce, half) => {
      const x = MARGIN + LABEL_WIDTH + half * HALF_WIDTH
      const captions = COLUMNS.map(({ left, caption }) =>
        text(x + left, HEADS_TOP + 18, caption, 'muted small')
      )
      return [text(x, HEADS_TOP, `${atOnce} operations at once`, 'head'), ...captions]
    })
    .join('')
}

/** @param {string[]} words @returns {string[]} lines, with the words separated by commas */
function wrapped(words) {
  const lines = ['']
  for (const word of words) {
    const line = lines[lines.length - 1]
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + word.length < LINE_LETTERS) lines[lines.length - 1] += `, ${word}`
    else lines.push(word)
  }
  return lines
}

/** @param {import('./machine.js').Surroundings} about @param {string} run what was run */
function footLines({ date, command, versions, machine }, run) {
  const { cores, cpu, memoryGb, system } = machine
  return [
    `${date.slice(0, 10)}: ${command.replace(/ --json \S+/, '')}`,
    run,
    `${cores} cores shared with the servers, ${cpu}, ${memoryGb.toFixed(0)} GB, ${system}`,
    ...wrapped(Object.entries(versions).map(([name, version]) => `${name} ${version}`)),
  ]
}

/** @param {number} rounds */
function roundsAsText(rounds) {
  return rounds === 1 ? 'one round' : `medians of ${rounds} rounds`
}

/** @param {string[]} lines @param {number} top */
function footOf(lines, top) {
  return lines.map((line, index) => text(MARGIN, top + index * LINE_HEIGHT, line, 'muted small'))
}

/** @param {Comparison[]} drawn @param {string[]} operations @param {number[]} atOnces */
function groupsOf(drawn, operations, atOnces) {
  return operations.map((operation) => {
    const ofOperation = drawn.filter(({ scenario }) => scenario.operation === operation)
    const comparisons = atOnces.flatMap((atOnce) =>
      ofOperation.filter(({ scenario }) => scenario.atOnce === atOnce)
    )
    // One that was not measured so, such as the bare socket with several at once, gets no row.
    const stores = [...new Set(comparisons.flatMap((one) => one.stores.map(({ store }) => store)))]
    return new Group(operation, comparisons, stores)
  })
}

/** @param {string} title @param {number} height @param {string[]} content */
function file(title, height, content) {
  const size = `viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`,
    `<title>${title}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    ...content,
    '</svg>',
  ].join('\n')}\n`
}

/**
 * @param {import('./machine.js').Surroundings} about
 * @param {Comparison[]} results of the operations
 * @param {{ operations: string[], at: number[], size: number[], rounds: number }} options
 * @returns {string} an SVG file
 */
function draw(about, results, { operations, at, size: [size], rounds }) {
  const atOnces = AT_ONCE.filter((atOnce) => at.includes(atOnce))
  const drawn = results.filter(({ scenario }) => scenario.size === size)
  const content = [text(MARGIN, 38, TITLE, 'title'), columnHeads(atOnces)]
  let top = GROUPS_TOP
  for (const group of groupsOf(drawn, operations, atOnces)) {
    content.push(group.draw(top))
    top += group.height
  }
  top += FOOT_SPACE
  const run = `${roundsAsText(rounds)}, sessions of ${formatSize(size)}`
  const foot = [...HOW_TO_READ, ...footLines(about, run)]
  content.push(...footOf(foot, top))
  top += foot.length * LINE_HEIGHT
  return file(TITLE, top, content)
}

module.exports = {
  AT_ONCE,
  FOOT_SPACE,
  LINE_HEIGHT,
  MARGIN,
  WIDTH,
  draw,
  file,
  footLines,
  footOf,
  rect,
  roundsAsText,
  text,
}
