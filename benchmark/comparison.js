// What the rounds of one scenario come to: the medians of each store, and ratios between stores.
'use strict'

const { FIGURES } = require('./figures.js')
const { summary } = require('./statistics.js')

/**
 * @typedef {import('./statistics.js').Summary} Summary
 *
 * One store in one scenario, which its title names, in one round.
 * @typedef {object} Measurement
 * @property {string} title
 * @property {Record<string, unknown>} scenario
 * @property {string} store
 * @property {number} round
 * @property {Record<string, number>} figures
 *
 * @typedef {[of: string, to: string]} Pair of stores
 *
 * @typedef {object} Comparison
 * @property {string} title
 * @property {Record<string, unknown>} scenario
 * @property {{ store: string, figures: Record<string, Summary> }[]} stores
 * @property {{ of: string, to: string, figures: Record<string, Summary> }[]} ratios one store's figures divided by
 *   another's of the same round
 * @property {{ store: string, round: number, figures: Record<string, number> }[]} measurements
 */

/** From here on a difference is told. */
const NOTABLE = 0.05

/**
 * @param {string[]} names @param {(name: string) => number[]} numbersOf
 * @returns {Record<string, Summary>}
 */
function summaries(names, numbersOf) {
  return Object.fromEntries(names.map((name) => [name, summary(numbersOf(name))]))
}

/** @param {Measurement[]} measurements of one store */
function medians(measurements) {
  return summaries(Object.keys(measurements[0].figures), (name) =>
    measurements.map(({ figures }) => figures[name])
  )
}

/** @param {Measurement[]} these @param {Measurement[]} those in the same order of rounds */
function divided(these, those) {
  const shared = Object.keys(these[0].figures).filter((name) => name in those[0].figures)
  return summaries(shared, (name) =>
    these.map(({ figures }, index) => figures[name] / those[index].figures[name])
  )
}

/** The first store against each of the others. @param {string[]} stores @returns {Pair[]} */
function againstFirst([first, ...others]) {
  return others.map((other) => [first, other])
}

/**
 * @param {Measurement[]} measurements of one scenario
 * @param {Pair[]} pairs whose ratios are wanted, where both were measured
 * @returns {Comparison}
 */
function compareScenario(measurements, pairs) {
  const [{ title, scenario }] = measurements
  const measured = [...new Set(measurements.map(({ store }) => store))]
  /** @param {string} store */
  const roundsOf = (store) =>
    measurements.filter((one) => one.store === store).sort((a, b) => a.round - b.round)
  const comparable = pairs.filter((pair) => pair.every((store) => measured.includes(store)))
  return {
    title,
    scenario,
    stores: measured.map((store) => ({ store, figures: medians(roundsOf(store)) })),
    ratios: comparable.map(([of, to]) => ({ of, to, figures: divided(roundsOf(of), roundsOf(to)) })),
    measurements: measurements.map(({ store, round, figures }) => ({ store, round, figures })),
  }
}

/**
 * @param {Measurement[]} measurements @param {Pair[]} pairs
 * @returns {Comparison[]} one for each scenario, in the order in which they were measured first
 */
function compare(measurements, pairs) {
  const titles = [...new Set(measurements.map(({ title }) => title))]
  return titles.map((title) =>
    compareScenario(
      measurements.filter((one) => one.title === title),
      pairs
    )
  )
}

/** @param {string} name of a figure @param {number} ratio */
function isWorse(name, ratio) {
  return FIGURES[name].better === 'more' ? ratio < 1 - NOTABLE : ratio > 1 + NOTABLE
}

/**
 * Where the first of a pair is worse than the second, by the median of its ratios.
 *
 * @param {Comparison[]} comparisons
 * @param {Pair} pair
 * @returns {{ name: string, compared: number, worse: { title: string, ratio: number }[] }[]} one for each figure
 */
function losses(comparisons, [of, to]) {
  const ratios = comparisons.flatMap(({ title, ratios }) =>
    ratios
      .filter((one) => one.of === of && one.to === to)
      .flatMap(({ figures }) =>
        Object.entries(figures).map(([name, { median }]) => ({ title, name, ratio: median }))
      )
  )
  const byName = Object.keys(FIGURES).map((name) => {
    const these = ratios.filter((one) => one.name === name)
    return { name, compared: these.length, worse: these.filter(({ ratio }) => isWorse(name, ratio)) }
  })
  return byName.filter(({ worse }) => worse.length > 0)
}

module.exports = { NOTABLE, againstFirst, compare, losses }
