// The calls of a store: each is refused, or tracked until it has been answered, once, by callback or by promise.
'use strict'

const { AsyncResource } = require('node:async_hooks')
const { setMaxListeners } = require('node:events')
// Kept, for apps whose tests put fakes in their places.
const { setImmediate } = require('node:timers')
const { inspect } = require('node:util')
const { AbortController } = require('../abort.js')
const { now } = require('../clock.js')
const { closedError } = require('../errors.js')
const { Pending } = require('../pending.js')
const { nextTick } = require('../ticks.js')
const { storageIdOf } = require('./ids.js')
const { Statistics } = require('./statistics.js')
const { inTime } = require('./time-limits.js')

/**
 * @typedef {(error: Error | null, result?: any) => void} Callback
 *
 * What a call about one session asks for, and what its caller gets of the answer.
 * @typedef {object} Request
 * @property {string} sid
 * @property {(storageId: string, done?: Callback, limit?: Limit) => Promise<any> | undefined} send either `done` gets the answer, or the promise
 * @property {(answer: any) => any} finish
 *
 * @typedef {import('./statistics.js').Begun} Begun
 */

/** For so long callbacks are called in one turn of the event loop. */
const MOST_CALLBACKS_MS = 4

/** @param {unknown[]} args @returns {Callback | undefined} */
function callbackOf(args) {
  for (let at = args.length - 1; at >= 0; at--) {
    const given = args[at]
    if (typeof given === 'function') return /** @type {Callback} */ (given)
  }
  return undefined
}

/** Where callbacks run: on a tick, so that what one throws surfaces as Node surfaces it. @param {Callback} callback @param {Error | null} error @param {unknown} [result] */
function callBack(callback, error, result) {
  if (error) callback(error)
  else if (result === undefined) callback(null)
  else callback(null, result)
}

/** @param {Promise<unknown>} promise @param {Callback} callback */
function callBackWith(promise, callback) {
  promise.then(
    (result) => nextTick(callBack, callback, null, result),
    (error) => nextTick(callBack, callback, error)
  )
}

/**
 * What a function of the user's threw: to a callback, nothing would be a success.
 *
 * @param {unknown} thrown
 * @returns {any}
 */
function thrownError(thrown) {
  return thrown || new Error(`Instead of an error, ${inspect(thrown)} was thrown`)
}

/** @param {number} maxPending */
function busyError(maxPending) {
  const message = `The session store is busy: ${maxPending} operations are pending, the most that maxPending allows`
  return Object.assign(new Error(message), { code: 'ERR_STORE_BUSY' })
}

/** A call with a callback, which runs where the call was made. */
class Asked extends AsyncResource {
  /** @type {Request | undefined} */
  request
  /** @type {Error | null} */
  error = null
  /** @type {any} */
  answer

  /** @param {Begun} begun @param {Callback} callback */
  constructor(begun, callback) {
    super('MongoStore')
    this.begun = begun
    this.callback = callback
  }
}

/** Of the time of one call. */
class Limit {
  /** @type {AbortController | undefined} */
  #controller

  /** Aborted when nobody waits for the call any more; most calls need none. */
  get signal() {
    this.#controller ??= new AbortController()
    const { signal } = this.#controller
    // Node warns of many, which a call of many steps may have.
    setMaxListeners(0, signal)
    return signal
  }

  /** @param {Error} error what the caller gets */
  end(error) {
    this.#controller?.abort(error)
  }
}

class Calls {
  #options
  #tracer
  #endWithCollection
  #waitingFor
  #pending = 0
  #isClosing = false
  #hasGivenUp = false
  /** @type {(() => void) | undefined} */
  #onIdle
  #waiting = new Pending()
  /** The answered calls whose callbacks run on the next tick: a tick for each would cost more than the rest. @type {Asked[]} */
  #answered = []
  /** Whether the event loop has to have its turn first. */
  #isPausing = false
  statistics = new Statistics()
  /** Of the sessions whose id is not there yet: until the last call that waits for it has left, or is over. @type {Map<string, Promise<void>>} */
  #turns = new Map()

  /**
   * @param {Record<string, any>} options of the store
   * @param {() => boolean} endWithCollection whether what is asked about a session fails when the collection is closed
   * @param {() => Error} waitingFor what the collection waits for now
   * @param {InstanceType<typeof import('../tracing.js').Tracer>} tracer
   */
  constructor(options, endWithCollection, waitingFor, tracer) {
    this.#options = options
    this.#tracer = tracer
    this.#endWithCollection = endWithCollection
    this.#waitingFor = waitingFor
  }

  get isClosing() {
    return this.#isClosing
  }

