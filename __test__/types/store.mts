// Methods, options and events, with a session type of the app's own.
import { promisify } from 'node:util'
import MongoStore, {
  type ConnectMongoOptions,
  type DestroyAllOptions,
  type Events,
  type FindOptions,
  type FoundSession,
  type HashIdsProgress,
  type IndexValue,
  type IndexValues,
  type LiveOption,
  type MaxLifetime,
  type PruneOptions,
  type ReindexOptions,
  type ReindexProgress,
  type Ttl,
} from 'connect-mongo-native'
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
  const ids: string[] = await store.ids()
  console.log(items, nothing, all, length, ids)
}

export async function walks(): Promise<void> {
  for await (const session of store.iterate()) session.items.push('book')
  const sessions: AsyncIterableIterator<Cart> = store.iterate({ batchSize: 10 })
  const { value } = await sessions.next()
  console.log(value)
}

export async function usersSessions(id: { toHexString(): string }): Promise<void> {
  const where: IndexValues = { userId: id, tenant: 7, isAdmin: true, since: new Date(), name: 'ada' }
  const page: FindOptions = { limit: 20, after: '00' }
  const found: FoundSession<Cart>[] = await store.find(where, page)
  const [first] = found
  if (!first) return
  const { handle, session, createdAt, expires, lastSeen, description } = first
  const dates: (Date | undefined)[] = [createdAt, expires, lastSeen]
  const except: DestroyAllOptions[] = [{ except: 'id' }, { except: ['id', 'other'] }, {}]
  const counts: number[] = [
    await store.count({ userId: 'me' }),
    await store.destroyAll({ userId: 'me' }),
    await store.destroyAll({ userId: 'me' }, except[0]),
    await store.prune(),
    await store.prune({ signal: AbortSignal.timeout(1_000) }),
  ]
  const wasThere: boolean = await store.destroyHandle(handle)
  const reindexing: ReindexOptions = { batchSize: 10, after: 'id', onProgress: ({ scanned }) => scanned }
  const { done, last }: ReindexProgress = await store.reindex(reindexing)
  const { moved }: HashIdsProgress = await store.hashIds({ batchSize: 10, after: last, dryRun: true })
  console.log(session.items, dates, description?.browser, counts, wasThere, done, last?.length, moved)
}

