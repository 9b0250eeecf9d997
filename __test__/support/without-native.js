// Loaded before a test file that runs on WebAssembly: has node:test pass over the tests in native-only.js. The Node versions that
// are supported have no option for that.
'use strict'

const path = require('node:path')
const nodeTest = require('node:test')
const { isMainThread } = require('node:worker_threads')
const { NATIVE_ONLY } = require('./native-only.js')

const TESTS = path.join(__dirname, '..')

// The runner loads this too, in its own process, and the workers of a test in theirs.
const isTestFile = process.env.NODE_TEST_CONTEXT !== undefined && isMainThread
const file = isTestFile ? path.relative(TESTS, process.argv[1]).replaceAll(path.sep, '/') : ''
const patterns = (NATIVE_ONLY[file] ?? []).map(([pattern]) => pattern)
/** @type {Set<RegExp>} */
const used = new Set()
/** @type {string[]} */
const suites = []

/** @param {string} name @returns {boolean} */
function isLeftOut(name) {
  const title = ` ${[...suites, name].join(' > ')}`
  const pattern = patterns.find((one) => one.test(title))
  if (pattern) used.add(pattern)
  return pattern !== undefined
}

/** @param {Function} register @returns {any} */
function passingOver(register) {
  const filtered = (/** @type {string} */ name, /** @type {unknown[]} */ ...rest) =>
    isLeftOut(name) ? undefined : register(name, ...rest)
  return Object.assign(filtered, register)
}

/** @param {Function} describe @returns {any} */
function namingSuites(describe) {
  const named = (/** @type {string} */ name, /** @type {any[]} */ ...rest) => {
    const body = rest.pop()
    return describe(name, ...rest, (/** @type {unknown} */ context) => {
      suites.push(name)
      body(context)
      suites.pop()
    })
  }
  return Object.assign(named, describe)
}

Object.assign(nodeTest, {
  test: passingOver(nodeTest.test),
  it: passingOver(nodeTest.it),
  describe: namingSuites(nodeTest.describe),
})

process.on('exit', () => {
  const unused = patterns.filter((pattern) => !used.has(pattern))
  if (unused.length === 0) return
  console.error(`No test of ${file} is called as native-only.js says: ${unused.join(', ')}`)
  process.exitCode = 1
})
