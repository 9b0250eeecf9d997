// What `doctor` makes of what it has seen. Pure: each function gets facts, and gives findings.
'use strict'

const { FORMAT_NAMES, ID_NAMES, formatWritten, isEncrypted } = require('./formats.js')
const { RIGHTS } = require('./server.js')

/**
 * @typedef {import('./formats.js').Format} Format
 * @typedef {import('./sample.js').Sample} Sample
 * @typedef {Record<string, any>} StoreOptions
 *
 * @typedef {object} Finding
 * @property {string} check
 * @property {'ok' | 'note' | 'advice' | 'problem'} status `note` needs nothing done
 * @property {string} detail
 * @property {string} [advice] what to do
 */

const OLDEST_SERVER = [4, 4]
const MOST_SKEW_MS = 2_000
const SLOW_READ_MS = 50

/** @param {string} check @param {string} detail @returns {Finding} */
const ok = (check, detail) => ({ check, status: 'ok', detail })
/** @param {string} check @param {string} detail @returns {Finding} */
const note = (check, detail) => ({ check, status: 'note', detail })
/** @param {string} check @param {string} detail @param {string} advice @returns {Finding} */
const toDo = (check, detail, advice) => ({ check, status: 'advice', detail, advice })
/** @param {string} check @param {string} detail @param {string} advice @returns {Finding} */
const problem = (check, detail, advice) => ({ check, status: 'problem', detail, advice })

/** @param {import('./dependents.js').Dependent[] | undefined} dependents @returns {Finding} */
function packagesFinding(dependents) {
  if (!dependents) return note('packages', 'not looked at, as there is no node_modules here')
  const real = dependents.filter(({ isReal }) => isReal)
  const names = real
    .map(({ name, isApp, gets }) => `${isApp ? 'the app itself' : name} has ${gets}`)
    .join('; ')
  if (real.length === 0) return ok('packages', 'none that is installed here has a connect-mongo of its own')
  if (real.every(({ isApp }) => isApp)) return note('packages', names)
  return toDo(
    'packages',
    names,
    'Put this package in its place there, too: overrides, pnpm.overrides or resolutions in package.json, as docs/migrating.md shows.'
  )
}

/** @param {string} version */
function isTooOld(version) {
  const [major, minor] = version.split('.').map(Number)
  const [least, leastMinor] = OLDEST_SERVER
  return major < least || (major === least && minor < leastMinor)
}

/** @param {{ version: string, kind: string, members?: number }} server @returns {Finding} */
function serverFinding({ version, kind, members }) {
  const ofMembers = members === undefined ? '' : ` of ${members}`
  const detail = `MongoDB ${version}, ${kind}${ofMembers}`
  if (isTooOld(version))
    return problem('server', detail, `Upgrade the server to MongoDB ${OLDEST_SERVER.join('.')} or later.`)
  if (kind === 'standalone')
    return note(
      'server',
      `${detail}: no failover, no transactions, and a write that loses its connection fails`
    )
  return ok('server', detail)
}

/** @param {Record<keyof typeof RIGHTS, boolean>} rights @param {string} namespace @param {StoreOptions} options @returns {Finding} */
function rightsFinding(rights, namespace, options) {
  const names = /** @type {(keyof typeof RIGHTS)[]} */ (Object.keys(RIGHTS))
  const needed = names.filter((name) => isNeeded(name, options))
  const missing = needed.filter((name) => !rights[name])
  if (missing.length === 0) return ok('rights', `all that the store needs: ${needed.join(', ')}`)
  const what = missing.map((name) => `${name} (to ${RIGHTS[name]})`).join(', ')
  const advice = `Grant the user readWrite on the database, or these actions on ${namespace}: ${missing.join(', ')}.`
  return problem('rights', `missing: ${what}`, advice)
}

/** @param {string} right @param {StoreOptions} options */
function isNeeded(right, { autoRemove = 'native', expiryGrace, maxLifetime }) {
  if (right === 'collMod') return expiryGrace !== undefined || maxLifetime !== undefined
  return right !== 'createIndex' || autoRemove === 'native'
}

/** @param {any[]} indexes of the collection @param {string} name of it @param {StoreOptions} options @returns {Finding[]} */
function indexFindings(indexes, name, options) {
  return [ttlFinding(indexes, name, options), ...keyFindings(indexes, options)]
}

/** @param {any} index @param {string} field */
function isOnly(index, field) {
  const fields = Object.keys(index.key)
  return fields.length === 1 && fields[0] === field
}

