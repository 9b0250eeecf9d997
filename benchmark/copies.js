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

/** @typedef {{ written: number, stored: number }} Counts how many sessions there are, and are to be */

/** @param {import('./stores.js').Place} place @param {Counts} counts */
function copyDocuments({ mongoUrl, dbName }, { written, stored }) {
  return withClient(mongoUrl, async (client) => {
    const sessions = client.db(dbName).collection(/** @type {any} */ ('sessions'))
    // There in the rounds after the first.
    if (await sessions.findOne({ _id: /** @type {any} */ (sidOf(stored - 1)) })) return
    const ids = /** @type {any[]} */ (Array.from({ length: written }, (_, index) => sidOf(index)))
    const documents = await sessions.find({ _id: { $in: ids } }).toArray()
    const byId = new Map(documents.map((document) => [String(document._id), document]))
    const copy = (/** @type {number} */ index) => ({
      ...byId.get(sidOf(index % written)),
      _id: /** @type {any} */ (sidOf(index)),
    })
    await inBatches(written, stored, (indexes) => sessions.insertMany(indexes.map(copy), { ordered: false }))
  })
}

/** @param {import('./stores.js').Place} place @param {Counts} counts */
async function copyKeys({ redisUrl, dbName }, { written, stored }) {
  const { createClient } = require('redis')
  const client = createClient({ url: redisUrl })
  await client.connect()
  try {
    const keyOf = (/** @type {number} */ index) => `${dbName}:${sidOf(index)}`
    // There in the rounds after the first.
    if (await client.exists(keyOf(stored - 1))) return
    const values = await client.mGet(Array.from({ length: written }, (_, index) => keyOf(index)))
    await inBatches(written, stored, (indexes) =>
      client.mSet(indexes.flatMap((index) => [keyOf(index), String(values[index % written])]))
    )
  } finally {
    client.destroy()
  }
}

/**
 * @param {string} store
 * @param {import('./stores.js').Place} place
 * @param {Counts} counts session `index` is to hold what `index % written` does
 */
async function copySessions(store, place, counts) {
  await (store === REDIS ? copyKeys(place, counts) : copyDocuments(place, counts))
}

module.exports = { copySessions }
