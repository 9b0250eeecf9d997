// mongodb+srv addresses, with a name server of the test's own.

const assert = require('node:assert/strict')
const dgram = require('node:dgram')
const dns = require('node:dns')
const { once } = require('node:events')
const { after, before, beforeEach, describe, test } = require('node:test')
const nodeDriver = require('mongodb/lib/connection_string.js')
const { parseConnection, resolveUri } = require('../../lib/mongo/connection.js')
const { BACKENDS } = require('../support/backends.js')
const { openDatabase } = require('../support/database.js')
const { sharedServerUrl } = require('../support/server.js')
const { promised, withResolvers } = require('../support/wait.js')

const TYPES = { 16: 'TXT', 33: 'SRV' }
const SERVFAIL = 2
const NXDOMAIN = 3

/** `TXT name` or `SRV name` to its records, or to the code of a failure. */
const records = new Map()
/** @type {string[]} */
const questions = []

const uint16 = (...numbers) => Buffer.from(numbers.flatMap((number) => [number >> 8, number & 255]))
const labels = (name) => Buffer.concat([...name.split('.').map((label) => string(label)), Buffer.from([0])])
const string = (text) => Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)])

const DATA = {
  SRV: ({ name, port }) => Buffer.concat([uint16(0, 0, port), labels(name)]),
  TXT: (strings) => Buffer.concat(strings.map(string)),
}

/** @param {Buffer} query @returns {Buffer} what RFC 1035 has for an answer */
function answer(query) {
  const parts = []
  let end = 12
  for (; query[end] > 0; end += query[end] + 1)
    parts.push(query.toString('latin1', end + 1, end + 1 + query[end]))
  const question = query.subarray(12, end + 5)
  const type = TYPES[query.readUInt16BE(end + 1)]
  // A resolver may write a name in letters of any case.
  const name = `${type} ${parts.join('.').toLowerCase()}`
  questions.push(name)
  const found = records.get(name) ?? NXDOMAIN
  const answers = Array.isArray(found) ? found : []
  const flags = 0x8180 | (Array.isArray(found) ? 0 : found)
  return Buffer.concat([
    query.subarray(0, 2),
    uint16(flags, 1, answers.length, 0, 0),
    question,
    ...answers.flatMap((record) => {
      const data = DATA[type](record)
      return [uint16(0xc00c), question.subarray(-4), uint16(0, 60, data.length), data]
    }),
  ])
}

const systemServers = dns.getServers()
const server = dgram.createSocket('udp4')
server.on('message', (query, { address, port }) => server.send(answer(query), port, address))

before(async () => {
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  dns.setServers([`127.0.0.1:${server.address().port}`])
})
after(() => {
  dns.setServers(systemServers)
  server.close()
})
beforeEach(() => {
  records.clear()
  questions.length = 0
})

const HOSTS = [
  { name: 'one.example.com', port: 27017 },
  { name: 'two.example.com', port: 27018 },
  { name: 'three.example.com', port: 27019 },
]
const ADDRESSES = HOSTS.map(({ name, port }) => `${name}:${port}`)

const publish = (hosts, text, hostname = 'sessions.example.com', service = 'mongodb') => {
  records.set(`SRV _${service}._tcp.${hostname}`, hosts)
  if (text !== undefined) records.set(`TXT ${hostname}`, text)
}

const CLUSTER = 'mongodb+srv://user:p%40ss@sessions.example.com'

/** What the Rust driver is told. */
async function resolve(url, options) {
  const uri = await resolveUri(parseConnection(url, options))
  const [, userinfo, hosts, query] = /^mongodb:\/\/(?:([^@]*)@)?([^/]*)\/\?(.*)$/.exec(uri)
  return { userinfo, hosts: hosts.split(','), parameters: new URLSearchParams(query) }
}

const refusal = (message, name) => ({ name, message })

