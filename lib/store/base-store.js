// What MongoStore extends: express-session's Store where that is installed, otherwise an EventEmitter with the same
// methods (https://github.com/expressjs/session/blob/v1.19.0/session/store.js), for frameworks that bring their own, and for an
// express-session that cannot be found from here, such as one in a bundle.
'use strict'

const { EventEmitter } = require('node:events')
const { isAbsent, requireWith } = require('../packages.js')
const { createPlainSession } = require('./plain-session.js')

/**
 * @typedef {Record<string, any>} Request
 * @typedef {Record<string, any>} Session
 */

class PlainStore extends EventEmitter {
  /**
   * Destroys the request's session and has the framework make another: `generate` is the framework's.
   *
   * @param {Request} req
   * @param {(error: Error | null) => void} callback
   */
  regenerate(req, callback) {
    storeOf(this).destroy(req.sessionID, (/** @type {Error | null} */ error) => {
      storeOf(this).generate(req)
      callback(error)
    })
  }

  /**
   * @param {string} sid
   * @param {(error?: Error | null, session?: any) => void} callback the session is of the framework
   */
  load(sid, callback) {
    storeOf(this).get(sid, (/** @type {Error | null} */ error, /** @type {Session | null} */ stored) => {
      if (error) callback(error)
      else if (!stored) callback()
      else callback(null, this.createSession({ sessionID: sid, sessionStore: this }, stored))
    })
  }

  /**
   * @param {Request} req
   * @param {Session} stored
   * @returns {Session}
   */
  createSession(req, stored) {
    return createPlainSession(req, stored)
  }
}

/**
 * With the methods that the subclass and the framework bring.
 *
 * @param {PlainStore} base
 * @returns {Record<string, any>}
 */
function storeOf(base) {
  return base
}

/** @returns {typeof PlainStore} */
function baseStore() {
  try {
    // The same class, without the middleware: that would be two thirds of the time that this package takes to load.
    // @ts-expect-error: its typings are of the whole only
    return require('express-session/session/store')
  } catch {
    return storeOfPackage()
  }
}

/** @returns {typeof PlainStore} */
function storeOfPackage() {
  try {
    return /** @type {any} */ (require('express-session').Store)
  } catch (error) {
    // A broken express-session is the app's to hear of; a missing one is not.
    if (!isAbsent('express-session')) throw error
  }
  return requireWith('express-session')?.('express-session').Store ?? PlainStore
}

module.exports = baseStore()
