// `npm run release`, in a repository of its own with this project's manifests, whose checks pass or fail as a test wants. And the
// versions and the changelog that it changes.
'use strict'

const assert = require('node:assert/strict')
const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { after, describe, test } = require('node:test')
const { unwrapped } = require('../../scripts/release/changelog.js')
const {
  askedVersion,
  compareVersions,
  disagreements,
  filesWith,
  placesOf,
  versionOf,
} = require('../../scripts/release/versions.js')
const { until } = require('../support/wait.js')

const ROOT = path.join(__dirname, '..', '..')
const COPIED = [
  'package.json',
  'package-lock.json',
  'Cargo.toml',
  'Cargo.lock',
  'cli',
  'npm',
  'scripts',
  'lib',
  'example',
  '__test__/runners',
  '.gitignore',
]
const CHANGELOG = `# Changelog

## [Unreleased]

### Added

- What is new, in words that
  go over two lines.

## [1.2.3] - 2026-01-02

### Fixed

- What was wrong.
`
const TODAY = new Date().toISOString().slice(0, 10)
const PASSES = '// Finds nothing.\n'
const FAILS = "throw new Error('a check fails')\n"
const HANGS = "require('node:fs').writeFileSync('.git/checking', '')\nsetTimeout(() => {}, 20_000)\n"

const folder = fs.mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-release-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/** Git as nobody has configured it. */
const ENV = {
  ...process.env,
  GIT_CONFIG_GLOBAL: path.join(folder, 'gitconfig'),
  GIT_CONFIG_NOSYSTEM: '1',
  CI: '',
}
fs.writeFileSync(
  ENV.GIT_CONFIG_GLOBAL,
  '[user]\n  name = Ada Lovelace\n  email = ada@example.com\n[init]\n  defaultBranch = main\n'
)

/** @param {string} cwd @param {string[]} args */
function git(cwd, ...args) {
  return execFileSync('git', args, { cwd, env: ENV, encoding: 'utf8', stdio: 'pipe' }).trim()
}

/** @param {string} clone @param {string} file @param {string} text */
function write(clone, file, text) {
  fs.writeFileSync(path.join(clone, file), text)
}

/** @param {string} clone @param {string} file */
function read(clone, file) {
  return fs.readFileSync(path.join(clone, file), 'utf8')
}

/**
 * A clone with nothing to commit.
 *
 * @param {{ version?: string, changelog?: string, checks?: string, project?: string }} [options] `project` is the page of it
 */
function makeClone({
  version = '1.2.3',
  changelog = CHANGELOG,
  checks = PASSES,
  project = 'https://git.example/ada/connect-mongo-native',
} = {}) {
  const clone = fs.mkdtempSync(path.join(folder, 'clone-'))
  const wanted = (/** @type {string} */ file) => !/\.(node|wasm)$/.test(file)
  for (const name of COPIED) {
    fs.cpSync(path.join(ROOT, name), path.join(clone, name), { recursive: true, filter: wanted })
  }
  for (const [file, text] of filesWith(clone, version)) write(clone, file, text)
  write(clone, 'CHANGELOG.md', changelog)
  write(clone, 'scripts/check.js', checks)
  const filled = `\nObject.assign(PROJECT, { repository: '${project}', author: 'Ada Lovelace' })\n`
  fs.appendFileSync(path.join(clone, 'scripts', 'release', 'manifests.js'), filled)
  git(clone, 'init', '--quiet')
  commit(clone, 'Begin')
  return clone
}

/** @param {string} clone @param {string} message */
function commit(clone, message) {
  git(clone, 'add', '--all')
  git(clone, 'commit', '--quiet', '--message', message)
}

/** @param {string} clone @param {string[]} args */
function start(clone, ...args) {
  return spawn(process.execPath, ['scripts/release/release.js', ...args], { cwd: clone, env: ENV })
}

