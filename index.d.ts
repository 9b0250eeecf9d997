// The CommonJS view: `require` gives the class, which carries MongoStore, default and create.
// connect-mongo's types: https://github.com/jdesboeufs/connect-mongo/blob/v6.0.0/src/lib/MongoStore.ts
import { EventEmitter } from 'node:events'

// express-session's types are optional. Where they are missing these two are `any`, and KnownOr puts something else there.
// @ts-ignore: see above
type ExpressSessionData = import('express-session').SessionData
// @ts-ignore: see above
type ExpressSession = import('express-session').Session

type KnownOr<T, Fallback> = 0 extends 1 & T ? Fallback : T

// biome-ignore lint/suspicious/noExplicitAny: express-session's callbacks and requests, which its own types leave open
type Any = any

// `[Symbol.asyncDispose]()` is there for those whose `lib`, or whose @types/node, knows the symbol.
type AsyncDisposal = {
  [Key in SymbolConstructor extends { readonly asyncDispose: infer Known extends symbol }
    ? Known
    : never]: () => Promise<void>
}

// A second name for the class: within the namespace, MongoStore is its own export.
import MongoStoreClass = MongoStore

// biome-ignore lint/correctness/noUnusedVariables: it adds to the class of that name
interface MongoStore<T extends MongoStore.SessionData = MongoStore.SessionData> extends AsyncDisposal {}

/**
 * A session store for Express, Connect and others, which keeps sessions in MongoDB.
 *
 * Every method takes a callback as its last argument, and returns a promise when there is none. Methods can be taken off the
 * store: `const { get } = store`.
 *
 * Failures come as an `Error` with the `name` that the Node driver gives it, such as `MongoServerError`,
 * `MongoServerSelectionError` or `MongoNetworkError`. `code` is the server's number and `codeName` its word, where the server
 * sent them; `errorLabels` is an array. A session id that is not a string is a `TypeError`. After `close()` the `code` of every
 * failure is `'ERR_STORE_CLOSED'`. A session that cannot be decrypted fails `get` and `all` with `'ERR_SESSION_DECRYPT'`, in one
 * wording whatever is wrong with it. With `concurrency`, `set` of a session that others have changed fails with `'SESSION_CONFLICT'`.
 *
 * @example
 * app.use(session({ secret, store: MongoStore.create({ mongoUrl: 'mongodb://localhost/app' }) }))
 */
declare class MongoStore<T extends MongoStore.SessionData = MongoStore.SessionData> extends EventEmitter {
  /** Which binary is in use: that of this system, such as `'linux-x64-gnu'`, or `'wasm32-wasip1'` where none fits. */
  static readonly binding: string

  /**
   * What does the work: Rust, or the JavaScript driver (for a `client`, for options that only it honours, and where `binding` is
   * WebAssembly).
   */
  readonly backend: 'native' | 'driver'

  /**
   * The sessions as a `Collection` of the JavaScript driver, once the TTL index has been tried. With `backend` `'native'` a client
   * of the app's own `mongodb` package is opened for the first who asks, and closed with the store; without that package it rejects.
   */
  readonly collectionP: Promise<MongoStore.Collection>

  /** The same as `new MongoStore(options)`. */
  static create<U extends MongoStore.SessionData = MongoStore.SessionData>(
    options: MongoStore.ConnectMongoOptions<U>
  ): MongoStore<U>

  /**
   * Returns at once and connects in the background. A server that cannot be reached makes each call fail that needs it,
   * after `mongoOptions.serverSelectionTimeoutMS`; calls succeed once it is there.
   *
   * @throws {Error} for an option that is wrong or not supported; the message names it
   */
  constructor(options: MongoStore.ConnectMongoOptions<T>)

  /** Gives the session of that id, or `null` when there is none or it has expired. */
  get(sid: string): Promise<T | null>
  get(sid: string, callback: ResultCallback<T | null>): void
  get(sid: string, callback: ResultCallback<T | null> | undefined): Promise<T | null> | undefined

  /**
   * Creates or replaces the session of that id. A session that was loaded, and has been destroyed since, stays destroyed: that
   * succeeds and emits `set-refused`, unless `resurrect` is on.
   */
  set(sid: string, session: T): Promise<void>
  set(sid: string, session: T, callback: DoneCallback): void
  set(sid: string, session: T, callback: DoneCallback | undefined): Promise<void> | undefined

