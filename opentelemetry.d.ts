import { InstrumentationBase, type InstrumentationConfig } from '@opentelemetry/instrumentation'

export interface MongoStoreInstrumentationConfig extends InstrumentationConfig {
  /** Spans only within a trace that the app has begun, and none of work in the background. The metric counts all. @default true */
  requireParentSpan?: boolean | undefined
  /**
   * Over a JavaScript client, no spans of its commands by another instrumentation, such as
   * `@opentelemetry/instrumentation-mongodb`, beside those of this one.
   *
   * @default true
   */
  suppressInternalInstrumentation?: boolean | undefined
}

/** Spans of what the stores do, and the metric `db.client.operation.duration`. See docs/observability.md. */
export class MongoStoreInstrumentation extends InstrumentationBase<MongoStoreInstrumentationConfig> {
  constructor(config?: MongoStoreInstrumentationConfig)
  protected init(): void
}
