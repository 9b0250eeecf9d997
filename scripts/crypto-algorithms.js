// Finds out which ciphers, hashes and encodings connect-mongo 6.0.0 itself can use, by trying each of them
// with it.
//
//   node scripts/crypto-algorithms.js [--force]
//
// Writes docs/encryption-algorithms.md and __test__/vectors/algorithms.json, with one ciphertext of
// connect-mongo's for each cipher and each hash that works. Salts and ivs are random, so no run gives the
// same bytes again: what is there is kept unless --force is given.
'use strict'

const crypto = require('node:crypto')
const { execFileSync } = require('node:child_process')
const { existsSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { createKrupteinAdapter } = require('connect-mongo')
const { version } = require('connect-mongo/package.json')
const { ROOT, StepError, reportFailure } = require('./setup.js')

/**
 * @typedef {{ name: string, stored?: string, reason?: string }} Trial
 *   `stored` when the text came back, `reason` when it did not
 */

const PAGE = path.join(ROOT, 'docs', 'encryption-algorithms.md')
const VECTORS = path.join(ROOT, '__test__', 'vectors', 'algorithms.json')

const SECRET = 'Correct-Horse-42-Battery!'
const SESSION = JSON.stringify({ cookie: { originalMaxAge: null, path: '/' }, user: 'Zoë 🦀', views: 3 })
/** What hides a fault in a mode of operation is a length: less than a block, whole blocks, and more. */
const TEXTS = [SESSION, '', 'a', 'x'.repeat(14), 'x'.repeat(30), 'ü'.repeat(99)]

const ENCODINGS = [
  ...['hex', 'base64', 'base64url', 'latin1', 'binary'],
  ...['ascii', 'utf8', 'utf-8', 'ucs2', 'ucs-2', 'utf16le', 'utf-16le'],
]

/** @param {object} options @returns {Promise<Omit<Trial, 'name'>>} */
async function attempt(options) {
  const adapter = createKrupteinAdapter({ secret: SECRET, ...options })
  let stored = ''
  for (const text of TEXTS) {
    let stage = 'writing'
    try {
      stored = await adapter.encrypt(text)
      stage = 'reading'
      // kruptein gives back the JSON of what it was given.
      const read = JSON.parse(await adapter.decrypt(stored))
      if (read !== text) return { reason: 'reading: another text comes back' }
    } catch (error) {
      return { reason: `${stage}: ${error instanceof Error ? error.message : error}` }
    }
  }
  return { stored: await adapter.encrypt(SESSION) }
}

/** @param {string[]} names @param {(name: string) => object} optionsOf @returns {Promise<Trial[]>} */
async function attemptAll(names, optionsOf) {
  const trials = []
  for (const name of names) trials.push({ name, ...(await attempt(optionsOf(name))) })
  return trials
}

/** @param {string[]} names those that are written in another way when in capitals */
function capitals(names) {
  return [...new Set(names.map((name) => name.toUpperCase()))].filter((name) => !names.includes(name))
}

/** @param {Trial[]} trials */
function working(trials) {
  return trials.filter(({ stored }) => stored !== undefined).map(({ name }) => name)
}

// The page

/** @param {string[]} names */
function list(names) {
  return names.length ? names.map((name) => `\`${name}\``).join(', ') : 'none'
}

/** @param {Trial[]} trials @returns {string} a table of reasons */
function failures(trials) {
  /** @type {Map<string, string[]>} */
  const groups = new Map()
  for (const { name, reason } of trials) {
    if (reason !== undefined) groups.set(reason, [...(groups.get(reason) ?? []), name])
  }
  const rows = [...groups].map(([reason, names]) => `| ${reason} | ${list(names)} |`)
  return rows.length ? ['| error | names |', '| --- | --- |', ...rows].join('\n') : 'All of them work.'
}

/** @param {Trial[]} inSmall @param {Trial[]} inCapitals @param {string} source */
function section(inSmall, inCapitals, source) {
  return `Of the ${inSmall.length} names of ${source}, ${working(inSmall).length} work:

${list(working(inSmall))}

The others:

${failures(inSmall)}

In capitals, of those that are then written in another way, these work:

${list(working(inCapitals))}

The others:

${failures(inCapitals)}`
}

/**
 * @param {Record<'ciphers' | 'cipherCapitals' | 'hashes' | 'hashCapitals' | 'encodings' | 'encodingCapitals', Trial[]>} all
 */
function page({ ciphers, cipherCapitals, hashes, hashCapitals, encodings, encodingCapitals }) {
  return `# Ciphers, hashes and encodings

What connect-mongo ${version} can write and read back with its \`crypto\` option, found by trying each name with it:
\`node scripts/crypto-algorithms.js\` makes this page. Node ${process.versions.node}, OpenSSL ${process.versions.openssl}.

A name works when ${TEXTS.length} texts, from none to ${TEXTS.at(-1)?.length} characters, come back as they were.

## \`algorithm\`

${section(ciphers, cipherCapitals, '`crypto.getCiphers()`')}

OpenSSL does not care about capitals, but kruptein looks for \`gcm\`, \`ocb\` and \`aes\` in small letters only. With
\`AES-256-GCM\` and its like a session is encrypted without its authentication tag being kept, and can never be read
again. \`AES-128-…\` and \`AES-192-…\` are given a key of 256 bits, as is every cipher of 128 or 192 bits that is not
AES: \`key_size\` has no effect.

## \`hashing\`

${section(hashes, hashCapitals, '`crypto.getHashes()`')}

## \`encodeas\`

${section(encodings.map(stageOnly), encodingCapitals.map(stageOnly), "Buffer's encodings")}
`
}

/**
 * What goes wrong in an encoding that loses bytes depends on the bytes.
 *
 * @param {Trial} trial
 * @returns {Trial}
 */
function stageOnly({ reason, ...trial }) {
  return reason === undefined ? trial : { ...trial, reason: `${reason.split(':')[0]}: bytes are lost` }
}

// The vectors

/** @param {Trial} trial @param {object} options */
function vector({ name, stored }, options) {
  const id = `algorithms-${name}`
  return {
    ...{ id, writtenBy: `connect-mongo ${version} with kruptein 3.0.8`, node: process.version },
    ...{ adapter: 'kruptein', options: { secret: SECRET, ...options }, stringify: true, storageId: id },
    ...{ session: SESSION, stored, readBy6: true },
  }
}

/** @param {Trial[]} trials @param {(name: string) => object} optionsOf */
function vectorsOf(trials, optionsOf) {
  return trials.filter(({ stored }) => stored).map((trial) => vector(trial, optionsOf(trial.name)))
}

/** @param {string} name */
const byCipher = (name) => ({ algorithm: name, hashing: 'sha512', encodeas: 'base64' })
/** @param {string} name */
const byHash = (name) => ({ algorithm: 'aes-256-gcm', hashing: name, encodeas: 'base64' })
/** @param {string} name */
const byEncoding = (name) => ({ algorithm: 'aes-256-gcm', hashing: 'sha512', encodeas: name })

/** @param {string[]} args */
async function main(args) {
  if (existsSync(VECTORS) && !args.includes('--force')) {
    throw new StepError(
      `${path.relative(ROOT, VECTORS)} is there, and cannot be made again as it is: give --force to replace it`
    )
  }
  const [cipherNames, hashNames] = [crypto.getCiphers(), crypto.getHashes()]
  const all = {
    ciphers: await attemptAll(cipherNames, byCipher),
    cipherCapitals: await attemptAll(capitals(cipherNames), byCipher),
    hashes: await attemptAll(hashNames, byHash),
    hashCapitals: await attemptAll(capitals(hashNames), byHash),
    encodings: await attemptAll(ENCODINGS, byEncoding),
    encodingCapitals: await attemptAll(capitals(ENCODINGS), byEncoding),
  }
  const lists = Object.entries(all).map(([name, trials]) => [name, working(trials)])
  const vectors = [
    ...vectorsOf(all.ciphers, byCipher),
    ...vectorsOf(all.hashes, byHash),
    ...vectorsOf(all.encodings, byEncoding),
  ]
  const versions = { node: process.version, openssl: process.versions.openssl }
  writeFileSync(PAGE, page(all))
  writeFileSync(VECTORS, JSON.stringify({ ...versions, ...Object.fromEntries(lists), vectors }, null, 2))
  execFileSync(path.join(ROOT, 'node_modules', '.bin', 'biome'), ['format', '--write', VECTORS])
}

main(process.argv.slice(2)).catch(reportFailure)
