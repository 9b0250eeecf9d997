// Subclasses as apps wrote them for connect-mongo 4, 5 and 6, whose methods answer by callback alone.
import MongoStore, { MongoStore as Named } from 'connect-mongo-native'
import session, { type SessionData } from 'express-session'

// biome-ignore lint/suspicious/noExplicitAny: connect-mongo's own word
type Any = any

interface Cart extends SessionData {
  items: string[]
}

export class OfConnectMongo extends MongoStore {
  get(sid: string, callback: (err: Any, session?: SessionData | null) => void): void {
    super.get(`prefix-${sid}`, callback)
  }
  set(sid: string, session: SessionData, callback?: (err: Any) => void): void {
    super.set(sid, session, (error) => callback?.(error))
  }
  touch(sid: string, session: SessionData & { lastModified?: Date }, callback?: (err: Any) => void): void {
    super.touch(sid, session, callback)
  }
  all(callback: (err: Any, obj?: SessionData[] | { [sid: string]: SessionData } | null) => void): void {
    super.all(callback)
  }
  destroy(sid: string, callback?: (err: Any) => void): void {
    super.destroy(sid, callback)
  }
  length(callback: (err: Any, length: number) => void): void {
    super.length(callback)
  }
  clear(callback: (err: Any) => void = () => {}): void {
    super.clear(callback)
  }
  close(): Promise<void> {
    return super.close()
  }
}

export class WithPromisesOfNothing extends Named<Cart> {
  async get(sid: string, callback: (err: unknown, session?: Cart | null) => void): Promise<void> {
    const found: Cart | null = await super.get(sid)
    callback(null, found)
  }
  async set(sid: string, session: Cart, callback?: (err?: Any) => void): Promise<void> {
    await super.set(sid, session)
    callback?.()
  }
  async touch(sid: string, session: Cart, callback?: (err?: Any) => void): Promise<void> {
    await super.touch(sid, session)
    callback?.(null)
  }
  async destroy(sid: string, callback?: (err?: Any) => void): Promise<void> {
    await super.destroy(sid)
    callback?.()
  }
  async all(callback: (err: Any, sessions?: Cart[] | null) => void): Promise<void> {
    callback(null, await super.all())
  }
  async length(callback: (err: Any, length: number) => void): Promise<void> {
    callback(null, await super.length())
  }
  async clear(callback?: (err?: Any) => void): Promise<void> {
    await super.clear()
    callback?.()
  }
  async close(callback?: (err?: Any) => void): Promise<void> {
    await super.close({ timeoutMS: 1_000 })
    callback?.()
  }
  async ping(): Promise<void> {}
}

export class OfAnyData<T extends SessionData> extends MongoStore<T> {
  override get(sid: string, callback: (error: Error | null, session?: T | null) => void): void {
    super.get(sid, callback)
  }
  override touch(sid: string, session: T, callback?: () => void): void {
    super.touch(sid, session, callback)
  }
  override close(callback?: (err: Any) => void): void {
    super.close(callback)
  }
}

export class WithPromises extends MongoStore<Cart> {
  get = async (sid: string): Promise<Cart | null> => super.get(sid)
  async length(): Promise<number> {
    return (await super.length()) + 1
  }
  close(options?: MongoStore.CloseOptions): Promise<void> {
    return super.close(options)
  }
}

const mongoUrl = 'mongodb://localhost/app'
export const stores: session.Store[] = [
  new OfConnectMongo({ mongoUrl }),
  new WithPromisesOfNothing({ mongoUrl }),
  new OfAnyData<Cart>({ mongoUrl }),
]
export const middleware = session({ secret: 'secret', store: new OfConnectMongo({ mongoUrl }) })
export const asOurs: MongoStore = new OfConnectMongo({ mongoUrl })

export async function calls(store: MongoStore<Cart>, maybe: (() => void) | undefined): Promise<void> {
  const found: Cart | null = await store.get('id')
  const promise: Promise<Cart | null> = store.get('id')
  const either: Promise<Cart | null> | undefined = store.get('id', maybe)
  const nothing: Array<void> = [store.get('id', (_error, cart) => cart?.items)]
  const done: Promise<void> = store.set('id', found as Cart)
  const count: number = await store.length()
  const length: Awaited<ReturnType<MongoStore<Cart>['length']>> = count
  console.log(promise, either, nothing, done, length)
  // @ts-expect-error: there may be no such session
  const cart: Cart = await store.get('id')
  // @ts-expect-error: nor is it promised
  const promised: Promise<Cart> = store.get('id')
  // @ts-expect-error: a promise of a number
  const text: string = await store.length()
  // @ts-expect-error: of sessions
  const texts: Promise<string[]> = store.all()
  // @ts-expect-error: nothing, since the callback gets it
  const answer: Promise<number> = store.length(() => {})
  console.log(cart, promised, text, texts, answer)
  // @ts-expect-error: neither a callback nor a lifetime
  store.get('id', '7')
  // @ts-expect-error: a misspelt option
  store.ping({ timeoutMs: 7 })
  // @ts-expect-error: one option too many
  store.close({ timeoutMS: 7, force: true })
}

export class OfAnotherId extends MongoStore {
  // @ts-expect-error: an id is a string
  destroy(sid: number): void {
    super.destroy(String(sid))
  }
}

export class OfOtherSessions extends MongoStore {
  // @ts-expect-error: a session is not a number
  get(sid: string, callback: (err: Any, session: number) => void): void {
    super.get(sid, () => callback(null, 1))
  }
}
