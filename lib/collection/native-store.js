// The addon's store: opened at once, or with the first call where the names of a mongodb+srv address have to be looked up.
'use strict'

const { closedError, errorOf, unansweredError } = require('../errors.js')
const { resolveUri } = require('../mongo/connection.js')
const { binding } = require('../rust.js')
const { appBson } = require('./bson.js')

/**
 * @typedef {import('../../native/binding.js').Failure} Failure
 * @typedef {import('../../native/binding.js').NativeStore} NativeStore
 * @typedef {import('../../native/binding.js').StoreConfig} StoreConfig
 * @typedef {import('../mongo/connection.js').Connection} Connection
 * @typedef {import('./port.js').OnNews} OnNews
 *
 * @typedef {object} NativeOptions
 * @property {Connection} connection
 * @property {string} database
 * @property {string} collection
 * @property {StoreConfig['writeConcern']} writeConcern
 * @property {boolean} timestamps
 * @property {number} maxPending
 * @property {number | undefined} operationTimeoutMS
 * @property {number} [maxLifetimeMs]
 * @property {number} graceMs
 * @property {StoreConfig['indexes']} indexes
 * @property {StoreConfig['unwantedIndex']} unwantedIndex
 * @property {InstanceType<typeof import('./scope.js').Scope>} scope
 * @property {boolean} connectionEvents
 * @property {InstanceType<typeof binding.SessionCrypter>} [crypter]
 */

class OpenableStore {
  #options
  #onAnswers
  #onNews
  /** @type {NativeStore | undefined} */
  #opened
  /** @type {Promise<NativeStore> | undefined} */
  #opening
  /** @type {(error: Error) => void} */
  #failOpening = () => {}
  #isClosed = false

  /**
   * @param {NativeOptions} options
   * @param {InstanceType<typeof import('./native-calls.js').NativeCalls>['settle']} onAnswers
   * @param {OnNews} onNews
   */
  constructor(options, onAnswers, onNews) {
    this.#options = options
    this.#onAnswers = onAnswers
    this.#onNews = onNews
    // A look-up would keep an idle process alive.
    if (!options.connection.srv) this.#openAt(options.connection.uri)
  }

  /** The store, where it is open. Awaiting `open` there would let what is called later overtake. */
  get opened() {
    return this.#opened
  }

  /** After a failure the next call looks the names up again. @returns {Promise<NativeStore>} */
  open() {
    this.#opening ??= new Promise((resolve, reject) => {
      this.#failOpening = reject
      this.#lookUpAndOpen().then(resolve, reject)
    })
    return this.#opening
  }

  /** Opens nothing any more, and fails those who wait for that. @returns {NativeStore | undefined} what is to be closed */
  close() {
    this.#isClosed = true
    this.#failOpening(unansweredError())
    return this.#opened
  }

  async #lookUpAndOpen() {
    try {
      const uri = await resolveUri(this.#options.connection)
      if (this.#isClosed) throw closedError()
      return this.#openAt(uri)
    } finally {
      this.#opening = undefined
    }
  }

  /** @param {string} uri */
  #openAt(uri) {
    this.#opened = this.#storeAt(uri)
    this.#onNews({ event: 'collection-known' })
    return this.#opened
  }

  /** @param {string} uri */
  #storeAt(uri) {
    const { scope, graceMs, ...options } = this.#options
    const { serverApi, driverInfo, trustedCertificates } = options.connection
    const connection = { uri, serverApi, driverInfo, trustedCertificates }
    const isAll = Object.keys(scope.all).length === 0
    const among = isAll ? undefined : /** @type {Buffer} */ (appBson().serialize(scope.all))
    const config = { ...options, connection, expiry: { among, graceMs } }
    const onNews = this.#onNews
    try {
      return new binding.NativeStore(
        config,
        this.#onAnswers,
        ({ event, failure, index }) => onNews({ event, error: failure && errorOf(failure), index }),
        this.#options.crypter
      )
    } catch (error) {
      const { message, code } = /** @type {NodeJS.ErrnoException} */ (error)
      throw errorOf({ name: code === 'InvalidArg' ? 'MongoParseError' : 'MongoRuntimeError', message })
    }
  }
}

module.exports = { OpenableStore }
