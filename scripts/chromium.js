// The Chromium that pages are tried and pictured with: $CHROMIUM_PATH, or one on the PATH.
'use strict'

const path = require('node:path')
const { isExecutable } = require('../__test__/support/programs.js')

const ARGS = [
  '--no-sandbox',
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** @returns {string | undefined} */
function findChromium() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean)
  return ['chromium', 'chromium-browser', 'google-chrome']
    .flatMap((name) => folders.map((folder) => path.join(folder, name)))
    .find(isExecutable)
}

function launchChromium() {
  const { chromium } = require('playwright-core')
  const executablePath = findChromium()
  if (!executablePath) throw new Error('No Chromium found: install one, or set CHROMIUM_PATH')
  return chromium.launch({ executablePath, args: ARGS })
}

module.exports = { findChromium, launchChromium }
