/** What express-session can make a session of. */
export interface Session {
  cookie: { expires?: string | Date | null; originalMaxAge?: number | null }
}

/** A session on its way. */
export interface StoredSession {
  sid: string
  session: Session
  /** When it ends, in milliseconds since 1970; nothing where it never does. */
  endMs?: number
}

/** What is stored in the place of a session, and is none. */
export interface Unreadable {
  sid: string
  /** In words that give nothing of it away. */
  problem: string
}

/** One that is to be written. */
export interface CarriedSession extends StoredSession {
  endMs: number
  /** When the one ends that the target has under this id. */
  endThereMs?: number
}

/** A store that sessions are carried from or to. */
export interface Side {
  /** For people: the package and the server, without a password. */
  readonly name: string
  /** Whether its sessions come in the order of their ids, so that a walk can go on where another one ended. */
  readonly isOrdered: boolean
  /** Of when sessions end, as it is stored. */
  readonly resolutionMs: number
  /** Whether sessions are documents, which have types that JSON lacks. */
  readonly keepsTypes: boolean
  /** How long a session lives whose cookie does not say. */
  readonly ttlSeconds: number
  /** How many there are, about. */
  count(): Promise<number>
  /** All that are live. @param from what the ids of the first one may begin with, in the order of the ids */
  batches(from: string, size: number): AsyncIterable<(StoredSession | Unreadable)[]>
  /** What is stored beside the sessions that have been read, and belongs to none of them as another store knows it. */
  fieldsBeside(): Iterable<string>
  /** When those end that are live. Infinity for never. */
  endsOf(sids: string[]): Promise<Map<string, number>>
  /**
   * Writes sessions, each in one step with the question whether it still ends later than the one that is there, unless `overwrite`.
   *
   * @returns how many have been written
   */
  write(sessions: CarriedSession[], overwrite: boolean): Promise<number>
  /** Fails where nothing can be asked of it. */
  ping(): Promise<unknown>
  close(): Promise<unknown>
}
