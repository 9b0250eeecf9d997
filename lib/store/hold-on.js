// Methods that know their store, wherever they are called.
'use strict'

/** @typedef {Record<string, any>} Store */

/**
 * Lets methods and accessors of the class reach the private fields of their store: taken off it, and on what apps put around it, a
 * Proxy or an object made of it. Looked up each time, for those who put something else in their place later, as tests do.
 *
 * @param {Store} store
 * @param {Function} ofClass
 */
function holdOn(store, ofClass) {
  for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(ofClass.prototype))) {
    if (get) holdOnAccessor(store, name)
    // A class can do without touch, as far as frameworks go.
    else if (name !== 'constructor' && typeof Reflect.get(store, name) === 'function')
      holdOnMethod(store, name)
  }
}

/** @param {object | null} object @param {string} name @returns {PropertyDescriptor | undefined} its own, or the one that it inherits */
function descriptorOf(object, name) {
  if (object === null) return undefined
  return Object.getOwnPropertyDescriptor(object, name) ?? descriptorOf(Object.getPrototypeOf(object), name)
}

/** @param {Store} store @param {string} name */
function holdOnAccessor(store, name) {
  const get = () => Reflect.get(Object.getPrototypeOf(store), name, store)
  const set = (/** @type {unknown} */ value) => {
    Reflect.set(Object.getPrototypeOf(store), name, value, store)
  }
  const isReadOnly = descriptorOf(store, name)?.set === undefined
  Object.defineProperty(store, name, { get, set: isReadOnly ? undefined : set, configurable: true })
}

/** @param {Store} store @param {string} name */
function holdOnMethod(store, name) {
  const value = (/** @type {unknown[]} */ ...args) => Object.getPrototypeOf(store)[name].apply(store, args)
  Object.defineProperty(store, name, { value, configurable: true, writable: true })
}

module.exports = { holdOn }
