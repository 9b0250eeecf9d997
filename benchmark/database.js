// The harness's own way into the server.
'use strict'

const { randomBytes } = require('node:crypto')

/**
 * @template T
 * @param {string} mongoUrl
 * @param {(client: import('mongodb').MongoClient) => Promise<T>} work
 */
async function withClient(mongoUrl, work) {
  const { MongoClient } = require('mongodb')
  const client = new MongoClient(mongoUrl)
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

/** A database for each store of this run, all of which `dropDatabases` removes. */
const PREFIX = `bench_${randomBytes(4).toString('hex')}_`

/** @param {import('./servers.js').Servers} servers @param {string} store @returns {import('./stores.js').Place} */
function placeFor({ mongoUrl, redisUrl }, store) {
  return { mongoUrl, redisUrl, dbName: PREFIX + store }
}

/** @param {string} mongoUrl */
async function dropDatabases(mongoUrl) {
  await withClient(mongoUrl, async (client) => {
    const { databases } = await client.db().admin().listDatabases({ nameOnly: true })
    const ours = databases.filter(({ name }) => name.startsWith(PREFIX))
    for (const { name } of ours) await client.db(name).dropDatabase()
  })
}

module.exports = { dropDatabases, placeFor, withClient }
