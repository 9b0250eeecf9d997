/** What a method resolves to: its value, or why there is none. */
export type Outcome<T> = T | Failure

/**
 * A session collection.
 *
 * `ask` is for what requests of users wait for. Each question has a number that stands for its call; `onAnswers` is called when there are
 * answers, and `takeAnswers` gives them, with the numbers of their calls. The other methods give a promise.
 *
 * No method is an `async fn`: the future of one would borrow the instance, which an environment that is torn down frees
 * whatever still runs. Each takes what it needs of the store on the JavaScript thread, and its future owns that.
 */
export declare class NativeStore {
  /**
   * Opens a store, without waiting for a server. `onBackground` is told of what happens outside any call. Without a
   * crypter, sessions are stored as they are.
   *
   * # Errors
   * Options that the driver refuses.
   */
  constructor(config: StoreConfig, onAnswers: () => void, onBackground: (arg: BackgroundReport) => void, crypter?: SessionCrypter | undefined | null)
  /**
   * Asks what the first `count` questions of these numbers and values ask, in this order. With nothing of its kind under way a question
   * leaves at once, unless `isTurnOver`: when a turn of the event loop ends in which there were calls, everything leaves that waits, as
   * far as there may be more commands under way. So what came together leaves together.
   *
   * # Errors
   * None: failures are data. Those that are returned are answers.
   */
  ask(count: number, numbers: Float64Array, values: Array<string | Buffer | SessionMarks>, isTurnOver: boolean): Array<Refusal>
  /**
   * The sessions that a query finds. `stored`: what `replace` wants back of each, of those alone that are not stored as they would be
   * today, of which nothing else is told either, or of none.
   *
   * # Errors
   * None: failures are data.
   */
  select(query: SessionQuery, stored: 'none' | 'of-all' | 'of-outdated'): Promise<Outcome<Array<SelectedSession>>>
  /**
   * The storage ids that a query finds; `null` is one that is no valid text.
   *
   * # Errors
   * None: failures are data.
   */
  selectIds(query: SessionQuery): Promise<Outcome<Array<string | null>>>
  /**
   * The session of this id as the primary has it, whether it is live or not.
   *
   * # Errors
   * None: failures are data.
   */
  load(storageId: string): Promise<Outcome<LoadedSession | null>>
  /**
   * Writes a session that nobody has changed since it was stored so, and tells whether that was the case. `session` is what
   * `write` takes. Without `expiresMs` nothing but the session's value is touched. `nowMs` is what counts as now, in milliseconds
   * since the epoch.
   *
   * # Errors
   * None: failures are data.
   */
  replace(storageId: string, stored: string | Buffer, session: string | Buffer, nowMs: number, expiresMs?: number | undefined | null, lastModifiedMs?: number | undefined | null, marks?: SessionMarks | undefined | null): Promise<Outcome<boolean>>
  /**
   * Writes a session under another id and removes it where it was, both or neither, and tells whether it has: not when there was
   * none, nor where the server has no transactions.
   *
   * # Errors
   * None: failures are data.
   */
  move(from: string, storageId: string, session: string | Buffer, nowMs: number, expiresMs: number, lastModifiedMs?: number | undefined | null, marks?: SessionMarks | undefined | null): Promise<Outcome<boolean>>
  /**
   * The number of sessions that a filter, a BSON document, finds.
   *
   * # Errors
   * None: failures are data.
   */
  count(filter: Buffer): Promise<Outcome<number>>
  /**
   * Removes all sessions that a filter, a BSON document, finds, and gives their number; the collection and its indexes stay. With
   * `isRepeatable` an attempt that nothing is heard of is made again.
   *
   * # Errors
   * None: failures are data.
   */
  removeAll(filter: Buffer, isRepeatable: boolean): Promise<Outcome<number>>
  /**
   * Changes one document that a filter finds, and tells whether there was one. Both are BSON documents.
   *
   * # Errors
   * None: failures are data.
   */
  change(filter: Buffer, update: Buffer): Promise<Outcome<boolean>>
  /**
   * What the primary's clock says, in milliseconds since the epoch.
   *
   * # Errors
   * None: failures are data.
   */
  serverTime(): Promise<Outcome<number>>
  /**
   * Waits until the indexes have been tried for the first time, whatever came of it.
   *
   * # Errors
   * None: failures are data.
   */
  started(): Promise<Outcome<void>>
  /**
   * Removes expired sessions in the background, unless that is under way already. Keeps no process alive. `movedMs`: by how much a
   * test has moved the date, in milliseconds.
   *
   * # Errors
   * None: `onBackground` gets them.
   */
  sweep(movedMs: number): void
  /**
   * Closes the store, and its connections when no other store shares them. Calls under way are not waited for.
   *
   * # Errors
   * None: failures are data.
   */
  close(): Promise<Outcome<void>>
  /**
   * What calls wait for now, such as a server that cannot be reached: for the error of one whose time is over.
   *
   * # Errors
   * None.
   */
  waitingFor(): Failure
  /**
   * What the stores of this process have done with the collection, and what goes on now; `null` once the store is closed.
   *
   * # Errors
   * None.
   */
  statistics(): StoreStatistics | null
  /**
   * Takes answers: their numbers are written into `numbers`, as `AnswerNumber` says, and their values are given.
   *
   * # Errors
   * None.
   */
  takeAnswers(numbers: Float64Array): Array<string | Buffer | Failure | undefined>
  /**
   * Takes what has become of commands, for those who look on.
   *
   * # Errors
   * None.
   */
  takeReports(): Array<CommandReport>
  /**
   * Whether there are to be reports of commands from now on.
   *
   * # Errors
   * None.
   */
  watch(isWatched: boolean): void
  /**
   * The next method that gives a promise is called for the call of this number: reports of its commands name it.
   *
   * # Errors
   * None.
   */
  announce(call: number): void
}

