// The stores that sessions are migrated from, each as an app has it, on a real server.
'use strict'

const { randomBytes } = require('node:crypto')
const { promisify } = require('node:util')
const session = require('express-session')
const { MongoClient } = require('mongodb')
const { startMariaDb, startPostgres, startRedis, unlessInstalled } = require('./foreign-servers.js')
const { freshDatabaseUrl } = require('./server.js')

/**
 * @typedef {Record<string, any>} Session
 *
 * @typedef {object} ForeignStore
 * @property {string} url
 * @property {string[]} flags of the command line, for a store with other names than the usual ones
 * @property {(sid: string) => Promise<Session | null | undefined>} get as the package has it
 * @property {(sid: string, session: Session) => Promise<unknown>} set
 * @property {(sid: string) => Promise<number | undefined>} endOf in milliseconds since 1970, as it is stored
 * @property {(sid: string, text: string) => Promise<unknown>} spoil puts something else in the place of a session
 * @property {() => Promise<unknown>} [addField] stores something beside the sessions, as `note`
 * @property {(sid: string) => Promise<unknown>} [removeEnd]
 * @property {() => Promise<unknown>} close
 *
 * @typedef {{ hasUsualNames?: boolean }} OpenOptions
 *
 * @typedef {object} ForeignKind
 * @property {string} name of the package
 * @property {string | false} skip
 * @property {boolean} isExact whether it knows ends to the millisecond
 * @property {boolean} hasTable
 * @property {boolean} hasEndless whether it may have sessions without an end
 * @property {(options?: OpenOptions) => Promise<ForeignStore>} open
 */

/** @template T @param {() => Promise<T>} start @returns {() => Promise<T>} started when it is wanted, and once */
function once(start) {
  /** @type {Promise<T> | undefined} */
  let started
  return () => {
    started ??= start()
    return started
  }
}

const redisServer = once(startRedis)
const postgresServer = once(startPostgres)
const mariaDbServer = once(startMariaDb)

/** @param {any} store @returns {Pick<ForeignStore, 'get' | 'set'>} */
function methodsOf(store) {
  const [get, set] = [store.get, store.set].map(
    (method) => /** @type {any} */ (promisify(method.bind(store)))
  )
  return { get, set }
}

/** @param {string} text */
function fresh(text) {
  return `${text}_${randomBytes(4).toString('hex')}`
}

/** @param {OpenOptions & { url?: string }} [options] @returns {Promise<ForeignStore>} */
async function openRedis({ hasUsualNames, url } = {}) {
  const { RedisStore } = require('connect-redis')
  const { createClient } = require('redis')
  const serverUrl = url ?? (await redisServer()).url
  const prefix = hasUsualNames ? 'sess:' : `${fresh('a*[b')}:`
  const client = createClient({ url: serverUrl })
  await client.connect()
  if (hasUsualNames) await client.flushAll()
  const store = new RedisStore({ client, prefix })
  return {
    ...methodsOf(store),
    url: serverUrl,
    flags: hasUsualNames ? [] : ['--prefix', prefix],
    endOf: async (sid) => {
      const ends = Number(await client.sendCommand(['PEXPIRETIME', prefix + sid]))
      return ends < 0 ? undefined : ends
    },
    spoil: (sid, text) => client.set(prefix + sid, text),
    removeEnd: (sid) => client.persist(prefix + sid),
    close: () => client.close(),
  }
}

/** @param {OpenOptions} [options] @returns {Promise<ForeignStore>} */
async function openPostgres({ hasUsualNames } = {}) {
  // @ts-expect-error: it has no typings
  const PgStore = require('connect-pg-simple')(session)
  // @ts-expect-error: it has no typings
  const { Pool } = require('pg')
  const { url } = await postgresServer()
  const pool = new Pool({ connectionString: url })
  const schemaName = hasUsualNames ? undefined : fresh('A schema')
  const tableName = hasUsualNames ? 'session' : 'a "table"'
  const table = hasUsualNames ? 'session' : `"${schemaName}"."a ""table"""`
  if (schemaName) await pool.query(`CREATE SCHEMA "${schemaName}"`)
  const store = new PgStore({
    pool,
    schemaName,
    tableName,
    createTableIfMissing: true,
    pruneSessionInterval: false,
  })
  // Makes the table.
  await promisify(store.get.bind(store))('nobody')
  await pool.query(`TRUNCATE ${table}`)
  return {
    ...methodsOf(store),
    url,
    flags: schemaName ? ['--table-name', tableName, '--schema-name', schemaName] : [],
    endOf: async (sid) => {
      const sql = `SELECT extract(epoch FROM expire::timestamptz) * 1000 AS ends FROM ${table} WHERE sid = $1`
      const { rows } = await pool.query(sql, [sid])
      return rows[0] && Number(rows[0].ends)
    },
    spoil: (sid, text) =>
      pool.query(`UPDATE ${table} SET sess = $2 WHERE sid = $1`, [sid, JSON.stringify(text)]),
    addField: () => pool.query(`ALTER TABLE ${table} ADD COLUMN note text`),
    close: () => pool.end(),
  }
}

