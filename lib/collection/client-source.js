// Where a JavaScript MongoClient comes from, and whose it is: given by the app (a client, a promise of one, or a mongoose
// connection), or made here with the app's own `mongodb` package. Told apart by their methods, whatever their version.
'use strict'

const { once } = require('node:events')
const { AbortSignal } = require('../abort.js')
const { forNodeDriver } = require('../mongo/connection.js')
const { delay } = require('./delay.js')
const { isAbsent, requireWithDriver } = require('../packages.js')

/**
 * @typedef {Record<string, any>} Client a MongoClient of any version, or a stand-in
 *
 * @typedef {object} ClientSource
 * @property {boolean} isOwn whether the client is made here
 * @property {() => Promise<{ client: Client, databaseName?: string }>} open `databaseName`: the connection's own
 * @property {() => boolean} isCurrent whether the client that was opened last still is the connection's
 * @property {(onConnected: () => void) => () => void} watch tells when the connection may have another; what it returns ends that
 * @property {() => boolean} isReached whether there is a client, and it has found a server
 * @property {() => Promise<void>} close closes the client where that is the store's to do
 */

/** @param {Client | undefined} client */
function hasServer(client) {
  const topology = client?.topology
  return client !== undefined && topology?.isConnected?.() !== false
}

/** For good: to connect again, mongoose makes another. @param {Client | undefined} client */
function isClosed(client) {
  return !client || Boolean(client.s?.hasBeenClosed)
}

/** A `Connection`, or the `Mongoose` that has one. @param {any} given */
function mongooseConnection(given) {
  if (typeof given?.getClient === 'function') return given
  return typeof given?.connection?.getClient === 'function' ? given.connection : undefined
}

/** As long as mongoose itself holds operations back by default. */
const MONGOOSE_WAIT_MS = 10_000

/** @param {any} connection */
async function clientOfMongoose(connection) {
  await connection.asPromise?.()
  // Not told to connect yet, or again: apps make their store before they call mongoose.connect().
  if (isClosed(connection.getClient())) await connectedEvent(connection)
  return { client: connection.getClient(), databaseName: connection.name }
}

/** @param {any} connection */
async function connectedEvent(connection) {
  try {
    await once(connection, 'connected', { signal: AbortSignal.timeout(MONGOOSE_WAIT_MS) })
  } catch (cause) {
    const seconds = MONGOOSE_WAIT_MS / 1000
    throw new Error(`The mongoose connection has not been opened for ${seconds} s`, { cause })
  }
}

/** @param {any} value @returns {Promise<{ client: Client, databaseName?: string }>} */
async function clientOf(value) {
  const connection = mongooseConnection(value)
  if (connection) return clientOfMongoose(connection)
  if (typeof value?.db === 'function') return { client: value }
  throw new TypeError('client must be a MongoClient, a promise of one, or a mongoose connection')
}

/**
 * A client that nobody has connected yet connects by itself with its first operation, but fails the others that come
 * meanwhile: all have to wait for one attempt.
 *
 * @param {Client} client
 */
function needsConnecting(client) {
  // A stand-in has nothing to connect, and a client that the app has closed stays closed: its operations say so.
  if (typeof client.connect !== 'function' || !client.s || client.s.hasBeenClosed) return false
  // A failed attempt leaves a topology behind that is of no use any more.
  return !client.topology || client.topology.isDestroyed?.() || Boolean(client.connectionLock)
}

/** @param {Client} client */
async function connected(client) {
  if (needsConnecting(client)) await client.connect()
}

/** One that is still looking up the names of its servers would connect all the same. @param {any} client */
async function closeForGood(client) {
  const connecting = client?.connectionLock
  await client?.close?.()
  await connecting?.then(() => client.close()).catch(() => {})
}

