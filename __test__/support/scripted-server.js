// A server that is MongoDB in its own way: a real mongod, and before it somebody who says what a script says. So its updates, filters
// and indexes are real ones, and only what is known of the other server differs. The scripts are in support/servers.
'use strict'

const { randomBytes } = require('node:crypto')
const { once } = require('node:events')
const net = require('node:net')
const { BSON } = require('mongodb')
const { openDatabase } = require('./database.js')
const { withDatabase } = require('./server.js')
const { HEADER_BYTES, OP_MSG, connectTo, onMessages, sequenceAt } = require('./wire.js')

/** @typedef {Record<string, any>} Document */

/**
 * @typedef {object} Refusal
 * @property {number} code
 * @property {string} codeName
 * @property {string} errmsg
 * @property {string[]} [errorLabels]
 */

/**
 * @typedef {object} Script what is other than with the mongod behind it
 * @property {string} name
 * @property {(reply: Document, address: string) => Document} [hello] the reply to `hello` and `isMaster`; `address` is the server's own
 * @property {(command: ScriptedCommand) => Refusal | undefined} [refuse] what it does not run
 * @property {string[]} [ignored] fields of commands that it takes no notice of, outside of transactions: the mongod has none
 */

// https://www.mongodb.com/docs/manual/legacy-opcodes/, in which drivers say hello to a server that they do not know yet.
const OP_REPLY = 1
const OP_QUERY = 2004
const LEGACY_NAME_AT = HEADER_BYTES + 4
const LEGACY_REPLY_AT = HEADER_BYTES + 20
/** Of OP_MSG: the flags, then the kind of the first section, which is the command itself. */
const SECTION_AT = HEADER_BYTES + 5
const MORE_TO_COME = 2

/** Types of numbers are kept, for what is passed on to be what was sent. */
const AS_SENT = { promoteValues: false, bsonRegExp: true }

class ScriptedCommand {
  name
  /** Of the fields and of the statements beside them. @type {Document} */
  body
  /** By `performance.now()`. */
  sentMs = performance.now()
  /** Whether the script has answered in place of the mongod. */
  isRefused = false
  /** Nobody waits for a reply. */
  isSilent
  /** Of those that it was run with. @type {Document[]} */
  refusedStatements = []
  /** @type {(reply: Document) => Document} */
  withErrors = (reply) => reply

  /** @param {Document} body @param {boolean} isSilent */
  constructor(body, isSilent) {
    this.name = Object.keys(body)[0] ?? ''
    this.body = body
    this.isSilent = isSilent
  }

  get isHello() {
    return ['hello', 'ismaster'].includes(this.name.toLowerCase())
  }
}

/** @param {Buffer} message @param {number} at @param {object} [options] @returns {Document} */
const documentAt = (message, at, options) =>
  BSON.deserialize(message.subarray(at, at + message.readInt32LE(at)), options)

/** Where the one document of a message begins that is of a kind which has only one. @param {Buffer} message */
function documentStart(message) {
  const kind = message.readInt32LE(12)
  if (kind === OP_MSG) return SECTION_AT
  return kind === OP_REPLY ? LEGACY_REPLY_AT : message.indexOf(0, LEGACY_NAME_AT) + 9
}

/** @param {Buffer} message */
function commandOf(message) {
  const start = documentStart(message)
  const body = documentAt(message, start)
  if (message.readInt32LE(12) === OP_QUERY) return new ScriptedCommand(body, false)
  for (
    let at = start + message.readInt32LE(start);
    at < message.length;
    at += 1 + message.readInt32LE(at + 1)
  ) {
    Object.assign(body, sequenceAt(message, at + 1))
  }
  return new ScriptedCommand(body, (message.readInt32LE(HEADER_BYTES) & MORE_TO_COME) !== 0)
}

/** @param {Buffer} message @param {(document: Document) => Document} change @returns {Buffer} of another length */
function withDocument(message, change) {
  const start = documentStart(message)
  const end = start + message.readInt32LE(start)
  const document = BSON.serialize(change(documentAt(message, start, AS_SENT)))
  const changed = Buffer.concat([message.subarray(0, start), document, message.subarray(end)])
  changed.writeInt32LE(changed.length)
  return changed
}

