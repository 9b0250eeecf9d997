// With `stringify: false` on Rust: which copy of the `bson` package is the app's, and types of another one.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')
const { installAlone, installLinked } = require('../support/install.js')

/** In a child: stores types of a package, and tells of what class they come out. @param {{ mongoUrl: string, owner: string }} data */
async function storeTypes({ mongoUrl, owner }) {
  const assert = require('node:assert/strict')
  const MongoStore = require('connect-mongo-native')
  const app = require(owner)
  const { ObjectId, Decimal128 } = app.Types ?? app
  const store = MongoStore.create({ mongoUrl, stringify: false })
  const user = { id: new ObjectId(), tags: [new ObjectId()], balance: Decimal128.fromString('1.10') }
  await store.set('sid', { cookie: {}, user })
  const { user: found } = await store.get('sid')
  assert.deepEqual(JSON.stringify(found), JSON.stringify(user))
  await store.set('sid', { cookie: {}, user: found })
  await store.close()
  console.log(
    found.id instanceof ObjectId,
    found.tags[0] instanceof ObjectId,
    found.balance instanceof Decimal128
  )
}

/** In a child: types of a package that is not the app's driver. @param {{ mongoUrl: string }} data */
async function storeForeignTypes({ mongoUrl }) {
  const assert = require('node:assert/strict')
  const { ObjectId } = require('mongodb')
  const MongoStore = require('connect-mongo-native')
  const { Types } = require('mongoose')
  const stores = [{}, { concurrency: 'merge' }].map((options) =>
    MongoStore.create({ mongoUrl, stringify: false, autoRemove: 'disabled', ...options })
  )
  for (const store of stores) {
    const session = { cookie: {}, own: new ObjectId(), user: { id: new Types.ObjectId() }, at: new Date() }
    await store.set('sid', session)
    const found = await store.get('sid')
    assert.deepEqual(JSON.parse(JSON.stringify(found)), JSON.parse(JSON.stringify(session)))
    assert.ok(found.user.id instanceof ObjectId)
    const made = store.createSession({ sessionID: 'sid', sessionStore: store }, found)
    made.user = { id: new Types.ObjectId() }
    await store.set('sid', made)
    assert.equal(String((await store.get('sid')).user.id), String(made.user.id))
    await store.close()
  }
  console.log('done')
}

/** What the app has, whose types go in and come out, and how the package is installed. @type {Record<string, [string[], string, typeof installAlone]>} */
const APPS = {
  'mongoose 8 alone': [['mongoose:mongoose-8'], 'mongoose', installAlone],
  'mongoose 9 alone': [['mongoose:mongoose-9'], 'mongoose', installAlone],
  'mongodb 6': [['mongodb:mongodb-6'], 'mongodb', installAlone],
  'mongodb 7': [['mongodb'], 'mongodb', installAlone],
  'mongodb 5': [['mongodb:mongodb-5'], 'mongodb', installAlone],
  'mongoose 8 alone, and a link to the package': [['mongoose:mongoose-8'], 'mongoose', installLinked],
  'mongodb 6, and a link to the package': [['mongodb:mongodb-6'], 'mongodb', installLinked],
  'neither mongodb nor mongoose': [[], 'bson', installAlone],
}

describe("the app's BSON types go in and come out with", () => {
  for (const [title, [packages, owner, install]] of Object.entries(APPS)) {
    test(title, async (t) => {
      const { url } = await openDatabase(t)
      const cwd = install(packages)
      const { stdout, stderr } = await runInChild(storeTypes, { mongoUrl: url, owner }, { cwd })
      assert.equal(stdout, 'true true true\n', stderr)
    })
  }
})

test('types of another version go in too', async (t) => {
  const { url } = await openDatabase(t)
  const cwd = installAlone(['mongodb', 'mongoose:mongoose-8', 'express-session'])
  const { stdout, stderr } = await runInChild(storeForeignTypes, { mongoUrl: url }, { cwd })
  assert.equal(stdout, 'done\n', stderr)
})
