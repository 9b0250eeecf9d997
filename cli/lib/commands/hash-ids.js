'use strict'

const { WALK_HELP, addWalkOptions, renderWalk, walk } = require('../walks.js')

/** @type {import('../main.js').CommandModule} */
module.exports = {
  usage: 'hash-ids',
  summary: 'move the sessions that are stored under plain ids to their hashes',
  help: `It needs the app's options with hashId (--config), and a replica set or a sharded cluster: each session moves in a transaction.
It may run beside the app, once all of its processes have hashId without writePlainIds (the second step of docs/hashed-ids.md):
others do not find what has moved. A hash under an older secret stays, since nobody can tell its id. ${WALK_HELP}`,
  define: addWalkOptions,
  async run(context) {
    const connection = await context.connect()
    connection.requireOption('hash-ids', 'hashId')
    connection.requireDriver()
    const store = connection.storeWithoutIndexes({ backend: 'driver' })
    return walk(context, (options) => store.hashIds(options))
  },
  render: (report, screen) => renderWalk(report, screen, ['moved', 'would move'], report.moved),
}
