// A server that leaves its replica set, and joins it again: as a standalone server it refuses transaction numbers.
'use strict'

const { asReplicaSet, asStandalone } = require('../scripted-server.js')

/** @typedef {import('../scripted-server.js').Script} Script */

/** @type {Script} */
const STANDALONE = {
  name: 'standalone',
  hello: asStandalone,
  refuse: ({ body }) =>
    'txnNumber' in body
      ? {
          code: 20,
          codeName: 'IllegalOperation',
          errmsg: 'Transaction numbers are only allowed on a replica set member or mongos',
        }
      : undefined,
}

/** @type {Script} */
const REPLICA_SET = {
  name: 'replica set',
  hello: (reply, address) => asReplicaSet(reply, address, 'rs'),
  ignored: ['txnNumber', 'stmtIds'],
}

module.exports = { REPLICA_SET, STANDALONE }