/**
 * What the app gave. A client is closed with the store unless `closeClient` is false, as connect-mongo does; a mongoose
 * connection, which connect-mongo cannot be given, only when it is true.
 *
 * @param {any} given
 * @param {boolean | undefined} closeClient
 * @returns {ClientSource}
 */
function givenClient(given, closeClient) {
  /** @type {Client | undefined} */
  let opened
  /** @type {any} of mongoose */
  let connection
  return {
    isOwn: false,
    async open() {
      const value = await given
      connection = mongooseConnection(value)
      const found = await clientOf(value)
      opened = found.client
      return found
    },
    isCurrent: () => !connection || (connection.getClient() === opened && !isClosed(opened)),
    watch(onConnected) {
      connection?.on?.('connected', onConnected)
      return () => connection?.off?.('connected', onConnected)
    },
    isReached: () => hasServer(opened),
    async close() {
      // What stays open needs no waiting for.
      if (closeClient === false || (!closeClient && mongooseConnection(given))) return
      // A client that never came needs no closing: its failure went to the calls.
      const value = await Promise.resolve(given).catch(() => undefined)
      const ofMongoose = mongooseConnection(value)
      if (!ofMongoose || closeClient) await closeForGood(ofMongoose ?? value)
    },
  }
}

/** @returns {typeof import('mongodb') | undefined} the app's own driver */
function appDriver() {
  try {
    return require('mongodb')
  } catch (error) {
    // A broken one is the app's to hear of.
    if (!isAbsent('mongodb')) throw error
  }
  return requireWithDriver()?.('mongodb')
}

const RETRY_DELAY_MS = 1_000

/**
 * A driver gives up a server that has left its replica set, and asks it no more, as its specification says. When it has no other it is
 * connected anew, for the store to find that server again, whatever it is then.
 *
 * @param {Client} client
 * @returns {() => void} ends that
 */
function reconnectWhenEmpty(client) {
  if (typeof client.on !== 'function') return () => {}
  let isOver = false
  let isConnecting = false
  const onTopology = async (/** @type {any} */ { newDescription: { type, servers } }) => {
    if (type !== 'ReplicaSetNoPrimary' || servers.size > 0) return
    // The driver is in the middle of it.
    await undefined
    await client.topology?.close?.()
    if (isConnecting) return
    isConnecting = true
    for (; !isOver && needsConnecting(client); await delay(RETRY_DELAY_MS)) {
      await client.connect().catch(() => {})
    }
    isConnecting = false
  }
  client.on('topologyDescriptionChanged', onTopology)
  return () => {
    isOver = true
    client.off('topologyDescriptionChanged', onTopology)
  }
}

/**
 * A client of the app's own driver, which connects when it is first used.
 *
 * @param {string} purpose what it is needed for, for the error
 * @param {string} mongoUrl
 * @param {object} mongoOptions
 * @returns {ClientSource}
 * @throws {Error} without a `mongodb` package, or when that refuses the options
 */
function ownClient(purpose, mongoUrl, mongoOptions) {
  const driver = appDriver()
  if (!driver) throw new Error(`${purpose} needs the mongodb package: npm install mongodb`)
  const client = new driver.MongoClient(...forNodeDriver(mongoUrl, mongoOptions))
  const stopReconnecting = reconnectWhenEmpty(client)
  return {
    isOwn: true,
    open: async () => ({ client }),
    isCurrent: () => true,
    watch: () => () => {},
    isReached: () => hasServer(client),
    close() {
      stopReconnecting()
      return closeForGood(client)
    },
  }
}

/**
 * Whether nobody named this database: the driver calls it `test` then.
 *
 * @param {Client} client
 * @param {Record<string, any>} db
 */
function isDefaultDatabase(client, db) {
  const url = String(client.s?.url ?? '')
  return db.databaseName === 'test' && url !== '' && !/^[^/]*\/\/[^/]*\/test(\?|$)/.test(url)
}

const WRITABLE = ['Standalone', 'Mongos', 'RSPrimary', 'LoadBalancer']