  /**
   * Puts off when the session expires. For a session that is gone it succeeds and emits `touch-missed`, unless `strictTouch` is
   * on. Does nothing when the session was written less than `touchAfter` ago.
   */
  touch(sid: string, session: T | LastModified<T>): Promise<void>
  touch(sid: string, session: T | LastModified<T>, callback: DoneCallback): void
  touch(
    sid: string,
    session: T | LastModified<T>,
    callback: DoneCallback | undefined
  ): Promise<void> | undefined

  /** Deletes the session of that id; that there is none is not an error. */
  destroy(sid: string): Promise<void>
  destroy(sid: string, callback: DoneCallback): void
  destroy(sid: string, callback: DoneCallback | undefined): Promise<void> | undefined

  /** Gives all sessions that have not expired. */
  all(): Promise<T[]>
  all(callback: ResultCallback<T[]>): void
  all(callback: ResultCallback<T[]> | undefined): Promise<T[]> | undefined

  /** Counts the sessions that have not expired. */
  length(): Promise<number>
  length(callback: LengthCallback): void
  length(callback: LengthCallback | undefined): Promise<number> | undefined

  /** Deletes all sessions. */
  clear(): Promise<void>
  clear(callback: DoneCallback): void
  clear(callback: DoneCallback | undefined): Promise<void> | undefined

  /** Succeeds when a server answers: a health check. */
  ping(): Promise<void>
  ping(callback: DoneCallback): void
  ping(callback: DoneCallback | undefined): Promise<void> | undefined

  /**
   * Stores every session anew that is not encrypted as it would be today: under the newest secret, in the format of the options.
   * Nothing but its value changes, and only if it is still the one that was read: what others write meanwhile stays. It works in
   * batches, and other calls go on beside it.
   *
   * It is over when all sessions have been looked at, when `signal` is aborted or when the store is closed; `done` tells. What the
   * server refuses, what `onProgress` throws and a wrong option make it fail; so does a store without `crypto` and without an
   * adapter of `createKrupteinAdapter` or `createWebCryptoAdapter`.
   *
   * @example
   * const { rewritten, unreadable } = await store.reencrypt({ onProgress: ({ scanned, total }) => console.log(scanned, total) })
   */
  reencrypt(callback: ResultCallback<MongoStore.ReencryptProgress>): void
  reencrypt(options?: MongoStore.ReencryptOptions): Promise<MongoStore.ReencryptProgress>
  reencrypt(
    options: MongoStore.ReencryptOptions | undefined,
    callback: ResultCallback<MongoStore.ReencryptProgress>
  ): void

  /**
   * Lets pending calls finish, then closes the connections that no other store uses, and a given `client` as `closeClient` says.
   * Calling it again does no harm.
   */
  close(): Promise<void>
  close(callback: DoneCallback): void
  close(callback: DoneCallback | undefined): Promise<void> | undefined

  /** For the session middleware: replaces the request's session by a new one. */
  regenerate(request: Any, callback: (error?: Any) => Any): void
  /** For the session middleware: gives the `Session` object of that id. */
  load(sid: string, callback: (error: Any, session?: T) => Any): void
  /** For the session middleware: makes the `Session` object of what `get` gave. */
  createSession(request: Any, session: T): KnownOr<ExpressSession, Any> & T

  on<Name extends keyof MongoStore.Events<T>>(event: Name, listener: Listener<T, Name>): this
  on(event: string | symbol, listener: (...args: Any[]) => void): this
  once<Name extends keyof MongoStore.Events<T>>(event: Name, listener: Listener<T, Name>): this
  once(event: string | symbol, listener: (...args: Any[]) => void): this
  addListener<Name extends keyof MongoStore.Events<T>>(event: Name, listener: Listener<T, Name>): this
  addListener(event: string | symbol, listener: (...args: Any[]) => void): this
}

type DoneCallback = (error: Any) => void
type ResultCallback<Result> = (error: Any, result?: Result | null) => void
type LengthCallback = (error: Any, length: number) => void
type Listener<T extends MongoStore.SessionData, Name extends keyof MongoStore.Events<T>> = (
  ...args: MongoStore.Events<T>[Name]
) => void
type LastModified<T> = T & { lastModified?: Date }

declare namespace MongoStore {
  export { MongoStoreClass as MongoStore, MongoStoreClass as default }

  /**
   * express-session's `SessionData`, with what an app adds to it by `declare module 'express-session'`; without its types,
   * any object.
   */
  export type SessionData = KnownOr<ExpressSessionData, AnySessionData>

  /** What a session is to a store when @types/express-session is not installed. */
  export interface AnySessionData {
    cookie?: Any
    [key: string]: Any
  }

