import instrumentation from './opentelemetry.js'

const { MongoStoreInstrumentation } = instrumentation

export { MongoStoreInstrumentation }
