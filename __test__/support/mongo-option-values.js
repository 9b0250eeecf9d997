// For every option of the Node driver, what the native backend honours of it and what it does not.
'use strict'

const { Buffer } = require('node:buffer')
const dns = require('node:dns')
const tls = require('node:tls')

const HOST = 'mongodb://127.0.0.1/db'
const SIGNED_IN = 'mongodb://user:one@127.0.0.1/db'
const SRV = 'mongodb+srv://sessions.example.com/db'
const NEAREST = { readPreference: 'nearest' }
const PROXY = { proxyHost: '127.0.0.1' }
const PEM = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----'

/**
 * A value that the native backend takes, the options beside it, another address: where it is not just `true`.
 *
 * @type {Record<string, [value: unknown, beside?: object, mongoUrl?: string]>}
 */
const NATIVE_VALUES = {
  appName: ['app'],
  auth: [{ username: 'user', password: 'one' }],
  authMechanism: ['SCRAM-SHA-256', {}, SIGNED_IN],
  authMechanismProperties: [{ ENVIRONMENT: 'k8s' }, { authMechanism: 'MONGODB-OIDC' }],
  authSource: ['users', {}, SIGNED_IN],
  ca: [Buffer.from(PEM), { tls: true }],
  compressors: [['zlib', 'snappy']],
  connectTimeoutMS: [5000],
  dbName: ['db'],
  driverInfo: [{ name: 'app' }],
  fieldsAsRaw: [{ a: true }],
  heartbeatFrequencyMS: [500],
  keepAliveInitialDelay: [300_000],
  loadBalanced: [undefined, {}, `${HOST}?loadBalanced=true`],
  localThresholdMS: [5],
  maxAdaptiveRetries: [1],
  maxConnecting: [1],
  maxIdleTimeMS: [1000],
  maxPoolSize: [0],
  maxStalenessSeconds: [90, NEAREST],
  minPoolSize: [1],
  name: ['app'],
  passphrase: ['secret', { tls: true }],
  proxyHost: ['127.0.0.1'],
  proxyPassword: ['secret', { ...PROXY, proxyUsername: 'user' }],
  proxyPort: [1080, PROXY],
  proxyUsername: ['user', { ...PROXY, proxyPassword: 'secret' }],
  readConcern: [{ level: 'majority' }],
  readConcernLevel: ['majority'],
  readPreference: ['nearest'],
  readPreferenceTags: [[{ dc: 'ny' }], NEAREST],
  replicaSet: ['rs0'],
  serverApi: ['1'],
  serverMonitoringMode: ['poll'],
  serverSelectionTimeoutMS: [1000],
  srvAllowedHostsSuffix: ['.example.com', {}, SRV],
  srvHostValidator: [() => true, {}, SRV],
  srvMaxHosts: [1, {}, SRV],
  srvServiceName: ['shop', {}, SRV],
  sslCA: ['ca.pem'],
  sslPass: ['secret', { tls: true }],
  tlsCAFile: ['ca.pem'],
  tlsCertificateKeyFile: ['client.pem'],
  tlsCertificateKeyFilePassword: ['secret', { tls: true }],
  w: ['majority'],
  writeConcern: [{ w: 1, journal: true }],
  wtimeout: [5],
  wtimeoutMS: [5],
  zlibCompressionLevel: [9],
}

/** @param {string} name @returns {{ mongoUrl: string, mongoOptions: object }} */
function nativeExample(name) {
  const [value, beside, mongoUrl = HOST] = NATIVE_VALUES[name] ?? [true]
  return { mongoUrl, mongoOptions: { ...beside, [name]: value } }
}

const OIDC = { authMechanism: 'MONGODB-OIDC' }
const KMS = { keyVaultNamespace: 'keys.vault', kmsProviders: { local: { key: Buffer.alloc(96) } } }

/**
 * What only the Node driver honours: the option as the error calls it, the options that ask for it, another address.
 *
 * @type {[option: string, mongoOptions: Record<string, unknown>, mongoUrl?: string][]}
 */
