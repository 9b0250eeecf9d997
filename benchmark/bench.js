// Session stores side by side on one server. See README.md for how to read the figures.
'use strict'

const { fork } = require('node:child_process')
const { randomBytes } = require('node:crypto')
const { once } = require('node:events')
const { writeFile } = require('node:fs/promises')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { OPERATIONS, STORES } = require('./measure.js')

const HELP = `npm run bench [-- options]

Measures session stores in turn on one MongoDB server: MONGO_URL, or a mongod started for the run.

  --full            1, 8, 32 and 128 operations at once (default: 1 and 32)
  --at LIST         operations at once, for example --at 32,128
  --operations LIST ${Object.keys(OPERATIONS).join(',')}
  --stores LIST     ${Object.keys(STORES).join(',')}
                    (ratios compare the first one with each of the others)
  --size BYTES      size of a session as JSON (default: 1000)
  --rounds N        times each store is measured (default: 5)
  --seconds N       length of one measurement (default: 1.5, after a third of it as warm-up)
  --json FILE       also writes all figures, versions and the machine to FILE
  --help
`

const FIGURES = /** @type {const} */ (['perSecond', 'p50Ms', 'p99Ms', 'mainThreadUs', 'cpuUs'])

/** @param {string} text @param {string} option */
function positiveNumber(text, option) {
  const number = Number(text)
  if (!(number > 0)) throw new Error(`--${option} needs a number above 0, not ${text}`)
  return number
}

/** @param {string} text @param {string} option */
function positiveInteger(text, option) {
  return Math.ceil(positiveNumber(text, option))
}

/** @param {string} text @param {string} option @param {object} known */
function namesOf(text, option, known) {
  const names = [...new Set(text.split(','))]
  const wrong = names.find((name) => !Object.hasOwn(known, name))
  if (wrong !== undefined) throw new Error(`--${option} knows ${Object.keys(known).join(', ')}, not ${wrong}`)
  return names
}

/** @param {string[]} args */
function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      full: { type: 'boolean', default: false },
      at: { type: 'string' },
      operations: { type: 'string', default: Object.keys(OPERATIONS).join(',') },
      stores: { type: 'string', default: Object.keys(STORES).join(',') },
      size: { type: 'string', default: '1000' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '1.5' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const at = values.at ?? (values.full ? '1,8,32,128' : '1,32')
  return {
    help: values.help,
    json: values.json,
    atOnce: at.split(',').map((text) => positiveInteger(text, 'at')),
    operations: namesOf(values.operations, 'operations', OPERATIONS),
    stores: namesOf(values.stores, 'stores', STORES),
    size: positiveInteger(values.size, 'size'),
    rounds: positiveInteger(values.rounds, 'rounds'),
    seconds: positiveNumber(values.seconds, 'seconds'),
  }
}

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** @param {number[]} numbers */
const summary = (numbers) => ({
  median: median(numbers),
  min: Math.min(...numbers),
  max: Math.max(...numbers),
})

/** @param {string} name the package, by its own name for ourselves */
function versionOf(name) {
  return require(`${name}/package.json`).version
}

/** @param {string} line */
function showProgress(line) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
  else process.stderr.write(line ? `${line}\n` : '')
}

/**
 * One store, one round, one process.
 *
 * @param {import('./measure.js').Job} job
 * @param {(measured: { operation: string, atOnce: number, figures: import('./measure.js').Figures }) => void} onMeasured
 */
