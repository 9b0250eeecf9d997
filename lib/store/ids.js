// Session ids, what the option transformId makes of them, and the ids that `ping` asks for.
'use strict'

/**
 * What storage ids begin with that no session has: as session ids, and from transformId, they are refused here, and the hashes of
 * hashId (lib/sessions/storage-ids.js) begin otherwise. Half a surrogate pair would not do: it reaches the server as U+FFFD, with
 * which an id may begin.
 */
const PING_PREFIX = 'connect-mongo-native ping '

/**
 * Anything but a string would reach the server as a query, such as `{ $ne: null }`, and in UTF-8 half a surrogate pair is
 * the same as any other half.
 *
 * @param {string} what
 * @param {unknown} id
 * @returns {string}
 */
function requireId(what, id) {
  if (typeof id !== 'string') throw new TypeError(`${what} must be a string, not ${typeof id}`)
  if (!id.isWellFormed()) throw new TypeError(`${what} must be well-formed: it has half a surrogate pair`)
  if (id.startsWith(PING_PREFIX)) throw new TypeError(`${what} must not begin with '${PING_PREFIX}'`)
  return id
}

/** @param {unknown} transformed */
async function checkedId(transformed) {
  return requireId('What transformId returns', await transformed)
}

/**
 * @param {unknown} sid
 * @param {((sid: string) => unknown) | undefined} transformId
 * @returns {string | Promise<string>} the id that stands for the session from here on
 */
function storageIdOf(sid, transformId) {
  const id = requireId('A session id', sid)
  return typeof transformId === 'function' ? checkedId(transformId(id)) : id
}

/** Another each time: the calls about one id wait for each other, and one ping that hangs must not keep back those after it. */
function pingId() {
  const { randomUUID } = require('node:crypto')
  return `${PING_PREFIX}${randomUUID()}`
}

module.exports = { pingId, requireId, storageIdOf }