/** @param {string} clone @param {string[]} args */
async function release(clone, ...args) {
  const child = start(clone, ...args)
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

/** What a failure must not change. @param {string} clone */
function stateOf(clone) {
  return [git(clone, 'rev-parse', 'HEAD'), git(clone, 'status', '--porcelain'), git(clone, 'tag', '--list')]
}

/** @param {string} clone @param {string[]} args @param {RegExp} reason */
async function assertRefused(clone, args, reason) {
  const before = stateOf(clone)
  const { code, stdout, stderr } = await release(clone, ...args)
  assert.equal(code, 1, stdout)
  assert.match(stderr, reason)
  assert.deepEqual(stateOf(clone), before)
}

describe('npm run release', () => {
  test('sets the version everywhere, moves the changelog, commits and tags', async () => {
    const clone = makeClone()
    const { code, stdout, stderr } = await release(clone, 'minor')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /git push --atomic origin main v1\.3\.0\n/)
    assert.equal(git(clone, 'status', '--porcelain'), '')
    assert.equal(git(clone, 'show', '--no-patch', '--format=%s'), 'Release 1.3.0')
    assert.equal(git(clone, 'rev-parse', 'v1.3.0^{commit}'), git(clone, 'rev-parse', 'HEAD'))
    for (const { file, place, version } of placesOf(clone))
      assert.equal(version, '1.3.0', `${file}: ${place}`)
    const moved = CHANGELOG.replace('[Unreleased]', `[Unreleased]\n\n## [1.3.0] - ${TODAY}`)
    assert.equal(read(clone, 'CHANGELOG.md'), moved)
    assert.match(read(clone, 'Cargo.lock'), /^name = "connect-mongo-native"\nversion = "1\.3\.0"$/m)
    assert.match(read(clone, 'Cargo.lock'), /^name = "connect-mongo-native-core"\nversion = "0\.0\.0"$/m)
  })

  test('changes nothing but versions', async () => {
    const clone = makeClone()
    await release(clone, '1.2.4')
    const changed = git(clone, 'diff', '--unified=0', 'HEAD~1', '--', '.', ':!CHANGELOG.md').split('\n')
    const lines = changed.filter((line) => /^[-+][^-+]/.test(line))
    assert.equal(lines.length, 2 * placesOf(clone).length)
    for (const line of lines) assert.match(line, line.startsWith('-') ? /"\^?1\.2\.3"/ : /"\^?1\.2\.4"/)
  })

  test('leaves a lock as npm would have written it', async () => {
    const clone = makeClone()
    await release(clone, 'major')
    const script = process.env.npm_execpath
    const npm = script?.endsWith('npm-cli.js') ? [process.execPath, script] : ['npm']
    const [command, ...first] = /** @type {[string, ...string[]]} */ (npm)
    const args = ['install', '--package-lock-only', '--offline', '--ignore-scripts', '--no-audit']
    execFileSync(command, [...first, ...args], { cwd: clone, stdio: 'pipe' })
    assert.equal(git(clone, 'diff'), '')
  })

  test('can be taken back with the command that it prints', async () => {
    const clone = makeClone()
    const before = stateOf(clone)
    const { stdout } = await release(clone, '2.0.0')
    const [, command] = /** @type {RegExpExecArray} */ (/^ *(git tag --delete .*)$/m.exec(stdout))
    execFileSync(command, { cwd: clone, env: ENV, shell: true, stdio: 'pipe' })
    assert.deepEqual(stateOf(clone), before)
    assert.equal((await release(clone, '2.0.0')).code, 0)
  })

  test('is pushed with the command that it prints', async () => {
    const clone = makeClone()
    const bare = fs.mkdtempSync(path.join(folder, 'origin-'))
    git(bare, 'init', '--quiet', '--bare')
    git(clone, 'remote', 'add', 'origin', bare)
    git(clone, 'push', '--quiet', 'origin', 'main')
    const { stdout } = await release(clone, 'patch')
    assert.equal(git(bare, 'tag', '--list'), '')
    const [, command] = /** @type {RegExpExecArray} */ (/^ *(git push .*)$/m.exec(stdout))
    execFileSync(command, { cwd: clone, env: ENV, shell: true, stdio: 'pipe' })
    assert.equal(git(bare, 'rev-parse', 'v1.2.4^{commit}'), git(bare, 'rev-parse', 'main'))
    assert.equal(git(bare, 'rev-parse', 'main'), git(clone, 'rev-parse', 'HEAD'))
  })

  test('leaves what is unreleased for the release that a prerelease comes before', async () => {
    const clone = makeClone()
    assert.equal((await release(clone, '1.3.0-rc.1')).code, 0)
    assert.equal(read(clone, 'CHANGELOG.md'), CHANGELOG)
    assert.equal(
      (await release(clone, '--check', 'v1.3.0-rc.1')).stdout,
      `1.3.0-rc.1 in ${placesOf(clone).length} places\n`
    )
    assert.match((await release(clone, '--notes')).stdout, /^### Added\n\n- What is new/)
    assert.equal((await release(clone, 'minor')).code, 0)
    assert.equal(versionOf(clone), '1.3.0')
    assert.match(read(clone, 'CHANGELOG.md'), /^## \[1\.3\.0\] - /m)
  })

  test('releases a version that stands there already, which the first one does', async () => {
    const clone = makeClone({
      version: '0.1.0',
      changelog: '# Changelog\n\n## [Unreleased]\n\n- All of it.\n',
    })
    assert.equal((await release(clone, '0.1.0')).code, 0)
    assert.equal(git(clone, 'diff', '--name-only', 'HEAD~1'), 'CHANGELOG.md')
  })

  test('only says what it would do, when asked to', async () => {
    const clone = makeClone()
    const before = stateOf(clone)
    const { code, stdout } = await release(clone, 'patch', '--dry-run')
    assert.equal(code, 0)
    const files = [...new Set(placesOf(clone).map(({ file }) => file)), 'CHANGELOG.md']
    assert.equal(stdout, `1.2.4 would change:\n${files.map((file) => `  ${file}\n`).join('')}`)
    assert.deepEqual(stateOf(clone), before)
  })
})

describe('npm run release refuses', () => {
  test('what is no version, and what comes before today', async () => {
    const clone = makeClone()
    for (const asked of ['1.3', 'v1.3.0', '1.03.0', '1.3.0-', '1.3.0+build', 'latest']) {
      await assertRefused(clone, [asked], /is no version, nor patch, minor or major/)
    }
    for (const asked of ['1.2.2', '1.2.3-rc.1', '0.9.9']) {
      await assertRefused(clone, [asked], /comes before 1\.2\.3, which is today's/)
    }
  })

  test('changes that are not committed, of tracked files and of others', async () => {
    const clone = makeClone()
    write(clone, 'new.js', '')
    await assertRefused(clone, ['patch'], /There are changes that are not committed/)
    fs.rmSync(path.join(clone, 'new.js'))
    fs.appendFileSync(path.join(clone, 'CHANGELOG.md'), 'More.\n')
    await assertRefused(clone, ['patch'], /There are changes that are not committed/)
  })

  test('another branch, and a main that lacks what the remote one has', async () => {
    const clone = makeClone()
    git(clone, 'switch', '--quiet', '--create', 'next')
    await assertRefused(clone, ['patch'], /Releases are made on main, and this is next/)
    git(clone, 'switch', '--quiet', 'main')
    const ahead = path.join(folder, 'ahead')
    git(folder, 'clone', '--quiet', clone, ahead)
    git(clone, 'remote', 'add', 'origin', ahead)
    git(ahead, 'commit', '--quiet', '--allow-empty', '--message', 'More')
    await assertRefused(clone, ['patch'], /origin has 1 commits on main that are not here/)
  })

  test('a tag that is there, and tells how to push it', async () => {
    const clone = makeClone()
    await release(clone, '1.2.4')
    const reason =
      /The tag v1\.2\.4 is there already\. If it is not pushed: git push --atomic origin main v1\.2\.4/
    await assertRefused(clone, ['1.2.4'], reason)
  })

  test('a changelog without news, and one that has the version', async () => {
    const clone = makeClone({ changelog: CHANGELOG.replace(/### Added.*?(?=## \[1)/s, '') })
    await assertRefused(clone, ['patch'], /CHANGELOG\.md has nothing under \[Unreleased\]/)
    const second = makeClone({ changelog: CHANGELOG.replace('[1.2.3]', '[1.2.4]') })
    await assertRefused(second, ['patch'], /CHANGELOG\.md has 1\.2\.4 already/)
  })

  test('a project that has no page', async () => {
    await assertRefused(makeClone({ project: '' }), ['patch'], /fill in repository of PROJECT/)
  })

  test('files of different versions, and names them', async () => {
    const clone = makeClone()
    write(clone, 'Cargo.toml', read(clone, 'Cargo.toml').replace('version = "1.2.3"', 'version = "1.2.2"'))
    commit(clone, 'Differ')
    const reason = /^Cargo\.toml: version of connect-mongo-native is 1\.2\.2, and not 1\.2\.3$/m
    await assertRefused(clone, ['patch'], reason)
    await assertRefused(clone, ['--check'], reason)
  })

  test('what fails the checks, and leaves the files as they were', async () => {
    const clone = makeClone({ checks: FAILS })
    await assertRefused(clone, ['patch'], /a check fails/)
    assert.deepEqual(disagreements(clone), [])
    assert.equal(versionOf(clone), '1.2.3')
    assert.equal(read(clone, 'CHANGELOG.md'), CHANGELOG)
  })

  test('what git cannot tag, and leaves no commit', async () => {
    const clone = makeClone()
    // A tag of this name would have to be a folder.
    git(clone, 'tag', 'v1.2.4/other')
    await assertRefused(clone, ['patch'], /git tag --annotate v1\.2\.4 .*failed/)
    assert.equal(versionOf(clone), '1.2.3')
  })

  test('to be interrupted half-way', {
    skip: process.platform === 'win32' && 'signals end a process at once',
  }, async () => {
    const clone = makeClone({ checks: HANGS })
    const before = stateOf(clone)
    const child = start(clone, 'patch')
    await until(() => fs.existsSync(path.join(clone, '.git', 'checking')))
    assert.notEqual(git(clone, 'status', '--porcelain'), '')
    child.kill('SIGTERM')
    const [code] = await once(child, 'close')
    assert.equal(code, 130)
    assert.deepEqual(stateOf(clone), before)
  })
})

describe('npm run release -- --check', () => {
  test('takes the tag of the version alone', async () => {
    const clone = makeClone()
    assert.equal((await release(clone, '--check', 'v1.2.3')).code, 0)
    for (const tag of ['1.2.3', 'v1.2.4', 'v1.2.3-rc.1']) {
      await assertRefused(clone, ['--check', tag], /^The tag is .*, and the version 1\.2\.3$/m)
    }
  })

  test('takes no version that the changelog does not have', async () => {
    const clone = makeClone({ version: '1.2.4' })
    assert.equal((await release(clone, '--check')).code, 0)
    await assertRefused(clone, ['--check', 'v1.2.4'], /CHANGELOG\.md has nothing about 1\.2\.4/)
    await assertRefused(clone, ['--notes'], /CHANGELOG\.md has nothing about 1\.2\.4/)
  })
})

describe('versions', () => {
  test('of this project are written as they stand there', () => {
    assert.deepEqual(disagreements(ROOT), [])
    for (const [file, text] of filesWith(ROOT, versionOf(ROOT))) assert.equal(text, read(ROOT, file), file)
  })

  test('are known of every package of the project', () => {
    const known = new Set(placesOf(ROOT).map(({ file }) => file))
    const manifests = execFileSync('git', ['ls-files', '--', 'package.json', '*/package.json'], {
      cwd: ROOT,
      encoding: 'utf8',
    })
    const names = (/** @type {string} */ file) => /"(version|connect-mongo-native)"/.test(read(ROOT, file))
    // The site has none.
    for (const file of manifests.trim().split('\n').filter(names)) assert.ok(known.has(file), file)
  })

  test('have the order of Semantic Versioning', () => {
    const ordered = [
      ...[
        '0.9.10',
        '1.0.0-0',
        '1.0.0-alpha',
        '1.0.0-alpha.1',
        '1.0.0-alpha.beta',
        '1.0.0-beta',
        '1.0.0-beta.2',
      ],
      ...['1.0.0-beta.11', '1.0.0-rc.1', '1.0.0', '1.0.1', '1.2.0', '1.10.0', '2.0.0'],
    ]
    for (const [index, one] of ordered.entries()) {
      for (const [otherIndex, other] of ordered.entries()) {
        assert.equal(
          Math.sign(compareVersions(one, other)),
          Math.sign(index - otherIndex),
          `${one} and ${other}`
        )
      }
    }
  })

  test('that follow a version', () => {
    const next = (/** @type {string} */ from) =>
      ['patch', 'minor', 'major'].map((part) => askedVersion(from, part))
    assert.deepEqual(next('1.2.3'), ['1.2.4', '1.3.0', '2.0.0'])
    assert.deepEqual(next('1.2.3-rc.1'), ['1.2.3', '1.3.0', '2.0.0'])
    assert.deepEqual(next('1.3.0-rc.1'), ['1.3.0', '1.3.0', '2.0.0'])
    assert.deepEqual(next('2.0.0-rc.1'), ['2.0.0', '2.0.0', '2.0.0'])
  })
})

test('entries of the changelog become one line each, and their lists stay lists', () => {
  const text = '### Added\n\n- One that\n  goes on.\n  - Below it,\n    and on.\n- Two.'
  assert.equal(unwrapped(text), '### Added\n\n- One that goes on.\n  - Below it, and on.\n- Two.')
})
