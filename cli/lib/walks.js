// What goes through all sessions by a method of the store: with progress, and so that it can be broken off and go on.
'use strict'

const { InvalidArgumentError } = require('commander')
const { CliError } = require('./errors.js')

/**
 * @typedef {import('commander').Command} Command
 * @typedef {import('./main.js').Context} Context
 * @typedef {Record<string, any> & { total: number, scanned: number, last?: string, done: boolean }} Progress of a method
 */

const DEFAULT_BATCH = 500

const WALK_HELP = `Ctrl-C ends it after the batch under way; --after goes on from there.

Exit codes: 0 fine, 1 it failed, was interrupted, or some sessions cannot be read, 2 wrong usage`

/** @param {string} text */
function batchOf(text) {
  const size = Number(text)
  if (Number.isInteger(size) && size >= 1 && size <= 10_000) return size
  throw new InvalidArgumentError('It must be a number from 1 to 10000.')
}

/** @param {Command} command */
function addWalkOptions(command) {
  return command
    .option('--dry-run', 'change nothing, and count what would be changed')
    .option('--after <id>', 'go on behind this storage id, which an interrupted run has printed')
    .option('--batch <sessions>', 'how many at a time', batchOf, DEFAULT_BATCH)
}

/** @param {string | undefined} last */
function howToGoOn(last) {
  // A session id may hold anything that a shell takes for its own.
  return last === undefined ? 'Run it again.' : `Go on with --after '${last.replaceAll("'", "'\\''")}'.`
}

/**
 * @param {Context} context
 * @param {(options: object) => Promise<Progress>} method of a store
 */
async function walk({ flags, signal, progress }, method) {
  /** @type {import('./progress.js').Progress | undefined} */
  let shown
  /** @type {string | undefined} */
  let last = flags.after
  const onProgress = (/** @type {Progress} */ now) => {
    last = now.last
    shown ??= progress('sessions', now.total)
    shown.update(now.scanned)
  }
  const { after, batch: batchSize, dryRun } = flags
  try {
    const report = await method({ after, batchSize, dryRun, signal, onProgress })
    return { report: { dryRun: Boolean(dryRun), ...report }, exitCode: exitCodeOf(report) }
  } catch (error) {
    const { message } = /** @type {Error} */ (error)
    throw shown ? new CliError(`${message}\n${howToGoOn(last)}`) : error
  } finally {
    shown?.stop()
  }
}

/** @param {Progress} report */
function exitCodeOf({ done, unreadable }) {
  return done && unreadable === 0 ? 0 : 1
}

/**
 * @param {Progress} report
 * @param {import('./main.js').ScreenOf} screen
 * @param {[did: string, would: string]} words
 * @param {number} count of those that the words are about
 * @returns {string}
 */
function renderWalk({ dryRun, scanned, changed, unreadable, last, done }, screen, [did, would], count) {
  const rows = [
    ['looked at', scanned],
    [dryRun ? would : did, count],
  ]
  if (changed > 0) rows.push(['changed by others meanwhile', changed])
  if (unreadable > 0) rows.push(['cannot be read', unreadable])
  const cells = rows.map(([label, number]) => [label, number.toLocaleString('en')])
  const table = screen.table(cells, { align: ['left', 'right'] })
  return done ? table : `${table}\n\nInterrupted. ${howToGoOn(last)}`
}

module.exports = { WALK_HELP, addWalkOptions, renderWalk, walk }
