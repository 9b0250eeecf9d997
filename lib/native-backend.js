// The operations of a session collection, done by the Rust addon. driver-neutral values in and out: index.js knows
// nothing of BSON or of the binding.
'use strict'

// Kept, for apps whose tests put fake timers in the place of the global ones.
const { setImmediate } = require('node:timers')

const { binding } = require('./binding.js')
const { appBson } = require('./bson.js')
const { errorOf } = require('./errors.js')
const { resolveUri } = require('./mongo-options.js')
const { restoreJson, serializedOf, snapshotOfJson, textOf } = require('./session-crypto.js')

/**
 * @typedef {import('../native/binding.js').Failure} Failure
 * @typedef {import('../native/binding.js').SessionRecord} SessionRecord
 * @typedef {import('../native/binding.js').StoreConfig} StoreConfig
 * @typedef {import('../native/binding.js').NativeStore} NativeStore
 * @typedef {import('./mongo-options.js').Connection} Connection
 * @typedef {import('./client-source.js').ClientSource} ClientSource
 * @typedef {import('./session-crypto.js').Snapshot} Snapshot
 *
 * @typedef {object} StoredSession
 * @property {unknown} session       what `serialize` returned, `undefined` when the document has no such field
 * @property {Date} [expires]        when the session expires
 * @property {Date} [lastModified]   when it was last written, with `touchAfter`
 * @property {string} [storageId]
 * @property {unknown} [failure]     why it could not be decrypted
 *
 * @typedef {StoredSession & { stored?: unknown }} LoadedSession with the very value that is stored
 *
 * @typedef {object} Replacement
 * @property {string} storageId
 * @property {unknown} stored        the value to replace
 * @property {any} payload           what `set` takes
 *
 * @typedef {Replacement} OutdatedSession a session that is not encrypted as it would be today
 *
 * @typedef {object} OutdatedBatch
 * @property {OutdatedSession[]} outdated
 * @property {string[]} unreadable   the storage ids of those that no secret opens
 * @property {number} scanned
 * @property {string} [last]         the last storage id that was looked at
 *
 * @typedef {object} BackendOptions
 * @property {Connection} connection
 * @property {string} database
 * @property {string} collection
 * @property {StoreConfig['writeConcern']} writeConcern
 * @property {boolean} timestamps
 * @property {number} maxPending
 * @property {number | undefined} operationTimeoutMS
 * @property {'native' | 'interval' | 'disabled'} autoRemove
 * @property {boolean} connectionEvents
 * @property {InstanceType<typeof import('./session-crypto.js').SessionCrypto>} [crypto]
 * @property {Record<string, any>} transforms `stringify`, `serialize`, `unserialize`
 * @property {() => ClientSource} openClient for those who ask for the JavaScript collection
 *
 * What happens outside any call.
 * @typedef {object} News
 * @property {'collection-known' | 'ttl-index-failed' | 'ttl-index-present' | 'sweep-failed' | 'default-database' | 'connect' | 'disconnect'} event
 * @property {Error} [error]
 *
 * @typedef {(news: News) => void} OnNews
 *
 * What a call without a promise gets its answer through: once, and never before the call has returned without an error.
 * @typedef {(error: Error | null, value?: any) => void} Done
 *
 * @typedef {(native: NativeStore, call: number) => Failure | null} Operation what is returned is the answer
 * @typedef {(failure: Failure | Error | undefined, value?: any) => void} OnAnswer
 */

const { AnswerKind } = binding

/**
 * Not by its class: under a test runner with realms of its own, the `bson` package may have another `Error`.
 *
 * @param {Failure | Error | undefined} failure what the addon reported, or what was thrown here
 * @returns {failure is Error}
 */
function isThrown(failure) {
  return failure !== undefined && !('causes' in failure)
}

/**
 * @template T
 * @param {T | Failure} outcome
 * @returns {T}
 */
function unwrap(outcome) {
  const failure = /** @type {Failure | null | undefined} */ (outcome)
  if (failure?.errorLabels !== undefined) throw errorOf(failure)
  return /** @type {T} */ (outcome)
}

/** What does not fit into the `bson` package's buffer comes back cut off, or is an error that names an offset. */
const BSON_BUFFER_BYTES = 17 * 1024 * 1024

/** @param {unknown} error @returns {boolean} whether something was written behind the end of a buffer */
function isBeyondBuffer(error) {
  const { name, code, message } = /** @type {NodeJS.ErrnoException} */ (error ?? {})
  return name === 'RangeError' && (code === 'ERR_OUT_OF_RANGE' || message === 'offset is out of bounds')
}

