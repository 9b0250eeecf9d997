// Express in TypeScript, as an ES module: counts your visits, logs you in and out. What a session holds has a type.
// npm run build && SESSION_SECRET=… MONGO_URL=mongodb://… npm start
import { promisify } from 'node:util'
import MongoStore from 'connect-mongo-native'
import express from 'express'
import session, { type SessionData } from 'express-session'

declare module 'express-session' {
  interface SessionData {
    views: number
    user: string
  }
}

const { MONGO_URL = 'mongodb://localhost/my-app', PORT = '3000', SESSION_SECRET } = process.env
if (!SESSION_SECRET) throw new Error('Set SESSION_SECRET')

const store = MongoStore.create<SessionData>({ mongoUrl: MONGO_URL })
store.on('error', (error: Error) => console.error(error))

const app = express()
app.use(express.json())
app.use(
  session({
    secret: SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    store,
    cookie: { sameSite: 'lax', secure: 'auto', maxAge: 7 * 24 * 60 * 60 * 1000 },
  })
)

app.get('/', (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1
  res.json({ user: req.session.user, views: req.session.views })
})

app.post('/login', async (req, res) => {
  // A new id at log-in: one that somebody planted in this browser beforehand must not become a logged-in one.
  await promisify(req.session.regenerate).call(req.session)
  req.session.user = String(req.body.user)
  res.json({ user: req.session.user })
})

app.post('/logout', async (req, res) => {
  await promisify(req.session.destroy).call(req.session)
  res.json({})
})

app.get('/online', async (_req, res) => {
  const sessions: SessionData[] = await store.all()
  res.json(sessions.map(({ user }) => user).filter((user) => user !== undefined))
})

const server = app.listen(Number(PORT), () => console.log(`http://localhost:${PORT}`))
process.once('SIGTERM', () => server.close(() => store.close()))
