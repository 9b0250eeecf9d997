// `npm run test:install`: publishes all packages to a registry of its own, installs them with every package manager in every way in which
// apps end up with a native binding or without one, and uses them.
'use strict'

const fs = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { devDependencies, name: NAME, version } = require('../../package.json')
const { CHOICE, formatTable, parseCommandLine } = require('../command-line.js')
const { startMongod } = require('../mongod.js')
const { cleanEnvironment, output } = require('./app.js')
const { FURTHER, MANAGERS } = require('./package-managers.js')
const { fetchTool, publishAll, startRegistry } = require('./registry.js')
const { StepError, reportFailure, setUp, step } = require('../setup.js')

const USAGE = `Usage: npm run test:install [-- OPTION …]

Installs and builds what is missing, starts a mongod and a registry, and publishes all packages there; those of platforms that
nothing was built for get a place-holder. Then installs them with npm, pnpm, yarn 1, yarn 4 (Plug'n'Play and node_modules), bun and
deno: as usual, without scripts, without optional dependencies, for another system, with the lockfile of another system. Each app
is run as CommonJS and as ES module, and stores a session. Ends with a table, and with exit code 1 if anything was wrong.

  --fast          npm, pnpm and yarn 4 with Plug'n'Play only
  --only MANAGER  only this package manager; can be repeated
  --json          the results as JSON on the standard output, instead of the table
  --list          the package managers and what is done with each
  --help          show this text`

/** @typedef {import('./package-managers.js').Manager} Manager */
/** @typedef {import('./package-managers.js').Case} Case */
/** @typedef {{ manager: string, case: string, binding?: string, seconds: number, failed?: string }} Result */
/** @typedef {{ registry: string, mongoUrl: string, folder: string, command: string[], env: NodeJS.ProcessEnv }} Context */

/** @param {string[]} args */
function readOptions(args) {
  const { values } = parseCommandLine(args, CHOICE, USAGE)
  const names = MANAGERS.map(({ name }) => name)
  const unknown = values.only?.find((one) => !names.some((name) => name.startsWith(one)))
  if (unknown) throw new StepError(`There is no package manager ${unknown}: ${names.join(', ')}`)
  return values
}

/** In the app: collects the warnings, which may come while modules are still evaluated. */
const WARNINGS = `
const warnings = []
process.on('warning', ({ code, message, detail }) => warnings.push({ code, message, detail }))
module.exports = warnings`

const VISIT = `
const warnings = require('./warnings.cjs')
module.exports = async (MongoStore) => {
  const store = MongoStore.create({ mongoUrl: process.env.MONGO_URL, crypto: { secret: 'squirrel' } })
  await store.set('sid', { cookie: {}, user: 'ada' })
  const { user } = await store.get('sid')
  await store.close()
  console.log(JSON.stringify({ user, binding: MongoStore.binding, backend: store.backend, warnings }))
}`

/** An app, which is the same for all. */
const APP = {
  'warnings.cjs': WARNINGS,
  'visit.cjs': VISIT,
  'app.cjs': "require('./warnings.cjs')\nrequire('./visit.cjs')(require('connect-mongo-native'))",
  'app.mjs':
    "import './warnings.cjs'\nimport MongoStore from 'connect-mongo-native'\nimport visit from './visit.cjs'\nawait visit(MongoStore)",
  'package.json': JSON.stringify({
    name: 'app',
    private: true,
    dependencies: { [NAME]: version, mongodb: devDependencies.mongodb },
  }),
}

/** @param {string} folder @param {Record<string, string>} files */
function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, text)
  }
}

/** Yarn has one file for all settings. @param {Manager} manager @param {string} registry @param {string} app */
function joinSettings(manager, registry, app) {
  const further = path.join(app, FURTHER)
  if (!fs.existsSync(further)) return
  const { '.yarnrc.yml': settings } = manager.files(registry)
  write(app, { '.yarnrc.yml': `${settings}${fs.readFileSync(further, 'utf8')}` })
}

/** @param {Manager} manager @param {Case} one @param {Context} context @param {string} app */
async function install(manager, { files = {}, steps }, { registry, command, env }, app) {
  write(app, { ...APP, ...manager.files(registry), ...files })
  for (const one of steps) {
    joinSettings(manager, registry, app)
    if ('remove' in one) fs.rmSync(path.join(app, one.remove), { recursive: true })
    else if ('write' in one) write(app, one.write)
    else await output([...command, ...one], { cwd: app, env })
  }
}

