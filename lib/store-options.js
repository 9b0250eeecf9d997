// The store's own options: their defaults, old names and errors, word for word connect-mongo's where it has one.
'use strict'

const assert = require('node:assert/strict')
const { nearestName } = require('./mongo-options.js')

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
  ttl: 1_209_600,
  touchAfter: 0,
  autoRemove: 'native',
  autoRemoveInterval: 10,
  stringify: true,
  serialize: undefined,
  unserialize: undefined,
  transformId: undefined,
  writeOperationOptions: undefined,
  timestamps: false,
  strictTouch: false,
}

/** Options of connect-mongo that this version cannot honour, and what an app would lose if they were passed over. */
const UNSUPPORTED = {
  crypto: 'sessions would be stored unencrypted',
  cryptoAdapter: 'sessions would be stored unencrypted',
}

const RENAMED = /** @type {const} */ ({
  url: 'mongoUrl',
  collection: 'collectionName',
  mongooseConnection: 'client',
})
const BACKENDS = ['auto', 'native', 'driver']
const AUTO_REMOVE_MODES = ['native', 'interval', 'disabled']

/** setInterval's longest delay, 2³¹ − 1 ms, in minutes. */
const MAX_INTERVAL_MINUTES = 71_582

/** @type {Set<string>} */
const warned = new Set()

/** @param {string} message @param {{ type?: string, code: string, detail?: string }} options */
function warnOnce(message, { type = 'ConnectMongoWarning', code, detail }) {
  if (warned.has(message)) return
  warned.add(message)
  process.emitWarning(message, { type, code, detail })
}

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

/** @param {Record<string, unknown>} options */
function refuseUnsupported(options) {
  for (const [name, consequence] of Object.entries(UNSUPPORTED)) {
    const value = /** @type {{ secret?: unknown } | null | undefined} */ (options[name])
    const isOff = value === undefined || value === null || (name === 'crypto' && value.secret === false)
    if (isOff) continue
    throw new Error(`The option ${name} is not supported by connect-mongo-native yet: ${consequence}`)
  }
}

/** @param {Record<string, unknown>} options */
function warnOfUnknown(options) {
  const known = Object.keys(DEFAULTS)
  for (const name of Object.keys(options)) {
    if (known.includes(name) || name in UNSUPPORTED || name === 'createAutoRemoveIdx') continue
    const nearest = nearestName(name, known)
    const hint = nearest ? `; did you mean ${nearest}?` : ''
    warnOnce(`Unknown option ${name}${hint}`, { code: 'CONNECT_MONGO_UNKNOWN_OPTION' })
  }
  if (options.autoRemove && !AUTO_REMOVE_MODES.includes(String(options.autoRemove))) {
    const modes = AUTO_REMOVE_MODES.join(', ')
    warnOnce(`Unknown autoRemove mode ${options.autoRemove}, taken as disabled; the modes are ${modes}`, {
      code: 'CONNECT_MONGO_UNKNOWN_OPTION',
    })
  }
}

/**
 * @param {Record<string, any>} given
 * @returns {Record<string, any>} all options, with their defaults
 */
function resolveOptions(given) {
  const options = renameOldOptions(given)
  refuseUnsupported(options)
  assert(
    options.mongoUrl || options.clientPromise || options.client,
    'You must provide either mongoUrl|clientPromise|client in options'
  )
  assert(
    options.createAutoRemoveIdx === null || options.createAutoRemoveIdx === undefined,
    'options.createAutoRemoveIdx has been reverted to autoRemove and autoRemoveInterval'
  )
  assert(
    !options.autoRemoveInterval || Number(options.autoRemoveInterval) <= MAX_INTERVAL_MINUTES,
    'autoRemoveInterval is too large. options.autoRemoveInterval is in minutes but not seconds nor mills'
  )
  warnOfUnknown(options)
  const present = Object.entries(options).filter(([, value]) => value !== undefined)
  return checked({ ...DEFAULTS, ...Object.fromEntries(present) })
}

/** @param {Record<string, any>} options */
function checked(options) {
  for (const name of ['collectionName', 'dbName']) {
    const isMissing = name === 'dbName' && (options.dbName === undefined || options.dbName === null)
    if (typeof options[name] !== 'string' && !isMissing) throw new TypeError(`${name} must be a string`)
  }
  if (!BACKENDS.includes(options.backend))
    throw new TypeError(`backend must be one of ${BACKENDS.join(', ')}`)
  return {
    ...options,
    connectionEvents: Boolean(options.connectionEvents),
    timestamps: Boolean(options.timestamps),
    // connect-mongo takes whatever is not one of the others as disabled: people write false or null.
    autoRemove: AUTO_REMOVE_MODES.includes(options.autoRemove) ? options.autoRemove : 'disabled',
  }
}

module.exports = { resolveOptions, warnOnce }
