// The sessions of express-mysql-session: https://github.com/chill117/express-mysql-session/blob/v3.0.3/index.js. A row for each, which
// ends on a full second.
'use strict'

const { CliError, UsageError, serverOf } = require('../errors.js')
const { parsedSession, sessionOf } = require('./json.js')

/**
 * @typedef {import('./side.js').CarriedSession} CarriedSession
 * @typedef {import('./side.js').Side} Side
 * @typedef {{ session_id: string, expires: string, data: string }} Columns
 * @typedef {[sid: string, expiresSeconds: number, data: string]} Row
 */

const DEFAULT_TABLE = 'sessions'
const DEFAULT_COLUMNS = { session_id: 'session_id', expires: 'expires', data: 'data' }
const DEFAULT_TTL_SECONDS = 86_400

/** Of the texts of sessions, which grow by what is escaped in them. */
const PACKET_LENGTH = 250_000

function nowSeconds() {
  return Math.round(Date.now() / 1000)
}

/**
 * A server takes 16 MB at a time, or as little as 1 MB, and ends the connection that gives it more.
 *
 * @param {CarriedSession[]} sessions
 * @returns {Row[][]} a longer one for itself
 */
function inPackets(sessions) {
  /** @type {Row[][]} */
  const packets = []
  let length = Number.POSITIVE_INFINITY
  for (const { sid, session, endMs } of sessions) {
    const text = JSON.stringify(session)
    if (length + text.length > PACKET_LENGTH) {
      packets.push([])
      length = 0
    }
    packets[packets.length - 1].push([sid, endMs / 1000, text])
    length += text.length
  }
  return packets
}

/** @implements {Side} */
class MysqlSide {
  isOrdered = true
  resolutionMs = 1000
  keepsTypes = false
  ttlSeconds = DEFAULT_TTL_SECONDS
  name
  #pool
  #table
  #columns
  #fields

  /** @param {any} pool @param {string} url @param {string} table @param {Columns} columns @param {string[]} fields */
  constructor(pool, url, table, columns, fields) {
    this.name = `express-mysql-session at ${serverOf(url)}`
    this.#pool = pool
    this.#table = table
    this.#columns = columns
    this.#fields = fields
  }

  /** @param {string} sql @param {unknown[]} values @returns {Promise<any>} */
  async #query(sql, values) {
    const [answer] = await this.#pool.query(sql, values)
    return answer
  }

  async count() {
    const { expires } = this.#columns
    const sql = 'SELECT count(*) AS count FROM ?? WHERE ?? > ?'
    const [{ count }] = await this.#query(sql, [this.#table, expires, nowSeconds()])
    return Number(count)
  }

  /** @param {string} from @param {number} size */
  async *batches(from, size) {
    let rows = await this.#select('>=', from, size)
    while (rows.length > 0) {
      yield rows.map(({ sid, data, ends }) =>
        typeof data === 'string' ? parsedSession(sid, data, ends * 1000) : sessionOf(sid, data, ends * 1000)
      )
      rows = await this.#select('>', rows[rows.length - 1].sid, size)
    }
  }

  /** @param {'>' | '>='} bound @param {string} from @param {number} size @returns {Promise<any[]>} */
  #select(bound, from, size) {
    const { session_id, expires, data } = this.#columns
    return this.#query(
      `SELECT ?? AS sid, ?? AS data, ?? AS ends FROM ?? WHERE ?? ${bound} ? AND ?? > ? ORDER BY ?? LIMIT ?`,
      [session_id, data, expires, this.#table, session_id, from, expires, nowSeconds(), session_id, size]
    )
  }

  fieldsBeside() {
    const known = Object.values(this.#columns)
    return this.#fields.filter((name) => !known.includes(name))
  }

  /** @param {string[]} sids @returns {Promise<Map<string, number>>} */
  async endsOf(sids) {
    const { session_id, expires } = this.#columns
    /** @type {any[]} */
    const rows = await this.#query('SELECT ?? AS sid, ?? AS ends FROM ?? WHERE ?? IN (?) AND ?? > ?', [
      session_id,
      expires,
      this.#table,
      session_id,
      sids,
      expires,
      nowSeconds(),
    ])
    return new Map(rows.map(({ sid, ends }) => [sid, ends * 1000]))
  }

  /** @param {CarriedSession[]} sessions @param {boolean} overwrite */
  async write(sessions, overwrite) {
    for (const rows of inPackets(sessions)) await this.#insert(rows, overwrite)
    // How many rows were affected does not tell those that were there from those that were not.
    const ends = await this.endsOf(sessions.map(({ sid }) => sid))
    return sessions.filter(({ sid, endMs }) => ends.get(sid) === endMs).length
  }

  /** The assignments of one row are run in their order. @param {Row[]} rows @param {boolean} overwrite */
  #insert(rows, overwrite) {
    const { session_id, expires, data } = this.#columns
    const isLater = overwrite ? 'TRUE OR ?? < VALUES(??)' : '?? < VALUES(??)'
    const ends = [expires, expires]
    return this.#query(
      `INSERT INTO ?? (??, ??, ??) VALUES ? ON DUPLICATE KEY UPDATE
       ?? = IF(${isLater}, VALUES(??), ??), ?? = IF(${isLater}, VALUES(??), ??)`,
      [
        ...[this.#table, session_id, expires, data, rows],
        ...[data, ...ends, data, data],
        ...[expires, ...ends, expires, expires],
      ]
    )
  }

  /** Twice: the first may meet a connection that the server is about to end. */
  ping() {
    const ask = () => this.#query('SELECT 1', [])
    return ask().catch(ask)
  }

  close() {
    return this.#pool.end()
  }
}

/** @param {string} [given] `session_id=sid,expires=expires,data=data` @returns {Columns} */
function columnsOf(given) {
  const pairs = given?.split(',').map((pair) => pair.split('=')) ?? []
  for (const [name, column] of pairs) {
    if (Object.hasOwn(DEFAULT_COLUMNS, name) && column) continue
    throw new UsageError(
      '--column-names is session_id=…,expires=…,data=…, as express-mysql-session has it in columnNames'
    )
  }
  return { ...DEFAULT_COLUMNS, ...Object.fromEntries(pairs) }
}

/** @param {any} pool @param {string} table @returns {Promise<string[]>} the names of its columns */
async function fieldsOf(pool, table) {
  try {
    const [, fields] = await pool.query('SELECT * FROM ?? LIMIT 0', [table])
    return fields.map((/** @type {{ name: string }} */ { name }) => name)
  } catch (error) {
    const { code, message } = /** @type {Error & { code?: string }} */ (error)
    if (code !== 'ER_NO_SUCH_TABLE') throw new CliError(`MySQL cannot be asked: ${message}`)
    throw new CliError(
      `MySQL: ${message}. Name it with --table-name; express-mysql-session makes it when the app starts`
    )
  }
}

/**
 * @param {string} url
 * @param {{ tableName?: string, columnNames?: string }} flags
 * @param {(name: string) => any} requireDriver
 * @returns {Promise<Side>}
 */
async function openMysql(url, { tableName = DEFAULT_TABLE, columnNames }, requireDriver) {
  const columns = columnsOf(columnNames)
  const { createPool } = requireDriver('mysql2/promise')
  // A server ends the connection that a packet is too large for: the next query gets another one.
  const pool = createPool({ uri: url.replace(/^mariadb:/, 'mysql:'), connectionLimit: 1 })
  try {
    return new MysqlSide(pool, url, tableName, columns, await fieldsOf(pool, tableName))
  } catch (error) {
    await pool.end()
    throw error
  }
}

module.exports = { openMysql }
