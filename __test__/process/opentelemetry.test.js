// What OpenTelemetry gets of the store, with its own SDK: the tree of spans, links, the metric, and nothing of a session.
'use strict'

const assert = require('node:assert/strict')
const { createHash } = require('node:crypto')
const { tracingChannel } = require('node:diagnostics_channel')
const { before, describe, test } = require('node:test')
const { context, createContextKey, trace } = require('@opentelemetry/api')
const { SamplingDecision } = require('@opentelemetry/sdk-trace')
const MongoStore = require('connect-mongo-native')
const { MongoStoreInstrumentation } = require('connect-mongo-native/opentelemetry')
const { BACKENDS } = require('../support/backends.js')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')
const { freshDatabaseUrl, unsteadyServer } = require('../support/server.js')
const { startTelemetry, treeOf } = require('../support/telemetry.js')
const { promised, until } = require('../support/wait.js')

/** As @opentelemetry/core names it. */
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
const SECRET = 'nobody may read this'
const session = () => ({ cookie: {}, secret: SECRET })

/**
 * The instrumentation, as long as the test runs, and an SDK of its own.
 *
 * @param {import('node:test').TestContext} t
 * @param {{ config?: import('../../opentelemetry.js').MongoStoreInstrumentationConfig, sampler?: any }} [options]
 */
function instrument(t, { config, sampler } = {}) {
  const telemetry = startTelemetry({ sampler })
  const instrumentation = new MongoStoreInstrumentation(config)
  instrumentation.setTracerProvider(telemetry.tracerProvider)
  instrumentation.setMeterProvider(telemetry.meterProvider)
  t.after(() => {
    instrumentation.disable()
    return telemetry.stop()
  })
  return { ...telemetry, instrumentation }
}

/** @param {any[]} spans @param {string} name */
function only(spans, name) {
  const found = spans.filter((span) => span.name === name)
  assert.equal(found.length, 1, `${found.length} of ${name} in ${JSON.stringify(treeOf(spans))}`)
  return found[0]
}

/** What the conventions have no name for. @param {Record<string, any>} attributes */
function withoutOwn(attributes) {
  return Object.fromEntries(
    Object.entries(attributes).filter(([name]) => !name.startsWith('connect_mongo_native.'))
  )
}

/** @param {Pick<ReturnType<typeof startTelemetry>, 'metrics'>} telemetry */
async function durations(telemetry) {
  const metrics = await telemetry.metrics()
  const metric = metrics.find(({ descriptor }) => descriptor.name === 'db.client.operation.duration')
  return metric?.dataPoints ?? []
}

/** @param {string} name the title, with the backend @param {(t: import('node:test').TestContext, backend: 'native' | 'driver') => Promise<void>} body */
function forEachBackend(name, body) {
  for (const backend of BACKENDS) test(`${name} [${backend}]`, (t) => body(t, backend))
}

// ---- An app

/**
 * In a child: an Express app whose handler makes a span of its own, a visitor who comes twice, and then as many at a time as there are
 * visitors. All come to the store in one turn of the event loop.
 *
 * @param {{ mongoUrl: string, backend: 'native' | 'driver', visitors: number }} data
 */
