// What is written for the vectors: which packages, with which options, in which `stringify` mode, with which
// session.
'use strict'

/**
 * @typedef {object} Writer
 * @property {string} connectMongo version
 * @property {string} [kruptein] version; connect-mongo 3.2.0 has none
 * @property {string} mongodb range of the driver that goes with it
 * @property {boolean} [newNode] run in a Node that has Argon2
 *
 * @typedef {object} Case
 * @property {string} name unique within the writer
 * @property {'v3' | 'kruptein' | 'webcrypto' | 'none'} adapter
 * @property {Record<string, unknown>} options extended JSON
 * @property {boolean} stringify
 * @property {string} session a name in sessions.js
 * @property {string} [custom] a name in custom.js
 * @property {boolean} [table] one of the six choices that every writer of note was tried with
 * @property {boolean} [touch] touched after it was set
 *
 * @typedef {{ file: string, writer: Writer, cases: Case[] }} Batch
 */

/**
 * Meets the rule that kruptein has had since 3.1.1: two each of upper case, lower case, digits and special
 * characters.
 */
const SECRET = 'Correct-Horse-42-Battery!'
const OTHER_SECRET = 'Zwölf.Äpfel_&_7_Birnen/XY9'

/**
 * @type {Record<string, Record<string, unknown>>} the six choices of the table, two of them for ciphers
 * without a tag
 */
const TABLE = {
  defaults: {},
  'gcm-sha512-hex': { algorithm: 'aes-256-gcm', hashing: 'sha512', encodeas: 'hex' },
  'gcm-sha256-base64': { algorithm: 'aes-256-gcm', hashing: 'sha256', encodeas: 'base64' },
  'gcm192-base64': { algorithm: 'aes-192-gcm', encodeas: 'base64', key_size: 24 },
  'cbc-defaults': { algorithm: 'aes-256-cbc' },
  'ctr-sha256-base64': { algorithm: 'aes-256-ctr', hashing: 'sha256', encodeas: 'base64' },
}

/** @type {Record<string, Record<string, unknown>>} */
const KRUPTEIN_MORE = {
  'gcm128-no-size': { algorithm: 'aes-128-gcm' },
  'gcm128-sized': { algorithm: 'aes-128-gcm', key_size: 16, encodeas: 'hex' },
  'gcm192-no-size': { algorithm: 'aes-192-gcm' },
  'cbc128-sized': { algorithm: 'aes-128-cbc', key_size: 16 },
  'cbc192-sized': { algorithm: 'aes-192-cbc', key_size: 24, hashing: 'sha384' },
  'ocb-hex': { algorithm: 'aes-256-ocb', encodeas: 'hex' },
  'cfb8-sha1': { algorithm: 'aes-256-cfb8', hashing: 'sha1' },
  'chacha20-blake2b': { algorithm: 'chacha20', hashing: 'blake2b512' },
  'camellia-cbc-sha3': { algorithm: 'camellia-256-cbc', hashing: 'sha3-256' },
  /** Refused by every version. */
  ecb: { algorithm: 'aes-256-ecb' },
  'upper-case-cbc': { algorithm: 'AES-256-CBC', encodeas: 'HEX' },
  'gcm-base64url': { encodeas: 'base64url' },
  'gcm-binary': { encodeas: 'binary' },
  'gcm-latin1': { encodeas: 'latin1', hashing: 'sha256' },
  'cbc-latin1': { algorithm: 'aes-256-cbc', encodeas: 'latin1' },
  'cbc-hex': { algorithm: 'aes-256-cbc', encodeas: 'hex' },
  scrypt: { use_scrypt: true },
  'scrypt-cbc-hex': { use_scrypt: true, algorithm: 'aes-256-cbc', encodeas: 'hex', hashing: 'sha256' },
  argon2: { use_argon2: true },
  'scrypt-and-argon2': { use_scrypt: true, use_argon2: true },
  'no-asn1': { use_asn1: false },
  'no-asn1-cbc': { use_asn1: false, algorithm: 'aes-256-cbc', encodeas: 'hex' },
  asn1: { use_asn1: true },
  'asn1-cbc': { use_asn1: true, algorithm: 'aes-256-cbc', encodeas: 'base64' },
  'sizes-given': { key_size: 32, iv_size: 12, at_size: 12 },
  'iv-size-given': { iv_size: 24 },
  'sizes-underscored': { _key_size: 32, _iv_size: 16, _at_size: 12 },
  'sizes-null': { key_size: null, iv_size: null, at_size: null },
  'null-hashing': { hashing: null },
  'null-everything': { algorithm: null, hashing: null, encodeas: null },
}

