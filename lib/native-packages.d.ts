// The packages of all systems, of which at most one is installed.

declare module 'connect-mongo-native-*' {
  const binding: typeof import('../native/binding.js')
  export = binding
}
