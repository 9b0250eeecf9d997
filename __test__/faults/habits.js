// Who uses the stores of a fault, and how.
'use strict'

/**
 * @typedef {import('../support/history.js').Operation['method']} Method
 * @typedef {Method | 'save'} Step of a client: a call, or the `get` and the `set` of a request that saves what it has loaded
 *
 * @typedef {object} Crowd who uses the stores
 * @property {number} clients
 * @property {number} longestPauseMs between two steps of a client
 * @property {keyof typeof HABITS} habit of these clients
 * @property {number} [touched] how many sessions there are besides that the fault touches, each saved by two more clients
 * @property {number} [sessionMs] how long a group stays with a session, by the clock, so that the groups of several processes
 *   have the same session at a time
 *
 * @typedef {object} Habit
 * @property {Method} [first] what a session is called with first
 * @property {Step[]} steps one of which each step is
 * @property {number} stepsASession after these a group goes on with another session
 * @property {boolean} [isCompared] whether a save is refused where the session is no longer what was loaded
 */

/** @type {Crowd} */
const BUSY_CLIENTS = { clients: 64, longestPauseMs: 20, habit: 'any' }
/**
 * As many calls, of clients that each call seldom. While nothing is answered, busy clients would make no call that could tell of
 * it; and one of them that waits would be too few among all calls that the others make meanwhile.
 *
 * @type {Crowd}
 */
const MANY_CLIENTS = { clients: 1_024, longestPauseMs: 1_000, habit: 'any' }

const FOREVER = { stepsASession: Number.POSITIVE_INFINITY }

/** @type {Record<'any' | 'saving' | 'reading' | 'requests' | 'loading' | 'counting' | 'beginning', Habit>} */
const HABITS = {
  any: {
    steps: inShares({ get: 8, set: 6, touch: 3, destroy: 3 }),
    // So that the search for an order stays small.
    stepsASession: 40,
  },
  saving: { ...FOREVER, first: 'set', steps: inShares({ get: 2, set: 3 }) },
  reading: { ...FOREVER, first: 'set', steps: ['get'] },
  requests: { ...FOREVER, steps: inShares({ get: 4, set: 2, save: 6, touch: 4, destroy: 2 }) },
  /** What was destroyed stays so: only who begins a session may create it. */
  loading: { ...FOREVER, first: 'set', steps: inShares({ get: 4, save: 8, touch: 4, destroy: 1 }) },
  counting: { ...FOREVER, first: 'set', steps: ['save'], isCompared: true },
  /** A save that is lost is a session that is lost. */
  beginning: { steps: ['set'], stepsASession: 1 },
}

/** @param {Partial<Record<Step, number>>} shares @returns {Step[]} each as often as it says */
function inShares(shares) {
  const entries = /** @type {[Step, number][]} */ (Object.entries(shares))
  return entries.flatMap(([step, share]) => Array(share).fill(step))
}

module.exports = { BUSY_CLIENTS, HABITS, MANY_CLIENTS }