/** @param {any[]} indexes of the collection @param {string} name of it @param {StoreOptions} options @returns {Finding} */
function ttlFinding(indexes, name, { autoRemove = 'native', expiryGrace }) {
  const onExpires = indexes.filter((index) => isOnly(index, 'expires'))
  const ttl = onExpires.find(({ expireAfterSeconds }) => expireAfterSeconds !== undefined)
  if (!ttl) return noTtlFinding(onExpires, name, autoRemove)
  const seconds = Number(ttl.expireAfterSeconds)
  const detail = `${ttl.name} on expires, expireAfterSeconds: ${seconds}`
  const wanted = expiryGrace ?? 0
  const collMod = `db.runCommand({ collMod: ${JSON.stringify(name)}, index: { name: ${JSON.stringify(ttl.name)}, expireAfterSeconds: ${wanted} } })`
  if (seconds !== wanted) return toDo('TTL index', `${detail}, not ${wanted}`, `Run ${collMod}.`)
  if (ttl.partialFilterExpression)
    return toDo(
      'TTL index',
      `${detail}, of some sessions only`,
      'Drop it, and start the app: it makes one of all sessions.'
    )
  if (autoRemove === 'disabled')
    return toDo(
      'TTL index',
      `${detail}, though autoRemove is 'disabled'`,
      `Drop it with db.${name}.dropIndex('${ttl.name}'), or leave autoRemove out.`
    )
  return ok('TTL index', detail)
}

/** @param {any[]} onExpires indexes that remove nothing @param {string} name @param {string} autoRemove @returns {Finding} */
function noTtlFinding(onExpires, name, autoRemove) {
  if (autoRemove !== 'native') return note('TTL index', `none, as autoRemove: '${autoRemove}' wants it`)
  const [plain] = onExpires
  if (plain) {
    const index = `${plain.name} on expires removes nothing`
    return problem(
      'TTL index',
      index,
      `Run db.${name}.dropIndex('${plain.name}'), and start the app: it makes one.`
    )
  }
  return problem(
    'TTL index',
    'none: expired sessions stay in the database',
    "Start the app once with autoRemove: 'native' (the default), which makes it, or use autoRemove: 'interval'."
  )
}

/** @param {any[]} indexes @param {StoreOptions} options @returns {Finding[]} of those of the option `index` */
function keyFindings(indexes, { index = {} }) {
  return Object.keys(index).map((key) => {
    const isThere = indexes.some((one) => Object.keys(one.key)[0] === `index.${key}`)
    if (isThere) return ok('index', `on index.${key}`)
    const advice =
      'Start the app with the option index, which makes it; then run connect-mongo-native reindex.'
    return toDo('index', `none on index.${key}: find, count and destroyAll read all sessions`, advice)
  })
}

/**
 * @param {any} given of the URL or the options
 * @param {any} byDefault the server's own, where it tells
 * @param {string} kind of the server
 * @returns {Finding}
 */
function writeConcernFinding(given, byDefault, kind) {
  const w = given?.w ?? byDefault?.w
  const value = w === undefined ? '' : `w: ${JSON.stringify(w)}`
  const detail = given?.w === undefined ? `the server's default${value && `, ${value}`}` : value
  if (w === 0)
    return problem(
      'write concern',
      `${detail}: nobody hears of a write that fails`,
      'Leave w: 0 out of the URL and of writeOperationOptions.'
    )
  if (w === 1 && kind !== 'standalone')
    return toDo(
      'write concern',
      `${detail}: when the primary fails, log-ins and log-outs of the last moment are undone`,
      "Use w: 'majority' in the URL or in writeOperationOptions."
    )
  return ok('write concern', detail)
}

/** @param {{ skewMs: number, errorMs: number }} clock @returns {Finding} */
function clockFinding({ skewMs, errorMs }) {
  const detail = `${Math.abs(skewMs)} ms ${skewMs < 0 ? 'behind' : 'ahead of'} the server's (± ${errorMs} ms)`
  if (Math.abs(skewMs) - errorMs <= MOST_SKEW_MS) return ok('clock', detail)
  const advice = 'Let NTP set the clocks of this computer and of the server: sessions end by them.'
  return toDo('clock', detail, advice)
}

/** @param {{ p50Ms: number, p99Ms: number, reads: number }} latency @returns {Finding} */
function latencyFinding({ p50Ms, p99Ms, reads }) {
  const detail = `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms of ${reads} reads, one at a time`
  if (p50Ms <= SLOW_READ_MS) return ok('latency', detail)
  const advice =
    'Each request waits for this: run the app nearer to the database, or look for what keeps the server busy.'
  return toDo('latency', detail, advice)
}

/** @param {Record<string, number>} counts @param {Record<string, string>} names */
function listed(counts, names) {
  const largestFirst = Object.entries(counts).sort(([, a], [, b]) => b - a)
  return largestFirst.map(([name, count]) => `${count} ${names[name]}`).join('; ')
}

