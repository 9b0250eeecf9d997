// The option hashId: sessions are stored under a hash of their id, so that whoever reads the database cannot present one.
'use strict'

const { createHash, createHmac, createSecretKey } = require('node:crypto')

const { WrappedBackend } = require('./wrapped-backend.js')
const { WriteOrder } = require('./write-order.js')

/**
 * @typedef {import('./native-backend.js').StoredSession} StoredSession
 * @typedef {import('./native-backend.js').LoadedSession} LoadedSession
 * @typedef {import('./native-backend.js').Replacement} Replacement
 * @typedef {import('./session-crypto.js').Snapshot} Snapshot
 * @typedef {import('./native-backend.js').Done} Done
 * @typedef {InstanceType<typeof import('./driver-backend.js').DriverBackend>} DriverBackend
 * @typedef {InstanceType<typeof import('./encrypting-backend.js').EncryptingBackend>} EncryptingBackend
 * @typedef {InstanceType<typeof import('./native-backend.js').NativeBackend>} NativeBackend
 *
 * @typedef {true | { secret?: string | string[], acceptPlainIds?: boolean }} HashId
 */

/** Hashed with every id, so that no hash made for another purpose is one of ours, nor one of ours of use elsewhere. */
const PURPOSE = 'connect-mongo-native hashId\0'

/** What a stored id looks like: 256 bits in base64url, after the name of the function. */
const HASHED = /^(?:hmac-)?sha256:[\w-]{43}$/

/** @param {string} id */
function sha256(id) {
  return `sha256:${createHash('sha256').update(`${PURPOSE}${id}`).digest('base64url')}`
}

/** @param {string} secret @returns {(id: string) => string} */
function hmacSha256(secret) {
  const key = createSecretKey(secret, 'utf8')
  return (id) => `hmac-sha256:${createHmac('sha256', key).update(`${PURPOSE}${id}`).digest('base64url')}`
}

/**
 * On this thread: to wait for another one takes ten times as long as the hash.
 *
 * @param {HashId} hashId
 * @returns {(id: string) => string[]} the ids under which a session may be stored, first that of today
 */
function storageIds(hashId) {
  const { secret, acceptPlainIds = false } = hashId === true ? {} : hashId
  const hashes = secret === undefined ? [sha256] : [secret].flat().map(hmacSha256)
  return (id) => {
    const hashed = hashes.map((hash) => hash(id))
    // A stored id is no session id: otherwise one that was read in the database would be worth as much as what it hides.
    if (acceptPlainIds && !HASHED.test(id)) hashed.push(id)
    // Two secrets may be one key, and what is of today must not be removed as old.
    return [...new Set(hashed)]
  }
}

/**
 * Asks for a session under one id after the other, until it is found.
 *
 * @template T
 * @param {string[]} ids those of `storageIds`
 * @param {(storageId: string) => Promise<T>} ask
 * @returns {Promise<T>} the last answer
 */
async function firstFound([storageId, ...olderIds], ask) {
  for (const id of [storageId, ...olderIds]) {
    const found = await ask(id)
    if (found) return found
  }
  // Another process may have moved it here since.
  return ask(storageId)
}

/** A backend whose callers do not give the ids that are stored. */
class HashedIds extends WrappedBackend {
  #backend
  #storageIds
  /** Of calls that take several steps. */
  #order = new WriteOrder()

  /**
   * @param {DriverBackend | EncryptingBackend | NativeBackend} backend
   * @param {HashId} hashId
   */
  constructor(backend, hashId) {
    super(backend)
    // What the others leave out of its interface, nobody asks of them.
    this.#backend = /** @type {NativeBackend} */ (backend)
    this.#storageIds = storageIds(hashId)
  }