/** @param {unknown} [cause] */
function tooLargeError(cause) {
  const message = `The session takes ${BSON_BUFFER_BYTES} bytes or more as BSON, larger than MongoDB's limit of 16777216`
  const error = errorOf({ name: 'MongoInvalidArgumentError', message, errorLabels: [], causes: [] })
  return cause === undefined ? error : Object.defineProperty(error, 'cause', { value: cause })
}

/** Where a wrapper's first element has its name: after the length of the document and the type of the element. */
const NAME_AT = 5
const NAME = Buffer.from('session\0')

let isSerializing = false

/**
 * The wrapper that the addon takes a session in. The `bson` package has one buffer for all that it serializes: what a
 * `toBSON` or a getter has it serialize in the meantime overwrites the session, be that the session of another call.
 *
 * @param {unknown} session
 * @param {import('bson').SerializeOptions} options
 */
function wrapped(session, options) {
  if (isSerializing) throw new Error('A session cannot be set while another one is being serialized')
  isSerializing = true
  try {
    const payload = /** @type {Buffer} */ (appBson().serialize({ session }, options))
    const isEmpty = payload.length === NAME_AT
    if (isEmpty || NAME.equals(payload.subarray(NAME_AT, NAME_AT + NAME.length))) return payload
  } catch (error) {
    throw isBeyondBuffer(error) ? tooLargeError(error) : error
  } finally {
    isSerializing = false
  }
  throw new Error(
    'The session was overwritten while it was serialized, because its toBSON uses the bson package'
  )
}

/** @param {number | undefined} milliseconds NaN in a list of answers, `undefined` in a record, when there is no date */
function dateOf(milliseconds) {
  return milliseconds === undefined || Number.isNaN(milliseconds) ? undefined : new Date(milliseconds)
}

/**
 * Calls that wait for their answer. Answers come as one list for many: a promise for each, made by the addon, would take
 * more of this thread than all the rest. Numbers are never used again, so that no answer can reach another call.
 */
class Calls {
  #last = 0
  #isFlushing = false
  /** @type {Map<number, OnAnswer>} */
  #waiting = new Map()
  #options

  /** @param {BackendOptions} options */
  constructor(options) {
    this.#options = options
  }

  /**
   * @param {NativeStore} native
   * @param {Operation} operation
   * @param {OnAnswer} onAnswer
   */
  start(native, operation, onAnswer) {
    const call = ++this.#last
    this.#waiting.set(call, onAnswer)
    let refusal
    try {
      refusal = operation(native, call)
    } catch (error) {
      this.#waiting.delete(call)
      throw error
    }
    if (!refusal) return this.#flushLater(native)
    this.#waiting.delete(call)
    onAnswer(refusal)
  }

  /**
   * @param {any[]} answers as `AnswerKind` says
   * @param {Failure[]} failures
   */
  settle(answers, failures) {
    let failure = 0
    for (let at = 0; at < answers.length; ) {
      const call = answers[at++]
      const kind = answers[at++]
      const onAnswer = /** @type {OnAnswer} */ (this.#waiting.get(call))
      this.#waiting.delete(call)
      if (kind === AnswerKind.Nothing) onAnswer(undefined, null)
      else if (kind === AnswerKind.Yes || kind === AnswerKind.No) onAnswer(undefined, kind === AnswerKind.Yes)
      else if (kind === AnswerKind.Failure) fail(onAnswer, failures[failure++])
      else this.#settleSession(onAnswer, kind, answers[at++], answers[at++], answers[at++])
    }
  }

  /** What is called in one turn of the event loop leaves together. @param {NativeStore} native */
  #flushLater(native) {
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => {
      this.#isFlushing = false
      native.flush()
    })
  }

  /**
   * A session that the `bson` package cannot read is the failure of its own call: others wait for the rest of the list.
   *
   * @param {OnAnswer} onAnswer
   * @param {number} kind
   * @param {SessionRecord['session']} session
   * @param {number} expiresMs
   * @param {number} lastModifiedMs
   */
  #settleSession(onAnswer, kind, session, expiresMs, lastModifiedMs) {
    const isSerialized = kind === AnswerKind.Session ? undefined : kind === AnswerKind.Serialized
    let stored
    try {
      stored = decoded({ session, isSerialized, expiresMs, lastModifiedMs }, this.#options)
    } catch (error) {
      return onAnswer(/** @type {Error} */ (error))
    }
    onAnswer(undefined, stored)
  }
}

/** @param {OnAnswer} onAnswer @param {Failure} failure */
function fail(onAnswer, failure) {
  if (isUnreadable(failure)) onAnswer(undefined, unreadable(failure))
  else onAnswer(failure)
}

/** Whether a session is there, but cannot be decrypted. @param {object} outcome @returns {outcome is Failure} */
function isUnreadable(outcome) {
  return 'code' in outcome && outcome.code === 'ERR_SESSION_DECRYPT'
}