/** @param {Case['expected']} expected @param {string} text of an app @returns {string} its binding */
function check({ binding, reason, remedy }, text) {
  const report = JSON.parse(text)
  const isNative = binding === 'native'
  const backend = isNative ? 'native' : 'driver'
  const isRight = report.binding.startsWith('wasm') !== isNative
  if (!isRight || report.user !== 'ada' || report.backend !== backend) throw new StepError(text)
  const warnings = /** @type {{ code: string, message: string, detail: string }[]} */ (report.warnings)
  // The driver's own, of which there are some on Bun, have another code.
  const ours = warnings.filter(({ code }) => code?.startsWith('CONNECT_MONGO_'))
  if (ours.length !== (isNative ? 0 : 1)) throw new StepError(text)
  for (const { message, detail } of ours) {
    if (!reason?.test(message)) throw new StepError(`Not ${reason}: ${message}`)
    if (!remedy?.test(detail)) throw new StepError(`Not ${remedy}: ${detail}`)
  }
  return report.binding
}

/** @param {Manager} manager @param {Case} one @param {Context} context @returns {Promise<string>} the binding */
async function tryOut(manager, one, context) {
  const app = fs.mkdtempSync(path.join(context.folder, 'app-'))
  await install(manager, one, context, app)
  const run = one.run ?? manager.run
  const runner = run ? [...context.command, ...run] : [process.execPath]
  let binding = ''
  for (const file of ['app.cjs', 'app.mjs']) {
    const env = { ...context.env, MONGO_URL: `${context.mongoUrl}${path.basename(app)}` }
    binding = check(one.expected, await output([...runner, file], { cwd: app, env }))
  }
  fs.rmSync(app, { recursive: true, force: true })
  return binding
}

/** @param {Manager} manager @returns {Promise<string[]>} what runs it */
async function commandOf({ tool, isProgram }) {
  if (!tool) return ['npm']
  const file = await fetchTool(tool)
  return isProgram ? [file] : [process.execPath, file]
}

/** @param {Manager} manager @param {Omit<Context, 'command'>} shared @returns {Promise<Result[]>} */
async function tryManager(manager, shared) {
  const command = await step(`Fetching ${manager.name}`, () => commandOf(manager))
  /** @type {Result[]} */
  const results = []
  for (const one of manager.cases) {
    const start = Date.now()
    /** @type {Result} */
    const result = { manager: manager.name, case: one.title, seconds: 0 }
    try {
      const work = () => tryOut(manager, one, { ...shared, command })
      result.binding = await step(`${manager.name}: ${one.title}`, work)
    } catch (error) {
      reportFailure(error)
      result.failed = /** @type {Error} */ (error).message
    }
    result.seconds = Math.round((Date.now() - start) / 100) / 10
    results.push(result)
  }
  return results
}

/** @param {Result[]} results */
function table(results) {
  const head = ['package manager', 'case', 'binding', 's']
  const rows = results.map((one) => [one.manager, one.case, one.binding ?? 'FAILED', one.seconds.toFixed(1)])
  return formatTable([head, ...rows], 3)
}

/** @param {Manager[]} managers @param {string} folder @returns {Promise<Result[]>} */
async function tryAll(managers, folder) {
  const server = await step('Starting a mongod', startMongod)
  const registry = await step('Starting a registry', () => startRegistry(folder)).catch((error) =>
    server.stop().then(() => Promise.reject(error))
  )
  try {
    await step('Publishing all packages', (say) => publishAll(registry.url, folder, say))
    const home = path.join(folder, 'home')
    fs.mkdirSync(home)
    const shared = { registry: registry.url, mongoUrl: server.getUri(), folder, env: cleanEnvironment(home) }
    const results = []
    for (const manager of managers) results.push(...(await tryManager(manager, shared)))
    return results
  } finally {
    registry.stop()
    await server.stop()
  }
}

/** @param {string[]} args */
async function main(args) {
  const { fast, only, json, list, help } = readOptions(args)
  if (help) return console.log(USAGE)
  const managers = MANAGERS.filter(
    ({ name, isFast }) => (isFast || !fast) && (!only || only.some((one) => name.startsWith(one)))
  )
  if (list) {
    return console.log(
      managers.flatMap(({ name, cases }) => cases.map(({ title }) => `${name}: ${title}`)).join('\n')
    )
  }
  await setUp({ wasm: true })
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-install-'))
  try {
    const results = await tryAll(managers, folder)
    const failed = results.filter(({ failed }) => failed)
    console.log(json ? JSON.stringify(results, null, 2) : table(results))
    if (failed.length > 0) process.exitCode = 1
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

main(process.argv.slice(2)).catch(reportFailure)
