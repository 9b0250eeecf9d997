// `stats`: what all sessions of a collection come to. The server sends sizes and dates, never a session, and nothing is kept of any.
'use strict'

const { InvalidArgumentError, Option } = require('commander')
const { serverName } = require('../connection.js')
const { FORMAT_NAMES, ID_NAMES } = require('../formats.js')
const { withHeads } = require('../heads.js')
const { indent, percent, size } = require('../screen.js')
const { clockSkew } = require('../server.js')
const { Tally } = require('../tally.js')

/**
 * @typedef {import('../connection.js').Driver} Driver
 * @typedef {import('../main.js').Context} Context
 * @typedef {import('../main.js').ScreenOf} ScreenOf
 */

const PROGRESS_EACH = 5_000
const DEFAULT_TOP = 10

const HELP = `It reads all documents once, on the server, which sends their sizes and dates and no session. On a large collection, let
a secondary do that: --read-preference secondary. Those of each user need the option index in the config; where a
secret hides the values, their hashes are shown.

Exit codes: 0 fine, 1 it failed or was interrupted, 2 wrong usage`

const READ_PREFERENCES = ['primary', 'primaryPreferred', 'secondary', 'secondaryPreferred', 'nearest']

/** @param {string} text */
function topOf(text) {
  const top = Number(text)
  if (Number.isInteger(top) && top >= 1 && top <= 1000) return top
  throw new InvalidArgumentError('It must be a number from 1 to 1000.')
}

/**
 * @param {Context} context
 * @param {Driver} driver
 * @param {Date} now
 */
async function tallied({ flags, signal, progress }, driver, now) {
  const total = await driver.collection.estimatedDocumentCount()
  return withHeads(driver, { readPreference: flags.readPreference }, async (heads) => {
    const tally = new Tally(now)
    const shown = progress('sessions', total)
    try {
      for await (const head of heads) {
        tally.add(head)
        if (tally.total % PROGRESS_EACH !== 0) continue
        shown.update(tally.total)
        if (signal.aborted) break
      }
    } finally {
      shown.stop()
    }
    return tally.report()
  })
}

/**
 * @param {Driver} driver
 * @param {string} key of the option `index`
 * @param {Record<string, any>} flags
 * @param {Date} now
 */
async function byKey({ collection, scope }, key, { top, readPreference }, now) {
  const field = `index.${key}`
  const isLive = { expires: { $gt: now }, [field]: { $exists: true } }
  const byValue = [
    { $match: { ...scope, ...isLive } },
    { $group: { _id: `$${field}`, sessions: { $sum: 1 } } },
  ]
  const options = { allowDiskUse: true, readPreference }
  const largest = [...byValue, { $sort: { sessions: -1, _id: 1 } }, { $limit: top }]
  const all = [...byValue, { $group: { _id: null, values: { $sum: 1 }, sessions: { $sum: '$sessions' } } }]
  const most = await collection.aggregate(largest, options).toArray()
  const [{ values, sessions } = { values: 0, sessions: 0 }] = await collection
    .aggregate(all, options)
    .toArray()
  return {
    key,
    values,
    sessions,
    most: most.map((/** @type {any} */ one) => ({ value: one._id, sessions: one.sessions })),
  }
}

/** @param {ScreenOf} screen @param {string} title @param {string} text */
function section(screen, title, text) {
  return text === '' ? [] : [`${screen.heading(title)}\n${indent(text)}`]
}

/** @param {Record<string, number>} counts @param {Record<string, string>} names @returns {[string, number][]} */
function named(counts, names) {
  const entries = /** @type {[string, number][]} */ (Object.entries(counts))
  return entries.sort(([, a], [, b]) => b - a).map(([name, count]) => [names[name], count])
}

/** @param {any} report @param {ScreenOf} screen */
function totals({ total, live, expired, withoutExpires, bytes }, screen) {
  const number = (/** @type {number} */ count) => count.toLocaleString('en')
  const rows = [
    ['sessions', number(total), ''],
    ['live', number(live), percent(live, total)],
    ['expired, still stored', number(expired), percent(expired, total)],
  ]
  if (withoutExpires > 0)
    rows.push(['without an end', number(withoutExpires), percent(withoutExpires, total)])
  const { total: all, mean, p50, p99, largest } = bytes
  const sizes = `mean ${size(mean)}, p50 ${size(p50)}, p99 ${size(p99)}, largest ${size(largest)}`
  rows.push(['size', size(all), ''])
  return `${screen.table(rows, { align: ['left', 'right', 'right'] })}\n${screen.style('dim', sizes)}`
}

/** @param {any} of @param {ScreenOf} screen */
function users({ key, values, sessions, most }, screen) {
  if (values === 0) return section(screen, `By ${key}`, 'no live session has a value')
  const mean = (sessions / values).toFixed(1)
  const sum = `${values.toLocaleString('en')} values, ${mean} live sessions each; those with the most:`
  const rows = most.map((/** @type {any} */ one) => [one.value, one.sessions])
  return section(screen, `By ${key}`, `${sum}\n${screen.histogram(rows, sessions)}`)
}

/** @type {import('../main.js').CommandModule} */
module.exports = {
  usage: 'stats',
  summary: 'count the sessions: live, expired, by age, size, format and user',
  help: HELP,
  define(command) {
    command
      .option('--top <values>', 'how many users to show', topOf, DEFAULT_TOP)
      .addOption(
        new Option('--read-preference <mode>', 'which members of a replica set to read from').choices(
          READ_PREFERENCES
        )
      )
  },
  async run(context) {
    const connection = await context.connect()
    const driver = await connection.driver()
    const { skewMs } = await clockSkew(driver.db)
    const now = new Date(Date.now() - skewMs)
    const counts = await tallied(context, driver, now)
    const isInterrupted = context.signal.aborted
    const keys = isInterrupted ? [] : Object.keys(connection.options.index ?? {})
    const byKeys = []
    for (const key of keys) byKeys.push(await byKey(driver, key, context.flags, now))
    const { dbName, collectionName } = driver.collection
    const report = {
      server: serverName(connection.options),
      collection: `${dbName}.${collectionName}`,
      isInterrupted,
      ...counts,
      users: byKeys,
    }
    return { report, exitCode: isInterrupted ? 1 : 0 }
  },
  render(report, screen) {
    const interrupted = report.isInterrupted ? ' (interrupted: of a part of the sessions)' : ''
    const title = `${screen.heading(report.collection)} on ${report.server}${interrupted}`
    const unknown = report.withoutCreatedAt
    const ages = report.ages.length > 0 && unknown > 0 ? [...report.ages, ['unknown', unknown]] : report.ages
    const sections = [
      title,
      totals(report, screen),
      ...section(screen, 'Live sessions end in', screen.histogram(report.endsIn)),
      ...section(screen, 'Age of live sessions', screen.histogram(ages)),
      ...section(screen, 'Size', screen.histogram(report.sizes)),
      ...section(screen, 'Format', screen.histogram(named(report.formats, FORMAT_NAMES))),
      ...section(screen, 'Ids', screen.histogram(named(report.ids, ID_NAMES))),
      ...report.users.flatMap((/** @type {any} */ of) => users(of, screen)),
    ]
    return sections.join('\n\n')
  },
}
