// Through a collection in batches, by storage id. Pure.
'use strict'

const DEFAULT_BATCH_SIZE = 100
const MOST_IN_A_BATCH = 10_000

/** @typedef {import('../collection/port.js').Selection} Selection */

/**
 * @template Progress
 * @typedef {{ batchSize?: number, after?: string, signal?: { readonly aborted: boolean }, onProgress?: (progress: Progress) => void }} WalkOptions
 */

/** @param {{ batchSize?: number }} options @returns {number} */
function batchSizeOf({ batchSize = DEFAULT_BATCH_SIZE }) {
  if (Number.isInteger(batchSize) && batchSize >= 1 && batchSize <= MOST_IN_A_BATCH) return batchSize
  throw new TypeError(`batchSize must be an integer from 1 to ${MOST_IN_A_BATCH}`)
}

/**
 * Those of an app for a walk that it looks on at.
 *
 * @template Progress
 * @param {WalkOptions<Progress>} options
 */
function walkOptionsOf({ batchSize, after, signal, onProgress = () => {} }) {
  if (after !== undefined && typeof after !== 'string') throw new TypeError('after must be a storage id')
  return { batchSize: batchSizeOf({ batchSize }), after, signal, onProgress }
}

/** @param {string | undefined} after a storage id @param {number} limit @returns {Selection} the next live sessions by storage id */
function nextLive(after, limit) {
  const where = { _id: after === undefined ? { $gte: '' } : { $gt: after } }
  return { where, state: 'live', sort: { _id: 1 }, limit }
}

/**
 * Each once, also those whose id is no valid text, after which nothing can be asked for.
 *
 * @template T
 * @param {(after: string | undefined, limit: number) => Promise<T[]>} next
 * @param {(one: T) => string | undefined} idOf
 * @param {number} batchSize
 * @param {string} [start] the id behind which it begins
 * @returns {AsyncGenerator<T[], void, undefined>}
 */
async function* walk(next, idOf, batchSize, start) {
  let after = start
  let limit = batchSize
  for (;;) {
    const batch = await next(after, limit)
    const isLast = batch.length < limit
    // What follows the last id that is text comes again with the next batch.
    const end = isLast ? batch.length : batch.findLastIndex((one) => idOf(one) !== undefined) + 1
    yield batch.slice(0, end)
    if (isLast) return
    if (end > 0) after = idOf(batch[end - 1])
    limit = end > 0 ? batchSize : 2 * limit
  }
}

/** The last id of a batch that is text. @param {{ storageId?: string | undefined }[]} batch */
function lastOf(batch) {
  return batch.findLast(({ storageId }) => storageId !== undefined)?.storageId
}

/**
 * A walk that an app looks on at, and can end.
 *
 * @template {{ storageId?: string | undefined }} T
 * @template {{ scanned: number, last: string | undefined, done: boolean }} Progress
 * @param {(after: string | undefined, limit: number) => Promise<T[]>} next
 * @param {ReturnType<typeof walkOptionsOf<Progress>>} options
 * @param {Progress} progress which it keeps up to date, but for what `act` counts
 * @param {() => boolean} isClosing
 * @param {(batch: T[]) => Promise<void>} act
 * @returns {Promise<Progress>}
 */
async function walkWithProgress(next, { batchSize, after, signal, onProgress }, progress, isClosing, act) {
  const isOver = () => Boolean(signal?.aborted) || isClosing()
  if (isOver()) return progress
  for await (const batch of walk(next, ({ storageId }) => storageId, batchSize, after)) {
    await act(batch)
    progress.scanned += batch.length
    progress.last = lastOf(batch) ?? progress.last
    onProgress({ ...progress })
    if (isOver()) return progress
  }
  progress.done = true
  return progress
}

module.exports = { batchSizeOf, lastOf, nextLive, walk, walkOptionsOf, walkWithProgress }
