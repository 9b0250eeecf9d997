// GraphQL on Express, with Apollo Server: counts your visits, logs you in and out.
// SESSION_SECRET=… MONGO_URL=mongodb://… npm start
'use strict'

const { createServer } = require('node:http')
const { promisify } = require('node:util')
const { ApolloServer } = require('@apollo/server')
const { ApolloServerPluginDrainHttpServer } = require('@apollo/server/plugin/drainHttpServer')
const { expressMiddleware } = require('@as-integrations/express5')
const MongoStore = require('connect-mongo-native')
const express = require('express')
const session = require('express-session')

const { MONGO_URL = 'mongodb://localhost/my-app', PORT = '3000', SESSION_SECRET } = process.env
if (!SESSION_SECRET) throw new Error('Set SESSION_SECRET')

const typeDefs = `#graphql
  type Session {
    user: String
    views: Int!
  }
  type Query {
    session: Session!
  }
  type Mutation {
    count: Session!
    logIn(user: String!): Session!
    logOut: Boolean!
  }
`

const sessionOf = ({ session }) => ({ user: session.user, views: session.views ?? 0 })

const resolvers = {
  Query: {
    session: (_parent, _args, { req }) => sessionOf(req),
  },
  Mutation: {
    count: (_parent, _args, { req }) => {
      req.session.views = (req.session.views ?? 0) + 1
      return sessionOf(req)
    },
    logIn: async (_parent, { user }, { req }) => {
      // A new id at log-in: one that somebody planted in this browser beforehand must not become a logged-in one.
      await promisify(req.session.regenerate).call(req.session)
      req.session.user = user
      return sessionOf(req)
    },
    logOut: async (_parent, _args, { req }) => {
      await promisify(req.session.destroy).call(req.session)
      return true
    },
  },
}

async function main() {
  const app = express()
  const server = createServer(app)
  const store = MongoStore.create({ mongoUrl: MONGO_URL })
  const plugins = [ApolloServerPluginDrainHttpServer({ httpServer: server })]
  // Else Apollo ends the process by itself, before the store is closed.
  const apollo = new ApolloServer({ typeDefs, resolvers, plugins, stopOnTerminationSignals: false })
  await apollo.start()

  const sessions = session({
    secret: SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    store,
    cookie: { sameSite: 'lax', secure: 'auto', maxAge: 7 * 24 * 60 * 60 * 1000 },
  })
  const context = async ({ req }) => ({ req })
  app.use('/graphql', sessions, express.json(), expressMiddleware(apollo, { context }))

  server.listen(Number(PORT), () => console.log(`http://localhost:${PORT}/graphql`))
  process.once('SIGTERM', async () => {
    await apollo.stop()
    await store.close()
  })
}

main()
