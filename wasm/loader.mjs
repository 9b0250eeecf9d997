// The crate as WebAssembly, with emnapi for Node-API. scripts/build-wasm.js makes one CommonJS file of this and emnapi.
//
// The loaders that `napi build` makes are not used: theirs go through node:wasi, which warns that it is experimental, and give
// the module the environment and the whole file system. This crate needs a clock, random bytes, and stderr for a panic.

import { randomFillSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers'
import { TextEncoder } from 'node:util'
import { instantiateNapiModuleSync } from '@emnapi/core'
import { createContext } from '@emnapi/runtime'

// Written so that whoever traces files (@vercel/nft) finds it.
const FILE = `${import.meta.dirname}/connect-mongo-native.wasm32-wasip1.wasm`
const PAGE_BYTES = 65536
/** 4 MiB, more than the module asks for at first; it grows by itself. Below 2 GiB no address is negative to JavaScript. */
const memory = new WebAssembly.Memory({ initial: 64, maximum: 2 ** 31 / PAGE_BYTES })

/** Growing replaces the buffer, so that no view outlives a call. */
const view = () => new DataView(memory.buffer)

const OK = 0

/** What of https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md the module imports. */
const wasi = {
  /** @param {number} address @param {number} length */
  random_get(address, length) {
    randomFillSync(new Uint8Array(memory.buffer, address, length))
    return OK
  },

  /** @param {number} clock @param {bigint} _precision @param {number} result */
  clock_time_get(clock, _precision, result) {
    const isWallClock = clock === 0
    const nanoseconds = isWallClock ? BigInt(Date.now()) * 1_000_000n : process.hrtime.bigint()
    view().setBigUint64(result, nanoseconds, true)
    return OK
  },

  /** Only panics write, and to stderr. @param {number} _file @param {number} parts @param {number} count @param {number} result */
  fd_write(_file, parts, count, result) {
    let written = 0
    for (let part = parts; part < parts + count * 8; part += 8) {
      const address = view().getUint32(part, true)
      const length = view().getUint32(part + 4, true)
      process.stderr.write(Buffer.from(new Uint8Array(memory.buffer, address, length)))
      written += length
    }
    view().setUint32(result, written, true)
    return OK
  },

  environ_get: () => OK,

  /** No variables. @param {number} count @param {number} bytes */
  environ_sizes_get(count, bytes) {
    view().setUint32(count, 0, true)
    view().setUint32(bytes, 0, true)
    return OK
  },

  /** A store must not end its app. @param {number} code */
  proc_exit(code) {
    throw new Error(`The WebAssembly of connect-mongo-native wants to exit with code ${code}`)
  },
}

const CANCELLED = 11
const GENERIC_FAILURE = 9

/**
 * Node-API's asynchronous work, for emnapi: one piece at a time on this thread, with a turn of the event loop between two. Unlike
 * emnapi's own, it survives a panic, which ends a piece as if it had been cancelled, so that its promise is rejected.
 *
 * @param {any} emnapi
 */
function asyncWork(emnapi) {
  /** @typedef {{ env: number, execute: number, complete: number, data: number }} Work */
  /** @type {Map<number, Work>} */
  const works = new Map()
  /** @type {Work[]} */
  const queue = []
  let lastId = 0

  /** @param {Work} work */
  function execute(work) {
    try {
      emnapi.wasmTable.get(work.execute)(work.env, work.data)
      return OK
    } catch {
      // Rust has told stderr why.
      return CANCELLED
    }
  }

  /** @param {Work} work @param {number} status */
  function complete(work, status) {
    const scope = emnapi.emnapiCtx.openScope(emnapi.emnapiEnv)
    try {
      emnapi.emnapiEnv.callbackIntoModule(true, () => {
        emnapi.wasmTable.get(work.complete)(work.env, status, work.data)
      })
    } finally {
      emnapi.emnapiCtx.closeScope(emnapi.emnapiEnv, scope)
    }
  }

  function runNext() {
    const work = /** @type {Work} */ (queue.shift())
    if (queue.length > 0) setImmediate(runNext)
    complete(work, execute(work))
  }

  return {
    /** @param {{ napi: Record<string, Function> }} imports */
    importObject({ napi }) {
      napi.napi_create_async_work = (
        /** @type {number[]} */ ...[env, _resource, _name, execute, complete, data, result]
      ) => {
        works.set(++lastId, { env, execute, complete, data })
        view().setUint32(result, lastId, true)
        return OK
      }
      napi.napi_queue_async_work = (/** @type {number} */ _env, /** @type {number} */ id) => {
        queue.push(/** @type {Work} */ (works.get(id)))
        if (queue.length === 1) setImmediate(runNext)
        return OK
      }
      napi.napi_delete_async_work = (/** @type {number} */ _env, /** @type {number} */ id) => {
        works.delete(id)
        return OK
      }
      napi.napi_cancel_async_work = () => GENERIC_FAILURE
    },
  }
}

const NUL_TERMINATED = -1
const encoder = new TextEncoder()

/**
 * Text as V8's own Node-API hands it over, where emnapi drops a byte order mark, and takes half a surrogate pair together with
 * the letter behind it.
 *
 * @param {any} emnapi
 */
function textCoding({ emnapiString }) {
  Object.assign(emnapiString, {
    /** @param {string} text */
    lengthBytesUTF8: (text) => Buffer.byteLength(text),

    /** @param {string} text @param {number} address @param {number} size with the NUL at the end */
    stringToUTF8(text, address, size) {
      const bytes = new Uint8Array(memory.buffer, address, size)
      const { written } = encoder.encodeInto(text, bytes.subarray(0, -1))
      bytes[written] = 0
      return written
    },

    /** @param {number} address @param {number} length */
    UTF8ToString(address, length) {
      const bytes = Buffer.from(memory.buffer)
      const end = length === NUL_TERMINATED ? bytes.indexOf(0, address) : address + length
      return bytes.toString('utf8', address, end)
    },
  })
  return {}
}

const context = createContext()
// Otherwise it would end with the first `beforeExit`, after which a process may well go on.
context.suppressDestroy()

const { napiModule } = instantiateNapiModuleSync(readFileSync(FILE), {
  context,
  plugins: [asyncWork, textCoding],
  overwriteImports: ({ env, napi, emnapi }) => ({
    env: { ...env, ...napi, ...emnapi, memory },
    napi,
    wasi_snapshot_preview1: wasi,
  }),
  beforeInit({ instance }) {
    for (const [name, value] of Object.entries(instance.exports)) {
      if (name.startsWith('__napi_register__')) /** @type {Function} */ (value)()
    }
  },
})

export const { SessionCrypter, platform, version } = napiModule.exports
