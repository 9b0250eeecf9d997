// The commands that go over a JavaScript client, for those who look on, and their number.
'use strict'

const { Histogram } = require('../histogram.js')

/**
 * @typedef {import('./client-source.js').Client} Client
 * @typedef {import('./port.js').Call} Call
 * @typedef {InstanceType<typeof import('../tracing.js').Tracer>} Tracer
 */

const PORT = /:(\d+)$/
/** Those that writes go to. */
const WRITABLE = ['Standalone', 'RSPrimary', 'Mongos', 'LoadBalanced']

/**
 * The driver does not tell to which server it has sent a command: only where there is one alone that can be said.
 *
 * @param {Client} client
 * @param {boolean} isOfPrimary
 * @returns {{ address?: string, port?: number }}
 */
function serverOf(client, isOfPrimary) {
  const description = client.topology?.description
  const servers = [...(description?.servers?.values() ?? [])]
  const possible = isOfPrimary ? servers.filter(({ type }) => WRITABLE.includes(type)) : servers
  if (possible.length !== 1) return {}
  const { address } = possible[0]
  const [, port] = PORT.exec(address) ?? []
  return { address: address.replace(PORT, ''), port: port === undefined ? undefined : Number(port) }
}

const STATEMENT_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

/**
 * What the driver counts; a client that is none of its own does not tell.
 *
 * @param {Client} client
 * @returns {{ open: number, inUse: number, waiting: number } | undefined}
 */
function poolOf(client) {
  const servers = client.topology?.s?.servers
  if (!servers) return undefined
  const counts = { open: 0, inUse: 0, waiting: 0 }
  for (const { pool } of servers.values()) {
    counts.open += pool.totalConnectionCount
    counts.inUse += pool.currentCheckedOutCount
    counts.waiting += pool.waitQueueSize
  }
  return counts
}

/** The commands of one collection. */
class DriverCommands {
  /** By name. @type {Map<string, InstanceType<typeof Histogram>>} */
  #statements = new Map()
  #tracer
  #client
  #isPrimaryAlone

  /** @param {Tracer} tracer @param {Client} client @param {Record<string, any>} collection */
  constructor(tracer, client, collection) {
    this.#tracer = tracer
    this.#client = client
    this.#isPrimaryAlone = (collection.readPreference?.mode ?? 'primary') === 'primary'
  }

  /** @returns {Omit<import('./port.js').CollectionStatistics, 'queue'>} */
  get statistics() {
    const counted = [...this.#statements].map(([name, { counted: statements }]) => [name, { statements }])
    return { commands: Object.fromEntries(counted), pool: poolOf(this.#client) }
  }

  /** @param {string} name @param {number} statements */
  #count(name, statements) {
    const histogram = this.#statements.get(name) ?? new Histogram(STATEMENT_BOUNDS)
    this.#statements.set(name, histogram)
    histogram.add(statements)
  }

  /** @param {Call} call @returns {Call} which knows whose it is, if anybody looks on */
  noted(call) {
    const { operation } = this.#tracer
    return operation && !call.operation ? { ...call, operation } : call
  }

  /**
   * @template T
   * @param {'find' | 'update' | 'delete' | 'aggregate'} name
   * @param {Pick<Call, 'operation'>[]} calls that share it
   * @param {() => Promise<T>} send
   * @returns {Promise<T>}
   */
  send(name, calls, send) {
    this.#count(name, calls.length)
    if (!this.#tracer.isHeard) return send()
    const operations = calls.flatMap(({ operation }) => operation ?? [])
    const isOfPrimary = name === 'update' || name === 'delete' || this.#isPrimaryAlone
    const server = () => serverOf(this.#client, isOfPrimary)
    return this.#tracer.command({ name, statements: calls.length, operations }, send, server)
  }

  /**
   * The same for what the operation that runs asks for alone.
   *
   * @template T
   * @param {'find' | 'update' | 'delete' | 'aggregate'} name
   * @param {() => Promise<T>} send
   * @returns {Promise<T>}
   */
  sendAlone(name, send) {
    return this.send(name, [{ operation: this.#tracer.operation }], send)
  }
}

module.exports = { DriverCommands }
