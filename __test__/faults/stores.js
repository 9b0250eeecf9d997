// The stores that stand a fault, which are opened here or in processes of their own.
'use strict'

/**
 * @typedef {'connect-mongo-native' | 'connect-mongo'} StoreName
 *
 * @typedef {object} Subject what is to stand the fault
 * @property {StoreName} storeName
 * @property {import('../support/backends.js').Backend} [backend] of ours
 */

/** @type {Record<StoreName, () => Promise<any>>} */
const STORES = {
  'connect-mongo-native': async () => require('../..'),
  'connect-mongo': async () => (await import('connect-mongo')).default,
}

/** @param {Subject} subject @param {string} mongoUrl @param {Record<string, unknown>} [options] */
async function openStore({ storeName, backend }, mongoUrl, options) {
  const MongoStore = await STORES[storeName]()
  return MongoStore.create({ mongoUrl, autoRemove: 'disabled', ...(backend && { backend }), ...options })
}

module.exports = { STORES, openStore }
