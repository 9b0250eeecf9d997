// The faults: what each does to its servers while the clients go on, and what a store cannot prevent.
'use strict'

const { execFile } = require('node:child_process')
const { mkdtemp, open, rm, statfs } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { promisify } = require('node:util')
const { waitFor } = require('./deployment.js')
const { HISTORIES } = require('./histories.js')
const { LOSSES } = require('./losses.js')
const { LINEARIZABLE, THREE, UNKNOWN_FATE, cutAtRandom, electAnother, failCommand } = require('./scene.js')
const { STALLS } = require('./stalls.js')

/**
 * @typedef {import('./scene.js').Deployment} Deployment
 * @typedef {import('./scene.js').Expected} Expected
 * @typedef {import('./scene.js').Fault} Fault
 * @typedef {import('./scene.js').Scene} Scene
 */

/** Names and codes: https://github.com/mongodb/specifications/blob/master/source/retryable-reads/retryable-reads.md and its like for writes. */
const RETRYABLE_CODES = {
  InterruptedAtShutdown: 11600,
  InterruptedDueToReplStateChange: 11602,
  NotWritablePrimary: 10107,
  NotPrimaryNoSecondaryOk: 13435,
  NotPrimaryOrSecondary: 13436,
  PrimarySteppedDown: 189,
  ShutdownInProgress: 91,
  HostNotFound: 7,
  HostUnreachable: 6,
  NetworkTimeout: 89,
  SocketException: 9001,
  ExceededTimeLimit: 262,
}
const READ_CODES = { ...RETRYABLE_CODES, ReadConcernMajorityNotAvailableYet: 134 }

/** A driver that has been refused asks again as late as this; the default is 10 s. */
const ATTENTIVE = { heartbeatFrequencyMS: '500' }
/** How often a code comes in a row. */
const IN_A_ROW = 3

/** Until the server has failed as many commands as it was told to. @param {Deployment} deployment @param {Record<string, unknown>} data */
async function failInARow(deployment, data) {
  const { count } = await failCommand(deployment, data, { times: IN_A_ROW })
  const { client } = await deployment.primary()
  await waitFor(`failures of ${data.failCommands}`, async () => {
    const { 'failpoint.failCommand': point } = await client
      .db('admin')
      .command({ getParameter: 1, 'failpoint.failCommand': 1 })
    return point.mode === 0 || point.timesEntered >= (count ?? 0) + IN_A_ROW
  })
}

/** @param {Scene} scene @param {import('../support/gate.js').Side[]} sides */
async function partition({ deployment, recovered }, sides) {
  const primary = await deployment.primary()
  primary.gate?.shut(sides)
  await recovered(primary)
  await sleep(1_000)
  primary.gate?.reopen()
}

/** Commands that take longer, for a while. @param {Scene} scene @param {number} blockTimeMS @param {number} activationProbability */
async function slowDown({ deployment, recovered }, blockTimeMS, activationProbability) {
  const data = { failCommands: ['find', 'update', 'delete'], blockConnection: true, blockTimeMS }
  await failCommand(deployment, data, { activationProbability })
  await sleep(3_000)
  await failCommand(deployment, {}, 'off')
  await recovered()
}

/** @type {Expected} */
const REFUSED = {
  what: 'the server refuses the password',
  isIt: (_, { name, code, message }) =>
    name === 'MongoServerError' && code === 18 && message.includes('Authentication failed'),
}

/** @type {Expected} */
const NO_SERVER = {
  what: 'no server for as long as serverSelectionTimeoutMS',
  // The JavaScript driver says what befell its last attempt.
  isIt: (_, { name, message }) =>
    name === 'MongoServerSelectionError' && /Server selection timeout|ECONNREFUSED/.test(message),
}

/** @param {number} megabytes @returns {Promise<{ folder: string, remove(): Promise<void> }>} a disk of that size */
async function smallDisk(megabytes) {
  const folder = await mkdtemp(path.join(tmpdir(), 'connect-mongo-native-disk-'))
  const run = promisify(execFile)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
  } catch (error) {
    await rm(folder, { recursive: true })
    throw Object.assign(new Error('only root may mount a small disk'), { isSkipped: true, cause: error })
  }
  return {
    folder,
    async remove() {
      await run('umount', [folder])
      await rm(folder, { recursive: true })
    },
  }
}