async function visitApp({ mongoUrl, backend, visitors }) {
  const { once } = require('node:events')
  const { trace } = require('@opentelemetry/api')
  const { registerInstrumentations } = require('@opentelemetry/instrumentation')
  const { ExpressInstrumentation } = require('@opentelemetry/instrumentation-express')
  const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http')
  const { MongoStoreInstrumentation } = require('../../opentelemetry.js')
  const { startTelemetry } = require('../support/telemetry.js')

  const telemetry = startTelemetry()
  const { tracerProvider, meterProvider } = telemetry
  trace.setGlobalTracerProvider(tracerProvider)
  const instrumentations = [
    new HttpInstrumentation(),
    new ExpressInstrumentation(),
    new MongoStoreInstrumentation(),
  ]
  registerInstrumentations({ tracerProvider, meterProvider, instrumentations })

  const express = require('express')
  const expressSession = require('express-session')
  const MongoStore = require('../..')
  const { Browser } = require('../support/http.js')
  const { until } = require('../support/wait.js')
  const store = MongoStore.create({ mongoUrl, backend, hashId: true })
  const waiting = []
  let together = 1
  const gather = (_req, _res, next) => {
    waiting.push(next)
    if (waiting.length === together) for (const each of waiting.splice(0)) each()
  }
  const app = express()
  app.use(gather)
  app.use(expressSession({ secret: 'harbour', resave: false, saveUninitialized: false, store }))
  app.get('/:path', (req, res) => {
    const span = trace.getTracer('app').startSpan('handler')
    req.session.secret = 'nobody may read this'
    req.session.views = (req.session.views ?? 0) + 1
    span.end()
    res.json(req.session.views)
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}`
  const browsers = Array.from({ length: visitors }, () => new Browser(url))
  const sids = []
  for (const browser of browsers) {
    await browser.json('/first')
    sids.push(browser.sid)
  }
  await browsers[0].json('/alone')
  together = visitors
  // A connection that has just been opened gets one session first.
  await until(async () => {
    await Promise.all(browsers.map((browser) => browser.json('/together')))
    return telemetry.spans().some(({ name, links }) => name === 'find sessions' && links.length > 0)
  })
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
  await store.close()
  const metrics = await telemetry.metrics()
  const port = Number(/:(\d+)\//.exec(mongoUrl)[1])
  console.log(JSON.stringify({ sids, port, spans: telemetry.spans(), metrics }))
  await telemetry.stop()
}

for (const backend of BACKENDS) {
  describe(`an Express app [${backend}]`, () => {
    const visitors = 8
    /** @type {any} */
    let seen
    /** @type {string} */
    let database

    before(async () => {
      const mongoUrl = await freshDatabaseUrl('opentelemetry')
      database = new URL(mongoUrl).pathname.slice(1)
      const { code, stdout, stderr } = await runInChild(visitApp, { mongoUrl, backend, visitors })
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
      seen = JSON.parse(stdout)
      const path = '/alone'
      const { traceId } = seen.spans.find(
        (/** @type {any} */ { attributes }) => attributes['url.path'] === path
      )
      seen.alone = seen.spans.filter((/** @type {any} */ span) => span.traceId === traceId)
    })

    test('has what the store does in the trace of the request, and none of its own spans in that of the store', () => {
      const session = { 'middleware - session': [{ 'get sessions': ['find sessions'] }] }
      const handler = { 'request handler': ['handler', { 'set sessions': ['update sessions'] }] }
      assert.deepEqual(treeOf(seen.alone), [{ 'GET /:path': ['middleware - gather', session, handler] }])
    })

    test('gets spans with the attributes of the conventions', () => {
      const attributes = {
        'db.system.name': 'mongodb',
        'db.namespace': database,
        'db.collection.name': 'sessions',
        'server.address': '127.0.0.1',
        'server.port': seen.port,
      }
      for (const [name, kind, operation] of [
        ['get sessions', 'INTERNAL', 'get'],
        ['find sessions', 'CLIENT', 'find'],
        ['set sessions', 'INTERNAL', 'set'],
        ['update sessions', 'CLIENT', 'update'],
      ]) {
        const span = only(seen.alone, name)
        assert.equal(span.kind, kind)
        assert.deepEqual(span.status, { code: 'UNSET' })
        assert.deepEqual(withoutOwn(span.attributes), { ...attributes, 'db.operation.name': operation })
      }
    })

    test('gets the bytes of commands of Rust', () => {
      for (const [name, own] of [
        ['find sessions', 'connect_mongo_native.response_bytes'],
        ['update sessions', 'connect_mongo_native.request_bytes'],
      ])
        assert.equal(only(seen.alone, name).attributes[own] > 0, backend === 'native')
    })

    test('gets times within those of the operation, which are within those of the request', () => {
      const spans = new Map(seen.alone.map((/** @type {any} */ span) => [span.spanId, span]))
      for (const name of ['find sessions', 'update sessions']) {
        const command = only(seen.alone, name)
        const operation = spans.get(command.parentSpanId)
        assert.ok(command.startMs >= operation.startMs, `${name}: ${command.startMs} ${operation.startMs}`)
        assert.ok(command.endMs <= operation.endMs, `${name}: ${command.endMs} ${operation.endMs}`)
        // The clock of other spans has whole milliseconds.
        const request = only(seen.alone, 'GET /:path')
        assert.ok(operation.startMs >= request.startMs - 1 && operation.endMs <= request.endMs + 1)
      }
    })

    test('gets a trace for each command that requests share, with links to them', () => {
      /** @type {Map<string, any>} */
      const operations = new Map(seen.spans.map((/** @type {any} */ span) => [span.spanId, span]))
      for (const [id, { name }] of operations)
        if (!/^(get|set|touch) sessions$/.test(name)) operations.delete(id)
      const commands = seen.spans.filter((/** @type {any} */ { kind }) => kind === 'CLIENT')
      for (const { parentSpanId, traceId, links, attributes } of commands) {
        if (links.length === 0) continue
        assert.equal(parentSpanId, undefined)
        assert.equal(attributes['db.operation.batch.size'], links.length)
        const traces = links.map((/** @type {any} */ link) => operations.get(link.spanId).traceId)
        assert.deepEqual(
          traces,
          links.map((/** @type {any} */ link) => link.traceId)
        )
        assert.equal(new Set([...traces, traceId]).size, links.length + 1)
      }
      const told = commands.flatMap((/** @type {any} */ { parentSpanId, links }) =>
        links.length ? links.map((/** @type {any} */ { spanId }) => spanId) : [parentSpanId]
      )
      assert.deepEqual(told.sort(), [...operations.keys()].sort())
    })

    test('gets the metric of the conventions, of each command', () => {
      const metric = seen.metrics.find(
        (/** @type {any} */ { descriptor }) => descriptor.name === 'db.client.operation.duration'
      )
      assert.deepEqual([metric.descriptor.type, metric.descriptor.unit], ['HISTOGRAM', 's'])
      const points = metric.dataPoints.map((/** @type {any} */ { attributes, value }) => {
        const { 'db.operation.name': name, ...rest } = attributes
        assert.deepEqual(rest, {
          'db.system.name': 'mongodb',
          'db.namespace': database,
          'db.collection.name': 'sessions',
          'server.address': '127.0.0.1',
          'server.port': seen.port,
        })
        assert.deepEqual(value.buckets.boundaries, BUCKETS)
        const spans = seen.spans.filter((/** @type {any} */ span) => span.name === `${name} sessions`)
        assert.equal(value.count, spans.length)
        const seconds = spans.reduce(
          (/** @type {number} */ sum, /** @type {any} */ { startMs, endMs }) =>
            sum + (endMs - startMs) / 1000,
          0
        )
        assert.ok(Math.abs(value.sum - seconds) < 1e-3, `${value.sum} and ${seconds}`)
        return name
      })
      assert.deepEqual(points.sort(), ['find', 'update'])
    })

    test('gets nothing of a session, and no id, hashed or not', () => {
      const { sids, ...exported } = seen
      const text = JSON.stringify(exported)
      assert.equal(sids.length, visitors)
      for (const sid of sids) {
        assert.ok(sid)
        const digest = createHash('sha256').update(sid).digest()
        for (const form of [
          sid,
          digest.toString('hex'),
          digest.toString('base64'),
          digest.toString('base64url'),
        ])
          assert.ok(!text.includes(form), form)
      }
      for (const word of [SECRET, 'cookie', 'views', '"secret"']) assert.ok(!text.includes(word), word)
    })
  })
}

// ---- What shares a command

forEachBackend(
  'operations that share a command are linked, also those that are not sampled',
  async (t, backend) => {
    const isCommand = (/** @type {string} */ name) => /^(find|update)/.test(name)
    const shouldSample = (
      /** @type {any} */ _context,
      /** @type {string} */ _traceId,
      /** @type {string} */ name
    ) => ({
      decision: isCommand(name) ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD,
    })
    const { request, spans } = instrument(t, { sampler: { shouldSample } })
    const store = (await openDatabase(t)).open({ backend })
    await store.get('first')
    /** @type {string[]} */
    const traces = []
    const visit = () =>
      request('request', () => {
        traces.push(/** @type {any} */ (trace.getActiveSpan()).spanContext().traceId)
        return store.get('sid')
      })
    await until(async () => {
      await Promise.all(Array.from({ length: 8 }, visit))
      return spans().some(({ links }) => links.length > 0)
    })
    const linked = spans().flatMap(({ links }) => links)
    assert.ok(linked.length > 1)
    for (const { traceFlags, traceId } of linked) {
      assert.equal(traceFlags, 0)
      assert.ok(traces.includes(traceId))
    }
  }
)

// ---- Contexts

forEachBackend(
  'what an app does in the store is within its span, and after it in its own',
  async (t, backend) => {
    const { request, spans, tracer } = instrument(t)
    const transformId = (/** @type {string} */ sid) => {
      tracer.startSpan('transformId').end()
      return `_${sid}`
    }
    const store = (await openDatabase(t)).open({ backend, transformId })
    await request('by promise', async () => {
      await store.get('sid')
      tracer.startSpan('after').end()
    })
    await request('by callback', async () => {
      await promised(store, 'get', 'sid')
      // Of the two, each a command of its own, either may be answered first.
      const getting = new Promise((resolve) => {
        store.get('sid', () => {
          tracer.startSpan('in the callback').end()
          resolve(undefined)
        })
      })
      await promised(store, 'touch', 'sid', session())
      await getting
    })
    const get = { 'get sessions': ['find sessions', 'transformId'] }
    assert.deepEqual(treeOf(spans()), [
      {
        'by callback': [
          get,
          get,
          'in the callback',
          { 'touch sessions': ['transformId', 'update sessions'] },
        ],
      },
      { 'by promise': ['after', get] },
    ])
  }
)

forEachBackend(
  'without a trace there are no spans, unless requireParentSpan is false',
  async (t, backend) => {
    const { instrumentation, spans, ...telemetry } = instrument(t)
    const store = (await openDatabase(t)).open({ backend })
    await store.get('sid')
    assert.deepEqual(spans(), [])
    assert.equal((await durations(telemetry))[0].value.count, 1)
    instrumentation.setConfig({ requireParentSpan: false })
    await store.get('sid')
    assert.deepEqual(treeOf(spans()), [{ 'get sessions': ['find sessions'] }])
    assert.equal((await durations(telemetry))[0].value.count, 2)
  }
)

forEachBackend('where tracing is suppressed there are neither spans nor the metric', async (t, backend) => {
  const { request, spans, ...telemetry } = instrument(t)
  const store = (await openDatabase(t)).open({ backend })
  await request('request', () =>
    context.with(context.active().setValue(SUPPRESSED, true), () =>
      Promise.all(['one', 'two', 'three', 'four'].map((sid) => store.get(sid)))
    )
  )
  assert.deepEqual(treeOf(spans()), ['request'])
  assert.deepEqual(await durations(telemetry), [])
})

// ---- Failures

forEachBackend(
  'a server that goes away is an error of the operation, and of the commands for it',
  async (t, backend) => {
    const { request, spans, ...telemetry } = instrument(t)
    const server = await unsteadyServer()
    await server.start()
    const store = new MongoStore({ mongoUrl: server.url, backend })
    t.after(() => store.close())
    await store.get('sid')
    await server.stop()
    await request('request', () => assert.rejects(store.get('sid')))
    const commands = spans().filter(({ kind }) => kind === 'CLIENT')
    for (const { status, attributes } of [only(spans(), 'get sessions'), ...commands]) {
      assert.equal(status.code, 'ERROR')
      assert.ok(status.message)
      assert.match(attributes['error.type'], /^Mongo\w+Error$/)
    }
    const failed = (await durations(telemetry)).filter(({ attributes }) => 'error.type' in attributes)
    const counts = failed.map(({ value }) => value.count)
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      commands.length
    )
  }
)

forEachBackend('a command that a server refuses has its code', async (t, backend) => {
  const { request, spans, ...telemetry } = instrument(t)
  // Which a server without others cannot do.
  const writeOperationOptions = { w: 2 }
  const store = (await openDatabase(t)).open({ backend, writeOperationOptions })
  await request('request', () => assert.rejects(store.set('sid', session())))
  const [{ attributes: ofMetric }] = await durations(telemetry)
  for (const name of ['set sessions', 'update sessions']) {
    const { status, attributes } = only(spans(), name)
    assert.deepEqual(status, { code: 'ERROR', message: 'BadValue' })
    for (const each of [attributes, ofMetric]) {
      assert.equal(each['error.type'], '2')
      assert.equal(each['db.response.status_code'], '2')
    }
  }
})

forEachBackend('what a server quotes of a session that it refuses stays away', async (t, backend) => {
  const { request, spans, ...telemetry } = instrument(t)
  const { db, open } = await openDatabase(t)
  await db.createCollection('sessions', { validator: { session: { $type: 'int' } } })
  const store = open({ backend })
  await request('request', () => assert.rejects(store.set('a sid of this test', session())))
  const { status, attributes } = only(spans(), 'set sessions')
  assert.equal(status.code, 'ERROR')
  assert.equal(attributes['db.response.status_code'], '121')
  const text = JSON.stringify([spans(), await telemetry.metrics()])
  for (const word of [SECRET, 'a sid of this test', 'cookie']) assert.ok(!text.includes(word), word)
})

describe('an SDK that throws', () => {
  const fail = () => {
    throw new Error('thrown by the SDK')
  }
  const failingSpan = new Proxy({}, { get: () => fail })
  const failing = {
    'starts no span': { startSpan: fail },
    'gives a span of which nothing works': { startSpan: () => failingSpan },
  }
  for (const [name, tracer] of Object.entries(failing)) {
    forEachBackend(`and ${name} is nothing to the app`, async (t, backend) => {
      const { instrumentation, request } = instrument(t)
      const store = (await openDatabase(t)).open({ backend })
      instrumentation.setTracerProvider(/** @type {any} */ ({ getTracer: () => tracer }))
      instrumentation.setMeterProvider(
        /** @type {any} */ ({ getMeter: () => ({ createHistogram: () => ({ record: fail }) }) })
      )
      await request('request', async () => {
        await store.set('sid', session())
        assert.equal((await promised(store, 'get', 'sid')).secret, SECRET)
      })
    })
  }
})

// ---- Loading

test('it is one class for CommonJS and for ECMAScript modules', async () => {
  const module = await import('connect-mongo-native/opentelemetry')
  assert.equal(module.MongoStoreInstrumentation, MongoStoreInstrumentation)
})

test('the store itself loads nothing of OpenTelemetry', async () => {
  const { code, stdout, stderr } = await runInChild(() => {
    require('../..')
    console.log(Object.keys(require.cache).filter((file) => /opentelemetry/.test(file)).length)
  })
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '0\n', stderr: '' })
})

// ---- Enabling

test('disabled it makes nothing, and leaves nobody on the channels', async (t) => {
  const { instrumentation, request, spans, ...telemetry } = instrument(t)
  const store = (await openDatabase(t)).open()
  await request('request', () => store.get('sid'))
  const before = spans().length
  const [{ value }] = await durations(telemetry)
  instrumentation.disable()
  for (const name of ['operation', 'command']) {
    const { start, end, asyncStart, asyncEnd, error } = tracingChannel(`connect-mongo-native:${name}`)
    for (const channel of [start, end, asyncStart, asyncEnd, error])
      assert.equal(channel.hasSubscribers, false)
  }
  await request('request', () => store.get('sid'))
  assert.equal(spans().length, before + 1)
  assert.equal((await durations(telemetry))[0].value.count, value.count)
})

test('enabled twice it makes each span once, also for a store that was there before', async (t) => {
  const store = (await openDatabase(t)).open()
  await store.get('sid')
  const { instrumentation, request, spans } = instrument(t)
  instrumentation.enable()
  await request('request', () => store.get('sid'))
  assert.deepEqual(treeOf(spans()), [{ request: [{ 'get sessions': ['find sessions'] }] }])
  instrumentation.disable()
  instrumentation.enable()
  await request('request', () => store.get('sid'))
  assert.equal(spans().length, 6)
})

test('an operation under way when it is enabled or disabled has no span', async (t) => {
  const { instrumentation, request, spans } = instrument(t, { config: { enabled: false } })
  const store = (await openDatabase(t)).open()
  await request('request', async () => {
    const before = store.get('sid')
    instrumentation.enable()
    await before
    const last = store.get('sid')
    instrumentation.disable()
    await last
  })
  assert.deepEqual(treeOf(spans()), ['request'])
})

// ---- Over a JavaScript client

/**
 * In a child, with the instrumentation of mongodb: what the store asks, and what the app does.
 *
 * @param {{ mongoUrl: string, config: object }} data
 */
async function useDriver({ mongoUrl, config }) {
  const { registerInstrumentations } = require('@opentelemetry/instrumentation')
  const { MongoDBInstrumentation } = require('@opentelemetry/instrumentation-mongodb')
  const { MongoStoreInstrumentation } = require('../../opentelemetry.js')
  const { startTelemetry, treeOf } = require('../support/telemetry.js')
  const { request, spans, stop, tracerProvider, meterProvider } = startTelemetry()
  const instrumentations = [new MongoDBInstrumentation(), new MongoStoreInstrumentation(config)]
  registerInstrumentations({ tracerProvider, meterProvider, instrumentations })
  const { MongoClient } = require('mongodb')
  const MongoStore = require('../..')
  const client = await MongoClient.connect(mongoUrl)
  const store = new MongoStore({ client })
  await store.get('sid')
  await request('request', async () => {
    await store.set('sid', { cookie: {} })
    await store.get('sid')
    await client.db().collection('users').findOne()
  })
  await store.close()
  // A connection that is late is asked for a sign of life.
  console.log(JSON.stringify(treeOf(spans().filter(({ name }) => !name.startsWith('ping')))))
  await stop()
}

for (const [title, config, commands] of [
  ['makes no spans of the commands of the store', {}, { find: 'find sessions', update: 'update sessions' }],
  [
    'makes spans within those of the store, with suppressInternalInstrumentation false',
    { suppressInternalInstrumentation: false },
    { find: { 'find sessions': ['find sessions'] }, update: { 'update sessions': ['update sessions'] } },
  ],
]) {
  test(`the instrumentation of mongodb ${title}`, async () => {
    const mongoUrl = await freshDatabaseUrl('opentelemetry')
    const { code, stdout, stderr } = await runInChild(useDriver, { mongoUrl, config })
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    const { find, update } = /** @type {any} */ (commands)
    assert.deepEqual(JSON.parse(stdout), [
      { request: ['find users', { 'get sessions': [find] }, { 'set sessions': [update] }] },
    ])
  })
}
