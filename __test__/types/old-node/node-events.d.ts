// What an old @types/node has that the package needs: no Symbol.asyncDispose among it.
declare module 'node:events' {
  // biome-ignore lint/suspicious/noExplicitAny: as in @types/node
  type Listener = (...args: any[]) => void

  export class EventEmitter {
    on(event: string | symbol, listener: Listener): this
    once(event: string | symbol, listener: Listener): this
    addListener(event: string | symbol, listener: Listener): this
  }
}
