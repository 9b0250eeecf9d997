// The public types of encryption, which index.d.ts exports.

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
  /** Only counts what it would do. @default false */
  dryRun?: boolean | undefined
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
  /** Those that were left alone because no secret opens them, or because they or their ids are not valid text. */
  unreadable: number
  /** The `_id` of the last session that has been looked at, for `after`. Absent while there was none. */
  last?: string | undefined
  /** Whether all sessions have been looked at. */
  done: boolean
}
