// The sessions of connect-pg-simple: https://github.com/voxpelli/node-connect-pg-simple/blob/v10.0.0/index.js. A row for each, whose
// `expire` has no time zone: it is that of the connection, for the app as for us.
'use strict'

const { CliError, serverOf } = require('../errors.js')
const { parsedSession } = require('./json.js')

/**
 * @typedef {import('./side.js').CarriedSession} CarriedSession
 * @typedef {import('./side.js').Side} Side
 */

const DEFAULT_TABLE = 'session'
const DEFAULT_TTL_SECONDS = 86_400
const COLUMNS = ['sid', 'sess', 'expire']
const END_MS = 'round(extract(epoch FROM expire::timestamptz) * 1000)::float8'
const LIVE = 'expire > now()'

/** @param {string} name */
function quoted(name) {
  return `"${name.replaceAll('"', '""')}"`
}

/** @implements {Side} */
class PostgresSide {
  isOrdered = true
  resolutionMs = 1
  keepsTypes = false
  ttlSeconds = DEFAULT_TTL_SECONDS
  name
  #client
  #table
  #fields

  /** @param {any} client @param {string} url @param {string} table quoted @param {string[]} fields */
  constructor(client, url, table, fields) {
    this.name = `connect-pg-simple at ${serverOf(url)}`
    this.#client = client
    this.#table = table
    this.#fields = fields
  }

  /** @param {string} sql @param {unknown[]} [values] @returns {Promise<any[]>} */
  async #query(sql, values) {
    const { rows } = await this.#client.query(sql, values)
    return rows
  }

  async count() {
    const [{ count }] = await this.#query(
      `SELECT count(*)::float8 AS count FROM ${this.#table} WHERE ${LIVE}`
    )
    return count
  }

  /** @param {string} from @param {number} size */
  async *batches(from, size) {
    const select = (/** @type {string} */ bound) =>
      `SELECT sid, sess::text AS sess, ${END_MS} AS ends FROM ${this.#table} WHERE sid ${bound} $1 AND ${LIVE} ORDER BY sid LIMIT $2`
    let rows = await this.#query(select('>='), [from, size])
    while (rows.length > 0) {
      yield rows.map(({ sid, sess, ends }) => parsedSession(sid, sess, ends))
      rows = await this.#query(select('>'), [rows[rows.length - 1].sid, size])
    }
  }

  fieldsBeside() {
    return this.#fields.filter((name) => !COLUMNS.includes(name))
  }

  /** @param {string[]} sids */
  async endsOf(sids) {
    const sql = `SELECT sid, ${END_MS} AS ends FROM ${this.#table} WHERE sid = ANY($1) AND ${LIVE}`
    const rows = await this.#query(sql, [sids])
    return new Map(rows.map(({ sid, ends }) => [sid, ends]))
  }

  /** Not as arrays, which the server reads slowly. @param {CarriedSession[]} sessions @param {boolean} overwrite */
  async write(sessions, overwrite) {
    const values = sessions.flatMap(({ sid, session, endMs }) => [sid, JSON.stringify(session), endMs])
    const rows = sessions.map((_, index) => {
      const [sid, sess, ends] = [1, 2, 3].map((column) => `$${3 * index + column}`)
      return `(${sid}, ${sess}::json, to_timestamp(${ends}::float8 / 1000))`
    })
    const isTaken = overwrite ? '' : 'WHERE there.expire < excluded.expire'
    const written = await this.#query(
      `INSERT INTO ${this.#table} AS there (sid, sess, expire) VALUES ${rows}
       ON CONFLICT (sid) DO UPDATE SET sess = excluded.sess, expire = excluded.expire ${isTaken} RETURNING sid`,
      values
    )
    return written.length
  }

  ping() {
    return this.#query('SELECT 1')
  }

  close() {
    return this.#client.end()
  }
}

/**
 * @param {any} client
 * @param {string} table quoted
 * @returns {Promise<string[]>} the names of its columns
 */
async function columnsOf(client, table) {
  try {
    const { fields } = await client.query(`SELECT * FROM ${table} LIMIT 0`)
    return fields.map((/** @type {{ name: string }} */ { name }) => name)
  } catch (error) {
    const { code, message } = /** @type {Error & { code?: string }} */ (error)
    if (code !== '42P01' && code !== '3F000') throw error
    throw new CliError(
      `PostgreSQL: ${message}. Name it with --table-name and --schema-name; connect-pg-simple makes it with createTableIfMissing`
    )
  }
}

/**
 * @param {string} url
 * @param {{ tableName?: string, schemaName?: string }} flags
 * @param {(name: string) => any} requireDriver
 * @returns {Promise<Side>}
 */
async function openPostgres(url, { tableName = DEFAULT_TABLE, schemaName }, requireDriver) {
  const { Client } = requireDriver('pg')
  const client = new Client({ connectionString: url })
  // Whatever it is about fails a query as well.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    throw new CliError(`PostgreSQL cannot be reached: ${/** @type {Error} */ (error).message}`)
  }
  const table = [schemaName, tableName].flatMap((name) => (name ? [quoted(name)] : [])).join('.')
  try {
    return new PostgresSide(client, url, table, await columnsOf(client, table))
  } catch (error) {
    await client.end()
    throw error
  }
}

module.exports = { openPostgres }