/** Encrypts sessions, and decrypts them whatever connect-mongo wrote them. */
export declare class SessionCrypter {
  /**
   * How many derived keys are at hand.
   *
   * # Errors
   * None.
   */
  rememberedKeys(): number
  /**
   * Derives no key yet.
   *
   * # Errors
   * A cipher, hash or encoding that is not known, or a length that the cipher does not take.
   */
  constructor(config: CrypterConfig)
  /**
   * Encrypts at once; `null` when that would keep the thread busy, because a key has to be derived or the text is long.
   *
   * # Errors
   * No random bytes.
   */
  tryEncrypt(storageId: string, text: string): string | Buffer | null
  /**
   * Encrypts on another thread.
   *
   * # Errors
   * No random bytes.
   */
  encrypt(storageId: string, text: string): Promise<string | Buffer>
  /**
   * Decrypts at once; `null` when that would keep the thread busy.
   *
   * # Errors
   * No secret opens it, or it was altered.
   */
  tryDecrypt(storageId: string, stored: string | Uint8Array): DecryptedSession | null
  /**
   * Decrypts on another thread; `null` when a key has to be derived and may not be.
   *
   * # Errors
   * No secret opens it, or it was altered.
   */
  decrypt(storageId: string, stored: string | Uint8Array, mayDerive: boolean): Promise<DecryptedSession | null>
  /** Wipes the secrets and keys: from now on nothing is encrypted or decrypted. */
  close(): void
}

/** What an answer is. Answers that have a value take the next of the list of values. */
export declare const enum AnswerKind {
  /** There is nothing. */
  Nothing = 0,
  /** Yes. */
  Yes = 1,
  /** No. */
  No = 2,
  /**
   * The value is a session: text when the stored value is a string, otherwise a BSON document whose field `session` is the value;
   * `undefined` when the document has no such field.
   */
  Session = 3,
  /** The value is why there is no answer. */
  Failure = 4,
  /** As [`AnswerKind::Session`], of text that was decrypted and that the serializer is known to have returned. */
  Serialized = 5,
  /** As [`AnswerKind::Session`], of text that was decrypted: what the serializer returned, or its JSON. */
  Decrypted = 6,
  /** Added to one of a session: only a collation takes its id for the one that was asked for. */
  OtherwiseSpelt = 8,
}

