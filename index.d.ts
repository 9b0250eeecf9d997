// The CommonJS view: `require` gives the class, which carries MongoStore, default and create.
// connect-mongo's types: https://github.com/jdesboeufs/connect-mongo/blob/v6.0.0/src/lib/MongoStore.ts
import { EventEmitter } from 'node:events'

// With `import type` no app could make an import alias of what the namespace exports.
import CryptoTypes = require('./lib/crypto/crypto-options.js')
import MongoTypes = require('./lib/mongo/mongo-options.js')

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
 * sent them; `errorLabels` is an array. A session id that is not a string is a `TypeError`. The `code` of a call that comes after
 * `close()`, or that `close()` gives up, is `'ERR_STORE_CLOSED'`. A session that cannot be decrypted fails `get` and `all` with `'ERR_SESSION_DECRYPT'`, in one
 * wording whatever is wrong with it. One that is encrypted fails a store without encryption with `'ERR_SESSION_ENCRYPTED'`. With
 * `concurrency`, `set` of a session that others have changed fails with `'SESSION_CONFLICT'`.
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

  /**
   * A `MongoClient` of the JavaScript driver: the `client` that was given (of a mongoose connection, its own), otherwise one of the
   * app's own `mongodb` package, which is opened, connected and closed as that of `collectionP` is. It never is an unhandled rejection.
   */
  readonly clientP: Promise<MongoStore.OpenedClient>

  /**
   * The options of this store, with their defaults. Those that are not `readonly` count from the next call on when they are changed;
   * anything else that is assigned gives a warning and changes nothing. What may hold a password or a secret (`mongoUrl`,
   * `mongoOptions`, `crypto`, …) can be read and is not enumerable, so that no log prints it.
   */
  options: MongoStore.StoreOptions

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
  get<Answer extends Promise<T | null> = Promise<T | null>>(
    sid: string,
    ...nothing: never[]
  ): Overridable<Answer>
  get(sid: string, callback: ResultCallback<T | null>): void
  get<Answer extends Promise<T | null> | undefined = Promise<T | null> | undefined>(
    sid: string,
    callback: ResultCallback<T | null> | undefined
  ): Overridable<Answer>
  get<Answer extends Promise<T | null> = Promise<T | null>>(
    sid: string,
    maxAge: KoaMaxAge | ResultCallback<T | null>,
    options?: KoaOptions
  ): Overridable<Answer>

  /**
   * Creates or replaces the session of that id. A session that was loaded, and has been destroyed since, stays destroyed: that
   * succeeds and emits `set-refused`, unless `resurrect` is on.
   *
   * A number as the third argument, which Koa's session packages give, is how many milliseconds the session lives from now on.
   */
  set<Answer extends Promise<void> = Promise<void>>(
    sid: string,
    session: T,
    ...nothing: never[]
  ): Overridable<Answer>
  set(sid: string, session: T, callback: DoneCallback): void
  set<Answer extends MaybePromise = MaybePromise>(
    sid: string,
    session: T,
    callback: DoneCallback | undefined
  ): Overridable<Answer>
  set<Answer extends Promise<void> = Promise<void>>(
    sid: string,
    session: T,
    maxAge: KoaMaxAge | DoneCallback,
    options?: KoaOptions
  ): Overridable<Answer>

  /**
   * Puts off when the session expires. For a session that is gone it succeeds and emits `touch-missed`, unless `strictTouch` is
   * on. Does nothing when the session was written less than `touchAfter` ago, and never does anything with `disableTouch`.
   */
  touch<Answer extends Promise<void> = Promise<void>>(
    sid: string,
    session: T | LastModified<T>,
    ...nothing: never[]
  ): Overridable<Answer>
  touch(sid: string, session: T | LastModified<T>, callback: DoneCallback): void
  touch<Answer extends MaybePromise = MaybePromise>(
    sid: string,
    session: T | LastModified<T>,
    callback: DoneCallback | undefined
  ): Overridable<Answer>

  /** Deletes the session of that id; that there is none is not an error. */
  destroy<Answer extends Promise<void> = Promise<void>>(sid: string, ...nothing: never[]): Overridable<Answer>
  destroy(sid: string, callback: DoneCallback): void
  destroy<Answer extends MaybePromise = MaybePromise>(
    sid: string,
    callback: DoneCallback | undefined
  ): Overridable<Answer>
  destroy<Answer extends Promise<void> = Promise<void>>(
    sid: string,
    options: KoaOptions | DoneCallback | undefined
  ): Overridable<Answer>

  /** Gives all sessions that have not expired. */
  all<Answer extends Promise<T[]> = Promise<T[]>>(...nothing: never[]): Overridable<Answer>
  all(callback: ListCallback<T>): void
  all<Answer extends Promise<T[]> | undefined = Promise<T[]> | undefined>(
    callback: ListCallback<T> | undefined
  ): Overridable<Answer>

  /**
   * Goes through all sessions that have not expired, in batches and by storage id, so that it takes no more memory for many of them.
   * They are what `all` gives, but for those whose `_id` is no text. One that cannot be read is reported by `decrypt-failed` or
   * `unreadable` and passed by, whatever `onDecryptError` says. Each batch is a call, with its `operationTimeoutMS`.
   *
   * @throws {TypeError} for a wrong `batchSize`
   * @example
   * for await (const session of store.iterate()) console.log(session.cookie)
   */
  iterate(options?: MongoStore.IterateOptions): AsyncGenerator<T, void, undefined>

  /**
   * Gives the ids of all sessions that have not expired, without the sessions. It fails with `hashId` and with `transformId`, from
   * which a session id cannot be told.
   */
  ids(): Promise<string[]>
  ids(callback: ResultCallback<string[]>): void
  ids(callback: ResultCallback<string[]> | undefined): Promise<string[]> | undefined

  /**
   * Gives the live sessions of a value of the option `index`, the newest first. Of several values, those that have all of them. One that
   * cannot be read is reported as in `iterate`, and left out.
   *
   * @throws {TypeError} for a key that the index has not, and for a value that is none: an operator never reaches the server
   * @example
   * const devices = await store.find({ userId: req.user.id }, { limit: 20 })
   */
  find(where: MongoStore.IndexValues, options?: MongoStore.FindOptions): Promise<MongoStore.FoundSession<T>[]>
  find(where: MongoStore.IndexValues, callback: ResultCallback<MongoStore.FoundSession<T>[]>): void
  find(
    where: MongoStore.IndexValues,
    options: MongoStore.FindOptions | undefined,
    callback: ResultCallback<MongoStore.FoundSession<T>[]>
  ): void

  /** Counts the live sessions of a value of the option `index`. */
  count(where: MongoStore.IndexValues): Promise<number>
  count(where: MongoStore.IndexValues, callback: ResultCallback<number>): void

  /**
   * Ends all sessions of a value of the option `index`, in two commands, and gives how many were stored. A request under way that saves
   * one of them writes nothing, in any process: a session that was loaded is not created again. `destroy` is emitted for each whose id
   * can be told, which it cannot with `hashId` and `transformId`.
   *
   * @example
   * await store.destroyAll({ userId: req.user.id }, { except: req.sessionID })
   */
  destroyAll(where: MongoStore.IndexValues, options?: MongoStore.DestroyAllOptions): Promise<number>
  destroyAll(where: MongoStore.IndexValues, callback: ResultCallback<number>): void
  destroyAll(
    where: MongoStore.IndexValues,
    options: MongoStore.DestroyAllOptions | undefined,
    callback: ResultCallback<number>
  ): void

  /** Ends the session that `find` gave this handle of. Whether there was one. */
  destroyHandle(handle: string): Promise<boolean>
  destroyHandle(handle: string, callback: ResultCallback<boolean>): void

  /**
   * Indexes the sessions that were stored without the option `index`, with another, or under an older secret, and gives each a handle.
   * It works in batches beside a running app: what others write meanwhile stays. It is over when all sessions have been looked at, when
   * `signal` is aborted or when the store is closed; `done` tells, and `last` is where another run can go on.
   */
  reindex(options?: MongoStore.ReindexOptions): Promise<MongoStore.ReindexProgress>
  reindex(callback: ResultCallback<MongoStore.ReindexProgress>): void
  reindex(
    options: MongoStore.ReindexOptions | undefined,
    callback: ResultCallback<MongoStore.ReindexProgress>
  ): void

  /**
   * Removes the sessions that have expired, by the server's clock and after `expiryGrace`, and gives their number: for cron, and for
   * servers without TTL indexes. With `expiredEvents` it reports each.
   */
  prune(options?: MongoStore.PruneOptions): Promise<number>
  prune(callback: ResultCallback<number>): void
  prune(options: MongoStore.PruneOptions | undefined, callback: ResultCallback<number>): void

  /** Counts the sessions that have not expired. */
  length<Answer extends Promise<number> = Promise<number>>(...nothing: never[]): Overridable<Answer>
  length(callback: LengthCallback): void
  length<Answer extends Promise<number> | undefined = Promise<number> | undefined>(
    callback: LengthCallback | undefined
  ): Overridable<Answer>

  /** Deletes all sessions. */
  clear<Answer extends Promise<void> = Promise<void>>(...nothing: never[]): Overridable<Answer>
  clear(callback: DoneCallback): void
  clear<Answer extends MaybePromise = MaybePromise>(callback: DoneCallback | undefined): Overridable<Answer>

  /**
   * What the store has done so far, and what goes on now: cheap enough to be asked for each second. `queue`, `commands`, `retries` and
   * `pool` are those of all stores of the process that share the collection, or the connection.
   */
  stats(): MongoStore.Stats

  /**
   * A health check: asks for a session that there is not, on the way that every `get` takes, so that it fails when calls would. It
   * emits no event.
   */
  ping(callback: DoneCallback): void
  ping(options?: MongoStore.PingOptions): Promise<void>
  ping(options: MongoStore.PingOptions | undefined, callback: DoneCallback): void
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
   * Moves the sessions that are stored under their plain ids to the hashes of `hashId`, each in a transaction of the JavaScript driver, so
   * it needs the `mongodb` package and a replica set or a sharded cluster. What others write meanwhile stays. Of a hash under an older secret nobody can tell
   * the id: such sessions stay until they end.
   *
   * It is over as `reencrypt` is; `done` tells, and `last` is where another run can go on.
   */
  hashIds(options?: MongoStore.HashIdsOptions): Promise<MongoStore.HashIdsProgress>
  hashIds(callback: ResultCallback<MongoStore.HashIdsProgress>): void
  hashIds(
    options: MongoStore.HashIdsOptions | undefined,
    callback: ResultCallback<MongoStore.HashIdsProgress>
  ): void

  /**
   * Lets pending calls finish, then closes the connections that no other store uses, and a given `client` as `closeClient` says.
   *
   * What is pending after `timeoutMS` is given up: each such call fails with the code `'ERR_STORE_CLOSED'`, what comes for it later
   * is dropped, and whether a write was done is not known. `close` succeeds then. It waits up to 3 seconds more for the connections;
   * what is left of them closes in the background.
   *
   * Calling it again gives the same promise: the first `timeoutMS` counts. A wrong one makes it fail, and leaves the store open.
   */
  close<Callback extends DoneCallback = DoneCallback>(callback: Overridable<Callback>): void
  close<
    Options extends MongoStore.CloseOptions = MongoStore.CloseOptions,
    Answer extends Promise<void> = Promise<void>,
  >(options?: Overridable<Options>): Overridable<Answer>
  close<Options extends MongoStore.CloseOptions = MongoStore.CloseOptions>(
    options: Overridable<Options> | undefined,
    callback: DoneCallback
  ): void
  close<Callback extends DoneCallback = DoneCallback, Answer extends MaybePromise = MaybePromise>(
    callback: Overridable<Callback> | undefined
  ): Overridable<Answer>

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

