// What is printed: for people on a terminal, for people who pipe it into a file, and for programs.
'use strict'

const util = require('node:util')
const Table = require('cli-table3')

/**
 * @typedef {'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan'} Style
 * @typedef {{ isTTY?: boolean, columns?: number, hasColors?: () => boolean, write(text: string): unknown }} Stream
 */

const WIDTH_WITHOUT_TERMINAL = 100
const BAR_WIDTH = 30
const BLOCKS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']
const NO_BORDERS = Object.fromEntries(
  ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
    .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'])
    .map((name) => [name, ''])
)

class Screen {
  #isStyled
  width

  /** @param {Stream} stream */
  constructor(stream) {
    // Knows of NO_COLOR, of FORCE_COLOR and of terminals without colours. Node 20.12 brought styleText.
    this.#isStyled = Boolean(stream.isTTY && stream.hasColors?.() && util.styleText)
    // Some terminals tell 0.
    this.width = stream.columns || WIDTH_WITHOUT_TERMINAL
  }

  /** @param {Style} style @param {string | number} text */
  style(style, text) {
    return this.#isStyled ? util.styleText(style, String(text)) : String(text)
  }

  /** @param {string} title */
  heading(title) {
    return this.style('bold', title)
  }

  /**
   * @param {(string | number)[][]} rows
   * @param {{ head?: string[], align?: ('left' | 'right')[] }} [options]
   */
  table(rows, { head = [], align = [] } = {}) {
    const table = new Table({
      chars: { ...NO_BORDERS, middle: '  ' },
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
      head: head.map((one) => this.style('dim', one)),
      colAligns: align,
    })
    table.push(...rows)
    return table.toString().replaceAll(/[ \t]+$/gm, '')
  }

  /** @param {number} share from 0 to 1 @param {number} width in characters */
  bar(share, width) {
    const eighths = Math.round(share * width * 8)
    return this.style('cyan', '█'.repeat(eighths >> 3) + BLOCKS[eighths & 7])
  }

  /**
   * @param {[label: string, count: number][]} rows
   * @param {number} [total] of which these may be a part
   * @returns {string} nothing where there are no rows
   */
  histogram(rows, total = rows.reduce((sum, [, count]) => sum + count, 0)) {
    if (rows.length === 0) return ''
    const most = Math.max(...rows.map(([, count]) => count), 1)
    const cells = rows.map(([label, count]) => [
      label,
      count.toLocaleString('en'),
      percent(count, total),
      this.bar(count / most, BAR_WIDTH),
    ])
    return this.table(cells, { align: ['left', 'right', 'right', 'left'] })
  }
}

/** @param {number} part @param {number} whole */
function percent(part, whole) {
  return whole === 0 ? '' : `${((100 * part) / whole).toFixed(1)}%`
}

/** @param {number} bytes */
function size(bytes) {
  if (bytes < 1000) return `${Math.round(bytes)} B`
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`
  return bytes < 1_000_000_000 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}

/** @param {string} text @param {number} width @returns {string[]} lines */
function wrap(text, width) {
  const lines = ['']
  for (const word of text.split(/\s+/)) {
    const line = lines[lines.length - 1]
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.length <= width) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/** @param {string} text @returns {string} each line moved in */
function indent(text) {
  return text.replaceAll(/^(?=.)/gm, '  ')
}

/** What a terminal takes for commands, or shows in another order than it is written. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** @param {string} character */
function escapeOf(character) {
  const code = /** @type {number} */ (character.codePointAt(0))
  return code > 0xff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\x${code.toString(16).padStart(2, '0')}`
}

/** @param {string} text @returns {string} the same, but for its lines */
function printableLines(text) {
  return text.replace(UNPRINTABLE, (character) => (character === '\n' ? character : escapeOf(character)))
}

/**
 * What is stored may be chosen by whoever uses the app.
 *
 * @param {any} value of a report
 * @returns {any} without what a terminal would follow
 */
function printable(value) {
  if (typeof value === 'string') return value.replace(UNPRINTABLE, escapeOf)
  if (Array.isArray(value)) return value.map(printable)
  if (Object.prototype.toString.call(value) !== '[object Object]') return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [printable(name), printable(each)]))
}

/** @param {unknown} value @returns {string} that a terminal shows as it is */
function jsonOf(value) {
  return JSON.stringify(value, null, 2).replace(UNPRINTABLE, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  )
}

module.exports = { Screen, indent, jsonOf, percent, printable, printableLines, size, wrap }
