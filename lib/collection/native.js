// The session collection, done by the Rust addon: it makes the commands, groups them, keeps their order and encrypts.
'use strict'

const { errorOf } = require('../errors.js')
const { connected } = require('./client-source.js')
const { NativeCalls, isFailure, isThrown, isUnreadable, unreadable, unwrap } = require('./native-calls.js')
const { OpenableStore } = require('./native-store.js')
const { NativeValues } = require('./native-values.js')

/** @import { Done, SessionCollection } from './port.js' */

/**
 * @typedef {import('../../native/binding.js').SessionRecord} SessionRecord
 * @typedef {import('./client-source.js').ClientSource} ClientSource
 * @typedef {import('./native-calls.js').Operation} Operation
 * @typedef {import('./native-store.js').NativeOptions} NativeOptions
 * @typedef {import('./port.js').LoadedSession} LoadedSession
 * @typedef {import('./port.js').ScannedSession} ScannedSession
 * @typedef {import('./port.js').StoredSession} StoredSession
 * @typedef {import('./port.js').Times} Times
 */

/** @param {number | undefined} milliseconds NaN in a list of answers, `undefined` in a record, when there is no date */
function dateOf(milliseconds) {
  return milliseconds === undefined || Number.isNaN(milliseconds) ? undefined : new Date(milliseconds)
}

/** @implements {SessionCollection} */
class NativeCollection {
  name = /** @type {const} */ ('native')
  keepsOrder = true
  encrypts
  values
  #options
  #openClient
  #calls
  #store
  /** @type {ClientSource | undefined} */
  #clientSource

  /**
   * @param {NativeOptions} options
   * @param {(purpose: string) => ClientSource} openClient for those who ask for the JavaScript collection, or its client
   * @param {import('./port.js').OnNews} onNews
   */
  constructor(options, openClient, onNews) {
    const values = new NativeValues(options.connection)
    // What the addon calls knows nothing of this collection, which could never be garbage-collected otherwise.
    const calls = new NativeCalls((record) => storedSession(record, values))
    this.encrypts = options.crypter !== undefined
    this.values = values
    this.#options = options
    this.#openClient = openClient
    this.#calls = calls
    this.#store = new OpenableStore(options, (answers, failures) => calls.settle(answers, failures), onNews)
  }

  /** @param {string} storageId @param {Done<StoredSession | null>} [done] */
  find(storageId, done) {
    return this.#start((native, call) => native.find(call, storageId), done)
  }

