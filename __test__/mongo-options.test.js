// What mongoUrl and mongoOptions become, without a server.
'use strict'

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { ReadPreference, WriteConcern } = require('mongodb')
const nodeDriver = require('mongodb/lib/connection_string.js')
const MongoStore = require('..')
const {
  MONGO_OPTIONS,
  nearestName,
  parseConnection,
  resolveUri,
  writeConcern,
} = require('../lib/mongo-options.js')
const { makeCertificates } = require('./support/certificates.js')
const { runInChild } = require('./support/child.js')

const HOST = 'mongodb://127.0.0.1'

/** Options that the Node driver 7 no longer has: those of 4.17, 5.9 and 6.22. */
const OF_OLDER_DRIVERS = [
  'keepAlive',
  'logger',
  'loggerLevel',
  'promiseLibrary',
  'sslCA',
  'sslCRL',
  'sslCert',
]
OF_OLDER_DRIVERS.push('sslKey', 'sslPass', 'sslValidate', 'tlsCertificateFile')
OF_OLDER_DRIVERS.push('useNewUrlParser', 'useUnifiedTopology')

/** What the Rust driver is told. */
const parametersOf = (url, options) => new URLSearchParams(parseConnection(url, options).uri.split('?')[1])

const withoutUndefined = (object) => JSON.parse(JSON.stringify(object ?? {}))

describe('the table of options', () => {
  test('has every option of the Node driver, and no other', () => {
    const expected = [...Object.keys(nodeDriver.OPTIONS), ...OF_OLDER_DRIVERS]
    assert.deepEqual(Object.keys(MONGO_OPTIONS).sort(), expected.sort())
  })

  test('is the one in docs/mongo-options.md', () => {
    const text = readFileSync(path.join(__dirname, '../docs/mongo-options.md'), 'utf8')
    const documented = [...text.matchAll(/^\| `(\w+)` *\| (\w+) *\|/gm)].map(([, name, native]) => [
      name,
      native,
    ])
    const actual = Object.entries(MONGO_OPTIONS).map(([name, { native }]) => [name, native])
    assert.equal(documented.length, actual.length, 'a name is documented twice')
    assert.deepEqual(Object.fromEntries(documented), Object.fromEntries(actual))
  })
})