/** @param {Buffer} request @param {Document} document */
function replyTo(request, document) {
  const isLegacy = request.readInt32LE(12) === OP_QUERY
  const head = Buffer.alloc(isLegacy ? LEGACY_REPLY_AT : SECTION_AT)
  const body = BSON.serialize(document)
  head.writeInt32LE(head.length + body.length)
  head.writeInt32LE(request.readInt32LE(4), 8)
  head.writeInt32LE(isLegacy ? OP_REPLY : OP_MSG, 12)
  if (isLegacy) head.writeInt32LE(1, LEGACY_REPLY_AT - 4)
  return Buffer.concat([head, body])
}

/** The statements of a command: their list's name. @param {Document} body @returns {'updates' | 'deletes' | undefined} */
const listOf = (body) => /** @type {const} */ (['updates', 'deletes']).find((list) => list in body)

/** The command with these statements alone, in one section. @param {Buffer} message @param {Document} body @param {number[]} kept */
function withStatements(message, body, kept) {
  const list = /** @type {string} */ (listOf(body))
  const command = BSON.serialize({ ...body, [list]: kept.map((index) => body[list][index]) })
  const shorter = Buffer.concat([message.subarray(0, SECTION_AT), command])
  shorter.writeInt32LE(shorter.length)
  return shorter
}

/** The reply to the command with only these statements, as it is of the whole command. @param {Document} reply @param {Document[]} writeErrors @param {number[]} kept */
function withWriteErrors(reply, writeErrors, kept) {
  const renumbered = (/** @type {Document} */ one) => ({ ...one, index: kept[Number(one.index)] })
  const { upserted, writeErrors: own = [], ...rest } = reply
  return {
    ...rest,
    ...(upserted && { upserted: upserted.map(renumbered) }),
    writeErrors: [...own.map(renumbered), ...writeErrors].sort((one, other) => one.index - other.index),
  }
}

/** @param {Document} document @param {string[]} names */
function without(document, names) {
  return Object.fromEntries(Object.entries(document).filter(([name]) => !names.includes(name)))
}

class ScriptedServer {
  /** All that have come. @type {ScriptedCommand[]} */
  commands = []
  /** Another one may take its place at any time. */
  script
  address = ''
  #mongod
  /** @type {{ name: string, left: number, refusal: Refusal }[]} */
  #refusals = []
  /** @type {{ name: string, left: number, refusal: Refusal, isRefused(index: number): boolean } | undefined} */
  #partly
  /** Commands whose replies are lost. @type {Map<string, number>} */
  #losses = new Map()
  /** @type {Set<net.Socket>} */
  #sockets = new Set()
  #server = net.createServer((client) => this.#connect(client))

  /** @param {Script} script @param {net.TcpNetConnectOpts} mongod */
  constructor(script, mongod) {
    this.script = script
    this.#mongod = mongod
  }

