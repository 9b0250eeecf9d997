// A way to a server that takes time, as a network does: what comes in at one end goes out at the other so much later.
'use strict'

const { once } = require('node:events')
const net = require('node:net')
const { answerParent } = require('./parent.js')

/** @param {net.Socket} from @param {net.Socket} to @param {number} ms */
function passLater(from, to, ms) {
  from.on('data', (chunk) => setTimeout(() => to.writable && to.write(chunk), ms))
  from.on('close', () => setTimeout(() => to.destroy(), ms))
  from.on('error', () => {})
}

/** @param {{ port: number, roundTripMs: number }} way of a server of this machine @returns {Promise<number>} the port that is to be used instead */
async function open({ port, roundTripMs }) {
  const server = net.createServer({ noDelay: true }, (client) => {
    const target = net.connect({ port, host: '127.0.0.1', noDelay: true })
    passLater(client, target, roundTripMs / 2)
    passLater(target, client, roundTripMs / 2)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return /** @type {net.AddressInfo} */ (server.address()).port
}

answerParent({ open })
