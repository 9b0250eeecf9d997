// With express-session: what an app adds to SessionData is what a store holds, and a store is what `session` takes.
import MongoStore from 'connect-mongo-native'
import express from 'express'
import session from 'express-session'

declare module 'express-session' {
  interface SessionData {
    locale: string
  }
}

interface Cart extends session.SessionData {
  items: string[]
}

const app = express()
const store = MongoStore.create({ mongoUrl: 'mongodb://localhost/app' })
app.use(session({ secret: 'secret', store }))
app.use(
  session({ secret: 'secret', store: new MongoStore({ mongoUrl: 'mongodb://localhost/app', ttl: 60 }) })
)
app.use(
  session({ secret: 'secret', store: MongoStore.create<Cart>({ mongoUrl: 'mongodb://localhost/app' }) })
)

const base: session.Store = store
const cart: session.Store = new MongoStore<Cart>({ mongoUrl: 'mongodb://localhost/app' })

app.get('/', (request, response) => {
  store.get(request.sessionID, (error: Error | null, found) => {
    const locale: string | undefined = found?.locale
    response.send(error?.message ?? locale)
  })
  store.load(request.sessionID, (_error, loaded) => loaded?.locale.toUpperCase())
  const made: session.Session & session.SessionData = store.createSession(
    request,
    request.session as session.SessionData
  )
  made.save()
  request.sessionStore.all?.((_error, sessions) => sessions)
})

// @ts-expect-error: `locale` is missing
store.set('id', { cookie: new session.Cookie() })
// @ts-expect-error: a session has a cookie
new MongoStore<{ name: string }>({ mongoUrl: 'mongodb://localhost/app' })

export { base, cart }
