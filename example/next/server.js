// Next.js behind a server of its own, for the sessions of express-session: counts your visits, logs you in and out.
// npm run build && SESSION_SECRET=… MONGO_URL=mongodb://… NODE_ENV=production npm start
const express = require('express')
const session = require('express-session')
const next = require('next')
const { openStore } = require('./lib/store')

const { NODE_ENV, PORT = '3000', SESSION_SECRET } = process.env
if (!SESSION_SECRET) throw new Error('Set SESSION_SECRET')

async function main() {
  const app = next({ dev: NODE_ENV !== 'production', port: Number(PORT) })
  await app.prepare()
  const store = openStore()
  const server = express()
  server.use(
    session({
      secret: SESSION_SECRET,
      resave: false,
      saveUninitialized: false,
      store,
      cookie: { sameSite: 'lax', secure: 'auto', maxAge: 7 * 24 * 60 * 60 * 1000 },
    })
  )
  const handle = app.getRequestHandler()
  server.use((req, res) => handle(req, res))

  const listening = server.listen(Number(PORT), () => console.log(`http://localhost:${PORT}`))
  process.once('SIGTERM', () => {
    listening.close(async () => {
      await app.close()
      await store.close()
    })
  })
}

main()
