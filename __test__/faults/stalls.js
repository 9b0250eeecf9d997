// The faults in which nothing fails, but something takes long: whether that is left to those whose sessions it is about.
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { randomNumbers } = require('../support/random.js')
const { waitFor } = require('./deployment.js')
const { MANY_CLIENTS } = require('./habits.js')
const { APP_NAMES, LINEARIZABLE, THREE, electAnother, failCommand } = require('./scene.js')

/**
 * @typedef {import('./scene.js').Deployment} Deployment
 * @typedef {import('./scene.js').Fault} Fault
 * @typedef {import('./scene.js').Scene} Scene
 */

const STUCK_COMMANDS = 2
const STUCK_MS = 8_000
/** A little less, so that it is seen who still waits. */
const STUCK_SEEN_MS = 7_500
const LOCKED_MS = 6_000
const LOCKED_SESSIONS = 8
const SILENT_MS = 8_000
const ONE_BY_ONE_MS = 500
const FROZEN_MS = 5_000
const SLOW_DISK_MS = 5_000
const SLOW_MS = 5_000
const INDEXING_MS = 4_000
const INDEXED_DOCUMENTS = 100_000
const DOCUMENTS_A_BATCH = 10_000

/** @param {Deployment} deployment @param {string} command that takes long two times, for one and the same store */
const stall = (deployment, command) =>
  failCommand(
    deployment,
    { failCommands: [command], blockConnection: true, blockTimeMS: STUCK_MS, appName: APP_NAMES[0] },
    { times: STUCK_COMMANDS }
  )

/** @param {Scene} scene @param {string} command */
async function stuck({ deployment, recovered, measureIsolation }, command) {
  await measureIsolation(async () => {
    await stall(deployment, command)
    await sleep(STUCK_SEEN_MS)
  })
  await recovered()
}

/**
 * A transaction that holds the documents of the touched sessions.
 *
 * @param {Scene} scene
 * @returns {Promise<() => Promise<void>>} ends it, without a trace
 */
async function lock({ deployment, touchedSids }) {
  const { client } = await deployment.primary()
  const sessions = await deployment.sessions()
  const session = client.startSession()
  await waitFor('documents that nobody is writing', async () => {
    session.startTransaction()
    const filter = { _id: { $in: /** @type {any[]} */ (touchedSids()) } }
    const isLocked = await sessions.updateMany(filter, { $set: { isHeld: true } }, { session }).then(
      () => true,
      () => false
    )
    if (!isLocked) await session.abortTransaction()
    return isLocked
  })
  return () => session.endSession()
}

/** @param {Scene} scene */
async function lockedDocuments(scene) {
  let unlock = async () => {}
  await scene.measureIsolation(async () => {
    unlock = await lock(scene)
    await sleep(LOCKED_MS)
  })
  await unlock()
  await scene.recovered()
}

/** @type {import('./scene.js').Expected} */
const GIVEN_UP = {
  what: 'the JavaScript driver repeats no write whose connection ends after another has ended',
  isIt: ({ method }, { name }) => method !== 'get' && name === 'MongoNetworkError',
}

/** @param {Scene} scene */
async function silentConnections({ deployment, recovered, measureIsolation }) {
  const primary = await deployment.primary()
  await measureIsolation(async () => {
    primary.gate?.forget()
    await sleep(SILENT_MS)
  })
  primary.gate?.cutForgotten()
  await recovered()
}

/** @param {Scene} scene */
async function silentOneByOne({ deployment, recovered, seed, measureIsolation }) {
  const primary = await deployment.primary()
  const random = randomNumbers(seed)
  const chooseOne = (/** @type {import('../support/gate.js').Connection[]} */ used) => {
    const index = Math.floor(random() * used.length)
    return used.slice(index, index + 1)
  }
  await measureIsolation(async () => {
    for (let passedMs = 0; passedMs < SILENT_MS; passedMs += ONE_BY_ONE_MS) {
      primary.gate?.forget(chooseOne)
      await sleep(ONE_BY_ONE_MS)
    }
  })
  primary.gate?.cutForgotten()
  await recovered()
}

