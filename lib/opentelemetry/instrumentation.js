// The instrumentation: what OpenTelemetry's SDK, or an app, registers.
'use strict'

const { tracingChannel } = require('node:diagnostics_channel')
const { ValueType } = require('@opentelemetry/api')
const { InstrumentationBase } = require('@opentelemetry/instrumentation')
const { name, version } = require('../../package.json')
const { ActiveContext } = require('./active-context.js')
const { Spans } = require('./spans.js')

/** @typedef {import('../../opentelemetry.js').MongoStoreInstrumentationConfig} Config */

const DEFAULTS = { requireParentSpan: true, suppressInternalInstrumentation: true }
/** Of the conventions. */
const BUCKETS_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

// Held here: Node forgets a channel that nobody holds, with its subscribers.
const operations = tracingChannel('connect-mongo-native:operation')
const commands = tracingChannel('connect-mongo-native:command')

/**
 * What unsubscribes. No fields: InstrumentationBase enables before there are any of this class.
 *
 * @type {WeakMap<MongoStoreInstrumentation, () => void>}
 */
const subscriptions = new WeakMap()

/**
 * @param {typeof operations} channel
 * @param {(published: any) => any} onStart gives the context in which what has started goes on
 * @param {(published: any) => void} onEnd
 * @returns {() => void} what unsubscribes
 */
function subscribe({ start, asyncStart }, onStart, onEnd) {
  const active = new ActiveContext()
  // A command of Rust is told when it has left already: there is nothing to run, and no store is asked.
  start.bindStore(active, onStart)
  start.subscribe(onStart)
  asyncStart.subscribe(onEnd)
  return () => {
    start.unbindStore(active)
    start.unsubscribe(onStart)
    asyncStart.unsubscribe(onEnd)
  }
}

/** @extends {InstrumentationBase<Config>} */
class MongoStoreInstrumentation extends InstrumentationBase {
  /** @param {Config} [config] */
  constructor(config = {}) {
    super(name, version, config)
  }

  /** @param {Config} [config] */
  setConfig(config = {}) {
    super.setConfig({ ...DEFAULTS, ...config })
  }

  /** There is no module to patch. */
  init() {}

  enable() {
    super.enable()
    if (!subscriptions.has(this)) subscriptions.set(this, this._subscribe())
  }

  disable() {
    super.disable()
    subscriptions.get(this)?.()
    subscriptions.delete(this)
  }

  _updateMetricInstruments() {
    this._duration = this.meter.createHistogram('db.client.operation.duration', {
      description: 'Duration of database client operations.',
      unit: 's',
      valueType: ValueType.DOUBLE,
      advice: { explicitBucketBoundaries: BUCKETS_SECONDS },
    })
  }

  /** @returns {() => void} what unsubscribes */
  _subscribe() {
    const spans = new Spans(() => ({
      tracer: this.tracer,
      duration: /** @type {import('@opentelemetry/api').Histogram} */ (this._duration),
      config: this.getConfig(),
    }))
    const endOperations = subscribe(
      operations,
      this._safely((one) => spans.startOperation(one)),
      this._safely((one) => spans.endOperation(one))
    )
    const endCommands = subscribe(
      commands,
      this._safely((one) => spans.startCommand(one)),
      this._safely((one) => spans.endCommand(one))
    )
    return () => {
      endOperations()
      endCommands()
    }
  }

  /** What a subscriber throws would end the process. @template T @param {(published: any) => T} listener */
  _safely(listener) {
    return (/** @type {unknown} */ published) => {
      try {
        return listener(published)
      } catch (error) {
        this._diag.error('What the store does could not be recorded', error)
        return undefined
      }
    }
  }
}

module.exports = { MongoStoreInstrumentation }
