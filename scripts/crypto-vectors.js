// Writes __test__/vectors: sessions stored by every connect-mongo that encrypts, with every kruptein that npm
// may have given it, on a real mongod.
//
//   node scripts/crypto-vectors.js [--force] [FILE …]
//
// The packages are installed into a temporary folder, each with its kruptein pinned, and run in processes of
// their own. Salts and ivs are random, so no run gives the same bytes again: files that are there are kept
// unless --force is given. FILE is a name such as kruptein-3.0; without one all are written.
'use strict'

const { spawn } = require('node:child_process')
const { existsSync } = require('node:fs')
const { mkdir, mkdtemp, realpath, rm, writeFile } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { EJSON } = require('bson')
const { MongoClient } = require('mongodb')
const { batches, SIX } = require('../__test__/vectors/make/cases.js')
const { COLLECTION } = require('../__test__/vectors/make/store.js')
const { startMongod } = require('./mongod.js')
const { ROOT, StepError, reportFailure } = require('./setup.js')

/**
 * @typedef {import('../__test__/vectors/make/cases.js').Batch} Batch
 * @typedef {import('../__test__/vectors/make/cases.js').Case} Case
 * @typedef {import('../__test__/vectors/make/cases.js').Writer} Writer
 * @typedef {Case & { id: string }} Job
 * @typedef {{ session: string, serialized?: string, received?: string, error?: string }} Result
 */

const VECTORS = path.join(ROOT, '__test__', 'vectors')
const MAKE = path.join(VECTORS, 'make')
/** The first Node with Argon2 is 24.7. */
const NEW_NODE = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}@24`

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, input?: string }} [options]
 * @returns {Promise<string>} its output
 */
function run(command, args, { cwd = ROOT, input } = {}) {
  const child = spawn(command, args, { cwd, stdio: [input ? 'pipe' : 'ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdin?.end(input)
  child.stdout?.setEncoding('utf8').on('data', (text) => (output += text))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${command} ${args[0]} ended with ${code}\n${output}`))
    )
  })
}

/** @param {string} folder @param {object} manifest */
async function install(folder, manifest) {
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ private: true, ...manifest }))
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--loglevel=error']
  await run('npm', ['install', ...quiet], { cwd: folder })
}

/** @param {string} folder @param {Writer} writer @returns {Promise<string>} the folder with its packages */
async function installWriter(folder, { connectMongo, mongodb, kruptein }) {
  const installed = path.join(folder, [connectMongo, kruptein].filter(Boolean).join('-'))
  if (existsSync(installed)) return installed
  await install(installed, {
    dependencies: { 'connect-mongo': connectMongo, mongodb, 'express-session': '^1.18.0' },
    overrides: kruptein ? { kruptein } : {},
  })
  return installed
}

