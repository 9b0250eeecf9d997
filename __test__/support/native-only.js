// The tests that `npm run test:wasm` leaves out: what only the native backend does, and what the JavaScript driver, which does the
// network part there, does otherwise, as it does under connect-mongo. All other tests hold on both. And the files that only that
// run has, since they need both binaries. Every file is named by its path below __test__.
'use strict'

const NO_NATIVE = 'it is about the native backend'
const REPEATS_ONCE = 'the JavaScript driver repeats a command once'
const GROUP_COMMIT =
  'it is about group commit in Rust; engine/driver-calls.test.js is about that over a JavaScript client'
const KEEPS_ALIVE = 'a JavaScript client keeps its process alive until it is closed'

/** What needs the WebAssembly beside the native addon. */
const WASM_FILES = [
  'packages/bundles.test.js',
  'packages/contents.test.js',
  'process/binding.test.js',
  'process/packages.test.js',
]

/** Whole files that need the native addon. @type {Record<string, string>} */
const NATIVE_FILES = {
  'engine/grouping.test.js': GROUP_COMMIT,
  'engine/failures.test.js': GROUP_COMMIT,
  'engine/model.test.js': GROUP_COMMIT,
  'process/floor.test.js': NO_NATIVE,
  'engine/deployment.test.js': 'the JavaScript driver sends the commands there',
}

/** By file, the ends of the tests' full titles, with the reason. @type {Record<string, [RegExp, string][]>} */
const NATIVE_ONLY = {
  'api/bson-versions.test.js': [
    [/ neither mongodb nor mongoose$/, NO_NATIVE],
    [/ types of another version go in too$/, 'the JavaScript driver makes the BSON'],
  ],
  'api/collection.test.js': [[/ of the native backend > /, NO_NATIVE]],
  'api/concurrency.test.js': [[/ needs them from the URL and mongoOptions as well$/, NO_NATIVE]],
  'api/differential-values.test.js': [
    [
      / stored as it was when set was called, with stringify false too \[connect-mongo-native, \w+\]$/,
      'the JavaScript driver makes the BSON only when it sends it',
    ],
    [
      / of more than the driver has room for \(too-large\) \[connect-mongo-native, \w+\]$/,
      'the JavaScript driver fails before that',
    ],
  ],
  'cli/connection.test.js': [[/ prune needs none$/, NO_NATIVE]],
  'encryption/event-loop.test.js': [
    [/ keys are derived on other threads /, 'WebAssembly has no other threads; see process/binding.test.js'],
  ],
  'api/differential-failures.test.js': [
    [
      / while there is no primary for some attempts \(patience\) \[connect-mongo-native, \w+\]$/,
      REPEATS_ONCE,
    ],
  ],
  'engine/limits.test.js': [[/ \[native\]$/, NO_NATIVE]],
  'api/errors.test.js': [
    [/ the classes of the app's driver > are those of the errors /, NO_NATIVE],
    [
      / a session that is too large > gets the error of the server$/,
      'the JavaScript driver fails before that',
    ],
  ],
  'process/exit.test.js': [
    [/ a script that never calls close\(\) exits on its own > (after|with) (?!loading)/, KEEPS_ALIVE],
    [/ a pending call keeps the process alive > and what it wrote is there/, KEEPS_ALIVE],
    [/ a store that is closed while its server is silent /, 'a JavaScript client waits for its server'],
    [/ resources > hold nothing active /, KEEPS_ALIVE],
  ],
  'api/lifecycle.test.js': [
    [
      / share one pool, and closing one leaves the others working$/,
      'each store has a JavaScript client of its own',
    ],
  ],
  'options/mongo-options.test.js': [
    [/ every option has its backend: > native for /, NO_NATIVE],
    [/ an error that names it, with backend: 'native', for /, NO_NATIVE],
    [/ an app > without mongodb /, NO_NATIVE],
  ],
  'process/workers.test.js': [[/ workers done, without close/, KEEPS_ALIVE]],
}

module.exports = { NATIVE_FILES, NATIVE_ONLY, WASM_FILES }
