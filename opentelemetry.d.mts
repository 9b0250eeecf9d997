export type { MongoStoreInstrumentationConfig } from './opentelemetry.js'
export { MongoStoreInstrumentation } from './opentelemetry.js'