/** Addresses and options that both drivers take, and take to mean the same. */
const SHARED = [
  [HOST],
  [`${HOST}:27018/db`],
  [`${HOST},[::1]:27018,LocalHost/`],
  ['mongodb://%2Ftmp%2Fmongodb-27017.sock/db'],
  [`${HOST}/db \n`],
  ['mongodb://user:p%40ss%3A%2F%3F%23%5B%5D%25@127.0.0.1/db'],
  ['mongodb://%C3%BCser:@127.0.0.1/'],
  ['mongodb://user@127.0.0.1/'],
  ['mongodb://user:one@127.0.0.1/db', { auth: { username: 'other', password: 't:w/o@?#%' } }],
  ['mongodb://user:one@127.0.0.1/db?authSource=users'],
  ['mongodb://user:one@127.0.0.1/db?authSource=users', { authSource: 'people' }],
  ['mongodb://user:one@127.0.0.1/', { dbName: 'db' }],
  ['mongodb://user:one@127.0.0.1/url', { dbName: 'db' }],
  ['mongodb://user:one@127.0.0.1/db?authMechanism=SCRAM-SHA-1'],
  ['mongodb://user:one@127.0.0.1/db', { authMechanism: 'scram-sha-256' }],
  ['mongodb://user:one@127.0.0.1/?authMechanism=DEFAULT'],
  ['mongodb://user:one@127.0.0.1/?authMechanism=PLAIN'],
  ['mongodb://user:one@127.0.0.1/db?authMechanism=PLAIN'],
  ['mongodb://user:one@127.0.0.1/db?authMechanism=PLAIN&authSource=ldap'],
  ['mongodb://CN%3Dapp%2COU%3Dweb@127.0.0.1/db?authMechanism=MONGODB-X509'],
  [`${HOST}/$external?authMechanism=MONGODB-X509`],
  [`${HOST}/?authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:k8s`],
  [HOST, { authMechanism: 'MONGODB-OIDC', authMechanismProperties: { ENVIRONMENT: 'k8s' } }],
  [`${HOST}/?authSource=users`],
  [`${HOST}/?replicaSet=rs0&retryWrites=false&retryReads=false&w=majority`],
  [`${HOST}/?REPLICASET=rs0`, { RetryWrites: true, appname: 'a b&c=d+e' }],
  [`${HOST}/?appName=my+app%20%C3%BC`],
  [`${HOST}/?directConnection=true`, { heartbeatFrequencyMS: '700', localThresholdMS: 3.9 }],
  [`${HOST}/?loadBalanced=true`],
  [HOST, { maxIdleTimeMS: 5, minPoolSize: 2, maxPoolSize: 4, maxConnecting: 3 }],
  [HOST, { connectTimeoutMS: 0, serverSelectionTimeoutMS: 7, serverMonitoringMode: 'poll' }],
  [HOST, { enableOverloadRetargeting: true, maxAdaptiveRetries: 0 }],
  [`${HOST}/?compressors=snappy,zstd`, { zlibCompressionLevel: 9 }],
  [`${HOST}/?compressors=snappy`, { compressors: ['zlib', 'snappy'] }],
  [`${HOST}/?tls=true&tlsCAFile=%2Fa%20b%2Fca.pem`, { tlsCertificateKeyFile: 'c.pem' }],
  [HOST, { tls: true, ssl: 'true', tlsCertificateKeyFile: 'c.pem', tlsCertificateKeyFilePassword: 'p&=%' }],
  [HOST, { tls: true, tlsCertificateKeyFile: 'c.pem', passphrase: 'x', tlsCertificateKeyFilePassword: 'y' }],
  [`${HOST}/?ssl=true&tlsAllowInvalidCertificates=true`],
  [HOST, { tls: true, rejectUnauthorized: false, tlsAllowInvalidCertificates: false }],
  [HOST, { tls: false, tlsCAFile: undefined, tlsInsecure: null }],
  [`${HOST}/?readPreference=nearest&readPreferenceTags=dc:ny,rack:1&readPreferenceTags=`],
  [HOST, { readPreference: 'secondary', readPreferenceTags: [{ dc: 'ny' }, {}], maxStalenessSeconds: 100 }],
  [HOST, { readPreference: { mode: 'secondaryPreferred', tags: [{ dc: 'a b' }], maxStalenessSeconds: 90 } }],
  [HOST, { readPreference: new ReadPreference('primaryPreferred', [{ dc: 'ny' }]) }],
  [`${HOST}/?readConcernLevel=local`, { readConcernLevel: 'majority' }],
  [HOST, { readConcern: { level: 'available' } }],
  [HOST, { proxyHost: 'proxy', proxyPort: 1081, proxyUsername: 'u&', proxyPassword: 'p=&?' }],
  [HOST, { driverInfo: { name: 'app', version: '1' }, serverApi: '1' }],
  [HOST, { name: 'app', serverApi: { version: '1', strict: true, deprecationErrors: false } }],
  [HOST, { promoteLongs: false, promoteBuffers: true, bsonRegExp: true, enableUtf8Validation: false }],
  [`${HOST}/?ignoreUndefined=true&promoteValues=false`, { serializeFunctions: true }],
  [HOST, { useBigInt64: true, fieldsAsRaw: { a: true } }],
  [`${HOST}/?w=0`],
  [`${HOST}/?w=1&journal=true&wtimeoutMS=5`, { w: '2', journal: false }],
  [`${HOST}/?w=1`, { writeConcern: { w: 'tag', j: true, wtimeout: 9 } }],
  [HOST, { writeConcern: new WriteConcern('majority', 5, true) }],
  [HOST, { writeConcern: 'majority', wtimeout: '8' }],
  [HOST, { fsync: true }],
  [HOST, { j: false, journal: true, fsync: true, wtimeout: 5, wtimeoutMS: 7 }],
  [HOST, { w: 1, j: false, wtimeoutMS: 5, writeConcern: { w: 2, journal: true, wtimeoutMS: 9 } }],
  [HOST, { journal: false, wtimeout: 5, writeConcern: { j: true, wtimeout: 9 } }],
]

/** What both drivers are asked for, as the Node driver reads it. */
function meaning({ credentials, writeConcern: concern, ...options }) {
  const { username, password, source, mechanism } = credentials ?? {}
  return withoutUndefined({
    hosts: options.hosts.map(String),
    credentials: credentials && { username, password: password || '', source, mechanism },
    tls: options.tls ?? false,
    rejectUnauthorized: options.rejectUnauthorized ?? true,
    compressors: options.compressors.filter((one) => one !== 'none'),
    readPreference: options.readPreference,
    readConcern: options.readConcern,
    ...Object.fromEntries(PLAIN.map((name) => [name, options[name]])),
  })
}
const PLAIN = ['appName', 'connectTimeoutMS', 'directConnection', 'enableOverloadRetargeting', 'loadBalanced']
PLAIN.push('heartbeatFrequencyMS', 'localThresholdMS', 'maxAdaptiveRetries', 'maxConnecting', 'maxIdleTimeMS')
PLAIN.push(
  'minPoolSize',
  'passphrase',
  'proxyHost',
  'proxyPassword',
  'proxyPort',
  'proxyUsername',
  'replicaSet'
)
PLAIN.push('retryReads', 'retryWrites', 'serverMonitoringMode', 'serverSelectionTimeoutMS', 'tlsCAFile')
PLAIN.push('tlsCertificateKeyFile')

