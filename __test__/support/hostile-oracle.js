// What a hostile session has to come to: an error, or the value that JSON or BSON makes of it. Made without the store.
'use strict'

const { isDeepStrictEqual } = require('node:util')
const { BSON } = require('mongodb')

/**
 * @typedef {object} Kind of store
 * @property {'native' | 'driver'} backend
 * @property {boolean} stringify
 * @property {{ secret: string, format?: 'kruptein' | 'sealed' }} [crypto]
 *
 * @typedef {object} Expectation
 * @property {boolean} [isError]
 * @property {boolean} [mayFail] an error is as good as the value
 * @property {any} [value] what is stored
 * @property {Date} [expires] what the session itself says about its end
 */

/** As the driver makes BSON, and reads it. @param {object} document @returns {any} */
const stored = (document) => BSON.deserialize(BSON.serialize(document, { ignoreUndefined: false }))

/** connect-mongo's serializer with `stringify: false`. @param {any} session */
function plainCopy(session) {
  const copy = { cookie: session.cookie, ...session }
  if (typeof copy.cookie?.toJSON === 'function') copy.cookie = copy.cookie.toJSON()
  return copy
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** @param {Kind} kind of a store that encrypts @param {unknown} serialized @returns {Expectation} */
function ofEncrypted({ stringify, crypto }, serialized) {
  const text = typeof serialized === 'string' ? serialized : JSON.stringify(serialized)
  if (text === undefined) return { isError: true }
  const value = JSON.parse(text)
  const isObject = typeof value === 'object'
  // connect-mongo's format does not say whether a text is JSON: it is read so where that is possible.
  const isExact = stringify || isObject || crypto?.format === 'sealed'
  return { value: isExact ? value : parsed(value), mayFail: !isObject }
}

/** With `stringify: false`, a `toBSON` can make something else of a session. @param {unknown} value */
function sessionOrNone(value) {
  return typeof value === 'object' ? value : null
}

/** @param {unknown} serialized @returns {Expectation} */
function ofBson(serialized) {
  const document = stored({ session: serialized })
  return { value: sessionOrNone(document.session), mayFail: !('session' in document) }
}

/** @param {Kind} kind @param {any} session @returns {Expectation} */
function ofValue(kind, session) {
  const { stringify, crypto } = kind
  const serialized = stringify ? JSON.stringify(session) : plainCopy(session)
  if (crypto) return ofEncrypted(kind, serialized)
  if (!stringify) return ofBson(serialized)
  return { value: serialized === undefined ? null : JSON.parse(/** @type {string} */ (serialized)) }
}

/** @param {any} session @returns {Date | undefined} */
function expiresOf(session) {
  const expires = session?.cookie?.expires
  return expires ? new Date(expires) : undefined
}

/** @param {Kind} kind @param {any} session @returns {Expectation} of `set` and what follows */
function expectationOf(kind, session) {
  if (['undefined', 'function'].includes(typeof session)) return { isError: true }
  try {
    const expectation = ofValue(kind, session)
    return { ...expectation, expires: expiresOf(session) }
  } catch {
    return { isError: true }
  }
}

/** @param {any} cookie @returns {Expectation} of `touch` */
function expectationOfTouch(cookie) {
  try {
    return { expires: expiresOf({ cookie }) }
  } catch {
    return { isError: true }
  }
}

/** Of what has no date of its own the store decides, and what has an invalid one ended in 1970. @param {Date | undefined} expires */
function isLive(expires) {
  return expires === undefined || expires.getTime() > Date.now()
}

/** Of a document: the server's rule, which takes an array for its elements. @param {any} document */
function isLiveDocument(document) {
  if (!('expires' in document)) return true
  return [document.expires].flat(1).some((one) => one instanceof Date && one.getTime() > Date.now())
}

/** @param {Kind} kind @param {any} document as another program stored it @returns {Expectation} of `get` */
function expectationOfDocument({ stringify, crypto }, document) {
  if (!isLiveDocument(document)) return { value: null }
  const { session } = stored(document)
  if (crypto) return { isError: session !== null && (stringify || session !== undefined), value: null }
  // What may be encrypted is an error, and whatever else is no session is none.
  if (!stringify) return { value: sessionOrNone(session), mayFail: true }
  try {
    return { value: JSON.parse(session), mayFail: true }
  } catch {
    return { value: null, mayFail: true }
  }
}

/** The end of a session is the document's, in the type that the session's own had. @param {any} found @param {any} expected */
function withoutExpires(found, expected) {
  const [one, other] = [found?.cookie?.expires, expected?.cookie?.expires]
  if (!one || !other || typeof one !== typeof other || one instanceof Date !== other instanceof Date)
    return found
  return { ...found, cookie: { ...found.cookie, expires: undefined } }
}

/** @param {any} found what `get` gave @param {any} expected @returns {boolean} prototypes included */
function isSame(found, expected) {
  if (isEqual(found, expected ?? null)) return true
  return isEqual(withoutExpires(found, expected), withoutExpires(expected, found))
}

/** @param {unknown} one @param {unknown} other */
function isEqual(one, other) {
  try {
    return isDeepStrictEqual(one, other)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    // From Node 26 on, JSON may be nested more deeply than the comparison can follow.
    return JSON.stringify(one) === JSON.stringify(other)
  }
}

module.exports = { expectationOf, expectationOfDocument, expectationOfTouch, isLive, isSame }
