'use strict'

/** @typedef {import('../main.js').Connection} Connection */

/** @param {Connection} connection @param {string[]} ids @param {boolean} isStored @returns {Promise<{ id: string, isThere: boolean }[]>} */
async function lookUp(connection, ids, isStored) {
  const { collection } = await connection.driver()
  return Promise.all(
    ids.map(async (id) => {
      const storageIds = isStored ? [id] : await connection.storageIds(id)
      const found = await collection.findOne({ _id: { $in: storageIds } }, { projection: { _id: 1 } })
      return { id, isThere: found !== null }
    })
  )
}

/** @type {import('../main.js').CommandModule} */
module.exports = {
  usage: 'rm <id...>',
  summary: 'remove sessions: their users are logged out',
  help: `ID is a session id, as req.sessionID has it; the config's hashId, transformId and prefix are followed. One that begins with - goes behind --: rm -- -abc.

Exit codes: 0 fine, 1 one of them was not there, or it failed, 2 wrong usage`,
  define(command) {
    command
      .option('--stored', 'IDs are storage ids: each an _id in the collection')
      .option('--dry-run', 'remove nothing, and tell which are there')
  },
  async run({ flags, connect }, ids) {
    const connection = await connect()
    const sessions = await lookUp(connection, [...new Set(ids)], flags.stored)
    const there = sessions.filter(({ isThere }) => isThere)
    if (!flags.dryRun) {
      const store = flags.stored ? connection.rawStore() : connection.storeWithoutIndexes()
      for (const { id } of there) await store.destroy(id)
    }
    const exitCode = there.length === sessions.length ? 0 : 1
    return { report: { dryRun: Boolean(flags.dryRun), removed: there.length, sessions }, exitCode }
  },
  render({ dryRun, sessions }, screen) {
    const verdict = dryRun ? 'would be removed' : 'removed'
    const rows = sessions.map((/** @type {any} */ { id, isThere }) => [id, isThere ? verdict : 'not there'])
    return screen.table(rows)
  },
}
