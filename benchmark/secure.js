// A mongod as an app finds it in production: behind TLS, with a user whom it knows by SCRAM-SHA-256.
'use strict'

const { mkdtemp, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { certificatesIn } = require('../__test__/support/certificates.js')
const { startMongod } = require('../scripts/mongod.js')
const { withClient } = require('./database.js')

const USER = 'app'
const PASSWORD = 'lantern'

/** @param {string} url of a server without users */
function addUser(url) {
  const user = { createUser: USER, pwd: PASSWORD, roles: ['root'], mechanisms: ['SCRAM-SHA-256'] }
  return withClient(url, (client) => client.db('admin').command(user))
}

/**
 * @template T
 * @param {(mongoUrl: string) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withSecureMongod(work) {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-tls-'))
  try {
    const { ca, server: certificate } = certificatesIn(folder)
    const tls = ['--tlsMode', 'requireTLS', '--tlsCertificateKeyFile', certificate, '--tlsCAFile', ca]
    // A server that asks nobody who they are takes whoever tells, as slowly as any.
    const server = await startMongod(undefined, [...tls, '--tlsAllowConnectionsWithoutCertificates'])
    try {
      const address = new URL(server.getUri()).host
      const query = `tls=true&tlsCAFile=${encodeURIComponent(ca)}`
      await addUser(`mongodb://${address}/?${query}`)
      return await work(`mongodb://${USER}:${PASSWORD}@${address}/?${query}&authSource=admin`)
    } finally {
      await server.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

module.exports = { withSecureMongod }
