// What the package gives to CommonJS: the class, which carries everything else. index.d.ts has the types.
'use strict'

const { createKrupteinAdapter, createWebCryptoAdapter } = require('./lib/crypto/adapters.js')
const { MongoStore } = require('./lib/store/mongo-store.js')

module.exports = Object.assign(MongoStore, {
  MongoStore,
  default: MongoStore,
  createKrupteinAdapter,
  createWebCryptoAdapter,
})
