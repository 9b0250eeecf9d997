// Calls of the native store that wait for their answer. Answers are taken many at a time: a promise for each, made by the addon, would
// take more of this thread than all the rest.
'use strict'

// Kept, for apps whose tests put fake timers in the place of the global ones.
const { setImmediate } = require('node:timers')

const { binding } = require('../rust.js')
const { errorOf, unansweredError } = require('../errors.js')
const { ask, endTurn, gather } = require('./native-questions.js')

/**
 * @typedef {import('../../native/binding.js').CommandReport} CommandReport
 * @typedef {import('../../native/binding.js').Failure} Failure
 * @typedef {import('../../native/binding.js').SessionRecord} SessionRecord
 * @typedef {import('../../native/binding.js').NativeStore} NativeStore
 * @typedef {import('./port.js').StoredSession} StoredSession
 *
 * @typedef {import('./native-questions.js').Question} Question
 * @typedef {(failure: Failure | Error | undefined, value?: any) => void} OnAnswer
 */

const { AnswerKind, AnswerNumber } = binding

/** Of one answer. */
const NUMBERS = 4
/** So many answers are taken at a time. */
const MOST_ANSWERS = 512
/** Those of the answers that were taken last; of all stores of this thread. */
const numbers = new Float64Array(AnswerNumber.First + NUMBERS * MOST_ANSWERS)

