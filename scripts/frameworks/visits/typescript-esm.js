'use strict'

const assert = require('node:assert/strict')
const { Visitor, countLogInAndOut } = require('../visitors.js')

/** @param {import('../visitors.js').Visit} visit */
module.exports = async (visit) => {
  await countLogInAndOut(visit)
  const bob = new Visitor(visit.url)
  await bob.post('/login', { user: 'bob' })
  assert.deepEqual(await bob.json('/online'), ['bob'])
}
