// What the errors of each version of the JavaScript driver mean for calls that share a command.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { afterDone, isUnsent, loneError, verdictOn } = require('../../lib/collection/driver-errors.js')

const DRIVERS = ['mongodb', 'mongodb-6', 'mongodb-5']
const NOTHING_DONE = { matchedCount: 0, upsertedCount: 0, deletedCount: 0 }

/** Of statements that BSON can hold. */
const serialize = () => {}

for (const driver of DRIVERS) {
  const errors = require(driver)
  const { MongoBulkWriteError, MongoNetworkError, MongoServerError, MongoServerSelectionError } = errors

  /** @param {Error} error @param {object} [result] what the driver makes of the failure of a bulkWrite */
  const wrapped = (error, result = NOTHING_DONE) => new MongoBulkWriteError(error, result)

  /** @param {number} code @param {object} [reply] */
  const serverError = (code, reply) =>
    new MongoServerError({ ok: 0, code, codeName: 'Some', errmsg: 'refused', ...reply })

  describe(`the lone error of ${driver}`, () => {
    test('of a reply is that of a call alone', () => {
      const alone = serverError(9, { errorLabels: ['Some'] })
      const lone = /** @type {any} */ (loneError(wrapped(alone), serialize))
      assert.ok(lone instanceof MongoServerError && !(lone instanceof MongoBulkWriteError))
      assert.deepEqual(
        [lone.name, lone.message, lone.code, lone.codeName, lone.errorLabels],
        [alone.name, alone.message, 9, 'Some', ['Some']]
      )
      assert.equal(verdictOn(lone), 'unclear')
    })

    test('of a lost connection is that of the connection', () => {
      const lone = /** @type {any} */ (loneError(wrapped(new MongoNetworkError('closed')), serialize))
      assert.deepEqual([lone.name, lone.message, lone.code], ['MongoNetworkError', 'closed', undefined])
      assert.equal(verdictOn(lone), 'everybody')
      assert.equal(isUnsent(lone), false)
    })

    test('tells of a connection that could not be made', () => {
      const alone = Object.assign(new MongoNetworkError('refused'), { connectionGeneration: 1 })
      assert.equal(isUnsent(loneError(wrapped(alone), serialize)), true)
    })

    test('of a server that was not found is that', () => {
      // Its code is the last thing that the driver has heard of the server.
      const reason = { error: Object.assign(new Error('stepped down'), { code: 10107 }) }
      const alone = new MongoServerSelectionError('timed out', reason)
      const lone = /** @type {any} */ (loneError(wrapped(alone), serialize))
      assert.equal(lone.name, 'MongoServerSelectionError')
      for (const error of [alone, lone]) assert.equal(verdictOn(error), 'everybody')
    })

    test('of a server that knows no transaction numbers is that', () => {
      const message = 'This MongoDB deployment does not support retryable writes.'
      const alone = new MongoServerError({ message, errmsg: message, originalError: serverError(20) })
      const lone = /** @type {any} */ (loneError(wrapped(alone), serialize))
      assert.deepEqual([lone.name, lone.message], ['MongoServerError', message])
      assert.equal(verdictOn(lone), 'everybody')
    })

    test('of a write that could not be confirmed is that', () => {
      const result = {
        ...NOTHING_DONE,
        getWriteConcernError: () => ({ code: 64, errmsg: 'waited too long' }),
      }
      const error = new MongoBulkWriteError({ message: 'waited too long' }, result)
      const lone = /** @type {any} */ (loneError(error, serialize))
      assert.deepEqual(
        [lone.name, lone.message, lone.code],
        ['MongoWriteConcernError', 'waited too long', 64]
      )
      assert.equal(verdictOn(lone), 'everybody')
    })

    test('has nothing sent again when a part has been done', () => {
      for (const count of Object.keys(NOTHING_DONE)) {
        for (const alone of [serverError(9), serverError(16500), new MongoNetworkError('closed')]) {
          const lone = loneError(wrapped(alone, { ...NOTHING_DONE, [count]: 1 }), serialize)
          assert.equal(verdictOn(lone), 'everybody')
          assert.equal(isUnsent(lone), false)
        }
      }
    })
  })
}

test('version 5 of the driver does not tell a statement that it could not make BSON of, but that can be found', () => {
  const { MongoBulkWriteError } = require('mongodb-5')
  const culprit = new TypeError('a key that BSON cannot have')
  const error = new MongoBulkWriteError(new Error(culprit.message), NOTHING_DONE)
  const lone = loneError(error, () => {
    throw culprit
  })
  assert.equal(lone, culprit)
  assert.equal(verdictOn(lone), 'statement')
})

test('an error that the driver has not wrapped stays as it is', () => {
  for (const error of [new TypeError('not a function'), 'text', undefined, null]) {
    assert.equal(loneError(error, serialize), error)
    assert.equal(verdictOn(error), 'statement')
    assert.equal(afterDone(error), error)
  }
})

test('with promoteValues: false a code is an object', () => {
  const { MongoServerError, BSON } = require('mongodb')
  assert.equal(verdictOn(new MongoServerError({ code: new BSON.Int32(13) })), 'everybody')
  assert.equal(verdictOn(new MongoServerError({ code: new BSON.Int32(15) })), 'statement')
})
