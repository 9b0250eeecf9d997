// What `npm run pack:local` packs, installed by npm from its files in a folder with nothing else. Part of `npm run test:wasm`. The ways in
// which apps end up with a native binding or without one are gone through by `npm run test:install`, from a registry.
'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const fs = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { after, before, describe, test } = require('node:test')
const { promisify } = require('node:util')
const { build } = require('esbuild')
const { devDependencies } = require('../../package.json')
const { runInChild } = require('../support/child.js')
const { freshDatabaseUrl } = require('../support/server.js')

const run = promisify(execFile)

const ROOT = path.join(__dirname, '..', '..')
const TSC = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
const MAIN = 'connect-mongo-native'
const WASM = 'wasm32-wasip1'
const WASM_PACKAGE = `${MAIN}-${WASM}`
const [PLATFORM] = fs
  .readdirSync(path.join(ROOT, 'native'))
  .filter((file) => file.endsWith('.node'))
  .map((file) => file.split('.').at(-2))
const NATIVE_PACKAGE = `${MAIN}-${PLATFORM}`
const CLI_PACKAGE = `${MAIN}-cli`
const APP = ['express', 'express-session', 'mongodb']

/** As if by hand: not as part of this run, which forces WebAssembly, nor of the `npm run` around it. */
const BY_HAND = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|NAPI_RS_|NODE_)/.test(name))
)

/** @type {string} */
let folder
/** @type {Record<string, string>} by the name of the package */
let tarballs
/** @type {string} what packing has printed */
let said

before(async () => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-packages-'))
  const packed = path.join(folder, 'packed')
  const { stdout } = await run('npm', ['run', 'pack:local', '--', packed], { cwd: ROOT, env: BY_HAND })
  said = stdout
  const files = fs
    .readdirSync(packed, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.tgz'))
  tarballs = Object.fromEntries(
    files.map((file) => [path.basename(file).replace(/-[\d.]+\.tgz$/, ''), path.join(packed, file)])
  )
})
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/** @param {object} [manifest] @returns {string} an app's folder */
function emptyFolder(manifest) {
  const app = fs.mkdtempSync(path.join(folder, 'app-'))
  if (manifest) fs.writeFileSync(path.join(app, 'package.json'), JSON.stringify(manifest))
  return app
}

/** What npm has fetched before is not fetched again. @param {string} app @param {string[]} args */
async function npm(app, ...args) {
  await run('npm', [...args, '--no-audit', '--no-fund', '--prefer-offline'], { cwd: app, env: BY_HAND })
}

/** In versions that this repository tests with. @param {string[]} names */
const versioned = (names) => names.map((name) => `${name}@${devDependencies[name]}`)

/** @param {string} app @returns {string[]} */
function installedOfOurs(app) {
  return fs.readdirSync(path.join(app, 'node_modules')).filter((name) => name.startsWith(MAIN))
}

/** @param {string} app @param {Parameters<typeof runInChild>[0]} body @param {string[]} [nodeArgs] */
async function runIn(app, body, nodeArgs) {
  const mongoUrl = await freshDatabaseUrl('packages')
  const env = { NAPI_RS_FORCE_WASI: '' }
  const { code, stdout, stderr } = await runInChild(body, { mongoUrl }, { cwd: app, env, nodeArgs })
  assert.equal(code, 0, stderr)
  return { answer: JSON.parse(stdout), stderr }
}

/** In a child, from CommonJS. @param {{ mongoUrl: string }} data */
async function useFromCommonJs({ mongoUrl }) {
  const MongoStore = require('connect-mongo-native')
  const store = MongoStore.create({ mongoUrl, crypto: { secret: 'squirrel' } })
  await store.set('sid', { cookie: {}, user: 'ada' })
  const { user } = await store.get('sid')
  await store.close()
  console.log(JSON.stringify({ user, backend: store.backend, binding: MongoStore.binding }))
}

/** In a child, from an ECMAScript module. @param {{ mongoUrl: string }} data */
async function useFromModule({ mongoUrl }) {
  const { default: MongoStore, MongoStore: named } = await import('connect-mongo-native')
  if (named !== MongoStore) throw new Error('There are two classes')
  const store = MongoStore.create({ mongoUrl })
  await store.set('sid', { cookie: {}, user: 'ada' })
  const { user } = await store.get('sid')
  await store.close()
  console.log(JSON.stringify({ user, backend: store.backend, binding: MongoStore.binding }))
}

