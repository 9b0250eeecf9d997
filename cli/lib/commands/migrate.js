// Carries sessions from the store of another package into the app's own, or back.
'use strict'

const { CliError, EXIT, UsageError } = require('../errors.js')
const { Carrying } = require('../migrate/carry.js')
const { openForeign } = require('../migrate/foreign.js')
const { openOwn, requireIds } = require('../migrate/own.js')

/**
 * @typedef {import('../main.js').Context} Context
 * @typedef {import('../main.js').Flags} Flags
 * @typedef {import('../migrate/side.js').Side} Side
 * @typedef {Record<string, any>} Report
 * @typedef {InstanceType<typeof import('../screen.js').Screen>} Screen
 */

const HELP = `The URL tells which store the other one is: redis:// connect-redis, postgres:// connect-pg-simple, mysql:// express-mysql-session,
mongodb:// connect-mongodb-session. Its driver is that of your app: redis, pg, mysql2 or mongodb. Without a value, --from and --to take
$FOREIGN_URL, which others on this computer cannot see.

Of two sessions with one id, the one that ends later is the newer one, and stays, unless --overwrite is given. To run it twice changes
nothing. docs/migrating.md says how to switch an app that runs meanwhile.

Exit codes: 0 fine, 1 it failed, was interrupted, or some sessions could not be carried, 2 wrong usage`

/** @param {import('commander').Command} command */
function define(command) {
  command
    .option('--from [url]', 'carry sessions from that store into the one of --config or --url')
    .option('--to [url]', 'carry them back to that store')
    .option('--prefix <text>', 'connect-redis: prefix (default: sess:)')
    .option(
      '--table-name <name>',
      'connect-pg-simple: tableName (session); express-mysql-session: schema.tableName (sessions)'
    )
    .option('--schema-name <name>', 'connect-pg-simple: schemaName')
    .option(
      '--column-names <pairs>',
      'express-mysql-session: schema.columnNames, as session_id=…,expires=…,data=…'
    )
    .option('--foreign-collection <name>', 'connect-mongodb-session: collection (default: sessions)')
    .option('--id-field <name>', 'connect-mongodb-session: idField (default: _id)')
    .option('--expires-key <name>', 'connect-mongodb-session: expiresKey (default: expires)')
    .option(
      '--ttl <seconds>',
      'how long a session lives whose cookie does not say (default: that of its store)'
    )
    .option('--since <time>', 'only sessions that were used since then, such as the start of the run before')
    .option('--resume <text>', 'go on where a run ended, as it said')
    .option('--overwrite', 'replace sessions that are in the target, newer or not')
    .option('--dry-run', 'count what would be carried, and change nothing')
}

/** @param {Flags} flags @returns {string} */
function foreignUrl({ from, to }) {
  if ((from === undefined) === (to === undefined))
    throw new UsageError('Give --from URL or --to URL: the other store, which --config or --url is not')
  const given = from ?? to
  const url = given === true ? process.env.FOREIGN_URL : given
  if (url) return url
  throw new UsageError('--from and --to need a URL, or FOREIGN_URL in the environment')
}

/** @param {Flags} flags @param {Side} source @returns {import('../migrate/carry.js').CarryOptions} */
function optionsOf({ ttl, since = 0, resume, overwrite, dryRun }, source) {
  const ttlSeconds = ttl === undefined ? undefined : Number(ttl)
  if (ttlSeconds !== undefined && !(ttlSeconds > 0))
    throw new UsageError(`--ttl is a number of seconds, not ${ttl}`)
  const sinceMs = new Date(since).getTime()
  if (Number.isNaN(sinceMs))
    throw new UsageError(`--since is a time such as 2026-01-31T12:00:00Z, not ${since}`)
  if (resume !== undefined && !source.isOrdered)
    throw new UsageError(
      `--resume needs an order, which ${source.name} has not: run it again, and what is there stays`
    )
  return {
    isDryRun: Boolean(dryRun),
    overwrite: Boolean(overwrite),
    from: resume ?? '',
    sinceMs,
    ttlSeconds,
  }
}