/**
 * Before 3.4.0 the upper-case name is GCM without its tag, written and never to be read:
 * docs/encryption-algorithms.md.
 */
const ONLY_3_4 = {
  'upper-case-gcm': { algorithm: 'AES-256-GCM' },
  'ocb-sized': { algorithm: 'aes-256-ocb', iv_size: 12 },
}

/** The choices of every kruptein from 3.1 on: a change between two of them shows in one of these. */
const EVERY_KRUPTEIN = {
  ...TABLE,
  ...pick(
    ...['gcm128-no-size', 'gcm-binary', 'gcm-base64url', 'scrypt', 'argon2', 'no-asn1', 'no-asn1-cbc'],
    'sizes-given'
  ),
}

/** 2.2 and 3.0 write the same from first to last. */
const EVERY_OLD_KRUPTEIN = {
  defaults: {},
  'cbc-defaults': TABLE['cbc-defaults'],
  ...pick('gcm-binary', 'scrypt'),
}

/** @param {string[]} names */
function pick(...names) {
  return Object.fromEntries(names.map((name) => [name, KRUPTEIN_MORE[name]]))
}

/**
 * Each choice in both modes.
 *
 * @param {Case['adapter']} adapter
 * @param {Record<string, Record<string, unknown>>} choices
 * @param {string} session
 * @param {boolean} [table] whether the choices of the table count for it
 * @returns {Case[]}
 */
function both(adapter, choices, session, table = false) {
  return Object.entries(choices).flatMap(([name, choice]) =>
    [true, false].map((stringify) => ({
      name: `${name}${stringify ? '' : '-object'}`,
      adapter,
      options: { secret: SECRET, ...choice },
      stringify,
      session,
      ...(table && name in TABLE ? { table } : {}),
    }))
  )
}

/**
 * Each choice in one of the modes, in turn: what the options do does not depend on the mode.
 *
 * @param {Case['adapter']} adapter
 * @param {Record<string, Record<string, unknown>>} choices
 * @returns {Case[]}
 */
function inTurn(adapter, choices) {
  return both(adapter, choices, 'small').filter((_, index) => index % 4 === 0 || index % 4 === 3)
}

/**
 * What is independent of the options: other sessions, another secret, the app's own `serialize`.
 *
 * @param {Case['adapter']} adapter
 * @param {Record<string, unknown>} [options]
 * @returns {Case[]}
 */
function contents(adapter, options = {}) {
  const one = { adapter, options: { secret: SECRET, ...options }, stringify: true, session: 'small' }
  return [
    { ...one, name: 'minimal', session: 'minimal' },
    { ...one, name: 'minimal-object', session: 'minimal', stringify: false },
    { ...one, name: 'typed', session: 'typed' },
    { ...one, name: 'typed-object', session: 'typed', stringify: false },
    { ...one, name: 'other-secret', options: { ...one.options, secret: OTHER_SECRET } },
    { ...one, name: 'custom-text', custom: 'text' },
    { ...one, name: 'custom-object', custom: 'object' },
  ]
}

/** @param {Case['adapter']} adapter @returns {Case} */
function large(adapter) {
  return { name: 'large', adapter, options: { secret: SECRET }, stringify: true, session: 'large' }
}

// connect-mongo 3.2.0

const V3_MORE = {
  'gcm128-base64': { algorithm: 'aes-128-gcm', encodeas: 'base64', key_size: 16 },
  'gcm-base64url-sha384': { encodeas: 'base64url', hashing: 'sha384' },
  'gcm-iv12-at12': { iv_size: 12, at_size: 12 },
  'gcm-sha256-hex': { hashing: 'sha256', encodeas: 'hex' },
  'gcm-sha1-upper-case-hex': { hashing: 'sha1', encodeas: 'HEX' },
  'upper-case-gcm': { algorithm: 'AES-256-GCM' },
  'ocb-iv6': { algorithm: 'aes-256-ocb', iv_size: 6 },
  'ccm-iv6': { algorithm: 'aes-256-ccm', iv_size: 6 },
  'aria-gcm': { algorithm: 'aria-256-gcm' },
  'chacha20-poly1305-iv6': { algorithm: 'chacha20-poly1305', iv_size: 6 },
  'gcm-latin1': { encodeas: 'latin1' },
}

