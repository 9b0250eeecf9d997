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

const MOST_STARTS = 5

/**
 * Starts a server on a port that was free a moment ago, and on another one where some process has taken it since.
 *
 * @template T
 * @param {() => Promise<T>} start chooses a port each time
 * @returns {Promise<T>}
 */
async function startOnFreePort(start) {
  for (let starts = 1; ; starts++) {
    try {
      return await start()
    } catch (error) {
      if (starts === MOST_STARTS || !/already in use/.test(String(error))) throw error
    }
  }
}

module.exports = { freePort, startOnFreePort }
