// Azure Cosmos DB for MongoDB in request units: no retryable writes, a TTL index on its own field alone, and too many requests.
'use strict'

const { asReplicaSet } = require('../scripted-server.js')

/** @typedef {import('../scripted-server.js').Refusal} Refusal */

const NO_RETRYABLE_WRITES = {
  code: 2,
  codeName: 'BadValue',
  errmsg:
    'Retryable writes are not supported. Please disable retryable writes by specifying "retrywrites=false" in the connection string ' +
    'or an equivalent driver specific config.',
}

const NO_TTL_INDEX = {
  code: 2,
  codeName: 'BadValue',
  errmsg: "The 'expireAfterSeconds' option is supported on '_ts' field only.",
}

/** @type {Refusal} */
const TOO_MANY_REQUESTS = {
  code: 16500,
  codeName: 'RequestRateTooLarge',
  errmsg:
    "Error=16500, RetryAfterMs=34, Details='Response status code does not indicate success: TooManyRequests (429); Substatus: 3200; " +
    'ActivityId: 3f2504e0-4f89-11d3-9a0c-0305e82c3301; Reason: ({ "Errors": [ "Request rate is large. More Request Units may be ' +
    'needed, so no changes were made. Please retry this request later." ] });\'',
}

/** @param {any} index */
const isRefusedIndex = ({ key, expireAfterSeconds }) =>
  expireAfterSeconds !== undefined && Object.keys(key).join() !== '_ts'

/** @type {import('../scripted-server.js').Script & { TOO_MANY_REQUESTS: Refusal }} */
module.exports = {
  name: 'cosmosdb-ru',
  hello: (reply, address) => asReplicaSet(reply, address, 'globaldb'),
  refuse: ({ name, body }) => {
    if ('txnNumber' in body) return NO_RETRYABLE_WRITES
    return name === 'createIndexes' && body.indexes.some(isRefusedIndex) ? NO_TTL_INDEX : undefined
  },
  TOO_MANY_REQUESTS,
}
