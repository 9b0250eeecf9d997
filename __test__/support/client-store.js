// The store as an app has it that brings a MongoClient: every `mongoUrl` becomes a client of a JavaScript driver.
'use strict'

const NativeStore = require('../..')

/**
 * @param {string} driver the name of a `mongodb` package
 * @returns {typeof NativeStore} a class that is called as the original is
 */
function storeWithClient(driver) {
  const { MongoClient } = require(driver)

  /** @param {Record<string, any>} options */
  function withClient(options) {
    if (!options?.mongoUrl) return options
    const { mongoUrl, mongoOptions, ...rest } = options
    return { ...rest, client: new MongoClient(mongoUrl, mongoOptions ?? {}) }
  }

  class ClientStore extends NativeStore {
    /** @param {Record<string, any>} options */
    constructor(options) {
      super(withClient(options))
    }

    /** @param {Record<string, any>} options */
    static create(options) {
      return new ClientStore(options)
    }
  }

  return ClientStore
}

module.exports = { storeWithClient }
