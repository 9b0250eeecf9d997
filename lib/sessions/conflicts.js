// `concurrency`: what becomes of a session that other requests have written since this one loaded it.
'use strict'

const { setTimeout: delay } = require('node:timers/promises')
const { isStale, mergeSessions } = require('./merge.js')

/**
 * @typedef {import('../collection/port.js').Frozen} Frozen
 * @typedef {Record<string, any>} Session
 */

/** Each try is lost only to another request's write. */
const MOST_TRIES = 32
const LONGEST_PAUSE_MS = 32
const CONFLICT = 'SESSION_CONFLICT'

/** @param {string} message */
function conflictError(message) {
  return Object.assign(new Error(message), { code: CONFLICT })
}

/** @param {any} error */
function isConflict(error) {
  return error?.code === CONFLICT
}

/** Before the next try: long enough for those who compete to get out of step. @param {number} tries */
function pause(tries) {
  return delay(Math.random() * Math.min(2 ** tries, LONGEST_PAUSE_MS))
}

/**
 * Tries until one try gives an answer.
 *
 * @template T
 * @param {() => Promise<T | undefined>} attempt gives nothing when another request was faster
 * @returns {Promise<T>}
 */
async function competing(attempt) {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    if (tries > 0) await pause(tries)
    const answer = await attempt()
    if (answer !== undefined) return answer
  }
  throw conflictError('Other requests change the session faster than this one can merge its changes into it')
}

/** @param {Frozen} one @param {Frozen} other */
function isSame(one, other) {
  if (typeof one === 'string' || typeof other === 'string') return one === other
  return Buffer.compare(one, other) === 0
}

/**
 * @param {Session} base
 * @param {Session} ours
 * @param {Session} theirs
 * @param {'merge' | 'reject'} mode
 * @returns {Session} what is to take the place of what is stored now
 */
function resolve(base, ours, theirs, mode) {
  if (mode === 'reject' && isStale(base, ours, theirs)) {
    throw conflictError('Another request has changed the session since this one loaded it')
  }
  return mergeSessions(base, ours, theirs)
}

module.exports = { competing, isConflict, isSame, resolve }
