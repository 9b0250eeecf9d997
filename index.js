// What the package gives to CommonJS: the class, which carries everything else. index.d.ts has the types.
'use strict'

const { MongoStore } = require('./lib/store/mongo-store.js')

// What they are made of is loaded by those who call them.
/** @type {typeof import('./lib/crypto/adapters.js').createKrupteinAdapter} */
const createKrupteinAdapter = (options) => require('./lib/crypto/adapters.js').createKrupteinAdapter(options)
/** @type {typeof import('./lib/crypto/adapters.js').createWebCryptoAdapter} */
const createWebCryptoAdapter = (options) =>
  require('./lib/crypto/adapters.js').createWebCryptoAdapter(options)

module.exports = Object.assign(MongoStore, {
  MongoStore,
  default: MongoStore,
  createKrupteinAdapter,
  createWebCryptoAdapter,
})
