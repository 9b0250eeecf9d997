// example/metrics.js as Prometheus meets it.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const MongoStore = require('../..')
const { createApp } = require('../../example/metrics.js')
const { openDatabase } = require('../support/database.js')
const { Browser, serve } = require('../support/http.js')

test('the example gives what a store has done as Prometheus reads it', async (t) => {
  const { url } = await openDatabase(t)
  const store = MongoStore.create({ mongoUrl: url })
  t.after(() => store.close())
  const browser = new Browser(await serve(t, createApp({ store, secret: 'a secret of the cookie' })))
  assert.equal(await (await browser.fetch('/')).text(), '1 views')
  assert.equal(await (await browser.fetch('/')).text(), '2 views')
  const answer = await browser.fetch('/metrics')
  assert.match(String(answer.headers.get('content-type')), /^text\/plain; .*version=0\.0\.4/)
  const lines = (await answer.text()).split('\n')
  const metricOf = (/** @type {string} */ metric) => {
    const line = lines.find((one) => one.startsWith(`${metric} `))
    assert.ok(line, `${metric} is among the metrics`)
    return Number(line.slice(metric.length))
  }
  assert.ok(lines.includes('# TYPE session_store_operation_seconds histogram'))
  assert.equal(metricOf('session_store_operation_seconds_count{operation="set"}'), 2)
  assert.equal(metricOf('session_store_operation_seconds_bucket{operation="set",le="+Inf"}'), 2)
  assert.ok(metricOf('session_store_operation_seconds_sum{operation="set"}') < 60)
  assert.equal(metricOf('session_store_failures_total{operation="get"}'), 0)
  assert.equal(metricOf('session_store_command_statements_sum{command="update"}'), 2)
  assert.equal(metricOf('session_store_waiting'), 0)
  assert.ok(metricOf('session_store_connections{state="idle"}') >= 1)
})
