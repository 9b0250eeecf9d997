// `await using`, for compilers and libraries that have it.
import MongoStore from 'connect-mongo-native'

export async function countAndClose(): Promise<number> {
  await using store = MongoStore.create({ mongoUrl: 'mongodb://localhost/app' })
  return store.length()
}

export function disposeByHand(store: AsyncDisposable & MongoStore): PromiseLike<void> {
  return store[Symbol.asyncDispose]()
}