describe('the Node driver', () => {
  for (const [url, options] of SHARED) {
    const title = `${JSON.stringify(url)} ${options ? JSON.stringify(options) : ''}`
    test(`reads the same from the address for the Rust driver as from ${title}`, () => {
      const expected = nodeDriver.parseOptions(url, options)
      const connection = parseConnection(url, options)
      assert.deepEqual(meaning(nodeDriver.parseOptions(connection.uri)), meaning(expected))
      assert.equal(connection.database ?? 'test', expected.dbName)
      assert.deepEqual(withoutUndefined(connection.driverInfo), expected.driverInfo)
      assert.deepEqual(
        withoutUndefined(connection.serverApi && { strict: undefined, ...connection.serverApi }),
        withoutUndefined(expected.serverApi)
      )
      const { w, journal, wtimeoutMS: wtimeoutMs } = expected.writeConcern ?? {}
      assert.deepEqual(
        withoutUndefined(connection.writeConcern),
        withoutUndefined({ w, journal, wtimeoutMs })
      )
      const { fieldsAsRaw = {}, enableUtf8Validation, ...bson } = expected
      for (const [name, value] of Object.entries({
        ...connection.serializeOptions,
        ...connection.deserializeOptions,
      })) {
        if (name === 'validation') assert.deepEqual(value, { utf8: enableUtf8Validation })
        else if (name === 'fieldsAsRaw') assert.deepEqual({ ...value }, fieldsAsRaw)
        else assert.equal(value, bson[name] ?? (name === 'promoteLongs' || name === 'promoteValues'), name)
      }
    })
  }
})

test('every address for the Rust driver is one that the Rust driver takes', async () => {
  const more = [
    ['mongodb://bücher.example'],
    [HOST, { maxPoolSize: 0 }],
    [HOST, { serverSelectionTimeoutMS: 0 }],
    [HOST, { minPoolSize: 20 }],
    [HOST, { proxyHost: '::1' }],
    [HOST, { compressors: 'zlib', zlibCompressionLevel: 0 }],
    [HOST, { tls: true, ca: '-----BEGIN CERTIFICATE-----' }],
  ]
  // The files of these do not exist.
  const openable = [...SHARED, ...more].filter(
    ([url, options]) => !/[./]pem/.test(JSON.stringify([url, options]))
  )
  assert.ok(openable.length > 50)
  for (const [mongoUrl, mongoOptions] of openable) {
    await new MongoStore({ mongoUrl, mongoOptions, dbName: 'db', autoRemove: 'disabled' }).close()
  }
})

describe('a value that the two drivers write differently is converted:', () => {
  const CASES = {
    'connectTimeoutMS, 30 s by default in the Node driver': [{}, { connectTimeoutMS: '30000' }],
    'maxPoolSize 0, no limit': [{ maxPoolSize: 0 }, { maxPoolSize: '4294967295' }],
    'maxPoolSize below minPoolSize by default': [
      { minPoolSize: 20 },
      { minPoolSize: '20', maxPoolSize: '20' },
    ],
    'serverSelectionTimeoutMS 0, no limit': [
      { serverSelectionTimeoutMS: 0 },
      { serverSelectionTimeoutMS: '2147483647' },
    ],
    'zlibCompressionLevel 0, the default': [{ zlibCompressionLevel: 0 }, { zlibCompressionLevel: '-1' }],
    'zlibCompressionLevel -1': [{ zlibCompressionLevel: -1 }, { zlibCompressionLevel: '-1' }],
    'compressors none': [{ compressors: 'none' }, { compressors: null }],
    tlsInsecure: [
      { tls: true, tlsInsecure: true },
      { tlsAllowInvalidCertificates: 'true', tlsInsecure: null },
    ],
    sslValidate: [
      { tls: true, sslValidate: false },
      { tlsAllowInvalidCertificates: 'true', sslValidate: null },
    ],
    sslCA: [
      { tls: true, sslCA: 'ca.pem' },
      { tlsCAFile: 'ca.pem', sslCA: null },
    ],
    sslPass: [
      { tls: true, tlsCertificateKeyFile: 'c.pem', sslPass: 'x' },
      { tlsCertificateKeyFilePassword: 'x', sslPass: null },
    ],
    'tlsAllowInvalidHostnames beside tlsAllowInvalidCertificates': [
      { tls: true, tlsAllowInvalidCertificates: true, tlsAllowInvalidHostnames: true },
      { tlsAllowInvalidCertificates: 'true', tlsAllowInvalidHostnames: null },
    ],
    'an IPv6 address as proxyHost': [{ proxyHost: '::1' }, { proxyHost: '[::1]' }],
    'w, journal and wtimeoutMS, kept from the address': [
      { w: 0, journal: false, wtimeoutMS: 1 },
      { w: null, journal: null, wtimeoutMS: null },
    ],
    'TLS options without tls, kept from the address': [
      { tlsCAFile: 'ca.pem', tlsInsecure: true },
      { tlsCAFile: null, tlsInsecure: null, tls: null },
    ],
    'authSource alone, kept from the address': [{ authSource: 'users' }, { authSource: null }],
  }
  for (const [title, [options, expected]] of Object.entries(CASES)) {
    test(title, () => {
      const parameters = parametersOf(HOST, options)
      for (const [name, value] of Object.entries(expected)) assert.equal(parameters.get(name), value, name)
    })
  }

  test('a host in another alphabet', () => {
    assert.match(
      parseConnection('mongodb://bücher.example:27018/').uri,
      /\/\/xn--bcher-kva\.example:27018\/\?/
    )
  })
})

