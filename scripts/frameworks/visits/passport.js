'use strict'

const assert = require('node:assert/strict')
const { Visitor, countLogInAndOut, theOneStored } = require('../visitors.js')

/** @param {import('../visitors.js').AVisitor} visitor @param {string} username */
function logIn(visitor, username) {
  return visitor.post('/login', { username, password: 'sesame' })
}

/** @param {Record<string, any>} session */
const hasUser = ({ passport }) => passport?.user === '1'

/** @param {import('../visitors.js').Visit} visit */
module.exports = async (visit) => {
  await countLogInAndOut(visit, { logIn, hasUser })
  await visit.sessions.deleteMany({})

  const [home, phone, bob] = [new Visitor(visit.url), new Visitor(visit.url), new Visitor(visit.url)]
  await assert.rejects(home.post('/login', { username: 'ada', password: 'wrong' }), /answered 401/)
  for (const device of [home, phone]) await logIn(device, 'ada')
  await logIn(bob, 'bob')
  assert.equal(await visit.sessions.countDocuments(), 3)
  assert.deepEqual(await home.post('/logout-everywhere'), { ended: 2 })
  const { session } = await theOneStored(visit, () => true)
  assert.equal(session.passport.user, '2')
  for (const device of [home, phone]) assert.deepEqual(await device.json('/'), { views: 1 })
  assert.deepEqual(await bob.json('/'), { user: 'bob', views: 1 })
}
