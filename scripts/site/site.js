// `npm run site`: builds docs/ and the types into a static site, checks it, and shows it.
'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { parseCommandLine } = require('../command-line.js')
const { freePort } = require('../free-port.js')
const { ROOT, StepError, installPackages, npm, reportFailure, run, step } = require('../setup.js')
const { lookAt } = require('./browser.js')
const { findDeadLinks } = require('./links.js')
const { SITE, copyPages } = require('./pages.js')

const USAGE = `Usage: npm run site [-- OPTION …]

Builds docs/, README.md and the types into a static site in site/.vitepress/dist, and fails at a link that leads nowhere.

  --base PATH  where it will be, such as /connect-mongo-native/ (default: /)
  --check      open each page in Chromium, as wide as a phone and as a laptop, and search; CHROMIUM_PATH names the browser
  --serve      serve it on this machine until Ctrl-C
  --help       show this text`

const BUILT = path.join(SITE, '.vitepress', 'dist')
const VITEPRESS = path.join(SITE, 'node_modules', 'vitepress', 'bin', 'vitepress.js')
const TYPEDOC = path.join(SITE, 'node_modules', 'typedoc', 'bin', 'typedoc')

/** @param {string[]} args */
function readOptions(args) {
  const options = /** @type {const} */ ({
    base: { type: 'string', default: '/' },
    check: { type: 'boolean' },
    serve: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  const { values } = parseCommandLine(args, options, USAGE)
  return { ...values, base: readBase(values.base) }
}

/** GitHub names it without a slash at its end, and the root of a host by nothing. @param {string} path */
function readBase(path) {
  if (!/^(\/[\w.-]+)*\/?$/.test(path))
    throw new StepError(`--base takes a path such as /project/, not "${path}"`)
  return path.endsWith('/') ? path : `${path}/`
}

function packagesAreFresh() {
  const changedAt = (/** @type {string} */ file) =>
    fs.statSync(path.join(SITE, file), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const installed = changedAt('node_modules/.package-lock.json')
  return installed > 0 && installed >= changedAt('package-lock.json')
}

async function installSitePackages() {
  if (packagesAreFresh()) return
  const args = ['ci', '--prefix', SITE, '--include=dev', '--no-audit', '--no-fund', '--ignore-scripts']
  await step('Installing the npm packages of the site', () => npm(args))
}

/** @param {string[]} problems @param {string} title */
function assertNone(problems, title) {
  if (problems.length > 0) throw new StepError(`${title}:\n${problems.map((line) => `  ${line}`).join('\n')}`)
}

/** @param {string} base */
async function build(base) {
  await step('Writing the reference of the types', async () => {
    copyPages()
    await run(process.execPath, [TYPEDOC, '--options', path.join(SITE, 'typedoc.json')])
  })
  await step('Building the site', () => run(process.execPath, [VITEPRESS, 'build', SITE, '--base', base]))
  await step('Checking its links', async () =>
    assertNone(findDeadLinks(BUILT, base), 'Links that lead nowhere')
  )
}

/** @param {string} base */
async function check(base) {
  await step('Looking at it in Chromium', async (say) =>
    assertNone(await lookAt({ folder: BUILT, base }, say), 'What a reader would find wrong')
  )
}

/** @param {string} base */
async function serve(base) {
  const port = await freePort()
  const args = [VITEPRESS, 'preview', SITE, '--base', base, '--port', String(port)]
  const server = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] })
  console.log(`The site is at http://127.0.0.1:${port}${base}, until Ctrl-C`)
  await new Promise((resolve) => server.once('close', resolve))
}

/** @param {string[]} args */
async function main(args) {
  const { base, check: isChecked, serve: isServed, help } = readOptions(args)
  if (help) return console.log(USAGE)
  await installPackages()
  await installSitePackages()
  await build(base)
  console.log(`Built: ${path.relative(ROOT, BUILT)}`)
  if (isChecked) await check(base)
  if (isServed) await serve(base)
}

main(process.argv.slice(2)).catch(reportFailure)