/** @param {OpenOptions} [options] @returns {Promise<ForeignStore>} */
async function openMysql({ hasUsualNames } = {}) {
  // @ts-expect-error: it has no typings
  const MysqlStore = require('express-mysql-session')(/** @type {any} */ (session))
  const { createPool } = require('mysql2/promise')
  const { url } = await mariaDbServer()
  const pool = createPool({ uri: url })
  const tableName = hasUsualNames ? 'sessions' : fresh('a `table')
  const columnNames = hasUsualNames
    ? { session_id: 'session_id', expires: 'expires', data: 'data' }
    : { session_id: 'id', expires: 'ends', data: 'a column' }
  const pairs = Object.entries(columnNames).map((pair) => pair.join('='))
  const store = new MysqlStore({ clearExpired: false, schema: { tableName, columnNames } }, pool)
  await store.onReady()
  await store.clear()
  return {
    ...methodsOf(store),
    url,
    flags: hasUsualNames ? [] : ['--table-name', tableName, '--column-names', pairs.join(',')],
    endOf: async (sid) => {
      const names = [columnNames.expires, tableName, columnNames.session_id]
      const [rows] = await pool.query('SELECT ?? AS ends FROM ?? WHERE ?? = ?', [...names, sid])
      const [row] = /** @type {any[]} */ (rows)
      return row && row.ends * 1000
    },
    spoil: (sid, text) =>
      pool.query('UPDATE ?? SET ?? = ? WHERE ?? = ?', [
        ...[tableName, columnNames.data, text],
        ...[columnNames.session_id, sid],
      ]),
    addField: () => pool.query('ALTER TABLE ?? ADD COLUMN note text', [tableName]),
    close: () => pool.end(),
  }
}

/** @param {OpenOptions} [options] @returns {Promise<ForeignStore & { setEnd(sid: string, end: Date): Promise<unknown> }>} */
async function openMongodb({ hasUsualNames } = {}) {
  // @ts-expect-error: it has no typings
  const MongodbStore = require('connect-mongodb-session')(session)
  const url = await freshDatabaseUrl('connect_mongodb_session')
  const collectionName = hasUsualNames ? 'sessions' : 'others'
  const idField = hasUsualNames ? '_id' : 'sid'
  const store = new MongodbStore({ uri: url, collection: collectionName, idField })
  await new Promise((resolve) => store.once('connected', resolve))
  const client = await MongoClient.connect(url)
  const collection = client.db().collection(collectionName)
  return {
    ...methodsOf(store),
    url,
    flags: hasUsualNames ? [] : ['--foreign-collection', collectionName, '--id-field', idField],
    endOf: async (sid) => {
      const found = await collection.findOne({ [idField]: sid })
      return found?.expires.getTime()
    },
    spoil: (sid, text) => collection.updateOne({ [idField]: sid }, { $set: { session: text } }),
    addField: () => collection.updateMany({}, { $set: { note: 'a note' } }),
    removeEnd: (sid) => collection.updateOne({ [idField]: sid }, { $unset: { expires: 1 } }),
    setEnd: (sid, end) => collection.updateOne({ [idField]: sid }, { $set: { expires: end } }),
    async close() {
      await client.db().dropDatabase()
      await Promise.all([client.close(), store.client.close()])
    },
  }
}

/** @type {ForeignKind[]} */
const FOREIGN_STORES = [
  {
    name: 'connect-redis',
    skip: unlessInstalled('redis-server'),
    isExact: true,
    hasTable: false,
    hasEndless: true,
    open: openRedis,
  },
  {
    name: 'connect-pg-simple',
    skip: unlessInstalled('postgres'),
    isExact: true,
    hasTable: true,
    hasEndless: false,
    open: openPostgres,
  },
  {
    name: 'express-mysql-session',
    skip: unlessInstalled('mariadbd'),
    isExact: false,
    hasTable: true,
    hasEndless: false,
    open: openMysql,
  },
  {
    name: 'connect-mongodb-session',
    skip: false,
    isExact: true,
    hasTable: false,
    hasEndless: true,
    open: openMongodb,
  },
]

module.exports = { FOREIGN_STORES, openMongodb, openPostgres, openRedis, postgresServer }