/**
 * To callers its default, since nothing can be inferred for it. To the methods of a subclass, `any`: where a method has overloads,
 * the compiler forgets their type parameters when it compares what overrides it. So methods with connect-mongo's signatures, which
 * answer by callback alone and return nothing, or a promise of nothing, may override those that return promises. Theirs may have
 * more parameters than `...nothing: never[]`, which nobody can give anything.
 */
type Overridable<Parameter> = [Parameter][Parameter extends Any ? 0 : never]

type MaybePromise = Promise<void> | undefined

// What Koa's session packages give besides. In a method's parameter a callback stands beside it, so that subclasses may take that alone.

/** In milliseconds; `'session'` for a cookie that ends with the browser. */
type KoaMaxAge = number | 'session' | undefined

/** Of the request, which is not for the store. */
type KoaOptions = { ctx?: Any; changed?: boolean; rolling?: boolean }
// With a parameter that may be missing, it may be overridden by callbacks that take none, as in express-session's types.
type DoneCallback = (error?: Any) => void
type ResultCallback<Result> = (error: Any, result?: Result | null) => void
// As an intersection it may be overridden by a callback that takes what connect-mongo's types say, lists or objects: the compiler is
// stricter with what is but a function.
type ListCallback<T> = ResultCallback<T[]> & object
type LengthCallback = (error: Any, length: number) => void
type Listener<T extends MongoStore.SessionData, Name extends keyof MongoStore.Events<T>> = (
  ...args: MongoStore.Events<T>[Name]
) => void
type LastModified<T> = T & { lastModified?: Date }