/** Where JavaScript finds what among the numbers. */
export declare const enum AnswerNumber {
  /** How many answers there are. */
  Answers = 0,
  /** How many reports of commands there are, which are older. */
  Reports = 1,
  /** How many answers are left, to be taken later. */
  Left = 2,
  /**
   * Here the answers begin. Each has four numbers: of the call, the [`AnswerKind`], and of a session `expires` and `lastModified`, in
   * milliseconds since the epoch, NaN when the document has none.
   */
  First = 3,
}

/** What happens outside any call. */
export declare const enum BackgroundEvent {
  /** No server answers, or none lets this client in; the indexes are tried again. */
  Unreachable = 'unreachable',
  /** An index could not be made; it is tried again. */
  IndexFailed = 'index-failed',
  /** The server refuses an index, and will until somebody has done something about it. */
  IndexRefused = 'index-refused',
  /** There is a TTL index that was not asked for. */
  TtlIndexPresent = 'ttl-index-present',
  /** Expired sessions could not be removed. */
  SweepFailed = 'sweep-failed',
  /** A server has refused a write for its transaction number. */
  RetryWritesRefused = 'retry-writes-refused',
  /** A server takes writes again. */
  Connect = 'connect',
  /** No server takes writes any more. */
  Disconnect = 'disconnect',
}

/** News of what happens outside any call. */
export interface BackgroundReport {
  /** What the news is about. */
  event: 'unreachable' | 'index-failed' | 'index-refused' | 'ttl-index-present' | 'sweep-failed' | 'retry-writes-refused' | 'connect' | 'disconnect'
  /** Why something failed. */
  failure?: Failure
  /** The fields of the index that it is about. */
  index?: string
}

/** What is kept beside a session. */
export interface BesideRecord {
  /** What stands for it where its id must not be given away. */
  handle?: string
  /** `createdAt`, in milliseconds since the epoch. */
  createdMs?: number
  /** `indexedAt`, in milliseconds since the epoch. */
  indexedMs?: number
  /** What the app says of it, in the form that `SessionRecord` has a session. */
  description?: string | Buffer
}

/** What became of an attempt. */
export interface CommandEnded {
  /** The host name, address or path of the server, if there was a connection. */
  address?: string
  /** Its port. */
  port?: number
  /** The size of the documents in the reply, where it is known. */
  responseBytes?: number
  /** How long it took, in milliseconds. */
  durationMs: number
  /** Why there is no reply. */
  error?: Failure
}

/** A command that was sent, or the end of one. */
export interface CommandReport {
  /** What tells the attempt from others. */
  id: number
  /** That it was sent; absent when it has ended. */
  sent?: CommandSent
  /** How it has ended. */
  ended?: CommandEnded
}

/** An attempt at a command. */
export interface CommandSent {
  /** That of MongoDB's command. */
  name: string
  /** How many sessions it is about. */
  statements: number
  /** From 1. */
  attempt: number
  /** The size of the command, where it is known. */
  requestBytes?: number
  /** How long ago it was sent, in milliseconds. */
  agoMs: number
  /** The numbers of the calls that share it. */
  calls: Array<number>
}

