// The warnings of this process.
'use strict'

/** Collects the process's warnings from here to the end of the test. @param {import('node:test').TestContext} t */
function collectWarnings(t) {
  /** @type {Error[]} */
  const warnings = []
  const onWarning = (/** @type {Error} */ warning) => warnings.push(warning)
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  return warnings
}

/** What node:process emits goes through process.nextTick first. */
const warningsAreOut = () => new Promise((resolve) => setImmediate(resolve))

module.exports = { collectWarnings, warningsAreOut }
