// FerretDB 2: no member of a replica set, whatever it could be.
'use strict'

const { asStandalone } = require('../scripted-server.js')

/** @type {import('../scripted-server.js').Script} */
module.exports = {
  name: 'ferretdb-2',
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
