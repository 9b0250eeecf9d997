// How the native collection takes and gives the values of sessions: text as it is, anything else as BSON, made by the copy of the
// `bson` package that the app's classes are from.
'use strict'

const { errorOf } = require('../errors.js')
const { isUint8Array } = require('../objects.js')
const { appBson } = require('./bson.js')
const { serialize } = require('./bson-types.js')

/** @import { Frozen, Values } from './port.js' */

/** What does not fit into the `bson` package's buffer comes back cut off, or is an error that names an offset. */
const BSON_BUFFER_BYTES = 17 * 1024 * 1024

/** @param {unknown} error @returns {boolean} whether something was written behind the end of a buffer */
function isBeyondBuffer(error) {
  const { name, code, message } = /** @type {NodeJS.ErrnoException} */ (error ?? {})
  return name === 'RangeError' && (code === 'ERR_OUT_OF_RANGE' || message === 'offset is out of bounds')
}

/** @param {unknown} [cause] */
function tooLargeError(cause) {
  const message = `The session takes ${BSON_BUFFER_BYTES} bytes or more as BSON, larger than MongoDB's limit of 16777216`
  const error = errorOf({ name: 'MongoInvalidArgumentError', message })
  return cause === undefined ? error : Object.defineProperty(error, 'cause', { value: cause })
}

/** Where a wrapper's first element has its name: after the length of the document and the type of the element. */
const NAME_AT = 5
const NAME = Buffer.from('session\0')

let isSerializing = false

/**
 * The wrapper that the addon takes a session in. The `bson` package has one buffer for all that it serializes: what a
 * `toBSON` or a getter has it serialize in the meantime overwrites the session, be that the session of another call.
 *
 * @param {unknown} session
 * @param {import('bson').SerializeOptions} options
 */
function wrapped(session, options) {
  if (isSerializing) throw new Error('A session cannot be set while another one is being serialized')
  isSerializing = true
  try {
    const payload = /** @type {Buffer} */ (serialize(appBson(), { session }, options))
    const isEmpty = payload.length === NAME_AT
    if (isEmpty || NAME.equals(payload.subarray(NAME_AT, NAME_AT + NAME.length))) return payload
  } catch (error) {
    throw isBeyondBuffer(error) ? tooLargeError(error) : error
  } finally {
    isSerializing = false
  }
  throw new Error(
    'The session was overwritten while it was serialized, because its toBSON uses the bson package'
  )
}

/** @implements {Values} */
class NativeValues {
  #serializeOptions
  #deserializeOptions

  /** @param {import('../mongo/connection.js').Connection} connection */
  constructor({ serializeOptions, deserializeOptions }) {
    this.#serializeOptions = serializeOptions
    this.#deserializeOptions = deserializeOptions
  }

  /**
   * At once, before anybody can change the value.
   *
   * @param {unknown} value
   * @returns {string | Buffer}
   */
  encode(value) {
    if (typeof value === 'string') return value
    const payload = wrapped(value, this.#serializeOptions)
    if (payload.length < BSON_BUFFER_BYTES) return payload
    throw tooLargeError()
  }

  /** @param {string | Uint8Array | undefined} payload text, or BSON with the value as `session` */
  decode(payload) {
    if (!isUint8Array(payload)) return payload
    return appBson().deserialize(payload, this.#deserializeOptions).session
  }

  /** @param {unknown} value @returns {Frozen} */
  freeze(value) {
    return this.encode(value)
  }

  /** @param {Frozen} frozen */
  thaw(frozen) {
    return this.decode(frozen)
  }
}

module.exports = { NativeValues }
