// Without @types/express-session: a session is any object.
import MongoStore from 'connect-mongo-native'

interface Cart {
  items: string[]
}

const store = MongoStore.create({ mongoUrl: 'mongodb://localhost/app' })
const carts = MongoStore.create<Cart>({ mongoUrl: 'mongodb://localhost/app' })

export async function use(): Promise<void> {
  await store.set('id', { user: 'me' })
  console.log((await store.get('id'))?.user)
  await carts.set('id', { items: ['book'] })
  console.log((await carts.get('id'))?.items[0])
  carts.on('touch', (_sid, session) => session.items)
  carts.createSession({}, { items: [] }).cookie.resetMaxAge()
  // @ts-expect-error: items are missing
  await carts.set('id', { user: 'me' })
  // @ts-expect-error: an id is a string
  await store.get(1)
}
