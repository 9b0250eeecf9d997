// The sessions of late commands: while one is under way, and what is remembered of them afterwards.
'use strict'

/** With more, all are forgotten: that is not the trouble of some users any more. */
const MOST_SUSPECTS = 1000
/** The suspects of a command leave in so many parts the next time, to find out which it was. */
const SUSPECT_PARTS = 32

/**
 * Calls about a session that a late command holds wait for its end, for one user not to have all the places. And when others were not
 * late meanwhile, its sessions leave in small parts, without others, until they have had an answer in time.
 *
 * @template {{ id: string }} Call
 */
class LateSessions {
  /** By session, how many late commands are about it, and the calls that wait. @type {Map<string, { commands: number, waiting: Set<Call> }>} */
  #held = new Map()
  /** How many may share the command of each. @type {Map<string, number>} */
  #suspects = new Map()

  /** @param {string[]} ids of a command that is late now */
  hold(ids) {
    for (const id of ids) {
      const held = this.#held.get(id) ?? { commands: 0, waiting: new Set() }
      held.commands++
      this.#held.set(id, held)
    }
  }

  /** @param {string} id */
  isHeld(id) {
    return this.#held.has(id)
  }

  /** Of a session that is held. @param {Call} call */
  keep(call) {
    this.#held.get(call.id)?.waiting.add(call)
  }

  /** @param {Call} call */
  forget(call) {
    this.#held.get(call.id)?.waiting.delete(call)
  }

  /** @param {(call: Call) => boolean} which @returns {Call[]} those of the calls that wait, which do no more */
  removeAll(which) {
    const calls = [...this.#held.values()].flatMap(({ waiting }) => [...waiting]).filter(which)
    for (const call of calls) this.forget(call)
    return calls
  }

  /** @param {string[]} ids of a command that was late @returns {Call[]} what has waited for it */
  release(ids) {
    return ids.flatMap((id) => {
      const held = this.#held.get(id)
      if (!held || --held.commands > 0) return []
      this.#held.delete(id)
      return [...held.waiting]
    })
  }

  /** @param {string[]} ids of a command that one of them may have held up */
  suspect(ids) {
    const most = Math.ceil(ids.length / SUSPECT_PARTS)
    for (const id of ids) {
      if (this.#suspects.size === MOST_SUSPECTS) this.#suspects.clear()
      this.#suspects.set(id, most)
    }
  }

  /** @param {string} id @returns {number | undefined} how many suspects may share its command; none: it is no suspect */
  mostSuspects(id) {
    return this.#suspects.get(id)
  }

  acquitAll() {
    this.#suspects.clear()
  }

  /** @param {string[]} ids of a command that was answered in time */
  acquit(ids) {
    if (this.#suspects.size === 0) return
    for (const id of ids) this.#suspects.delete(id)
  }
}

module.exports = { LateSessions }
