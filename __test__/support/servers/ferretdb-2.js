// FerretDB 2: no member of a replica set, whatever it could be.
'use strict'

const { STANDALONE } = require('./standalone-and-back.js')

/** @type {import('../scripted-server.js').Script} */
module.exports = { ...STANDALONE, name: 'ferretdb-2' }
