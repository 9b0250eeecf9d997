// The gateway of the open-source DocumentDB, and Azure's clusters of it: says that it is a mongos, tells the time as a number, takes
// transaction numbers, and knows no write by them.
'use strict'

const { BSON } = require('mongodb')
const { asStandalone, without } = require('../scripted-server.js')

/** @type {import('../scripted-server.js').Script} */
module.exports = {
  name: 'documentdb-gateway',
  // https://github.com/documentdb/documentdb/blob/main/pg_documentdb_gw/documentdb_gateway_core/src/processor/ismaster.rs
  hello: (reply) => ({
    ...without(asStandalone(reply), ['helloOk']),
    msg: 'isdbgrid',
    localTime: BSON.Long.fromNumber(reply.localTime.getTime()),
  }),
  ignored: ['txnNumber', 'stmtIds'],
}