export function callbacksOfUsers(): void {
  const pruning: PruneOptions = {}
  const nothing: Array<void> = [
    store.find({ userId: 'me' }, (_error, found) => found?.[0]?.session.items),
    store.find({ userId: 'me' }, { limit: 1 }, (_error, found) => found?.[0]?.handle.length),
    store.count({ userId: 'me' }, (_error, count) => count?.toFixed()),
    store.destroyAll({ userId: 'me' }, (_error, ended) => ended?.toFixed()),
    store.destroyAll({ userId: 'me' }, { except: 'id' }, (_error, ended) => ended?.toFixed()),
    store.destroyHandle('00', (_error, wasThere) => wasThere === true),
    store.reindex((_error, progress) => progress?.indexed),
    store.reindex({ batchSize: 10 }, (_error, progress) => progress?.changed),
    store.hashIds((_error, progress) => progress?.moved),
    store.hashIds({ dryRun: true }, (_error, progress) => progress?.changed),
    store.prune((_error, removed) => removed?.toFixed()),
    store.prune(pruning, (_error, removed) => removed?.toFixed()),
  ]
  console.log(nothing)
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
    store.ids((_error, ids) => ids?.[0]?.toUpperCase()),
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

/** What Koa's packages ask of a store: https://github.com/koajs/session/blob/7.0.2/src/index.ts, and DefinitelyTyped's of koa-generic-session. */
interface KoaStore {
  get(key: string, maxAge: number, options: { rolling: boolean; ctx?: unknown }): Promise<unknown>
  set(
    key: string,
    session: Cart,
    maxAge: number,
    options: { rolling: boolean; changed: boolean; ctx?: unknown },
    ...args: unknown[]
  ): Promise<void>
  destroy(key: string, options: { ctx?: unknown }, ...args: unknown[]): Promise<void>
}
interface KoaGenericStore {
  get(sid: string): Cart | null | Promise<Cart | null>
  set(sid: string, session: Cart, ttl?: number): void | Promise<void>
  destroy(sid: string): void | Promise<void>
}
export const koa: KoaStore & KoaGenericStore = store
export const ofKoa: Promise<unknown>[] = [
  store.get('id', 60_000, { rolling: false }),
  store.set('id', cart, 60_000, { changed: true, rolling: false, ctx: {} }),
  store.set('id', cart, 'session'),
  store.destroy('id', { ctx: {} }),
]

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
export const promisifiedResults: [
  Promise<number>,
  Promise<Cart[] | null | undefined>,
  Promise<string[] | null | undefined>,
] = [promisify(store.length)(), promisify(store.all)(), promisify(store.ids)()]

export async function fields(): Promise<void> {
  store.clientP.catch(() => {})
  const client: MongoClient = await store.clientP
  await client.close()
  if (typeof store.options.ttl === 'number') store.options.ttl = store.options.ttl * 2
  store.options.ttl = (session, sid) => (sid.startsWith('api:') ? 60 : session.remembered)
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
    .on('evicted', (sid, session) => [sid?.toUpperCase(), session?.items])
    .on('expired', (sid, session) => [sid?.toUpperCase(), session?.items])
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
  evicted: [undefined, cart],
  expired: ['id', undefined],
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
  disableTouch: true,
  maxLifetime: { seconds: 86_400, from: ({ items }) => items[0] },
  expiryGrace: 60,
  expiredEvents: true,
  prefix: 'app:',
  index: { userId: 'passport.user', first: ({ items }) => items[0] },
  indexSecret: ['newest', 'older'],
  describe: ({ items }) => ({ items: items.length }),
  maxPerUser: { userId: 5 },
  onMaxPerUser: 'reject',
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
const byItems: Ttl<Cart> = ({ items }) => (items.length > 0 ? 86_400 : undefined)
export const lifetimes: ConnectMongoOptions<Cart>[] = [
  { ttl: byItems },
  { ttl: (session, sid) => (sid.startsWith('api:') ? 60 : session.items.length) },
  { ttl: () => undefined },
]
export const hardEnds: (number | MaxLifetime<Cart>)[] = [
  60,
  { seconds: 60 },
  { seconds: 60, from: 'startedAt' },
]
const userOfCart = ({ items }: Cart): IndexValue | null | undefined => items[0] ?? null
export const indexes: ConnectMongoOptions<Cart>[] = [
  { index: { userId: userOfCart }, indexSecret: 'squirrel', describe: () => undefined },
  { index: { a: 'a.b', b: () => 1, c: () => false, d: () => new Date() }, maxPerUser: { a: 1 } },
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
// @ts-expect-error: it must answer at once
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', ttl: async () => 60 })
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
// @ts-expect-error: not a number
store.iterate({ batchSize: 'all' })
// @ts-expect-error: an operator is no value
store.find({ userId: { $ne: null } })
// @ts-expect-error: a value is missing
store.count()
// @ts-expect-error: undefined is no value
store.destroyAll({ userId: undefined })
// @ts-expect-error: a misspelt option
store.destroyAll({ userId: 'me' }, { exept: 'id' })
// @ts-expect-error: a handle is a string
store.destroyHandle(1)
// @ts-expect-error: not a number
store.reindex({ batchSize: 'all' })
// @ts-expect-error: a list is no value of the index
MongoStore.create<Cart>({ mongoUrl: 'mongodb://localhost/app', index: { items: ({ items }) => items } })
// @ts-expect-error: not a mode
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', onMaxPerUser: 'ignore' })
// @ts-expect-error: a misspelt option
store.close({ timeoutMs: 1_000 })
// @ts-expect-error: it is read only
store.backend = 'driver'
