// Some sessions at random: what they are, and whether they can be read.
'use strict'

const { isEncrypted, isPlain } = require('./formats.js')
const { listHeads } = require('./heads.js')

/**
 * @typedef {import('./connection.js').Driver} Driver
 * @typedef {import('./heads.js').Head} Head
 *
 * @typedef {object} Sample
 * @property {number} size
 * @property {Record<string, number>} formats
 * @property {Record<string, number>} ids by their kind
 * @property {number} withoutExpires
 * @property {number} large
 * @property {{ encrypted: number, plain: number, other: number }} unreadable
 */

const LARGE_BYTES = 1_000_000
const READS_AT_ONCE = 20
/** Other errors of MongoDB are those of a server or of the way there, which say nothing of a session. */
const OF_A_SESSION = /^(?!Mongo)|^MongoUnexpectedServerResponseError$/

/** @param {string[]} names @returns {Record<string, number>} */
function counted(names) {
  /** @type {Record<string, number>} */
  const counts = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** @param {Head} one */
function isLive({ id, expires, format }) {
  return typeof id === 'string' && format !== 'none' && (!expires || expires > new Date())
}

/**
 * Reads a session as the app would, and throws it away.
 *
 * @param {any} store that takes storage ids
 * @param {Head} one
 * @returns {Promise<boolean>}
 */
async function canRead(store, { id }) {
  let isReadable = true
  const note = (/** @type {string} */ sid) => {
    if (sid === id) isReadable = false
  }
  store.on('unreadable', note)
  try {
    await store.get(id)
  } catch (error) {
    if (!OF_A_SESSION.test(/** @type {Error} */ (error).name)) throw error
    isReadable = false
  } finally {
    store.off('unreadable', note)
  }
  return isReadable
}

/** @param {any} store @param {Head[]} documents @returns {Promise<Head[]>} */
async function unreadable(store, documents) {
  const live = documents.filter(isLive)
  const refused = []
  store.setMaxListeners(0)
  for (let at = 0; at < live.length; at += READS_AT_ONCE) {
    const batch = live.slice(at, at + READS_AT_ONCE)
    const readable = await Promise.all(batch.map((one) => canRead(store, one)))
    refused.push(...batch.filter((_, index) => !readable[index]))
  }
  return refused
}

/** @param {Driver} driver @param {any} store that takes storage ids @param {number} size @returns {Promise<Sample>} */
async function takeSample(driver, store, size) {
  const documents = await listHeads(driver, { sample: size })
  const refused = await unreadable(store, documents)
  const encrypted = refused.filter(({ format }) => isEncrypted(format)).length
  const plain = refused.filter(({ format }) => isPlain(format)).length
  return {
    size: documents.length,
    formats: counted(documents.map(({ format }) => format)),
    ids: counted(documents.map(({ idKind }) => idKind)),
    withoutExpires: documents.filter(({ expires }) => !expires).length,
    large: documents.filter(({ bytes }) => bytes > LARGE_BYTES).length,
    unreadable: { encrypted, plain, other: refused.length - encrypted - plain },
  }
}

module.exports = { takeSample }
