// `store.reencrypt()`: every session of the collection, stored as it would be written today.
'use strict'

/**
 * @typedef {import('../collection/port.js').ScannedSession} ScannedSession
 * @typedef {import('../crypto/crypto-options.js').ReencryptOptions} Options
 * @typedef {import('../crypto/crypto-options.js').ReencryptProgress} Progress
 *
 * @typedef {object} Rewriter
 * @property {() => Promise<number>} count
 * @property {(after: string | undefined, limit: number) => Promise<ScannedSession[]>} scan
 * @property {(session: ScannedSession) => Promise<boolean>} rewrite whether the session was still stored as it was
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

/** A document without a session has nothing that a secret could open. @param {ScannedSession} session */
function isReadable({ session, failure }) {
  return failure === undefined && session !== undefined && session !== null
}

/**
 * A session is replaced only as it was read: what another process writes meanwhile stays.
 *
 * @param {Rewriter} rewriter
 * @param {Options} options
 * @param {() => boolean} isClosing
 * @returns {Promise<Progress>}
 */
async function reencrypt(rewriter, options, isClosing) {
  const { batchSize, after, signal, onProgress } = checked(options)
  /** @type {Progress} */
  const progress = {
    total: await rewriter.count(),
    scanned: 0,
    rewritten: 0,
    changed: 0,
    unreadable: 0,
    last: after,
    done: false,
  }
  while (!progress.done && !signal?.aborted && !isClosing()) {
    const batch = await rewriter.scan(progress.last, batchSize)
    const outdated = batch.filter(({ isCurrent }) => !isCurrent)
    const readable = outdated.filter(isReadable)
    const replaced = await Promise.all(readable.map((session) => rewriter.rewrite(session)))
    const rewritten = replaced.filter(Boolean).length
    progress.scanned += batch.length
    progress.rewritten += rewritten
    progress.changed += replaced.length - rewritten
    progress.unreadable += outdated.length - readable.length
    progress.last = batch.at(-1)?.storageId ?? progress.last
    progress.done = batch.length < batchSize
    onProgress({ ...progress })
  }
  return progress
}

module.exports = { reencrypt }
