// Figures as text for a terminal.
'use strict'

const { NOTABLE, losses } = require('./comparison.js')
const { FIGURES, formatNumber } = require('./figures.js')
const { spread } = require('./statistics.js')
const { labelOf } = require('./stores.js')

/**
 * @typedef {import('./comparison.js').Comparison} Comparison
 * @typedef {import('./statistics.js').Summary} Summary
 */

const CELL_COLUMNS = 14
const NO_SPREAD = ' '.repeat(5)
/** So many scenarios are named where it loses; the rest is counted. */
const NAMED_LOSSES = 4

/** @param {Summary} summary */
function plusMinus(summary) {
  const share = spread(summary)
  return (share > 0 ? ` ±${formatNumber(share * 100, 0)}%` : '').padEnd(NO_SPREAD.length)
}

/** @param {string} name @param {Summary} summary */
function asNumber(name, { median }) {
  return formatNumber(median, FIGURES[name].digits)
}

/** @param {number} ratio */
function formatRatio(ratio) {
  return `${formatNumber(ratio, ratio < 10 ? 2 : 1)}×`
}

/** @param {string} _name @param {Summary} summary */
function asRatio(_name, { median }) {
  return formatRatio(median)
}

/** @param {string[][]} rows the first one is the heading; the first column is aligned to the left */
function alignedTable(rows) {
  const labelColumns = Math.max(...rows.map(([label]) => label.length))
  return rows
    .map(([label, ...cells]) => {
      const padded = cells.map((cell) => cell.padStart(CELL_COLUMNS))
      return `  ${label.padEnd(labelColumns)}${padded.join('')}`.trimEnd()
    })
    .join('\n')
}

/** @param {Comparison} comparison */
function comparisonTable({ title, stores, ratios }) {
  const names = Object.keys(FIGURES).filter((name) => stores.some(({ figures }) => name in figures))
  /** @param {Record<string, Summary>} figures @param {(name: string, summary: Summary) => string} format */
  const cellsOf = (figures, format) =>
    names.map((name) =>
      figures[name] ? format(name, figures[name]) + plusMinus(figures[name]) : `–${NO_SPREAD}`
    )
  const table = alignedTable([
    ['', ...names.map((name) => FIGURES[name].heading + NO_SPREAD)],
    ...stores.map(({ store, figures }) => [labelOf(store), ...cellsOf(figures, asNumber)]),
    ...ratios.map(({ of, to, figures }) => [
      of === stores[0].store ? `÷ ${labelOf(to)}` : `${labelOf(of)} ÷ ${labelOf(to)}`,
      ...cellsOf(figures, asRatio),
    ]),
  ])
  return `${title}\n${table}`
}

/** @param {ReturnType<typeof losses>[number]} loss */
function lossLine({ name, compared, worse }) {
  const { heading, better } = FIGURES[name]
  const worstFirst = [...worse].sort((a, b) => (better === 'more' ? a.ratio - b.ratio : b.ratio - a.ratio))
  if (worse.length === compared) {
    const [worst, least] = [worstFirst[0], worstFirst[worse.length - 1]].map(({ ratio }) =>
      formatRatio(ratio)
    )
    return `    ${heading}, everywhere: ${worst === least ? worst : `${worst} to ${least}`}`
  }
  const named = worstFirst.slice(0, NAMED_LOSSES).map(({ title, ratio }) => `${title} ${formatRatio(ratio)}`)
  const more = worse.length > NAMED_LOSSES ? [`${worse.length - NAMED_LOSSES} more`] : []
  return `    ${heading}, ${worse.length} of ${compared}: ${[...named, ...more].join('; ')}`
}

/** @param {Comparison[]} comparisons */
function lossTable(comparisons) {
  const pairs = new Map(
    comparisons.flatMap(({ ratios }) => ratios.map(({ of, to }) => [`${of} ${to}`, { of, to }]))
  )
  const lines = [...pairs.values()].flatMap(({ of, to }) => {
    const lost = losses(comparisons, [of, to])
    return lost.length ? [`  ${labelOf(of)} to ${labelOf(to)}`, ...lost.map(lossLine)] : []
  })
  return lines.length
    ? [`Where it loses by more than ${NOTABLE * 100} %:`, ...lines].join('\n')
    : `It loses nowhere by more than ${NOTABLE * 100} %.`
}

/** What a part gives back: its figures, and the same for people. @param {Comparison[]} comparisons */
function report(comparisons) {
  const text = [...comparisons.map(comparisonTable), lossTable(comparisons)].join('\n\n')
  return { results: comparisons, text }
}

module.exports = { alignedTable, comparisonTable, report }
