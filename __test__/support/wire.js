// A way to a server that shows the commands which pass, and keeps replies back or loses them: what a fast server and a
// quick network hide.
'use strict'

const { randomBytes } = require('node:crypto')
const { EventEmitter, once } = require('node:events')
const net = require('node:net')
const { BSON } = require('mongodb')
const { openDatabase } = require('./database.js')
const { withDatabase } = require('./server.js')
const { nextEvent } = require('./wait.js')

// https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/: four int32, the first the length of all, then the
// second the id of a request and the third the one that a reply answers; then what the message is.
const HEADER_BYTES = 16
const OP_MSG = 2013
/** The header, the flags, and the kind of the first section, which is the command itself. */
const BODY_AT = HEADER_BYTES + 5

/** @param {Buffer} message @param {number} at */
const documentAt = (message, at) => BSON.deserialize(message.subarray(at, at + message.readInt32LE(at)))

/** Statements in a section of their own, as the JavaScript driver sends several. @param {Buffer} message @param {number} at */
function sequenceAt(message, at) {
  const end = at + message.readInt32LE(at)
  const nameEnd = message.indexOf(0, at + 4)
  const documents = []
  for (let next = nameEnd + 1; next < end; next += message.readInt32LE(next)) {
    documents.push(documentAt(message, next))
  }
  return { [message.toString('latin1', at + 4, nameEnd)]: documents }
}

/** @param {Buffer} message */
function bodyOf(message) {
  const end = BODY_AT + message.readInt32LE(BODY_AT)
  const body = documentAt(message, BODY_AT)
  return end < message.length && message[end] === 1 ? { ...body, ...sequenceAt(message, end + 1) } : body
}

/** The name of a command is its first field. @param {Buffer} message */
function nameOf(message) {
  if (message.readInt32LE(12) !== OP_MSG || message[BODY_AT - 1] !== 0) return ''
  const nameAt = BODY_AT + 5
  return message.toString('latin1', nameAt, message.indexOf(0, nameAt))
}

/** @param {net.Socket} socket @param {(message: Buffer) => void} onMessage */
function onMessages(socket, onMessage) {
  /** @type {Buffer[]} */
  let chunks = []
  let length = 0
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    length += chunk.length
    if (length < 4 || (chunks[0].length >= 4 && length < chunks[0].readInt32LE(0))) return
    let rest = Buffer.concat(chunks)
    while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
      onMessage(rest.subarray(0, rest.readInt32LE(0)))
      rest = rest.subarray(rest.readInt32LE(0))
    }
    chunks = rest.length ? [rest] : []
    length = rest.length
  })
}

/**
 * @param {net.TcpNetConnectOpts} address
 * @param {net.Socket} client on whose behalf
 * @param {Set<net.Socket>} open both are in it as long as they are
 * @returns {{ server: net.Socket, cut: () => void }} the end of one is the end of the other
 */
function connectTo(address, client, open) {
  const server = net.connect(address)
  const sockets = [client, server]
  const cut = () => {
    for (const socket of sockets) {
      socket.destroy()
      open.delete(socket)
    }
  }
  for (const socket of sockets) {
    open.add(socket)
    socket.setNoDelay().on('error', cut).on('close', cut)
  }
  return { server, cut }
}

class Command {
  name
  #message
  /** Whether the server has answered, be that passed on or not. */
  isAnswered = false

  /** @param {string} name @param {Buffer} message */
  constructor(name, message) {
    this.name = name
    this.#message = message
  }

  get body() {
    return bodyOf(this.#message)
  }

  /** The session of each statement, or those that a `find` is about. @returns {string[]} */
  get sids() {
    const { filter, updates, deletes } = this.body
    if (filter) return filter._id.$in ?? [filter._id]
    return (updates ?? deletes).map((/** @type {any} */ { q }) => q._id)
  }
}

class Wire {
  /** Every command but those of the drivers' own. @type {Command[]} */
  commands = []
  /** @type {Map<string, (() => void)[]>} */
  #held = new Map()
  /** @type {(command: Command) => 'request' | 'reply' | undefined} */
  #lost = () => undefined
  /** @type {Set<net.Socket>} */
  #sockets = new Set()
  #refused = 0
  /** @type {(message: Buffer, isReply: boolean) => void} */
  #alter = () => {}
  /** The name of the command whose next reply passes twice. @type {string | undefined} */
  #doubled
  #replies = new EventEmitter()
  #server = net.createServer((client) => this.#accept(client))
  #address

  /** @param {net.TcpNetConnectOpts} address */
  constructor(address) {
    this.#address = address
  }