/** @param {Failure} failure @returns {StoredSession} */
function unreadable(failure) {
  return { session: undefined, failure: errorOf(failure) }
}

/** @param {SessionRecord} record @param {BackendOptions} options @returns {StoredSession} */
function decoded({ session, isSerialized, expiresMs, lastModifiedMs }, options) {
  return {
    session: sessionValue(session, isSerialized, options),
    expires: dateOf(expiresMs),
    lastModified: dateOf(lastModifiedMs),
  }
}

/**
 * What the serializer returned.
 *
 * @param {string | Uint8Array | undefined} stored text, or BSON with the value as `session`
 * @param {boolean | undefined} isSerialized of text that was decrypted: whether the serializer is known to have returned it
 * @param {BackendOptions} options
 */
function sessionValue(stored, isSerialized, { connection, transforms }) {
  if (stored instanceof Uint8Array)
    return appBson().deserialize(stored, connection.deserializeOptions).session
  if (stored === undefined || isSerialized === undefined) return stored
  return serializedOf({ text: stored, isSerialized }, transforms)
}

class NativeBackend {
  name = /** @type {const} */ ('native')
  #options
  #onNews
  /** @type {NativeStore | undefined} */
  #native
  /** @type {Promise<NativeStore> | undefined} */
  #opening
  /** @type {ClientSource | undefined} */
  #clientSource
  #calls

  /**
   * @param {BackendOptions} options
   * @param {OnNews} onNews
   */
  constructor(options, onNews) {
    this.#options = options
    this.#onNews = onNews
    this.#calls = new Calls(options)
    // The names of a mongodb+srv address wait for the first call: a look-up would keep an idle process alive.
    if (!options.connection.srv) this.#openAt(options.connection.uri)
  }