  export interface HashIdOptions {
    /**
     * The key of HMAC-SHA-256; of a list, the newest first, the first one hashes, and sessions are found under any. `openssl rand
     * -base64 32` makes a good one. Without this property it is SHA-256.
     */
    secret?: string | readonly string[]

    /**
     * Find sessions that are stored under their id itself, too, such as those from before `hashId`; `set` stores them under the
     * hash, `destroy` removes both. Each write then sends the id to the server, so turn it off again.
     *
     * @default false
     */
    acceptPlainIds?: boolean
  }

  export interface ConnectMongoOptions<T extends SessionData = SessionData> {
    /**
     * The [connection string](https://www.mongodb.com/docs/manual/reference/connection-string/), `mongodb://…` or
     * `mongodb+srv://…`. One of `mongoUrl`, `clientPromise` and `client` is required; the first of them counts.
     */
    mongoUrl?: string

    /** A promise of what `client` takes. */
    clientPromise?: PromiseLike<MongoStore.Client>

    /**
     * A `MongoClient` of mongodb 5 or later, or a mongoose `Connection` or `Mongoose` instance. The store then runs on the JavaScript
     * driver.
     */
    client?: MongoStore.Client

    /**
     * Whether `close()` closes the given client too.
     *
     * @default true for a `MongoClient`, false for a mongoose connection
     */
    closeClient?: boolean

    /**
     * What does the work. `auto`: Rust with `mongoUrl`, unless an option needs the JavaScript driver and `mongodb` is installed.
     *
     * @default 'auto'
     */
    backend?: 'auto' | 'native' | 'driver'

    /**
     * Emit `disconnect` when no server takes writes any more, and `connect` when one does again; express-session then goes on
     * without sessions in between.
     *
     * @default false
     */
    connectionEvents?: boolean

    /** Options of the connection that `mongoUrl` does not have, with the names that the Node driver gives them. @default {} */
    mongoOptions?: MongoOptions

    /** The database. @default the one that `mongoUrl` names, otherwise `'test'` */
    dbName?: string

    /** The collection. @default 'sessions' */
    collectionName?: string

    /**
     * How long a session whose cookie has no `expires` lives after it was last written or touched, in seconds.
     *
     * @default 1209600 (14 days)
     */
    ttl?: number

    /**
     * How long after a session was written `touch` does nothing, in seconds; 0: every touch is written.
     *
     * @default 0
     */
    touchAfter?: number

    /**
     * How expired sessions are removed. `native`: by the server, through a TTL index, which the store makes in the background.
     * `interval`: by this process, every `autoRemoveInterval` minutes. `disabled`: not at all.
     *
     * @default 'native'
     */
    autoRemove?: 'native' | 'interval' | 'disabled'

    /**
     * The time between two removals with `autoRemove: 'interval'`, in minutes, at most 71582; more than 35791 counts as 35791, the
     * longest that a timer can wait. Each store shortens it by up to a tenth, so that the instances of an app take turns.
     *
     * @default 10
     */
    autoRemoveInterval?: number

    /** @deprecated It is an error, as in connect-mongo: use `autoRemove` and `autoRemoveInterval`. */
    createAutoRemoveIdx?: null

    /**
     * Store a session as JSON text (`true`) or as a document (`false`). `serialize` and `unserialize` take its place.
     *
     * @default true
     */
    stringify?: boolean

    /** Makes of a session what is stored: text or a document. @default as `stringify` says */
    serialize?: Serialize<T>

    /** Makes a session of what is stored. @default as `stringify` says */
    unserialize?: Unserialize<T>

    /** Makes of a session id the `_id` of its document. @default the session id itself */
    transformId?: (sid: string) => string | Promise<string>

    /**
     * Store sessions under a hash of their id (of what `transformId` makes of it), so that whoever reads the database cannot present
     * one: SHA-256 with `true`, HMAC-SHA-256 with a `secret`. Sessions that are stored under their id itself count as none, unless
     * `acceptPlainIds` is on. docs/hashed-ids.md has how to switch it on.
     *
     * @default false
     */
    hashId?: boolean | HashIdOptions

    /**
     * The [write concern](https://www.mongodb.com/docs/manual/reference/write-concern/) of every write of a session, except
     * removals by `autoRemove: 'interval'`, which wait for no acknowledgement.
     *
     * @default that of `mongoUrl` or `mongoOptions`, otherwise the server's
     */
    writeOperationOptions?: WriteConcernOptions

