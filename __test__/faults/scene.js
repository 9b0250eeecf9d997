// What faults have in common: what they are given, servers, and what several of them do.
'use strict'

const { randomNumbers } = require('../support/random.js')
const { waitFor } = require('./deployment.js')

/**
 * @typedef {InstanceType<typeof import('./deployment.js').Deployment>} Deployment
 * @typedef {Deployment['members'][number]} Member
 * @typedef {import('./load.js').Call} Call
 *
 * @typedef {object} Scene what a fault works on
 * @property {Deployment} deployment
 * @property {(except?: Member) => Promise<void>} recovered until the servers acknowledge writes, with another primary than
 *   this one, and the stores do so as well; the time from the one to the other is the time to recover
 * @property {(during: () => Promise<void>) => Promise<void>} measureIsolation has calls about sessions that are not touched
 *   take no longer while this runs than before; that is measured first
 * @property {(during: () => Promise<void>) => Promise<void>} measureGrouping has calls share commands while this runs
 * @property {() => string[]} touchedSids the sessions that the fault is to touch
 * @property {(line: string) => void} say
 * @property {number} seed
 * @property {boolean} isShort whether little is enough, as for every change
 *
 * @typedef {object} Expected an error that no store could have prevented, and that says what happened
 * @property {string} what
 * @property {(call: Call, error: Error & { code?: unknown }) => boolean} isIt
 *
 * @typedef {object} Fault
 * @property {string} name
 * @property {string} what
 * @property {boolean} [isFast] whether it is one of the few that run with every change
 * @property {boolean} [isForBackends] whether every backend is to stand it, and not only that of a store with nothing but a URL
 * @property {Parameters<typeof import('./deployment.js').Deployment.start>[0]} [servers]
 * @property {number} [diskMegabytes] the size of the server's disk; a mongod with nothing in it takes about 310
 * @property {Record<string, string>} [url] more of the stores' connection string
 * @property {Record<string, unknown>} [options] of the stores
 * @property {import('./habits.js').Crowd} [crowd] who uses the stores, unless it is busy clients
 * @property {{ beginnerOptions?: Record<string, unknown> }} [processes] instead of two stores in this process, one in each of
 *   two others; with options of a third that begins sessions
 * @property {boolean} [isAboutOurs] whether other stores have nothing of the kind
 * @property {boolean} [readsMayBeStale] so that only writes have to have a legal order
 * @property {boolean} [mayLose] whether servers may forget what they have acknowledged; `false` only has that measured
 * @property {Expected[]} [expected] the errors that are the right answer
 * @property {Expected[]} [expectedOnDriver] those of the JavaScript driver besides
 * @property {(deployment: Deployment) => Promise<void>} [prepare] before the stores are opened
 * @property {(scene: Scene) => Promise<void>} run
 */

/** Of the two stores; the former gets the more calls. */
const APP_NAMES = ['one', 'other']

const CUT_CHANCE = 0.02
/** InterruptedAtShutdown and ShutdownInProgress. */
const INTERRUPTED_AT_SHUTDOWN = [11600, 91]

/** Three members, asked in the one way that a reader can rely on while primaries change. */
const THREE = { count: 3 }
const LINEARIZABLE = { readConcernLevel: 'linearizable' }

/** @param {Deployment} deployment @param {Record<string, unknown>} command */
const admin = async (deployment, command) => (await deployment.primary()).client.db('admin').command(command)

/** @param {Deployment} deployment @param {Record<string, unknown>} data @param {unknown} mode */
const failCommand = (deployment, data, mode) =>
  admin(deployment, {
    configureFailPoint: 'failCommand',
    mode,
    data: { namespace: 'faults.sessions', ...data },
  })

/** Whether another has all that the primary has, or not. */
const IN_ANY_CASE = { replSetStepDown: 5, secondaryCatchUpPeriodSecs: 1, force: true }

/** @param {Scene} scene @param {{ replSetStepDown: number }} command */
async function electAnother({ deployment, recovered }, command = IN_ANY_CASE) {
  const primary = await deployment.primary()
  await primary.client.db('admin').command(command)
  await recovered(primary)
}

/**
 * What is sent to servers and between them takes its time, there and back twice as long.
 *
 * @param {Deployment} deployment
 */
async function delayAll({ members }) {
  for (const { gate } of members) gate?.delay(10, 25)
}

/** @param {Scene} scene @param {{ side?: 'request' | 'reply', cuts?: number }} [where] on any side, and how many times */
async function cutAtRandom({ deployment, recovered, seed }, { side, cuts = 20 } = {}) {
  const { gate } = deployment.members[0]
  const random = randomNumbers(seed)
  gate?.cutWhere((cut) => (!side || cut === side) && random() < CUT_CHANCE)
  await waitFor('connections to be cut', async () => Number(gate?.cuts) >= cuts)
  gate?.cutWhere(() => false)
  await recovered()
}

/**
 * A store that sent such a write again could do it twice, or over a newer one: without transaction numbers nobody can tell,
 * and with them nobody is there to tell when the server stays away.
 *
 * @type {Expected}
 */
const UNKNOWN_FATE = {
  what: 'a write that the end of its connection or its server interrupted',
  isIt: ({ method }, { name, code }) =>
    method !== 'get' && (name === 'MongoNetworkError' || INTERRUPTED_AT_SHUTDOWN.includes(Number(code))),
}

/** @type {Expected} */
const REPEATED_ONCE = {
  what: 'the JavaScript driver repeats a call once',
  isIt: (_, { name }) => name === 'MongoNetworkError' || name === 'MongoPoolClearedError',
}

module.exports = {
  APP_NAMES,
  LINEARIZABLE,
  REPEATED_ONCE,
  THREE,
  UNKNOWN_FATE,
  cutAtRandom,
  delayAll,
  electAnother,
  failCommand,
}
