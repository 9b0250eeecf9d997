// `npm run publish:release -- FOLDER`: publishes what `npm run pack:release -- FOLDER` has made. The package itself comes last, so that
// whoever can install it can install what it asks for; what the registry has already is left alone, so that it can be run again.
'use strict'

const { spawnSync } = require('node:child_process')
const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { gunzipSync } = require('node:zlib')
const { parseCommandLine } = require('../command-line.js')
const { ROOT, StepError, reportFailure } = require('../setup.js')
const { LEAST_BYTES } = require('./release-binaries.js')
const { isPrerelease, versionOf } = require('./versions.js')

const USAGE = `Usage: npm run publish:release -- FOLDER [--dry-run]
       npm run publish:release --silent -- --names

Publishes the tarballs that npm run pack:release -- FOLDER has made: those of the platforms, the WebAssembly, the command line, and
last the package itself. Refuses a folder in which one is missing or not of this version. What the registry has is left alone.
Prereleases get the tag "next". npm asks who you are, unless the workflow on GitHub runs this.

  --dry-run  only say what would be published
  --names    print the names of all packages
  --help     show this text`

const NAME = 'connect-mongo-native'
const BINARY = /\.(node|wasm)$/
/** The first that can publish for a workflow that the registry trusts. */
const NPM = [11, 5, 1]

/**
 * @typedef {Record<string, any>} Manifest
 * @typedef {{ file: string, manifest: Manifest, sizes: Map<string, number>, integrity: string }} Tarball
 */

/** @returns {string[]} in the order in which they are published */
function packageNames() {
  const targets = fs.readdirSync(path.join(ROOT, 'npm')).map((target) => `${NAME}-${target}`)
  const [wasm, natives] = [true, false].map((isWasm) =>
    targets.filter((name) => name.includes('wasm') === isWasm)
  )
  return [...natives.sort(), ...wasm, `${NAME}-cli`, NAME]
}

/** @param {Buffer} block @param {number} start @param {number} end */
function fieldOf(block, start, end) {
  return block.toString('utf8', start, end).replace(/\0.*$/s, '').trim()
}