  async open() {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const { port } = /** @type {net.AddressInfo} */ (this.#server.address())
    this.address = `127.0.0.1:${port}`
  }

  close() {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** How many it has. */
  get connections() {
    // Each has one to the mongod.
    return this.#sockets.size / 2
  }

  /** @param {string} name @returns {ScriptedCommand[]} */
  sent(name) {
    return this.commands.filter((command) => command.name === name)
  }

  /** The commands of the store: what drivers send of their own accord is none. */
  get ofStore() {
    const ofDrivers = ['ping', 'endSessions', 'killCursors']
    return this.commands.filter(({ name, isHello }) => !isHello && !ofDrivers.includes(name))
  }

  /** Refuses the next commands of a name. @param {string} name @param {number} times @param {Refusal} refusal */
  refuseNext(name, times, refusal) {
    this.#refusals.push({ name, left: times, refusal })
  }

  /** Refuses these statements of the next commands of a name. @param {string} name @param {number} times @param {Refusal} refusal @param {(index: number) => boolean} isRefused */
  refuseStatements(name, times, refusal, isRefused) {
    this.#partly = { name, left: times, refusal, isRefused }
  }

  /** Runs the next commands of a name, and cuts the connection in place of a reply. @param {string} name @param {number} [times] */
  loseReplies(name, times = 1) {
    this.#losses.set(name, times)
  }

  /** @param {net.Socket} client */
  #connect(client) {
    const { server: mongod, cut } = connectTo(this.#mongod, client, this.#sockets)
    /** By the id of the request. @type {Map<number, ScriptedCommand>} */
    const running = new Map()
    onMessages(client, (message) => {
      const command = commandOf(message)
      this.commands.push(command)
      const refusal = this.#refusalOf(command)
      command.isRefused = refusal !== undefined
      if (!refusal) {
        running.set(message.readInt32LE(4), command)
        const part = this.#partOf(message, command)
        if (part) mongod.write(part)
        else client.write(replyTo(message, command.withErrors({ ok: 1, n: 0, nModified: 0 })))
      } else if (!command.isSilent) {
        client.write(replyTo(message, { ok: 0, ...refusal }))
      }
    })
    onMessages(mongod, (message) => {
      const request = message.readInt32LE(8)
      const command = running.get(request)
      running.delete(request)
      if (this.#isLost(command)) cut()
      else client.write(command ? this.#reply(message, command) : message)
    })
  }

  /** @param {ScriptedCommand} command @returns {Refusal | undefined} */
  #refusalOf(command) {
    const next = this.#refusals.find(({ name, left }) => name === command.name && left > 0)
    if (next) next.left--
    return next?.refusal ?? this.script.refuse?.(command)
  }

  /** What of it the mongod gets. @param {Buffer} message @param {ScriptedCommand} command @returns {Buffer | undefined} */
  #partOf(message, command) {
    const { body, name } = command
    const list = listOf(body)
    if (!list || this.#partly?.name !== name || this.#partly.left === 0) return this.#forMongod(message, body)
    const { isRefused, refusal } = this.#partly
    this.#partly.left--
    const all = [...body[list].keys()]
    const kept = all.filter((index) => !isRefused(index))
    const errors = all
      .filter(isRefused)
      .map((index) => ({ index, code: refusal.code, errmsg: refusal.errmsg }))
    command.refusedStatements = errors.map(({ index }) => body[list][index])
    command.withErrors = (reply) => withWriteErrors(reply, errors, kept)
    return kept.length > 0 ? withStatements(message, body, kept) : undefined
  }

  /** @param {Buffer} message @param {ScriptedCommand} command */
  #reply(message, command) {
    if (command.isHello) return this.#hello(message)
    return command.refusedStatements.length > 0 ? withDocument(message, command.withErrors) : message
  }

  /** @param {ScriptedCommand | undefined} command */
  #isLost(command) {
    const left = this.#losses.get(command?.name ?? '') ?? 0
    if (command && left > 0) this.#losses.set(command.name, left - 1)
    return left > 0
  }

  /** @param {Buffer} message @param {Document} body */
  #forMongod(message, body) {
    const { ignored } = this.script
    const isPlain = !ignored || message.readInt32LE(12) !== OP_MSG || 'autocommit' in body
    return isPlain ? message : withDocument(message, (body) => without(body, ignored))
  }

  /** @param {Buffer} message */
  #hello(message) {
    return withDocument(message, (reply) => {
      // None but MongoDB's own keeps the question until there is news.
      const plain = without(reply, ['topologyVersion'])
      return this.script.hello?.(plain, this.address) ?? plain
    })
  }
}

/** The fields of `hello` that only a member of a replica set has. */
const OF_MEMBERS = [
  'setName',
  'setVersion',
  'hosts',
  'passives',
  'arbiters',
  'primary',
  'me',
  'electionId',
  'secondary',
  'lastWrite',
  'tags',
]

/** As a server that is alone says hello. @param {Document} reply */
const asStandalone = (reply) => without(reply, [...OF_MEMBERS, 'isreplicaset'])

/** As the primary of a replica set says hello that has no other members. @param {Document} reply @param {string} address @param {string} setName */
const asReplicaSet = (reply, address, setName) => ({
  ...asStandalone(reply),
  setName,
  setVersion: 1,
  hosts: [address],
  primary: address,
  me: address,
  secondary: false,
})

/**
 * A database on a server of a script; the client that looks at it goes to the mongod.
 *
 * @param {import('node:test').TestContext} t
 * @param {{ getUri(): string }} mongod a standalone one
 * @param {Script} script
 * @param {string} [query] of the stores' connection string
 */
async function openScripted(t, mongod, script, query = '') {
  const { hostname, port } = new URL(mongod.getUri())
  const server = new ScriptedServer(script, { host: hostname, port: Number(port) })
  await server.open()
  const name = `scripted_${randomBytes(4).toString('hex')}`
  const url = `mongodb://${server.address}/${name}${query && `?${query}`}`
  const database = await openDatabase(t, withDatabase(mongod.getUri(), name))
  // After the stores, which close first.
  t.after(() => server.close())
  return {
    ...database,
    server,
    url,
    /** @param {Record<string, any>} [options] */
    open: (options) => database.open({ mongoUrl: url, autoRemove: 'disabled', ...options }),
  }
}

module.exports = { ScriptedServer, asReplicaSet, asStandalone, openScripted, without }
