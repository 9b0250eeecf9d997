// Clients of every version of the driver that the package is tried with, and of mongoose.
import MongoStore from 'connect-mongo-native'
import { MongoClient } from 'mongodb'
import { MongoClient as MongoClient5 } from 'mongodb-5'
import { MongoClient as MongoClient6 } from 'mongodb-6'
import mongoose from 'mongoose'

const url = 'mongodb://localhost/app'

export const stores = [
  MongoStore.create({ client: new MongoClient(url) }),
  MongoStore.create({ client: new MongoClient5(url), closeClient: false }),
  MongoStore.create({ client: new MongoClient6(url) }),
  MongoStore.create({ clientPromise: MongoClient.connect(url), dbName: 'app' }),
  MongoStore.create({ clientPromise: MongoClient6.connect(url) }),
  MongoStore.create({ client: mongoose }),
  MongoStore.create({ client: mongoose.connection, closeClient: true }),
  MongoStore.create({ clientPromise: mongoose.createConnection(url).asPromise() }),
]

export async function count(store: MongoStore): Promise<number> {
  await store.ping()
  const sessions = await store.collectionP
  return sessions.countDocuments()
}
