// MongoDB 8 and 9 with more to do than it takes on: https://github.com/mongodb/specifications/tree/master/source/client-backpressure
'use strict'

const { asStandalone } = require('../scripted-server.js')

/** @type {import('../scripted-server.js').Refusal} */
const OVERLOADED = {
  code: 462,
  codeName: 'IngressRequestRateLimitExceeded',
  errmsg: 'Request was rejected because the server is overloaded',
  errorLabels: ['SystemOverloadedError', 'RetryableError'],
}

/** @type {import('../scripted-server.js').Script & { OVERLOADED: import('../scripted-server.js').Refusal }} */
module.exports = { name: 'overloaded', hello: asStandalone, OVERLOADED }
