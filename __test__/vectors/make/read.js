// Reads sessions with the connect-mongo 6.0.0 that is installed in a folder.
// Its standard input: { folder, mongoUrl, version, cases: [{ …case, id }] }
// Its output, a line for each case: { session, received } or { error }. `received` is what the app's own
// `unserialize` was given.
'use strict'

const { readFileSync } = require('node:fs')
const { call, openStore } = require('./store.js')

/** @typedef {import('./cases.js').Case & { id: string }} Job */

/** @param {string} folder @param {string} mongoUrl @param {string} version @param {Job} job */
async function read(folder, mongoUrl, version, job) {
  const adapter = job.adapter === 'v3' ? 'kruptein' : job.adapter
  const { store } = openStore(folder, mongoUrl, version, { ...job, adapter })
  const { transformFunctions } = store
  const { unserialize } = transformFunctions
  /** @type {unknown} */
  let received
  transformFunctions.unserialize = (/** @type {unknown} */ value) => {
    received = value
    return unserialize(value)
  }
  try {
    const session = await call(store, 'get', job.id)
    return { session: JSON.stringify(session), received: job.custom && JSON.stringify(received) }
  } finally {
    await store.close()
  }
}

async function main() {
  const { folder, mongoUrl, version, cases } = JSON.parse(readFileSync(0, 'utf8'))
  for (const job of cases) {
    const result = await read(folder, mongoUrl, version, job).catch((error) => ({
      error: String(error?.message ?? error),
    }))
    console.log(JSON.stringify(result))
  }
}

main()
