// The package in bundles that are made where it is installed and run where nothing is. Part of `npm run test:wasm`, which has both binaries.
'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const fs = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { after, before, describe, test } = require('node:test')
const { promisify } = require('node:util')
const { build } = require('esbuild')
const { hostTarget } = require('../../lib/native-binding.js')
const { dependencies } = require('../../package.json')
const { BUN_TOOL } = require('../../scripts/install/package-managers.js')
const { fetchTool, packAll } = require('../../scripts/install/registry.js')
const { runFile } = require('../support/child.js')

const run = promisify(execFile)

const ROOT = path.join(__dirname, '..', '..')
const MAIN = 'connect-mongo-native'
const HOST = hostTarget()
const NATIVE_FILE = `${MAIN}.${HOST}.node`
const WASM_FILE = `${MAIN}.wasm32-wasip1.wasm`
const INSTALLED = [MAIN, `${MAIN}-${HOST}`, `${MAIN}-wasm32-wasip1`]
const APP = `
const MongoStore = require('connect-mongo-native')
const { encrypt, decrypt } = MongoStore.createWebCryptoAdapter({ secret: 'squirrel' })
encrypt('a session').then(decrypt).then((text) => console.log(MongoStore.binding, text))`

/** @typedef {import('../../scripts/install/registry.js').Tool} Tool */
/** @type {Record<string, Tool>} */
const TOOLS = {
  webpack: {
    name: 'webpack',
    version: '5.113.0',
    bin: 'webpack/lib/index.js',
    beside: { 'node-loader': '2.1.0' },
  },
  ncc: { name: '@vercel/ncc', version: '0.45.0', bin: '@vercel/ncc/dist/ncc/cli.js' },
  nft: { name: '@vercel/nft', version: '1.11.5', bin: '@vercel/nft/out/cli.js' },
  // What Node's documentation puts the program into its executable with.
  postject: { name: 'postject', version: '1.0.0-alpha.6', bin: 'postject/dist/cli.js' },
}

/** @type {string} */
let folder
/** @type {string} where it is installed */
let app

/** As an installation has them: one package for this platform, and no others. @param {string} name @param {string[]} tarballs */
async function unpack(name, tarballs) {
  const { version } = require('../../package.json')
  const tarball = tarballs.find((file) => path.basename(file) === `${name}-${version}.tgz`)
  const destination = path.join(app, 'node_modules', name)
  fs.mkdirSync(destination, { recursive: true })
  await run('tar', ['-xzf', tarball ?? '', '-C', destination, '--strip-components=1'])
}

before(async () => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-bundles-'))
  app = path.join(folder, 'app')
  fs.mkdirSync(app)
  fs.writeFileSync(path.join(app, 'app.js'), APP)
  const tarballs = await packAll(folder)
  for (const name of INSTALLED) await unpack(name, tarballs)
  const others = [...Object.keys(dependencies), 'mongodb', 'express-session']
  for (const name of others.filter((one) => !one.startsWith(MAIN))) {
    fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(app, 'node_modules', name), 'junction')
  }
})
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/** Where a bundle is made, which nothing is beside. @param {string} name */
function emptyFolder(name) {
  const made = path.join(folder, name)
  fs.mkdirSync(made)
  return made
}

/** @param {string} file of a bundle */
async function assertNative(file) {
  const { stdout, stderr } = await runFile(file, { env: { NAPI_RS_FORCE_WASI: '' }, cwd: path.dirname(file) })
  assert.deepEqual({ stdout, stderr }, { stdout: `${HOST} a session\n`, stderr: '' })
}

/** Of Node's documentation, https://nodejs.org/api/single-executable-applications.html. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/** @param {string} program @param {object} options */
async function assertProgram(program, options) {
  const { stdout, stderr } = await run(program, { ...options, cwd: path.dirname(program) })
  assert.deepEqual({ stdout, stderr }, { stdout: `${HOST} a session\n`, stderr: '' })
}

