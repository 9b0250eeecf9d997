// What there is to know of the server: its kind, its clock, what its user may do.
'use strict'

const { randomUUID } = require('node:crypto')

/** @typedef {any} Collection of the JavaScript driver */

const CLOCK_QUESTIONS = 5
const UNAUTHORIZED = 13
const IMMUTABLE_FIELD = 66

/** @param {any} db @returns {Promise<any>} */
function hello(db) {
  return db.command({ hello: 1 }).catch(() => db.command({ isMaster: 1 }))
}

/** @param {any} db @returns {Promise<{ version: string, kind: string, members?: number }>} */
async function describeServer(db) {
  const { version } = await db.command({ buildInfo: 1 })
  const { setName, msg, hosts } = await hello(db)
  if (msg === 'isdbgrid') return { version, kind: 'sharded cluster' }
  if (setName) return { version, kind: 'replica set', members: hosts?.length }
  return { version, kind: 'standalone' }
}

/**
 * By the quickest of some answers, whose time on the way counts as an error.
 *
 * @param {any} db
 * @returns {Promise<{ skewMs: number, errorMs: number }>} how far this computer's clock is ahead of the server's
 */
async function clockSkew(db) {
  let best = { skewMs: 0, errorMs: Number.POSITIVE_INFINITY }
  for (let question = 0; question < CLOCK_QUESTIONS; question++) {
    const before = Date.now()
    const { localTime } = await hello(db)
    const after = Date.now()
    const errorMs = (after - before) / 2
    if (errorMs < best.errorMs) best = { skewMs: (before + after) / 2 - Number(localTime), errorMs }
  }
  return { skewMs: Math.round(best.skewMs), errorMs: Math.ceil(best.errorMs) }
}

/** @param {any} client @returns {Promise<any>} nothing where the server does not tell */
async function defaultWriteConcern(client) {
  const reply = await client
    .db('admin')
    .command({ getDefaultRWConcern: 1 })
    .catch(() => undefined)
  return reply?.defaultWriteConcern
}

/** What a store does, and with which of MongoDB's rights. */
const RIGHTS = /** @type {const} */ ({
  find: 'read sessions',
  insert: 'create sessions',
  update: 'write sessions',
  remove: 'remove sessions',
  listIndexes: 'look at the indexes',
  createIndex: 'make the TTL index',
  collMod: 'change the time of a TTL index',
})

/** @typedef {keyof typeof RIGHTS} Right */

/**
 * Each is tried by what finds no document, and creates none.
 *
 * @param {Collection} collection
 * @returns {Partial<Record<Right, () => Promise<unknown>>>}
 */
function trials(collection) {
  const nobody = { _id: `connect-mongo-native-doctor-${randomUUID()}` }
  return {
    find: () => collection.findOne(nobody),
    // The server refuses another _id than that of the filter, once it has found the right to insert.
    insert: () => collection.updateOne(nobody, { $setOnInsert: { _id: null } }, { upsert: true }),
    update: () => collection.updateOne(nobody, { $unset: { session: '' } }),
    remove: () => collection.deleteOne(nobody),
    listIndexes: () => collection.indexes(),
  }
}

/** @param {() => Promise<unknown>} trial @returns {Promise<boolean>} */
async function isAllowed(trial) {
  try {
    await trial()
    return true
  } catch (error) {
    const { code, codeName } = /** @type {any} */ (error)
    if (code === UNAUTHORIZED) return false
    if (code === IMMUTABLE_FIELD || codeName === 'NamespaceNotFound') return true
    throw error
  }
}

/** @param {any} resource @param {string} db @param {string} collection */
function covers(resource, db, collection) {
  if (resource.anyResource) return true
  if (resource.db === undefined) return false
  return [db, ''].includes(resource.db) && [collection, ''].includes(resource.collection)
}

/** @param {any} db @param {string} collection @returns {Promise<Set<string> | undefined>} the user's actions; nothing where anybody may do anything */
async function privileges(db, collection) {
  const { authInfo } = await db.command({ connectionStatus: 1, showPrivileges: true })
  if (authInfo.authenticatedUsers.length === 0) return undefined
  const granted = authInfo.authenticatedUserPrivileges ?? []
  const ours = granted.filter((/** @type {any} */ one) => covers(one.resource, db.databaseName, collection))
  return new Set(ours.flatMap((/** @type {any} */ { actions }) => actions))
}

/**
 * @param {any} db
 * @param {Collection} collection
 * @param {boolean} isThere whether the collection exists: what would create it is not tried
 * @returns {Promise<Record<Right, boolean>>}
 */
async function rightsOf(db, collection, isThere) {
  const actions = await privileges(db, collection.collectionName).catch(() => undefined)
  const tried = isThere ? trials(collection) : {}
  /** @type {Partial<Record<Right, boolean>>} */
  const rights = {}
  for (const right of /** @type {Right[]} */ (Object.keys(RIGHTS))) {
    const trial = tried[right]
    const isGranted = actions === undefined || actions.has('anyAction') || actions.has(right)
    // That of insert needs the right to update as well.
    const isTold = right === 'insert' && actions !== undefined
    rights[right] = trial && !isTold ? await isAllowed(trial) : isGranted
  }
  return /** @type {Record<Right, boolean>} */ (rights)
}

module.exports = { RIGHTS, clockSkew, defaultWriteConcern, describeServer, rightsOf }