/** @param {string} folder @returns {Promise<() => Promise<void>>} frees it again */
async function fill(folder) {
  const ballast = path.join(folder, 'ballast')
  const file = await open(ballast, 'w')
  const megabyte = Buffer.alloc(1 << 20, 1)
  for (let { bavail } = await statfs(folder); bavail > 0; { bavail } = await statfs(folder)) {
    await file
      .write(megabyte)
      .catch(() => file.write(Buffer.alloc(4096, 1)))
      .catch(() => {})
  }
  await file.close()
  return () => rm(ballast)
}

/** @type {Fault[]} */
const FAULTS = [
  {
    name: 'kill-primary',
    what: 'SIGKILL of the primary',
    isFast: true,
    servers: THREE,
    url: LINEARIZABLE,
    async run({ deployment, recovered }) {
      const primary = await deployment.primary()
      primary.signal('SIGKILL')
      await recovered(primary)
      await primary.restart()
    },
  },
  {
    name: 'stop-primary',
    what: 'SIGSTOP of the primary, SIGCONT later',
    isFast: true,
    servers: THREE,
    url: LINEARIZABLE,
    async run({ deployment, recovered }) {
      const primary = await deployment.primary()
      primary.signal('SIGSTOP')
      await recovered(primary)
      await sleep(1_000)
      primary.signal('SIGCONT')
    },
  },
  {
    name: 'step-downs',
    what: 'five step-downs, one after the other',
    servers: THREE,
    url: LINEARIZABLE,
    async run(scene) {
      for (let round = 1; round <= 5; round++) {
        scene.say(`step-down ${round} of 5`)
        await electAnother(scene)
      }
    },
  },
  {
    name: 'partition',
    what: 'nothing reaches the primary or comes from it, for a while',
    servers: { ...THREE, gated: true },
    url: LINEARIZABLE,
    run: (scene) => partition(scene, ['request', 'reply']),
  },
  {
    name: 'partition-replies',
    what: 'the primary gets every command, and no reply of it gets through',
    servers: { ...THREE, gated: true },
    url: LINEARIZABLE,
    run: (scene) => partition(scene, ['reply']),
  },
  {
    name: 'partition-requests',
    what: 'no command reaches the primary, which still sends what was asked before, such as that all is well',
    isForBackends: true,
    servers: { ...THREE, gated: true },
    url: LINEARIZABLE,
    async run({ deployment, recovered }) {
      const primary = await deployment.primary()
      primary.gate?.shut(['request'])
      // No other is elected: members hear from it, and so do drivers, in replies that go on without being asked for.
      await sleep(5_000)
      primary.gate?.reopen()
      await recovered()
    },
  },
  {
    name: 'cut-requests',
    what: 'connections cut before the server gets a command',
    isFast: true,
    servers: { gated: true },
    url: { ...LINEARIZABLE, directConnection: 'true' },
    run: (scene) => cutAtRandom(scene, { side: 'request' }),
  },
  {
    name: 'cut-replies',
    what: 'connections cut after the server has run a command',
    isFast: true,
    servers: { gated: true },
    url: { ...LINEARIZABLE, directConnection: 'true' },
    run: (scene) => cutAtRandom(scene, { side: 'reply' }),
  },
  {
    name: 'cut-standalone',
    what: 'the same of a standalone server, which cannot tell a repeated write',
    servers: { count: 0, gated: true },
    expected: [UNKNOWN_FATE],
    run: (scene) => cutAtRandom(scene, { side: 'reply' }),
  },
  {
    name: 'codes',
    what: `every retryable code, ${IN_A_ROW} times in a row`,
    url: { ...LINEARIZABLE, ...ATTENTIVE },
    async run({ deployment, recovered, say }) {
      for (const [command, codes] of /** @type {const} */ ([
        ['find', READ_CODES],
        ['update', RETRYABLE_CODES],
        ['delete', RETRYABLE_CODES],
      ])) {
        say(`codes of ${command}`)
        for (const errorCode of Object.values(codes)) {
          await failInARow(deployment, { failCommands: [command], errorCode })
        }
      }
      await recovered()
    },
  },
  {
    name: 'codes-standalone',
    what: 'every retryable code of reads, on a standalone server',
    servers: { count: 0 },
    url: ATTENTIVE,
    async run({ deployment, recovered }) {
      for (const errorCode of Object.values(READ_CODES)) {
        await failInARow(deployment, { failCommands: ['find'], errorCode })
      }
      await recovered()
    },
  },
  {
    name: 'concern-codes',
    what: `every retryable code as a write concern error, ${IN_A_ROW} times in a row`,
    isFast: true,
    url: LINEARIZABLE,
    async run({ deployment, recovered, say }) {
      for (const command of ['update', 'delete']) {
        say(`codes of ${command}`)
        for (const [errmsg, code] of Object.entries(RETRYABLE_CODES)) {
          await failInARow(deployment, { failCommands: [command], writeConcernError: { code, errmsg } })
        }
      }
      await recovered()
    },
  },
  {
    name: 'slow',
    what: 'a third of the commands take 200 ms more',
    isFast: true,
    url: LINEARIZABLE,
    run: (scene) => slowDown(scene, 200, 0.3),
  },
  {
    name: 'full-pool',
    what: 'one connection for all, on a server that is slow',
    isFast: true,
    url: { ...LINEARIZABLE, maxPoolSize: '1' },
    run: (scene) => slowDown(scene, 50, 0.5),
  },
  {
    name: 'authentication',
    what: 'new connections are refused: the password has changed, and changes back',
    isFast: true,
    servers: { count: 0, gated: true, auth: { username: 'root', password: 'right' } },
    url: ATTENTIVE,
    expected: [UNKNOWN_FATE, REFUSED],
    async run({ deployment, recovered }) {
      const [member] = deployment.members
      const admins = member.client.db('admin')
      await admins.command({ updateUser: 'root', pwd: 'wrong' })
      member.gate?.cutAll()
      await sleep(2_000)
      await admins.command({ updateUser: 'root', pwd: 'right' })
      await recovered()
    },
  },
  {
    name: 'full-disk',
    what: 'ENOSPC: the server ends, and starts again on a disk with room',
    diskMegabytes: 420,
    url: LINEARIZABLE,
    async run({ deployment, recovered }) {
      const [member] = deployment.members
      const empty = await fill(member.dbPath)
      // A checkpoint needs room; the journal was given its own beforehand.
      await member.client
        .db('admin')
        .command({ fsync: 1 })
        .catch(() => {})
      await member.ended()
      await empty()
      await member.restart()
      await recovered()
    },
  },
  {
    name: 'restart',
    what: 'the server is restarted twice, the TTL index is made all the same',
    url: LINEARIZABLE,
    options: { autoRemove: 'native' },
    async run({ deployment, recovered }) {
      for (let round = 0; round < 2; round++) {
        await deployment.members[0].shutDown()
        await deployment.members[0].restart()
        await recovered()
      }
      const sessions = await deployment.sessions()
      await waitFor('the TTL index', async () =>
        (await sessions.indexes()).some(({ expireAfterSeconds }) => expireAfterSeconds === 0)
      )
    },
  },
  {
    name: 'restart-standalone',
    what: 'a standalone server is restarted',
    isFast: true,
    servers: { count: 0 },
    expected: [UNKNOWN_FATE],
    async run({ deployment, recovered }) {
      await deployment.members[0].shutDown()
      await deployment.members[0].restart()
      await recovered()
    },
  },
  {
    name: 'away',
    what: 'no server for longer than serverSelectionTimeoutMS',
    url: { ...LINEARIZABLE, serverSelectionTimeoutMS: '1000' },
    expected: [NO_SERVER, UNKNOWN_FATE],
    async run({ deployment, recovered }) {
      await deployment.members[0].shutDown()
      await sleep(3_000)
      await deployment.members[0].restart()
      await recovered()
    },
  },
  ...STALLS,
  ...HISTORIES,
  ...LOSSES,
]

module.exports = { FAULTS, smallDisk }
