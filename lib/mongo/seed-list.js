// The DNS records of a `mongodb+srv` address, as the Initial DNS Seedlist Discovery specification reads them:
// https://github.com/mongodb/specifications/blob/master/source/initial-dns-seedlist-discovery/initial-dns-seedlist-discovery.md
// Node looks them up, so that an app's settings for DNS count. The messages are the Node driver's.
'use strict'

const { MongoAPIError, MongoParseError, MongoServerSelectionError } = require('../errors.js')

/**
 * @typedef {object} SeedList
 * @property {string} hostname
 * @property {string} serviceName
 * @property {number} maxHosts 0 for all
 * @property {string | undefined} allowedHostsSuffix
 * @property {((host: string) => unknown) | undefined} hostValidator
 * @property {string[]} fromText the options that the TXT record may set
 */

const TEXT_OPTIONS = ['authSource', 'replicaSet', 'loadBalanced']
const LONE_LABELS = ['test', 'localhost', 'invalid', 'example', 'local', 'internal', 'corp', 'home', 'mail']

/** @param {SeedList} srv @returns {Promise<{ hosts: string[], text: Record<string, string> }>} */
async function lookUpSeedList(srv) {
  const [hosts, text] = await Promise.all([lookUpHosts(srv), lookUpText(srv)])
  return { hosts, text }
}

/** @param {SeedList} srv @returns {Promise<string[]>} */
async function lookUpHosts(srv) {
  /** @type {import('node:dns').SrvRecord[]} */
  const records = await lookUp('SRV', `_${srv.serviceName}._tcp.${srv.hostname}`)
  if (records.length === 0) throw new MongoAPIError('No addresses found at host')
  return records.map(({ name, port }) => {
    const host = dnsName(name)
    verifyHost(host, srv)
    return `${host}:${port}`
  })
}

/** @param {SeedList} srv @returns {Promise<Record<string, string>>} */
async function lookUpText({ hostname, fromText }) {
  /** @type {string[][]} */
  const records = await lookUp('TXT', hostname).catch((error) => {
    if (error.code === 'ENODATA' || error.code === 'ENOTFOUND') return []
    throw error
  })
  if (records.length > 1) throw new MongoParseError('Multiple text records not allowed')
  const options = [...new URLSearchParams(records[0]?.join(''))]
  for (const [name, value] of options) checkTextOption(name, value)
  const given = options.filter(([name, value]) => name !== 'loadBalanced' || value === 'true')
  return Object.fromEntries(given.filter(([name]) => fromText.includes(name)))
}

/** @param {string} name @param {string} value */
function checkTextOption(name, value) {
  if (!TEXT_OPTIONS.includes(name)) {
    throw new MongoParseError(`Text record may only set any of: ${TEXT_OPTIONS.join(', ')}`)
  }
  if (value === '') throw new MongoParseError('Cannot have empty URI params in DNS TXT Record')
}

/** @param {'SRV' | 'TXT'} type @param {string} name @returns {Promise<any>} */
async function lookUp(type, name) {
  const ask = () => require('node:dns').promises.resolve(name, type)
  try {
    return await ask().catch((error) => (error.code === 'ETIMEOUT' ? ask() : Promise.reject(error)))
  } catch (/** @type {any} */ cause) {
    throw Object.assign(new MongoServerSelectionError(cause.message, { cause }), { code: cause.code })
  }
}

/** @param {string} host @param {SeedList} srv */
function verifyHost(host, { hostname, hostValidator, allowedHostsSuffix }) {
  if (hostValidator) return askValidator(hostValidator, host)
  if (allowedHostsSuffix === undefined) return compareDomains(host, dnsName(hostname))
  if (!host.endsWith(allowedHostsSuffix)) {
    throw new MongoAPIError('Server record does not end with srvAllowedHostsSuffix')
  }
}

/** @param {(host: string) => unknown} validator @param {string} host */
function askValidator(validator, host) {
  const verdict = validator(host)
  // A promise would let every host pass.
  if (typeof verdict !== 'boolean') throw new MongoAPIError('srvHostValidator must return a boolean')
  if (!verdict) throw new MongoAPIError('Server record was rejected by srvHostValidator')
}

/** @param {string} host @param {string} hostname */
function compareDomains(host, hostname) {
  const labels = hostname.split('.')
  const domain = labels.length < 3 ? hostname : labels.slice(1).join('.')
  if (labels.length < 3 && host.split('.').length <= labels.length) {
    throw new MongoAPIError('Server record does not have at least one more domain level than parent URI')
  }
  if (!`.${host.replace(/^[^.]*\./, '')}`.endsWith(`.${domain}`)) {
    throw new MongoAPIError('Server record does not share hostname with parent URI')
  }
}

/** @param {string} name @returns {string} in lower case and Punycode, without the dot at its end */
function dnsName(name) {
  const ascii = /^\p{ASCII}*$/u.test(name) ? name.toLowerCase() : require('node:url').domainToASCII(name)
  if (ascii !== '' && !/[\s#%/:<>?@[\\\]^|]/.test(ascii)) return ascii.replace(/\.$/, '')
  throw new MongoAPIError('Invalid DNS host name')
}

/** @param {string} written @returns {string} with a dot at its start, so that only whole labels match */
function hostsSuffix(written) {
  const suffix = dnsName(written.replace(/^\.+|\.+$/g, ''))
  if (suffix.includes('.') || LONE_LABELS.includes(suffix)) return `.${suffix}`
  throw new MongoParseError(
    `srvAllowedHostsSuffix must contain at least two domain labels, or be one of: ${LONE_LABELS.join(', ')}`
  )
}

module.exports = { hostsSuffix, lookUpSeedList }
