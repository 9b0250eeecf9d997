// What a document holds, as far as can be told without a secret and without the session: its format and the kind of its id. The server
// sends type and first characters alone, so that a million sessions are told apart without being read.
'use strict'

/**
 * @typedef {'plain' | 'document' | 'kruptein' | 'web-crypto' | 'sealed' | 'connect-mongo-3' | 'none' | 'unknown'} Format
 * @typedef {'hash' | 'keyed-hash' | 'plain' | 'not-text'} IdKind
 *
 * @typedef {object} Head what FORMAT_FIELDS ask the server for
 * @property {string} type of the session's value, as $type names it
 * @property {string | null} [head] its first characters
 * @property {string | null} [first] the type of its field "0"
 */

const HEAD_CHARACTERS = 24

/** What a projection in an aggregation asks for. */
const FORMAT_FIELDS = {
  type: { $type: '$session' },
  head: {
    $cond: [
      { $eq: [{ $type: '$session' }, 'string'] },
      { $substrCP: ['$session', 0, HEAD_CHARACTERS] },
      null,
    ],
  },
  first: { $type: '$session.0' },
}

/** @type {Record<Format, string>} */
const FORMAT_NAMES = {
  plain: 'plain text',
  document: 'plain document (stringify: false)',
  kruptein: 'encrypted, kruptein (connect-mongo 4 to 6)',
  'web-crypto': 'encrypted, Web Crypto',
  sealed: 'encrypted, sealed',
  'connect-mongo-3': 'encrypted, connect-mongo 3',
  none: 'no session',
  unknown: 'unknown',
}

/** @type {Record<IdKind, string>} */
const ID_NAMES = {
  plain: 'plain',
  hash: 'hashed, without a secret',
  'keyed-hash': 'hashed, under a secret',
  'not-text': 'no text',
}

/** A DER SEQUENCE whose length takes two bytes or more: as base64, as hex, as it is. */
const DER = /^(?:MI[GHIJKLMN]|30(?:81|82|83)|0[\x81-\x83])/
/** An envelope of kruptein 2, or of later ones without ASN.1. */
const KRUPTEIN_JSON = /^\{"(?:hmac|ct|key|iv|at|aad|salt)":"/
/** That of connect-mongo 3, which its serializer has made JSON of once more. */
const V3_JSON = /^"?\{\\?"(?:hmac|ct)\\?":\\?"/
const BASE64_OR_HEX = /^[\w+/=-]+$/

/** @param {string} head @returns {Format} */
function formatOfText(head) {
  if (head.startsWith('"')) return V3_JSON.test(head) ? 'connect-mongo-3' : 'plain'
  if (KRUPTEIN_JSON.test(head)) return 'kruptein'
  if (DER.test(head)) return 'kruptein'
  if (head.length === HEAD_CHARACTERS && BASE64_OR_HEX.test(head)) return 'web-crypto'
  return 'plain'
}

/** @param {Head} head @returns {Format} */
function formatOf({ type, head, first }) {
  if (type === 'string') return formatOfText(head ?? '')
  if (type === 'binData') return 'sealed'
  if (type === 'object') return first === 'string' ? 'connect-mongo-3' : 'document'
  return type === 'missing' || type === 'null' ? 'none' : 'unknown'
}

const HASHED = /(hmac-)?sha256:[\w-]{43}$/

/** @param {unknown} id a storage id @returns {IdKind} */
function idKindOf(id) {
  if (typeof id !== 'string') return 'not-text'
  const match = HASHED.exec(id)
  if (!match) return 'plain'
  return match[1] === undefined ? 'hash' : 'keyed-hash'
}

/** @param {Format} format */
function isEncrypted(format) {
  return ['kruptein', 'web-crypto', 'sealed', 'connect-mongo-3'].includes(format)
}

/** @param {Format} format */
function isPlain(format) {
  return format === 'plain' || format === 'document'
}

/**
 * What a store with these options writes.
 *
 * @param {Record<string, any>} options of a store
 * @returns {Format | undefined} nothing where an adapter decides
 */
function formatWritten({ crypto, cryptoAdapter, stringify = true, serialize }) {
  if (cryptoAdapter) return undefined
  if (crypto && crypto.secret !== false) return crypto.format === 'sealed' ? 'sealed' : 'kruptein'
  if (serialize) return undefined
  return stringify ? 'plain' : 'document'
}

module.exports = {
  FORMAT_FIELDS,
  HEAD_CHARACTERS,
  FORMAT_NAMES,
  ID_NAMES,
  formatOf,
  formatWritten,
  idKindOf,
  isEncrypted,
  isPlain,
}
