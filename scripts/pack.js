// `npm run pack:local -- FOLDER`: what a release consists of, for this platform, as tarballs that can be installed by themselves.
// `npm run pack:release -- FOLDER`: the same to be published.
'use strict'

const fs = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { localManifest, publicManifest } = require('./manifests.js')
const { ROOT, StepError, npm, reportFailure, setUp, step } = require('./setup.js')

/** @typedef {import('./manifests.js').Manifest} Manifest */

const USAGE = `Usage: npm run pack:local -- FOLDER
       npm run pack:release -- FOLDER

Builds what is missing and packs three tarballs into FOLDER: the package, its native binding for this platform, and its
WebAssembly. In an app's folder, npm install FOLDER/*.tgz installs them. The command line is a fourth, in FOLDER/cli: npm install
--save-dev FOLDER/cli/*.tgz. npm refuses to publish what pack:local makes; pack:release
makes what can be published, once scripts/manifests.js says where the project lives.`

/** What npm takes along whatever "files" says. */
const ALWAYS = ['README.md', 'LICENSE']

/** @param {string} folder @returns {Manifest} */
function manifestIn(folder) {
  return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))
}

/**
 * Packs some files with a manifest of their own.
 *
 * @param {string} from
 * @param {string[]} files
 * @param {Manifest} manifest
 * @param {string} destination
 */
async function pack(from, files, manifest, destination) {
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-pack-'))
  try {
    for (const file of files) {
      fs.cpSync(path.join(from, file), path.join(folder, file), { recursive: true })
    }
    fs.writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    // A folder that is no workspace to npm is packed as it is.
    await npm(['pack', folder, '--ignore-scripts', '--workspaces=false', '--pack-destination', destination])
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** @returns {string} the platform that there is a native binding for */
function platform() {
  const { bindingTarget, noNative } = require('../lib/rust.js')
  if (noNative) throw new StepError(`There is no native binding to pack: ${noNative}`)
  return bindingTarget
}

/** @typedef {(manifest: Manifest) => Manifest} ManifestMaker */

/** @param {string} target @param {string} destination @param {ManifestMaker} make */
async function packNative(target, destination, make) {
  const folder = path.join(ROOT, 'npm', target)
  const file = `connect-mongo-native.${target}.node`
  fs.copyFileSync(path.join(ROOT, 'native', file), path.join(folder, file))
  fs.copyFileSync(path.join(ROOT, 'LICENSE'), path.join(folder, 'LICENSE'))
  await pack(folder, [file, 'LICENSE'], make(manifestIn(folder)), destination)
}

/** @param {string} destination @param {ManifestMaker} make */
async function packWasm(destination, make) {
  const folder = path.join(ROOT, 'npm', 'wasm32-wasip1')
  const manifest = manifestIn(folder)
  await pack(folder, manifest.files, make(manifest), destination)
}

/** @param {string} destination @param {ManifestMaker} make */
async function packCli(destination, make) {
  const folder = path.join(ROOT, 'cli')
  const manifest = manifestIn(folder)
  fs.copyFileSync(path.join(ROOT, 'LICENSE'), path.join(folder, 'LICENSE'))
  await pack(folder, [...manifest.files, ...ALWAYS], make(manifest), destination)
}

/**
 * The package itself, which names as optional dependencies what is packed beside it: npm asks the registry for any other.
 *
 * @param {string} target
 * @param {string} destination
 * @param {ManifestMaker} make
 */
async function packMain(target, destination, make) {
  const manifest = manifestIn(ROOT)
  const optionalDependencies = { [`${manifest.name}-${target}`]: manifest.version }
  const files = [...manifest.files, ...ALWAYS]
  await pack(ROOT, files, make({ ...manifest, optionalDependencies }), destination)
}

/** @param {boolean} isRelease @returns {ManifestMaker} */
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

/** @param {string[]} args */
async function main(args) {
  const [given, ...others] = args.filter((arg) => arg !== '--release')
  if (args.includes('--help')) return console.log(USAGE)
  if (given === undefined || others.length > 0) throw new StepError(USAGE)
  const make = manifestMaker(args.includes('--release'))
  const destination = path.resolve(process.env.INIT_CWD ?? process.cwd(), given)
  fs.mkdirSync(path.join(destination, 'cli'), { recursive: true })

  await setUp({ wasm: true })
  const target = platform()
  await step('Packing the native binding', () => packNative(target, destination, make))
  await step('Packing the WebAssembly', () => packWasm(destination, make))
  await step('Packing the command line', () => packCli(path.join(destination, 'cli'), make))
  await step('Packing the package', () => packMain(target, destination, make))
  const packed = fs.readdirSync(destination, { recursive: true }).map(String)
  for (const name of packed.filter((file) => file.endsWith('.tgz'))) {
    const { size } = fs.statSync(path.join(destination, name))
    console.log(`${(size / 1000).toFixed(0).padStart(6)} kB  ${path.join(destination, name)}`)
  }
}

main(process.argv.slice(2)).catch(reportFailure)
