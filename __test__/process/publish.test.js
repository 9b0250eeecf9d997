// What `npm run publish:release` takes for a release.
'use strict'

const assert = require('node:assert/strict')
const { execFileSync, spawnSync } = require('node:child_process')
const { randomBytes } = require('node:crypto')
const fs = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { after, describe, test } = require('node:test')
const { publicManifest } = require('../../scripts/release/manifests.js')

const ROOT = path.join(__dirname, '..', '..')
const PUBLISH = path.join(ROOT, 'scripts', 'release', 'publish.js')
const PROJECT = { repository: 'https://git.example/ada/connect-mongo-native', author: 'Ada Lovelace' }
const MUSL = 'connect-mongo-native-linux-x64-musl'

const folder = fs.mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-publish-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/** @param {string[]} args @param {NodeJS.ProcessEnv} [env] */
function publish(args, env = {}) {
  const { INIT_CWD: _, ...others } = process.env
  return spawnSync(process.execPath, [PUBLISH, ...args], { env: { ...others, ...env }, encoding: 'utf8' })
}

const NAMES = publish(['--names']).stdout.trim().split('\n')
const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'))

/** @param {string} name of a package */
function sourceOf(name) {
  const target = name.replace(/^connect-mongo-native-?/, '')
  if (target === '' || target === 'cli') return path.join(ROOT, target)
  return path.join(ROOT, 'npm', target)
}

/**
 * @typedef {object} Packed
 * @property {Record<string, any>} manifest
 * @property {Record<string, Buffer>} files
 */

/** @param {string} name @returns {Packed} what is in its tarball, as far as publishing is concerned */
function contentsOf(name) {
  const manifest = JSON.parse(fs.readFileSync(path.join(sourceOf(name), 'package.json'), 'utf8'))
  const binaries = manifest.files.filter((/** @type {string} */ file) => /\.(node|wasm)$/.test(file))
  const files = binaries.map((/** @type {string} */ file) => [file, randomBytes(150_000)])
  return { manifest: publicManifest(manifest, PROJECT), files: Object.fromEntries(files) }
}

/** @param {string} tarball @param {Packed} packed */
function pack(tarball, { manifest, files }) {
  const content = fs.mkdtempSync(path.join(folder, 'content-'))
  fs.mkdirSync(path.join(content, 'package'))
  const all = { 'package.json': JSON.stringify(manifest), ...files }
  for (const [file, bytes] of Object.entries(all))
    fs.writeFileSync(path.join(content, 'package', file), bytes)
  fs.mkdirSync(path.dirname(tarball), { recursive: true })
  execFileSync('tar', ['-czf', tarball, '-C', content, 'package'])
}

/** @param {Record<string, (packed: Packed) => Packed | void>} [changes] by name; a package for which there is nothing is left out */
function makeRelease(changes = {}) {
  const release = fs.mkdtempSync(path.join(folder, 'release-'))
  for (const name of NAMES) {
    const packed = changes[name] ? changes[name](contentsOf(name)) : contentsOf(name)
    const place = name.endsWith('-cli') ? ['cli'] : []
    if (packed) pack(path.join(release, ...place, `${name}-${version}.tgz`), packed)
  }
  return release
}

/** @param {string} release @param {string[]} faults @param {NodeJS.ProcessEnv} [env] */
function assertRefused(release, faults, env) {
  const { status, stdout, stderr } = publish([release], env)
  assert.equal(status, 1)
  assert.equal(stdout, '')
  assert.equal(stderr, `${release} cannot be published:\n${faults.map((fault) => `  ${fault}\n`).join('')}`)
}

describe('npm run publish:release', () => {
  test('knows all packages, and publishes the package itself after what it asks for', () => {
    const targets = fs.readdirSync(path.join(ROOT, 'npm')).map((target) => `connect-mongo-native-${target}`)
    assert.deepEqual(
      [...NAMES].sort(),
      [...targets, 'connect-mongo-native-cli', 'connect-mongo-native'].sort()
    )
    assert.equal(NAMES.at(-1), 'connect-mongo-native')
  })

  test('refuses a folder in which packages are missing', () => {
    const release = makeRelease({ [MUSL]: () => {}, 'connect-mongo-native-cli': () => {} })
    assertRefused(release, [`${MUSL} is missing`, 'connect-mongo-native-cli is missing'])
  })

  test('refuses a platform whose binary is missing, or a place-holder', () => {
    const binary = 'connect-mongo-native.linux-x64-musl.node'
    const without = makeRelease({ [MUSL]: ({ manifest }) => ({ manifest, files: {} }) })
    assertRefused(without, [`${MUSL} has 0 bytes of ${binary}`])
    const small = makeRelease({
      [MUSL]: ({ manifest }) => ({ manifest, files: { [binary]: Buffer.alloc(5) } }),
    })
    assertRefused(small, [`${MUSL} has 5 bytes of ${binary}`])
  })

  test('refuses a WebAssembly that is missing', () => {
    const wasm = 'connect-mongo-native-wasm32-wasip1'
    const release = makeRelease({ [wasm]: ({ manifest }) => ({ manifest, files: {} }) })
    assertRefused(release, [`${wasm} has 0 bytes of connect-mongo-native.wasm32-wasip1.wasm`])
  })

  test('refuses packages of another version, of another project, and what is there twice', () => {
    const release = makeRelease({
      [MUSL]: ({ manifest, files }) => ({ manifest: { ...manifest, version: '0.0.9' }, files }),
    })
    pack(path.join(release, 'other.tgz'), { manifest: { name: 'other', version, files: [] }, files: {} })
    const again = contentsOf('connect-mongo-native')
    pack(path.join(release, 'again.tgz'), again)
    assertRefused(release, [
      'connect-mongo-native is there 2 times',
      'other is no package of this project',
      `${MUSL} is 0.0.9, and not ${version}`,
    ])
  })

  test('refuses what is made to be installed here alone', () => {
    const release = makeRelease({
      [MUSL]: ({ manifest, files }) => ({ manifest: { ...manifest, private: true }, files }),
    })
    assertRefused(release, [`${MUSL} is private: npm run pack:release makes what can be published`])
  })

  test('refuses packages of another repository than that of the workflow, which the registry would not believe', () => {
    const url = `git+${PROJECT.repository}.git`
    const release = makeRelease({
      [MUSL]: ({ manifest, files }) => ({
        manifest: { ...manifest, repository: { type: 'git', url: 'git+https://git.example/eve/other.git' } },
        files,
      }),
    })
    const env = { GITHUB_SERVER_URL: 'https://git.example', GITHUB_REPOSITORY: 'ada/connect-mongo-native' }
    assertRefused(release, [`${MUSL} is of git+https://git.example/eve/other.git, and not of ${url}`], env)
  })

  test('asks for one folder that is there', () => {
    assert.match(publish([]).stderr, /^Usage: /)
    assert.match(publish([folder, folder]).stderr, /^Unexpected argument /)
    assert.match(publish([path.join(folder, 'none')]).stderr, /^There is no folder .*none\n$/)
  })
})
