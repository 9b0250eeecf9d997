// The pages of documentation: what they link to is there, what they tell people to run can be run, and README stays short.
'use strict'

const assert = require('node:assert/strict')
const { existsSync, readdirSync, readFileSync, statSync } = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { anchorOf } = require('../../scripts/site/pages.js')

const ROOT = path.join(__dirname, '..', '..')
const README_LIMIT = 12_000

const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...['docs', '__test__', 'benchmark', '.github'].flatMap(pagesIn),
]
/** Those that tell what can be run now: a changelog tells what could be. */
const GUIDES = PAGES.filter((page) => page !== 'CHANGELOG.md')
const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))

/** @param {string} folder */
function pagesIn(folder) {
  return readdirSync(path.join(ROOT, folder), { recursive: true })
    .map((name) => path.posix.join(folder, String(name).replaceAll(path.sep, '/')))
    .filter((name) => name.endsWith('.md'))
}

/** @param {string} page */
function read(page) {
  return readFileSync(path.join(ROOT, page), 'utf8')
}

/** Code is no Markdown. @param {string} text */
function withoutCode(text) {
  return text.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '``')
}

/** As GitHub names the headings of a page, the second of a name with a number. @param {string} page */
function anchorsOf(page) {
  /** @type {Map<string, number>} */
  const seen = new Map()
  const headings = [
    ...read(page)
      .replace(/^```.*?^```$/gms, '')
      .matchAll(/^#+ +(.*)$/gm),
  ]
  return headings.map(([, heading]) => {
    const anchor = anchorOf(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1'))
    const count = seen.get(anchor) ?? 0
    seen.set(anchor, count + 1)
    return count ? `${anchor}-${count}` : anchor
  })
}

/** What a page links to in this repository. @param {string} page */
function linksOf(page) {
  const targets = [...withoutCode(read(page)).matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target)
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file, anchor] = target.split('#')
      const folder = path.posix.dirname(page)
      return { target, file: file ? path.posix.join(folder, file) : page, anchor }
    })
}

describe('documentation', () => {
  for (const page of PAGES) {
    test(`${page} links to what is there`, () => {
      const broken = linksOf(page).filter(
        ({ file, anchor }) =>
          !existsSync(path.join(ROOT, file)) || (anchor && !anchorsOf(file).includes(anchor))
      )
      assert.deepEqual(
        broken.map(({ target }) => target),
        []
      )
    })
  }

  test('is all reached from README', () => {
    const reached = new Set(['README.md'])
    // A set that grows while it is walked gives what was added, too.
    for (const page of reached) {
      for (const { file } of linksOf(page)) if (file.endsWith('.md')) reached.add(file)
    }
    assert.deepEqual(
      PAGES.filter((page) => page.startsWith('docs/') && !reached.has(page)),
      []
    )
  })

  test('names scripts of package.json', () => {
    const named = GUIDES.flatMap((page) => [...read(page).matchAll(/npm run ([\w:-]+)/g)])
    const unknown = named.map(([, name]) => name).filter((name) => !Object.hasOwn(scripts, name))
    assert.deepEqual(unknown, [])
  })

  test('tells people to run files that are there', () => {
    const commands = /(?:npm test --|npm run test:wasm --|node|bash) ((?:__test__|scripts|\.ci)[\w./-]*)/g
    const named = GUIDES.flatMap((page) => [...read(page).matchAll(commands)]).map(([, file]) => file)
    assert.ok(named.length > 0)
    assert.deepEqual(
      named.filter((file) => !existsSync(path.join(ROOT, file))),
      []
    )
  })

  test(`begins with a README of at most ${README_LIMIT.toLocaleString('en')} bytes`, () => {
    assert.ok(statSync(path.join(ROOT, 'README.md')).size <= README_LIMIT)
  })
})
