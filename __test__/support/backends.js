// The backends that there are in this run: WebAssembly, which has no sockets, leaves the network to the JavaScript driver.
'use strict'

const MongoStore = require('../..')

/** @typedef {'native' | 'driver'} Backend */

/** @type {readonly Backend[]} */
const BACKENDS = MongoStore.binding.startsWith('wasm') ? ['driver'] : ['native', 'driver']

/** That of a store with nothing but a `mongoUrl`. */
const [DEFAULT_BACKEND] = BACKENDS

module.exports = { BACKENDS, DEFAULT_BACKEND }