/** The numbers of calls are those of all stores of a thread, as one of these hears of a command that several of them share. */
let lastCall = 0
/** For whom the calls are that somebody looks on at. @type {Map<number, Record<string, any>>} */
const operations = new Map()

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
  #isTurnToEnd = false
  /** Of whom something was asked in this turn of the event loop. @type {NativeStore | undefined} */
  #asked
  /** Whether answers were taken in this turn. */
  #hasSettled = false
  /** Whether more are there for the next one. */
  #isLeft = false
  #endTurn = () => {
    const asked = this.#asked
    this.#isTurnToEnd = false
    this.#hasSettled = false
    this.#asked = undefined
    if (asked) endTurn(asked)
    if (this.#isLeft) this.settle()
  }
  /** By a number that is never used again, so that no answer can reach another call. @type {Map<number, OnAnswer>} */
  #waiting = new Map()
  /** What the addon calls must not keep its store from being collected. @type {WeakRef<NativeStore> | undefined} */
  #native
  /** As long as calls wait it must not be collected. @type {NativeStore | undefined} */
  #held
  #decode
  #tracer
  #refuse = (/** @type {number} */ call, /** @type {Failure | Error} */ failure) => {
    const onAnswer = this.#waiting.get(call) ?? drop
    this.#forget(call)
    onAnswer(failure)
  }
  /** Whether the addon tells of commands. */
  #isTold = false
  /** Those that are under way, by the number of the attempt. @type {Map<number, import('../tracing.js').Sent>} */
  #commands = new Map()

  /**
   * @param {(record: SessionRecord) => StoredSession} decode
   * @param {import('./open.js').Tracer} tracer
   */
  constructor(decode, tracer) {
    this.#decode = decode
    this.#tracer = tracer
  }

  /**
   * @param {NativeStore} native
   * @param {Question} question
   * @param {OnAnswer} onAnswer
   */
  start(native, question, onAnswer) {
    const call = ++lastCall
    this.#waiting.set(call, onAnswer)
    this.#held = native
    this.#tell(native, call)
    this.#asked = native
    this.#endTurnLater()
    ask(native, call, question, this.#refuse)
  }

  /**
   * A call that the addon answers by a promise.
   *
   * @template T
   * @param {NativeStore} native
   * @param {(native: NativeStore) => Promise<T>} operation
   * @returns {Promise<T>}
   */
  async promised(native, operation) {
    if (!this.#tracer.isHeard) return operation(native)
    const call = ++lastCall
    this.#tell(native, call)
    native.announce(call)
    try {
      return await operation(native)
    } finally {
      // Who hears of the call has heard of its commands: their reports may wait for the next turn of the event loop.
      this.#followAll(native)
      operations.delete(call)
    }
  }

  /** Fails whatever waits. */
  giveUp() {
    const given = [...this.#waiting.values()]
    for (const call of this.#waiting.keys()) operations.delete(call)
    this.#waiting.clear()
    this.#held = undefined
    for (const onAnswer of given) onAnswer(unansweredError())
  }

  /** There are answers. A share of them is taken in each turn of the event loop: others wait for it, too. */
  settle() {
    if (this.#hasSettled) {
      this.#isLeft = true
      return
    }
    const native = this.#held ?? this.#native?.deref()
    if (!native) return
    this.#hasSettled = true
    this.#isLeft = this.#settleSome(native) > 0
    this.#endTurnLater()
  }

  /** @param {NativeStore} native @returns {number} how many answers are left */
  #settleSome(native) {
    const values = native.takeAnswers(numbers)
    const [count, left] = [numbers[AnswerNumber.Answers], numbers[AnswerNumber.Left]]
    if (numbers[AnswerNumber.Reports] > 0) this.#followAll(native)
    if (count > 1) gather()
    let value = 0
    for (let index = 0; index < count; index++) {
      const at = AnswerNumber.First + NUMBERS * index
      const [call, kind] = [numbers[at], numbers[at + 1]]
      const onAnswer = this.#waiting.get(call) ?? drop
      this.#forget(call)
      if (kind === AnswerKind.Nothing) onAnswer(undefined, null)
      else if (kind === AnswerKind.Yes || kind === AnswerKind.No) onAnswer(undefined, kind === AnswerKind.Yes)
      else if (kind === AnswerKind.Failure) fail(onAnswer, /** @type {Failure} */ (values[value++]))
      else this.#settleSession(onAnswer, kind, values[value++], numbers[at + 2], numbers[at + 3])
    }
    return left
  }

  /** @param {number} call */
  #forget(call) {
    this.#waiting.delete(call)
    if (this.#waiting.size === 0) this.#held = undefined
    if (operations.size > 0) operations.delete(call)
  }

  /** Has the addon tell of commands, as long as somebody wants to hear of them. @param {NativeStore} native @param {number} call */
  #tell(native, call) {
    this.#native ??= new WeakRef(native)
    const { isHeard, operation } = this.#tracer
    if (isHeard !== this.#isTold) native.watch(isHeard)
    this.#isTold = isHeard
    if (operation) operations.set(call, operation)
  }

  /** @param {NativeStore} native */
  #followAll(native) {
    for (const report of native.takeReports()) this.#follow(report)
  }

  /** @param {CommandReport} report */
  #follow({ id, sent, ended }) {
    if (sent) {
      const of = sent.calls.flatMap((call) => operations.get(call) ?? [])
      this.#commands.set(id, this.#tracer.started({ ...sent, operations: of }))
    }
    const command = this.#commands.get(id)
    if (!ended || !command) return
    this.#commands.delete(id)
    this.#tracer.ended(command, { ...ended, error: ended.error && errorOf(ended.error) })
  }

  #endTurnLater() {
    if (this.#isTurnToEnd) return
    this.#isTurnToEnd = true
    setImmediate(this.#endTurn)
  }

  /**
   * A session that the `bson` package cannot read is the failure of its own call: others wait for the rest of the list.
   *
   * @param {OnAnswer} onAnswer
   * @param {number} kind
   * @param {any} session of a `SessionRecord`
   * @param {number} expiresMs
   * @param {number} lastModifiedMs
   */
  #settleSession(onAnswer, kind, session, expiresMs, lastModifiedMs) {
    const isOtherwiseSpelt = kind > AnswerKind.OtherwiseSpelt
    const form = isOtherwiseSpelt ? kind - AnswerKind.OtherwiseSpelt : kind
    const isSerialized = form === AnswerKind.Session ? undefined : form === AnswerKind.Serialized
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
