// What the scripts have in common of a command line: its options, and tables.
'use strict'

const { parseArgs } = require('node:util')
const { StepError } = require('./setup.js')

/** The options of a script that tries many things, or some of them. */
const CHOICE = /** @type {const} */ ({
  fast: { type: 'boolean' },
  only: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  list: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
})

/**
 * @template {NonNullable<import('node:util').ParseArgsConfig['options']>} Options
 * @param {string[]} args
 * @param {Options} options as `parseArgs` takes them
 * @param {string} usage what is shown where they are misunderstood
 * @param {{ most?: number }} [limits] how many arguments there may be besides
 * @throws {StepError} with the usage
 */
function parseCommandLine(args, options, usage, { most = 0 } = {}) {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    if (positionals.length > most) throw new Error(`Unexpected argument '${positionals[most]}'`)
    return { values, positionals }
  } catch (error) {
    throw new StepError(`${/** @type {Error} */ (error).message}\n\n${usage}`)
  }
}

/** @param {string[][]} rows the head among them @param {number} [left] how many columns are aligned there @returns {string} */
function formatTable(rows, left = Number.POSITIVE_INFINITY) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const pad = (/** @type {string} */ cell, /** @type {number} */ column) =>
    column < left ? cell.padEnd(widths[column]) : cell.padStart(widths[column])
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}

module.exports = { CHOICE, formatTable, parseCommandLine }
