// store.stats() for Prometheus, with prom-client: GET /metrics.
// MONGO_URL=mongodb://… SESSION_SECRET=… node example/metrics.js
'use strict'

const MongoStore = require('connect-mongo-native')
const express = require('express')
const session = require('express-session')
const { Registry } = require('prom-client')

/**
 * @typedef {{ metricName?: string, labels: Record<string, string | number>, value: number }} Value
 * @typedef {import('connect-mongo-native').Histogram} Histogram
 */

/** What prom-client calls the buckets of a histogram: each with all that are below it. @param {string} name @param {Record<string, string>} labels @param {Histogram} histogram @param {number} unit @returns {Value[]} */
function histogramValues(name, labels, { bounds, counts, sum }, unit) {
  let count = 0
  const buckets = counts.map((own, index) => {
    count += own
    const le = index < bounds.length ? bounds[index] * unit : '+Inf'
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum * unit },
    { metricName: `${name}_count`, labels, value: count },
  ]
}

const SECONDS_IN_MS = 1e-3

/** @type {Record<string, { help: string, type: string, values: (stats: import('connect-mongo-native').Stats, name: string) => Value[] }>} */
const METRICS = {
  session_store_operation_seconds: {
    help: 'From the call to its answer',
    type: 'histogram',
    values: ({ operations }, name) =>
      Object.entries(operations).flatMap(([operation, { latencyMs }]) =>
        histogramValues(name, { operation }, latencyMs, SECONDS_IN_MS)
      ),
  },
  session_store_failures_total: {
    help: 'Operations that ended with an error',
    type: 'counter',
    values: ({ operations }) =>
      Object.entries(operations).map(([operation, { failed }]) => ({ labels: { operation }, value: failed })),
  },
  session_store_command_statements: {
    help: 'Statements in a command',
    type: 'histogram',
    values: ({ commands }, name) =>
      Object.entries(commands).flatMap(([command, { statements }]) =>
        histogramValues(name, { command }, statements, 1)
      ),
  },
  session_store_retries_total: {
    help: 'Commands that were sent again',
    type: 'counter',
    values: ({ retries }) => (retries === undefined ? [] : [{ labels: {}, value: retries }]),
  },
  session_store_waiting: {
    help: 'Operations that wait for a command',
    type: 'gauge',
    values: ({ queue }) => [{ labels: {}, value: queue.waiting }],
  },
  session_store_connections: {
    help: 'Connections to MongoDB',
    type: 'gauge',
    values: ({ pool }) =>
      pool
        ? [
            { labels: { state: 'in use' }, value: pool.inUse },
            { labels: { state: 'idle' }, value: pool.open - pool.inUse },
          ]
        : [],
  },
}

/** @param {MongoStore} store @returns {Registry} whose metrics are asked of the store when they are read */
function registryOf(store) {
  const registry = new Registry()
  for (const [name, { help, type, values }] of Object.entries(METRICS)) {
    const get = async () => ({ name, help, type, aggregator: 'sum', values: values(store.stats(), name) })
    registry.registerMetric(/** @type {any} */ ({ name, help, type, get }))
  }
  return registry
}

/** @param {{ store: MongoStore, secret: string }} options */
function createApp({ store, secret }) {
  const registry = registryOf(store)
  const app = express()
  app.disable('x-powered-by')
  app.get('/metrics', async (_req, res) => {
    res.type(registry.contentType).send(await registry.metrics())
  })
  app.use(session({ secret, store, resave: false, saveUninitialized: false }))
  app.get('/', (/** @type {any} */ req, res) => {
    req.session.views = (req.session.views ?? 0) + 1
    res.send(`${req.session.views} views`)
  })
  return app
}

module.exports = { createApp }

if (require.main === module) {
  const { MONGO_URL: mongoUrl, SESSION_SECRET: secret, PORT = '3000' } = process.env
  if (!mongoUrl || !secret) throw new Error('Set MONGO_URL and SESSION_SECRET')
  createApp({ store: MongoStore.create({ mongoUrl }), secret }).listen(Number(PORT), (error) => {
    if (error) throw error
    console.log(`http://localhost:${PORT}/metrics`)
  })
}
