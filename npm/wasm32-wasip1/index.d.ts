/** What of the native binding of connect-mongo-native there is in WebAssembly: its `binding.d.ts` has the types. */
declare const binding: Record<string, unknown>
export = binding
