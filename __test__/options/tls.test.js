// Encrypted connections to a mongod whose certificate a private authority signed.
'use strict'

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const { before, describe, test } = require('node:test')
const { MongoClient } = require('mongodb')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { makeCertificates } = require('../support/certificates.js')
const { runInChild } = require('../support/child.js')
const { startServer } = require('../support/server.js')

const files = makeCertificates()
const QUICKLY = 'serverSelectionTimeoutMS=1500'

/** @param {string[]} args */
async function startTlsServer(...args) {
  const tls = ['--tlsMode', 'requireTLS', '--tlsCertificateKeyFile', files.server, '--tlsCAFile', files.ca]
  const server = await startServer({ args: [...tls, ...args] })
  return new URL(server.getUri()).port
}

/** @param {Record<string, string>} parameters */
function query(parameters) {
  return new URLSearchParams(parameters).toString()
}

/** Opens a store, lets it write and read, and closes it. */
async function roundTrip(t, options) {
  const store = new MongoStore({ dbName: 'sessions', ...options })
  t.after(() => store.close())
  await store.set(t.name, { cookie: {}, user: t.name })
  assert.equal((await store.get(t.name)).user, t.name)
}

async function refused(t, options) {
  const store = new MongoStore({ dbName: 'sessions', ...options })
  store.on('error', () => {})
  t.after(() => store.close())
  const error = await store.get('sid').then(
    () => assert.fail('the connection was accepted'),
    (reason) => reason
  )
  assert.equal(error.name, 'MongoServerSelectionError')
  return error
}

describe('a server certificate of a private authority', () => {
  let port
  before(async () => {
    port = await startTlsServer('--tlsAllowConnectionsWithoutCertificates')
  })
  const plainUrl = () => `mongodb://127.0.0.1:${port}/?${QUICKLY}`
  const tlsUrl = () => `${plainUrl()}&tls=true`

  test('is trusted with tlsCAFile in mongoOptions', (t) =>
    roundTrip(t, { mongoUrl: plainUrl(), mongoOptions: { tls: true, tlsCAFile: files.ca } }))

  test('is trusted with tlsCAFile in mongoUrl', (t) =>
    roundTrip(t, { mongoUrl: `${tlsUrl()}&${query({ tlsCAFile: files.ca })}` }))

  test('is trusted by its name as by its address', (t) =>
    roundTrip(t, {
      mongoUrl: `mongodb://localhost:${port}/?tls=true&${QUICKLY}`,
      mongoOptions: { tlsCAFile: files.ca },
    }))

  test('is refused without its authority', async (t) => {
    const error = await refused(t, { mongoUrl: tlsUrl() })
    assert.match(error.message, /certificate|UnknownIssuer/i)
  })

  test('is refused with another authority', (t) =>
    refused(t, { mongoUrl: tlsUrl(), mongoOptions: { tlsCAFile: files.otherCa } }))

  test('is not asked for without tls, and the server refuses', (t) => refused(t, { mongoUrl: plainUrl() }))

  test('is not looked at with tlsInsecure, tlsAllowInvalidCertificates or rejectUnauthorized: false', async (t) => {
    await roundTrip(t, { mongoUrl: `${tlsUrl()}&tlsInsecure=true` })
    await roundTrip(t, { mongoUrl: tlsUrl(), mongoOptions: { tlsInsecure: true } })
    await roundTrip(t, { mongoUrl: tlsUrl(), mongoOptions: { tlsAllowInvalidCertificates: true } })
    await roundTrip(t, { mongoUrl: tlsUrl(), mongoOptions: { rejectUnauthorized: false } })
  })

  test('that is missing at tlsCAFile is named in the error', async (t) => {
    const attempt = async () => {
      const store = new MongoStore({ mongoUrl: tlsUrl(), mongoOptions: { tlsCAFile: '/nowhere/ca.pem' } })
      store.on('error', () => {})
      t.after(() => store.close())
      await store.get('sid')
    }
    await assert.rejects(attempt(), /\/nowhere\/ca\.pem|No such file/)
  })

  /** Runs one round trip in a process of its own, as NODE_EXTRA_CA_CERTS is read when a process starts. */
  const roundTripInChild = (data, env) =>
    runInChild(
      async (options) => {
        const MongoStore = require('../..')
        const store = new MongoStore({ ...options, dbName: 'sessions' })
        store.on('error', () => {})
        try {
          await store.set('sid', { cookie: {} })
          console.log('stored')
        } catch (error) {
          console.log(error.name)
        }
        await store.close()
      },
      data,
      { env }
    )

  test('is trusted with NODE_EXTRA_CA_CERTS', async () => {
    const { stdout, stderr, code } = await roundTripInChild(
      { mongoUrl: tlsUrl() },
      { NODE_EXTRA_CA_CERTS: files.ca }
    )
    assert.equal(stdout, 'stored\n', stderr)
    assert.equal(code, 0, stderr)
  })

  test('is trusted with NODE_EXTRA_CA_CERTS, and with ca, where no temporary folder can be written', async () => {
    const ca = readFileSync(files.ca, 'utf8')
    for (const [mongoOptions, env] of [
      [{}, { NODE_EXTRA_CA_CERTS: files.ca }],
      [{ ca }, {}],
    ]) {
      const data = { mongoUrl: tlsUrl(), mongoOptions }
      const { stdout, stderr } = await roundTripInChild(data, { ...env, TMPDIR: '/no-such-folder' })
      assert.equal(stdout, 'stored\n', stderr)
    }
  })

  test('is refused with NODE_EXTRA_CA_CERTS of another authority', async () => {
    const { stdout, stderr } = await roundTripInChild(
      { mongoUrl: tlsUrl() },
      { NODE_EXTRA_CA_CERTS: files.otherCa }
    )
    assert.equal(stdout, 'MongoServerSelectionError\n', stderr)
  })

  test('is trusted with tlsCAFile beside a NODE_EXTRA_CA_CERTS of another authority', async () => {
    const { stdout, stderr } = await roundTripInChild(
      { mongoUrl: tlsUrl(), mongoOptions: { tlsCAFile: files.ca } },
      { NODE_EXTRA_CA_CERTS: files.otherCa }
    )
    assert.equal(stdout, 'stored\n', stderr)
  })
})

