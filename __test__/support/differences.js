// Everything that this package does on purpose unlike connect-mongo 6.0.0, in the sentences of docs/differences.md; the
// differential tests prove both sides of each.
'use strict'

/** @type {Record<string, string>} */
const DIFFERENCES = {
  'touch-missed':
    'Touching a session that is gone succeeds and emits `touch-missed`; with `strictTouch: true` it fails, as in connect-mongo.',
  'no-resurrection':
    'Saving a session that was loaded and has been destroyed since, by logging out in another request say, succeeds, emits `set-refused`, and does not bring it back; with `resurrect: true` it does, as in connect-mongo.',
  'cookie-expires':
    "A fetched session's `cookie.expires` is the stored document's `expires`, so that a touched session does not come back with its old date.",
  'last-modified':
    'With `touchAfter`, `lastModified` never appears on a session, and a key of that name in your own data survives.',
  'unchanged-set':
    'With `touchAfter`, `set` of a session that is as `get` has given it only moves `expires`, where the framework makes its sessions itself and has no `touch`, as Fastify; connect-mongo writes all of it.',
  'one-write':
    'With `touchAfter`, `req.session.save()` in a request causes one save, not two; a touch follows where it left the end of the session behind.',
  unreadable:
    'A stored session that cannot be read as `stringify` says, because another program or other options stored it, counts as none and emits `unreadable`; connect-mongo, or express-session, fails each request with it, and `all`.',
  'no-cookie':
    'A stored session without a cookie gets a new one; with connect-mongo, express-session fails each request with it.',
  'session-untouched': 'Your options and session objects are never changed.',
  'debug-ids':
    '`DEBUG=connect-mongo` prints no session ids: in their place stands the beginning of a keyed hash, the same for a session in all lines of one process; further lines tell how long calls and commands took.',
  'length-live': '`length` counts live sessions only, like `all`; connect-mongo counts expired ones too.',
  promises: 'Methods that are called without a callback return a promise.',
  'max-age':
    "A number as the third argument of `set`, which Koa's session packages give, is how many milliseconds the session lives; connect-mongo calls it like a callback, and the error is an unhandled rejection.",
  detached: 'Methods work detached from the store: `const { get } = store`.',
  'callback-once':
    'A callback runs exactly once and outside every `try`: what it throws is an uncaught exception, not a second call.',
  'listener-throws':
    'An event listener that throws is an uncaught exception; it does not turn a session that was stored into a failed call.',
  'sid-type':
    'A session id, or a result of `transformId`, that is not a string is a `TypeError`, since an object there would be a query.',
  'sid-surrogates':
    'A session id with half of a character outside the BMP (`\\ud800`) is a `TypeError`: MongoDB would store another id in its place, and the same for several.',
  'ping-ids':
    'A session id, or a result of `transformId`, that begins with `connect-mongo-native ping ` is a `TypeError`: `ping` asks for such ids, which no session may have.',
  'nothing-thrown':
    'A function of yours that throws `undefined`, or whatever else is not truthy, has failed; to a callback of connect-mongo that is success.',
  'transform-id-promise': '`transformId` may return a promise.',
  'index-in-background':
    'Making the TTL index never delays or fails a call: a failure is an `error` event, or one warning when nobody listens, and is retried.',
  'interval-jitter':
    "The sweep of `autoRemove: 'interval'` has a jitter: its period is 90 to 100 per cent of `autoRemoveInterval`.",
  'unusable-durations':
    'A `ttl`, `touchAfter` or `autoRemoveInterval` that cannot work, such as `NaN` or a `ttl` of `Infinity`, is taken for its default with one warning; in connect-mongo such a `ttl` ends sessions at once, and such an interval sweeps every millisecond.',
  'sweep-clock':
    "With `autoRemove: 'interval'`, the server's clock decides what has expired: a process whose own is ahead removes no sessions of others.",
  'longest-interval':
    "With `autoRemove: 'interval'`, an `autoRemoveInterval` of more than 35,791 minutes sweeps every 25 days, the longest that a timer can wait; connect-mongo sweeps every millisecond.",
  'disabled-warns': "`autoRemove: 'disabled'` warns once when a TTL index is there all the same.",
  'close-twice':
    '`close()` may come at any time and more than once; calls after it fail with an error whose code is `ERR_STORE_CLOSED`.',
  'no-options': 'The constructor called without options says what is missing.',
  'missing-values':
    "What is given and missing (`mongoUrl: undefined`, `crypto: { secret: '' }`) is named in the constructor's error, which asks whether the environment variable is set.",
  'no-session':
    '`set` without a session fails with a `TypeError` and writes nothing; connect-mongo stores `null`.',
  'bad-url-throws':
    'Without a client, the constructor throws for a wrong `mongoUrl`, `mongoOptions` or `writeOperationOptions`, where connect-mongo leaves an unhandled rejection or fails each call.',
  'unsupported-mongo-options':
    'Where only the JavaScript driver honours an option in `mongoOptions`, the store uses your `mongodb` package, or throws and names the option where there is none; docs/mongo-options.md lists every one.',
  'server-down':
    'A server that is down is an error of each call, never an unhandled rejection, and later calls succeed once it is up.',
  'option-warnings':
    "The option names of connect-mongo 3 work with a deprecation warning, and so does its `require('connect-mongo')(session)`; an unknown option, and one that has no effect beside the others, gives one warning.",
  internals:
    'Without a `client`, `collectionP` and `clientP` open a client of your own `mongodb` package when they are first asked for; of `options`, only `ttl`, `touchAfter`, `autoRemoveInterval`, `transformId`, `strictTouch` and `resurrect` can be changed later, which anything else says with a warning; the other fields of connect-mongo are not there.',
  'commonjs-class':
    "`require('connect-mongo-native')` is the class itself, as in connect-mongo 4 and 5, and carries `MongoStore` and `default`, as in 6.",
  mongoose:
    'A mongoose connection will do wherever a client will, and is closed with the store only with `closeClient: true`.',
  'bad-client':
    'A `client` that is none, or a `clientPromise` that rejects, is the error of each call, never an unhandled rejection.',
  'default-database':
    'One warning is given when sessions go to the database `test` only because nobody named another.',
  'decrypt-error':
    "A session that cannot be decrypted is an `Error` with the code `ERR_SESSION_DECRYPT`, in one wording whatever is wrong with it; connect-mongo's error is a string, or one of Web Crypto's.",
  'encryption-missing':
    'An encrypted session fails a store without encryption with the code `ERR_SESSION_ENCRYPTED`; in connect-mongo that is a `SyntaxError` of JSON, or the ciphertext is the session.',
  'plaintext-refused':
    'With encryption, a session that is not encrypted is refused unless `acceptPlaintext` is on: whoever can write the collection could make one up. connect-mongo takes a document (`stringify: false`) for one.',
  'crypto-checked':
    'Encryption options that cannot work, an adapter without its functions among them, are an error when the store or the adapter is made; connect-mongo fails at the first `set`, or writes what it cannot read.',
  'odd-ciphers':
    "Ciphers that connect-mongo can use only with kruptein's own `_key_size` or `_iv_size`, such as `camellia-128-cbc` and `des3`, are not supported and throw, and so are those ciphers and hashes that Node has from 26 on only, such as `aes-256-gcm-siv` and `keccak-256`.",
  'not-json':
    'With encryption, a session that JSON cannot hold fails `set`; connect-mongo stores the text `[object Object]` in its place.',
  'half-surrogates':
    "Half a surrogate pair in the text of your own `serialize` becomes U+FFFD with encryption too, as it does in BSON; connect-mongo's `crypto` keeps it.",
  'older-encryption':
    'What connect-mongo 3.2 to 5.1 encrypted is read, and becomes what 6 writes at its next `set`; connect-mongo 6 reads only part of it.',
  'shared-salt':
    'The sessions that a store encrypts share a salt for up to a day, so that a key is derived once and not for each call.',
  'call-order':
    'Calls about one session keep their order: a `get` sees what was `set` before it, awaited or not.',
  patience:
    'On Rust, a call that an election or a lost connection interrupts is repeated until `serverSelectionTimeoutMS` is over, not once; without replication, writes are not repeated.',
  'too-large':
    "On Rust, a session over 17 MB fails with the server's own error, or with a `MongoInvalidArgumentError` (over 48 MB, or with `stringify: false`); connect-mongo fails with a `RangeError` of the `bson` package.",
  'refused-retryable-writes':
    'Where a server refuses retryable writes, as Amazon DocumentDB before 8.0.2 does, the store goes on without them, with one warning; connect-mongo fails each call until the URL says `retryWrites=false`.',
  'too-much-to-do':
    'What a server refuses because it has too much to do, with code 16500 of Azure Cosmos DB or the label `SystemOverloadedError`, is asked again after pauses until `serverSelectionTimeoutMS` is over; connect-mongo leaves that to the driver, which knows the label alone.',
  'max-pending': 'More than `maxPending` calls at a time are refused.',
}

module.exports = { DIFFERENCES }
