// What every room asks of a value that an app gave, or that has been read. Not by its class: a test runner may give each of its files a
// realm of its own, with its own Date, Uint8Array, Error …, beside the one that Node and native addons make theirs in.
'use strict'

const { isDate, isMap, isNativeError, isUint8Array } = require('node:util').types

/** @param {unknown} value @returns {value is object} */
function isObject(value) {
  return typeof value === 'object' && value !== null
}

/** BSON binary data, as any version of the `bson` package has it. @param {{ buffer: Uint8Array, position: number }} binary */
function bytesOfBinary({ buffer, position }) {
  return buffer.subarray(0, position)
}

module.exports = { bytesOfBinary, isDate, isMap, isNativeError, isObject, isUint8Array }
