const MongoStore = require('connect-mongo-native')

const { MONGO_URL = 'mongodb://localhost/my-app' } = process.env

/** One for the server and for what Next has bundled of this file. */
exports.openStore = () => {
  globalThis.sessionStore ??= MongoStore.create({ mongoUrl: MONGO_URL })
  return globalThis.sessionStore
}
