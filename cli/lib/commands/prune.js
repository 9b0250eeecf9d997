'use strict'

const { clockSkew } = require('../server.js')

/** @param {import('../main.js').Connection} connection @returns {Promise<number>} */
async function countExpired(connection) {
  const { db, collection, scope } = await connection.driver()
  const { expiryGrace = 0, maxLifetime } = connection.options
  const { skewMs } = await clockSkew(db)
  const nowMs = Date.now() - skewMs - expiryGrace * 1000
  /** @type {object[]} */
  const ends = [{ expires: { $lte: new Date(nowMs) } }]
  const seconds = typeof maxLifetime === 'number' ? maxLifetime : maxLifetime?.seconds
  if (seconds !== undefined) ends.push({ createdAt: { $lte: new Date(nowMs - seconds * 1000) } })
  return collection.countDocuments({ $and: [scope, { $or: ends }] })
}

/** @type {import('../main.js').CommandModule} */
module.exports = {
  usage: 'prune',
  summary: 'remove the sessions that have expired',
  help: `For cron, and where no TTL index removes them. A grace and a maximal lifetime are those of the config.

Exit codes: 0 fine, 1 it failed, 2 wrong usage`,
  define(command) {
    command.option('--dry-run', 'remove nothing, and count what would be removed')
  },
  async run({ flags, signal, connect }) {
    const connection = await connect()
    if (flags.dryRun) return { report: { dryRun: true, removed: await countExpired(connection) } }
    const removed = await connection.storeWithoutIndexes().prune({ signal })
    return { report: { dryRun: false, removed } }
  },
  render({ dryRun, removed }) {
    const count = `${removed.toLocaleString('en')} expired ${removed === 1 ? 'session' : 'sessions'}`
    return dryRun ? `${count} would be removed` : `${count} removed`
  },
}
