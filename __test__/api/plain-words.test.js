// What is wrong, in words that can be understood and searched for: the first errors that somebody meets, on each backend.
'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')
const { readFileSync } = require('node:fs')
const net = require('node:net')
const { describe, test } = require('node:test')
const tls = require('node:tls')
const { MongoClient } = require('mongodb')
const MongoStore = require('../..')
const { BACKENDS } = require('../support/backends.js')
const { makeCertificates } = require('../support/certificates.js')
const { openDatabase } = require('../support/database.js')
const { isBefore5, startServer } = require('../support/server.js')
const { plainSession } = require('../support/sessions.js')
const { until } = require('../support/wait.js')
const { collectWarnings, warningsAreOut } = require('../support/warnings.js')

const TIMEOUT_MS = 700
/** Of the Rust driver's own words nothing is left. */
const DEBUG_TEXT = /Kind:|labels:|Topology|Some\(|I\/O error|source:/

/** @typedef {import('node:test').TestContext} TestContext */

/** @param {TestContext} t @param {net.Server} server @param {string} [host] @returns {Promise<string>} its address */
async function listening(t, server, host = '127.0.0.1') {
  /** @type {Set<net.Socket>} */
  const sockets = new Set()
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})))
  server.listen(0, host)
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `${host}:${/** @type {net.AddressInfo} */ (server.address()).port}`
}

/** @param {TestContext} t @returns {Promise<string>} an address where nobody listens */
async function vacant(t) {
  const server = net.createServer()
  const address = await listening(t, server)
  server.close()
  return address
}

const certificates = makeCertificates()

/**
 * Where the server is, what the message begins with, and Node's code of its cause; where the JavaScript driver says it otherwise, how.
 *
 * @typedef {object} Situation
 * @property {string} name
 * @property {(t: TestContext) => Promise<string>} address
 * @property {object} [mongoOptions]
 * @property {(address: string) => RegExp} message
 * @property {string} [code]
 * @property {{ message: RegExp, code?: string }} [driver]
 */

/** @param {string} text */
const begins = (text) => new RegExp(`^${text.replaceAll('.', '\\.')}`)

/** @type {Situation[]} */
const SITUATIONS = [
  {
    name: 'nobody listens',
    address: vacant,
    message: (address) => begins(`connect ECONNREFUSED ${address}`),
    code: 'ECONNREFUSED',
  },
  {
    name: 'nobody listens at two addresses',
    address: async (t) => `${await vacant(t)},${await vacant(t)}/?replicaSet=rs`,
    message: () => /^connect ECONNREFUSED 127\.0\.0\.1:\d+/,
    code: 'ECONNREFUSED',
  },
  {
    name: 'the host is unknown',
    address: async () => 'no-such-host.invalid',
    message: () => /^getaddrinfo (ENOTFOUND|EAI_AGAIN) no-such-host\.invalid/,
    code: 'E',
  },
  {
    name: 'there is no socket',
    address: async () => '%2Ftmp%2Fno-such-folder%2Fmongodb.sock',
    message: () => /^connect ENOENT \/tmp\/no-such-folder\/mongodb\.sock/,
    code: 'ENOENT',
  },
  {
    name: 'the host is silent',
    address: (t) => listening(t, net.createServer()),
    message: (address) => begins(`connect ETIMEDOUT ${address}`),
    code: 'ETIMEDOUT',
    driver: { message: /^Server selection timed out after 700 ms/ },
  },
  {
    name: 'the server hangs up',
    address: (t) =>
      listening(
        t,
        net.createServer((socket) => socket.once('data', () => socket.destroy()))
      ),
    message: (address) => begins(`connection to ${address} closed`),
    code: 'ECONNRESET',
    driver: { message: /^connection <monitor> to 127\.0\.0\.1:\d+ closed/ },
  },
  {
    name: 'the server does not use TLS, and hangs up',
    address: (t) =>
      listening(
        t,
        net.createServer((socket) => socket.once('data', () => socket.destroy()))
      ),
    mongoOptions: { tls: true },
    message: () =>
      /^(Client network socket disconnected before secure TLS connection was established|read ECONNRESET)/,
    code: 'ECONNRESET',
  },
  {
    name: 'the server does not use TLS, and answers',
    address: (t) =>
      listening(
        t,
        net.createServer((socket) =>
          socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
        )
      ),
    mongoOptions: { tls: true },
    message: () => /wrong version number/,
    code: 'E',
  },
  {
    name: 'the server demands TLS',
    address: (t) => listening(t, tlsServer()),
    message: () => /^(connection (<monitor> )?to 127\.0\.0\.1:\d+ closed|read ECONNRESET)/,
    driver: { message: /^(connection <monitor> to 127\.0\.0\.1:\d+ closed|read ECONNRESET)/ },
    code: 'ECONNRESET',
  },
  {
    name: 'nobody trusted has signed the certificate',
    address: (t) => listening(t, tlsServer()),
    mongoOptions: { tls: true, tlsCAFile: certificates.otherCa },
    message: () => /^unable to verify the first certificate/,
    code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  },
  {
    name: 'the certificate is that of a client',
    address: (t) => listening(t, tlsServer('client')),
    mongoOptions: { tls: true, tlsCAFile: certificates.ca },
    message: () => /^unsuitable certificate purpose/,
    code: 'INVALID_PURPOSE',
  },
  {
    name: 'the certificate is that of another host',
    address: (t) => listening(t, tlsServer(), '127.0.0.2'),
    mongoOptions: { tls: true, tlsCAFile: certificates.ca },
    message: () => /^Hostname\/IP does not match certificate's altnames/,
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  },
]

