// Fastify with @fastify/session: counts your visits, logs you in and out.
// SESSION_SECRET=… MONGO_URL=mongodb://… npm start
'use strict'

const cookie = require('@fastify/cookie')
const session = require('@fastify/session')
const MongoStore = require('connect-mongo-native')
const fastify = require('fastify')

const { MONGO_URL = 'mongodb://localhost/my-app', PORT = '3000', SESSION_SECRET } = process.env
if (!SESSION_SECRET) throw new Error('Set SESSION_SECRET, 32 characters or more')

const app = fastify({ trustProxy: true })
const store = MongoStore.create({ mongoUrl: MONGO_URL })

app.register(cookie)
app.register(session, {
  secret: SESSION_SECRET,
  store,
  saveUninitialized: false,
  cookie: { secure: 'auto', sameSite: 'lax', maxAge: 7 * 24 * 60 * 60 * 1000 },
})

app.get('/', async ({ session }) => {
  session.views = (session.views ?? 0) + 1
  return { user: session.user, views: session.views }
})

app.post('/login', async (request) => {
  // A new id at log-in: one that somebody planted in this browser beforehand must not become a logged-in one.
  await request.session.regenerate()
  request.session.user = String(request.body.user)
  return { user: request.session.user }
})

app.post('/logout', async (request) => {
  await request.session.destroy()
  return {}
})

app.addHook('onClose', () => store.close())
process.once('SIGTERM', () => app.close())

app.listen({ port: Number(PORT) }).then((address) => console.log(address))
