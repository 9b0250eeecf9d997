// Methods, options and events, with a session type of the app's own.
import { promisify } from 'node:util'
import MongoStore, { type ConnectMongoOptions, type Events, type LiveOption } from 'connect-mongo-native'
import type { SessionData } from 'express-session'
import type { MongoClient } from 'mongodb'

interface Cart extends SessionData {
  items: string[]
}

declare const cart: Cart
declare const maybe: ((error?: unknown) => void) | undefined

const store = MongoStore.create<Cart>({ mongoUrl: process.env.MONGO_URL as string })

export async function promises(): Promise<void> {
  const found: Cart | null = await store.get('id')
  found?.items.push('book')
  // @ts-expect-error: there may be no such session
  const items: string[] = found.items
  const nothing: Array<void> = [
    await store.set('id', cart),
    await store.touch('id', cart),
    await store.touch('id', { ...cart, lastModified: new Date() }),
    await store.destroy('id'),
    await store.clear(),
    await store.ping(),
    await store.ping({ timeoutMS: 1_000 }),
    await store.close(),
    await store.close({ timeoutMS: Number.POSITIVE_INFINITY }),
  ]
  const all: Cart[] = await store.all()
  const length: number = await store.length()
  console.log(items, nothing, all, length)
}

export function callbacks(): void {
  const nothing: Array<void> = [
    store.get('id', (_error, found) => found?.items.push('book')),
    store.get('id', (error: Error | null, found?: Cart | null) => [error, found]),
    store.set('id', cart, (error) => error.code),
    store.set('id', cart, (error: unknown) => error),
    store.touch('id', cart, () => {}),
    store.destroy('id', (error) => error),
    store.all((_error, sessions) => sessions?.[0]?.items),
    store.all((_error, sessions?: Cart[] | { [sid: string]: Cart } | null) => sessions),
    store.length((_error, length) => length.toFixed()),
    store.clear(() => {}),
    store.ping((error) => error),
    store.ping({ timeoutMS: 1_000 }, (error) => error),
    store.close(() => {}),
    store.close(undefined, () => {}),
    store.close({ timeoutMS: 0 }, () => {}),
  ]
  store.set('id', cart, maybe)
  store.destroy('id', maybe)
  store.ping(maybe)
  store.close(maybe)
  console.log(nothing)
}

const { get } = store
export const detached: Promise<Cart | null> = get('id')
export const health: Promise<void> = promisify(store.ping)()
export const promisified: Promise<Cart | null | undefined> = promisify(store.get)('id')
export const promisifiedDone: Array<Promise<void>> = [
  promisify(store.set)('id', cart),
  promisify(store.touch)('id', cart),
  promisify(store.destroy)('id'),
  promisify(store.clear)(),
  promisify<void>(store.close)(),
]
export const promisifiedResults: [Promise<number>, Promise<Cart[] | null | undefined>] = [
  promisify(store.length)(),
  promisify(store.all)(),
]

export async function fields(): Promise<void> {
  store.clientP.catch(() => {})
  const client: MongoClient = await store.clientP
  await client.close()
  store.options.ttl = store.options.ttl * 2
  store.options.transformId = (sid) => sid.toUpperCase()
  store.options.transformId = undefined
  store.options = { ...store.options, touchAfter: 60 }
  const changeable: LiveOption[] = ['ttl', 'touchAfter', 'autoRemoveInterval', 'strictTouch', 'resurrect']
  console.log(changeable, store.options.collectionName?.length)
  // @ts-expect-error: it cannot be changed any more
  store.options.dbName = 'app'
  // @ts-expect-error: it is read only
  store.clientP = Promise.resolve(client)
}

export function events(): void {
  store
    .on('create', (sid) => sid.toUpperCase())
    .on('update', (sid) => sid.toUpperCase())
    .once('set', (sid) => sid.toUpperCase())
    .addListener('destroy', (sid) => sid.toUpperCase())
    .on('get', (sid) => sid.toUpperCase())
    .on('all', (sessions) => sessions[0]?.items)
    .on('set-refused', (sid, session) => [sid.toUpperCase(), session.items])
    .on('touch', (sid, session) => [sid.toUpperCase(), session.items])
    .on('touch-missed', (sid, session) => [sid.toUpperCase(), session.items])
    .on('error', (error) => error.message)
    .on('decrypt-failed', (sid, error) => [sid?.toUpperCase(), error.message])
    .on('connect', () => {})
    .on('disconnect', (error) => error.message)
    .on('disconnect', () => {})
    .on('of my own', (first: number) => first)
  const name = 'create' as string
  store.on(name, () => {})
  store.emit('of my own', 1)
  // @ts-expect-error: an id is a string
  store.on('create', (sid) => sid.items)
}

