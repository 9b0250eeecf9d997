// Azure Cosmos DB in request units, as it was until the middle of 2025, and MongoDB before 4.4.2: `isMaster` alone, with no word of
// `hello`.
'use strict'

const { asReplicaSet, without } = require('../scripted-server.js')

/** @typedef {import('../scripted-server.js').Script} Script */

const UNKNOWN = [
  { code: 59, codeName: 'CommandNotFound', errmsg: "no such command: 'hello'" },
  {
    code: 115,
    codeName: 'CommandNotSupported',
    errmsg: 'Command hello not supported prior to authentication.',
  },
]

/** One for each code with which such servers refuse it. @type {Script[]} */
module.exports = UNKNOWN.map((refusal) => ({
  name: `no-hello (${refusal.code})`,
  hello: (reply, address) =>
    without(asReplicaSet(reply, address, 'globaldb'), ['helloOk', 'isWritablePrimary']),
  refuse: ({ name, body }) => {
    if (name === 'hello') return refusal
    return 'txnNumber' in body
      ? { code: 2, codeName: 'BadValue', errmsg: 'Retryable writes are not supported.' }
      : undefined
  },
}))