    /** Keep `createdAt` and `updatedAt` in each document. @default false */
    timestamps?: boolean

    /**
     * Make touching a session that is gone fail with `Unable to find the session to touch`, as connect-mongo does.
     *
     * @default false
     */
    strictTouch?: boolean

    /**
     * Let `set` bring back a session that was loaded and has been destroyed since, as connect-mongo does. A session counts as loaded
     * when `createSession` made it of what `get` gave.
     *
     * @default false
     */
    resurrect?: boolean

    /**
     * What `set` does, of a session that was loaded, to what others have written since. `overwrite`: it replaces it, as connect-mongo
     * does. `merge`: what has changed since the session was loaded, key by key and in depth, is applied to what is stored now; lists
     * are one value. `reject`: it fails with the code `SESSION_CONFLICT`, unless nothing but the cookie's expiry has changed on either
     * side. The last two take a `find` on the primary and an `update`, and acknowledged writes.
     *
     * @default 'overwrite'
     */
    concurrency?: 'overwrite' | 'merge' | 'reject'

    /**
     * How many calls may wait for their answer, of all methods together. One more fails at once with the code `ERR_STORE_BUSY`, so that
     * an app whose database does not keep up fails early and not for want of memory. At most 2³¹ − 1.
     * @default 100_000
     */
    maxPending?: number
    /**
     * How long a call may take, in milliseconds, its place in the queue included; at most 2³¹ − 1. After that it fails with a
     * `MongoOperationTimeoutError`. What the server has not been asked for by then it never will be; what it has been asked for may
     * still happen. Without it, a call takes as long as the timeouts of `mongoOptions` let it.
     */
    operationTimeoutMS?: number

    /**
     * Encrypt sessions, and read those that connect-mongo 3.2 to 6 encrypted. What is written is what connect-mongo 6 writes with
     * the same options, unless `format` says otherwise. docs/encryption.md is a guide.
     *
     * @default no encryption
     */
    crypto?: CryptoOptions

    /**
     * Encrypt with an adapter: of `createKrupteinAdapter`, of `createWebCryptoAdapter` or of the app's own. It excludes `crypto`.
     *
     * @default none
     */
    cryptoAdapter?: CryptoAdapter | null

    /**
     * With encryption: read sessions that are not encrypted, too, such as those from before it was switched on. Whoever can write
     * the collection can then make sessions up, so turn it off again. With an adapter of the app's own this is about documents
     * (`stringify: false`) only; text goes to its `decrypt`.
     *
     * @default false
     */
    acceptPlaintext?: boolean

    /**
     * What becomes of a session that cannot be decrypted, because no secret opens it or it was altered. `error`: `get` and `all`
     * fail. `drop`: it counts as none, and `decrypt-failed` is emitted.
     *
     * @default 'error'
     */
    onDecryptError?: 'error' | 'drop'
  }

  /** Text, which counts as its UTF-8, or bytes. connect-mongo's `crypto` takes text only. */
  export type CryptoSecret = string | ArrayBuffer | ArrayBufferView

  /**
   * The options of `createKrupteinAdapter`: how sessions are written, and how those were that are read. No envelope holds
   * `algorithm`, `hashing` and `encodeas`, so leave them as they are while sessions are about that were written with them.
   */
  export interface KrupteinOptions {
    /**
     * What keys are made of. A list is a ring, the newest first: it encrypts with the first, and decrypts with any. `false` is no
     * encryption with `crypto`, and an error of `createKrupteinAdapter`.
     */
    secret: CryptoSecret | readonly CryptoSecret[] | false

    /**
     * The cipher, with Node's name for it. docs/encryption-algorithms.md has those that work; another is an error when the store,
     * or the adapter, is made, which lists them.
     *
     * @default 'aes-256-gcm'
     */
    algorithm?: string

    /** The hash for key derivation and HMAC, with Node's name for it. What goes for `algorithm` goes for it. @default 'sha512' */
    hashing?: string

    /** How bytes become text: `base64`, `base64url`, `hex`, `latin1` or `binary`. @default 'base64' */
    encodeas?: string

    /**
     * The length of a key, in bytes, to kruptein 3.4. It has no effect on what is written, as in connect-mongo 6.
     *
     * @default 32
     */
    key_size?: number

    /** The length of an iv, in bytes. It has no effect, as in connect-mongo 6: each envelope has its own. @default 16 */
    iv_size?: number

    /**
     * The length of an authentication tag, in bytes, to connect-mongo 3.2 and to kruptein 3.4. It has no effect on what is written,
     * as in connect-mongo 6.
     *
     * @default 16
     */
    at_size?: number

