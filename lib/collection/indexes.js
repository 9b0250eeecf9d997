// The indexes that a store asks for: to have expired sessions removed, and to find sessions by their values.
'use strict'

/**
 * @typedef {object} WantedIndex
 * @property {string[]} fields those behind a `-` in descending order
 * @property {number} [expireAfterSeconds] how long after the date of its field the server removes a session
 * @property {string} [onlyWith] it is of the sessions alone that have this field
 * @property {boolean} mayChange whether one that removes sessions at another time is changed
 */

const TTL_INDEX = { fields: ['expires'], expireAfterSeconds: 0, mayChange: false }

/** What a TTL index takes. */
const MOST_SECONDS = 2 ** 31 - 1

/** @param {Record<string, any>} options of a store @returns {WantedIndex[]} */
function ofRemoval({ autoRemove, expiryGrace, maxLifetimeSeconds }) {
  if (autoRemove !== 'native') return []
  const grace = expiryGrace ?? 0
  const ttl = { ...TTL_INDEX, expireAfterSeconds: grace, mayChange: expiryGrace !== undefined }
  if (maxLifetimeSeconds === undefined) return [ttl]
  const lifetime = {
    fields: ['createdAt'],
    expireAfterSeconds: Math.min(maxLifetimeSeconds + grace, MOST_SECONDS),
    mayChange: true,
  }
  return [ttl, lifetime]
}

/** @param {string[]} keys of the option `index` @returns {WantedIndex[]} */
function ofKeys(keys) {
  if (keys.length === 0) return []
  const byKey = keys.map((key) => ({
    fields: [`index.${key}`, '-handle'],
    onlyWith: `index.${key}`,
    mayChange: false,
  }))
  return [...byKey, { fields: ['handle'], onlyWith: 'handle', mayChange: false }]
}

/** @param {Record<string, any>} options of a store */
function indexesOf(options) {
  return {
    indexes: [...ofRemoval(options), ...ofKeys(Object.keys(options.index ?? {}))],
    unwantedIndex: options.autoRemove === 'disabled' ? TTL_INDEX : undefined,
  }
}

/**
 * What changes the time of an index that is there, in the words of mongosh.
 *
 * @param {Record<string, any>} options of a store
 * @param {string} field of the index
 * @returns {string | undefined} nothing for one that is not to be changed
 */
function changeByHand(options, field) {
  const wanted = ofRemoval(options).find(({ fields, mayChange }) => mayChange && fields[0] === field)
  if (!wanted) return undefined
  const index = `{ keyPattern: { ${field}: 1 }, expireAfterSeconds: ${wanted.expireAfterSeconds} }`
  return `db.runCommand({ collMod: ${JSON.stringify(options.collectionName)}, index: ${index} })`
}

module.exports = { changeByHand, indexesOf }
