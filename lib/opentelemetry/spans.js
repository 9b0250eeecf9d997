// Spans and the metric of what the channels of lib/tracing.js tell, by https://opentelemetry.io/docs/specs/semconv/db/. An operation
// is a span within its caller's. A command is a client span: within that of its operation, or, where several operations share it, the
// root of a trace of its own, with a link to each of them, since a span has one parent.
'use strict'

const {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  context: contexts,
  isSpanContextValid,
  trace,
} = require('@opentelemetry/api')
const { now, timeOrigin } = require('../clock.js')
const { isSuppressed, suppressed } = require('./active-context.js')

/**
 * @typedef {import('@opentelemetry/api').Attributes} Attributes
 * @typedef {import('@opentelemetry/api').Context} OtelContext
 * @typedef {Record<string, any>} Context what a channel publishes
 *
 * What the instrumentation has at the moment.
 * @typedef {object} Means
 * @property {import('@opentelemetry/api').Tracer} tracer
 * @property {import('@opentelemetry/api').Histogram} duration
 * @property {import('../../opentelemetry.js').MongoStoreInstrumentationConfig} config
 *
 * An operation or a command that is under way.
 * @typedef {object} Traced
 * @property {OtelContext} active with its span, if it has one
 * @property {import('@opentelemetry/api').Span | undefined} span
 * @property {number} startMs
 * @property {number} aheadMs by how much the clock of spans is ahead of the channel's
 */

const METRIC_ATTRIBUTES = [
  'db.system.name',
  'db.namespace',
  'db.collection.name',
  'db.operation.name',
  'server.address',
  'server.port',
  'error.type',
  'db.response.status_code',
]
const SPAN_ATTRIBUTES = [...METRIC_ATTRIBUTES, 'db.operation.batch.size']

/** @param {Context} from @param {string[]} names @returns {Attributes} those that it has */
function pick(from, names) {
  const known = names.filter((name) => from[name] !== undefined)
  return Object.fromEntries(known.map((name) => [name, from[name]]))
}

/** Those that the conventions have no name for. @param {Context} command @returns {Attributes} */
function ownAttributes({ attempt, isRetried, requestBytes, responseBytes }) {
  const own = {
    'connect_mongo_native.attempt': isRetried ? attempt : undefined,
    'connect_mongo_native.request_bytes': requestBytes,
    'connect_mongo_native.response_bytes': responseBytes,
  }
  return pick(own, Object.keys(own))
}

/** SDKs take the time of a span from the clock that the system sets now and then; the channel's only goes on. */
function aheadNow() {
  return Date.now() - (timeOrigin + now())
}

/** @param {Traced[]} operations @returns {import('@opentelemetry/api').Link[]} to those, sampled or not, that are in a trace */
function linksTo(operations) {
  const spans = operations.flatMap(({ span }) => span ?? [])
  return spans
    .map((span) => ({ context: span.spanContext() }))
    .filter((link) => isSpanContextValid(link.context))
}

/** @param {Traced[]} operations @returns {OtelContext} of a command that they share */
function sharedParent(operations) {
  const isNoted = operations.length === 0 || operations.some(({ active }) => !isSuppressed(active))
  return isNoted ? ROOT_CONTEXT : suppressed(ROOT_CONTEXT)
}

class Spans {
  #means
  /** By what is published, which belongs to other subscribers as well. @type {WeakMap<Context, Traced>} */
  #traced = new WeakMap()

  /** @param {() => Means} means */
  constructor(means) {
    this.#means = means
  }

  /** @param {Context} operation @returns {OtelContext} in which it runs */
  startOperation(operation) {
    const { active } = this.#traced.get(operation) ?? this.#startOperation(operation)
    return active
  }

  /** @param {Context} operation */
  endOperation(operation) {
    const traced = this.#traced.get(operation)
    if (traced) this.#end(operation, traced)
  }

  /** @param {Context} command @returns {OtelContext} in which it is sent */
  startCommand(command) {
    const { active } = this.#traced.get(command) ?? this.#startCommand(command)
    return this.#means().config.suppressInternalInstrumentation ? suppressed(active) : active
  }

  /** @param {Context} command */
  endCommand(command) {
    const traced = this.#traced.get(command)
    if (!traced) return
    this.#end(command, traced)
    if (isSuppressed(traced.active)) return
    this.#means().duration.record(command.durationMs / 1000, pick(command, METRIC_ATTRIBUTES), traced.active)
  }

  /** @param {Context} operation */
  #startOperation(operation) {
    const parent = contexts.active()
    const options = this.#isWanted(parent) ? { kind: SpanKind.INTERNAL } : undefined
    return this.#start(operation, parent, aheadNow(), options)
  }

  /** @param {Context} command */
  #startCommand(command) {
    const all = [...new Set(command.operations)]
    const operations = all.flatMap((operation) => this.#traced.get(operation) ?? [])
    const aheadMs = operations[0]?.aheadMs ?? aheadNow()
    const links = all.length > 1 ? linksTo(operations) : []
    const parent = all.length > 1 ? sharedParent(operations) : (operations[0]?.active ?? ROOT_CONTEXT)
    const options = links.length > 0 || this.#isWanted(parent) ? { kind: SpanKind.CLIENT, links } : undefined
    return this.#start(command, parent, aheadMs, options)
  }

  /** @param {OtelContext} parent */
  #isWanted(parent) {
    if (isSuppressed(parent)) return false
    return !this.#means().config.requireParentSpan || trace.getSpan(parent) !== undefined
  }

  /**
   * @param {Context} published
   * @param {OtelContext} parent
   * @param {number} aheadMs
   * @param {import('@opentelemetry/api').SpanOptions | undefined} options of its span, if there is to be one
   * @returns {Traced}
   */
  #start(published, parent, aheadMs, options) {
    const startMs = published.startTimeMs + aheadMs
    const name = `${published['db.operation.name']} ${published['db.collection.name']}`
    const attributes = pick(published, SPAN_ATTRIBUTES)
    const span =
      options && this.#means().tracer.startSpan(name, { ...options, attributes, startTime: startMs }, parent)
    const active = span ? trace.setSpan(parent, span) : parent
    const traced = { active, span, startMs, aheadMs }
    this.#traced.set(published, traced)
    return traced
  }

  /** @param {Context} published @param {Traced} traced */
  #end(published, { span, startMs }) {
    if (!span) return
    span.setAttributes({ ...pick(published, SPAN_ATTRIBUTES), ...ownAttributes(published) })
    const { error } = published
    if (error) span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
    span.end(startMs + published.durationMs)
  }
}

module.exports = { Spans }
