'use strict'

const { WALK_HELP, addWalkOptions, renderWalk, walk } = require('../walks.js')

/** @typedef {import('../main.js').Context} Context */

/** Without the store, which would make its indexes. @param {Context} context @returns {Promise<import('../main.js').Outcome>} */
async function countOnly({ connect }) {
  const connection = await connect()
  connection.requireOption('reindex', 'index')
  const { collection, scope } = await connection.driver()
  const live = { $and: [scope, { $or: [{ expires: { $exists: false } }, { expires: { $gt: new Date() } }] }] }
  const scanned = await collection.countDocuments(live)
  const withoutHandle = await collection.countDocuments({ $and: [live, { handle: { $exists: false } }] })
  return { report: { dryRun: true, scanned, indexed: scanned, withoutHandle, done: true } }
}

/** @type {import('../main.js').CommandModule} */
module.exports = {
  usage: 'reindex',
  summary: 'index all sessions by the option index, so that those of a user are found',
  help: `It needs the app's options with index (--config). It makes the indexes that are not there, as the app does when it starts, and
stores the values of all sessions anew. --dry-run counts them. It may run beside the app.
${WALK_HELP}`,
  define: addWalkOptions,
  async run(context) {
    if (context.flags.dryRun) return countOnly(context)
    const connection = await context.connect()
    connection.requireOption('reindex', 'index')
    const store = connection.store()
    return walk(context, (options) => store.reindex(options))
  },
  render(report, screen) {
    const walked = renderWalk(report, screen, ['indexed', 'would be indexed'], report.indexed)
    if (!report.dryRun) return walked
    return `${walked}\n\n${report.withoutHandle.toLocaleString('en')} of them have never been indexed.`
  },
}
