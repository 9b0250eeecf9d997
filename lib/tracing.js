// What the store does, for those who look on: two channels of node:diagnostics_channel, with the names of OpenTelemetry's conventions for
// databases, https://opentelemetry.io/docs/specs/semconv/database/. docs/observability.md describes them. Nobody gets a session there, or
// the id of one.
'use strict'

const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks')
const { tracingChannel } = require('node:diagnostics_channel')
const { now, timeOrigin } = require('./clock.js')
const { debug } = require('./debug.js')
const { isObject } = require('./objects.js')

/**
 * @typedef {Record<string, any>} Context what a channel publishes
 * @typedef {(...args: any[]) => void} Callback
 * @typedef {(error?: unknown, callBack?: () => void) => void} Finish
 *
 * A command, and whose it is: what is published may be changed by those who get it.
 * @typedef {{ context: Context, operations: Context[] }} Sent
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
 * @property {unknown} [error]
 */

const operations = tracingChannel('connect-mongo-native:operation')
const commands = tracingChannel('connect-mongo-native:command')
/** Whose command is sent. @type {AsyncLocalStorage<Context>} */
const current = new AsyncLocalStorage()

/** Whose messages are about servers and stores, and hold nothing of a session. */
const TOLD_NAMES =
  /^Mongo(Network|ServerSelection|ServerClosed|Pool|WaitQueue|NotConnected|Topology|ClientClosed|OperationTimeout)/
const TOLD_CODES = ['ERR_STORE_BUSY', 'ERR_STORE_CLOSED', 'ERR_SESSION_DECRYPT']
/** What Node and OpenSSL call errors; anything else may be whatever an app has put there. */
const CODE = /^(E[A-Z0-9]{2,30}|[A-Z]{2,20}(_[A-Z0-9]{1,20}){1,6})$/

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
  if (typeof code === 'string') return CODE.test(code) ? code : undefined
  const number = isObject(code) ? Number(code) : code
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** That of its class, which no app has made of a session. @param {object} thrown @returns {string} */
function classOf(thrown) {
  const { name } = Object.getPrototypeOf(thrown) ?? {}
  return typeof name === 'string' && /^\w{1,60}$/.test(name) ? name : 'Error'
}

/** Without what a server quotes of a document, or an app's function of a session. @param {unknown} thrown which need be no error */
function tellable(thrown) {
  const given = Object(thrown)
  const [name, code] = [classOf(given), plainCode(given.code)]
  const isTold = TOLD_NAMES.test(name) || TOLD_CODES.includes(String(code))
  const codeName = typeof code === 'number' && /^\w{1,60}$/.test(given.codeName) ? given.codeName : name
  const told = Object.assign(new Error(isTold ? String(given.message) : codeName), { name })
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

/** What a subscriber has made of what it was given, such as frozen, is no reason for a call to fail. @param {() => void} note */
function unlessRefused(note) {
  try {
    note()
  } catch (error) {
    debug('What is published could not be completed: %s', tellable(error))
  }
}

/** Once its command has been answered. @param {Context} context @param {Reply} server */
function noteServer(context, { address, port }) {
  if (address !== undefined) context['server.address'] = address
  if (port !== undefined) context['server.port'] = port
}

/** @param {typeof operations} channel @param {Context} context @param {boolean} hasFailed @param {() => void} [callBack] */
function publishEnd({ error, asyncStart, asyncEnd }, context, hasFailed, callBack) {
  if (hasFailed) error.publish(context)
  asyncStart.publish(context)
  try {
    callBack?.()
  } finally {
    asyncEnd.publish(context)
  }
}

/** @param {Finish} finish @param {Callback} callback which its caller's context is kept for @returns {Callback} */
function tracedCallback(finish, callback) {
  const caller = new AsyncResource('MongoStore')
  return (error, ...rest) => finish(error, () => caller.runInAsyncScope(callback, undefined, error, ...rest))
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
    const sinceMs = now()
    const context = this.#contextOf(name, sinceMs)
    const finish = this.#finish.bind(this, context, sinceMs)
    const traced = callback && tracedCallback(finish, callback)
    return operations.start.runStores(context, () =>
      current.run(context, () => this.#run(context, call, traced, finish))
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
    const sent = { context, operations: command.operations }
    const sentMs = now()
    /** @type {any} */
    let error
    try {
      return await commands.start.runStores(context, () => this.#send(context, send))
    } catch (thrown) {
      error = thrown
      throw thrown
    } finally {
      this.ended(sent, { ...server(), durationMs: now() - sentMs, error })
    }
  }

  /** @param {Command} command @returns {Sent} */
  started(command) {
    const context = this.#commandOf(command)
    commands.start.publish(context)
    commands.end.publish(context)
    return { context, operations: command.operations }
  }

  /** @param {Sent} sent @param {Reply} reply */
  ended({ context, operations: of }, reply) {
    const { responseBytes, durationMs, error } = reply
    unlessRefused(() => {
      Object.assign(context, { durationMs, responseBytes })
      noteServer(context, reply)
      if (error) noteError(context, error)
      if (debug.enabled) debug('%s', lineOf(context))
    })
    for (const operation of of) unlessRefused(() => noteServer(operation, reply))
    publishEnd(commands, context, Boolean(error))
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
   * @param {Finish} finish
   * @returns {T}
   */
  #run(context, call, callback, finish) {
    try {
      const promise = /** @type {any} */ (call(callback))
      // It stays the caller's.
      if (!callback) promise.then(() => finish(), finish)
      return promise
    } finally {
      operations.end.publish(context)
    }
  }

  /** @param {Context} context @param {number} sinceMs @param {unknown} [error] @param {() => void} [callBack] */
  #finish(context, sinceMs, error, callBack) {
    unlessRefused(() => {
      // Of a client, it may not have been known when the operation began.
      context['db.namespace'] ??= this.#attributes['db.namespace']
      context.durationMs = now() - sinceMs
      if (error) noteError(context, error)
    })
    publishEnd(operations, context, Boolean(error), callBack)
  }
}

module.exports = { Tracer, tellable }
