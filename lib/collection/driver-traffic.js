// What the commands over one JavaScript client share, whatever they ask for and of whichever store: places, of which there are not
// more than connections, and how much each connection is trusted with.
'use strict'

/** A connection that has answered so lately has not been forgotten by what lies between. */
const FRESH_MS = 20
const MOST_TRUST = 1000
const GROWTH = 32

const MOST_COMMANDS = 32
/** Not for any one kind: calls of another find a place. */
const RESERVED_COMMANDS = 4
/** That of the driver. */
const DEFAULT_POOL_SIZE = 100

/**
 * How many calls may be lost with each connection: one, until it has just answered, then several times as many each time. The driver takes the
 * connection that came back last, so what came back last is known of the next command's.
 */
class Trust {
  /** The last came back last. @type {{ trust: number, sinceMs: number }[]} */
  #returned = []

  /** @returns {number} how many calls the command that leaves now may hold */
  take() {
    const slot = this.#returned.pop()
    return slot && performance.now() - slot.sinceMs <= FRESH_MS ? slot.trust : 1
  }

  /**
   * Of a command that was answered.
   *
   * @param {number} trust what it had
   * @param {number} size how many calls it held
   */
  giveBack(trust, size) {
    const earned = size < trust ? trust : Math.min(trust * GROWTH, MOST_TRUST)
    this.#returned.push({ trust: earned, sinceMs: performance.now() })
  }
}

/** @param {unknown} maxPoolSize */
function mostCommands(maxPoolSize) {
  const connections = typeof maxPoolSize === 'number' ? maxPoolSize : DEFAULT_POOL_SIZE
  if (connections === 0) return MOST_COMMANDS
  return Math.min(Math.max(connections - 1, 1), MOST_COMMANDS)
}

class Traffic {
  #trust = new Trust()
  #most
  #mostOfKind
  #underWay = 0
  /** Who waits for a place, the one that has waited longest first. @type {(() => void)[]} */
  #waiting = []

  /** @param {unknown} [maxPoolSize] of the client */
  constructor(maxPoolSize) {
    this.#most = mostCommands(maxPoolSize)
    this.#mostOfKind = Math.max(this.#most - RESERVED_COMMANDS, Math.ceil(this.#most / 2))
  }

  /** @param {number} ofKind how many commands of the same kind are under way */
  hasRoom(ofKind) {
    return this.#underWay < this.#most && ofKind < this.#mostOfKind
  }

  /** @returns {number} how many calls the command that leaves now may hold */
  begin() {
    this.#underWay++
    return this.#trust.take()
  }

  /**
   * @param {number} trust what `begin` gave
   * @param {number} size how many calls the command held
   * @param {boolean} isAnswered
   */
  end(trust, size, isAnswered) {
    this.#underWay--
    if (isAnswered) this.#trust.giveBack(trust, size)
    this.wake()
  }

  /** @param {() => void} wake called whenever there may be a place, or what is waited for may have changed */
  wait(wake) {
    if (!this.#waiting.includes(wake)) this.#waiting.push(wake)
  }

  /** @param {() => void} wake */
  stopWaiting(wake) {
    const at = this.#waiting.indexOf(wake)
    if (at >= 0) this.#waiting.splice(at, 1)
  }

  wake() {
    for (const wake of this.#waiting.slice()) wake()
  }
}

module.exports = { Traffic }
