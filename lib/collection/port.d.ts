// The port: what a collection of session documents can do. Documents, ids, bytes and dates cross it, never sessions of a
// framework. native.js does it in Rust, driver.js over a JavaScript client; lib/sessions knows nothing else of either.

/** A method that is given one answers through it: once, with no promise, and never before it has returned without an error. */
export type Done<T> = (error: Error | null, value?: T) => void

/** What `values.encode` made of a value, to be stored. Each collection has its own. */
// biome-ignore lint/suspicious/noExplicitAny: nobody else looks into it
export type Payload = any

/** A value as it was at one moment, whatever has become of it since: text as it is, anything else as BSON. */
export type Frozen = string | Uint8Array

export interface Times {
  expires: Date
  /** Left alone when absent. */
  lastModified?: Date | undefined
  /** What is kept beside the session of a `write`; left alone when absent. */
  marks?: Marks | undefined
}

/** What is kept beside a session that is written; what is absent is left alone. */
export interface Marks {
  /** The values by which it is found, each behind its index key. */
  index?: string[] | undefined
  /** Whether it is known to be new to one of these values; no date is kept of that when absent. */
  isNewToIndex?: boolean | undefined
  /** What the app says of it. */
  description?: Payload | undefined
  /** That of a session which is created again under another id; a new one is made when absent. */
  handle?: string | undefined
  /** When it was created, if that was before it is stored. */
  created?: Date | undefined
}

/** What was found beside a session. */
export interface Beside {
  /** What stands for it where its id must not be given away. */
  handle?: string | undefined
  created?: Date | undefined
  /** When it became that of its values of the index. */
  indexed?: Date | undefined
  /** What the app says of it. */
  description?: unknown
}

/** A condition on the documents of sessions, as MongoDB takes it. */
export type Filter = Record<string, unknown>

/** Which sessions are asked for. */
export interface Query {
  /** Without it, all of the store. */
  where?: Filter | undefined
  /** Those that are live or have expired at `now`, or all. */
  state: 'live' | 'expired' | 'any'
  /** @default the clock of this process */
  now?: Date | undefined
  /** How long ago they have expired at least, in milliseconds. */
  graceMs?: number | undefined
}

/** In which order, how many at the most (0: all), and whether the primary is asked whatever the read preference says. */
export interface Selection extends Query {
  sort?: Record<string, 1 | -1> | undefined
  limit?: number | undefined
  isOfPrimary?: boolean | undefined
  /** Of which sessions `replace` is to be told what is stored; of those that are not outdated, nothing else need be told then either. */
  stored?: 'none' | 'of-all' | 'of-outdated' | undefined
}

export interface StoredSession {
  /** `undefined` when the document has no such field. */
  session: unknown
  /** Of text that the collection has decrypted: whether the serializer is known to have returned it, rather than JSON of it. */
  isSerialized?: boolean
  /** Why the collection could not decrypt the session, or in a scan not read it. */
  failure?: unknown
  /** `undefined` when it is no text. */
  storageId?: string
  /** Whether only the collection's collation takes its id for the one that was asked for: it is no session to be saved under that. */
  isOtherwiseSpelt?: boolean
  expires?: Date
  lastModified?: Date
}

export interface LoadedSession extends StoredSession {
  /** The very value that is stored, as `replace` takes it back. */
  stored?: unknown
  beside?: Beside | undefined
}

export interface SelectedSession extends LoadedSession {
  /** Whether a collection that encrypts would store it so today; for rewriting it need not give the rest then. */
  isCurrent?: boolean
}

/** A call about one session, as far as a collection that does not keep the order has to know of it. */
export interface Call {
  /** When it was called, by `performance.now()`. */
  calledMs: number
  /** What `Date` said then. @default what it says as the collection is asked */
  now?: Date | undefined
  /** Aborted when nobody waits for the answer any more, with what the caller got instead: what has not been sent never is then. */
  signal?: AbortSignal | undefined
  /** What channels have published of the operation that it is of, or of several, if anybody looks on. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever their subscribers have put there
  operation?: Record<string, any> | Record<string, any>[] | undefined
}

/** How a collection stores the values of sessions. */
export interface Values {
  /** What `write` and `replace` take for this value; with `isCopied` as it is now, whatever becomes of it. */
  encode(value: unknown, isCopied?: boolean): Payload
  /** The value that `find` will give for a payload. */
  decode(payload: Payload): unknown
  freeze(value: unknown): Frozen
  /** A value of its own. */
  thaw(frozen: Frozen): unknown
}

/** What a collection has sent, and what goes on now; where several stores share that, of all of them. */
export interface CollectionStatistics {
  queue: { waiting: number; underWay: number }
  /** By the name of the command. */
  commands: Record<string, { statements: import('../histogram.js').Counted }>
  /** How often a command was sent again; the JavaScript driver does not tell. */
  retries?: number | undefined
  pool?: { open: number; inUse: number; waiting: number } | undefined
}

export interface SessionCollection {
  readonly name: 'native' | 'driver'
  /** Whether it keeps the order of the calls about one storage id. Elsewhere the caller has to. */
  readonly keepsOrder: boolean
  /** Whether it encrypts and decrypts within its own calls; a payload is plain text then. */
  readonly encrypts: boolean
  readonly values: Values

