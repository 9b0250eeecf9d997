// The store as an app has it that brings a MongoClient: every `mongoUrl` becomes a client of a JavaScript driver.
'use strict'

const NativeStore = require('../..')

/**
 * @param {string} driver the name of a `mongodb` package
 * @returns {typeof NativeStore} a class that is called as the original is
 */
function storeWithClient(driver) {
  const { MongoClient } = require(driver)

  /**
   * @template {NativeStore.SessionData} T
   * @param {NativeStore.ConnectMongoOptions<T>} options
   * @returns {NativeStore.ConnectMongoOptions<T>}
   */
  function withClient(options) {
    if (!options?.mongoUrl) return options
    const { mongoUrl, mongoOptions, ...rest } = options
    return { ...rest, client: new MongoClient(mongoUrl, mongoOptions ?? {}) }
  }

  /**
   * @template {NativeStore.SessionData} [T=NativeStore.SessionData]
   * @extends {NativeStore<T>}
   */
  class ClientStore extends NativeStore {
    /** @param {NativeStore.ConnectMongoOptions<T>} options */
    constructor(options) {
      super(withClient(options))
    }

    /**
     * @template {NativeStore.SessionData} [U=NativeStore.SessionData]
     * @param {NativeStore.ConnectMongoOptions<U>} options
     * @returns {NativeStore<U>}
     */
    static create(options) {
      return new ClientStore(options)
    }
  }

  return ClientStore
}

module.exports = { storeWithClient }
