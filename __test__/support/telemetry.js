// The OpenTelemetry SDK, with exporters that keep what they get, and what they have in words.
'use strict'

const { context, SpanKind, SpanStatusCode } = require('@opentelemetry/api')
const { AsyncLocalStorageContextManager } = require('@opentelemetry/context-async-hooks')
const {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} = require('@opentelemetry/sdk-metrics')
const { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } = require('@opentelemetry/sdk-trace')

/** @typedef {import('@opentelemetry/sdk-trace').ReadableSpan} ReadableSpan */

/** Longer than any test. */
const NEVER_MS = 2 ** 31 - 1

context.setGlobalContextManager(new AsyncLocalStorageContextManager())

/** @param {[seconds: number, nanoseconds: number]} time */
function inMs([seconds, nanoseconds]) {
  return seconds * 1e3 + nanoseconds / 1e6
}

/** @param {ReadableSpan} span */
function plainSpan(span) {
  const { name, kind, attributes, status, events, links, startTime, endTime } = span
  const { traceId, spanId } = span.spanContext()
  return {
    name,
    kind: SpanKind[kind],
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    attributes,
    status: { ...status, code: SpanStatusCode[status.code] },
    events,
    links: links.map((link) => link.context),
    startMs: inMs(startTime),
    endMs: inMs(endTime),
  }
}

/** @typedef {ReturnType<typeof plainSpan>} PlainSpan */

/**
 * Spans with those within them, each in alphabetical order: they begin in the same millisecond.
 *
 * @param {PlainSpan[]} spans
 * @param {string} [parentSpanId] that of roots is none
 * @returns {any[]} names, and an object of a name and what is in it
 */
function treeOf(spans, parentSpanId) {
  const here = spans.filter((span) => span.parentSpanId === parentSpanId)
  return here
    .sort((one, other) => one.name.localeCompare(other.name))
    .map(({ name, spanId }) => {
      const within = treeOf(spans, spanId)
      return within.length ? { [name]: within } : name
    })
}

/** @param {{ sampler?: import('@opentelemetry/sdk-trace').Sampler }} [options] */
function startTelemetry({ sampler } = {}) {
  const exporter = new InMemorySpanExporter()
  const tracerProvider = new TracerProvider({
    sampler,
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  })
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
    exportIntervalMillis: NEVER_MS,
  })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const tracer = tracerProvider.getTracer('app')
  return {
    tracerProvider,
    meterProvider,
    tracer,
    /** @template T @param {string} name @param {() => Promise<T>} work @returns {Promise<T>} */
    request: (name, work) =>
      tracer.startActiveSpan(name, { kind: SpanKind.SERVER, root: true }, async (span) => {
        try {
          return await work()
        } finally {
          span.end()
        }
      }),
    spans: () => exporter.getFinishedSpans().map(plainSpan),
    /** @returns {Promise<any[]>} */
    async metrics() {
      const { resourceMetrics } = await reader.collect()
      return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
    },
    stop: () => meterProvider.shutdown(),
  }
}

module.exports = { startTelemetry, treeOf }
