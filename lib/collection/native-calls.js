// Calls of the native store that wait for their answer. Answers come as one list for many: a promise for each, made by the addon,
// would take more of this thread than all the rest.
'use strict'

// Kept, for apps whose tests put fake timers in the place of the global ones.
const { setImmediate } = require('node:timers')

const { binding } = require('../rust.js')
const { errorOf, unansweredError } = require('../errors.js')

/**
 * @typedef {import('../../native/binding.js').Failure} Failure
 * @typedef {import('../../native/binding.js').SessionRecord} SessionRecord
 * @typedef {import('../../native/binding.js').NativeStore} NativeStore
 * @typedef {import('./port.js').StoredSession} StoredSession
 *
 * @typedef {(native: NativeStore, call: number) => Failure | null} Operation what is returned is the answer
 * @typedef {(failure: Failure | Error | undefined, value?: any) => void} OnAnswer
 */

const { AnswerKind } = binding

/** @param {unknown} outcome what the addon gave @returns {outcome is Failure} */
function isFailure(outcome) {
  return /** @type {Partial<Failure> | null | undefined} */ (outcome)?.isFailure === true
}

/**
 * Not by its class: under a test runner with realms of its own, the `bson` package may have another `Error`.
 *
 * @param {Failure | Error | undefined} failure what the addon reported, or what was thrown here
 * @returns {failure is Error}
 */
function isThrown(failure) {
  return failure !== undefined && !isFailure(failure)
}

/**
 * @template T
 * @param {T | Failure} outcome
 * @returns {T}
 */
function unwrap(outcome) {
  if (isFailure(outcome)) throw errorOf(outcome)
  return outcome
}

/** Whether a session is there, but cannot be decrypted. @param {unknown} outcome @returns {outcome is Failure} */
function isUnreadable(outcome) {
  return isFailure(outcome) && outcome.code === 'ERR_SESSION_DECRYPT'
}

/** @param {Failure} failure @returns {StoredSession} */
function unreadable(failure) {
  return { session: undefined, failure: errorOf(failure) }
}

/** @param {OnAnswer} onAnswer @param {Failure} failure */
function fail(onAnswer, failure) {
  if (isUnreadable(failure)) onAnswer(undefined, unreadable(failure))
  else onAnswer(failure)
}

/** The answer to a call that has been given up. */
function drop() {}

class NativeCalls {
  #last = 0
  #isFlushing = false
  /** By a number that is never used again, so that no answer can reach another call. @type {Map<number, OnAnswer>} */
  #waiting = new Map()
  #decode

  /** @param {(record: SessionRecord) => StoredSession} decode */
  constructor(decode) {
    this.#decode = decode
  }

  /**
   * @param {NativeStore} native
   * @param {Operation} operation
   * @param {OnAnswer} onAnswer
   */
  start(native, operation, onAnswer) {
    const call = ++this.#last
    this.#waiting.set(call, onAnswer)
    let refusal
    try {
      refusal = operation(native, call)
    } catch (error) {
      this.#waiting.delete(call)
      throw error
    }
    if (!refusal) return this.#flushLater(native)
    this.#waiting.delete(call)
    onAnswer(refusal)
  }

  /** Fails whatever waits. */
  giveUp() {
    const given = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const onAnswer of given) onAnswer(unansweredError())
  }

  /**
   * @param {any[]} answers as `AnswerKind` says
   * @param {Failure[]} failures
   */
  settle(answers, failures) {
    let failure = 0
    for (let at = 0; at < answers.length; ) {
      const call = answers[at++]
      const isOtherwiseSpelt = answers[at] === AnswerKind.OtherwiseSpelt
      if (isOtherwiseSpelt) at++
      const kind = answers[at++]
      const onAnswer = this.#waiting.get(call) ?? drop
      this.#waiting.delete(call)
      if (kind === AnswerKind.Nothing) onAnswer(undefined, null)
      else if (kind === AnswerKind.Yes || kind === AnswerKind.No) onAnswer(undefined, kind === AnswerKind.Yes)
      else if (kind === AnswerKind.Failure) fail(onAnswer, failures[failure++])
      else this.#settleSession(onAnswer, kind, answers[at++], answers[at++], answers[at++], isOtherwiseSpelt)
    }
  }

  /** What is called in one turn of the event loop leaves together. @param {NativeStore} native */
  #flushLater(native) {
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => {
      this.#isFlushing = false
      native.flush()
    })
  }

  /**
   * A session that the `bson` package cannot read is the failure of its own call: others wait for the rest of the list.
   *
   * @param {OnAnswer} onAnswer
   * @param {number} kind
   * @param {SessionRecord['session']} session
   * @param {number} expiresMs
   * @param {number} lastModifiedMs
   * @param {boolean} isOtherwiseSpelt
   */
  #settleSession(onAnswer, kind, session, expiresMs, lastModifiedMs, isOtherwiseSpelt) {
    const isSerialized = kind === AnswerKind.Session ? undefined : kind === AnswerKind.Serialized
    let stored
    try {
      stored = this.#decode({ session, isSerialized, expiresMs, lastModifiedMs })
    } catch (error) {
      return onAnswer(/** @type {Error} */ (error))
    }
    onAnswer(undefined, isOtherwiseSpelt ? { ...stored, isOtherwiseSpelt } : stored)
  }
}

module.exports = { NativeCalls, isFailure, isThrown, isUnreadable, unreadable, unwrap }
