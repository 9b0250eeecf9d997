// What a release consists of, as tarballs. scripts/release/pack.js packs it to be used, scripts/install/registry.js for a registry of its own.
'use strict'

const fs = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { WASM } = require('./release-binaries.js')
const { ROOT, npm } = require('../setup.js')
const { fileOf } = require('../targets.js')

/** @typedef {import('./manifests.js').Manifest} Manifest */

/** What npm takes along whatever "files" says. */
const ALWAYS = ['README.md', 'LICENSE']

/** @param {string} folder @returns {Manifest} */
function manifestIn(folder) {
  return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))
}

/**
 * Packs some files with a manifest of their own.
 *
 * @param {Record<string, string>} files where they are, by their names in the package
 * @param {Manifest} manifest
 * @param {string} destination
 */
async function pack(files, manifest, destination) {
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-pack-'))
  try {
    for (const [name, file] of Object.entries(files)) {
      fs.cpSync(file, path.join(folder, name), { recursive: true })
    }
    fs.writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    // A folder that is no workspace to npm is packed as it is.
    await npm(['pack', folder, '--ignore-scripts', '--workspaces=false', '--pack-destination', destination])
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {string} folder @param {string[]} names @returns {Record<string, string>} */
function filesIn(folder, names) {
  return Object.fromEntries(names.map((name) => [name, path.join(folder, name)]))
}

/** @typedef {(manifest: Manifest) => Manifest} ManifestMaker */

const LICENSE = path.join(ROOT, 'LICENSE')

/** What is to be told with a binary of whom it contains. @param {string} kind */
const thirdParty = (kind) => path.join(ROOT, 'licenses', `${kind}.md`)

/** @param {string} target @param {string} file @param {string} destination @param {ManifestMaker} make */
async function packNative(target, file, destination, make) {
  const files = { [fileOf(target)]: file, LICENSE, 'THIRD-PARTY.md': thirdParty('native') }
  await pack(files, make(manifestIn(path.join(ROOT, 'npm', target))), destination)
}

/** @param {string} destination @param {ManifestMaker} make */
async function packWasm(destination, make) {
  const folder = path.join(ROOT, 'npm', WASM)
  const manifest = manifestIn(folder)
  const files = { ...filesIn(folder, manifest.files), LICENSE, 'THIRD-PARTY.md': thirdParty('wasm') }
  await pack(files, make(manifest), destination)
}

/** @param {string} destination @param {ManifestMaker} make */
async function packCli(destination, make) {
  const folder = path.join(ROOT, 'cli')
  const manifest = manifestIn(folder)
  const files = filesIn(folder, [...manifest.files, 'README.md'])
  await pack({ ...files, LICENSE }, make(manifest), destination)
}

/**
 * The package itself, which names as optional dependencies what is packed beside it: npm asks the registry for any other.
 *
 * @param {string[]} targets
 * @param {string} destination
 * @param {ManifestMaker} make
 */
async function packMain(targets, destination, make) {
  const manifest = manifestIn(ROOT)
  const { name, version } = manifest
  const optionalDependencies = Object.fromEntries(targets.map((target) => [`${name}-${target}`, version]))
  const files = filesIn(ROOT, [...manifest.files, ...ALWAYS])
  await pack(files, make({ ...manifest, optionalDependencies }), destination)
}

module.exports = { packCli, packMain, packNative, packWasm }