    /** The length of a key, in bytes. @default 32; 16 and 24 for the ciphers aes-128-… and aes-192-… */
    _key_size?: number
    /** The length of an iv, in bytes. @default 12 for GCM and OCB, 16 for the others */
    _iv_size?: number
    /** The length of an authentication tag, in bytes. @default 16 */
    _at_size?: number

    /** Derive keys with scrypt rather than PBKDF2. @default false */
    use_scrypt?: boolean
    /** Read what kruptein 3.1.4 and later wrote with it. What is written has PBKDF2, as in connect-mongo 6. @default false */
    use_argon2?: boolean
    /** It has no effect: what is written is DER, as in connect-mongo 6, and JSON is read all the same. */
    use_asn1?: boolean
  }

  /** Encryption by the store itself. */
  export interface CryptoOptions extends KrupteinOptions {
    /**
     * What is written; the others are read all the same. `kruptein`: what connect-mongo 6 writes. `sealed`: AES-256-GCM, bound to
     * the `_id` of the document, as docs/sealed-format.md specifies it; connect-mongo cannot read it.
     *
     * @default 'kruptein'
     */
    format?: 'kruptein' | 'sealed'

    /**
     * How `sealed` makes its key of the secret, once a store. `pbkdf2`: 210,000 rounds of HMAC-SHA-512. `argon2id`: 2 passes
     * over 19 MiB. Either is read, whichever is written.
     *
     * @default 'pbkdf2'
     */
    derivation?: 'pbkdf2' | 'argon2id'
  }

  /** The options of `createWebCryptoAdapter`. */
  export type WebCryptoAdapterOptions = {
    /** What keys are made of. A list is a ring, the newest first: it encrypts with the first, and decrypts with any. */
    secret: CryptoSecret | readonly CryptoSecret[]
    /** The length of an iv, in bytes. @default 12 for AES-GCM, 16 for AES-CBC */
    ivLength?: number
    /** How bytes become text. @default 'base64' */
    encoding?: 'base64' | 'base64url' | 'hex'
    /**
     * The cipher, with a key of 256 bits. AES-CBC does not notice when a session was altered, so only an adapter with AES-CBC
     * reads what was written with it.
     *
     * @default 'AES-GCM'
     */
    algorithm?: 'AES-GCM' | 'AES-CBC'
    /** The salt of the key, the same for all sessions. @default 'connect-mongo:webcrypto-default-salt' */
    salt?: CryptoSecret
    /** The rounds of PBKDF2 with HMAC-SHA-256. @default 310000 */
    iterations?: number
  }

  /**
   * Encryption that a store leaves to others. Both functions run in JavaScript, for each session that is written or read; what one
   * of them throws is the error of that call.
   */
  export interface CryptoAdapter {
    /** Encrypts what the serializer returned, as text: JSON of it unless it was text already. */
    encrypt: (unencryptedPayload: string) => Promise<string>
    /** Gives back what `encrypt` was given, or JSON of it. */
    decrypt: (encryptedPayload: string) => Promise<string>
  }

  /**
   * Encryption as that of `crypto`. As the `cryptoAdapter` of a store it is done by Rust; called by itself, the adapter does what
   * connect-mongo's does, on another thread where a key has to be derived.
   *
   * @throws {Error} for a secret that is missing, or an option that does not work; the message names it
   */
  export function createKrupteinAdapter(options: KrupteinOptions): CryptoAdapter

  /**
   * Encryption as that of the Web Crypto adapter of connect-mongo 6, done by Rust.
   *
   * @throws {Error} for a secret that is missing, or an option that does not work; the message names it
   */
  export function createWebCryptoAdapter(options: WebCryptoAdapterOptions): CryptoAdapter

  /** What `reencrypt` takes. */
  export interface ReencryptOptions {
    /** How many sessions are read at a time, from 1 to 10000. @default 100 */
    batchSize?: number
    /** An `_id` to begin after: the `last` of an earlier call that did not get through. @default at the beginning */
    after?: string | undefined
    /** An `AbortSignal`: once it is aborted, no further batch is begun. */
    signal?: { readonly aborted: boolean } | undefined
    /** Called after each batch. */
    onProgress?: (progress: ReencryptProgress) => void
  }

