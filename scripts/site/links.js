// What the built site links to in itself is there, anchors too. VitePress looks at pages alone.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const TAG = /<[a-z](?:[^"<>]|"[^"]*")*>/g
const LINK = / (?:href|src)="([^"]*)"/
const ID = / id="([^"]*)"/

/** @param {string} folder @returns {string[]} */
function listHtml(folder) {
  return fs
    .readdirSync(folder, { recursive: true })
    .map((name) => String(name).replaceAll(path.sep, '/'))
    .filter((name) => name.endsWith('.html'))
}

/** @param {string} html @param {RegExp} attribute @returns {string[]} its values */
function valuesOf(html, attribute) {
  const tags = html.match(TAG) ?? []
  return tags.flatMap((tag) => attribute.exec(tag)?.[1] ?? []).map((value) => value.replaceAll('&amp;', '&'))
}

/** @param {string} folder of the built site @param {string} base */
function createFinder(folder, base) {
  /** @type {Map<string, Set<string>>} */
  const ids = new Map()
  const idsOf = (/** @type {string} */ file) => {
    if (!ids.has(file)) ids.set(file, new Set(valuesOf(fs.readFileSync(file, 'utf8'), ID)))
    return ids.get(file)
  }
  /** @param {URL} url */
  return ({ pathname, hash }) => {
    if (!pathname.startsWith(base)) return false
    const name = decodeURIComponent(pathname.slice(base.length))
    const file = path.join(folder, name === '' || name.endsWith('/') ? `${name}index.html` : name)
    if (!fs.existsSync(file)) return false
    return hash.length < 2 || idsOf(file)?.has(decodeURIComponent(hash.slice(1)))
  }
}

/** @param {string} folder of the built site @param {string} base under which it will be, such as `/` @returns {string[]} */
function findDeadLinks(folder, base) {
  const isThere = createFinder(folder, base)
  return listHtml(folder).flatMap((page) => {
    const here = new URL(`${base}${page}`, 'http://site.test')
    const targets = new Set(valuesOf(fs.readFileSync(path.join(folder, page), 'utf8'), LINK))
    return [...targets]
      .filter((target) => {
        const url = new URL(target, here)
        return url.host === here.host && !isThere(url)
      })
      .map((target) => `${page}: ${target}`)
  })
}

module.exports = { findDeadLinks, listHtml }
