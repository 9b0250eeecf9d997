// What `mongoUrl` and `mongoOptions` mean to the Node driver, in the words of the Rust driver. Follows
// https://github.com/mongodb/node-mongodb-native/blob/main/src/connection_string.ts; docs/mongo-options.md lists every
// option and every difference.
'use strict'

const {
  MONGO_OPTIONS,
  CANONICAL,
  errors,
  refuse,
  record,
  flag,
  integer,
  nearestName,
} = require('./mongo-option-table.js')
const { hostsSuffix, lookUpSeedList } = require('./seed-list.js')

const { MongoParseError, MongoAPIError, MongoInvalidArgumentError, MongoMissingCredentialsError } = errors

/** @typedef {Record<string, any>} Options by their names in MONGO_OPTIONS, as read */
/** @typedef {[name: string, value: unknown][]} Parameters of the connection string */
/** @typedef {{ w?: number | string, journal?: boolean, wtimeoutMs?: number }} WriteConcern */

/**
 * @typedef {object} Connection
 * @property {string} uri what the Rust driver connects to, without a database and without all of the below. The hosts of
 *   a `mongodb+srv` address are not in it yet: see `resolveUri`
 * @property {SeedList | undefined} srv set for a `mongodb+srv` address
 * @property {string | undefined} database
 * @property {{ version: string, strict?: boolean, deprecationErrors?: boolean } | undefined} serverApi
 * @property {{ name?: string, version?: string, platform?: string } | undefined} driverInfo
 * @property {WriteConcern | undefined} writeConcern
 * @property {Options} serializeOptions for `BSON.serialize`
 * @property {Options} deserializeOptions for `BSON.deserialize`
 * @property {string | undefined} trustedCertificates PEM text of the roots to trust, unless the built-in ones will do
 * @property {string[]} warnings options that have no effect as they stand
 * @property {string} userinfo a part of `uri`, as are the parameters
 * @property {Parameters} parameters
 */

/** @typedef {import('./seed-list.js').SeedList} SeedList */

/** @param {string} written */
function unknownOption(written) {
  const nearest = nearestName(written, CANONICAL.values())
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
  return new MongoParseError(`option ${written} is not supported${hint}`)
}

const notEncoded = () =>
  new MongoParseError(
    'Invalid connection string: the characters : / ? # [ ] @ % in the user name or password must be percent-encoded'
  )

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part)
  } catch {
    throw notEncoded()
  }
}

const CONNECTION_STRING =
  /^mongodb(?<srv>\+srv)?:\/\/(?:(?<username>[^:@]*)(?::(?<password>[^@]*))?@)?(?<hosts>[^/?@]*)(?:\/(?<path>[^?]*))?(?:\?(?<query>.*))?$/s

/** @param {unknown} mongoUrl */
function parseUrl(mongoUrl) {
  if (typeof mongoUrl !== 'string') throw new MongoInvalidArgumentError('mongoUrl must be a string')
  if (!/^mongodb(\+srv)?:\/\//.test(mongoUrl)) {
    throw new MongoParseError(
      'Invalid scheme, expected connection string to start with "mongodb://" or "mongodb+srv://"'
    )
  }
  const { srv, username, password = '', hosts, path = '', query = '' } = split(mongoUrl.trimEnd())
  if (username === '') throw new MongoParseError('URI contained empty userinfo section')
  if (hosts === '') throw new MongoParseError('Protocol and host list are required in the uri')
  return {
    isSrv: srv !== undefined,
    auth: username && { username: decode(username), password: decode(password) },
    hosts: hosts.split(',').map(host),
    database: decode(path),
    query: readQuery(query),
  }
}