test('an address without DNS records resolves to itself', async () => {
  const connection = parseConnection('mongodb://user:one@127.0.0.1/db?replicaSet=rs0')
  assert.equal(await resolveUri(connection), connection.uri)
})

test('the caller’s options are not changed', () => {
  const options = Object.freeze({
    auth: Object.freeze({ username: 'u', password: 'p' }),
    readPreference: Object.freeze({ mode: 'nearest', tags: Object.freeze([Object.freeze({ dc: 'ny' })]) }),
    writeConcern: Object.freeze({ w: 1 }),
    driverInfo: Object.freeze({ name: 'app' }),
    compressors: Object.freeze(['zlib']),
  })
  parseConnection(HOST, options)
})

describe('an option', () => {
  const SAMPLES = {
    keepAlive: true,
    keepAliveInitialDelay: 300_000,
    noDelay: true,
  }
  for (const [name, { native }] of Object.entries(MONGO_OPTIONS)) {
    if (native === 'accepted') {
      test(`that makes no difference is accepted in silence: ${name}`, () => {
        const connection = parseConnection(HOST, { [name]: SAMPLES[name] ?? {} })
        assert.deepEqual(connection, parseConnection(HOST))
      })
    }
    if (native === 'refused') {
      test(`that is not supported is named: ${name}`, () => {
        assert.throws(
          () => parseConnection(HOST, { tls: true, [name]: true }),
          (error) => {
            assert.equal(error.name, 'MongoInvalidArgumentError')
            const start = `option ${name} is not supported by connect-mongo-native: `
            assert.ok(error.message.startsWith(start), error.message)
            return error.message.length > start.length
          }
        )
      })
    }
  }

  for (const [name, values] of Object.entries({
    keepAlive: [true, 'true'],
    keepAliveInitialDelay: [0, 120_000, '300000', 1e6],
    minHeartbeatFrequencyMS: [500, '500'],
    noDelay: [true],
    raw: [false],
    socketTimeoutMS: [0, '0'],
    tlsAllowInvalidHostnames: [false],
    waitQueueTimeoutMS: [0],
  })) {
    test(`is accepted with the value for what happens anyway: ${name}`, () => {
      for (const value of values)
        assert.deepEqual(parseConnection(HOST, { [name]: value }), parseConnection(HOST))
    })
  }

  for (const [name, values] of Object.entries({
    keepAlive: [false],
    keepAliveInitialDelay: [1, 30_000, 119_999],
    noDelay: [false],
    socketTimeoutMS: [45_000],
  })) {
    test(`is refused with another value: ${name}`, () => {
      const message = new RegExp(`option ${name} is not supported`)
      for (const value of values) assert.throws(() => parseConnection(HOST, { [name]: value }), { message })
    })
  }

  test('that is undefined or null is absent', () => {
    const absent = {
      localAddress: undefined,
      autoEncryption: null,
      nonsense: undefined,
      replicaSet: undefined,
    }
    assert.deepEqual(parseConnection(HOST, absent), parseConnection(HOST))
    assert.equal(parametersOf(`${HOST}/?replicaSet=rs0`, absent).get('replicaSet'), 'rs0')
    assert.deepEqual(parseConnection(HOST, undefined), parseConnection(HOST, null))
  })
})

