// The store's own options: their defaults, old names and errors, word for word connect-mongo's where it has one.
'use strict'

const { inspect } = require('node:util')
const { hint, missing } = require('../names.js')
const { DEFAULT_TTL_SECONDS } = require('../sessions/expiry.js')
const { warnOnce } = require('../warnings.js')
const { userOptions } = require('./user-options.js')

const DEFAULTS = {
  mongoUrl: undefined,
  clientPromise: undefined,
  client: undefined,
  closeClient: undefined,
  backend: 'auto',
  connectionEvents: false,
  mongoOptions: {},
  dbName: undefined,
  collectionName: 'sessions',
  ttl: DEFAULT_TTL_SECONDS,
  touchAfter: 0,
  autoRemove: 'native',
  autoRemoveInterval: 10,
  stringify: true,
  serialize: undefined,
  unserialize: undefined,
  transformId: undefined,
  hashId: false,
  writeOperationOptions: undefined,
  timestamps: false,
  strictTouch: false,
  disableTouch: false,
  maxLifetime: undefined,
  expiryGrace: undefined,
  expiredEvents: false,
  prefix: undefined,
  index: undefined,
  indexSecret: undefined,
  describe: undefined,
  maxPerUser: undefined,
  onMaxPerUser: 'evict',
  resurrect: false,
  concurrency: 'overwrite',
  crypto: undefined,
  cryptoAdapter: undefined,
  acceptPlaintext: false,
  onDecryptError: 'error',
  maxPending: 100_000,
  operationTimeoutMS: undefined,
}

const RENAMED = /** @type {const} */ ({
  url: 'mongoUrl',
  collection: 'collectionName',
  mongooseConnection: 'client',
})
const BACKENDS = ['auto', 'native', 'driver']
const CONCURRENCY_MODES = ['overwrite', 'merge', 'reject']
const DECRYPT_ERROR_MODES = ['error', 'drop']
const HASH_ID_OPTIONS = ['secret', 'acceptPlainIds', 'writePlainIds']
const AUTO_REMOVE_MODES = ['native', 'interval', 'disabled']

/**
 * Whether an option that is a length of time can work.
 *
 * @type {Record<'ttl' | 'touchAfter' | 'autoRemoveInterval', (value: any, options: Record<string, any>) => boolean>}
 */
const DURATIONS = {
  ttl: (ttl) => typeof ttl === 'function' || !Number.isNaN(new Date(Date.now() + ttl * 1000).getTime()),
  touchAfter: (seconds) => !Number.isNaN(Number(seconds)),
  autoRemoveInterval: (minutes, { autoRemove, expiredEvents }) =>
    !(autoRemove === 'interval' || expiredEvents) || minutes > 0,
}

/** connect-mongo's limit: 2³² ms. */
const MAX_INTERVAL_MINUTES = 71_582

/** What fits into 32 bits, as the addon counts; as milliseconds, what setTimeout can wait for. */
const MAX_COUNT = 2 ** 31 - 1

/** @param {Record<string, unknown>} given */
function renameOldOptions(given) {
  const options = { ...given }
  for (const [oldName, name] of Object.entries(RENAMED)) {
    if (options[oldName] === undefined) continue
    warnOnce(`The option ${oldName} is called ${name} since connect-mongo 4`, {
      type: 'DeprecationWarning',
      code: 'CONNECT_MONGO_OLD_OPTION',
    })
    options[name] ??= options[oldName]
    delete options[oldName]
  }
  return options
}

function warnOfSecret() {
  warnOnce('Sessions are not encrypted: the option secret of connect-mongo 3 is crypto: { secret } since 4', {
    code: 'CONNECT_MONGO_OLD_OPTION',
  })
}

/** The ways to a server, of which the first that is given counts. */
const SOURCES = ['mongoUrl', 'clientPromise', 'client']

/** @param {string} name @param {unknown} value */
function missingSource(name, value) {
  return /url$/i.test(name)
    ? missing(name, value)
    : `${name} is ${value}; is it there before the store is made?`
}

/** In connect-mongo's words, and what is the matter with those that are given. @param {Record<string, any>} given */
function noSource(given) {
  const names = [...SOURCES, 'url', 'mongooseConnection'].filter((name) => name in given)
  const need = 'You must provide either mongoUrl|clientPromise|client in options'
  if (names.length === 0) return need
  return `${need}. ${names.map((name) => missingSource(name, given[name])).join(' ')}`
}

/** Of one under an old name there is a warning already. @param {Record<string, unknown>} options @param {Record<string, unknown>} given */
function warnOfOtherSources(options, given) {
  const [source, ...others] = SOURCES.filter((name) => options[name])
  for (const name of others.filter((other) => given[other])) {
    warnOnce(`The option ${name} has no effect beside ${source}: of ${SOURCES.join(', ')} the first counts`, {
      code: 'CONNECT_MONGO_OPTION',
    })
  }
}

/** @param {Record<string, unknown>} options */
function warnOfUnknown(options) {
  const known = Object.keys(DEFAULTS)
  for (const name of Object.keys(options)) {
    if (name === 'secret') warnOfSecret()
    if (known.includes(name) || name === 'secret' || name === 'createAutoRemoveIdx') continue
    warnOnce(`Unknown option ${name}${hint(name, known)}`, { code: 'CONNECT_MONGO_UNKNOWN_OPTION' })
  }
  if (options.autoRemove && !AUTO_REMOVE_MODES.includes(String(options.autoRemove))) {
    const modes = AUTO_REMOVE_MODES.join(', ')
    warnOnce(`Unknown autoRemove mode ${options.autoRemove}, taken as disabled; the modes are ${modes}`, {
      code: 'CONNECT_MONGO_UNKNOWN_OPTION',
    })
  }
}

