'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')
const { createRequire } = require('node:module')
const path = require('node:path')
const { Visitor, theOneStored } = require('../visitors.js')

/** @param {import('../visitors.js').Visit} visit @param {import('../visitors.js').AVisitor} visitor whose cookies it has */
async function openSocket({ app, url }, visitor) {
  const { io } = createRequire(path.join(app, 'app.js'))('socket.io-client')
  const socket = io(url, { extraHeaders: { cookie: visitor.cookie }, forceNew: true })
  await once(socket, 'connect')
  return socket
}

/** @param {import('../visitors.js').Visit} visit */
module.exports = async (visit) => {
  const ada = new Visitor(visit.url)
  assert.deepEqual(await ada.json('/'), { total: 1 })
  const [one, other] = await Promise.all([openSocket(visit, ada), openSocket(visit, ada)])
  try {
    // Both have the session of before: the last save would win.
    assert.equal(await one.emitWithAck('count', 'one'), 2)
    assert.equal(await other.emitWithAck('count', 'other'), 3)
    assert.deepEqual(await ada.json('/'), { total: 4 })
    await Promise.all([one.emitWithAck('count', 'one'), other.emitWithAck('count', 'other'), ada.json('/')])
    const { session } = await theOneStored(visit, () => true)
    assert.deepEqual(session.counts, { pages: 3, one: 2, other: 2 })

    const ended = Promise.all([once(one, 'disconnect'), once(other, 'disconnect')])
    await ada.post('/logout')
    await ended
    assert.equal(await visit.sessions.countDocuments(), 0)
    assert.deepEqual(await ada.json('/'), { total: 1 })
  } finally {
    for (const socket of [one, other]) socket.disconnect()
  }
}
