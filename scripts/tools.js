// Programs that the builds and tests of other platforms need: pinned packages of npm and PyPI, kept in .cache/tools, and Debian's.
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { ROOT, StepError, run } = require('./setup.js')

const FOLDER = path.join(ROOT, '.cache', 'tools')

/** @typedef {(line: string) => void} Say */

/**
 * @typedef {object} Wheel
 * @property {string} version
 * @property {string[]} hashes SHA-256, as pip has them, of the files that may be taken
 * @property {string} [platform] as pip has it, where it is for another system than this
 */

/** Fills a folder whole or not at all: what was broken off is no tool. @param {string} folder @param {(partial: string) => Promise<void>} fill */
async function fillOnce(folder, fill) {
  if (fs.existsSync(folder)) return folder
  const partial = `${folder}.${process.pid}`
  fs.mkdirSync(partial, { recursive: true })
  try {
    await fill(partial)
    fs.renameSync(partial, folder)
  } finally {
    fs.rmSync(partial, { recursive: true, force: true })
  }
  return folder
}

/**
 * A package of PyPI.
 *
 * @param {string} name
 * @param {Wheel} wheel
 * @param {Say} say
 * @returns {Promise<string>} the folder that it is in
 */
function pythonPackage(name, { version, hashes, platform }, say) {
  const folder = path.join(FOLDER, [name, version, platform].filter(Boolean).join('-'))
  return fillOnce(folder, async (partial) => {
    say(`pip install ${name}==${version}${platform ? ` for ${platform}` : ''}`)
    const list = `${partial}.txt`
    const pinned = [`${name}==${version}`, ...hashes.map((hash) => `--hash=sha256:${hash}`)].join(' ')
    fs.writeFileSync(list, pinned)
    const options = ['--quiet', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check']
    const system = platform ? ['--platform', platform, '--python-version', '3.12'] : []
    try {
      await run('python3', [
        ...['-m', 'pip', 'install', ...options, ...system],
        ...['--target', partial, '--requirement', list],
      ])
    } catch (error) {
      const { message } = /** @type {Error} */ (error)
      throw new StepError(`${message}\n\nPython 3 with pip is needed for ${name}, and a way to PyPI.`)
    } finally {
      fs.rmSync(list, { force: true })
    }
  })
}

/**
 * A package of npm that is a program for this machine alone, so that no lockfile has it.
 *
 * @param {string} name
 * @param {{ version: string, integrity: string }} pinned
 * @param {Say} say
 * @param {(tarball: string, partial: string) => Promise<void>} unpack
 */
function npmTarball(name, { version, integrity }, say, unpack) {
  const folder = path.join(FOLDER, `${name.replace(/^@/, '').replace('/', '-')}-${version}`)
  return fillOnce(folder, async (partial) => {
    say(`npm pack ${name}@${version}`)
    const scratch = fs.mkdtempSync(`${partial}-`)
    try {
      const report = npmOutput(['pack', '--json', '--pack-destination', scratch, `${name}@${version}`])
      const [packed] = JSON.parse(report)
      if (packed.integrity !== integrity) {
        throw new StepError(`${name}@${version} is not what it was: ${packed.integrity}, not ${integrity}`)
      }
      await unpack(path.join(scratch, packed.filename), partial)
    } finally {
      fs.rmSync(scratch, { recursive: true, force: true })
    }
  })
}

/** @param {string[]} args */
function npmOutput(args) {
  const script = process.env.npm_execpath
  const [command, ...before] = script?.endsWith('npm-cli.js') ? [process.execPath, script] : ['npm']
  return output(command, [...before, ...args])
}

/** @param {string} command @param {string[]} args @returns {string} */
function output(command, args) {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 2 ** 28,
    }).trim()
  } catch (error) {
    const { stderr, message } = /** @type {Error & { stderr?: string }} */ (error)
    throw new StepError(`${[path.basename(command), ...args].join(' ')} failed\n${stderr || message}`)
  }
}

/**
 * Packages of Debian or of what comes from it.
 *
 * @param {Record<string, string>} packages each with a file that it brings
 * @param {Say} say
 */
async function installDebianPackages(packages, say) {
  const missing = Object.entries(packages).flatMap(([name, file]) => (fs.existsSync(file) ? [] : [name]))
  if (missing.length === 0) return
  const [command, ...asRoot] =
    process.getuid?.() === 0 ? ['apt-get'] : ['sudo', '--non-interactive', 'apt-get']
  say(`apt-get install ${missing.join(' ')}`)
  await run(command, [...asRoot, 'update', '--quiet=2'])
  await run(command, [...asRoot, 'install', '--yes', '--quiet=2', '--no-install-recommends', ...missing])
}

module.exports = { FOLDER, fillOnce, installDebianPackages, npmTarball, output, pythonPackage }
