// OpenTelemetry's active context, where a channel runs its stores. Each context manager keeps it in its own way, so the API is asked.
'use strict'

const { AsyncLocalStorage } = require('node:async_hooks')
const { context, createContextKey } = require('@opentelemetry/api')

/** @typedef {import('@opentelemetry/api').Context} Context */

/** That of @opentelemetry/core, which every SDK looks for before it makes a span. */
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

/** @param {Context} one */
function isSuppressed(one) {
  return one.getValue(SUPPRESSED) === true
}

/** @param {Context} one */
function suppressed(one) {
  return one.setValue(SUPPRESSED, true)
}

/**
 * The API has `attach` since 1.10. Before, the only way in is the field in which SDK 2 keeps its storage.
 *
 * @param {Context} active
 * @returns {() => void} what ends it
 */
function attach(active) {
  const api = /** @type {any} */ (context)
  if (typeof api.attach === 'function') {
    const token = api.attach(active)
    return () => token.dispose()
  }
  const scope = api._getContextManager?.()._asyncLocalStorage?.withScope?.(active)
  return () => scope?.[Symbol.dispose]()
}

/** For `bindStore`. Node up to 24 runs a store, later versions ask it for a scope. @extends {AsyncLocalStorage<Context | undefined>} */
class ActiveContext extends AsyncLocalStorage {
  /** @param {Context | undefined} active what stays as it is when there is none @param {() => any} work */
  run(active, work) {
    return active ? context.with(active, work) : work()
  }

  /** @param {Context | undefined} active */
  withScope(active) {
    return { [Symbol.dispose]: active ? attach(active) : () => {} }
  }
}

module.exports = { ActiveContext, isSuppressed, suppressed }
