// The site that docs/ is built into: each page is in its sidebar, and links that are written for GitHub lead to its pages.
'use strict'

const assert = require('node:assert/strict')
const { readFileSync, readdirSync } = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { PAGES, anchorOf, linkFrom, makeSidebar, routeOf } = require('../../scripts/site/pages.js')

/** @typedef {ReturnType<typeof makeSidebar>} Items */

const ROOT = path.join(__dirname, '..', '..')
const REPOSITORY = 'https://git.example/ada/connect-mongo-native'

/** @param {Items} items @returns {Items} those within others, too */
function flatten(items) {
  return items.flatMap((item) => [item, ...flatten(item.items ?? [])])
}

describe('the site', () => {
  test('has each page of docs/ once in its sidebar', () => {
    const links = flatten(makeSidebar()).flatMap(({ link = [] }) => link)
    assert.equal(new Set(links).size, links.length)
    const missing = readdirSync(path.join(ROOT, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .filter((name) => !links.includes(`/${name.toLowerCase()}`))
    assert.deepEqual(missing, [])
  })

  test('begins its sidebar as the table of README, with its words', () => {
    const [{ items = [] }, more] = makeSidebar()
    const table = readFileSync(path.join(ROOT, 'README.md'), 'utf8').split('\n## Documentation\n')[1]
    const words = [...table.matchAll(/^\| \[([^\]]+)\]/gm)].map(([, text]) => text)
    const texts = items.map(({ text }) => text)
    assert.deepEqual(
      texts.filter((text) => words.includes(String(text))),
      words
    )
    assert.ok(more.items?.every(({ text }) => !texts.includes(text)))
  })

  test('has one place for each page', () => {
    assert.equal(new Set(PAGES.map(routeOf)).size, PAGES.length)
  })

  for (const [page, target, expected] of /** @type {const} */ ([
    ['README.md', 'docs/api.md#methods', '/api.md#methods'],
    ['docs/api.md', 'users.md', '/users.md'],
    ['docs/api.md', '../README.md', '/index.md'],
    ['docs/performance.md', '../benchmark/README.md#starting', '/benchmark.md#starting'],
    ['benchmark/README.md', '../docs/scale.svg', './scale.svg'],
    ['docs/api.md', '#events', '#events'],
    ['docs/api.md', 'https://example.org/a#b', 'https://example.org/a#b'],
    ['docs/api.md', '../lib/errors.js#L7', `${REPOSITORY}/blob/HEAD/lib/errors.js#L7`],
  ])) {
    test(`leads from ${page} by ${target} to ${expected}`, () => {
      assert.equal(linkFrom(page, target, REPOSITORY), expected)
    })
  }

  test('keeps a link to what is not there, of which the build complains', () => {
    assert.equal(linkFrom('docs/api.md', 'nowhere.md', REPOSITORY), 'nowhere.md')
  })

  test('has no link to a file of the repository while that has no address', () => {
    assert.equal(linkFrom('CONTRIBUTING.md', 'AGENTS.md#map', ''), undefined)
  })

  for (const [heading, expected] of [
    ["What's in `mongoUrl`, and what isn't?", 'whats-in-mongourl-and-what-isnt'],
    ['at_size – a', 'at_size--a'],
  ]) {
    test(`names “${heading}” as GitHub does`, () => assert.equal(anchorOf(heading), expected))
  }
})
