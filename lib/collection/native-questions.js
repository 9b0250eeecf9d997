// What is asked of the addon, gathered where calls come together: a call from one language to the other costs more than what it carries.
'use strict'

const { now } = require('../clock.js')
const { binding } = require('../rust.js')

/**
 * @typedef {import('../../native/binding.js').NativeStore} NativeStore
 * @typedef {import('../../native/binding.js').SessionMarks} SessionMarks
 * @typedef {import('../../native/binding.js').Failure} Failure
 *
 * @typedef {object} Question of which session, and what
 * @property {import('../../native/binding.js').QuestionKind} kind
 * @property {string} storageId
 * @property {number} [expiresMs]
 * @property {number} [lastModifiedMs]
 * @property {string | Buffer} [payload] of one that writes
 * @property {SessionMarks | undefined} [marks]
 *
 * @typedef {(call: number, failure: Failure | Error) => void} OnRefusal
 */

const { QuestionKind } = binding

/** Of one question. */
const NUMBERS = 5
/** So many go over at a time. */
const MOST_QUESTIONS = 512
/** How long questions wait for each other while answers are handed out. */
const MOST_GATHERED_MS = 0.2

const numbers = new Float64Array(NUMBERS * MOST_QUESTIONS)
/** @type {(string | Buffer | SessionMarks)[]} */
let values = []
let count = 0
/** Of whom these are: the order is that of the calls, whatever their store. @type {{ native: NativeStore, onRefusal: OnRefusal } | undefined} */
let asking
let gatherUntilMs = 0

/** Has questions wait for each other: several answers are handed out, and whoever gets one may ask again. */
function gather() {
  gatherUntilMs = now() + MOST_GATHERED_MS
}

/** @param {boolean} isTurnOver whether everything is to leave that waits in the addon */
function handOver(isTurnOver) {
  if (!asking) return
  const { native, onRefusal } = asking
  const [asked, given] = [count, values]
  asking = undefined
  count = 0
  values = []
  try {
    for (const { call, failure } of native.ask(asked, numbers, given, isTurnOver)) onRefusal(call, failure)
  } catch (error) {
    for (let index = 0; index < asked; index++)
      onRefusal(numbers[NUMBERS * index], /** @type {Error} */ (error))
  }
}

/**
 * @param {NativeStore} native
 * @param {number} call
 * @param {Question} question
 * @param {OnRefusal} onRefusal
 */
function ask(native, call, { kind, storageId, expiresMs, lastModifiedMs, payload, marks }, onRefusal) {
  if (asking && (asking.native !== native || count === MOST_QUESTIONS)) handOver(false)
  asking ??= { native, onRefusal }
  const at = NUMBERS * count++
  numbers[at] = call
  numbers[at + 1] = marks ? kind + QuestionKind.Marked : kind
  numbers[at + 2] = expiresMs ?? Number.NaN
  numbers[at + 3] = lastModifiedMs ?? Number.NaN
  numbers[at + 4] = Date.now()
  values.push(storageId)
  if (payload !== undefined) values.push(payload)
  if (marks) values.push(marks)
  if (gatherUntilMs === 0) return handOver(false)
  const nowMs = now()
  if (nowMs < gatherUntilMs) return
  handOver(false)
  gatherUntilMs = nowMs + MOST_GATHERED_MS
}

/** A turn of the event loop is over in which there were calls: those that came together leave together. @param {NativeStore} native */
function endTurn(native) {
  gatherUntilMs = 0
  if (asking && asking.native !== native) handOver(false)
  if (asking) handOver(true)
  else native.ask(0, numbers, [], true)
}

module.exports = { ask, endTurn, gather }
