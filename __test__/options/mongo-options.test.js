// What mongoUrl and mongoOptions become, without a server.
'use strict'

const assert = require('node:assert/strict')
const { execFileSync } = require('node:child_process')
const { generateKeyPairSync } = require('node:crypto')
const dns = require('node:dns')
const {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { after, before, describe, test } = require('node:test')
const tls = require('node:tls')
const { inspect } = require('node:util')
const { MongoClient, ReadPreference, WriteConcern } = require('mongodb')
const nodeDriver = require('mongodb/lib/connection_string.js')
const { dependencies } = require('../../package.json')
const MongoStore = require('../..')
const {
  MONGO_OPTIONS,
  forNodeDriver,
  parseConnection,
  resolveUri,
  writeConcern,
} = require('../../lib/mongo/connection.js')
const { nearestName } = require('../../lib/names.js')
const { BACKENDS, DEFAULT_BACKEND } = require('../support/backends.js')
const { makeCertificates } = require('../support/certificates.js')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')
const { startServer } = require('../support/server.js')
const { REFUSED_VALUES, driverExamples, nativeExample } = require('../support/mongo-option-values.js')

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
    const text = readFileSync(path.join(__dirname, '../../docs/mongo-options.md'), 'utf8')
    const rows = text.matchAll(/^\| `(\w+)` *\| (\w+) *\| (\w+) *\|/gm)
    const documented = Array.from(rows, ([, name, native, driver]) => [name, { native, driver }])
    const actual = Object.entries(MONGO_OPTIONS).map(([name, { native, driver }]) => [
      name,
      { native, driver },
    ])
    assert.equal(documented.length, actual.length, 'a name is documented twice')
    assert.deepEqual(Object.fromEntries(documented), Object.fromEntries(actual))
  })
})

/** The address of a server where nothing is called, and nothing in the background calls it. */
const makeStore = (t, options) => {
  const store = MongoStore.create({ autoRemove: 'interval', ...options })
  t.after(() => store.close())
  return store
}

describe('every option has its backend:', () => {
  const entries = Object.entries(MONGO_OPTIONS)
  const needing = new Set(driverExamples.map(({ name }) => name))

  for (const [name, { native, driver }] of entries) {
    if (native !== 'refused') {
      test(`native for ${name}`, (t) => {
        assert.equal(makeStore(t, nativeExample(name)).backend, 'native')
        assert.equal(makeStore(t, { ...nativeExample(name), backend: 'native' }).backend, 'native')
      })
    } else if (driver === 'refused') {
      test(`none for ${name}`, (t) => {
        const message = new RegExp(`^option ${name} is not supported by connect-mongo-native: .`)
        for (const backend of ['auto', ...BACKENDS]) {
          for (const given of [
            { mongoUrl: HOST, mongoOptions: { [name]: REFUSED_VALUES[name] } },
            { mongoUrl: `${HOST}/?${name.toUpperCase()}=true` },
          ]) {
            assert.throws(
              () => makeStore(t, { ...given, backend }),
              (error) => {
                assert.equal(error.name, 'MongoInvalidArgumentError')
                assert.match(error.message, message)
                return !('needsDriver' in error)
              }
            )
          }
        }
      })
    } else {
      test(`there is a value to test for ${name}`, () => assert.ok(needing.has(name)))
    }
  }

  for (const { option, name, mongoUrl, mongoOptions } of driverExamples) {
    const title = `${option} in ${Object.keys(mongoOptions).join() || mongoUrl}`
    test(`the driver for ${title}`, (t) => {
      const given = { mongoUrl, mongoOptions }
      // Of an option that it does not know, and of a package that is missing, the Node driver speaks itself.
      const own = { autoEncryption: /mongodb-client-encryption/, 'authMechanism MONGODB-CR': /authMechanism/ }
      const isKnown = name in nodeDriver.OPTIONS && !(option in own)
      if (isKnown) assert.equal(makeStore(t, given).backend, 'driver')
      else assert.throws(() => makeStore(t, given), own[option] ?? new RegExp(`option ${name} `, 'i'))
    })

    test(`an error that names it, with backend: 'native', for ${title}`, (t) => {
      const start = `option ${option} is not supported by the native backend: `
      const end = /.; with .*mongodb\b.* installed and backend: 'auto' or 'driver' it works$/
      for (const attempt of [
        () => parseConnection(mongoUrl, mongoOptions),
        () => makeStore(t, { mongoUrl, mongoOptions, backend: 'native' }),
      ]) {
        assert.throws(attempt, (error) => {
          assert.equal(error.name, 'MongoInvalidArgumentError')
          assert.equal(error.needsDriver, true)
          assert.equal(error.option, option)
          assert.ok(error.message.startsWith(start), error.message)
          assert.match(error.message.slice(start.length), end)
          return true
        })
      }
    })
  }
})

