// What a fault did to the calls that went on during it.
'use strict'

const { describe, findViolation } = require('../support/history.js')
const { groupingViolations } = require('./grouping.js')
const { isolationViolations } = require('./isolation.js')

/**
 * @typedef {import('./load.js').Call} Call
 *
 * @typedef {object} Evidence
 * @property {Record<string, any>[]} [oplog]
 * @property {boolean} [mayLose] whether the servers may forget what they have acknowledged; absent where that is not measured
 * @property {import('./increments.js').Increments} [increments]
 * @property {import('./increments.js').Stored[]} stored after all
 * @property {Call[]} last reads, of what is stored then
 * @property {boolean} [readsMayBeStale] all but those
 * @property {number[]} availableAt when the servers acknowledged writes again
 * @property {import('./scene.js').Expected[]} expected
 * @property {import('./isolation.js').Isolation} [isolation]
 * @property {import('./grouping.js').Grouping} [grouping]
 *
 * @typedef {object} Verdict
 * @property {number} sessions
 * @property {number} operations
 * @property {number} errors how many calls failed
 * @property {number} unexpected how many of those the store was to prevent
 * @property {Record<string, number>} labels how many calls failed, by what the error says and why it was to be expected
 * @property {number} lost acknowledged writes that the server did not keep, and calls without an answer
 * @property {number} doubled writes that were done twice, and calls with two answers
 * @property {number} illegal sessions whose calls have no legal order
 * @property {number} recoveryMs the longest from when the servers acknowledged writes again to the next write that a store did
 * @property {number} settledMs from the same moment, the last time, until every call from before it was answered
 * @property {number} longestMs the longest that a call took
 * @property {number} [stale] sessions of which a secondary has shown what had been before
 * @property {{ lost: number, saved: number }} [loss] sessions of which something is gone that the servers may forget
 * @property {import('./increments.js').Increments} [increments]
 * @property {import('./isolation.js').Isolation} [isolation]
 * @property {import('./grouping.js').Grouping} [grouping]
 * @property {string[]} violations
 */

/** How many operations of an illegal history are shown. */
const SHOWN = 12

/** What a write is told that has left something. */
const DONE = ['create', 'update', 'touch']

/** @param {Call} call */
const isWrite = ({ method }) => method !== 'get'

/** Connections and server sessions are not told apart. @param {Error & { code?: unknown }} error */
const labelOf = ({ name, code, message }) =>
  `${name}${code ? ` ${code}` : ''}: ${message
    .split('\n')[0]
    .slice(0, 100)
    .replace(/(connection|session|txnNumber:) [\w-]*\d[\w-]*/g, '$1')}`

/** @param {Call} call @param {Error} error @param {import('./scene.js').Expected[]} expected */
const reasonOf = (call, error, expected) => expected.find(({ isIt }) => isIt(call, error))?.what

/** @template T @param {T[]} list @param {(one: T) => string | number | undefined} keyOf */
function countBy(list, keyOf) {
  /** @type {Map<string | number | undefined, number>} */
  const counts = new Map()
  for (const one of list) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1)
  return counts
}

/** @param {Call[]} calls @returns {Map<string, Call[]>} by session */
function historiesOf(calls) {
  /** @type {Map<string, Call[]>} */
  const histories = new Map()
  for (const call of calls) histories.set(call.sid, [...(histories.get(call.sid) ?? []), call])
  return histories
}

/** The time that a write stores, which no other write does. @param {Record<string, any>} entry of the oplog */
function expiryIn({ o }) {
  const expires = o.expires ?? o.diff?.u?.expires ?? o.diff?.i?.expires ?? o.$set?.expires
  return expires?.getTime()
}

/**
 * Whether a write can have gone with another one of its session that was called while it waited, of which alone the oplog tells then. That
 * it has left what it should is for the search for a legal order to say.
 *
 * @param {Call} call
 * @param {Call[]} ofSession
 * @param {(call: Call) => number} timesOf
 */
function mayBeWithAnother({ start, end = start }, ofSession, timesOf) {
  return ofSession.some((other) => other.start > start && other.start <= end && timesOf(other) > 0)
}

/**
 * @param {Call[]} calls
 * @param {Record<string, any>[]} oplog
 * @returns {{ lost: Call[], doubled: Call[] }} of the writes of which the oplog can tell
 */
function writesIn(calls, oplog) {
  const done = countBy(
    oplog.filter(({ op }) => op !== 'd'),
    expiryIn
  )
  const timesOf = (/** @type {Call} */ { expires }) => done.get(expires) ?? 0
  const written = calls.filter(({ method }) => method === 'set' || method === 'touch')
  const isDone = (/** @type {Call} */ { method, end, told }) =>
    end !== undefined && (told === undefined ? method === 'set' : DONE.includes(String(told)))
  const unseen = written.filter((call) => isDone(call) && timesOf(call) === 0)
  const histories = historiesOf(written)
  return {
    lost: unseen.filter((call) => !mayBeWithAnother(call, histories.get(call.sid) ?? [], timesOf)),
    doubled: written.filter((call) => timesOf(call) > 1),
  }
}