declare namespace MongoStore {
  export { MongoStoreClass as MongoStore, MongoStoreClass as default }

  export import CryptoAdapter = CryptoTypes.CryptoAdapter
  export import CryptoOptions = CryptoTypes.CryptoOptions
  export import CryptoSecret = CryptoTypes.CryptoSecret
  export import KrupteinOptions = CryptoTypes.KrupteinOptions
  export import ReencryptOptions = CryptoTypes.ReencryptOptions
  export import ReencryptProgress = CryptoTypes.ReencryptProgress
  export import WebCryptoAdapterOptions = CryptoTypes.WebCryptoAdapterOptions

  export import DriverOption = MongoTypes.DriverOption
  export import MongoOptions = MongoTypes.MongoOptions
  export import ReadPreferenceMode = MongoTypes.ReadPreferenceMode
  export import TagSet = MongoTypes.TagSet
  export import WriteConcernOptions = MongoTypes.WriteConcernOptions

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

  export interface PingOptions {
    /**
     * How long this call may take, in milliseconds: a finite number above 0. After that it fails with a `MongoOperationTimeoutError`.
     * A shorter `operationTimeoutMS` counts as well.
     *
     * @default that of `operationTimeoutMS`, otherwise as long as the timeouts of `mongoOptions` let it
     */
    timeoutMS?: number
  }