  /** How far `reencrypt` is. */
  export interface ReencryptProgress {
    /** The sessions that were live when it began. */
    total: number
    /** The sessions that have been looked at. */
    scanned: number
    /** Those that have been stored anew. */
    rewritten: number
    /** Those that were left alone because somebody else wrote or removed them meanwhile. */
    changed: number
    /** Those that were left alone because no secret opens them. */
    unreadable: number
    /** The `_id` of the last session that has been looked at, for `after`. Absent while there was none. */
    last?: string | undefined
    /** Whether all sessions have been looked at. */
    done: boolean
  }

  /** A `MongoClient` of any version, a mongoose `Connection`, or a `Mongoose` instance. */
  export type Client =
    // biome-ignore lint/suspicious/noExplicitAny: whatever that version's Db is
    { db(name?: string): any } | { getClient(): unknown } | { connection: { getClient(): unknown } }

  /** A `Collection` of the app's own driver: `as Collection` of that package gives it its type. */
  // biome-ignore lint/suspicious/noExplicitAny: the version is the app's choice
  export type Collection = any

  /** What is stored of a session: text or a document. */
  export type StoredSessionValue = SessionData | string
  export type Serialize<T extends SessionData = SessionData> = (session: T) => string | object
  // As a method, so that a function which takes only text, or only documents, fits too.
  export type Unserialize<T extends SessionData = SessionData> = {
    unserialize(payload: StoredSessionValue): T
  }['unserialize']

  /** The events of a store, and what their listeners are given. */
  export interface Events<T extends SessionData = SessionData> {
    /** A session was created; `set` follows. */
    create: [sid: string]
    /** An existing session was replaced; `set` follows. */
    update: [sid: string]
    /** A session was created or replaced. */
    set: [sid: string]
    /** A session to be replaced, which had been loaded, was not there any more; neither `update` nor `set` follows. */
    'set-refused': [sid: string, session: T]
    /** A session was touched. */
    touch: [sid: string, session: T]
    /** A session to be touched was not there. */
    'touch-missed': [sid: string, session: T]
    /** `destroy` is done, whether or not there was a session. */
    destroy: [sid: string]
    /** A session was asked for. */
    get: [sid: string]
    /** All sessions were asked for. */
    all: [sessions: T[]]
    /**
     * With `onDecryptError: 'drop'`: a session could not be decrypted and counts as none. `all` does not know its id. The error is
     * the one that the call would have failed with: of an adapter of the app's own, what it threw.
     */
    'decrypt-failed': [sid: string | undefined, error: Error]
    /** With `connectionEvents`: a server takes writes again. */
    connect: []
    /** With `connectionEvents`: no server takes writes any more. */
    disconnect: []
    /** The TTL index could not be made; calls go on. Without a listener the process warns once instead. */
    error: [error: Error]
  }

  /** A write concern: how far a write must have got to count as done. */
  export interface WriteConcernOptions {
    /** How many members must have the write, or `'majority'`, or a tag. */
    w?: number | string
    /** Whether it must be in the journal. */
    journal?: boolean
    /** How long to wait for that, in milliseconds; 0: for ever. */
    wtimeoutMS?: number
    /** @deprecated Use `journal`. */
    j?: boolean | 1
    /** @deprecated Use `wtimeoutMS`. */
    wtimeout?: number
    /** @deprecated Use `journal`. */
    fsync?: boolean | 1
  }

  /**
   * Options that only the JavaScript driver honours: with one of them the store runs on it, where the `mongodb` package is
   * installed, and otherwise the constructor throws. Their types are that package's; docs/mongo-options.md has a line on each.
   */
  export type DriverOption =
    | 'ALPNProtocols'
    | 'autoEncryption'
    | 'cert'
    | 'checkServerIdentity'
    | 'ciphers'
    | 'connectionType'
    | 'crl'
    | 'ecdhCurve'
    | 'family'
    | 'hints'
    | 'key'
    | 'localAddress'
    | 'localPort'
    | 'lookup'
    | 'minHeartbeatFrequencyMS'
    | 'mongodbLogComponentSeverities'
    | 'mongodbLogMaxDocumentLength'
    | 'mongodbLogPath'
    | 'pfx'
    | 'secureContext'
    | 'secureProtocol'
    | 'servername'
    | 'socketTimeoutMS'
    | 'srvPoller'
    | 'sslCert'
    | 'sslCRL'
    | 'sslKey'
    | 'timeoutMS'
    | 'tlsAllowInvalidHostnames'
    | 'tlsCertificateFile'
    | 'tlsCRLFile'
    | 'waitQueueTimeoutMS'