/** @param {Scene} scene */
async function freeze({ deployment, recovered }) {
  const primary = await deployment.primary()
  primary.signal('SIGSTOP')
  await sleep(FROZEN_MS)
  primary.signal('SIGCONT')
  await recovered()
}

/** @param {Scene} scene */
async function slowDisk({ deployment, recovered, measureIsolation }) {
  const { client } = await deployment.primary()
  await measureIsolation(async () => {
    await client.db('admin').command({ fsync: 1, lock: true })
    await sleep(SLOW_DISK_MS)
  })
  await client.db('admin').command({ fsyncUnlock: 1 })
  await recovered()
}

/** @param {Deployment} deployment */
async function addManyDocuments(deployment) {
  const sessions = await deployment.sessions()
  for (let first = 0; first < INDEXED_DOCUMENTS; first += DOCUMENTS_A_BATCH) {
    const batch = Array.from({ length: DOCUMENTS_A_BATCH }, (_, index) => ({
      _id: /** @type {any} */ (first + index),
      indexed: `${(first + index) % 1_013}`.repeat(50),
    }))
    await sessions.insertMany(batch)
  }
  // What is still to be written would slow down what comes before the fault.
  const { client } = await deployment.primary()
  await client.db('admin').command({ fsync: 1 })
}

/** @param {Deployment} deployment @returns {Promise<() => Promise<unknown>>} lets the build end, and tells how it did */
async function hangingIndexBuild(deployment) {
  const { client } = await deployment.primary()
  const sessions = await deployment.sessions()
  const hang = (/** @type {string} */ mode) =>
    client.db('admin').command({ configureFailPoint: 'hangAfterStartingIndexBuild', mode })
  await hang('alwaysOn')
  const built = sessions.createIndex({ indexed: 1 })
  built.catch(() => {})
  return async () => {
    await hang('off')
    return built
  }
}

/** @param {Scene} scene */
async function buildIndex({ deployment, recovered, measureIsolation }) {
  await measureIsolation(async () => {
    const end = await hangingIndexBuild(deployment)
    await sleep(INDEXING_MS)
    await end()
  })
  await recovered()
}

/** @param {Scene} scene @param {number} blockTimeMS */
async function evenlySlow({ deployment, recovered, measureGrouping }, blockTimeMS) {
  const data = { failCommands: ['find', 'update', 'delete'], blockConnection: true, blockTimeMS }
  await measureGrouping(async () => {
    await failCommand(deployment, data, 'alwaysOn')
    await sleep(SLOW_MS + 5 * blockTimeMS)
  })
  // It is off only when the last of them is through, and meanwhile others are not slow.
  await failCommand(deployment, {}, 'off')
  await recovered()
}

/** What all of these have in common. @satisfies {Partial<Fault>} */
const ON_ONE_MEMBER = { isForBackends: true, url: LINEARIZABLE, crowd: MANY_CLIENTS }
const WITH_LOCKED = { ...MANY_CLIENTS, touched: LOCKED_SESSIONS }

