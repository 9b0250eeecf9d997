// What is asked of documents in place of the sessions in them: sizes, dates, and by what a format is told. A server that cannot tell
// sends whole documents, one batch after the other.
'use strict'

const { FORMAT_FIELDS, HEAD_CHARACTERS, formatOf, idKindOf } = require('./formats.js')
const { requireFromApp } = require('./packages.js')

/**
 * @typedef {import('./connection.js').Driver} Driver
 *
 * @typedef {object} Head
 * @property {unknown} id
 * @property {import('./formats.js').IdKind} idKind
 * @property {import('./formats.js').Format} format
 * @property {number} bytes
 * @property {Date} [expires]
 * @property {Date} [createdAt]
 * @property {Date} [updatedAt]
 * @property {Date} [lastModified]
 */

const DATES = /** @type {const} */ (['expires', 'createdAt', 'updatedAt', 'lastModified'])
const DOCUMENTS_A_BATCH = 2_000

/** @param {string} field only what is a date */
const dateOf = (field) => ({ $cond: [{ $eq: [{ $type: `$${field}` }, 'date'] }, `$${field}`, '$$REMOVE'] })

const FIELDS = {
  ...FORMAT_FIELDS,
  ...Object.fromEntries(DATES.map((field) => [field, dateOf(field)])),
  bytes: { $bsonSize: '$$ROOT' },
}

/**
 * CommandNotFound, CommandNotSupported, InvalidPipelineOperator, NotImplemented and their like: a server that is not MongoDB does not know
 * all of its expressions. The last but one: text that is not UTF-8, which MongoDB does not cut.
 */
const CANNOT_TELL = new Set([59, 115, 168, 238, 303, 304, 31325, 34459, 40324])

/** @param {any} document an answer to FIELDS @returns {Head} */
function headOfFields({ _id, type, head, first, bytes, ...dates }) {
  return {
    id: _id,
    idKind: idKindOf(_id),
    format: formatOf({ type, head, first }),
    bytes: Number(bytes),
    ...dates,
  }
}

/** @param {unknown} value @returns {string} as $type names it, as far as formats are told by that */
function typeOf(value) {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (typeof value === 'string') return 'string'
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof Date) return 'other'
  const { _bsontype: bsonType } = /** @type {any} */ (value)
  return bsonType === undefined ? 'object' : bsonType === 'Binary' ? 'binData' : 'other'
}

/** @param {any} document a whole one @param {any} BSON @returns {Head} */
function headOfDocument(document, BSON) {
  const { _id, session } = document
  const dates = DATES.filter((field) => document[field] instanceof Date).map((field) => [
    field,
    document[field],
  ])
  return headOfFields({
    _id,
    type: typeOf(session),
    head: typeof session === 'string' ? session.slice(0, HEAD_CHARACTERS) : null,
    first: typeOf(session?.[0]),
    bytes: BSON.calculateObjectSize(document),
    ...Object.fromEntries(dates),
  })
}

/**
 * @typedef {object} Asked
 * @property {object} [where] a filter; without one, all sessions of the store
 * @property {number} [sample] how many, at random
 * @property {string} [readPreference]
 */

/** @param {Driver} driver @param {Asked} asked @returns {AsyncGenerator<Head, void, undefined>} */
async function* told({ collection, scope }, { where = scope, sample, readPreference }) {
  const picked = sample === undefined ? [] : [{ $sample: { size: sample } }]
  const stages = [{ $match: where }, ...picked, { $project: FIELDS }]
  for await (const document of collection.aggregate(stages, optionsOf(readPreference)))
    yield headOfFields(document)
}

/** @param {Driver} driver @param {Asked} asked @returns {AsyncGenerator<Head, void, undefined>} */
async function* looked({ collection, scope }, { where = scope, sample = 0, readPreference }) {
  const { BSON } = requireFromApp('mongodb')
  for await (const document of collection.find(where, optionsOf(readPreference)).limit(sample))
    yield headOfDocument(document, BSON)
}

/** @param {string} [readPreference] */
function optionsOf(readPreference) {
  return { batchSize: DOCUMENTS_A_BATCH, readPreference, enableUtf8Validation: false }
}

/**
 * @template T
 * @param {Driver} driver
 * @param {Asked} asked
 * @param {(heads: AsyncGenerator<Head, void, undefined>) => Promise<T>} use once more, from the beginning, where the server cannot tell
 * @returns {Promise<T>}
 */
async function withHeads(driver, asked, use) {
  try {
    return await use(told(driver, asked))
  } catch (error) {
    if (!CANNOT_TELL.has(/** @type {any} */ (error).code)) throw error
  }
  return use(looked(driver, asked))
}

/** @param {Driver} driver @param {Asked} asked @returns {Promise<Head[]>} */
function listHeads(driver, asked) {
  return withHeads(driver, asked, async (heads) => {
    const all = []
    for await (const head of heads) all.push(head)
    return all
  })
}

module.exports = { DATES, listHeads, withHeads }
