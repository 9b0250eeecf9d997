// Whether a binary works where it is to run: `node __test__/platforms/smoke.js`. It takes what no test runner is needed for, so that it
// runs on any Node, under emulators too, and ends by itself with a store left open.
//
//   MONGO_URL                  the server
//   MONGO_TLS_CA               the file of the authority that signed its certificate; without it TLS is left out
//   EXPECTED_BINDING           the platform that has to be loaded, such as linux-arm64-musl
//   CONNECT_MONGO_NATIVE_PATH  the package in place of this checkout
'use strict'

const assert = require('node:assert/strict')
const { randomBytes } = require('node:crypto')
const path = require('node:path')
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')

const { MONGO_URL = '', MONGO_TLS_CA, EXPECTED_BINDING, CONNECT_MONGO_NATIVE_PATH } = process.env
const PACKAGE = path.resolve(CONNECT_MONGO_NATIVE_PATH ?? path.join(__dirname, '..', '..'))
const MongoStore = require(PACKAGE)

const DATABASE = `smoke_${randomBytes(4).toString('hex')}`
const session = (/** @type {object} */ data) => ({ cookie: { originalMaxAge: 60_000 }, ...data })

/** @param {string} [query] @returns {string} */
function urlWith(query = '') {
  const [, authority, rest = ''] = /^(mongodb:\/\/[^/?]+)\/?[^?]*\??(.*)$/.exec(MONGO_URL) ?? []
  return `${authority}/${DATABASE}?${[rest, query].filter(Boolean).join('&')}`
}

/** @param {object} [options] @param {string} [query] */
function open(options, query) {
  return MongoStore.create({ mongoUrl: urlWith(query), collectionName: 'smoke', ...options })
}

/** @param {object} [options] @param {string} [query] */
async function roundTrip(options, query) {
  const store = open({ collectionName: `trip_${randomBytes(4).toString('hex')}`, ...options }, query)
  try {
    await store.set('a', session({ user: 'Ada', text: 'é€😀\u0000"\\'.repeat(500) }))
    const found = await store.get('a')
    assert.equal(found.user, 'Ada')
    assert.equal(found.text, 'é€😀\u0000"\\'.repeat(500))
    await store.destroy('a')
    assert.ok(!(await store.get('a')))
  } finally {
    await store.close()
  }
}

async function operations() {
  const store = open()
  await store.set('one', session({ n: 1 }))
  await store.set('two', session({ n: 2 }))
  await store.touch('one', session({ n: 1 }))
  assert.equal(await store.length(), 2)
  const all = await store.all()
  assert.deepEqual(all.map((/** @type {{ n: number }} */ { n }) => n).sort(), [1, 2])
  const found = await new Promise((resolve, reject) => {
    store.get('two', (/** @type {Error} */ error, /** @type {unknown} */ one) =>
      error ? reject(error) : resolve(one)
    )
  })
  assert.equal(found.n, 2)
  await store.destroy('one')
  assert.ok(!(await store.get('one')))
  await store.clear()
  assert.equal(await store.length(), 0)
  await store.ping()
  await store.close()
}

async function atOnce() {
  const store = open()
  const ids = Array.from({ length: 500 }, (_, index) => `many-${index}`)
  await Promise.all(ids.map((id, index) => store.set(id, session({ index }))))
  const found = await Promise.all(ids.map((id) => store.get(id)))
  found.forEach((one, index) => {
    assert.equal(one.index, index)
  })
  await store.clear()
  await store.close()
}

async function ofUsers() {
  const store = open({ index: { userId: 'user' }, collectionName: 'users' })
  await store.set('u1', session({ user: 'ada' }))
  await store.set('u2', session({ user: 'ada' }))
  assert.equal(await store.count({ userId: 'ada' }), 2)
  assert.equal(await store.destroyAll({ userId: 'ada' }), 2)
  await store.close()
}

async function encryption() {
  await roundTrip({ crypto: { secret: 'squirrel' } })
  await roundTrip({ crypto: { secret: 'squirrel', format: 'sealed' }, hashId: true })
}

async function compressors() {
  for (const name of ['snappy', 'zlib', 'zstd']) await roundTrip({}, `compressors=${name}`)
}

async function tls() {
  await roundTrip({}, `tls=true&tlsCAFile=${encodeURIComponent(String(MONGO_TLS_CA))}`)
  // Signed by nobody that it trusts by itself.
  const store = open({}, 'tls=true&serverSelectionTimeoutMS=2000')
  store.on('error', () => {})
  await assert.rejects(store.get('a'), /certificate/i)
  await store.close()
}

async function failure() {
  const mongoUrl = 'mongodb://127.0.0.1:1/smoke?serverSelectionTimeoutMS=500'
  const store = MongoStore.create({ mongoUrl })
  store.on('error', () => {})
  await assert.rejects(store.get('a'), { name: 'MongoServerSelectionError' })
  await store.close()
}

async function worker() {
  const thread = new Worker(__filename, { workerData: 'a worker' })
  // Both are listened for at once: a thread that ends at its last message is heard of in one turn.
  const [said, code] = await Promise.all(
    ['message', 'exit'].map(
      (event) =>
        new Promise((resolve, reject) => {
          thread.once(event, resolve)
          thread.once('error', reject)
        })
    )
  )
  assert.deepEqual({ said, code }, { said: 'done', code: 0 })
}

/** Its store is left open, and must not keep the process from ending. */
async function leftOpen() {
  const store = open()
  await store.set('last', session({ n: 1 }))
  assert.equal((await store.get('last')).n, 1)
}

const CHECKS = { operations, atOnce, ofUsers, encryption, compressors, failure, worker, leftOpen }

async function main() {
  console.log(`Node ${process.version}, ${process.platform} ${process.arch}: ${MongoStore.binding}`)
  assert.equal(MongoStore.binding, EXPECTED_BINDING ?? MongoStore.binding)
  const checks = MONGO_TLS_CA ? { tls, ...CHECKS } : CHECKS
  if (!MONGO_TLS_CA) console.log('- tls: left out, as MONGO_TLS_CA is not set')
  for (const [name, check] of Object.entries(checks)) {
    await check()
    console.log(`✓ ${name}`)
  }
  process.once('exit', (code) =>
    console.log(code === 0 ? 'passed, and ended by itself' : `exit code ${code}`)
  )
}

async function inWorker() {
  await roundTrip()
  parentPort?.postMessage('done')
}

if (!MONGO_URL) {
  console.error('MONGO_URL has to name a server')
  process.exitCode = 2
} else if (isMainThread || workerData !== 'a worker') main()
else inWorker()
