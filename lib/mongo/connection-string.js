// mongoUrl, taken apart. No message quotes a part of it that could belong to a password.
'use strict'

const { MongoAPIError, MongoInvalidArgumentError, MongoParseError } = require('../errors.js')
const { CANONICAL, integer, unknownOption } = require('./option-table.js')

const notEncoded = () =>
  new MongoParseError(
    'Invalid connection string: the characters : / ? # [ ] @ % in the user name or password must be percent-encoded'
  )

const badDatabase = () =>
  new MongoParseError('Invalid connection string: a % in the database must be percent-encoded as %25')

/** @param {string} part @param {() => Error} failure */
function decode(part, failure = notEncoded) {
  try {
    return decodeURIComponent(part)
  } catch {
    throw failure()
  }
}

const CONNECTION_STRING =
  /^mongodb(?<srv>\+srv)?:\/\/(?:(?<username>[^:@]*)(?::(?<password>[^@]*))?@)?(?<hosts>[^/?@]*)(?:\/(?<path>[^?]*))?(?:\?(?<query>.*))?$/s

/** @param {unknown} mongoUrl */
function parseUrl(mongoUrl) {
  if (typeof mongoUrl !== 'string') throw new MongoInvalidArgumentError('mongoUrl must be a string')
  if (!/^mongodb(\+srv)?:\/\//.test(mongoUrl)) {
    throw new MongoParseError(
      'Invalid scheme, expected connection string to start with "mongodb://" or "mongodb+srv://"'
    )
  }
  const { srv, username, password = '', hosts, path = '', query = '' } = split(mongoUrl.trimEnd())
  if (username === '') throw new MongoParseError('URI contained empty userinfo section')
  if (hosts === '') throw new MongoParseError('Protocol and host list are required in the uri')
  return {
    isSrv: srv !== undefined,
    auth: username && { username: decode(username), password: decode(password) },
    hosts: hosts.split(',').map((one) => host(one.trim())),
    database: decode(path, badDatabase),
    query: readQuery(query),
  }
}

/** @param {string} mongoUrl @returns {Record<string, string>} */
function split(mongoUrl) {
  const parts = CONNECTION_STRING.exec(mongoUrl)?.groups
  // Nobody can tell where a password ends that has these characters: better no connection than a part of it in a log.
  if (!parts) throw notEncoded()
  const { username, password, path = '', query = '' } = parts
  if (/[:/?#[\]]/.test(`${username}${password}`) || path.includes('@')) throw notEncoded()
  if (!`${path}${query}`.includes('#')) return parts
  throw new MongoParseError('Invalid connection string: a # must be percent-encoded as %23')
}

/** @param {string} written @returns {string} as the Rust driver reads it */
function host(written) {
  if (written.endsWith('.sock')) return written.replaceAll(' ', '%20')
  const [, name, port] = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::(\d+))?$/i.exec(written) ?? []
  const decoded = decode(name ?? '')
  const ascii = /^\p{ASCII}*$/u.test(decoded) ? decoded : require('node:url').domainToASCII(decoded)
  // domainToASCII leaves out what follows such a character.
  if (!ascii || /[\s\p{Cc}/?#@,]/u.test(decoded))
    throw new MongoParseError('Invalid connection string: a host is not valid')
  if (port === undefined) return ascii
  return `${ascii}:${integer(1, 65535)(port, 'Invalid connection string: the port of a host', [])}`
}

/** @param {string} written @param {string} query */
function unknownIn(written, query) {
  // With an @ in the query, the name may be the end of a password, and so may it behind a password.
  if (query.includes('@')) return notEncoded()
  if (!/pass/i.test(query)) return unknownOption(written)
  return new MongoParseError(
    'Invalid connection string: an option is not supported; a & in a password must be percent-encoded as %26'
  )
}

/** @param {string} query @returns {Record<string, string[]>} */
function readQuery(query) {
  /** @type {Record<string, string[]>} */
  const given = Object.create(null)
  for (const [written, value] of new URLSearchParams(query)) {
    const name = CANONICAL.get(written.toLowerCase())
    if (name === undefined) throw unknownIn(written, query)
    if (name === 'serverApi' || name === 'srvHostValidator') {
      throw new MongoParseError(`URI cannot contain \`${name}\`, it can only be passed to the client`)
    }
    if (name !== 'readPreferenceTags' && name in given) {
      throw new MongoInvalidArgumentError(
        `URI option "${name}" cannot appear more than once in the connection string`
      )
    }
    if (name !== 'readPreferenceTags' && value === '') {
      throw new MongoAPIError(`URI option "${name}" cannot be specified with no value`)
    }
    given[name] = [...(given[name] ?? []), value]
  }
  return given
}

module.exports = { parseUrl }
