// The tick on which callbacks run. A test that fakes `nextTick` while it loads this package would keep it for good: no callback ever ran.
'use strict'

const { nextTick } = require('node:process')
const { setImmediate } = require('node:timers')

/** The fakes of @sinonjs/fake-timers, which Jest and Vitest have as well, say whose they are. */
const isFake = Object.hasOwn(nextTick, 'clock')

module.exports = { nextTick: isFake ? setImmediate : nextTick }