  export interface IterateOptions {
    /** How many sessions are read at a time, from 1 to 10000. @default 100 */
    batchSize?: number
  }

  /** A value by which sessions are found. It is compared as text: an ObjectId is its digits, a Date its ISO string. */
  export type IndexValue = string | number | boolean | Date | { toHexString(): string }

  /** By the keys of the option `index`. */
  export type IndexValues = Readonly<Record<string, IndexValue>>

  export interface FindOptions {
    /** How many at the most; 0: all. @default 0 */
    limit?: number
    /** The handle behind which to go on: that of the last one of the page before. */
    after?: string
    /** The id of the session of which `isCurrent` is to be true, such as `req.sessionID`. */
    current?: string
  }

  /** A session that `find` gives. It has no session id: with `hashId` nobody knows one. */
  export interface FoundSession<T extends SessionData = SessionData> {
    /**
     * What stands for the session in a page or a form: random, useless as a session id, and the same for as long as the session is stored.
     */
    handle: string
    session: T
    /** When it was first stored; `undefined` of one that a connect-mongo created. */
    createdAt: Date | undefined
    /** When it ends, unless it is touched; never after its `maxLifetime`. */
    expires: Date | undefined
    /**
     * When it was last written or touched: as long before `expires` as its cookie, or `ttl`, says that it lives; where that does not tell, as
     * with a `ttl` that is a function, by `lastModified`, which each write then notes.
     */
    lastSeen: Date | undefined
    /** What the option `describe` made of it. */
    description?: Record<string, Any>
    /** Whether it is the one that was given as `current`. */
    isCurrent: boolean
  }

