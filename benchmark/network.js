// A way to the servers that takes time, or stands still for a while.
'use strict'

const { withChild } = require('./children.js')

/** @typedef {import('./stores.js').Place} Place */

/** @param {string} url @param {number} port */
function throughPort(url, port) {
  return url.replace(/:\d+(?=\/|$)/, `:${port}`)
}

/** @param {any} proxy @param {string} url of a server of this machine @param {number} roundTripMs */
async function urlThrough(proxy, url, roundTripMs) {
  const port = await proxy.ask('open', { port: Number(new URL(url).port), roundTripMs })
  return throughPort(url, port)
}

/**
 * @template T
 * @param {Place} place
 * @param {number} roundTripMs
 * @param {(place: Place, proxy: any) => Promise<T>} work with the same place behind a network of such a delay; `proxy` can be asked to `stall`
 */
async function throughNetwork({ mongoUrl, redisUrl, dbName }, roundTripMs, work) {
  return withChild('delay', async (proxy) => {
    const through = {
      mongoUrl: await urlThrough(proxy, mongoUrl, roundTripMs),
      redisUrl: redisUrl && (await urlThrough(proxy, redisUrl, roundTripMs)),
    }
    return work({ ...through, dbName }, proxy)
  })
}

module.exports = { throughNetwork }
