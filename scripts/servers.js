// `npm run test:servers`: the tests that ask a server, on each version of MongoDB that can be had.
'use strict'

const { spawn } = require('node:child_process')
const { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { formatTable, parseCommandLine } = require('./command-line.js')
const { startMongod } = require('./mongod.js')
const { VERSIONS, mongodOf } = require('./mongod-versions.js')
const { ROOT, StepError, reportFailure, setUp, step } = require('./setup.js')
const { ON_ANY_SERVER } = require('./suites.js')
const { countIn, failuresIn } = require('./tap.js')

const USAGE = `Usage: npm run test:servers [-- OPTION … [FILE …]]

Installs and builds what is missing. Then, for each version of MongoDB, fetches a mongod where it is not in the cache, and runs
the tests that ask a server, standalone and as a replica set, as they do themselves. Goes on after failures. Ends with a table,
and with exit code 1 if anything failed. With files, runs these.

MONGO_URL=mongodb://…  this server alone, a sharded cluster say, and the tests that need no other

  --fast          a short core of the tests
  --only VERSION  only this version; can be repeated
  --json          the results as JSON on the standard output, instead of the table
  --list          the versions, and the files
  --help          show this text

What cannot be had here runs elsewhere: 7.0, 8.0 and a sharded cluster in the workflow on GitHub, and servers that are not
MongoDB's as scripts in __test__/servers.`

/** What servers of other versions could do otherwise: upserts and their refusals, grouped calls, transaction numbers. */
const FAST = [
  '__test__/api/resurrection.test.js',
  '__test__/engine/deployment.test.js',
  '__test__/engine/replies.test.js',
  '__test__/servers/stable-api.test.js',
]
/** What says nothing of the server that it is run on. */
const LEFT_OUT = [
  '__test__/api/types.test.js',
  '__test__/api/login-redirect.test.js',
  '__test__/api/fakes.test.js',
]
const MORE = [
  '__test__/options/auth.test.js',
  '__test__/encryption/reencrypt.test.js',
  '__test__/servers/stable-api.test.js',
]

/** By version, what it does not have, with the reason. @type {Record<string, [string, string][]>} */
const LEFT_OUT_OF = {
  '4.4.2': [['__test__/servers/stable-api.test.js', 'MongoDB has a stable API since 5.0']],
}

const FILE_TIMEOUT_MS = 300_000

/**
 * @typedef {import('./tap.js').Failure} Failure
 * @typedef {{ file: string, passed: number, failed: number, skipped: number, seconds: number, failures: Failure[] }} FileResult
 * @typedef {{ server: string, files: FileResult[], error?: string }} Result
 */

/** @param {string} folder */
function testsIn(folder) {
  return readdirSync(path.join(ROOT, folder))
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => `${folder}/${name}`)
    .filter((file) => !LEFT_OUT.includes(file))
}

/** @param {string[]} args */
function readOptions(args) {
  const options = /** @type {const} */ ({
    fast: { type: 'boolean' },
    only: { type: 'string', multiple: true },
    json: { type: 'boolean' },
    list: { type: 'boolean' },
    help: { type: 'boolean' },
  })
  const { values, positionals } = parseCommandLine(args, options, USAGE, { most: args.length })
  return { ...values, files: positionals }
}

/** @param {ReturnType<typeof readOptions>} options */
function chosenFiles({ fast, files }) {
  const missing = files.filter((file) => !existsSync(path.resolve(ROOT, file)))
  if (missing.length) throw new StepError(`No such file: ${missing.join(', ')}`)
  if (files.length) return files
  if (process.env.MONGO_URL) return ON_ANY_SERVER
  return fast ? FAST : [...testsIn('__test__/api'), ...testsIn('__test__/engine'), ...MORE]
}

/** @param {ReturnType<typeof readOptions>} options */
function chosenVersions({ only }) {
  const versions = Object.keys(VERSIONS)
  const unknown = only?.filter((version) => !versions.includes(version)) ?? []
  if (unknown.length) throw new StepError(`No such version: ${unknown.join(', ')}. See --list`)
  return versions.filter((version) => !only || only.includes(version))
}

/** @param {string} file @param {NodeJS.ProcessEnv} env @returns {Promise<FileResult>} */
async function resultOf(file, env) {
  const folder = mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-servers-'))
  const report = path.join(folder, 'report.tap')
  const started = performance.now()
  try {
    const options = [
      '--test',
      `--test-timeout=${FILE_TIMEOUT_MS}`,
      '--test-reporter=tap',
      `--test-reporter-destination=${report}`,
    ]
    const code = await exitOf([...options, file], env)
    const tap = existsSync(report) ? readFileSync(report, 'utf8') : ''
    const failed = countIn(tap, 'fail') + countIn(tap, 'cancelled')
    const failures = failuresIn(tap)
    if (code !== 0 && failed === 0) failures.push({ name: file, error: `ended with exit code ${code}` })
    return {
      file,
      passed: countIn(tap, 'pass'),
      failed: failed || (code === 0 ? 0 : 1),
      skipped: countIn(tap, 'skipped'),
      seconds: Math.round((performance.now() - started) / 100) / 10,
      failures,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {string[]} args @param {NodeJS.ProcessEnv} env @returns {Promise<number | null>} */
function exitOf(args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: 'ignore',
    })
    child.on('error', reject)
    child.on('close', resolve)
  })
}