/** @param {Call[]} calls @returns {string[]} one report a session without a legal order */
function illegalSessions(calls) {
  return [...historiesOf(calls)].flatMap(([sid, history]) => {
    const violation = findViolation(history)
    if (!violation) return []
    const placed = violation.placed.slice(-SHOWN).map((one) => `      ${describe(one)}`)
    const open = violation.open.slice(0, SHOWN).map((one) => `    ! ${describe(one)}`)
    const stored = JSON.stringify(violation.session)
    return [
      [
        `${sid} has no legal order: after`,
        ...placed,
        `    comes none of these, with ${stored} stored`,
        ...open,
      ].join('\n'),
    ]
  })
}

/** @param {Call[]} calls @param {number[]} availableAt */
function recoveryOf(calls, availableAt) {
  const ends = calls.filter((call) => isWrite(call) && call.end).map(({ endedAt = 0 }) => endedAt)
  return availableAt.map((at) => Math.min(...ends.filter((end) => end >= at)) - at)
}

/** @param {Call[]} calls @param {number} at */
const settledAfter = (calls, at) =>
  Math.max(at, ...calls.filter(({ startedAt }) => startedAt < at).map(({ endedAt = at }) => endedAt)) - at

/**
 * @param {Call[]} calls @param {Evidence} evidence
 * @returns {{ illegal: string[], stale?: number, loss?: Verdict['loss'] }} the sessions without a legal order, and how many of
 *   them a server explains that lags or forgets
 */
function disorderOf(calls, { last, readsMayBeStale, mayLose }) {
  const disordered = illegalSessions([...calls, ...last])
  if (readsMayBeStale) {
    return { illegal: illegalSessions([...calls.filter(isWrite), ...last]), stale: disordered.length }
  }
  if (mayLose === undefined) return { illegal: disordered }
  const saved = calls.filter(({ method, end }) => method === 'set' && end !== undefined).length
  return { illegal: mayLose ? [] : disordered, loss: { lost: disordered.length, saved } }
}

/** @param {import('./increments.js').Increments | undefined} increments @returns {string[]} */
function incrementViolations(increments) {
  if (!increments || increments.lost + increments.doubled === 0) return []
  const { acknowledged, lost, doubled } = increments
  return [`of ${acknowledged} acknowledged increments ${lost} are lost, and ${doubled} done twice`]
}

/** @param {{ calls: Call[], strays: unknown[] }} load @param {Evidence} evidence @returns {Verdict} */
function judge({ calls, strays }, evidence) {
  const { oplog, increments, stored, availableAt, expected, isolation, grouping } = evidence
  const failed = calls.flatMap((call) =>
    call.error ? [{ ...call, error: call.error, reason: reasonOf(call, call.error, expected) }] : []
  )
  const unexpected = failed.filter(({ reason }) => !reason)
  const silent = calls.filter(({ answers }) => answers === 0)
  const repeated = calls.filter(({ answers }) => answers > 1)
  const { lost, doubled } = oplog ? writesIn(calls, oplog) : { lost: [], doubled: [] }
  const { illegal, ...explained } = disorderOf(calls, evidence)
  const twice = [...countBy(stored, ({ sid }) => sid)].filter(([, count]) => count > 1)
  const report = (/** @type {string} */ what, /** @type {Call[]} */ some) =>
    some.slice(0, 5).map((call) => `${what}: ${call.sid} ${describe(call)}`)
  return {
    sessions: countBy(calls, ({ sid }) => sid).size,
    operations: calls.length,
    errors: failed.length,
    unexpected: unexpected.length,
    labels: Object.fromEntries(
      countBy(failed, ({ error, reason }) => `${labelOf(error)} (${reason ?? 'not expected'})`)
    ),
    lost: lost.length + silent.length + (increments?.lost ?? 0),
    doubled: doubled.length + repeated.length + (increments?.doubled ?? 0),
    illegal: illegal.length,
    ...explained,
    increments,
    recoveryMs: Math.round(Math.max(0, ...recoveryOf(calls, availableAt))),
    settledMs: Math.round(settledAfter(calls, Math.max(...availableAt))),
    longestMs: Math.round(
      Math.max(0, ...calls.map(({ startedAt, endedAt = startedAt }) => endedAt - startedAt))
    ),
    isolation,
    grouping,
    violations: [
      ...strays.map((stray) => `an error that reached nobody: ${stray}`),
      ...unexpected.slice(0, 5).map(({ method, error }) => `${method} failed with ${labelOf(error)}`),
      ...report('never answered', silent),
      ...report('answered twice', repeated),
      ...report('acknowledged and lost', lost),
      ...report('done twice', doubled),
      ...illegal.slice(0, 3),
      ...twice.map(([sid]) => `stored twice: ${sid}`),
      ...incrementViolations(increments),
      ...isolationViolations(isolation),
      ...groupingViolations(grouping),
    ],
  }
}

module.exports = { judge }
