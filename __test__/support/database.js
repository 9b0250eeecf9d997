// A database of the test's own: the store under test, and a client of the official driver to look at what it wrote.
'use strict'

const { MongoClient } = require('mongodb')
const MongoStore = require('../..')
const { freshDatabaseUrl } = require('./server.js')

/**
 * @param {import('node:test').TestContext} t
 * @param {string} [url] of a server that the test started; the shared one otherwise
 * @param {import('mongodb').MongoClientOptions} [clientOptions]
 */
async function openDatabase(t, url, clientOptions) {
  const address = url ?? (await freshDatabaseUrl(t.name))
  const client = await MongoClient.connect(address, clientOptions)
  const db = client.db()
  /** @type {InstanceType<typeof MongoStore>[]} */
  const stores = []
  t.after(async () => {
    await Promise.all(stores.map((store) => store.close()))
    if (url === undefined) await db.dropDatabase()
    await client.close()
  })
  return {
    url: address,
    db,
    sessions: /** @type {import('mongodb').Collection<any>} */ (db.collection('sessions')),
    /** Opens a store on this database that is closed with the test. */
    open(options = {}) {
      const store = new MongoStore({ mongoUrl: address, ...options })
      stores.push(store)
      return store
    },
  }
}

/**
 * Lists what reaches the server from here on.
 *
 * @param {import('mongodb').Db} db
 */
async function profile(db) {
  await db.command({ profile: 2 })
  const seen = (/** @type {string[]} */ ops) =>
    db
      .collection('system.profile')
      .find({ ns: `${db.databaseName}.sessions`, op: { $in: ops } })
      .toArray()
  return {
    writes: () => seen(['insert', 'update', 'remove']),
    reads: () => seen(['query', 'getmore', 'command']),
  }
}

module.exports = { openDatabase, profile }
