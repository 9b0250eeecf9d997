// Loaded before the tests on Deno, whose node:test runs no `t.after` of a test within a suite: what that opens would stay open, and a
// timer of a store that is still there when Deno takes down the file's environment calls into an addon that has been cleared away.
'use strict'

const runner = require('node:test')

const original = runner.test

/** @param {(t: any) => unknown} body */
function withHooks(body) {
  return async (/** @type {any} */ t) => {
    /** @type {(() => unknown)[]} */
    const hooks = []
    t.after = (/** @type {() => unknown} */ hook) => hooks.push(hook)
    try {
      await body(t)
    } finally {
      for (const hook of hooks) await hook()
    }
  }
}

/** @param {any[]} args as `test` takes them: the body comes last */
function test(...args) {
  const body = args.at(-1)
  if (typeof body !== 'function') return Reflect.apply(original, runner, args)
  return Reflect.apply(original, runner, [...args.slice(0, -1), withHooks(body)])
}

runner.test = /** @type {typeof original} */ (Object.assign(test, original))
