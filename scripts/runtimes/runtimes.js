// The runtimes besides Node: how they run a file, and what of the tests cannot pass there, for reasons that are theirs.
'use strict'

const { BUN_TOOL, DENO_TOOL } = require('../install/package-managers.js')

/**
 * @typedef {object} Exception a test that fails for another reason than the store
 * @property {string} file
 * @property {RegExp} test
 * @property {string} reason
 *
 * @typedef {object} Runtime
 * @property {string} name
 * @property {import('../install/registry.js').Tool} tool
 * @property {string[]} run the arguments before a program
 * @property {(file: string, report: string) => string[]} test the arguments that run a file of tests
 * @property {Exception[]} exceptions
 */

/** What is run on each, from what users call down to what is stored. */
const CORE = [
  '__test__/api/documents.test.js',
  '__test__/api/express.test.js',
  '__test__/api/lifecycle.test.js',
  '__test__/api/lifetimes.test.js',
  '__test__/api/errors.test.js',
  '__test__/api/concurrency.test.js',
  '__test__/api/users.test.js',
  '__test__/api/iterate.test.js',
  '__test__/api/expired.test.js',
  '__test__/api/order.test.js',
  '__test__/api/resurrection.test.js',
  '__test__/api/prefix.test.js',
  '__test__/api/hash-ids.test.js',
  '__test__/encryption/compatibility.test.js',
  '__test__/encryption/sealed.test.js',
]
const FAST = CORE.slice(0, 2)

const UNCAUGHT = 'bun test: an uncaught exception fails the test that waits for it'
const NOT_IN_CONNECT_MONGO =
  "node:crypto has fewer algorithms there, so that connect-mongo's own encryption fails"

/** @type {Runtime} */
const BUN = {
  name: 'bun',
  tool: BUN_TOOL,
  run: [],
  // Its own limit of five seconds a test is shorter than some take on a slow machine.
  test: (file, report) => [
    ...['test', '--timeout', '120000', '--reporter=junit', `--reporter-outfile=${report}`, `./${file}`],
  ],
  exceptions: [
    {
      file: '__test__/api/errors.test.js',
      test: /calling function in its stack|the stack of its caller$/,
      reason: 'JavaScriptCore: a stack ends at the innermost async function',
    },
    {
      file: '__test__/api/iterate.test.js',
      test: /^does not end when a listener throws$/,
      reason: UNCAUGHT,
    },
    {
      file: '__test__/api/expired.test.js',
      test: /^gives null although a listener throws$/,
      reason: UNCAUGHT,
    },
    {
      file: '__test__/encryption/compatibility.test.js',
      test: /: algorithm (aes-256-(cfb1|cfb8|ocb)|aria|camellia|chacha20)|: hashing (blake2b512|rmd160|sm3)/,
      reason: NOT_IN_CONNECT_MONGO,
    },
    {
      file: '__test__/api/errors.test.js',
      test: /^is the error of JSON with stringify: true$/,
      reason: 'JavaScriptCore: JSON.stringify has other words for a cycle',
    },
  ],
}

/** @type {Runtime} */
const DENO = {
  name: 'deno',
  tool: DENO_TOOL,
  run: ['run', '--allow-all'],
  test: (file, report) => [
    ...['test', '--allow-all', '--no-check', '--preload', './scripts/runtimes/deno-hooks.js'],
    ...[`--junit-path=${report}`, file],
  ],
  exceptions: [
    {
      file: '__test__/api/lifecycle.test.js',
      test: /stops the timer, also when it comes before the connection$|with one timer that keeps no process alive$/,
      reason: 'node:test cannot mock setInterval there',
    },
    {
      file: '__test__/encryption/compatibility.test.js',
      test: /: algorithm (aes-192|AES-256-CBC|aes-256-(cfb|ocb|ofb)|aria|camellia)|: hashing (blake2b512|sm3)|: ivLength (13|64|128)/,
      reason: NOT_IN_CONNECT_MONGO,
    },
  ],
}

module.exports = { CORE, FAST, RUNTIMES: [BUN, DENO] }