  async open() {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const { port } = /** @type {net.AddressInfo} */ (this.#server.address())
    return port
  }

  /** Holds and loses nothing any more. */
  letGo() {
    this.lose(() => undefined)
    for (const name of this.#held.keys()) this.#release(name)
  }

  close() {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** @param {string} name */
  sent(name) {
    return this.commands.filter((command) => command.name === name)
  }

  /** @param {string} name @param {number} count until so many of these are there that the server has answered */
  async answered(name, count) {
    while (this.sent(name).filter(({ isAnswered }) => isAnswered).length < count) {
      await nextEvent(this.#replies, 'reply')
    }
  }

  /**
   * Keeps the replies to these commands back from now on, and notes the commands.
   *
   * @param {string} name
   * @returns {() => void} lets them, and those that follow, pass
   */
  hold(name) {
    this.#held.set(name, [])
    return () => this.#release(name)
  }

  /** Lets the first of the replies that are held pass. @param {string} name */
  passOne(name) {
    this.#held.get(name)?.shift()?.()
  }

  /** @param {string} name */
  #release(name) {
    const held = this.#held.get(name) ?? []
    this.#held.delete(name)
    for (const pass of held) pass()
  }

  /**
   * Cuts the connection under commands from now on: before they reach the server, or when it has answered.
   *
   * @param {(command: Command) => 'request' | 'reply' | undefined} which
   */
  lose(which) {
    this.#lost = which
  }

  /** The same for the next few commands of a name. @param {string} name @param {'request' | 'reply'} part @param {number} times */
  loseNext(name, part, times = 1) {
    /** @type {Set<Command>} */
    const lost = new Set()
    this.lose((command) => {
      if (command.name === name && lost.size < times) lost.add(command)
      return lost.has(command) ? part : undefined
    })
  }

  /** Alters what passes from now on, without a change of its length. @param {(message: Buffer, isReply: boolean) => void} alter */
  alter(alter) {
    this.#alter = alter
  }

  /** Cuts the next connections before anything has passed. @param {number} count */
  refuseNext(count) {
    this.#refused = count
  }

  /** Passes the next reply to such a command twice, so that each command after it gets the reply to the one before. @param {string} name */
  doubleNext(name) {
    this.#doubled = name
  }

  /** @param {net.Socket} client */
  #accept(client) {
    if (this.#refused === 0) return this.#connect(client)
    this.#refused--
    client.destroy()
  }

  /** @param {net.Socket} client */
  #connect(client) {
    const { server, cut } = connectTo(this.#address, client, this.#sockets)
    /** @type {Map<number, Command>} */
    const requests = new Map()
    onMessages(client, (message) => {
      this.#alter(message, false)
      const command = this.#note(message)
      if (command) requests.set(message.readInt32LE(4), command)
      if (command && this.#lost(command) === 'request') cut()
      else server.write(message)
    })
    onMessages(server, (message) => {
      this.#alter(message, true)
      const request = message.readInt32LE(8)
      const command = requests.get(request)
      requests.delete(request)
      const isDoubled = command !== undefined && command.name === this.#doubled
      if (isDoubled) this.#doubled = undefined
      const pass = () => client.write(isDoubled ? Buffer.concat([message, message]) : message)
      if (!command) return pass()
      command.isAnswered = true
      if (this.#lost(command) === 'reply') cut()
      else this.#held.get(command.name)?.push(pass) ?? pass()
      this.#replies.emit('reply')
    })
  }

  /** @param {Buffer} message */
  #note(message) {
    const name = nameOf(message)
    // The drivers' own have no session.
    const isOfStore = name === 'hello' && 'lsid' in bodyOf(message)
    const isOfInterest = ['find', 'getMore', 'update', 'delete'].includes(name) || this.#held.has(name)
    if (!isOfStore && !isOfInterest) return undefined
    const command = new Command(name, message)
    this.commands.push(command)
    return command
  }
}

/**
 * A database whose stores have a wire between them and the server; the client that looks at it has not.
 *
 * @param {import('node:test').TestContext} t
 * @param {{ getUri(): string }} server what it tells of others is not followed
 * @param {string} [query] more of the stores' connection string
 */
async function openBehindWire(t, server, query = '') {
  const { hostname, port } = new URL(server.getUri())
  const wire = new Wire({ host: hostname, port: Number(port) })
  const name = `wire_${randomBytes(4).toString('hex')}`
  const wireUrl = `mongodb://127.0.0.1:${await wire.open()}/${name}?directConnection=true${query}`
  // Should the test fail, a store that waits for its replies could not be closed.
  t.after(() => wire.letGo())
  const database = await openDatabase(t, withDatabase(server.getUri(), name))
  // After the stores, which close first.
  t.after(() => wire.close())
  return {
    ...database,
    wire,
    wireUrl,
    /** @param {Record<string, any>} [options] */
    open: (options) => database.open({ mongoUrl: wireUrl, autoRemove: 'disabled', ...options }),
  }
}

module.exports = { HEADER_BYTES, OP_MSG, Wire, connectTo, onMessages, openBehindWire, sequenceAt }
