/** What a method resolves to: its value, or why there is none. */
export type Outcome<T> = T | Failure

/**
 * Which binding artifact the generated loader actually loaded: `'native'` for
 * a native addon, otherwise the `platformArchABI` of the WASI flavor. Every
 * flavor napi-rs can build is listed, because `NAPI_RS_NATIVE_LIBRARY_PATH`
 * can point the loader at a WASI artifact this package does not build itself.
 */
export declare const __napiBindingTarget: 'native' | 'wasm32-wasi' | 'wasm32-wasip1'

/**
 * A session collection.
 *
 * No method is an `async fn`: the future of one would borrow the instance, which an environment that is torn down frees
 * whatever still runs. Each takes what it needs of the store on the JavaScript thread, and its future owns that.
 */
export declare class NativeStore {
  /**
   * Opens a store, without waiting for a server. `onBackground` is told of what happens outside any call.
   *
   * # Errors
   * Options that the driver refuses.
   */
  constructor(config: StoreConfig, onBackground: (arg: BackgroundReport) => void)
  /**
   * The session, when there is one that is live.
   *
   * # Errors
   * None: failures are data.
   */
  get(storageId: string): Promise<Outcome<SessionRecord | null>>
  /**
   * Writes a session and tells whether it was created. `session` is text, or a BSON document whose first element is the
   * value to store.
   *
   * # Errors
   * None: failures are data.
   */
  set(storageId: string, session: string | Buffer, expiresMs: number, lastModifiedMs?: number | undefined | null): Promise<Outcome<boolean>>
  /**
   * Renews a session and tells whether there was one.
   *
   * # Errors
   * None: failures are data.
   */
  touch(storageId: string, expiresMs: number, lastModifiedMs?: number | undefined | null): Promise<Outcome<boolean>>
  /**
   * Removes a session; one that is not there is no failure.
   *
   * # Errors
   * None: failures are data.
   */
  destroy(storageId: string): Promise<Outcome<void>>
  /**
   * All live sessions.
   *
   * # Errors
   * None: failures are data.
   */
  all(): Promise<Outcome<Array<SessionRecord>>>
  /**
   * The number of live sessions.
   *
   * # Errors
   * None: failures are data.
   */
  length(): Promise<Outcome<number>>
  /**
   * Removes all sessions; the collection and its indexes stay.
   *
   * # Errors
   * None: failures are data.
   */
  clear(): Promise<Outcome<void>>
  /**
   * Asks the server for a sign of life.
   *
   * # Errors
   * None: failures are data.
   */
  ping(): Promise<Outcome<void>>
  /**
   * Waits until the TTL index has been tried for the first time, whatever came of it.
   *
   * # Errors
   * None: failures are data.
   */
  started(): Promise<Outcome<void>>
  /**
   * Removes expired sessions in the background, unless that is under way already. Keeps no process alive.
   *
   * # Errors
   * A panic.
   */
  sweep(): void
  /**
   * Closes the store, and its connections when no other store shares them. Calls under way are not waited for.
   *
   * # Errors
   * None: failures are data.
   */
  close(): Promise<Outcome<void>>
}

/** News of what happens outside any call. */
export interface BackgroundReport {
  /** What the news is about. */
  event: 'ttl-index-failed' | 'ttl-index-present' | 'sweep-failed' | 'connect' | 'disconnect'
  /** Why something failed. */
  failure?: Failure
}

/** How to reach the deployment. Stores with equal configurations share one client. */
export interface ConnectionConfig {
  /** A `mongodb://` connection string with every option that a connection string can carry. */
  uri: string
  /** The stable API version that the server is asked for. */
  serverApi?: ServerApiConfig
  /** PEM text of the certificates to trust in place of the built-in roots, unless the URL names a `tlsCAFile`. */
  trustedCertificates?: string
  /** What an app adds to the driver's own name in the server's log. */
  driverInfo?: DriverInfoConfig
}

/** `driverInfo` of the Node driver. */
export interface DriverInfoConfig {
  /** The name of the library or app. */
  name?: string
  /** Its version. */
  version?: string
  /** The platform it runs on. */
  platform?: string
}

/** A failure as data: native-backend.js turns it into an `Error`. */
export interface Failure {
  /** The name that the Node driver gives such an error, such as `MongoServerError`. */
  name: string
  /** What went wrong. Never holds a password. */
  message: string
  /** The server's error code, or a string of this package (`ERR_STORE_CLOSED`). */
  code?: number | string
  /** The server's name of the code. */
  codeName?: string
  /** The server's and the driver's error labels, sorted. */
  errorLabels: Array<string>
  /** The messages of the causes, the nearest first. */
  causes: Array<string>
}

/** The platform this binary was built for, in the words of Node and npm: `linux-x64-gnu`, `darwin-arm64`, … */
export declare function platform(): string

/** `serverApi` of the Node driver. */
export interface ServerApiConfig {
  /** The version, such as `1`. */
  version: string
  /** Refuse commands that are not part of the API version. */
  strict?: boolean
  /** Refuse what the API version has deprecated. */
  deprecationErrors?: boolean
}

/** A stored session. */
export interface SessionRecord {
  /**
   * Text when the stored value is a string, otherwise a BSON document whose field `session` is the value; absent when
   * the document has no such field.
   */
  session?: string | Buffer
  /** `expires`, in milliseconds since the epoch. */
  expiresMs?: number
  /** `lastModified`, in milliseconds since the epoch. */
  lastModifiedMs?: number
}

/** What a store needs to know once. */
export interface StoreConfig {
  /** How to reach the deployment. */
  connection: ConnectionConfig
  /** The name of the database. */
  database: string
  /** The name of the collection. */
  collection: string
  /** The write concern of every session write; the deployment's default when absent. */
  writeConcern?: WriteConcernConfig
  /** Whether to write `createdAt` and `updatedAt`. */
  timestamps: boolean
  /** Whether to report when no server takes writes, and when one does again. */
  connectionEvents: boolean
  /** `native`, `interval` or `disabled`. */
  autoRemove: 'native' | 'interval' | 'disabled'
}

/** A write concern: <https://www.mongodb.com/docs/manual/reference/write-concern/>. */
export interface WriteConcernConfig {
  /** How many nodes acknowledge a write, or a tag such as `majority`; 0 for none. */
  w?: number | string
  /** Whether a write is acknowledged only once it is in the journal. */
  journal?: boolean
  /** How long the server waits for the acknowledgement, in milliseconds. */
  wtimeoutMs?: number
}
