// Signing in with SCRAM against a mongod that demands it.
'use strict'

const assert = require('node:assert/strict')
const { before, describe, test } = require('node:test')
const { MongoClient } = require('mongodb')
const MongoStore = require('../..')
const { startServer } = require('../support/server.js')

const MECHANISMS = ['SCRAM-SHA-256', 'SCRAM-SHA-1']
const SPECIAL = 'p@ss:w/o?r#d[%]&=é€"\'\\ +'
const PLAIN = 'plain-password'

let host
before(async () => {
  const server = await startServer({ auth: { enable: true, customRootName: 'root', customRootPwd: PLAIN } })
  host = new URL(server.getUri()).host
  const client = await MongoClient.connect(`mongodb://root:${PLAIN}@${host}/`)
  const roles = [{ role: 'readWrite', db: 'sessions' }]
  for (const mechanism of MECHANISMS) {
    const admin = client.db('admin')
    await admin.command({ createUser: `${mechanism} user`, pwd: SPECIAL, roles, mechanisms: [mechanism] })
    await client
      .db('sessions')
      .command({ createUser: `${mechanism} of sessions`, pwd: PLAIN, roles, mechanisms: [mechanism] })
  }
  await client.db('admin').command({ createUser: 'both', pwd: PLAIN, roles, mechanisms: MECHANISMS })
  await client.db('admin').command({ createUser: 'us:er@home/é', pwd: SPECIAL, roles })
  await client.close()
})

/** Opens a store, lets it write and read, and closes it. */
async function roundTrip(t, options) {
  const store = new MongoStore({ dbName: 'sessions', ...options })
  t.after(() => store.close())
  await store.set(t.name, { cookie: {}, user: t.name })
  assert.equal((await store.get(t.name)).user, t.name)
}

/** @param {string} user @param {string} password @param {string} [rest] */
function urlFor(user, password, rest = '') {
  return `mongodb://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}/${rest}`
}

describe('the right password', () => {
  for (const mechanism of MECHANISMS) {
    const username = `${mechanism} user`
    test(`with special characters in mongoUrl signs a ${mechanism} user in`, (t) =>
      roundTrip(t, { mongoUrl: urlFor(username, SPECIAL) }))

    test(`with special characters in mongoOptions.auth signs a ${mechanism} user in`, (t) =>
      roundTrip(t, {
        mongoUrl: `mongodb://${host}/`,
        mongoOptions: { auth: { username, password: SPECIAL } },
      }))

    test(`and authMechanism=${mechanism} signs in, in mongoUrl and in mongoOptions`, async (t) => {
      await roundTrip(t, { mongoUrl: urlFor(username, SPECIAL, `?authMechanism=${mechanism}`) })
      await roundTrip(t, { mongoUrl: urlFor(username, SPECIAL), mongoOptions: { authMechanism: mechanism } })
    })

    test(`signs a ${mechanism} user of another database in with authSource`, async (t) => {
      const other = `${mechanism} of sessions`
      await roundTrip(t, { mongoUrl: urlFor(other, PLAIN, '?authSource=sessions') })
      await roundTrip(t, { mongoUrl: urlFor(other, PLAIN), mongoOptions: { authSource: 'sessions' } })
      // The database of the URL is where the user is looked for, unless authSource says otherwise.
      await roundTrip(t, { mongoUrl: urlFor(other, PLAIN, 'sessions') })
    })
  }

  test('signs in a user that has both mechanisms', (t) => roundTrip(t, { mongoUrl: urlFor('both', PLAIN) }))

  test('signs in a user whose name has special characters', (t) =>
    roundTrip(t, { mongoUrl: urlFor('us:er@home/é', SPECIAL) }))

  test('in mongoOptions.auth comes before the one in mongoUrl', (t) =>
    roundTrip(t, {
      mongoUrl: urlFor('both', 'wrong'),
      mongoOptions: { auth: { username: 'both', password: PLAIN } },
    }))
})

describe('signing in fails with code 18', () => {
  const cases = {
    'for a wrong password in mongoUrl': () => ({ mongoUrl: urlFor('both', 'wrong') }),
    'for a wrong password in mongoOptions.auth': () => ({
      mongoUrl: `mongodb://${host}/`,
      mongoOptions: { auth: { username: 'both', password: 'wrong' } },
    }),
    'for a user that is not there': () => ({ mongoUrl: urlFor('nobody', PLAIN) }),
    'for a user of another database': () => ({ mongoUrl: urlFor('both', PLAIN, '?authSource=sessions') }),
  }
  for (const [name, options] of Object.entries(cases)) {
    test(name, async (t) => {
      // After a failure the driver waits for the server's next heartbeat before it tries again.
      const { mongoUrl, mongoOptions } = options()
      const store = new MongoStore({
        mongoUrl,
        mongoOptions: { heartbeatFrequencyMS: 500, ...mongoOptions },
        dbName: 'sessions',
      })
      store.on('error', () => {})
      t.after(() => store.close())
      for (const call of [store.get('sid'), store.set('sid', { cookie: {} })]) {
        await assert.rejects(call, { name: 'MongoServerError', code: 18, codeName: 'AuthenticationFailed' })
      }
    })
  }
})

test('without a user, calls fail with code 13 and the process goes on', async (t) => {
  const store = new MongoStore({ mongoUrl: `mongodb://${host}/sessions` })
  store.on('error', () => {})
  t.after(() => store.close())
  await assert.rejects(store.get('sid'), { name: 'MongoServerError', code: 13, codeName: 'Unauthorized' })
})
