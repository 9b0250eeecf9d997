// What a store over a JavaScript client hears of its servers, of a client that only tells what it is told to.
'use strict'

const assert = require('node:assert/strict')
const { EventEmitter } = require('node:events')
const { test } = require('node:test')
const { watchServers } = require('../../lib/collection/client-source.js')

/** @param {Record<string, [type: string, error?: Error]>} servers by their address */
const topology = (servers) => ({
  servers: new Map(
    Object.entries(servers).map(([address, [type, error = null]]) => [address, { address, type, error }])
  ),
})

/** The news of a client whose topology becomes one after the other. @param {ReturnType<typeof topology>[]} topologies */
function newsOf(topologies) {
  const client = new EventEmitter()
  /** @type {any[]} */
  const news = []
  watchServers(client, (one) => news.push(one))
  for (const [index, newDescription] of topologies.entries())
    client.emit('topologyDescriptionChanged', { previousDescription: topologies[index - 1], newDescription })
  return news
}

const refused = new Error('connect ECONNREFUSED')

test('the error is that of the server that took writes', () => {
  const news = newsOf([
    topology({ 'a:1': ['Unknown', new Error('another')], 'b:2': ['RSPrimary'] }),
    topology({ 'a:1': ['Unknown', new Error('another')], 'b:2': ['Unknown', refused] }),
  ])
  assert.deepEqual(news, [{ event: 'disconnect', error: refused }])
  assert.equal(news[0].error, refused)
})

test('in an election it says what each server is, one that failed before included', () => {
  const [{ event, error }, ...others] = newsOf([
    topology({ 'a:1': ['RSPrimary'], 'b:2': ['RSSecondary'], 'c:3': ['Unknown', refused] }),
    topology({ 'a:1': ['RSSecondary'], 'b:2': ['RSSecondary'], 'c:3': ['Unknown', refused] }),
    topology({ 'a:1': ['RSSecondary'], 'b:2': ['RSPrimary'], 'c:3': ['Unknown', refused] }),
  ])
  assert.equal(event, 'disconnect')
  assert.equal(
    error.message,
    'No server takes writes: a:1 is RSSecondary, b:2 is RSSecondary, c:3 is Unknown (connect ECONNREFUSED)'
  )
  assert.equal(error.cause, refused)
  assert.deepEqual(others, [{ event: 'connect' }])
})

test('it says so where no server is left', () => {
  const [{ error }] = newsOf([topology({ 'a:1': ['Mongos'] }), topology({})])
  assert.equal(error.message, 'No server takes writes: there is none')
})
