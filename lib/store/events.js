// The events of a store, which `Events` in index.d.ts describes.
'use strict'

const EVENTS = /** @type {const} */ ([
  'create',
  'update',
  'set',
  'set-refused',
  'touch',
  'touch-missed',
  'destroy',
  'get',
  'all',
  'decrypt-failed',
  'unreadable',
  'evicted',
  'expired',
  'connect',
  'disconnect',
  'error',
])

/** @typedef {typeof EVENTS[number]} EventName */

module.exports = { EVENTS }
