// The output for DEBUG=connect-mongo. Logs are kept and passed on, so no session id gets there, nor anything of a session
// (https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html#data-to-exclude).
'use strict'

const { createHmac, randomBytes } = require('node:crypto')
const debug = require('debug')('connect-mongo')

const TAG_LENGTH = 8
/** Of this thread alone, so that nobody can tell afterwards which session a line is about. */
const key = randomBytes(32)

/** What stands for a session in all lines of this thread. @param {unknown} sid */
function tagOf(sid) {
  return createHmac('sha256', key).update(String(sid)).digest('hex').slice(0, TAG_LENGTH)
}

/** @param {string} message with %s for the session @param {unknown} sid @param {...unknown} rest */
function debugSession(message, sid, ...rest) {
  if (debug.enabled) debug(message, tagOf(sid), ...rest)
}

module.exports = { debug, debugSession, tagOf }
