// The options about the sessions of a user, their lifetime and their end. Strictly: what is mistaken here would be less safe than it
// was meant to be.
'use strict'

const { inspect } = require('node:util')
const { hint, missing } = require('../names.js')
const { isObject } = require('../objects.js')
const { byPath, isPath } = require('../paths.js')

/** @typedef {Record<string, any>} Options */

const INDEX_KEY = /^[a-z]\w*$/i
const MOST_INDEX_KEYS = 16
/** Left out where they are null. */
const OPTIONAL = ['index', 'indexSecret', 'describe', 'maxPerUser', 'prefix']
const LIMIT_MODES = ['evict', 'reject']
/** What a TTL index takes. */
const MAX_SECONDS = 2 ** 31 - 1
/** With `expiredEvents`, the server removes only what no process has come for. */
const GRACE_FOR_EVENTS_SECONDS = 24 * 60 * 60

/** @param {unknown} index */
function checkIndex(index) {
  if (!isObject(index) || Array.isArray(index) || Object.keys(index).length === 0)
    throw new TypeError("index must be an object such as { userId: 'passport.user' }")
  const entries = Object.entries(index)
  if (entries.length > MOST_INDEX_KEYS)
    throw new TypeError(`index may have ${MOST_INDEX_KEYS} keys at the most`)
  for (const [key, of] of entries) {
    if (!INDEX_KEY.test(key))
      throw new TypeError(
        `index cannot have the key ${inspect(key)}: a name begins with a letter, and has letters, digits and _`
      )
    if (!isPath(of) && typeof of !== 'function')
      throw new TypeError(`index.${key} must be a path such as 'passport.user', or a function of the session`)
  }
}

/** @param {Options} options */
function checkSecret({ indexSecret }) {
  const secrets = [indexSecret].flat()
  for (const secret of secrets) {
    if (typeof secret === 'string' && secret !== '') continue
    const what =
      secret === undefined || secret === '' ? missing('indexSecret', secret) : `it is a ${typeof secret}`
    throw new TypeError(`indexSecret must be a string that is not empty, or a list of them: ${what}`)
  }
  if (secrets.length === 0) throw new TypeError('indexSecret must not be an empty list')
}

/** @param {Options} options */
function checkMaxPerUser({ maxPerUser, index = {} }) {
  if (!isObject(maxPerUser) || Array.isArray(maxPerUser) || Object.keys(maxPerUser).length === 0)
    throw new TypeError('maxPerUser must be an object such as { userId: 5 }')
  const keys = Object.keys(index)
  for (const [key, most] of Object.entries(maxPerUser)) {
    if (!keys.includes(key))
      throw new TypeError(`maxPerUser.${key} needs the same key in the option index${hint(key, keys)}`)
    if (!Number.isInteger(most) || most < 1 || most > MAX_SECONDS)
      throw new TypeError(`maxPerUser.${key} must be a positive integer, not ${inspect(most)}`)
  }
}

/** @param {string} name @param {unknown} seconds @param {number} least */
function checkSeconds(name, seconds, least) {
  if (Number.isInteger(seconds) && Number(seconds) >= least && Number(seconds) <= MAX_SECONDS) return
  throw new TypeError(
    `${name} must be a whole number of seconds from ${least} to ${MAX_SECONDS}, not ${inspect(seconds)}`
  )
}

/** @param {Options} options */
function lifetimeOf({ maxLifetime }) {
  if (maxLifetime === undefined || maxLifetime === null) return {}
  const { seconds, from, ...others } = isObject(maxLifetime)
    ? /** @type {Options} */ (maxLifetime)
    : { seconds: maxLifetime }
  const [unknown] = Object.keys(others)
  if (unknown) throw new TypeError(`maxLifetime has no option ${unknown}; it has seconds, from`)
  checkSeconds(isObject(maxLifetime) ? 'maxLifetime.seconds' : 'maxLifetime', seconds, 1)
  if (from === undefined) return { maxLifetimeSeconds: seconds }
  if (isPath(from)) return { maxLifetimeSeconds: seconds, maxLifetimeFrom: byPath(from) }
  if (typeof from === 'function') return { maxLifetimeSeconds: seconds, maxLifetimeFrom: from }
  throw new TypeError("maxLifetime.from must be a path such as 'startedAt', or a function of the session")
}

/** @param {unknown} prefix */
function checkPrefix(prefix) {
  const isText =
    typeof prefix === 'string' && prefix !== '' && prefix.isWellFormed() && !prefix.includes('\0')
  if (!isText)
    throw new TypeError('prefix must be well-formed text that is not empty, without NUL characters')
}

/** @param {number} graceSeconds @param {number} periodSeconds of the sweeps */
function checkGraceForEvents(graceSeconds, periodSeconds) {
  if (!(graceSeconds <= periodSeconds)) return
  throw new TypeError(
    `expiredEvents needs an expiryGrace of more than the ${periodSeconds} seconds of autoRemoveInterval, not ${graceSeconds}: ` +
      'the server would remove sessions that nobody has reported yet'
  )
}

/** @param {Options} options @param {string} name */
function isGiven(options, name) {
  return options[name] !== undefined && options[name] !== null
}

/** @param {Options} options @param {string[]} names */
function requireWithIndex(options, names) {
  const idle = names.find((name) => isGiven(options, name))
  if (idle && !isGiven(options, 'index')) throw new TypeError(`${idle} needs the option index`)
}

/**
 * @param {Options} options complete
 * @returns {Options} what is to take the place of these
 */
function userOptions(options) {
  const { describe, onMaxPerUser, autoRemove } = options
  requireWithIndex(options, ['indexSecret', 'describe', 'maxPerUser'])
  if (isGiven(options, 'index')) checkIndex(options.index)
  if (isGiven(options, 'indexSecret')) checkSecret(options)
  if (isGiven(options, 'maxPerUser')) checkMaxPerUser(options)
  if (isGiven(options, 'describe') && typeof describe !== 'function')
    throw new TypeError('describe must be a function of the session')
  if (!LIMIT_MODES.includes(onMaxPerUser))
    throw new TypeError(`onMaxPerUser must be one of ${LIMIT_MODES.join(', ')}`)
  if (isGiven(options, 'expiryGrace')) checkSeconds('expiryGrace', options.expiryGrace, 0)
  if (isGiven(options, 'prefix')) checkPrefix(options.prefix)
  const expiredEvents = Boolean(options.expiredEvents)
  if (expiredEvents && !['native', 'interval'].includes(autoRemove))
    throw new TypeError("expiredEvents needs autoRemove: 'native' or 'interval': it removes what it reports")
  const grace = options.expiryGrace ?? (expiredEvents ? GRACE_FOR_EVENTS_SECONDS : undefined)
  if (expiredEvents && autoRemove === 'native') checkGraceForEvents(grace, options.autoRemoveInterval * 60)
  return {
    ...lifetimeOf(options),
    expiredEvents,
    expiryGrace: grace,
    ...Object.fromEntries(OPTIONAL.map((name) => [name, options[name] ?? undefined])),
  }
}

module.exports = { userOptions }