describe('a mongodb+srv address', () => {
  test('has the hosts of its SRV records, and tls', async () => {
    publish(HOSTS)
    const { userinfo, hosts, parameters } = await resolve(`${CLUSTER}/db`)
    assert.deepEqual(hosts, ADDRESSES)
    assert.equal(userinfo, 'user:p%40ss')
    assert.equal(parameters.get('tls'), 'true')
    assert.equal(parameters.get('authSource'), 'db')
    assert.deepEqual(questions.sort(), ['SRV _mongodb._tcp.sessions.example.com', 'TXT sessions.example.com'])
  })

  test('has no tls when an option says so', async () => {
    publish(HOSTS)
    assert.equal((await resolve(`${CLUSTER}/?tls=false`)).parameters.get('tls'), null)
    assert.equal((await resolve(CLUSTER, { ssl: false })).parameters.get('tls'), null)
  })

  test('is looked up under srvServiceName', async () => {
    publish(HOSTS, undefined, 'sessions.example.com', 'shop')
    assert.deepEqual((await resolve(`${CLUSTER}/?srvServiceName=shop`)).hosts, ADDRESSES)
  })

  test('has the options of its TXT record, which may be in pieces', async () => {
    publish(HOSTS, [['authSource=us', 'ers&replicaSet=rs0']])
    const { parameters } = await resolve(`${CLUSTER}/db`)
    assert.equal(parameters.get('authSource'), 'users')
    assert.equal(parameters.get('replicaSet'), 'rs0')
  })

  test('has no options when there is no TXT record', async () => {
    for (const none of [undefined, []]) {
      publish(HOSTS, none)
      const { hosts, parameters } = await resolve(`${CLUSTER}/db`)
      assert.deepEqual(hosts, ADDRESSES)
      assert.equal(parameters.get('replicaSet'), null)
    }
  })

  test('is looked up as dns.promises looks names up, whatever the app has put in its place', async (t) => {
    publish(HOSTS, [['replicaSet=rs0']])
    const ask = dns.promises.resolve
    const asked = t.mock.method(dns.promises, 'resolve', (name, type) =>
      ask(name.replace('web', 'sessions'), type)
    )
    const { hosts, parameters } = await resolve('mongodb+srv://web.example.com/')
    assert.deepEqual(hosts, ADDRESSES)
    assert.equal(parameters.get('replicaSet'), 'rs0')
    assert.equal(asked.mock.callCount(), 2)
  })

  test('is asked for once more when no name server answers in time', async (t) => {
    publish(HOSTS, [['replicaSet=rs0']])
    const silence = () => Promise.reject(Object.assign(new Error('queryTxt ETIMEOUT'), { code: dns.TIMEOUT }))
    const ask = dns.promises.resolve
    const answers = { SRV: [silence, ask], TXT: [silence, ask] }
    t.mock.method(dns.promises, 'resolve', (name, type) => answers[type].shift()(name, type))
    assert.deepEqual((await resolve(CLUSTER)).hosts, ADDRESSES)

    Object.assign(answers, { SRV: [ask], TXT: [silence, silence] })
    await assert.rejects(resolve(CLUSTER), { name: 'MongoServerSelectionError', code: 'ETIMEOUT' })
  })

  test('has its own options before those of its TXT record', async () => {
    publish(HOSTS, [['authSource=users&replicaSet=rs0']])
    for (const [url, options] of [
      [`${CLUSTER}/?authSource=people&replicaSet=rs1`],
      [CLUSTER, { authSource: 'people', replicaSet: 'rs1' }],
    ]) {
      const { parameters } = await resolve(url, options)
      assert.deepEqual(parameters.getAll('authSource'), ['people'])
      assert.deepEqual(parameters.getAll('replicaSet'), ['rs1'])
    }
  })

  test('has no authSource of its TXT record for X.509, or for nobody', async () => {
    publish(HOSTS, [['authSource=users']])
    const x509 = await resolve('mongodb+srv://sessions.example.com/?authMechanism=MONGODB-X509')
    assert.deepEqual(x509.parameters.getAll('authSource'), ['$external'])
    const nobody = await resolve('mongodb+srv://sessions.example.com/')
    assert.equal(nobody.parameters.get('authSource'), null)
  })

  test('is load balanced when its TXT record says so', async () => {
    publish(HOSTS.slice(0, 1), [['loadBalanced=true']])
    assert.equal((await resolve(CLUSTER)).parameters.get('loadBalanced'), 'true')
    assert.equal((await resolve(`${CLUSTER}/?loadBalanced=false`)).parameters.get('loadBalanced'), 'false')
    publish(HOSTS, [['loadBalanced=false']])
    assert.equal((await resolve(CLUSTER)).parameters.get('loadBalanced'), null)
  })

  test('has srvMaxHosts of its hosts, not always the same', async () => {
    publish(HOSTS)
    const seen = new Set()
    while (seen.size < 6) {
      const { hosts } = await resolve(CLUSTER, { srvMaxHosts: 2 })
      assert.equal(new Set(hosts).size, 2)
      for (const host of hosts) assert.ok(ADDRESSES.includes(host))
      seen.add(hosts.join())
    }
  })

  test('has all of its hosts when there are no more than srvMaxHosts', async () => {
    publish(HOSTS)
    for (const srvMaxHosts of [0, 3, 9])
      assert.deepEqual((await resolve(CLUSTER, { srvMaxHosts })).hosts, ADDRESSES)
  })

  test('is looked up again each time, so that a failure does not last', async () => {
    const connection = parseConnection(CLUSTER)
    await assert.rejects(resolveUri(connection), { name: 'MongoServerSelectionError' })
    publish(HOSTS)
    assert.match(await resolveUri(connection), /one\.example\.com/)
  })

  test('has the hosts and options that the Node driver finds', async () => {
    publish(HOSTS, [['authSource=users&replicaSet=rs0']])
    for (const [url, options] of [
      [`${CLUSTER}/db`],
      [`${CLUSTER}/?replicaSet=rs1`],
      [CLUSTER, { authSource: 'x' }],
    ]) {
      const expected = nodeDriver.parseOptions(url, options)
      const hosts = await nodeDriver.resolveSRVRecord(expected)
      const actual = nodeDriver.parseOptions(await resolveUri(parseConnection(url, options)))
      assert.deepEqual(actual.hosts.map(String), hosts.map(String))
      for (const name of ['tls', 'replicaSet', 'loadBalanced'])
        assert.equal(actual[name], expected[name], name)
      assert.deepEqual(actual.credentials, expected.credentials)
    }
  })
})

