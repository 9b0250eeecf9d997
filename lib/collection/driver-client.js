// What all stores over one JavaScript client share.
'use strict'

const { IdleConnections } = require('./driver-idle.js')
const { RetryableWrites } = require('./driver-retry-writes.js')
const { Selection } = require('./driver-selection.js')
const { Traffic } = require('./driver-traffic.js')

/** @typedef {import('./client-source.js').Client} Client */

/** @type {WeakMap<Client, SharedClient>} */
const sharedClients = new WeakMap()

class SharedClient {
  idle
  traffic
  retryableWrites
  /** Whether a read that seems lost may be asked again. */
  retriesReads
  #client
  /** By the mode of the read preference. @type {Map<string, InstanceType<typeof Selection>>} */
  #selections = new Map()
  #stores = 0
  #onTopology = (/** @type {any} */ { newDescription }) => {
    this.retryableWrites.see(newDescription)
    this.traffic.wake()
  }

  /** @param {Client} client */
  constructor(client) {
    this.#client = client
    this.idle = new IdleConnections(client)
    this.traffic = new Traffic(client.options?.maxPoolSize)
    this.retryableWrites = new RetryableWrites(client)
    this.retriesReads = client.options?.retryReads !== false
  }

  /** @param {Client} client */
  static of(client) {
    const shared = sharedClients.get(client) ?? new SharedClient(client)
    sharedClients.set(client, shared)
    return shared
  }

  /** @param {any} [readPreference] none: for writes @returns {InstanceType<typeof Selection>} */
  selection(readPreference) {
    const mode = String(readPreference?.mode ?? 'primary')
    const selection = this.#selections.get(mode) ?? new Selection(this.#client, readPreference)
    this.#selections.set(mode, selection)
    return selection
  }

  /** One listener for all stores, since Node warns of many. @returns {() => void} for the end of a store */
  open() {
    let isOpen = true
    if (this.#stores++ === 0) this.#watch()
    return () => {
      if (isOpen && --this.#stores === 0) this.#stopWatching()
      isOpen = false
    }
  }

  #watch() {
    this.idle.watch()
    if (typeof this.#client.on === 'function') this.#client.on('topologyDescriptionChanged', this.#onTopology)
  }

  #stopWatching() {
    this.idle.stopWatching()
    this.#client.off?.('topologyDescriptionChanged', this.#onTopology)
  }
}

module.exports = { SharedClient }
