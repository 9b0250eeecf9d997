// What the loader and emnapi's types use of WebAssembly: only TypeScript's `dom` has it, with the globals of browsers besides.
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number })
    readonly buffer: ArrayBuffer
  }

  interface Instance {
    readonly exports: Record<string, unknown>
  }

  interface WebAssemblyInstantiatedSource {
    readonly instance: Instance
  }
}
