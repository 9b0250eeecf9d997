// Calls of one kind over a JavaScript client, grouped into commands. What the grouping promises is written in src/engine/mod.rs, and
// the thoughts behind it in core/src/schedule.rs.
'use strict'

// Kept, for apps whose tests put fake timers in the place of the global ones.
const { setTimeout } = require('node:timers')

const { unansweredError } = require('../errors.js')
const { Pending } = require('../pending.js')
const { Commands } = require('./driver-commands.js')
const { codeOf, isSelectionError, isSignInFailure, isUnsent, verdictOn } = require('./driver-errors.js')
const { Line } = require('./driver-line.js')
const { pauseMs } = require('./driver-overload.js')

/**
 * @typedef {InstanceType<typeof import('./driver-client.js').SharedClient>} SharedClient
 * @typedef {import('./port.js').Call} Call
 */

/** In place of an answer: the call has to be asked by itself. */
const ALONE = Symbol('alone')

/** In place of an answer: the error of this call, which has to be asked no more. */
class Failure {
  /** @param {unknown} error */
  constructor(error) {
    this.error = error
  }
}

/** In place of an answer: this call is asked again, later, with the others of which that is so. */
class Postponement {
  /** @param {unknown} error what the server has refused it with for now */
  constructor(error) {
    this.error = error
  }
}

/**
 * @template A
 * @typedef {A | symbol | Failure | Postponement} Answer
 */

/**
 * @template Q, A
 * @typedef {object} Kind
 * @property {(asked: Q) => string} idOf of which session
 * @property {(asked: Q, call: Call) => Promise<A>} alone
 * @property {(asked: Q[], calls: Call[]) => Promise<Answer<A>[]>} together the answers in the same order
 * @property {boolean} isRead and can be asked again
 * @property {any} [readPreference] none: for writes
 * @property {number} [mostCalls] a command holds no more
 */

/**
 * @template Q, A
 * @typedef {object} Waiting
 * @property {Q} asked
 * @property {string} id
 * @property {Call} call
 * @property {boolean} isInLine
 * @property {boolean} isSent
 * @property {number} pauses how often it has been put off
 * @property {number} at its place among those without an answer; -1: it has one
 * @property {(answer: A) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/**
 * @typedef {{ error: unknown }} Refusal what all calls of a command have failed with
 */

/** @template T @param {T[]} group @returns {T[][]} */
function halvesOf(group) {
  const middle = Math.ceil(group.length / 2)
  return [group.slice(0, middle), group.slice(middle)]
}

/** @param {(Refusal | undefined)[]} refusals */
function areTheSame(refusals) {
  const [first] = refusals
  return refusals.every(
    (one) => one && first && verdictOn(one.error) === 'unclear' && codeOf(one.error) === codeOf(first.error)
  )
}

/**
 * Calls of one kind. A call leaves at once, and alone, unless as many commands are under way as may be: then it waits for one
 * of them to return or to be late, and leaves with others that wait, with as many as its connection is trusted with and as recent
 * times allow.
 *
 * @template Q, A
 */
class SharedCommands {
  #kind
  #traffic
  #selection
  #retryableWrites
  /** @type {InstanceType<typeof Commands<Waiting<Q, A>>>} */
  #commands
  /** @type {InstanceType<typeof Line<Waiting<Q, A>>>} */
  #line = new Line()
  /** What has been refused, and leaves again as it is. @type {(() => void)[]} */
  #turns = []
  #isTurn = false
  /** All that have no answer: a list, as a set that changes so often costs more than all else here. @type {Waiting<Q, A>[]} */
  #pending = []
  #alone = new Pending()
  #wake = () => this.#sendWaiting()