/** @param {string} folder @returns {Promise<string>} the path of a Node that has Argon2 */
async function installNewNode(folder) {
  const [name, version] = NEW_NODE.split('@')
  const installed = path.join(folder, 'new-node')
  if (!existsSync(installed)) await install(installed, { dependencies: { [name]: version } })
  return path.join(installed, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
}

/**
 * @param {string} node
 * @param {'write.js' | 'read.js' | 'check.js'} script
 * @param {object} work what the script reads from its standard input
 * @returns {Promise<any[]>} a result a line
 */
async function runScript(node, script, work) {
  const output = await run(node, ['--no-deprecation', path.join(MAKE, script)], {
    input: JSON.stringify(work),
  })
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

/** @param {Writer} writer @param {Case} one */
function idOf({ connectMongo, kruptein }, one) {
  const by =
    one.adapter === 'kruptein'
      ? kruptein
      : one.adapter === 'v3'
        ? undefined
        : one.adapter.replace('none', 'plain')
  return [connectMongo, by, one.name].filter(Boolean).join('-')
}

/** @param {Writer} writer @param {Case} one */
function writtenBy({ connectMongo, kruptein }, one) {
  return `connect-mongo ${connectMongo}${one.adapter === 'kruptein' ? ` with kruptein ${kruptein}` : ''}`
}

/** Writes one file of vectors. */
class Generator {
  /** @type {object[]} */
  vectors = []
  /** @type {object[]} */
  failures = []

  /** @param {{ folder: string, mongoUrl: string, client: MongoClient }} place */
  constructor({ folder, mongoUrl, client }) {
    this.folder = folder
    this.mongoUrl = mongoUrl
    this.collection = client.db().collection(COLLECTION)
  }

  /** @param {Batch} batch */
  async write({ writer, cases }) {
    const node = writer.newNode ? await installNewNode(this.folder) : process.execPath
    const jobs = cases.map((one) => ({ ...one, id: idOf(writer, one) }))
    await this.collection.deleteMany({})
    const written = await this.runJobs(node, 'write.js', writer, jobs)
    const read = await this.runJobs(process.execPath, 'read.js', SIX, jobs)
    const documents = await this.collection.find().toArray()
    const stored = new Map(documents.map(({ _id, session }) => [String(_id), session]))
    const version = (await run(node, ['--version'])).trim()

    const before = this.vectors.length
    for (const [index, job] of jobs.entries()) {
      const label = { id: job.id, writtenBy: writtenBy(writer, job), node: version }
      this.add(job, label, stored.get(job.id), written[index], read[index])
    }
    const vectors = this.vectors.slice(before)
    // In the Node that wrote them: another may have no Argon2.
    await runScript(node, 'check.js', vectors)
    console.log(`${writtenBy(writer, jobs[0])}: ${vectors.length} of ${jobs.length} cases`)
  }

  /**
   * @param {string} node
   * @param {'write.js' | 'read.js'} script
   * @param {Writer} writer
   * @param {Job[]} cases
   * @returns {Promise<Result[]>}
   */
  async runJobs(node, script, writer, cases) {
    const folder = await installWriter(this.folder, writer)
    return runScript(node, script, { folder, mongoUrl: this.mongoUrl, version: writer.connectMongo, cases })
  }

  /**
   * @param {Job} job
   * @param {object} label
   * @param {unknown} stored
   * @param {Result} written
   * @param {Result} read
   */
  add(job, label, stored, written, read) {
    const { options, stringify, table } = job
    if (written.error !== undefined) {
      const storedPlain = stored === undefined ? undefined : true
      this.failures.push({ ...label, options, stringify, error: written.error, storedPlain })
      return
    }
    const adapter = job.touch ? 'none' : job.adapter
    // A plain document is what BSON makes of the session: an undefined field, such as a cookie's domain,
    // becomes null.
    const isDocument = adapter === 'none' && typeof stored === 'object'
    const readBy6 = read.session === (isDocument ? JSON.stringify(stored) : written.session)
    const custom = job.custom && {
      ...{ custom: job.custom, serialized: written.serialized, receivedBy6: read.received ?? null },
    }
    this.vectors.push({
      ...{ ...label, adapter, options, stringify, storageId: job.id, session: written.session, ...custom },
      ...{ stored: EJSON.serialize(stored, { relaxed: true }), readBy6, table },
    })
  }

  /** @param {string} file */
  async save(file) {
    const target = path.join(VECTORS, `${file}.json`)
    await writeFile(target, JSON.stringify({ vectors: this.vectors, failures: this.failures }, null, 2))
    await run(path.join(ROOT, 'node_modules', '.bin', 'biome'), ['format', '--write', target])
  }
}

/** @param {string[]} args @returns {Map<string, Batch[]>} the batches of each file that is asked for */
function wanted(args) {
  /** @type {Map<string, Batch[]>} */
  const files = new Map()
  for (const batch of batches()) files.set(batch.file, [...(files.get(batch.file) ?? []), batch])
  const names = args.filter((arg) => arg !== '--force')
  const unknown = names.filter((name) => !files.has(name))
  if (unknown.length) throw new StepError(`No such file: ${unknown.join(', ')}`)
  if (names.length) for (const file of files.keys()) names.includes(file) || files.delete(file)
  const kept = [...files.keys()].find((file) => existsSync(path.join(VECTORS, `${file}.json`)))
  if (kept && !args.includes('--force'))
    throw new StepError(
      `${kept}.json is there, and cannot be made again as it is: give --force to replace it`
    )
  return files
}

/** @param {string[]} args */
async function main(args) {
  const files = wanted(args)
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'crypto-vectors-')))
  const server = await startMongod(console.log)
  const mongoUrl = `${server.getUri()}vectors`
  const client = await MongoClient.connect(mongoUrl)
  try {
    for (const [file, some] of files) {
      const generator = new Generator({ folder, mongoUrl, client })
      for (const batch of some) await generator.write(batch)
      await generator.save(file)
    }
  } finally {
    await client.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

main(process.argv.slice(2)).catch(reportFailure)
