// What every room asks of a value that an app gave.
'use strict'

/** @param {unknown} value @returns {value is object} */
function isObject(value) {
  return typeof value === 'object' && value !== null
}

module.exports = { isObject }
