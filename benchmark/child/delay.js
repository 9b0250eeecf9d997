// A way to a server that takes time, as a network does: what comes in at one end goes out at the other so much later.
'use strict'

const { once } = require('node:events')
const net = require('node:net')
const { setTimeout: callLater } = require('node:timers')
const { setTimeout } = require('node:timers/promises')
const { answerParent } = require('./parent.js')

/** All that are open. @type {Set<net.Socket>} */
const sockets = new Set()
let isStalled = false

/** @param {net.Socket} from @param {net.Socket} to @param {number} ms */
function passLater(from, to, ms) {
  sockets.add(from)
  from.on('close', () => sockets.delete(from))
  from.on('data', (chunk) => callLater(() => to.writable && to.write(chunk), ms))
  from.on('close', () => callLater(() => to.destroy(), ms))
  from.on('error', () => {})
  if (isStalled) from.pause()
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

/** Nothing passes for so long. @param {{ ms: number }} how */
async function stall({ ms }) {
  isStalled = true
  for (const socket of sockets) socket.pause()
  await setTimeout(ms)
  isStalled = false
  for (const socket of sockets) socket.resume()
}

answerParent({ open, stall })
