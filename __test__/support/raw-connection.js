// A connection of its own, for documents that no driver would send.
'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')
const net = require('node:net')
const { BSON } = require('mongodb')

const OP_MSG = 2013

class RawConnection {
  #socket
  #database

  /** @param {string} url of one server @param {string} database */
  constructor(url, database) {
    const { hostname, port } = new URL(url)
    this.#socket = net.connect(Number(port), hostname)
    this.#database = database
  }

  /** @param {string} collection @param {Buffer[]} documents */
  async insert(collection, documents) {
    const command = BSON.serialize({ insert: collection, ordered: false, $db: this.#database })
    const name = Buffer.from('documents\0')
    // https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/: a document, then a sequence of documents.
    const sequence = Buffer.concat([
      int32(4 + name.length + Buffer.concat(documents).length),
      name,
      ...documents,
    ])
    const body = Buffer.concat([int32(0), Buffer.from([0]), command, Buffer.from([1]), sequence])
    this.#socket.write(Buffer.concat([...[16 + body.length, 1, 0, OP_MSG].map(int32), body]))
    const [reply] = await once(this.#socket, 'data')
    assert.equal(BSON.deserialize(reply.subarray(21)).n, documents.length)
  }

  close() {
    this.#socket.destroy()
  }
}

/** @param {number} number */
function int32(number) {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(number)
  return bytes
}

module.exports = { RawConnection }