  /**
   * The options of the Node driver's `MongoClient` that a store takes. docs/mongo-options.md has those that it does not take, or
   * with one value only: they make the constructor throw.
   */
  export interface MongoOptions extends Partial<Record<DriverOption, unknown>> {
    /** The database, where the store's own `dbName` is absent. @default the one that `mongoUrl` names */
    dbName?: string
    /** The name of the app in the server's log. */
    appName?: string
    /** The name, version and platform of a library around the store, for the server's log. */
    driverInfo?: { name?: string; version?: string; platform?: string }
    /** `driverInfo.name` */
    name?: string

    /** The user; in place of the one in `mongoUrl`. */
    auth?: { username?: string; password?: string }
    /** The database that knows the user. @default the database in `mongoUrl`, otherwise `'admin'` */
    authSource?: string
    /** @default SCRAM-SHA-256 or SCRAM-SHA-1, whichever the server has */
    authMechanism?:
      | 'DEFAULT'
      | 'SCRAM-SHA-1'
      | 'SCRAM-SHA-256'
      | 'PLAIN'
      | 'MONGODB-X509'
      | 'MONGODB-OIDC'
      | (string & {})
    /** With MONGODB-OIDC: `{ ENVIRONMENT: 'k8s' }`. */
    authMechanismProperties?: object

    /** Use TLS. @default true for `mongodb+srv://`, otherwise false */
    tls?: boolean
    /** The same as `tls`. */
    ssl?: boolean
    /** A PEM file with the certificates to trust. @default what Node trusts, with NODE_EXTRA_CA_CERTS */
    tlsCAFile?: string
    /** The certificates to trust, as PEM; in place of `tlsCAFile`. */
    ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
    /** A PEM file with the client's certificate and key. */
    tlsCertificateKeyFile?: string
    /** The password of that key. */
    tlsCertificateKeyFilePassword?: string
    /** The same as `tlsCertificateKeyFilePassword`. */
    passphrase?: string | undefined
    /** Accept any certificate of the server. @default false */
    tlsAllowInvalidCertificates?: boolean
    /** The same as `tlsAllowInvalidCertificates`. @default false */
    tlsInsecure?: boolean
    /** The opposite of `tlsAllowInvalidCertificates`. @default true */
    rejectUnauthorized?: boolean | undefined

    /** The name of the replica set. */
    replicaSet?: string
    /** Talk to the one server that `mongoUrl` names, whatever it is part of. @default false */
    directConnection?: boolean
    /** How many hosts of a `mongodb+srv://` address to use; 0: all. @default 0 */
    srvMaxHosts?: number
    /** The service name of a `mongodb+srv://` address. @default 'mongodb' */
    srvServiceName?: string
    /** What the hosts of a `mongodb+srv://` address must end with. @default the address without its first label */
    srvAllowedHostsSuffix?: string
    /** Tells whether a host of a `mongodb+srv://` address may be used; in place of `srvAllowedHostsSuffix`. */
    srvHostValidator?: (host: string) => boolean
    /** The host of a SOCKS5 proxy. */
    proxyHost?: string
    /** Its port. @default 1080 */
    proxyPort?: number
    /** Its user. */
    proxyUsername?: string
    /** The user's password. */
    proxyPassword?: string

    /** The most connections to each server; 0: no limit. @default 10 */
    maxPoolSize?: number
    /** The fewest connections to each server. @default 0 */
    minPoolSize?: number
    /** How many connections to a server may be in the making at a time. @default 2 */
    maxConnecting?: number
    /** How long a connection may be idle before it is closed, in milliseconds; 0: for ever. @default 0 */
    maxIdleTimeMS?: number
    /** How long making a connection may take, in milliseconds; 0: for ever. @default 30000 */
    connectTimeoutMS?: number
    /** How long a call looks for a server, in milliseconds, before it fails. @default 30000 */
    serverSelectionTimeoutMS?: number
    /** How much slower than the fastest a server may be and still be used, in milliseconds. @default 15 */
    localThresholdMS?: number
    /** The time between two checks of a server, in milliseconds, at least 500. @default 10000 */
    heartbeatFrequencyMS?: number
    /** How a server is watched. @default 'auto' */
    serverMonitoringMode?: 'auto' | 'poll' | 'stream'