describe('a mongodb+srv address is an error', () => {
  test('without records, with what the name server says as its cause', async () => {
    await assert.rejects(resolve(CLUSTER), (error) => {
      assert.equal(error.name, 'MongoServerSelectionError')
      assert.equal(error.message, 'querySrv ENOTFOUND _mongodb._tcp.sessions.example.com')
      assert.equal(error.code, 'ENOTFOUND')
      assert.equal(error.cause.syscall, 'querySrv')
      return true
    })
  })

  test('with a name that has no SRV records', async () => {
    publish([], [['replicaSet=rs0']])
    await assert.rejects(resolve(CLUSTER), { name: 'MongoServerSelectionError', code: 'ENODATA' })
  })

  test('when the TXT record cannot be had', async () => {
    publish(HOSTS, SERVFAIL)
    await assert.rejects(resolve(CLUSTER), { name: 'MongoServerSelectionError', code: 'ESERVFAIL' })
  })

  const TEXTS = {
    'with two TXT records': [[['replicaSet=a'], ['authSource=b']], /Multiple text records/],
    'with another option in the TXT record': [[['tls=false']], /may only set any of: authSource, replicaSet/],
    'with an empty option in the TXT record': [[['replicaSet=']], /empty URI params/],
    'with a TXT record that is not of MongoDB': [[['v=spf1 -all']], /may only set any of/],
    'with several hosts that are load balanced': [[['loadBalanced=true']], /several hosts/],
  }
  for (const [title, [text, message]] of Object.entries(TEXTS)) {
    test(title, async () => {
      publish(HOSTS, text)
      await assert.rejects(resolve(CLUSTER), refusal(message, 'MongoParseError'))
    })
  }

  test('wherever it is one for the Node driver, and nowhere else', async () => {
    const here = { name: 'one.example.com', port: 1 }
    const hostLists = [[], [here], HOSTS, [here, { name: 'one.example.org', port: 1 }]]
    const texts = [undefined, [], SERVFAIL, ...Object.values(TEXTS).map(([text]) => text)]
    texts.push(
      [['loadBalanced=maybe']],
      [['loadBalanced=true']],
      [['replicaSet=rs0']],
      [['authSource=users&replicaSet=rs0']]
    )
    const fails = (promise) =>
      promise.then(
        () => false,
        () => true
      )
    let failures = 0
    for (const hosts of hostLists) {
      for (const text of texts) {
        for (const options of [{}, { srvMaxHosts: 1 }, { replicaSet: 'rs1' }]) {
          publish(hosts, undefined)
          if (text === undefined) records.delete('TXT sessions.example.com')
          else records.set('TXT sessions.example.com', text)
          const expected = await fails(nodeDriver.resolveSRVRecord(nodeDriver.parseOptions(CLUSTER, options)))
          const given = JSON.stringify({ hosts, text, options })
          assert.equal(await fails(resolve(CLUSTER, options)), expected, given)
          if (expected) failures++
        }
      }
    }
    assert.ok(failures > 10)
  })

  test('with a replica set in the TXT record beside srvMaxHosts', async () => {
    publish(HOSTS, [['replicaSet=rs0']])
    await assert.rejects(resolve(CLUSTER, { srvMaxHosts: 1 }), refusal(/srvMaxHosts/, 'MongoParseError'))
  })

  for (const host of ['one.example.org', 'one.fake-example.com', 'example.com', 'com']) {
    test(`with a host of another domain: ${host}`, async () => {
      publish([HOSTS[0], { name: host, port: 1 }])
      await assert.rejects(
        resolve(CLUSTER),
        refusal(/does not share hostname with parent URI/, 'MongoAPIError')
      )
    })
  }

  test('of two labels, with a host that has no more', async () => {
    publish([{ name: 'other.com', port: 1 }], undefined, 'example.com')
    const message = /at least one more domain level/
    await assert.rejects(resolve('mongodb+srv://example.com/'), refusal(message, 'MongoAPIError'))
    publish(HOSTS, undefined, 'example.com')
    assert.deepEqual((await resolve('mongodb+srv://example.com/')).hosts, ADDRESSES)
  })
})

