// Paths such as 'passport.user', by which an option names a value in sessions.
'use strict'

const { isObject } = require('./objects.js')

const PATH = /^[^.\0]+(?:\.[^.\0]+)*$/

/** @param {unknown} path @returns {path is string} */
function isPath(path) {
  return typeof path === 'string' && PATH.test(path)
}

/** @param {any} value @param {string} name */
function own(value, name) {
  return isObject(value) && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

/** @param {string} path @returns {(session: unknown) => unknown} the value there, of properties of their own */
function byPath(path) {
  const names = path.split('.')
  return (session) => names.reduce(own, session)
}

module.exports = { byPath, isPath }
