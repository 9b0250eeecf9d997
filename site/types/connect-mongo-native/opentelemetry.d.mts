export * from '../../../opentelemetry.mjs'
