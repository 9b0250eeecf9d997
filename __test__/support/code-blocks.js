// The code in the pages of documentation, for what checks and runs it.
'use strict'

const { readFileSync, readdirSync } = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '..', '..')
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...['docs', 'benchmark', 'cli', 'example'].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`)
  ),
]

/**
 * @typedef {object} Block
 * @property {string} page
 * @property {string} language what stands behind the fence
 * @property {string} code
 * @property {number} line of the page, on which the code begins
 */

/** @param {string} page @returns {Block[]} */
function blocksOf(page) {
  const text = readFileSync(path.join(ROOT, page), 'utf8')
  return [...text.matchAll(/^( *)```(\S*)\n(.*?)^\1```$/gms)].map(({ index, 2: language, 3: code }) => ({
    page,
    language,
    code,
    line: text.slice(0, index).split('\n').length + 1,
  }))
}

/** @returns {Block[]} */
function allBlocks() {
  return PAGES.flatMap(blocksOf)
}

/** The block of a page that has this in it. @param {string} page @param {string} part @returns {string} its code */
function blockWith(page, part) {
  const found = blocksOf(page).filter(({ code }) => code.includes(part))
  if (found.length !== 1) throw new Error(`${found.length} blocks of ${page} have ${part}`)
  return found[0].code
}

module.exports = { allBlocks, blockWith }