/** @param {string} version @param {string[]} files those that it is tested with */
function filesOf(version, files) {
  const leftOut = LEFT_OUT_OF[version] ?? []
  for (const [file, reason] of leftOut.filter(([name]) => files.includes(name))) {
    console.error(`  Left out of ${version}: ${file}: ${reason}`)
  }
  return files.filter((file) => leftOut.every(([name]) => name !== file))
}

/** @param {string} version @param {string} file @param {string} url @returns {Promise<FileResult>} */
async function testFile(version, file, url) {
  /** @type {FileResult | undefined} */
  let result
  const work = async (/** @type {(line: string) => void} */ say) => {
    result = await resultOf(file, { MONGO_URL: url })
    say(`${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`)
    if (result.failed > 0) throw new StepError()
  }
  await step(`${version}: ${path.relative('__test__', file)}`, work).catch((error) => {
    if (!result) throw error
  })
  return /** @type {FileResult} */ (result)
}

/** @param {string} url @returns {Promise<string>} what kind of server it is, and its version */
async function nameOf(url) {
  // Installed by now.
  const { MongoClient } = require('mongodb')
  const client = await MongoClient.connect(url)
  try {
    const admin = client.db('admin')
    const [{ version }, { msg, setName }] = await Promise.all([
      admin.command({ buildInfo: 1 }),
      admin.command({ hello: 1 }),
    ])
    const others = setName ? 'replica set' : 'standalone'
    return `${version}, ${msg === 'isdbgrid' ? 'sharded cluster' : others}`
  } finally {
    await client.close()
  }
}

/** @param {string} url @param {string[]} files @returns {Promise<Result>} */
async function testGiven(url, files) {
  const server = await step('The server of MONGO_URL', () => nameOf(url))
  /** @type {Result} */
  const result = { server, files: [] }
  for (const file of files) result.files.push(await testFile(server, file, url))
  return result
}

/** @param {string} version @param {string[]} files @returns {Promise<Result>} */
async function testServer(version, files) {
  /** @type {Result} */
  const result = { server: version, files: [] }
  try {
    const mongod = await step(`mongod ${version}`, () => mongodOf(version))
    // For the servers of the tests' own as well.
    process.env.MONGOMS_SYSTEM_BINARY = mongod
    const server = await startMongod()
    try {
      for (const file of filesOf(version, files))
        result.files.push(await testFile(version, file, server.getUri()))
    } finally {
      await server.stop()
    }
  } catch (error) {
    result.error = /** @type {Error} */ (error).message
  }
  return result
}

/** @param {Result} result @param {'passed' | 'failed' | 'skipped' | 'seconds'} column */
const sumOf = ({ files }, column) => Math.round(files.reduce((sum, file) => sum + file[column], 0))

/** @param {Result[]} results */
function tableOf(results) {
  const columns = /** @type {const} */ (['passed', 'failed', 'skipped', 'seconds'])
  const rows = [
    ['server', ...columns],
    ...results.map((result) => [
      result.server,
      ...(result.error ? ['not run'] : columns.map((column) => String(sumOf(result, column)))),
    ]),
  ]
  return formatTable(rows, 1)
}

/** @param {Result} result @returns {string[]} */
function notesOf({ server, files, error }) {
  const ofFiles = files.flatMap(({ file, failures }) =>
    failures.map((failure) => `${server}, ${file}: ${failure.name}\n  ${failure.error}`)
  )
  return error ? [...ofFiles, `${server}: ${error}`] : ofFiles
}

/** @param {string[]} args */
async function main(args) {
  const options = readOptions(args)
  if (options.help) return console.log(USAGE)
  const files = chosenFiles(options)
  const versions = chosenVersions(options)
  if (options.list) return console.log([...versions, '', ...files].join('\n'))
  const url = process.env.MONGO_URL
  if (!url && (process.platform !== 'linux' || process.arch !== 'x64')) {
    throw new StepError('These versions can be had for x86-64 Linux only: set MONGO_URL to a server of yours')
  }
  await setUp()
  /** @type {Result[]} */
  const results = url ? [await testGiven(url, files)] : []
  for (const version of url ? [] : versions) results.push(await testServer(version, files))
  if (options.json) console.log(JSON.stringify({ results }, null, 2))
  else {
    console.log(`\n${tableOf(results)}`)
    const notes = results.flatMap(notesOf)
    if (notes.length) console.log(`\n${notes.join('\n')}`)
  }
  if (results.some((result) => result.error || sumOf(result, 'failed') > 0)) process.exitCode = 1
}

main(process.argv.slice(2)).catch(reportFailure)