describe('a call succeeds on the driver backend with', () => {
  const NEEDS_MORE =
    /^(auth|autoEncr|cert|checkServer|ciphers|crl|ecdh|key$|localPort|pass|pfx|proxy|secure|server|srv|tls|ALPN)/
  const callable = driverExamples.filter(({ name }) => name in nodeDriver.OPTIONS && !NEEDS_MORE.test(name))
  for (const { option, mongoUrl, mongoOptions } of callable) {
    test(option, async (t) => {
      const { url, open } = await openDatabase(t)
      const [, query = ''] = mongoUrl.split('?')
      const store = open({ mongoUrl: `${url}${url.includes('?') ? '&' : '?'}${query}`, mongoOptions })
      assert.equal(store.backend, 'driver')
      await store.set('sid', { cookie: {}, user: 'ada' })
      assert.equal((await store.get('sid')).user, 'ada')
    })
  }

  test('lookup, which is asked', async (t) => {
    const { url, open } = await openDatabase(t)
    const lookup = t.mock.fn((_name, options, callback) => dns.lookup('127.0.0.1', options, callback))
    const { port, pathname } = new URL(url)
    const store = open({ mongoUrl: `mongodb://nowhere.example:${port}${pathname}`, mongoOptions: { lookup } })
    await store.set('sid', { cookie: {} })
    assert.equal(lookup.mock.calls[0].arguments[0], 'nowhere.example')
  })
})

