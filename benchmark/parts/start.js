// How long an app waits for its first session: from `require` to the first answered `get`, in a fresh process.
'use strict'

const { writeFile } = require('node:fs/promises')

const { withChild } = require('../children.js')
const { againstFirst, compare } = require('../comparison.js')
const { placeFor } = require('../database.js')
const { Progress } = require('../progress.js')
const { inTurn } = require('../rounds.js')
const { withSecureMongod } = require('../secure.js')
const { REDIS, labelOf, storeOf } = require('../stores.js')
const { report } = require('../table.js')

const TITLE = 'From require to the first answered get'
/** Of Linux: what is written here has it forget the files that it has read. */
const DROP_CACHES = '/proc/sys/vm/drop_caches'
const ALL_CACHES = '3'

/**
 * @typedef {import('../comparison.js').Measurement} Measurement
 * @typedef {import('../servers.js').Servers} Servers
 *
 * @typedef {object} Scenario
 * @property {string} title
 * @property {Record<string, unknown>} scenario
 * @property {string[]} stores
 * @property {Servers} servers
 * @property {() => Promise<void>} [before] each measurement
 */

async function forgetFiles() {
  await writeFile(DROP_CACHES, ALL_CACHES)
}

async function canForgetFiles() {
  return forgetFiles().then(
    () => true,
    () => false
  )
}

/** Each has a process of its own. @param {string} store @param {Servers} servers @param {string} what @returns {Promise<any>} */
function inFreshProcess(store, servers, what) {
  const request = { store, place: placeFor(servers, store) }
  return withChild('first-get', (child) => child.ask(what, request))
}

/** @param {Scenario} one @param {number} rounds @param {InstanceType<typeof Progress>} progress @returns {Promise<Measurement[]>} */
async function measure({ title, scenario, stores, servers, before }, rounds, progress) {
  /** @type {Measurement[]} */
  const measurements = []
  // What each of them is to find, and a first reading of its files from the disk.
  for (const store of stores) await inFreshProcess(store, servers, 'prepare')
  for (const { store, round } of inTurn(stores, rounds)) {
    progress.show(`${title}, round ${round + 1} of ${rounds}  ${labelOf(store)}`)
    await before?.()
    const figures = await inFreshProcess(store, servers, 'firstGet')
    measurements.push({ title, scenario, store, round, figures })
    progress.advance()
  }
  return measurements
}

/** @param {string} store */
const isOfMongo = (store) => store !== REDIS && !storeOf(store).packages.includes('express-session')

/** @param {{ stores: string[], rounds: number }} options @param {Servers} servers */
async function runStart({ stores, rounds }, servers) {
  const canForget = await canForgetFiles()
  if (!canForget) console.error(`Left out: cold files, because ${DROP_CACHES} cannot be written`)
  /** @type {Scenario[]} */
  const scenarios = [{ title: TITLE, scenario: {}, stores, servers }]
  const cold = { title: `${TITLE}, cold files`, scenario: { areFilesCold: true }, before: forgetFiles }
  if (canForget) scenarios.push({ ...cold, stores, servers })
  const measurements = await withSecureMongod(async (mongoUrl) => {
    const secure = { title: `${TITLE}, TLS and SCRAM`, scenario: { isSecure: true } }
    scenarios.push({ ...secure, stores: stores.filter(isOfMongo), servers: { ...servers, mongoUrl } })
    const progress = new Progress(scenarios.reduce((sum, { stores }) => sum + stores.length * rounds, 0))
    const measured = []
    for (const scenario of scenarios) measured.push(...(await measure(scenario, rounds, progress)))
    progress.end()
    return measured
  })
  return report(compare(measurements, againstFirst(stores)))
}

module.exports = { runStart }