  /** @param {Kind<Q, A>} kind @param {SharedClient} client */
  constructor(kind, client) {
    this.#kind = kind
    this.#traffic = client.traffic
    this.#retryableWrites = client.retryableWrites
    this.#selection = client.selection(kind.readPreference)
    this.#commands = new Commands(kind, client, {
      onFailure: (error) => this.#tellOthers(error),
      onRoom: (released) => {
        for (const one of released) this.#line.add(one)
        this.#sendWaiting()
      },
    })
  }

  /** @param {Q} asked @param {Call} call @returns {Promise<A>} */
  async ask(asked, call) {
    const id = this.#kind.idOf(asked)
    const canLeave = this.#line.size === 0 && !this.#commands.late.isHeld(id) && this.#commands.hasRoom
    if (!canLeave) return await this.#wait(asked, id, call)
    try {
      // Awaited, for the caller to be in the stack of its error.
      const answer = this.#commands.run([id], this.#commands.begin(), () => this.#kind.alone(asked, call))
      return await this.#alone.untilEnd(answer)
    } catch (error) {
      if (this.#verdictOn(error) !== 'later') throw error
      return await this.#wait(asked, id, call, { error })
    }
  }

  /** How many calls wait, and how many commands are under way. */
  get load() {
    return { waiting: this.#line.size, underWay: this.#commands.underWay }
  }

  /** Nothing that waits is sent any more, and nothing that was sent is waited for. */
  close() {
    this.#alone.end()
    for (const one of this.#pending.slice()) this.#reject(one, unansweredError())
    this.#removeAll(() => true)
    for (const turn of this.#turns.splice(0)) turn()
    this.#traffic.stopWaiting(this.#wake)
  }

  /** @param {Waiting<Q, A>} one @param {A} answer */
  #resolve(one, answer) {
    this.#forget(one)
    one.resolve(answer)
  }

  /** @param {Waiting<Q, A>} one @param {unknown} error */
  #reject(one, error) {
    this.#forget(one)
    one.reject(error)
  }

  /** @param {Waiting<Q, A>} one */
  #forget(one) {
    if (one.at < 0) return
    const last = /** @type {Waiting<Q, A>} */ (this.#pending.pop())
    if (last !== one) this.#pending[one.at] = last
    last.at = one.at
    one.at = -1
  }

  /** @param {Waiting<Q, A>[]} group @param {unknown} error */
  #rejectAll(group, error) {
    for (const one of group) this.#reject(one, error)
  }

  /** @param {Q} asked @param {string} id @param {Call} call @param {Refusal} [refusal] @returns {Promise<A>} */
  #wait(asked, id, call, refusal) {
    return new Promise((resolve, reject) => {
      const one = {
        asked,
        id,
        call,
        isInLine: false,
        isSent: false,
        pauses: 0,
        at: this.#pending.length,
        resolve,
        reject,
      }
      this.#pending.push(one)
      call.signal?.addEventListener('abort', () => this.#abandon(one))
      if (refusal) this.#pause([one], refusal)
      else this.#join(one)
    })
  }

  /** @param {Waiting<Q, A>} one */
  #abandon(one) {
    // Before it is sent again it is asked for whom that would be.
    if (one.isSent) return
    this.#line.remove(one)
    this.#commands.late.forget(one)
    this.#reject(one, one.call.signal?.reason)
  }

  /** Whether somebody waits for the answer; else that is the end of it. @param {Waiting<Q, A>} one */
  #isWanted(one) {
    const { signal } = one.call
    if (signal?.aborted) this.#reject(one, signal.reason)
    return one.at >= 0
  }

  /** @param {Waiting<Q, A>} one */
  #join(one) {
    if (!this.#isWanted(one)) return
    this.#line.add(one)
    // Behind others there is no room yet.
    if (this.#line.size === 1) this.#sendWaiting()
  }

  #sendWaiting() {
    if (this.#line.size > 0 && !this.#selection.isOpen) this.#waitForServer()
    let hasSent = false
    while (this.#commands.hasRoom && this.#sendNext()) hasSent = true
    const isWaiting = this.#line.size > 0 || this.#turns.length > 0
    // Who has had a place is the last to get another one.
    if (hasSent || !isWaiting) this.#traffic.stopWaiting(this.#wake)
    if (isWaiting) this.#traffic.wait(this.#wake)
  }

  #waitForServer() {
    for (const one of this.#line.removeAll(() => true)) this.#joinOnceServed(one)
  }

  /** @param {Waiting<Q, A>} one */
  async #joinOnceServed(one) {
    try {
      await this.#selection.pass(one.call)
      this.#join(one)
    } catch (error) {
      this.#reject(one, error)
    }
  }

  /** @returns {boolean} whether there was something to send */
  #sendNext() {
    this.#skipHeld()
    // By turns, for what is sent again to hold up nobody else.
    this.#isTurn = this.#turns.length > 0 && !(this.#isTurn && this.#line.size > 0)
    if (this.#isTurn) this.#turns.shift()?.()
    else if (this.#line.size > 0) this.#sendGroup()
    else return false
    return true
  }

  /** So that the first in the line can leave. */
  #skipHeld() {
    const { late } = this.#commands
    for (let { first } = this.#line; first && late.isHeld(first.id); first = this.#line.first) {
      this.#line.remove(first)
      late.keep(first)
    }
  }

  async #sendGroup() {
    const trust = this.#commands.begin()
    const most = this.#kind.mostCalls ?? Number.POSITIVE_INFINITY
    const group = this.#take(Math.min(most, this.#commands.mostCalls(trust, this.#line.size)))
    const refusal = await this.#send(group, trust)
    if (refusal) await this.#settle(group, refusal)
  }

  /** @param {number} most @returns {Waiting<Q, A>[]} what leaves in one command */
  #take(most) {
    const { late } = this.#commands
    /** @type {Waiting<Q, A>[]} */
    const group = []
    let room = most
    for (let { first } = this.#line; first && group.length < room; first = this.#line.first) {
      const mostSuspects = late.mostSuspects(first.id)
      if (group.length > 0 && !this.#canJoin(group, first)) break
      room = Math.min(room, mostSuspects ?? room)
      this.#line.remove(first)
      group.push(first)
    }
    return group
  }

  /** Suspects leave without others. @param {Waiting<Q, A>[]} group @param {Waiting<Q, A>} one */
  #canJoin(group, { id }) {
    const { late } = this.#commands
    const mostSuspects = late.mostSuspects(id)
    const areSuspects = late.mostSuspects(group[0].id) !== undefined
    const isAlike = areSuspects === (mostSuspects !== undefined)
    return isAlike && !late.isHeld(id) && group.length < (mostSuspects ?? Number.POSITIVE_INFINITY)
  }

  /** @param {Waiting<Q, A>[]} group @param {number} trust @returns {Promise<Refusal | undefined>} */
  async #send(group, trust) {
    for (const one of group) one.isSent = true
    try {
      const ids = group.map(({ id }) => id)
      const answers = await this.#commands.run(ids, trust, () => this.#answers(group))
      /** @type {Waiting<Q, A>[]} */
      const postponed = []
      group.forEach((one, index) => {
        const answer = answers[index]
        if (answer === ALONE) this.#sendAlone(one)
        else if (answer instanceof Failure) this.#rejectAll([one], answer.error)
        else if (answer instanceof Postponement) postponed.push(one)
        else this.#resolve(one, /** @type {A} */ (answer))
      })
      this.#postpone(postponed, answers)
      return undefined
    } catch (error) {
      for (const one of group) one.isSent = false
      return { error }
    }
  }

  /** @param {Waiting<Q, A>[]} postponed @param {Answer<A>[]} answers among others */
  #postpone(postponed, answers) {
    const first = answers.find((answer) => answer instanceof Postponement)
    if (!first) return
    for (const one of postponed) one.isSent = false
    this.#pause(postponed, first)
  }

  /** @param {Waiting<Q, A>[]} group @returns {Promise<Answer<A>[]>} */
  async #answers(group) {
    const [first] = group
    if (group.length === 1) return [await this.#kind.alone(first.asked, first.call)]
    const calls = group.map(({ call }) => call)
    return await this.#kind.together(
      group.map(({ asked }) => asked),
      calls
    )
  }

  /** @param {Waiting<Q, A>} one */
  async #sendAlone(one) {
    one.isSent = false
    const refusal = await this.#sendAgain([one])
    if (refusal) await this.#settle([one], refusal)
  }

  /** @param {Waiting<Q, A>[]} group @returns {Promise<Refusal | undefined>} */
  #sendAgain(group) {
    return new Promise((resolve) => {
      this.#turns.push(() => {
        const wanted = group.filter((one) => this.#isWanted(one))
        resolve(wanted.length > 0 ? this.#send(wanted, this.#commands.begin()) : undefined)
      })
      this.#sendWaiting()
    })
  }

  /**
   * Each of a group that was refused as a whole gets the error that it would get alone, or its answer.
   *
   * @param {Waiting<Q, A>[]} group
   * @param {Refusal} refusal
   */
  async #settle(group, refusal) {
    const verdict = this.#verdictOn(refusal.error)
    if (verdict === 'later') return this.#pause(group, refusal)
    if (verdict === 'everybody' || group.length === 1) return this.#rejectAll(group, refusal.error)
    const halves = halvesOf(group)
    const refusals = await Promise.all(halves.map((half) => this.#sendAgain(half)))
    const isOfAll = areTheSame(refusals)
    const settled = halves.map((half, index) => {
      const again = refusals[index]
      if (!again) return undefined
      return isOfAll ? this.#rejectAll(half, again.error) : this.#settle(half, again)
    })
    await Promise.all(settled)
  }

  /** @param {unknown} error */
  #verdictOn(error) {
    const isRepeated = !this.#kind.isRead && this.#selection.isRepeatingWrites && this.#retryableWrites.areOn
    return isUnsent(error) && !isRepeated ? 'later' : verdictOn(error)
  }

  /** They come to the end of the line again, later. @param {Waiting<Q, A>[]} group @param {Refusal} refusal */
  #pause(group, { error }) {
    const waitMs = pauseMs(Math.max(...group.map((one) => one.pauses)))
    const endMs = performance.now() + waitMs
    const isOver = (/** @type {Waiting<Q, A>} */ { call }) => this.#selection.deadlineMs(call) < endMs
    this.#rejectAll(group.filter(isOver), error)
    setTimeout(() => {
      for (const one of group.filter((each) => !isOver(each))) {
        one.pauses++
        this.#join(one)
      }
    }, waitMs).unref()
  }

  /** Who waits fails with what it would fail with as well. @param {unknown} error */
  #tellOthers(error) {
    const isSignIn = isSignInFailure(error)
    if (!isSignIn && !isSelectionError(error)) return
    this.#selection.fail(error)
    const nowMs = performance.now()
    const isLost = (/** @type {Waiting<Q, A>} */ { call }) =>
      isSignIn || this.#selection.deadlineMs(call) <= nowMs
    this.#rejectAll(this.#removeAll(isLost), error)
  }

  /** @param {(one: Waiting<Q, A>) => boolean} which @returns {Waiting<Q, A>[]} those of the calls that wait, which do no more */
  #removeAll(which) {
    return [...this.#line.removeAll(which), ...this.#commands.late.removeAll(which)]
  }
}

module.exports = { ALONE, Failure, Postponement, SharedCommands }
