// The child's end of the link to the process that started it: it answers one request after the other.
'use strict'

/** @typedef {Record<string, (request: any) => unknown>} Handlers */

/** @param {Handlers} handlers */
function answerParent(handlers) {
  process.on('message', async (/** @type {{ ask: string, request: unknown }} */ { ask, request }) => {
    try {
      process.send?.({ answer: await handlers[ask](request) })
    } catch (error) {
      console.error(error)
      process.exit(1)
    }
  })
  // Whatever a store still holds open must not outlive the measurement.
  process.once('disconnect', () => process.exit())
}

module.exports = { answerParent }
