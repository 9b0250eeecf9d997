// A backend whose sessions are encrypted in JavaScript: by an adapter of the app's own, or beside the JavaScript driver.
'use strict'

const { SessionCrypto, restoreJson, serializedOf, snapshotOfJson, textOf } = require('./session-crypto.js')
const { WrappedBackend } = require('./wrapped-backend.js')
const { WriteOrder } = require('./write-order.js')

/**
 * @typedef {import('./native-backend.js').StoredSession} StoredSession
 * @typedef {import('./native-backend.js').LoadedSession} LoadedSession
 * @typedef {import('./native-backend.js').OutdatedBatch} OutdatedBatch
 * @typedef {import('./native-backend.js').OutdatedSession} OutdatedSession
 * @typedef {import('./native-backend.js').Replacement} Replacement
 * @typedef {import('./session-crypto.js').Decrypted} Decrypted
 * @typedef {import('./session-crypto.js').Snapshot} Snapshot
 * @typedef {InstanceType<typeof import('./driver-backend.js').DriverBackend>} DriverBackend
 * @typedef {InstanceType<typeof import('./native-backend.js').NativeBackend>} NativeBackend
 *
 * @typedef {object} Crypto
 * @property {(storageId: string, text: string) => Promise<string | Uint8Array>} encrypt
 * @property {(storageId: string, stored: string | Uint8Array) => Promise<Decrypted>} decrypt
 */

/** BSON binary data of the generic subtype, as whatever class the driver made of it. */
const isBinary = (/** @type {any} */ value) =>
  value instanceof Uint8Array || (value?._bsontype === 'Binary' && value.sub_type === 0)

/**
 * A copy: WebAssembly would be given the whole of the buffer that a view is of, which is that of all documents of a batch.
 *
 * @param {any} value
 */
const bytesOf = (value) => new Uint8Array(value instanceof Uint8Array ? value : value.value())

/**
 * connect-mongo 3.2 stored text as a document with a field for each character.
 *
 * @param {unknown} value
 * @returns {string | undefined}
 */
function spreadText(value) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const characters = Object.entries(value)
  const isSpread = characters.every(
    ([name, one], index) => name === String(index) && typeof one === 'string' && [...one].length === 1
  )
  return isSpread && characters.length > 0 ? characters.map(([, one]) => one).join('') : undefined
}

/** @param {unknown} value @returns {string | Uint8Array | undefined} what can be encrypted of what is stored */
function ciphertextOf(value) {
  if (typeof value === 'string') return value
  return isBinary(value) ? bytesOf(value) : spreadText(value)
}

/** An adapter knows nothing of storage ids. @param {import('./session-crypto.js').CryptoAdapter} adapter @returns {Crypto} */
function cryptoOfAdapter(adapter) {
  return {
    async encrypt(_, text) {
      const encrypted = await adapter.encrypt(text)
      if (typeof encrypted === 'string') return encrypted
      throw new TypeError(`cryptoAdapter.encrypt must return a string, not ${typeof encrypted}`)
    },
    async decrypt(_, stored) {
      if (typeof stored !== 'string') throw notEncrypted()
      return { text: await adapter.decrypt(stored), isSerialized: false }
    },
  }
}

function notEncrypted() {
  return Object.assign(new Error('Encrypted session was tampered with!'), { code: 'ERR_SESSION_DECRYPT' })
}

class EncryptingBackend extends WrappedBackend {
  #backend
  #crypto
  #options
  /** Encryption takes its time: what is asked for later must not overtake it. */
  #order = new WriteOrder()

  /**
   * @param {DriverBackend | NativeBackend} backend
   * @param {Crypto} crypto
   * @param {Record<string, any>} options of the store
   */
  constructor(backend, crypto, options) {
    super(backend)
    this.#backend = backend
    this.#crypto = crypto
    this.#options = options
  }

  /** @param {unknown} session */
  encode(session) {
    return textOf(session)
  }

