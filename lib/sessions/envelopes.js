// What encrypted sessions look like to whoever has no secret, in all the forms in which they have been stored. Pure.
'use strict'

const { bytesOfBinary, isObject, isUint8Array } = require('../objects.js')

/** BSON binary data of the generic subtype, as whatever class the driver made of it. @param {any} value */
const isBinary = (value) => isUint8Array(value) || (value?._bsontype === 'Binary' && value.sub_type === 0)

/**
 * A copy: WebAssembly would be given the whole of the buffer that a view is of, which is that of all documents of a batch.
 *
 * @param {any} value
 */
const bytesOf = (value) => new Uint8Array(isUint8Array(value) ? value : bytesOfBinary(value))

/**
 * connect-mongo 3.2 stored text as a document with a field for each character.
 *
 * @param {unknown} value
 * @returns {string | undefined}
 */
function spreadText(value) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const characters = Object.entries(value)
  const isSpread = characters.every(
    ([name, one], index) => name === String(index) && typeof one === 'string' && [...one].length === 1
  )
  return isSpread && characters.length > 0 ? characters.map(([, one]) => one).join('') : undefined
}

/** @param {unknown} value @returns {string | Uint8Array | undefined} what can be encrypted of what is stored */
function ciphertextOf(value) {
  if (typeof value === 'string') return value
  return isBinary(value) ? bytesOf(value) : spreadText(value)
}

/** docs/sealed-format.md: the version, and its algorithms. */
const SEALED_VERSION = 1
const SEALED_ALGORITHMS = [1, 2]
const SEALED_LEAST_BYTES = 81

/** @param {Uint8Array} bytes */
function isSealed(bytes) {
  return (
    bytes.length >= SEALED_LEAST_BYTES && bytes[0] === SEALED_VERSION && SEALED_ALGORITHMS.includes(bytes[1])
  )
}

const SEQUENCE = 0x30
const OCTET_STRING = 0x04

/** kruptein's: a sequence, as long as these bytes are, that begins with an octet string. @param {Buffer} bytes */
function isDer(bytes) {
  const [tag, form] = bytes
  if (tag !== SEQUENCE || form === undefined) return false
  const lengthBytes = form < 0x80 ? 0 : form & 0x7f
  const contentAt = 2 + lengthBytes
  if (lengthBytes > 4 || bytes.length <= contentAt) return false
  const length = lengthBytes === 0 ? form : bytes.readUIntBE(2, lengthBytes)
  return contentAt + length === bytes.length && bytes[contentAt] === OCTET_STRING
}

/** In kruptein's encodings; Node's base64 is base64url as well. @param {string} text */
function isDerText(text) {
  return /** @type {const} */ (['base64', 'hex', 'latin1']).some((encoding) =>
    isDer(Buffer.from(text, encoding))
  )
}

/** Of kruptein and of connect-mongo 3.2. @param {unknown} value of JSON */
function isJsonEnvelope(value) {
  if (!isObject(value)) return false
  const { ct, iv, hmac, cookie } = /** @type {Record<string, unknown>} */ (value)
  return (
    typeof ct === 'string' && (typeof iv === 'string' || typeof hmac === 'string') && cookie === undefined
  )
}

/** @param {string} text @returns {unknown} */
function jsonOf(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Of one to three encodings of JSON: the serializer's may be around it. @param {unknown} value */
function isEnvelope(value) {
  if (isJsonEnvelope(value)) return true
  return typeof value === 'string' && (isDerText(value) || isJsonEnvelope(jsonOf(value)))
}

/** As long as the encrypted JSON of no session at all, in characters that encodings and those who put them together use. */
const CIPHERTEXT = /^[\w+/=.,:;$|~-]{40,}$/

/**
 * Of text that is not JSON, all that may be encrypted: an app's own adapter has a form of its own.
 *
 * @param {unknown} value as it is stored
 * @returns {boolean}
 */
function isEncrypted(value) {
  const ciphertext = ciphertextOf(value)
  if (ciphertext === undefined) return isJsonEnvelope(value)
  if (typeof ciphertext !== 'string') return isSealed(ciphertext)
  const json = jsonOf(ciphertext)
  return json === undefined ? CIPHERTEXT.test(ciphertext) || isDerText(ciphertext) : isEnvelope(json)
}

module.exports = { ciphertextOf, isEncrypted, isEnvelope }
