// The session collection, done by the Rust addon: it makes the commands, groups them, keeps their order and encrypts.
'use strict'

const { movedMs } = require('../clock.js')
const { errorOf } = require('../errors.js')
const { appBson } = require('./bson.js')
const { NativeCalls, isFailure, isThrown, isUnreadable, unreadable, unwrap } = require('./native-calls.js')
const { OpenableStore } = require('./native-store.js')
const { NativeValues } = require('./native-values.js')
const { binding } = require('../rust.js')

/** @import { Done, SessionCollection } from './port.js' */

const { QuestionKind } = binding

/**
 * @typedef {import('../../native/binding.js').NativeStore} NativeStore
 * @typedef {import('../../native/binding.js').SessionRecord} SessionRecord
 * @typedef {import('./client-source.js').ClientSource} ClientSource
 * @typedef {import('./native-questions.js').Question} Question
 * @typedef {import('./native-store.js').NativeOptions} NativeOptions
 * @typedef {import('./port.js').LoadedSession} LoadedSession
 * @typedef {import('./port.js').Beside} Beside
 * @typedef {import('./port.js').Marks} Marks
 * @typedef {import('./port.js').Query} Query
 * @typedef {import('./port.js').SelectedSession} SelectedSession
 * @typedef {import('./port.js').Selection} Selection
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
  isOfOneWrite = (/** @type {unknown} */ error) => require('./driver-errors.js').isOfOneWrite(error)
  /** What is set twice in a row is one statement below, where the addon keeps the order. */
  takesAnything = () => false
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
   * @param {import('./open.js').Tracer} tracer
   */
  constructor(options, openClient, onNews, tracer) {
    const values = new NativeValues(options.connection)
    // What the addon calls knows nothing of this collection, which could never be garbage-collected otherwise.
    const calls = new NativeCalls((record) => storedSession(record, values), tracer)
    this.encrypts = options.crypter !== undefined
    this.values = values
    this.#options = options
    this.#openClient = openClient
    this.#calls = calls
    this.#store = new OpenableStore(options, () => calls.settle(), onNews)
  }

  /** @param {string} storageId @param {Done<StoredSession | null>} [done] */
  find(storageId, done) {
    return this.#start({ kind: QuestionKind.Find, storageId }, done)
  }

  /**
   * @param {string} storageId
   * @param {string | Buffer} payload
   * @param {Times} times
   * @param {boolean} isUpsert
   * @param {Done<boolean>} [done]
   */
  write(storageId, payload, { expires, lastModified, marks }, isUpsert, done) {
    const question = {
      kind: isUpsert ? QuestionKind.Upsert : QuestionKind.Update,
      storageId,
      expiresMs: expires.getTime(),
      lastModifiedMs: lastModified?.getTime(),
      payload,
      marks: marks && nativeMarks(marks),
    }
    return this.#start(question, done)
  }

  /** @param {string} storageId @param {Times} times @param {Done<boolean>} [done] */
  touch(storageId, { expires, lastModified }, done) {
    const question = {
      kind: QuestionKind.Touch,
      storageId,
      expiresMs: expires.getTime(),
      lastModifiedMs: lastModified?.getTime(),
    }
    return this.#start(question, done)
  }

  /** @param {string} storageId @param {Done<unknown>} [done] */
  remove(storageId, done) {
    return this.#start({ kind: QuestionKind.Remove, storageId }, done)
  }

  /** @param {string} storageId @returns {Promise<LoadedSession | null>} */
  async load(storageId) {
    const outcome = await this.#ask((native) => native.load(storageId))
    if (isUnreadable(outcome)) return unreadable(outcome)
    const loaded = unwrap(outcome)
    if (!loaded) return null
    const { record, stored, beside } = loaded
    return { ...storedSession(record, this.values), stored, beside: besideOf(beside) }
  }

  /**
   * @param {string} storageId
   * @param {any} stored
   * @param {string | Buffer} payload
   * @param {Partial<Times>} [times]
   */
  async replace(storageId, stored, payload, times) {
    const [expiresMs, lastModifiedMs] = [times?.expires?.getTime(), times?.lastModified?.getTime()]
    const marks = times?.marks && nativeMarks(times.marks)
    const replace = (/** @type {NativeStore} */ native) =>
      native.replace(storageId, stored, payload, Date.now(), expiresMs, lastModifiedMs, marks)
    return unwrap(await this.#ask(replace))
  }

  /** @param {string} from @param {string} storageId @param {string | Buffer} payload @param {Times} times */
  async move(from, storageId, payload, { expires, lastModified, marks }) {
    const [expiresMs, lastModifiedMs] = [expires.getTime(), lastModified?.getTime()]
    const ofNative = marks && nativeMarks(marks)
    const move = (/** @type {NativeStore} */ native) =>
      native.move(from, storageId, payload, Date.now(), expiresMs, lastModifiedMs, ofNative)
    return unwrap(await this.#ask(move))
  }

  /** @param {Selection} selection @returns {Promise<SelectedSession[]>} */
  async select(selection) {
    const select = (/** @type {NativeStore} */ native) =>
      native.select(this.#queryOf(selection), selection.stored ?? 'none')
    const selected = unwrap(await this.#ask(select))
    return selected.map(({ storageId, stored, session, beside }) => ({
      storageId,
      stored,
      beside: besideOf(beside),
      isCurrent: 'isCurrent' in session && session.isCurrent,
      ...this.#revealed(session),
    }))
  }

  /** @param {Selection} selection */
  async selectIds(selection) {
    return unwrap(await this.#ask((native) => native.selectIds(this.#queryOf(selection)))).map(
      (id) => id ?? undefined
    )
  }

  /** @param {Query} query */
  async count(query) {
    return unwrap(await this.#ask((native) => native.count(this.#filterOf(query))))
  }

  /** @param {Query} query @param {boolean} [isRepeatable] */
  async removeAll(query, isRepeatable = false) {
    return unwrap(await this.#ask((native) => native.removeAll(this.#filterOf(query), isRepeatable)))
  }

  /** @param {Query} query @param {Record<string, unknown>} update */
  async change(query, update) {
    return unwrap(await this.#ask((native) => native.change(this.#filterOf(query), bytesOf(update))))
  }

  async serverTime() {
    return new Date(unwrap(await this.#ask((native) => native.serverTime())))
  }

  statistics() {
    const now = this.#store.opened?.statistics()
    if (!now) return { queue: { waiting: 0, underWay: 0 }, commands: {} }
    const { waiting, underWay, commands, retries, open, inUse, waitingForConnection } = now
    const counted = commands.map(({ name, ...statements }) => [name, { statements }])
    return {
      queue: { waiting, underWay },
      commands: Object.fromEntries(counted),
      retries,
      pool: { open, inUse, waiting: waitingForConnection },
    }
  }

  waitingFor() {
    const failure = this.#store.opened?.waitingFor()
    return failure ? errorOf(failure) : new Error('The names of the servers are being looked up')
  }

  sweep() {
    this.#store.opened?.sweep(movedMs())
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
    const { connected } = require('./client-source.js')
    await connected(client)
    return client
  }

  async close() {
    this.#calls.giveUp()
    // At once: a silent server can keep either waiting.
    const [outcome] = await Promise.all([this.#store.close()?.close(), this.#clientSource?.close()])
    unwrap(outcome)
  }

  /** @param {Query} query */
  #filterOf(query) {
    return bytesOf(this.#options.scope.filterOf(query))
  }

  /** @param {Selection} selection */
  #queryOf(selection) {
    const { sort, limit = 0, isOfPrimary = false } = selection
    return { filter: this.#filterOf(selection), sort: sort && bytesOf(sort), limit, isOfPrimary }
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

  /** @template T @param {(native: NativeStore) => Promise<T>} operation @returns {Promise<T>} */
  async #ask(operation) {
    const native = this.#store.opened ?? (await this.#store.open())
    return this.#calls.promised(native, operation)
  }

  /**
   * @template T
   * @param {Question} question
   * @param {Done<T>} [done]
   * @returns {Promise<T> | undefined}
   */
  #start(question, done) {
    const native = this.#store.opened
    if (!native || !done) return this.#promise(question)
    this.#calls.start(native, question, (failure, value) => {
      if (!failure) done(null, value)
      else done(isThrown(failure) ? failure : errorOf(failure))
    })
    return undefined
  }

  /**
   * The error is made here, where the stack is the caller's.
   *
   * @template T
   * @param {Question} question
   * @returns {Promise<T>}
   */
  async #promise(question) {
    const native = this.#store.opened ?? (await this.#store.open())
    /** @type {T | import('../../native/binding.js').Failure} */
    const outcome = await new Promise((resolve, reject) => {
      this.#calls.start(native, question, (failure, value) =>
        isThrown(failure) ? reject(failure) : resolve(failure ?? value)
      )
    })
    return unwrap(outcome)
  }
}

/** @param {Record<string, unknown>} document */
function bytesOf(document) {
  return /** @type {Buffer} */ (appBson().serialize(document))
}

/** @param {Marks} marks */
function nativeMarks({ index, isNewToIndex, description, handle, created }) {
  return { index, isNewToIndex, description, handle, createdMs: created?.getTime() }
}

/** @param {import('../../native/binding.js').BesideRecord} record @returns {Beside} */
function besideOf({ handle, createdMs, indexedMs, description }) {
  return { handle, created: dateOf(createdMs), indexed: dateOf(indexedMs), description }
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
