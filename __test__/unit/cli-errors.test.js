// What the command line prints of connection strings.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { Redactor, withoutPassword } = require('../../cli/lib/errors.js')

/** Connection strings, and what is shown of them. */
const SHOWN = {
  'mongodb://ada:secret@db/app': 'mongodb://ada:***@db/app',
  'mongodb+srv://ada:secret@db/app?appName=a@b': 'mongodb+srv://ada:***@db/app?appName=a@b',
  'mongodb://ada:se%2Fcret@db/app': 'mongodb://ada:***@db/app',
  'mongodb://ada:se@cret@db/app': 'mongodb://ada:***@db/app',
  'mongodb://ada:se/cret@db/app': 'mongodb://ada:***@db/app',
  'mongodb://ada:se cret@db/app': 'mongodb://ada:***@db/app',
  'redis://:secret@db:6379/1': 'redis://:***@db:6379/1',
  'postgres://ada:se?cret@db/app': 'postgres://ada:***@db/app',
  'mongodb://ada@db/app': 'mongodb://ada@db/app',
  'mongodb://db:27017,other:27018/app': 'mongodb://db:27017,other:27018/app',
}

describe('of a connection string is shown', () => {
  for (const [url, shown] of Object.entries(SHOWN)) {
    test(shown, () => {
      assert.equal(withoutPassword(url), shown)
      assert.equal(withoutPassword(`cannot connect to ${url}`), `cannot connect to ${shown}`)
    })
  }
})

test('a password is hidden wherever it stands, as it was written and as it is meant', () => {
  const redactor = new Redactor()
  redactor.add('mongodb://ada:p%40ssword@db/app', undefined, 'of the index')
  assert.equal(redactor.redact('p%40ssword, p@ssword, of the index'), '***, ***, ***')
})
