// What is in the packages as they would be published, and what keeps a release from being packed. Part of `npm run test:wasm`, which has
// both binaries.
'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const fs = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { after, before, describe, test } = require('node:test')
const { promisify } = require('node:util')
const { hostTarget } = require('../../lib/native-binding.js')
const { version } = require('../../package.json')
const { fetchTool, packAll } = require('../../scripts/install/registry.js')
const { binaryOf, faultsIn, faultsOf } = require('../../scripts/release/release-binaries.js')
const { disagreements } = require('../../scripts/release/versions.js')
const { TARGETS, fileOf } = require('../../scripts/targets.js')

const run = promisify(execFile)

const ROOT = path.join(__dirname, '..', '..')
const LIST = path.join(__dirname, '..', 'support', 'packed-files.json')
const MAIN = 'connect-mongo-native'
const WASM = `${MAIN}-wasm32-wasip1`
const CLI = `${MAIN}-cli`
const NATIVE = Object.keys(TARGETS).map((target) => `${MAIN}-${target}`)
const NAMES = [MAIN, CLI, WASM, ...NATIVE].sort()
/** The platform of this machine, whatever this run is on. */
const HOST = hostTarget()

/** @type {string} */
let folder
/** By the name of the package. @type {Record<string, { tarball: string, content: string, manifest: any }>} */
const packages = {}

/** @param {string} tarball */
async function unpack(tarball) {
  const content = fs.mkdtempSync(path.join(folder, 'content-'))
  await run('tar', ['-xzf', tarball, '-C', content])
  const root = path.join(content, 'package')
  const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
  packages[manifest.name] = { tarball, content: root, manifest }
}

