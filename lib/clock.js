// The time that only goes on, for durations. Bound as it is loaded, for apps whose tests put fakes in its place.
'use strict'

const { performance } = require('node:perf_hooks')

/** Milliseconds since `timeOrigin`. */
const now = performance.now.bind(performance)
/** Milliseconds since the epoch. */
const { timeOrigin } = performance

module.exports = { now, timeOrigin }
