// A way to a server that takes its time, that can be shut, as a network that drops every packet, that cuts connections at random,
// and that forgets them, as some firewalls do.
'use strict'

const { once } = require('node:events')
const net = require('node:net')

/**
 * @typedef {'request' | 'reply'} Side what comes from a client, or from the server
 *
 * @typedef {object} Connection
 * @property {Record<Side, net.Socket>} from
 * @property {boolean} isUsed whether a command about the collection has come by it; on others a driver only watches the server
 */

class Gate {
  /** @type {Side[]} */
  #shut = []
  /** How long what comes is under way, at the least and at the most. */
  #delayMs = [0, 0]
  /** @type {(side: Side) => boolean} */
  #isCut = () => false
  /** @type {Set<Connection>} */
  #connections = new Set()
  /** @type {Set<Connection>} */
  #forgotten = new Set()
  #server = net.createServer({ pauseOnConnect: true }, (client) => this.#connect(client))
  #port
  #name
  /** How many connections have been cut. */
  cuts = 0

  /** @param {number} port of the server behind it @param {string} [collection] */
  constructor(port, collection = 'sessions') {
    this.#port = port
    // As BSON has it, so that no name is met that only ends like this one.
    this.#name = `\0${collection}\0`
  }

  /** @returns {Promise<number>} the port that it listens on */
  async open() {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return /** @type {net.AddressInfo} */ (this.#server.address()).port
  }

  close() {
    this.#server.close()
    this.cutAll()
    this.cutForgotten()
  }

  /**
   * Nothing of these sides passes from now on, and nobody is told. What was sent meanwhile arrives afterwards, as TCP sends
   * it again.
   *
   * @param {Side[]} sides
   */
  shut(sides) {
    this.#shut = sides
    for (const { from } of this.#connections) for (const side of sides) from[side].pause()
  }

  reopen() {
    this.#shut = []
    for (const { from } of this.#connections) for (const socket of Object.values(from)) socket.resume()
  }

  /**
   * Nothing passes any more on these connections, and nobody is told. New ones work.
   *
   * @param {(used: Connection[]) => Connection[]} [choose] of those that were not opened only to watch the server
   * @returns {number} how many there are
   */
  forget(choose = (used) => used) {
    const chosen = choose([...this.#connections].filter(({ isUsed }) => isUsed))
    for (const connection of chosen) {
      this.#connections.delete(connection)
      this.#forgotten.add(connection)
      for (const socket of Object.values(connection.from)) socket.pause()
    }
    return chosen.length
  }

  /** Tells both ends of the connections that it has forgotten. */
  cutForgotten() {
    for (const { from } of this.#forgotten) for (const socket of Object.values(from)) socket.destroy()
    this.#forgotten.clear()
  }

  /** Cuts a connection instead of passing on what comes, where this says so. @param {(side: Side) => boolean} isCut */
  cutWhere(isCut) {
    this.#isCut = isCut
  }

  /** Passes everything on later, as a network does, in the order in which it came. @param {number} leastMs @param {number} mostMs */
  delay(leastMs, mostMs) {
    this.#delayMs = [leastMs, mostMs]
  }

  cutAll() {
    for (const { from } of this.#connections) for (const socket of Object.values(from)) socket.destroy()
  }

  /** @param {net.Socket} client */
  #connect(client) {
    const server = net.connect({ port: this.#port, host: '127.0.0.1' })
    /** @type {Connection} */
    const connection = { from: { request: client, reply: server }, isUsed: false }
    this.#connections.add(connection)
    this.#pass(connection, 'request', server)
    this.#pass(connection, 'reply', client)
  }

  /** @param {() => void} passOne of what is under way, the first, whichever timer is the first */
  #later(passOne) {
    const [leastMs, mostMs] = this.#delayMs
    if (mostMs === 0) return passOne()
    setTimeout(passOne, leastMs + Math.random() * (mostMs - leastMs))
  }

  /** @param {Connection} connection @param {Side} side @param {net.Socket} to */
  #pass(connection, side, to) {
    const from = connection.from[side]
    /** @type {Buffer[]} */
    const underWay = []
    const passOne = () => to.write(/** @type {Buffer} */ (underWay.shift()))
    from.setNoDelay()
    from.on('error', () => {})
    from.on('close', () => {
      this.#connections.delete(connection)
      to.destroy()
    })
    from.on('data', (chunk) => {
      connection.isUsed ||= side === 'request' && chunk.includes(this.#name)
      if (!this.#isCut(side)) {
        underWay.push(chunk)
        return this.#later(passOne)
      }
      this.cuts++
      from.destroy()
    })
    if (this.#shut.includes(side)) from.pause()
    else from.resume()
  }
}

module.exports = { Gate }
