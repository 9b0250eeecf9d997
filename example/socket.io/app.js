// Socket.IO with the session of Express: pages and sockets of one browser count into one session, each under its own name. A socket has
// the session of when it was opened, so that all of them save at once: `concurrency: 'merge'` keeps what each has counted.
// SESSION_SECRET=… MONGO_URL=mongodb://… npm start
'use strict'

const { createServer } = require('node:http')
const { promisify } = require('node:util')
const MongoStore = require('connect-mongo-native')
const express = require('express')
const session = require('express-session')
const { Server } = require('socket.io')

const { MONGO_URL = 'mongodb://localhost/my-app', PORT = '3000', SESSION_SECRET } = process.env
if (!SESSION_SECRET) throw new Error('Set SESSION_SECRET')

const app = express()
const server = createServer(app)
const io = new Server(server)
const store = MongoStore.create({ mongoUrl: MONGO_URL, concurrency: 'merge' })

const sessions = session({
  secret: SESSION_SECRET,
  resave: false,
  saveUninitialized: false,
  store,
  cookie: { sameSite: 'lax', secure: 'auto', maxAge: 7 * 24 * 60 * 60 * 1000 },
})
app.use(sessions)
io.engine.use(sessions)

function count(session, name) {
  session.counts = { ...session.counts, [name]: (session.counts?.[name] ?? 0) + 1 }
}

/** How much all pages and sockets have counted, as far as this session knows. */
function total({ counts }) {
  return Object.values(counts).reduce((sum, one) => sum + one)
}

app.get('/', (req, res) => {
  count(req.session, 'pages')
  res.json({ total: total(req.session) })
})

app.post('/logout', (req, res, next) => {
  const { sessionID } = req
  req.session.destroy((error) => {
    if (error) return next(error)
    io.in(sessionID).disconnectSockets()
    res.json({})
  })
})

io.on('connection', (socket) => {
  const req = socket.request
  // So that a log-out finds the sockets of its session.
  socket.join(req.sessionID)

  socket.on('count', async (name, reply) => {
    count(req.session, name)
    await promisify(req.session.save).call(req.session)
    await promisify(req.session.reload).call(req.session)
    reply(total(req.session))
  })
})

server.listen(Number(PORT), () => console.log(`http://localhost:${PORT}`))
process.once('SIGTERM', async () => {
  await io.close()
  await store.close()
})
