// A way to a server that can be shut, as a network that drops every packet, and that cuts connections at random.
'use strict'

const { once } = require('node:events')
const net = require('node:net')

/** @typedef {'request' | 'reply'} Side what comes from a client, or from the server */

class Gate {
  /** @type {Side[]} */
  #shut = []
  /** @type {(side: Side) => boolean} */
  #isCut = () => false
  /** @type {Map<net.Socket, Side>} */
  #sockets = new Map()
  #server = net.createServer({ pauseOnConnect: true }, (client) => this.#connect(client))
  #port
  /** How many connections have been cut. */
  cuts = 0

  /** @param {number} port of the server behind it */
  constructor(port) {
    this.#port = port
  }

  async open() {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return /** @type {net.AddressInfo} */ (this.#server.address()).port
  }

  close() {
    this.#server.close()
    this.cutAll()
  }

  /**
   * Nothing of these sides passes from now on, and nobody is told. What was sent meanwhile arrives afterwards, as TCP sends
   * it again.
   *
   * @param {Side[]} sides
   */
  shut(sides) {
    this.#shut = sides
    for (const [socket, side] of this.#sockets) if (sides.includes(side)) socket.pause()
  }

  reopen() {
    this.#shut = []
    for (const socket of this.#sockets.keys()) socket.resume()
  }

  /** Cuts a connection instead of passing on what comes, where this says so. @param {(side: Side) => boolean} isCut */
  cutWhere(isCut) {
    this.#isCut = isCut
  }

  cutAll() {
    for (const socket of this.#sockets.keys()) socket.destroy()
  }

  /** @param {net.Socket} client */
  #connect(client) {
    const server = net.connect({ port: this.#port, host: '127.0.0.1' })
    this.#join(client, server, 'request')
    this.#join(server, client, 'reply')
  }

  /** @param {net.Socket} from @param {net.Socket} to @param {Side} side */
  #join(from, to, side) {
    this.#sockets.set(from, side)
    from.setNoDelay()
    from.on('error', () => {})
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
    from.on('data', (chunk) => {
      if (!this.#isCut(side)) return to.write(chunk)
      this.cuts++
      from.destroy()
    })
    if (this.#shut.includes(side)) from.pause()
    else from.resume()
  }
}

module.exports = { Gate }