  export interface DestroyAllOptions {
    /** The ids of sessions that stay, such as `req.sessionID`. */
    except?: string | readonly string[]
  }

  export interface ReindexOptions {
    /** How many sessions are read at a time, from 1 to 10000. @default 100 */
    batchSize?: number
    /** The storage id behind which to begin: `last` of an earlier run. */
    after?: string
    /** Ends it after the batch under way. */
    signal?: ReencryptOptions['signal']
    /** Is told after each batch. What it throws ends it. */
    onProgress?: (progress: ReindexProgress) => void
  }

  export interface ReindexProgress {
    /** How many sessions were live at the beginning. */
    total: number
    scanned: number
    /** How many have been indexed. */
    indexed: number
    /** How many others have written meanwhile, who index what they write if they have the option. */
    changed: number
    /** How many cannot be read. */
    unreadable: number
    /** The storage id of the last one. */
    last: string | undefined
    done: boolean
  }

  export interface Histogram {
    /** The upper bounds of the buckets, ascending: each holds what is not above its bound, nor in those before. */
    bounds: number[]
    /** One more than there are bounds: the last is of what is above all of them. */
    counts: number[]
    /** Of all values. */
    sum: number
  }

  export interface OperationStats {
    count: number
    /** How many of them ended with an error. */
    failed: number
    /** From the call to its answer, in milliseconds. */
    latencyMs: Histogram
  }

  export interface Stats {
    backend: 'native' | 'driver'
    /** How many operations have no answer yet. */
    pending: number
    /** By the name of the method; one that was never called is absent. Each batch of `iterate` counts. */
    operations: Record<string, OperationStats>
    /** Operations that wait for a command, and commands that are under way. */
    queue: { waiting: number; underWay: number }
    /**
     * By the name of MongoDB's command: how many were sent, and with how many statements, or ids, each. On Rust of those that operations
     * about one session share.
     */
    commands: Record<string, { count: number; statements: Histogram }>
    /** How often a command was sent again; `undefined` over a JavaScript client, which does not tell. */
    retries: number | undefined
    /** Connections: all, those in use, and how many commands wait for one. `undefined` before there is a client. */
    pool: { open: number; inUse: number; waiting: number } | undefined
    /** Of the encryption: how many derived keys are at hand. */
    keys: { remembered: number } | undefined
  }

  export interface HashIdsOptions {
    /** How many sessions are read at a time, from 1 to 10000. @default 100 */
    batchSize?: number
    /** The storage id behind which to begin: `last` of an earlier run. */
    after?: string | undefined
    /** Ends it after the batch under way. */
    signal?: ReencryptOptions['signal']
    /** Is told after each batch. What it throws ends it. */
    onProgress?: (progress: HashIdsProgress) => void
    /** Only counts what it would do. @default false */
    dryRun?: boolean | undefined
  }

  export interface HashIdsProgress {
    /** How many live sessions were stored under their plain ids at the beginning. */
    total: number
    scanned: number
    moved: number
    /** How many others have written, moved or removed meanwhile. */
    changed: number
    /** How many cannot be read, and stay where they are. */
    unreadable: number
    /** The storage id of the last one. */
    last: string | undefined
    done: boolean
  }

  export interface PruneOptions {
    /** Ends it after the batch under way. */
    signal?: ReencryptOptions['signal']
  }

  export interface MaxLifetime<T extends SessionData = SessionData> {
    /** How long a session may live. */
    seconds: number
    /**
     * Where the session says when it began, as a path or a function: a Date, milliseconds or ISO text, for one that `regenerate` made of
     * another. Of several such dates the oldest counts; without one it began when it was first stored.
     */
    from?: string | ((session: T) => Date | number | string | undefined)
  }

