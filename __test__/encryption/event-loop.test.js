// Encryption does not keep the main thread busy. What is measured is its processor time, which no other process can lengthen.
'use strict'

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const { performance } = require('node:perf_hooks')
const MongoStore = require('../..')
const { SECRET, onBothBackends } = require('../support/encryption.js')
const { LATER, plainSession } = require('../support/sessions.js')
const { promised } = require('../support/wait.js')

const OPERATIONS = 200
const NANOSECONDS = 1e6

/** Of the main thread: on Linux the kernel's own account, elsewhere the time that the event loop was not idle. */
function mainThreadMs() {
  try {
    const [onProcessor] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')
    return Number(onProcessor) / NANOSECONDS
  } catch {
    return performance.eventLoopUtilization().active
  }
}

/** Of all threads. */
function processMs() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** @param {() => Promise<unknown>} work @returns {Promise<{ main: number, whole: number }>} processor time in milliseconds */
async function spent(work) {
  const [main, whole] = [mainThreadMs(), processMs()]
  await work()
  return { main: mainThreadMs() - main, whole: processMs() - whole }
}

const ids = Array.from({ length: OPERATIONS }, (_, index) => `sid-${index}`)
const session = plainSession({ text: 'x'.repeat(1000) })

/** @param {any} store */
const getAll = (store) => () => Promise.all(ids.map((id) => store.get(id)))
/** @param {any} store */
const setAll = (store) => () => Promise.all(ids.map((id) => store.set(id, session)))

/** Sessions that each need a key of their own. @param {import('mongodb').Collection<any>} sessions */
async function insertSalted(sessions) {
  const text = JSON.stringify(session)
  const documents = ids.map(async (_id) => ({
    _id,
    session: await MongoStore.createKrupteinAdapter({ secret: SECRET }).encrypt(text),
    expires: LATER,
  }))
  await sessions.insertMany(await Promise.all(documents))
}

onBothBackends('keys are derived on other threads', async ({ sessions, open }) => {
  const plain = open({ collectionName: 'plain' })
  await setAll(plain)()
  const control = await spent(getAll(plain))
  await insertSalted(sessions)
  const cold = await spent(getAll(open({ crypto: { secret: SECRET } })))
  const extra = { main: cold.main - control.main, whole: cold.whole - control.whole }
  assert.ok(extra.whole > OPERATIONS, `${OPERATIONS} derivations took ${extra.whole} ms only`)
  assert.ok(extra.main < extra.whole / 5, `${extra.main} ms of ${extra.whole} ms were on the main thread`)
})

for (const [name, encryption] of Object.entries({
  kruptein: () => ({ crypto: { secret: SECRET } }),
  sealed: () => ({ crypto: { secret: SECRET, format: 'sealed' } }),
  'Web Crypto': () => ({ cryptoAdapter: MongoStore.createWebCryptoAdapter({ secret: SECRET }) }),
})) {
  onBothBackends(`${name} with keys that are known takes under a millisecond each`, async ({ open }) => {
    const plain = open({ collectionName: 'plain' })
    const store = open(encryption())
    // The first of both make the connections, and the keys.
    for (const each of [plain, store]) {
      await each.set('sid-0', session)
      await setAll(each)()
    }
    const control = [await spent(setAll(plain)), await spent(getAll(plain))]
    const warm = [await spent(setAll(store)), await spent(getAll(store))]
    for (const [index, { main }] of warm.entries()) {
      const each = (main - control[index].main) / OPERATIONS
      assert.ok(each < 1, `${each} ms each`)
    }
  })
}

onBothBackends('the measure shows derivation on the main thread where there is any', async (context) => {
  const { sessions, url } = context
  const six = await import('connect-mongo')
  const store = six.MongoStore.create({ mongoUrl: url, crypto: { secret: SECRET }, autoRemove: 'disabled' })
  context.t.after(async () => {
    await store.collectionP
    await store.close()
  })
  await sessions.insertOne({
    _id: 'sid',
    session: await six.createKrupteinAdapter({ secret: SECRET }).encrypt(JSON.stringify(session)),
    expires: LATER,
  })
  const { main, whole } = await spent(() =>
    Promise.all(Array.from({ length: 40 }, () => promised(store, 'get', 'sid')))
  )
  assert.ok(main > whole / 2, `${main} ms of ${whole} ms were on the main thread`)
})