describe('over TLS the driver backend honours', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-options-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const inFolder = (name) => path.join(folder, name)
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const files = makeCertificates()
  const keyOf = (pem) => pem.replace(/\.pem$/, '.key')
  let mongoUrl
  before(async () => {
    const args = ['--tlsMode', 'requireTLS', '--tlsCertificateKeyFile', files.server, '--tlsCAFile', files.ca]
    const server = await startServer({ args })
    mongoUrl = `mongodb://127.0.0.1:${new URL(server.getUri()).port}/sessions?serverSelectionTimeoutMS=1500`
  })

  const trusted = { tls: true, tlsCAFile: files.ca }
  const known = { ...trusted, tlsCertificateKeyFile: files.client }
  const call = async (t, mongoOptions) => {
    const store = makeStore(t, { mongoUrl, mongoOptions })
    assert.equal(store.backend, 'driver')
    await store.set('sid', { cookie: {}, user: 'ada' })
    assert.equal((await store.get('sid')).user, 'ada')
  }
  const refusal = (message) => ({ name: 'MongoServerSelectionError', message })

  test('cert and key', (t) =>
    call(t, { ...trusted, cert: readFileSync(files.client), key: readFileSync(keyOf(files.client)) }))

  test('pfx and secureContext', async (t) => {
    const parts = ['-in', files.client, '-out', 'client.pfx', '-passout', 'pass:secret']
    openssl('pkcs12', '-export', ...parts)
    await call(t, { ...trusted, pfx: readFileSync(inFolder('client.pfx')), passphrase: 'secret' })
    const pem = readFileSync(files.client)
    const own = { ca: readFileSync(files.ca), cert: pem, key: readFileSync(keyOf(files.client)) }
    await call(t, { tls: true, secureContext: tls.createSecureContext(own) })
  })

  test('secureProtocol, ciphers, ecdhCurve and ALPNProtocols', async (t) => {
    const mongoOptions = { ...known, secureProtocol: 'TLSv1_2_method', ecdhCurve: 'P-256' }
    await call(t, { ...mongoOptions, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', ALPNProtocols: ['mongodb'] })
    await assert.rejects(call(t, { ...mongoOptions, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }), refusal(/./))
  })

  test('a password for a key in an older encrypted format', async (t) => {
    const password = 'key-password'
    openssl(
      'rsa',
      '-aes256',
      '-traditional',
      '-in',
      keyOf(files.client),
      '-out',
      'old.key',
      '-passout',
      `pass:${password}`
    )
    const pem = readFileSync(inFolder('old.key'), 'utf8')
    assert.match(pem, /BEGIN RSA PRIVATE KEY/)
    const [certificate] = readFileSync(files.client, 'utf8').split('-----BEGIN PRIVATE KEY')
    writeFileSync(inFolder('old.pem'), certificate + pem)
    for (const name of ['tlsCertificateKeyFilePassword', 'passphrase']) {
      await call(t, { ...trusted, tlsCertificateKeyFile: inFolder('old.pem'), [name]: password })
    }
  })

  test('a password for a key that needs none', (t) =>
    call(t, { ...known, tlsCertificateKeyFilePassword: 'needless' }))

  test('checkServerIdentity', async (t) => {
    const asked = []
    await call(t, { ...known, checkServerIdentity: (host) => void asked.push(host) })
    assert.ok(asked.includes('127.0.0.1'))
    const checkServerIdentity = () => new Error('not the one I know')
    await assert.rejects(call(t, { ...known, checkServerIdentity }), refusal(/not the one I know/))
  })

  test('servername and tlsAllowInvalidHostnames', async (t) => {
    const servername = 'elsewhere.example'
    await assert.rejects(call(t, { ...known, servername }), refusal(/elsewhere\.example/))
    await call(t, { ...known, servername, tlsAllowInvalidHostnames: true })
  })

  test('tlsCRLFile', async (t) => {
    // The authority has no right to sign lists, so that only who looks at one objects.
    const own =
      '[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\ndefault_md = sha256\ndefault_crl_days = 1\n'
    writeFileSync(inFolder('ca.conf'), own)
    writeFileSync(inFolder('index.txt'), '')
    const authority = ['-config', 'ca.conf', '-cert', files.ca, '-keyfile', keyOf(files.ca)]
    openssl('ca', ...authority, '-gencrl', '-out', 'list.crl')
    await assert.rejects(call(t, { ...known, tlsCRLFile: inFolder('list.crl') }), refusal(/CRL/))
  })
})

describe('the Node driver is given', () => {
  test('what the store was given', () => {
    const lookup = () => {}
    assert.deepEqual(forNodeDriver(`${HOST}/db?w=1`, { lookup, tls: undefined }), [
      `${HOST}/db?w=1`,
      { lookup, tls: undefined },
    ])
    assert.deepEqual(forNodeDriver(HOST), [HOST, {}])
    assert.deepEqual(forNodeDriver(HOST, null), [HOST, {}])
  })

  test('nothing that only Node driver 4 took, and did nothing with', () => {
    const options = { useNewUrlParser: true, useunifiedtopology: true, promiseLibrary: Promise, w: 1 }
    const query = 'useNewUrlParser=true&USEUNIFIEDTOPOLOGY=true&w=1&promiseLibrary=a'
    const [url, kept] = forNodeDriver(`mongodb://useNewUrlParser=a@127.0.0.1/db?${query}`, options)
    assert.equal(url, 'mongodb://useNewUrlParser=a@127.0.0.1/db?w=1&')
    assert.deepEqual(kept, { w: 1 })
    assert.equal(nodeDriver.parseOptions(url, kept).writeConcern.w, 1)
    assert.equal(options.useNewUrlParser, true, 'the caller’s options are not changed')
  })

  test('no address that is malformed, and no option that is in no row', () => {
    assert.throws(() => forNodeDriver('mongodb://user:secret@/'), { message: /host list/ })
    assert.throws(() => forNodeDriver(HOST, { lokup() {} }), { message: /did you mean lookup\?/ })
    assert.throws(() => forNodeDriver(HOST, 'w=1'), { message: /mongoOptions must be an object/ })
  })
})

/** A folder with this package in it and, under the name `mongodb`, that one: an app as it is installed. */
function installApp(mongodb) {
  const folder = mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-app-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const root = path.join(__dirname, '..', '..')
  const inApp = (name) => path.join(folder, 'node_modules', name)
  const own = inApp('connect-mongo-native')
  mkdirSync(own, { recursive: true })
  for (const name of ['index.js', 'lib', 'package.json']) {
    cpSync(path.join(root, name), path.join(own, name), { recursive: true })
  }
  symlinkSync(path.join(root, 'native'), path.join(own, 'native'))
  for (const name of Object.keys(dependencies))
    symlinkSync(path.join(root, 'node_modules', name), inApp(name))
  if (mongodb) symlinkSync(path.join(root, 'node_modules', mongodb), inApp('mongodb'))
  return folder
}

/** The backend that such an app gets for each of the options, or the error. */
async function backendsOf(folder, mongoOptions, backend) {
  const { stdout, stderr } = await runInChild(
    async ({ mongoOptions, backend }) => {
      const MongoStore = require('connect-mongo-native')
      for (const [name, value] of Object.entries(mongoOptions)) {
        try {
          const options = { mongoOptions: { [name]: value }, backend, autoRemove: 'interval' }
          const store = MongoStore.create({ mongoUrl: 'mongodb://127.0.0.1/db', ...options })
          console.log(store.backend)
          await store.close()
        } catch (error) {
          console.log(`${error.name}: ${error.message}`)
        }
      }
    },
    { mongoOptions, backend },
    { cwd: folder }
  )
  assert.notEqual(stdout, '', stderr)
  return stdout.trimEnd().split('\n')
}

describe('an app', () => {
  const LATER = { tlsCRLFile: 'crl.pem', mongodbLogMaxDocumentLength: 100 }
  const FILES = ['sslCert', 'sslCRL', 'sslKey', 'tlsCertificateFile']
  const OLDER = { keepAlive: false, ...Object.fromEntries(FILES.map((name) => [name, __filename])) }
  const COMMON = { socketTimeoutMS: 45_000, family: 4, localAddress: '127.0.0.1' }

  test('without mongodb has the native backend, and an error that names the option and the package', async () => {
    const folder = installApp()
    const names = { ...LATER, ...OLDER, ...COMMON }
    const errors = await backendsOf(folder, names)
    assert.equal(errors.length, Object.keys(names).length)
    for (const [index, name] of Object.keys(names).entries()) {
      assert.ok(errors[index].startsWith(`MongoInvalidArgumentError: option ${name} is not`), errors[index])
      assert.match(errors[index], /with (the )?mongodb\b/)
    }
    assert.deepEqual(await backendsOf(folder, { retryReads: true }), ['native'])
  })

  for (const [mongodb, known, unknown] of [
    ['mongodb-5', { ...COMMON, ...OLDER }, LATER],
    ['mongodb-6', { ...COMMON, ...LATER }, OLDER],
    ['mongodb', { ...COMMON, ...LATER }, OLDER],
  ]) {
    test(`with ${mongodb} has the driver backend for what that knows`, async () => {
      const folder = installApp(mongodb)
      assert.deepEqual(await backendsOf(folder, { retryReads: true, ...known }), [
        DEFAULT_BACKEND,
        ...Object.keys(known).map(() => 'driver'),
      ])
      const errors = await backendsOf(folder, unknown)
      for (const [index, name] of Object.keys(unknown).entries()) {
        assert.equal(errors[index], `MongoParseError: option ${name.toLowerCase()} is not supported`)
      }
    })
  }
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
  [HOST, { proxyHost: '127.0.0.1', proxyPort: 1081, proxyUsername: 'u&', proxyPassword: 'p=&?' }],
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
    [HOST, { minPoolSize: 120 }],
    [HOST, { proxyHost: '::1' }],
    [HOST, { proxyHost: '[::1]' }],
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
      { minPoolSize: 120 },
      { minPoolSize: '120', maxPoolSize: '120' },
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
    'an IPv6 address in brackets as proxyHost': [{ proxyHost: '[::1]' }, { proxyHost: '[::1]' }],
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
      'a read concern that is no object',
      [HOST, { readConcern: 'majority' }],
      'MongoParseError',
      /readConcern must be an object/,
    ],
    ['a negative w', [HOST, { w: -1 }], 'MongoParseError', /^w must be an integer/],
    [
      'a negative w of writeConcern',
      [HOST, { writeConcern: { w: -1 } }],
      'MongoParseError',
      /^writeConcern\.w must be/,
    ],
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
      [HOST, { proxyHost: '127.0.0.1', proxyUsername: 'b' }],
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
    test(title, () => {
      assert.throws(
        () => parseConnection(...args),
        (error) => {
          assert.equal(error.name, name)
          assert.match(error.message, message)
          assert.ok(!('needsDriver' in error), 'no driver can honour it')
          return true
        }
      )
    })
  }

  test('the constructor throws it', () => {
    assert.throws(() => new MongoStore({ mongoUrl: HOST, mongoOptions: { maxPoolSize: 'ten' } }), {
      name: 'MongoParseError',
      message: /maxPoolSize/,
    })
  })

  test('comes before an option that only the Node driver honours', () => {
    const options = { tlsCRLFile: 'crl.pem', maxPoolSize: 'ten', raw: true }
    assert.throws(() => parseConnection(HOST, options), { message: /^maxPoolSize must be/ })
    assert.throws(() => parseConnection(`${HOST}/?tlsCRLFile=a&raw=true`), { message: /^option raw/ })
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
        const { parseConnection } = require('../../lib/mongo/connection.js')
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
    for (const [options, message] of [
      [{ w: 1.5e9 }, /^writeOperationOptions\.w must be an integer/],
      [{ j: 'yes' }, /^writeOperationOptions\.j must be one of/],
      [{ wtimeoutMS: -1 }, /^writeOperationOptions\.wtimeoutMS must be/],
    ]) {
      assert.throws(() => writeConcern(options, 'writeOperationOptions'), {
        name: 'MongoParseError',
        message,
      })
    }
  })
})