async function runInChild(job, onMeasured) {
  const child = fork(path.join(__dirname, 'measure.js'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  child.on('message', onMeasured)
  child.send(job)
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`The measurement of ${job.store} failed`)
}

/** @param {string} mongoUrl @param {(client: import('mongodb').MongoClient) => Promise<any>} work */
async function withClient(mongoUrl, work) {
  const { MongoClient } = require('mongodb')
  const client = new MongoClient(mongoUrl)
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

/**
 * @typedef {{ operation: string, atOnce: number, store: string, round: number } & import('./measure.js').Figures} Measurement
 *
 * @param {ReturnType<typeof readOptions>} options @param {string} mongoUrl
 * @returns {Promise<Measurement[]>}
 */
async function measureAll(options, mongoUrl) {
  const scenarios = options.operations.flatMap((operation) =>
    options.atOnce.map((atOnce) => ({ operation, atOnce }))
  )
  const total = scenarios.length * options.stores.length * options.rounds
  const dbName = `bench_${randomBytes(4).toString('hex')}`
  const job = { mongoUrl, dbName, scenarios, size: options.size, seconds: options.seconds }
  /** @type {Measurement[]} */
  const measured = []

  for (let round = 0; round < options.rounds; round++) {
    // Each store is first in some round: a machine that slows down during the run slows all of them.
    const first = round % options.stores.length
    for (const store of [...options.stores.slice(first), ...options.stores.slice(0, first)]) {
      showProgress(`${measured.length}/${total}  round ${round + 1} of ${options.rounds}  ${store}`)
      await runInChild(
        { ...job, store, warmupSeconds: options.seconds / 3 },
        ({ operation, atOnce, figures }) => {
          measured.push({ operation, atOnce, store, round, ...figures })
          if (process.stderr.isTTY)
            showProgress(`${measured.length}/${total}  ${store}  ${operation} at ${atOnce}`)
        }
      )
      await withClient(mongoUrl, (client) => client.db(dbName).dropDatabase())
    }
  }
  showProgress('')
  return measured
}

/**
 * The measurements of one operation at one concurrency: each store's medians, and our figures divided by each other
 * store's, round by round.
 *
 * @param {Measurement[]} measured @param {string[]} stores
 */
function compare(measured, stores) {
  const of = (/** @type {string} */ store) => measured.filter((one) => one.store === store)
  const [ours, ...others] = stores
  return {
    stores: stores.map((store) => ({
      store,
      ...Object.fromEntries(FIGURES.map((figure) => [figure, summary(of(store).map((one) => one[figure]))])),
    })),
    ratios: others.map((store) => ({
      store: `ratio to ${store}`,
      ...Object.fromEntries(
        FIGURES.map((figure) => [
          figure,
          summary(of(store).map((one, round) => of(ours)[round][figure] / one[figure])),
        ])
      ),
    })),
  }
}

/** @typedef {{ median: number, min: number, max: number }} Summary */

/** @param {Summary} summary */
const spreadOf = ({ median, min, max }) => `${Math.round((100 * (max - min)) / 2 / median)}%`

/** @param {Summary} summary @param {number} digits */
function asNumber(summary, digits) {
  const options = { maximumFractionDigits: digits, minimumFractionDigits: digits }
  return `${summary.median.toLocaleString('en', options)} ±${spreadOf(summary)}`
}

/** @param {Summary} summary */
const asRatio = (summary) => `${summary.median.toFixed(2)}× ±${spreadOf(summary)}`

/** @param {string[]} cells */
const row = ([label, ...cells]) => `  ${label.padEnd(26)}${cells.map((cell) => cell.padStart(15)).join('')}`

/** @param {any[]} results */
function table(results) {
  const head = row(['', 'operations/s', 'p50 ms', 'p99 ms', 'main thread µs', 'CPU µs'])
  const digits = [0, 2, 2, 1, 1]
  const lines = []
  for (const { operation, atOnce, stores, ratios } of results) {
    lines.push(`\n${operation}, ${atOnce} at once`, head)
    for (const one of stores)
      lines.push(row([one.store, ...FIGURES.map((name, i) => asNumber(one[name], digits[i]))]))
    for (const one of ratios) lines.push(row([one.store, ...FIGURES.map((name) => asRatio(one[name]))]))
  }
  return lines.join('\n')
}

/** @param {ReturnType<typeof readOptions>} options @param {string} mongoUrl */
async function surroundings(options, mongoUrl) {
  const { version } = await withClient(mongoUrl, (client) => client.db('admin').command({ buildInfo: 1 }))
  const packages = [...options.stores.map((name) => STORES[name].module), 'mongodb', 'express-session']
  return {
    date: new Date().toISOString(),
    command: `npm run bench -- ${process.argv.slice(2).join(' ')}`,
    versions: {
      ...Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
      node: process.versions.node,
      mongod: version,
    },
    machine: {
      system: `${os.type()} ${os.release()} ${os.arch()}`,
      cpu: os.cpus()[0]?.model ?? 'unknown',
      cores: os.availableParallelism(),
      loadAverage: os.loadavg()[0],
    },
  }
}

/** @param {Awaited<ReturnType<typeof surroundings>>} about */
function heading({ versions, machine }) {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const load = machine.loadAverage.toFixed(1)
  return `${names.join(', ')}\n${machine.cores} cores, ${machine.cpu}, ${machine.system}, load ${load} at the start`
}

/** @param {ReturnType<typeof readOptions>} options @param {string} mongoUrl */
async function bench(options, mongoUrl) {
  const about = await surroundings(options, mongoUrl)
  console.log(heading(about))
  const measured = await measureAll(options, mongoUrl)
  const results = options.operations.flatMap((operation) =>
    options.atOnce.map((atOnce) => {
      const these = measured.filter((one) => one.operation === operation && one.atOnce === atOnce)
      return { operation, atOnce, ...compare(these, options.stores), measurements: these }
    })
  )
  console.log(table(results))
  console.log(`\nMedians of ${options.rounds} rounds; ± is half of the distance between the extremes.`)
  if (options.json)
    await writeFile(options.json, `${JSON.stringify({ ...about, options, results }, null, 2)}\n`)
}

module.exports = { HELP, bench, readOptions }
