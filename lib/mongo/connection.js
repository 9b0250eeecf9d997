// What `mongoUrl` and `mongoOptions` mean to the Node driver, in the words of the Rust driver. Follows
// https://github.com/mongodb/node-mongodb-native/blob/main/src/connection_string.ts; docs/mongo-options.md lists every
// option and every difference.
'use strict'

const {
  MongoAPIError,
  MongoInvalidArgumentError,
  MongoMissingCredentialsError,
  MongoParseError,
} = require('../errors.js')
const { warnOnce } = require('../warnings.js')
const { parseUrl } = require('./connection-string.js')
const {
  MONGO_OPTIONS,
  CANONICAL,
  checkCharacters,
  refuse,
  leaveToDriver,
  record,
  parameters,
  unknownOption,
} = require('./option-table.js')
const { isTlsOn, idleTlsOptions, tlsSettings } = require('./tls-options.js')

/** @typedef {import('./option-table.js').Options} Options */
/** @typedef {import('./option-table.js').Parameters} Parameters */
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
 * @property {string[]} warnings of options that have no effect as they stand, and of certificates that are not verified
 * @property {string} userinfo a part of `uri`, as are the parameters
 * @property {Parameters} parameters
 */

/** @typedef {import('./seed-list.js').SeedList} SeedList */

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

/**
 * A mistake comes before what only the Node driver can do.
 *
 * @param {[name: string, values: any[]][]} given
 * @param {string} [owner] what the options are fields of
 * @returns {Options}
 */
function read(given, owner) {
  /** @type {Options} */
  const options = {}
  const needsDriver = []
  for (const [name, values] of given) {
    try {
      options[name] = MONGO_OPTIONS[name].read(values[0], owner ? `${owner}.${name}` : name, values)
    } catch (/** @type {any} */ error) {
      if (!error.needsDriver) throw error
      needsDriver.push(error)
    }
  }
  if (needsDriver.length > 0) throw needsDriver[0]
  return options
}

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
  if (username.includes(',') && /^(DEFAULT|SCRAM)/.test(mechanism))
    leaveToDriver('auth', 'the Rust driver cannot log in by SCRAM under a name with a comma')
  const authSource = o.authSource || o.dbName || (mechanism === 'PLAIN' ? '$external' : 'admin')
  const own = { authMechanism: mechanism === 'DEFAULT' ? undefined : mechanism, authSource }
  return { userinfo: `${encode(username)}:${encode(password)}@`, parameters: parameters(own) }
}

/** @param {string} mechanism @param {string} username @param {Options} properties @returns {string | undefined} */
function mechanismProperties(mechanism, username, properties) {
  const given = parameters(properties).map((pair) => pair.join(':'))
  if (mechanism === 'MONGODB-OIDC') {
    if (username === '' && given.join() === 'ENVIRONMENT:k8s') return given[0]
    leaveToDriver('authMechanism MONGODB-OIDC', 'it takes no user name, and ENVIRONMENT:k8s alone')
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
  const maxStalenessSeconds = readPreference.maxStalenessSeconds ?? o.maxStalenessSeconds
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

/** The default of the Node driver. */
const POOL_SIZE = 100

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

const WRITE_CONCERN = ['w', 'wtimeout', 'wtimeoutMS', 'j', 'journal', 'fsync']

/**
 * @param {Options} [options] `w`, `j` or `journal`, `wtimeout` or `wtimeoutMS`, `fsync`
 * @param {string} [owner] what an error calls the options: `writeOperationOptions` makes it `writeOperationOptions.w`
 * @returns {WriteConcern | undefined} as the Node driver's WriteConcern.fromOptions understands them
 */
function writeConcern(options = {}, owner) {
  for (const name of Object.keys(options)) {
    if (!WRITE_CONCERN.includes(name))
      warnOnce(`The option ${owner}.${name} has no effect`, { code: 'CONNECT_MONGO_OPTION' })
  }
  const given = WRITE_CONCERN.filter((name) => options[name] !== undefined && options[name] !== null)
  const { w, wtimeout, wtimeoutMS, j, journal, fsync } = read(
    given.map((name) => [name, [options[name]]]),
    owner
  )
  const result = parameters({ w, journal: fsync ?? j ?? journal, wtimeoutMs: wtimeout ?? wtimeoutMS })
  return result.length === 0 ? undefined : Object.fromEntries(result)
}

/** @param {Options} o @returns {WriteConcern | undefined} */
function defaultWriteConcern({ writeConcern: concern, w, fsync, j, journal, wtimeout, wtimeoutMS }) {
  const lesser = parameters({ w, fsync, j, journal, wtimeoutMS })
  const greater = parameters({ wtimeout })
  return writeConcern(
    { ...Object.fromEntries(lesser), ...concern, ...Object.fromEntries(greater) },
    'writeConcern'
  )
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
 * @param {string} [dbName] what is used in place of the database that they name, which may then be called anything
 * @returns {Connection}
 */
function parseConnection(mongoUrl, mongoOptions = {}, dbName = undefined) {
  const url = parseUrl(mongoUrl)
  const given = gather(url, record(mongoOptions ?? {}, 'mongoOptions', []))
  const o = read(Object.entries(given))
  checkCharacters(given)
  if (!dbName) checkDatabaseName(o.dbName)
  checkProxy(o)
  checkSrvOptions(o, url.isSrv)
  checkTopology(o, url.hosts.length, o.srvMaxHosts)
  const tls = isTlsOn(given, url.isSrv) ? tlsSettings(o) : undefined
  if (tls && url.hosts.some((host) => host.endsWith('.sock')))
    leaveToDriver('tls', 'the Rust driver does not encrypt what goes through a Unix domain socket')
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
    warnings: tls ? tls.warnings : idleTlsOptions(o),
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
    allowedHostsSuffix: srvAllowedHostsSuffix && require('./seed-list.js').hostsSuffix(srvAllowedHostsSuffix),
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
  const { lookUpSeedList } = require('./seed-list.js')
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

/** What Node driver 4 took and did nothing with; later ones warn of it or refuse it. */
const WITHOUT_EFFECT = ['promiseLibrary', 'useNewUrlParser', 'useUnifiedTopology']
const WITHOUT_EFFECT_IN_URL = new RegExp(`(?<=[?&])(?:${WITHOUT_EFFECT.join('|')})=[^&]*&?`, 'gi')

/**
 * What the Node driver's own MongoClient is made with.
 *
 * @param {string} mongoUrl
 * @param {object} [mongoOptions]
 * @returns {[mongoUrl: string, mongoOptions: object]} what was given, but for what has no effect
 * @throws {Error} for what no store can use, and options that no version of the driver knows
 */
function forNodeDriver(mongoUrl, mongoOptions) {
  const options = record(mongoOptions ?? {}, 'mongoOptions', [])
  const given = gather(parseUrl(mongoUrl), options)
  read(Object.entries(given).filter(([name]) => MONGO_OPTIONS[name].driver === 'refused'))
  checkCharacters(given)
  const kept = Object.entries(options).filter(
    ([name]) => !WITHOUT_EFFECT.includes(CANONICAL.get(name.toLowerCase()) ?? '')
  )
  return [mongoUrl.replace(WITHOUT_EFFECT_IN_URL, ''), Object.fromEntries(kept)]
}

module.exports = { MONGO_OPTIONS, forNodeDriver, parseConnection, resolveUri, writeConcern }