test('the nearest name is one with few letters changed, and none when all are far', () => {
  const names = ['maxPoolSize', 'minPoolSize', 'replicaSet']
  assert.equal(nearestName('maxPolSize', names), 'maxPoolSize')
  assert.equal(nearestName('MINPOOLSIZE', names), 'minPoolSize')
  assert.equal(nearestName('replSet', names), undefined)
  assert.equal(nearestName('w', []), undefined)
})

describe('what the Rust driver would read otherwise', () => {
  /** @param {string} url @param {object} [options] @returns {string | undefined} the option that needs the JavaScript driver */
  function needsDriver(url, options) {
    try {
      parseConnection(url, options)
    } catch (/** @type {any} */ error) {
      if (!error.needsDriver) throw error
      return error.option
    }
    return undefined
  }

  test('TLS through a Unix domain socket, which it would leave out', () => {
    assert.equal(needsDriver('mongodb://%2Ftmp%2Fm.sock/app?tls=true'), 'tls')
    assert.equal(needsDriver('mongodb://%2Ftmp%2Fm.sock/app'), undefined)
  })

  test('a user name with a comma, but for certificates', () => {
    assert.equal(needsDriver('mongodb://a%2Cb:secret@localhost/app'), 'auth')
    const certificate = { tls: true, authMechanism: 'MONGODB-X509' }
    assert.equal(needsDriver('mongodb://CN%3Da%2CO%3Db@localhost/app', certificate), undefined)
  })

  test('a key that is encrypted in an old way', (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-keys-'))
    t.after(() => rmSync(folder, { recursive: true }))
    for (const [cipher, expected] of [
      ['aes-256-cbc', undefined],
      ['des-ede3-cbc', 'passphrase'],
    ]) {
      const encoding = { type: 'pkcs8', format: 'pem', cipher, passphrase: 'secret' }
      const { privateKey } = generateKeyPairSync('ec', {
        namedCurve: 'P-256',
        privateKeyEncoding: /** @type {any} */ (encoding),
        publicKeyEncoding: { type: 'spki', format: 'pem' },
      })
      const tlsCertificateKeyFile = path.join(folder, `${cipher}.pem`)
      writeFileSync(tlsCertificateKeyFile, privateKey)
      const options = { tls: true, tlsCertificateKeyFile, passphrase: 'secret' }
      assert.equal(needsDriver('mongodb://localhost/app', options), expected, cipher)
      assert.throws(() => needsDriver('mongodb://localhost/app', { ...options, passphrase: '' }), {
        message: /tlsCertificateKeyFilePassword/,
      })
    }
  })
})

