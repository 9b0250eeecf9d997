// What is changed in a page on its way to the site: what it links to, where its pictures are, and how code looks that is indented.
'use strict'

const { PAGES, linkFrom, routeOf } = require('./pages.js')

/**
 * @typedef {object} Token of markdown-it
 * @property {string} type
 * @property {string} info
 * @property {Token[] | null} children
 * @property {(name: string) => string | null} attrGet
 * @property {(name: string, value: string) => void} attrSet
 *
 * @typedef {{ tokens: Token[], env: { relativePath?: string } }} State of markdown-it
 * @typedef {{ core: { ruler: { push(name: string, rule: (state: State) => void): void } } }} MarkdownIt
 */

/**
 * Of a link that would lead nowhere only its text is left.
 *
 * @param {Token[]} tokens
 * @param {(target: string) => string | undefined} change
 * @returns {Token[]}
 */
function changeLinks(tokens, change) {
  let isLink = true
  return tokens.filter((token) => {
    if (token.type === 'link_close') return isLink
    const name = token.type === 'link_open' ? 'href' : 'src'
    const target = token.attrGet(name)
    if (target === null) return true
    const changed = change(target)
    if (changed !== undefined) token.attrSet(name, changed)
    if (token.type === 'link_open') isLink = changed !== undefined
    return changed !== undefined
  })
}

/** VitePress knows code by its fence alone. @param {Token} token */
function fence(token) {
  if (token.type !== 'code_block') return
  token.type = 'fence'
  token.info = ''
}

/** @param {string} repository @returns {(md: MarkdownIt) => void} a plugin of markdown-it */
function adaptPages(repository) {
  const pages = new Map(PAGES.map((page) => [routeOf(page), page]))
  return (md) => {
    md.core.ruler.push('adapt_pages', ({ tokens, env }) => {
      const page = pages.get(env.relativePath ?? '')
      // What TypeDoc writes is written for the site.
      if (page === undefined) return
      for (const token of tokens) {
        fence(token)
        if (!token.children) continue
        token.children = changeLinks(token.children, (target) => linkFrom(page, target, repository))
      }
    })
  }
}

module.exports = { adaptPages }
