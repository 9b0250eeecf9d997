// Every option of the Node driver, how its value is read, and what becomes of it. No message quotes a value: it could be a
// password, or a part of one. docs/mongo-options.md says the same to people.

/** @typedef {Record<string, any>} Options by their names in MONGO_OPTIONS, as read */
/** @typedef {[name: string, value: unknown][]} Parameters of the connection string */
/** @typedef {(value: any, name: string, values: any[]) => any} Reader checks and converts; `values` has all that is given */

/**
 * @typedef {object} MongoOption
 * @property {'passed' | 'javascript' | 'accepted' | 'refused'} native what the native backend does with it: written into
 *   the Rust driver's connection string, done in JavaScript, nothing because there is nothing to do, or an error
 * @property {'honoured' | 'refused'} driver what the Node driver does with it. Where that honours what the native backend
 *   refuses, the error of `read` says so, and the store runs on the driver backend
 * @property {Reader} read
 * @property {boolean} [carried] whether the connection string has it under the same name, as it was read
 */

'use strict'

const { isIP } = require('node:net')
const { TextDecoder } = require('node:util')
const { MongoInvalidArgumentError, MongoParseError } = require('../errors.js')
const { hint } = require('../names.js')
const { isUint8Array } = require('../objects.js')

/** For what no store can use. @param {string} name @param {string} advice @returns {never} */
function refuse(name, advice) {
  throw new MongoInvalidArgumentError(`option ${name} is not supported by connect-mongo-native: ${advice}`)
}

/** What the Node driver needs for an option, where that is not just any `mongodb` package. @type {Record<string, string>} */
const PACKAGES = {
  autoEncryption: 'the mongodb and mongodb-client-encryption packages',
  'authMechanism GSSAPI': 'the mongodb and kerberos packages',
  'authMechanism MONGODB-AWS': 'the mongodb and @aws-sdk/credential-providers packages',
  'authMechanism MONGODB-CR': 'mongodb 5 or 6',
  keepAlive: 'mongodb 5',
  sslCert: 'mongodb 5',
  sslCRL: 'mongodb 5',
  sslKey: 'mongodb 5',
  timeoutMS: 'mongodb 6 before 6.22 or 7 before 7.8',
  tlsCertificateFile: 'mongodb 5',
}

/**
 * For what the Node driver can and the native backend cannot do.
 *
 * @param {string} name
 * @param {string} advice what there is instead
 * @returns {never}
 */
function leaveToDriver(name, advice) {
  const packages = PACKAGES[name] ?? 'the mongodb package'
  const error = new MongoInvalidArgumentError(
    `option ${name} is not supported by the native backend: ${advice}; with ${packages} installed and backend: 'auto' or 'driver' it works`
  )
  throw Object.assign(error, { needsDriver: true, option: name })
}

/** @param {(value: any) => boolean} isValid @param {string} expected @returns {Reader} */
const checked = (isValid, expected) => (value, name) => {
  if (isValid(value)) return value
  throw new MongoParseError(`${name} must be ${expected}`)
}

const text = checked((value) => typeof value === 'string', 'a string')
const callable = checked((value) => typeof value === 'function', 'a function')
const record = checked((value) => typeof value === 'object' && !Array.isArray(value), 'an object')

/** @param {Reader} read @param {unknown} value of a field, which may be absent as options may @param {string} name */
const ifGiven = (read, value, name) =>
  value === undefined || value === null ? undefined : read(value, name, [])

/** @param {string[]} words */
const oneOf = (...words) => checked((value) => words.includes(value), `one of ${words.join(', ')}`)

/** @type {Reader} */
const flag = (value, name) => oneOf('true', 'false')(String(value), name, []) === 'true'

/** @param {number} least @param {number} greatest @returns {Reader} */
const integer = (least, greatest) => (value, name) => {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && number >= least && number <= greatest) return Math.trunc(number)
  throw new MongoParseError(`${name} must be an integer from ${least} to ${greatest}`)
}

const count = integer(0, 2 ** 32 - 1)