  /** @param {string} storageId */
  get(storageId) {
    return this.#order.read(storageId, async () => {
      const stored = await this.#backend.get(storageId)
      return stored && this.#reveal(storageId, stored)
    })
  }

  /**
   * @param {string} storageId
   * @param {string} text
   * @param {Date} expires
   * @param {Date | undefined} lastModified
   * @param {boolean} isUpsert
   */
  set(storageId, text, expires, lastModified, isUpsert) {
    return this.#order.write(storageId, async () => {
      const encrypted = await this.#crypto.encrypt(storageId, text)
      // Text goes as it is to either backend, bytes only to the driver, which makes BSON of them itself.
      return this.#backend.set(storageId, /** @type {string} */ (encrypted), expires, lastModified, isUpsert)
    })
  }

  /** @param {string} storageId @param {Date} expires @param {Date | undefined} lastModified */
  touch(storageId, expires, lastModified) {
    return this.#order.write(storageId, async () => this.#backend.touch(storageId, expires, lastModified))
  }

  /** @param {string} storageId */
  destroy(storageId) {
    return this.#order.write(storageId, async () => this.#backend.destroy(storageId))
  }

  async all() {
    const sessions = await this.#backend.all()
    return Promise.all(sessions.map((stored) => this.#reveal(stored.storageId ?? '', stored)))
  }

  /** Only what was encrypted here can be told to be as it would be written today. */
  get canReencrypt() {
    return this.#crypto instanceof SessionCrypto
  }

  /** @param {string | undefined} after @param {number} limit @returns {Promise<OutdatedBatch>} */
  async outdated(after, limit) {
    const sessions = await /** @type {DriverBackend} */ (this.#backend).scan(after, limit)
    const states = await Promise.all(sessions.map((one) => this.#stateOf(one)))
    return {
      outdated: states.filter((state) => typeof state === 'object'),
      unreadable: sessions.filter((_, index) => states[index] === 'unreadable').map((one) => one.storageId),
      scanned: sessions.length,
      last: sessions.at(-1)?.storageId,
    }
  }

  /** @param {Replacement} replacement @param {{ expires: Date, lastModified: Date | undefined }} [times] */
  async replace({ storageId, stored, payload }, times) {
    const encrypted = await this.#crypto.encrypt(storageId, payload)
    return this.#backend.replace({ storageId, stored, payload: encrypted }, times)
  }

  /** @param {string} storageId @returns {Promise<LoadedSession | null>} */
  async load(storageId) {
    const loaded = await this.#backend.load(storageId)
    return loaded && this.#reveal(storageId, loaded)
  }

  /** @param {unknown} value */
  snapshot(value) {
    return snapshotOfJson(value)
  }

  /** @param {Snapshot} snapshot */
  restore(snapshot) {
    return restoreJson(snapshot)
  }

  /** @param {string} storageId @param {string} text */
  async readBack(storageId, text) {
    return this.#decrypt(storageId, await this.#crypto.encrypt(storageId, text))
  }

  /** @param {{ storageId: string, session: unknown }} one @returns {Promise<OutdatedSession | 'current' | 'unreadable'>} */
  async #stateOf({ storageId, session: stored }) {
    const ciphertext = ciphertextOf(stored)
    if (ciphertext === undefined) {
      return this.#options.acceptPlaintext && stored !== undefined && stored !== null
        ? { storageId, stored, payload: textOf(stored) }
        : 'unreadable'
    }
    try {
      const { text, isCurrent } = await this.#crypto.decrypt(storageId, ciphertext)
      return isCurrent ? 'current' : { storageId, stored, payload: text }
    } catch {
      return 'unreadable'
    }
  }

  /** @param {string} storageId @param {StoredSession} stored @returns {Promise<StoredSession>} */
  async #reveal(storageId, stored) {
    try {
      return { ...stored, session: await this.#decrypt(storageId, stored.session) }
    } catch (failure) {
      return { ...stored, session: undefined, failure }
    }
  }

  /** @param {string} storageId @param {unknown} stored */
  async #decrypt(storageId, stored) {
    if (stored === undefined || stored === null) return stored
    const ciphertext = ciphertextOf(stored)
    if (ciphertext !== undefined) {
      return serializedOf(await this.#crypto.decrypt(storageId, ciphertext), this.#options)
    }
    if (this.#options.acceptPlaintext) return stored
    throw notEncrypted()
  }
}

module.exports = { EncryptingBackend, cryptoOfAdapter }
