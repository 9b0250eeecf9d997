// What servers forget that have acknowledged it, under options that allow it, and do not under those that forbid it.
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { REPEATED_ONCE, THREE, UNKNOWN_FATE, delayAll } = require('./scene.js')

/**
 * @typedef {import('./scene.js').Fault} Fault
 * @typedef {import('./scene.js').Scene} Scene
 */

const SAVING_MS = 2_000

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
  await sleep(SAVING_MS)
  primary.signal('SIGKILL')
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
  servers: { ...THREE, gated: true },
  expectedOnDriver: [REPEATED_ONCE],
  // Members that are close to each other copy within a millisecond or two.
  prepare: delayAll,
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
    what: 'SIGKILL of the primary of three, with w=1',
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
