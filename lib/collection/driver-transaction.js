// Two writes of a JavaScript client, both or neither.
'use strict'

const { codeOf, refusesRetryableWrites } = require('./driver-errors.js')

/** IllegalOperation, CommandNotFound, CommandNotSupported, OperationNotSupportedInTransaction, TransactionsNotSupported … */
const REFUSALS = new Set([20, 59, 115, 263, 301, 303, 304])

/** @param {any} error */
function isRefusal(error) {
  // The driver hides what a standalone server says behind an error of its own.
  return REFUSALS.has(Number(codeOf(error) ?? codeOf(error?.originalError))) || refusesRetryableWrites(error)
}

/** A transaction of each caller's own, where the server has any. */
class Transactions {
  #isRefused = false

  /** Whether it is known that the server has none. */
  get areRefused() {
    return this.#isRefused
  }

  /**
   * @param {Record<string, any>} client
   * @param {object | undefined} writeConcern
   * @param {(session: object) => Promise<boolean>} work writes with that session, perhaps several times; nothing is kept unless it gives true
   * @returns {Promise<boolean>} whether everything has been written; not where there are no transactions
   */
  async run(client, writeConcern, work) {
    // A test's stand-in need not have sessions.
    if (this.#isRefused || typeof client.startSession !== 'function') return false
    const session = client.startSession()
    try {
      let isDone = false
      const workOrAbort = async () => {
        isDone = await work(session)
        if (!isDone) await session.abortTransaction()
      }
      await session.withTransaction(workOrAbort, { writeConcern, readPreference: 'primary' })
      return isDone
    } catch (error) {
      this.#isRefused = isRefusal(error)
      if (this.#isRefused) return false
      throw error
    } finally {
      await session.endSession()
    }
  }
}

module.exports = { Transactions }
