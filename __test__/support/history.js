// Whether what the callers of a store were told can be true: a search for an order of their operations on one session in
// which each answer is right, and in which no operation comes before one that had ended when it started. It knows what a
// store is for, and nothing of how this one works.
//
// The search is that of Wing and Gong (https://doi.org/10.1006/jpdc.1993.1015), with Lowe's memory of where it has been.
'use strict'

/**
 * @typedef {object} Session
 * @property {string} value
 * @property {number} [expires] absent where a reader cannot tell
 *
 * @typedef {object} Operation
 * @property {'get' | 'set' | 'touch' | 'destroy'} method
 * @property {number} start when, or its place among all starts and ends
 * @property {number} [end] absent when it failed or was never answered: a write may then have been done, at any later time
 * @property {string} [value] what `set` writes; no two write the same
 * @property {boolean} [isLoaded] of a `set`: whether it writes nothing where there is no session
 * @property {string} [base] of a `set`: the value of the only session that it may take the place of
 * @property {number} [expires] what `set` and `touch` write
 * @property {Session | null | string} [told] what `get` found; 'create', 'update', 'set-refused' or 'conflict' of a `set`,
 *   'touch' or 'touch-missed' of a `touch`, absent where a caller cannot tell
 *
 * @typedef {{ done: bigint, session: Session | null }} Position the operations that are placed, and what they lead to
 */

/** With few clients a session, an order is found, or found impossible, in far fewer steps. */
const MOST_POSITIONS = 500_000

/** What an answer rules out. */
const IMPOSSIBLE = Symbol('impossible')

/** What a write is told where there is a session, and where there is none. */
const TOLD_OF_SESSION = ['update', 'touch']
const TOLD_OF_NONE = ['create', 'set-refused', 'touch-missed']

/** @param {Session | null} session @param {Session | null} found */
function isFound(session, found) {
  if (!session || !found) return session === found
  return session.value === found.value && (found.expires === undefined || session.expires === found.expires)
}

/**
 * @param {Session | null} session
 * @param {Operation} operation
 * @returns {Session | null | typeof IMPOSSIBLE} the session after it
 */
function after(session, operation) {
  const { method, told } = operation
  if (method === 'get') {
    return isFound(session, /** @type {Session | null} */ (told)) ? session : IMPOSSIBLE
  }
  if (told === 'conflict') return session
  if ((session ? TOLD_OF_NONE : TOLD_OF_SESSION).includes(/** @type {string} */ (told))) return IMPOSSIBLE
  return written(session, operation)
}

/** @param {Session | null} session @param {Operation} operation a write @returns {Session | null | typeof IMPOSSIBLE} */
function written(session, { method, value, isLoaded, base, expires, told }) {
  if (method === 'destroy') return null
  if (!session && (method === 'touch' || isLoaded)) return null
  if (method === 'touch') return session && { ...session, expires }
  // One that failed may have done nothing, now and ever.
  if (session && base !== undefined && session.value !== base) return told ? IMPOSSIBLE : session
  return { value: /** @type {string} */ (value), expires }
}

/** @param {Operation} operation */
const endOf = ({ end = Infinity }) => end

/**
 * @param {Operation[]} operations
 * @param {Position} position
 * @returns {{ index: number, next: Position }[]} what may come next, what ended last first
 */
function nextPositions(operations, { done, session }) {
  const open = [...operations.keys()].filter((index) => !(done & (1n << BigInt(index))))
  const firstEnd = Math.min(...open.map((index) => endOf(operations[index])))
  return open
    .filter((index) => operations[index].start < firstEnd)
    .map((index) => ({ index, session: after(session, operations[index]) }))
    .filter((step) => step.session !== IMPOSSIBLE)
    .sort((one, other) => endOf(operations[other.index]) - endOf(operations[one.index]))
    .map((step) => ({
      index: step.index,
      next: {
        done: done | (1n << BigInt(step.index)),
        session: /** @type {Session | null} */ (step.session),
      },
    }))
}

/** @param {Position} position */
const keyOf = ({ done, session }) => `${done} ${session?.value} ${session?.expires}`

/** @param {bigint} bits */
const countOf = (bits) => bits.toString(2).replaceAll('0', '').length

/**
 * @param {Operation[]} history the operations on one session, which does not exist before
 * @returns {{ placed: Operation[], open: Operation[], session: Session | null } | undefined} nothing when there is a legal
 *   order; otherwise how far the best attempt came, with the operations that it could not place
 */
function findViolation(history) {
  const isTelling = (/** @type {Operation} */ { method, end }) => end !== undefined || method !== 'get'
  const operations = history.filter(isTelling).sort((one, other) => one.start - other.start)
  const answered = operations.reduce(
    (bits, { end }, index) => (end === undefined ? bits : bits | (1n << BigInt(index))),
    0n
  )
  /** @type {Position} */
  let best = { done: 0n, session: null }
  const ahead = [best]
  const seen = new Set([keyOf(best)])
  for (let position = ahead.pop(); position; position = ahead.pop()) {
    if ((position.done & answered) === answered) return undefined
    if (countOf(position.done) > countOf(best.done)) best = position
    for (const { next } of nextPositions(operations, position)) {
      if (seen.has(keyOf(next))) continue
      seen.add(keyOf(next))
      ahead.push(next)
    }
    if (seen.size > MOST_POSITIONS)
      throw new Error(`More than ${MOST_POSITIONS} positions: too many at a time`)
  }
  const isPlaced = (/** @type {number} */ index) => Boolean(best.done & (1n << BigInt(index)))
  return {
    placed: operations.filter((_, index) => isPlaced(index)),
    open: operations.filter(({ end }, index) => end !== undefined && !isPlaced(index)),
    session: best.session,
  }
}

/** @param {Operation} operation @returns {string} one line of a report */
function describe({ method, start, end, value, isLoaded, base, expires, told }) {
  const given = [value, isLoaded && 'loaded', base && `of ${base}`, method !== 'get' && expires]
  const answer = end === undefined ? 'failed' : JSON.stringify(told === undefined ? 'done' : told)
  const times = [start, end].map((time) => (time === undefined ? '…' : Number(time.toFixed(3))))
  return `[${times.join(', ')}] ${method}(${given.filter(Boolean).join(', ')}) → ${answer}`
}

module.exports = { describe, findViolation }