/** In a process of its own: bundles with webpack, and tells its warnings and errors. */
function bundleWithWebpack() {
  const [webpack, entry, output, ...ignored] = process.argv.slice(1)
  const configuration = {
    mode: 'production',
    target: 'node',
    entry,
    output: { path: output, filename: 'app.js' },
    externals: { mongodb: 'commonjs mongodb', 'express-session': 'commonjs express-session' },
    resolveLoader: { modules: [require('node:path').resolve(webpack, '../../..')] },
    ignoreWarnings: ignored.map((pattern) => new RegExp(pattern)),
    module: { rules: [{ test: /\.node$/, loader: 'node-loader' }] },
  }
  require(webpack)(configuration, (error, stats) => {
    const { warnings, errors } = error
      ? { errors: [error] }
      : stats.toJson({ all: false, warnings: true, errors: true })
    console.log(JSON.stringify({ warnings: warnings?.map(({ message }) => message), errors }))
  })
}

describe('the native binding goes along in a bundle of', { timeout: 600_000 }, () => {
  test('esbuild, with --loader:.node=copy', async () => {
    const outdir = emptyFolder('esbuild')
    const entryPoints = [path.join(app, 'app.js')]
    await build({ entryPoints, outdir, bundle: true, platform: 'node', loader: { '.node': 'copy' } })
    await assertNative(path.join(outdir, 'app.js'))
  })

  test('webpack, with node-loader, and a warning for each package that is not installed', async () => {
    const output = emptyFolder('webpack')
    const webpack = await fetchTool(TOOLS.webpack)
    const args = ['-e', `(${bundleWithWebpack})()`, webpack, path.join(app, 'app.js'), output]
    const { stdout } = await run(process.execPath, args)
    const { warnings, errors } = JSON.parse(stdout)
    assert.deepEqual(errors, [])
    const ours = warnings.filter((message) => message.includes(MAIN))
    assert.equal(ours.length, 7, ours.join('\n'))
    for (const message of ours) assert.match(message, /Can't resolve 'connect-mongo-native-/)
    await assertNative(path.join(output, 'app.js'))

    const { stdout: silent } = await run(process.execPath, [...args, "Can't resolve 'connect-mongo-native-"])
    assert.deepEqual(
      JSON.parse(silent).warnings.filter((message) => message.includes(MAIN)),
      []
    )
  })

  test('@vercel/ncc', async () => {
    const output = emptyFolder('ncc')
    const args = ['build', path.join(app, 'app.js'), '--out', output, '--quiet']
    await run(process.execPath, [await fetchTool(TOOLS.ncc), ...args])
    await assertNative(path.join(output, 'index.js'))
  })

  test('bun build --compile', async () => {
    const bundle = path.join(emptyFolder('bun'), 'app')
    const args = ['build', '--compile', path.join(app, 'app.js'), '--outfile', bundle]
    await run(await fetchTool(BUN_TOOL), args)
    await assertProgram(bundle, { env: {} })
  })

  test('a single executable of Node, with a require that looks beside it', async () => {
    const outdir = emptyFolder('sea')
    const banner = { js: 'require = require("node:module").createRequire(process.execPath)' }
    const entryPoints = [path.join(app, 'app.js')]
    await build({ entryPoints, outdir, bundle: true, platform: 'node', loader: { '.node': 'copy' }, banner })
    const [config, blob, program] = ['sea-config.json', 'app.blob', 'app'].map((name) =>
      path.join(outdir, name)
    )
    fs.writeFileSync(config, JSON.stringify({ main: path.join(outdir, 'app.js'), output: blob }))
    await run(process.execPath, ['--experimental-sea-config', config])
    fs.copyFileSync(process.execPath, program)
    const postject = await fetchTool(TOOLS.postject)
    await run(process.execPath, [postject, program, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE])
    // What it was made of is not beside it, but for the binding.
    fs.rmSync(path.join(outdir, 'app.js'))
    // The warning that such programs are an experiment is Node's.
    await assertProgram(program, { env: { NODE_NO_WARNINGS: '1' } })
  })
})

test('@vercel/nft finds both binaries', { timeout: 300_000 }, async () => {
  const args = ['print', path.join(app, 'app.js')]
  const { stdout } = await run(process.execPath, [await fetchTool(TOOLS.nft), ...args], { cwd: app })
  for (const file of [NATIVE_FILE, WASM_FILE]) assert.ok(stdout.includes(file), file)
})