/** @type {Fault[]} */
const STALLS = [
  {
    ...ON_ONE_MEMBER,
    name: 'stuck-reads',
    what: `${STUCK_COMMANDS} finds take ${STUCK_MS / 1_000} s`,
    run: (scene) => stuck(scene, 'find'),
  },
  {
    ...ON_ONE_MEMBER,
    name: 'stuck-writes',
    isFast: true,
    what: `${STUCK_COMMANDS} updates take ${STUCK_MS / 1_000} s`,
    run: (scene) => stuck(scene, 'update'),
  },
  {
    ...ON_ONE_MEMBER,
    name: 'locked-documents',
    what: `another program's transaction holds ${LOCKED_SESSIONS} sessions for ${LOCKED_MS / 1_000} s`,
    crowd: WITH_LOCKED,
    run: lockedDocuments,
  },
  {
    ...ON_ONE_MEMBER,
    name: 'silent-connections',
    expectedOnDriver: [GIVEN_UP],
    what: 'all connections fall silent at once, and new ones work',
    servers: { gated: true },
    url: { ...LINEARIZABLE, directConnection: 'true' },
    run: silentConnections,
  },
  {
    ...ON_ONE_MEMBER,
    name: 'silent-one-by-one',
    expectedOnDriver: [GIVEN_UP],
    what: `every ${ONE_BY_ONE_MS} ms another connection falls silent`,
    servers: { gated: true },
    url: { ...LINEARIZABLE, directConnection: 'true' },
    run: silentOneByOne,
  },
  {
    ...ON_ONE_MEMBER,
    name: 'freeze',
    what: `SIGSTOP of the only member, SIGCONT after ${FROZEN_MS / 1_000} s`,
    run: freeze,
  },
  {
    ...ON_ONE_MEMBER,
    name: 'slow-disk',
    isFast: true,
    what: `the disk takes no write for ${SLOW_DISK_MS / 1_000} s: others read`,
    // A linearizable read writes.
    url: {},
    crowd: { ...MANY_CLIENTS, habit: 'reading', touched: 64 },
    run: slowDisk,
  },
  {
    ...ON_ONE_MEMBER,
    name: 'index-build',
    what: `an index is made of ${INDEXED_DOCUMENTS.toLocaleString('en')} more documents, and hangs for ${INDEXING_MS / 1_000} s`,
    prepare: addManyDocuments,
    run: buildIndex,
  },
  {
    ...ON_ONE_MEMBER,
    name: 'evenly-slow',
    what: 'every command takes 100 ms more',
    run: (scene) => evenlySlow(scene, 100),
  },
  {
    ...ON_ONE_MEMBER,
    name: 'evenly-very-slow',
    what: 'every command takes 2 s more',
    run: (scene) => evenlySlow(scene, 2_000),
  },
  {
    ...ON_ONE_MEMBER,
    name: 'stuck-writes-election',
    what: 'another primary is elected while two updates are stuck',
    servers: THREE,
    async run(scene) {
      await stall(scene.deployment, 'update')
      await sleep(1_000)
      await electAnother(scene)
    },
  },
  {
    ...ON_ONE_MEMBER,
    name: 'locked-documents-election',
    what: 'another primary is elected while a transaction holds documents',
    servers: THREE,
    crowd: WITH_LOCKED,
    async run(scene) {
      const unlock = await lock(scene)
      await sleep(1_000)
      await electAnother(scene)
      await unlock()
    },
  },
  {
    ...ON_ONE_MEMBER,
    name: 'index-build-election',
    what: 'another primary is elected in the middle of an index build',
    servers: THREE,
    prepare: addManyDocuments,
    async run(scene) {
      const end = await hangingIndexBuild(scene.deployment)
      await sleep(1_000)
      await electAnother(scene)
      // The command has ended with its primary.
      await end().catch(() => {})
    },
  },
  {
    ...ON_ONE_MEMBER,
    name: 'evenly-slow-election',
    what: 'another primary is elected while every command takes 100 ms more',
    servers: THREE,
    async run(scene) {
      const data = { failCommands: ['find', 'update', 'delete'], blockConnection: true, blockTimeMS: 100 }
      await failCommand(scene.deployment, data, 'alwaysOn')
      await sleep(1_000)
      await electAnother(scene)
    },
  },
  {
    ...ON_ONE_MEMBER,
    name: 'silent-connections-election',
    expectedOnDriver: [GIVEN_UP],
    what: 'another primary is elected while connections to the former are silent',
    servers: { ...THREE, gated: true },
    async run(scene) {
      const primary = await scene.deployment.primary()
      primary.gate?.forget()
      await sleep(1_000)
      await electAnother(scene)
      primary.gate?.cutForgotten()
    },
  },
]

module.exports = { STALLS }