  /** The live session of that id. */
  find(
    storageId: string,
    done?: Done<StoredSession | null>,
    call?: Call
  ): Promise<StoredSession | null> | undefined
  /** Whether the session was created; without `isUpsert`, which creates none, whether there was one. */
  write(
    storageId: string,
    payload: Payload,
    times: Times,
    isUpsert: boolean,
    done?: Done<boolean>,
    call?: Call
  ): Promise<boolean> | undefined
  /** Whether the collection is known to refuse no session for what it holds. */
  takesAnything(): boolean
  /** Whether what a write failed with is due to what it writes, and nothing has been done. */
  isOfOneWrite(error: unknown): boolean
  /** Renews a session. Whether there was one. */
  touch(storageId: string, times: Times, done?: Done<boolean>, call?: Call): Promise<boolean> | undefined
  /** One that is not there is no failure. */
  remove(storageId: string, done?: Done<unknown>, call?: Call): Promise<unknown> | undefined

  /** The session of that id as the primary has it, live or not. */
  load(storageId: string, call?: Call): Promise<LoadedSession | null>
  /** Writes a session that is still stored as `stored`; without times nothing but its value and its marks. Whether it still was. */
  replace(
    storageId: string,
    stored: unknown,
    payload: Payload,
    times?: Partial<Times>,
    call?: Call
  ): Promise<boolean>
  /**
   * Writes a session under another id and removes it where it was, both or neither. Whether it has: not when there was none, nor
   * where nothing is acknowledged or the server has no transactions.
   */
  move(from: string, storageId: string, payload: Payload, times: Times, call?: Call): Promise<boolean>
  /**
   * The same of a document as a whole, which is still stored as `stored`, and whose place is taken by no live session; what is absent of
   * its value and its marks stays as it is. Whether it was. It fails where there are no transactions, and only `driver.js` has it.
   */
  moveUnchanged?(
    from: string,
    stored: unknown,
    storageId: string,
    payload: Payload | undefined,
    marks: Marks | undefined
  ): Promise<boolean>
  /** The sessions that are asked for. */
  select(selection: Selection): Promise<SelectedSession[]>
  /** Their storage ids, without the sessions; `undefined` is one that is no valid text. */
  selectIds(selection: Selection): Promise<(string | undefined)[]>
  /** How many they are. */
  count(query: Query): Promise<number>
  /**
   * Removes them, and gives their number; the collection and its indexes stay. `isRepeatable`: also again after an attempt that nothing
   * has been heard of; what that has removed is not counted.
   */
  removeAll(query: Query, isRepeatable?: boolean): Promise<number>
  /** Changes one of them, by an update as MongoDB takes it. Whether there was one. */
  change(query: Query, update: Record<string, unknown>): Promise<boolean>
  /** What the primary's clock says. */
  serverTime(): Promise<Date>

  /** What has been sent so far, and what goes on now. */
  statistics(): CollectionStatistics
  /** What calls wait for now, as far as anybody knows: a server that cannot be reached, with why, or its answer. */
  waitingFor(): Error
  /** Removes expired sessions in the background; one sweep at a time. */
  sweep(): void
  /** The same collection through a JavaScript driver, once the indexes have been tried. */
  // biome-ignore lint/suspicious/noExplicitAny: of any version of the driver
  collection(): Promise<Record<string, any>>
  /** A client of that driver: the one that the app gave as it is, another once it is connected. */
  // biome-ignore lint/suspicious/noExplicitAny: of any version of the driver
  client(): Promise<Record<string, any>>
  /** Lets go of a client in whose place the app has another, with the news `client-replaced`. */
  follow(): void
  /**
   * Gives the connections up. Calls about one session that are under way fail, other calls may go on, and whatever is asked for from
   * now on fails.
   */
  close(): Promise<void>
}

/** What happens outside any call. */
export interface News {
  event:
    | 'collection-known'
    | 'unreachable'
    | 'index-failed'
    | 'index-refused'
    | 'ttl-index-present'
    | 'sweep-failed'
    | 'retry-writes-refused'
    | 'default-database'
    | 'client-replaced'
    | 'connect'
    | 'disconnect'
  /** Why something failed, or no server takes writes any more. */
  error?: Error | undefined
  /** The fields of the index that it is about. */
  index?: string | undefined
}

export type OnNews = (news: News) => void
