// What servers forget that have acknowledged it, under options that allow it, and do not under those that forbid it.
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { REPEATED_ONCE, THREE, UNKNOWN_FATE } = require('./scene.js')

/**
 * @typedef {import('./scene.js').Fault} Fault
 * @typedef {import('./scene.js').Scene} Scene
 */

const SAVING_MS = 2_000
const BEHIND_MS = 300

/** @param {Scene} scene */
async function killStandalone({ deployment, recovered }) {
  const [member] = deployment.members
  await sleep(SAVING_MS)
  member.signal('SIGKILL')
  await member.ended()
  await member.restart()
  await recovered()
}

/** @param {Scene} scene */
async function killPrimary({ deployment, recovered }) {
  const primary = await deployment.primary()
  const others = deployment.members.filter((member) => member !== primary)
  const stopCopying = (/** @type {string} */ mode) =>
    Promise.all(
      others.map(({ client }) => client.db('admin').command({ configureFailPoint: 'stopReplProducer', mode }))
    )
  await sleep(SAVING_MS)
  await stopCopying('alwaysOn')
  await sleep(BEHIND_MS)
  primary.signal('SIGKILL')
  await stopCopying('off')
  await recovered(primary)
}

/** @satisfies {Partial<Fault>} */
const SAVING = {
  isForBackends: true,
  crowd: { clients: 64, longestPauseMs: 20, habit: /** @type {const} */ ('beginning') },
}

const STANDALONE = { ...SAVING, servers: { count: 0 }, expected: [UNKNOWN_FATE], run: killStandalone }

const REPLICATED = {
  ...SAVING,
  servers: THREE,
  expectedOnDriver: [REPEATED_ONCE],
  run: killPrimary,
}

/** @type {Fault[]} */
const LOSSES = [
  {
    ...STANDALONE,
    name: 'loss-standalone',
    what: 'SIGKILL of a standalone server, whose journal is on disk up to 100 ms later',
    mayLose: true,
  },
  {
    ...STANDALONE,
    name: 'loss-standalone-journal',
    what: 'the same with journal=true',
    url: { journal: 'true' },
    mayLose: false,
  },
  {
    ...REPLICATED,
    name: 'loss-w1',
    what: `SIGKILL of the primary when the others are ${BEHIND_MS} ms behind, with w=1`,
    url: { w: '1' },
    mayLose: true,
  },
  {
    ...REPLICATED,
    name: 'loss-majority',
    what: 'the same with the default write concern, a majority',
    mayLose: false,
  },
]

module.exports = { LOSSES }
