// What is known of the session that a request has: whether a store gave it, and what was stored then.
'use strict'

/**
 * @typedef {import('../collection/port.js').Frozen} Frozen
 * @typedef {Record<string, any>} Session
 *
 * @typedef {object} Origin where the session of a request comes from
 * @property {string} sid
 * @property {() => Promise<Frozen> | Frozen} base what was stored when the request loaded it, or what it has written since
 * @property {Record<string, string>} [values] of the index that are limited, as it had them when it was loaded
 */

const { notes } = require('../notes.js')

/** Frameworks make a session of their own of what `get` gives, by calling `createSession` with that. */
class Origins {
  /** Of the session that `get` gave. @type {import('../notes.js').Notes<Origin>} */
  #given = notes()
  /** Of the session that a framework made of it. @type {import('../notes.js').Notes<Origin>} */
  #made = notes()

  /** @param {object} given @param {Origin} origin */
  note(given, origin) {
    this.#given.set(given, origin)
  }

  /** @param {object} given @param {object} made of it @param {string} sid */
  hand(given, made, sid) {
    const origin = this.#given.get(given)
    // Under another id it is a new session, such as a copy that an app makes.
    if (origin && origin.sid === sid) this.#made.set(made, { ...origin })
  }

  /** @param {object} session @param {string} sid @returns {Origin | undefined} of a session that was loaded under this id */
  of(session, sid) {
    const origin = this.#made.get(session)
    return origin?.sid === sid ? origin : undefined
  }
}

module.exports = { Origins }