  /** How many have no answer yet. */
  get pending() {
    return this.#pending
  }

  /** Whether there may be calls that are over for their callers, and go on below. */
  get hasGivenUp() {
    return this.#hasGivenUp
  }

  /** Refuses calls from now on. @returns {Promise<void> | undefined} until those that are pending have their answers, if there are any */
  end() {
    this.#isClosing = true
    if (this.#pending === 0) return undefined
    return new Promise((resolve) => {
      // Behind the ticks on which callbacks run.
      this.#onIdle = () => setImmediate(resolve)
    })
  }

  /** Fails each call that waits for a promise, but for those that fail when the collection is closed. */
  giveUp() {
    this.#hasGivenUp = true
    this.#waiting.end()
  }

  /**
   * Gives the caller what it asked for: a callback that runs, or a promise. A rejection that nobody handles is dropped, as
   * connect-mongo drops the errors of calls without a callback; marking it so late keeps the caller's frames in its stack.
   *
   * @template T
   * @param {string} name
   * @param {() => Promise<T>} operation
   * @param {Callback | undefined} callback
   * @returns {Promise<T> | undefined}
   */
  run(name, operation, callback) {
    return this.#tracer.trace(name, (callback) => this.#run(this.#begin(name), operation, callback), callback)
  }

  /**
   * @template T
   * @param {Begun} begun
   * @param {() => Promise<T>} operation
   * @param {Callback | undefined} callback
   * @returns {Promise<T> | undefined}
   */
  #run(begun, operation, callback) {
    if (callback) {
      callBackWith(this.#track(begun, operation), callback)
      return undefined
    }
    /** @type {Promise<T> | undefined} */
    let promise
    let hasFailed = false
    const onFailure = () => {
      hasFailed = true
      promise?.catch(() => {})
    }
    promise = this.#track(begun, operation, onFailure)
    // It may have thrown before there was a promise.
    if (hasFailed) promise.catch(() => {})
    return promise
  }

  /**
   * @template T
   * @param {Promise<T>} promise
   * @param {Limit} [limit]
   * @param {() => Error} [waitingFor]
   * @returns {Promise<T>} the same, or an error after `operationTimeoutMS`, or once it is given up
   */
  within(promise, limit, waitingFor) {
    return this.unlessGivenUp(this.#limited(promise, limit, waitingFor))
  }

  /**
   * The same for a call of several steps, none of which is taken when nobody waits for it any more.
   *
   * @template T
   * @param {(isOver: () => boolean) => Promise<T>} work
   * @returns {Promise<T>}
   */
  async stepsWithin(work) {
    let isOver = false
    try {
      return await this.within(work(() => isOver))
    } finally {
      isOver = true
    }
  }

  /**
   * @template T
   * @param {Promise<T>} promise of a call that may take as long as it needs
   * @returns {Promise<T>} the same, or an error once it is given up
   */
  unlessGivenUp(promise) {
    return this.#waiting.untilEnd(promise)
  }

  /**
   * The same as `run` for a call about one session. A callback costs no promise where the collection needs none.
   *
   * @param {string} name
   * @param {() => Request | undefined} prepare nothing is asked for when it gives nothing
   * @param {Callback | undefined} callback
   */
  ask(name, prepare, callback) {
    if (!this.#tracer.isWatched) return this.#ask(name, prepare, callback)
    return this.#tracer.trace(name, (callback) => this.#ask(name, prepare, callback), callback)
  }

  /** @param {string} name @param {() => Request | undefined} prepare @param {Callback | undefined} callback */
  #ask(name, prepare, callback) {
    const begun = this.#begin(name)
    if (!callback) return this.#run(begun, async () => this.#answerOf(prepare(), begun), undefined)
    const asked = new Asked(begun, callback)
    const refusal = this.#refusal()
    if (refusal) return this.#callBackLater(asked, refusal)
    try {
      this.#askWithCallback(asked, prepare())
    } catch (error) {
      this.#callBackLater(asked, thrownError(error))
    }
    return undefined
  }

  /** @param {string} name @returns {Begun} */
  #begin(name) {
    this.#pending++
    return this.statistics.begin(name)
  }

  /**
   * @template T
   * @param {Begun} begun
   * @param {() => Promise<T>} operation
   * @param {() => void} [onFailure]
   */
  async #track(begun, operation, onFailure) {
    /** @type {unknown} */
    let failure
    try {
      const refusal = this.#refusal()
      return await (refusal ? Promise.reject(refusal) : operation())
    } catch (error) {
      onFailure?.()
      failure = thrownError(error)
      throw failure
    } finally {
      this.#settle(begun, failure)
    }
  }

