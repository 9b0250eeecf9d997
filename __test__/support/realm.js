// The package in a realm of its own, as test runners load it: Jest, and Vitest in its vm pools, evaluate every module in a context, with its
// own Date, Uint8Array, Error …, while what Node and native addons make is of the main realm.
'use strict'

const { readFileSync } = require('node:fs')
const nodeModule = require('node:module')
const path = require('node:path')
const vm = require('node:vm')

const ROOT = path.join(__dirname, '..', '..')

/** What the environments of test runners give to a context. */
const NODE_GLOBALS = {
  AbortController,
  AbortSignal,
  Buffer,
  Event,
  EventTarget,
  MessageChannel,
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
  clearImmediate,
  clearInterval,
  clearTimeout,
  console,
  crypto: globalThis.crypto,
  performance,
  process,
  queueMicrotask,
  setImmediate,
  setInterval,
  setTimeout,
  structuredClone,
}

/** Like jsdom under Jest: its own events, signals and timers, and nothing of Node's but what Jest adds. */
const BROWSER_GLOBALS = `
  globalThis.EventTarget = class EventTarget {
    #listeners = new Map()
    addEventListener(name, listener) { this.#listeners.set(listener, name) }
    removeEventListener(name, listener) { this.#listeners.delete(listener) }
    dispatchEvent(event) { for (const [listener, name] of this.#listeners) if (name === event.type) listener.call(this, event) }
  }
  globalThis.AbortSignal = class AbortSignal extends EventTarget { aborted = false }
  globalThis.AbortController = class AbortController {
    signal = new AbortSignal()
    abort(reason) { Object.assign(this.signal, { aborted: true, reason }); this.signal.dispatchEvent({ type: 'abort' }) }
  }
  const timers = new Map()
  const number = (timer) => { timers.set(timers.size + 1, timer); return timers.size }
  for (const name of ['Timeout', 'Interval']) {
    const set = globalThis['set' + name], clear = globalThis['clear' + name]
    globalThis['set' + name] = (...args) => number(set(...args).unref())
    globalThis['clear' + name] = (id) => clear(timers.get(id))
  }
  for (const name of ['MessageChannel', 'TextDecoder', 'TextEncoder', 'setImmediate', 'clearImmediate', 'structuredClone']) delete globalThis[name]
`

/**
 * @typedef {object} RealmOptions
 * @property {boolean} [isBrowser] with a browser's globals, as jsdom
 * @property {(file: string) => boolean} [isInside] which files are evaluated in the realm
 */

/** Whether a file is of this package, rather than of one that it depends on. @param {string} file */
function isOfPackage(file) {
  return file.startsWith(ROOT) && !path.relative(ROOT, file).startsWith('node_modules')
}

/**
 * @param {RealmOptions} [options]
 * @returns {{ require: NodeJS.Require, run: (source: string) => any }}
 */
function createRealm({ isBrowser = false, isInside = () => true } = {}) {
  const context = vm.createContext({ ...NODE_GLOBALS })
  if (isBrowser) vm.runInContext(BROWSER_GLOBALS, context)
  /** @type {Record<string, any>} */
  const cache = Object.create(null)

  /** @param {string} file @returns {any} */
  function load(file) {
    if (file in cache) return cache[file].exports
    const loaded = { exports: {}, filename: file, id: file, parent: null }
    cache[file] = loaded
    const source = readFileSync(file, 'utf8')
    if (file.endsWith('.json')) {
      loaded.exports = vm.runInContext(`(${source})`, context)
      return loaded.exports
    }
    const evaluate = vm.runInContext(nodeModule.wrap(source), context, {
      filename: file,
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    })
    evaluate.call(loaded.exports, loaded.exports, requireFrom(file), loaded, file, path.dirname(file))
    return loaded.exports
  }

  /** @param {string} from @returns {NodeJS.Require} */
  function requireFrom(from) {
    const ofMain = nodeModule.createRequire(from)
    const required = (/** @type {string} */ request) => {
      const file = ofMain.resolve(request)
      if (/^(node:)?module$/.test(file))
        return Object.assign(Object.create(nodeModule), { createRequire: requireFrom })
      if (nodeModule.isBuiltin(file) || file.endsWith('.node') || !isInside(file)) return ofMain(request)
      return load(file)
    }
    return Object.assign(required, {
      resolve: ofMain.resolve,
      cache,
      main: undefined,
      extensions: ofMain.extensions,
    })
  }

  return {
    require: requireFrom(path.join(ROOT, 'index.js')),
    run: (source) => vm.runInContext(source, context),
  }
}

module.exports = { createRealm, isOfPackage }
