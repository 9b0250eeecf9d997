// Many stored sessions in little time: copies of some that a store has written, under the ids that come after theirs.
'use strict'

const { withClient } = require('./database.js')
const { sidOf } = require('./sessions.js')
const { REDIS } = require('./stores.js')

const BATCH = 10_000

/**
 * @param {number} from @param {number} to
 * @param {(indexes: number[]) => Promise<unknown>} write
 */
async function inBatches(from, to, write) {
  for (let first = from; first < to; first += BATCH) {
    const count = Math.min(BATCH, to - first)
    await write(Array.from({ length: count }, (_, index) => first + index))
  }
}

/** @param {import('./stores.js').Place} place @param {number} stored */
function copyDocuments({ mongoUrl, dbName }, stored) {
  return withClient(mongoUrl, async (client) => {
    const sessions = client.db(dbName).collection(/** @type {any} */ ('sessions'))
    const written = await sessions.find().toArray()
    const byId = new Map(written.map((document) => [String(document._id), document]))
    const copy = (/** @type {number} */ index) => ({
      ...byId.get(sidOf(index % written.length)),
      _id: /** @type {any} */ (sidOf(index)),
    })
    await inBatches(written.length, stored, (indexes) =>
      sessions.insertMany(indexes.map(copy), { ordered: false })
    )
  })
}

/** @param {import('./stores.js').Place} place @param {number} stored */
async function copyKeys({ redisUrl, dbName }, stored) {
  const { createClient } = require('redis')
  const client = createClient({ url: redisUrl })
  await client.connect()
  try {
    const keyOf = (/** @type {number} */ index) => `${dbName}:${sidOf(index)}`
    const count = (await client.keys(`${dbName}:*`)).length
    const values = await client.mGet(Array.from({ length: count }, (_, index) => keyOf(index)))
    await inBatches(count, stored, (indexes) =>
      client.mSet(indexes.flatMap((index) => [keyOf(index), String(values[index % count])]))
    )
  } finally {
    client.destroy()
  }
}

/**
 * @param {string} store
 * @param {import('./stores.js').Place} place
 * @param {number} stored how many sessions there are to be; session `index` holds what `index % written` does
 */
async function copySessions(store, place, stored) {
  await (store === REDIS ? copyKeys(place, stored) : copyDocuments(place, stored))
}

module.exports = { copySessions }
