// `store.hashIds()`: every session that is stored under its plain id, moved to its hash.
'use strict'

const { nextLive, walkOptionsOf, walkWithProgress } = require('./walk.js')

/**
 * @typedef {import('../collection/port.js').Query} Query
 * @typedef {import('../collection/port.js').SelectedSession} SelectedSession
 * @typedef {{ total: number, scanned: number, moved: number, changed: number, unreadable: number, last: string | undefined, done: boolean }} Progress
 * @typedef {import('./walk.js').WalkOptions<Progress> & { dryRun?: boolean }} Options
 *
 * @typedef {SelectedSession & { storageId: string }} PlainSession
 *
 * @typedef {object} Mover
 * @property {(query: Query) => Promise<number>} count
 * @property {(selection: import('../collection/port.js').Selection) => Promise<SelectedSession[]>} select
 * @property {(session: PlainSession) => Promise<boolean>} move whether the session was still stored as it was
 */

/** A transaction each, on a connection each. */
const MOVES_AT_ONCE = 32

/** That of storage-ids.js, with whatever prefix before it. */
const HASHED = { $regex: '(hmac-)?sha256:[A-Za-z0-9_-]{43}$' }

/** @param {SelectedSession} selected @returns {selected is PlainSession} */
function isMovable(selected) {
  return selected.storageId !== undefined && selected.failure === undefined
}

/** @param {string | undefined} after @param {number} limit */
function nextPlain(after, limit) {
  const { where, ...selection } = nextLive(after, limit)
  return { ...selection, where: { $and: [where, { _id: { $not: HASHED } }] } }
}

/**
 * A session moves only as it was read: what another process writes meanwhile stays, where it was.
 *
 * @param {Mover} mover
 * @param {Options} options
 * @param {() => boolean} isClosing
 * @returns {Promise<Progress>}
 */
async function hashIds(mover, { dryRun = false, ...options }, isClosing) {
  const walkOptions = walkOptionsOf(options)
  const { after: last } = walkOptions
  const total = await mover.count({ where: nextPlain(last, 0).where, state: 'live' })
  /** @type {Progress} */
  const progress = { total, scanned: 0, moved: 0, changed: 0, unreadable: 0, last, done: false }
  const move = dryRun ? async () => true : mover.move
  const next = (/** @type {string | undefined} */ after, /** @type {number} */ limit) =>
    mover.select({ ...nextPlain(after, limit), stored: 'of-all' })
  return walkWithProgress(next, walkOptions, progress, isClosing, async (batch) => {
    const movable = batch.filter(isMovable)
    for (let at = 0; at < movable.length; at += MOVES_AT_ONCE) {
      const moved = await Promise.all(movable.slice(at, at + MOVES_AT_ONCE).map(move))
      const count = moved.filter(Boolean).length
      progress.moved += count
      progress.changed += moved.length - count
    }
    progress.unreadable += batch.length - movable.length
  })
}

module.exports = { hashIds }
