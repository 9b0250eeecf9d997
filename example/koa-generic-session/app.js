// Koa with koa-generic-session: counts your visits, logs you in and out. A session lives as long as its cookie, or as `ttl` says.
// SESSION_SECRET=… MONGO_URL=mongodb://… npm start
'use strict'

const { bodyParser } = require('@koa/bodyparser')
const { Router } = require('@koa/router')
const MongoStore = require('connect-mongo-native')
const Koa = require('koa')
const session = require('koa-generic-session')

const { MONGO_URL = 'mongodb://localhost/my-app', PORT = '3000', SESSION_SECRET } = process.env
if (!SESSION_SECRET) throw new Error('Set SESSION_SECRET')

const app = new Koa()
const store = MongoStore.create({ mongoUrl: MONGO_URL })
const router = new Router()

router.get('/', (ctx) => {
  const { session } = ctx
  session.views = (session.views ?? 0) + 1
  ctx.body = { user: session.user, views: session.views }
})

router.post('/login', async (ctx) => {
  // A new id at log-in: one that somebody planted in this browser beforehand must not become a logged-in one.
  await ctx.regenerateSession()
  ctx.session.user = String(ctx.request.body.user)
  ctx.body = { user: ctx.session.user }
})

router.post('/logout', (ctx) => {
  ctx.session = null
  ctx.body = {}
})

app.keys = [SESSION_SECRET]
app.use(session({ store, cookie: { maxAge: 7 * 24 * 60 * 60 * 1000, sameSite: 'lax' }, rolling: true }))
app.use(bodyParser())
app.use(router.routes())

const server = app.listen(Number(PORT), () => console.log(`http://localhost:${PORT}`))
process.once('SIGTERM', () => server.close(() => store.close()))
