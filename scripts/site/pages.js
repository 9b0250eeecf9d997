// Which pages of the repository are on the site, where they are there, and what their links lead to: they are written for those who read
// them on GitHub.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '..', '..')
const SITE = path.join(ROOT, 'site')
/** What the site is built from: a copy, with what TypeDoc writes beside it. */
const COPY = path.join(SITE, 'pages')
const DOCS = fs.readdirSync(path.join(ROOT, 'docs')).map((name) => `docs/${name}`)
/** Those that are written by hand. */
const PAGES = [
  'README.md',
  ...DOCS.filter((file) => file.endsWith('.md')),
  ...['benchmark/README.md', 'SECURITY.md', 'CHANGELOG.md', 'CONTRIBUTING.md'],
]
const PICTURES = DOCS.filter((file) => /\.(svg|webp)$/.test(file))

/**
 * @typedef {{ text?: string, link?: string, collapsed?: boolean, items?: Item[] }} Item of the sidebar
 */

/** @param {string} file */
function read(file) {
  return fs.readFileSync(path.join(ROOT, file), 'utf8')
}

/** @param {string} file from the root @returns {string} where it is among the pages of the site */
function routeOf(file) {
  if (file === 'README.md') return 'index.md'
  const { dir, name } = path.posix.parse(file)
  return `${(name === 'README' ? dir : name).toLowerCase()}.md`
}

/** @param {string} file @returns {string} */
function titleOf(file) {
  return /^# (.+)$/m.exec(read(file))?.[1] ?? file
}

/** @param {string} file @param {string} [text] @returns {Item} */
function itemOf(file, text = titleOf(file)) {
  return { text, link: `/${routeOf(file)}` }
}

/** @param {string} cell @returns {string[]} the pages that it links to */
function pagesIn(cell) {
  return [...cell.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target)
    .filter((file) => PAGES.includes(file))
}

/**
 * What the second column links to comes below the first page of the row.
 *
 * @param {string} row of README's table of pages
 * @returns {Item[]}
 */
function itemsOfRow(row) {
  const [, first, second] = row.split('|')
  const [main, ...beside] = pagesIn(first)
  const text = /\[([^\]]+)\]/.exec(first)?.[1]
  const items = pagesIn(second).map((file) => itemOf(file))
  const item = items.length > 0 ? { ...itemOf(main, text), collapsed: true, items } : itemOf(main, text)
  return [item, ...beside.map((file) => itemOf(file))]
}

/** In the order of README's table of pages, and after them what that does not name. @returns {Item[]} */
function makeSidebar() {
  const [, table] = read('README.md').split('\n## Documentation\n')
  const rows = table.split('\n').filter((line) => line.startsWith('| ['))
  const named = rows.flatMap(itemsOfRow)
  const links = new Set([...named, ...named.flatMap(({ items = [] }) => items)].map(({ link }) => link))
  const others = PAGES.slice(1).map((file) => itemOf(file))
  const types = { text: 'Types', link: '/reference/' }
  return [
    { items: [{ text: 'Start', link: '/' }, ...named] },
    { text: 'More', items: [types, ...others.filter(({ link }) => !links.has(link))] },
  ]
}

/**
 * What a link of a page leads to from the site.
 *
 * @param {string} page on which it is, from the root
 * @param {string} target as it is written
 * @param {string} repository the address of the project's page, or '' while there is none
 * @returns {string | undefined} nothing where it would lead nowhere
 */
function linkFrom(page, target, repository) {
  if (/^([a-z]+:|#)/.test(target)) return target
  const [name, anchor] = target.split('#')
  const file = path.posix.join(path.posix.dirname(page), name)
  const hash = anchor ? `#${anchor}` : ''
  if (PAGES.includes(file)) return `/${routeOf(file)}${hash}`
  if (PICTURES.includes(file)) return `./${path.posix.basename(file)}`
  // VitePress says of it what is wrong.
  if (!fs.existsSync(path.join(ROOT, file))) return target
  return repository ? `${repository}/blob/HEAD/${file}${hash}` : undefined
}

/** As GitHub names a heading: links are written for that. @param {string} heading */
function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

/**
 * @typedef {{ title: string, path?: string, children?: Entry[] }} Entry of what TypeDoc has written
 *
 * @param {Entry} entry
 * @param {number} [depth]
 * @returns {Item}
 */
function itemOfEntry({ title, path, children }, depth = 0) {
  return {
    text: title,
    ...(path && { link: `/reference/${path.replace(/index\.md$/, '')}` }),
    ...(children && { collapsed: depth > 0, items: children.map((child) => itemOfEntry(child, depth + 1)) }),
  }
}

/** That of the reference of the types. @returns {Item[]} */
function readReferenceSidebar() {
  const file = path.join(COPY, 'reference', 'navigation.json')
  /** @type {Entry[]} */
  const modules = JSON.parse(fs.readFileSync(file, 'utf8'))
  return modules.map((entry) => itemOfEntry(entry))
}

function copyPages() {
  fs.rmSync(COPY, { recursive: true, force: true })
  fs.mkdirSync(COPY)
  for (const page of PAGES) fs.copyFileSync(path.join(ROOT, page), path.join(COPY, routeOf(page)))
  for (const file of PICTURES) fs.copyFileSync(path.join(ROOT, file), path.join(COPY, path.basename(file)))
}

module.exports = {
  PAGES,
  SITE,
  anchorOf,
  copyPages,
  linkFrom,
  makeSidebar,
  readReferenceSidebar,
  routeOf,
}