/** In a child: an Express app with encrypted sessions, and a visitor who comes twice. @param {{ mongoUrl: string }} data */
async function visitExpressApp({ mongoUrl }) {
  const { once } = require('node:events')
  const express = require('express')
  const session = require('express-session')
  const MongoStore = require('connect-mongo-native')
  const store = MongoStore.create({ mongoUrl, crypto: { secret: 'squirrel' } })
  const app = express()
  app.use(session({ secret: 'harbour', resave: false, saveUninitialized: false, store }))
  app.get('/', (req, res) => {
    req.session.views = (req.session.views ?? 0) + 1
    res.json(req.session.views)
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}/`
  const first = await fetch(url)
  const [cookie] = first.headers.getSetCookie()[0].split(';')
  // express-session holds the end of the response back until the session is stored.
  const views = [await first.json()]
  const second = await fetch(url, { headers: { cookie } })
  views.push(await second.json())
  server.closeAllConnections()
  server.close()
  await store.close()
  console.log(JSON.stringify({ views, backend: store.backend, binding: MongoStore.binding }))
}

/** @param {string} stderr with one warning, that of the missing native binding */
function assertOneWarning(stderr) {
  assert.equal(stderr.match(/Warning:/g)?.length, 1, stderr)
  assert.match(
    stderr,
    /\[CONNECT_MONGO_WASM\] .* its native binding \(connect-mongo-native-\S+\) is not installed\n/
  )
}

test('packed are the package, its native binding, its WebAssembly and its command line', () => {
  assert.deepEqual(Object.keys(tarballs).sort(), [MAIN, NATIVE_PACKAGE, WASM_PACKAGE, CLI_PACKAGE].sort())
})

if (process.platform !== 'win32') {
  test('what is to be typed in next is printed, and works', async () => {
    const [, command] = /^ {2}(npm install .*)$/m.exec(said)
    const app = emptyFolder()
    await run('sh', ['-c', `${command} --prefer-offline`], { cwd: app, env: BY_HAND })
    assert.deepEqual(installedOfOurs(app), [MAIN, NATIVE_PACKAGE, WASM_PACKAGE].sort())
  })
}

/** As typed in in an app's folder. @param {string} app @param {string[]} args */
async function runCommand(app, ...args) {
  const command = path.join(app, 'node_modules', '.bin', MAIN)
  const env = { ...BY_HAND, npm_config_yes: 'false', npm_config_offline: 'true' }
  return run(command, args, { cwd: app, env }).catch((error) => error)
}

describe('the command line', () => {
  /** @type {string} */
  let app
  before(async () => {
    app = emptyFolder()
    const { [CLI_PACKAGE]: _, ...store } = tarballs
    await npm(app, 'install', ...Object.values(store), ...versioned(['mongodb']))
  })

  test('is not installed with the package, which says that npm is to fetch it', async () => {
    assert.deepEqual(installedOfOurs(app), [MAIN, NATIVE_PACKAGE, WASM_PACKAGE].sort())
    const { code, stderr } = await runCommand(app, '--version')
    assert.equal(code, 1)
    assert.match(stderr, /^connect-mongo-native-cli is not installed here, so npm fetches it/)
  })

  test('works once it is', async () => {
    await npm(app, 'install', tarballs[CLI_PACKAGE])
    const { stdout } = await runCommand(app, '--version')
    assert.equal(stdout, `${require('../../package.json').version}\n`)
    const url = await freshDatabaseUrl('packages')
    const { stdout: stats } = await runCommand(app, 'stats', '--json', '--url', url)
    assert.equal(JSON.parse(stats).total, 0)
  })
})

describe('installed with its native package, it', () => {
  /** @type {string} */
  let app
  before(async () => {
    app = emptyFolder()
    const { [CLI_PACKAGE]: _, ...store } = tarballs
    await npm(
      app,
      'install',
      ...Object.values(store),
      ...versioned([...APP, '@types/node', '@types/express-session'])
    )
  })

  test('cannot be published by mistake', () => {
    for (const name of installedOfOurs(app)) {
      const file = path.join(app, 'node_modules', name, 'package.json')
      assert.equal(JSON.parse(fs.readFileSync(file, 'utf8')).private, true, name)
    }
  })

  test('works for CommonJS, in silence', async () => {
    const expected = { user: 'ada', backend: 'native', binding: PLATFORM }
    assert.deepEqual(await runIn(app, useFromCommonJs), { answer: expected, stderr: '' })
  })

  test('works for ECMAScript modules, in silence', async () => {
    const expected = { user: 'ada', backend: 'native', binding: PLATFORM }
    const ran = await runIn(app, useFromModule, ['--input-type=module'])
    assert.deepEqual(ran, { answer: expected, stderr: '' })
  })

  test('works for TypeScript, as CommonJS and as modules', async () => {
    const files = ['commonjs.cts', 'module.mts', 'express.mts']
    for (const file of files) fs.cpSync(path.join(__dirname, '..', 'types', file), path.join(app, file))
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']
    await run(process.execPath, [TSC, ...options, ...files], { cwd: app }).catch((error) =>
      assert.fail(error.stdout)
    )
  })

  test('works beside a bundle that leaves it out', async () => {
    const mongoUrl = await freshDatabaseUrl('packages')
    const [entry, outfile] = ['entry.js', 'bundle.js'].map((file) => path.join(app, file))
    fs.writeFileSync(entry, `(${useFromCommonJs})(${JSON.stringify({ mongoUrl })})`)
    await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', external: [MAIN] })
    const { stdout } = await run(process.execPath, [outfile], { cwd: app, env: BY_HAND })
    assert.deepEqual(JSON.parse(stdout), { user: 'ada', backend: 'native', binding: PLATFORM })
  })

  test('works for Express', async () => {
    const expected = { views: [1, 2], backend: 'native', binding: PLATFORM }
    assert.deepEqual(await runIn(app, visitExpressApp), { answer: expected, stderr: '' })
  })
})

describe('without its native package, it works as WebAssembly', () => {
  test('for Express, with one warning', async () => {
    const app = emptyFolder()
    await npm(app, 'install', tarballs[MAIN], tarballs[WASM_PACKAGE], ...versioned(APP))
    const { answer, stderr } = await runIn(app, visitExpressApp)
    assert.deepEqual(answer, { views: [1, 2], backend: 'driver', binding: WASM })
    assertOneWarning(stderr)
  })
})
