// What people with browsers do with an app that counts visits and lets them log in, and what has to be stored of it meanwhile.
'use strict'

const assert = require('node:assert/strict')
const { Browser } = require('../../__test__/support/http.js')

/** For so long the sessions of all examples live. */
const WEEK_MS = 7 * 24 * 60 * 60 * 1000

class Visitor extends Browser {
  /** @param {string} path @param {object} [body] */
  async post(path, body = {}) {
    const headers = { 'content-type': 'application/json' }
    const response = await this.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`)
    return JSON.parse(text)
  }
}

/**
 * @typedef {Visitor} AVisitor
 *
 * @typedef {object} Visit of an app that is started
 * @property {string} url
 * @property {string} app its folder
 * @property {import('mongodb').Collection<any>} sessions
 *
 * @typedef {object} Actions how an app is asked
 * @property {(visitor: Visitor) => Promise<{ views: number, user?: string }>} count
 * @property {(visitor: Visitor, user: string) => Promise<unknown>} logIn
 * @property {(visitor: Visitor) => Promise<unknown>} logOut
 */

/** @type {Actions} */
const USUAL = {
  count: (visitor) => visitor.json('/'),
  logIn: (visitor, user) => visitor.post('/login', { user }),
  logOut: (visitor) => visitor.post('/logout'),
}

/** @param {Visit} visit @returns {Promise<{ id: string, expires: Date, session: Record<string, any> }[]>} */
async function storedIn({ sessions }) {
  const stored = await sessions.find().toArray()
  return stored.map(({ _id, expires, session }) => ({ id: _id, expires, session: JSON.parse(session) }))
}

/** @param {Visit} visit @param {(session: Record<string, any>) => boolean} isWanted */
async function theOneStored(visit, isWanted) {
  const found = (await storedIn(visit)).filter(({ session }) => isWanted(session))
  assert.equal(found.length, 1, JSON.stringify(found))
  return found[0]
}

/**
 * @param {Visit} visit
 * @param {Partial<Actions> & { hasUser?: (session: Record<string, any>) => boolean, marginMs?: number }} [app] `marginMs`: how much longer than its cookie a session lives
 */
async function countLogInAndOut(visit, app = {}) {
  const { count, logIn, logOut } = { ...USUAL, ...app }
  const { hasUser = ({ user }) => user === 'ada', marginMs = 0 } = app
  const [ada, bob] = [new Visitor(visit.url), new Visitor(visit.url)]

  assert.deepEqual(await count(ada), { views: 1 })
  assert.deepEqual(await count(ada), { views: 2 })
  assert.deepEqual(await count(bob), { views: 1 }, 'another browser has another session')
  const anonymous = await theOneStored(visit, ({ views }) => views === 2)

  const fromMs = Date.now()
  await logIn(ada, 'ada')
  assert.deepEqual(await count(ada), { user: 'ada', views: 1 })
  const toMs = Date.now()
  const { id, expires } = await theOneStored(visit, hasUser)
  assert.notEqual(id, anonymous.id, 'a new id at log-in')
  const leftMs = expires.getTime() - WEEK_MS - marginMs
  assert.ok(leftMs >= fromMs && leftMs <= toMs, `expires: ${expires.toJSON()}`)
  assert.deepEqual((await storedIn(visit)).map((one) => one.id).includes(anonymous.id), false)

  const thief = new Visitor(visit.url, ada)
  assert.deepEqual(await count(thief), { user: 'ada', views: 2 })
  await logOut(ada)
  assert.deepEqual(
    (await storedIn(visit)).filter(({ session }) => hasUser(session)),
    []
  )
  for (const loggedOut of [ada, thief]) assert.deepEqual(await count(loggedOut), { views: 1 })
  assert.deepEqual(await count(bob), { views: 2 }, 'the other browser keeps its session')
}

module.exports = { Visitor, WEEK_MS, countLogInAndOut, storedIn, theOneStored }