describe('NODE_TLS_REJECT_UNAUTHORIZED=0', () => {
  /** @type {string} */
  let mongoUrl
  before(async () => {
    const port = await startTlsServer('--tlsAllowConnectionsWithoutCertificates')
    mongoUrl = `mongodb://127.0.0.1:${port}/?${QUICKLY}`
  })

  /** @param {Record<string, unknown>} options of two stores @returns {Promise<string[]>} the warnings of the process */
  async function warningsWith(options) {
    const { stdout, stderr } = await runInChild(
      async (given) => {
        const Store = require('../..')
        /** @type {string[]} */
        const warnings = []
        process.on('warning', ({ message }) => warnings.push(message))
        for (const dbName of ['one', 'two']) {
          const store = new Store({ ...given, dbName })
          await store.set('sid', { cookie: {} })
          await store.close()
        }
        console.log(JSON.stringify(warnings))
      },
      options,
      { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } }
    )
    assert.match(stdout, /^\[/, stderr)
    return JSON.parse(stdout)
  }

  for (const backend of BACKENDS) {
    test(`gives one warning where it makes a connection insecure [${backend}]`, async () => {
      const [warning, ...others] = await warningsWith({ backend, mongoUrl: `${mongoUrl}&tls=true` })
      assert.match(warning, /NODE_TLS_REJECT_UNAUTHORIZED environment variable to '0' makes TLS connections/)
      assert.deepEqual(others, [])
    })
  }

  test('gives none where an option says as much or otherwise, and none of ours without tls', async () => {
    const { parseConnection } = require('../../lib/mongo/connection.js')
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      for (const options of [
        {},
        { tls: true, tlsInsecure: true },
        { tls: true, tlsAllowInvalidCertificates: false },
        { tls: true, rejectUnauthorized: true },
      ])
        assert.deepEqual(parseConnection(mongoUrl, options).warnings, [])
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    }
  })
})

describe('a server that asks for a client certificate', () => {
  let port
  before(async () => {
    port = await startTlsServer()
  })
  const tlsUrl = () => `mongodb://127.0.0.1:${port}/?tls=true&${query({ tlsCAFile: files.ca })}&${QUICKLY}`

  test('takes the one of tlsCertificateKeyFile', async (t) => {
    await roundTrip(t, { mongoUrl: tlsUrl(), mongoOptions: { tlsCertificateKeyFile: files.client } })
    await roundTrip(t, { mongoUrl: `${tlsUrl()}&${query({ tlsCertificateKeyFile: files.client })}` })
  })

  test('takes one whose key is encrypted, with tlsCertificateKeyFilePassword', async (t) => {
    const mongoOptions = {
      tlsCertificateKeyFile: files.clientEncrypted,
      tlsCertificateKeyFilePassword: files.keyPassword,
    }
    await roundTrip(t, { mongoUrl: tlsUrl(), mongoOptions })
    await roundTrip(t, { mongoUrl: `${tlsUrl()}&${query(mongoOptions)}` })
  })

  test('cannot be reached with a wrong tlsCertificateKeyFilePassword, which no message repeats', async (t) => {
    const attempt = async () => {
      const store = new MongoStore({
        mongoUrl: tlsUrl(),
        mongoOptions: {
          tlsCertificateKeyFile: files.clientEncrypted,
          tlsCertificateKeyFilePassword: 'not-the-password',
        },
      })
      store.on('error', () => {})
      t.after(() => store.close())
      await store.get('sid')
    }
    await assert.rejects(attempt(), (error) => !String(error.stack).includes('not-the-password'))
  })

  test('refuses connections without one', (t) => refused(t, { mongoUrl: tlsUrl() }))
})

test('MONGODB-X509 signs in with the client certificate, and only as a user that the server knows', async (t) => {
  const port = await startTlsServer()
  const client = await MongoClient.connect(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    tls: true,
    tlsCAFile: files.ca,
    tlsCertificateKeyFile: files.client,
  })
  t.after(() => client.close())
  const roles = [{ role: 'readWrite', db: 'sessions' }]
  await client.db('$external').command({ createUser: files.clientSubject, roles })

  const tlsUrl = `mongodb://127.0.0.1:${port}/?tls=true`
  const known = { tlsCAFile: files.ca, tlsCertificateKeyFile: files.client }
  await roundTrip(t, { mongoUrl: `${tlsUrl}&authMechanism=MONGODB-X509`, mongoOptions: known })
  await roundTrip(t, {
    mongoUrl: `${tlsUrl}&authMechanism=MONGODB-X509&authSource=$external`,
    mongoOptions: known,
  })
  await roundTrip(t, { mongoUrl: tlsUrl, mongoOptions: { ...known, authMechanism: 'MONGODB-X509' } })

  const store = new MongoStore({
    mongoUrl: `${tlsUrl}&authMechanism=MONGODB-X509`,
    mongoOptions: { ...known, tlsCertificateKeyFile: files.stranger },
  })
  store.on('error', () => {})
  t.after(() => store.close())
  // The JavaScript driver authenticates in its first message, where the server says so much: the user is not found.
  const code = store.backend === 'native' ? 18 : 11
  await assert.rejects(store.get('sid'), { name: 'MongoServerError', code })
})
