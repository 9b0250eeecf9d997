'use strict'

const assert = require('node:assert/strict')
const { Visitor, countLogInAndOut } = require('../visitors.js')

/** What React puts between two texts. */
const BETWEEN = /<!-- -->/g

/** @type {import('../visitors.js').Actions} */
const ACTIONS = {
  count: async (visitor) => {
    const page = await (await visitor.fetch('/')).text()
    const [, user, views] = /Hello (\w+), this is visit (\d+)/.exec(page.replace(BETWEEN, '')) ?? []
    assert.ok(views, page)
    return user === 'stranger' ? { views: Number(views) } : { user, views: Number(views) }
  },
  logIn: (visitor, user) => visitor.post('/api/login', { user }),
  logOut: (visitor) => visitor.post('/api/logout'),
}

/** @param {import('../visitors.js').Visit} visit */
module.exports = async (visit) => {
  await countLogInAndOut(visit, ACTIONS)
  const { binding } = await new Visitor(visit.url).json('/api/health')
  assert.doesNotMatch(binding, /^wasm/, 'the binding of what Next has bundled')
}
