// One order for all stores of the process that have the same collection, as far as it can be told from their options.
'use strict'

const { createHash } = require('node:crypto')
const { Order } = require('../order.js')

/** @typedef {Record<string, any>} Options */

/** Of stores with a `mongoUrl`. @type {Map<string, WeakRef<SharedOrder>>} */
const byUrl = new Map()
/** Of stores that were given a client, or a promise of one. @type {WeakMap<object, Map<string, SharedOrder>>} */
const byClient = new WeakMap()

const forgotten = new FinalizationRegistry((/** @type {string} */ key) => {
  if (!byUrl.get(key)?.deref()) byUrl.delete(key)
})

class SharedOrder extends Order {
  #stores = 0
  #others = 0

  /** @param {boolean} isKept whether the collection keeps the order of this store's calls by itself */
  join(isKept) {
    this.#stores++
    if (!isKept) this.#others++
  }

  /** @param {boolean} isKept */
  leave(isKept) {
    this.#stores--
    if (!isKept) this.#others--
  }

  /** Whether several stores have it. */
  get isShared() {
    return this.#stores > 1
  }

  /** Whether the calls of some store are in no other order. */
  get isNeeded() {
    return this.#others > 0
  }
}

/** @param {Options} options @returns {string} */
function nameOf({ dbName, mongoOptions, collectionName }) {
  return JSON.stringify([dbName || mongoOptions?.dbName, collectionName])
}

/** @param {object} client @param {string} name */
function orderOfClient(client, name) {
  const orders = byClient.get(client) ?? new Map()
  byClient.set(client, orders)
  const order = orders.get(name) ?? new SharedOrder()
  orders.set(name, order)
  return order
}

/** @param {string} url which may hold a password @param {string} name */
function orderOfUrl(url, name) {
  const key = createHash('sha256')
    .update(JSON.stringify([url, name]))
    .digest('base64')
  const known = byUrl.get(key)?.deref()
  if (known) return known
  const order = new SharedOrder()
  byUrl.set(key, new WeakRef(order))
  forgotten.register(order, key)
  return order
}

/** @param {Options} options of a store @returns {SharedOrder} */
function sharedOrder(options) {
  const { mongoUrl, clientPromise, client } = options
  if (mongoUrl) return orderOfUrl(mongoUrl, nameOf(options))
  const given = clientPromise || client
  // Anything else fails each call.
  return Object(given) === given ? orderOfClient(given, nameOf(options)) : new SharedOrder()
}

module.exports = { SharedOrder, sharedOrder }
