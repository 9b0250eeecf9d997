// Warnings of this package, each given once.
'use strict'

/** @type {Set<string>} */
const warned = new Set()

/** @param {string} message @param {{ type?: string, code: string, detail?: string }} options */
function warnOnce(message, { type = 'ConnectMongoWarning', code, detail }) {
  if (warned.has(message)) return
  warned.add(message)
  process.emitWarning(message, { type, code, detail })
}

module.exports = { warnOnce }