  /** @param {string} uri */
  #openAt(uri) {
    this.#native = this.#storeAt(uri)
    this.#onNews({ event: 'collection-known' })
    return this.#native
  }

  /** @param {string} uri */
  #storeAt(uri) {
    const { serverApi, driverInfo, trustedCertificates } = this.#options.connection
    const config = { ...this.#options, connection: { uri, serverApi, driverInfo, trustedCertificates } }
    const calls = this.#calls
    const onNews = this.#onNews
    try {
      return new binding.NativeStore(
        config,
        // What the addon calls knows nothing of the store, which could never be collected otherwise.
        (answers, failures) => calls.settle(answers, failures),
        ({ event, failure }) => onNews({ event, error: failure && errorOf(failure) }),
        this.#options.crypto?.crypter
      )
    } catch (error) {
      const { message } = /** @type {Error} */ (error)
      throw errorOf({ name: 'MongoParseError', message, errorLabels: [], causes: [] })
    }
  }

  /** After a failure the next call looks the names up again. */
  async #lookUpAndOpen() {
    try {
      return this.#openAt(await resolveUri(this.#options.connection))
    } finally {
      this.#opening = undefined
    }
  }

  #open() {
    this.#opening ??= this.#lookUpAndOpen()
    return this.#opening
  }

  /**
   * What `set` takes, made of what `serialize` returned, before anybody can change that.
   *
   * @param {unknown} session
   * @returns {string | Buffer}
   */
  encode(session) {
    if (this.#options.crypto) return textOf(session)
    if (typeof session === 'string') return session
    const { serializeOptions } = this.#options.connection
    const payload = wrapped(session, serializeOptions)
    if (payload.length < BSON_BUFFER_BYTES) return payload
    throw tooLargeError()
  }

  /** @param {SessionRecord | Failure} outcome @returns {StoredSession} */
  #decodeOutcome(outcome) {
    return isUnreadable(outcome) ? unreadable(outcome) : decoded(unwrap(outcome), this.#options)
  }

  /**
   * Either `done` gets the answer, or the promise that is returned.
   *
   * @template T
   * @param {Operation} operation
   * @param {Done | undefined} done
   * @returns {Promise<T> | undefined}
   */
  #start(operation, done) {
    const native = this.#native
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
    const native = this.#native ?? (await this.#open())
    /** @type {T | Failure} */
    const outcome = await new Promise((resolve, reject) => {
      this.#calls.start(native, operation, (failure, value) =>
        isThrown(failure) ? reject(failure) : resolve(failure ?? value)
      )
    })
    return unwrap(outcome)
  }

  /**
   * @param {string} storageId
   * @param {Done} [done]
   * @returns {Promise<StoredSession | null> | undefined} the live session of that id
   */
  get(storageId, done) {
    return this.#start((native, call) => native.get(call, storageId), done)
  }

  /**
   * @param {string} storageId
   * @param {string | Buffer} payload from `encode`
   * @param {Date} expires
   * @param {Date | undefined} lastModified left alone when absent
   * @param {boolean} isUpsert whether to create the session where there is none
   * @param {Done} [done]
   * @returns {Promise<boolean> | undefined} whether the session was created; without `isUpsert` whether there was one
   */
  set(storageId, payload, expires, lastModified, isUpsert, done) {
    const method = isUpsert ? 'set' : 'update'
    return this.#start(
      (native, call) => native[method](call, storageId, payload, expires.getTime(), lastModified?.getTime()),
      done
    )
  }

  /**
   * @param {string} storageId
   * @param {Date} expires
   * @param {Date | undefined} lastModified left alone when absent
   * @param {Done} [done]
   * @returns {Promise<boolean> | undefined} whether there was such a session
   */
  touch(storageId, expires, lastModified, done) {
    return this.#start(
      (native, call) => native.touch(call, storageId, expires.getTime(), lastModified?.getTime()),
      done
    )
  }

  /** @param {string} storageId @param {Done} [done] @returns {Promise<null> | undefined} */
  destroy(storageId, done) {
    return this.#start((native, call) => native.destroy(call, storageId), done)
  }

  /** @returns {Promise<StoredSession[]>} the live sessions */
  async all() {
    const native = this.#native ?? (await this.#open())
    return unwrap(await native.all()).map((outcome) => this.#decodeOutcome(outcome))
  }

  get canReencrypt() {
    return this.#options.crypto !== undefined
  }

  /** @param {string | undefined} after @param {number} limit @returns {Promise<OutdatedBatch>} */
  async outdated(after, limit) {
    const native = this.#native ?? (await this.#open())
    const { outdated, ...batch } = unwrap(await native.outdated(after, limit))
    const withPayload = outdated.map(({ storageId, stored, text }) => ({
      storageId,
      stored,
      payload: text ?? textOf(sessionValue(stored, undefined, this.#options)),
    }))
    return { ...batch, outdated: withPayload }
  }

  /**
   * @param {Replacement} replacement
   * @param {{ expires: Date, lastModified: Date | undefined }} [times] left alone when absent
   * @returns {Promise<boolean>} whether the session was still stored as it was
   */
  async replace({ storageId, stored, payload }, times) {
    const native = this.#native ?? (await this.#open())
    const value = /** @type {string | Buffer} */ (stored)
    const [expiresMs, lastModifiedMs] = [times?.expires.getTime(), times?.lastModified?.getTime()]
    return unwrap(await native.replace(storageId, value, payload, expiresMs, lastModifiedMs))
  }

  /** @param {string} storageId @returns {Promise<LoadedSession | null>} the session of that id, live or not */
  async load(storageId) {
    const native = this.#native ?? (await this.#open())
    const outcome = await native.load(storageId)
    if (outcome && isUnreadable(outcome)) return unreadable(outcome)
    const loaded = unwrap(outcome)
    return loaded && { ...decoded(loaded.record, this.#options), stored: loaded.stored }
  }

  /** What a stored value was, whatever becomes of it. @param {unknown} value @returns {Snapshot} */
  snapshot(value) {
    return this.#options.crypto ? snapshotOfJson(value) : this.encode(value)
  }

  /** @param {Snapshot} snapshot @returns {unknown} a value of its own */
  restore(snapshot) {
    return this.#options.crypto ? restoreJson(snapshot) : sessionValue(snapshot, undefined, this.#options)
  }

  /** @param {string} storageId @param {string | Buffer} payload @returns {Promise<unknown>} the value that `get` will give of it */
  async readBack(storageId, payload) {
    const { crypto, transforms } = this.#options
    if (!crypto) return sessionValue(payload, undefined, this.#options)
    const text = /** @type {string} */ (payload)
    return serializedOf(await crypto.decrypt(storageId, await crypto.encrypt(storageId, text)), transforms)
  }

  /** @returns {Promise<number>} how many sessions are live */
  async length() {
    const native = this.#native ?? (await this.#open())
    return unwrap(await native.length())
  }

  async clear() {
    const native = this.#native ?? (await this.#open())
    unwrap(await native.clear())
  }

  async ping() {
    const native = this.#native ?? (await this.#open())
    unwrap(await native.ping())
  }

  /** The same collection through the JavaScript driver, once the TTL index has been tried. */
  async collection() {
    this.#clientSource ??= this.#options.openClient()
    const { client } = await this.#clientSource.open()
    await client.connect()
    const native = this.#native ?? (await this.#open())
    unwrap(await native.started())
    return client.db(this.#options.database).collection(this.#options.collection)
  }

  /** Removes expired sessions in the background; one sweep at a time. */
  sweep() {
    this.#native?.sweep()
  }

  async close() {
    const native = this.#native ?? (await this.#opening?.catch(() => undefined))
    if (native) unwrap(await native.close())
    await this.#clientSource?.close()
  }
}

module.exports = { NativeBackend }
