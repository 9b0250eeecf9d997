// Express with Passport: logs you in and out, here or everywhere. Those who may log in are Ada and Bob, with the password "sesame".
// SESSION_SECRET=… MONGO_URL=mongodb://… npm start
'use strict'

const MongoStore = require('connect-mongo-native')
const express = require('express')
const session = require('express-session')
const passport = require('passport')
const { Strategy } = require('passport-local')

const { MONGO_URL = 'mongodb://localhost/my-app', PORT = '3000', SESSION_SECRET } = process.env
if (!SESSION_SECRET) throw new Error('Set SESSION_SECRET')

const users = new Map([
  ['1', { id: '1', name: 'ada', password: 'sesame' }],
  ['2', { id: '2', name: 'bob', password: 'sesame' }],
])

passport.use(
  new Strategy((name, password, done) => {
    const user = [...users.values()].find((one) => one.name === name)
    // In an app of yours: a hash of the password, compared in constant time.
    done(null, user?.password === password && user)
  })
)
passport.serializeUser((user, done) => done(null, user.id))
passport.deserializeUser((id, done) => done(null, users.get(id) ?? false))

// Passport puts what serializeUser gave into `passport.user` of the session.
const store = MongoStore.create({ mongoUrl: MONGO_URL, index: { userId: 'passport.user' } })

const app = express()
app.use(
  session({
    secret: SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    store,
    cookie: { sameSite: 'lax', secure: 'auto', maxAge: 7 * 24 * 60 * 60 * 1000 },
  })
)
app.use(passport.session())
app.use(express.json())

app.get('/', (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1
  res.json({ user: req.user?.name, views: req.session.views })
})

app.post('/login', passport.authenticate('local'), (req, res) => {
  res.json({ user: req.user.name })
})

app.post('/logout', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.json({})))
})

app.post('/logout-everywhere', async (req, res) => {
  if (!req.user) return res.sendStatus(401)
  res.json({ ended: await store.destroyAll({ userId: req.user.id }) })
})

const server = app.listen(Number(PORT), () => console.log(`http://localhost:${PORT}`))
process.once('SIGTERM', () => server.close(() => store.close()))