/** @param {Buffer} archive @returns {Map<string, Buffer>} the files in a tar archive */
function filesIn(archive) {
  const files = new Map()
  let offset = 0
  while (offset + 512 <= archive.length && archive[offset] !== 0) {
    const header = archive.subarray(offset, offset + 512)
    const size = Number.parseInt(fieldOf(header, 124, 136), 8)
    const name = [fieldOf(header, 345, 500), fieldOf(header, 0, 100)].filter(Boolean).join('/')
    files.set(name, archive.subarray(offset + 512, offset + 512 + size))
    offset += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

/** @param {string} file @returns {Tarball} */
function readTarball(file) {
  const bytes = fs.readFileSync(file)
  const files = filesIn(gunzipSync(bytes))
  const manifest = files.get('package/package.json')
  if (!manifest) throw new StepError(`${file} has no package.json`)
  return {
    file,
    manifest: JSON.parse(manifest.toString()),
    sizes: new Map([...files].map(([name, { length }]) => [name.replace(/^package\//, ''), length])),
    integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
  }
}

/** @param {string} folder */
function tarballsIn(folder) {
  const names = fs.readdirSync(folder, { recursive: true }).map(String)
  return names.filter((name) => name.endsWith('.tgz')).map((name) => readTarball(path.join(folder, name)))
}

/** @returns {string | undefined} where a package has to say it comes from, for the registry to believe the workflow */
function repositoryOfWorkflow() {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env
  return GITHUB_REPOSITORY && `git+${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}.git`
}

/** @param {Tarball} tarball @param {string} version @returns {string[]} */
function faultsOf({ manifest, sizes }, version) {
  const { name, private: isPrivate, repository } = manifest
  const faults = []
  if (isPrivate) faults.push(`${name} is private: npm run pack:release makes what can be published`)
  if (manifest.version !== version) faults.push(`${name} is ${manifest.version}, and not ${version}`)
  const expected = repositoryOfWorkflow()
  if (expected && repository?.url !== expected)
    faults.push(`${name} is of ${repository?.url}, and not of ${expected}`)
  const files = manifest.files ?? []
  for (const file of files.filter((/** @type {string} */ one) => BINARY.test(one))) {
    const size = sizes.get(file) ?? 0
    if (size < LEAST_BYTES) faults.push(`${name} has ${size} bytes of ${file}`)
  }
  return faults
}

/** @param {string} folder @param {string} version @returns {Tarball[]} in the order in which they are published */
function releaseIn(folder, version) {
  if (!fs.existsSync(folder)) throw new StepError(`There is no folder ${folder}`)
  const tarballs = tarballsIn(folder)
  const names = packageNames()
  const counts = new Map(names.map((name) => [name, 0]))
  for (const { manifest } of tarballs) counts.set(manifest.name, (counts.get(manifest.name) ?? 0) + 1)
  const faults = [...counts].flatMap(([name, count]) => {
    if (!names.includes(name)) return [`${name} is no package of this project`]
    return count === 1 ? [] : [count === 0 ? `${name} is missing` : `${name} is there ${count} times`]
  })
  faults.push(...tarballs.flatMap((tarball) => faultsOf(tarball, version)))
  if (faults.length > 0) throw new StepError(`${folder} cannot be published:\n  ${faults.join('\n  ')}`)
  return names.map((name) => /** @type {Tarball} */ (tarballs.find(({ manifest }) => manifest.name === name)))
}

/** @param {string[]} args @param {import('node:child_process').StdioOptions} stdio */
function npm(args, stdio) {
  // npm names its own script to what it runs; going through it needs no shell on any system.
  const script = process.env.npm_execpath
  const [command, first] = script?.endsWith('npm-cli.js') ? [process.execPath, [script]] : ['npm', []]
  const result = spawnSync(command, [...first, ...args], { cwd: ROOT, stdio, encoding: 'utf8' })
  if (result.error) throw new StepError(`Cannot run npm: ${result.error.message}`)
  return result
}

/** @param {string} name @param {string} version @returns {string | undefined} the hash of what the registry has as this */
function publishedIntegrity(name, version) {
  const args = ['view', `${name}@${version}`, 'dist.integrity', '--json', '--prefer-online']
  const { status, stdout } = npm(args, ['ignore', 'pipe', 'inherit'])
  // Nothing at all is printed about a version that is not there, of a package that is.
  const answer = JSON.parse(stdout.trim() || 'null')
  if (status === 0) return answer ?? undefined
  if (answer?.error?.code === 'E404') return undefined
  throw new StepError(`npm cannot tell whether ${name}@${version} is there: ${answer?.error?.summary}`)
}

/** @param {Tarball} tarball @param {boolean} isDryRun */
function publish({ file, manifest: { name, version }, integrity }, isDryRun) {
  const published = publishedIntegrity(name, version)
  if (published) {
    const which = published === integrity ? 'this one' : 'of another build'
    return console.log(`· ${name}@${version} is there already, ${which}`)
  }
  if (isDryRun) return console.log(`· ${name}@${version} would be published`)
  // Without a tag of its own npm takes "latest", and refuses that to what comes before the latest.
  const tag = isPrerelease(version) ? ['--tag', 'next'] : []
  const { status } = npm(['publish', file, '--access', 'public', '--ignore-scripts', ...tag], 'inherit')
  if (status !== 0)
    throw new StepError(`${name}@${version} is not published. What came before it is: run this again`)
  console.log(`✓ ${name}@${version}`)
}

function checkNpm() {
  // What GitHub gives to a job that may ask for tokens of its identity.
  if (!process.env.ACTIONS_ID_TOKEN_REQUEST_URL) return
  const version = npm(['--version'], ['ignore', 'pipe', 'inherit']).stdout.trim()
  const parts = version.split('.').map(Number)
  const differing = NPM.findIndex((part, index) => part !== parts[index])
  if (differing >= 0 && parts[differing] < NPM[differing]) {
    throw new StepError(`npm ${NPM.join('.')} or later is needed to be trusted, and this is ${version}`)
  }
}

/** @param {string[]} args */
function readOptions(args) {
  const options = /** @type {const} */ ({
    'dry-run': { type: 'boolean', default: false },
    names: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  const { values, positionals } = parseCommandLine(args, options, USAGE, { most: 1 })
  return { ...values, folder: positionals[0] }
}

/** @param {string[]} args */
async function main(args) {
  const { 'dry-run': isDryRun, names, help, folder } = readOptions(args)
  if (help) return console.log(USAGE)
  if (names) return console.log(packageNames().join('\n'))
  if (folder === undefined) throw new StepError(USAGE)
  checkNpm()
  const release = releaseIn(path.resolve(process.env.INIT_CWD ?? process.cwd(), folder), versionOf(ROOT))
  for (const tarball of release) publish(tarball, isDryRun)
}

main(process.argv.slice(2)).catch(reportFailure)
