// Reads vectors with the reference decoder. One that it cannot read, or that holds something else, ends the run.
// Its standard input: the vectors
'use strict'

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const { readReference } = require('../../support/reference-crypto.js')

for (const vector of JSON.parse(readFileSync(0, 'utf8'))) {
  // A plain document is what BSON makes of the session: an undefined field, such as a cookie's domain,
  // becomes null.
  if (vector.adapter === 'none' && !vector.stringify) continue
  const value = vector.serialized ? JSON.parse(vector.serialized) : vector.session
  const expected = typeof value === 'string' ? value : JSON.stringify(value)
  // Through UTF-8, in which half a surrogate pair is lost.
  assert.equal(readReference(vector), Buffer.from(expected).toString(), vector.id)
}
