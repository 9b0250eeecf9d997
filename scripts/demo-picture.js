// `npm run demo -- --picture FILE`: the demo's page after everything on it has been used, as WebP or PNG.
'use strict'

const { writeFile } = require('node:fs/promises')
const path = require('node:path')
const { launchChromium } = require('./chromium.js')

/** @param {import('playwright-core').Page} page */
async function useAll(page) {
  /** @param {string} name */
  const click = (name) => page.getByRole('button', { name, exact: true }).click()
  await page.getByLabel('Your name').fill('Ada')
  await click('Log in')
  for (const count of ['1', '2', '3']) {
    await click('Count')
    await page.locator('#count', { hasText: count }).waitFor()
  }
  await page.getByRole('switch', { name: 'Hashed ids' }).click()
  await page.getByRole('switch', { name: 'Hashed ids', checked: true }).waitFor()
  await click('Log out during a save')
  await page.locator('.verdict.good').waitFor()
  await page.locator('.verdict.bad').waitFor()
  await click('Race for two seconds')
  await page.locator('#race-result', { hasText: 'times' }).waitFor()
  // The bars are on their way to the last number.
  await page.evaluate('Promise.all(document.getAnimations().map((animation) => animation.finished))')
}

/** All of the page. Playwright itself makes no WebP. @param {import('playwright-core').Page} page @param {number} width @param {string} format */
async function picture(page, width, format) {
  await page.mouse.move(0, 0)
  const height = Number(await page.evaluate('document.documentElement.scrollHeight'))
  await page.setViewportSize({ width, height })
  const session = await page.context().newCDPSession(page)
  const options = format === 'webp' ? { format: /** @type {const} */ ('webp'), quality: 65 } : {}
  const { data } = await session.send('Page.captureScreenshot', options)
  return Buffer.from(data, 'base64')
}

/**
 * @param {string} address
 * @param {string} file
 * @param {{ width?: number, colorScheme?: 'light' | 'dark' }} [options]
 */
async function takePicture(address, file, { width = 1280, colorScheme = 'light' } = {}) {
  const browser = await launchChromium()
  try {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme })
    page.setDefaultTimeout(120_000)
    await page.goto(address)
    await useAll(page)
    await writeFile(file, await picture(page, width, path.extname(file).slice(1)))
  } finally {
    await browser.close()
  }
}

module.exports = { takePicture }