  export interface CloseOptions {
    /**
     * How long pending calls are waited for, in milliseconds: 0 gives them up at once, `Infinity` waits until the last is answered.
     *
     * @default 20_000
     */
    timeoutMS?: number
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

    /**
     * With `acceptPlainIds`: store sessions under their id itself. The first step of switching `hashId` on, while there are
     * processes without it, which find nothing else; and the last step of switching it off.
     *
     * @default false
     */
    writePlainIds?: boolean
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
     * driver. A mongoose connection that disconnects and connects again is followed to its new client.
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
     * How long a session whose cookie has no `expires` lives after it was last written or touched, in seconds. As a function it is
     * asked by each `set` and `touch`, and decides whatever the cookie says; `undefined` leaves it to the cookie, or else to the
     * default. What it throws, and a promise or whatever else that it returns, is the error of that call.
     *
     * @default 1209600 (14 days)
     */
    ttl?: number | Ttl<T>

    /**
     * How long after a session was written `touch` does nothing, in seconds; 0: every touch is written.
     *
     * @default 0
     */
    touchAfter?: number

    /**
     * How expired sessions are removed. `native`: by the server, through a TTL index, which the store makes in the background.
     * `interval`: by this process, every `autoRemoveInterval` minutes, and by the server's clock. `disabled`: not at all.
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
     * removals by `autoRemove: 'interval'`, which wait for no acknowledgement. With `w: 0` on the driver backend a `get` may come
     * before the write that was asked for earlier is done.
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
     * Let `touch` succeed and do nothing: a session ends when its last `set` says.
     *
     * @default false
     */
    disableTouch?: boolean

    /**
     * A hard end: how many seconds after its creation a session ends, whatever `touch` and `set` say. A change of it counts for all
     * sessions at once; those that a connect-mongo created begin with the next write. `regenerate()` begins a new lifetime, unless `from`
     * says otherwise.
     *
     * @default no hard end
     */
    maxLifetime?: number | MaxLifetime<T>

    /**
     * How many seconds after their end sessions are removed, so that a request under way does not lose its document; they count as none
     * from their end on. A TTL index with another time is changed by `collMod`, where rights allow; otherwise a warning has the command.
     *
     * @default 0, with `expiredEvents` a day
     */
    expiryGrace?: number

    /**
     * Report each session that expires with the event `expired`: every `autoRemoveInterval` minutes a process claims those that it finds,
     * reports and removes them. One process of all reports a session, at least once: what one has claimed that ends in between, another
     * one reports after a minute. It needs acknowledged writes, and an `expiryGrace` longer than `autoRemoveInterval`.
     *
     * @default false
     */
    expiredEvents?: boolean

    /**
     * What the storage ids of this store begin with, for several apps in one collection: `all`, `length`, `clear`, `iterate`, `ids`,
     * `find` and removals keep to their own. No prefix may begin with another one. TTL indexes are the collection's.
     *
     * @default none
     */
    prefix?: string

    /**
     * By which values sessions are found: by a name, a path such as `'passport.user'` or a function of the session. `undefined` and `null`
     * index nothing. Each `set` keeps it right. With encryption, or a `hashId` with a secret, it is stored as a keyed hash. docs/users.md
     * is a guide.
     *
     * @default none
     */
    index?: Readonly<Record<string, string | ((session: T) => IndexValue | null | undefined)>>

    /**
     * The key of that hash, or a list of them, the newest first. It is needed with a `cryptoAdapter` of the app's own.
     *
     * @default the secret of `hashId`, otherwise that of the encryption, otherwise values are stored as they are
     */
    indexSecret?: string | readonly string[]

    /** Small facts of a session that `find` gives, such as its browser; stored as JSON, encrypted as the session is. @default none */
    describe?: (session: T) => Record<string, Any> | undefined

