// Session ids, and what the option transformId makes of them.
'use strict'

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

module.exports = { requireId, storageIdOf }
