// Calls of a store that are not awaited, each with what became of it.
'use strict'

const { AsyncLocalStorage } = require('node:async_hooks')
const { promised } = require('./wait.js')

const EVENTS = ['create', 'update', 'set-refused', 'touch', 'touch-missed', 'destroy', 'get']

/** @typedef {InstanceType<typeof import('../..')>} Store */

/** The events of a call are emitted in its caller's context. @type {AsyncLocalStorage<string[]>} */
const eventsOfCall = new AsyncLocalStorage()

/** @type {WeakSet<Store>} */
const watched = new WeakSet()

/** @param {Store} store */
function watch(store) {
  if (watched.has(store)) return
  watched.add(store)
  for (const name of EVENTS) store.on(name, () => eventsOfCall.getStore()?.push(name))
}

/**
 * Calls a method, now.
 *
 * @param {Store} store
 * @param {'get' | 'set' | 'touch' | 'destroy'} method
 * @param {any[]} args
 * @param {'promise' | 'callback'} [style]
 * @returns {Promise<{ event: string | undefined, answer: any }>} the event that tells what it did, and what its caller got
 */
async function outcomeOf(store, method, args, style = 'promise') {
  watch(store)
  /** @type {string[]} */
  const events = []
  const answer = await eventsOfCall.run(events, () =>
    style === 'promise' ? Reflect.apply(store[method], store, args) : promised(store, method, ...args)
  )
  if (events.length !== 1) throw new Error(`One ${method} emitted ${events.length} events: ${events}`)
  return { event: events[0], answer }
}

/** @param {number} length @param {string} [prefix] */
const ids = (length, prefix = 'sid') => Array.from({ length }, (_, index) => `${prefix}-${index}`)

/** How quick a command has to be for no more than two to be under way at a time, in milliseconds. */
const QUICK_MS = 1.4

/** Until a command has been quick: a server that has only ever answered late has more commands under way. @param {() => Promise<unknown>} ask */
async function askUntilQuick(ask) {
  for (let time = Infinity; time >= QUICK_MS; ) {
    const start = performance.now()
    await ask()
    time = performance.now() - start
  }
}

/** After so many calls at once both connections are trusted with more sessions than a test calls for together. */
const WARM_UP = 600
let warmUps = 0

/**
 * Two commands of a kind under way, so that what is asked for next waits and leaves together. It does not where they are under
 * way for so long that they are late: that is what `untilTogether` is for.
 *
 * @param {InstanceType<typeof import('./wire.js').Wire>} wire
 * @param {'find' | 'update' | 'delete'} name
 * @param {(sid: string) => Promise<unknown>} ask
 * @returns {Promise<() => Promise<unknown>>} lets them go, one after the other, and forgets them
 */
async function occupy(wire, name, ask) {
  await askUntilQuick(() => ask('quick'))
  await Promise.all(ids(WARM_UP, `warm-up-${warmUps++}`).map(ask))
  const release = wire.hold(name)
  const before = wire.sent(name).length
  /** @type {Promise<unknown>[]} */
  const asked = []
  for (const [index, sid] of ids(2, `under-way-${name}`).entries()) {
    asked.push(ask(sid))
    await wire.answered(name, before + index + 1)
  }
  wire.commands.length = 0
  return async () => {
    // What waits leaves with the first, and is not divided between both.
    wire.passOne(name)
    await asked[0]
    release()
    return Promise.all(asked)
  }
}

/** On a machine with much else to do no scenario has needed more than eight. */
const MOST_ROUNDS = 100

/**
 * Plays a scenario until its calls have left together, each time with ids of its own. On a busy machine commands are late and
 * connections idle, and then the engine sends fewer sessions at a time.
 *
 * @param {(prefix: string) => Promise<boolean>} scenario whether they have
 */
async function untilTogether(scenario) {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if (await scenario(`round-${round}`)) return
  }
  throw new Error(`The calls have not left together, ${MOST_ROUNDS} times in a row`)
}

/** @param {Promise<unknown>[]} calls @returns {Promise<string[]>} of each 'fulfilled', or the name of its error */
async function outcomes(calls) {
  const settled = await Promise.allSettled(calls)
  return settled.map((one) => (one.status === 'fulfilled' ? one.status : one.reason.name))
}

module.exports = { ids, occupy, outcomeOf, outcomes, untilTogether }
