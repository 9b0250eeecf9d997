// Amazon DocumentDB before 8.0.2: says that it is a replica set, and refuses retryable writes.
'use strict'

const { asReplicaSet } = require('../scripted-server.js')

/** @type {import('../scripted-server.js').Script} */
module.exports = {
  name: 'documentdb',
  hello: (reply, address) => asReplicaSet(reply, address, 'rs0'),
  refuse: ({ body }) =>
    'txnNumber' in body
      ? { code: 301, codeName: 'NotSupported', errmsg: 'Retryable writes are not supported' }
      : undefined,
}