const DRIVER_VALUES = [
  ['ALPNProtocols', { ALPNProtocols: ['mongodb'] }],
  ['authMechanism GSSAPI', { authMechanism: 'GSSAPI' }, SIGNED_IN],
  ['authMechanism MONGODB-AWS', {}, `${HOST}?authMechanism=MONGODB-AWS`],
  ['authMechanism MONGODB-CR', { authMechanism: 'MONGODB-CR' }, SIGNED_IN],
  ['authMechanism MONGODB-OIDC', { ...OIDC, authMechanismProperties: { OIDC_CALLBACK() {} } }],
  ['authMechanism MONGODB-OIDC', { ...OIDC, authMechanismProperties: { OIDC_HUMAN_CALLBACK() {} } }],
  [
    'authMechanism MONGODB-OIDC',
    {},
    `${HOST}?authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:azure,TOKEN_RESOURCE:a`,
  ],
  [
    'authMechanism MONGODB-OIDC',
    { ...OIDC, authMechanismProperties: { ENVIRONMENT: 'azure', TOKEN_RESOURCE: 'a' } },
    'mongodb://user@127.0.0.1/db',
  ],
  ['autoEncryption', { autoEncryption: KMS }],
  ['cert', { cert: Buffer.from(PEM) }],
  ['checkServerIdentity', { checkServerIdentity() {} }],
  ['ciphers', { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }],
  // @ts-expect-error: it has no types
  ['connectionType', { connectionType: require('mongodb/lib/cmap/connection.js').Connection }],
  ['crl', { crl: PEM }],
  ['ecdhCurve', { ecdhCurve: 'auto' }],
  ['family', { family: 4 }],
  ['heartbeatFrequencyMS', { heartbeatFrequencyMS: 499 }],
  ['hints', { hints: dns.ADDRCONFIG }],
  ['keepAlive', { keepAlive: false }],
  ['keepAliveInitialDelay', { keepAliveInitialDelay: 119_999 }],
  ['key', { key: PEM }],
  ['localAddress', { localAddress: '127.0.0.1' }],
  ['localPort', { localPort: 40_000 }],
  ['lookup', { lookup: dns.lookup }],
  ['minHeartbeatFrequencyMS', { minHeartbeatFrequencyMS: 100 }],
  ['mongodbLogComponentSeverities', { mongodbLogComponentSeverities: { default: 'off' } }],
  ['mongodbLogMaxDocumentLength', { mongodbLogMaxDocumentLength: 100 }],
  ['mongodbLogPath', { mongodbLogPath: { write() {} } }],
  ['noDelay', { noDelay: false }],
  ['passphrase', { tls: true, tlsCertificateKeyFile: __filename, passphrase: 'secret' }],
  ['pfx', { pfx: Buffer.alloc(1) }],
  ['proxyHost', { proxyHost: 'proxy.example' }],
  ['readPreference.hedge', { readPreference: { mode: 'nearest', hedge: { enabled: true } } }],
  ['readPreference.tags', { readPreference: { mode: 'nearest', tags: [{ dc: 'ny,nj' }] } }],
  ['readPreferenceTags', { ...NEAREST, readPreferenceTags: [{ dc: 'n:y' }, {}] }],
  ['secureContext', { secureContext: tls.createSecureContext() }],
  ['secureProtocol', { secureProtocol: 'TLSv1_2_method' }],
  ['servername', { servername: 'localhost' }],
  ['socketTimeoutMS', {}, `${HOST}?socketTimeoutMS=45000`],
  ['srvPoller', { srvPoller: {} }],
  ['sslCert', { sslCert: 'client.pem' }],
  ['sslCRL', { sslCRL: 'crl.pem' }],
  ['sslKey', { sslKey: 'client.pem' }],
  ['timeoutMS', { timeoutMS: 45_000 }],
  ['tlsAllowInvalidHostnames', { tls: true, tlsAllowInvalidHostnames: true }],
  ['tlsCertificateFile', { tlsCertificateFile: 'client.pem' }],
  ['tlsCertificateKeyFilePassword', {}, keyFileUrl()],
  ['tlsCRLFile', {}, `${HOST}?tlsCRLFile=crl.pem`],
  ['waitQueueTimeoutMS', { waitQueueTimeoutMS: 45_000 }],
]

/** A file that holds no encrypted key, and a password for it. */
function keyFileUrl() {
  const file = encodeURIComponent(__filename)
  return `${HOST}?tls=true&tlsCertificateKeyFile=${file}&tlsCertificateKeyFilePassword=secret`
}

/** Each with a value that no store can use. @type {Record<string, unknown>} */
const REFUSED_VALUES = { logger: {}, loggerLevel: 'debug', raw: true }

const driverExamples = DRIVER_VALUES.map(([option, mongoOptions, mongoUrl = HOST]) => ({
  option,
  /** The name in the table. */
  name: /** @type {string} */ (/^\w+/.exec(option)?.[0]),
  mongoOptions,
  mongoUrl,
}))

module.exports = { REFUSED_VALUES, driverExamples, nativeExample }
