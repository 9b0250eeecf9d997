// Tests that are run elsewhere than where everything is: on other servers, and on other systems.
'use strict'

/** What starts no server or process of its own, and asks for nothing that a `mongos` does not do. */
const ON_ANY_SERVER = [
  '__test__/api/concurrency.test.js',
  '__test__/api/differential.test.js',
  '__test__/api/differential-values.test.js',
  '__test__/api/documents.test.js',
  '__test__/api/order.test.js',
  '__test__/api/random.test.js',
  '__test__/api/resurrection.test.js',
]

/** What could differ with the system. That of connect-mongo and of JavaScript clients is left out by `NATIVE`. */
const ON_ANY_SYSTEM = [
  ...ON_ANY_SERVER,
  '__test__/encryption/compatibility.test.js',
  '__test__/encryption/sealed.test.js',
  '__test__/encryption/vectors.test.js',
]

/** Has the tests of several implementations run on the native one alone. */
const NATIVE = { IMPLEMENTATION: 'native' }

module.exports = { NATIVE, ON_ANY_SERVER, ON_ANY_SYSTEM }