/** In bytes, what the server takes; the Node driver cuts it off there, too. */
const LONGEST_APP_NAME = 128

/** @type {Reader} */
function appName(value, name) {
  const bytes = Buffer.from(text(value, name, []))
  if (bytes.length <= LONGEST_APP_NAME) return value
  // As a stream, it leaves out half a character at the end.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return decoder.decode(bytes.subarray(0, LONGEST_APP_NAME), { stream: true })
}

/** @type {Reader} */
function auth(value, name) {
  if (typeof value !== 'object' || !('username' in value && 'password' in value)) {
    throw new MongoParseError(`${name} must be an object with 'username' and 'password' properties`)
  }
  const { username, password } = value
  return {
    username: text(username ?? '', 'auth.username', []),
    password: text(password ?? '', 'auth.password', []),
  }
}

/** @type {Reader} */
function heartbeatFrequency(value, name) {
  const milliseconds = count(value, name, [])
  return milliseconds >= 500 ? milliseconds : leaveToDriver(name, '500 is the least')
}

const MECHANISMS = ['DEFAULT', 'SCRAM-SHA-1', 'SCRAM-SHA-256', 'PLAIN', 'MONGODB-X509', 'MONGODB-OIDC']

/** @type {Reader} */
function authMechanism(value, name) {
  const mechanism = text(value, name, []).toUpperCase()
  const isOfOthers = ['GSSAPI', 'MONGODB-AWS', 'MONGODB-CR'].includes(mechanism)
  if (isOfOthers) leaveToDriver(`${name} ${mechanism}`, `use one of ${MECHANISMS.join(', ')}`)
  return oneOf(...MECHANISMS)(mechanism, name, [])
}

/** @param {any} value `key:value,key:value`, or an object @param {string} name @returns {[string, any][]} */
function pairs(value, name) {
  if (typeof value !== 'string') return Object.entries(record(value, name, []))
  const parts = value === '' ? [] : value.split(',').map((pair) => /^([^:]*):(.*)$/s.exec(pair))
  return parts.map((part) => {
    if (part) return [part[1], part[2]]
    throw new MongoParseError(`${name} must be key:value pairs with commas between them`)
  })
}

/** @type {Reader} */
const authMechanismProperties = (_value, name, values) =>
  Object.fromEntries(values.flatMap((value) => pairs(value, name)))

/** @type {Reader} */
function compressors(_value, name, values) {
  const all = values.flatMap((value) => (typeof value === 'string' ? value.split(',') : value))
  for (const one of all) oneOf('none', 'snappy', 'zlib', 'zstd')(one, name, [])
  return [...new Set(all)].filter((one) => one !== 'none').join() || undefined
}

/** @type {Reader} */
function readPreference(value, name) {
  const { mode, tags, maxStalenessSeconds, hedge } =
    typeof value === 'string' ? { mode: value } : record(value, name, [])
  if (hedge) leaveToDriver('readPreference.hedge', 'the server has deprecated it')
  return {
    mode: oneOf('primary', 'primaryPreferred', 'secondary', 'secondaryPreferred', 'nearest')(mode, name, []),
    tags: tags && readPreferenceTags(tags, 'readPreference.tags', []),
    maxStalenessSeconds: ifGiven(staleness, maxStalenessSeconds, 'maxStalenessSeconds'),
  }
}

const staleness = integer(90, 2 ** 31)

/** @type {Reader} */
const readPreferenceTags = (value, name, values) =>
  (Array.isArray(value) ? value : values).map((set) =>
    pairs(set, name)
      .map((pair) => pair.map((part) => tagPart(part, name)).join(':'))
      .join()
  )

/** @param {any} part @param {string} name */
function tagPart(part, name) {
  if (!/[:,]/.test(text(part, `a tag of ${name}`, []))) return part
  return leaveToDriver(name, 'a tag with a comma or a colon cannot be given to the Rust driver')
}

