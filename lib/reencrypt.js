// `store.reencrypt()`: every session of the collection, stored as it would be written today.
'use strict'

/**
 * @typedef {import('./native-backend.js').OutdatedBatch} OutdatedBatch
 * @typedef {import('./native-backend.js').OutdatedSession} OutdatedSession
 *
 * @typedef {object} Progress
 * @property {number} total       live sessions when it began
 * @property {number} scanned     sessions looked at
 * @property {number} rewritten   stored anew
 * @property {number} changed     left alone, because somebody else wrote or removed them meanwhile
 * @property {number} unreadable  left alone, because no secret opens them
 * @property {string} [last]      the last storage id looked at: `after` of a later call goes on from there
 * @property {boolean} done       whether the whole collection has been seen to
 *
 * @typedef {object} Options
 * @property {number} [batchSize]                       sessions read at a time
 * @property {string} [after]                           a storage id to begin after
 * @property {AbortSignal} [signal]                     to stop after the batch under way
 * @property {(progress: Progress) => void} [onProgress] after each batch
 *
 * @typedef {object} Rewriter
 * @property {() => Promise<number>} length
 * @property {(after: string | undefined, limit: number) => Promise<OutdatedBatch>} outdated
 * @property {(session: OutdatedSession) => Promise<boolean>} replace
 */

const DEFAULT_BATCH_SIZE = 100

/** @param {Options} options */
function checked({ batchSize = DEFAULT_BATCH_SIZE, after, signal, onProgress = () => {} }) {
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 10_000) {
    throw new TypeError('batchSize must be an integer from 1 to 10000')
  }
  if (after !== undefined && typeof after !== 'string') throw new TypeError('after must be a storage id')
  return { batchSize, after, signal, onProgress }
}

/**
 * A session is replaced only as it was read: what another process writes meanwhile stays.
 *
 * @param {Rewriter} backend
 * @param {Options} options
 * @param {() => boolean} isClosing
 * @returns {Promise<Progress>}
 */
async function reencrypt(backend, options, isClosing) {
  const { batchSize, after, signal, onProgress } = checked(options)
  /** @type {Progress} */
  const progress = {
    total: await backend.length(),
    scanned: 0,
    rewritten: 0,
    changed: 0,
    unreadable: 0,
    last: after,
    done: false,
  }
  while (!progress.done && !signal?.aborted && !isClosing()) {
    const batch = await backend.outdated(progress.last, batchSize)
    const replaced = await Promise.all(batch.outdated.map((session) => backend.replace(session)))
    const rewritten = replaced.filter(Boolean).length
    progress.scanned += batch.scanned
    progress.rewritten += rewritten
    progress.changed += replaced.length - rewritten
    progress.unreadable += batch.unreadable.length
    progress.last = batch.last ?? progress.last
    progress.done = batch.scanned < batchSize
    onProgress({ ...progress })
  }
  return progress
}

module.exports = { reencrypt }
