// Writes sessions with the connect-mongo that is installed in a folder.
// Its standard input: { folder, mongoUrl, version, cases: [{ …case, id }] }
// Its output, a line for each case: { session, serialized } or { error }. `serialized` is what the app's own
// `serialize` returned.
'use strict'

const { once } = require('node:events')
const { readFileSync } = require('node:fs')
const { call, openStore } = require('./store.js')
const { makeSession } = require('./sessions.js')
const { custom } = require('./custom.js')

/** @typedef {import('./cases.js').Case & { id: string }} Job */

/** @param {string} folder @param {string} mongoUrl @param {string} version @param {Job} job */
async function write(folder, mongoUrl, version, job) {
  const { store, Cookie } = openStore(folder, mongoUrl, version, job)
  const session = makeSession(job.session, Cookie)
  const stored = once(store, 'set')
  try {
    await call(store, 'set', job.id, session)
    if (job.touch) await call(store, 'touch', job.id, session)
    const serialized = job.custom ? JSON.stringify(custom[job.custom].serialize(session)) : undefined
    return { session: JSON.stringify(session), serialized }
  } catch (error) {
    // 4.1.0 goes on and stores the session in plain text after it has called back with the error.
    if (version === '4.1.0') await stored
    throw error
  } finally {
    await connected(store)
    await store.close()
  }
}

/** A store that is closed while it connects leaves its connection open. @param {any} store */
function connected(store) {
  return store.collectionP ?? store.collectionReady()
}

/** @param {unknown} error kruptein calls back with text */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error)
}

async function main() {
  const { folder, mongoUrl, version, cases } = JSON.parse(readFileSync(0, 'utf8'))
  for (const job of cases) {
    const result = await write(folder, mongoUrl, version, job).catch((error) => ({ error: messageOf(error) }))
    console.log(JSON.stringify(result))
  }
}

main()
