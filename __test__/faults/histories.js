// What users run: the default options, two processes with a collection between them, and a network that takes its time. The faults
// are those that take nothing from the primary which it has shown to anybody, so that every answer has to be right.
'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { REPEATED_ONCE, THREE, cutAtRandom, delayAll, electAnother } = require('./scene.js')

/**
 * @typedef {import('./scene.js').Fault} Fault
 * @typedef {import('./scene.js').Scene} Scene
 */

const LASTING_MS = 8_000
const SHORT_MS = 2_000
const LAGGING_MS = 2_000
/** Only once another member has all that this one has: reads of a primary may have seen what is not yet elsewhere. */
const WITHOUT_LOSS = { replSetStepDown: 10, secondaryCatchUpPeriodSecs: 8 }

/** @type {Record<string, Pick<Fault, 'what' | 'servers' | 'expectedOnDriver'> & { disturb: (scene: Scene) => Promise<void> }>} */
const DISTURBANCES = {
  '': { what: 'nothing fails', servers: { gated: true }, disturb: ({ recovered }) => recovered() },
  '-cut': {
    what: 'connections are cut',
    servers: { gated: true },
    expectedOnDriver: [REPEATED_ONCE],
    disturb: (scene) => cutAtRandom(scene, { cuts: scene.isShort ? 8 : 40 }),
  },
  '-step-down': {
    what: 'another primary is elected',
    servers: { ...THREE, gated: true },
    disturb: (scene) => electAnother(scene, WITHOUT_LOSS),
  },
}

const FAST = ['processes-cut', 'counter-cut', 'rotation-cut']
const SECRETS = { old: { secret: 'old' }, ring: { secret: ['new', 'old'] } }

/** @type {Record<string, Pick<Fault, 'what' | 'crowd' | 'options' | 'processes'>>} */
const USES = {
  processes: {
    what: 'two processes with default options',
    crowd: { clients: 96, longestPauseMs: 20, habit: 'requests', sessionMs: 500 },
    processes: {},
  },
  rotation: {
    what: 'two processes save what was begun with an older secret of hashId',
    crowd: { clients: 96, longestPauseMs: 20, habit: 'loading', sessionMs: 500 },
    options: { hashId: SECRETS.ring },
    processes: { beginnerOptions: { hashId: SECRETS.old } },
  },
  counter: {
    what: "two processes count in sessions with concurrency: 'reject'",
    crowd: { clients: 48, longestPauseMs: 20, habit: 'counting', sessionMs: 1_000 },
    options: { concurrency: 'reject' },
    processes: {},
  },
}

/** @param {Scene} scene @param {(scene: Scene) => Promise<void>} disturb */
async function halfway(scene, disturb) {
  const halfMs = (scene.isShort ? SHORT_MS : LASTING_MS) / 2
  await sleep(halfMs)
  await disturb(scene)
  await sleep(halfMs)
}

/** One of the two secondaries shows what was there before, and the other copies. @param {Scene} scene */
async function lag({ deployment, recovered }) {
  const primary = await deployment.primary()
  const [{ client }] = deployment.members.filter((member) => member !== primary)
  await client.db('admin').command({ fsync: 1, lock: true })
  await sleep(LAGGING_MS)
  await client.db('admin').command({ fsyncUnlock: 1 })
  await recovered()
}

/** @type {Fault[]} */
const HISTORIES = Object.entries(USES).flatMap(([use, { what: doing, ...used }]) =>
  Object.entries(DISTURBANCES).map(([suffix, { what, disturb, ...disturbance }]) => ({
    ...used,
    ...disturbance,
    name: `${use}${suffix}`,
    what: `${doing}, ${what}`,
    isFast: FAST.includes(`${use}${suffix}`),
    isForBackends: true,
    isAboutOurs: true,
    prepare: delayAll,
    run: (scene) => halfway(scene, disturb),
  }))
)

HISTORIES.push({
  ...USES.processes,
  name: 'secondary',
  what: 'two processes read secondaries, one of which lags behind',
  isForBackends: true,
  isAboutOurs: true,
  servers: THREE,
  url: { readPreference: 'secondary' },
  readsMayBeStale: true,
  run: (scene) => halfway(scene, lag),
})

module.exports = { HISTORIES }
