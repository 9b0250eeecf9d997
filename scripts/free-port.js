// A port for a server that is to be started: of a test, of a fault, of the benchmark.
'use strict'

const { once } = require('node:events')
const net = require('node:net')

/** @returns {Promise<number>} a port of this machine that nothing listens on */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {net.AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}

module.exports = { freePort }