describe('as the Node driver reads it', () => {
  const uriOf = (/** @type {string} */ url, options = {}) => parseConnection(url, options).uri

  test('an appName is cut off where the server would refuse it', () => {
    const uri = uriOf('mongodb://localhost', { appName: `a${'é'.repeat(100)}` })
    assert.equal(new URL(uri).searchParams.get('appName'), `a${'é'.repeat(63)}`)
  })

  test('hosts may have space around them', () => {
    assert.equal(uriOf('mongodb://a:1, b:2 /app'), uriOf('mongodb://a:1,b:2/app'))
  })

  test('an empty proxyHost is none, and null in an object is nothing', () => {
    const plain = parseConnection('mongodb://localhost/app')
    assert.equal(uriOf('mongodb://localhost/app', { proxyHost: '' }), plain.uri)
    const options = { serverApi: { version: '1', strict: null }, driverInfo: { name: 'app', version: null } }
    const { serverApi, driverInfo } = parseConnection('mongodb://localhost', options)
    assert.deepEqual(serverApi, { version: '1', strict: undefined, deprecationErrors: undefined })
    assert.deepEqual(driverInfo, { name: 'app', version: undefined, platform: undefined })
    const readPreference = { mode: 'secondary', maxStalenessSeconds: null }
    assert.equal(
      uriOf('mongodb://localhost', { readPreference }),
      uriOf('mongodb://localhost/?readPreference=secondary')
    )
  })

  test('certificates may be bytes', () => {
    const ca = new Uint8Array(Buffer.from('-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'))
    const { trustedCertificates } = parseConnection('mongodb://localhost/?tls=true', { ca })
    assert.equal(trustedCertificates, Buffer.from(ca).toString())
  })

  test("a read preference's own maxStalenessSeconds counts", () => {
    const url = 'mongodb://localhost/?maxStalenessSeconds=120&readPreference=nearest'
    const readPreference = { mode: /** @type {const} */ ('secondary'), maxStalenessSeconds: 95 }
    const { maxStalenessSeconds } = new MongoClient(url, { readPreference }).options.readPreference
    const ours = new URL(uriOf(url, { readPreference })).searchParams.get('maxStalenessSeconds')
    assert.equal(ours, String(maxStalenessSeconds))
  })
})

