// A way to a server that can be shut, as a network that drops every packet, and that cuts connections at random.
'use strict'

const { once } = require('node:events')
const net = require('node:net')

class Gate {
  #isShut = false
  /** @type {(side: 'request' | 'reply') => boolean} */
  #isCut = () => false
  /** @type {Set<net.Socket>} */
  #sockets = new Set()
  #server = net.createServer({ pauseOnConnect: true }, (client) => this.#connect(client))
  #port = 0
  /** How many connections have been cut. */
  cuts = 0

  /** @param {number} [port] of the server behind it, when that is known already */
  constructor(port = 0) {
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

  /** Nothing passes from now on, and nobody is told. What was sent meanwhile arrives afterwards, as TCP sends it again. */
  shut() {
    this.#isShut = true
    for (const socket of this.#sockets) socket.pause()
  }

  reopen() {
    this.#isShut = false
    for (const socket of this.#sockets) socket.resume()
  }

  /** Cuts a connection instead of passing on what comes, where this says so. @param {(side: 'request' | 'reply') => boolean} isCut */
  cutWhere(isCut) {
    this.#isCut = isCut
  }

  cutAll() {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** @param {net.Socket} client */
  #connect(client) {
    const server = net.connect({ port: this.#port, host: '127.0.0.1' })
    this.#join(client, server, 'request')
    this.#join(server, client, 'reply')
  }

  /** @param {net.Socket} from @param {net.Socket} to @param {'request' | 'reply'} side */
  #join(from, to, side) {
    this.#sockets.add(from)
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
    if (this.#isShut) from.pause()
    else from.resume()
  }
}

module.exports = { Gate }
