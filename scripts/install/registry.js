// A registry of this machine's own (verdaccio), in which all packages are published as in a release. What they depend on comes from
// the registry that npm is set up for.
'use strict'

const { execFileSync, spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { freePort } = require('../free-port.js')
const { publicManifest } = require('../release/manifests.js')
const { packCli, packMain, packNative, packWasm } = require('../release/packing.js')
const { binaryOf } = require('../release/release-binaries.js')
const { ROOT, StepError, npm } = require('../setup.js')
const { TARGETS } = require('../targets.js')

/** Beside the project's, so that no app gets them, and fetched once. */
const TOOLS = path.join(ROOT, '.cache', 'install')

/** A project that can be published. */
const PROJECT = { repository: 'https://git.example/test/connect-mongo-native', author: 'A test' }

/** What the platforms that nothing was built for get here: no app of this machine ever loads it. */
const PLACE_HOLDER = 'A place-holder in a registry for tests: nothing was built for this platform.'

/**
 * @typedef {object} Tool
 * @property {string} name of its package
 * @property {string} version
 * @property {string} bin its program, below node_modules
 * @property {string} [setUp] what its install script would run, below node_modules
 * @property {Record<string, string>} [beside] what it is used with
 * @property {Record<string, string>} [overrides]
 */

/** The last that takes Node 20. @type {Tool} */
const VERDACCIO = {
  name: 'verdaccio',
  version: '6.8.0',
  bin: 'verdaccio/bin/verdaccio',
  // It asks for a tag, `cjs`, that mirrors of the registry do not have.
  overrides: { 'node-fetch': '2.7.0' },
}

/**
 * Fetches a program from npm, unless it is there.
 *
 * @param {Tool} tool
 * @returns {Promise<string>} its file
 */
async function fetchTool({ name, version, bin, setUp, beside, overrides }) {
  const folder = path.join(TOOLS, `${path.basename(name)}-${version}`)
  const modules = path.join(folder, 'node_modules')
  if (!fs.existsSync(path.join(folder, 'complete'))) {
    fs.rmSync(folder, { recursive: true, force: true })
    fs.mkdirSync(folder, { recursive: true })
    const manifest = { private: true, dependencies: { [name]: version, ...beside }, overrides }
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest))
    await npm(['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts'])
    if (setUp) execFileSync(process.execPath, [path.join(modules, setUp)], { stdio: 'pipe' })
    fs.writeFileSync(path.join(folder, 'complete'), '')
  }
  return path.join(modules, bin)
}

/** @returns {string} */
function uplink() {
  const args = ['config', 'get', 'registry']
  return execFileSync('npm', args, { encoding: 'utf8', shell: process.platform === 'win32' }).trim()
}

/** @param {string} folder @returns {string} the file */
function writeConfiguration(folder) {
  const file = path.join(folder, 'verdaccio.json')
  const access = '$all'
  const configuration = {
    storage: path.join(folder, 'storage'),
    uplinks: { upstream: { url: uplink(), timeout: '60s', max_fails: 100 } },
    packages: {
      'connect-mongo-native': { access, publish: access },
      'connect-mongo-native-*': { access, publish: access },
      '**': { access, proxy: 'upstream' },
    },
    max_body_size: '50mb',
    log: { type: 'stdout', format: 'pretty', level: 'error' },
  }
  fs.writeFileSync(file, JSON.stringify(configuration))
  return file
}

/** @param {string} url @param {import('node:child_process').ChildProcess} server */
async function answers(url, server) {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    if (server.exitCode !== null) break
    const { ok } = await fetch(`${url}-/ping`).catch(() => ({ ok: false }))
    if (ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  server.kill()
  throw new StepError('verdaccio does not start')
}

/** @param {string} folder for what it stores @returns {Promise<{ url: string, stop: () => void }>} */
async function startRegistry(folder) {
  const bin = await fetchTool(VERDACCIO)
  const url = `http://127.0.0.1:${await freePort()}/`
  const listen = new URL(url).host
  const args = [bin, '--config', writeConfiguration(folder), '--listen', listen]
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore'] })
  await answers(url, server)
  return { url, stop: () => server.kill() }
}

/** @param {string} folder @returns {string} a file for platforms without a binary */
function placeHolder(folder) {
  const file = path.join(folder, 'place-holder')
  fs.writeFileSync(file, PLACE_HOLDER)
  return file
}

/**
 * @param {string} folder
 * @returns {Promise<string[]>} the tarballs
 */
async function packAll(folder) {
  const destination = path.join(folder, 'packed')
  fs.mkdirSync(destination)
  const targets = Object.keys(TARGETS)
  const make = (/** @type {import('../release/manifests.js').Manifest} */ manifest) =>
    publicManifest(manifest, PROJECT)
  for (const target of targets) {
    await packNative(target, binaryOf(target) ?? placeHolder(folder), destination, make)
  }
  await packWasm(destination, make)
  await packCli(destination, make)
  await packMain(targets, destination, make)
  return fs.readdirSync(destination).map((file) => path.join(destination, file))
}

/** Publishes all packages as they would be released. @param {string} url of the registry @param {string} folder @param {(line: string) => void} say */
async function publishAll(url, folder, say) {
  const tarballs = await packAll(folder)
  // npm asks for a token, whichever.
  const token = `--${url.replace(/^http:/, '')}:_authToken=any`
  for (const tarball of tarballs) {
    say(path.basename(tarball))
    await npm(['publish', tarball, '--registry', url, token, '--ignore-scripts'])
  }
}

module.exports = { fetchTool, packAll, publishAll, startRegistry }