export const everyEvent: Events<Cart> = {
  create: ['id'],
  update: ['id'],
  set: ['id'],
  'set-refused': ['id', cart],
  touch: ['id', cart],
  'touch-missed': ['id', cart],
  destroy: ['id'],
  get: ['id'],
  all: [[cart]],
  connect: [],
  disconnect: [new Error()],
  'decrypt-failed': [undefined, new Error()],
  unreadable: [undefined, new Error()],
  error: [new Error()],
}

export const everyOption: Required<ConnectMongoOptions<Cart>> = {
  mongoUrl: 'mongodb://localhost/app',
  clientPromise: Promise.resolve({ db: () => ({}) }),
  client: { getClient: () => ({}) },
  closeClient: false,
  backend: 'auto',
  connectionEvents: true,
  mongoOptions: {},
  dbName: 'app',
  collectionName: 'sessions',
  ttl: 60,
  touchAfter: 60,
  autoRemove: 'interval',
  autoRemoveInterval: 10,
  createAutoRemoveIdx: null,
  stringify: true,
  serialize: (session) => ({ ...session, items: session.items.join() }),
  unserialize: (payload) => (typeof payload === 'string' ? JSON.parse(payload) : payload),
  transformId: (sid) => `prefix:${sid}`,
  hashId: { secret: ['newest', 'older'], acceptPlainIds: true, writePlainIds: true },
  writeOperationOptions: { w: 'majority', journal: true, wtimeoutMS: 1000 },
  timestamps: true,
  strictTouch: true,
  resurrect: true,
  concurrency: 'merge',
  crypto: { secret: 'squirrel' },
  cryptoAdapter: null,
  acceptPlaintext: true,
  maxPending: 1_000,
  operationTimeoutMS: 500,
  onDecryptError: 'drop',
}

// What fitted connect-mongo 4, 5 and 6.
export const hooks: ConnectMongoOptions[] = [
  // biome-ignore lint/suspicious/noExplicitAny: connect-mongo 5 had these types
  { serialize: (a: any): any => a, unserialize: (a: any): any => a, transformId: (a: any): any => a },
  { serialize: JSON.stringify, unserialize: (payload: string) => JSON.parse(payload) },
  { serialize: (session: SessionData) => session, unserialize: (payload) => payload as SessionData },
  { transformId: async (sid) => sid },
  { hashId: true },
  { hashId: { secret: 'squirrel' } },
]
export const inferred: MongoStore<Cart> = MongoStore.create({
  mongoUrl: 'mongodb://localhost/app',
  unserialize: (payload): Cart => JSON.parse(String(payload)),
})

// @ts-expect-error: options are needed
new MongoStore()
// @ts-expect-error: a misspelt option
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', colectionName: 'sessions' })
// @ts-expect-error: not a mode
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', autoRemove: 'sometimes' })
// @ts-expect-error: not a number
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', ttl: '14 days' })
// @ts-expect-error: refused, as in connect-mongo
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', createAutoRemoveIdx: true })
// @ts-expect-error: an id is a string
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', transformId: (sid) => sid.length })
// @ts-expect-error: not an option of hashId
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', hashId: { plainIds: true } })
// @ts-expect-error: an id is a string
store.get(1)
// @ts-expect-error: a session is missing
store.set('id')
// @ts-expect-error: a session of another type
store.set('id', { cookie: cart.cookie, user: 'me', items: 1 })
// @ts-expect-error: a URL is no client
MongoStore.create({ client: 'mongodb://localhost/app' })
// @ts-expect-error: not a backend
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', backend: 'rust' })
// @ts-expect-error: not a mode
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', concurrency: 'last' })
// @ts-expect-error: not a number
store.ping({ timeoutMS: '1 s' })
// @ts-expect-error: a misspelt option
store.close({ timeoutMs: 1_000 })
// @ts-expect-error: it is read only
store.backend = 'driver'