/** @param {string} mongoUrl @returns {Record<string, string>} */
function split(mongoUrl) {
  const parts = CONNECTION_STRING.exec(mongoUrl)?.groups
  // Nobody can tell where a password ends that has these characters: better no connection than a part of it in a log.
  if (!parts) throw notEncoded()
  const { username, password, path = '', query = '' } = parts
  if (/[:/?#[\]]/.test(`${username}${password}`) || path.includes('@')) throw notEncoded()
  if (!`${path}${query}`.includes('#')) return parts
  throw new MongoParseError('Invalid connection string: a # must be percent-encoded as %23')
}

/** @param {string} written @returns {string} as the Rust driver reads it */
function host(written) {
  if (written.endsWith('.sock')) return written.replaceAll(' ', '%20')
  const [, name, port] = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::(\d+))?$/i.exec(written) ?? []
  const decoded = decode(name ?? '')
  const ascii = /^\p{ASCII}*$/u.test(decoded) ? decoded : require('node:url').domainToASCII(decoded)
  if (!ascii || /[\s/?#@,]/.test(ascii))
    throw new MongoParseError('Invalid connection string: a host is not valid')
  if (port === undefined) return ascii
  return `${ascii}:${integer(1, 65535)(port, 'Invalid connection string: the port of a host', [])}`
}

/** @param {string} query @returns {Record<string, string[]>} */
function readQuery(query) {
  /** @type {Record<string, string[]>} */
  const given = Object.create(null)
  for (const [written, value] of new URLSearchParams(query)) {
    const name = CANONICAL.get(written.toLowerCase())
    // With an @ in it, it may be the end of a password.
    if (name === undefined) throw query.includes('@') ? notEncoded() : unknownOption(written)
    if (name === 'serverApi' || name === 'srvHostValidator') {
      throw new MongoParseError(`URI cannot contain \`${name}\`, it can only be passed to the client`)
    }
    if (name !== 'readPreferenceTags' && name in given) {
      throw new MongoInvalidArgumentError(
        `URI option "${name}" cannot appear more than once in the connection string`
      )
    }
    if (name !== 'readPreferenceTags' && value === '') {
      throw new MongoAPIError(`URI option "${name}" cannot be specified with no value`)
    }
    given[name] = [...(given[name] ?? []), value]
  }
  return given
}

/**
 * @param {ReturnType<typeof parseUrl>} url
 * @param {object} mongoOptions
 * @returns {Record<string, any[]>} all values of each option, the one that counts first
 */
function gather({ auth, database, query }, mongoOptions) {
  /** @type {Record<string, any[]>} */
  const given = Object.create(null)
  for (const [written, value] of Object.entries(mongoOptions)) {
    if (value === undefined || value === null) continue
    const name = CANONICAL.get(written.toLowerCase())
    if (name === undefined) throw unknownOption(written)
    if (name === 'loadBalanced') throw new MongoParseError('loadBalanced is only a valid option in the URI')
    given[name] = [value]
  }
  const inUrl = { ...query, ...(auth && { auth: [auth] }), ...(database && { dbName: [database] }) }
  for (const [name, values] of Object.entries(inUrl)) given[name] = [...(given[name] ?? []), ...values]
  return given
}

/** @param {[name: string, values: any[]][]} given @returns {Options} */
const read = (given) =>
  Object.fromEntries(given.map(([name, values]) => [name, MONGO_OPTIONS[name].read(values[0], name, values)]))

/** @param {Options} options @returns {Parameters} */
const parameters = (options) =>
  Object.entries(options).filter(([, value]) => value !== undefined && value !== '')

const EXTERNAL_MECHANISMS = ['MONGODB-X509', 'MONGODB-OIDC']

/** @param {Options} o @returns {{ userinfo: string, parameters: Parameters }} */
function credentials(o) {
  const { username, password } = o.auth ?? { username: '', password: '' }
  const mechanism = o.authMechanism ?? 'DEFAULT'
  const properties = mechanismProperties(mechanism, username, o.authMechanismProperties ?? {})
  if (EXTERNAL_MECHANISMS.includes(mechanism)) {
    if (password !== '') throw new MongoAPIError(`Password not allowed for mechanism ${mechanism}`)
    if ((o.authSource ?? '$external') !== '$external') {
      throw new MongoParseError(`authMechanism ${mechanism} requires an authSource of '$external'`)
    }
    const own = { authMechanism: mechanism, authSource: '$external', authMechanismProperties: properties }
    return { userinfo: username && `${encode(username)}@`, parameters: parameters(own) }
  }
  if (username === '') {
    if (mechanism === 'DEFAULT' && password === '') return { userinfo: '', parameters: [] }
    throw new MongoMissingCredentialsError(`Username required for mechanism '${mechanism}'`)
  }
  const authSource = o.authSource || o.dbName || (mechanism === 'PLAIN' ? '$external' : 'admin')
  const own = { authMechanism: mechanism === 'DEFAULT' ? undefined : mechanism, authSource }
  return { userinfo: `${encode(username)}:${encode(password)}@`, parameters: parameters(own) }
}

/** @param {string} mechanism @param {string} username @param {Options} properties @returns {string | undefined} */
function mechanismProperties(mechanism, username, properties) {
  const given = parameters(properties).map((pair) => pair.join(':'))
  if (mechanism === 'MONGODB-OIDC') {
    if (username === '' && given.join() === 'ENVIRONMENT:k8s') return given[0]
    refuse('authMechanism', 'MONGODB-OIDC works without a user name and with ENVIRONMENT:k8s only')
  }
  return given.length === 0 ? undefined : refuse('authMechanismProperties', `${mechanism} has none`)
}

/** @param {string} part */
function encode(part) {
  try {
    return encodeURIComponent(part)
  } catch {
    throw new MongoParseError('mongoUrl and mongoOptions must be well-formed Unicode')
  }
}

/** @param {Options} o @returns {Parameters} */
function reading({ readPreference = {}, readPreferenceTags = readPreference.tags ?? [], ...o }) {
  const maxStalenessSeconds = o.maxStalenessSeconds ?? readPreference.maxStalenessSeconds
  if ((readPreference.mode ?? 'primary') === 'primary') {
    const other =
      maxStalenessSeconds !== undefined ? 'maxStalenessSeconds' : readPreferenceTags.length > 0 && 'tags'
    if (other) throw new MongoInvalidArgumentError(`Primary read preference cannot be combined with ${other}`)
  }
  const readConcernLevel = o.readConcernLevel ?? o.readConcern
  return [
    ...parameters({ readConcernLevel, readPreference: readPreference.mode, maxStalenessSeconds }),
    ...readPreferenceTags.map((/** @type {string} */ set) => ['readPreferenceTags', set]),
  ]
}

/** The Rust driver's own default. */
const POOL_SIZE = 10

/** @param {Options} o @returns {Parameters} */
function limits({ minPoolSize = 0, maxPoolSize = minPoolSize > POOL_SIZE ? minPoolSize : undefined, ...o }) {
  if (maxPoolSize && minPoolSize > maxPoolSize) {
    throw new MongoInvalidArgumentError(
      'Connection pool minimum size must not be greater than maximum pool size'
    )
  }
  return parameters({
    connectTimeoutMS: o.connectTimeoutMS ?? 30_000,
    // 0 stands for no limit in the Node driver; in the Rust driver it is an error, and no time at all.
    maxPoolSize: maxPoolSize === 0 ? 2 ** 32 - 1 : maxPoolSize,
    serverSelectionTimeoutMS: o.serverSelectionTimeoutMS === 0 ? 2 ** 31 - 1 : o.serverSelectionTimeoutMS,
    // 0 stands for zlib's own choice in the Node driver, and for no compression in the Rust driver.
    zlibCompressionLevel: o.zlibCompressionLevel === 0 ? -1 : o.zlibCompressionLevel,
  })
}

/** @param {Record<string, any[]>} given @param {boolean} isSrv */
function isTlsOn({ tls = [], ssl = [] }, isSrv) {
  const values = new Set([...tls, ...ssl].map((value) => flag(value, 'tls/ssl', [])))
  if (values.size > 1) throw new MongoParseError('All values of tls/ssl must be the same.')
  return values.has(true) || (isSrv && !values.has(false))
}

/** @param {Options} o @returns {boolean} whether the server's certificate is verified */
function verifies({ tlsInsecure, tlsAllowInvalidCertificates, tlsAllowInvalidHostnames, ...o }) {
  for (const [name, value] of parameters({ tlsAllowInvalidCertificates, tlsAllowInvalidHostnames })) {
    if (tlsInsecure === undefined || value === undefined) continue
    throw new MongoAPIError(`The 'tlsInsecure' option cannot be used with the '${name}' option`)
  }
  const isAllowed = tlsInsecure ?? tlsAllowInvalidCertificates
  const asked = o.rejectUnauthorized ?? (isAllowed === undefined ? o.sslValidate : !isAllowed)
  const isVerified = asked ?? process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0'
  if (!isVerified || !tlsAllowInvalidHostnames) return isVerified
  return refuse('tlsAllowInvalidHostnames', 'use a certificate for the host, or tlsAllowInvalidCertificates')
}

/** @param {Options} o @returns {string[]} warnings of files and passwords for a TLS connection when there is none */
function idleTlsOptions(o) {
  const isIdle = (/** @type {string} */ name) =>
    /^(tls|ssl|ca$|passphrase$)/.test(name) && typeof o[name] === 'string'
  const idle = Object.keys(o).filter(isIdle)
  return idle.map((name) => `option ${name} has no effect, because tls is not on`)
}

/** @param {Options} o @returns {{ parameters: Parameters, trustedCertificates: string | undefined }} */
function tlsSettings(o) {
  const isVerified = verifies(o)
  const tlsCAFile = o.ca === undefined ? (o.tlsCAFile ?? o.sslCA) : undefined
  const password = o.passphrase ?? o.tlsCertificateKeyFilePassword ?? o.sslPass
  return {
    parameters: parameters({
      tls: true,
      tlsAllowInvalidCertificates: isVerified ? undefined : true,
      tlsCAFile,
      tlsCertificateKeyFile: o.tlsCertificateKeyFile,
      tlsCertificateKeyFilePassword: o.tlsCertificateKeyFile && password,
    }),
    trustedCertificates: o.ca ?? (isVerified && !tlsCAFile ? trustedRoots() : undefined),
  }
}

/** @returns {string | undefined} the roots that Node trusts, when they are not just the built-in ones */
function trustedRoots() {
  const tls = /** @type {any} */ (require('node:tls'))
  // Node does not tell what OpenSSL's own store holds.
  if (!tls.getCACertificates || /--use-openssl-ca/.test(`${process.execArgv} ${process.env.NODE_OPTIONS}`)) {
    const extra = extraCertificates()
    return extra && [...tls.rootCertificates, extra].join('\n')
  }
  const roots = tls.getCACertificates('default')
  const builtIn = new Set(tls.rootCertificates)
  const isUsual =
    roots.length === builtIn.size && roots.every((/** @type {string} */ one) => builtIn.has(one))
  return isUsual ? undefined : roots.join('\n')
}

function extraCertificates() {
  const file = process.env.NODE_EXTRA_CA_CERTS
  try {
    return file ? require('node:fs').readFileSync(file, 'utf8') : undefined
  } catch {
    return undefined // Node warned about the file when it started.
  }
}

const WRITE_CONCERN = ['w', 'wtimeout', 'wtimeoutMS', 'j', 'journal', 'fsync']

/**
 * @param {Options} [options] `w`, `j` or `journal`, `wtimeout` or `wtimeoutMS`, `fsync`
 * @returns {WriteConcern | undefined} as the Node driver's WriteConcern.fromOptions understands them
 */
function writeConcern(options = {}) {
  const given = WRITE_CONCERN.filter((name) => options[name] !== undefined && options[name] !== null)
  const { w, wtimeout, wtimeoutMS, j, journal, fsync } = read(given.map((name) => [name, [options[name]]]))
  const result = parameters({ w, journal: fsync ?? j ?? journal, wtimeoutMs: wtimeout ?? wtimeoutMS })
  return result.length === 0 ? undefined : Object.fromEntries(result)
}

/** @param {Options} o @returns {WriteConcern | undefined} */
function defaultWriteConcern({ writeConcern: concern, w, fsync, j, journal, wtimeout, wtimeoutMS }) {
  const lesser = parameters({ w, fsync, j, journal, wtimeoutMS })
  return writeConcern({
    ...Object.fromEntries(lesser),
    ...concern,
    ...(wtimeout !== undefined && { wtimeout }),
  })
}

/** @param {Options} o */
function bsonOptions(o) {
  const { ignoreUndefined = false, serializeFunctions = false, promoteLongs = true, promoteValues = true } = o
  const { promoteBuffers = false, bsonRegExp = false, useBigInt64 = false } = o
  if (useBigInt64 && !(promoteLongs && promoteValues)) {
    throw new MongoAPIError('Must request either bigint or Long for int64 deserialization')
  }
  const promotion = { promoteBuffers, promoteLongs, promoteValues, useBigInt64 }
  const validation = { utf8: o.enableUtf8Validation ?? true }
  // A field called `constructor` is not to be found in what every object inherits.
  const fieldsAsRaw = o.fieldsAsRaw && Object.assign(Object.create(null), o.fieldsAsRaw)
  return {
    serializeOptions: { ignoreUndefined, serializeFunctions },
    deserializeOptions: { ...promotion, bsonRegExp, fieldsAsRaw, validation },
  }
}

/** @param {Options} o @param {number} hostCount @param {number} [maxHosts] */
function checkTopology({ loadBalanced, replicaSet, directConnection }, hostCount, maxHosts = 0) {
  const others = { replicaSet, directConnection, 'several hosts': hostCount > 1, srvMaxHosts: maxHosts > 0 }
  const [other] = Object.entries(others).find(([, isGiven]) => isGiven) ?? []
  if (loadBalanced && other) throw new MongoParseError(`loadBalanced option not supported with ${other}`)
  if (replicaSet && maxHosts > 0) throw new MongoParseError('Cannot use srvMaxHosts option with replicaSet')
  if (directConnection && hostCount !== 1) {
    throw new MongoParseError('directConnection option requires exactly one host')
  }
}

/** @param {string} [name] */
function checkDatabaseName(name = '') {
  const [character] = /[/\\. "$]/.exec(name) ?? []
  if (character === undefined || name === '$external') return
  throw new MongoInvalidArgumentError(`Database names cannot contain the character '${character}'`)
}

/** @param {Options} o */
function checkProxy({ proxyHost, proxyPort, proxyUsername, proxyPassword }) {
  if (!proxyHost && (proxyPort || proxyUsername || proxyPassword)) {
    throw new MongoParseError('Must specify proxyHost if other proxy options are passed')
  }
  if (!proxyUsername !== !proxyPassword) {
    throw new MongoParseError('Can only specify both of proxy username/password or neither')
  }
}

/** @param {Options} o @param {boolean} isSrv */
function checkSrvOptions(o, isSrv) {
  const names = ['srvMaxHosts', 'srvServiceName', 'srvAllowedHostsSuffix', 'srvHostValidator']
  const given = names.filter((name) => o[name] !== undefined)
  if (!isSrv && given.length > 0) {
    throw new MongoParseError(`Cannot use ${given.join(', ')} with a non-srv connection string`)
  }
  if (isSrv && o.directConnection) throw new MongoAPIError('SRV URI does not support directConnection')
  if (o.srvAllowedHostsSuffix === undefined || o.srvHostValidator === undefined) return
  throw new MongoParseError('Cannot use srvAllowedHostsSuffix together with srvHostValidator')
}

/** @param {string[]} hosts @returns {string} */
function srvHostname(hosts) {
  if (hosts.length !== 1) throw new MongoParseError('mongodb+srv URI cannot have multiple service names')
  if (hosts[0].includes(':')) throw new MongoParseError('mongodb+srv URI cannot have port number')
  return hosts[0]
}

/** @param {string} userinfo @param {string[]} hosts @param {Parameters} parameters */
function formatUri(userinfo, hosts, parameters) {
  const query = parameters.map(([name, value]) => `${name}=${encode(String(value))}`).join('&')
  return `mongodb://${userinfo}${hosts.join()}/?${query}`
}

/**
 * @param {string} mongoUrl
 * @param {object} [mongoOptions]
 * @returns {Connection}
 */
function parseConnection(mongoUrl, mongoOptions = {}) {
  const url = parseUrl(mongoUrl)
  const given = gather(url, record(mongoOptions ?? {}, 'mongoOptions', []))
  const o = read(Object.entries(given))
  checkDatabaseName(o.dbName)
  checkProxy(o)
  checkSrvOptions(o, url.isSrv)
  checkTopology(o, url.hosts.length, o.srvMaxHosts)
  const tls = isTlsOn(given, url.isSrv) ? tlsSettings(o) : undefined
  const { userinfo, parameters: own } = credentials(o)
  const same = parameters(o).filter(([name]) => MONGO_OPTIONS[name].carried)
  const all = [...(tls?.parameters ?? []), ...own, ...same, ...limits(o), ...reading(o)]
  return {
    uri: formatUri(userinfo, url.hosts, all),
    srv: url.isSrv ? seedList(url, given, o) : undefined,
    database: o.dbName || undefined,
    serverApi: o.serverApi,
    driverInfo: o.driverInfo || o.name ? { ...o.driverInfo, ...(o.name && { name: o.name }) } : undefined,
    writeConcern: defaultWriteConcern(o),
    ...bsonOptions(o),
    trustedCertificates: tls?.trustedCertificates,
    warnings: tls ? [] : idleTlsOptions(o),
    userinfo,
    parameters: all,
  }
}

/**
 * @param {ReturnType<typeof parseUrl>} url
 * @param {Record<string, any[]>} given
 * @param {Options} o
 * @returns {SeedList}
 */
function seedList({ hosts }, given, o) {
  const { srvServiceName = 'mongodb', srvMaxHosts = 0, srvAllowedHostsSuffix, srvHostValidator } = o
  const isSourceOpen = o.auth && !EXTERNAL_MECHANISMS.includes(o.authMechanism)
  const fromText = ['replicaSet', 'loadBalanced', ...(isSourceOpen ? ['authSource'] : [])]
  return {
    hostname: srvHostname(hosts),
    serviceName: srvServiceName,
    maxHosts: srvMaxHosts,
    allowedHostsSuffix: srvAllowedHostsSuffix && hostsSuffix(srvAllowedHostsSuffix),
    hostValidator: srvHostValidator,
    fromText: fromText.filter((name) => !(name in given)),
  }
}

/**
 * The connection string with its hosts: at once, or with the DNS records of a `mongodb+srv` address.
 *
 * @param {Connection} connection
 * @returns {Promise<string>}
 */
async function resolveUri({ uri, srv, userinfo, parameters }) {
  if (srv === undefined) return uri
  const { hosts, text } = await lookUpSeedList(srv)
  const all = [...parameters.filter(([name]) => !(name in text)), ...Object.entries(text)]
  checkTopology(Object.fromEntries(all), hosts.length, srv.maxHosts)
  return formatUri(userinfo, choose(hosts, srv.maxHosts), all)
}

/** @param {string[]} hosts @param {number} maxHosts @returns {string[]} */
function choose(hosts, maxHosts) {
  if (maxHosts === 0 || hosts.length <= maxHosts) return hosts
  const drawn = hosts.map((host) => ({ host, order: Math.random() })).sort((a, b) => a.order - b.order)
  return drawn.slice(0, maxHosts).map(({ host }) => host)
}

module.exports = { MONGO_OPTIONS, nearestName, parseConnection, resolveUri, writeConcern }