/** @param {Context} context @returns {Promise<import('../main.js').Outcome>} */
async function run(context) {
  const { flags, connect, redactor } = context
  const url = foreignUrl(flags)
  const connection = await connect()
  if (flags.to !== undefined) requireIds(connection)
  const foreign = await openForeign(url, flags, redactor)
  try {
    const own = await openOwn(connection, flags.from !== undefined && !flags.dryRun)
    const [source, target] = flags.to === undefined ? [foreign, own] : [own, foreign]
    return await carry(new Carrying(source, target, optionsOf(flags, source)), source, context)
  } finally {
    // What has ended already has been said.
    await Promise.allSettled([foreign.close()])
  }
}

/**
 * @param {InstanceType<typeof Carrying>} carrying
 * @param {Side} source
 * @param {Context} context
 * @returns {Promise<import('../main.js').Outcome>}
 */
async function carry(carrying, source, { signal, progress }) {
  const bar = progress('sessions', await source.count())
  try {
    await carrying.run(signal, (done) => bar.update(done))
  } catch (error) {
    const { message } = /** @type {Error} */ (error)
    const { position } = carrying
    throw new CliError(position === undefined ? message : `${message}. To go on, add --resume ${position}`)
  } finally {
    bar.stop()
  }
  const { report } = carrying
  const isFine = report.done && report.unreadable === 0 && report.refused === 0
  return { report, exitCode: isFine ? EXIT.FINE : EXIT.FAILED }
}

/** Why there are so many, where there are. @type {[name: string, label: string][]} */
const COUNTS = [
  ['read', 'read'],
  ['written', 'carried'],
  ['kept', 'in the target already, as new or newer'],
  ['unused', 'not used since --since'],
  ['expired', 'have ended'],
  ['withoutEnd', 'without an end in their store: that of their cookie, else --ttl from now, was taken'],
  ['unreadable', 'unreadable'],
  ['refused', 'refused by the target'],
]

/** @param {Report} report @param {Screen} screen */
function countsOf(report, screen) {
  const rows = COUNTS.filter(([name]) => name === 'read' || name === 'written' || report[name] > 0)
  const label = (/** @type {string} */ name, /** @type {string} */ text) =>
    name === 'written' && report.dryRun ? 'would be carried' : text
  return screen.table(
    rows.map(([name, text]) => [report[name].toLocaleString('en'), label(name, text)]),
    { align: ['right', 'left'] }
  )
}

/** @param {Report} report @returns {string[]} */
function lossesOf({ fieldsLeft, typesLost, isRounded }) {
  const types = Object.entries(typesLost).map(([type, count]) => `${type} in ${count}`)
  return [
    ...(fieldsLeft.length > 0
      ? [`Left behind, since the target has no place for it: ${fieldsLeft.join(', ')}`]
      : []),
    ...(types.length > 0 ? [`Carried as JSON has it, which lacks the type: ${types.join(', ')}`] : []),
    ...(isRounded ? ['Ends are rounded up to full seconds, as the target has them'] : []),
  ]
}

/** @param {string} title @param {{ id: string, problem: string }[]} named @param {number} count @returns {string[]} */
function namedOf(title, named, count) {
  if (count === 0) return []
  const lines = named.map(({ id, problem }) => `  ${id}  ${problem}`)
  const more = count > named.length ? [`  and ${count - named.length} more`] : []
  return [[`${title}, by the beginnings of the SHA-256 hashes of their ids:`, ...lines, ...more].join('\n')]
}

/** @param {Report} report @returns {string[]} */
function nextOf({ done, dryRun, resume, startedAt }) {
  if (!done)
    return [
      `Ended before it was over. ${resume === undefined ? 'Run it again' : `To go on, add --resume ${resume}`}`,
    ]
  return dryRun
    ? ['Nothing has been changed']
    : [`The next pass, for what was used meanwhile: --since ${startedAt}`]
}

/** @param {Report} report @param {Screen} screen */
function render(report, screen) {
  return [
    screen.heading(`From ${report.from}\nto   ${report.to}`),
    countsOf(report, screen),
    ...lossesOf(report),
    ...namedOf('Unreadable', report.unreadableIds, report.unreadable),
    ...namedOf('Refused', report.refusedIds, report.refused),
    ...nextOf(report),
  ].join('\n\n')
}

/** @type {import('../main.js').CommandModule} */
module.exports = {
  usage: 'migrate',
  summary: 'carry sessions from the store of another package into this one, or back',
  help: HELP,
  define,
  run,
  render,
}