describe('the hosts of a mongodb+srv address may be of another domain', () => {
  const elsewhere = [{ name: 'One.db.Example.NET', port: 27017 }]

  test('with srvAllowedHostsSuffix', async () => {
    publish(elsewhere)
    for (const srvAllowedHostsSuffix of ['.example.net', 'EXAMPLE.net.', '.db.example.net']) {
      assert.deepEqual((await resolve(CLUSTER, { srvAllowedHostsSuffix })).hosts, [
        'one.db.example.net:27017',
      ])
    }
    const refused = refusal(/does not end with srvAllowedHostsSuffix/, 'MongoAPIError')
    for (const srvAllowedHostsSuffix of ['ple.net', 'one.db.example.net', 'local']) {
      await assert.rejects(resolve(CLUSTER, { srvAllowedHostsSuffix }), refused)
    }
  })

  test('with srvHostValidator', async () => {
    publish(elsewhere)
    const asked = []
    const srvHostValidator = (host) => asked.push(host) > 0
    assert.deepEqual((await resolve(CLUSTER, { srvHostValidator })).hosts, ['one.db.example.net:27017'])
    assert.deepEqual(asked, ['one.db.example.net'])
  })

  test('unless srvHostValidator says no, or says nothing', async () => {
    publish(elsewhere)
    const answers = [
      [() => false, /rejected by srvHostValidator/],
      [async () => true, /must return a boolean/],
      [() => undefined, /must return a boolean/],
    ]
    for (const [srvHostValidator, message] of answers) {
      await assert.rejects(resolve(CLUSTER, { srvHostValidator }), refusal(message, 'MongoAPIError'))
    }
  })
})