/** With the error of connect-mongo, whose class is loaded by those who fail. @param {unknown} value @param {string} message */
function assert(value, message) {
  if (value) return
  const { AssertionError } = require('node:assert/strict')
  throw new AssertionError({ message, actual: value, expected: true, operator: '==', stackStartFn: assert })
}

/**
 * @param {Record<string, any>} given
 * @returns {Record<string, any>} all options, with their defaults
 */
function resolveOptions(given) {
  const options = renameOldOptions(given)
  assert(options.mongoUrl || options.clientPromise || options.client, noSource(given))
  assert(
    options.createAutoRemoveIdx === null || options.createAutoRemoveIdx === undefined,
    'options.createAutoRemoveIdx has been reverted to autoRemove and autoRemoveInterval'
  )
  assert(
    !options.autoRemoveInterval || Number(options.autoRemoveInterval) <= MAX_INTERVAL_MINUTES,
    'autoRemoveInterval is too large. options.autoRemoveInterval is in minutes but not seconds nor mills'
  )
  if (options.crypto !== undefined && options.cryptoAdapter !== undefined) {
    throw new Error('Provide either the legacy crypto option or cryptoAdapter, not both')
  }
  warnOfUnknown(options)
  warnOfOtherSources(options, given)
  if ('indexSecret' in options && options.indexSecret === undefined)
    throw new TypeError(missing('indexSecret', options.indexSecret))
  const present = Object.entries(options).filter(([, value]) => value !== undefined)
  return checked({ ...DEFAULTS, ...Object.fromEntries(present) })
}

/** @param {Record<string, any>} options */
function usableDurations(options) {
  const unusable = Object.entries(DURATIONS).filter(([name, isUsable]) => !isUsable(options[name], options))
  const defaults = unusable.map(([name]) => [name, Reflect.get(DEFAULTS, name)])
  for (const [name, value] of defaults) {
    warnOnce(`${name} cannot be ${inspect(options[name])}: it is taken for its default, ${value}`, {
      code: 'CONNECT_MONGO_OPTION',
    })
  }
  return Object.fromEntries(defaults)
}

/** @param {unknown} secret */
function isSecret(secret) {
  return typeof secret === 'string' && secret !== ''
}

/**
 * Strictly, for what is mistaken here would be less safe than it was meant to be: a secret from an environment variable that is
 * not set, most of all.
 *
 * @param {unknown} hashId
 */
function checkHashId(hashId) {
  if (typeof hashId === 'boolean') return
  if (typeof hashId !== 'object' || hashId === null || Array.isArray(hashId))
    throw new TypeError('hashId must be true, false or an object')
  const unknown = Object.keys(hashId).find((name) => !HASH_ID_OPTIONS.includes(name))
  if (unknown) throw new TypeError(`hashId has no option ${unknown}; it has ${HASH_ID_OPTIONS.join(', ')}`)
  const { secret, ...flags } = /** @type {Record<string, unknown>} */ (hashId)
  const secrets = [secret].flat()
  if ('secret' in hashId && !(secrets.length > 0 && secrets.every(isSecret)))
    throw new TypeError('hashId.secret must be a string that is not empty, or a list of them')
  for (const [name, flag] of Object.entries(flags)) {
    if (flag !== undefined && typeof flag !== 'boolean')
      throw new TypeError(`hashId.${name} must be true or false`)
  }
  if (flags.writePlainIds && !flags.acceptPlainIds)
    throw new TypeError(
      'hashId.writePlainIds needs acceptPlainIds: true, or what it writes would not be found'
    )
}

/** @param {Record<string, any>} options */
function checked(options) {
  for (const name of ['collectionName', 'dbName']) {
    const isMissing = name === 'dbName' && (options.dbName === undefined || options.dbName === null)
    if (typeof options[name] !== 'string' && !isMissing) throw new TypeError(`${name} must be a string`)
    if (options[name]?.includes('\0')) throw new TypeError(`${name} must not contain a NUL character`)
  }
  for (const name of ['maxPending', 'operationTimeoutMS']) {
    const value = options[name]
    const isCount = Number.isSafeInteger(value) && value >= 1 && value <= MAX_COUNT
    const isMissing = name === 'operationTimeoutMS' && (value === undefined || value === null)
    if (!isCount && !isMissing)
      throw new TypeError(`${name} must be a positive integer of at most ${MAX_COUNT}`)
  }
  if (!BACKENDS.includes(options.backend))
    throw new TypeError(`backend must be one of ${BACKENDS.join(', ')}`)
  if (!CONCURRENCY_MODES.includes(options.concurrency))
    throw new TypeError(`concurrency must be one of ${CONCURRENCY_MODES.join(', ')}`)
  if (!DECRYPT_ERROR_MODES.includes(options.onDecryptError))
    throw new TypeError(`onDecryptError must be one of ${DECRYPT_ERROR_MODES.join(', ')}`)
  checkHashId(options.hashId)
  return {
    ...options,
    ...usableDurations(options),
    ...userOptions(options),
    operationTimeoutMS: options.operationTimeoutMS ?? undefined,
    disableTouch: Boolean(options.disableTouch),
    resurrect: Boolean(options.resurrect),
    acceptPlaintext: Boolean(options.acceptPlaintext),
    connectionEvents: Boolean(options.connectionEvents),
    timestamps: Boolean(options.timestamps),
    // connect-mongo takes whatever is not one of the others as disabled: people write false or null.
    autoRemove: AUTO_REMOVE_MODES.includes(options.autoRemove) ? options.autoRemove : 'disabled',
  }
}

module.exports = { DEFAULTS, DURATIONS, MAX_INTERVAL_MINUTES, resolveOptions }
