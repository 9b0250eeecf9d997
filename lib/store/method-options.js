// The options of single methods.
'use strict'

const { hint } = require('../names.js')
const { isObject } = require('../objects.js')

const FIND_OPTIONS = ['limit', 'after', 'current']
const DESTROY_ALL_OPTIONS = ['except']
const PRUNE_OPTIONS = ['signal']

/**
 * Strictly: with a name that is mistaken, more would end than is meant to.
 *
 * @param {unknown} given
 * @param {string[]} names
 * @returns {Record<string, any>}
 */
function optionsOf(given, names) {
  if (given === undefined || given === null || typeof given === 'function') return {}
  if (!isObject(given)) throw new TypeError(`The options must be an object with ${names.join(', ')}`)
  for (const name of Object.keys(given)) {
    if (!names.includes(name))
      throw new TypeError(`There is no option ${name}${hint(name, names)}; there is ${names.join(', ')}`)
  }
  return given
}

module.exports = { DESTROY_ALL_OPTIONS, FIND_OPTIONS, PRUNE_OPTIONS, optionsOf }