/** @type {Reader} */
function proxyHost(value, name) {
  if (value === '') return undefined
  const address = text(value, name, []).replace(/^\[(.*)\]$/, '$1')
  // The Rust driver would look a name up on the thread that serves every store, and stop them all meanwhile.
  if (!isIP(address)) leaveToDriver('proxyHost', 'give the IP address of the proxy, not its name')
  return isIP(address) === 6 ? `[${address}]` : address
}

/** @type {Reader} */
const readConcern = (value, name) => text(record(value, name, []).level ?? '', 'readConcern.level', [])

/** @type {Reader} */
function serverApi(value, name) {
  const { version, strict, deprecationErrors } =
    typeof value === 'string' ? { version: value } : record(value, name, [])
  const rules = {
    strict: ifGiven(flag, strict, `${name}.strict`),
    deprecationErrors: ifGiven(flag, deprecationErrors, `${name}.deprecationErrors`),
  }
  if (version === '1') return { version, ...rules }
  throw new MongoParseError('Invalid server API version; must be in the following enum: ["1"]')
}

/** @type {Reader} */
function driverInfo(value, name) {
  const { name: own, version, platform } = record(value, name, [])
  const [ownName, ownVersion, ownPlatform] = [own, version, platform].map((part) =>
    ifGiven(text, part, `a field of ${name}`)
  )
  return { name: ownName, version: ownVersion, platform: ownPlatform }
}

/** @type {Reader} */
const acknowledgement = (value, name) =>
  typeof value === 'string' && !/^-?\d+$/.test(value) ? value : integer(0, 50)(value, name, [])

/** @type {Reader} */
const concern = (value, name) => (typeof value === 'object' ? record(value, name, []) : { w: value })

/** @type {Reader} */
function certificates(value, name) {
  const texts = [value].flat().map((one) => (isUint8Array(one) ? Buffer.from(one).toString() : String(one)))
  const pem = texts.join('\n')
  if (pem.includes('-----BEGIN ')) return pem
  throw new MongoInvalidArgumentError(`${name} must be PEM text; the path of a file goes into tlsCAFile`)
}

/** @param {Omit<MongoOption, 'driver'>} option @param {string[]} names @returns {Record<string, MongoOption>} */
const each = (option, names) =>
  Object.fromEntries(names.map((name) => [name, { driver: 'honoured', ...option }]))
/** @param {Reader} read @param {string[]} names */
const carried = (read, ...names) => each({ native: 'passed', read, carried: true }, names)
/** @param {Reader} read @param {string[]} names */
const passed = (read, ...names) => each({ native: 'passed', read }, names)
/** @param {Reader} read @param {string[]} names */
const javascript = (read, ...names) => each({ native: 'javascript', read }, names)
/** @param {string[]} names */
const accepted = (...names) => each({ native: 'accepted', read: () => undefined }, names)
/** @param {string} advice @param {string[]} names */
const driverOnly = (advice, ...names) =>
  each({ native: 'refused', read: (_, name) => leaveToDriver(name, advice) }, names)
/** @param {RegExp} usual the values that ask for what happens anyway @param {string} advice @returns {Reader} */
const usually = (usual, advice) => (value, name) =>
  usual.test(String(value)) ? undefined : leaveToDriver(name, advice)
/** @param {Reader} read @returns {MongoOption} */
const refused = (read) => ({ native: 'refused', driver: 'refused', read })

/** Milliseconds from 120000 on, or 0 for the system's two hours: the Rust driver's first probe comes no later. */
const LONG_DELAY = /^(0|1[2-9]\d{4}|[2-9]\d{5}|\d{7,})$/
const KEPT_ALIVE = 'TCP keep-alive is always on, and begins after 120000 ms'
const NO_SUCH_LIMIT = 'the Rust driver has no such limit'
const ONE_PEM_FILE = 'put the certificate and the key in one PEM file and name it in tlsCertificateKeyFile'
const SYSTEM_CHOOSES = 'the operating system resolves names and chooses addresses'
const TLS_IS_FIXED = 'TLS 1.2 and 1.3 are offered with their usual ciphers'
const OWN_LINES = 'set DEBUG=connect-mongo for the lines of the store'

