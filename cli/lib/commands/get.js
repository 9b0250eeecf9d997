'use strict'

const { FORMAT_NAMES, ID_NAMES } = require('../formats.js')
const { DATES, listHeads } = require('../heads.js')
const { size } = require('../screen.js')

/** @param {import('../connection.js').Driver} driver @param {string[]} storageIds the newest first */
async function headOf(driver, storageIds) {
  const found = await listHeads(driver, { where: { _id: { $in: storageIds } } })
  return storageIds.map((id) => found.find((head) => head.id === id)).find((head) => head !== undefined)
}

/** @type {import('../main.js').CommandModule} */
module.exports = {
  usage: 'get <id>',
  summary: 'show a session: when it ends, its size, its format',
  help: `ID is a session id, as req.sessionID has it (a cookie has it between "s:" and the next dot). Which ids it is stored under is up to the config's hashId, transformId and prefix. One that begins with - goes behind --: get -- -abc.

Exit codes: 0 fine, 1 there is no such session, or it failed, 2 wrong usage`,
  define(command) {
    command
      .option('--stored', 'ID is a storage id: an _id in the collection')
      .option('--reveal', 'show what the session holds, too')
  },
  async run({ flags, connect }, id) {
    const connection = await connect()
    const driver = await connection.driver()
    const storageIds = flags.stored ? [id] : await connection.storageIds(id)
    const head = await headOf(driver, storageIds)
    if (!head) return { report: { isThere: false }, exitCode: 1 }
    const { id: storageId, ...known } = head
    const hasExpired = known.expires !== undefined && known.expires <= new Date()
    const report = { isThere: true, storageId, ...known, hasExpired }
    if (!flags.reveal) return { report }
    const session = await connection.rawStore().get(storageId)
    if (session) return { report: { ...report, session } }
    return { report: { ...report, isReadable: false }, exitCode: 1 }
  },
  render(report, screen) {
    if (!report.isThere) return 'There is no such session.'
    const rows = [
      ['stored as', report.storageId],
      ['id', ID_NAMES[/** @type {keyof typeof ID_NAMES} */ (report.idKind)]],
      ['format', FORMAT_NAMES[/** @type {keyof typeof FORMAT_NAMES} */ (report.format)]],
      ['size', size(report.bytes)],
      ...DATES.filter((name) => name in report).map((name) => [name, report[name].toISOString()]),
    ]
    if (report.isReadable === false && !report.hasExpired)
      rows.push(['', screen.style('red', 'cannot be read with these options: "doctor" says why')])
    if (report.hasExpired) rows.push(['', screen.style('yellow', 'has expired, and counts as none')])
    const table = screen.table(rows)
    return 'session' in report ? `${table}\n\n${JSON.stringify(report.session, null, 2)}` : table
  },
}
