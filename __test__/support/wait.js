// Waiting that ends: what never happens fails the test instead of hanging it.
'use strict'

const { once } = require('node:events')
const { setTimeout: sleep } = require('node:timers/promises')

const DEADLINE_MS = 15_000

/** @param {import('node:events').EventEmitter} emitter @param {string} name @returns {Promise<any[]>} its arguments */
function nextEvent(emitter, name) {
  return once(emitter, name, { signal: AbortSignal.timeout(DEADLINE_MS) })
}

/**
 * Waits for something that announces itself by no event.
 *
 * @template T
 * @param {() => T | Promise<T>} condition
 * @returns {Promise<T>} its first truthy answer
 */
async function until(condition) {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const answer = await condition()
    if (answer) return answer
    if (Date.now() > deadline) throw new Error(`Still waiting after ${DEADLINE_MS} ms for ${condition}`)
    await sleep(25)
  }
}

/** @param {Promise<unknown>} call */
function succeeds(call) {
  return call.then(
    () => true,
    () => false
  )
}

/** Promise.withResolvers, which Node 20 has not got. */
function withResolvers() {
  const deferred = /** @type {any} */ ({})
  deferred.promise = new Promise((resolve, reject) => Object.assign(deferred, { resolve, reject }))
  return /** @type {{ promise: Promise<any>, resolve(value?: any): void, reject(error: Error): void }} */ (
    deferred
  )
}

/**
 * Calls a method that takes a callback.
 *
 * @template {string} Method
 * @param {Record<Method, (...args: any[]) => unknown>} target
 * @param {Method} method
 * @param {unknown[]} args those before the callback
 * @returns {Promise<any>}
 */
function promised(target, method, ...args) {
  return new Promise((resolve, reject) => {
    target[method](...args, (/** @type {unknown} */ error, /** @type {unknown} */ result) =>
      error ? reject(error) : resolve(result)
    )
  })
}

/** Runs a function while an uncaught exception does not end the test. @param {() => void} run @returns {Promise<unknown>} the exception */
function uncaughtException(run) {
  return new Promise((resolve) => {
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => {
      for (const listener of others) process.on('uncaughtException', listener)
      resolve(error)
    })
    run()
  })
}

module.exports = { nextEvent, promised, succeeds, uncaughtException, until, withResolvers }