/** Every option of the Node driver 4 to 7. @type {Record<string, MongoOption>} */
const MONGO_OPTIONS = {
  ...carried(appName, 'appName'),
  ...carried(text, 'proxyPassword', 'proxyUsername', 'replicaSet'),
  ...carried(flag, 'directConnection', 'enableOverloadRetargeting', 'loadBalanced'),
  ...carried(flag, 'retryReads', 'retryWrites'),
  ...carried(count, 'localThresholdMS', 'maxAdaptiveRetries', 'maxIdleTimeMS', 'minPoolSize'),
  ...carried(heartbeatFrequency, 'heartbeatFrequencyMS'),
  ...carried(integer(1, 2 ** 32 - 1), 'maxConnecting'),
  ...carried(proxyHost, 'proxyHost'),
  ...carried(integer(1, 65535), 'proxyPort'),
  ...carried(oneOf('auto', 'poll', 'stream'), 'serverMonitoringMode'),
  ...carried(compressors, 'compressors'),

  ...passed(auth, 'auth'),
  ...passed(authMechanism, 'authMechanism'),
  ...passed(authMechanismProperties, 'authMechanismProperties'),
  ...passed(text, 'authSource', 'readConcernLevel'),
  ...passed(readConcern, 'readConcern'),
  ...passed(readPreference, 'readPreference'),
  ...passed(readPreferenceTags, 'readPreferenceTags'),
  ...passed(staleness, 'maxStalenessSeconds'),
  ...passed(count, 'connectTimeoutMS', 'maxPoolSize', 'serverSelectionTimeoutMS'),
  ...passed(integer(-1, 9), 'zlibCompressionLevel'),
  ...passed(flag, 'ssl', 'tls'),
  ...passed(flag, 'rejectUnauthorized', 'sslValidate', 'tlsAllowInvalidCertificates', 'tlsInsecure'),
  ...passed(text, 'passphrase', 'sslPass', 'tlsCertificateKeyFilePassword'),
  ...passed(text, 'sslCA', 'tlsCAFile', 'tlsCertificateKeyFile'),

  ...javascript(flag, 'bsonRegExp', 'promoteBuffers', 'promoteLongs', 'promoteValues', 'useBigInt64'),
  ...javascript(flag, 'enableUtf8Validation', 'ignoreUndefined', 'serializeFunctions'),
  ...javascript(record, 'fieldsAsRaw'),
  ...javascript(text, 'dbName', 'name', 'srvAllowedHostsSuffix', 'srvServiceName'),
  ...javascript(count, 'srvMaxHosts', 'wtimeout', 'wtimeoutMS'),
  ...javascript(callable, 'srvHostValidator'),
  ...javascript(certificates, 'ca'),
  ...javascript(driverInfo, 'driverInfo'),
  ...javascript(serverApi, 'serverApi'),
  ...javascript(acknowledgement, 'w'),
  ...javascript(flag, 'fsync', 'j', 'journal'),
  ...javascript(concern, 'writeConcern'),

  // The Node driver takes these and does nothing with them either.
  ...accepted('__skipPingOnConnect', 'checkKeys', 'enableTrace', 'index', 'pskCallback', 'requestCert'),
  ...accepted('requestOCSP', 'SNICallback', 'useNewUrlParser', 'useUnifiedTopology'),
  // These make no difference to a session store, or ask for what the Rust driver does anyway.
  ...accepted('allowPartialTrustChain', 'autoSelectFamily', 'autoSelectFamilyAttemptTimeout', 'minDHSize'),
  ...accepted('forceServerObjectId', 'minInternalBufferSize', 'monitorCommands', 'pkFactory'),
  ...accepted('promiseLibrary', 'runtimeAdapters', 'session'),
  ...each({ native: 'accepted', read: usually(/^true$/, KEPT_ALIVE) }, ['keepAlive']),
  ...each({ native: 'accepted', read: usually(LONG_DELAY, KEPT_ALIVE) }, ['keepAliveInitialDelay']),
  ...each({ native: 'accepted', read: usually(/^true$/, 'small packets always leave at once') }, ['noDelay']),

  ...each({ native: 'refused', read: usually(/^500$/, 'it is always 500') }, ['minHeartbeatFrequencyMS']),
  ...each({ native: 'refused', read: usually(/^0$/, NO_SUCH_LIMIT) }, [
    'socketTimeoutMS',
    'waitQueueTimeoutMS',
  ]),
  ...each({ native: 'refused', read: flag }, ['tlsAllowInvalidHostnames']),
  ...driverOnly(NO_SUCH_LIMIT, 'timeoutMS'),
  ...driverOnly('the Rust driver would have to encrypt', 'autoEncryption'),
  ...driverOnly('every address of a host is tried, IPv4 and IPv6', 'family', 'hints'),
  ...driverOnly(SYSTEM_CHOOSES, 'localAddress', 'localPort', 'lookup'),
  ...driverOnly(ONE_PEM_FILE, 'cert', 'key', 'pfx', 'sslCert', 'sslKey', 'tlsCertificateFile'),
  ...driverOnly('the Rust driver checks no revocation lists', 'crl', 'sslCRL', 'tlsCRLFile'),
  ...driverOnly('use tlsCAFile and tlsCertificateKeyFile', 'secureContext'),
  ...driverOnly(TLS_IS_FIXED, 'ALPNProtocols', 'ciphers', 'ecdhCurve', 'secureProtocol'),
  ...driverOnly('a certificate is checked against the host in mongoUrl', 'checkServerIdentity', 'servername'),
  ...driverOnly(OWN_LINES, 'mongodbLogComponentSeverities', 'mongodbLogMaxDocumentLength', 'mongodbLogPath'),
  ...driverOnly('it is a part of the Node driver', 'connectionType', 'srvPoller'),

  // Node driver 4 had these, and the driver backend does not run on that.
  logger: refused((_, name) => refuse(name, OWN_LINES)),
  loggerLevel: refused((_, name) => refuse(name, OWN_LINES)),
  // Documents would come as bytes, in which connect-mongo finds no session either.
  raw: refused((value, name) =>
    String(value) === 'false' ? undefined : refuse(name, 'no session could be read')
  ),
}