    /**
     * How many live sessions there may be of one value, by index key. When a session becomes that of a value, `onMaxPerUser` says what
     * happens to one too many.
     *
     * @default no limit
     */
    maxPerUser?: Readonly<Record<string, number>>

    /**
     * `evict`: the one that has been that user's for longest ends, with the event `evicted`. `reject`: the save fails with the code
     * `ERR_TOO_MANY_SESSIONS`, and what was stored stays.
     *
     * @default 'evict'
     */
    onMaxPerUser?: 'evict' | 'reject'

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
     * are one value. `reject`: it fails with the code `SESSION_CONFLICT`, be the changes alike, unless nothing but the cookie's expiry
     * has changed on either side. The last two take a `find` on the primary and an `update`, and acknowledged writes.
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
     * fail. `drop`: it counts as none, and `decrypt-failed` is emitted. To `all`, `iterate` and `reencrypt`, a session that is not
     * valid UTF-8 is such a session, encrypted or not; `get` of it fails.
     *
     * @default 'error'
     */
    onDecryptError?: 'error' | 'drop'
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

  /** A `MongoClient` of any version, a mongoose `Connection`, or a `Mongoose` instance. */
  export type Client =
    // biome-ignore lint/suspicious/noExplicitAny: whatever that version's Db is
    { db(name?: string): any } | { getClient(): unknown } | { connection: { getClient(): unknown } }

  /** A `Collection` of the app's own driver: `as Collection` of that package gives it its type. */
  // biome-ignore lint/suspicious/noExplicitAny: the version is the app's choice
  export type Collection = any

  /** A `MongoClient` of the app's own driver. */
  // biome-ignore lint/suspicious/noExplicitAny: the version is the app's choice
  export type OpenedClient = any

  /** The options that can be changed later. */
  export type LiveOption =
    | 'ttl'
    | 'touchAfter'
    | 'autoRemoveInterval'
    | 'transformId'
    | 'strictTouch'
    | 'resurrect'

  /** What `options` of a store is. */
  export interface StoreOptions extends Readonly<Omit<ConnectMongoOptions<Any>, LiveOption>> {
    ttl: number | Ttl<Any>
    touchAfter: number
    /** A sweep that is due comes after the new time. */
    autoRemoveInterval: number
    transformId?: ((sid: string) => string | Promise<string>) | undefined
    strictTouch: boolean
    resurrect: boolean
  }

  /** The seconds that a session lives from now on, or `undefined` when its cookie says that. */
  export type Ttl<T extends SessionData = SessionData> = (session: T, sid: string) => number | undefined

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
     * With `onDecryptError: 'drop'`, and in `iterate`: a session could not be decrypted and counts as none. `all` does not know its id,
     * nor does `iterate` with `hashId` or `transformId`. The error is the one that the call would have failed with: of an adapter of
     * the app's own, what it threw.
     */
    'decrypt-failed': [sid: string | undefined, error: Error]
    /**
     * A session counts as none because it is not stored as `stringify` says: another program stored it, or other options. `all` does
     * not know its id, nor does `iterate` with `hashId` or `transformId`. The error has the code `'ERR_SESSION_UNREADABLE'`; in `iterate`
     * it can also be what `unserialize` threw.
     */
    unreadable: [sid: string | undefined, error: Error]
    /** A session was ended because there were more than `maxPerUser` allows. Its id is not known with `hashId` or `transformId`. */
    evicted: [sid: string | undefined, session: T | undefined]
    /**
     * A session has expired: each time that a `get` finds one which is still stored (gets that come together may share an event), or,
     * with `expiredEvents`, once. Its id is not known with `hashId` or `transformId`, and it is `undefined` itself when it cannot be read.
     */
    expired: [sid: string | undefined, session: T | undefined]
    /** With `connectionEvents`: a server takes writes again. */
    connect: []
    /** With `connectionEvents`: no server takes writes any more, and why. */
    disconnect: [error: Error]
    /** An index could not be made, or MongoDB cannot be reached; calls go on. Without a listener the process warns once instead. */
    error: [error: Error]
  }
}

export = MongoStore