before(async () => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-contents-'))
  for (const tarball of await packAll(folder)) await unpack(tarball)
})
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/** @param {string} name @returns {string[]} the files of a package */
function filesOf(name) {
  const { content } = packages[name]
  return fs
    .readdirSync(content, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(content, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'))
    .sort()
}

/** @param {string} name @returns {number} */
function bytesOf(name) {
  const sizes = filesOf(name).map((file) => fs.statSync(path.join(packages[name].content, file)).size)
  return sizes.reduce((sum, size) => sum + size, 0)
}

describe('the packages', () => {
  test('are all that there is a platform for, and the command line', () => {
    assert.deepEqual(Object.keys(packages).sort(), NAMES)
  })

  test('have the files that are listed, and no others (UPDATE_CONTENTS=1 lists anew)', () => {
    const files = Object.fromEntries(NAMES.map((name) => [name, filesOf(name)]))
    if (process.env.UPDATE_CONTENTS) fs.writeFileSync(LIST, `${JSON.stringify(files, null, 2)}\n`)
    assert.deepEqual(files, JSON.parse(fs.readFileSync(LIST, 'utf8')))
  })

  for (const [name, most] of /** @type {const} */ ([
    [MAIN, 1_000_000],
    [CLI, 250_000],
    [WASM, 850_000],
    [`${MAIN}-${HOST}`, 6_700_000],
  ])) {
    test(`take up no more than ${most / 1000} kB: ${name}`, (t) => {
      const bytes = bytesOf(name)
      t.diagnostic(`${(bytes / 1000).toFixed(0)} kB`)
      assert.ok(bytes <= most, `${bytes}`)
    })
  }

  test('run no script when they are installed', () => {
    for (const name of NAMES) {
      assert.equal(packages[name].manifest.scripts, undefined, name)
      assert.ok(!filesOf(name).includes('binding.gyp'), name)
    }
  })

  test('have nothing that only this repository has a use for', () => {
    for (const name of NAMES)
      for (const field of ['devDependencies', 'overrides', 'workspaces', 'napi', 'private'])
        assert.equal(packages[name].manifest[field], undefined, `${field} of ${name}`)
  })

  test('say what they are and what they run on', () => {
    for (const name of NAMES) {
      const { license, type, sideEffects, engines, description } = packages[name].manifest
      assert.deepEqual(
        { license, type, sideEffects, engines },
        { license: 'MIT', type: 'commonjs', sideEffects: false, engines: { node: '>=20' } },
        name
      )
      assert.ok(description.length > 40, name)
      assert.ok(filesOf(name).includes('LICENSE'), name)
    }
  })

  test('for one platform each are for that one alone', () => {
    for (const target of Object.keys(TARGETS)) {
      const { os, cpu, libc, main } = packages[`${MAIN}-${target}`].manifest
      const [system, processor, environment] = target.split('-')
      const itsLibc = { gnu: ['glibc'], musl: ['musl'] }[environment]
      assert.deepEqual(
        { os, cpu, libc, main },
        { os: [system], cpu: [processor], libc: itsLibc, main: `./${fileOf(target)}` }
      )
    }
  })

  test('with a binary say whose work it contains', () => {
    for (const name of [WASM, ...NATIVE]) assert.ok(filesOf(name).includes('THIRD-PARTY.md'), name)
  })

  test('are asked for in the version of the package', () => {
    const { optionalDependencies, dependencies } = packages[MAIN].manifest
    assert.deepEqual(optionalDependencies, Object.fromEntries(NATIVE.map((name) => [name, version])))
    assert.equal(dependencies[WASM], version)
    assert.deepEqual(disagreements(ROOT), [])
  })
})

describe('nothing is found by', () => {
  /** @type {import('../../scripts/install/registry.js').Tool} */
  const PUBLINT = { name: 'publint', version: '0.3.25', bin: 'publint/src/cli.js' }
  /** @type {import('../../scripts/install/registry.js').Tool} */
  const ATTW = {
    name: '@arethetypeswrong/cli',
    version: '0.18.5',
    bin: '@arethetypeswrong/cli/dist/index.js',
  }

  /** @param {import('../../scripts/install/registry.js').Tool} tool @param {string[]} args @returns {Promise<string>} */
  async function runTool(tool, ...args) {
    const file = await fetchTool(tool)
    const { stdout } = await run(process.execPath, [file, ...args], {
      env: { ...process.env, NO_COLOR: '1' },
    }).catch((error) => assert.fail(`${error.stdout}${error.stderr}`))
    return stdout
  }

  for (const name of NAMES) {
    test(`publint, of ${name}`, async () => {
      assert.match(await runTool(PUBLINT, packages[name].tarball, '--strict'), /All good!/)
    })
  }

  for (const name of [MAIN, WASM]) {
    test(`@arethetypeswrong/cli, of ${name}`, async () => {
      assert.match(await runTool(ATTW, packages[name].tarball), /No problems found/)
    })
  }
})

describe('a release is not packed with', () => {
  const MARK = `[connect-mongo-native ${version}]`
  const host = () => fs.readFileSync(/** @type {string} */ (binaryOf(HOST)))

  /** What there is of a file for a platform that nothing was built for. @param {string} header @param {string} [mark] */
  const binary = (header, mark = MARK) =>
    Buffer.concat([Buffer.from(header, 'hex'), Buffer.alloc(200_000), Buffer.from(mark)])
  const HEADERS = {
    'darwin-x64': 'cffaedfe07000001',
    'darwin-arm64': 'cffaedfe0c000001',
    'win32-x64-msvc': `4d5a${'00'.repeat(58)}4000000050450000${'6486'}`,
    'win32-arm64-msvc': `4d5a${'00'.repeat(58)}4000000050450000${'64aa'}`,
    'linux-arm64-musl': `7f454c460201010000000000000000000300${'b700'}`,
  }

  test('but with what was built for this machine, and the WebAssembly', () => {
    for (const target of [HOST, 'wasm32-wasip1']) assert.deepEqual(faultsOf(target, version), [])
  })

  for (const [target, header] of Object.entries(HEADERS)) {
    test(`but with a binary for ${target}, whose header says so`, () => {
      assert.deepEqual(faultsIn(binary(header), target, version), [])
    })

    test(`a binary for ${target} in the place of another one`, () => {
      const other = Object.keys(TARGETS).find((one) => one !== target) ?? ''
      assert.deepEqual(faultsIn(binary(header), other, version), [`is for ${target}`])
    })
  }

  test('a platform missing', () => {
    const [fault] = faultsOf('linux-riscv64-gnu', version)
    assert.equal(
      fault,
      'connect-mongo-native.linux-riscv64-gnu.node is missing: neither in native/ nor in npm/linux-riscv64-gnu/'
    )
  })

  for (const [title, bytes] of /** @type {const} */ ([
    ['an empty file', Buffer.alloc(0)],
    ['a place-holder', Buffer.from('nothing was built for this platform')],
  ])) {
    test(title, () => assert.deepEqual(faultsIn(bytes, HOST, version), [`has ${bytes.length} bytes`]))
  }

  test('a binary that is too large', () => {
    const [fault] = faultsIn(Buffer.concat([host(), Buffer.alloc(6_500_000)]), HOST, version)
    assert.match(fault, /^has \d+ bytes, of 6500000 at the most$/)
  })

  test('a binary of another version', () => {
    assert.deepEqual(faultsIn(host(), HOST, '9.9.9'), [`is of version ${version}, not 9.9.9`])
  })

  test('a binary from before they had their version in them', () => {
    const [fault] = faultsIn(binary(HEADERS['darwin-x64'], ''), 'darwin-x64', version)
    assert.equal(fault, `is of version unknown, not ${version}`)
  })

  test('text', () => {
    const [fault] = faultsIn(Buffer.alloc(200_000, MARK), HOST, version)
    assert.equal(fault, 'is for no known platform')
  })
})
