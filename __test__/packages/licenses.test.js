// The licences that go along with a binary are those of the crates that it is made of.
'use strict'

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const path = require('node:path')
const { before, describe, test } = require('node:test')
const { crates, listed } = require('../../scripts/release/licenses.js')
const { checkCargo } = require('../../scripts/setup.js')

const LOCK = readFileSync(path.join(__dirname, '..', '..', 'Cargo.lock'), 'utf8')
/** All crates of this repository, with those that no binary has. */
const LOCKED = [...LOCK.matchAll(/^name = "(.+)"\nversion = "(.+)"$/gm)].map(
  ([, name, version]) => `${name} ${version}`
)

describe('the licences of the crates in the binary are told (npm run licenses):', {
  timeout: 300_000,
}, () => {
  before(checkCargo)

  for (const kind of /** @type {const} */ (['native', 'wasm'])) {
    test(`${kind}: of all`, () => {
      const all = crates(kind)
      assert.ok(all.some((name) => name.startsWith('aes-gcm ')))
      const told = listed(kind)
      assert.deepEqual(
        all.filter((name) => !told.includes(name)),
        []
      )
    })

    test(`${kind}: of no others`, () => {
      assert.deepEqual(
        listed(kind).filter((name) => !LOCKED.includes(name)),
        []
      )
    })
  }
})