describe('a mistake is an error that names it:', () => {
  const CASES = [
    ['no address', [undefined], 'MongoInvalidArgumentError', /mongoUrl must be a string/],
    ['another protocol', ['http://127.0.0.1/'], 'MongoParseError', /Invalid scheme/],
    ['no host', ['mongodb:///db'], 'MongoParseError', /host list/],
    ['an empty host', ['mongodb://a,,b/'], 'MongoParseError', /a host is not valid/],
    ['a port of letters', ['mongodb://a:b/'], 'MongoParseError', /a host is not valid/],
    ['a host that cannot be', ['mongodb://ü%20b/'], 'MongoParseError', /a host is not valid/],
    ['port 0', ['mongodb://a:0/'], 'MongoParseError', /port of a host/],
    ['port 65536', ['mongodb://a:65536/'], 'MongoParseError', /port of a host/],
    ['no user name', ['mongodb://:secret@a/'], 'MongoParseError', /empty userinfo/],
    ['an empty userinfo', ['mongodb://@a/'], 'MongoParseError', /empty userinfo/],
    ['a fragment', ['mongodb://a/?w=1#b'], 'MongoParseError', /%23/],
    [
      'a dot in the database',
      ['mongodb://a/b.c'],
      'MongoInvalidArgumentError',
      /cannot contain the character '\.'/,
    ],
    [
      'a slash in the database',
      ['mongodb://a/b/c'],
      'MongoInvalidArgumentError',
      /cannot contain the character '\/'/,
    ],
    ['options that are no object', [HOST, 'w=1'], 'MongoParseError', /mongoOptions must be an object/],
    [
      'an unknown option',
      [HOST, { replicaset_: 'a' }],
      'MongoParseError',
      /option replicaset_ is not supported; did you mean replicaSet\?/,
    ],
    [
      'an unknown option in the address',
      [`${HOST}/?conectTimeoutMS=1`],
      'MongoParseError',
      /option conectTimeoutMS is not supported; did you mean connectTimeoutMS\?/,
    ],
    [
      'an unknown option like no other',
      [HOST, { useCreateIndex: true }],
      'MongoParseError',
      /^option useCreateIndex is not supported$/,
    ],
    [
      'an option twice',
      [`${HOST}/?w=1&W=2`],
      'MongoInvalidArgumentError',
      /"w" cannot appear more than once/,
    ],
    [
      'an option without a value',
      [`${HOST}/?replicaSet=`],
      'MongoAPIError',
      /"replicaSet" cannot be specified with no value/,
    ],
    [
      'serverApi in the address',
      [`${HOST}/?serverApi=1`],
      'MongoParseError',
      /URI cannot contain `serverApi`/,
    ],
    [
      'srvHostValidator in the address',
      [`${HOST}/?srvHostValidator=1`],
      'MongoParseError',
      /URI cannot contain/,
    ],
    [
      'loadBalanced outside the address',
      [HOST, { loadBalanced: true }],
      'MongoParseError',
      /only a valid option in the URI/,
    ],
    [
      'a flag that is none',
      [HOST, { retryWrites: 'yes' }],
      'MongoParseError',
      /retryWrites must be one of true, false/,
    ],
    [
      'a number that is none',
      [`${HOST}/?maxPoolSize=ten`],
      'MongoParseError',
      /maxPoolSize must be an integer/,
    ],
    [
      'a number with a unit',
      [HOST, { maxIdleTimeMS: '30s' }],
      'MongoParseError',
      /maxIdleTimeMS must be an integer/,
    ],
    [
      'a negative number',
      [HOST, { minPoolSize: -1 }],
      'MongoParseError',
      /minPoolSize must be an integer from 0/,
    ],
    [
      'NaN',
      [HOST, { connectTimeoutMS: Number.NaN }],
      'MongoParseError',
      /connectTimeoutMS must be an integer/,
    ],
    [
      'maxConnecting 0',
      [HOST, { maxConnecting: 0 }],
      'MongoParseError',
      /maxConnecting must be an integer from 1/,
    ],
    [
      'a fast heartbeat',
      [HOST, { heartbeatFrequencyMS: 499 }],
      'MongoParseError',
      /heartbeatFrequencyMS must be an integer from 500/,
    ],
    [
      'minPoolSize above maxPoolSize',
      [HOST, { minPoolSize: 3, maxPoolSize: 2 }],
      'MongoInvalidArgumentError',
      /minimum size/,
    ],
    [
      'an unknown compressor',
      [HOST, { compressors: ['lz4'] }],
      'MongoParseError',
      /compressors must be one of none, snappy, zlib, zstd/,
    ],
    [
      'zlibCompressionLevel 10',
      [HOST, { zlibCompressionLevel: 10 }],
      'MongoParseError',
      /zlibCompressionLevel must be an integer/,
    ],
    [
      'an unknown monitoring mode',
      [HOST, { serverMonitoringMode: 'push' }],
      'MongoParseError',
      /serverMonitoringMode/,
    ],
    [
      'auth without a user name',
      [HOST, { auth: { password: 'x' } }],
      'MongoParseError',
      /'username' and 'password'/,
    ],
    [
      'auth with an empty user name',
      [HOST, { auth: { username: '', password: 'x' } }],
      'MongoMissingCredentialsError',
      /Username required/,
    ],
    [
      'an unknown mechanism',
      [HOST, { authMechanism: 'SECRET' }],
      'MongoParseError',
      /authMechanism must be one of DEFAULT/,
    ],
    [
      'MONGODB-AWS',
      [HOST, { authMechanism: 'MONGODB-AWS' }],
      'MongoInvalidArgumentError',
      /authMechanism MONGODB-AWS is not supported/,
    ],
    [
      'GSSAPI',
      [`${HOST}/?authMechanism=GSSAPI`],
      'MongoInvalidArgumentError',
      /authMechanism GSSAPI is not supported/,
    ],
    [
      'SCRAM without a user',
      [HOST, { authMechanism: 'SCRAM-SHA-256' }],
      'MongoMissingCredentialsError',
      /SCRAM-SHA-256/,
    ],
    [
      'X.509 with a password',
      ['mongodb://a:b@c/?authMechanism=MONGODB-X509'],
      'MongoAPIError',
      /Password not allowed/,
    ],
    [
      'X.509 with an authSource',
      [HOST, { authMechanism: 'MONGODB-X509', authSource: 'db' }],
      'MongoParseError',
      /\$external/,
    ],
    [
      'OIDC with a callback',
      [HOST, { authMechanism: 'MONGODB-OIDC', authMechanismProperties: { OIDC_CALLBACK() {} } }],
      'MongoInvalidArgumentError',
      /MONGODB-OIDC works/,
    ],
    [
      'OIDC for another environment',
      [`${HOST}/?authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:azure,TOKEN_RESOURCE:a`],
      'MongoInvalidArgumentError',
      /k8s/,
    ],
    [
      'OIDC with a user',
      ['mongodb://a@b/?authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:k8s'],
      'MongoInvalidArgumentError',
      /without a user name/,
    ],
    [
      'properties for SCRAM',
      ['mongodb://a:b@c/?authMechanismProperties=SERVICE_NAME:d'],
      'MongoInvalidArgumentError',
      /authMechanismProperties is not supported.*DEFAULT has none/,
    ],
    [
      'properties that are no pairs',
      [HOST, { authMechanismProperties: 'a' }],
      'MongoParseError',
      /authMechanismProperties must be key:value/,
    ],
    [
      'an unknown read preference',
      [HOST, { readPreference: 'first' }],
      'MongoParseError',
      /readPreference must be one of primary/,
    ],
    [
      'tags for primary',
      [HOST, { readPreferenceTags: [{ a: 'b' }] }],
      'MongoInvalidArgumentError',
      /Primary.*tags/,
    ],
    [
      'maxStalenessSeconds for primary',
      [HOST, { maxStalenessSeconds: 100 }],
      'MongoInvalidArgumentError',
      /Primary.*maxStalenessSeconds/,
    ],
    [
      'a short maxStalenessSeconds',
      [HOST, { readPreference: 'nearest', maxStalenessSeconds: 89 }],
      'MongoParseError',
      /from 90/,
    ],
    [
      'a tag with a comma',
      [HOST, { readPreference: 'nearest', readPreferenceTags: [{ a: 'b,c' }] }],
      'MongoInvalidArgumentError',
      /readPreferenceTags/,
    ],
    [
      'a hedged read',
      [HOST, { readPreference: { mode: 'nearest', hedge: { enabled: true } } }],
      'MongoInvalidArgumentError',
      /readPreference\.hedge/,
    ],
    [
      'a read concern that is no object',
      [HOST, { readConcern: 'majority' }],
      'MongoParseError',
      /readConcern must be an object/,
    ],
    ['a negative w', [HOST, { w: -1 }], 'MongoParseError', /w must be an integer/],
    ['another server API', [HOST, { serverApi: '2' }], 'MongoParseError', /Invalid server API version/],
    [
      'tls and ssl that differ',
      [`${HOST}/?tls=true`, { ssl: false }],
      'MongoParseError',
      /All values of tls\/ssl must be the same/,
    ],
    [
      'tls twice with different values',
      [`${HOST}/?tls=true`, { tls: false }],
      'MongoParseError',
      /must be the same/,
    ],
    [
      'tlsInsecure with its relatives',
      [HOST, { tls: true, tlsInsecure: false, tlsAllowInvalidHostnames: false }],
      'MongoAPIError',
      /'tlsInsecure' option cannot be used with/,
    ],
    [
      'ca that is no PEM text',
      [HOST, { tls: true, ca: '/etc/ca.pem' }],
      'MongoInvalidArgumentError',
      /ca must be PEM text/,
    ],
    [
      'a proxy user without a proxy',
      [HOST, { proxyUsername: 'a', proxyPassword: 'b' }],
      'MongoParseError',
      /proxyHost/,
    ],
    [
      'a proxy user without a password',
      [HOST, { proxyHost: 'a', proxyUsername: 'b' }],
      'MongoParseError',
      /both of proxy/,
    ],
    [
      'directConnection to two hosts',
      [`${HOST},b/?directConnection=true`],
      'MongoParseError',
      /exactly one host/,
    ],
    ['loadBalanced with two hosts', [`${HOST},b/?loadBalanced=true`], 'MongoParseError', /loadBalanced/],
    [
      'loadBalanced with replicaSet',
      [`${HOST}/?loadBalanced=true&replicaSet=a`],
      'MongoParseError',
      /replicaSet/,
    ],
    [
      'srvMaxHosts without SRV',
      [HOST, { srvMaxHosts: 1 }],
      'MongoParseError',
      /Cannot use srvMaxHosts with a non-srv/,
    ],
    ['two SRV names', ['mongodb+srv://a.b.c,d.b.c/'], 'MongoParseError', /multiple service names/],
    ['a port beside an SRV name', ['mongodb+srv://a.b.c:27017/'], 'MongoParseError', /port number/],
    [
      'directConnection with SRV',
      ['mongodb+srv://a.b.c/?directConnection=true'],
      'MongoAPIError',
      /directConnection/,
    ],
    [
      'srvMaxHosts with replicaSet',
      ['mongodb+srv://a.b.c/?srvMaxHosts=1&replicaSet=d'],
      'MongoParseError',
      /srvMaxHosts/,
    ],
    [
      'srvMaxHosts with loadBalanced',
      ['mongodb+srv://a.b.c/?srvMaxHosts=1&loadBalanced=true'],
      'MongoParseError',
      /srvMaxHosts/,
    ],
    [
      'both kinds of host check',
      ['mongodb+srv://a.b.c/', { srvAllowedHostsSuffix: 'b.c', srvHostValidator() {} }],
      'MongoParseError',
      /together/,
    ],
    [
      'a suffix of one label',
      ['mongodb+srv://a.b.c/', { srvAllowedHostsSuffix: '.com' }],
      'MongoParseError',
      /two domain labels/,
    ],
    [
      'useBigInt64 without promoteLongs',
      [HOST, { useBigInt64: true, promoteLongs: false }],
      'MongoAPIError',
      /bigint or Long/,
    ],
    ['half a character', [HOST, { appName: '\ud800' }], 'MongoParseError', /well-formed/],
  ]
  for (const [title, args, name, message] of CASES) {
    test(title, () => assert.throws(() => parseConnection(...args), { name, message }))
  }

  test('the constructor throws it', () => {
    assert.throws(() => new MongoStore({ mongoUrl: HOST, mongoOptions: { localAddress: '::1' } }), {
      name: 'MongoInvalidArgumentError',
      message: /localAddress/,
    })
  })
})