/** @param {any} server its description */
function isWritable(server) {
  return WRITABLE.includes(server?.type)
}

/** @param {any} description of a topology */
function takesWrites(description) {
  return [...description.servers.values()].some(isWritable)
}

/** @param {any} server its description */
function stateOf({ address, type, error }) {
  return `${address} is ${type}${error ? ` (${error.message})` : ''}`
}

/** @param {any[]} servers their descriptions @returns {Error} */
function noWritableError(servers) {
  const cause = servers.find(({ error }) => error)?.error
  const message = `No server takes writes: ${servers.map(stateOf).join(', ') || 'there is none'}`
  return cause ? new Error(message, { cause }) : new Error(message)
}

/**
 * Node's code for what befell a connection, where the driver has it deeper down only.
 *
 * @template {{ cause?: any }} E
 * @param {E} error of the driver's
 * @returns {E} the same, with the code on its cause
 */
function withCodeOfCause(error) {
  const { cause } = error
  let deeper = cause
  while (deeper && deeper.code === undefined) deeper = deeper.cause
  if (typeof deeper?.code === 'string' && Object.isExtensible(cause)) cause.code ??= deeper.code
  return error
}

/** @param {Client | undefined} client @returns {Error} what those wait for who have called it */
function waitingFor(client) {
  if (!client) return new Error('The client has not been given yet')
  const servers = [...(client.topology?.description?.servers?.values?.() ?? [])]
  if (servers.length === 0 || servers.some(isWritable)) return new Error('The server has not answered yet')
  const unreachable = servers.find(({ error }) => error)?.error
  if (!unreachable) return noWritableError(servers)
  const { code } = withCodeOfCause({ cause: unreachable }).cause
  const error = new Error(unreachable.message, { cause: unreachable })
  return code === undefined ? error : Object.assign(error, { code })
}

/**
 * Why no server takes writes any more: what befell the one that did, or, where it goes on as another, what all of them are. Another
 * one may have failed long before.
 *
 * @param {any} before the description of the topology
 * @param {any} now
 * @returns {Error}
 */
function lossOf(before, now) {
  const servers = [...now.servers.values()]
  const lost = servers.find(({ address, error }) => error && isWritable(before?.servers.get(address)))
  return lost?.error ?? noWritableError(servers)
}

/**
 * Reports when no server takes writes any more, and when one does again.
 *
 * @param {Client} client
 * @param {import('./port.js').OnNews} onNews
 * @param {boolean} [wasUp] what was reported last, of a client before this one
 * @returns {() => void} ends that
 */
function watchServers(client, onNews, wasUp) {
  if (typeof client.on !== 'function') return () => {}
  /** @type {boolean | undefined} unknown before the first answer */
  let isUp = wasUp
  const rise = () => {
    if (isUp === false) onNews({ event: 'connect' })
    isUp = true
  }
  /** @param {Error} error */
  const fall = (error) => {
    isUp = false
    onNews({ event: 'disconnect', error })
  }
  const onTopology = (/** @type {any} */ { previousDescription, newDescription }) => {
    if (takesWrites(newDescription)) rise()
    else if (isUp) fall(lossOf(previousDescription, newDescription))
  }
  const onHeartbeatFailed = (/** @type {any} */ { failure }) => {
    if (isUp === undefined) fall(failure)
  }
  if (client.topology?.description && takesWrites(client.topology.description)) rise()
  client.on('topologyDescriptionChanged', onTopology)
  client.on('serverHeartbeatFailed', onHeartbeatFailed)
  return () => {
    client.off('topologyDescriptionChanged', onTopology)
    client.off('serverHeartbeatFailed', onHeartbeatFailed)
  }
}

module.exports = {
  appDriver,
  connected,
  givenClient,
  isDefaultDatabase,
  isWritable,
  needsConnecting,
  ownClient,
  waitingFor,
  watchServers,
  withCodeOfCause,
}
