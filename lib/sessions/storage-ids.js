// Under which ids a session may be stored. With the option hashId that is a hash of its id, so that whoever reads the database
// cannot present one. Pure.
'use strict'

const { createHash, createHmac, createSecretKey } = require('node:crypto')

/** @typedef {boolean | { secret?: string | string[], acceptPlainIds?: boolean, writePlainIds?: boolean }} HashId */

/** Hashed with every id, so that no hash made for another purpose is one of ours, nor one of ours of use elsewhere. */
const PURPOSE = 'connect-mongo-native hashId\0'

/** What a stored id looks like: 256 bits in base64url, after the name of the function. */
const HASHED = /^(?:hmac-)?sha256:[\w-]{43}$/

/** @param {string} id */
function sha256(id) {
  return `sha256:${createHash('sha256').update(`${PURPOSE}${id}`).digest('base64url')}`
}

/** @param {string} secret @returns {(id: string) => string} */
function hmacSha256(secret) {
  const key = createSecretKey(secret, 'utf8')
  return (id) => `hmac-sha256:${createHmac('sha256', key).update(`${PURPOSE}${id}`).digest('base64url')}`
}

/**
 * On this thread: to wait for another one takes ten times as long as the hash.
 *
 * @param {{ hashId?: HashId, prefix?: string }} options
 * @returns {(id: string) => string[]} the ids under which a session may be stored, first that of today
 */
function storageIds({ hashId, prefix }) {
  const unprefixed = withoutPrefix(hashId)
  return prefix ? (id) => unprefixed(id).map((one) => prefix + one) : unprefixed
}

/** @param {HashId} [hashId] @returns {(id: string) => string[]} */
function withoutPrefix(hashId) {
  if (!hashId) return (id) => [id]
  const { secret, acceptPlainIds = false, writePlainIds = false } = hashId === true ? {} : hashId
  const hashes = secret === undefined ? [sha256] : [secret].flat().map(hmacSha256)
  return (id) => {
    // Two secrets may be one key, and what is of today must not be removed as old.
    const hashed = [...new Set(hashes.map((hash) => hash(id)))]
    // A stored id is no session id: otherwise one that was read in the database would be worth as much as what it hides.
    if (!acceptPlainIds || HASHED.test(id)) return hashed
    return writePlainIds ? [id, ...hashed] : [...hashed, id]
  }
}

module.exports = { storageIds }
