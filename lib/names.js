// What a misspelt name was probably meant to be, and what may be the matter with a value that is not there.
'use strict'

const { inspect } = require('node:util')
const { isObject } = require('./objects.js')

/** @param {string} a @param {string} b @returns {number} how many letters to add, drop or change */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(next[j] + 1, row[j + 1] + 1, row[j] + (a[i] === b[j] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]
}

/**
 * @param {string} written
 * @param {Iterable<string>} names
 * @returns {string | undefined} the name that was probably meant
 */
function nearestName(written, names) {
  const lower = written.toLowerCase()
  const measured = Array.from(names, (name) => ({ name, steps: distance(lower, name.toLowerCase()) }))
  const [nearest] = measured.sort((a, b) => a.steps - b.steps)
  return nearest && nearest.steps <= Math.max(2, lower.length / 3) ? nearest.name : undefined
}

/**
 * @param {string} written
 * @param {Iterable<string>} names
 * @returns {string} what to add to the message that says a name is not known
 */
function hint(written, names) {
  const nearest = nearestName(written, names)
  return nearest === undefined ? '' : `; did you mean ${nearest}?`
}

/** What a value is that should be another: nothing of what an object has, which may be a session. @param {unknown} value @returns {string} */
function described(value) {
  if (typeof value === 'function') return 'a function'
  return isObject(value) ? 'an object' : inspect(value)
}

/**
 * What to say of a value that is given and not there, as an environment variable that is not set is.
 *
 * @param {string} name
 * @param {unknown} value
 */
function missing(name, value) {
  const what = value === '' ? 'empty' : String(value)
  return `${name} is ${what}; if it comes from an environment variable, is that set?`
}

module.exports = { described, hint, missing, nearestName }