describe('a password', () => {
  const PARTS = ['zebra', 'quokka', 'wombat']
  const SEPARATORS = [':', '/', '?', '#', '[', ']', '@', '%', '%zz', '&', '=', ',', ' ']
  const PASSWORDS = SEPARATORS.flatMap((first) =>
    SEPARATORS.map((second) => `zebra${first}quokka${second}wombat`)
  )
  const OPTIONS = {
    auth: ['zebra', { username: 'zebra', password: 5 }, { username: 5, password: 'zebra' }, ['zebra']],
    authMechanismProperties: ['zebra', 'AWS_SESSION_TOKEN:zebra', { AWS_SESSION_TOKEN: 'zebra' }],
    proxyPassword: ['zebra', { zebra: 'zebra' }],
    tlsCertificateKeyFilePassword: [{ zebra: 'zebra' }],
    passphrase: [{ toString: () => 'zebra' }],
    sslPass: [['zebra']],
    authMechanism: ['zebra'],
    maxPoolSize: ['zebra'],
    key: ['zebra'],
  }
  const assertUntold = (error) => {
    const told = `${error.message} ${error.stack} ${JSON.stringify(error)} ${error.cause}`
    for (const part of PARTS) assert.ok(!told.includes(part), told)
    return true
  }

  for (const [title, address] of Object.entries({
    'a wrong port': (password) => `mongodb://user:${password}@localhost:x/`,
    'an unknown option': (password) => `mongodb://user:${password}@localhost/?nonsense=1`,
    'an unknown option, with a database': (password) => `mongodb://user:${password}@localhost/db?nonsense=1`,
    'a port beside an SRV name': (password) => `mongodb+srv://user:${password}@localhost:1/`,
    'a wrong option': (password) => `mongodb://user:${password}@localhost/?maxPoolSize=ten`,
    'a missing user name': (password) => `mongodb://${password}@localhost/?nonsense=1`,
    'a missing protocol': (password) => `user:${password}@localhost`,
  })) {
    test(`is in no message about ${title}, whatever its characters`, () => {
      for (const password of PASSWORDS) assert.throws(() => parseConnection(address(password)), assertUntold)
    })
  }
  for (const [name, values] of Object.entries(OPTIONS)) {
    test(`is in no message about the option ${name}`, () => {
      const others = { tls: true, tlsCertificateKeyFile: 'c.pem', proxyUsername: 'user' }
      for (const value of values) {
        assert.throws(() => parseConnection(HOST, { ...others, [name]: value }), assertUntold)
      }
    })
  }

  test('of any characters reaches the Rust driver as it is', () => {
    const password = String.fromCharCode(...Array.from({ length: 255 }, (_, index) => index + 1), 0x20ac)
    const given = { auth: { username: 'user', password } }
    for (const { uri } of [
      parseConnection(HOST, given),
      parseConnection(`mongodb://user:${encodeURIComponent(password)}@127.0.0.1/`),
    ]) {
      const [, username, written] = /^mongodb:\/\/([^:@/]+):([^:@/]+)@127\.0\.0\.1\/\?/.exec(uri)
      assert.equal(username, 'user')
      assert.doesNotMatch(written, /[:/?#[\]@]/)
      assert.equal(decodeURIComponent(written), password)
    }
  })

  test('that is not encoded is an error that says so', () => {
    for (const password of [
      'p@ss',
      'p:ss',
      'p/ss',
      'p?ss',
      'p#ss',
      'p[ss',
      'p%ss',
      'p@s/s',
      'p@s?s',
      'p/@ss',
    ]) {
      const url = `mongodb://user:${password}@localhost`
      assert.throws(() => parseConnection(url), /must be percent-encoded/, password)
    }
  })

  test('may stand beside an @ in an option', () => {
    assert.equal(parametersOf('mongodb://user:one@127.0.0.1/?appName=a@b').get('appName'), 'a@b')
  })
})

describe('trusted certificates', () => {
  const trustedWith = async (env, options = { tls: true }) => {
    const { stdout, stderr } = await runInChild(
      (mongoOptions) => {
        const { parseConnection } = require('../lib/mongo-options.js')
        const { trustedCertificates, uri } = parseConnection('mongodb://127.0.0.1', mongoOptions)
        console.log(JSON.stringify({ trustedCertificates, uri }))
      },
      options,
      { env: { NODE_EXTRA_CA_CERTS: '', NODE_TLS_REJECT_UNAUTHORIZED: '', ...env } }
    )
    assert.match(stdout, /^\{/, stderr)
    return JSON.parse(stdout)
  }
  const { ca: extra } = makeCertificates()
  const pem = readFileSync(extra, 'utf8').trim()
  const count = (text) => text.split('-----BEGIN CERTIFICATE-----').length - 1

  test('are the built-in ones by default', async () => {
    assert.equal((await trustedWith({})).trustedCertificates, undefined)
  })

  test('are those of NODE_EXTRA_CA_CERTS as well', async () => {
    const { trustedCertificates } = await trustedWith({ NODE_EXTRA_CA_CERTS: extra })
    assert.ok(trustedCertificates.includes(pem))
    assert.equal(count(trustedCertificates), require('node:tls').rootCertificates.length + 1)
  })

  test('are the built-in ones when NODE_EXTRA_CA_CERTS cannot be read', async () => {
    const { trustedCertificates } = await trustedWith({ NODE_EXTRA_CA_CERTS: '/nowhere/ca.pem' })
    assert.equal(trustedCertificates, undefined)
  })

  test('are left to tlsCAFile', async () => {
    const env = { NODE_EXTRA_CA_CERTS: extra }
    assert.equal((await trustedWith(env, { tls: true, tlsCAFile: 'ca.pem' })).trustedCertificates, undefined)
  })

  test('are not needed without tls', async () => {
    assert.equal((await trustedWith({ NODE_EXTRA_CA_CERTS: extra }, {})).trustedCertificates, undefined)
  })

  test('are those of ca alone', () => {
    for (const ca of [pem, Buffer.from(pem), [pem, Buffer.from(pem)]]) {
      const connection = parseConnection(HOST, { tls: true, ca, tlsCAFile: 'ca.pem' })
      assert.equal(count(connection.trustedCertificates), Array.isArray(ca) ? 2 : 1)
      assert.doesNotMatch(connection.uri, /tlsCAFile/)
    }
  })

  test('do not matter with NODE_TLS_REJECT_UNAUTHORIZED=0, unless an option says they do', async () => {
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' }
    const anything = /tlsAllowInvalidCertificates=true/
    assert.match((await trustedWith(env)).uri, anything)
    assert.equal((await trustedWith({ ...env, NODE_EXTRA_CA_CERTS: extra })).trustedCertificates, undefined)
    assert.doesNotMatch((await trustedWith({})).uri, anything)
    for (const option of [
      { tlsAllowInvalidCertificates: false },
      { tlsInsecure: false },
      { rejectUnauthorized: true },
    ]) {
      assert.doesNotMatch((await trustedWith(env, { tls: true, ...option })).uri, anything)
    }
  })
})

describe('a warning', () => {
  test('names a TLS option that has no effect', () => {
    assert.deepEqual(parseConnection(HOST, { tlsCAFile: 'ca.pem', tlsInsecure: false }).warnings, [
      'option tlsCAFile has no effect, because tls is not on',
    ])
  })

  test('is not given for what has an effect', () => {
    assert.deepEqual(parseConnection(HOST, { tls: true, tlsCAFile: 'ca.pem' }).warnings, [])
  })
})

describe('writeOperationOptions', () => {
  const CASES = [
    [undefined, undefined],
    [{}, undefined],
    [{ w: 1 }, { w: 1 }],
    [{ w: '2' }, { w: 2 }],
    [
      { w: 'majority', j: true, wtimeout: 5 },
      { w: 'majority', journal: true, wtimeoutMs: 5 },
    ],
    [
      { w: 0, journal: false, wtimeoutMS: 6 },
      { w: 0, journal: false, wtimeoutMs: 6 },
    ],
    [
      { j: false, journal: true, wtimeout: 1, wtimeoutMS: 2 },
      { journal: false, wtimeoutMs: 1 },
    ],
    [{ journal: false, fsync: true }, { journal: true }],
    [{ w: undefined, j: null }, undefined],
    [new WriteConcern('majority', 5, true), { w: 'majority', journal: true, wtimeoutMs: 5 }],
  ]
  for (const [given, expected] of CASES) {
    test(`are the write concern that the Node driver makes of them: ${JSON.stringify(given)}`, () => {
      assert.deepEqual(writeConcern(given), expected)
      const { w, journal, wtimeoutMS: wtimeoutMs } = WriteConcern.fromOptions({ writeConcern: given }) ?? {}
      assert.deepEqual(withoutUndefined(expected), withoutUndefined({ w, journal, wtimeoutMs }))
    })
  }

  test('with a value that is none are an error that names the field', () => {
    assert.throws(() => writeConcern({ w: 1.5e9 }), { name: 'MongoParseError', message: /^w must be/ })
    assert.throws(() => writeConcern({ j: 'yes' }), { name: 'MongoParseError', message: /^j must be/ })
  })
})

test('the nearest name is one with few letters changed, and none when all are far', () => {
  const names = ['maxPoolSize', 'minPoolSize', 'replicaSet']
  assert.equal(nearestName('maxPolSize', names), 'maxPoolSize')
  assert.equal(nearestName('MINPOOLSIZE', names), 'minPoolSize')
  assert.equal(nearestName('replSet', names), undefined)
  assert.equal(nearestName('w', []), undefined)
})
