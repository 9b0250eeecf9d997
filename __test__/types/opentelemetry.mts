// The instrumentation, from an ECMAScript module.
import {
  type Instrumentation,
  type InstrumentationBase,
  registerInstrumentations,
} from '@opentelemetry/instrumentation'
import * as everything from 'connect-mongo-native/opentelemetry'
import {
  MongoStoreInstrumentation,
  type MongoStoreInstrumentationConfig,
} from 'connect-mongo-native/opentelemetry'

const config: MongoStoreInstrumentationConfig = { enabled: false, requireParentSpan: false }
const instrumentation: Instrumentation<MongoStoreInstrumentationConfig> = new MongoStoreInstrumentation(
  config
)
const base: InstrumentationBase = new everything.MongoStoreInstrumentation()
instrumentation.setConfig({ suppressInternalInstrumentation: false })
registerInstrumentations({ instrumentations: [instrumentation, base] })

// @ts-expect-error: there is no such option
new MongoStoreInstrumentation({ requireParent: true })

// @ts-expect-error: there is no such export
export { nothing } from 'connect-mongo-native/opentelemetry'
