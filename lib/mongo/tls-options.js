// The options for TLS: the Node driver's, in the words of the Rust driver.
'use strict'

const { readFileSync } = require('node:fs')

const { MongoAPIError, MongoInvalidArgumentError, MongoParseError } = require('../errors.js')
const { flag, leaveToDriver, parameters } = require('./option-table.js')

/** @typedef {import('./option-table.js').Options} Options */
/** @typedef {import('./option-table.js').Parameters} Parameters */

/** @param {Record<string, any[]>} given @param {boolean} isSrv */
function isTlsOn({ tls = [], ssl = [] }, isSrv) {
  const values = new Set([...tls, ...ssl].map((value) => flag(value, 'tls/ssl', [])))
  if (values.size > 1) throw new MongoParseError('All values of tls/ssl must be the same.')
  return values.has(true) || (isSrv && !values.has(false))
}

/** @param {Options} o @returns {boolean | undefined} whether an option says that the server's certificate is to be verified, or not */
function wanted({ tlsInsecure, tlsAllowInvalidCertificates, tlsAllowInvalidHostnames, ...o }) {
  for (const [name, value] of parameters({ tlsAllowInvalidCertificates, tlsAllowInvalidHostnames })) {
    if (tlsInsecure === undefined || value === undefined) continue
    throw new MongoAPIError(`The 'tlsInsecure' option cannot be used with the '${name}' option`)
  }
  const isAllowed = tlsInsecure ?? tlsAllowInvalidCertificates
  return o.rejectUnauthorized ?? (isAllowed === undefined ? o.sslValidate : !isAllowed)
}

const isTurnedOff = () => process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0'

/** In the words of Node, which says so of its own connections alone. */
const TURNED_OFF =
  "Setting the NODE_TLS_REJECT_UNAUTHORIZED environment variable to '0' makes TLS connections insecure by disabling certificate verification"

/** @param {Options} o @returns {boolean} whether the server's certificate is verified */
function verifies(o) {
  const isVerified = wanted(o) ?? !isTurnedOff()
  if (!isVerified || !o.tlsAllowInvalidHostnames) return isVerified
  return leaveToDriver(
    'tlsAllowInvalidHostnames',
    'use a certificate for the host, or tlsAllowInvalidCertificates'
  )
}

/** @param {Options} o @returns {string[]} warnings of files and passwords for a TLS connection when there is none */
function idleTlsOptions(o) {
  const isIdle = (/** @type {string} */ name) =>
    /^(tls|ssl|ca$|passphrase$)/.test(name) && typeof o[name] === 'string'
  const idle = Object.keys(o).filter(isIdle)
  return idle.map((name) => `option ${name} has no effect, because tls is not on`)
}

const KEY_PASSWORDS = ['passphrase', 'tlsCertificateKeyFilePassword', 'sslPass']

/**
 * The password of the key, unless only OpenSSL can do with it: that opens older kinds of encrypted keys as well, and lets
 * a password be that no key needs.
 *
 * @param {Options} o
 * @returns {string | undefined}
 */
function keyPassword({ tlsCertificateKeyFile, ...o }) {
  const name = KEY_PASSWORDS.find((one) => o[one])
  if (!tlsCertificateKeyFile) return undefined
  const pem = textOf(tlsCertificateKeyFile)
  // What is wrong with a file that cannot be read, the Rust driver says.
  if (pem === undefined) return name && o[name]
  const isEncrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)
  if (name === undefined && isEncrypted)
    throw new MongoInvalidArgumentError(
      'The key in tlsCertificateKeyFile is encrypted: tlsCertificateKeyFilePassword must be given'
    )
  if (name === undefined || isOpenToRust(pem)) return name && o[name]
  return leaveToDriver(
    name,
    'encrypt the key as PKCS#8 with AES and SHA-256 (openssl pkcs8 -topk8), or remove the password'
  )
}

/** PBES2; AES-CBC of 128, 192 and 256 bits; HMAC with SHA-224 to SHA-512 or scrypt: the bytes of their object identifiers. */
const OPEN_TO_RUST = [
  /2a864886f70d01050d/,
  /608648016503040(102|116|12a)/,
  /2a864886f70d02(08|09|0a|0b)|2b06010401da47040b/,
]

/** @param {string} pem @returns {boolean} whether the Rust driver can decrypt its key */
function isOpenToRust(pem) {
  const [, body] = /-----BEGIN ENCRYPTED PRIVATE KEY-----(.*?)-----END/s.exec(pem) ?? []
  const bytes = Buffer.from(body ?? '', 'base64').toString('hex')
  return OPEN_TO_RUST.every((identifier) => identifier.test(bytes))
}

/** @param {string} file */
function textOf(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** @param {Options} o @returns {{ parameters: Parameters, trustedCertificates: string | undefined, warnings: string[] }} */
function tlsSettings(o) {
  const isVerified = verifies(o)
  const tlsCAFile = o.ca === undefined ? (o.tlsCAFile ?? o.sslCA) : undefined
  return {
    parameters: parameters({
      tls: true,
      tlsAllowInvalidCertificates: isVerified ? undefined : true,
      tlsCAFile,
      tlsCertificateKeyFile: o.tlsCertificateKeyFile,
      tlsCertificateKeyFilePassword: keyPassword(o),
    }),
    trustedCertificates: o.ca ?? (isVerified && !tlsCAFile ? trustedRoots() : undefined),
    warnings: wanted(o) === undefined && isTurnedOff() ? [TURNED_OFF] : [],
  }
}

/** @returns {string | undefined} the roots that Node trusts, when they are not just the built-in ones */
function trustedRoots() {
  const tls = /** @type {any} */ (require('node:tls'))
  // Node does not tell what OpenSSL's own store holds.
  if (!tls.getCACertificates || /--use-openssl-ca/.test(`${process.execArgv} ${process.env.NODE_OPTIONS}`)) {
    const extra = extraCertificates()
    return extra && [...tls.rootCertificates, extra].join('\n')
  }
  const roots = tls.getCACertificates('default')
  const builtIn = new Set(tls.rootCertificates)
  const isUsual =
    roots.length === builtIn.size && roots.every((/** @type {string} */ one) => builtIn.has(one))
  return isUsual ? undefined : roots.join('\n')
}

/** Node has warned of a file that cannot be read when it started. */
function extraCertificates() {
  const file = process.env.NODE_EXTRA_CA_CERTS
  return file ? textOf(file) : undefined
}

module.exports = { isTlsOn, idleTlsOptions, tlsSettings }
