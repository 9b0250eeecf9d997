// `store.reencrypt()`: every session of the collection, stored as it would be written today.
'use strict'

const { lastOf, walkOptionsOf } = require('./walk.js')

/**
 * @typedef {import('../collection/port.js').SelectedSession} SelectedSession
 * @typedef {import('../crypto/crypto-options.js').ReencryptOptions} Options
 * @typedef {import('../crypto/crypto-options.js').ReencryptProgress} Progress
 *
 * @typedef {SelectedSession & { storageId: string }} ReadableSession
 *
 * @typedef {object} Rewriter
 * @property {() => Promise<number>} count
 * @property {(after: string | undefined, limit: number) => Promise<SelectedSession[]>} scan
 * @property {(session: ReadableSession) => Promise<boolean>} rewrite whether the session was still stored as it was
 */

/**
 * A document without a session has nothing that a secret could open, and one without an id could not be found again.
 *
 * @param {SelectedSession} session
 * @returns {session is ReadableSession}
 */
function isReadable(session) {
  const { storageId, session: value, failure } = session
  return storageId !== undefined && failure === undefined && value !== undefined && value !== null
}

/**
 * A session is replaced only as it was read: what another process writes meanwhile stays.
 *
 * @param {Rewriter} rewriter
 * @param {Options} options
 * @param {() => boolean} isClosing
 * @returns {Promise<Progress>}
 */
async function reencrypt(rewriter, { dryRun = false, ...options }, isClosing) {
  const { batchSize, after, signal, onProgress } = walkOptionsOf(options)
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
    const rewrite = dryRun ? async () => true : rewriter.rewrite
    const replaced = await Promise.all(readable.map(rewrite))
    const rewritten = replaced.filter(Boolean).length
    progress.scanned += batch.length
    progress.rewritten += rewritten
    progress.changed += replaced.length - rewritten
    progress.unreadable += outdated.length - readable.length
    progress.done = batch.length < batchSize
    const last = lastOf(batch)
    // From there on the same batch would come again.
    if (last === undefined && !progress.done)
      throw new Error(`None of ${batchSize} ids is valid text: reencrypt needs a larger batchSize`)
    progress.last = last ?? progress.last
    onProgress({ ...progress })
  }
  return progress
}

module.exports = { reencrypt }
