// What is known of objects of any class without anybody seeing it, such as sessions, which frameworks compare by their properties.
'use strict'

const { isObject } = require('./objects.js')

/**
 * @template T
 * @typedef {object} Notes
 * @property {(value: unknown) => boolean} has
 * @property {(value: unknown) => T | undefined} get
 * @property {(object: object, note: T) => void} set
 */

/** As a base class it gives its fields to the object that it is called with. */
const Adopted = /** @type {new (object: object) => object} */ (
  /** @type {unknown} */ (
    function adopt(/** @type {object} */ object) {
      return object
    }
  )
)

/**
 * In private fields: with a WeakMap every session costs ten times as much, most of it when garbage is collected.
 *
 * @template T
 * @returns {Notes<T>}
 */
function notes() {
  /** Of those that take no field, such as frozen ones. @type {WeakMap<object, T>} */
  const others = new WeakMap()

  class Noted extends Adopted {
    /** @type {T} */
    #note

    /** @param {object} object @param {T} note */
    constructor(object, note) {
      super(object)
      this.#note = note
    }

    /** @param {unknown} value */
    static has(value) {
      return isObject(value) && (#note in value || others.has(value))
    }

    /** @param {unknown} value */
    static get(value) {
      if (!isObject(value)) return undefined
      return #note in value ? value.#note : others.get(value)
    }

    /** @param {object} object @param {T} note */
    static set(object, note) {
      if (#note in object) object.#note = note
      else if (Object.isExtensible(object)) new Noted(object, note)
      else others.set(object, note)
    }
  }
  return Noted
}

module.exports = { notes }
