// Makes BSON of the types of any version of the `bson` package, each of which refuses those of the others: an app has as many of
// them as it has drivers and ODMs.
'use strict'

const { isAnyArrayBuffer, isRegExp } = require('node:util').types
const { bytesOfBinary, isDate, isMap, isObject } = require('../objects.js')

/** @typedef {typeof import('bson')} Bson */

const VERSION = Symbol.for('@@mdb.bson.version')

/** What the package makes a document of, rather than a value. @param {object} value */
function isDocument(value) {
  return !(isDate(value) || isRegExp(value) || ArrayBuffer.isView(value) || isAnyArrayBuffer(value))
}

/** Copies values without the types of other versions. */
class Adoption {
  #bson
  #version
  /** What is being copied: a circle stays one, for the package to refuse. @type {Set<object>} */
  #around = new Set()

  /** @param {Bson} bson */
  constructor(bson) {
    this.#bson = bson
    this.#version = Reflect.get(new bson.MinKey(), VERSION)
  }

  /** @param {any} value @returns {any} */
  adopt(value) {
    if (!isObject(value) || this.#around.has(value)) return value
    this.#around.add(value)
    const own = this.#copy(value)
    this.#around.delete(value)
    return own
  }

  /** @param {any} object @returns {any} */
  #copy(object) {
    if (object._bsontype) return this.#isForeign(object) ? this.#ownType(object) : object
    if (typeof object.toBSON === 'function') return this.adopt(object.toBSON())
    if (Array.isArray(object)) return object.map((inner) => this.adopt(inner))
    if (!isDocument(object)) return object
    const entries = isMap(object) ? [...object] : Object.entries(object)
    return Object.fromEntries(entries.map(([key, inner]) => [key, this.adopt(inner)]))
  }

  /** A class has its name on the prototype. What has one of its own is data, such as JSON from anybody, which the package refuses. @param {any} object */
  #isForeign(object) {
    return !Object.hasOwn(object, '_bsontype') && object[VERSION] !== this.#version
  }

  /** @param {any} type of another version @returns {unknown} the same of this one */
  #ownType(type) {
    const { Binary, Code, DBRef, EJSON } = this.#bson
    const { _bsontype: name } = type
    if (name === 'Binary') return new Binary(bytesOfBinary(type), type.sub_type)
    if (name === 'Code') return new Code(type.code, this.adopt(type.scope))
    if (name === 'DBRef')
      return new DBRef(type.collection, this.adopt(type.oid), type.db, this.adopt(type.fields))
    if (typeof type.toExtendedJSON !== 'function') return type
    return EJSON.deserialize({ type: type.toExtendedJSON({ relaxed: false }) }, { relaxed: false }).type
  }
}

/**
 * @param {Bson} bson
 * @param {import('bson').Document} document
 * @param {import('bson').SerializeOptions} options
 */
function serialize(bson, document, options) {
  try {
    return bson.serialize(document, options)
  } catch (error) {
    if (/** @type {Partial<Error> | undefined} */ (error)?.name !== 'BSONVersionError') throw error
  }
  return bson.serialize(new Adoption(bson).adopt(document), options)
}

module.exports = { serialize }