/** @returns {Batch} */
function v3() {
  // As a document, a session takes ten times the room here: the table has enough of them.
  const more = both('v3', V3_MORE, 'small').filter((one) => one.stringify)
  // 3.2.0 hands its envelope, not the session, to the app's `serialize`, and cannot read it back itself.
  const others = contents('v3').filter((one) => one.stringify && !one.custom)
  const cases = [...both('v3', TABLE, 'rich', true), ...more, ...others, large('v3')]
  return { file: 'v3', writer: { connectMongo: '3.2.0', mongodb: '^3.6.3' }, cases }
}

// connect-mongo 4 and 5

const KRUPTEIN_2 = ['2.2.1', '2.2.3']
const KRUPTEIN_3 = [
  ...['3.0.0', '3.0.1', '3.0.2', '3.0.3', '3.0.4', '3.0.5', '3.0.6', '3.0.7', '3.0.8', '3.0.9'],
  ...['3.1.1', '3.1.3', '3.1.4', '3.1.5', '3.1.7', '3.2.0', '3.2.1', '3.3.0', '3.4.0'],
]
/** One of each kind of envelope, tried with every option. */
const EVERY_OPTION = ['2.2.3', '3.0.8', '3.1.7', '3.4.0']
const LARGE = ['3.0.8', '3.4.0']
/** Those whose sources have Argon2; 3.1.3 cannot run it. */
const ARGON2 = ['3.1.3', '3.1.4', '3.1.5', '3.1.7', '3.2.0', '3.2.1', '3.3.0', '3.4.0']
const TABLE_WRITERS = ['4.1.0 2.2.3', '4.6.0 3.4.0', '5.1.0 3.4.0', '5.1.0 3.0.8']

/** @param {string} version of kruptein */
function fileOf(version) {
  return version.startsWith('2.') ? 'kruptein-2' : `kruptein-${version.slice(0, 3)}`
}

/** @param {string} connectMongo @param {string} mongodb @param {string} kruptein @returns {Batch} */
function manyOptions(connectMongo, mongodb, kruptein) {
  const cases = EVERY_OPTION.includes(kruptein) ? everyOption(connectMongo, kruptein) : someOptions(kruptein)
  return { file: fileOf(kruptein), writer: { connectMongo, mongodb, kruptein }, cases }
}

/** @param {string} connectMongo @param {string} kruptein */
function everyOption(connectMongo, kruptein) {
  return [
    ...both('kruptein', TABLE, 'rich', TABLE_WRITERS.includes(`${connectMongo} ${kruptein}`)),
    ...inTurn('kruptein', { ...KRUPTEIN_MORE, ...(kruptein === '3.4.0' ? ONLY_3_4 : {}) }),
    ...contents('kruptein'),
    ...(LARGE.includes(kruptein) ? [large('kruptein')] : []),
  ]
}

/** @param {string} kruptein */
function someOptions(kruptein) {
  const isOld = kruptein.startsWith('2.') || kruptein.startsWith('3.0.')
  return both('kruptein', isOld ? EVERY_OLD_KRUPTEIN : EVERY_KRUPTEIN, 'small')
}

/** @param {string} connectMongo @param {string} mongodb @param {string} kruptein @returns {Batch} */
function fewOptions(connectMongo, mongodb, kruptein) {
  const table = TABLE_WRITERS.includes(`${connectMongo} ${kruptein}`)
  const cases = both('kruptein', table ? TABLE : { defaults: {} }, 'small', table)
  return { file: fileOf(kruptein), writer: { connectMongo, mongodb, kruptein }, cases }
}

/** @param {string} kruptein @returns {Batch} */
function withArgon2(kruptein) {
  const choices = {
    'argon2-new-node': { use_argon2: true },
    'argon2-new-node-cbc': { use_argon2: true, algorithm: 'aes-256-cbc', encodeas: 'hex', hashing: 'sha256' },
    'argon2-new-node-192': { use_argon2: true, algorithm: 'aes-192-gcm', key_size: 24 },
  }
  const cases = both('kruptein', choices, 'small').filter((one) => one.stringify === one.name.includes('cbc'))
  const writer = { connectMongo: '5.1.0', mongodb: '^5.9.2', kruptein, newNode: true }
  return { file: fileOf(kruptein), writer, cases }
}

// connect-mongo 6.0.0

const SIX = { connectMongo: '6.0.0', mongodb: '^6.22.0', kruptein: '3.0.8' }

/** Every cipher and hash has a vector in algorithms.json; here is one of each family. */
const FAMILIES = Object.fromEntries(
  [
    ...[
      'aes-256-cfb',
      'aes-256-cfb1',
      'aes-256-ofb',
      'aes-192-ocb',
      'aes-192-ctr',
      'aes-128-cfb8',
      'aes128',
      'aes256',
    ],
    ...[
      'aria-256-cbc',
      'aria-256-gcm',
      'aria-256-cfb1',
      'aria256',
      'camellia-256-ctr',
      'camellia-256-ofb',
      'camellia256',
    ],
  ].map((algorithm) => [algorithm, { algorithm }])
)

