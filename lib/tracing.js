// What the store does, for those who look on: two channels of node:diagnostics_channel, with the names of OpenTelemetry's conventions for
// databases, https://opentelemetry.io/docs/specs/semconv/database/. docs/observability.md describes them. Nobody gets a session there, or
// the id of one.
'use strict'

const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks')
const { tracingChannel } = require('node:diagnostics_channel')
// Bound, for apps whose tests put fakes in its place.
const { performance } = require('node:perf_hooks')
const now = performance.now.bind(performance)
const { debug } = require('./debug.js')
const { isObject } = require('./objects.js')

const { timeOrigin } = performance

/**
 * @typedef {Record<string, any>} Context what a channel publishes
 * @typedef {(...args: any[]) => void} Callback
 *
 * @typedef {object} Command that is sent
 * @property {string} name of MongoDB's command
 * @property {number} statements
 * @property {number} attempt
 * @property {Context[]} operations whose it is
 * @property {number} [requestBytes]
 * @property {number} agoMs how long ago it was sent
 *
 * @typedef {object} Reply
 * @property {string} [address]
 * @property {number} [port]
 * @property {number} [responseBytes]
 * @property {number} durationMs
 * @property {{ name: string, code?: unknown, codeName?: unknown }} [error]
 */

const operations = tracingChannel('connect-mongo-native:operation')
const commands = tracingChannel('connect-mongo-native:command')
/** Whose command is sent. @type {AsyncLocalStorage<Context>} */
const current = new AsyncLocalStorage()

/** Whose messages are about servers and stores, and hold nothing of a session. */
const TOLD_NAMES =
  /^Mongo(Network|ServerSelection|ServerClosed|Pool|WaitQueue|NotConnected|Topology|ClientClosed|OperationTimeout)/
const TOLD_CODES = ['ERR_STORE_BUSY', 'ERR_STORE_CLOSED', 'ERR_SESSION_DECRYPT']

/** TracingChannel's own `hasSubscribers` is of later versions of Node. @param {typeof operations} channel */
function hasSubscribers({ start, end, asyncStart, asyncEnd, error }) {
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  )
}