  /** @param {unknown} session @param {boolean} [isCopied] @returns {any} */
  encode(session, isCopied) {
    return /** @type {DriverBackend} */ (/** @type {unknown} */ (this.#backend)).encode(session, isCopied)
  }

  /**
   * @param {string} id
   * @param {Done} [done]
   * @returns {Promise<StoredSession | null | undefined> | undefined}
   */
  get(id, done) {
    const ids = this.#storageIds(id)
    if (ids.length === 1) return this.#backend.get(ids[0], done)
    return this.#order.read(id, () => firstFound(ids, async (one) => this.#backend.get(one)))
  }

  /**
   * @param {string} id
   * @param {string | Buffer} payload from `encode`
   * @param {Date} expires
   * @param {Date | undefined} lastModified
   * @param {boolean} isUpsert
   * @param {Done} [done]
   * @returns {Promise<boolean | undefined> | undefined}
   */
  set(id, payload, expires, lastModified, isUpsert, done) {
    const [storageId, ...olderIds] = this.#storageIds(id)
    if (olderIds.length === 0)
      return this.#backend.set(storageId, payload, expires, lastModified, isUpsert, done)
    return this.#order.write(id, async () => {
      // Asked of the server each time, since an earlier attempt may have left some behind, and before: w: 0 tells nothing.
      const isOlder = await this.#isAnyStored(olderIds)
      const answer = await this.#backend.set(storageId, payload, expires, lastModified, isUpsert || isOlder)
      if (!isOlder) return answer
      await this.#destroyAll(olderIds)
      return !isUpsert
    })
  }

  /**
   * @param {string} id
   * @param {Date} expires
   * @param {Date | undefined} lastModified
   * @param {Done} [done]
   * @returns {Promise<boolean | undefined> | undefined}
   */
  touch(id, expires, lastModified, done) {
    const ids = this.#storageIds(id)
    if (ids.length === 1) return this.#backend.touch(ids[0], expires, lastModified, done)
    const touch = async (/** @type {string} */ one) => this.#backend.touch(one, expires, lastModified)
    return this.#order.write(id, () => firstFound(ids, touch))
  }

  /** @param {string} id @param {Done} [done] @returns {Promise<unknown> | undefined} */
  destroy(id, done) {
    const [storageId, ...olderIds] = this.#storageIds(id)
    if (olderIds.length === 0) return this.#backend.destroy(storageId, done)
    // The older ones first: no other process moves what is gone.
    return this.#order.write(id, () => this.#destroyAll([...olderIds, storageId]))
  }

  all() {
    return this.#backend.all()
  }

  get canReencrypt() {
    return 'canReencrypt' in this.#backend && this.#backend.canReencrypt
  }

  /** @param {string | undefined} after @param {number} limit */
  outdated(after, limit) {
    return this.#backend.outdated(after, limit)
  }

  /**
   * Where it was found: what is replaced only if nobody has changed it cannot move.
   *
   * @param {Replacement} replacement with the id that `outdated` or `load` gave
   * @param {{ expires: Date, lastModified: Date | undefined }} [times]
   */
  replace(replacement, times) {
    return this.#backend.replace(replacement, times)
  }

  /** @param {string} id @returns {Promise<LoadedSession | null>} with the id under which it is stored */
  load(id) {
    return firstFound(this.#storageIds(id), async (storageId) => {
      const loaded = await this.#backend.load(storageId)
      return loaded && { ...loaded, storageId }
    })
  }

  /** @param {unknown} value */
  snapshot(value) {
    return this.#backend.snapshot(value)
  }

  /** @param {Snapshot} snapshot */
  restore(snapshot) {
    return this.#backend.restore(snapshot)
  }

  /** @param {string} id any will do: it is that of both ways @param {any} payload */
  readBack(id, payload) {
    return this.#backend.readBack(id, payload)
  }

  /** @param {string[]} storageIds */
  async #isAnyStored(storageIds) {
    for (const id of storageIds) if (await this.#backend.load(id)) return true
    return false
  }

  /** @param {string[]} storageIds */
  async #destroyAll(storageIds) {
    for (const id of storageIds) await this.#backend.destroy(id)
  }
}

module.exports = { HashedIds }
