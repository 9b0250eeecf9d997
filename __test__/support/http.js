// An HTTP server around an app, and a client that keeps cookies as a browser would.
'use strict'

const { once } = require('node:events')

/**
 * Serves an Express or Connect app until the test is over.
 *
 * @param {import('node:test').TestContext} t
 * @param {{ listen(port: number, host: string): import('node:http').Server }} app
 * @returns {Promise<string>} its address
 */
async function serve(t, app) {
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return `http://127.0.0.1:${port}`
}

/** A browser as far as these tests need one: it keeps cookies by name and sends them back. */
class Browser {
  /** By name. @type {Map<string, string>} */
  #cookies
  #base

  /** @param {string} base @param {Browser} [other] whose cookies this one begins with */
  constructor(base, other) {
    this.#base = base
    this.#cookies = new Map(other ? other.#cookies : [])
  }

  /** @param {string} path @param {RequestInit} [init] */
  async fetch(path, init = {}) {
    const headers = new Headers(init.headers)
    if (this.#cookies.size > 0) headers.set('cookie', this.cookie)
    const response = await fetch(this.#base + path, { ...init, headers })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    return response
  }

  /** @param {string} path */
  async json(path) {
    const response = await this.fetch(path)
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`)
    return JSON.parse(text)
  }

  /** What it sends. */
  get cookie() {
    return [...this.#cookies].map((pair) => pair.join('=')).join('; ')
  }

  /** The session id inside express-session's signed cookie. */
  get sid() {
    const signed = decodeURIComponent(this.#cookies.get('connect.sid') ?? '')
    return /^s:(.*)\.[^.]*$/.exec(signed)?.[1]
  }

  /** @param {string} line one Set-Cookie header */
  #keep(line) {
    const [, name, value] = /** @type {RegExpExecArray} */ (/^([^=]+)=([^;]*)/.exec(line))
    this.#cookies.set(name, value)
  }
}

module.exports = { Browser, serve }
