// `npm run pack:local -- FOLDER`: what a release consists of, for this platform, as tarballs that can be installed by themselves.
'use strict'

const fs = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { ROOT, StepError, npm, reportFailure, setUp, step } = require('./setup.js')

const USAGE = `Usage: npm run pack:local -- FOLDER

Builds what is missing and packs three tarballs into FOLDER: the package, its native binding for this platform, and its
WebAssembly. In an app's folder, npm install FOLDER/*.tgz installs them.`

/** What npm takes along whatever "files" says. */
const ALWAYS = ['README.md', 'LICENSE']
/** What only this repository has a use for. */
const OURS = ['devDependencies', 'napi', 'scripts', 'workspaces']

/** @param {string} folder @param {string} destination */
async function pack(folder, destination) {
  // A folder that is no workspace to npm is packed as it is.
  await npm(['pack', folder, '--ignore-scripts', '--workspaces=false', '--pack-destination', destination])
}

/** @returns {string} the platform that there is a native binding for */
function platform() {
  const { bindingTarget, noNative } = require('../lib/rust.js')
  if (noNative) throw new StepError(`There is no native binding to pack: ${noNative}`)
  return bindingTarget
}

/** @param {string} target @param {string} destination */
async function packNative(target, destination) {
  const folder = path.join(ROOT, 'npm', target)
  const file = `connect-mongo-native.${target}.node`
  fs.copyFileSync(path.join(ROOT, 'native', file), path.join(folder, file))
  fs.copyFileSync(path.join(ROOT, 'LICENSE'), path.join(folder, 'LICENSE'))
  await pack(folder, destination)
}

/**
 * The package itself, which names as optional dependencies what is packed beside it: npm asks the registry for any other.
 *
 * @param {string} target
 * @param {string} destination
 */
async function packMain(target, destination) {
  const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-pack-'))
  try {
    for (const file of [...manifest.files, ...ALWAYS]) {
      fs.cpSync(path.join(ROOT, file), path.join(folder, file), { recursive: true })
    }
    for (const name of OURS) delete manifest[name]
    manifest.optionalDependencies = { [`${manifest.name}-${target}`]: manifest.version }
    fs.writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    await pack(folder, destination)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {string[]} args */
async function main(args) {
  const [given] = args
  if (args.includes('--help')) return console.log(USAGE)
  if (args.length !== 1) throw new StepError(USAGE)
  const destination = path.resolve(process.env.INIT_CWD ?? process.cwd(), given)
  fs.mkdirSync(destination, { recursive: true })

  await setUp({ wasm: true })
  const target = platform()
  await step('Packing the native binding', () => packNative(target, destination))
  await step('Packing the WebAssembly', () => pack(path.join(ROOT, 'npm', 'wasm32-wasip1'), destination))
  await step('Packing the package', () => packMain(target, destination))
  for (const name of fs.readdirSync(destination).filter((file) => file.endsWith('.tgz'))) {
    const { size } = fs.statSync(path.join(destination, name))
    console.log(`${(size / 1000).toFixed(0).padStart(6)} kB  ${path.join(destination, name)}`)
  }
}

main(process.argv.slice(2)).catch(reportFailure)
