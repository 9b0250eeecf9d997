// The package by a link (npm link, file:, workspaces): what the app has beside it is not to be found from where it is.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { build } = require('esbuild')
const { BACKENDS } = require('../support/backends.js')
const { runFile } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')
const { installAlone, installLinked } = require('../support/install.js')

const APP = ['express', 'express-session', 'mongodb']

/** In the app: visitors, and what they get. */
async function visit(express, session, MongoStore, options) {
  const { once } = require('node:events')
  const store = MongoStore.create(options)
  const app = express()
  app.use(
    session({
      secret: 'harbour',
      resave: false,
      rolling: true,
      saveUninitialized: false,
      cookie: { maxAge: 60_000, sameSite: 'lax' },
      store,
    })
  )
  app.get('/views', (req, res) => {
    req.session.views = (req.session.views ?? 0) + 1
    res.json({ views: req.session.views, maxAge: Math.ceil(req.session.cookie.maxAge / 60_000) })
  })
  app.get('/read', (req, res) => res.json(req.session.views ?? null))
  app.get('/reload', (req, res, next) => {
    req.session.views = 'changed'
    req.session.reload((error) => (error ? next(error) : res.json(req.session.views)))
  })
  app.get('/save', (req, res, next) => {
    req.session.saved = true
    req.session.save((error) => (error ? next(error) : res.json(req.session.saved)))
  })
  app.get('/regenerate', (req, res, next) => {
    const { id } = req.session
    req.session.regenerate((error) =>
      error ? next(error) : res.json([req.session.id !== id, req.session.views ?? null])
    )
  })
  app.get('/destroy', (req, res, next) => {
    req.session.destroy((error) => (error ? next(error) : res.json(req.session ?? null)))
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  let cookie
  const answers = {}
  const steps = [
    '/views',
    '/views',
    '/read',
    '/reload',
    '/save',
    '/views',
    '/regenerate',
    '/views',
    '/destroy',
    '/read',
  ]
  for (const [index, step] of steps.entries()) {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}${step}`, {
      headers: cookie ? { cookie } : {},
      signal: AbortSignal.timeout(10_000),
    })
    const [set] = answer.headers.getSetCookie()
    if (set) cookie = set.split(';')[0]
    answers[`${index} ${step}`] = [await answer.json(), Boolean(set)]
  }
  server.closeAllConnections()
  server.close()
  await store.close()
  console.log(JSON.stringify({ answers, isStore: store instanceof session.Store }))
}

const ANSWERS = {
  '0 /views': [{ views: 1, maxAge: 1 }, true],
  '1 /views': [{ views: 2, maxAge: 1 }, true],
  '2 /read': [2, true],
  '3 /reload': [2, true],
  '4 /save': [true, true],
  '5 /views': [{ views: 3, maxAge: 1 }, true],
  '6 /regenerate': [[true, null], true],
  '7 /views': [{ views: 1, maxAge: 1 }, true],
  '8 /destroy': [null, false],
  '9 /read': [null, false],
}

/** @param {string[]} names in the order in which they are loaded */
const commonJs = (...names) =>
  `${names.map((name) => `const ${nameIn(name)} = require('${name}')`).join('\n')}
;(${visit})(express, session, MongoStore, JSON.parse(process.env.STORE_OPTIONS))`

/** @param {string[]} names in the order in which they are loaded */
const esModule = (...names) =>
  `import { createRequire } from 'node:module'
${names.map((name) => `import ${nameIn(name)} from '${name}'`).join('\n')}
const require = createRequire(import.meta.url)
await (${visit})(express, session, MongoStore, JSON.parse(process.env.STORE_OPTIONS))`

/** @param {string} name of a package */
function nameIn(name) {
  return name === 'express-session' ? 'session' : name === 'express' ? name : 'MongoStore'
}

const OURS = 'connect-mongo-native'
const FIRST = [OURS, 'express', 'express-session']
const LAST = ['express', 'express-session', OURS]

/** @param {string} folder @param {Record<string, string>} files */
function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), text)
  }
}

/** What is started, and what is in its folder. @type {Record<string, { files: Record<string, string>, start: string, isStore?: boolean }>} */
const APPS = {
  'CommonJS, loaded first': { files: { 'app.js': commonJs(...FIRST) }, start: 'app.js' },
  'CommonJS, loaded last': { files: { 'app.js': commonJs(...LAST) }, start: 'app.js' },
  'CommonJS, from a file that a program elsewhere requires': {
    files: { 'app.js': commonJs(...FIRST), 'other/start.js': "require('../app.js')" },
    start: 'other/start.js',
  },
  'an ES module, loaded first': { files: { 'app.mjs': esModule(...FIRST) }, start: 'app.mjs' },
  'an ES module, loaded last': { files: { 'app.mjs': esModule(...LAST) }, start: 'app.mjs' },
  'an ES module, started by the name of its folder': {
    files: { 'index.js': esModule(...FIRST), 'package.json': '{ "type": "module" }' },
    start: '.',
  },
}

describe('a linked package that finds no express-session works with that of the app:', () => {
  for (const backend of BACKENDS) {
    for (const [title, { files, start }] of Object.entries(APPS)) {
      test(`${title} [${backend}]`, async (t) => {
        const { url } = await openDatabase(t)
        const folder = installLinked(APP)
        write(folder, files)
        const env = { STORE_OPTIONS: JSON.stringify({ mongoUrl: url, backend, touchAfter: 3600 }) }
        const { stdout, stderr, code } = await runFile(path.join(folder, start), { env })
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
        assert.deepEqual(JSON.parse(stdout), { answers: ANSWERS, isStore: true })
      })
    }
  }
})

describe('with an express-session that cannot be found', () => {
  const STORES = {
    plain: {},
    'stringify: false': { stringify: false },
    crypto: { crypto: { secret: 'squirrel' } },
    "concurrency: 'merge'": { concurrency: 'merge' },
    touchAfter: { touchAfter: 3600 },
  }
  for (const backend of BACKENDS) {
    for (const [title, options] of Object.entries(STORES)) {
      test(`because it is in a bundle: ${title} [${backend}]`, async (t) => {
        const { url } = await openDatabase(t)
        const folder = installLinked(['mongodb'])
        const [entry, outfile] = ['entry.js', 'bundle.js'].map((file) => path.join(folder, file))
        fs.writeFileSync(entry, commonJs(...FIRST))
        await build({
          entryPoints: [entry],
          outfile,
          bundle: true,
          platform: 'node',
          external: [OURS],
          nodePaths: [path.join(__dirname, '..', '..', 'node_modules')],
        })
        const env = { STORE_OPTIONS: JSON.stringify({ mongoUrl: url, backend, ...options }) }
        const { stdout, stderr, code } = await runFile(outfile, { env })
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
        assert.deepEqual(JSON.parse(stdout), { answers: ANSWERS, isStore: false })
      })
    }
  }

  test('because the app is an ES module that a program elsewhere loads', async (t) => {
    const { url } = await openDatabase(t)
    const folder = installLinked(APP)
    const elsewhere = installAlone()
    write(folder, { 'app.mjs': esModule(...FIRST) })
    write(elsewhere, { 'start.mjs': 'await import(process.env.APP)' })
    const env = { STORE_OPTIONS: JSON.stringify({ mongoUrl: url }), APP: path.join(folder, 'app.mjs') }
    const { stdout, stderr, code } = await runFile(path.join(elsewhere, 'start.mjs'), { env, cwd: folder })
    // On WebAssembly it finds no mongodb, either, and says so.
    if (BACKENDS.includes('native')) {
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
      assert.deepEqual(JSON.parse(stdout), { answers: ANSWERS, isStore: false })
    } else assert.match(stderr, /npm install mongodb/)
  })
})
