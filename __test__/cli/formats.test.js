// Every session that some version of some package has stored is told by its first characters.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { idKindOf } = require('../../cli/lib/formats.js')
const { listHeads } = require('../../cli/lib/heads.js')
const { BSON, MongoClient } = require('mongodb')
const { runCli } = require('../support/cli.js')
const { openDatabase } = require('../support/database.js')
const { fromExtended, loadVectors } = require('../support/encryption-vectors.js')
const { SECRET } = require('../support/encryption.js')
const { RawConnection } = require('../support/raw-connection.js')
const { openScripted } = require('../support/scripted-server.js')
const { startServer } = require('../support/server.js')
const { LATER, plainSession } = require('../support/sessions.js')

/** @param {string} file @param {import('../support/encryption-vectors.js').Vector} vector */
function expectedOf(file, { stored }) {
  if (file === 'plain.json') return typeof stored === 'string' ? 'plain' : 'document'
  if (file === 'web-crypto.json') return 'web-crypto'
  return file === 'v3.json' ? 'connect-mongo-3' : 'kruptein'
}

/** @param {import('mongodb').Collection<any>} collection @returns {Promise<Map<any, any>>} by id */
async function headsIn(collection) {
  const heads = await listHeads(/** @type {any} */ ({ collection, scope: {} }), {})
  return new Map(heads.map(({ id, ...head }) => [id, head]))
}

/** @param {import('mongodb').Collection<any>} sessions */
async function formatsIn(sessions) {
  const heads = await headsIn(sessions)
  return new Map([...heads].map(([id, { format }]) => [id, format]))
}

describe('the format of what is in', () => {
  for (const [file, vectors] of loadVectors()) {
    test(file, async (t) => {
      const { sessions } = await openDatabase(t)
      await sessions.insertMany(vectors.map(({ id, stored }) => ({ _id: id, session: fromExtended(stored) })))
      const formats = await formatsIn(sessions)
      for (const vector of vectors) assert.equal(formats.get(vector.id), expectedOf(file, vector), vector.id)
    })
  }
})

test('the format of what this package stores, and of what is none', async (t) => {
  const { open, sessions } = await openDatabase(t)
  for (const [id, options] of Object.entries({
    plain: {},
    document: { stringify: false },
    kruptein: { crypto: { secret: SECRET } },
    sealed: { crypto: { secret: SECRET, format: 'sealed' } },
  }))
    await open(options).set(id, plainSession())
  await sessions.insertMany([
    { _id: 'none' },
    { _id: 'null', session: null },
    { _id: 'unknown', session: 7 },
    { _id: 'empty', session: '' },
    { _id: 'wide', session: '日本'.repeat(100) },
  ])
  assert.deepEqual(Object.fromEntries(await formatsIn(sessions)), {
    ...{ plain: 'plain', document: 'document', kruptein: 'kruptein', sealed: 'sealed' },
    ...{ none: 'none', null: 'none', unknown: 'unknown', empty: 'plain', wide: 'plain' },
  })
})

test('a server that cannot tell is read from, and what is told is the same', async (t) => {
  const mongod = await startServer()
  const script = {
    name: 'without-bson-size',
    refuse: (/** @type {any} */ { body }) =>
      JSON.stringify(body.pipeline ?? '').includes('$bsonSize')
        ? { code: 168, codeName: 'InvalidPipelineOperator', errmsg: 'Unrecognized expression $bsonSize' }
        : undefined,
  }
  const { url, sessions } = await openScripted(t, mongod, script)
  for (const [file, vectors] of loadVectors())
    await sessions.insertMany(
      vectors.map(({ id, stored }) => ({
        _id: `${file} ${id}`,
        session: fromExtended(stored),
        expires: LATER,
      }))
    )
  await sessions.insertMany([
    { _id: 'none' },
    { _id: 'list', session: ['text'] },
    { _id: 'text', expires: 'soon' },
  ])
  const scripted = await MongoClient.connect(url)
  t.after(() => scripted.close())
  assert.deepEqual(
    await headsIn(scripted.db(sessions.dbName).collection('sessions')),
    await headsIn(sessions)
  )
  const { json } = await runCli(['stats', '--json', '--url', url, '--db', sessions.dbName])
  assert.equal(json.total, await sessions.countDocuments())
})

test('text that is not UTF-8 keeps nobody from the rest', async (t) => {
  const { url, db, sessions } = await openDatabase(t)
  const documents = ['broken', 'broken too'].map((id) => {
    const bytes = Buffer.from(BSON.serialize({ _id: id, session: 'x'.repeat(40), expires: LATER }))
    bytes[bytes.indexOf('xxx')] = 0xff
    return bytes
  })
  await sessions.insertOne({ _id: 'whole', session: JSON.stringify(plainSession()), expires: LATER })
  const connection = new RawConnection(url, db.databaseName)
  await connection.insert('sessions', documents)
  connection.close()
  const { json: stats } = await runCli(['stats', '--json', '--url', url])
  assert.equal(stats.total, 3)
  const { json } = await runCli(['doctor', '--json', '--url', url])
  const finding = json.findings.find((/** @type {any} */ { check }) => check === 'sessions')
  assert.equal(finding.detail, '2 of 3 cannot be read')
})

test('the kind of an id', async (t) => {
  const { open, sessions } = await openDatabase(t)
  for (const [prefix, hashId] of [
    ['plain:', false],
    ['hash:', true],
    ['keyed:', { secret: 'squirrel' }],
  ])
    await open({ prefix, hashId }).set('sid', plainSession())
  const ids = (await sessions.distinct('_id')).sort()
  assert.deepEqual(ids.map(idKindOf), ['hash', 'keyed-hash', 'plain'])
  assert.equal(idKindOf(7), 'not-text')
})
