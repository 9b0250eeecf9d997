// Runs one fault: servers, stores, clients, the fault itself, the verdict.
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { Deployment, waitFor } = require('./deployment.js')
const { smallDisk } = require('./faults.js')
const { Load } = require('./load.js')
const { judge } = require('./verdict.js')

/**
 * @typedef {import('./faults.js').Fault} Fault
 * @typedef {InstanceType<typeof Deployment>} Deployment
 * @typedef {InstanceType<typeof Load>} Load
 * @typedef {'connect-mongo-native' | 'connect-mongo'} StoreName
 */

/** How long the clients are at it before the fault, and afterwards. */
const WARM_UP_MS = 500
const AFTERMATH_MS = 500
/** A machine that others slow down, or that sleeps, is not to look like a server that is gone. */
const PATIENCE = { serverSelectionTimeoutMS: '240000' }

/** @type {import('./faults.js').Expected} */
const ANY_ERROR = { what: 'no promise is made', isIt: () => true }

/** @type {Record<StoreName, () => Promise<any>>} */
const STORES = {
  'connect-mongo-native': async () => require('../..'),
  'connect-mongo': async () => (await import('connect-mongo')).default,
}

/**
 * Two stores that share nothing, as those of two processes; the names keep them from sharing a client.
 *
 * @param {Fault} fault @param {Deployment} deployment @param {StoreName} storeName
 */
async function openStores(fault, deployment, storeName) {
  const MongoStore = await STORES[storeName]()
  return ['one', 'other'].map((appName) =>
    MongoStore.create({
      mongoUrl: deployment.url({ ...PATIENCE, ...fault.url, appName }),
      autoRemove: 'disabled',
      ...fault.options,
    })
  )
}

/** @param {Deployment} deployment */
async function storedSessions(deployment) {
  const documents = await (await deployment.sessions()).find().toArray()
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
 * @param {Fault} fault @param {Deployment} deployment @param {StoreName} storeName @param {number} seed
 * @param {(line: string) => void} say
 */
async function judgeOn(fault, deployment, storeName, seed, say) {
  const stores = await openStores(fault, deployment, storeName)
  const isOurs = storeName === 'connect-mongo-native'
  const load = new Load(stores, seed, isOurs)
  /** @type {number[]} */
  const availableAt = []
  load.start()
  try {
    await sleep(WARM_UP_MS)
    await fault.run({
      deployment,
      seed,
      say,
      recovered: (except) => recovered(deployment, load, availableAt, except),
    })
    await sleep(AFTERMATH_MS)
  } finally {
    await load.stop()
  }
  await Promise.all(stores.map((store) => store.close()))
  load.readAll(await storedSessions(deployment))
  const oplog = deployment.canTellRepeatedWrites ? await deployment.oplog() : undefined
  // connect-mongo promises none of this: its errors are shown for comparison.
  return judge(load, oplog, availableAt, isOurs ? (fault.expected ?? []) : [ANY_ERROR])
}

/**
 * @param {Fault} fault @param {StoreName} storeName @param {number} seed
 * @param {(line: string) => void} say
 */
async function runFault(fault, storeName, seed, say) {
  const disk = fault.diskMegabytes ? await smallDisk(fault.diskMegabytes) : undefined
  try {
    const deployment = await Deployment.start({ ...fault.servers, dbPath: disk?.folder })
    try {
      return await judgeOn(fault, deployment, storeName, seed, say)
    } finally {
      await deployment.stop()
    }
  } finally {
    await disk?.remove()
  }
}

module.exports = { STORES, runFault }
