// The instrumentation, from CommonJS.
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { MongoStoreInstrumentation } from 'connect-mongo-native/opentelemetry'

import instrumentation = require('connect-mongo-native/opentelemetry')

const required: typeof MongoStoreInstrumentation = instrumentation.MongoStoreInstrumentation
const config: instrumentation.MongoStoreInstrumentationConfig = { suppressInternalInstrumentation: undefined }
registerInstrumentations({ instrumentations: [new MongoStoreInstrumentation(), new required(config)] })