    /** Repeat a read that failed on the network: on Rust until `serverSelectionTimeoutMS`, on a JavaScript client once. @default true */
    retryReads?: boolean
    /** The same for a write; the server must be part of a replica set or a sharded cluster. @default true */
    retryWrites?: boolean
    /** How often to repeat what an overloaded server refused. @default 2 */
    maxAdaptiveRetries?: number
    /** Try another server when one is overloaded. @default false */
    enableOverloadRetargeting?: boolean
    /** The version of the [stable API](https://www.mongodb.com/docs/manual/reference/stable-api/) to insist on. */
    serverApi?: '1' | { version: '1'; strict?: boolean; deprecationErrors?: boolean }
    /** Compressions to offer: `snappy`, `zlib`, `zstd`, as a list or with commas between them. @default none */
    compressors?: readonly ('none' | 'snappy' | 'zlib' | 'zstd')[] | string
    /** From 1 (fast) to 9 (small); 0 and -1: zlib's own choice. @default -1 */
    zlibCompressionLevel?: number | undefined

    /** How far writes must have got to count as done, or the `w` of that. @default the server's */
    writeConcern?: WriteConcernOptions | number | string
    /** `writeConcern.w` */
    w?: number | string
    /** `writeConcern.journal` */
    journal?: boolean
    /** `writeConcern.wtimeoutMS`, in milliseconds */
    wtimeoutMS?: number
    /** @deprecated Use `journal`. */
    j?: boolean | 1
    /** @deprecated Use `journal`. */
    fsync?: boolean | 1
    /** @deprecated Use `wtimeoutMS`. */
    wtimeout?: number
    /** An object such as `{ level: 'majority' }`. @default the server's */
    readConcern?: { level?: string } | string
    /** `readConcern.level` */
    readConcernLevel?: string
    /** Which members of a replica set are read from: a mode, or an object with one. @default 'primary' */
    readPreference?:
      | ReadPreferenceMode
      | { mode: ReadPreferenceMode; tags?: TagSet[]; maxStalenessSeconds?: number }
    /** The tags of the members to read from, in order of preference. */
    readPreferenceTags?: readonly TagSet[]
    /** How far behind a secondary may be that is read from, in seconds, at least 90. @default no limit */
    maxStalenessSeconds?: number

    /** With `stringify: false`: leave out properties that are `undefined`, rather than store null. @default false */
    ignoreUndefined?: boolean
    /** With `stringify: false`: store functions as code. @default false */
    serializeFunctions?: boolean
    /** With `stringify: false`: read 64-bit integers as numbers where those are exact. @default true */
    promoteLongs?: boolean
    /** With `stringify: false`: read BSON's number types as numbers. @default true */
    promoteValues?: boolean
    /** With `stringify: false`: read binary data as Buffers. @default false */
    promoteBuffers?: boolean
    /** With `stringify: false`: read 64-bit integers as bigints. @default false */
    useBigInt64?: boolean
    /** With `stringify: false`: read regular expressions as BSONRegExp. @default false */
    bsonRegExp?: boolean
    /** With `stringify: false`: fail on text that is not valid UTF-8. @default true */
    enableUtf8Validation?: boolean
    /** With `stringify: false`: the names of fields to leave as BSON. */
    fieldsAsRaw?: { [name: string]: Any }

    /** @deprecated Use `tlsCAFile`. */
    sslCA?: string
    /** @deprecated Use `tlsCertificateKeyFilePassword`. */
    sslPass?: string
    /** @deprecated Use `tlsAllowInvalidCertificates`, its opposite. */
    sslValidate?: boolean

    /** @deprecated It has no effect. */
    useNewUrlParser?: boolean
    /** @deprecated It has no effect. */
    useUnifiedTopology?: boolean
    /** It has no effect: a store has no use for it. */
    autoSelectFamily?: boolean | undefined
    /** It has no effect: a store has no use for it. */
    autoSelectFamilyAttemptTimeout?: number | undefined
    /** It has no effect: a certificate in `tlsCAFile` is trusted in any case. */
    allowPartialTrustChain?: boolean | undefined
    /** It has no effect: rustls has no such ciphers. */
    minDHSize?: number | undefined
    /** It has no effect: a store has no use for it. */
    forceServerObjectId?: boolean
    /** It has no effect: a store has no use for it. */
    monitorCommands?: boolean
    /** It has no effect: a store has no use for it. */
    pkFactory?: object
    /** It is always on. */
    keepAlive?: boolean | undefined
    /** It is always 120000 milliseconds. */
    keepAliveInitialDelay?: number | undefined
    /** It is always on. */
    noDelay?: boolean | undefined
  }

  export type ReadPreferenceMode =
    | 'primary'
    | 'primaryPreferred'
    | 'secondary'
    | 'secondaryPreferred'
    | 'nearest'
  export interface TagSet {
    [key: string]: string
  }
}

export = MongoStore