/** What has been sent of one kind. */
export interface CommandStatistics {
  /** That of MongoDB's command. */
  name: string
  /** The bounds of the buckets. */
  bounds: Array<number>
  /** How many commands had so many statements, one more than there are bounds. */
  counts: Array<number>
  /** The statements of all of them. */
  sum: number
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

/** What a `SessionCrypter` needs to know. */
export interface CrypterConfig {
  /** What is written. */
  format: 'kruptein' | 'web-crypto' | 'sealed'
  /** The newest first; at least one. */
  secrets: Array<Uint8Array>
  /** Whether sessions that are not encrypted are read. */
  acceptPlaintext: boolean
  /** The formats of connect-mongo's `crypto`. */
  kruptein: KrupteinConfig
  /** The format of `createWebCryptoAdapter`. */
  webCrypto: WebCryptoConfig
  /** Our own format. */
  sealed: SealedConfig
}

/** A decrypted session. */
export interface DecryptedSession {
  /** What the serializer returned, or its JSON. */
  text: string
  /** Whether the serializer is known to have returned this very text. */
  isSerialized: boolean
  /** Whether it was stored in the format that is written today, under the newest secret. */
  isCurrent: boolean
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

/** Which sessions are to be removed by `sweep`. */
export interface ExpiryConfig {
  /** A filter of the store's sessions, as a BSON document; without it they are all of the collection. */
  among?: Buffer
  /** How long expired sessions stay, in milliseconds. */
  graceMs: number
}

/** A failure as data: lib/errors.js turns it into an `Error`. */
export interface Failure {
  /** Always `true`: what tells a failure from a value. */
  isFailure: true
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
  /** Node's code for the nearest cause, such as `ECONNREFUSED`. */
  causeCode?: string
  /** The server's reply that holds the error, a BSON document. */
  response?: Buffer
}

/** An index that a store asks for (lib/collection/indexes.js). */
export interface IndexConfig {
  /** Its fields, those behind a `-` in descending order. */
  fields: Array<string>
  /** How long after the date of its field the server removes a session, in seconds. */
  expireAfterSeconds?: number
  /** It is of the sessions alone that have this field. */
  onlyWith?: string
  /** Whether one that removes sessions at another time is changed. */
  mayChange: boolean
}

/** kruptein's options. Lengths are in bytes. */
export interface KrupteinConfig {
  /** A cipher of `crypto.getCiphers()`. */
  algorithm: string
  /** A hash of `crypto.getHashes()`. */
  hashing: string
  /** `hex`, `base64`, `base64url`, `latin1` or `binary`. */
  encoding: string
  /** How keys are derived. */
  derivation: 'pbkdf2' | 'scrypt' | 'argon2id'
  /** The length of an iv. */
  ivLength: number
  /** The length of an authentication tag. */
  tagLength: number
  /** The length of a key. */
  keyLength: number
  /** The length of an authentication tag to kruptein 3.4, and to connect-mongo 3.2. */
  laterTagLength: number
  /** The length of a key to kruptein 3.4. */
  laterKeyLength: number
}

/** A stored session, and how exactly it is stored. */
export interface LoadedSession {
  /** The stored value, in the form that `SessionRecord` has, not decrypted: `replace` wants it back. */
  stored?: string | Buffer
  /** What it holds. */
  record: SessionRecord
  /** What is kept beside it. */
  beside: BesideRecord
}

/**
 * The platform this binary was built for, in the words of Node and npm: `linux-x64-gnu`, `darwin-arm64`, …, or
 * `wasm32-wasip1`.
 */
export declare function platform(): string

/** What is asked. The first value of each question is the storage id. */
export declare const enum QuestionKind {
  /** The session, if it is live. */
  Find = 0,
  /** To renew the session. The answer tells whether there was one. */
  Touch = 1,
  /** To remove the session; one that is not there is no failure. */
  Remove = 2,
  /**
   * To write the session, if it is there, which the answer tells. The next value is the session: text, or a BSON document whose first
   * element is the value to store.
   */
  Update = 3,
  /** To write the session, wherever it is there or not; the answer tells whether it was created. The next value is the session. */
  Upsert = 4,
  /** Added to one that writes: what is to be kept beside the session is one more value, a `SessionMarks`. */
  Marked = 8,
}

/** A question that will have no other answer. */
export interface Refusal {
  /** The number of its call. */
  call: number
  /** Why. */
  failure: Failure
}

/** How the sealed format derives its keys. */
export interface SealedConfig {
  /** The function. */
  derivation: 'pbkdf2' | 'argon2id'
  /** The rounds of PBKDF2. */
  iterations: number
  /** The memory of Argon2id, in KiB. */
  memoryKib: number
  /** The passes of Argon2id. */
  passes: number
  /** The lanes of Argon2id. */
  parallelism: number
}

/** A session that was selected. */
export interface SelectedSession {
  /** Where it is; absent when that is not valid UTF-8. */
  storageId?: string
  /** The stored value, in the form that `SessionRecord` has, not decrypted: `replace` wants it back. */
  stored?: string | Buffer
  /** What it holds, or why it cannot be read. */
  session: Outcome<SessionRecord>
  /** What is kept beside it. */
  beside: BesideRecord
}

/** `serverApi` of the Node driver. */
export interface ServerApiConfig {
  /** The version, such as `1`. */
  version: string
  /** Refuse commands that are not part of the API version. */
  strict?: boolean
  /** Refuse what the API version has deprecated. */
  deprecationErrors?: boolean
}

/** What is written. */
export declare const enum SessionFormat {
  /** What connect-mongo's `crypto` writes. */
  Kruptein = 'kruptein',
  /** What connect-mongo's `createWebCryptoAdapter` writes. */
  WebCrypto = 'web-crypto',
  /** Our own. */
  Sealed = 'sealed',
}

/** What a write keeps beside its session. */
export interface SessionMarks {
  /** The values by which the session is found, each behind its index key; without it they stay as they are. */
  index?: Array<string>
  /** Whether the session is known to be new to one of these values; without it no date is kept of that. */
  isNewToIndex?: boolean
  /** What the app says of the session, in the form that `write` takes a session; without it that stays as it is. */
  description?: string | Buffer
  /** That of a session which is created again under another id; without it one is made. */
  handle?: string
  /** When the session was created, in milliseconds since the epoch; without it now, if it is. */
  createdMs?: number
}

/** Which sessions are asked for. */
export interface SessionQuery {
  /** A filter, as a BSON document. */
  filter: Buffer
  /** In which order, as a BSON document; without it as the server has them. */
  sort?: Buffer
  /** So many at the most; 0: all. */
  limit: number
  /** As the primary has them, whatever the read preference says. */
  isOfPrimary: boolean
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
  /** Of a session that was decrypted: whether the serializer is known to have returned this very text. */
  isSerialized?: boolean
  /** Of a session that was decrypted: whether it was stored in the format that is written today, under the newest secret. */
  isCurrent?: boolean
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
  /** How many operations may wait for their command or its reply; beyond that a call fails at once. */
  maxPending: number
  /** How long a call may take, its place in the queue included, in milliseconds; no limit when absent. */
  operationTimeoutMS?: number
  /** How long after `createdAt` a session ends, in milliseconds. */
  maxLifetimeMs?: number
  /** What `sweep` removes. */
  expiry: ExpiryConfig
  /** The indexes that are made where they are missing. */
  indexes: Array<IndexConfig>
  /** The index that is reported when it is there. */
  unwantedIndex?: IndexConfig
}

/** What the stores of this process have done with one collection, and what goes on now. */
export interface StoreStatistics {
  /** Operations that wait for a command. */
  waiting: number
  /** Commands that are under way. */
  underWay: number
  /** How many commands had how many statements, by kind. */
  commands: Array<CommandStatistics>
  /** How often a command was sent again, over this connection. */
  retries: number
  /** Connections that are open. */
  open: number
  /** Connections that a command has. */
  inUse: number
  /** Commands that wait for a connection. */
  waitingForConnection: number
}

/** The version of this binary, which has to be that of the JavaScript around it. */
export declare function version(): string

/** Of which sessions `replace` is to be told what is stored. */
export declare const enum WantedStored {
  /** None. */
  None = 'none',
  /** All. */
  OfAll = 'of-all',
  /** Those that are not stored as they would be today. */
  OfOutdated = 'of-outdated',
}

/** The options of the Web Crypto format. */
export interface WebCryptoConfig {
  /** The cipher. */
  algorithm: 'AES-GCM' | 'AES-CBC'
  /** `base64`, `base64url` or `hex`. */
  encoding: string
  /** The length of an iv, in bytes. */
  ivLength: number
  /** One for all sessions. */
  salt: Uint8Array
  /** The rounds of PBKDF2. */
  iterations: number
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