/** @returns {Batch} */
function six() {
  const hex = contents('kruptein', { algorithm: 'aes-256-cbc', encodeas: 'hex' })
  const cases = [
    ...both('kruptein', TABLE, 'rich'),
    ...both('kruptein', KRUPTEIN_MORE, 'small'),
    ...inTurn('kruptein', FAMILIES),
    ...contents('kruptein'),
    ...hex.map((one) => ({ ...one, name: `cbc-${one.name}` })),
  ]
  return { file: 'connect-mongo-6', writer: SIX, cases }
}

/** @param {string} text @returns {object} bytes in extended JSON */
const bytes = (text) => ({
  $binary: { base64: Buffer.from(text, 'latin1').toString('base64'), subType: '00' },
})

const WEB_CRYPTO = {
  defaults: {},
  'gcm-base64url': { algorithm: 'AES-GCM', encoding: 'base64url' },
  'gcm-hex': { algorithm: 'AES-GCM', encoding: 'hex', iterations: 1000 },
  'gcm-iv16': { ivLength: 16, iterations: 1000 },
  'gcm-salt-text': { salt: 'pinch of sält', iterations: 1000 },
  'gcm-salt-bytes': { salt: bytes('\x00\xff\x80salt'), iterations: 1000 },
  'gcm-secret-bytes': { secret: bytes('\x00\x01\xfe\xffbinary secret'), iterations: 1000 },
  'cbc-defaults': { algorithm: 'AES-CBC' },
  'cbc-base64': { algorithm: 'AES-CBC', encoding: 'base64', iterations: 1000 },
  'cbc-base64url': { algorithm: 'AES-CBC', encoding: 'base64url', iterations: 1000 },
  'cbc-hex': { algorithm: 'AES-CBC', encoding: 'hex', iterations: 1000 },
  'cbc-secret-bytes': {
    algorithm: 'AES-CBC',
    secret: bytes('\x00\x01\xfe\xffbinary secret'),
    iterations: 1000,
  },
  'cbc-iv12': { algorithm: 'AES-CBC', ivLength: 12, iterations: 1000 },
}

/** @returns {Batch} */
function webCrypto() {
  const cases = [
    ...both('webcrypto', WEB_CRYPTO, 'rich'),
    ...contents('webcrypto', { iterations: 1000 }),
    { ...contents('webcrypto')[0], name: 'custom-half-pair', custom: 'halfPair' },
    large('webcrypto'),
  ]
  return { file: 'web-crypto', writer: SIX, cases }
}

// Without encryption

/** @param {Writer} writer @returns {Batch} */
function plain(writer) {
  const cases = [
    ...both('none', { rich: {} }, 'rich').filter((one) => one.stringify),
    ...both('none', { document: {} }, 'document'),
    ...both('none', { typed: {} }, 'typed'),
    ...both('none', { minimal: {} }, 'minimal'),
  ].map((one) => ({ ...one, options: {} }))
  return { file: 'plain', writer, cases }
}

/** 4.1.0 overwrites an encrypted session with a plain one when it is touched. @returns {Batch} */
function touched() {
  const cases = both('kruptein', { 'encrypted-then-touched': {} }, 'small').map((one) => ({
    ...one,
    touch: true,
  }))
  return { file: 'plain', writer: { connectMongo: '4.1.0', mongodb: '^3.6.3', kruptein: '2.2.3' }, cases }
}

/** @returns {Batch[]} */
function batches() {
  return [
    v3(),
    ...KRUPTEIN_2.map((kruptein) => manyOptions('4.1.0', '^3.6.3', kruptein)),
    ...KRUPTEIN_3.map((kruptein) => manyOptions('5.1.0', '^5.9.2', kruptein)),
    ...KRUPTEIN_3.map((kruptein) => fewOptions('4.6.0', '^4.17.2', kruptein)),
    ...KRUPTEIN_3.map((kruptein) => fewOptions('5.0.0', '^5.9.2', kruptein)),
    ...ARGON2.map(withArgon2),
    six(),
    webCrypto(),
    plain({ connectMongo: '3.2.0', mongodb: '^3.6.3' }),
    plain({ connectMongo: '5.1.0', mongodb: '^5.9.2', kruptein: '3.4.0' }),
    plain(SIX),
    touched(),
  ]
}

module.exports = { batches, SIX }
