// The public types of `mongoOptions`, which index.d.ts exports.

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

  /** The most connections to each server; 0: no limit. @default 100 */
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
  /**
   * How often to repeat what an overloaded server refused. Without it, on Rust as often as `serverSelectionTimeoutMS` has time for,
   * on a JavaScript client twice.
   */
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
  // biome-ignore lint/suspicious/noExplicitAny: as in the driver's own type
  fieldsAsRaw?: { [name: string]: any }

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