describe('a store on a mongodb+srv address', () => {
  // The domain is such that the address 127.0.0.1, for which nobody needs a name server, is a host of it.
  const hostname = 'sessions.0.0.1'

  test('works, once there are records', async (t) => {
    const { port } = new URL(await sharedServerUrl())
    const { db, sessions, open } = await openDatabase(t)
    const store = open({ mongoUrl: `mongodb+srv://${hostname}/?tls=false`, dbName: db.databaseName })
    store.on('error', () => {})
    const name = store.backend === 'native' ? 'MongoServerSelectionError' : 'Error'
    await assert.rejects(store.get('sid'), { name, code: 'ENOTFOUND' })

    publish([{ name: '127.0.0.1', port: Number(port) }], undefined, hostname)
    await store.set('sid', { cookie: {}, user: 'ada' })
    assert.equal((await store.get('sid')).user, 'ada')
    assert.equal(await sessions.countDocuments({ _id: 'sid' }), 1)
  })

  test('asks the name servers that the app sets after it made the store', async (t) => {
    const [ours] = dns.getServers()
    t.after(() => dns.setServers([ours]))
    const { port } = new URL(await sharedServerUrl())
    const { db, open } = await openDatabase(t)
    publish([{ name: '127.0.0.1', port: Number(port) }], undefined, hostname)
    dns.setServers(['127.0.0.1:1'])
    const store = open({ mongoUrl: `mongodb+srv://${hostname}/?tls=false`, dbName: db.databaseName })
    dns.setServers([ours])
    await store.set('sid', { cookie: {} })
    assert.deepEqual(await store.get('sid'), { cookie: {} })
  })

  for (const backend of BACKENDS) {
    test(`can be closed while no name server answers, and opens nothing later [${backend}]`, async (t) => {
      const { port } = new URL(await sharedServerUrl())
      const { db, sessions, open } = await openDatabase(t)
      publish([{ name: '127.0.0.1', port: Number(port) }], undefined, hostname)
      const { promise: silence, resolve: answerNow } = withResolvers()
      for (const name of ['resolve', 'resolveSrv', 'resolveTxt']) {
        const ask = dns.promises[name]
        t.mock.method(dns.promises, name, (...question) => silence.then(() => ask(...question)))
      }
      const mongoUrl = `mongodb+srv://${hostname}/?tls=false`
      const store = open({ mongoUrl, backend, dbName: db.databaseName })
      const failure = { code: 'ERR_STORE_CLOSED', message: /^The session store was closed before/ }
      const calls = [store.set('a', {}), promised(store, 'set', 'b', {}), store.length()]
      const refused = Promise.all(calls.map((call) => assert.rejects(call, failure)))
      const asked = store.collectionP.catch((/** @type {Error} */ error) => error)
      await store.close({ timeoutMS: 0 })
      await refused
      answerNow()
      assert.ok((await asked) instanceof Error)
      assert.equal(await sessions.countDocuments(), 0)
    })
  }

  test('works on the driver backend with the same name server', async (t) => {
    const { port } = new URL(await sharedServerUrl())
    const { db, open } = await openDatabase(t)
    publish([{ name: '127.0.0.1', port: Number(port) }], undefined, hostname)
    const mongoUrl = `mongodb+srv://${hostname}/?tls=false`
    const store = open({ mongoUrl, mongoOptions: { noDelay: false }, dbName: db.databaseName })
    assert.equal(store.backend, 'driver')
    await store.set('sid', { cookie: {} })
    assert.deepEqual(await store.get('sid'), { cookie: {} })
    assert.ok(questions.includes(`SRV _mongodb._tcp.${hostname}`))
  })
})