/** For what a server writes into its log: mongod 6.0 ends at a NUL there. @type {Reader} */
function refuseControls(value, name) {
  if (/\p{Cc}/u.test(String(value))) throw new MongoParseError(`${name} must not contain control characters`)
}

/** For the names of users, databases and collections. @type {Reader} */
function refuseNul(value, name) {
  if (String(value).includes('\0')) throw new MongoParseError(`${name} must not contain a NUL character`)
}

/** Every string that a server gets when a connection is made, but for passwords. @type {Record<string, Reader>} */
const SENT = {
  appName: refuseControls,
  name: refuseControls,
  driverInfo(value) {
    for (const field of ['name', 'version', 'platform'])
      refuseControls(value[field], `driverInfo.${field}`, [])
  },
  auth: (value) => refuseNul(value.username, 'auth.username', []),
  authSource: refuseNul,
  dbName: refuseNul,
}

/**
 * Whichever driver is to send them: both would.
 *
 * @param {Record<string, any[]>} given all values of each option, the one that counts first
 */
function checkCharacters(given) {
  for (const [name, check] of Object.entries(SENT)) {
    if (name in given) check(given[name][0], name, given[name])
  }
}

const CANONICAL = new Map(Object.keys(MONGO_OPTIONS).map((name) => [name.toLowerCase(), name]))

/** @param {Options} options @returns {Parameters} */
const parameters = (options) =>
  Object.entries(options).filter(([, value]) => value !== undefined && value !== '')

/** @param {string} written */
function unknownOption(written) {
  return new MongoParseError(`option ${written} is not supported${hint(written, CANONICAL.values())}`)
}

module.exports = {
  MONGO_OPTIONS,
  CANONICAL,
  checkCharacters,
  refuse,
  leaveToDriver,
  record,
  flag,
  integer,
  parameters,
  unknownOption,
}