describe('a mistake in the address', () => {
  test('that could be the end of a password is not quoted', () => {
    for (const name of ['tlsCertificateKeyFilePassword', 'proxyPassword'])
      assert.throws(() => parseConnection(`mongodb://localhost/?tls=true&${name}=ab&S3CRET=1`), {
        message: /^(?!.*S3CRET).*percent-encoded as %26/,
      })
  })

  test('in the database is told from one in a password', () => {
    assert.throws(() => parseConnection('mongodb://localhost/100%'), { message: /database/ })
  })
})

describe('characters that no server takes', () => {
  const inUrl = (/** @type {string} */ mongoUrl) => ({ mongoUrl })
  const inOptions = (/** @type {object} */ mongoOptions) => ({ mongoUrl: HOST, mongoOptions })
  const control = ' must not contain control characters'
  const nul = ' must not contain a NUL character'

  /** @type {[message: string, options: Record<string, any>][]} */
  const CASES = [
    [`appName${control}`, inUrl(`${HOST}/?appname=a%00b`)],
    [`appName${control}`, inUrl(`${HOST}/?appName=a%0Ab`)],
    [`appName${control}`, inOptions({ appName: '\0' })],
    [`appName${control}`, inOptions({ APPNAME: `${'a'.repeat(200)}\x7f` })],
    [`name${control}`, inOptions({ name: 'a\x1b[0m' })],
    [`driverInfo.name${control}`, inOptions({ driverInfo: { name: 'a\0' } })],
    [`driverInfo.version${control}`, inOptions({ driverInfo: { name: 'a', version: '1\0' } })],
    [`driverInfo.platform${control}`, inOptions({ driverInfo: { name: 'a', platform: '\r\n' } })],
    [`auth.username${nul}`, inUrl('mongodb://us%00er:zebra@127.0.0.1/')],
    [`auth.username${nul}`, inOptions({ auth: { username: '\0', password: 'zebra' } })],
    [`authSource${nul}`, inUrl('mongodb://user:zebra@127.0.0.1/?authSource=a%00')],
    [`dbName${nul}`, inUrl(`${HOST}/a%00b`)],
    [`dbName${nul}`, inOptions({ dbName: 'a\0b' })],
    [`dbName${nul}`, { ...inUrl(HOST), dbName: 'a\0b' }],
    [`collectionName${nul}`, { ...inUrl(HOST), collectionName: 'a\0b' }],
  ]

  for (const [message, options] of CASES) {
    for (const backend of BACKENDS) {
      test(`${message}: ${inspect(options)} [${backend}]`, (t) => {
        assert.throws(() => makeStore(t, { ...options, backend }), { message })
      })
    }
  }

  test('are not looked for in what comes second', (t) => {
    for (const backend of BACKENDS) {
      const options = { mongoUrl: `${HOST}/?appName=a%00`, mongoOptions: { appName: 'a' } }
      assert.equal(makeStore(t, { ...options, backend }).backend, backend)
    }
  })

  test('are none in other alphabets', (t) => {
    for (const backend of BACKENDS) {
      const mongoOptions = { appName: 'Grüße, 世界 🦀', driverInfo: { name: 'é', version: undefined } }
      assert.equal(makeStore(t, { mongoUrl: HOST, mongoOptions, backend }).backend, backend)
    }
  })
})
