// One byte of a stored session changed, in each part of its envelope.
'use strict'

const { fromExtended, optionsOf } = require('./encryption-vectors.js')

/**
 * @typedef {import('./encryption-vectors.js').Vector} Vector
 * @typedef {'ct' | 'hmac' | 'iv' | 'salt' | 'at' | 'aad'} Part kruptein's names for ciphertext, MAC, iv, salt, tag, associated data
 * @typedef {{ part: Part, stored: any }} Tampered
 */

const PARTS = /** @type {const} */ (['ct', 'hmac', 'iv', 'salt', 'at', 'aad'])
const DEFAULT_ENCODINGS = /** @type {const} */ (['base64', 'hex', 'latin1'])
const TAG_LENGTH = 16

/**
 * The character keeps to every encoding's alphabet, and stands for another value in each.
 *
 * @param {Uint8Array} bytes of which the middle one is changed
 */
function changeMiddle(bytes) {
  const middle = bytes.length >> 1
  const [zero, one] = Buffer.from('01')
  bytes[middle] = bytes[middle] === zero ? one : zero
}

/** @param {string} text @returns {string} */
function changedText(text) {
  const bytes = Buffer.from(text, 'latin1')
  changeMiddle(bytes)
  return bytes.toString('latin1')
}

/** @param {any} field text, or a Buffer as JSON has it */
function changedField(field) {
  if (typeof field === 'string') return changedText(field)
  const data = Uint8Array.from(field.data)
  changeMiddle(data)
  return { ...field, data: [...data] }
}

/** @param {Record<string, any>} envelope @returns {Tampered[]} */
function tamperedJson(envelope) {
  return PARTS.filter((part) => envelope[part]?.length !== 0 && part in envelope).map((part) => ({
    part,
    stored: JSON.stringify({ ...envelope, [part]: changedField(envelope[part]) }),
  }))
}

/** @param {Buffer} bytes @param {number} offset @returns {{ start: number, end: number }} of the content of the DER element there */
function derContent(bytes, offset) {
  const first = bytes[offset + 1]
  const count = first & 0x80 ? first & 0x7f : 0
  const start = offset + 2 + count
  return { start, end: start + (count ? bytes.readUIntBE(offset + 2, count) : first) }
}

/** @param {Buffer} bytes @returns {Buffer[]} the contents of a DER sequence, which share their memory with it */
function derParts(bytes) {
  const parts = []
  let { start, end } = derContent(bytes, 0)
  while (start < end) {
    const content = derContent(bytes, start)
    parts.push(bytes.subarray(content.start, content.end))
    start = content.end
  }
  return parts
}

/** @param {string} stored @param {BufferEncoding} encoding @returns {Tampered[]} */
function tamperedDer(stored, encoding) {
  const lengths = derParts(Buffer.from(stored, encoding)).map((part) => part.length)
  return PARTS.flatMap((part, index) => {
    if (!lengths[index]) return []
    const bytes = Buffer.from(stored, encoding)
    changeMiddle(derParts(bytes)[index])
    return [{ part, stored: bytes.toString(encoding) }]
  })
}

/** @param {string} stored @param {Record<string, any>} options @returns {Tampered[]} */
function tamperedKruptein(stored, { encodeas }) {
  if (stored.startsWith('{')) return tamperedJson(JSON.parse(stored))
  const isDer = (/** @type {BufferEncoding} */ encoding) => Buffer.from(stored, encoding)[0] === 0x30
  const encoding = encodeas ? encodeas : DEFAULT_ENCODINGS.find(isDer)
  return tamperedDer(stored, encoding)
}

/** @param {string} stored @param {Record<string, any>} options @returns {Tampered[]} */
function tamperedWebCrypto(stored, { algorithm = 'AES-GCM', ivLength, encoding = 'base64' }) {
  const isGcm = algorithm === 'AES-GCM'
  const ivEnd = ivLength ?? (isGcm ? 12 : 16)
  const whole = Buffer.from(stored, encoding)
  const ctEnd = whole.length - (isGcm ? TAG_LENGTH : 0)
  /** @type {[Part, number, number][]} */
  const ranges = [
    ['iv', 0, ivEnd],
    ['ct', ivEnd, ctEnd],
    ['at', ctEnd, whole.length],
  ]
  return ranges.flatMap(([part, start, end]) => {
    if (start === end) return []
    const bytes = Buffer.from(whole)
    changeMiddle(bytes.subarray(start, end))
    return [{ part, stored: bytes.toString(encoding) }]
  })
}

/**
 * connect-mongo 3.2 stored the envelope's JSON as JSON, or as a document with a field for each character.
 *
 * @param {string | Record<string, string>} stored
 * @returns {Tampered[]}
 */
function tamperedThree(stored) {
  if (typeof stored === 'string') {
    return tamperedJson(JSON.parse(JSON.parse(stored))).map(({ part, stored: text }) => ({
      part,
      stored: JSON.stringify(text),
    }))
  }
  const envelope = JSON.parse(Object.values(stored).join(''))
  return tamperedJson(envelope).map(({ part, stored: text }) => ({ part, stored: { ...text } }))
}

/** @param {Vector} vector @returns {Tampered[]} one for each part that its envelope has */
function tampered(vector) {
  const options = optionsOf(vector)
  const stored = fromExtended(vector.stored)
  if (vector.adapter === 'v3') return tamperedThree(stored)
  return vector.adapter === 'webcrypto'
    ? tamperedWebCrypto(stored, options)
    : tamperedKruptein(stored, options)
}

/** @param {string} writtenBy @returns {boolean} whether that kruptein left the iv out of its MAC */
function signsCiphertextOnly(writtenBy) {
  return /kruptein (2|3\.0)\./.test(writtenBy)
}

/**
 * Whether the format lets a change pass: AES-CBC of Web Crypto has no MAC at all, and kruptein up to 3.0 none over the iv of a cipher
 * without a tag.
 *
 * @param {Vector} vector
 * @param {Part} part
 */
function isUnprotected(vector, part) {
  if (vector.adapter === 'webcrypto') return vector.options.algorithm === 'AES-CBC'
  const hasTag = tampered(vector).some((one) => one.part === 'at')
  return part === 'iv' && !hasTag && signsCiphertextOnly(vector.writtenBy)
}

module.exports = { isUnprotected, tampered }
