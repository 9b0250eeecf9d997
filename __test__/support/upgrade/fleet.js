// Processes that serve the same sessions, of which some are replaced while users go on.
'use strict'

const { EventEmitter, once } = require('node:events')
const path = require('node:path')
const { startFile } = require('../child.js')
const { nextEvent, until } = require('../wait.js')
const { slugOf } = require('./configurations.js')

/** @typedef {import('./server.js').Kind} Kind */

/** @typedef {{ failure: string, id: string, configuration: string, isOld: boolean }} Failure what express-session said of a store */

/** @typedef {{ problem: string, configuration?: string }} Problem */

class FleetProcess {
  #child
  #appName
  #admin
  #events = new EventEmitter().setMaxListeners(0)
  /** @type {Promise<[code: number | null, signal: string | null]>} */
  #ended
  /** Once it ends, all that it has sent has been done. @type {Promise<void>} */
  settled
  isKilled = false
  /** How many requests have no answer yet. */
  underWay = 0
  address = ''
  kind
  /** @type {Problem[]} */
  problems = []
  /** @type {Failure[]} */
  failures = []

  /** @param {Kind} kind @param {string} url @param {string} appName @param {import('mongodb').Db} admin */
  constructor(kind, url, appName, admin) {
    this.kind = kind
    this.#appName = appName
    this.#admin = admin
    const file = path.join(__dirname, 'server.js')
    this.#child = startFile(file, { kind, mongoUrl: `${url}?appName=${appName}` })
    this.#child.on('message', (/** @type {any} */ message) => this.#receive(message))
    for (const stream of ['stdout', 'stderr']) {
      const output = /** @type {import('node:stream').Readable} */ (Reflect.get(this.#child, stream))
      output.setEncoding('utf8').on('data', (text) => this.#note(`${stream}: ${text}`))
    }
    this.#ended = /** @type {any} */ (once(this.#child, 'close'))
    this.settled = this.#settle()
    this.settled.catch(() => {})
  }

  get isOld() {
    return this.kind === 'connect-mongo'
  }

  /** @param {string} problem */
  #note(problem) {
    this.problems.push({ problem: `${this.#appName} (${this.kind}): ${problem}` })
  }

  /** @param {any} message */
  #receive(message) {
    if (message.address) {
      this.address = message.address
      this.#events.emit('ready')
    }
    if (message.stopping) this.#events.emit('stopping')
    if (message.held) this.#events.emit(`held ${message.held}`)
    if (message.failure) this.failures.push({ ...message, isOld: this.isOld })
    if (message.problem) {
      const problem = `${this.#appName} (${this.kind}): ${message.problem}`
      this.problems.push({ problem, configuration: message.configuration })
    }
  }

  /** A server may still read, from a connection, what a process has sent that is no more. */
  async #settle() {
    const [code, signal] = await this.#ended
    if (this.isKilled ? signal !== 'SIGKILL' : code !== 0) this.#note(`ended with ${signal ?? code}`)
    await until(async () => {
      const connections = this.#admin.aggregate([
        { $currentOp: { allUsers: true, idleConnections: true } },
        { $match: { appName: this.#appName } },
      ])
      return (await connections.toArray()).length === 0
    })
  }

  /** @param {string} configuration @returns {string} */
  addressOf(configuration) {
    return `${this.address}/${slugOf(configuration)}`
  }

  async ready() {
    if (!this.address) await nextEvent(this.#events, 'ready')
  }

  /** @param {string} id of a request that has loaded its session and waits */
  held(id) {
    return nextEvent(this.#events, `held ${id}`)
  }

  /** @param {string} id */
  release(id) {
    if (!this.#child.connected) return
    // One that has just been killed may still seem to be there.
    this.#child.send({ release: id }, (error) => {
      if (error && !this.isKilled) this.#note(`could not be asked: ${error.message}`)
    })
  }

  /** It takes no more connections from here on, and ends when it has answered. */
  async stop() {
    this.#child.send({ stop: true })
    await nextEvent(this.#events, 'stopping')
  }

  kill() {
    this.isKilled = true
    this.#child.kill('SIGKILL')
  }
}

class Fleet {
  #url
  #admin
  /** All that there have been. @type {FleetProcess[]} */
  processes = []
  /** Those that get requests. @type {FleetProcess[]} */
  serving = []

  /** @param {string} url of the server @param {import('mongodb').MongoClient} client */
  constructor(url, client) {
    this.#url = url
    this.#admin = client.db('admin')
  }

  /** @param {Kind} kind */
  async start(kind) {
    const appName = `process-${this.processes.length + 1}`
    const started = new FleetProcess(kind, this.#url, appName, this.#admin)
    this.processes.push(started)
    await started.ready()
    this.serving.push(started)
    return started
  }

  /** @param {() => number} random */
  pick(random) {
    return this.serving[Math.floor(random() * this.serving.length)]
  }

  /** No more requests go there. @param {FleetProcess} leaving */
  takeOut(leaving) {
    this.serving = this.serving.filter((one) => one !== leaving)
  }

  killAll() {
    for (const one of this.processes) one.kill()
  }

  get problems() {
    return this.processes.flatMap(({ problems }) => problems)
  }

  get failures() {
    return this.processes.flatMap(({ failures }) => failures)
  }
}

module.exports = { Fleet, FleetProcess }