/** @param {unknown} code a number that the driver may have made an object, or a text @returns {string | number | undefined} */
function plainCode(code) {
  if (typeof code === 'string') return code
  const number = isObject(code) ? Number(code) : code
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** Without what a server quotes of a document, or an app's function of a session. @param {unknown} thrown which need be no error */
function tellable(thrown) {
  const { name = 'Error', message, code: given, codeName } = Object(thrown)
  const code = plainCode(given)
  const isTold = TOLD_NAMES.test(name) || TOLD_CODES.includes(String(code))
  const told = Object.assign(new Error(isTold ? message : String(codeName ?? name)), { name: String(name) })
  // Its stack would be that of the channel.
  told.stack = `${told}`
  return code === undefined ? told : Object.assign(told, { code })
}

/** @param {Context} context @param {unknown} thrown */
function noteError(context, thrown) {
  /** @type {Error & { code?: string | number }} */
  const error = tellable(thrown)
  if (typeof error.code === 'number') context['db.response.status_code'] = String(error.code)
  context['error.type'] = String(error.code ?? error.name)
  context.error = error
}

/** Once its command has been answered. @param {Context} context @param {Context} server */
function noteServer(context, server) {
  if (server['server.address'] !== undefined) context['server.address'] = server['server.address']
  if (server['server.port'] !== undefined) context['server.port'] = server['server.port']
}

/** @param {typeof operations} channel @param {Context} context @param {() => void} [callBack] */
function publishEnd({ error, asyncStart, asyncEnd }, context, callBack) {
  if (context.error) error.publish(context)
  asyncStart.publish(context)
  try {
    callBack?.()
  } finally {
    asyncEnd.publish(context)
  }
}

/** Of a command, for the log. @param {Context} context */
function lineOf(context) {
  const {
    attempt,
    durationMs,
    'db.operation.name': name,
    'db.operation.batch.size': statements = 1,
    'server.address': address,
    'server.port': port,
    'error.type': error,
  } = context
  const server = address === undefined ? '' : ` on ${port === undefined ? address : `${address}:${port}`}`
  const what = `command ${name} of ${statements}${attempt > 1 ? `, attempt ${attempt},` : ''}${server}`
  return `${what} ${error === undefined ? 'took' : `failed with ${error} after`} ${durationMs.toFixed(1)} ms`
}

/** What one store does. */
class Tracer {
  /** @type {Context} */
  #attributes

  /** @param {string} collection its name */
  constructor(collection) {
    this.#attributes = { 'db.system.name': 'mongodb', 'db.collection.name': collection }
  }

  /** @param {string} database once its name is known */
  set namespace(database) {
    this.#attributes = { ...this.#attributes, 'db.namespace': database }
  }

  /** Whether anybody looks on. Asked with every call, so it costs next to nothing. */
  get isWatched() {
    return hasSubscribers(operations) || hasSubscribers(commands)
  }

  /** Whether anybody gets to hear of commands, in the log as well. */
  get isHeard() {
    return debug.enabled || this.isWatched
  }

  /** For which operation the code runs that asks, if anybody looks on. @returns {Context | undefined} */
  get operation() {
    return this.isWatched ? current.getStore() : undefined
  }

  /**
   * Runs an operation, in the async context that the channel's subscribers bind; its caller goes on in its own.
   *
   * @template T
   * @param {string} name
   * @param {(callback: Callback | undefined) => T} call
   * @param {Callback | undefined} callback
   * @returns {T}
   */
  trace(name, call, callback) {
    if (!this.isWatched) return call(callback)
    const context = this.#contextOf(name, now())
    const traced = callback && this.#tracedCallback(context, callback)
    return operations.start.runStores(context, () =>
      current.run(context, () => this.#run(context, call, traced))
    )
  }

  /**
   * Sends a command for the operation that runs.
   *
   * @template T
   * @param {Omit<Command, 'attempt' | 'agoMs' | 'requestBytes'>} command
   * @param {() => Promise<T>} send
   * @param {() => { address?: string, port?: number }} server
   * @returns {Promise<T>}
   */
  async command(command, send, server) {
    const context = this.#commandOf({ ...command, attempt: 1, agoMs: 0 })
    const sentMs = now()
    /** @type {any} */
    let error
    try {
      return await commands.start.runStores(context, () => this.#send(context, send))
    } catch (thrown) {
      error = thrown
      throw thrown
    } finally {
      this.ended(context, { ...server(), durationMs: now() - sentMs, error })
    }
  }

  /** @param {Command} command @returns {Context} */
  started(command) {
    const context = this.#commandOf(command)
    commands.start.publish(context)
    commands.end.publish(context)
    return context
  }

  /** @param {Context} context @param {Reply} reply */
  ended(context, { address, port, responseBytes, durationMs, error }) {
    Object.assign(context, { durationMs, responseBytes })
    noteServer(context, { 'server.address': address, 'server.port': port })
    for (const operation of context.operations) noteServer(operation, context)
    if (error) noteError(context, error)
    if (debug.enabled) debug('%s', lineOf(context))
    publishEnd(commands, context)
  }

  /** @param {string} name @param {number} startedMs @returns {Context} */
  #contextOf(name, startedMs) {
    return { ...this.#attributes, 'db.operation.name': name, startTimeMs: timeOrigin + startedMs }
  }

  /** @param {Command} command @returns {Context} */
  #commandOf({ name, statements, attempt, operations: of, requestBytes, agoMs }) {
    const context = this.#contextOf(name, now() - agoMs)
    if (statements > 1) context['db.operation.batch.size'] = statements
    return Object.assign(context, { attempt, isRetried: attempt > 1, requestBytes, operations: of })
  }

  /** @template T @param {Context} context @param {() => T} send @returns {T} */
  #send(context, send) {
    try {
      return send()
    } finally {
      commands.end.publish(context)
    }
  }

  /**
   * @template T
   * @param {Context} context
   * @param {(callback: Callback | undefined) => T} call
   * @param {Callback | undefined} callback
   * @returns {T}
   */
  #run(context, call, callback) {
    try {
      const promise = /** @type {any} */ (call(callback))
      if (!callback) this.#follow(context, promise)
      return promise
    } finally {
      operations.end.publish(context)
    }
  }

  /** @param {Context} context @param {Promise<unknown>} promise which stays the caller's */
  #follow(context, promise) {
    promise.then(
      () => this.#finish(context),
      (error) => this.#finish(context, error)
    )
  }

  /** @param {Context} context @param {Callback} callback @returns {Callback} */
  #tracedCallback(context, callback) {
    const caller = new AsyncResource('MongoStore')
    return (error, ...rest) =>
      this.#finish(context, error, () => caller.runInAsyncScope(callback, undefined, error, ...rest))
  }

  /** @param {Context} context @param {unknown} [error] @param {() => void} [callBack] */
  #finish(context, error, callBack) {
    // Of a client, it may not have been known when the operation began.
    context['db.namespace'] ??= this.#attributes['db.namespace']
    context.durationMs = timeOrigin + now() - context.startTimeMs
    if (error) noteError(context, error)
    publishEnd(operations, context, callBack)
  }
}

module.exports = { Tracer, tellable }
