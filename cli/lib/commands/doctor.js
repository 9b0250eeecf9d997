// `doctor`: asks the server and looks at some sessions; changes nothing.
'use strict'

const { InvalidArgumentError } = require('commander')
const { serverName } = require('../connection.js')
const { dependentsIn } = require('../dependents.js')
const findings = require('../findings.js')
const { wrap } = require('../screen.js')
const { takeSample } = require('../sample.js')
const { clockSkew, defaultWriteConcern, describeServer, rightsOf } = require('../server.js')

/**
 * @typedef {import('../findings.js').Finding} Finding
 * @typedef {import('../main.js').Connection} Connection
 */

const READS = 100
const DEFAULT_SAMPLE = 200
/** The server's own removal runs each minute, and takes its time. */
const REMOVAL_MINUTES = 5
const MOST_COUNTED = 100_000
const COUNT_TIMEOUT_MS = 30_000

const HELP = `It changes nothing. Of a collection it looks at a sample; "stats" looks at all sessions.

Exit codes: 0 nothing to do, 1 something to do (or it failed), 2 wrong usage`

/** @type {Record<Finding['status'], [sign: string, style: import('../screen.js').Style]>} */
const SIGNS = { ok: ['ok', 'green'], note: ['note', 'cyan'], advice: ['!', 'yellow'], problem: ['!!', 'red'] }

/** Those of the sign and of the name, with the space behind them. */
const LEFT_COLUMNS = 21
const LEAST_WIDTH = 30

/** @param {string} text */
function sampleSize(text) {
  const size = Number(text)
  if (Number.isInteger(size) && size >= 1 && size <= 100_000) return size
  throw new InvalidArgumentError('It must be a number from 1 to 100000.')
}

/** @param {number[]} sorted @param {number} share */
function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
}

/** @param {any} store */
async function readLatency(store) {
  await store.ping()
  const times = []
  for (let read = 0; read < READS; read++) {
    const start = performance.now()
    await store.ping()
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  return { p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99), reads: READS }
}

/** @param {import('../connection.js').Driver} driver @param {number} skewMs of this clock @param {number} graceSeconds */
async function countExpired({ collection, scope }, skewMs, graceSeconds) {
  const before = new Date(Date.now() - skewMs - REMOVAL_MINUTES * 60_000 - graceSeconds * 1000)
  const options = { limit: MOST_COUNTED, maxTimeMS: COUNT_TIMEOUT_MS }
  return collection.countDocuments({ ...scope, expires: { $lt: before } }, options)
}

/** Whoever may not list all collections may list those that they may use. */
const NAMES_ONLY = { nameOnly: true, authorizedCollections: true }

/** @param {any} db @param {any} collection */
async function isThere(db, collection) {
  const found = await db.listCollections({ name: collection.collectionName }, NAMES_ONLY).toArray()
  return found.length > 0
}

/**
 * @param {Connection} connection
 * @param {number} sampleSize
 * @returns {Promise<{ findings: Finding[], sample?: import('../sample.js').Sample }>}
 */
async function examine(connection, sampleSize) {
  const { options } = connection
  const driver = await connection.driver()
  const { client, db, collection } = driver
  const namespace = `${collection.dbName}.${collection.collectionName}`
  const server = await describeServer(db)
  const isStored = await isThere(db, collection)
  const rights = await rightsOf(db, collection, isStored)
  const clock = await clockSkew(db)
  const ofServer = [
    findings.serverFinding(server),
    findings.rightsFinding(rights, namespace, options),
    findings.writeConcernFinding(
      options.writeOperationOptions ?? collection.writeConcern,
      await defaultWriteConcern(client),
      server.kind
    ),
    findings.clockFinding(clock),
    findings.packagesFinding(dependentsIn(process.cwd())),
  ]
  if (!isStored || !rights.find)
    return {
      findings: [
        ...ofServer,
        findings.note('sessions', isStored ? 'not looked at' : `there is no ${namespace} yet`),
      ],
    }
  const store = connection.rawStore({ onDecryptError: 'error' })
  const latency = findings.latencyFinding(await readLatency(store))
  const indexes = rights.listIndexes ? await collection.indexes() : []
  const sample = await takeSample(driver, store, sampleSize)
  const expired = await countExpired(driver, clock.skewMs, options.expiryGrace ?? 0)
  return {
    findings: [
      ...ofServer,
      latency,
      ...(rights.listIndexes ? findings.indexFindings(indexes, collection.collectionName, options) : []),
      findings.expiredFinding(expired, expired === MOST_COUNTED),
      ...findings.formatFindings(sample, options),
      ...findings.idFindings(sample, options),
      ...findings.readabilityFindings(sample, options),
      ...findings.documentFindings(sample),
    ],
    sample,
  }
}

/** @param {Finding} finding @param {import('../main.js').ScreenOf} screen */
function row({ check, status, detail, advice }, screen) {
  const [sign, style] = SIGNS[status]
  const width = Math.max(screen.width - LEFT_COLUMNS, LEAST_WIDTH)
  const lines = advice ? wrap(`→ ${advice}`, width).map((line) => screen.style('bold', line)) : []
  return [screen.style(style, sign), check, [...wrap(detail, width), ...lines].join('\n')]
}

/** @type {import('../main.js').CommandModule} */
module.exports = {
  usage: 'doctor',
  summary: 'look for what is wrong, and say what to do about it',
  help: HELP,
  define(command) {
    command.option('--sample <sessions>', 'how many sessions to look at', sampleSize, DEFAULT_SAMPLE)
  },
  async run({ flags, connect }) {
    const connection = await connect()
    const examined = await examine(connection, flags.sample)
    const toDo = examined.findings.filter(({ advice }) => advice !== undefined).length
    const report = { server: serverName(connection.options), store: connection.version, toDo, ...examined }
    return { report, exitCode: toDo > 0 ? 1 : 0 }
  },
  render(report, screen) {
    const { server, store, toDo } = report
    const rows = report.findings.map((/** @type {Finding} */ finding) => row(finding, screen))
    const sum = toDo === 0 ? 'Nothing to do.' : `${toDo} ${toDo === 1 ? 'thing' : 'things'} to do.`
    return `${server}, with connect-mongo-native ${store}\n\n${screen.table(rows)}\n\n${sum}`
  },
}
