// Runs one fault: servers, stores, clients, the fault itself, the verdict.
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { BACKENDS, DEFAULT_BACKEND } = require('../support/backends.js')
const { Deployment, waitFor } = require('./deployment.js')
const { smallDisk } = require('./faults.js')
const { measureGrouping } = require('./grouping.js')
const { BUSY_CLIENTS } = require('./habits.js')
const { incrementsIn } = require('./increments.js')
const { measureIsolation } = require('./isolation.js')
const { Load, lastReads } = require('./load.js')
const { ProcessLoad } = require('./processes.js')
const { APP_NAMES } = require('./scene.js')
const { openStore } = require('./stores.js')
const { judge } = require('./verdict.js')

/**
 * @typedef {import('./scene.js').Fault} Fault
 * @typedef {InstanceType<typeof Deployment>} Deployment
 * @typedef {import('../support/backends.js').Backend} Backend
 * @typedef {import('./stores.js').StoreName} StoreName
 * @typedef {import('./stores.js').Subject} Subject
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

/**
 * @param {Fault} fault @param {StoreName} storeName
 * @param {Backend} [backend] the only one to be looked at
 * @returns {Subject[]}
 */
function subjectsOf({ isForBackends, isAboutOurs }, storeName, backend) {
  if (isAboutOurs && storeName !== 'connect-mongo-native') return []
  if (storeName !== 'connect-mongo-native') return [{ storeName }]
  const backends = isForBackends ? BACKENDS : [DEFAULT_BACKEND]
  return (backend ? [backend] : backends).map((one) => ({ storeName, backend: one }))
}

/**
 * Two stores that share nothing, as those of two processes, or two processes; the names keep stores from sharing a client.
 *
 * @param {Fault} fault @param {Deployment} deployment @param {Subject} subject @param {number} seed
 */
async function openLoad({ url, options, crowd = BUSY_CLIENTS, processes }, deployment, subject, seed) {
  const urlOf = (/** @type {string} */ appName) => deployment.url({ ...PATIENCE, ...url, appName })
  if (processes) {
    const mongoUrl = urlOf(APP_NAMES[0])
    return new ProcessLoad({ subject, mongoUrl, options, ...processes, seed, crowd })
  }
  const stores = await Promise.all(APP_NAMES.map((appName) => openStore(subject, urlOf(appName), options)))
  const showsTouches = subject.storeName === 'connect-mongo-native'
  return new Load(stores, seed, showsTouches, crowd)
}

/**
 * @param {Deployment} deployment
 * @returns {Promise<import('./increments.js').Stored[]>} the sessions, whatever id they are stored under
 */
async function storedSessions(deployment) {
  const sessions = await deployment.sessions()
  const documents = await sessions.find({ session: { $exists: true } }).toArray()
  return documents.map(({ session, expires }) => {
    const { sid, value, count } = JSON.parse(session)
    return { sid, value, count, expires: expires.getTime() }
  })
}

/**
 * @param {Deployment} deployment @param {InstanceType<typeof Load> | InstanceType<typeof ProcessLoad>} load
 * @param {number[]} availableAt told when the servers acknowledged a write
 * @param {Deployment['members'][number]} [except] who is not to be primary
 */
async function recovered(deployment, load, availableAt, except) {
  await deployment.acknowledges(except)
  const now = performance.now()
  availableAt.push(now)
  await waitFor('a write', async () => load.hasWrittenSince(now))
}

/**
 * @param {Fault} fault @param {Deployment} deployment @param {Subject} subject @param {number} seed @param {boolean} isShort
 * @param {(line: string) => void} say
 */
async function judgeOn(fault, deployment, subject, seed, isShort, say) {
  await fault.prepare?.(deployment)
  const crowd = fault.crowd ?? BUSY_CLIENTS
  const load = await openLoad(fault, deployment, subject, seed)
  /** @type {Omit<import('./verdict.js').Evidence, 'stored' | 'last'>} */
  const evidence = {
    availableAt: [],
    expected: expectedErrors(fault, subject),
    mayLose: fault.mayLose,
    readsMayBeStale: fault.readsMayBeStale,
  }
  try {
    await load.start()
    await sleep(Math.max(WARM_UP_MS, WARM_UP_CALLS * crowd.longestPauseMs))
    await fault.run({
      deployment,
      seed,
      say,
      isShort,
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
  const stored = await storedSessions(deployment)
  if (crowd.habit === 'counting') evidence.increments = incrementsIn(load.calls, stored)
  if (deployment.canTellRepeatedWrites && !fault.mayLose) evidence.oplog = await deployment.oplog()
  return judge(load, { ...evidence, stored, last: lastReads(load.calls, stored) })
}

/**
 * @param {Fault} fault @param {Subject} subject @param {number} seed @param {boolean} isShort
 * @param {(line: string) => void} say
 */
async function runFault(fault, subject, seed, isShort, say) {
  const disk = fault.diskMegabytes ? await smallDisk(fault.diskMegabytes) : undefined
  try {
    const deployment = await Deployment.start({ ...fault.servers, dbPath: disk?.folder })
    try {
      return await judgeOn(fault, deployment, subject, seed, isShort, say)
    } finally {
      await deployment.stop()
    }
  } finally {
    await disk?.remove()
  }
}

module.exports = { BACKENDS, runFault, subjectsOf }
