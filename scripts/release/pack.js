// `npm run pack:local -- FOLDER`: what a release consists of, for this platform, as tarballs that can be installed by themselves.
// `npm run pack:release -- FOLDER`: the same for all platforms, to be published.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { version } = require('../../package.json')
const { localManifest, publicManifest } = require('./manifests.js')
const { packCli, packMain, packNative, packWasm } = require('./packing.js')
const { WASM, binaryOf, faultsOf } = require('./release-binaries.js')
const { ROOT, StepError, reportFailure, setUp, step } = require('../setup.js')
const { TARGETS } = require('../targets.js')
const { disagreements } = require('./versions.js')

const USAGE = `Usage: npm run pack:local -- FOLDER
       npm run pack:release -- FOLDER

pack:local builds what is missing and packs four tarballs: the package, its native binding for this platform and its WebAssembly
into FOLDER, and the command line into FOLDER/cli. npm refuses to publish them.

pack:release packs what can be published, once scripts/release/manifests.js says where the project lives: the package with the native
bindings of all platforms. It builds nothing: they have to be in native/ or npm/PLATFORM/, of this version.`

/** @param {boolean} isRelease @returns {import('./packing.js').ManifestMaker} */
function manifestMaker(isRelease) {
  if (!isRelease) return localManifest
  try {
    // Before anything slow starts.
    publicManifest({})
  } catch (error) {
    throw new StepError(/** @type {Error} */ (error).message)
  }
  return (manifest) => publicManifest(manifest)
}

/** @returns {string} the platform of this machine */
function localTarget() {
  const { bindingTarget, noNative } = require('../../lib/rust.js')
  if (noNative) throw new StepError(`There is no native binding to pack: ${noNative}`)
  return bindingTarget
}

/** @param {string[]} targets @throws {StepError} when what would be packed is not whole, or not of one version */
function checkWhole(targets) {
  const faults = [
    ...disagreements(ROOT),
    ...[...targets, WASM].flatMap((target) => faultsOf(target, version)),
  ]
  if (faults.length > 0) throw new StepError(`This cannot be packed:\n  ${faults.join('\n  ')}`)
}

/** @param {string} destination @returns {string[]} */
function tarballsIn(destination) {
  const files = fs.readdirSync(destination, { recursive: true }).map(String)
  return files.filter((file) => file.endsWith('.tgz')).map((file) => path.join(destination, file))
}

/** @param {string} destination @param {boolean} isRelease @returns {string} what is to be typed in next */
function nextCommand(destination, isRelease) {
  const folder = destination.includes(' ') ? `"${destination}"` : destination
  if (isRelease) return `To publish them:\n\n  npm run publish:release -- ${folder}`
  const command = `npm install --save-dev ${folder}/cli/*.tgz`
  return `In an app's folder:\n\n  npm install ${folder}/*.tgz\n\nand for the command line:\n\n  ${command}`
}

/** @param {string[]} args */
async function main(args) {
  const [given, ...others] = args.filter((arg) => arg !== '--release')
  if (args.includes('--help')) return console.log(USAGE)
  if (given === undefined || others.length > 0) throw new StepError(USAGE)
  const isRelease = args.includes('--release')
  const make = manifestMaker(isRelease)
  const destination = path.resolve(process.env.INIT_CWD ?? process.cwd(), given)
  if (!isRelease) await setUp({ wasm: true })
  const targets = isRelease ? Object.keys(TARGETS) : [localTarget()]
  checkWhole(targets)
  fs.mkdirSync(path.join(destination, 'cli'), { recursive: true })

  for (const target of targets) {
    const file = /** @type {string} */ (binaryOf(target))
    await step(`Packing the native binding for ${target}`, () => packNative(target, file, destination, make))
  }
  await step('Packing the WebAssembly', () => packWasm(destination, make))
  await step('Packing the command line', () => packCli(path.join(destination, 'cli'), make))
  await step('Packing the package', () => packMain(targets, destination, make))
  for (const file of tarballsIn(destination)) {
    console.log(`${(fs.statSync(file).size / 1000).toFixed(0).padStart(6)} kB  ${file}`)
  }
  console.log(`\n${nextCommand(destination, isRelease)}`)
}

main(process.argv.slice(2)).catch(reportFailure)