  /** @template T @param {Promise<T>} promise @param {Limit} [limit] @param {() => Error} [waitingFor] @returns {Promise<T>} */
  #limited(promise, limit, waitingFor = this.#waitingFor) {
    const { operationTimeoutMS } = this.#options
    if (!operationTimeoutMS) return promise
    const limited = inTime(promise, 'operationTimeoutMS', operationTimeoutMS, waitingFor)
    // After another failure there is nothing left of the call.
    if (limit) limited.catch((error) => limit.end(error))
    return limited
  }

  #limit() {
    return this.#options.operationTimeoutMS ? new Limit() : undefined
  }

  #refusal() {
    const { maxPending } = this.#options
    if (this.#isClosing) return closedError()
    return this.#pending > maxPending ? busyError(maxPending) : undefined
  }

  /** @param {Begun} begun @param {unknown} [error] */
  #settle(begun, error) {
    this.statistics.end(begun, error)
    this.#pending--
    if (this.#pending === 0) this.#onIdle?.()
  }

  /** @param {Request | undefined} request @param {Begun} begun */
  async #answerOf(request, begun) {
    begun.sid = request?.sid
    return request?.finish(await this.#send(request))
  }

  /** @param {Asked} asked @param {Request | undefined} request */
  #askWithCallback(asked, request) {
    if (!request) return this.#callBackLater(asked, null)
    asked.begun.sid = request.sid
    asked.request = request
    /** @type {Callback} */
    const done = (error, answer) => this.#callBackLater(asked, error, answer)
    this.#send(request, done)?.then(
      (answer) => done(null, answer),
      (error) => done(thrownError(error))
    )
  }

  /**
   * For an id that is promised, and whatever is asked of the same session until it is there: in the order of the calls.
   *
   * @param {string} sid
   * @param {string | Promise<string>} storageId
   * @param {Request['send']} send
   * @returns {Promise<any>}
   */
  #sendInTurn(sid, storageId, send) {
    const limit = this.#limit()
    const signal = limit?.signal
    const turn = Promise.all([storageId, this.#turns.get(sid)])
    let isThere = false
    const sent = turn.then(([id]) => {
      isThere = true
      // A call that is over writes nothing later.
      signal?.throwIfAborted()
      if (this.#hasGivenUp) throw closedError()
      return send(id, undefined, limit)
    })
    const waitingFor = () => (isThere ? this.#waitingFor() : new Error('transformId has given no id yet'))
    const answer = this.within(sent, limit, waitingFor)
    const isOver = () => {
      if (this.#turns.get(sid) === over) this.#turns.delete(sid)
    }
    const over = Promise.race([turn, answer]).then(isOver, isOver)
    this.#turns.set(sid, over)
    return answer
  }

  /** @param {Request} request @param {Callback} [done] @returns {Promise<any> | undefined} the answer, unless `done` gets it */
  #send({ sid, send }, done) {
    const storageId = storageIdOf(sid, this.#options.transformId)
    if (typeof storageId !== 'string' || this.#turns.has(sid)) return this.#sendInTurn(sid, storageId, send)
    const limit = this.#limit()
    const sent = send(storageId, done, limit)
    return sent && (this.#endWithCollection() ? this.#limited(sent, limit) : this.within(sent, limit))
  }

  /** @param {Asked} asked @param {Error | null} error @param {any} [answer] */
  #callBackLater(asked, error, answer) {
    asked.error = error
    asked.answer = answer
    this.#answered.push(asked)
    if (this.#answered.length === 1 && !this.#isPausing) nextTick(this.#callBackSome)
  }

  /** What one of them throws keeps no other from being called; those who take long let the event loop go on before the rest. */
  #callBackSome = () => {
    const answered = this.#answered
    const count = answered.length
    const untilMs = now() + MOST_CALLBACKS_MS
    let done = 0
    try {
      while (done < count && !this.#isPausing) {
        const asked = answered[done++]
        asked.runInAsyncScope(this.#finish, this, asked)
        this.#isPausing = now() > untilMs
      }
    } finally {
      answered.splice(0, done)
      if (this.#isPausing) setImmediate(this.#goOn)
      else if (answered.length > 0) nextTick(this.#callBackSome)
    }
  }

  #goOn = () => {
    this.#isPausing = false
    if (this.#answered.length > 0) this.#callBackSome()
  }

  /** @param {Asked} asked */
  #finish({ begun, callback, request, error, answer }) {
    let result
    let failure = error
    try {
      if (!failure) result = request?.finish(answer)
    } catch (thrown) {
      failure = thrownError(thrown)
    }
    this.#settle(begun, failure)
    callBack(callback, failure, result)
  }
}

module.exports = { Calls, callBackWith, callbackOf, thrownError }
