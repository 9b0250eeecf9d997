// The built site as a reader meets it, in Chromium: no page wider than its window, nothing that is missing or asked of another host, and a
// search that finds.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { findChromium, launchChromium } = require('../chromium.js')
const { StepError } = require('../setup.js')
const { listHtml } = require('./links.js')

/** @typedef {import('playwright-core').Page} Page */

/** Nothing listens there: the browser is handed the files. */
const ORIGIN = 'http://site.test'
/** A small phone, and a laptop. */
const WIDTHS = [360, 1280]
/** Until then the page is what the server has sent. */
const IS_MOUNTED = "document.querySelector('#app').__vue_app__"
const SOUGHT = { word: 'hashId', page: 'hashed-ids.html' }

/**
 * @param {import('playwright-core').BrowserContext} context
 * @param {{ folder: string, base: string }} site
 * @param {(problem: string) => void} report
 */
async function serveFiles(context, { folder, base }, report) {
  await context.route('**/*', async (route) => {
    const url = new URL(route.request().url())
    if (url.origin !== ORIGIN) {
      report(`asks another host: ${url}`)
      return route.abort()
    }
    const name = decodeURIComponent(url.pathname.slice(base.length))
    const file = path.join(folder, name || 'index.html')
    if (url.pathname.startsWith(base) && fs.existsSync(file)) return route.fulfill({ path: file })
    report(`asks for what is not there: ${url.pathname}`)
    return route.fulfill({ status: 404 })
  })
}

/** @param {Page} page @param {(problem: string) => void} report */
function listen(page, report) {
  page.on('pageerror', (error) => report(String(error)))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) report(message.text())
  })
}

/** @param {Page} page @returns {Promise<number>} by how many pixels it is wider than the window */
function overflowOf(page) {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}

/** @param {Page} page at the start of the site */
async function search(page) {
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByRole('searchbox').fill(SOUGHT.word)
  await page.locator(`.result[href*="${SOUGHT.page}"]`).first().click()
  await page.waitForURL(`**/${SOUGHT.page}*`)
}

/**
 * @param {{ folder: string, base: string }} site
 * @param {(line: string) => void} say
 * @returns {Promise<string[]>} what is wrong
 */
async function lookAt(site, say) {
  if (!findChromium()) throw new StepError('No Chromium was found: install one, or set CHROMIUM_PATH')
  const browser = await launchChromium()
  /** @type {string[]} */
  const problems = []
  let place = ''
  const report = (/** @type {string} */ problem) => problems.push(`${place}: ${problem}`)
  try {
    const context = await browser.newContext()
    context.setDefaultTimeout(15_000)
    await serveFiles(context, site, report)
    const page = await context.newPage()
    listen(page, report)
    const pages = listHtml(site.folder)
    for (const name of pages) {
      place = name
      await page.goto(`${ORIGIN}${site.base}${name}`)
      await page.waitForFunction(IS_MOUNTED)
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 800 })
        const overflow = await overflowOf(page)
        if (overflow > 0) report(`${overflow} pixels wider than a window of ${width}`)
      }
    }
    for (const width of WIDTHS) {
      place = `search, ${width} pixels`
      await page.setViewportSize({ width, height: 800 })
      await page.goto(`${ORIGIN}${site.base}`)
      await search(page).catch((error) => report(error.message))
    }
    say(`${pages.length} pages, ${WIDTHS.join(' and ')} pixels wide`)
    return problems
  } finally {
    await browser.close()
  }
}

module.exports = { lookAt }
