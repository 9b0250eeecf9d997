// Connection strings that nobody would write, taken apart: what the Node driver's parser makes of them, or an error that
// tells nothing of a password.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { MongoClient } = require('mongodb')
const { parseUrl } = require('../../lib/mongo/connection-string.js')
const { randomNumbers } = require('../support/random.js')

const STRINGS = 20_000
const PASSWORD = 'T0P-s3cret'
const ERRORS = ['MongoParseError', 'MongoAPIError', 'MongoInvalidArgumentError']

/** Set RANDOM_SEED to repeat a failure. */
const seed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 32))

const PIECES = {
  scheme: ['mongodb://', 'mongodb://', 'mongodb://', 'mongodb:/', 'mongodb+srv://', 'http://', ''],
  user: ['', 'user:', 'user%40:', ':', '%zz:', 'us@er:', 'ü:', 'user'],
  password: [
    PASSWORD,
    encodeURIComponent(`${PASSWORD}/?#`),
    `${PASSWORD}@`,
    `${PASSWORD}/x`,
    `${PASSWORD}%`,
    '',
  ],
  at: ['@', '@', '@', '', '@@', '%40'],
  host: [
    'host',
    'host:27018',
    '127.0.0.1',
    '[::1]:1',
    'a,b:2,c',
    'host:0',
    'host:99999',
    ':1',
    '',
    'ho st',
    '%2Ftmp%2Fa.sock',
  ],
  path: ['', '/', '/db', '/d%20b', '/d@b', '/%', '/db#x', '/a/b'],
  query: [
    '',
    '?',
    '?tls=true',
    '?w=1&w=2',
    '?nothing=1',
    '?appName=a%40b',
    `?appName=${PASSWORD}`,
    '?=',
    '?tls',
    '#',
  ],
  noise: ['', '', '', '', '\0', ' ', '%', '\ud800', '@', '\n', 'é'],
}

/** @param {() => number} random */
function connectionString(random) {
  return Object.values(PIECES)
    .map((choices) => choices[Math.floor(random() * choices.length)])
    .join('')
}

/** @param {string} host */
const withPort = (host) => (/[^:]:\d+$/.test(host) ? host : `${host}:27017`)

/** @param {string} text */
function nodeDriversView(text) {
  try {
    const { options } = new MongoClient(text)
    const { username, password } = options.credentials ?? {}
    const hosts = options.srvHost ? [`${options.srvHost}:27017`] : options.hosts.map(String)
    return { hosts, auth: username && { username, password } }
  } catch {
    return undefined
  }
}

/** @param {string} text */
function ourView(text) {
  try {
    const { hosts, auth } = parseUrl(text)
    return { hosts, auth }
  } catch (error) {
    assert.ok(ERRORS.includes(error.name), `${JSON.stringify(text)} gave ${error.stack}`)
    assert.ok(!error.message.includes(PASSWORD), `${JSON.stringify(text)} gave ${error.message}`)
    return undefined
  }
}

test(`${STRINGS} connection strings, seed ${seed}`, () => {
  const random = randomNumbers(seed)
  let same = 0
  for (let count = 0; count < STRINGS; count++) {
    const text = connectionString(random)
    const [ours, theirs] = [ourView(text), nodeDriversView(text)]
    if (!ours || !theirs) continue
    same++
    assert.deepEqual(ours.auth, theirs.auth, JSON.stringify(text))
    // The Rust driver decodes the name of a socket itself, and gets names of other scripts in ASCII.
    if (text.includes('.sock') || !/^[!-~]*$/.test(text)) continue
    const hosts = ours.hosts.map(withPort).join().toLowerCase()
    assert.equal(hosts, theirs.hosts.join().toLowerCase(), JSON.stringify(text))
  }
  assert.ok(same > STRINGS / 100, `only ${same} were connection strings`)
})
