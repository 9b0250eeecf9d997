// What the package gives to apps with OpenTelemetry. opentelemetry.d.ts has the types.
'use strict'

const { MongoStoreInstrumentation } = require('./lib/opentelemetry/instrumentation.js')

module.exports = { MongoStoreInstrumentation }
