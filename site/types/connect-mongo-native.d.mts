// TypeDoc calls a module after its file.
export * from '../../index.mjs'
