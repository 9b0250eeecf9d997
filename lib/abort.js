// Node's own AbortController and AbortSignal. A test environment such as jsdom has others in the place of the global ones, which Node's
// functions do not take, and which may know no time limits.
'use strict'

const { transferableAbortController } = require('node:util')

const own = transferableAbortController?.() ?? new AbortController()

module.exports = {
  AbortController: /** @type {typeof AbortController} */ (own.constructor),
  AbortSignal: /** @type {typeof AbortSignal} */ (own.signal.constructor),
}
