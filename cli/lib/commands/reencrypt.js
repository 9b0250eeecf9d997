'use strict'

const { WALK_HELP, addWalkOptions, renderWalk, walk } = require('../walks.js')

/** @type {import('../main.js').CommandModule} */
module.exports = {
  usage: 'reencrypt',
  summary: 'encrypt all sessions under the newest secret, in the format of the options',
  help: `It needs the app's options with crypto (--config), and acceptPlaintext: true to encrypt what is not encrypted.
It may run beside the app, once all of its processes know the newest secret. ${WALK_HELP}`,
  define: addWalkOptions,
  async run(context) {
    const connection = await context.connect()
    connection.requireOption('reencrypt', 'crypto', 'cryptoAdapter')
    const store = connection.storeWithoutIndexes()
    return walk(context, (options) => store.reencrypt(options))
  },
  render: (report, screen) =>
    renderWalk(report, screen, ['encrypted anew', 'would be encrypted anew'], report.rewritten),
}
