// Runs one fault: servers, stores, clients, the fault itself, the verdict.
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { BACKENDS, DEFAULT_BACKEND } = require('../support/backends.js')
const { Deployment, waitFor } = require('./deployment.js')
const { smallDisk } = require('./faults.js')
const { measureGrouping } = require('./grouping.js')
const { measureIsolation } = require('./isolation.js')
const { BUSY_CLIENTS, Load } = require('./load.js')
const { APP_NAMES } = require('./scene.js')
const { judge } = require('./verdict.js')

/**
 * @typedef {import('./scene.js').Fault} Fault
 * @typedef {InstanceType<typeof Deployment>} Deployment
 * @typedef {InstanceType<typeof Load>} Load
 * @typedef {import('../support/backends.js').Backend} Backend
 * @typedef {'connect-mongo-native' | 'connect-mongo'} StoreName
 *
 * @typedef {object} Subject what is to stand the fault
 * @property {StoreName} storeName
 * @property {Backend} [backend] of ours
 */

/** How long the clients are at it before the fault, and how often at the least; and how long afterwards. */
const WARM_UP_MS = 500
const WARM_UP_CALLS = 2
const AFTERMATH_MS = 500
/** A machine that others slow down, or that sleeps, is not to look like a server that is gone. */
const PATIENCE = { serverSelectionTimeoutMS: '240000' }

/** @type {import('./scene.js').Expected} */
const ANY_ERROR = { what: 'no promise is made', isIt: () => true }

/** @param {Fault} fault @param {Subject} subject */
function expectedErrors({ expected = [], expectedOnDriver = [] }, { storeName, backend }) {
  // connect-mongo promises none of this: its errors are shown for comparison.
  if (storeName === 'connect-mongo') return [ANY_ERROR]
  return backend === 'driver' ? [...expected, ...expectedOnDriver] : expected
}

/** @type {Record<StoreName, () => Promise<any>>} */
const STORES = {
  'connect-mongo-native': async () => require('../..'),
  'connect-mongo': async () => (await import('connect-mongo')).default,
}

/**
 * @param {Fault} fault @param {StoreName} storeName
 * @param {Backend} [backend] the only one to be looked at
 * @returns {Subject[]}
 */
function subjectsOf({ isForBackends }, storeName, backend) {
  if (storeName !== 'connect-mongo-native') return [{ storeName }]
  const backends = isForBackends ? BACKENDS : [DEFAULT_BACKEND]
  return (backend ? [backend] : backends).map((one) => ({ storeName, backend: one }))
}

/**
 * Two stores that share nothing, as those of two processes; the names keep them from sharing a client.
 *
 * @param {Fault} fault @param {Deployment} deployment @param {Subject} subject
 */
async function openStores(fault, deployment, { storeName, backend }) {
  const MongoStore = await STORES[storeName]()
  return APP_NAMES.map((appName) =>
    MongoStore.create({
      mongoUrl: deployment.url({ ...PATIENCE, ...fault.url, appName }),
      autoRemove: 'disabled',
      ...(backend && { backend }),
      ...fault.options,
    })
  )
}

/** @param {Deployment} deployment @param {string[]} sids */
async function storedSessions(deployment, sids) {
  const sessions = await deployment.sessions()
  const documents = await sessions.find({ _id: { $in: /** @type {any[]} */ (sids) } }).toArray()
  const entries = documents.map(({ _id, session, expires }) => {
    const { value } = JSON.parse(session)
    return /** @type {const} */ ([String(_id), { value, expires: expires.getTime() }])
  })
  return new Map(entries)
}

/**
 * @param {Deployment} deployment @param {Load} load
 * @param {number[]} availableAt told when the servers acknowledged a write
 * @param {Deployment['members'][number]} [except] who is not to be primary
 */
async function recovered(deployment, { calls }, availableAt, except) {
  await deployment.acknowledges(except)
  const now = performance.now()
  availableAt.push(now)
  const isIt = (/** @type {import('./load.js').Call} */ { method, startedAt, end }) =>
    method !== 'get' && end !== undefined && startedAt >= now
  await waitFor('a write', async () => calls.some(isIt))
}

/**
 * @param {Fault} fault @param {Deployment} deployment @param {Subject} subject @param {number} seed
 * @param {(line: string) => void} say
 */
async function judgeOn(fault, deployment, subject, seed, say) {
  await fault.prepare?.(deployment)
  const stores = await openStores(fault, deployment, subject)
  const showsTouches = subject.storeName === 'connect-mongo-native'
  const crowd = fault.crowd ?? BUSY_CLIENTS
  const load = new Load(stores, seed, showsTouches, crowd)
  /** @type {import('./verdict.js').Evidence} */
  const evidence = { availableAt: [], expected: expectedErrors(fault, subject) }
  load.start()
  try {
    await sleep(Math.max(WARM_UP_MS, WARM_UP_CALLS * crowd.longestPauseMs))
    await fault.run({
      deployment,
      seed,
      say,
      touchedSids: () => load.sids(({ isTouched }) => isTouched),
      recovered: (except) => recovered(deployment, load, evidence.availableAt, except),
      async measureIsolation(during) {
        evidence.isolation = await measureIsolation(load, during)
      },
      async measureGrouping(during) {
        evidence.grouping = await measureGrouping(deployment, load, during)
      },
    })
    await sleep(AFTERMATH_MS)
  } finally {
    await load.stop()
  }
  await Promise.all(stores.map((store) => store.close()))
  load.readAll(await storedSessions(deployment, load.sids()))
  if (deployment.canTellRepeatedWrites) evidence.oplog = await deployment.oplog()
  return judge(load, evidence)
}

/**
 * @param {Fault} fault @param {Subject} subject @param {number} seed
 * @param {(line: string) => void} say
 */
async function runFault(fault, subject, seed, say) {
  const disk = fault.diskMegabytes ? await smallDisk(fault.diskMegabytes) : undefined
  try {
    const deployment = await Deployment.start({ ...fault.servers, dbPath: disk?.folder })
    try {
      return await judgeOn(fault, deployment, subject, seed, say)
    } finally {
      await deployment.stop()
    }
  } finally {
    await disk?.remove()
  }
}

module.exports = { BACKENDS, STORES, runFault, subjectsOf }