/** @param {StoreOptions} options */
function isEncrypting(options) {
  const written = formatWritten(options)
  return Boolean(options.cryptoAdapter) || (written !== undefined && isEncrypted(written))
}

/** @param {Sample} sample @param {StoreOptions} options @returns {Finding[]} */
function formatFindings({ size, formats }, options) {
  const detail = `${listed(formats, FORMAT_NAMES)} (of ${size})`
  const written = formatWritten(options)
  const encrypts = isEncrypting(options)
  const plain = (formats.plain ?? 0) + (formats.document ?? 0)
  if (encrypts && plain > 0)
    return [
      toDo(
        'formats',
        `${detail}: ${plain} not encrypted, though the options have a secret`,
        `Run connect-mongo-native reencrypt${options.acceptPlaintext ? '' : ' with acceptPlaintext: true in the options'}.`
      ),
    ]
  const others = Object.keys(formats).filter(
    (name) => isEncrypted(/** @type {Format} */ (name)) && name !== written
  )
  if (encrypts && written && others.length > 0)
    return [
      toDo(
        'formats',
        detail,
        `Run connect-mongo-native reencrypt: it stores all as ${FORMAT_NAMES[written]}.`
      ),
    ]
  return [ok('formats', detail)]
}

/** @param {Sample} sample @param {StoreOptions} options @returns {Finding[]} */
function idFindings({ size, ids }, { hashId }) {
  const detail = `${listed(ids, ID_NAMES)} (of ${size})`
  if (hashId && !hashId.writePlainIds && (ids.plain ?? 0) > 0)
    return [
      toDo(
        'ids',
        `${detail}: plain ones are worth a session to whoever reads the database`,
        'Run connect-mongo-native hash-ids.'
      ),
    ]
  const hashed = (ids.hash ?? 0) + (ids['keyed-hash'] ?? 0)
  if (!hashId && hashed > 0)
    return [
      toDo(
        'ids',
        `${detail}: no store without hashId finds hashed ones`,
        "Give the app's options, with hashId, by --config."
      ),
    ]
  return [ok('ids', detail)]
}

/** @param {Sample} sample @param {StoreOptions} options @returns {Finding[]} */
function readabilityFindings({ size, unreadable }, options) {
  const findings = []
  // Of those that should be encrypted and are not, formatFindings tells.
  const other = unreadable.other + (isEncrypting(options) ? 0 : unreadable.plain)
  if (unreadable.encrypted > 0) {
    const has = isEncrypting(options)
    findings.push(
      problem(
        'secrets',
        `${unreadable.encrypted} of ${size} cannot be decrypted with ${has ? 'the secrets' : 'no secret'} of these options`,
        has
          ? 'Put the secret that they were encrypted under into the list crypto.secret, behind the newest.'
          : "Give the app's options, with crypto, by --config."
      )
    )
  }
  if (other > 0)
    findings.push(
      problem(
        'sessions',
        `${other} of ${size} cannot be read`,
        'Use the stringify and serialize that they were stored with, or remove them: their users log in anew.'
      )
    )
  if (findings.length > 0 || unreadable.plain > 0) return findings
  return [ok('secrets', 'all live sessions of the sample can be read')]
}

/** @param {Sample} sample @returns {Finding[]} */
function documentFindings({ size, withoutExpires, large }) {
  const findings = []
  if (withoutExpires > 0)
    findings.push(
      toDo(
        'expires',
        `${withoutExpires} of ${size} have no date in expires: they never end`,
        'Find out what writes them, since every store gives its sessions one, and remove them with connect-mongo-native rm.'
      )
    )
  if (large > 0)
    findings.push(
      toDo(
        'size',
        `${large} of ${size} are over 1 MB: each request reads and writes all of that`,
        'Keep in the session what every request needs, and the rest in a collection of its own.'
      )
    )
  return findings
}

/** @param {number} count of those expired for minutes @param {boolean} isMore whether there are more @returns {Finding} */
function expiredFinding(count, isMore) {
  if (count === 0) return ok('expired', 'none is left that the server should have removed')
  const detail = `${count.toLocaleString('en')}${isMore ? ' or more' : ''} have expired and are still stored`
  return toDo('expired', detail, 'Run connect-mongo-native prune, and see to the TTL index.')
}

module.exports = {
  clockFinding,
  documentFindings,
  expiredFinding,
  formatFindings,
  idFindings,
  indexFindings,
  latencyFinding,
  note,
  packagesFinding,
  readabilityFindings,
  rightsFinding,
  serverFinding,
  writeConcernFinding,
}