/** @param {'server' | 'client'} [name] */
function tlsServer(name = 'server') {
  const pem = readFileSync(certificates[name])
  return tls.createServer({ cert: pem, key: pem }).on('tlsClientError', () => {})
}

/** @param {string} address */
const urlOf = (address) => `mongodb://${address}${address.includes('/') ? '' : '/x'}`

const protectedServer = startServer({
  auth: { enable: true, customRootName: 'root', customRootPwd: 'right' },
})

/** @param {{ getUri(): string }} server @param {string} user @param {string} password */
function urlOn(server, user, password) {
  const { host } = new URL(server.getUri())
  return `mongodb://${encodeURIComponent(user)}:${password}@${host}/x?authSource=admin`
}

for (const backend of BACKENDS) {
  describe(`a server that cannot be reached, on the ${backend} backend`, () => {
    for (const { name, address, mongoOptions, message, code, driver } of SITUATIONS) {
      test(`since ${name}`, async (t) => {
        const at = await address(t)
        const store = new MongoStore({
          mongoUrl: urlOf(at),
          backend,
          autoRemove: 'disabled',
          mongoOptions: { serverSelectionTimeoutMS: TIMEOUT_MS, ...mongoOptions },
        })
        t.after(() => store.close())
        const error = await store.get('sid').then(assert.fail, (/** @type {any} */ failure) => failure)
        const expected = backend === 'driver' && driver ? driver : { message: message(at), code }
        assert.equal(error.name, 'MongoServerSelectionError')
        assert.match(error.message, expected.message)
        assert.doesNotMatch(error.message + error.cause?.message, DEBUG_TEXT)
        if (expected.code) assert.match(String(error.cause.code), new RegExp(`^${expected.code}`))
        if (backend === 'native') assert.match(error.message, /serverSelectionTimeoutMS: 700 ms/)
      })
    }

    test('is one warning that says so, and not one of the TTL index', async (t) => {
      const at = await vacant(t)
      const warnings = collectWarnings(t)
      const mongoOptions = { serverSelectionTimeoutMS: 200 }
      const store = new MongoStore({ mongoUrl: urlOf(at), backend, mongoOptions })
      t.after(() => store.close())
      await until(() => warnings.length > 0)
      await assert.rejects(store.get('sid'))
      await warningsAreOut()
      assert.equal(warnings.length, 1)
      assert.match(warnings[0].message, begins(`MongoDB cannot be reached: connect ECONNREFUSED ${at}`))
      assert.doesNotMatch(warnings[0].message, /TTL/)
    })

    test('is the cause of the error of a call whose operationTimeoutMS is over', async (t) => {
      const at = await vacant(t)
      const store = new MongoStore({
        mongoUrl: urlOf(at),
        backend,
        autoRemove: 'disabled',
        operationTimeoutMS: 500,
      })
      t.after(() => store.close({ timeoutMS: 0 }))
      for (const call of [
        () => store.get('sid'),
        () => store.set('sid', plainSession()),
        () => store.all(),
      ]) {
        const error = await call().then(assert.fail, (/** @type {any} */ failure) => failure)
        assert.equal(error.name, 'MongoOperationTimeoutError')
        assert.match(error.cause.message, begins(`connect ECONNREFUSED ${at}`))
        assert.equal(error.cause.code, 'ECONNREFUSED')
      }
      const error = await store.ping({ timeoutMS: 100 }).then(assert.fail, (failure) => failure)
      assert.equal(error.cause.code, 'ECONNREFUSED')
    })
  })

  describe(`what the server says, on the ${backend} backend`, () => {
    test('of a wrong password is the error of every call, at once', async (t) => {
      const store = new MongoStore({ mongoUrl: urlOn(await protectedServer, 'root', 'wrong'), backend })
      t.after(() => store.close())
      /** @type {any[]} */
      const announced = []
      store.on('error', (error) => announced.push(error))
      const calls = [
        () => store.get('sid'),
        () => store.set('sid', plainSession()),
        () => store.touch('sid', plainSession()),
        () => store.destroy('sid'),
        () => store.all(),
        () => store.length(),
        () => store.ping(),
      ]
      for (const call of [...calls, ...calls]) {
        // Far below the time after which the driver would look again.
        const limit = AbortSignal.timeout(5_000)
        const late = once(limit, 'abort').then(() => new Error('It has waited for 5 s'))
        const error = await Promise.race([
          call().then(
            () => undefined,
            (failure) => failure
          ),
          late,
        ])
        assert.equal(error?.message, 'Authentication failed.')
        assert.equal(error.cause, undefined)
        assert.equal(error.code, 18)
        assert.equal(error.codeName, 'AuthenticationFailed')
      }
      await until(() => announced.length > 0)
      assert.equal(announced[0].message, 'Authentication failed.')
    })

    test('is kept as a whole', async (t) => {
      const { db, open } = await openDatabase(t)
      await db.createCollection('sessions', { validator: { $jsonSchema: { required: ['never'] } } })
      const store = open({ backend })
      const calls = [store.set('one', plainSession()), store.set('two', plainSession())]
      for (const [index, sid] of ['one', 'two'].entries()) {
        const error = await calls[index].then(assert.fail, (/** @type {any} */ failure) => failure)
        assert.equal(error.code, 121)
        if (!(await isBefore5(db))) {
          assert.equal(error.errInfo.failingDocumentId, sid)
          assert.equal(error.errorResponse.errInfo.details.operatorName, '$jsonSchema')
        }
        assert.equal(error.errorResponse.code, 121)
      }
    })

    test('of a right that is missing is kept as a whole', async (t) => {
      const client = await MongoClient.connect(urlOn(await protectedServer, 'root', 'right'))
      t.after(() => client.close())
      const [user, roles] = [`reader ${backend}`, [{ role: 'read', db: 'x' }]]
      await client.db('admin').command({ createUser: user, pwd: 'right', roles })
      const store = new MongoStore({ mongoUrl: urlOn(await protectedServer, user, 'right'), backend })
      t.after(() => store.close())
      /** @type {any[]} */
      const announced = []
      store.on('error', (error) => announced.push(error))
      const error = await store
        .set('sid', plainSession())
        .then(assert.fail, (/** @type {any} */ failure) => failure)
      assert.deepEqual([error.code, error.codeName, error.errorResponse.ok], [13, 'Unauthorized', 0])
      assert.equal(error.errorResponse.errmsg, error.message)
      await until(() => announced.length > 0)
      assert.equal(announced[0].code, 13)
      assert.match(announced[0].message, /does not heal by itself/)
    })

    test('of a TTL index that is in the way of ours is told once, and that it does not heal by itself', async (t) => {
      const { sessions, open } = await openDatabase(t)
      await sessions.createIndex({ expires: 1 })
      const store = open({ backend })
      /** @type {any[]} */
      const announced = []
      store.on('error', (error) => announced.push(error))
      await until(() => announced.length > 0)
      assert.ok([85, 86].includes(announced[0].code))
      assert.match(
        announced[0].message,
        /does not heal by itself: make it by hand, or set autoRemove: 'interval'/
      )
      // Longer than the first pause.
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      assert.equal(announced.length, 1)
    })
  })
}