  /**
   * @param {string} storageId
   * @param {string | Buffer} payload
   * @param {Times} times
   * @param {boolean} isUpsert
   * @param {Done<boolean>} [done]
   */
  write(storageId, payload, { expires, lastModified }, isUpsert, done) {
    return this.#start(
      (native, call) =>
        native.write(call, storageId, payload, isUpsert, expires.getTime(), lastModified?.getTime()),
      done
    )
  }

  /** @param {string} storageId @param {Times} times @param {Done<boolean>} [done] */
  touch(storageId, { expires, lastModified }, done) {
    return this.#start(
      (native, call) => native.touch(call, storageId, expires.getTime(), lastModified?.getTime()),
      done
    )
  }

  /** @param {string} storageId @param {Done<unknown>} [done] */
  remove(storageId, done) {
    return this.#start((native, call) => native.remove(call, storageId), done)
  }

  /** @param {string} storageId @returns {Promise<LoadedSession | null>} */
  async load(storageId) {
    const native = this.#store.opened ?? (await this.#store.open())
    const outcome = await native.load(storageId)
    if (isUnreadable(outcome)) return unreadable(outcome)
    const loaded = unwrap(outcome)
    return loaded && { ...storedSession(loaded.record, this.values), stored: loaded.stored }
  }

  /**
   * @param {string} storageId
   * @param {any} stored
   * @param {string | Buffer} payload
   * @param {Times} [times]
   */
  async replace(storageId, stored, payload, times) {
    const native = this.#store.opened ?? (await this.#store.open())
    const [expiresMs, lastModifiedMs] = [times?.expires.getTime(), times?.lastModified?.getTime()]
    return unwrap(await native.replace(storageId, stored, payload, expiresMs, lastModifiedMs))
  }

  /** @param {string} from @param {string} storageId @param {string | Buffer} payload @param {Times} times */
  async move(from, storageId, payload, { expires, lastModified }) {
    const native = this.#store.opened ?? (await this.#store.open())
    return unwrap(await native.move(from, storageId, payload, expires.getTime(), lastModified?.getTime()))
  }

  /** @param {string} [after] @param {number} [limit] @returns {Promise<any[]>} */
  async scan(after, limit) {
    const native = this.#store.opened ?? (await this.#store.open())
    if (limit === undefined) return unwrap(await native.all()).map((outcome) => this.#revealed(outcome))
    return unwrap(await native.scan(after, limit)).map(({ storageId, stored, session }) => ({
      storageId,
      stored,
      isCurrent: 'isCurrent' in session && session.isCurrent,
      ...this.#revealed(session),
    }))
  }

  async count() {
    const native = this.#store.opened ?? (await this.#store.open())
    return unwrap(await native.count())
  }

  async clear() {
    const native = this.#store.opened ?? (await this.#store.open())
    unwrap(await native.clear())
  }

  waitingFor() {
    const failure = this.#store.opened?.waitingFor()
    return failure ? errorOf(failure) : new Error('The names of the servers are being looked up')
  }

  sweep() {
    this.#store.opened?.sweep()
  }

  async collection() {
    const client = await this.#connectedClient('collectionP')
    const native = this.#store.opened ?? (await this.#store.open())
    unwrap(await native.started())
    return client.db(this.#options.database).collection(this.#options.collection)
  }

  async client() {
    return this.#connectedClient('clientP')
  }

  follow() {}

  /** @param {string} purpose */
  async #connectedClient(purpose) {
    this.#clientSource ??= this.#openClient(purpose)
    const { client } = await this.#clientSource.open()
    await connected(client)
    return client
  }

  async close() {
    this.#calls.giveUp()
    // At once: a silent server can keep either waiting.
    const [outcome] = await Promise.all([this.#store.close()?.close(), this.#clientSource?.close()])
    unwrap(outcome)
  }

  /**
   * What cannot be read is a failure of that session alone.
   *
   * @param {SessionRecord | import('../../native/binding.js').Failure} outcome
   * @returns {StoredSession}
   */
  #revealed(outcome) {
    if (isFailure(outcome)) return unreadable(outcome)
    try {
      return storedSession(outcome, this.values)
    } catch (failure) {
      return { session: undefined, failure }
    }
  }

  /**
   * @template T
   * @param {Operation} operation
   * @param {Done<T>} [done]
   * @returns {Promise<T> | undefined}
   */
  #start(operation, done) {
    const native = this.#store.opened
    if (!native || !done) return this.#promise(operation)
    this.#calls.start(native, operation, (failure, value) => {
      if (!failure) done(null, value)
      else done(isThrown(failure) ? failure : errorOf(failure))
    })
    return undefined
  }

  /**
   * The error is made here, where the stack is the caller's.
   *
   * @template T
   * @param {Operation} operation
   * @returns {Promise<T>}
   */
  async #promise(operation) {
    const native = this.#store.opened ?? (await this.#store.open())
    /** @type {T | import('../../native/binding.js').Failure} */
    const outcome = await new Promise((resolve, reject) => {
      this.#calls.start(native, operation, (failure, value) =>
        isThrown(failure) ? reject(failure) : resolve(failure ?? value)
      )
    })
    return unwrap(outcome)
  }
}

/** @param {SessionRecord} record @param {InstanceType<typeof NativeValues>} values @returns {StoredSession} */
function storedSession({ session, isSerialized, expiresMs, lastModifiedMs }, values) {
  return {
    session: values.decode(session),
    isSerialized,
    expires: dateOf(expiresMs),
    lastModified: dateOf(lastModifiedMs),
  }
}

module.exports = { NativeCollection }
